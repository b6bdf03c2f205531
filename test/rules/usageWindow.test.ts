import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Settings } from "../../src/api/settings.ts";
import type { Revision } from "../../src/api/types.ts";
import { requireBatchWindow, requireMeterWindow, subscriptionStartEdge } from "../../src/rules/usageWindow.ts";
import { dayMs, hourMs, refusal, settings } from "./facts.ts";

/* The models below count calendar hours and days, where the rules subtract milliseconds. */

interface Calendar {
  readonly month: number;
  readonly date: string;
  readonly day: number;
  readonly hour: number;
}

function calendar(at: number): Calendar {
  const iso = new Date(at).toISOString();
  const [date = "", time = ""] = iso.split("T");
  const [year, month, day] = date.split("-").map(Number);
  return { month: (year ?? 0) * 12 + (month ?? 0), date, day: day ?? 0, hour: Number(time.slice(0, 2)) };
}

function hourNumber(at: number): number {
  return Math.floor(at / hourMs);
}

function batchAccepts(at: number, now: number, switches: Settings): boolean {
  const { revision, windowRounding, monthEndGrace, futureToleranceSec } = switches;
  if (at > now + futureToleranceSec * 1_000) return false; // B-55
  const [stamp, call] = [calendar(at), calendar(now)];
  if (revision === "2026") {
    const isGrace = call.day === 1 && call.hour < 6;
    if (stamp.month < call.month && !isGrace) return false; // B-53, B-54
    const yesterday = calendar(now - dayMs).date;
    if (monthEndGrace === "extend" && isGrace && stamp.date === yesterday) return true; // J-30
  }
  const hours = { "2026": 24, "2024": 6, "2021": 1 }[revision]; // B-50
  if (windowRounding === "hour") return hourNumber(now) - hourNumber(at) <= hours; // B-52
  return revision === "2026" ? now - at < hours * hourMs : now - at <= hours * hourMs; // B-51
}

function meterAccepts(at: number, now: number, launchedAt: number | undefined, switches: Settings): boolean {
  if (at > now + switches.futureToleranceSec * 1_000) return false;
  if (now - at > (switches.revision === "2021" ? 1 : 6) * hourMs) return false; // M-9
  return launchedAt === undefined || hourNumber(at) >= hourNumber(launchedAt); // M-10
}

const instant = fc.integer({ min: Date.UTC(2000, 0), max: Date.UTC(2100, 0) });
const nearly = fc.oneof(fc.constantFrom(-1, 0, 1), fc.integer({ min: -2_000, max: 2_000 }), fc.constant(-hourMs));

/** Any instant, or one around the start of a month, the end of its grace, or a leap day. */
const nows = fc.oneof(
  instant,
  fc
    .record({
      year: fc.constantFrom(2000, 2023, 2024, 2026, 2028, 2100),
      month: fc.integer({ min: 0, max: 11 }),
      hour: fc.constantFrom(-1, 0, 1, 5, 6, 7, 24, 30),
      off: nearly,
    })
    .map(({ year, month, hour, off }) => Date.UTC(year, month, 1, hour) + off),
  fc.constantFrom(2024, 2028, 2000).map((year) => Date.UTC(year, 1, 29, 23, 59, 59, 999)),
);

/** A call and a stamp that lies near some edge of some rule, or anywhere in four days. */
function callAndStamp(futureToleranceSec: number): fc.Arbitrary<{ readonly now: number; readonly at: number }> {
  return nows.chain((now) => {
    const { year, month } = { year: new Date(now).getUTCFullYear(), month: new Date(now).getUTCMonth() };
    const monthStart = Date.UTC(year, month, 1);
    const floored = hourNumber(now) * hourMs;
    const edges = [
      ...[1, 6, 24].flatMap((hours) => [now - hours * hourMs, floored - hours * hourMs]),
      now,
      now + futureToleranceSec * 1_000,
      monthStart,
      monthStart - dayMs,
      Date.UTC(year, month - 1, 1),
      monthStart + 6 * hourMs,
    ];
    const stamp = fc.oneof(
      { arbitrary: fc.tuple(fc.constantFrom(...edges), nearly).map(([edge, off]) => edge + off), weight: 4 },
      { arbitrary: fc.integer({ min: now - 3 * dayMs, max: now + dayMs }), weight: 1 },
    );
    return stamp.map((at) => ({ now, at }));
  });
}

