/** How far back charts look, in business time, and how long their buckets are. */

export const ranges = [
  { id: "24h", text: "24 hours", hours: 24, by: "hour", bucketHours: 1 },
  { id: "7d", text: "7 days", hours: 168, by: "6-hours", bucketHours: 6 },
  { id: "30d", text: "30 days", hours: 720, by: "day", bucketHours: 24 },
] as const;
export type Range = (typeof ranges)[number];

const msPerHour = 3_600_000;

export interface Span {
  readonly by: Range["by"];
  readonly from: string;
  readonly to: string;
}

/**
 * Ends with the bucket that `now` is in, so that it stays the same until the clock comes to the next one: what was asked
 * before is then known.
 */
export function spanOf({ hours, bucketHours, by }: Range, now: string): Span {
  const bucketMs = bucketHours * msPerHour;
  const last = Math.floor(Date.parse(now) / bucketMs) * bucketMs;
  const first = Math.max(0, last - hours * msPerHour + bucketMs);
  return { by, from: new Date(first).toISOString(), to: new Date(last).toISOString() };
}

/** `10:00` within a day, else `15 Aug` with the hour where buckets are shorter than a day. */
export function bucketText(at: Date, by: Range["by"]): string {
  const time = at.toISOString().slice(11, 16);
  if (by === "hour") return time;
  const day = at.toLocaleDateString("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
  return by === "day" ? day : `${day}\n${time}`;
}

const large = new Intl.NumberFormat("en-GB", { notation: "compact", maximumFractionDigits: 1 });

export function compact(value: number): string {
  return Math.abs(value) < 10_000 ? value.toLocaleString("en-GB") : large.format(value);
}
