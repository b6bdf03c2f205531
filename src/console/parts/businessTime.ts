/** What the business clock shows, and times that are chosen by it: months and days in UTC. */
import { useApi } from "./query.ts";

export const hourMs = 3_600_000;
export const dayMs = 24 * hourMs;

/** Epoch milliseconds; undefined until the server has answered. */
export function useBusinessNow(): number | undefined {
  const { data } = useApi<{ readonly now: string }>("clock", "/clock", {}, { everyMs: 5_000 });
  return data === undefined ? undefined : Date.parse(data.now);
}

/** `2026-08`; `months` later, or earlier where it is negative. */
export function monthText(at: number, months = 0): string {
  const day = new Date(at);
  return new Date(Date.UTC(day.getUTCFullYear(), day.getUTCMonth() + months)).toISOString().slice(0, 7);
}

/** `2026-08-15` */
export function dayText(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

/** The instant that was meant by a month, a day, or a day and a time without a zone, which is UTC; else the text itself. */
export function instantText(text: string): string {
  if (/^\d{4}-\d{2}$/.test(text)) return `${text}-01T00:00:00Z`;
  if (/^\d{4}-\d{2}-\d{2}$/.test(text)) return `${text}T00:00:00Z`;
  const time = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2})(:\d{2}(?:\.\d+)?)?(?: ?UTC)?$/.exec(text);
  return time === null ? text : `${time[1]}T${time[2]}${time[3] ?? ":00"}Z`;
}

const monthNames = new Intl.DateTimeFormat("en-GB", { month: "long", year: "numeric", timeZone: "UTC" });

/** Of `2026-08`: `August 2026`. */
export function monthName(month: string): string {
  const at = Date.parse(`${month}-01T00:00:00Z`);
  return Number.isNaN(at) ? month : monthNames.format(at);
}
