/** The table of customers finds what a Map would, whatever they are called. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { NameTable } from "../../src/operations/nameTable.ts";

const tail = "0123456789abcdef";
const name = fc.oneof(
  fc.stringMatching(/^[0-9]{12}$/),
  fc.stringMatching(/^[0-9]{11,13}$/),
  fc.stringMatching(/^[-\w]{1,20}$/),
  fc.string({ unit: "binary", maxLength: 14 }),
  // Of one length and one end: all have the same hash.
  fc.stringMatching(/^[a-z]{3}$/).map((start) => `${start}${tail}`),
  fc.constantFrom("000000000000", "999999999999", "٣٣٣٣٣٣٣٣٣٣٣٣", "12345678901/", "12345678901:", ""),
);

test("names of all kinds, and those that are not in it", () => {
  fc.assert(
    fc.property(fc.uniqueArray(name, { maxLength: 300 }), (names) => {
      const table = new NameTable<string>();
      const half = names.length >> 1;
      for (const one of names.slice(0, half)) table.add(one, `of ${one}`);
      for (const one of names.slice(0, half)) expect(table.get(one)).toBe(`of ${one}`);
      for (const one of names.slice(half)) expect(table.get(one)).toBeUndefined();
      // At once, in any order, and some of them twice.
      const asked = [...names.toReversed(), ...names.slice(0, 3)];
      expect(table.getAll(asked)).toEqual(asked.map((one) => table.get(one)));
    }),
    { numRuns: 300 },
  );
});

test("many accounts, one after the other and far apart", () => {
  const table = new NameTable<number>();
  const accounts = Array.from({ length: 20_000 }, (_, index) => [
    String(200_000_000_000 + index),
    String(999_999_000_000 - index * 13_000_017).padStart(12, "0"),
  ]).flat();
  for (const [index, account] of accounts.entries()) table.add(account, index);
  expect(accounts.every((account, index) => table.get(account) === index)).toBe(true);
  expect(table.getAll(accounts)).toEqual(accounts.map((_, index) => index));
  expect(table.get("200000020000")).toBeUndefined();
});
