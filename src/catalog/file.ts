/**
 * The catalogue file (`--catalog FILE`): accounts, credentials, products, agreements, tokens, entitlements and switches
 * as one document, in YAML or JSON. docs/catalog.md is its reference.
 */
import { readFile } from "node:fs/promises";
import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  stringify,
  visit,
} from "yaml";
import { settingsSchema } from "../api/settings.ts";
import { crossProblems } from "./check.ts";
import type { CatalogPath, CatalogProblem } from "./problems.ts";
import { CatalogFileError, problemsOf, typeMessage } from "./problems.ts";
import type { CatalogDocument } from "./schema.ts";
import { documentSchema } from "./schema.ts";

export { catalogChange } from "./build.ts";
export { exportCatalog } from "./export.ts";
export { CatalogFileError, type CatalogProblem } from "./problems.ts";
export type { CatalogDocument } from "./schema.ts";

/** Reads and parses a catalogue file. Throws CatalogFileError, also where the file cannot be read. */
export async function readCatalog(file: string): Promise<CatalogDocument> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    const reason = error instanceof Error && "code" in error ? String(error.code) : String(error);
    const message = reason === "ENOENT" ? "there is no such file" : `the file cannot be read (${reason})`;
    throw new CatalogFileError(file, [{ path: [], message }]);
  }
  return parseCatalog(text, file);
}

/**
 * Parses YAML or JSON (which is YAML) and checks it. Throws CatalogFileError, whose message lists every problem with file,
 * line, column and path: `catalog.yaml:12:9 products[1].type: …`. References are checked once every form is right.
 */
export function parseCatalog(text: string, source: string): CatalogDocument {
  const lines = new LineCounter();
  // Pretty errors quote the source, and with it maybe a secret.
  const yaml = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const located = (offset: number, message: string, path: CatalogPath = []): CatalogProblem => {
    const { line, col } = lines.linePos(offset);
    return { path, message, line, column: col };
  };
  const faults = [...yaml.errors, ...yaml.warnings].map((fault) => located(fault.pos[0], fault.message));
  visit(yaml, {
    Alias(_, alias) {
      if (!alias.resolve(yaml))
        faults.push(located(alias.range?.[0] ?? 0, `there is no anchor &${alias.source} before it`));
    },
  });
  if (faults.length > 0) throw new CatalogFileError(source, faults);
  keepDigits(yaml);
  const { document, problems } = inspect(toValue(yaml, source));
  if (!document) {
    throw new CatalogFileError(
      source,
      problems.map(({ path, message }) => located(offsetOf(yaml, path), message, path)),
    );
  }
  return document;
}

/** The same check for a document in memory; problems carry their path only. */
export function checkCatalog(document: unknown, source: string): CatalogDocument {
  const result = inspect(document);
  if (!result.document) throw new CatalogFileError(source, result.problems);
  return result.document;
}

/** A document as text, as `meterhouse catalog export` prints it. */
export function catalogText(document: CatalogDocument, format: "yaml" | "json"): string {
  // Lines are not folded: a PEM or a URL cut in two is hard to copy.
  return format === "json" ? `${JSON.stringify(document, null, 2)}\n` : stringify(document, { lineWidth: 0 });
}

function inspect(input: unknown): {
  readonly document?: CatalogDocument;
  readonly problems: readonly CatalogProblem[];
} {
  const parsed = documentSchema.safeParse(withoutEmptySections(input), { error: typeMessage });
  const problems = parsed.success ? [] : problemsOf(parsed.error.issues);
  const settings = sectionOf(input, "settings");
  if (typeof settings === "object" && settings !== null && !Array.isArray(settings)) {
    const switches = settingsSchema.safeParse(settings, { error: typeMessage });
    const known = Object.keys(settingsSchema.shape).join(", ");
    if (!switches.success) problems.push(...problemsOf(switches.error.issues, ["settings"], known));
  }
  if (!parsed.success || problems.length > 0) return { problems };
  const cross = crossProblems(parsed.data);
  return cross.length > 0 ? { problems: cross } : { document: parsed.data, problems: [] };
}

/** `products:` with nothing under it is null in YAML, and so is an empty file. */
function withoutEmptySections(input: unknown): unknown {
  if (typeof input !== "object" || input === null || Array.isArray(input)) return input;
  return Object.fromEntries(Object.entries(input).filter(([, section]) => section !== null && section !== undefined));
}

function sectionOf(input: unknown, section: string): unknown {
  return typeof input === "object" && input !== null && section in input ? Reflect.get(input, section) : undefined;
}

/** Members whose digits are text: unquoted, YAML makes numbers of them and drops leading and trailing zeros. */
const DIGIT_MEMBERS = new Set(["id", "account", "seller", "buyer", "code", "product", "price"]);

function keepDigits(yaml: Document): void {
  visit(yaml, {
    Pair(_, { key, value }) {
      if (!isScalar(key) || !DIGIT_MEMBERS.has(String(key.value)) || !isScalar(value)) return;
      if (typeof value.value === "number" && value.source !== undefined) value.value = value.source;
    },
  });
}

function toValue(yaml: Document, source: string): unknown {
  try {
    return yaml.toJS() ?? {};
  } catch (error) {
    // An alias bomb: the library counts what aliases unfold to.
    throw new CatalogFileError(source, [{ path: [], message: error instanceof Error ? error.message : String(error) }]);
  }
}

/** Where the value at a path stands; of a member that is missing the mapping it should be in, of an unknown key the key. */
function offsetOf(yaml: Document, path: CatalogPath): number {
  let node: unknown = yaml.contents;
  let offset = startOf(node) ?? 0;
  for (const step of path) {
    if (isAlias(node)) node = node.resolve(yaml);
    let next: unknown;
    if (isMap(node)) {
      const pair = node.items.find(
        (item) => isPair(item) && isScalar(item.key) && String(item.key.value) === String(step),
      );
      if (!pair) return offset;
      offset = startOf(pair.key) ?? offset;
      next = pair.value;
    } else if (isSeq(node) && typeof step === "number") {
      next = node.items[step];
      offset = startOf(next) ?? offset;
    }
    if (next === undefined) return offset;
    node = next;
  }
  return offset;
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined;
}
