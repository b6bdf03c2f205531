/**
 * Claims where the usage counts as distributed, on plain PostgreSQL that stands in for a Citus coordinator: which statements
 * share a transaction, what becomes of a shard that fails, and of a shard's keys that two nodes claim at once. What a
 * cluster makes of the statements is not shown by this.
 */
import pg from "pg";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { MeteringWorkload } from "../../src/api/types.ts";
import { StoreFailure } from "../../src/store/ledger.ts";
import { openPostgresStore } from "../../src/store/postgres/open.ts";
import { openPostgresSnapshot } from "../../src/store/postgres/raw.ts";
import { ShardMap } from "../../src/store/postgres/shardMap.ts";
import type { Store } from "../../src/store/store.ts";
import { createDatabase, type TestDatabase } from "../support/postgres.ts";
import { shardsOf, splitShards, standInForCitus } from "../support/shards.ts";
import { testSealer } from "./engines.ts";
import { account, claim, event, hour, sellerId, unit, workload } from "./fixtures.ts";
import { faultsOf, recordStatements, type Statement, statementsOf } from "./transactions.ts";

const customers = Array.from({ length: 24 }, (_, index) => String(440_000_000_000 + index * 7_919));
const statuses = (holders: readonly { readonly fresh: boolean; readonly isUnstored?: true }[]): string =>
  holders.map(({ fresh, isUnstored }) => (isUnstored === true ? "U" : fresh ? "S" : "R")).join("");

let database: TestDatabase;
let opened: Store[];

async function open(): Promise<Store> {
  const store = await openPostgresStore({ url: database.url, sealer: testSealer });
  opened.push(store);
  return store;
}

async function closeAll(): Promise<void> {
  for (const store of opened.splice(0)) await store.close();
}

function of(customer: string | undefined, more: Parameters<typeof claim>[0] = {}) {
  const accountId = customer ?? "";
  return claim({ accountId, holder: accountId, ...more });
}

beforeEach(async () => {
  database = await createDatabase();
  opened = [];
  await open();
  await closeAll();
});

afterEach(async () => {
  await closeAll();
  await database.drop();
});

/** All that claims: batches, tokens on the shard of their record and on others, replays, workloads, metering of tasks. */
async function claimEverything(stores: readonly Store[]): Promise<void> {
  const [one, other] = stores;
  if (one === undefined || other === undefined) throw new Error("two nodes are needed");
  await one.catalog.apply({ accounts: [account()] });
  const batch = (from: number, step: number) =>
    unit(
      Array.from({ length: 12 }, (_, place) =>
        of(customers[(from + place * step) % 24], { hour: hour + (place % 3) * 24 * 20 }),
      ),
    );
  await Promise.all(stores.flatMap(({ ledger }) => [5, 7, 11, 13].map((step) => ledger.claim(batch(step, step)))));
  await Promise.all(
    customers.slice(0, 8).map((customer, index) => {
      const clientToken = { accountId: index === 7 ? sellerId : customer, token: `t-${index % 3}`, requestHash: "h" };
      const record = of(customer, { path: "agentcore", holder: `arn:${index}`, clientToken });
      return (index % 2 === 0 ? one : other).ledger.claim(
        unit([record], { workload: workload({ resource: `arn:${index}`, operation: "MeterUsage" }) }),
      );
    }),
  );
  // Replays, which look for holders first.
  await one.ledger.claim(batch(5, 5));
  await one.audit.append(event({ outcome: "ThrottlingException" }));
  const task = workload({ resource: "task-1" });
  await one.ledger.claim(unit([], { workload: task }));
  await one.ledger.meter(meteredHours(task));
}

function meteredHours(seen: MeteringWorkload) {
  const records = [0, 1].map((on) => of(customers[3], { path: "resource", holder: "task-1", hour: hour + on }));
  return { seen, records, meteredUntil: (hour + 2) * 3_600_000, meteringClosed: false, audit: event() };
}

