/** Reads the wire model out of an unpacked package of the AWS SDK for JavaScript, without installing what it needs. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Contract, SdkModel } from "./compareSchemas.ts";

export interface Sdk extends SdkModel {
  readonly name: string;
  readonly version: string;
}

/** Throws with a sentence that says what is missing when the package is built differently. */
export async function readSdk(folder: string): Promise<Sdk> {
  const { name, version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Record<string, string>;
  const label = `${name} ${version}`;
  const scratch = mkdtempSync(join(tmpdir(), "meterhouse-sdk-"));
  try {
    const schemas = namesIn(join(folder, "dist-es", "schemas"), /^schemas_\d+\.js$/);
    if (schemas.length === 0) throw new Error(`${label} has no dist-es/schemas/schemas_0.js; its build has changed.`);
    const exports = await Promise.all([
      ...schemas.map((file) => load(join(folder, "dist-es", "schemas", file), scratch, label)),
      load(join(folder, "dist-es", "models", "enums.js"), scratch, label),
    ]);
    return {
      name: name ?? "",
      version: version ?? "",
      exports: Object.assign({}, ...exports) as Record<string, unknown>,
      throws: readThrows(join(folder, "dist-types", "commands")),
      protocol: readProtocol(readFileSync(join(folder, "dist-es", "runtimeConfig.shared.js"), "utf8")),
    };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function namesIn(folder: string, form: RegExp): readonly string[] {
  try {
    return readdirSync(folder).filter((file) => form.test(file));
  } catch {
    return [];
  }
}

/**
 * Stands for everything that the schemas import: registries that they enter themselves in, classes of errors. It is
 * callable, can be constructed, and has every member, so that no version of what they import has to be there.
 */
const stand = `const stand = new Proxy(function () {}, {
  get: (_, name) => (name === "then" || typeof name === "symbol" ? undefined : stand),
  apply: () => stand,
  construct: () => stand,
});
`;

/** The exports of one of the package's modules. They are written for bundlers, which find files without extensions. */
async function load(file: string, scratch: string, label: string): Promise<Record<string, unknown>> {
  const [base = "", folder = ""] = file.split(/[\\/]/).toReversed();
  const text = readFileSync(file, "utf8")
    .replaceAll(/^(import\b[^;]*?from\s*["'])(\.\/schemas_\d+)(?:\.js)?(["'];?)/gm, "$1$2.mjs$3")
    .replaceAll(/^import\s*\{([^}]*)\}\s*from\s*["'](?!\.\/schemas_)[^"']*["'];?/gm, (_, names: string) =>
      standIns(names),
    );
  if (/^import\b(?![^;]*\.\/schemas_\d+\.mjs)/m.test(text)) {
    throw new Error(`${label}: ${folder}/${base} imports in a form that is not known here.`);
  }
  const copy = join(scratch, folder, base.replace(/\.js$/, ".mjs"));
  mkdirSync(join(scratch, folder), { recursive: true });
  writeFileSync(copy, stand + text);
  return (await import(pathToFileURL(copy).href)) as Record<string, unknown>;
}

/** `a, b as c` → `const a = stand, c = stand;` */
function standIns(names: string): string {
  const locals = names.split(",").flatMap(
    (one) =>
      one
        .trim()
        .split(/\s+as\s+/)
        .at(-1) || [],
  );
  return locals.length === 0 ? "" : `const ${locals.map((local) => `${local} = stand`).join(", ")};`;
}

const throwsLine = /@throws \{@link (\w+)\} \((?:client|server) fault\)/g;

/** By operation: the exceptions that the documents of its command list. */
function readThrows(folder: string): ReadonlyMap<string, ReadonlySet<string>> {
  return new Map(
    namesIn(folder, /^\w+Command\.d\.ts$/).map((file) => {
      const names = [...readFileSync(join(folder, file), "utf8").matchAll(throwsLine)].map(([, name = ""]) => name);
      return [file.replace("Command.d.ts", ""), new Set(names)];
    }),
  );
}

function readProtocol(config: string): Contract["protocol"] {
  const find = (form: RegExp): string => form.exec(config)?.[1] ?? "";
  return {
    protocol: find(/\bprotocol: config\?\.protocol \?\? (?:new )?(\w+)/),
    serviceTarget: find(/\bserviceTarget: "([^"]*)"/),
    version: find(/\bapiVersion: "([^"]*)"/),
  };
}