const revisions = ["2026", "2024", "2021"] as const;
const roundings = ["exact", "hour"] as const;
const graces = ["cutoff", "extend"] as const;
const tolerances = [0, 300, 0.001, 86_400] as const;
const runs = { numRuns: 1_000 };

function batchRefusal(at: number, now: number, overrides: Partial<Settings> = {}) {
  return refusal(() => requireBatchWindow(at, now, settings(overrides), "UsageRecords[0].Timestamp"))?.name;
}

const outOfBounds = "TimestampOutOfBoundsException";

describe("window of BatchMeterUsage equals a calendar model (B-50 to B-55, J-30)", () => {
  const switches = revisions.flatMap((revision) =>
    roundings.flatMap((windowRounding) =>
      graces.flatMap((monthEndGrace) =>
        tolerances.map((futureToleranceSec) => ({ revision, windowRounding, monthEndGrace, futureToleranceSec })),
      ),
    ),
  );
  test.each(switches)("%o", (overrides) => {
    let accepted = 0;
    let refused = 0;
    fc.assert(
      fc.property(callAndStamp(overrides.futureToleranceSec), ({ now, at }) => {
        const expected = batchAccepts(at, now, settings(overrides));
        if (expected) accepted += 1;
        else refused += 1;
        const why = `now ${new Date(now).toISOString()}, stamp ${new Date(at).toISOString()}`;
        expect(batchRefusal(at, now, overrides), why).toBe(expected ? undefined : outOfBounds);
      }),
      runs,
    );
    // The generator reaches both sides of the edges.
    expect(Math.min(accepted, refused)).toBeGreaterThan(runs.numRuns / 20);
  });
});

describe("window of BatchMeterUsage, edge by edge", () => {
  const now = Date.UTC(2026, 7, 15, 10, 20);
  test.each<[Revision, number]>([
    ["2026", 24 * hourMs - 1],
    ["2024", 6 * hourMs],
    ["2021", hourMs],
  ])("B-50, B-51: revision %s accepts an age of %d ms and not one more", (revision, oldest) => {
    expect(batchRefusal(now - oldest, now, { revision })).toBeUndefined();
    expect(batchRefusal(now - oldest - 1, now, { revision })).toBe(outOfBounds);
  });

  test("B-52: with windowRounding = hour the edge is the full hour, inclusive", () => {
    const edge = Date.UTC(2026, 7, 15, 4);
    expect(batchRefusal(edge, now, { revision: "2024", windowRounding: "hour" })).toBeUndefined();
    expect(batchRefusal(edge - 1, now, { revision: "2024", windowRounding: "hour" })).toBe(outOfBounds);
  });

  test.each([
    ["March, 31 days", Date.UTC(2026, 3, 1)],
    ["February of a leap year", Date.UTC(2028, 2, 1)],
    ["February of another year", Date.UTC(2026, 2, 1)],
    ["December", Date.UTC(2027, 0, 1)],
  ])("B-53: %s closes at 06:00:00 of the first", (_, monthStart) => {
    const last = monthStart - 1;
    expect(batchRefusal(last, monthStart + 6 * hourMs - 1_000)).toBeUndefined();
    expect(batchRefusal(last, monthStart + 6 * hourMs - 1)).toBeUndefined();
    expect(batchRefusal(last, monthStart + 6 * hourMs)).toBe(outOfBounds);
    expect(batchRefusal(monthStart, monthStart + 6 * hourMs)).toBeUndefined();
  });

  test.each<[Revision]>([["2024"], ["2021"]])("B-54: revision %s knows no month end", (revision) => {
    const now = Date.UTC(2026, 3, 1, 6);
    expect(batchRefusal(now - hourMs, now, { revision })).toBeUndefined();
    const midnight = Date.UTC(2026, 3, 1, 0, 30);
    expect(batchRefusal(midnight - hourMs, midnight, { revision })).toBeUndefined();
  });

  test("J-30: extend takes the whole last day before 06:00, and nothing before that day", () => {
    const monthStart = Date.UTC(2026, 3, 1);
    const call = monthStart + 6 * hourMs - 1;
    const extend = { monthEndGrace: "extend" } as const;
    expect(batchRefusal(monthStart - dayMs, call, extend)).toBeUndefined();
    expect(batchRefusal(monthStart - dayMs - 1, call, extend)).toBe(outOfBounds);
    expect(batchRefusal(monthStart - dayMs, call + 1, extend)).toBe(outOfBounds);
    expect(batchRefusal(monthStart - dayMs, call, { monthEndGrace: "cutoff" })).toBe(outOfBounds);
  });

  test("B-55: the future begins after the tolerance", () => {
    expect(batchRefusal(now + 300_000, now)).toBeUndefined();
    expect(batchRefusal(now + 300_001, now)).toBe(outOfBounds);
    expect(batchRefusal(now + 1, now, { futureToleranceSec: 0 })).toBe(outOfBounds);
  });

  test("B-55: a stamp in milliseconds, or beyond all dates, is refused in words", () => {
    const milliseconds = refusal(() => requireBatchWindow(now * 1_000, now, settings(), "here"));
    expect(milliseconds?.message).toContain("It looks like milliseconds");
    const beyond = refusal(() => requireBatchWindow(1e300, now, settings(), "here"));
    expect(beyond?.name).toBe(outOfBounds);
    expect(beyond?.message).not.toMatch(/Invalid|NaN/);
    expect(batchRefusal(-1e300, now)).toBe(outOfBounds);
  });
});

