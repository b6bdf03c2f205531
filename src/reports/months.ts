/** Months, days and invoice dates in UTC; AWS's reports know no other zone. Instants are epoch milliseconds. */
import { dayMs } from "../api/limits.ts";

export interface Range {
  readonly fromAt: number;
  /** Exclusive. */
  readonly toAt: number;
}

/** Of `2026-08`. */
export function monthRange(month: string): Range {
  const fromAt = Date.parse(`${month}-01T00:00:00Z`);
  return { fromAt, toAt: monthAfter(fromAt, 1) };
}

/** Of `2026-08-15`. */
export function dayRange(day: string): Range {
  const fromAt = Date.parse(`${day}T00:00:00Z`);
  return { fromAt, toAt: fromAt + dayMs };
}

export function monthBefore(range: Range): Range {
  return { fromAt: monthAfter(range.fromAt, -1), toAt: range.fromAt };
}

/** Usage of a month is invoiced on the second or third of the next (H-22): here, at the start of the second. */
export function invoicedAt(month: Range): number {
  return month.toAt + dayMs;
}

/** `2026-08-15` */
export function dayText(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

/** As the feeds write instants: whole seconds. */
export function secondText(at: number): string {
  return new Date(at).toISOString().replace(/\.\d+Z$/, "Z");
}

function monthAfter(at: number, months: number): number {
  const start = new Date(at);
  return Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + months);
}
