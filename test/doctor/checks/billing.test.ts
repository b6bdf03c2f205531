/** Usage that is billed twice or more, and batches of a few records. */
import { describe, expect, test } from "vitest";
import { billedTwiceBothIdentifiers } from "../../../src/doctor/checks/billedTwiceBothIdentifiers.ts";
import { billedTwiceTwoRegions } from "../../../src/doctor/checks/billedTwiceTwoRegions.ts";
import { runningTotals } from "../../../src/doctor/checks/runningTotals.ts";
import { smallBatches } from "../../../src/doctor/checks/smallBatches.ts";
import type { ObservedCall } from "../../../src/doctor/observed.ts";
import { hour, lookAt, noon, observedBatch, productCode, type RecordInput } from "../support.ts";

const minute = 60_000;
const timestamp = "2026-08-15T11:00:00Z";
const licenseArn = `arn:aws:license-manager::294406891311:license:l-${"a".repeat(32)}`;
const known = { productOfLicense: (arn: string) => (arn === licenseArn ? productCode : undefined) };

const byCode = (record: RecordInput = {}, at = noon, requestId = "by-code") =>
  observedBatch({ at, requestId, records: [{ timestamp, quantity: 5, ...record }] });

function byLicense(record: RecordInput = {}, at = noon + minute): ObservedCall {
  const { productCode: _, ...call } = observedBatch({
    ...{ at, requestId: "by-license" },
    records: [{ timestamp, quantity: 5, licenseArn, customerAccountId: "444455556666", ...record }],
  });
  return call;
}

describe("billed-twice-both-identifiers", () => {
  const look = billedTwiceBothIdentifiers;

  test("one hour by product code and by licence, whichever came first", () => {
    expect(lookAt(look, [byCode(), byLicense()], known)).toEqual([
      expect.objectContaining({
        severity: "double-billing",
        productCode,
        count: 1,
        quantities: { requests: 5 },
        evidence: ["by-code", "by-license"],
        title: "Usage of 1 hour was accepted by product code and by licence: 5 units of requests billed twice.",
      }),
    ]);
    expect(lookAt(look, [byLicense({}, noon), byCode({}, noon + minute)], known)).toMatchObject([
      { count: 1, evidence: ["by-license", "by-code"] },
    ]);
  });

  test("in one call, and by product code with licence, which is a licence's record", () => {
    const both = observedBatch({
      records: [
        { timestamp, quantity: 5 },
        { timestamp, quantity: 4, licenseArn, customerAccountId: "444455556666" },
      ],
    });
    expect(lookAt(look, [both], known)).toMatchObject([{ count: 1, quantities: { requests: 4 } }]);
  });

  test("nothing: another hour, dimension, customer, product, Region; nothing used; refused; a replay", () => {
    for (const record of [
      { timestamp: "2026-08-15T10:00:00Z" },
      { dimension: "storage" },
      { customerAccountId: "555555555555" },
      { quantity: 0 },
      { status: "DuplicateRecord" as const },
      { status: "Replayed" as const },
    ]) {
      expect(lookAt(look, [byCode(), byLicense(record)], known), JSON.stringify(record)).toEqual([]);
    }
    expect(lookAt(look, [byCode(), byLicense()], {})).toEqual([]);
    expect(lookAt(look, [{ ...byCode(), region: "us-west-2" }, byLicense()], known)).toEqual([]);
  });

  test("nothing: two licences, and the move from one to the other between two hours", () => {
    const second = licenseArn.replace("a".repeat(32), "b".repeat(32));
    const all = { productOfLicense: () => productCode };
    expect(lookAt(look, [byLicense(), byLicense({ licenseArn: second })], all)).toEqual([]);
    const moved = [byCode(), byLicense({ timestamp: "2026-08-15T12:00:00Z" }, noon + hour)];
    expect(lookAt(look, moved, known)).toEqual([]);
  });

  test("a replay of both tells it once", () => {
    const again = [
      byCode({ status: "Success" }, noon + 2 * minute, "again"),
      { ...byLicense({}, noon + 3 * minute), requestId: "once more" },
    ];
    expect(lookAt(look, [byCode(), byLicense(), ...again], known)).toMatchObject([{ count: 1 }]);
  });
});

