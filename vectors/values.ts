/**
 * Strict reading of a vectors file. A key or a kind of value that the format does not know is an error, because a
 * runner that skips what it does not understand reports cases as passed that it never ran.
 */

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export type JsonObject = { readonly [member: string]: Json };

/** The file says something that the format does not know: the case fails, whatever the server would have answered. */
export class FormatError extends Error {
  override readonly name = "FormatError";
}

/** Long values are cut: a failing case is one line, and a 1 MiB body would bury the others. */
const SHOWN_LENGTH_MAX = 300;

/** A value as it appears in a failure line. */
export function show(value: unknown): string {
  if (value === undefined) return "nothing";
  const text = JSON.stringify(value) ?? String(value);
  return text.length <= SHOWN_LENGTH_MAX ? text : `${text.slice(0, SHOWN_LENGTH_MAX)}… (${text.length} characters)`;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The same members without those that are undefined. */
export function given(members: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}

/** An ISO instant in epoch milliseconds. Text without a time zone is refused: it would mean this machine's zone. */
export function instant(value: Json, where: string): number {
  const ms = typeof value === "string" && /T.*(Z|[+-]\d\d:?\d\d)$/.test(value) ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(ms))
    throw new FormatError(`${where}: expected an ISO time such as 2026-08-15T10:20:00Z, got ${show(value)}`);
  return ms;
}

const DURATION_UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** "1s", "250ms", "15m", "2h", "30d" in milliseconds. */
export function durationMs(value: Json, where: string): number {
  const [, amount, unit] = (typeof value === "string" && /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(value)) || [];
  const unitMs = unit === undefined ? undefined : DURATION_UNITS_MS[unit];
  if (unitMs === undefined) throw new FormatError(`${where}: expected a time such as "1s", got ${show(value)}`);
  return Number(amount) * unitMs;
}

/** An object of the file, read member by member. */
export class Fields {
  readonly where: string;
  readonly #members: JsonObject;

  constructor(value: Json | undefined, where: string, known: readonly string[]) {
    if (!isObject(value)) throw new FormatError(`${where}: expected an object, got ${show(value)}`);
    for (const key of Object.keys(value)) {
      if (!known.includes(key))
        throw new FormatError(`${where}: unknown key ${show(key)} (known: ${known.join(", ")})`);
    }
    this.#members = value;
    this.where = where;
  }

  keys(): readonly string[] {
    return Object.keys(this.#members);
  }

  has(key: string): boolean {
    return Object.hasOwn(this.#members, key);
  }

  raw(key: string): Json | undefined {
    return this.has(key) ? this.#members[key] : undefined;
  }

  required(key: string): Json {
    const value = this.raw(key);
    if (value === undefined) throw new FormatError(`${this.where}: ${key} is missing`);
    return value;
  }

  text(key: string): string {
    return this.#as(key, this.required(key), "text", (value): value is string => typeof value === "string");
  }

  optionalText(key: string): string | undefined {
    return this.has(key) ? this.text(key) : undefined;
  }

  number(key: string): number {
    return this.#as(key, this.required(key), "a number", (value): value is number => typeof value === "number");
  }

  optionalNumber(key: string): number | undefined {
    return this.has(key) ? this.number(key) : undefined;
  }

  /** A whole number of at least `min`. */
  count(key: string, min: number): number {
    const value = this.number(key);
    if (Number.isSafeInteger(value) && value >= min) return value;
    throw new FormatError(`${this.where}: ${key}: expected a whole number of at least ${min}, got ${show(value)}`);
  }

  optionalFlag(key: string): boolean | undefined {
    if (!this.has(key)) return undefined;
    return this.#as(key, this.required(key), "true or false", (value): value is boolean => typeof value === "boolean");
  }

  list(key: string): readonly Json[] {
    return this.#as(key, this.required(key), "a list", (value): value is readonly Json[] => Array.isArray(value));
  }

  optionalList(key: string): readonly Json[] | undefined {
    return this.has(key) ? this.list(key) : undefined;
  }

  texts(key: string): readonly string[] {
    return this.list(key).map((item) => {
      if (typeof item === "string") return item;
      throw new FormatError(`${this.where}: ${key}: expected a list of texts, got ${show(item)} in it`);
    });
  }

  optionalTexts(key: string): readonly string[] | undefined {
    return this.has(key) ? this.texts(key) : undefined;
  }

  /** An object whose member names are free, such as the settings or the fixtures' names. */
  map(key: string): JsonObject {
    return this.#as(key, this.required(key), "an object", isObject);
  }

  optionalMap(key: string): JsonObject | undefined {
    return this.has(key) ? this.map(key) : undefined;
  }

  instant(key: string): number {
    return instant(this.required(key), `${this.where}: ${key}`);
  }

  /** Absent and null are the same: "not yet". */
  optionalInstant(key: string): number | undefined {
    const value = this.raw(key);
    return value === undefined || value === null ? undefined : instant(value, `${this.where}: ${key}`);
  }

  #as<T extends Json>(key: string, value: Json, kind: string, is: (value: Json) => value is T): T {
    if (is(value)) return value;
    throw new FormatError(`${this.where}: ${key}: expected ${kind}, got ${show(value)}`);
  }
}
