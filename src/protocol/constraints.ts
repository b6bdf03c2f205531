/**
 * Reads a parsed JSON body against the table of shapes. A sound body, which nearly all are, is found so in one quick pass
 * and used as it is. Any other takes two, because AWS reports a wrong type before any constraint: the first answers
 * SerializationException on the first wrong type (W-56), the second collects every violation into one
 * ValidationException (W-58).
 */
import { ServiceError } from "../api/errors.ts";
import { inputShapeOf, type Shape, type StructureShape } from "../api/shapes.ts";
import type { OperationName, Revision } from "../api/types.ts";

type Reader = (value: unknown, path: string, lenientNumbers: boolean) => unknown;
type Checker = (value: unknown, path: string, violations: Violations) => void;
interface CompiledShape {
  /**
   * Whether `read` would give back the value as it is and `check` find nothing. It may say no to a value that is as good:
   * the two passes then judge.
   */
  readonly isSound: (value: unknown) => boolean;
  readonly read: Reader;
  readonly check: Checker;
}

/** How many violations one message spells out; the count in front stays the true one. */
const violationsShownMax = 10;

class Violations {
  count = 0;
  readonly texts: string[] = [];
  add(value: unknown, path: string, constraint: string): void {
    this.count += 1;
    if (this.texts.length < violationsShownMax) {
      this.texts.push(`${shown(value)} at '${path}' failed to satisfy constraint: Member must ${constraint}`);
    }
  }
}

const shownMaxLength = 256;

function shown(value: unknown): string {
  if (value === undefined || value === null) return "Value null";
  const text = textOf(value);
  return `Value '${text.length > shownMaxLength ? `${text.slice(0, shownMaxLength)}…` : text}'`;
}

function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  // JSON.parse reads 1e400 as Infinity, which JSON.stringify writes as null.
  if (typeof value === "number") return Number.isFinite(value) ? String(value) : "a number beyond 1.8e308";
  try {
    return JSON.stringify(value);
  } catch {
    return "a value nested too deep to show"; // RangeError, in engines that write JSON recursively
  }
}

/** What Jackson, which parses on AWS's side, calls the token it met (W-56). */
function tokenName(value: unknown): string {
  switch (typeof value) {
    case "string":
      return "STRING_VALUE";
    case "number":
      return Number.isInteger(value) ? "NUMBER_VALUE" : "DECIMAL_VALUE";
    default:
      return value === true ? "TRUE_VALUE" : "FALSE_VALUE";
  }
}

function wrongType(value: unknown, path: string, wanted: string, send: string): ServiceError {
  const got = shown(value).slice("Value ".length);
  const help = ` (${path || "the body"}: got ${got}; send ${send})`;
  if (Array.isArray(value)) {
    return new ServiceError("SerializationException", `Unrecognized collection type class java.lang.${wanted}${help}`);
  }
  if (typeof value === "object") {
    return new ServiceError("SerializationException", `Start of structure or map found where not expected${help}`);
  }
  return new ServiceError("SerializationException", `${tokenName(value)} cannot be converted to ${wanted}${help}`);
}

function compileScalar(shape: Shape): CompiledShape {
  switch (shape.type) {
    case "string":
      return compileString(shape.min, shape.max, shape.pattern);
    case "integer":
      return compileInteger(shape.min, shape.max);
    case "boolean":
      return {
        isSound: (value) => typeof value === "boolean",
        read: (value, path) => {
          if (typeof value !== "boolean") throw wrongType(value, path, "Boolean", "true or false");
          return value;
        },
        check: () => {},
      };
    default:
      return {
        isSound: Number.isFinite,
        // W-13, W-14: a JSON number of epoch seconds, with or without a fraction; never text.
        read: (value, path) => {
          if (typeof value !== "number" || !Number.isFinite(value)) {
            throw wrongType(value, path, "Timestamp", "epoch seconds as a JSON number, such as 1786785300");
          }
          return value;
        },
        check: () => {},
      };
  }
}

/** Patterns that any text matches that is long enough. */
const anyTextPatterns: ReadonlySet<string> = new Set([/^[\s\S]*$/.source, /^[\s\S]+$/.source]);

