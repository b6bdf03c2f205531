/** Which file may import which, with reasons. */
import { type Import, importsOf, type Sources, withoutComments } from "./sources.ts";

interface Layer {
  readonly name: string;
  /** Paths under src. */
  readonly files: RegExp;
  /** What of src it may import; undefined = anything that no door below closes. */
  readonly mayImport: RegExp | undefined;
  /** Packages and Node's modules it may use; undefined = any. */
  readonly mayUse?: RegExp;
  readonly why: string;
}

const ports = "store/[^/]+\\.ts";

/** The lower layers say what they may import; everything above them may import what it needs. First match wins. */
export const layers: readonly Layer[] = [
  {
    name: "api",
    files: /^api\//,
    mayImport: /^api\//,
    mayUse: /^(?:zod|node:crypto)$/,
    why: "the wire contract is data that everything else rests on",
  },
  {
    name: "rules",
    files: /^rules\//,
    mayImport: /^(?:api|rules)\//,
    mayUse: /^$/,
    why: "a rule is a function of its facts: no store to wait for, no clock, no randomness, nothing of Node",
  },
  {
    name: "the embedded store",
    files: /^store\/(?:migrations\/)?sqlite\//,
    mayImport: new RegExp(`^(?:api/|${ports}|store/(?:migrations/)?sqlite/)`),
    why: "an engine keeps rows; what they mean is for the rules",
  },
  {
    name: "the PostgreSQL store",
    files: /^store\/(?:migrations\/)?postgres\//,
    mayImport: new RegExp(`^(?:api/|${ports}|store/(?:migrations/)?postgres/)`),
    why: "an engine keeps rows; what they mean is for the rules",
  },
  {
    name: "store ports",
    files: /^store\/[^/]+\.ts$/,
    mayImport: new RegExp(`^(?:api/|${ports})`),
    why: "ports know no engine, or every caller of a port would load all engines",
  },
  {
    name: "operations",
    files: /^operations\//,
    mayImport: new RegExp(`^(?:api/|rules/|operations/|${ports})`),
    why: "an operation works over any store and any protocol: facts in, decision, claim",
  },
  {
    name: "protocol",
    files: /^protocol\//,
    mayImport: new RegExp(`^(?:api/|rules/|operations/|protocol/|${ports}|clock\\.ts$|faults\\.ts$)`),
    why: "the ladder knows bytes, signatures and operations; who listens and which engine runs is decided above it",
  },
  {
    name: "catalog",
    files: /^catalog\//,
    mayImport: new RegExp(`^(?:api/|rules/|catalog/|${ports})`),
    why: "a document becomes rows, and rows a document; nothing that runs takes part",
  },
  {
    name: "the doctor's checks",
    files: /^doctor\/(?:checks\/|checklist(?:\/|\.ts$)|observed\.ts$)/,
    mayImport: /^(?:api\/|rules\/|doctor\/(?:checks\/|checklist(?:\/|\.ts$)|observed\.ts$))/,
    mayUse: /^$/,
    why: "a check sees observed calls and nothing else, so that this server's trail and AWS's files give one report",
  },
  {
    name: "the doctor",
    files: /^doctor\//,
    mayImport: new RegExp(`^(?:api/|rules/|operations/cloudTrail\\.ts$|doctor/|${ports})`),
    why: "it reads a trail, of whichever store or file, and says what it found; who asks and how it is shown is above it",
  },
  {
    name: "reports",
    files: /^reports\//,
    mayImport: new RegExp(`^(?:api/|rules/|reports/|catalog/(?:rows|times)\\.ts$|version\\.ts$|${ports})`),
    why: "a report is made of rows and settings that it is given; the control plane and the command line hand it on",
  },
];

interface Door {
  readonly name: string;
  readonly files: RegExp;
  /** Who may import them, besides themselves. */
  readonly openTo: RegExp;
  readonly why: string;
}

export const doors: readonly Door[] = [
  {
    name: "the command line",
    files: /^(?:main|commandLine)\.ts$/,
    openTo: /^main\.ts$/,
    why: "importing it would run it",
  },
  {
    name: "serve",
    files: /^serve\.ts$/,
    openTo: /^commandLine\.ts$/,
    why: "it owns the process: signals, exit codes, the ready line",
  },
  {
    name: "the composition",
    files: /^(?:service|server|router|index|banner)\.ts$/,
    openTo: /^[^/]+$/,
    why: "a part that reaches for the whole cannot be tested, or used, by itself",
  },
  {
    name: "the engines",
    files: /^store\/(?:migrations\/)?(?:sqlite|postgres)\//,
    openTo: /^(?:openStore\.ts$|store\/(?:migrations\/)?(?:sqlite|postgres)\/)/,
    why: "one place puts the parts together; everyone else takes a Store",
  },
];

/** What would make the same facts decide differently another time (in `rules`, comments aside). */
const impure =
  /\bDate\.now\b|\bnew Date\(\)|\bMath\.random\b|\bperformance\b|\bprocess\b|\bcrypto\b|\bglobalThis\b|\bfetch\(|\bset(?:Timeout|Interval|Immediate)\b|\bawait\b|\basync\b/;

/** One line an offence; empty = all is well. */
export function importOffences(sources: Sources): readonly string[] {
  return [...sources].flatMap(([file, text]) => {
    const imports = importsOf(file, text);
    return [...imports.flatMap((one) => offencesOf(file, one, sources)), ...impurities(file, text)];
  });
}

function offencesOf(file: string, { specifier, target }: Import, sources: Sources): readonly string[] {
  const offences: string[] = [];
  const layer = layers.find((one) => one.files.test(file));
  if (target === undefined) {
    if (layer?.mayUse !== undefined && !layer.mayUse.test(specifier)) {
      offences.push(`${file} uses ${specifier}: ${layer.why}`);
    }
    return offences;
  }
  // Styles and the like are no business of ours.
  if (!sources.has(target) && /\.[cm]?tsx?$/.test(target))
    offences.push(`${file} imports ${specifier}, which is no file of src`);
  if (layer?.mayImport !== undefined && !layer.mayImport.test(target)) {
    offences.push(`${file} imports ${target}: ${layer.why}`);
  }
  for (const door of doors) {
    if (!door.files.test(target) || door.files.test(file) || door.openTo.test(file)) continue;
    offences.push(`${file} imports ${target}: ${door.why}`);
  }
  return offences;
}

function impurities(file: string, text: string): readonly string[] {
  if (!file.startsWith("rules/")) return [];
  const lines = withoutComments(text).split("\n");
  return lines.flatMap((line) => {
    const found = impure.exec(line)?.[0];
    return found === undefined ? [] : [`${file} has ${found}: a rule is a function of its facts`];
  });
}

/** Import circles, each once, from its first file in the alphabet. Types count: who needs them cannot be read alone. */
export function importCircles(sources: Sources): readonly string[] {
  const circles = new Set<string>();
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    const start = path.indexOf(file);
    if (start >= 0) {
      const circle = path.slice(start);
      const first = circle.indexOf(circle.toSorted()[0] ?? "");
      const turned = [...circle.slice(first), ...circle.slice(0, first)];
      circles.add([...turned, turned[0]].join(" → "));
      return;
    }
    if (done.has(file)) return;
    for (const { target } of importsOf(file, sources.get(file) ?? "")) {
      if (target !== undefined && sources.has(target)) visit(target, [...path, file]);
    }
    done.add(file);
  };
  for (const file of sources.keys()) visit(file, []);
  return [...circles];
}
