/**
 * What the business clock makes due: of agreements (announcements before their end, renewals, ends, final hours) and of
 * registered workloads (the seconds of each hour). Tokens, entitlements and windows are compared with the clock when
 * someone asks, so nothing is due for them.
 */
import type { Settings } from "./api/settings.ts";
import type { Agreement, MeteringWorkload } from "./api/types.ts";
import { acting } from "./control/actor.ts";
import { dueOf } from "./marketplace/agreementDue.ts";
import type { Agreements } from "./marketplace/agreements.ts";
import type { Ahead, RegisteredUsage } from "./marketplace/metering/registeredUsage.ts";
import { dueSeconds, secondsDueAt } from "./rules/proration.ts";
import { StaleFactsError } from "./store/ledger.ts";
import type { Store } from "./store/store.ts";

export const dueKinds = ["announcement", "renewal", "term-end", "final-hour-end", "usage-hour", "usage-end"] as const;

/** One thing that time will bring about, as things stand. */
export interface DueItem {
  /** Business time. */
  readonly at: number;
  readonly what: (typeof dueKinds)[number];
  /** Id of the agreement, or resource (ARN) of the workload. */
  readonly target: string;
  readonly productCode: string;
  /** Of announcements: days before the end of the term. */
  readonly daysBeforeEnd?: number;
}

export interface DueWork {
  /** The earliest instant at which something is due, also where that is past; undefined: nothing is. */
  nextAt(): number | undefined;
  /** The first `limit`, in order of time; what a renewal brings is not known before it. */
  upcoming(limit: number): readonly DueItem[];
  /**
   * A bounded part of what is due at or before `at`; of one instant the agreements come first. With `ahead` it may go on to
   * instants after `at`, in order, as far as that and the next agreement let it.
   */
  runSome(at: number, ahead?: Ahead): Promise<void>;
  /** Everything that is due at or before `at`; where one kind fails, the other is done. Rejects with AggregateError. */
  runEach(at: number): Promise<void>;
}

export interface DueWorkOptions {
  readonly store: Pick<Store, "catalog" | "ledger">;
  readonly settings: () => Settings;
  readonly agreements: Pick<Agreements, "runDue">;
  readonly registeredUsage: Pick<RegisteredUsage, "runDue">;
}

/** Some ten milliseconds of work. */
const agreementsAtOnce = 20;
const attemptsMax = 3;

export function createDueWork({ store, settings, agreements, registeredUsage }: DueWorkOptions): DueWork {
  const { catalog, ledger } = store;
  const agreementsDueAt = rememberedUntilChange(catalog, () =>
    earliest(catalog.all().agreements, (agreement) => dueOf(agreement, settings())?.at),
  );
  const workloadsDueAt = () => earliest(ledger.openRegistrations(), (workload) => secondsDueAt(workload, settings()));
  // By the clock, whoever turned it: what is due would have come without them.
  const runAgreements = (at: number, countMax?: number) =>
    acting({ actor: "clock" }, () => agreements.runDue(at, countMax)).catch((error: unknown) => {
      // Another node was quicker with one of them: what is due now is asked again.
      if (!(error instanceof StaleFactsError)) throw error;
    });
  return {
    nextAt: () => earlier(agreementsDueAt(), workloadsDueAt()),
    upcoming: (limit) => {
      const first = [
        ...catalog.all().agreements.map((agreement) => ofAgreement(agreement, settings(), limit)),
        ...ledger.openRegistrations().map((workload) => ofWorkload(workload, settings(), limit)),
      ].flatMap((items) => {
        const { value } = items.next();
        return value === undefined ? [] : [{ first: value, rest: items }];
      });
      // Nothing else can be among the first: whatever follows in a life comes after its own first.
      const nearest = first.sort((a, b) => byTime(a.first, b.first)).slice(0, limit);
      return nearest
        .flatMap((one) => [one.first, ...one.rest])
        .sort(byTime)
        .slice(0, limit);
    },
    runSome: async (at, ahead) => {
      const agreementsAt = agreementsDueAt();
      if (isBy(agreementsAt, at)) return runAgreements(at, agreementsAtOnce);
      const beforeAgreements = ahead && { ...ahead, until: Math.min(ahead.until, (agreementsAt ?? Infinity) - 1) };
      // Several times: a stop that came meanwhile makes what was seen before it void.
      for (let attempt = 0; isBy(workloadsDueAt(), at); attempt += 1) {
        if (attempt === attemptsMax) throw new Error("usage of registered workloads was not kept");
        await registeredUsage.runDue(at, beforeAgreements);
      }
    },
    runEach: async (at) => {
      const results = await Promise.allSettled([runAgreements(at), registeredUsage.runDue(at)]);
      const errors = results.flatMap((one) => (one.status === "rejected" ? [one.reason] : []));
      if (errors.length > 0) throw new AggregateError(errors, "not everything that was due could be done");
    },
  };
}

