/** Amounts, held against whole numbers: thousandths of a dollar times units, and cents by division with remainder. */
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  exactAmount,
  exactText,
  lineAmount,
  type Price,
  priceOf,
  sumOf,
  unitsText,
} from "../../src/reports/amounts.ts";
import { product } from "../store/fixtures.ts";

const units = fc.bigInt({ min: 0n, max: 2n ** 53n });
const thousandths = fc.integer({ min: 0, max: 999_999_999 });

/** As somebody writes a price: with as many places as it needs, or more of them. */
function priceText(value: number, places: number): string {
  const text = `${Math.floor(value / 1_000)}.${String(value % 1_000).padStart(3, "0")}`;
  const short = text.replace(/\.?0+$/, "");
  return places > 0 && !short.includes(".") ? `${short}.${"0".repeat(places)}` : short;
}

function dollars(cents: bigint): string {
  return `${cents / 100n}.${String(cents % 100n).padStart(2, "0")}`;
}

/** `numerator / denominator` to the nearest whole number, halves upwards. */
function halfUp(numerator: bigint, denominator: bigint): bigint {
  return (2n * numerator + denominator) / (2n * denominator);
}

const perUnit = (unitPrice: string): Price => ({ unitPrice, perUnit: 1 });

test("units × price of three places, to cents, half up", () => {
  const property = fc.property(units, thousandths, fc.nat(3), (quantity, value, places) => {
    const expected = dollars(halfUp(quantity * BigInt(value), 10n));
    expect(lineAmount(exactAmount(quantity, perUnit(priceText(value, places))))).toBe(expected);
  });
  fc.assert(property, { numRuns: 2_000 });
});

test.each([
  ["0.005", 1n, "0.01"],
  ["0.004", 1n, "0.00"],
  ["0.001", 5n, "0.01"],
  ["0.015", 1n, "0.02"],
  ["0.025", 1n, "0.03"],
  ["1.005", 1n, "1.01"],
  ["0.045", 3n, "0.14"],
  ["0.012", 1_234_567n, "14814.80"],
  ["999999999999.999", 9_007_199_254_740_991n, "9007199254740981992800745259.01"],
])("%s × %s is %s: what doubles and rounding to even get wrong", (price, quantity, amount) => {
  expect(lineAmount(exactAmount(quantity, perUnit(price)))).toBe(amount);
});

test("seconds at a price an hour: rounded once, from the exact fraction", () => {
  const property = fc.property(units, thousandths, (seconds, value) => {
    const price: Price = { unitPrice: priceText(value, 0), perUnit: 3_600 };
    expect(lineAmount(exactAmount(seconds, price))).toBe(dollars(halfUp(seconds * BigInt(value), 36_000n)));
  });
  fc.assert(property, { numRuns: 2_000 });
  // 36 seconds at 0.5 USD are exactly half a cent.
  expect(lineAmount(exactAmount(36n, { unitPrice: "0.5", perUnit: 3_600 }))).toBe("0.01");
  expect(lineAmount(exactAmount(35n, { unitPrice: "0.5", perUnit: 3_600 }))).toBe("0.00");
});

test("sums of cents are exact, and long numbers are written out", () => {
  const property = fc.property(fc.array(fc.bigInt({ min: 0n, max: 10n ** 18n })), (cents) => {
    expect(sumOf(cents.map(dollars))).toBe(dollars(cents.reduce((sum, one) => sum + one, 0n)));
  });
  fc.assert(property);
  expect(exactText(exactAmount(10n ** 30n, perUnit("1")))).toBe(`1${"0".repeat(30)}`);
  expect(exactText(exactAmount(2n, perUnit("0.012")))).toBe("0.024");
  expect([unitsText(5_400n, 3_600), unitsText(1n, 3_600), unitsText(7n, 1)]).toEqual(["1.5", "0.000278", "7"]);
});

test("which price holds: of a metered dimension, and an hour's for what RegisterUsage meters", () => {
  const dimension = { kind: "metered", addedAt: 1 } as const;
  const priced = { ...dimension, name: "gb", price: "0.25", unit: "GB" };
  const bare = { ...dimension, name: "bare" };
  const seats = { name: "seats", kind: "entitlement", price: "12", addedAt: 1 } as const;
  const several = product({ dimensions: [priced, bare, seats] });
  expect(priceOf(several, "gb")).toEqual({ unitPrice: "0.25", unit: "GB", perUnit: 1 });
  for (const name of ["bare", "seats", "none"]) expect(priceOf(several, name)).toBeUndefined();
  expect(priceOf(undefined, "gb")).toBeUndefined();
  expect(priceOf(several, "RegisteredSeconds")).toEqual({ unitPrice: "0.25", unit: "GB", perUnit: 3_600 });
  expect(priceOf(product({ dimensions: [] }), "RegisteredSeconds")).toBeUndefined();
  const twice = product({ dimensions: [priced, { ...bare, price: "1" }] });
  expect(priceOf(twice, "RegisteredSeconds")).toBeUndefined();
});
