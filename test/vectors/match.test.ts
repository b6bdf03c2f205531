import { describe, expect, test } from "vitest";
import { expand } from "../../vectors/macros.ts";
import { type Answer, assertMatchers, mismatches, previousValue, valueAt } from "../../vectors/match.ts";
import { durationMs, Fields, FormatError, instant, type Json, show } from "../../vectors/values.ts";

function answer(body: Json, headers: Record<string, string> = {}): Answer {
  return { status: 200, headers, text: JSON.stringify(body), body };
}

const UUID_1 = "6d3b4a3e-1c5e-11e6-9d2f-0242ac130003";
const UUID_4 = "7d9f2c1e-3b4a-4c5d-8e6f-0a1b2c3d4e5f";
const context = {
  previous: [answer({ Id: "a", List: [{ Id: 1 }, { Id: 2 }] }, { date: "today" }), answer({ Id: "b" })],
};
const none = { previous: [] };

function match(actual: unknown, expected: Json): readonly string[] {
  return mismatches(actual, expected, "body", context);
}

describe("subset match", () => {
  test.each<[unknown, Json]>([
    [1, 1],
    [null, null],
    [{ a: 1, b: 2 }, { a: 1 }],
    [{ a: 1 }, {}],
    [[], []],
    [
      [{ a: 1, b: 2 }, 3],
      [{ a: 1 }, 3],
    ],
    [{ a: { b: [{ c: "x", d: 0 }] } }, { a: { b: [{ c: "x" }] } }],
  ])("%j fits %j", (actual, expected) => {
    expect(match(actual, expected)).toEqual([]);
  });

  test.each<[unknown, Json, string]>([
    [1, 2, "body: expected 2, got 1"],
    [1, "1", 'body: expected "1", got 1'],
    [undefined, null, "body: expected null, got nothing"],
    [null, {}, "body: expected {}, got null"],
    [[], {}, "body: expected {}, got []"],
    [{}, [], "body: expected [], got {}"],
    [{ a: 1 }, { b: 1 }, "body.b: expected 1, got nothing"],
    [[1, 2], [2, 1], "body[0]: expected 2, got 1"],
    [[1, 2], [1], "body: expected [1], got [1,2]"],
    [[1], [1, 2], "body: expected [1,2], got [1]"],
    [{ a: [{ b: 1 }] }, { a: [{ b: 2 }] }, "body.a[0].b: expected 2, got 1"],
    [{}, { toString: "x" }, 'body.toString: expected "x", got nothing'],
  ])("%j does not fit %j", (actual, expected, problem) => {
    expect(match(actual, expected)[0]).toBe(problem);
  });

  test("every difference is told", () => {
    expect(match({ a: 1, b: 2 }, { a: 2, b: 3 })).toEqual(["body.a: expected 2, got 1", "body.b: expected 3, got 2"]);
  });
});

