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
import { type DueHour, type DueSeconds, dueSeconds } from "../../rules/proration.ts";
import type { UsageClaim } from "../../store/ledger.ts";
import type { Store } from "../../store/store.ts";

export interface RegisteredUsageOptions {
  readonly store: Pick<Store, "catalog" | "ledger">;
  readonly settings: () => Settings;
}

export interface RegisteredUsage {
  /** Meters everything that is over at `now`. Turns do not overlap; the promise ends with the turn that saw `now`. */
  runDue(now: number): Promise<void>;
  /** For whoever stops workloads: metering ends at `at`. The rest of the seconds comes with the next turn. */
  onWorkloadStopped(resource: string, at: number): Promise<void>;
  /** No new work; resolves when what is under way is done. */
  stop(): Promise<void>;
}

/** Of one workload in one transaction: a catch-up over months must not hold up the calls that come meanwhile. */
const hoursPerUnit = 24;
/** Workloads that share one commit. */
const unitsPerStep = 64;
/** Steps in a row whose units all came too late, such as after a stop: seen anew they fit, and if not, so next turn. */
const fruitlessMax = 10;

export function createRegisteredUsage({ store, settings }: RegisteredUsageOptions): RegisteredUsage {
  const step = createStep({ store, settings });
  let isStopped = false;
  let wanted: number | undefined;
  let running: Promise<void> | undefined;

  const turns = async (): Promise<void> => {
    try {
      while (wanted !== undefined) {
        const now = wanted;
        wanted = undefined;
        // Each step is a commit of its own, and between two of them calls are answered.
        for (let fruitless = 0; !isStopped && fruitless < fruitlessMax; ) {
          const { due, kept } = await step(now);
          if (due === 0) break;
          fruitless = kept === 0 ? fruitless + 1 : 0;
        }
      }
    } finally {
      running = undefined;
    }
  };

  return {
    runDue: (now) => {
      wanted = now;
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

  /** How many units were due, and how many of them were kept. */
  return async (now: number): Promise<{ readonly due: number; readonly kept: number }> => {
    const due = nextDue(ledger.openRegistrations(), settings(), now);
    const untold = untoldStops(due.map(({ workload }) => workload).filter((one) => one.stoppedAt === undefined));
    if (untold.length > 0) {
      await Promise.all(untold.map((stop) => ledger.endWorkload(stop)));
      return { due: due.length, kept: untold.length };
    }
    const kept = await Promise.all(
      due.map(({ workload, seconds }) =>
        ledger.meter({
          seen: workload,
          records: seconds.hours.map((hour) => claimOf(workload, hour, isBillable(workload))),
          meteredUntil: seconds.meteredUntil,
          meteringClosed: seconds.isLast,
          audit: auditOf(workload, seconds, now),
        }),
      ),
    );
    return { due: due.length, kept: kept.filter(Boolean).length };
  };
}

interface Due {
  readonly workload: MeteringWorkload;
  readonly seconds: DueSeconds;
}

/** Those that are furthest behind, so that a catch-up goes through the hours in order. */
function nextDue(open: readonly MeteringWorkload[], settings: Settings, now: number): readonly Due[] {
  return open
    .flatMap((workload) => {
      const seconds = dueSeconds(workload, settings, now, hoursPerUnit);
      return seconds === undefined ? [] : [{ workload, seconds }];
    })
    .sort((a, b) => a.seconds.meteredUntil - b.seconds.meteredUntil)
    .slice(0, unitsPerStep);
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
