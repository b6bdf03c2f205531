import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { floorHourMs, hourOf, monthStartMs, showSpan, showTime, timestampMs } from "../../src/rules/times.ts";
import { hourMs } from "./facts.ts";

const seconds = fc.oneof(
  fc.double({ min: 0, max: 4_102_444_800, noNaN: true }),
  // Just before and just after a full hour, by as little as a double can say.
  fc
    .tuple(fc.integer({ min: 1, max: 1_139_567 }), fc.constantFrom(-1e-6, -2.4e-7, 0, 2.4e-7, 1e-6, -0.0004, -0.0006))
    .map(([hour, off]) => hour * 3_600 + off),
);

describe("usage timestamps", () => {
  test("B-57, B-58: a fraction never moves a record into another hour", () => {
    fc.assert(
      fc.property(seconds, (timestampSec) => {
        expect(floorHourMs(timestampMs(timestampSec))).toBe(hourOf(timestampSec) * hourMs);
        expect(Math.abs(timestampMs(timestampSec) - timestampSec * 1_000)).toBeLessThanOrEqual(1);
      }),
      { numRuns: 2_000 },
    );
  });

  test("B-57: the hour is floor(epoch / 3600)", () => {
    expect(hourOf(Date.UTC(2026, 7, 15, 10, 59, 59) / 1_000 + 0.999)).toBe(Date.UTC(2026, 7, 15, 10) / hourMs);
    expect(hourOf(Date.UTC(2026, 7, 15, 11) / 1_000)).toBe(Date.UTC(2026, 7, 15, 11) / hourMs);
  });
});

test("B-53: the month starts at midnight UTC of its first day", () => {
  fc.assert(
    fc.property(fc.date({ min: new Date(0), max: new Date("2100-01-01T00:00:00Z"), noInvalidDate: true }), (date) => {
      expect(new Date(monthStartMs(date.getTime())).toISOString()).toBe(
        `${date.toISOString().slice(0, 7)}-01T00:00:00.000Z`,
      );
    }),
  );
});

test("instants and spans are shown so that an edge can be read off", () => {
  expect(showTime(Date.UTC(2026, 7, 15))).toBe("2026-08-15T00:00:00Z");
  expect(showTime(Date.UTC(2026, 7, 15) + 1)).toBe("2026-08-15T00:00:00.001Z");
  expect(showTime(1e20)).toBe("100000000000000000 s");
  expect(showSpan(24 * hourMs)).toBe("24 h 0 min");
  expect(showSpan(-(6 * hourMs + 61_000))).toBe("6 h 1 min 1 s");
});