describe("every transaction that touches usage or client tokens", () => {
  async function transactionsOf(): Promise<readonly (readonly Statement[])[]> {
    const stores = [await open(), await open()];
    const recorded = recordStatements();
    try {
      await claimEverything(stores);
    } finally {
      recorded.stop();
    }
    await closeAll();
    return statementsOf(recorded.statements);
  }

  test("is of one shard, in the order of the keys, and touches no table of the coordinator", async () => {
    await standInForCitus(database);
    const shards = await shardsOf(database, [...customers, sellerId]);
    const transactions = await transactionsOf();
    const { faults, shardsSeen, rows } = faultsOf(transactions, shards);
    expect(faults).toEqual([]);
    expect(shardsSeen.size).toBeGreaterThan(4);
    const [kept] = await database.query<{ count: string }>("SELECT count(*) AS count FROM usage");
    expect(Number(kept?.count)).toBeGreaterThan(30);
    expect(rows).toBeGreaterThanOrEqual(Number(kept?.count));
    expect(await database.query("SELECT call FROM pending_calls")).toEqual([]);
  });

  test("would be found out: without shards the same calls span them", async () => {
    const transactions = await transactionsOf();
    await standInForCitus(database);
    const { faults } = faultsOf(transactions, await shardsOf(database, [...customers, sellerId]));
    expect(faults.join("\n")).toMatch(/touches audit beside usage.*COPY usage/);
    expect(faults.join("\n")).toMatch(/touches \d shards/);
  });
});

test("two nodes that claim the same keys in opposite order: one holder each, and no deadlock", async () => {
  await standInForCitus(database);
  const stores = [await open(), await open()];
  const records = customers.flatMap((customer) => [0, 1, 2].map((on) => of(customer, { hour: hour + on })));
  const told = await Promise.all(
    Array.from({ length: 8 }, async (_, round) => {
      const own = records.slice(round * 9, round * 9 + 30);
      const answers = await Promise.all(
        stores.map(({ ledger }, node) => ledger.claim(unit(node === 0 ? own : own.toReversed()))),
      );
      const [one = [], other = []] = answers.map(({ holders }) => holders.map(({ meteringRecordId: id }) => id));
      expect(other.toReversed()).toEqual(one);
      return answers.flatMap(({ holders }) =>
        holders.filter(({ fresh }) => fresh).map(({ meteringRecordId: id }) => id),
      );
    }),
  );
  const fresh = told.flat();
  expect(new Set(fresh).size).toBe(fresh.length);
  const kept = (await stores[0]?.ledger.records({})) ?? [];
  expect(kept.map(({ meteringRecordId: id }) => id).toSorted()).toEqual(fresh.toSorted());
  // The counters are told when sessions end.
  await closeAll();
  expect(
    await database.query("SELECT deadlocks::int FROM pg_stat_database WHERE datname = current_database()"),
  ).toEqual([{ deadlocks: 0 }]);
});

