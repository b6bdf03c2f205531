import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Revision, Tag, UsageAllocation } from "../../src/api/types.ts";
import { requireAllocations, requireTags } from "../../src/rules/usageAllocations.ts";
import { refusal } from "./facts.ts";

const badTag = "InvalidTagException";
const badAllocations = "InvalidUsageAllocationsException";

function tagRefusal(allocations: readonly UsageAllocation[]) {
  return refusal(() => requireTags(allocations, "UsageRecords[0]"))?.name;
}
function allocationRefusal(allocations: readonly UsageAllocation[], quantity: number, revision: Revision = "2026") {
  return refusal(() => requireAllocations(allocations, quantity, revision, "UsageRecords[0]"))?.name;
}

/* The models compare everything with everything, where the rules use sets and keys. */

const letters = "abcdefghijklmnopqrstuvwxyz";
/** The characters of the prose, and those that the range from space to `=` lets in besides. */
const legal = `${letters}${letters.toUpperCase()}0123456789 +-=._:/@!"#$%&'()*,;<`;

function isLegalText(text: string, max: number): boolean {
  return text.length >= 1 && text.length <= max && [...text].every((character) => legal.includes(character));
}

function tagsAreLegal(allocations: readonly UsageAllocation[]): boolean {
  const keys: string[] = [];
  for (const { Tags: tags } of allocations) {
    if (tags === undefined) continue;
    if (tags.length > 5) return false; // B-72
    for (const [index, { Key: key, Value: value }] of tags.entries()) {
      if (!isLegalText(key, 100) || !isLegalText(value, 256)) return false; // B-73, B-76
      if (tags.slice(0, index).some((other) => other.Key === key)) return false; // B-75
      if (!keys.includes(key)) keys.push(key);
    }
  }
  return keys.length <= 5; // B-72, over the record
}

function isSameSet(one: UsageAllocation, other: UsageAllocation): boolean {
  const [a, b] = [one.Tags ?? [], other.Tags ?? []];
  const isIn = (tag: Tag, list: readonly Tag[]) =>
    list.some((each) => each.Key === tag.Key && each.Value === tag.Value);
  return a.length === b.length && a.every((tag) => isIn(tag, b)) && b.every((tag) => isIn(tag, a));
}

function allocationsAreLegal(allocations: readonly UsageAllocation[], quantity: number): boolean {
  let sum = 0;
  for (const each of allocations) sum += each.AllocatedUsageQuantity;
  const isRepeated = allocations.some((one, index) =>
    allocations.slice(0, index).some((other) => isSameSet(one, other)),
  );
  return sum === quantity && !isRepeated; // B-70, B-71
}

/** Few, so that sets repeat; with the comma that the pattern allows, so that joined texts of different tags are equal. */
const key = fc.constantFrom("a", "b", "a,b", "c", "A", "Dept", "e");
const value = fc.constantFrom("x", "y", "b,x", "x,y", "c");
const tag: fc.Arbitrary<Tag> = fc.record({ Key: key, Value: value });

function withTags(Tags: readonly Tag[] | undefined, AllocatedUsageQuantity: number): UsageAllocation {
  return Tags === undefined ? { AllocatedUsageQuantity } : { AllocatedUsageQuantity, Tags };
}

describe("allocations equal a naive model", () => {
  const legalTags = fc.uniqueArray(tag, { minLength: 1, maxLength: 5, selector: (each) => each.Key });
  const list = fc
    .array(fc.tuple(fc.option(legalTags, { nil: undefined, freq: 6 }), fc.integer({ min: 0, max: 3 })), {
      maxLength: 6,
    })
    .map((pairs) => pairs.map(([tags, quantity]) => withTags(tags, quantity)));

  test("B-70, B-71, B-78: the sum is exact and no tag set repeats, whatever the order of its tags", () => {
    const seen = { legal: 0, repeated: 0 };
    // Now and then an allocation comes again, its tags in another order.
    const repeating = fc
      .tuple(list, fc.option(fc.tuple(fc.nat(), fc.nat()), { nil: undefined }))
      .chain(([all, again]) => {
        const chosen = again === undefined ? undefined : all[again[0] % Math.max(1, all.length)];
        if (chosen === undefined) return fc.constant(all);
        const tags = chosen.Tags;
        const shuffled =
          tags === undefined ? fc.constant(undefined) : fc.shuffledSubarray([...tags], { minLength: tags.length });
        return shuffled.map((order) => all.toSpliced((again?.[1] ?? 0) % (all.length + 1), 0, withTags(order, 1)));
      });
    fc.assert(
      fc.property(repeating, fc.constantFrom(-1, 0, 0, 0, 0, 1), (allocations, off) => {
        const quantity = allocations.reduce((sum, each) => sum + each.AllocatedUsageQuantity, 0) + off;
        const isLegal = allocationsAreLegal(allocations, quantity);
        if (isLegal) seen.legal += 1;
        else if (off === 0) seen.repeated += 1;
        expect(allocationRefusal(allocations, quantity)).toBe(isLegal ? undefined : badAllocations);
      }),
      { numRuns: 3_000 },
    );
    expect(Math.min(seen.legal, seen.repeated)).toBeGreaterThan(300);
  });

  test("B-71: tags that read alike when joined are told apart, and one set is found again in any order", () => {
    const one = [
      { Key: "a,b", Value: "c" },
      { Key: "a", Value: "b,c" },
    ];
    expect(allocationRefusal([withTags(one, 1), withTags(one.toReversed(), 1)], 2)).toBe(badAllocations);
    expect(allocationRefusal([withTags(one.slice(0, 1), 1), withTags(one.slice(1), 1)], 2)).toBeUndefined();
  });

  test("B-71: two allocations without tags are one too many", () => {
    expect(allocationRefusal([withTags(undefined, 2), withTags(undefined, 3)], 5)).toBe(badAllocations);
    expect(allocationRefusal([withTags(undefined, 2), withTags([{ Key: "a", Value: "x" }], 3)], 5)).toBeUndefined();
  });

  test("B-70: sums of the largest quantities stay exact", () => {
    const most = 2_147_483_647;
    const many = Array.from({ length: 2_500 }, (_, n) => withTags([{ Key: "n", Value: String(n) }], most));
    expect(allocationRefusal(many, most * 2_500)).toBeUndefined();
    expect(allocationRefusal(many, most * 2_500 + 1)).toBe(badAllocations);
  });

  test.each<[Revision, string | undefined]>([
    ["2021", badAllocations],
    ["2024", undefined],
    ["2026", undefined],
  ])("B-77, J-22: 501 allocations in revision %s", (revision, name) => {
    const many = (count: number) =>
      Array.from({ length: count }, (_, n) => withTags([{ Key: "n", Value: String(n) }], 1));
    expect(allocationRefusal(many(500), 500, revision)).toBeUndefined();
    expect(allocationRefusal(many(501), 501, revision)).toBe(name);
  });
});

