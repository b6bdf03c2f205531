/**
 * Puts the parts together: store, clock, endpoint, router, server. Both `meterhouse serve` and the library start here,
 * so that a test meets what production runs.
 */
import { mkdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { createAdmission } from "./admission.ts";
import { type Settings, type SettingsInput, settingsSchema } from "./api/settings.ts";
import { createBusinessTime, resumeClock } from "./businessTime.ts";
import { type CatalogDocument, catalogChange } from "./catalog/file.ts";
import type { SettableClock } from "./clock.ts";
import { type CommitHealth, commitHealth } from "./commitHealth.ts";
import { createConsoleFiles } from "./consoleFiles.ts";
import { acting, auditedCatalog } from "./control/actor.ts";
import { createControl } from "./control/control.ts";
import { createFeed, toldTo } from "./control/feed.ts";
import { consoleLink } from "./control/session.ts";
import type { Diagnosis } from "./doctor/diagnose.ts";
import { type CallFilter, diagnoseStore } from "./doctor/stored.ts";
import type { Faults } from "./faults.ts";
import { type Agreements, createAgreements } from "./marketplace/agreements.ts";
import { createRegisteredUsage, type RegisteredUsage } from "./marketplace/metering/registeredUsage.ts";
import type { KeyStore } from "./marketplace/notifications/certificates.ts";
import { startNotifications } from "./marketplace/notifications/start.ts";
import { createMarketplacePages } from "./marketplace/pages/index.ts";
import { createWorkloads, type Workloads } from "./marketplace/workloads/workloads.ts";
import { createMetrics, type Metrics } from "./metrics.ts";
import { createConsoleSessions, createFaults, createRates, type Keys, openKeys, startUpkeep } from "./nodeParts.ts";
import { openSealedStore } from "./openSealed.ts";
import { openFolderFault } from "./privateFile.ts";
import { isCborCall, speakingCbor } from "./protocol/cbor.ts";
import { createEndpoint, type WireAnswer, type WireRequest } from "./protocol/endpoint.ts";
import { createExchanges, type Exchanges } from "./protocol/exchanges.ts";
import { createCloudTrail, isCloudTrailCall } from "./protocol/lookupEvents.ts";
import { createSts, isQueryCall } from "./protocol/sts.ts";
import type { Throttle } from "./protocol/throttle.ts";
import { createRouter, isAllowedHost, isLoopback, type RouterOptions } from "./router.ts";
import { listen } from "./server.ts";
import type { Catalog, CatalogChange } from "./store/catalog.ts";
import { StaleFactsError } from "./store/ledger.ts";
import type { Store } from "./store/store.ts";
import type { Timekeeper } from "./timekeeper.ts";
import type { TlsFiles } from "./tls.ts";
import { version } from "./version.ts";

export interface ServiceOptions {
  /** Holds the keys, and the embedded store unless `database` names another. */
  readonly dataDir: string;
  /** URL of a PostgreSQL database, which many nodes may share. */
  readonly database?: string | undefined;
  readonly host: string;
  readonly port: number;
  /** One that was given an instant to start at keeps it; one that follows goes on as the data folder says. */
  readonly clock: SettableClock;
  readonly wallClock: () => number;
  /** Milliseconds; refills the rate buckets. */
  readonly rateClock: () => number;
  /** `rateClock` is the same on all nodes, as the business clock is. Default: the shared buckets go by the database's. */
  readonly isRateClockShared?: boolean;
  /** Loaded at start, idempotently. */
  readonly catalog: CatalogDocument | undefined;
  /** Names that a Host header may carry besides loopback names and addresses. */
  readonly allowedHosts: readonly string[];
  /** Serve the buyer's side, `/marketplace`. Default true. */
  readonly marketplacePages?: boolean;
  /** Life of the temporary keys of workloads. Default an hour. */
  readonly workloadKeyLifeMs?: number | undefined;
  /** So many bytes of the last requests and answers stay in memory, before they are compressed. Default 256 MB. */
  readonly auditRingBytes?: number | undefined;
  /** So many calls are let in at once; beyond, they are ThrottlingException. Default 1,024. */
  readonly callsInFlightMax?: number | undefined;
  /** Absent: plain HTTP. */
  readonly tls?: TlsFiles;
  /** So long it says that it is not ready, and serves on, before it stops: a load balancer must notice. Default 0. */
  readonly stopDelayMs?: number | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: Logger;
}

export interface Service {
  readonly url: string;
  readonly store: Store;
  readonly throttle: Throttle;
  readonly faults: Faults;
  /** What memory holds of the last calls. */
  readonly exchanges: Exchanges;
  readonly agreements: Agreements;
  readonly registeredUsage: RegisteredUsage;
  readonly workloads: Workloads;
  /** Moves the business clock, and does what is due on the way. */
  readonly timekeeper: Timekeeper;
  /** Root token of the control plane. */
  readonly adminToken: string;
  settings(): Settings;
  /** Sets the switches that are named. Throws on an unknown switch or value. */
  changeSettings(overrides: Partial<SettingsInput>): Promise<void>;
  loadCatalog(document: CatalogDocument): Promise<void>;
  /** Signs one browser in to the console, within twelve hours. */
  consoleLink(): Promise<string>;
  /** What the integrations of the last 90 days do wrong. */
  diagnose(filter?: CallFilter, signal?: AbortSignal): Promise<Diagnosis>;
  /** Does what the business clock has made due: ends of final hours and terms, countdowns, usage of registered tasks. */
  runDue(): Promise<void>;
  /** Stops accepting, finishes what is in flight, closes the store. */
  close(): Promise<void>;
}

export async function startService(options: ServiceOptions): Promise<Service> {
  mkdirSync(options.dataDir, { recursive: true, mode: 0o700 });
  // Told and not refused: volumes of containers often come so, and cannot be changed from within.
  const fault = openFolderFault(options.dataDir);
  if (fault !== undefined) options.log.warn(fault);
  const { store, sealer } = await openSealedStore(options);
  try {
    return await assemble(options, store, await openKeys(options, store, sealer));
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** Browsers that look on, and what ends their looking. */
function watchersOf(store: Store, wallClock: () => number, keys: Keys) {
  const sessions = createConsoleSessions(store, wallClock, keys);
  return { feed: createFeed(), sessions, stopping: new AbortController() };
}

/** Nobody but this machine reaches a server on loopback, so its metrics need no token there. */
function openMetrics({ host }: ServiceOptions, metrics: Metrics): Pick<RouterOptions, "metrics"> {
  if (!isLoopback(host)) return {};
  return {
    metrics: async (context) => context.body(await metrics.text(), 200, { "Content-Type": metrics.contentType }),
  };
}

function whyNotReady({ aborted }: AbortSignal, store: Store, health: CommitHealth): string | undefined {
  return aborted ? "The server is stopping: send calls elsewhere." : (store.outage() ?? health.outage());
}

/** What is counted, and what follows from the counts. */
function measured({ callsInFlightMax, wallClock, log }: ServiceOptions, store: Store, exchanges: Exchanges) {
  const admission = createAdmission(callsInFlightMax);
  const health = commitHealth(store, log);
  const { outbox, catalog } = store;
  const told = { outbox, catalog, onCommit: health.onCommit };
  return { admission, health, metrics: createMetrics({ store: told, exchanges, admission, wallClock, version }) };
}

async function assemble(options: ServiceOptions, store: Store, keys: Keys): Promise<Service> {
  const { clock, wallClock, log } = options;
  const { keyStore, adminToken, formKey } = keys;
  await resumeClock(clock, store.catalog, log);
  // Whoever changes the catalogue leaves an event in the same transaction.
  const catalog = auditedCatalog(store.catalog, wallClock, log);
  const settings = liveSettings(store);
  const agreements = createAgreements({ catalog, settings });
  const changeSettings = settingsChanger(catalog);
  const loadCatalog = catalogLoader(catalog, clock, wallClock);
  if (options.catalog !== undefined) {
    const document = options.catalog;
    await acting({ actor: "catalog file", action: "catalog.load", target: "catalog" }, () => loadCatalog(document));
  }

  const throttle = createRates(options, store);
  const faults = await createFaults(store, log);
  const registeredUsage = createRegisteredUsage({ store, settings });
  const time = createBusinessTime({ store, clock, wallClock, settings, agreements, registeredUsage, log });
  const { timekeeper, runDue } = time;
  const exchanges = createExchanges(options.auditRingBytes, wallClock);
  const diagnose = doctorOf({ store, clock, settings, exchanges });
  let url = "";
  const publicUrl = (): string => url;
  const workloads = workloadsOf(options, { catalog, store, keyStore, publicUrl, registeredUsage });
  const { webIdentity } = workloads;
  const { feed, sessions, stopping } = watchersOf(store, wallClock, keys);
  const { admission, metrics, health } = measured(options, store, exchanges);
  const services = oneAddress(options, { store, settings, throttle, faults, exchanges, webIdentity });
  const endpoint = metrics.counted(toldTo(feed, services));

  const notifications = startNotifications({ store, keyStore, clock, wallClock, log, host: options.host, publicUrl });
  try {
    const shared = { store, clock, timekeeper, settings, agreements, registeredUsage, wallClock, log, publicUrl };
    const pages = { ...shared, formKey };
    const control = createControl({
      ...{ ...shared, changeSettings, throttle, faults, loadCatalog, adminToken, version, workloads, exchanges },
      ...{ diagnose, sessions, feed, metrics, stopping: stopping.signal },
      resend: notifications.resend,
      confirmTarget: (target) => notifications.sendConfirmation(target.id),
    });
    const router = createRouter({
      ...{ store, log, version, allowedHosts: options.allowedHosts, subscriptions: notifications },
      notReady: () => whyNotReady(stopping.signal, store, health),
      ...{ control, workloads: workloads.endpoints, consoleFiles: createConsoleFiles() },
      ...openMetrics(options, metrics),
      ...(options.marketplacePages !== false ? { marketplacePages: createMarketplacePages(pages) } : {}),
    });
    const isEnding = (): boolean => stopping.signal.aborted;
    const server = await listen(
      { endpoint, router, log, admission, isEnding, ...(options.tls === undefined ? {} : { tls: options.tls }) },
      options.host,
      options.port,
    );
    url = server.url;
    await workloads.open();
    time.start();
    const upkeep = startUpkeep(store, clock.now, log);
    return {
      ...{ url, store, throttle, faults, agreements, registeredUsage, workloads, timekeeper, settings, adminToken },
      ...{ runDue, changeSettings, loadCatalog, diagnose, exchanges },
      consoleLink: async () => consoleLink(url, await sessions.invite({ name: "root", role: "full" })),
      close: async () => {
        metrics.close();
        stopping.abort();
        faults.release(); // Calls that they hold up go on.
        await sleep(options.stopDelayMs ?? 0);
        // Before the server, which waits for its calls: a move of the clock may be one of them.
        await time.stop();
        await upkeep.stop();
        await server.close();
        await workloads.close();
        await notifications.stop();
        await registeredUsage.stop();
        await store.close();
      },
    };
  } catch (error) {
    await notifications.stop();
    throw error;
  }
}

function catalogLoader(catalog: Catalog, clock: SettableClock, wallClock: () => number): Service["loadCatalog"] {
  return async (document) => {
    // Keys are generated meanwhile: rows that rest on what has changed since would take the change back.
    for (let isApplied = false; !isApplied; ) {
      const { version: seen } = catalog;
      const change = await catalogChange(document, { existing: catalog, now: clock.now(), wallNow: wallClock() });
      if (catalog.version !== seen) continue;
      isApplied = Object.keys(change).length === 0 || (await applied(catalog, change));
    }
  };
}

/** false: another node was quicker, such as one that starts with the same file. */
async function applied(catalog: Catalog, change: CatalogChange): Promise<boolean> {
  try {
    await catalog.apply(change);
    return true;
  } catch (error) {
    if (error instanceof StaleFactsError) return false;
    throw error;
  }
}

interface WorkloadParts {
  readonly catalog: Catalog;
  readonly store: Store;
  readonly keyStore: KeyStore;
  readonly publicUrl: () => string;
  readonly registeredUsage: RegisteredUsage;
}

function workloadsOf(options: ServiceOptions, parts: WorkloadParts): Workloads {
  const { clock, wallClock, log, host, allowedHosts } = options;
  const { catalog, store, keyStore, publicUrl, registeredUsage } = parts;
  return createWorkloads({
    ...{ catalog, keyCatalog: store.catalog, clock, wallClock, keyStore, publicUrl, log, host },
    allowsHost: (name) => isAllowedHost(name, allowedHosts),
    keyLifeMs: options.workloadKeyLifeMs,
    onStopped: async (resource, at) => {
      await registeredUsage.onWorkloadStopped(resource, at);
      // Whoever stopped it finds its last seconds at once; where that fails, the next turn has them.
      const notDone = (error: unknown): void =>
        log.error({ err: error }, "what a workload ran up could not be metered");
      await registeredUsage.runDue(clock.now()).catch(notDone);
    },
  });
}

type Endpoint = (request: WireRequest) => Promise<WireAnswer>;

interface ServicePlaneParts {
  readonly store: Store;
  readonly settings: () => Settings;
  readonly throttle: Throttle;
  readonly faults: Faults;
  readonly exchanges: Exchanges;
  readonly webIdentity: Workloads["webIdentity"];
}

/** One address for all services: a form without a target is the Query protocol, which STS speaks. */
function oneAddress({ clock, wallClock, log }: ServiceOptions, parts: ServicePlaneParts): Endpoint {
  const { store, settings, throttle, faults, exchanges, webIdentity } = parts;
  const enforceRegions = (): boolean => settings().enforceRegions;
  const marketplace = createEndpoint({ store, clock, wallClock, settings, throttle, faults, log, exchanges });
  const sts = createSts({ store, wallClock, enforceRegions, log, webIdentity });
  const cloudTrail = createCloudTrail({ store, clock, wallClock, enforceRegions, log });
  const cbor = speakingCbor(marketplace);
  return (request) => {
    if (isCborCall(request)) return cbor(request);
    if (isQueryCall(request)) return sts(request);
    return isCloudTrailCall(request) ? cloudTrail(request) : marketplace(request);
  };
}

interface DoctorParts {
  readonly store: Store;
  readonly clock: SettableClock;
  readonly settings: () => Settings;
  readonly exchanges: Exchanges;
}

function doctorOf({ store, clock, settings, exchanges }: DoctorParts): Service["diagnose"] {
  return (filter = {}, signal = new AbortController().signal) =>
    diagnoseStore({ store, settings: settings(), now: clock.now(), filter, signal, untraced: exchanges.untraced() });
}

function settingsChanger(catalog: Catalog): Service["changeSettings"] {
  return async (overrides) => {
    const merged = { ...catalog.settings(), ...overrides };
    settingsSchema.parse(merged);
    await catalog.apply({ settings: merged });
  };
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
