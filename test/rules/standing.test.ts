/** What is worked out once for a stretch of time is the same at any instant of it, and never kinder than the rules. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Agreement } from "../../src/api/types.ts";
import { isMeterable } from "../../src/rules/agreements.ts";
import { standingOf } from "../../src/rules/standing.ts";
import { batchWindow, requireBatchWindow } from "../../src/rules/usageWindow.ts";
import { agreement, dayMs, hourMs, now, refusal, settings } from "./facts.ts";

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
