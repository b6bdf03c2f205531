/** Which agreement usage is charged under, hour for hour: the parts of a time for which that is one and the same. */
import { dayMs, hourMs } from "../api/limits.ts";
import type { Agreement, Offer } from "../api/types.ts";
import type { Range } from "./months.ts";

export interface Segment extends Range {
  /** undefined: the catalogue has none for it. */
  readonly agreement: Agreement | undefined;
  /** Within a free trial: accepted, and priced at nothing (B-89). */
  readonly isTrial: boolean;
}

/** One after the other, over the whole of `range`. `agreements` in order of acceptance. */
export function segmentsOf(
  agreements: readonly Agreement[],
  offerOf: (id: string) => Offer | undefined,
  finalHourMs: number,
  range: Range,
): readonly Segment[] {
  const terms = agreements.map((agreement) => termsOf(agreement, offerOf, finalHourMs));
  const borders = terms
    .flatMap(({ fromAt, toAt, trialEndsAt }) => [fromAt, toAt, trialEndsAt])
    .filter((at) => at > range.fromAt && at < range.toAt);
  const starts = [...new Set([range.fromAt, ...borders])].sort((a, b) => a - b);
  const segments: Segment[] = [];
  for (const [place, fromAt] of starts.entries()) {
    const toAt = starts[place + 1] ?? range.toAt;
    const found = chargedTo(terms, fromAt);
    const segment = {
      fromAt,
      toAt,
      agreement: found?.agreement,
      isTrial: found !== undefined && fromAt < found.trialEndsAt,
    };
    const last = segments.at(-1);
    if (last !== undefined && last.agreement === segment.agreement && last.isTrial === segment.isTrial) {
      segments[segments.length - 1] = { ...last, toAt };
    } else segments.push(segment);
  }
  return segments;
}

/** Full hours. */
export interface Terms extends Range {
  readonly agreement: Agreement;
  /** Hours that start before it are of the trial. */
  readonly trialEndsAt: number;
}

export function termsOf(agreement: Agreement, offerOf: (id: string) => Offer | undefined, finalHourMs: number): Terms {
  const { acceptedAt, startedAt = acceptedAt, endedAt, endsAt, autoRenew, freeTrial, offerId } = agreement;
  const endingAt = agreement.endingAt ?? (autoRenew === true ? undefined : endsAt);
  const untilAt = endedAt ?? (endingAt === undefined ? Number.POSITIVE_INFINITY : endingAt + finalHourMs);
  const days = offerId === undefined ? undefined : offerOf(offerId)?.freeTrialDays;
  // A trial without an offer of its own has no length: all of it is the trial.
  const trialMs = days === undefined ? Number.POSITIVE_INFINITY : days * dayMs;
  return {
    agreement,
    fromAt: Math.floor(startedAt / hourMs) * hourMs,
    toAt: Math.ceil(untilAt / hourMs) * hourMs,
    trialEndsAt: freeTrial ? Math.ceil((startedAt + trialMs) / hourMs) * hourMs : Number.NEGATIVE_INFINITY,
  };
}

/**
 * As usage is accepted: the first of those that hold at the hour. Where none does, such as for a task that runs on after
 * its subscription, the one that held last.
 */
function chargedTo(terms: readonly Terms[], at: number): Terms | undefined {
  return (
    terms.find(({ fromAt, toAt }) => at >= fromAt && at < toAt) ??
    terms.findLast(({ fromAt }) => at >= fromAt) ??
    terms.at(0)
  );
}