function compileString(min: number | undefined, max: number | undefined, pattern: RegExp | undefined): CompiledShape {
  const isAnyText = pattern === undefined || anyTextPatterns.has(pattern.source);
  const shortest = Math.max(min ?? 0, isAnyText && pattern?.source.endsWith("+$") ? 1 : 0);
  const longest = max ?? Number.POSITIVE_INFINITY;
  return {
    isSound: (value) =>
      typeof value === "string" &&
      value.length >= shortest &&
      value.length <= longest &&
      (isAnyText || pattern.test(value)),
    read: (value, path) => {
      if (typeof value !== "string") throw wrongType(value, path, "String", "a JSON string");
      return value;
    },
    check: (value, path, violations) => {
      const text = value as string;
      if (max !== undefined && text.length > max) {
        violations.add(text, path, `have length less than or equal to ${max}`);
      }
      if (min !== undefined && text.length < min) {
        violations.add(text, path, `have length greater than or equal to ${min}`);
      } else if (pattern !== undefined && !pattern.test(text)) {
        violations.add(text, path, `satisfy regular expression pattern: ${pattern.source}`);
      }
    },
  };
}

const integerMax = 2_147_483_647;

function compileInteger(min: number | undefined, max: number | undefined): CompiledShape {
  const least = min ?? -integerMax;
  const most = max ?? integerMax;
  return {
    isSound: (value) => Number.isInteger(value) && (value as number) >= least && (value as number) <= most,
    read: (value, path, lenientNumbers) => {
      if (typeof value !== "number" || !Number.isFinite(value)) {
        throw wrongType(value, path, "Integer", "a whole JSON number without quotes");
      }
      if (!Number.isInteger(value)) {
        // W-57: flooring would drop billed units silently.
        if (!lenientNumbers) throw wrongType(value, path, "Integer", "a whole number");
        return Math.floor(value);
      }
      if (max === undefined && Math.abs(value) > integerMax) {
        throw wrongType(value, path, "Integer", `a whole number up to ${integerMax}`);
      }
      return value;
    },
    check: (value, path, violations) => {
      const number = value as number;
      if (max !== undefined && number > max) violations.add(number, path, `have value less than or equal to ${max}`);
      if (min !== undefined && number < min) violations.add(number, path, `have value greater than or equal to ${min}`);
    },
  };
}

function compileList(shape: Extract<Shape, { type: "list" }>, revision: Revision): CompiledShape {
  const member = compile(shape.member, revision);
  const { min, max, maxRaises } = shape;
  const shortest = min ?? 0;
  const longest = max ?? Number.POSITIVE_INFINITY;
  return {
    isSound: (value) =>
      Array.isArray(value) && value.length >= shortest && value.length <= longest && value.every(member.isSound),
    read: (value, path, lenientNumbers) => {
      if (!Array.isArray(value)) {
        const text =
          typeof value === "object" ? "Start of structure or map found where not expected" : "Unexpected field type";
        throw new ServiceError("SerializationException", `${text} (${path}: send a JSON array)`);
      }
      const copy = new Array<unknown>(value.length);
      for (let index = 0; index < value.length; index += 1) {
        copy[index] = member.read(value[index], `${path}[${index}]`, lenientNumbers);
      }
      return copy;
    },
    check: (value, path, violations) => {
      const list = value as readonly unknown[];
      if (min !== undefined && list.length < min) {
        violations.add(list, path, `have length greater than or equal to ${min}`);
      }
      if (max !== undefined && maxRaises === undefined && list.length > max) {
        violations.add(list, path, `have length less than or equal to ${max}`);
        return; // The members of an over-long list are not looked at: nobody can make us report on millions.
      }
      for (let index = 0; index < list.length; index += 1) {
        member.check(list[index], `${path}.${index + 1}.member`, violations);
      }
    },
  };
}

function compileMap(shape: Extract<Shape, { type: "map" }>, revision: Revision): CompiledShape {
  const member = compile(shape.member, revision);
  return {
    isSound: () => false, // It is read into a Map.
    read: (value, path, lenientNumbers) => {
      if (typeof value !== "object" || value === null || Array.isArray(value)) {
        throw new ServiceError("SerializationException", `Unexpected field type (${path}: send a JSON object)`);
      }
      const copy = new Map<string, unknown>();
      for (const [key, inner] of Object.entries(value)) {
        if (inner !== null) copy.set(key, member.read(inner, `${path}.${key}`, lenientNumbers));
      }
      return copy;
    },
    check: (value, path, violations) => {
      for (const [key, inner] of value as ReadonlyMap<string, unknown>) {
        member.check(inner, `${path}.${key}.member`, violations);
      }
    },
  };
}

