/** A set of hours that mostly follow on each other, as the spans that they make: small for months of a customer. */
import { hourMs } from "../../api/limits.ts";

/** [from, to) in epoch milliseconds. */
export interface Span {
  from: number;
  to: number;
}

/** Adds the hour that starts at `hourAt`; `spans` are in order, apart from each other, and stay so. */
export function addHour(spans: Span[], hourAt: number): void {
  // From the end: hours come about in order.
  let index = spans.length;
  while (index > 0 && (spans[index - 1]?.from ?? 0) > hourAt) index -= 1;
  const before = spans[index - 1];
  const after = spans[index];
  if (before !== undefined && hourAt < before.to) return;
  const joinsBefore = before?.to === hourAt;
  const joinsAfter = after?.from === hourAt + hourMs;
  if (before !== undefined && joinsBefore) {
    before.to = after !== undefined && joinsAfter ? after.to : hourAt + hourMs;
    if (joinsAfter) spans.splice(index, 1);
  } else if (after !== undefined && joinsAfter) after.from = hourAt;
  else spans.splice(index, 0, { from: hourAt, to: hourAt + hourMs });
}

/** What is between the spans, and after the last up to `end`. */
export function gapsOf(spans: readonly Span[], end: number): readonly Span[] {
  return spans
    .map(({ to }, index) => ({ from: to, to: spans[index + 1]?.from ?? end }))
    .filter(({ from, to }) => to > from);
}

/** How many hours the spans have. */
export function hoursIn(spans: readonly Span[]): number {
  return spans.reduce((sum, { from, to }) => sum + (to - from) / hourMs, 0);
}

/** The whole hours of `spans` that lie within one of `periods` entirely. */
export function hoursWithin(spans: readonly Span[], periods: readonly Span[]): readonly Span[] {
  return spans.flatMap((span) =>
    periods.flatMap((period) => {
      const from = Math.max(span.from, Math.ceil(period.from / hourMs) * hourMs);
      const to = Math.min(span.to, Math.floor(period.to / hourMs) * hourMs);
      return to > from ? [{ from, to }] : [];
    }),
  );
}
