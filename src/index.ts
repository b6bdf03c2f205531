/**
 * Meterhouse as a library: an in-process server on a free port for anyone's tests.
 *
 *     import { startMeterhouse } from "meterhouse";
 *     const meterhouse = await startMeterhouse();
 *
 * Requests go over HTTP through the same code as `meterhouse serve`; what this object adds is what AWS hides: a clock
 * to turn, buyers who subscribe, registration tokens, the records that were kept.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Settings, SettingsInput } from "./api/settings.ts";
import type {
  Account,
  Agreement,
  Credential,
  EntitlementValue,
  MeteringRecord,
  MeteringWorkload,
  Notification,
  OperationName,
  WorkloadKind,
} from "./api/types.ts";
import { demoCatalog } from "./catalog/demo.ts";
import { type CatalogDocument, checkCatalog, readCatalog } from "./catalog/file.ts";
import { defined } from "./catalog/rows.ts";
import { entitlementValue } from "./catalog/schema.ts";
import { createBusinessClock, type SettableClock } from "./clock.ts";
import type { Diagnosis } from "./doctor/diagnose.ts";
import type { Fault, PlannedFault } from "./faults.ts";
import { type Instant, instantMs, spanOf } from "./instants.ts";
import { libraryClock, type MeterhouseClock } from "./libraryClock.ts";
import { createLog } from "./log.ts";
import type { AgreementReference, Amendment, Announcement } from "./marketplace/agreements.ts";
import { type CloudTrailRecord, eventHistory } from "./operations/cloudTrail.ts";
import { registeredSeconds } from "./rules/proration.ts";
import { type Service, startService } from "./service.ts";
import type { UsageFilter } from "./store/ledger.ts";
import type { NotificationFilter } from "./store/outbox.ts";

export type { Diagnosis } from "./doctor/diagnose.ts";
export type { Finding } from "./doctor/observed.ts";
export type { Fault, FaultPhase, PlannedFault } from "./faults.ts";
export type { Instant } from "./instants.ts";
export type { MeterhouseClock } from "./libraryClock.ts";
export type { AgreementReference, Announcement } from "./marketplace/agreements.ts";
export type { CloudTrailRecord } from "./operations/cloudTrail.ts";

export interface MeterhouseOptions {
  /** Path of a catalogue file (JSON or YAML) or the document itself. Default: the demo catalogue. */
  readonly catalog?: string | Readonly<Record<string, unknown>>;
  /** The switches that differ from their defaults (SPEC section J). */
  readonly settings?: Partial<SettingsInput>;
  /** Where the business clock starts; it then stands still. Default: as `dataDir` keeps it, or else the wall clock. */
  readonly now?: Instant;
  /** Default 0: a free port. */
  readonly port?: number;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default: a temporary folder that `close()` removes. */
  readonly dataDir?: string;
  /** URL of a PostgreSQL database (15 to 18), which many servers may share. Default: a file in `dataDir`. */
  readonly database?: string;
  /** Epoch milliseconds for SigV4, `Date` and session expiry. Default Date.now. */
  readonly wallClock?: () => number;
  /** Life of the temporary keys that workloads get. Default an hour. */
  readonly workloadKeyLifeMs?: number;
  /** What refills the rate buckets (SPEC C-31). Default "wall". */
  readonly rateClock?: "wall" | "business";
}