describe("billed-twice-two-regions", () => {
  const look = billedTwiceTwoRegions;
  const west = (record: RecordInput = {}) => ({ ...byCode(record, noon + minute, "west"), region: "us-west-2" });

  test("the same record in two Regions", () => {
    expect(lookAt(look, [byCode(), west()])).toEqual([
      expect.objectContaining({
        severity: "double-billing",
        count: 1,
        quantities: { requests: 5 },
        evidence: ["by-code", "west"],
        title: "Usage of 1 hour was accepted in two Regions: 5 units of requests billed twice.",
      }),
    ]);
  });

  test("nothing: other usage, nothing used, not accepted, or replayed there", () => {
    for (const record of [
      { timestamp: "2026-08-15T10:00:00Z" },
      { quantity: 4 },
      { customerAccountId: "555555555555" },
      { status: "DuplicateRecord" as const },
    ]) {
      expect(lookAt(look, [byCode(), west(record)]), JSON.stringify(record)).toEqual([]);
    }
    expect(lookAt(look, [byCode({ quantity: 0 }), west({ quantity: 0 })])).toEqual([]);
    expect(lookAt(look, [byCode(), byCode({}, noon + minute, "again")])).toEqual([]);
  });

  test("nothing: each Region's own usage, which is the same now and then", () => {
    const calls = Array.from({ length: 20 }, (_, n) => {
      const record = { timestamp: noon - n * hour, quantity: 5 };
      return [byCode(record, noon + n, `e${n}`), { ...west({ ...record, quantity: n % 10 }), at: noon + n }];
    }).flat();
    expect(lookAt(look, calls)).toEqual([]);
  });
});

describe("small-batches", () => {
  const look = smallBatches;
  /** `minutes` minutes an hour apart, in each `count` calls of `size` records. */
  const calls = (minutes: number, count: number, size: number): readonly ObservedCall[] =>
    Array.from({ length: minutes * count }, (_, n) => {
      const at = noon + Math.floor(n / count) * hour + (n % count) * 1_000;
      const records = Array.from({ length: size }, (_, m) => ({
        timestamp: at - hour,
        customerAccountId: String(100_000_000_000 + (n % count) * 100 + m),
      }));
      return observedBatch({ at, records });
    });

  test("a call for each customer", () => {
    const [finding] = lookAt(look, calls(3, 20, 1));
    expect(finding).toMatchObject({ severity: "advice", count: 60, productCode });
    expect(finding?.title).toBe("60 records went out in 60 calls within 3 minutes, where 3 calls would have done.");
  });

  test("nothing: two minutes, few customers, full batches, and a last one that is not", () => {
    expect(lookAt(look, calls(2, 20, 1))).toEqual([]);
    expect(lookAt(look, calls(30, 9, 1))).toEqual([]);
    expect(lookAt(look, calls(5, 12, 25))).toEqual([]);
    expect(lookAt(look, calls(5, 12, 4))).toEqual([]);
    expect(lookAt(look, calls(48, 1, 1))).toEqual([]);
  });

  test("nothing: calls that send again, or fail, or come from different programs", () => {
    const [first, ...rest] = calls(1, 1, 1);
    expect(rest).toEqual([]);
    if (first === undefined) throw new Error("there is one");
    const again = Array.from({ length: 90 }, (_, n) => ({
      ...first,
      requestId: `again-${n}`,
      at: first.at + Math.floor(n / 30) * minute + n,
    }));
    expect(lookAt(look, again)).toEqual([]);
    expect(
      lookAt(
        look,
        calls(3, 20, 1).map((call) => ({
          ...call,
          outcome: "ThrottlingException",
          records: call.records.map((one) => ({ ...one, status: "Refused" as const })),
        })),
      ),
    ).toEqual([]);
    expect(
      lookAt(
        look,
        calls(3, 20, 1).map((call, n) => ({ ...call, caller: `${call.caller}${n % 5}` })),
      ),
    ).toEqual([]);
  });
});

describe("running-totals", () => {
  const look = runningTotals;
  const hours = (quantities: readonly number[]) =>
    quantities.map((quantity, n) =>
      observedBatch({ at: noon + n * hour, records: [{ timestamp: noon + (n - 1) * hour, quantity }] }),
    );
  const counter = Array.from({ length: 60 }, (_, n) => 10 + 7 * n - (n % 3));

  test("a counter that is sent as it stands", () => {
    const [finding] = lookAt(look, hours(counter));
    expect(finding).toMatchObject({ severity: "risk", count: 1, productCode });
    expect(finding?.title).toContain("1 series never fell over 60 hours");
  });

  test("nothing: two days that grow but for one hour, a gap, usage that hardly grows, usage that stays", () => {
    expect(lookAt(look, hours(counter.slice(0, 47)))).toEqual([]);
    expect(lookAt(look, hours(counter.map((quantity, n) => (n === 30 ? 1 : quantity))))).toEqual([]);
    expect(
      lookAt(
        look,
        hours(counter).filter((_, n) => n !== 30),
      ),
    ).toEqual([]);
    expect(lookAt(look, hours(counter.map((_, n) => 1000 + n)))).toEqual([]);
    expect(lookAt(look, hours(counter.map((_, n) => (n < 40 ? 10 : 10 * n))))).toEqual([]);
    const days = Array.from({ length: 240 }, (_, n) => Math.round(n / 2 + 100 + 80 * Math.sin((n * Math.PI) / 12)));
    expect(lookAt(look, hours(days))).toEqual([]);
  });
});
