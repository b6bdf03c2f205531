/**
 * What RegisterUsage meters by itself (SPEC ): a task or pod that registered once is in the ledger by the
 * second, hour for hour, with no further call, until it stops and whatever becomes of its subscription. The ledger
 * remembers how far each registration is metered, in the transaction of the records, so that a restart, a kill or a
 * clock turned over many hours leaves each hour exactly once.
 */
import { randomUUID } from "node:crypto";
import { meteredOutcome, registeredDimension } from "../../api/identifiers.ts";
import { hourMs } from "../../api/limits.ts";
import type { Settings } from "../../api/settings.ts";
import type { MeteringWorkload } from "../../api/types.ts";
import { type DueHour, type DueSeconds, dueSeconds, secondsDueAt } from "../../rules/proration.ts";
import type { UsageClaim } from "../../store/ledger.ts";
import type { Store } from "../../store/store.ts";

export interface RegisteredUsageOptions {
  readonly store: Pick<Store, "catalog" | "ledger">;
  readonly settings: () => Settings;
}

/**
 * Leave to go on, past the instant that was asked for, to later ones at which nothing else is due: a commit costs far more
 * than the hours in it.
 */
export interface Ahead {
  /** The last instant, in epoch milliseconds, that may be gone on to. */
  readonly until: number;
  /** Called before anything is begun at a later instant, each once and in order; the clock stands there then. false: no further. */
  readonly arrive: (at: number) => boolean;
}

export interface RegisteredUsage {
  /**
   * Meters everything that is over at `now`, and with `ahead` some of what comes after it. Turns do not overlap; the promise
   * ends with the turn that saw `now`. When it rejects, what was begun at later instants may not be kept either.
   */
  runDue(now: number, ahead?: Ahead): Promise<void>;
  /** For whoever stops workloads: metering ends at `at`. The rest of the seconds comes with the next turn. */
  onWorkloadStopped(resource: string, at: number): Promise<void>;
  /** No new work; resolves when what is under way is done. */
  stop(): Promise<void>;
}

/** Of one workload in one transaction: a catch-up over months must not hold up the calls that come meanwhile. */
const hoursPerUnit = 24;
/** That share one commit: some ten milliseconds of the serving thread. */
const hoursPerStep = 512;
/** Steps in a row whose units all came too late, such as after a stop: seen anew they fit, and if not, so next turn. */
const fruitlessMax = 10;

export function createRegisteredUsage({ store, settings }: RegisteredUsageOptions): RegisteredUsage {
  const step = createStep({ store, settings });
  let isStopped = false;
  let wanted: { readonly now: number; readonly ahead: Ahead | undefined } | undefined;
  let running: Promise<void> | undefined;

  const turns = async (): Promise<void> => {
    try {
      while (wanted !== undefined) {
        const { now, ahead } = wanted;
        wanted = undefined;
        // Each step is a commit of its own, and between two of them calls are answered.
        for (let fruitless = 0; !isStopped && fruitless < fruitlessMax; ) {
          const { due, kept } = await step(now, ahead);
          if (due === 0) break;
          fruitless = kept === 0 ? fruitless + 1 : 0;
        }
      }
    } finally {
      running = undefined;
    }
  };

  return {
    runDue: (now, ahead) => {
      wanted = { now, ahead };
      running ??= turns();
      return running;
    },
    onWorkloadStopped: (resource, at) => store.ledger.endWorkload({ resource, at }),
    stop: async () => {
      isStopped = true;
      // Whoever asked for the turn is told of its failure.
      await running?.catch(() => {});
    },
  };
}