/** What happens at the marketplace, to drive a test. `at` defaults to now on the business clock. */
export interface MarketplaceActions {
  /**
   * The buyer purchases: completes a pending agreement of the pair or makes one, and activates it unless the payment
   * fails. `customer` = account id or CustomerIdentifier.
   */
  purchase(input: {
    readonly product: string;
    readonly customer: string;
    readonly at?: Instant;
    readonly privateOffer?: string | boolean;
    readonly freeTrial?: boolean;
    readonly paymentFails?: boolean;
  }): Promise<Agreement>;
  /** subscribe-success: a pending agreement starts; in its final hour it goes on; after its end a new one starts. */
  subscribeSuccess(input: {
    readonly product: string;
    readonly customer: string;
    readonly at?: Instant;
  }): Promise<Agreement>;
  /** unsubscribe-pending: the final hour starts. By agreement id, licence ARN, or product and customer. */
  cancel(input: AgreementReference & { readonly at?: Instant }): Promise<Agreement>;
  /** unsubscribe-success: no usage is accepted any more. */
  unsubscribeSuccess(input: AgreementReference & { readonly at?: Instant }): Promise<Agreement>;
  /** Purchase Agreement Ended: changes nothing for metering by itself (SPEC N-24). */
  endPurchaseAgreement(input: AgreementReference & { readonly at?: Instant }): Promise<Agreement>;
  failPayment(input: AgreementReference & { readonly at?: Instant }): Promise<Agreement>;
  /** The agreement that follows on this one (SPEC N-25). */
  renew(input: AgreementReference & { readonly at?: Instant }): Promise<Agreement>;
  amend(input: AgreementReference & Amendment & { readonly at?: Instant }): Promise<Agreement>;
  /** Changes one entitlement of a contract. */
  amendEntitlement(input: {
    readonly product: string;
    readonly customer: string;
    readonly dimension: string;
    readonly value: EntitlementValue | number | string | boolean;
    readonly at?: Instant;
  }): Promise<void>;
  /** An event that others bring about: advisories, trust checks, cancellation requests, billing adjustments. */
  announce(input: AgreementReference & Announcement & { readonly at?: Instant }): Promise<Notification>;
  suspendAccount(input: { readonly account: string; readonly suspended?: boolean }): Promise<Account>;
  /** The workload behind a key was launched, or stopped. */
  launchWorkload(input: { readonly accessKeyId: string; readonly at?: Instant }): Promise<void>;
  stopWorkload(input: { readonly accessKeyId: string; readonly at?: Instant }): Promise<void>;
}

/** Simulated compute that runs (SPEC R-1, M-1). */
export interface RunningWorkload {
  readonly id: string;
  /** Task ARN, pod ARN, instance id or runtime ARN: what its usage is metered on. */
  readonly resource: string;
  /** For a process of its own: AWS's SDKs find credentials, Region and endpoint by these variables alone. */
  readonly environment: Readonly<Record<string, string>>;
  /** Its credentials stop working and its metering ends. */
  stop(at?: Instant): Promise<void>;
}

export interface CloudTrailFilter {
  readonly operation?: OperationName;
  /** The caller's. */
  readonly account?: string;
  readonly accessKeyId?: string;
  readonly region?: string;
  readonly requestId?: string;
  /** Both inclusive. */
  readonly from?: Instant;
  readonly to?: Instant;
  readonly limit?: number;
}

/** Seconds billed for one workload (SPEC ). */
export interface BilledSeconds {
  readonly total: number;
  /** By ISO start of the UTC hour. */
  readonly byHour: Readonly<Record<string, number>>;
  /** ISO instant up to which they run; absent while the workload runs. */
  readonly until?: string;
}

export interface Meterhouse {
  /** For example http://127.0.0.1:54321 */
  readonly endpoint: string;
  /** Root token of the control plane, `/api/v1`. */
  readonly adminToken: string;
  /** By access key id. */
  readonly credentials: Readonly<Record<string, Credential>>;
  readonly clock: MeterhouseClock;
  readonly marketplace: MarketplaceActions;
  /** Short for `marketplace.purchase`. */
  subscribe(input: {
    readonly product: string;
    readonly customer: string;
    readonly freeTrial?: boolean;
  }): Promise<Agreement>;
  /** Runs a task, pod, instance or runtime in a buyer's account. `product`: the one of its image; absent = any. */
  runWorkload(input: {
    readonly kind: WorkloadKind;
    readonly account: string;
    readonly product?: string;
    readonly region?: string;
    readonly launchedAt?: Instant;
  }): Promise<RunningWorkload>;
  /** A registration token, as the buyer's browser would post it (already decoded). */
  issueToken(input: {
    readonly product: string;
    readonly customer: string;
    readonly agreement?: string;
  }): Promise<string>;
  /** What the marketplace told sellers, in order of publication. */
  notifications(filter?: NotificationFilter): Promise<readonly Notification[]>;
  /** Accepted metering records, those of registered tasks and pods (SPEC R-10) among them. */
  records(filter?: UsageFilter): Promise<readonly MeteringRecord[]>;
  /** The calls of the last 90 days as CloudTrail records, newest first (SPEC H.1). At most 1,000 unless told otherwise. */
  cloudTrail(filter?: CloudTrailFilter): Promise<readonly CloudTrailRecord[]>;
  /** What the integrations do wrong, and the go-live checklist, from the calls of the last 90 days. */
  doctor(
    filter?: Pick<CloudTrailFilter, "account" | "from" | "to"> & { readonly product?: string },
  ): Promise<Diagnosis>;
  /** Workloads that registered or metered. */
  workloads(filter?: { readonly productCode?: string; readonly resource?: string }): readonly MeteringWorkload[];
  billedSeconds(input: { readonly accessKeyId: string; readonly product?: string }): BilledSeconds;
  /**
   * For the next call that matches, the next `times` of them, a `share` of them, or until removed. Returns what takes the
   * fault back, where it has not hit yet. Throws a RangeError where a member is out of range.
   */
  plan(fault: Fault): () => void;
  /** The faults that still wait for calls, with what they have hit so far. */
  plannedFaults(): readonly PlannedFault[];
  /** PEM (SPKI) of a product's key version. */
  publicKey(product: string, version: number): string;
  readonly settings: Settings;
  /** Back to the state at start (or to another catalogue, settings, time), with an empty ledger and full rate buckets. */
  reset(options?: Pick<MeterhouseOptions, "catalog" | "settings" | "now">): Promise<void>;
  close(): Promise<void>;
}

