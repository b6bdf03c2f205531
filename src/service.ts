/**
 * Puts the parts together: store, clock, endpoint, router, server. Both `meterhouse serve` and the library start here,
 * so that a test meets what production runs.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Logger, pino } from "pino";
import { type Settings, type SettingsInput, settingsSchema } from "./api/settings.ts";
import { type CatalogDocument, catalogChange } from "./catalog/file.ts";
import type { SettableClock } from "./clock.ts";
import { createFaultPlan, type FaultPlan } from "./faults.ts";
import { type Agreements, createAgreements } from "./marketplace/agreements.ts";
import { createEndpoint, type WireRequest } from "./protocol/endpoint.ts";
import { createSts, isQueryCall } from "./protocol/sts.ts";
import { createThrottle, type Throttle } from "./protocol/throttle.ts";
import { createRouter } from "./router.ts";
import { createSealer, loadMasterKey } from "./secrets.ts";
import { listen } from "./server.ts";
import { openSqliteStore } from "./store/sqlite/open.ts";
import type { Store } from "./store/store.ts";
import { version } from "./version.ts";

export interface ServiceOptions {
  readonly dataDir: string;
  readonly host: string;
  readonly port: number;
  readonly clock: SettableClock;
  readonly wallClock: () => number;
  /** Milliseconds; refills the rate buckets. */
  readonly rateClock: () => number;
  /** Loaded at start, idempotently. */
  readonly catalog: CatalogDocument | undefined;
  /** Names that a Host header may carry besides loopback names and addresses. */
  readonly allowedHosts: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: Logger;
}

export interface Service {
  readonly url: string;
  readonly store: Store;
  readonly throttle: Throttle;
  readonly faults: FaultPlan;
  readonly agreements: Agreements;
  settings(): Settings;
  /** Sets the switches that are named. Throws on an unknown switch or value. */
  changeSettings(overrides: Partial<SettingsInput>): Promise<void>;
  loadCatalog(document: CatalogDocument): Promise<void>;
  /** Does what the business clock has made due: ends of final hours and terms, countdowns. */
  runDue(): Promise<void>;
  /** Stops accepting, finishes what is in flight, closes the store. */
  close(): Promise<void>;
}

const dueIntervalMs = 1_000;

export async function startService(options: ServiceOptions): Promise<Service> {
  const { clock, log } = options;
  mkdirSync(options.dataDir, { recursive: true, mode: 0o700 });
  const sealer = createSealer(loadMasterKey({ dataDir: options.dataDir, env: options.env }));
  const store = openSqliteStore({ file: join(options.dataDir, "meterhouse.db"), sealer });
  try {
    const settings = liveSettings(store);
    const agreements = createAgreements({ catalog: store.catalog, settings });
    const runDue = (): Promise<void> =>
      agreements
        .runDue(clock.now())
        .catch((error: unknown) => log.error({ err: error }, "what was due could not be done"));
    const throttle = createThrottle(options.rateClock);
    const faults = createFaultPlan();
    const loadCatalog = async (document: CatalogDocument): Promise<void> => {
      await store.catalog.apply(
        await catalogChange(document, { existing: store.catalog, now: clock.now(), wallNow: options.wallClock() }),
      );
    };
    if (options.catalog !== undefined) await loadCatalog(options.catalog);
    let isStopping = false;
    // What time brings about, such as the end of a final hour, is announced when it comes, not when someone asks.
    const timer = setInterval(runDue, dueIntervalMs);
    timer.unref();
    const { wallClock } = options;
    const marketplace = createEndpoint({ store, clock, wallClock, settings, throttle, faults, log });
    const sts = createSts({ store, wallClock, enforceRegions: () => settings().enforceRegions, log });
    // One address for both protocols: a form without a target is the Query protocol, which STS speaks.
    const endpoint = (request: WireRequest) => (isQueryCall(request) ? sts(request) : marketplace(request));
    const router = createRouter({
      store,
      log,
      version,
      allowedHosts: options.allowedHosts,
      isReady: () => !isStopping,
    });
    const server = await listen({ endpoint, router, log }, options.host, options.port);
    return {
      url: server.url,
      store,
      throttle,
      faults,
      agreements,
      runDue,
      settings,
      changeSettings: async (overrides) => {
        const merged = { ...store.catalog.settings(), ...overrides };
        settingsSchema.parse(merged);
        await store.catalog.apply({ settings: merged });
      },
      loadCatalog,
      close: async () => {
        isStopping = true;
        clearInterval(timer);
        await server.close();
        await store.close();
      },
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** The switches now; parsed once a change. */
function liveSettings(store: Store): () => Settings {
  let seen: object | undefined;
  let parsed: Settings | undefined;
  return () => {
    const overrides = store.catalog.settings();
    if (parsed === undefined || overrides !== seen) {
      parsed = settingsSchema.parse(overrides);
      seen = overrides;
    }
    return parsed;
  };
}

/** Logs go to stderr as JSON; stdout belongs to the ready line. Secrets cannot reach them by the members named here. */
export function createLog(level: string): Logger {
  return pino(
    {
      level,
      base: null,
      redact: {
        paths: [
          "secretAccessKey",
          "sessionToken",
          "privateKeyPem",
          "*.secretAccessKey",
          "*.sessionToken",
          "*.privateKeyPem",
          "authorization",
          "*.authorization",
        ],
        censor: "[secret]",
      },
    },
    pino.destination({ fd: 2, sync: true }),
  );
}