describe("window of MeterUsage equals a calendar model (M-9 to M-11)", () => {
  const switches = revisions.flatMap((revision) =>
    tolerances.flatMap((futureToleranceSec) =>
      // B-52 and B-53 belong to BatchMeterUsage: their switches change nothing here.
      roundings.map((windowRounding) => ({ revision, futureToleranceSec, windowRounding })),
    ),
  );
  test.each(switches)("%o", (overrides) => {
    const call = callAndStamp(overrides.futureToleranceSec).chain(({ now, at }) =>
      fc
        .option(
          fc.oneof(
            nearly,
            fc.constantFrom(-5, 0, 1, 59, 61, 200).map((minutes) => minutes * 60_000),
          ),
        )
        .map((off) => ({ now, at, launchedAt: off === null ? undefined : at + off })),
    );
    fc.assert(
      fc.property(call, ({ now, at, launchedAt }) => {
        const expected = meterAccepts(at, now, launchedAt, settings(overrides));
        const why = `now ${new Date(now).toISOString()}, stamp ${new Date(at).toISOString()}, launched ${launchedAt}`;
        const name = refusal(() => requireMeterWindow(at, now, launchedAt, settings(overrides), "Timestamp"))?.name;
        expect(name, why).toBe(expected ? undefined : outOfBounds);
      }),
      runs,
    );
  });

  test("M-9: exactly 6 hours pass in 2026 too", () => {
    const now = Date.UTC(2026, 7, 15, 10, 20);
    const accepts = (age: number) =>
      refusal(() => requireMeterWindow(now - age, now, undefined, settings(), "")) === undefined;
    expect(accepts(6 * hourMs)).toBe(true);
    expect(accepts(6 * hourMs + 1)).toBe(false);
  });
});

test("B-56: the start is compared by its hour, or exactly", () => {
  fc.assert(
    fc.property(instant, (startedAt) => {
      expect(subscriptionStartEdge(startedAt, settings())).toBe(hourNumber(startedAt) * hourMs);
      expect(subscriptionStartEdge(startedAt, settings({ subscriptionStartRounding: "exact" }))).toBe(startedAt);
    }),
  );
});
