/** What a time line of an agreement is made of, source by source: its own times, tokens, notifications, usage, calls. */
import { dayMs, hourMs, secondMs } from "../api/limits.ts";
import type { Agreement } from "../api/types.ts";
import { defined } from "../catalog/rows.ts";
import { usesOperation } from "../rules/products.ts";
import type { UsageTotal } from "../store/usageTotals.ts";
import type { ControlParts } from "./app.ts";
import { deliveryCountsOf } from "./notifications.ts";

/** In the order in which entries of one instant came about. */
export const timelineKinds = ["state", "token", "notification", "usage", "call"] as const;
export type TimelineKind = (typeof timelineKinds)[number];

export const stateEvents = [
  "accepted",
  "payment-failed",
  "started",
  "purchase-agreement-ended",
  "final-hour",
  "ended",
  "renewed",
] as const;
export const tokenEvents = ["issued", "resolved", "expired"] as const;

interface Placed {
  /** Business time. */
  readonly at: number;
  /** Tells entries of one kind and instant apart. */
  readonly key: string;
}

export interface UsageOfDimension {
  readonly dimension: string;
  readonly quantity: number;
  readonly records: number;
  readonly billable: boolean;
}

export type TimelineEntry = Placed &
  (
    | { readonly kind: "state"; readonly event: (typeof stateEvents)[number]; readonly agreement?: string }
    | { readonly kind: "token"; readonly event: (typeof tokenEvents)[number] }
    | {
        readonly kind: "notification";
        readonly id: string;
        readonly name: string;
        readonly form: "sns" | "eventbridge";
      }
    | {
        readonly kind: "usage";
        readonly dayAt: number;
        readonly records: number;
        /** The largest, by quantity. */
        readonly dimensions: readonly UsageOfDimension[];
        /** How many more there are. */
        readonly otherDimensions: number;
      }
    | {
        readonly kind: "call";
        readonly requestId: string;
        readonly operation: string;
        readonly outcome: string;
        /** Of the audit trail: the list goes on after it. */
        readonly position: string;
      }
  );

/** Where a page begins: after this entry, in its direction. */
export interface TimelinePlace extends Placed {
  readonly rank: number;
  /** Of the last call that was shown. */
  readonly call?: string | undefined;
}

export interface TimelineInput {
  readonly agreement: Agreement;
  readonly isNewestFirst: boolean;
  readonly after: TimelinePlace | undefined;
  /** What a source gives at most. */
  readonly limit: number;
}

/** How far back notifications of one agreement reach here; the list of notifications has them all. */
const notificationsMax = 1_000;
const dimensionsMax = 8;
const windowDays = 31;

export function rankOf({ kind }: Pick<TimelineEntry, "kind">): number {
  return timelineKinds.indexOf(kind);
}

/** The times that the agreement carries, as far as they have come. */
export function stateEntries({ catalog, clock, settings }: ControlParts, agreement: Agreement): TimelineEntry[] {
  const { id, acceptedAt, failedAt, startedAt, agreementEndedAt, autoRenew, endsAt } = agreement;
  const endingAt = agreement.endingAt ?? (autoRenew === true ? undefined : endsAt);
  const overAt = endingAt === undefined ? undefined : endingAt + settings().finalHourSec * secondMs;
  // Where it never started, no hour is left for final records.
  const endedAt = agreement.endedAt ?? (startedAt === undefined ? endingAt : overAt);
  const isFinalHour = endingAt !== undefined && startedAt !== undefined && (endedAt ?? endingAt) > endingAt;
  const times = [
    ["accepted", acceptedAt],
    ["payment-failed", failedAt],
    ["started", startedAt],
    ["purchase-agreement-ended", agreementEndedAt],
    ["final-hour", isFinalHour ? endingAt : undefined],
    ["ended", endedAt],
  ] as const;
  const followers = catalog
    .agreements(agreement.productCode, agreement.buyerAccountId)
    .filter((one) => one.previousAgreementId === id)
    .map((one) => ({ kind: "state", at: one.acceptedAt, key: one.id, event: "renewed", agreement: one.id }) as const);
  const own = times.flatMap(([event, at], place) =>
    at === undefined || at > clock.now() ? [] : [{ kind: "state", at, key: String(place), event } as const],
  );
  return [...own, ...followers];
}

