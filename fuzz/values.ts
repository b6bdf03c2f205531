/** Values that nobody should send, and documents that had something done to them. */
import * as fc from "fast-check";

export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** Names that mean something to the language rather than to the service. */
const namesOfTheLanguage = ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "then", "toJSON"];

/** At and beyond the edges of what is allowed somewhere. */
const edges: readonly Json[] = [
  null,
  true,
  false,
  0,
  -1,
  1,
  2_147_483_647,
  2_147_483_648,
  Number.MAX_SAFE_INTEGER,
  1e308,
  -1e308,
  5e-324,
  0.1,
  253_402_300_800,
  "",
  " ",
  "0",
  "\u0000",
  "\ud800",
  "\u202e‮🧾",
  "a".repeat(300),
  "é".repeat(70_000),
  "2026-08-15T10:20:00Z",
  "9999-12-31T23:59:59Z",
  "-271821-04-20T00:00:00Z",
  "../../etc/passwd",
  "%00",
  "' OR 1=1 --",
  '"; DROP TABLE audit; --',
  "{{7*7}}",
  "arn:aws:license-manager::111122223333:license:l-00000000000000000000000000000000",
  [],
  {},
  [[]],
  [null],
  Array.from({ length: 26 }, () => ({})),
  { __proto__: null, a: { b: { c: [] } } },
];

const deep: fc.Arbitrary<Json> = fc
  .integer({ min: 10, max: 500 })
  .map((depth) => Array.from({ length: depth }).reduce<Json>((inner) => [inner], "bottom"));

export const nasty: fc.Arbitrary<Json> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...edges) },
  { weight: 2, arbitrary: fc.string({ unit: "binary", maxLength: 60 }) },
  { weight: 1, arbitrary: fc.constantFrom(...namesOfTheLanguage) },
  { weight: 1, arbitrary: fc.double() },
  { weight: 1, arbitrary: deep },
  { weight: 2, arbitrary: fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<Json> },
);

export const nastyText: fc.Arbitrary<string> = nasty.map((value) =>
  typeof value === "string" ? value : JSON.stringify(value),
);

interface Edit {
  /** Which of the document's places, counted from its root. */
  readonly place: number;
  readonly what: "replace" | "remove" | "add" | "repeat";
  readonly name: string;
  readonly value: Json;
}

const edit: fc.Arbitrary<Edit> = fc.record({
  place: fc.nat({ max: 200 }),
  what: fc.constantFrom("replace" as const, "replace" as const, "remove" as const, "add" as const, "repeat" as const),
  name: fc.oneof(fc.constantFrom(...namesOfTheLanguage), fc.string({ maxLength: 12 })),
  value: nasty,
});

/** The document with up to `max` changes, as JSON text. */
export function edited(document: fc.Arbitrary<Json>, max = 3): fc.Arbitrary<string> {
  return fc
    .tuple(document, fc.array(edit, { maxLength: max }))
    .map(([whole, edits]) => JSON.stringify(edits.reduce(withEdit, whole)) ?? "null");
}

function withEdit(document: Json, { place, what, name, value }: Edit): Json {
  let left = place % Math.max(1, placesIn(document));
  const walk = (at: Json): Json | undefined => {
    if (left-- === 0) return change(at);
    if (Array.isArray(at)) return at.map(walk).filter((item) => item !== undefined);
    if (typeof at !== "object" || at === null) return at;
    const members = Object.entries(at).map(([key, member]) => [key, walk(member)] as const);
    return own(members.filter((pair): pair is readonly [string, Json] => pair[1] !== undefined));
  };
  const change = (at: Json): Json | undefined => {
    if (what === "remove") return undefined;
    if (what === "replace") return value;
    if (what === "repeat") return Array.isArray(at) ? [...at, ...at] : [at, at];
    if (Array.isArray(at)) return [...at, value];
    return typeof at === "object" && at !== null ? own([...Object.entries(at), [name, value]]) : value;
  };
  return walk(document) ?? null;
}

/** Unlike an assignment, it keeps `__proto__` as a member like any other. */
function own(members: readonly (readonly [string, Json])[]): Json {
  return Object.fromEntries(members);
}

function placesIn(document: Json): number {
  if (typeof document !== "object" || document === null) return 1;
  return Object.values(document).reduce<number>((sum, member) => sum + placesIn(member), 1);
}

/** The bytes with some of them changed, cut off or doubled. */
export function damaged(bytes: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Buffer> {
  const blow = fc.record({
    at: fc.nat({ max: 5_000 }),
    kind: fc.constantFrom("set" as const, "cut" as const, "insert" as const, "drop" as const),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 8 }),
  });
  return fc.tuple(bytes, fc.array(blow, { maxLength: 4 })).map(([whole, blows]) => {
    let result = Buffer.from(whole);
    for (const { at, kind, bytes: given } of blows) {
      const place = at % (result.length + 1);
      const head = result.subarray(0, place);
      if (kind === "set") result = Buffer.concat([head, given, result.subarray(place + given.length)]);
      else if (kind === "insert") result = Buffer.concat([head, given, result.subarray(place)]);
      else if (kind === "drop") result = Buffer.concat([head, result.subarray(place + given.length)]);
      else result = Buffer.from(head);
    }
    return result;
  });
}
