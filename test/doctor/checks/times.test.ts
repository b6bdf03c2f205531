/** Usage of the wrong time, and hours without any. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { closeToWindow } from "../../../src/doctor/checks/closeToWindow.ts";
import { addHour, gapsOf, hoursIn, type Span } from "../../../src/doctor/checks/hourRuns.ts";
import { hoursWithoutRecords } from "../../../src/doctor/checks/hoursWithoutRecords.ts";
import { lateByTimeZone } from "../../../src/doctor/checks/lateByTimeZone.ts";
import { buyerAccount, hour, lookAt, noon, observedBatch, observedMeter, productCode } from "../support.ts";

const minute = 60_000;
const start = Date.parse("2026-08-10T00:00:00Z");
const outOfBounds = "TimestampOutOfBoundsException";

describe("close-to-window", () => {
  const old = (ageMs: number, more: Parameters<typeof observedBatch>[0] = {}, callAt = noon) =>
    observedBatch({ at: callAt, records: [{ timestamp: callAt - ageMs, quantity: 3 }], ...more });
  const look = closeToWindow;

  test("accepted in the last hour", () => {
    const [finding] = lookAt(look, [
      old(23 * hour, { requestId: "late" }),
      old(23 * hour + 50 * minute, {}, noon + 3 * hour),
    ]);
    expect(finding).toMatchObject({ severity: "risk", count: 2, productCode });
    expect(finding?.evidence[0]).toBe("late");
    expect(finding?.title).toContain("the latest 0 h 10 min before its end");
    expect(finding).not.toHaveProperty("quantities");
  });

  test("nothing: late but fine, and a replay of what came in time", () => {
    expect(lookAt(look, [old(23 * hour - 1)])).toEqual([]);
    const inTime = old(hour);
    const replay = { ...inTime, requestId: "replay", at: inTime.at + 22.5 * hour };
    expect(lookAt(look, [inTime, replay])).toEqual([]);
    const elsewhere = { ...replay, records: replay.records.map((one) => ({ ...one, status: "Replayed" as const })) };
    expect(lookAt(look, [elsewhere])).toHaveLength(1);
  });

  test("the month's end: until 06:00 of the first", () => {
    const first = Date.parse("2026-09-01T05:30:00Z");
    expect(lookAt(look, [old(6 * hour, {}, first)])).toHaveLength(1);
    expect(lookAt(look, [old(6 * hour, {}, first - hour)])).toEqual([]);
    expect(lookAt(look, [old(5 * hour, {}, first)])).toEqual([]);
  });

  test("refused: lost, once, unless it was stored", () => {
    const refused = old(25 * hour, { outcome: outOfBounds, requestId: "refused" });
    const again = { ...refused, at: noon + minute, requestId: "again" };
    expect(lookAt(look, [refused, again])).toMatchObject([
      { severity: "lost-revenue", count: 1, quantities: { requests: 3 }, evidence: ["refused"] },
    ]);
    const stored = old(hour, {}, noon - 24 * hour);
    expect(lookAt(look, [stored, refused])).toEqual([]);
  });

  test("nothing: the others of a refused batch, and usage before a subscription", () => {
    const batch = observedBatch({
      outcome: outOfBounds,
      records: [
        { timestamp: noon - 30 * hour, quantity: 3 },
        { quantity: 100, dimension: "storage" },
      ],
    });
    expect(lookAt(look, [batch])).toMatchObject([{ count: 1, quantities: { requests: 3 } }]);
    expect(lookAt(look, [old(5 * hour, { outcome: outOfBounds })])).toEqual([]);
  });

  test("MeterUsage has 6 hours", () => {
    const meter = (ageMs: number) => observedMeter({ records: [{ timestamp: noon - ageMs }] });
    expect(lookAt(look, [meter(5.5 * hour)])).toHaveLength(1);
    expect(lookAt(look, [meter(4.9 * hour)])).toEqual([]);
  });
});

describe("late-by-time-zone", () => {
  const look = lateByTimeZone;
  /** Calls at odd minutes, stamped with their own time, off by so much. */
  const stamped = (count: number, offMs: number, more: Parameters<typeof observedBatch>[0] = {}) =>
    Array.from({ length: count }, (_, n) => {
      const at = start + n * hour + (n * 17 + 4) * minute + 7_000;
      return observedBatch({ at, records: [{ timestamp: at - offMs - 2_000, quantity: 4 }], ...more });
    });

  test("east: in the future, refused", () => {
    const [finding] = lookAt(look, stamped(3, -2 * hour, { outcome: outOfBounds }));
    expect(finding).toMatchObject({ severity: "lost-revenue", count: 3, quantities: { requests: 12 }, productCode });
    expect(finding?.title).toContain("3 records lay in the future");
    // Hours of local time, sent an hour later.
    const floored = observedBatch({ outcome: outOfBounds, records: [{ timestamp: noon + hour / 2 }] });
    expect(lookAt(look, [floored])).toHaveLength(1);
  });

  test.each([
    [5 * hour, "5:00"],
    [3.5 * hour, "3:30"],
    [8 * hour, "8:00"],
  ])("west: accepted for the wrong hours, %i ms behind", (offMs, shown) => {
    const [finding] = lookAt(look, stamped(4, offMs));
    expect(finding).toMatchObject({ severity: "risk", count: 4 });
    expect(finding?.title).toContain(`Timestamps of 4 of 4 calls lie ${shown} hours before the call`);
  });

  test("west of MeterUsage: refused", () => {
    const calls = stamped(3, 8 * hour, { outcome: outOfBounds }).map((call) => ({
      ...call,
      operation: "MeterUsage" as const,
    }));
    const findings = lookAt(look, calls);
    expect(findings).toMatchObject([{ severity: "lost-revenue", count: 3, quantities: { requests: 12 } }]);
    expect(lookAt(closeToWindow, calls)).toEqual([]);
    // Too few to tell: they are just too old.
    expect(lookAt(look, calls.slice(0, 2))).toEqual([]);
    expect(lookAt(closeToWindow, calls.slice(0, 2))).toMatchObject([{ count: 2 }]);
  });

  test("nothing: hours that are sent on the hour, however late; stamps of an hour ago; usage of an outage", () => {
    const onTheHour = (lag: number, into: number) =>
      Array.from({ length: 30 }, (_, n) => {
        const at = start + n * hour + 5_000;
        return observedBatch({ at, records: [{ timestamp: at - 5_000 - lag * hour + into }] });
      });
    for (const lag of [1, 3, 5, 8]) {
      for (const into of [0, hour - 1, hour - 1_000, hour / 2]) expect(lookAt(look, onTheHour(lag, into))).toEqual([]);
    }
    expect(lookAt(look, stamped(20, hour))).toEqual([]);
    expect(lookAt(look, [...stamped(2, 5 * hour), ...stamped(20, 10 * minute)])).toEqual([]);
    const spread = Array.from({ length: 20 }, (_, n) =>
      observedBatch({ at: noon, records: [{ timestamp: noon - n * 27 * minute }] }),
    );
    expect(lookAt(look, spread)).toEqual([]);
  });

  test("nothing: a clock some minutes ahead, years in the future, and a stamp that came true", () => {
    const ahead = (offMs: number) => lookAt(look, stamped(3, -offMs, { outcome: outOfBounds }));
    expect(ahead(10 * minute)).toEqual([]);
    expect(ahead(900 * hour)).toEqual([]);
    const [early] = stamped(1, -hour, { outcome: outOfBounds });
    const record = early?.records[0];
    if (early === undefined || record === undefined) throw new Error("there is one");
    const inTime = {
      ...early,
      at: early.at + 2 * hour,
      outcome: "Success",
      records: [{ ...record, status: "Success" as const }],
    };
    expect(lookAt(look, [early, inTime])).toEqual([]);
  });
});

