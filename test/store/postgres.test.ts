/** What only the store of many nodes promises: nodes that learn of each other's changes, and starts that explain themselves. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createSealer } from "../../src/secrets.ts";
import { StaleFactsError } from "../../src/store/ledger.ts";
import { initial } from "../../src/store/migrations/postgres/0001-initial.ts";
import { schemaVersion } from "../../src/store/postgres/migrate.ts";
import { openPostgresStore } from "../../src/store/postgres/open.ts";
import { watchName } from "../../src/store/postgres/watch.ts";
import type { Store } from "../../src/store/store.ts";
import { createDatabase, type TestDatabase } from "../support/postgres.ts";
import { testSealer } from "./engines.ts";
import {
  account,
  claim,
  credential,
  entitlement,
  notification,
  product,
  registrationToken,
  sellerId,
  target,
  unit,
} from "./fixtures.ts";

/** Long, because the machine may be busy; how long it takes when it is not stands in docs/decisions/0005-postgres.md. */
const soon = { timeout: 20_000, interval: 10 };

let database: TestDatabase;
let opened: Store[];

async function open(): Promise<Store> {
  const store = await openPostgresStore({ url: database.url, sealer: testSealer });
  opened.push(store);
  return store;
}

async function openTwo(): Promise<readonly [Store, Store]> {
  return [await open(), await open()];
}

beforeEach(async () => {
  database = await createDatabase();
  opened = [];
});

afterEach(async () => {
  for (const store of opened) await store.close();
  await database.drop();
});

describe("changes of another node", () => {
  test("reach this one, removals and the order of rows included", async () => {
    const [one, other] = await openTwo();
    await one.catalog.apply({
      accounts: [account(), account({ id: "2", customerIdentifier: "second" })],
      credentials: [credential()],
      products: [product()],
      settings: { revision: "2024" },
      clock: { mode: "standing", at: 5 },
    });
    // Removed and put again by two changes: at the end, also where only their outcome is seen.
    await one.catalog.apply({ remove: { accounts: [account().id] } });
    await one.catalog.apply({ accounts: [account({ customerIdentifier: "renamed" })] });
    await vi.waitFor(() => {
      expect(other.catalog.version).toBe(one.catalog.version);
      expect(other.catalog.all()).toEqual(one.catalog.all());
      expect(other.catalog.all().accounts.map(({ id }) => id)).toEqual(["2", account().id]);
      expect(other.catalog.accountByCustomerIdentifier("cust1234567")).toBeUndefined();
      expect(other.catalog.settings()).toEqual({ revision: "2024" });
      expect(other.catalog.clock()).toEqual({ mode: "standing", at: 5 });
    }, soon);
  });

  test("reach it when nobody tells it, and when its connection for that was cut", async () => {
    const [one, other] = await openTwo();
    // As a change is whose notification was lost.
    await database.query(
      `WITH next AS (UPDATE catalog_version SET version = version + 1 RETURNING version)
       INSERT INTO catalog_rows (kind, key, version, document) SELECT 'accounts', 'quiet', version, $1 FROM next`,
      [JSON.stringify(account({ id: "quiet", customerIdentifier: "quiet" }))],
    );
    await vi.waitFor(() => expect(other.catalog.account("quiet")).toBeDefined(), soon);
    await cutWatches();
    await one.catalog.apply({ accounts: [account()] });
    await vi.waitFor(() => expect(other.catalog.account(account().id)).toEqual(account()), soon);
    await one.catalog.apply({ accounts: [account({ suspended: true })] });
    await vi.waitFor(() => expect(other.catalog.account(account().id)?.suspended).toBe(true), soon);
  });

  test("are read anew when there are too many, and when removals were forgotten", async () => {
    const [one, other] = await openTwo();
    const entitlements = Array.from({ length: 1_500 }, (_, n) => entitlement({ dimension: `d${n}` }));
    await one.catalog.apply({ entitlements, accounts: [account()] });
    await vi.waitFor(() => expect(other.catalog.all().entitlements).toEqual(entitlements), soon);
    // What a row leaves behind that was removed, and whose trace was removed after many more changes.
    await database.query(
      `WITH gone AS (DELETE FROM catalog_rows WHERE kind = 'accounts')
       UPDATE catalog_version SET version = version + 2, floor = version + 1`,
    );
    await vi.waitFor(() => {
      for (const { catalog } of [one, other]) expect(catalog.account(account().id)).toBeUndefined();
    }, soon);
    expect(other.catalog.all().entitlements).toEqual(entitlements);
  });

  test("tell a token that was resolved there", async () => {
    const [one, other] = await openTwo();
    const token = registrationToken();
    await one.catalog.apply({ tokens: [token] });
    const resolving = () => one.ledger.claim(unit([], { resolveToken: { hash: token.hash, at: 777 } }));
    expect((await resolving()).tokenResolvedBefore).toBe(false);
    expect((await resolving()).tokenResolvedBefore).toBe(true);
    await vi.waitFor(() => expect(other.catalog.token(token.hash)).toEqual({ ...token, resolvedAt: 777 }), soon);
    const again = await other.ledger.claim(unit([], { resolveToken: { hash: token.hash, at: 888 } }));
    expect(again.tokenResolvedBefore).toBe(true);
  });

  test("that empty everything leave nothing in memory, and what comes after them stays", async () => {
    const [one, other] = await openTwo();
    await one.catalog.apply({ accounts: [account()], settings: { revision: "2024" } });
    await other.ledger.claim(unit([claim()]));
    await one.reset();
    await one.catalog.apply({ accounts: [account({ id: "2" })] });
    await vi.waitFor(() => expect(other.catalog.all().accounts.map(({ id }) => id)).toEqual(["2"]), soon);
    expect(other.catalog.settings()).toEqual({});
    expect((await other.ledger.claim(unit([claim()]))).holders[0]?.fresh).toBe(true);
    expect(await one.ledger.count({})).toMatchObject({ count: 1 });
  });
});