function lowerCamel(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1);
}

function compileStructure(shape: StructureShape, revision: Revision): CompiledShape {
  const members = shape.members.flatMap((member) => {
    const inner = member.shape[revision];
    if (inner === undefined) return [];
    return {
      name: member.name,
      wireName: lowerCamel(member.name),
      required: member.required.includes(revision) && member.raises === undefined,
      checked: member.raises === undefined,
      compiled: compile(inner, revision),
    };
  });
  const byName = new Map(members.map((member) => [member.name, member]));
  const requiredCount = members.filter((member) => member.required).length;
  /** Members in the order in which they came last: all records of a client have the same. */
  const order = members.slice();
  return {
    isSound: (value) => {
      if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
      const source = value as Record<string, unknown>;
      let missing = requiredCount;
      let place = 0;
      for (const name in source) {
        let member = order[place];
        if (member?.name !== name) {
          member = byName.get(name);
          if (member === undefined) return false;
          order[place] = member;
        }
        if (!member.compiled.isSound(source[name])) return false;
        if (member.required) missing -= 1;
        place += 1;
      }
      return missing === 0;
    },
    read: (value, path, lenientNumbers) => {
      if (typeof value !== "object" || value === null || Array.isArray(value)) {
        const text = Array.isArray(value)
          ? "Unrecognized collection type class java.util.ArrayList"
          : "Unexpected field type";
        throw new ServiceError("SerializationException", `${text} (${path || "the body"}: send a JSON object)`);
      }
      const source = value as Record<string, unknown>;
      const copy: Record<string, unknown> = {};
      for (const { name, compiled } of members) {
        const inner = Object.hasOwn(source, name) ? source[name] : undefined;
        // W-16: null equals absent, unknown members are ignored.
        if (inner === undefined || inner === null) continue;
        copy[name] = compiled.read(inner, path === "" ? name : `${path}.${name}`, lenientNumbers);
      }
      return copy;
    },
    check: (value, path, violations) => {
      const source = value as Record<string, unknown>;
      for (const member of members) {
        const inner = source[member.name];
        if (inner === undefined) {
          if (member.required)
            violations.add(null, path === "" ? member.wireName : `${path}.${member.wireName}`, "not be null");
        } else if (member.checked) {
          member.compiled.check(inner, path === "" ? member.wireName : `${path}.${member.wireName}`, violations);
        }
      }
    },
  };
}

function compile(shape: Shape, revision: Revision): CompiledShape {
  if (shape.type === "structure") return compileStructure(shape, revision);
  if (shape.type === "list") return compileList(shape, revision);
  if (shape.type === "map") return compileMap(shape, revision);
  return compileScalar(shape);
}

const compiledInputs = new Map<string, CompiledShape>();

function compiledInput(operation: OperationName, revision: Revision): CompiledShape {
  const key = `${operation}/${revision}`;
  let compiled = compiledInputs.get(key);
  if (compiled === undefined) {
    compiled = compile(inputShapeOf(operation), revision);
    compiledInputs.set(key, compiled);
  }
  return compiled;
}

/**
 * The body's known, non-null members, of the right types and within their constraints. Throws SerializationException or
 * ValidationException. Nothing of the body may be changed afterwards: what is sound is given back as it is.
 */
export function readInput(
  operation: OperationName,
  revision: Revision,
  body: unknown,
  lenientNumbers: boolean,
): unknown {
  const compiled = compiledInput(operation, revision);
  if (compiled.isSound(body)) return body;
  const input = compiled.read(body, "", lenientNumbers);
  checkConstraints(compiled, input);
  return input;
}

/** Throws one ValidationException that names every violation, worded as AWS words it. */
function checkConstraints(compiled: CompiledShape, input: unknown): void {
  const violations = new Violations();
  compiled.check(input, "", violations);
  if (violations.count === 0) return;
  const hidden = violations.count - violations.texts.length;
  throw new ServiceError(
    "ValidationException",
    `${violations.count} validation error${violations.count === 1 ? "" : "s"} detected: ${violations.texts.join("; ")}` +
      (hidden > 0 ? `; and ${hidden} more` : ""),
  );
}
