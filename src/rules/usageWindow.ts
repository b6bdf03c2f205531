/** How old, how new and how early a usage timestamp may be (B-50 to B-56, M-9 to M-11). */
import { ServiceError } from "../api/errors.ts";
import { batchUsageAgeMaxMs, dayMs, meterUsageAgeMaxMs, monthEndGraceMs, secondMs } from "../api/limits.ts";
import type { Settings } from "../api/settings.ts";
import { floorHourMs, monthStartMs, showSpan, showTime } from "./times.ts";

function outOfBounds(at: number, where: string, why: string): ServiceError {
  return new ServiceError(
    "TimestampOutOfBoundsException",
    `The timestamp ${showTime(at)} (${where}) is out of bounds: ${why}`,
  );
}

function requireNotFuture(at: number, now: number, settings: Settings, where: string): void {
  if (at <= now + settings.futureToleranceSec * secondMs) return; // B-55
  const looksLikeMs = at / 1_000 <= now + dayMs && at / 1_000 > now - 366 * dayMs;
  throw outOfBounds(
    at,
    where,
    `it lies in the future by ${showSpan(at - now)}; now is ${showTime(now)} and at most ` +
      `${settings.futureToleranceSec} s ahead are accepted.${
        looksLikeMs ? " It looks like milliseconds: send epoch seconds." : " Check that local time is not sent as UTC."
      }`,
  );
}

/** Day 1 before 06:00 UTC, and the stamp lies on the last day of the month before (B-53, J-30). */
function isExtended(at: number, now: number, settings: Settings): boolean {
  if (settings.monthEndGrace !== "extend") return false;
  const monthStart = monthStartMs(now);
  return now < monthStart + monthEndGraceMs && at < monthStart && at >= monthStart - dayMs;
}

/**
 * Stamps from `from` to `to`, epoch milliseconds and inclusive, are surely taken by `requireBatchWindow`; of others it has
 * to be asked. For whoever has many stamps to judge at one instant.
 */
export function batchWindow(now: number, settings: Settings): { readonly from: number; readonly to: number } {
  const { revision } = settings;
  const limit = batchUsageAgeMaxMs[revision];
  const monthStart = monthStartMs(now);
  const oldest = settings.windowRounding === "hour" ? floorHourMs(now) - limit : now - limit + 1;
  const isMonthClosed = revision === "2026" && now >= monthStart + monthEndGraceMs;
  return {
    from: isMonthClosed ? Math.max(oldest, monthStart) : oldest,
    to: now + settings.futureToleranceSec * secondMs,
  };
}

/** Throws TimestampOutOfBoundsException for a BatchMeterUsage record. `at` and `now` in epoch milliseconds. */
export function requireBatchWindow(at: number, now: number, settings: Settings, where: string): void {
  const { revision } = settings;
  requireNotFuture(at, now, settings, where);
  if (revision === "2026") {
    // B-53, B-54: the previous month closes at 06:00:00 on day 1.
    const monthStart = monthStartMs(now);
    if (at < monthStart && now >= monthStart + monthEndGraceMs) {
      throw outOfBounds(
        at,
        where,
        `it lies in an earlier month, and the last one closed at ${showTime(monthStart + monthEndGraceMs)}; now is ${showTime(now)}.`,
      );
    }
  }
  const limit = batchUsageAgeMaxMs[revision];
  const age = now - at;
  const tooOld =
    settings.windowRounding === "hour"
      ? at < floorHourMs(now) - limit // B-52
      : revision === "2026"
        ? age >= limit // B-51: 24 hours or more
        : age > limit;
  if (!tooOld || (revision === "2026" && isExtended(at, now, settings))) return;
  throw outOfBounds(
    at,
    where,
    `it is ${showSpan(age)} old; usage is accepted ${revision === "2026" ? "less than" : "up to"} ` +
      `${showSpan(limit)} after the event and now is ${showTime(now)}. One such record voids the whole batch: send the others without it.`,
  );
}

/** Throws TimestampOutOfBoundsException for a MeterUsage call (M-9, M-10). */
export function requireMeterWindow(
  at: number,
  now: number,
  launchedAt: number | undefined,
  settings: Settings,
  where: string,
): void {
  requireNotFuture(at, now, settings, where);
  const limit = meterUsageAgeMaxMs[settings.revision];
  if (now - at > limit) {
    throw outOfBounds(
      at,
      where,
      `it is ${showSpan(now - at)} old; MeterUsage accepts usage up to ${showSpan(limit)} after the event and now is ${showTime(now)}.`,
    );
  }
  if (launchedAt !== undefined && at < floorHourMs(launchedAt)) {
    throw outOfBounds(at, where, `the workload was launched only at ${showTime(launchedAt)}; send usage from then on.`);
  }
}

/** The earliest stamp that counts as "after the subscription began" (B-56). */
export function subscriptionStartEdge(startedAt: number, settings: Settings): number {
  return settings.subscriptionStartRounding === "hour" ? floorHourMs(startedAt) : startedAt;
}

/** Throws TimestampOutOfBoundsException: usage from before the subscription. */
export function beforeSubscription(at: number, startedAt: number, where: string): ServiceError {
  return outOfBounds(
    at,
    where,
    `the customer's subscription began only at ${showTime(startedAt)}; send usage from then on.`,
  );
}