/** Starts a server. Rejects with a message that a person can act on when the catalogue or a setting is not valid. */
export async function startMeterhouse(options: MeterhouseOptions = {}): Promise<Meterhouse> {
  const wallClock = options.wallClock ?? Date.now;
  const clock = createBusinessClock(wallClock, options.now === undefined ? undefined : instantMs(options.now));
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), "meterhouse-")));
  const start = { catalog: options.catalog, settings: options.settings, now: options.now };
  const service = await startService({
    dataDir,
    database: options.database,
    host: options.host ?? "127.0.0.1",
    port: options.port ?? 0,
    clock,
    wallClock,
    rateClock: options.rateClock === "business" ? clock.now : () => performance.now(),
    isRateClockShared: options.rateClock === "business",
    catalog: await catalogOf(options.catalog),
    allowedHosts: [],
    workloadKeyLifeMs: options.workloadKeyLifeMs,
    env: process.env,
    log: createLog("error"),
  });
  if (options.settings !== undefined) await service.changeSettings(options.settings);
  return {
    endpoint: service.url,
    adminToken: service.adminToken,
    get credentials() {
      // Copies: SDKs mark the objects that they are given.
      return Object.fromEntries(service.store.catalog.all().credentials.map((one) => [one.accessKeyId, { ...one }]));
    },
    clock: libraryClock(clock, service.timekeeper),
    marketplace: marketplaceActions(service, clock),
    runWorkload: (input) => runWorkload(service, dataDir, input),
    subscribe: (input) => service.agreements.purchase(input, clock.now()),
    issueToken: (input) => service.agreements.issueToken(input, clock.now()),
    records: async (filter = {}) => {
      await service.runDue();
      return service.store.ledger.records(filter);
    },
    notifications: async (filter = {}) => {
      await service.runDue();
      return service.store.outbox.notifications(filter, { limit: 100_000 });
    },
    cloudTrail: ({ account: accountId, from, to, limit = 1_000, ...rest } = {}) =>
      eventHistory(service.store, defined({ ...rest, accountId, ...spanOf(from, to) }), clock.now(), limit),
    doctor: ({ product: productCode, account: accountId, from, to } = {}) =>
      service.diagnose(defined({ productCode, accountId, ...spanOf(from, to) })),
    workloads: (filter = {}) => service.store.ledger.workloads(filter),
    billedSeconds: (input) => billedSeconds(service, clock, input),
    plan: (fault) => service.faults.plan(fault),
    plannedFaults: () => service.faults.list(),
    publicKey: (product, version) => publicKey(service, product, version),
    get settings() {
      return service.settings();
    },
    reset: async (to = {}) => {
      const { catalog, settings, now } = { ...start, ...to };
      await service.faults.clear();
      await service.throttle.reset();
      service.exchanges.clear();
      const state = createBusinessClock(wallClock, now === undefined ? undefined : instantMs(now)).state();
      await service.timekeeper.reset(state, () => service.store.reset());
      await service.loadCatalog(await catalogOf(catalog));
      if (settings !== undefined) await service.changeSettings(settings);
    },
    close: async () => {
      await service.close();
      if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true });
    },
  };
}

async function catalogOf(catalog: MeterhouseOptions["catalog"]): Promise<CatalogDocument> {
  if (catalog === undefined) return demoCatalog();
  return typeof catalog === "string" ? readCatalog(catalog) : checkCatalog(catalog, "catalog");
}

