/**
 * What time brings about for agreements: what is announced before the end of a term, its end, the end of a final hour.
 * Everything is due at an instant that follows from the agreement alone, and is done once: `announcedDays` says how far
 * the announcements have come.
 */
import { dayMs, secondMs } from "../api/limits.ts";
import type { Settings } from "../api/settings.ts";
import type { Agreement } from "../api/types.ts";
import { announcementDays, renewalUpcomingDays, termsFinalDays } from "../rules/announcements.ts";
import type { Catalog } from "../store/catalog.ts";
import { contractValue } from "./agreementEntitlements.ts";
import type { LifecycleEvent } from "./notifications/events.ts";

export interface Due {
  readonly agreement: Agreement;
  /** Business time. */
  readonly at: number;
  /** A number: what is announced so many days before the end. */
  readonly what: "final-hour-over" | "term-over" | number;
}

/** The earliest at or before `now`, so that effects come in order. */
export function nextDue(catalog: Catalog, settings: Settings, now: number): Due | undefined {
  let next: Due | undefined;
  for (const agreement of catalog.all().agreements) {
    const due = dueOf(agreement, settings);
    if (due !== undefined && due.at <= now && (next === undefined || due.at < next.at)) next = due;
  }
  return next;
}

/** What time brings about next for this agreement, whenever that is. */
export function dueOf(agreement: Agreement, settings: Settings): Due | undefined {
  const { startedAt, endingAt, endedAt, endsAt, announcedDays = Number.POSITIVE_INFINITY } = agreement;
  if (startedAt === undefined || endedAt !== undefined) return undefined;
  if (endingAt !== undefined) {
    return { agreement, at: endingAt + settings.finalHourSec * secondMs, what: "final-hour-over" };
  }
  if (endsAt === undefined) return undefined;
  for (const days of announcementDays) {
    if (days === renewalUpcomingDays && agreement.autoRenew !== true) continue;
    const at = endsAt - days * dayMs;
    // A term that was never so long has no such announcement.
    if (days < announcedDays && at > startedAt) return { agreement, at, what: days };
  }
  return { agreement, at: endsAt, what: "term-over" };
}

/** What is announced so many days before the end of a term. */
export function announcements(agreement: Agreement, days: number, catalog: Catalog): readonly LifecycleEvent[] {
  const renewal = (kind: "agreement-renewal-terms-finalized" | "agreement-renewal-upcoming"): LifecycleEvent => ({
    kind,
    tcv: contractValue(agreement, catalog),
  });
  if (days === renewalUpcomingDays) return [renewal("agreement-renewal-upcoming")];
  const ending: LifecycleEvent = { kind: "agreement-ending", daysBeforeEndTime: days };
  const isFinal = days === termsFinalDays && agreement.autoRenew === true;
  return isFinal ? [ending, renewal("agreement-renewal-terms-finalized")] : [ending];
}
