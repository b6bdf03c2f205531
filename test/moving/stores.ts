/** Stores with something of everything in them, on either engine, with the files of a data folder around them. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { openSealedStore } from "../../src/openSealed.ts";
import { createSealer } from "../../src/secrets.ts";
import type { Store } from "../../src/store/store.ts";
import {
  account,
  adminToken,
  agreement,
  buyerId,
  claim,
  clientToken,
  controlEvent,
  credential,
  entitlement,
  event,
  hour,
  hourMs,
  notification,
  offer,
  product,
  registrationToken,
  role,
  sellerId,
  simulated,
  target,
  unit,
  workload,
} from "../store/fixtures.ts";
import { createDatabase } from "../support/postgres.ts";

export type EngineName = "sqlite" | "postgres";
export const engineNames: readonly EngineName[] = ["sqlite", "postgres"];

export const firstKey = Buffer.alloc(32, 7);
export const log = pino({ level: "silent" });

export interface TestPlace {
  readonly dataDir: string;
  readonly database: string | undefined;
  /** As a flag of the command line names it. */
  readonly name: string;
  open(env?: Readonly<Record<string, string>>): Promise<Store>;
}

const removals: (() => Promise<void> | void)[] = [];

/** For `afterEach`. */
export async function removePlaces(): Promise<void> {
  for (const remove of removals.splice(0).reverse()) await remove();
}

export function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "meterhouse-moving-"));
  removals.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A data folder with the first key in it, and on PostgreSQL an empty database. */
export async function makePlace(engine: EngineName, key: Buffer | undefined = firstKey): Promise<TestPlace> {
  const dataDir = makeFolder();
  if (key !== undefined) writeFileSync(join(dataDir, "master.key"), `${key.toString("hex")}\n`, { mode: 0o600 });
  let database: string | undefined;
  if (engine === "postgres") {
    const made = await createDatabase();
    removals.push(made.drop);
    database = made.url;
  }
  return {
    ...{ dataDir, database, name: database ?? dataDir },
    open: async (env = {}) => (await openSealedStore({ dataDir, database, env, log })).store,
  };
}

export const secrets = {
  access: "the-plain-secret-access-key-of-the-test",
  session: "the-plain-session-token",
  queue: "the-plain-key-of-the-queue",
  file: "the-plain-key-of-a-file",
};

/** Rows in every table, in several months, with text that is hard to carry over. */
export async function fill(store: Store): Promise<void> {
  const odd = "tab\t, quote ', backslash \\, ünï – 計測 🚀, brace {}";
  const temporary = credential({
    accessKeyId: "ASIAIOSFODNN7EXAMPLE",
    kind: "assumed-role",
    sessionToken: secrets.session,
    expiresAt: 99,
  });
  const targets = [
    target(),
    target({
      id: "target-2",
      url: "http://localhost/2",
      sqs: { accessKeyId: "AKIAQ", secretAccessKey: secrets.queue },
    }),
  ];
  await store.catalog.apply({
    accounts: [account(), account({ id: sellerId, customerIdentifier: "cust7654321", name: odd })],
    credentials: [credential(), temporary],
    products: [product({ title: odd })],
    agreements: [agreement(), agreement({ id: "agmt-0", acceptedAt: 500 })],
    tokens: [registrationToken(), registrationToken({ hash: "cd".repeat(32) })],
    entitlements: [
      entitlement(),
      entitlement({ dimension: "a/b", licenseArn: "arn:aws:license-manager::1:license:l-1" }),
    ],
    offers: [offer(), offer({ id: "offer-0" })],
    roles: [role(), role({ name: "path/like" })],
    workloads: [simulated()],
    targets,
    adminTokens: [adminToken()],
    settings: { revision: "2024" },
    event: controlEvent({ summary: odd }),
  });
  await store.catalog.apply({
    notifications: [notification({ id: "n-1" }), notification({ id: "n-2", name: odd, form: "sns" })],
  });
  await store.catalog.apply({ remove: { offers: ["offer-0"] }, event: controlEvent() });
  await store.catalog.apply({
    offers: [offer({ id: "offer-2" })],
    clock: { mode: "standing", at: hour * hourMs },
  });
  const [due] = await store.outbox.due(Date.now(), 10);
  if (due !== undefined) {
    const attempts = [{ at: 5, error: odd }] as never;
    await store.outbox.save({ ...due.delivery, attempts, nextAttemptAt: 12 });
  }
  const allocations = [{ AllocatedUsageQuantity: 5, Tags: [{ Key: "team", Value: odd }] }] as never;
  await store.ledger.claim(
    unit([claim({ allocations }), claim({ dimension: odd, quantity: 2_000_000_000 })], {
      audit: () => event({ detail: { statuses: "SS", userAgent: odd, source: "127.0.0.1" } }),
    }),
  );
  await store.ledger.claim(unit([claim({ quantity: 6 })], { audit: () => event({ detail: { statuses: "D" } }) }));
  for (const [index, month] of [-1, 0, 1].entries()) {
    const at = Math.floor(Date.UTC(2026, 6 + month, 20, 4) / hourMs);
    const records = [claim({ hour: at, clientToken: clientToken(`t-${index}`), billable: index !== 1 })];
    await store.ledger.claim(unit(records, { audit: () => event({ requestId: `no uuid ${index}`, at: at * hourMs }) }));
  }
  const agent = claim({ path: "agentcore", holder: "arn:aws:bedrock:agent", accountId: buyerId });
  await store.ledger.claim(
    unit([
      { ...agent, clientToken: clientToken("agent-1") },
      { ...agent, clientToken: clientToken("agent-2") },
    ]),
  );
  await store.ledger.claim(unit([], { workload: workload(), resolveToken: { hash: "cd".repeat(32), at: 9 } }));
  await store.audit.append(event({ outcome: "ThrottlingException", detail: { errorMessage: odd } }));
  await store.audit.append(event({ at: 5, requestId: "old" }));
}

/** A key made on first use, as a file of the data folder. */
export function addSealedFile({ dataDir }: Pick<TestPlace, "dataDir">, key = firstKey): void {
  writeFileSync(join(dataDir, "web-identity.sealed"), createSealer(key).seal(secrets.file, "web-identity"), {
    mode: 0o600,
  });
}

/** Everything that the ports can tell. Positions of records are of one engine's making, and so is their order within an hour. */
export async function toldOnAny(store: Store): Promise<unknown> {
  const { records, ...rest } = await told(store);
  return {
    ...rest,
    records: records
      .map(({ record }) => record)
      .toSorted((a, b) => a.meteringRecordId.localeCompare(b.meteringRecordId)),
  };
}

/** The same as its own engine tells it. */
export async function told({ catalog, ledger, audit, outbox }: Store) {
  const notifications = await outbox.notifications({}, { limit: 1_000 });
  return {
    all: catalog.all(),
    tokens: catalog.registrationTokens(),
    adminTokens: catalog.adminTokens(),
    settings: catalog.settings(),
    clock: catalog.clock(),
    version: catalog.version,
    events: await catalog.controlEvents(1_000),
    records: await ledger.page({}, 20_000),
    count: await ledger.count({}),
    workloads: ledger.workloads({}),
    open: ledger.openRegistrations(),
    calls: await audit.page({}, 10_000),
    notifications,
    deliveries: await Promise.all(notifications.map(({ id }) => outbox.deliveries(id))),
    due: await outbox.due(Date.now(), 100),
  };
}