function marketplaceActions(service: Service, clock: SettableClock): MarketplaceActions {
  const { agreements, store } = service;
  const when = (at: Instant | undefined): number => (at === undefined ? clock.now() : instantMs(at));
  const changeWorkload = async (accessKeyId: string, change: { launchedAt?: number; stoppedAt?: number }) => {
    const credential = store.catalog.credential(accessKeyId);
    if (credential === undefined) throw new Error(`There is no credential '${accessKeyId}'.`);
    await store.catalog.apply({ credentials: [{ ...credential, ...change }] });
  };
  return {
    purchase: (input) => agreements.purchase(input, when(input.at)),
    subscribeSuccess: (input) => agreements.subscribeSuccess(input, when(input.at)),
    cancel: (input) => agreements.cancel(input, when(input.at)),
    unsubscribeSuccess: (input) => agreements.unsubscribeSuccess(input, when(input.at)),
    endPurchaseAgreement: (input) => agreements.endPurchaseAgreement(input, when(input.at)),
    failPayment: (input) => agreements.failPayment(input, when(input.at)),
    renew: (input) => agreements.renew(input, when(input.at)),
    amend: (input) => agreements.amend(input, input, when(input.at)),
    amendEntitlement: async (input) => {
      const value = entitlementValue(input.value);
      if (value === undefined) throw new Error(`${JSON.stringify(input.value)} is not the value of an entitlement.`);
      await agreements.amendEntitlement({ ...input, value }, when(input.at));
    },
    announce: (input) => agreements.announce(input, input, when(input.at)),
    suspendAccount: ({ account, suspended = true }) => agreements.suspend(account, suspended),
    launchWorkload: ({ accessKeyId, at }) => changeWorkload(accessKeyId, { launchedAt: when(at) }),
    stopWorkload: async ({ accessKeyId, at }) => {
      const stoppedAt = when(at);
      // First the key: a registration that comes between the two takes the stop from it.
      await changeWorkload(accessKeyId, { stoppedAt });
      const resource = store.catalog.credential(accessKeyId)?.resource;
      if (resource !== undefined) await service.registeredUsage.onWorkloadStopped(resource, stoppedAt);
      await service.runDue();
    },
  };
}

async function runWorkload(
  { workloads, runDue, store }: Service,
  dataDir: string,
  input: Parameters<Meterhouse["runWorkload"]>[0],
): Promise<RunningWorkload> {
  const { kind, account, product, region, launchedAt } = input;
  if (store.catalog.account(account) === undefined) throw new Error(`There is no account '${account}'.`);
  if (product !== undefined && store.catalog.product(product) === undefined)
    throw new Error(`There is no product '${product}'.`);
  const { id, resource } = await workloads.run({
    ...{ kind, accountId: account, region },
    productCodes: product === undefined ? undefined : [product],
    launchedAt: launchedAt === undefined ? undefined : instantMs(launchedAt),
  });
  const { variables, webIdentityToken } = await workloads.environment(id);
  const tokenFile = join(dataDir, `${id}.token`);
  if (webIdentityToken !== undefined) await writeFile(tokenFile, webIdentityToken, { mode: 0o600 });
  return {
    id,
    resource,
    environment:
      webIdentityToken === undefined ? variables : { ...variables, AWS_WEB_IDENTITY_TOKEN_FILE: resolve(tokenFile) },
    stop: async (at) => {
      await workloads.stop(id, at === undefined ? undefined : instantMs(at));
      await runDue();
    },
  };
}

function publicKey(service: Service, product: string, version: number): string {
  const found = service.store.catalog.product(product)?.keyVersions.find((one) => one.version === version);
  if (found === undefined) throw new Error(`Product '${product}' has no key version ${version}.`);
  return found.publicKeyPem;
}

function billedSeconds(
  { store, settings }: Service,
  clock: SettableClock,
  { accessKeyId, product }: { readonly accessKeyId: string; readonly product?: string },
): BilledSeconds {
  const credential = store.catalog.credential(accessKeyId);
  if (credential?.resource === undefined) throw new Error(`'${accessKeyId}' is not the key of a workload.`);
  const { resource } = credential;
  let { stoppedAt } = credential;
  const byHour: Record<string, number> = {};
  for (const life of store.ledger.workloads({
    resource,
    ...(product === undefined ? {} : { productCode: product }),
  })) {
    if (life.operation !== "RegisterUsage") continue;
    stoppedAt = life.stoppedAt;
    for (const [hourAt, seconds] of registeredSeconds(life, settings(), clock.now())) {
      const hour = new Date(hourAt).toISOString().replace(".000Z", "Z");
      byHour[hour] = (byHour[hour] ?? 0) + seconds;
    }
  }
  const total = Object.values(byHour).reduce((sum, seconds) => sum + seconds, 0);
  return {
    total,
    byHour,
    ...(stoppedAt === undefined ? {} : { until: new Date(stoppedAt).toISOString().replace(".000Z", "Z") }),
  };
}