export function tokenEntries({ catalog, clock, settings }: ControlParts, agreement: Agreement): TimelineEntry[] {
  const lifeMs = settings()["token.ttlSec"] * secondMs;
  const own = catalog.registrationTokens().filter(({ agreementId }) => agreementId === agreement.id);
  return own.flatMap(({ issuedAt, resolvedAt }, place) => {
    const times = [
      ["issued", issuedAt],
      ["resolved", resolvedAt],
      ["expired", resolvedAt === undefined ? issuedAt + lifeMs : undefined],
    ] as const;
    return times.flatMap(([event, at], step) =>
      at === undefined || at > clock.now() ? [] : [{ kind: "token", at, key: keyOf(place, step), event } as const],
    );
  });
}

/** Sorts as text in the order of the numbers. */
function keyOf(...parts: readonly number[]): string {
  return parts.map((part) => String(part).padStart(9, "0")).join(".");
}

export async function notificationEntries({ store }: ControlParts, agreement: Agreement): Promise<TimelineEntry[]> {
  const newest = { limit: notificationsMax, newestFirst: true };
  const found = await store.outbox.notifications({ agreementId: agreement.id }, newest);
  // Several are published at one instant: the key keeps their order.
  return found.toReversed().map(({ id, at, name, form }, place) => ({
    kind: "notification",
    ...{ at, key: keyOf(place), id, name, form },
  }));
}

/** How far a notification has come. */
export function deliveriesOf({ store }: ControlParts, id: string) {
  return deliveryCountsOf(store.outbox, id);
}

/**
 * A day of usage each, by the agreement's licence and, of the time of the agreement, by product code. Read window by
 * window from where the page begins, each twice as long as the one before, so that an agreement of years with little
 * usage takes few reads and one with much usage is not read to its end.
 */
export async function usageEntries(parts: ControlParts, input: TimelineInput): Promise<TimelineEntry[]> {
  const { agreement, isNewestFirst, after, limit } = input;
  const firstAt = floorTo(agreement.acceptedAt, dayMs);
  const lastAt = floorTo(Math.min(agreement.endedAt ?? Number.POSITIVE_INFINITY, parts.clock.now()), dayMs) + dayMs;
  const found: TimelineEntry[] = [];
  let days = windowDays;
  let fromAt = isNewestFirst ? lastAt : firstAt;
  if (after !== undefined) {
    fromAt = floorTo(after.at, dayMs) + (isNewestFirst ? dayMs : 0);
    fromAt = Math.min(Math.max(fromAt, firstAt), lastAt);
  }
  while (found.length < limit && (isNewestFirst ? fromAt > firstAt : fromAt < lastAt)) {
    const toAt = isNewestFirst ? Math.max(firstAt, fromAt - days * dayMs) : Math.min(lastAt, fromAt + days * dayMs);
    const window = await usageDays(parts, agreement, Math.min(fromAt, toAt), Math.max(fromAt, toAt));
    found.push(...window.filter((entry) => isAfter(entry, after, isNewestFirst)));
    fromAt = toAt;
    days *= 2;
  }
  return found;
}

function floorTo(at: number, step: number): number {
  return Math.floor(at / step) * step;
}

