/** Claims on PostgreSQL: groups go out on the assumption that no key is taken; what becomes of them where one is. */
import pg from "pg";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { StoreFailure, type UsageClaim, type UsageHolder } from "../../src/store/ledger.ts";
import { copyIn } from "../../src/store/postgres/copyIn.ts";
import { CopyRows } from "../../src/store/postgres/copyRows.ts";
import { openPostgresStore } from "../../src/store/postgres/open.ts";
import { byKey, type Claiming } from "../../src/store/postgres/usageRows.ts";
import type { Store } from "../../src/store/store.ts";
import { createDatabase, type TestDatabase } from "../support/postgres.ts";
import { testSealer } from "./engines.ts";
import { buyerId, claim, hour, hourMs, unit } from "./fixtures.ts";

/** Long, because the machine may be busy. */
const soon = { timeout: 20_000, interval: 10 };
const foreignId = "00000000-0000-4000-8000-000000000001";

let database: TestDatabase;
let opened: Store[];

async function open(): Promise<Store> {
  const store = await openPostgresStore({ url: database.url, sealer: testSealer });
  opened.push(store);
  return store;
}

beforeEach(async () => {
  database = await createDatabase();
  opened = [];
});

afterEach(async () => {
  for (const store of opened) await store.close();
  await database.drop();
});

function at(offset: number) {
  return claim({ hour: hour + offset, timestampMs: (hour + offset) * hourMs });
}

describe("a key that another transaction holds", () => {
  let other: pg.Client;

  /** A claim of three hours, which waits for the one in the middle. */
  async function waitingClaim(store: Store): Promise<{ readonly claimed: Promise<readonly UsageHolder[]> }> {
    await store.ledger.claim(unit([at(0)]));
    other = new pg.Client({ connectionString: database.url, application_name: "other" });
    await other.connect();
    await other.query("BEGIN");
    await other.query(
      `INSERT INTO usage SELECT hour + 2, account, subject, dimension, entry, 9, $1::uuid, 0, call, billable FROM usage`,
      [foreignId],
    );
    const claimed = store.ledger.claim(unit([at(3), at(2), at(1)])).then(({ holders }) => holders);
    claimed.catch(() => {});
    await vi.waitFor(async () => expect(await waiting()).toHaveLength(1), soon);
    return { claimed };
  }

  function waiting(): Promise<readonly { readonly pid: number }[]> {
    return database.query(
      "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
    );
  }

  afterEach(() => other.end());

  test("has its holder when that one is committed, and the others of the group are stored", async () => {
    const store = await open();
    const { claimed } = await waitingClaim(store);
    await other.query("COMMIT");
    expect(await claimed).toMatchObject([
      { fresh: true },
      { fresh: false, meteringRecordId: foreignId, quantity: 9 },
      { fresh: true },
    ]);
    expect(await store.ledger.count({})).toMatchObject({ count: 4 });
    // For a while now holders are looked for first.
    expect((await store.ledger.claim(unit([at(2), at(4)]))).holders).toMatchObject([
      { fresh: false, meteringRecordId: foreignId },
      { fresh: true },
    ]);
  });

  test("is free when that one is undone", async () => {
    const store = await open();
    const { claimed } = await waitingClaim(store);
    await other.query("ROLLBACK");
    expect(await claimed).toMatchObject([{ fresh: true }, { fresh: true }, { fresh: true }]);
  });

  test("and a connection that goes meanwhile: nobody knows, nothing is there, and it can be claimed again", async () => {
    const store = await open();
    const { claimed } = await waitingClaim(store);
    const [{ pid } = { pid: 0 }] = await waiting();
    await database.query("SELECT pg_terminate_backend($1)", [pid]);
    await expect(claimed).rejects.toMatchObject({ name: StoreFailure.name, stored: "unknown" });
    await other.query("ROLLBACK");
    expect(await store.ledger.count({})).toMatchObject({ count: 1 });
    expect((await store.ledger.claim(unit([at(2)]))).holders).toMatchObject([{ fresh: true }]);
  });

  /** As many calls as make a group that does not wait for the one before. */
  function following(store: Store, more: Partial<UsageClaim> = {}): readonly Promise<readonly UsageHolder[]>[] {
    return Array.from({ length: 24 }, (_, place) => {
      const claimed = store.ledger.claim(unit([{ ...at(10 + place), ...more }])).then(({ holders }) => holders);
      claimed.catch(() => {});
      return claimed;
    });
  }

  test("does not hold up the group behind, which went out before the answer, and is stored if this one is undone", async () => {
    const store = await open();
    const { claimed } = await waitingClaim(store);
    const behind = following(store);
    await other.query("COMMIT");
    expect(await Promise.all(behind)).toEqual(behind.map(() => [expect.objectContaining({ fresh: true })]));
    expect(await claimed).toMatchObject([{ fresh: true }, { fresh: false, quantity: 9 }, { fresh: true }]);
    expect(await store.ledger.count({})).toMatchObject({ count: 28 });
  });

  test("and a connection that goes meanwhile: nobody knows of the group behind either", async () => {
    const store = await open();
    const { claimed } = await waitingClaim(store);
    const behind = following(store);
    // Time for it to go out: this asks the database, too.
    const [{ pid } = { pid: 0 }] = await waiting();
    await database.query("SELECT pg_terminate_backend($1)", [pid]);
    for (const each of [claimed, ...behind]) {
      await expect(each).rejects.toMatchObject({ name: StoreFailure.name, stored: "unknown" });
    }
    await other.query("ROLLBACK");
    expect(await store.ledger.count({})).toMatchObject({ count: 1 });
    const again = await Promise.all(following(store));
    expect(again).toEqual(behind.map(() => [expect.objectContaining({ fresh: true })]));
  });

  test("holds up a group with client tokens, which looks for them first", async () => {
    const store = await open();
    const { claimed } = await waitingClaim(store);
    const behind = following(store, { clientToken: { accountId: buyerId, token: "one", requestHash: "a" } });
    const [{ pid } = { pid: 0 }] = await waiting();
    await database.query("SELECT pg_terminate_backend($1)", [pid]);
    await expect(claimed).rejects.toMatchObject({ stored: "unknown" });
    const holders = (await Promise.all(behind)).flat();
    expect(holders.map(({ fresh }) => fresh)).toEqual(behind.map((_, place) => place === 0));
  });
});

