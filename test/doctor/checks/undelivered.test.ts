/** Records that came back, or went down with others, and what became of them. */
import { describe, expect, test } from "vitest";
import { batchLostToOneRecord } from "../../../src/doctor/checks/batchLostToOneRecord.ts";
import { unprocessedNeverResent } from "../../../src/doctor/checks/unprocessedNeverResent.ts";
import { hour, lookAt, noon, observedBatch, productCode, type RecordInput, sellerCaller } from "../support.ts";

const timestamp = "2026-08-15T11:00:00Z";
const one: RecordInput = { timestamp, quantity: 40 };
const minutesAfter = (minutes: number): number => noon + minutes * 60_000;
const later = { now: noon + hour };

describe("unprocessed-never-resent", () => {
  const back = observedBatch({ requestId: "back", records: [{ ...one, status: "Unprocessed" }] });
  const look = unprocessedNeverResent;

  test("a record that came back and was left there", () => {
    const storage = observedBatch({
      requestId: "storage",
      at: minutesAfter(1),
      records: [
        { timestamp, dimension: "storage", quantity: 2, status: "Unprocessed" },
        { ...one, quantity: 40 },
      ],
    });
    const other = { ...one, customerAccountId: "555555555555", quantity: 2, status: "Unprocessed" } as const;
    const again = observedBatch({ requestId: "again", at: minutesAfter(2), records: [other] });
    expect(lookAt(look, [back, again], later)).toEqual([
      expect.objectContaining({
        severity: "lost-revenue",
        productCode,
        caller: sellerCaller,
        count: 2,
        quantities: { requests: 42 },
        evidence: ["back", "again"],
        title: "2 records came back in UnprocessedRecords and never arrived later: 42 units of requests not billed.",
      }),
    ]);
    // The first was delivered by the call of the second.
    expect(lookAt(look, [back, storage], later)).toMatchObject([{ count: 1, quantities: { storage: 2 } }]);
  });

  test.each<[string, RecordInput]>([
    ["sent again", { ...one }],
    ["replayed", { ...one, status: "Replayed" }],
    ["sent with what came since", { ...one, quantity: 50 }],
    ["sent with another stamp of the hour", { ...one, timestamp: "2026-08-15T11:59:59Z" }],
  ])("nothing: %s", (_, record) => {
    const good = { ...one, customerAccountId: "555555555555" };
    const again = observedBatch({ at: minutesAfter(55), records: [good, record] });
    expect(lookAt(look, [back, again], { now: noon + 9 * hour })).toEqual([]);
  });

  test("nothing: sent in another Region, or stored before it came back", () => {
    const elsewhere = observedBatch({ at: minutesAfter(5), region: "us-west-2", records: [one] });
    expect(lookAt(look, [back, elsewhere], later)).toEqual([]);
    const before = observedBatch({ at: minutesAfter(-1), records: [one] });
    expect(lookAt(look, [before, back], later)).toEqual([]);
  });

  test.each<[string, RecordInput, number]>([
    ["another hour", { ...one, timestamp: "2026-08-15T10:00:00Z" }, 40],
    ["another dimension", { ...one, dimension: "storage" }, 40],
    ["another customer", { ...one, customerAccountId: "555555555555" }, 40],
    ["a part of it", { ...one, quantity: 30 }, 10],
  ])("%s does not deliver it", (_, record, lost) => {
    const again = observedBatch({ at: minutesAfter(5), records: [record] });
    expect(lookAt(look, [back, again], later)).toMatchObject([{ count: 1, quantities: { requests: lost } }]);
  });

  test("a refused call does not deliver it", () => {
    const refused = observedBatch({ at: minutesAfter(5), outcome: "ThrottlingException", records: [one] });
    expect(lookAt(look, [back, refused], later)).toMatchObject([{ count: 1 }]);
  });

  test("not before its time: 15 minutes, or half as much again as the client was seen to take", () => {
    expect(lookAt(look, [back], { now: minutesAfter(15) - 1 })).toEqual([]);
    expect(lookAt(look, [back], { now: minutesAfter(15) })).toHaveLength(1);
    const slow = [
      observedBatch({
        at: minutesAfter(-120),
        records: [{ timestamp: "2026-08-15T09:00:00Z", status: "Unprocessed" }],
      }),
      observedBatch({ at: minutesAfter(-60), records: [{ timestamp: "2026-08-15T09:00:00Z" }] }),
    ];
    expect(lookAt(look, [...slow, back], { now: minutesAfter(90) - 1 })).toEqual([]);
    expect(lookAt(look, [...slow, back], { now: minutesAfter(90) })).toHaveLength(1);
  });

  test("one that is found long before the trail ends, and a record of nothing", () => {
    const next = observedBatch({ at: noon + 40 * hour });
    expect(lookAt(look, [back, next], { now: noon + 40 * hour })).toMatchObject([{ quantities: { requests: 40 } }]);
    const empty = observedBatch({ records: [{ ...one, quantity: 0, status: "Unprocessed" }] });
    const [finding] = lookAt(look, [empty], later);
    expect(finding).toMatchObject({ severity: "risk", count: 1 });
    expect(finding).not.toHaveProperty("quantities");
  });

  test("by licence, and by identifier what was sent by account", () => {
    const licenseArn = `arn:aws:license-manager::294406891311:license:l-${"a".repeat(32)}`;
    const byLicense = observedBatch({ records: [{ ...one, licenseArn, status: "Unprocessed" }] });
    const byOther = observedBatch({
      at: minutesAfter(5),
      records: [{ ...one, licenseArn: licenseArn.replace("a".repeat(32), "b".repeat(32)) }],
    });
    expect(lookAt(look, [byLicense, byOther], later)).toHaveLength(1);
    const accountOf = (record: { customerIdentifier?: string; customerAccountId?: string }) =>
      record.customerIdentifier === undefined ? record.customerAccountId : "444455556666";
    const byIdentifier = observedBatch({ at: minutesAfter(5), records: [{ ...one, customerIdentifier: "aLd3r" }] });
    expect(lookAt(look, [back, byIdentifier], { ...later, accountOf })).toEqual([]);
  });
});