describe("what rests on a state of the past", () => {
  test("a claim is refused, and memory knows then what it is to be decided on", async () => {
    const [one, other] = await openTwo();
    const factsVersion = other.catalog.version;
    await one.catalog.apply({ accounts: [account()] });
    await expect(other.ledger.claim(unit([claim()], { factsVersion }))).rejects.toThrow(StaleFactsError);
    expect(other.catalog.version).toBe(one.catalog.version);
    expect(other.catalog.account(account().id)).toEqual(account());
    const again = await other.ledger.claim(unit([claim()], { factsVersion: other.catalog.version }));
    expect(again.holders[0]?.fresh).toBe(true);
  });

  test("of two changes of one row at once, one is refused; of two rows, none", async () => {
    const [one, other] = await openTwo();
    await one.catalog.apply({ accounts: [account(), account({ id: "2", customerIdentifier: "second" })] });
    await vi.waitFor(() => expect(other.catalog.version).toBe(one.catalog.version), soon);
    const both = await Promise.allSettled([
      one.catalog.apply({ accounts: [account({ name: "one" })] }),
      other.catalog.apply({ accounts: [account({ name: "other" })] }),
    ]);
    expect(both.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
    const refused = both.find((each) => each.status === "rejected");
    expect(refused?.reason).toBeInstanceOf(StaleFactsError);
    const name = both[0].status === "fulfilled" ? "one" : "other";
    await vi.waitFor(() => {
      for (const { catalog } of [one, other]) expect(catalog.account(account().id)?.name).toBe(name);
    }, soon);
    await Promise.all([
      one.catalog.apply({ accounts: [account({ name: "new" })] }),
      other.catalog.apply({ accounts: [account({ id: "2", customerIdentifier: "second", name: "new" })] }),
    ]);
    await vi.waitFor(() => {
      for (const { catalog } of [one, other]) {
        expect(catalog.all().accounts.map((each) => each.name)).toEqual(["new", "new"]);
      }
    }, soon);
  });

  test("a change goes to the targets of other nodes, and who sends it knows them", async () => {
    const [one, other] = await openTwo();
    const woken = vi.fn();
    other.outbox.onDue(woken);
    await Promise.all([one.catalog.apply({ targets: [target()] }), other.catalog.apply({ accounts: [account()] })]);
    await one.catalog.apply({ notifications: [notification({ id: "n1" })] });
    expect((await other.outbox.due(0, 10)).map((each) => each.delivery.targetId)).toEqual(["target-1"]);
    expect(other.catalog.target("target-1")).toEqual(target());
    await vi.waitFor(() => expect(woken).toHaveBeenCalled(), soon);
  });
});

describe("start", () => {
  test("of several nodes at once over an empty database", async () => {
    const stores = await Promise.all([open(), open(), open()]);
    await stores[0].catalog.apply({ accounts: [account()] });
    await vi.waitFor(() => {
      for (const { catalog } of stores) expect(catalog.account(account().id)).toEqual(account());
    }, soon);
    expect(stores.filter(({ leadership }) => leadership.isHeld())).toHaveLength(1);
  });

  test("is refused on a newer schema, which stays as it is", async () => {
    await (await open()).close();
    await database.query("UPDATE schema_version SET version = version + 1");
    await expect(open()).rejects.toThrow(
      `has schema ${schemaVersion + 1}, written by a newer Meterhouse; this one knows schemas up to ${schemaVersion}`,
    );
    expect(await database.query("SELECT version FROM schema_version")).toEqual([{ version: schemaVersion + 1 }]);
  });

  test("brings schema 1 up to date; the notifications that it had are the seller's", async () => {
    await database.query(initial);
    await database.query("CREATE TABLE schema_version (version integer NOT NULL)");
    await database.query("INSERT INTO schema_version VALUES (1)");
    await database.query(
      `INSERT INTO notifications (id, at, form, seller_account_id, product_code, name, body)
       SELECT id, at, form, "sellerAccountId", "productCode", name, body
       FROM json_to_record($1) AS k (id text, at bigint, form text, "sellerAccountId" text, "productCode" text, name text, body text)`,
      [JSON.stringify(notification({ id: "old" }))],
    );
    const { outbox } = await open();
    expect(await outbox.notifications({ sellerAccountId: sellerId })).toEqual([notification({ id: "old" })]);
    expect(await database.query("SELECT version FROM schema_version")).toEqual([{ version: schemaVersion }]);
  });

  test("is refused under another master key, and says which key is wanted", async () => {
    await open();
    const sealer = createSealer(Buffer.alloc(32, 8));
    await expect(openPostgresStore({ url: database.url, sealer })).rejects.toThrow(
      /sealed under another master key.*METERHOUSE_MASTER_KEY/s,
    );
  });

  test("says what is wrong with the address, and never shows the password", async () => {
    const changed = (change: Partial<URL>): string => Object.assign(new URL(database.url), change).href;
    const secret = "the-plain-password";
    const { username } = new URL(database.url);
    const cases = [
      [changed({ password: secret }), new RegExp(`refuses the password of user '${username}'`)],
      [changed({ password: secret, port: "1" }), /Cannot reach PostgreSQL at 127\.0\.0\.1:1, database 'meterhouse_/],
      [changed({ pathname: "/missing" }), /has no database 'missing'.*CREATE DATABASE "missing"/],
      [`mysql://root:${secret}@localhost/x`, /must have the form postgres:\/\//],
      [secret, /must have the form postgres:\/\//],
    ] as const;
    for (const [url, message] of cases) {
      const refused = openPostgresStore({ url, sealer: testSealer });
      await expect(refused).rejects.toThrow(message);
      await expect(refused).rejects.not.toThrow(secret);
    }
  });
});

test("a change that was asked for before the end is kept", async () => {
  const store = await open();
  const changes = ["1", "2", "3"].map((id) =>
    store.catalog.apply({ accounts: [account({ id, customerIdentifier: id })] }),
  );
  await store.close();
  await Promise.all(changes);
  expect((await open()).catalog.all().accounts.map(({ id }) => id)).toEqual(["1", "2", "3"]);
});

test("a database that is away is told, until it is back", async () => {
  const store = await open();
  expect(store.outage()).toBeUndefined();
  const [{ name } = { name: "" }] = await database.query<{ name: string }>("SELECT current_database() AS name");
  await database.admin(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
  await database.admin(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`);
  await vi.waitFor(() => expect(store.outage()).toMatch(/^PostgreSQL at 127\.0\.0\.1:\d+/), soon);
  expect(store.leadership.isHeld()).toBe(false);
  await expect(store.catalog.apply({ accounts: [account()] })).rejects.toMatchObject({ stored: "no" });
  await database.admin(`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`);
  await vi.waitFor(() => expect(store.outage()).toBeUndefined(), soon);
  await store.catalog.apply({ accounts: [account()] });
  await vi.waitFor(() => expect(store.leadership.isHeld()).toBe(true), soon);
});

async function cutWatches(): Promise<void> {
  const cut = await database.query(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1",
    [watchName],
  );
  expect(cut).toHaveLength(2);
}
