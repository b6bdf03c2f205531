/** The business clock of a server: taken up where the last start left it, kept, and its due work done each second. */
import type { Logger } from "pino";
import type { Settings } from "./api/settings.ts";
import type { ClockState } from "./api/types.ts";
import type { SettableClock } from "./clock.ts";
import { createDueWork } from "./due.ts";
import type { Agreements } from "./marketplace/agreements.ts";
import type { RegisteredUsage } from "./marketplace/metering/registeredUsage.ts";
import { historyMs } from "./operations/cloudTrail.ts";
import type { Catalog } from "./store/catalog.ts";
import type { Store } from "./store/store.ts";
import { createTimekeeper, type Timekeeper } from "./timekeeper.ts";

const turnIntervalMs = 1_000;
/** Some ten milliseconds of work; calls wait for no more. */
const prunedPerTurn = 2_000;

/**
 * A clock that was given an instant to start at stands there, and that is kept; any other goes on as it was kept: it
 * stands where it stood, follows, or has run on at its multiple meanwhile. Before anything reads the clock.
 */
export async function resumeClock(clock: SettableClock, catalog: Catalog, log: Logger): Promise<void> {
  const kept = catalog.clock();
  if (!clock.isFollowing()) {
    await catalog.apply({ clock: clock.state() });
  } else if (kept !== undefined && kept.mode !== "following") {
    clock.restore(kept);
    log.info({ clock: kept, now: new Date(clock.now()).toISOString() }, "the business clock goes on as it was kept");
  }
}

export interface BusinessTimeOptions {
  readonly store: Store;
  readonly clock: SettableClock;
  readonly wallClock: () => number;
  readonly settings: () => Settings;
  readonly agreements: Agreements;
  readonly registeredUsage: RegisteredUsage;
  readonly log: Logger;
}

export interface BusinessTime {
  readonly timekeeper: Timekeeper;
  /** Everything that is due by now, and a part of the trail that is too old. */
  runDue(): Promise<void>;
  /** What time brings about is done when it comes, not when someone asks. */
  start(): void;
  /** Ends a move under way; resolves when nothing is being done any more. */
  stop(): Promise<void>;
}

export function createBusinessTime(options: BusinessTimeOptions): BusinessTime {
  const { store, clock, wallClock, log } = options;
  const onFailure = (error: unknown): void => log.error({ err: error }, "what was due could not be done");
  const timekeeper = createTimekeeper({
    ...{ clock, wallClock, onFailure },
    due: createDueWork(options),
    keep: (state: ClockState) => store.catalog.apply({ clock: state }),
  });
  store.onChangedElsewhere(() => {
    timekeeper.adopt(() => store.catalog.clock()).catch(onFailure);
  });
  let timer: NodeJS.Timeout | undefined;
  let turning: Promise<void> | undefined;
  let isStopping = false;
  const prune = async (): Promise<void> => {
    if (!isStopping) await store.audit.prune(clock.now() - historyMs, prunedPerTurn).catch(onFailure); // H-10
  };
  const turn = async (): Promise<void> => {
    // One node does what is due, and not all of them the same. A move does it on the node that was asked for the move.
    const isLeader = store.leadership.isHeld();
    const isThrough = !isLeader || (await timekeeper.turn());
    if (isLeader) await prune();
    // At a high multiple more comes due in a second than a turn does: then without a pause, but one turn after another.
    schedule(isThrough ? turnIntervalMs : 0);
  };
  const schedule = (afterMs: number): void => {
    if (isStopping) return;
    timer = setTimeout(() => {
      turning = turn();
    }, afterMs);
    timer.unref();
  };
  return {
    timekeeper,
    runDue: async () => {
      await timekeeper.runDue();
      await prune();
    },
    start: () => schedule(turnIntervalMs),
    stop: async () => {
      isStopping = true;
      clearTimeout(timer);
      await timekeeper.stop();
      await turning;
    },
  };
}