describe("a shard that fails", () => {
  const [bad = "", ...good] = customers;

  beforeEach(async () => {
    await standInForCitus(database);
    await database.query(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      IF NEW.account = '${bad}' THEN RAISE 'the shard is out of order'; END IF; RETURN NEW; END $$`);
    await database.query("CREATE TRIGGER refuse BEFORE INSERT ON usage FOR EACH ROW EXECUTE FUNCTION refuse()");
  });

  test("leaves its records unstored, others of the batch and of the group are stored, and the trail tells", async () => {
    const { ledger, audit } = await open();
    const telling = () => {
      const sent = event();
      return unit([of(good[0]), of(bad), of(good[1])], {
        audit: ({ holders }) => ({ ...sent, detail: { statuses: statuses(holders) } }),
      });
    };
    const [first, second] = await Promise.all([
      ledger.claim(telling()),
      ledger.claim(unit([of(good[2]), of(good[3])])),
    ]);
    expect(statuses(first?.holders ?? [])).toBe("SUS");
    expect(statuses(second?.holders ?? [])).toBe("SS");
    const [shown] = (await audit.page({}, 10, undefined, "oldest-first")).filter(
      (one) => one.event.detail !== undefined,
    );
    expect(shown?.event.detail?.statuses).toBe("SUS");
    expect(shown?.stored.map((record) => record?.accountId)).toEqual([good[0], good[1]]);
    // The same again, when the shard is well.
    await database.query("DROP TRIGGER refuse ON usage");
    expect(statuses((await ledger.claim(telling())).holders)).toBe("RSR");
    expect(await ledger.count({})).toMatchObject({ count: 5 });
    expect(await ledger.records({})).toHaveLength(5);
  });

  test("refuses a unit of which it has everything, with nothing kept", async () => {
    const { ledger } = await open();
    await expect(ledger.claim(unit([of(bad)]))).rejects.toMatchObject({ name: StoreFailure.name, stored: "no" });
    expect(await ledger.count({})).toMatchObject({ count: 0 });
    expect(await database.query("SELECT call FROM pending_calls")).toEqual([]);
  });

  test("keeps a registration from moving on, and the same hours are metered when it is well", async () => {
    const store = await open();
    const task = workload({ resource: "task-1" });
    await store.ledger.claim(unit([], { workload: task }));
    const metered = { ...meteredHours(task), records: [of(bad, { path: "resource", holder: "task-1" })] };
    await expect(store.ledger.meter(metered)).rejects.toThrow(StoreFailure);
    expect(store.ledger.openRegistrations()).toEqual([task]);
    await database.query("DROP TRIGGER refuse ON usage");
    expect(await store.ledger.meter(metered)).toBe(true);
    expect(store.ledger.openRegistrations()).toMatchObject([{ meteredUntil: metered.meteredUntil }]);
    // Seen as it was before: nothing twice.
    expect(await store.ledger.meter(metered)).toBe(false);
    expect(await store.ledger.count({})).toMatchObject({ count: 1 });
  });

  test("a connection that goes while a shard is written: nobody knows, and the same again tells", async () => {
    await database.query("DROP TRIGGER refuse ON usage");
    const shards = await shardsOf(database, customers);
    const elsewhere = good.find((customer) => shards.get(customer) !== shards.get(good[0] ?? ""));
    const { ledger } = await open();
    const other = new pg.Client({ connectionString: database.url });
    await other.connect();
    try {
      await ledger.claim(unit([of(good[0])]));
      await other.query("BEGIN");
      await other.query(
        "INSERT INTO usage SELECT hour + 1, account, subject, dimension, entry, 9, gen_random_uuid(), 0, call, true FROM usage",
      );
      const claimed = ledger.claim(unit([of(good[0], { hour: hour + 1 }), of(elsewhere)]));
      await vi.waitFor(async () => expect(await waiting()).toHaveLength(1), { timeout: 20_000, interval: 10 });
      await database.query("SELECT pg_terminate_backend($1)", [(await waiting())[0]?.pid]);
      await other.query("ROLLBACK");
      expect(statuses((await claimed).holders)).toBe("US");
      expect(statuses((await ledger.claim(unit([of(good[0], { hour: hour + 1 }), of(elsewhere)]))).holders)).toBe("SR");
    } finally {
      await other.end();
    }
  });

  function waiting(): Promise<readonly { readonly pid: number }[]> {
    return database.query(
      "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
    );
  }
});

describe("the trail", () => {
  /** Tells letters, as a batch does. */
  function telling(customersOf: readonly (string | undefined)[]) {
    const sent = event();
    return unit(
      customersOf.map((customer) => of(customer)),
      { audit: ({ holders }) => ({ ...sent, detail: { statuses: statuses(holders) } }) },
    );
  }

  async function told({ audit }: Store): Promise<readonly string[]> {
    const calls = await audit.page({}, 10, undefined, "oldest-first");
    return calls.map(({ event: { detail }, stored }) => `${detail?.statuses} ${stored.filter(Boolean).length}`);
  }

  const leftBehind = () => database.query("UPDATE pending_calls SET since = since - interval '1 hour'");

  async function untilCompleted(): Promise<void> {
    const look = async () => expect(await database.query("SELECT call FROM pending_calls")).toEqual([]);
    await vi.waitFor(look, { timeout: 20_000, interval: 20 });
  }

  beforeEach(() => standInForCitus(database));

  test("of a call that could not be completed: nobody knows, the same again tells, and the leader completes it", async () => {
    const store = await open();
    await database.query(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$`);
    await database.query("CREATE TRIGGER refuse BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION refuse()");
    await expect(store.ledger.claim(telling(customers.slice(0, 3)))).rejects.toMatchObject({ stored: "unknown" });
    expect(await store.ledger.count({})).toMatchObject({ count: 3 });
    expect([await store.ledger.records({}), await told(store)]).toEqual([[], []]);
    await database.query("DROP TRIGGER refuse ON audit");
    expect(statuses((await store.ledger.claim(telling(customers.slice(0, 3)))).holders)).toBe("RRR");
    await leftBehind();
    await untilCompleted();
    expect(await told(store)).toEqual(["SSS 3", "RRR 0"]);
    expect(await store.ledger.records({})).toHaveLength(3);
  });

  test("of a node that took so long that its call was taken for left behind: it puts right what the leader wrote", async () => {
    const [leader, slow] = [await open(), await open()];
    const shards = await shardsOf(database, customers);
    const elsewhere = customers.find((customer) => shards.get(customer) !== shards.get(customers[0] ?? ""));
    await leader.ledger.claim(telling([customers[0]]));
    const other = new pg.Client({ connectionString: database.url });
    await other.connect();
    try {
      await other.query("BEGIN");
      await other.query(
        "INSERT INTO usage SELECT hour + 1, account, subject, dimension, entry, 9, gen_random_uuid(), 0, call, true FROM usage",
      );
      const [first, second] = [customers[0], elsewhere].map((customer) => of(customer, { hour: hour + 1 }));
      const unitOfTwo = { ...telling([]), records: [first, second].filter((record) => record !== undefined) };
      const claimed = slow.ledger.claim(unitOfTwo);
      await vi.waitFor(async () => expect(await leader.ledger.count({})).toMatchObject({ count: 2 }), {
        ...{ timeout: 20_000, interval: 20 },
      });
      await leftBehind();
      await untilCompleted();
      expect(await told(leader)).toEqual(["S 1", "US 1"]);
      await other.query("ROLLBACK");
      expect(statuses((await claimed).holders)).toBe("SS");
      expect(await told(leader)).toEqual(["S 1", "SS 2"]);
    } finally {
      await other.end();
    }
  });

  test("is whole in a backup, for which the nodes must be stopped", async () => {
    const store = await open();
    await store.ledger.claim(telling(customers.slice(0, 3)));
    await expect(openPostgresSnapshot(database.url)).rejects.toThrow(/Nodes are connected .* Stop all of them first/);
    await closeAll();
    // As a node leaves it that died before it completed its call.
    await database.query(
      `WITH gone AS (DELETE FROM audit RETURNING *)
       INSERT INTO pending_calls SELECT seq, clock_timestamp(), at, request_id, caller, outcome, detail, stored, NULL FROM gone`,
    );
    const snapshot = await openPostgresSnapshot(database.url);
    try {
      expect(await snapshot.count("audit")).toBe(1);
    } finally {
      await snapshot.close();
    }
    expect(await told(await open())).toEqual(["SSS 3"]);
  });
});