describe("hours-without-records", () => {
  const look = hoursWithoutRecords;
  /** Every hour a minute after its end; `quantity` 0 every fourth hour; hours of `left` are left out. */
  const hourly = (
    hours: number,
    left: readonly number[] = [],
    more: { account?: string; zeros?: boolean; from?: number } = {},
  ) => {
    const { account = buyerAccount, zeros = true, from = 0 } = more;
    return Array.from({ length: hours - from }, (_, index) => index + from).flatMap((n) =>
      left.includes(n)
        ? []
        : [
            observedBatch({
              at: start + (n + 1) * hour + minute,
              requestId: `${account}-${n}`,
              records: [
                { timestamp: start + n * hour, customerAccountId: account, quantity: zeros && n % 4 === 0 ? 0 : 5 + n },
              ],
            }),
          ],
    );
  };
  const metered = [{ productCode, buyerAccountId: buyerAccount, from: start - 99 * hour }];
  const nowAfter = (hours: number) => ({ now: start + hours * hour + 5 * minute });

  test("a gap, in runs", () => {
    expect(lookAt(look, hourly(24, [5, 6, 11]), { ...nowAfter(24), metered })).toEqual([
      expect.objectContaining({
        severity: "risk",
        productCode,
        count: 3,
        title:
          "3 hours of 1 customer passed without a record, although the product is metered every hour: " +
          "2026-08-10T05:00:00Z to 2026-08-10T07:00:00Z of 1 customer, " +
          "2026-08-10T11:00:00Z to 2026-08-10T12:00:00Z of 1 customer.",
      }),
    ]);
  });

  test("of several customers at once", () => {
    const other = "555555555555";
    const calls = [...hourly(24, [5, 6]), ...hourly(24, [5, 6], { account: other })];
    const both = [...metered, { productCode, buyerAccountId: other, from: 0 }];
    const [finding] = lookAt(look, calls, { ...nowAfter(24), metered: both });
    expect(finding).toMatchObject({ count: 4 });
    expect(finding?.title).toContain("of 2 customers");
  });

  test("up to now, as far as the customer could be metered", () => {
    const calls = hourly(10);
    const hours = (known: object) => lookAt(look, calls, { ...nowAfter(20), ...known })[0]?.count;
    // Two hours and what the client takes may be on their way.
    expect(hours({ metered })).toBe(8);
    expect(hours({ metered: metered.map((one) => ({ ...one, to: start + 14.5 * hour })) })).toBe(3);
    expect(hours({ metered: metered.map((one) => ({ ...one, to: start + 11 * hour })) })).toBeUndefined();
    expect(hours({})).toBeUndefined();
  });

  test("from files: gaps within a day", () => {
    expect(lookAt(look, hourly(24, [5, 6, 11]), nowAfter(24))).toMatchObject([{ count: 3 }]);
    const away = Array.from({ length: 30 }, (_, n) => n + 100);
    expect(lookAt(look, hourly(200, away), nowAfter(200))).toEqual([]);
  });

  test("nothing: usage alone is sent, a few hours were, or the customer was away", () => {
    expect(lookAt(look, hourly(24, [5, 6], { zeros: false }), { ...nowAfter(24), metered })).toEqual([]);
    expect(lookAt(look, hourly(5, [3]), { ...nowAfter(24), metered })).toEqual([]);
    const left = Array.from({ length: 12 }, (_, n) => n + 8);
    expect(lookAt(look, hourly(24, left), { ...nowAfter(24), metered })).toEqual([]);
    const twice = [
      { productCode, buyerAccountId: buyerAccount, from: start, to: start + 9 * hour },
      { productCode, buyerAccountId: buyerAccount, from: start + 20 * hour },
    ];
    expect(lookAt(look, hourly(24, left), { ...nowAfter(24), metered: twice })).toEqual([]);
  });

  test("nothing: an outage that was made good, and hours that were sent for in vain", () => {
    const missed = [5, 6, 7];
    const late = missed.map((n) =>
      observedBatch({ at: start + 20 * hour, records: [{ timestamp: start + n * hour }] }),
    );
    expect(lookAt(look, [...hourly(24, missed), ...late], { ...nowAfter(24), metered })).toEqual([]);
    const refused = missed.map((n) =>
      observedBatch({
        at: start + (n + 1) * hour,
        outcome: "ThrottlingException",
        records: [{ timestamp: start + n * hour }],
      }),
    );
    expect(lookAt(look, [...hourly(24, missed), ...refused], { ...nowAfter(24), metered })).toEqual([]);
  });

  test("spans of hours, in whatever order they come", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 60 }), (hours) => {
        const spans: Span[] = [];
        for (const one of hours) addHour(spans, one * hour);
        const distinct = [...new Set(hours)].toSorted((a, b) => a - b);
        expect(hoursIn(spans)).toBe(distinct.length);
        const all = spans.flatMap(({ from, to }) =>
          Array.from({ length: (to - from) / hour }, (_, n) => from / hour + n),
        );
        expect(all).toEqual(distinct);
        const [first = 0] = distinct;
        const end = 50;
        if (hours.length > 0) expect(hoursIn(gapsOf(spans, end * hour))).toBe(end - first - distinct.length);
        expect(gapsOf(spans, end * hour)).toHaveLength(spans.length);
      }),
    );
  });
});
