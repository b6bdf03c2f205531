/** What is announced before the end of an agreement's term, and when. */
import { dayMs } from "../api/limits.ts";
import type { Agreement } from "../api/types.ts";

/** SPEC D.4, `Purchase Agreement Ending`. */
const countdownDays = [180, 120, 90, 60, 30];
/**
 * AWS fixes neither of these: sellers write deadlines into their renewal terms, and the reference samples them with 30
 * days. Terms here have no deadlines, so these hold for all: the terms are final with the last countdown, and the
 * renewal is near a week before it comes.
 */
export const termsFinalDays = 30;
export const renewalUpcomingDays = 7;
export const announcementDays: readonly number[] = [...countdownDays, renewalUpcomingDays];

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
