/**
 * Servers over a database whose usage counts as distributed (plain PostgreSQL that stands in for a Citus coordinator): what
 * callers see of a shard that fails, and what becomes of the calls of a server that is killed half-way.
 */
import { BatchMeterUsageCommand, MarketplaceMeteringClient } from "@aws-sdk/client-marketplace-metering";
import pg from "pg";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type Meterhouse, startMeterhouse } from "../../src/index.ts";
import { cloudTrailRecord } from "../../src/operations/cloudTrail.ts";
import { openPostgresStore } from "../../src/store/postgres/open.ts";
import { testSealer } from "../store/engines.ts";
import { nodeLaunch, withPostgresStore } from "../support/killEngines.ts";
import { createDatabase, type TestDatabase } from "../support/postgres.ts";
import { endProcesses, makePlace, type ServerProcess, startServer } from "../support/serverProcess.ts";
import { shardsOf, standInForCitus } from "../support/shards.ts";
import { createSignedClient, type SignedClient } from "../support/signedClient.ts";
import {
  agentDimension,
  agentKey,
  agentProduct,
  buyerId,
  type LoadRecord,
  loadProducts,
  sellerKey,
  usageCatalog,
} from "../support/usageCatalog.ts";

const soon = { timeout: 20_000, interval: 20 };
const buyers = 12;
const customers = Array.from({ length: buyers }, (_, index) => buyerId(index));
const catalog = usageCatalog({ buyers });
const hourSec = 3_600;

let database: TestDatabase;
let node: Meterhouse;
/** Stands in the way of what a test wants to be stopped there. */
let blocking: pg.Client;
let nowSec: number;
const clients: SignedClient[] = [];

beforeEach(async () => {
  vi.stubEnv("METERHOUSE_MASTER_KEY", "07".repeat(32));
  nowSec = Math.floor(Date.now() / 1_000);
  database = await createDatabase();
  await (await openPostgresStore({ url: database.url, sealer: testSealer })).close();
  await standInForCitus(database);
  blocking = new pg.Client({ connectionString: database.url, application_name: "blocking" });
  await blocking.connect();
  node = await startMeterhouse({ catalog, database: database.url });
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await endProcesses();
  await blocking.end();
  await node.close();
  await database.drop();
  vi.unstubAllEnvs();
});

function recordOf(customer: string, hoursAgo = 0): LoadRecord {
  return {
    ...{ CustomerAWSAccountId: customer, Dimension: "d0", Quantity: 3 },
    Timestamp: nowSec - hoursAgo * hourSec,
  };
}

interface Answer {
  readonly Results: readonly { readonly Status: string; readonly MeteringRecordId: string }[];
  readonly UnprocessedRecords: readonly LoadRecord[];
}

async function sendBatch(endpoint: string, records: readonly LoadRecord[]): Promise<Answer> {
  const client = createSignedClient(endpoint);
  clients.push(client);
  const reply = await client.call(
    "BatchMeterUsage",
    { ProductCode: loadProducts.first, UsageRecords: records },
    sellerKey,
  );
  expect(reply.status, reply.text).toBe(200);
  return reply.json as unknown as Answer;
}