describe("matchers", () => {
  test.each<[unknown, Json]>([
    [undefined, { $absent: true }],
    [{}, { a: { $absent: true } }],
    [null, { $any: true }],
    [0, { $any: true }],
    [UUID_1, { $uuid: true }],
    [UUID_4.toUpperCase(), { $uuid: true }],
    [UUID_4, { $uuid4: true }],
    ["abc", { $regex: "^a.c$" }],
    [undefined, { $emptyOrAbsent: true }],
    [[], { $emptyOrAbsent: true }],
    ["a", { $same: "previous[0].body.Id" }],
    [{ Id: 2 }, { $same: "previous[0].body.List[1]" }],
    ["c", { $notSame: "previous[0].body.Id" }],
    ["today", { $same: "previous[0].headers.Date" }],
    [200, { $same: "previous[1].status" }],
    [UUID_4, { $uuid4: true, $notSame: "previous[0].body.Id" }],
  ])("%j fits %j", (actual, expected) => {
    expect(match(actual, expected)).toEqual([]);
  });

  test.each<[unknown, Json, string]>([
    [null, { $absent: true }, "expected no such member, got null"],
    [undefined, { $any: true }, "expected any value, got nothing"],
    ["x", { $uuid: true }, 'expected a UUID, got "x"'],
    [UUID_1, { $uuid4: true }, `expected a lower-case UUID v4, got "${UUID_1}"`],
    [UUID_4.toUpperCase(), { $uuid4: true }, "expected a lower-case UUID v4"],
    ["abd", { $regex: "^a.c$" }, 'expected text that matches /^a.c$/, got "abd"'],
    [12, { $regex: "12" }, "expected text that matches /12/, got 12"],
    [[1], { $emptyOrAbsent: true }, "expected an empty list or nothing, got [1]"],
    [null, { $emptyOrAbsent: true }, "expected an empty list or nothing, got null"],
    ["b", { $same: "previous[0].body.Id" }, 'expected "a" as at previous[0].body.Id, got "b"'],
    [undefined, { $same: "previous[0].body.Id" }, 'expected "a" as at previous[0].body.Id, got nothing'],
    ["a", { $notSame: "previous[0].body.Id" }, 'expected a value other than the one at previous[0].body.Id, got "a"'],
    [
      undefined,
      { $notSame: "previous[0].body.Id" },
      'expected a value other than "a" at previous[0].body.Id, got nothing',
    ],
    ["a", { $regex: "^a", $notSame: "previous[0].body.Id" }, "expected a value other than the one"],
  ])("%j does not fit %j", (actual, expected, problem) => {
    expect(match(actual, expected).join()).toContain(`body: ${problem}`);
  });

  test.each<Json>([
    { $same: "previous[2].body.Id" },
    { $same: "previous[0].body.Nope" },
    { $notSame: "previous[0].body.Nope" },
    { $same: "previous[0].nope" },
    { $same: "Id" },
    { $same: "previous[0]..body" },
  ])("%j refers to nothing", (expected) => {
    expect(() => match("x", expected)).toThrow(FormatError);
  });

  test.each<[Json, string]>([
    [{ $unknown: true }, 'unknown matcher "$unknown"'],
    [{ a: [{ b: { $toString: true } }] }, 'body.a[0].b: unknown matcher "$toString"'],
    [{ constructor: { $constructor: true } }, "unknown matcher"],
    [{ $any: true, a: 1 }, 'unknown matcher "a"'],
    [{ $any: false }, "$any takes true, not false"],
    [{ $absent: 1 }, "$absent takes true, not 1"],
    [{ $regex: true }, "$regex takes text, not true"],
    [{ $regex: "(" }, "$regex: Invalid regular expression"],
    [{ $same: 1 }, "$same takes text, not 1"],
  ])("%j is refused", (expected, problem) => {
    expect(() => assertMatchers(expected, "body")).toThrow(problem);
  });
});

describe("paths", () => {
  test("members by dot, items by brackets or by dot", () => {
    const root = { Results: [{ Id: "x" }] };
    expect(valueAt(root, "Results[0].Id")).toBe("x");
    expect(valueAt(root, "Results.0.Id")).toBe("x");
    expect(valueAt(root, "Results.1.Id")).toBeUndefined();
    expect(valueAt(root, "Results.length")).toBeUndefined();
    expect(valueAt([{ a: 1 }], "[0].a")).toBe(1);
    expect(() => valueAt(root, "")).toThrow(FormatError);
  });

  test("previous[i] counts the calls from 0", () => {
    expect(previousValue("previous[1].body.Id", context)).toBe("b");
    expect(() => previousValue("previous[0].body", none)).toThrow("only 0 calls were made before");
  });
});

