/** What is worked out once for a stretch of time is the same at any instant of it, and never kinder than the rules. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Agreement } from "../../src/api/types.ts";
import { isMeterable } from "../../src/rules/agreements.ts";
import { settledAgreement, standingOf } from "../../src/rules/standing.ts";
import { type BatchFacts, decideBatch, type RecordFacts } from "../../src/rules/usageRecords.ts";
import { batchWindow, requireBatchWindow } from "../../src/rules/usageWindow.ts";
import {
  account,
  agreement,
  buyerId,
  dayMs,
  hourMs,
  licenseArn,
  now,
  product,
  productCode,
  refusal,
  sellerId,
  settings,
} from "./facts.ts";

const time = fc.integer({ min: -240, max: 240 }).map((tenth) => now + tenth * 6 * 60_000);
const someAgreement = fc
  .record(
    {
      startedAt: time,
      endingAt: time,
      endedAt: time,
      endsAt: time,
      failedAt: time,
      autoRenew: fc.boolean(),
    },
    { requiredKeys: [] },
  )
  .map((times): Agreement => {
    const { startedAt: _, ...rest } = agreement();
    return { ...rest, ...times };
  });

describe("a standing", () => {
  test("is the same at every instant from `from` until `until`", () => {
    fc.assert(
      fc.property(fc.array(someAgreement, { maxLength: 4 }), time, time, (agreements, at, later) => {
        const standing = standingOf(agreements, at, settings());
        expect(at >= standing.from && at < standing.until).toBe(true);
        if (later < standing.from || later >= standing.until) return;
        expect(standingOf(agreements, later, settings())).toEqual(standing);
        const open = agreements.filter((one) => isMeterable(one, later, settings()));
        expect(standing.open.map((one) => one.agreement)).toEqual(open);
      }),
      { numRuns: 3_000 },
    );
  });

  test("ends where the final hour of an agreement does", () => {
    const ending = agreement({ startedAt: now - dayMs, endingAt: now - 60_000 });
    expect(standingOf([ending], now, settings()).until).toBe(now - 60_000 + hourMs);
  });
});

describe("a settled agreement", () => {
  /** Error or outcome of one record stamped `at`. */
  function decided(facts: RecordFacts, settledFrom: number, at: number) {
    const license = facts.licensed === undefined ? {} : { LicenseArn: licenseArn };
    const usage = { Dimension: "searches", CustomerAWSAccountId: buyerId, Quantity: 1 };
    const record = { Timestamp: at / 1_000, ...usage, ...license };
    const batch: BatchFacts = { callerAccountId: sellerId, product: product(), records: [facts], settledFrom };
    let outcomes: unknown;
    const request = { ProductCode: productCode, UsageRecords: [record] };
    const error = refusal(() => {
      outcomes = decideBatch(request, batch, settings(), now);
    });
    return error === undefined ? outcomes : [error.name, error.message];
  }

  const someOffer = fc
    .tuple(fc.oneof(someAgreement, fc.constant(agreement())), fc.boolean())
    .map(([one, privateOffer]) => ({ ...one, privateOffer }));
  const stamp = fc.integer({ min: -24 * 60, max: 0 }).map((minute) => now + minute * 60_000);

  test("decides as the standing does, at any stamp", () => {
    let settledCount = 0;
    const offers = fc.array(someOffer, { maxLength: 3 });
    fc.assert(
      fc.property(offers, fc.boolean(), fc.boolean(), stamp, stamp, (all, isLicensed, suspended, from, at) => {
        const buyer = account({ suspended });
        const [licensed] = isLicensed ? all : [];
        const facts = { buyer, agreements: licensed === undefined ? all : [], licensed };
        const standing = standingOf(licensed === undefined ? all : [licensed], now, settings());
        const settled = settledAgreement(buyer, standing, from);
        if (settled !== undefined) settledCount += 1;
        expect(decided({ ...facts, standing, settled }, from, at)).toEqual(decided(facts, from, at));
      }),
      { numRuns: 3_000 },
    );
    expect(settledCount).toBeGreaterThan(100);
  });

  test("there is one of a customer of long standing; none of a suspended one, a late one or a private offer", () => {
    const of = (overrides: object, suspended = false) => {
      const standing = standingOf([agreement({ startedAt: now - 2 * dayMs, ...overrides })], now, settings());
      return settledAgreement(account({ suspended }), standing, now - dayMs)?.id;
    };
    expect(of({})).toBe("agmt-1");
    expect(of({}, true)).toBeUndefined();
    expect(of({ startedAt: now - 12 * hourMs })).toBeUndefined();
    expect(of({ privateOffer: true })).toBeUndefined();
  });
});

describe("the window of a batch", () => {
  const overrides = fc.record({
    revision: fc.constantFrom("2026" as const, "2024" as const, "2021" as const),
    windowRounding: fc.constantFrom("hour" as const, "exact" as const),
    monthEndGrace: fc.constantFrom("extend" as const, "cutoff" as const),
  });
  const instant = fc.integer({ min: Date.UTC(2026, 6, 30), max: Date.UTC(2026, 7, 4) });

  test("holds only stamps that the rule takes", () => {
    fc.assert(
      fc.property(
        instant,
        fc.integer({ min: -60, max: 2 }),
        fc.integer({ min: -2, max: 2 }),
        overrides,
        (at, h, ms, o) => {
          const set = settings(o);
          const window = batchWindow(at, set);
          for (const stamp of [at + h * hourMs + ms, window.from, window.to]) {
            if (stamp < window.from || stamp > window.to) continue;
            expect(refusal(() => requireBatchWindow(stamp, at, set, "here"))).toBeUndefined();
          }
        },
      ),
      { numRuns: 3_000 },
    );
  });

  test("reaches as far as the rule, but where a month's end extends it", () => {
    const set = settings();
    const { from, to } = batchWindow(now, set);
    expect(refusal(() => requireBatchWindow(to + 1, now, set, "here"))?.name).toBe("TimestampOutOfBoundsException");
    expect(refusal(() => requireBatchWindow(from - 1, now, set, "here"))?.name).toBe("TimestampOutOfBoundsException");
  });
});