describe("tags equal a naive model", () => {
  const text = (max: number) =>
    fc.oneof(
      { arbitrary: fc.constantFrom("a", "b", "c", "d", "e", "f", "g"), weight: 12 },
      { arbitrary: fc.string({ unit: fc.constantFrom(...legal), maxLength: 3 }), weight: 4 },
      { arbitrary: fc.string({ unit: "grapheme", maxLength: 2 }), weight: 1 },
      { arbitrary: fc.constantFrom("", "k".repeat(max), "k".repeat(max + 1)), weight: 1 },
    );
  const anyTag = fc.record({ Key: text(100), Value: text(256) });
  const tags = fc.option(fc.array(anyTag, { minLength: 1, maxLength: 6, size: "max" }), { nil: undefined, freq: 4 });
  const list = fc
    .array(fc.tuple(tags, fc.nat(3)), { maxLength: 4 })
    .map((pairs) => pairs.map(([each, quantity]) => withTags(each, quantity)));

  test("B-72, B-73, B-75, B-76", () => {
    let accepted = 0;
    fc.assert(
      fc.property(list, (allocations) => {
        const isLegal = tagsAreLegal(allocations);
        if (isLegal && allocations.some((each) => each.Tags !== undefined)) accepted += 1;
        expect(tagRefusal(allocations)).toBe(isLegal ? undefined : badTag);
      }),
      { numRuns: 3_000 },
    );
    expect(accepted).toBeGreaterThan(100);
  });

  test("B-73, C.1: of all characters exactly the pattern's pass, with its range from space to =", () => {
    for (let code = 0; code <= 0xffff; code += 1) {
      const character = String.fromCharCode(code);
      const isLegal = legal.includes(character);
      // Inside a word, so that an anchor which forgives a last line break would be noticed at the end.
      for (const text of [character, `a${character}`]) {
        if (tagRefusal([withTags([{ Key: text, Value: "x" }], 1)]) !== (isLegal ? undefined : badTag)) {
          expect.fail(`Key ${JSON.stringify(text)} (U+${code.toString(16)})`);
        }
      }
    }
    expect(tagRefusal([withTags([{ Key: "k", Value: "R&D (east); <1" }], 1)])).toBeUndefined();
    for (const value of ["a>b", "a?b", "[a]", "a\\b", "a|b", "~a", "é", "🦦", "a\tb"]) {
      expect(tagRefusal([withTags([{ Key: "k", Value: value }], 1)]), value).toBe(badTag);
    }
  });

  test("B-72: five keys over the whole record, with as many values as there are allocations", () => {
    const keys = (names: string) => [...names].map((Key) => ({ Key, Value: "v" }));
    expect(tagRefusal([withTags(keys("abc"), 1), withTags(keys("cde"), 1)])).toBeUndefined();
    expect(tagRefusal([withTags(keys("abc"), 1), withTags(keys("def"), 1)])).toBe(badTag);
    const values = Array.from({ length: 2_500 }, (_, n) => withTags([{ Key: "k", Value: `v${n}` }], 1));
    expect(tagRefusal(values)).toBeUndefined();
  });

  test("B-73: the longest key and value, and one more", () => {
    const one = (Key: string, Value: string) => [withTags([{ Key, Value }], 1)];
    expect(tagRefusal(one("k".repeat(100), "v".repeat(256)))).toBeUndefined();
    expect(tagRefusal(one("k".repeat(101), "v"))).toBe(badTag);
    expect(tagRefusal(one("k", "v".repeat(257)))).toBe(badTag);
  });

  test.each([{}, { Key: "k" }, { Value: "v" }, { Key: "k", Value: "" }, { Key: "", Value: "v" }])(
    "B-76: %j lacks what the model requires",
    (tag) => {
      const allocations = [withTags([tag as Tag], 1)];
      expect(tagRefusal(allocations)).toBe(badTag);
    },
  );

  test("B-73: the refusal says where the tag is", () => {
    const found = refusal(() =>
      requireTags([withTags(undefined, 1), withTags([{ Key: "ok", Value: "a>b" }], 1)], "UsageRecords[3]"),
    );
    expect(found?.message).toContain("UsageRecords[3].UsageAllocations[1].Tags[0]");
    expect(found?.message).toContain("a>b");
  });
});
