/** What is wrong with a catalogue document, and where. */
import type { z } from "zod";

export type CatalogPath = readonly (string | number)[];

export interface CatalogProblem {
  readonly path: CatalogPath;
  readonly message: string;
  /** 1-based, where the document came as text. */
  readonly line?: number;
  readonly column?: number;
}

export class CatalogFileError extends Error {
  override readonly name = "CatalogFileError";
  readonly source: string;
  readonly problems: readonly CatalogProblem[];

  constructor(source: string, problems: readonly CatalogProblem[]) {
    super(problems.map((problem) => problemLine(source, problem)).join("\n"));
    this.source = source;
    this.problems = problems;
  }
}

/** `catalog.yaml:12:9 products[1].type: …` */
function problemLine(source: string, problem: CatalogProblem): string {
  const place = problem.line === undefined ? source : `${source}:${problem.line}:${problem.column ?? 1}`;
  const path = pathText(problem.path);
  return `${place}${path === "" ? "" : ` ${path}`}: ${problem.message}`;
}

export function pathText(path: CatalogPath): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else if (!/^[A-Za-z_]\w*$/.test(step)) text += `[${JSON.stringify(step)}]`;
    else text += text === "" ? step : `.${step}`;
  }
  return text;
}

/** A value for a message; never call it with a secret. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}

type Issue = z.core.$ZodIssue;

/**
 * Zod's issues as problems: one for each unknown key, and of a union the branch that the writer most likely meant. `known`:
 * the keys of the outermost mapping, for a schema whose own messages do not tell them.
 */
export function problemsOf(issues: readonly Issue[], prefix: CatalogPath = [], known?: string): CatalogProblem[] {
  return issues.flatMap((issue): CatalogProblem[] => {
    const path = [...prefix, ...issue.path.map((step) => (typeof step === "symbol" ? String(step) : step))];
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => ({ path: [...path, key], message: unknownKey(issue, known) }));
    }
    if (issue.code === "invalid_union") {
      const branch = likelyBranch(issue.errors);
      if (branch) return problemsOf(branch, path);
    }
    return [{ path, message: issue.message }];
  });
}

function unknownKey(issue: Issue, known: string | undefined): string {
  if (known !== undefined && issue.path.length === 0) return `unknown key; the keys here are ${known}`;
  return issue.message.startsWith("Unrecognized key") ? "unknown key" : `unknown key; ${issue.message}`;
}

/** The branch whose outer type fits, with the fewest issues. */
function likelyBranch(branches: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  const fitting = branches.filter(
    (issues) => !issues.some((issue) => issue.path.length === 0 && isOuterMismatch(issue)),
  );
  return fitting.toSorted((a, b) => a.length - b.length)[0];
}

function isOuterMismatch(issue: Issue): boolean {
  return issue.code === "invalid_type" || issue.code === "invalid_value";
}

/** Message for the faults that any member can have. It names types only: the member may be a secret. */
export function typeMessage(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code !== "invalid_type") return undefined;
  const expected = typeName(String(issue.expected));
  if (issue.input === undefined) return `missing; expected ${expected}`;
  const hint = issue.expected === "string" && typeof issue.input === "number" ? "; write it in quotes" : "";
  return `expected ${expected}, got ${inputType(issue.input)}${hint}`;
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "a mapping",
};

function typeName(expected: string): string {
  return TYPE_NAMES[expected] ?? expected;
}

function inputType(input: unknown): string {
  if (input === null) return "nothing (null)";
  if (Array.isArray(input)) return "a list";
  if (typeof input === "number" && !Number.isInteger(input)) return "a fraction";
  return TYPE_NAMES[typeof input] ?? typeof input;
}