describe("request macros", () => {
  test.each<[Json, Json]>([
    [
      { a: "{i}", b: [1, null, true] },
      { a: "{i}", b: [1, null, true] },
    ],
    [{ $repeat: { count: 3, item: "k{i}-{i}" } }, ["k1-1", "k2-2", "k3-3"]],
    [
      { $repeat: { count: 2, item: { T: { $i: 100 }, Tags: [{ Key: "a{i}" }] } } },
      [
        { T: 101, Tags: [{ Key: "a1" }] },
        { T: 102, Tags: [{ Key: "a2" }] },
      ],
    ],
    [{ $repeat: { count: 0, item: 1 } }, []],
    [
      { $repeat: { count: 2, item: { $repeat: { count: 2, item: { $i: 0 } } } } },
      [
        [1, 2],
        [1, 2],
      ],
    ],
    [{ L: [{ $string: { char: "x", length: 4 } }] }, { L: ["xxxx"] }],
    [{ $string: { char: "ü", length: 2 } }, "üü"],
    [{ NextToken: { $fromPrevious: "previous[0].body.List[1].Id" } }, { NextToken: 2 }],
  ])("%j becomes %j", (request, expanded) => {
    expect(expand(request, "request", context)).toEqual(expanded);
  });

  test.each<[Json, string]>([
    [{ $nope: 1 }, 'request: unknown macro "$nope"'],
    [{ a: [{ $any: true }] }, 'request.a[0]: unknown macro "$any"'],
    [{ $string: { char: "x", length: 1 }, a: 1 }, "stands beside other members"],
    [{ $repeat: { count: 1, item: 1, step: 2 } }, 'unknown key "step"'],
    [{ $repeat: { count: -1, item: 1 } }, "count: expected a whole number"],
    [{ $repeat: { count: 1 } }, "item is missing"],
    [{ $string: { char: "xy", length: 1 } }, "expected one character"],
    [{ $string: { char: "x", length: 1.5 } }, "length: expected a whole number"],
    [{ $string: { char: "x", length: 1e12 } }, "is more than any request holds"],
    [{ $i: 1 }, "$i stands outside a $repeat"],
    [{ $repeat: { count: 1, item: { $i: "1" } } }, "$i takes a number"],
    [{ $fromPrevious: "previous[0].body.Nope" }, "there is nothing at previous[0].body.Nope to send"],
    [{ $fromPrevious: 1 }, "$fromPrevious takes a path"],
  ])("%j is refused", (request, problem) => {
    expect(() => expand(request, "request", context)).toThrow(problem);
  });
});

describe("values", () => {
  test("times and durations", () => {
    expect(instant("2026-08-15T10:20:00Z", "at")).toBe(Date.UTC(2026, 7, 15, 10, 20));
    for (const wrong of ["2026-08-15", "2026-08-15T10:20:00", "soon", 12, null]) {
      expect(() => instant(wrong, "at")).toThrow("expected an ISO time");
    }
    expect(["250ms", "1s", "1.5s", "15m", "2h", "30d"].map((text) => durationMs(text, "wait"))).toEqual([
      250, 1_000, 1_500, 900_000, 7_200_000, 2_592_000_000,
    ]);
    for (const wrong of ["1", "1 s", "-1s", 1, "1w"])
      expect(() => durationMs(wrong, "wait")).toThrow("expected a time");
  });

  test("unknown and missing keys and wrong kinds are refused", () => {
    expect(() => new Fields({ a: 1, b: 2 }, "x", ["a"])).toThrow('x: unknown key "b" (known: a)');
    expect(() => new Fields([], "x", [])).toThrow("x: expected an object, got []");
    const fields = new Fields({ text: "t", number: 1, flag: true, list: ["a", 1], object: {} }, "x", [
      "text",
      "number",
      "flag",
      "list",
      "object",
      "none",
    ]);
    expect(() => fields.text("none")).toThrow("x: none is missing");
    expect(() => fields.text("number")).toThrow("x: number: expected text, got 1");
    expect(() => fields.number("text")).toThrow('x: text: expected a number, got "t"');
    expect(() => fields.optionalFlag("text")).toThrow("expected true or false");
    expect(() => fields.texts("list")).toThrow("expected a list of texts, got 1 in it");
    expect(() => fields.map("list")).toThrow("expected an object");
    expect(() => fields.list("object")).toThrow("expected a list");
    expect(fields.optionalText("none")).toBeUndefined();
  });

  test("long values are cut in a failure line", () => {
    expect(show("x".repeat(1_000))).toMatch(/^"x+… \(1002 characters\)$/);
    expect(show(undefined)).toBe("nothing");
  });
});
