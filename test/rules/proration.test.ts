import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { billedSecondsByHour, meteredFrom } from "../../src/rules/proration.ts";
import { dayMs, hourMs, settings } from "./facts.ts";

const launch = settings({ meteredFrom: "launch" });
const registration = settings({ meteredFrom: "registration" });

const start = fc.oneof(
  fc.integer({ min: Date.UTC(2020, 0), max: Date.UTC(2040, 0) }),
  // Around a full hour, to the millisecond.
  fc
    .tuple(fc.integer({ min: 438_288, max: 613_608 }), fc.integer({ min: -2, max: 2 }))
    .map(([hour, off]) => hour * hourMs + off),
);
const span = fc.oneof(
  fc.integer({ min: 0, max: 70 * 60_000 }),
  fc.integer({ min: 0, max: 4 * dayMs }),
  fc
    .tuple(fc.integer({ min: 0, max: 30 }), fc.integer({ min: -1_001, max: 1_001 }))
    .map(([hours, off]) => Math.max(0, hours * hourMs + off)),
  fc
    .tuple(fc.constantFrom(0, 59, 60, 61), fc.integer({ min: 0, max: 999 }))
    .map(([seconds, off]) => seconds * 1_000 + off),
);

describe("seconds of a life, by hour (R-10, R-13)", () => {
  test("R-13: the parts add up to max(60, whole seconds); no hour has more than 3600; none is left out", () => {
    fc.assert(
      fc.property(start, span, (startAt, spanMs) => {
        const byHour = [...billedSecondsByHour(startAt, startAt + spanMs)];
        const whole = Math.max(60, Math.floor(spanMs / 1_000));
        expect(byHour.reduce((sum, [, seconds]) => sum + seconds, 0)).toBe(whole);
        for (const [index, [hourAt, seconds]] of byHour.entries()) {
          expect(hourAt % hourMs).toBe(0);
          expect(Number.isInteger(seconds)).toBe(true);
          expect(seconds).toBeGreaterThan(0);
          expect(seconds).toBeLessThanOrEqual(3_600);
          // In order and next to each other; those in the middle are full.
          if (index > 0) expect(hourAt).toBe((byHour[index - 1]?.[0] ?? 0) + hourMs);
          if (index > 0 && index < byHour.length - 1) expect(seconds).toBe(3_600);
        }
        const [first, last] = [byHour[0]?.[0] ?? 0, byHour.at(-1)?.[0] ?? 0];
        // The first hour is the start's, unless less than a second of it was left.
        expect(first - startAt).toBeLessThan(1_000);
        expect(startAt - first).toBeLessThan(hourMs);
        expect(last).toBeLessThan(startAt + whole * 1_000);
      }),
      { numRuns: 3_000 },
    );
  });

  test("R-13: a longer life never takes seconds from an hour", () => {
    fc.assert(
      fc.property(start, span, span, (startAt, one, more) => {
        const longer = billedSecondsByHour(startAt, startAt + one + more);
        for (const [hourAt, seconds] of billedSecondsByHour(startAt, startAt + one)) {
          expect(longer.get(hourAt) ?? 0).toBeGreaterThanOrEqual(seconds);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  const at = (text: string) => Date.parse(`2026-08-15T${text}Z`);
  const show = (byHour: ReadonlyMap<number, number>) =>
    Object.fromEntries([...byHour].map(([hourAt, seconds]) => [new Date(hourAt).toISOString().slice(11, 16), seconds]));

  test("R-10, R-13: the minute is the least of a life, not of an hour", () => {
    expect(show(billedSecondsByHour(at("10:59:50"), at("11:00:10")))).toEqual({ "10:00": 10, "11:00": 50 });
    expect(show(billedSecondsByHour(at("10:59:50"), at("12:00:01")))).toEqual({
      "10:00": 10,
      "11:00": 3_600,
      "12:00": 1,
    });
    expect(show(billedSecondsByHour(at("10:00:00"), at("10:00:00")))).toEqual({ "10:00": 60 });
  });

  test("R-13: a stop before the start is a life of the least length", () => {
    expect(show(billedSecondsByHour(at("10:00:00"), at("09:00:00")))).toEqual({ "10:00": 60 });
  });
});

describe("from when on a task is metered (R-11)", () => {
  const lives = fc.record({ launchedAt: start, delay: fc.oneof(span, fc.integer({ min: 0, max: 90 * dayMs })) });

  test("R-11: within 6 hours of launch from launch; later from the launch or the month's start, whichever is later", () => {
    fc.assert(
      fc.property(lives, ({ launchedAt, delay }) => {
        const registeredAt = launchedAt + delay;
        const from = meteredFrom({ launchedAt, registeredAt }, launch);
        const month = new Date(registeredAt).toISOString().slice(0, 7);
        const isLate = delay > 6 * hourMs;
        if (!isLate) expect(from).toBe(launchedAt);
        else if (new Date(launchedAt).toISOString().slice(0, 7) === month) expect(from).toBe(launchedAt);
        else expect(new Date(from).toISOString()).toBe(`${month}-01T00:00:00.000Z`);
        expect(from).toBeGreaterThanOrEqual(launchedAt);
        expect(from).toBeLessThanOrEqual(registeredAt);
      }),
      { numRuns: 2_000 },
    );
  });

  test("R-11: meteredFrom = registration counts from the call; without a launch time both do", () => {
    fc.assert(
      fc.property(lives, ({ launchedAt, delay }) => {
        const registeredAt = launchedAt + delay;
        expect(meteredFrom({ launchedAt, registeredAt }, registration)).toBe(registeredAt);
        expect(meteredFrom({ registeredAt }, registration)).toBe(registeredAt);
        expect(meteredFrom({ registeredAt }, launch)).toBe(registeredAt);
      }),
    );
  });

  test("R-11: the edges", () => {
    const launchedAt = Date.UTC(2026, 6, 31, 20);
    const monthStart = Date.UTC(2026, 7, 1);
    const from = (delay: number) => meteredFrom({ launchedAt, registeredAt: launchedAt + delay }, launch);
    // Six hours to the millisecond reach over the month's end and still count from launch.
    expect(from(6 * hourMs)).toBe(launchedAt);
    expect(from(6 * hourMs + 1)).toBe(monthStart);
    const evening = Date.UTC(2026, 6, 31, 12);
    const last = meteredFrom({ launchedAt: evening, registeredAt: monthStart - 1 }, launch);
    const first = meteredFrom({ launchedAt: evening, registeredAt: monthStart }, launch);
    expect([last, first]).toEqual([evening, monthStart]);
  });
});