/** Between two changes of the catalogue, such as over all hours of a workload, its rows are looked through once. */
function rememberedUntilChange<T>(catalog: Store["catalog"], work: () => T): () => T {
  let seen: { readonly version: number; readonly value: T } | undefined;
  return () => {
    const { version } = catalog;
    if (seen?.version !== version) seen = { version, value: work() };
    return seen.value;
  };
}

function earliest<Row>(rows: readonly Row[], atOf: (row: Row) => number | undefined): number | undefined {
  let first: number | undefined;
  for (const row of rows) first = earlier(first, atOf(row));
  return first;
}

function isBy(dueAt: number | undefined, at: number): boolean {
  return dueAt !== undefined && dueAt <= at;
}

function earlier(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Math.min(a, b);
}

/** Of one instant the agreements come first; the sort keeps the order of what is equal. */
function byTime(a: DueItem, b: DueItem): number {
  const rank = ({ what }: DueItem): number => (what === "usage-hour" || what === "usage-end" ? 1 : 0);
  return a.at - b.at || rank(a) - rank(b);
}

/** What time will bring about for one agreement, in order; the first `limit`. */
export function dueOfAgreement(agreement: Agreement, settings: Settings, limit: number): readonly DueItem[] {
  return [...ofAgreement(agreement, settings, limit)];
}

/** Played through on copies: each step leaves the agreement as the deed itself would, as far as time is concerned. */
function* ofAgreement(agreement: Agreement, settings: Settings, limit: number): Generator<DueItem, undefined> {
  const { id: target, productCode } = agreement;
  let now = agreement;
  for (let count = 0; count < limit; count += 1) {
    const due = dueOf(now, settings);
    if (due === undefined) return;
    const { at, what } = due;
    if (typeof what === "number") {
      yield { at, what: "announcement", target, productCode, daysBeforeEnd: what };
      now = { ...now, announcedDays: what };
    } else if (what === "final-hour-over") {
      yield { at, what: "final-hour-end", target, productCode };
      return;
    } else if (now.autoRenew === true) {
      yield { at, what: "renewal", target, productCode };
      return;
    } else {
      yield { at, what: "term-end", target, productCode };
      now = { ...now, endingAt: at };
    }
  }
}

function* ofWorkload(workload: MeteringWorkload, settings: Settings, limit: number): Generator<DueItem, undefined> {
  const { resource: target, productCode } = workload;
  let now = workload;
  for (let count = 0; count < limit; count += 1) {
    const at = secondsDueAt(now, settings);
    if (at === undefined) return;
    const seconds = dueSeconds(now, settings, at, 1);
    if (seconds === undefined) return;
    yield { at, what: seconds.isLast ? "usage-end" : "usage-hour", target, productCode };
    now = { ...now, meteredUntil: seconds.meteredUntil, meteringClosed: seconds.isLast };
  }
}
