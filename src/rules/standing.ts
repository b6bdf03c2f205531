/**
 * What a buyer's agreements allow, worked out once for a stretch of time: a batch asks it for each of its records, and
 * the answer stays the same until the next instant at which an agreement starts, ends or closes.
 */
import { secondMs } from "../api/limits.ts";
import type { Settings } from "../api/settings.ts";
import type { Account, Agreement } from "../api/types.ts";
import { isMeterable } from "./agreements.ts";
import { subscriptionStartEdge } from "./usageWindow.ts";

/** An agreement that takes usage, from the stamp on that its start allows. */
export interface Opening {
  readonly agreement: Agreement;
  /** Epoch milliseconds. */
  readonly stampsFrom: number;
  /** Whether all metered dimensions are billed (B-42). */
  readonly billsAll: boolean;
}

/** Good for `from <= now < until`, and for the settings it was worked out with. */
export interface Standing {
  readonly from: number;
  readonly until: number;
  /** Those that take usage, in the order of the agreements. */
  readonly open: readonly Opening[];
  /** A stamp before this lies before every start that counts (B-56, B-87); -Infinity: there is none. */
  readonly coveredFrom: number;
  /** The earliest of those starts. */
  readonly startedAt: number | undefined;
}

export function standingOf(agreements: readonly Agreement[], now: number, settings: Settings): Standing {
  const open: Opening[] = [];
  for (const agreement of agreements) {
    const { startedAt } = agreement;
    if (startedAt === undefined || !isMeterable(agreement, now, settings)) continue;
    const stampsFrom = subscriptionStartEdge(startedAt, settings);
    open.push({ agreement, stampsFrom, billsAll: !agreement.privateOffer });
  }
  // B-56, B-87: those that take usage now, or, if none does, all that ever started.
  const counted = open.length > 0 ? open.map(({ agreement }) => agreement) : agreements;
  let earliest: number | undefined;
  for (const { startedAt } of counted) {
    if (startedAt === undefined || startedAt > now) continue;
    if (earliest === undefined || startedAt < earliest) earliest = startedAt;
  }
  return {
    ...stretchAround(now, agreements, settings),
    open: open.slice(), // As long as it has to be: there may be one for each of many customers.
    coveredFrom: earliest === undefined ? Number.NEGATIVE_INFINITY : subscriptionStartEdge(earliest, settings),
    startedAt: earliest,
  };
}

/**
 * The agreement that takes, and bills, all usage of the buyer that is stamped `stampsFrom` or later: whoever knows it need
 * not ask the standing about such a stamp. undefined: there may be none, or it depends on more than the stamp.
 */
export function settledAgreement(
  buyer: Account,
  { open: [first], coveredFrom }: Standing,
  stampsFrom: number,
): Agreement | undefined {
  if (buyer.suspended || first === undefined || !first.billsAll) return undefined;
  return first.stampsFrom <= stampsFrom && coveredFrom <= stampsFrom ? first.agreement : undefined;
}

/** Between the instants at which the state of one of the agreements may change. */
function stretchAround(
  now: number,
  agreements: readonly Agreement[],
  settings: Settings,
): Pick<Standing, "from" | "until"> {
  let from = Number.NEGATIVE_INFINITY;
  let until = Number.POSITIVE_INFINITY;
  const finalHourMs = settings.finalHourSec * secondMs;
  const bound = (at: number | undefined): void => {
    if (at === undefined) return;
    if (at > now) until = Math.min(until, at);
    else from = Math.max(from, at);
  };
  for (const { startedAt, endedAt, failedAt, endingAt, endsAt } of agreements) {
    for (const at of [startedAt, endedAt, failedAt]) bound(at);
    for (const end of [endingAt, endsAt]) {
      bound(end);
      if (end !== undefined) bound(end + finalHourMs);
    }
  }
  return { from, until };
}
