/** Hours, months and readable instants. UTC throughout. */
import { dayMs, hourMs } from "../api/limits.ts";

/** The hour bucket of a usage timestamp: floor(epoch seconds / 3600) (B-57, B-58). */
export function hourOf(timestampSec: number): number {
  return Math.floor(timestampSec / 3_600);
}

export function floorHourMs(atMs: number): number {
  return Math.floor(atMs / hourMs) * hourMs;
}

/** First instant of the UTC month that holds `atMs`. */
export function monthStartMs(atMs: number): number {
  const date = new Date(atMs);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1);
}

/**
 * Milliseconds of a timestamp in seconds. Rounding must not carry a record into the next hour, so it stops one
 * millisecond before it.
 */
export function timestampMs(timestampSec: number): number {
  const ms = Math.min(Math.round(timestampSec * 1_000), (hourOf(timestampSec) + 1) * hourMs - 1);
  // Numbers that JSON can say in seconds and a double cannot in milliseconds; far out of every window as it is.
  return Math.max(-Number.MAX_VALUE, Math.min(ms, Number.MAX_VALUE));
}

/** ISO text for messages; instants outside of what a date can hold are given as numbers. */
export function showTime(atMs: number): string {
  return Math.abs(atMs) <= 8.64e15 ? new Date(atMs).toISOString().replace(".000Z", "Z") : `${atMs / 1_000} s`;
}

/** "23 h 59 min", "6 h 0 min 1 s": exact to the second, so that an edge can be read off; beyond weeks in days. */
export function showSpan(spanMs: number): string {
  const days = Math.floor(Math.abs(spanMs) / dayMs);
  if (days > 1_000_000) return "more than a million days";
  if (days > 31) return `${days} days`;
  const seconds = Math.floor(Math.abs(spanMs) / 1_000);
  const parts = [`${Math.floor(seconds / 3_600)} h`, `${Math.floor((seconds % 3_600) / 60)} min`];
  if (seconds % 60 !== 0) parts.push(`${seconds % 60} s`);
  return parts.join(" ");
}
