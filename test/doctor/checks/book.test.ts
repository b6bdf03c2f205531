/** Which records hold which keys: against a plain map of objects, and what a book refuses to hold. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { createBook, quantityHeld } from "../../../src/doctor/checks/book.ts";
import type { Held } from "../../../src/doctor/checks/heldHour.ts";
import { TooManyRecordsError } from "../../../src/doctor/checks/tooMany.ts";
import { keptMs } from "../../../src/doctor/checks/usage.ts";
import { type UsageKey, UsageKeys, usageOf } from "../../../src/doctor/checks/usageKeys.ts";
import { createLearned } from "../../../src/doctor/knowledge.ts";
import type { ObservedCall } from "../../../src/doctor/observed.ts";
import { hour, noon, observedBatch, observedRecord } from "../support.ts";

const { known } = createLearned();
const startAt = Math.floor(noon / hour) * hour;

interface Sent {
  readonly buyer: number;
  readonly dimension: number;
  /** Before the call. */
  readonly hoursAgo: number;
  readonly quantity: number;
  readonly status: "Success" | "Replayed" | "DuplicateRecord" | "Unprocessed";
}

const sent: fc.Arbitrary<Sent> = fc.record({
  buyer: fc.nat(40),
  dimension: fc.nat(3),
  hoursAgo: fc.nat(24),
  quantity: fc.nat(9),
  status: fc.constantFrom("Success", "Replayed", "DuplicateRecord", "Unprocessed"),
});
const calls = fc.array(
  fc.record({
    afterMinutes: fc.nat(400),
    region: fc.constantFrom("us-east-1", "eu-west-1", "ap-south-1"),
    records: fc.array(sent, { minLength: 1, maxLength: 25 }),
  }),
  { minLength: 1, maxLength: 60 },
);

function callOf(at: number, region: string, records: readonly Sent[]): ObservedCall {
  return observedBatch({
    ...{ at, region },
    records: records.map(({ buyer, dimension, hoursAgo, quantity, status }) => ({
      ...observedRecord({ timestamp: at - hoursAgo * hour }, at),
      ...{ customerAccountId: String(100_000_000_000 + buyer), dimension: `d${dimension}`, quantity, status },
    })),
  });
}

test("a book tells the same as a map of objects", () => {
  fc.assert(
    fc.property(calls, (given) => {
      const book = createBook(known);
      const plain = new Map<UsageKey, Held[]>();
      let at = startAt;
      for (const { afterMinutes, region, records } of given) {
        at += afterMinutes * 60_000;
        const call = callOf(at, region, records);
        for (const record of call.records) {
          if (record.status !== "Success" && record.status !== "Replayed") continue;
          const { key } = usageOf(call, record, known);
          const held = plain.get(key) ?? [];
          plain.set(key, held);
          if (held.some((one) => one.region === region)) continue;
          held.push({ region, quantity: record.quantity, at, requestId: call.requestId });
        }
        book.see(call);
        book.see(call);
      }
      for (const [key, held] of plain) {
        const last = held.at(-1) as Held;
        // What is older may be forgotten.
        if (last.at < at - keptMs + hour) continue;
        expect(book.heldAll(key)).toEqual(held);
        expect(book.held(key, last.region)).toEqual(last);
        expect(book.held(key, "sa-east-1")).toBeUndefined();
        expect(quantityHeld(book, key)).toBe(Math.max(...held.map(({ quantity }) => quantity)));
      }
      expect(book.heldAll(new UsageKeys(known).keyOf("nobody", { dimension: "d0", hourAt: 0 }))).toEqual([]);
    }),
    { numRuns: 60 },
  );
});

const one: Sent = { buyer: 1, dimension: 1, hoursAgo: 1, quantity: 1, status: "Success" };

test("what nothing can happen to any more is let go of", () => {
  const book = createBook(known, 2);
  const first = callOf(startAt, "us-east-1", [one, { ...one, buyer: 2 }]);
  book.see(first);
  const [record] = first.records;
  const key = record === undefined ? -1 : usageOf(first, record, known).key;
  expect(book.heldAll(key)).toHaveLength(1);
  // There is room for two.
  book.see(callOf(startAt + keptMs + hour, "us-east-1", [one, { ...one, buyer: 2 }]));
  expect(book.heldAll(key)).toEqual([]);
});

test("an earlier call begins another look", () => {
  const book = createBook(known, 1);
  book.see(callOf(startAt + 1, "us-east-1", [one]));
  const again = callOf(startAt, "us-east-1", [{ ...one, buyer: 2 }]);
  book.see(again);
  const [record] = again.records;
  expect(record && book.heldAll(usageOf(again, record, known).key)).toMatchObject([{ requestId: again.requestId }]);
});

test("more than it may hold is refused, with the number and what to ask instead", () => {
  const records = [0, 1, 2].map((buyer) => ({ ...one, buyer }));
  const call = callOf(startAt, "us-east-1", records);
  expect(() => createBook(known, 3).see(call)).not.toThrow();
  expect(() => createBook(known, 2).see(call)).toThrow(
    "The doctor can hold 2 records of a day and a half at most, and there are more.",
  );
  const keys = new UsageKeys(known, 2);
  expect(() => call.records.map((record) => keys.of(call, record))).toThrow(TooManyRecordsError);
  expect(() => call.records.map((record) => keys.of(call, record))).toThrow("2 pairs of customer and dimension");
});

test("a key is of one holder, dimension and hour", () => {
  const keys = new UsageKeys(known);
  const hours = [-hour, 0, startAt, startAt + hour, Date.parse("2088-01-01T00:00:00Z")];
  const made = ["a", "b"].flatMap((holder) =>
    ["x", "y"].flatMap((dimension) => hours.map((hourAt) => keys.keyOf(holder, { dimension, hourAt }))),
  );
  expect(new Set(made).size).toBe(20);
  expect(made.every(Number.isSafeInteger)).toBe(true);
  expect(keys.keyOf("b", { dimension: "y", hourAt: startAt })).toBe(made[17]);
});
