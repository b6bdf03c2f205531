/** Parts that a server by itself keeps in memory and in files, and nodes over one database keep there. */
import { randomBytes } from "node:crypto";
import type { Logger } from "pino";
import { loadAdminToken, loadSharedAdminToken } from "./control/adminToken.ts";
import { createSessions, type Sessions } from "./control/sessions.ts";
import { createFaultPlan, type Faults } from "./faults.ts";
import type { KeyStore } from "./marketplace/notifications/certificates.ts";
import { createFileKeyStore, createSharedKeyStore } from "./marketplace/notifications/keyStore.ts";
import { createSharedThrottle } from "./protocol/sharedThrottle.ts";
import { createThrottle, type Throttle } from "./protocol/throttle.ts";
import { openSharedFaults } from "./sharedFaults.ts";
import type { Sealer } from "./store/sealer.ts";
import type { Store } from "./store/store.ts";

export interface NodeOptions {
  /** Milliseconds; refills the rate buckets. */
  readonly rateClock: () => number;
  /** It is the same on all nodes, as the business clock is. */
  readonly isRateClockShared?: boolean | undefined;
  readonly log: Logger;
}

export function createRates({ rateClock, isRateClockShared = false, log }: NodeOptions, { shared }: Store): Throttle {
  if (shared === undefined) return createThrottle(rateClock);
  const throttle = createSharedThrottle({
    ...{ rates: shared.rates, clock: rateClock, isClockShared: isRateClockShared },
    onAway: (error) => log.warn({ err: error }, "rates hold for each node by itself until the database is back"),
    onBack: () => log.info("rates hold over all nodes again"),
  });
  shared.onChanged("rates", () => throttle.forget());
  return throttle;
}

export async function createFaults({ shared }: Store, log: Logger): Promise<Faults> {
  if (shared === undefined) return createFaultPlan();
  return openSharedFaults(shared, (error) => log.error({ err: error }, "a planned fault could not be counted"));
}

/** Of a session of the console: so often its use is written into the database. */
const usedEveryMs = 60_000;

export function createConsoleSessions(
  { catalog, shared }: Store,
  wallClock: () => number,
  { adminToken, formKey }: Pick<Keys, "adminToken" | "formKey">,
): Sessions {
  if (shared === undefined) return createSessions({ catalog, wallClock });
  const { browsers: rows, id: scope } = shared;
  // With a key: by what the database keeps of it, a token that somebody chose could be guessed at.
  const rootToken = `${formKey}\n${adminToken}`;
  return createSessions({ catalog, wallClock, rows, rootToken, scope, usedEveryMs });
}

/** What is made on first use and kept. */
export interface Keys {
  readonly keyStore: KeyStore;
  /** The root token of the control plane. */
  readonly adminToken: string;
  /** Signs the forms of the buyer's pages; undefined: each process makes its own. */
  readonly formKey: string | undefined;
}

interface KeyPlace {
  readonly dataDir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Rejects with an Error that a person can act on. */
export async function openKeys({ dataDir, env }: KeyPlace, { shared }: Store, sealer: Sealer): Promise<Keys> {
  const folder = createFileKeyStore(dataDir, sealer);
  if (shared === undefined) {
    return { keyStore: folder, adminToken: loadAdminToken({ dataDir, env }), formKey: undefined };
  }
  const keyStore = createSharedKeyStore(shared.keys, sealer, folder);
  const formKey = "marketplace-forms";
  return {
    keyStore,
    adminToken: await loadSharedAdminToken({ dataDir, env }, keyStore),
    formKey:
      (await keyStore.read(formKey)) ??
      (await keyStore.keep(formKey, randomBytes(32).toString("base64url"), undefined)),
  };
}

const upkeepEveryMs = 600_000;

/** Months are made ahead, and what nobody needs is tidied away, by the node that leads: at once, then every ten minutes. */
export function startUpkeep(store: Store, now: () => number, log: Logger): { readonly stop: () => Promise<void> } {
  const { upkeep, leadership } = store;
  if (upkeep === undefined) return { stop: async () => {} };
  let isStopped = false;
  let running: Promise<void> = Promise.resolve();
  const run = (): void => {
    running = running.then(async () => {
      if (isStopped || !leadership.isHeld()) return;
      try {
        await upkeep(now());
      } catch (error) {
        log.error({ err: error }, "upkeep of the database failed; it is tried again in ten minutes");
      }
    });
  };
  leadership.onGained(run);
  const timer = setInterval(run, upkeepEveryMs);
  timer.unref();
  run();
  return {
    stop: () => {
      isStopped = true;
      clearInterval(timer);
      return running;
    },
  };
}
