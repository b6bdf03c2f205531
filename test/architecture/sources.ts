/** Source files as text, and what can be read off them without a compiler. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Path under `src`, with `/` → text. */
export type Sources = ReadonlyMap<string, string>;

export function readSources(folder: string): Sources {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  const files = names.map((name) => name.replaceAll("\\", "/")).filter((name) => /\.(?:ts|tsx|mts)$/.test(name));
  return new Map(files.toSorted().map((name) => [name, readFileSync(join(folder, name), "utf8")]));
}

export interface Import {
  /** As written: `../api/types.ts`, `node:fs`, `hono`. */
  readonly specifier: string;
  /** Path under `src` for relative imports. */
  readonly target: string | undefined;
}

/** Every form, types too: what a file names it depends on. The formatter keeps statements at the start of a line. */
const importForms = [
  /^(?:import|export)\b[^"';]*?\bfrom "([^"]+)"/gm,
  /^import "([^"]+)"/gm,
  /\b(?:import|require|createRequire)\(\s*["'`]([^"'`]+)["'`]/g,
];

export function importsOf(file: string, text: string): readonly Import[] {
  const code = withoutComments(text);
  return importForms.flatMap((form) =>
    [...code.matchAll(form)].map(([, specifier = ""]) => ({ specifier, target: resolve(file, specifier) })),
  );
}

function resolve(file: string, specifier: string): string | undefined {
  if (!specifier.startsWith(".")) return undefined;
  // A base of its own, so that a path out of src is seen as one instead of being cut off.
  const path = new URL(specifier, `file:///out/of/src/${file}`).pathname;
  return path.startsWith("/out/of/src/") ? path.slice("/out/of/src/".length) : path;
}

/** Comments that fill whole lines, and the ends of lines; text in strings that looks like one is left alone. */
export function withoutComments(text: string): string {
  return text.replaceAll(/^\s*\/\*[\s\S]*?\*\/\s*$/gm, "").replaceAll(/(^|[\s;{},])\/\/ .*$/gm, "$1");
}

export interface FunctionSize {
  /** The line that it starts on, shortened. */
  readonly name: string;
  readonly line: number;
  /** Head to closing brace, without those of the functions inside, which count for themselves. */
  readonly lines: number;
}

const functionHead =
  /^(?:export )?(?:async )?function\b|=>\s*\{$|^(?:(?:static|override|async|get|set) |\*)*#?[\w$]+(?:<.*>)?\(.*\)(?:: .+)? \{$|^(?:export )?const [\w$]+ = (?:async )?(?:<.*>)?\($/;
const noFunction = /^(?:(?:if|for|while|switch|catch|with|else|do|try)\b|[)}])/;

/**
 * The functions of a file. It goes by the indentation that the formatter keeps: TypeScript's own JavaScript interface is
 * marked unstable, and starts a process. A function that only holds others reads like a class, so it is measured like
 * one: by what is its own.
 */
export function functionsOf(text: string): readonly FunctionSize[] {
  const lines = text.split("\n");
  const found = lines.flatMap((full, start) => {
    const line = full.trimStart();
    if (!functionHead.test(line) || noFunction.test(line)) return [];
    const end = endOf(lines, start, full.length - line.length);
    return end === undefined ? [] : [{ name: line.slice(0, 60), start, end }];
  });
  return found.map(({ name, start, end }) => {
    let own = 0;
    for (let index = start; index <= end; index += 1) {
      if (!found.some((other) => other.start > start && other.start <= index && index <= other.end)) own += 1;
    }
    return { name, line: start + 1, lines: own };
  });
}

/** The line that closes what starts at `start`: the first at its depth with a closing brace that opens nothing anew. */
function endOf(lines: readonly string[], start: number, indent: number): number | undefined {
  for (let index = start + 1; index < lines.length; index += 1) {
    const line = lines[index] ?? "";
    const text = line.trimStart();
    if (text === "" || line.length - text.length > indent) continue;
    if (line.length - text.length < indent) return undefined;
    if (text.startsWith("}") && !text.endsWith("{")) return index;
    // `): Type {` goes on with the body; anything else at this depth is another statement: it was no function.
    if (!/^[)}].*\{$/.test(text)) return undefined;
  }
  return undefined;
}