/** One commit's worth of what is due. */
function createStep({ store, settings }: RegisteredUsageOptions) {
  const { catalog, ledger } = store;

  /**
   * Stops that the catalogue knows and nobody told of: written there by hand, or the server was killed before
   * `onWorkloadStopped`. Asked for before an hour is kept, so that no hour is kept past them.
   */
  const untoldStops = (workloads: readonly MeteringWorkload[]) => {
    if (workloads.length === 0) return [];
    const simulated = new Map(catalog.all().workloads.map((one) => [one.resource, one.stoppedAt]));
    return workloads.flatMap(({ resource, accessKeyId }) => {
      const credential = catalog.credential(accessKeyId);
      const at = simulated.get(resource) ?? (credential?.resource === resource ? credential.stoppedAt : undefined);
      return at === undefined ? [] : [{ resource, at }];
    });
  };

  const isBillable = ({ productCode, accountId }: MeteringWorkload): boolean => {
    const product = catalog.product(productCode);
    // the publisher's own preview costs nobody anything; nor does a licence that was brought along (C-16).
    return product?.sellerAccountId !== accountId && product?.type !== "container-byol";
  };

  const planAhead = (planned: Planned[], open: MeteringWorkload[], { until, arrive }: Ahead): void => {
    for (;;) {
      const at = earliest(open, settings());
      if (at === undefined || at > until) return;
      const due = nextDue(open, settings(), at);
      // All of an instant or nothing of it, or the clock would be ahead of what waits.
      if (hoursOf(planned) + hoursOf(due) > hoursPerStep || untold(due).length > 0 || !arrive(at)) return;
      plan(planned, open, due, at);
    }
  };

  const untold = (due: readonly Due[]) =>
    untoldStops(due.map(({ workload }) => workload).filter((one) => one.stoppedAt === undefined));

  /** How many units were due at `now`, and how many units were kept. */
  return async (now: number, ahead?: Ahead): Promise<{ readonly due: number; readonly kept: number }> => {
    // As they will be with what is planned: within one commit the ledger sees each unit follow the one before.
    const open = [...ledger.openRegistrations()];
    const due = nextDue(open, settings(), now);
    if (due.length === 0) return { due: 0, kept: 0 };
    const stops = untold(due);
    if (stops.length > 0) {
      await Promise.all(stops.map((stop) => ledger.endWorkload(stop)));
      return { due: due.length, kept: stops.length };
    }
    const planned: Planned[] = [];
    plan(planned, open, due, now);
    if (ahead !== undefined) planAhead(planned, open, ahead);
    const kept = await Promise.all(
      planned.map(({ workload, seconds, at }) =>
        ledger.meter({
          seen: workload,
          records: seconds.hours.map((hour) => claimOf(workload, hour, isBillable(workload))),
          meteredUntil: seconds.meteredUntil,
          meteringClosed: seconds.isLast,
          audit: auditOf(workload, seconds, at),
        }),
      ),
    );
    return { due: due.length, kept: kept.filter(Boolean).length };
  };
}

interface Due {
  /** Where it is in the list that was given. */
  readonly place: number;
  readonly workload: MeteringWorkload;
  readonly seconds: DueSeconds;
}

interface Planned extends Due {
  /** The instant at which it is done. */
  readonly at: number;
}

function plan(planned: Planned[], open: MeteringWorkload[], due: readonly Due[], at: number): void {
  for (const one of due) {
    planned.push({ ...one, at });
    const { meteredUntil, isLast } = one.seconds;
    open[one.place] = { ...one.workload, meteredUntil, meteringClosed: isLast };
  }
}

function earliest(open: readonly MeteringWorkload[], settings: Settings): number | undefined {
  let first: number | undefined;
  for (const workload of open) {
    const at = secondsDueAt(workload, settings);
    if (at !== undefined && (first === undefined || at < first)) first = at;
  }
  return first;
}

function hoursOf(due: readonly Due[]): number {
  // A stop at the full hour leaves no seconds, and is written all the same.
  return due.reduce((sum, { seconds }) => sum + Math.max(1, seconds.hours.length), 0);
}

/** Those that are furthest behind, so that a catch-up goes through the hours in order. */
function nextDue(open: readonly MeteringWorkload[], settings: Settings, now: number): readonly Due[] {
  const due = open
    .flatMap((workload, place) => {
      const seconds = dueSeconds(workload, settings, now, hoursPerUnit);
      return seconds === undefined ? [] : [{ place, workload, seconds }];
    })
    .sort((a, b) => a.seconds.meteredUntil - b.seconds.meteredUntil);
  let hours = 0;
  const beyond = due.findIndex((one) => {
    hours += hoursOf([one]);
    return hours > hoursPerStep;
  });
  return beyond < 0 ? due : due.slice(0, beyond);
}

function claimOf(workload: MeteringWorkload, hour: DueHour, billable: boolean): UsageClaim {
  const { region, productCode, resource, accountId } = workload;
  return {
    region,
    path: "resource",
    productCode,
    holder: resource,
    accountId,
    dimension: registeredDimension,
    hour: hour.hourAt / hourMs,
    timestampMs: hour.timestampAt,
    quantity: hour.seconds,
    billable,
  };
}

/** No call caused it: the event names the key that registered. */
function auditOf(workload: MeteringWorkload, { hours }: DueSeconds, now: number) {
  const { region, accessKeyId, accountId, productCode } = workload;
  return {
    requestId: randomUUID(),
    at: now,
    operation: "RegisterUsage" as const,
    region,
    accessKeyId,
    accountId,
    outcome: meteredOutcome,
    detail: { productCode, statuses: "S".repeat(hours.length) },
  };
}
