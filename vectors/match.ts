/** What a case expects of a value: subset match, matchers, and paths into the answers of earlier calls. */
import { isDeepStrictEqual } from "node:util";
import { FormatError, isObject, type Json, type JsonObject, show } from "./values.ts";

/** One HTTP answer, as the expectations see it. */
export interface Answer {
  readonly status: number;
  /** By lower-case name; repeated headers joined by ", ". */
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  /** Absent when the body is empty or is not JSON. */
  readonly body?: Json;
  /** Why there is no `body` although bytes came. */
  readonly bodyProblem?: string;
  /** The JSON that was sent, macros expanded. */
  readonly request?: Json;
}

/** The answers that `previous[i]` counts, oldest first. */
export interface MatchContext {
  readonly previous: readonly Answer[];
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
// Lower case: SPEC W-32.
const UUID_4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** `Results[0].Id`, `Results.0.Id` and `previous[1].body` as steps. */
function pathSteps(path: string): readonly string[] {
  const steps = path.match(/[^.[\]]+|\[\d+\]/g) ?? [];
  const rebuilt = steps.map((step, index) => (index === 0 || step.startsWith("[") ? step : `.${step}`)).join("");
  if (steps.length === 0 || rebuilt !== path)
    throw new FormatError(`${show(path)} is not a path such as body.Results[0].Status`);
  return steps.map((step) => (step.startsWith("[") ? step.slice(1, -1) : step));
}

/** The value at a path, undefined when there is none. */
export function valueAt(root: unknown, path: string): unknown {
  return pathSteps(path).reduce<unknown>(step, root);
}

function step(value: unknown, name: string): unknown {
  if (Array.isArray(value)) return /^\d+$/.test(name) ? value[Number(name)] : undefined;
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

/** The value at `previous[i]…`: status, headers.<name> or body of an earlier call's answer. */
export function previousValue(path: string, context: MatchContext): unknown {
  const [root, index, ...rest] = pathSteps(path);
  const answer = root === "previous" && index !== undefined ? context.previous[Number(index)] : undefined;
  if (root !== "previous" || index === undefined || !/^\d+$/.test(index)) {
    throw new FormatError(`${show(path)} is not a path such as previous[0].body.NextToken`);
  }
  if (answer === undefined)
    throw new FormatError(`${show(path)}: only ${context.previous.length} calls were made before`);
  const [part, ...inner] = rest;
  if (part === "status" && inner.length === 0) return answer.status;
  if (part === "headers" && inner.length === 1) return answer.headers[String(inner[0]).toLowerCase()];
  if (part === "body") return inner.reduce<unknown>(step, answer.body);
  throw new FormatError(`${show(path)}: an answer has status, headers.<name> and body`);
}

/**
 * Compares by subset: objects by the named members, lists by exact length and order, everything else by equality.
 * Returns a text for each difference, each with the expected and the actual value.
 */
export function mismatches(actual: unknown, expected: Json, path: string, context: MatchContext): readonly string[] {
  if (isMatcher(expected, path)) {
    return Object.entries(expected).flatMap(([name, operand]) => {
      const problem = matcher(name, path)(actual, operand, context);
      return problem === undefined ? [] : [`${path}: ${problem}`];
    });
  }
  if (Array.isArray(expected)) return listMismatches(actual, expected, path, context);
  if (isObject(expected)) {
    if (!isObject(actual)) return [different(path, expected, actual)];
    return Object.entries(expected).flatMap(([key, value]) =>
      mismatches(Object.hasOwn(actual, key) ? actual[key] : undefined, value, `${path}.${key}`, context),
    );
  }
  return actual === expected ? [] : [different(path, expected, actual)];
}

function listMismatches(
  actual: unknown,
  expected: readonly Json[],
  path: string,
  context: MatchContext,
): readonly string[] {
  if (!Array.isArray(actual)) return [different(path, expected, actual)];
  const problems = expected.flatMap((item, index) => mismatches(actual[index], item, `${path}[${index}]`, context));
  // The whole lists, since an item too many shows at no position of the expected one.
  return actual.length === expected.length ? problems : [different(path, expected, actual)];
}

function different(path: string, expected: unknown, actual: unknown): string {
  return `${path}: expected ${show(expected)}, got ${show(actual)}`;
}

/** An object with a `$` name is a matcher through and through: a mixture is a slip of the file. */
function isMatcher(expected: Json, path: string): expected is JsonObject {
  if (!isObject(expected)) return false;
  const names = Object.keys(expected);
  if (!names.some((name) => name.startsWith("$"))) return false;
  for (const name of names) matcher(name, path);
  return true;
}

/**
 * Refuses unknown matchers and operands before anything is sent: an answer that differs early on would leave the rest
 * of the expectation unread.
 */
export function assertMatchers(expected: Json, path: string): void {
  if (Array.isArray(expected)) {
    expected.forEach((item, index) => {
      assertMatchers(item, `${path}[${index}]`);
    });
  } else if (isMatcher(expected, path)) {
    for (const [name, operand] of Object.entries(expected)) assertOperand(name, operand, path);
  } else if (isObject(expected)) {
    for (const [key, value] of Object.entries(expected)) assertMatchers(value, `${path}.${key}`);
  }
}

/** Answers what differs, or undefined. */
type Matcher = (actual: unknown, operand: Json, context: MatchContext) => string | undefined;

const MATCHERS: Readonly<Record<string, Matcher>> = {
  $absent: (actual) => (actual === undefined ? undefined : `expected no such member, got ${show(actual)}`),
  $any: (actual) => (actual !== undefined ? undefined : "expected any value, got nothing"),
  $uuid: (actual) => fits(UUID, actual, "a UUID"),
  $uuid4: (actual) => fits(UUID_4, actual, "a lower-case UUID v4"),
  $regex: (actual, operand) => fits(new RegExp(String(operand)), actual, `text that matches /${String(operand)}/`),
  $emptyOrAbsent: (actual) =>
    actual === undefined || (Array.isArray(actual) && actual.length === 0)
      ? undefined
      : `expected an empty list or nothing, got ${show(actual)}`,
  $same: (actual, operand, context) => {
    const earlier = earlierValue(operand, context);
    return isDeepStrictEqual(actual, earlier)
      ? undefined
      : `expected ${show(earlier)} as at ${operand}, got ${show(actual)}`;
  },
  $notSame: (actual, operand, context) => {
    const earlier = earlierValue(operand, context);
    if (actual === undefined) return `expected a value other than ${show(earlier)} at ${operand}, got nothing`;
    return isDeepStrictEqual(actual, earlier)
      ? `expected a value other than the one at ${operand}, got ${show(actual)}`
      : undefined;
  },
};

/** Two calls that both lack a value are not "the same": the case meant to compare something. */
function earlierValue(operand: Json, context: MatchContext): unknown {
  const value = previousValue(String(operand), context);
  if (value === undefined) throw new FormatError(`there is nothing at ${String(operand)} to compare with`);
  return value;
}

function fits(pattern: RegExp, actual: unknown, kind: string): string | undefined {
  return typeof actual === "string" && pattern.test(actual) ? undefined : `expected ${kind}, got ${show(actual)}`;
}

function matcher(name: string, path: string): Matcher {
  const found = Object.hasOwn(MATCHERS, name) ? MATCHERS[name] : undefined;
  if (found === undefined) {
    throw new FormatError(`${path}: unknown matcher ${show(name)} (known: ${Object.keys(MATCHERS).join(", ")})`);
  }
  return found;
}

const TEXT_OPERANDS = ["$regex", "$same", "$notSame"];

function assertOperand(name: string, operand: Json, path: string): void {
  if (!TEXT_OPERANDS.includes(name)) {
    if (operand !== true) throw new FormatError(`${path}: ${name} takes true, not ${show(operand)}`);
    return;
  }
  if (typeof operand !== "string") throw new FormatError(`${path}: ${name} takes text, not ${show(operand)}`);
  if (name !== "$regex") return;
  try {
    new RegExp(operand);
  } catch (error) {
    throw new FormatError(`${path}: $regex: ${error instanceof Error ? error.message : String(error)}`);
  }
}
