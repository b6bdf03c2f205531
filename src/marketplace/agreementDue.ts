/**
 * What time brings about for agreements: what is announced before the end of a term, its end, the end of a final hour.
 * Everything is due at an instant that follows from the agreement alone, and is done once: `announcedDays` says how far
 * the announcements have come.
 */
import { dayMs, secondMs } from "../api/limits.ts";
import type { Settings } from "../api/settings.ts";
import type { Agreement } from "../api/types.ts";
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

/** SPEC D.4, `Purchase Agreement Ending`. */
const countdownDays = [180, 120, 90, 60, 30];
/**
 * AWS fixes neither of these: sellers write deadlines into their renewal terms, and the reference samples them with 30
 * days. Terms here have no deadlines, so these hold for all: the terms are final with the last countdown, and the
 * renewal is near a week before it comes.
 */
const termsFinalDays = 30;
const renewalUpcomingDays = 7;
const announcementDays = [...countdownDays, renewalUpcomingDays];

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

/**
 * The changed agreement, with the announcements that its terms have now: those of a new end come anew; those whose time
 * is past at `at` are not made up for; none comes twice for the same end.
 */
export function rescheduled(changed: Agreement, before: Agreement, at: number): Agreement {
  const { announcedDays: _days, ...rest } = changed;
  const { endsAt, autoRenew } = changed;
  if (endsAt === before.endsAt && autoRenew === before.autoRenew) return changed;
  const announced = endsAt === before.endsAt ? before.announcedDays : undefined;
  const passed = endsAt === undefined ? undefined : announcementDays.findLast((days) => endsAt - days * dayMs <= at);
  const days = Math.min(announced ?? Number.POSITIVE_INFINITY, passed ?? Number.POSITIVE_INFINITY);
  return Number.isFinite(days) ? { ...rest, announcedDays: days } : rest;
}