test("batches on two nodes at once that overlap, in any order of records: each key has one holder", async () => {
  const stores = [await open(), await open()];
  const keys = Array.from({ length: 40 }, (_, index) => at(index - 20));
  const told = new Map<number, Set<string>>();
  let fresh = 0;
  const batches = Array.from({ length: 24 }, (_, index) => {
    const own = Array.from({ length: 15 }, (__, place) => keys[(index * 7 + place * (index % 2 === 0 ? 3 : 37)) % 40]);
    return own.filter((key) => key !== undefined);
  });
  await Promise.all(
    batches.map(async (records, index) => {
      const { holders } = (await stores[index % 2]?.ledger.claim(unit(records))) ?? { holders: [] };
      for (const [place, { hour: of }] of records.entries()) {
        const holder = holders[place];
        if (holder?.fresh === true) fresh += 1;
        told.set(of, (told.get(of) ?? new Set()).add(holder?.meteringRecordId ?? ""));
      }
    }),
  );
  expect([...told.values()].map((ids) => ids.size)).toEqual(Array(told.size).fill(1));
  expect(fresh).toBe(told.size);
  const records = (await stores[0]?.ledger.records({})) ?? [];
  expect(new Map(records.map(({ hourAt, meteringRecordId }) => [hourAt / hourMs, meteringRecordId]))).toEqual(
    new Map([...told].map(([of, ids]) => [of, [...ids][0]])),
  );
});

test("keys are in the order of their texts, which the database sorts by, also where an account is no number", () => {
  const accounts = [buyerId, "000000000000", "099999999999", "100000000000", "999999999999", "9", "10", "a", ""];
  const subjects = accounts.map((account, id) => ({
    id,
    account,
    rank: /^\d{12}$/.test(account) ? Number(account) : Number.NaN,
  }));
  const claims = subjects.flatMap((subject): Claiming[] =>
    [2, 1].flatMap((dimension) =>
      [hour + 1, hour].map((of) => ({
        ...{ position: 0, record: claim({ hour: of }), subject, dimension, entry: 0, id: foreignId, call: 1 },
      })),
    ),
  );
  const text = ({ record, subject, dimension }: Claiming): string => `${record.hour}\t${subject.account}\t${dimension}`;
  // A tab comes before whatever an account has in it, as the end of a text does.
  expect(claims.toSorted(byKey).map(text)).toEqual(claims.map(text).toSorted());
});

test("rows for COPY grow with their texts, and hold the numbers at both ends", async () => {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  try {
    const rows = new CopyRows(0);
    const long = "€".repeat(3_000);
    const numbers = [0, -1, 2 ** 31 - 1, -(2 ** 31), 2 ** 32, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER];
    for (const number of numbers) {
      rows.begin(4);
      rows.int8(number);
      rows.text(number === 0 ? null : long);
      rows.bytes(number === 0 ? null : Buffer.alloc(5_000, 7));
      rows.bool(number > 0);
    }
    const statement = "CREATE TABLE t (n bigint, s text, b bytea, p boolean); COPY t FROM STDIN (FORMAT binary)";
    await copyIn(client, statement, [rows.end()]);
    const found = await client.query("SELECT n::text, s, b, p FROM t");
    expect(found.rows).toEqual(
      numbers.map((number) => ({
        n: String(number),
        s: number === 0 ? null : long,
        b: number === 0 ? null : Buffer.alloc(5_000, 7),
        p: number > 0,
      })),
    );
    // A refused one leaves the connection as it was, and what follows it is not taken for rows.
    await expect(copyIn(client, "COPY nothing FROM STDIN (FORMAT binary)", [rows.end()])).rejects.toThrow(/nothing/);
    expect((await client.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
  } finally {
    await client.end();
  }
});
