import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Agreement } from "../../src/api/types.ts";
import { agreementState, isBillable, isEntitled, isMeterable } from "../../src/rules/agreements.ts";
import { account, agreement, hourMs, now, product, settings, without } from "./facts.ts";

type Times = Partial<Pick<Agreement, "startedAt" | "endingAt" | "endedAt" | "failedAt">>;

/** Of an agreement that has no times but these. */
function stateAt(times: Times, at: number, finalHourSec = 3_600) {
  return agreementState({ ...without(agreement(), "startedAt"), ...times }, at, settings({ finalHourSec }));
}

const order = ["pending", "payment-failed", "active", "final-hour", "ended"];
const time = fc.integer({ min: 0, max: 20 });
const anyTimes: fc.Arbitrary<Times> = fc.record(
  { startedAt: time, endingAt: time, endedAt: time, failedAt: time },
  { requiredKeys: [] },
);
/** A life as the marketplace makes it: it starts, then ends; where the payment fails, before it starts. */
const life = fc
  .tuple(fc.uniqueArray(time, { minLength: 4, maxLength: 4 }), fc.subarray([0, 1, 2, 3]))
  .map(([instants, chosen]): Times => {
    const [failedAt = 0, startedAt = 0, endingAt = 0, endedAt = 0] = instants.toSorted((a, b) => a - b);
    const times = { failedAt, startedAt, endingAt, endedAt };
    const names = ["failedAt", "startedAt", "endingAt", "endedAt"] as const;
    return Object.fromEntries(chosen.map((index) => [names[index], times[names[index] ?? "endedAt"]]));
  });
const finalHour = fc.constantFrom(0, 0.001, 0.005, 3_600);

describe("the state of an agreement over time", () => {
  test("B-80 to B-84: it only moves forward", () => {
    fc.assert(
      fc.property(life, finalHour, (times, finalHourSec) => {
        let reached = 0;
        for (let at = -1; at <= 30; at += 1) {
          const rank = order.indexOf(stateAt(times, at, finalHourSec));
          expect(rank, `at ${at}: ${order[rank]} after ${order[reached]}`).toBeGreaterThanOrEqual(reached);
          reached = rank;
        }
      }),
      { numRuns: 1_000 },
    );
  });

  test("B-88: what has not happened yet changes nothing", () => {
    fc.assert(
      fc.property(anyTimes, fc.integer({ min: -1, max: 21 }), finalHour, (times, at, finalHourSec) => {
        const past = Object.fromEntries(Object.entries(times).filter(([, when]) => when <= at));
        expect(stateAt(times, at, finalHourSec)).toBe(stateAt(past, at, finalHourSec));
      }),
      { numRuns: 2_000 },
    );
  });

  test("B-80, B-83: whatever the times, usage is taken only between the start and the end", () => {
    fc.assert(
      fc.property(anyTimes, fc.integer({ min: -1, max: 30 }), finalHour, (times, at, finalHourSec) => {
        const one = { ...without(agreement(), "startedAt"), ...times };
        const isTaken = isMeterable(one, at, settings({ finalHourSec }));
        expect(isTaken).toBe(["active", "final-hour"].includes(stateAt(times, at, finalHourSec)));
        if (!isTaken) return;
        const { startedAt, endingAt, endedAt } = times;
        expect(startedAt, "never started").toBeLessThanOrEqual(at);
        if (endedAt !== undefined) expect(at).toBeLessThan(endedAt);
        if (endingAt !== undefined) expect(at).toBeLessThan(endingAt + finalHourSec * 1_000);
      }),
      { numRuns: 2_000 },
    );
  });

  const hour = 10 * hourMs;
  test.each<[string, Times, number, string]>([
    ["B-80: nothing has come yet", {}, hour, "pending"],
    ["B-80: one millisecond before the start", { startedAt: hour + 1 }, hour, "pending"],
    ["B-81: from the start on", { startedAt: hour }, hour, "active"],
    ["N-9: the payment failed", { failedAt: hour }, hour, "payment-failed"],
    ["N-9: before the payment failed", { failedAt: hour + 1 }, hour, "pending"],
    ["N-9: paid at the second attempt", { failedAt: 1, startedAt: 2 }, hour, "active"],
    ["B-82: the hour begins with unsubscribe-pending", { startedAt: 0, endingAt: hour }, hour, "final-hour"],
    ["B-82: its last millisecond", { startedAt: 0, endingAt: hour }, hour + hourMs - 1, "final-hour"],
    ["B-83: the hour is over", { startedAt: 0, endingAt: hour }, hour + hourMs, "ended"],
    ["B-83: unsubscribe-success in the hour", { startedAt: 0, endingAt: hour, endedAt: hour + 5 }, hour + 5, "ended"],
    ["B-83: unsubscribe-success alone", { startedAt: 0, endedAt: hour }, hour, "ended"],
    ["B-80: cancelled before it ever started: no final hour", { endingAt: hour }, hour, "ended"],
  ])("%s", (_, times, at, state) => {
    expect(stateAt(times, at)).toBe(state);
  });

  test("B-82 to B-86: finalHourSec is how long the final hour lasts", () => {
    const times = { startedAt: 0, endingAt: hour };
    expect(stateAt(times, hour, 0)).toBe("ended");
    expect(stateAt(times, hour + 89_999, 90)).toBe("final-hour");
    expect(stateAt(times, hour + 90_000, 90)).toBe("ended");
  });

  test("B-84, N-24: the end of the purchase agreement changes nothing by itself", () => {
    expect(agreementState(agreement({ agreementEndedAt: now - 1 }), now, settings())).toBe("active");
  });
});

describe("who may use a product", () => {
  const open = agreement();
  const ended = agreement({ endedAt: now - 1 });
  test("B-85: a suspended or unknown buyer may not, whatever was bought", () => {
    expect(isEntitled(account(), [open], now, settings())).toBe(true);
    expect(isEntitled(account({ suspended: true }), [open], now, settings())).toBe(false);
    expect(isEntitled(undefined, [open], now, settings())).toBe(false);
  });
  test("B-87: one open agreement is enough", () => {
    expect(isEntitled(account(), [], now, settings())).toBe(false);
    expect(isEntitled(account(), [ended], now, settings())).toBe(false);
    expect(isEntitled(account(), [ended, open], now, settings())).toBe(true);
  });
});

describe("what is billed", () => {
  const grown = product({ dimensions: [{ name: "alerts", kind: "metered", addedAt: 1_000 }] });
  test.each<[string, Partial<Agreement>, boolean]>([
    ["public offer, dimension from before", { acceptedAt: 1_001 }, true],
    ["public offer, dimension from after", { acceptedAt: 999 }, true],
    ["private offer, dimension from before", { acceptedAt: 1_001, privateOffer: true }, true],
    ["private offer, both at once", { acceptedAt: 1_000, privateOffer: true }, true],
    ["private offer, dimension from after", { acceptedAt: 999, privateOffer: true }, false],
  ])("B-42: %s", (_, overrides, billable) => {
    expect(isBillable(agreement(overrides), "alerts", grown)).toBe(billable);
  });
});
