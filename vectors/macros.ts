/** The request macros: `$repeat`, `$i`, `{i}`, `$string` and `$fromPrevious`. */
import { type MatchContext, previousValue } from "./match.ts";
import { Fields, FormatError, isObject, type Json, show } from "./values.ts";

/** A list or text of more would be a slip of the file, not a request. */
const EXPANDED_MAX = 64 * 1024 * 1024;

/** The request with its macros expanded. Any other `$` name is an error. */
export function expand(value: Json, where: string, context: MatchContext): Json {
  return expandWithin(value, where, context, undefined);
}

/** `i` = position in the innermost `$repeat`, from 1. */
function expandWithin(value: Json, where: string, context: MatchContext, i: number | undefined): Json {
  if (typeof value === "string") return i === undefined ? value : value.replaceAll("{i}", String(i));
  if (Array.isArray(value)) return value.map((item, index) => expandWithin(item, `${where}[${index}]`, context, i));
  if (!isObject(value)) return value;
  const names = Object.keys(value);
  const macro = names.find((name) => name.startsWith("$"));
  if (macro === undefined) {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, expandWithin(item, `${where}.${key}`, context, i)]),
    );
  }
  if (names.length > 1) throw new FormatError(`${where}: ${macro} stands beside other members: ${names.join(", ")}`);
  return expandMacro(macro, value[macro] as Json, where, context, i);
}

function expandMacro(macro: string, operand: Json, where: string, context: MatchContext, i: number | undefined): Json {
  switch (macro) {
    case "$repeat": {
      const fields = new Fields(operand, `${where}: $repeat`, ["count", "item"]);
      const count = limited(fields.count("count", 0), where);
      const item = fields.required("item");
      return Array.from({ length: count }, (_, index) => expandWithin(item, where, context, index + 1));
    }
    case "$i":
      if (typeof operand !== "number") throw new FormatError(`${where}: $i takes a number, not ${show(operand)}`);
      if (i === undefined) throw new FormatError(`${where}: $i stands outside a $repeat`);
      return i + operand;
    case "$string": {
      const fields = new Fields(operand, `${where}: $string`, ["char", "length"]);
      const char = fields.text("char");
      if ([...char].length !== 1)
        throw new FormatError(`${where}: $string: char: expected one character, got ${show(char)}`);
      return char.repeat(limited(fields.count("length", 0), where));
    }
    case "$fromPrevious": {
      if (typeof operand !== "string")
        throw new FormatError(`${where}: $fromPrevious takes a path, not ${show(operand)}`);
      const earlier = previousValue(operand, context);
      if (earlier === undefined) throw new FormatError(`${where}: there is nothing at ${operand} to send`);
      return earlier as Json;
    }
    default:
      throw new FormatError(`${where}: unknown macro ${show(macro)} (known: $repeat, $i, $string, $fromPrevious)`);
  }
}

function limited(count: number, where: string): number {
  if (count <= EXPANDED_MAX) return count;
  throw new FormatError(`${where}: ${count} is more than any request holds (${EXPANDED_MAX})`);
}