test("a client token that two nodes use at once has one record, on the shard of its record and on another", async () => {
  await standInForCitus(database);
  const shards = await shardsOf(database, [...customers, sellerId]);
  const stray = customers.find((customer) => shards.get(customer) !== shards.get(sellerId));
  const stores = [await open(), await open()];
  for (const [index, accountId] of [customers[0], sellerId].entries()) {
    const record = of(stray, {
      ...{ path: "agentcore", holder: `arn:${index}` },
      clientToken: { accountId: accountId ?? "", token: "t", requestHash: "h" },
    });
    const inOwn = index === 0 ? { ...record, accountId: customers[0] ?? "" } : record;
    const answers = await Promise.all(
      Array.from({ length: 6 }, (_, call) => stores[call % 2]?.ledger.claim(unit([inOwn]))),
    );
    const holders = answers.flatMap((answer) => answer?.holders ?? []);
    expect(holders.filter(({ fresh }) => fresh)).toHaveLength(1);
    expect(new Set(holders.map(({ meteringRecordId: id }) => id)).size).toBe(1);
    expect(holders.filter(({ clientToken }) => clientToken === "same")).toHaveLength(5);
  }
  expect(await stores[0]?.ledger.count({})).toMatchObject({ count: 2 });
});

test("the shards are asked for once, and again after a split or an error", async () => {
  expect(await ShardMap.open(database)).toBeUndefined();
  await standInForCitus(database, 4);
  const asked = vi.fn(database.query);
  const map = await ShardMap.open({ query: asked as TestDatabase["query"] });
  const before = await map?.of(customers);
  expect(new Set(before?.values()).size).toBe(4);
  asked.mockClear();
  expect(await map?.of(customers)).toEqual(before);
  expect(asked).not.toHaveBeenCalled();
  await map?.look(0);
  await splitShards(database, 8);
  await map?.look(9_000);
  expect(await map?.of(customers)).toEqual(before);
  await map?.look(10_000);
  const after = await map?.of(customers);
  expect(new Set(after?.values()).size).toBe(8);
  asked.mockClear();
  map?.forget();
  expect(await map?.of(customers)).toEqual(after);
  expect(asked).toHaveBeenCalledTimes(1);
});
