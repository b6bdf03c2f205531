/** Every member of a request as data, so that tests can break each of them in every way. */
import { inputShapes, type Shape } from "../../src/api/shapes.ts";
import type { MeteringOperationName, Revision } from "../../src/api/types.ts";

export interface MemberAt {
  /** Member names and list places, such as ["UsageRecords", 0, "Dimension"]. */
  readonly path: readonly (string | number)[];
  readonly shape: Shape;
  readonly isRequired: boolean;
  /** The exception that reports its limits and its absence; undefined: ValidationException. */
  readonly raises: string | undefined;
}

/** All members of an operation's request in a revision, lists represented by their first element. */
export function membersOf(operation: MeteringOperationName, revision: Revision): readonly MemberAt[] {
  return walk(inputShapes[operation], [], revision);
}

function walk(shape: Shape, path: readonly (string | number)[], revision: Revision): readonly MemberAt[] {
  if (shape.type === "list") return walk(shape.member, [...path, 0], revision);
  if (shape.type !== "structure") return [];
  return shape.members.flatMap((member) => {
    const inner = member.shape[revision];
    if (inner === undefined) return [];
    const here = [...path, member.name];
    const isRequired = member.required.includes(revision);
    return [{ path: here, shape: inner, isRequired, raises: member.raises }, ...walk(inner, here, revision)];
  });
}

/** A copy of `request` with `value` at `path`; undefined removes the member. */
export function withValue(request: unknown, path: readonly (string | number)[], value: unknown): unknown {
  const [first, ...rest] = path;
  if (first === undefined) return value;
  if (typeof first === "number") {
    const list = Array.isArray(request) ? [...(request as readonly unknown[])] : [];
    list[first] = withValue(list[first], rest, value);
    return list;
  }
  const object = { ...(request as Record<string, unknown> | undefined) };
  object[first] = withValue(object[first], rest, value);
  return object;
}

/** `UsageRecords[0].Dimension`, as messages about types write it. */
export function typePath(path: readonly (string | number)[]): string {
  return path
    .map((part, place) => (typeof part === "number" ? `[${part}]` : `${place === 0 ? "" : "."}${part}`))
    .join("");
}

/** `usageRecords.1.member.dimension`, as messages about constraints write it (W-58). */
export function constraintPath(path: readonly (string | number)[]): string {
  return path
    .map((part) => (typeof part === "number" ? `${part + 1}.member` : part.charAt(0).toLowerCase() + part.slice(1)))
    .join(".");
}

/** JSON values that a member of this type does not take, with the words that the message must have (W-56). */
export function wrongValues(shape: Shape): readonly (readonly [value: unknown, words: string])[] {
  const list = "Unrecognized collection type class java.";
  const map = "Start of structure or map found where not expected";
  switch (shape.type) {
    case "string":
      return [
        [1, "NUMBER_VALUE cannot be converted to String"],
        [1.5, "DECIMAL_VALUE cannot be converted to String"],
        [true, "TRUE_VALUE cannot be converted to String"],
        [false, "FALSE_VALUE cannot be converted to String"],
        [{}, map],
        [["x"], list],
      ];
    case "integer":
      return [
        ["1", "STRING_VALUE cannot be converted to Integer"],
        ["", "STRING_VALUE cannot be converted to Integer"],
        [1.5, "DECIMAL_VALUE cannot be converted to Integer"],
        [true, "TRUE_VALUE cannot be converted to Integer"],
        [{}, map],
        [[1], list],
      ];
    case "timestamp":
      return [
        ["2026-08-15T10:20:00Z", "STRING_VALUE cannot be converted to Timestamp"],
        ["1786785300", "STRING_VALUE cannot be converted to Timestamp"],
        [false, "FALSE_VALUE cannot be converted to Timestamp"],
        [{}, map],
        [[1], list],
      ];
    case "boolean":
      return [
        ["true", "STRING_VALUE cannot be converted to Boolean"],
        [1, "NUMBER_VALUE cannot be converted to Boolean"],
        [{}, map],
        [[true], list],
      ];
    case "list":
      return [
        ["x", "send a JSON array"],
        [1, "send a JSON array"],
        [true, "send a JSON array"],
        [{}, map],
      ];
    default:
      return [];
  }
}

/** Values of the right type that the member's constraints refuse, with the words of W-58. */
export function refusedValues(shape: Shape): readonly (readonly [value: unknown, words: string])[] {
  const values: (readonly [unknown, string])[] = [];
  if (shape.type === "integer") {
    if (shape.min !== undefined)
      values.push([shape.min - 1, `Member must have value greater than or equal to ${shape.min}`]);
    if (shape.max !== undefined)
      values.push([shape.max + 1, `Member must have value less than or equal to ${shape.max}`]);
  }
  if (shape.type === "string") {
    if ((shape.min ?? 0) > 0) values.push(["", `Member must have length greater than or equal to ${shape.min}`]);
    if (shape.max !== undefined) {
      // Digits satisfy every pattern of the model but that of licences.
      values.push(["1".repeat(shape.max + 1), `Member must have length less than or equal to ${shape.max}`]);
    }
    for (const text of ["é", "a b", "a\n", "?"]) {
      if (shape.pattern?.test(text) === false) values.push([text, "Member must satisfy regular expression pattern"]);
    }
  }
  return values;
}