describe("a shard that fails", () => {
  beforeEach(async () => {
    await database.query(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      IF NEW.account = '${customers[0]}' THEN RAISE 'the shard is out of order'; END IF; RETURN NEW; END $$`);
    await database.query("CREATE TRIGGER refuse BEFORE INSERT ON usage FOR EACH ROW EXECUTE FUNCTION refuse()");
  });

  test("gives its records back in UnprocessedRecords, and the others of the batch are stored (B-90, B-91)", async () => {
    const sdk = new MarketplaceMeteringClient({
      ...{ endpoint: node.endpoint, region: "us-east-1", credentials: sellerKey, maxAttempts: 1 },
    });
    const records = customers.map((customer) => ({ ...recordOf(customer), Timestamp: new Date(nowSec * 1_000) }));
    const send = (some: typeof records) =>
      sdk.send(new BatchMeterUsageCommand({ ProductCode: loadProducts.first, UsageRecords: some }));
    const first = await send(records);
    expect(first.UnprocessedRecords).toEqual([records[0]]);
    expect(first.Results?.map(({ Status }) => Status)).toEqual(Array(buyers - 1).fill("Success"));
    expect(first.Results?.map(({ UsageRecord }) => UsageRecord?.CustomerAWSAccountId)).toEqual(customers.slice(1));
    // Alone, too.
    expect(await send(records.slice(0, 1))).toMatchObject({ Results: [], UnprocessedRecords: [records[0]] });
    await database.query("DROP TRIGGER refuse ON usage");
    const again = await send(records);
    expect(again.UnprocessedRecords).toEqual([]);
    expect(again.Results?.slice(1).map(({ MeteringRecordId: id }) => id)).toEqual(
      first.Results?.map(({ MeteringRecordId: id }) => id),
    );
    await withPostgresStore(database.url, async ({ ledger, audit }) => {
      expect(await ledger.records({})).toHaveLength(buyers);
      const events = await audit.events({ operation: "BatchMeterUsage", outcome: "Success" });
      expect(events.map(({ detail }) => detail?.statuses)).toEqual([
        `S${"R".repeat(buyers - 1)}`,
        "U",
        `U${"S".repeat(buyers - 1)}`,
      ]);
    });
  });

  test("is an error to be tried again for a single record, which is then stored once", async () => {
    const client = createSignedClient(node.endpoint);
    clients.push(client);
    const meter = () =>
      client.call(
        "MeterUsage",
        {
          ...{ ProductCode: agentProduct, Timestamp: nowSec, UsageDimension: agentDimension },
          ...{ UsageQuantity: 2, ClientToken: "one-token" },
        },
        agentKey,
      );
    const refused = await meter();
    expect([refused.status, refused.json.__type]).toEqual([500, expect.stringMatching(/InternalServiceError/)]);
    await database.query("DROP TRIGGER refuse ON usage");
    const [one, other] = [await meter(), await meter()];
    expect([one.status, other.json]).toEqual([200, one.json]);
    await withPostgresStore(database.url, async ({ ledger }) => {
      expect(await ledger.count({})).toEqual({ count: 1, quantity: 2 });
    });
  });
});

describe("a server that is killed", () => {
  let killed: ServerProcess;

  /** Everything is known to it, and the month is made. */
  beforeEach(async () => {
    killed = await startServer(makePlace(catalog), nodeLaunch(database.url));
    await sendBatch(
      killed.endpoint,
      customers.map((customer) => recordOf(customer, 1)),
    );
  });

  /** How many sessions, whoever's, wait for one of the locks. */
  async function waiting(): Promise<number> {
    const [row] = await database.query<{ count: string }>(
      "SELECT count(*) AS count FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
    );
    return Number(row?.count);
  }

  async function stored(): Promise<number> {
    const hour = Math.floor(nowSec / hourSec);
    const [row] = await database.query<{ count: string }>("SELECT count(*) AS count FROM usage WHERE hour = $1", [
      hour,
    ]);
    return Number(row?.count);
  }

  const pending = () => database.query<{ call: string }>("SELECT call FROM pending_calls");

  /** Sends a batch of all customers, and kills the server that has it when `isThere`. */
  async function killInBatch(isThere: () => Promise<void>): Promise<void> {
    const call = sendBatch(
      killed.endpoint,
      customers.map((customer) => recordOf(customer)),
    ).catch(() => "cut off");
    await vi.waitFor(isThere, soon);
    await killed.kill();
    expect(await call).toBe("cut off");
    await blocking.query("ROLLBACK");
    // What its sessions were at is undone.
    await vi.waitFor(async () => {
      const open = await database.query(
        `SELECT pid FROM pg_stat_activity
         WHERE datname = current_database() AND xact_start IS NOT NULL AND pid <> pg_backend_pid()`,
      );
      expect(open).toEqual([]);
    }, soon);
  }

  /** Before and after the node that leads has looked at it; then the same batch again. */
  async function expectCompleted(expected: { readonly isStored: (customer: string) => boolean }): Promise<void> {
    const mine = customers.filter(expected.isStored);
    const letters = customers.map((customer) => (expected.isStored(customer) ? "S" : "U")).join("");
    expect(await pending()).toHaveLength(1);
    expect(await stored()).toBe(mine.length);
    await withPostgresStore(database.url, async ({ audit, ledger }) => {
      expect(await audit.events({ operation: "BatchMeterUsage" })).toHaveLength(1);
      expect(await ledger.records({})).toHaveLength(buyers);
    });
    await database.query("UPDATE pending_calls SET since = since - interval '2 minutes'");
    await vi.waitFor(async () => expect(await pending()).toEqual([]), soon);
    await withPostgresStore(database.url, async ({ audit, ledger, catalog: known }) => {
      const calls = await audit.page({ operation: "BatchMeterUsage" }, 10);
      const [call] = calls.filter(({ event }) => event.detail?.statuses?.startsWith(letters) === true);
      expect(call?.stored.map((record) => record?.accountId)).toEqual(mine);
      expect(await ledger.count({})).toMatchObject({ count: buyers + mine.length });
      const records = await ledger.records({});
      expect(records).toHaveLength(buyers + mine.length);
      if (call === undefined) return;
      // Each record as it was sent, in the one list or in the other.
      const told = cloudTrailRecord(call, (id) => known.account(id));
      const sentOf = (customer: string) =>
        expect.objectContaining({ customerAWSAccountId: customer, dimension: "d0", quantity: 3 });
      expect(told.requestParameters).toMatchObject({ usageRecords: customers.map(sentOf) });
      expect(told.responseElements).toMatchObject({
        results: mine.map((customer) => ({
          usageRecord: sentOf(customer),
          meteringRecordId: expect.any(String),
          status: "Success",
        })),
        unprocessedRecords: customers.filter((customer) => !mine.includes(customer)).map(sentOf),
      });
    });
    const again = await sendBatch(
      node.endpoint,
      customers.map((customer) => recordOf(customer)),
    );
    expect([again.Results.length, again.UnprocessedRecords]).toEqual([buyers, []]);
    await withPostgresStore(database.url, async ({ ledger }) => {
      const records = (await ledger.records({})).slice(buyers);
      expect(records.map(({ meteringRecordId: id }) => id).toSorted()).toEqual(
        again.Results.map(({ MeteringRecordId: id }) => id).toSorted(),
      );
    });
  }

  test("between the announcement and the usage: its call is told as one that stored nothing", async () => {
    await blocking.query("BEGIN");
    await blocking.query("LOCK TABLE usage IN SHARE MODE");
    await killInBatch(async () => {
      expect(await pending()).toHaveLength(1);
      expect(await waiting()).toBeGreaterThan(0);
    });
    await expectCompleted({ isStored: () => false });
  });

  test("when some of its shards were written: its call is told with what is there", async () => {
    const [slow = ""] = customers;
    const shards = await shardsOf(database, customers);
    const isStored = (customer: string): boolean => shards.get(customer) !== shards.get(slow);
    await blocking.query("BEGIN");
    await blocking.query(
      `INSERT INTO usage SELECT hour + 1, account, subject, dimension, entry, 9, gen_random_uuid(), 0, call, true
       FROM usage WHERE account = $1`,
      [slow],
    );
    await killInBatch(async () => {
      expect(await waiting()).toBeGreaterThan(0);
      expect(await stored()).toBe(customers.filter(isStored).length);
    });
    await expectCompleted({ isStored });
  });

  test("between the usage and the completion: its call is told as it was", async () => {
    await blocking.query("BEGIN");
    await blocking.query("LOCK TABLE audit IN SHARE MODE");
    await killInBatch(async () => {
      expect(await stored()).toBe(buyers);
      expect(await waiting()).toBeGreaterThan(0);
    });
    await expectCompleted({ isStored: () => true });
  });
});