describe("batch-lost-to-one-record", () => {
  const look = batchLostToOneRecord;
  const customers = ["100000000001", "100000000002", "100000000003", "100000000004"];
  const good = customers.map((customerAccountId, index) => ({ ...one, customerAccountId, quantity: 10 + index }));
  const bad: RecordInput = { ...one, dimension: "reqests", quantity: 99 };
  const known = { ...later, dimensionsOf: () => ["requests", "storage"] };
  const outcome = "InvalidUsageDimensionException";
  const refused = observedBatch({ requestId: "refused", outcome, records: [...good, bad] });

  test("the others were never sent again", () => {
    expect(lookAt(look, [refused], known)).toEqual([
      expect.objectContaining({
        severity: "lost-revenue",
        productCode,
        count: 4,
        quantities: { requests: 46 },
        evidence: ["refused"],
        title:
          "4 good records went down with a refused batch (InvalidUsageDimensionException) and never arrived later: " +
          "46 units of requests not billed.",
      }),
    ]);
  });

  test("what tells the bad one: the dimensions, the message, its index; without them the largest is left out", () => {
    const lost = (errorMessage: string, dimensionsOf: () => readonly string[] | undefined) =>
      lookAt(look, [{ ...refused, errorMessage }], { ...later, dimensionsOf })[0]?.quantities;
    expect(lost("Wrong.", () => ["requests"])).toEqual({ requests: 46 });
    expect(lost("Wrong, usageDimension: reqests", () => undefined)).toEqual({ requests: 46 });
    expect(lost("UsageRecords[4] is wrong", () => undefined)).toEqual({ requests: 46 });
    expect(lost("Value at 'usageRecords.5.member.dimension'", () => undefined)).toEqual({ requests: 46 });
    expect(lost("Wrong.", () => undefined)).toEqual({ requests: 46 });
    const stamped = observedBatch({
      outcome: "TimestampOutOfBoundsException",
      records: [...good, { ...one, timestamp: noon - 25 * hour, quantity: 1 }],
    });
    expect(lookAt(look, [stamped], later)).toMatchObject([{ count: 4, quantities: { requests: 46 } }]);
  });

  test("nothing: the others sent at once without it, or in halves", () => {
    const rest = observedBatch({ at: minutesAfter(1), records: good });
    expect(lookAt(look, [refused, rest], known)).toEqual([]);
    const halves = [
      observedBatch({ at: minutesAfter(1), records: good.slice(0, 2) }),
      observedBatch({ at: minutesAfter(2), outcome, records: [...good.slice(2), bad] }),
      observedBatch({ at: minutesAfter(3), records: good.slice(2, 3) }),
      observedBatch({ at: minutesAfter(4), outcome, records: [...good.slice(3), bad] }),
      observedBatch({ at: minutesAfter(5), records: good.slice(3) }),
      observedBatch({ at: minutesAfter(6), outcome, records: [bad] }),
    ];
    expect(lookAt(look, [refused, ...halves], { ...later, dimensionsOf: () => undefined })).toEqual([]);
  });

  test("a part of the others was sent", () => {
    const rest = observedBatch({ at: minutesAfter(1), records: good.slice(0, 3) });
    expect(lookAt(look, [refused, rest], known)).toMatchObject([{ count: 1, quantities: { requests: 13 } }]);
  });

  test("the same batch again and again is one loss", () => {
    const again = observedBatch({ requestId: "again", at: minutesAfter(9), outcome, records: [...good, bad] });
    expect(lookAt(look, [refused, again], known)).toMatchObject([
      { count: 4, quantities: { requests: 46 }, evidence: ["refused", "again"] },
    ]);
  });

  test("nothing: a record by itself, a fault of no record, what was stored before, too early to tell", () => {
    expect(lookAt(look, [observedBatch({ outcome, records: [bad] })], known)).toEqual([]);
    for (const fault of ["ThrottlingException", "InternalServiceErrorException", "InvalidProductCodeException"]) {
      expect(lookAt(look, [{ ...refused, outcome: fault }], known)).toEqual([]);
    }
    const stored = observedBatch({ at: minutesAfter(-1), records: good });
    expect(lookAt(look, [stored, refused], known)).toEqual([]);
    expect(lookAt(look, [refused], { ...known, now: minutesAfter(14) })).toEqual([]);
  });

  test("all of them are wrong: nobody else was lost", () => {
    const all = good.map((record) => ({ ...record, dimension: "reqests" }));
    expect(lookAt(look, [observedBatch({ outcome, records: all })], known)).toEqual([]);
    const strangers = observedBatch({ outcome: "InvalidCustomerIdentifierException", records: good });
    expect(lookAt(look, [strangers], known)).toEqual([]);
    const [stranger, ...others] = good;
    const before = observedBatch({
      at: noon - 60_000,
      records: others.map((record) => ({ ...record, timestamp: noon })),
    });
    const named = { ...strangers, errorMessage: `The account ${stranger?.customerAccountId} does not exist.` };
    expect(lookAt(look, [before, named], known)).toMatchObject([{ count: 3 }]);
  });

  test("26 records: none of them is the bad one", () => {
    const many = Array.from({ length: 26 }, (_, n) => ({
      ...one,
      customerAccountId: String(100000000000 + n),
      quantity: 1,
    }));
    const batch = observedBatch({ outcome: "ValidationException", records: many });
    expect(lookAt(look, [batch], known)).toMatchObject([{ count: 26, quantities: { requests: 26 } }]);
  });

  test("a batch of records of nothing", () => {
    const empty = good.map((record) => ({ ...record, quantity: 0 }));
    expect(lookAt(look, [observedBatch({ outcome, records: [...empty, bad] })], known)).toMatchObject([
      { severity: "risk", count: 4 },
    ]);
  });
});