async function usageDays(
  { store }: ControlParts,
  agreement: Agreement,
  fromHourAt: number,
  toHourAt: number,
): Promise<TimelineEntry[]> {
  const { productCode, buyerAccountId: accountId, acceptedAt, endedAt, licenseArn } = agreement;
  const byDay = new Map<number, UsageTotal[]>();
  const filter = { productCode, accountId, fromHourAt, toHourAt };
  const grouping = { period: "day", members: ["license", "dimension", "status"] } as const;
  for await (const batch of store.ledger.totals(filter, grouping)) {
    for (const total of batch) {
      const { periodAt = 0 } = total;
      const isOwn =
        total.licenseArn === undefined
          ? periodAt + dayMs > acceptedAt - hourMs && periodAt < (endedAt ?? Number.POSITIVE_INFINITY)
          : total.licenseArn === licenseArn;
      if (isOwn) byDay.set(periodAt, [...(byDay.get(periodAt) ?? []), total]);
    }
  }
  return [...byDay].map(([dayAt, totals]) =>
    usageDay(Math.max(dayAt, agreement.startedAt ?? acceptedAt), dayAt, totals),
  );
}

/** `at`: no earlier than the start, which may lie within the day. */
function usageDay(at: number, dayAt: number, totals: readonly UsageTotal[]): TimelineEntry {
  const sums = new Map<string, UsageOfDimension>();
  for (const { dimension = "", billable = true, quantity, records } of totals) {
    const key = `${dimension} ${billable}`;
    const known = sums.get(key) ?? { quantity: 0, records: 0 };
    sums.set(key, {
      ...{ dimension, billable },
      quantity: known.quantity + Number(quantity),
      records: known.records + records,
    });
  }
  const largest = [...sums.values()].sort((a, b) => b.quantity - a.quantity);
  return {
    kind: "usage",
    ...{ at, dayAt, key: keyOf(dayAt / dayMs) },
    records: largest.reduce((sum, one) => sum + one.records, 0),
    dimensions: largest.slice(0, dimensionsMax),
    otherDimensions: Math.max(0, largest.length - dimensionsMax),
  };
}

/**
 * Calls with the buyer's own keys, as software on the buyer's compute makes them. What sellers send for SaaS is of many
 * buyers in one call, so it is told by its usage instead.
 */
export async function callEntries({ catalog, store }: ControlParts, input: TimelineInput): Promise<TimelineEntry[]> {
  const { agreement, isNewestFirst, after, limit } = input;
  const { productCode, buyerAccountId: accountId, acceptedAt } = agreement;
  const type = catalog.product(productCode)?.type;
  const isBuyersCompute =
    type !== undefined && (usesOperation(type, "MeterUsage") || usesOperation(type, "RegisterUsage"));
  if (!isBuyersCompute) return [];
  const filter = defined({
    ...{ productCode, accountId, isCall: true as const },
    fromAt: isNewestFirst ? acceptedAt : Math.max(acceptedAt, after?.at ?? acceptedAt),
    toAt: isNewestFirst ? after?.at : undefined,
  });
  const order = isNewestFirst ? "newest-first" : "oldest-first";
  const found = await store.audit.page(filter, limit, after?.call, order);
  const calls = found.map(({ event: { at, requestId, operation, outcome }, position }, place) => ({
    kind: "call" as const,
    // Of one instant in the order of the trail, which request ids do not have.
    ...{ at, key: keyOf(isNewestFirst ? limit - place : place), requestId, operation, outcome, position },
  }));
  // Calls are the last of their instant: newest first, where anything else of it was shown, they all were.
  const isShown = (at: number): boolean =>
    isNewestFirst && at === after?.at && after.rank !== timelineKinds.indexOf("call");
  return calls.filter(({ at }) => !isShown(at));
}

export function isAfter(entry: TimelineEntry, after: TimelinePlace | undefined, isNewestFirst: boolean): boolean {
  if (after === undefined) return true;
  const order = byPlace({ ...entry, rank: rankOf(entry) }, after);
  return isNewestFirst ? order < 0 : order > 0;
}

export function byPlace(a: TimelinePlace, b: TimelinePlace): number {
  return a.at - b.at || a.rank - b.rank || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);
}
