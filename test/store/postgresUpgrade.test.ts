/** A PostgreSQL database of schema 1 is brought up to date with everything in it, by whichever node is first. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { initial } from "../../src/store/migrations/postgres/0001-initial.ts";
import { schemaVersion } from "../../src/store/postgres/migrate.ts";
import { openPostgresStore } from "../../src/store/postgres/open.ts";
import type { Store } from "../../src/store/store.ts";
import { createDatabase, type TestDatabase } from "../support/postgres.ts";
import { testSealer } from "./engines.ts";
import { account, claim, event, hour, hourMs, product, productCode, unit } from "./fixtures.ts";

const recordId = "0f0e0d0c-0b0a-4908-8706-050403020100";
let database: TestDatabase;
let opened: Store[];

beforeEach(async () => {
  database = await createDatabase();
  opened = [];
});

afterEach(async () => {
  for (const store of opened) await store.close();
  await database.drop();
});

async function open(): Promise<Store> {
  const store = await openPostgresStore({ url: database.url, sealer: testSealer });
  opened.push(store);
  return store;
}

/** Rows as schema 1 had them, by hand: what today's code would write is no witness. */
async function writeSchema1(): Promise<void> {
  await database.query(initial);
  await database.query("CREATE TABLE schema_version (version integer NOT NULL)");
  await database.query("INSERT INTO schema_version VALUES (1)");
  const check = "master-key-check";
  await database.query("INSERT INTO meta VALUES ($1, $2)", [check, testSealer.seal("meterhouse", check)]);
  await database.query("UPDATE catalog_version SET version = 41");
  await database.query(
    "INSERT INTO catalog_rows (kind, key, version, document) VALUES ('accounts', $1, 41, $2), ('settings', '', 40, $3)",
    [account().id, JSON.stringify(account()), '{"revision":"2024"}'],
  );
  await database.query(
    `INSERT INTO subjects (region, path, product_code, holder, account) VALUES ('us-east-1', 'productCode', $1, $2, $2)`,
    [productCode, account().id],
  );
  await database.query("INSERT INTO dimensions (product_code, name) VALUES ($1, 'requests')", [productCode]);
  const { operation, region, accessKeyId, accountId } = event();
  await database.query(
    `INSERT INTO callers (hash, operation, region, access_key_id, account_id, identity, product_code, source, user_agent,
       user_name) VALUES ('h', $1, $2, $3, $4, '', '', '', '', '')`,
    [operation, region, accessKeyId, accountId],
  );
  await database.query(
    "INSERT INTO audit (seq, at, request_id, caller, outcome) VALUES (1, $1, 'the-request', 1, 'Success')",
    [hour * hourMs],
  );
  const from = Date.UTC(2026, 6) / hourMs;
  await database.query(
    `CREATE TABLE usage_2026_07 PARTITION OF usage FOR VALUES FROM (${from}) TO (${from + 31 * 24})`,
  );
  await database.query("INSERT INTO usage VALUES ($1, $2, 1, 1, 0, 5, $3, 90000, 1, true, NULL, NULL)", [
    hour,
    account().id,
    recordId,
  ]);
}

test("schema 1 is brought up to date by two nodes that start at once, with its data intact", async () => {
  await writeSchema1();
  const stores = await Promise.all([open(), open()]);
  expect(await database.query("SELECT version FROM schema_version")).toEqual([{ version: schemaVersion }]);
  for (const { catalog, ledger, audit } of stores) {
    expect(catalog.version).toBe(41);
    expect(catalog.all().accounts).toEqual([account()]);
    expect(catalog.settings()).toEqual({ revision: "2024" });
    expect(await ledger.records({})).toMatchObject([
      { meteringRecordId: recordId, quantity: 5, requestId: "the-request" },
    ]);
    expect((await audit.events({})).map(({ requestId }) => requestId)).toEqual(["the-request"]);
  }
  // Of one id, whichever of them made it, and good for what is new.
  const [one, other] = stores;
  expect(one?.shared?.id).toMatch(/^[0-9a-f]{8}$/);
  expect(other?.shared?.id).toBe(one?.shared?.id);
  expect(await one?.shared?.keys.keep("k", "first", undefined)).toBe("first");
  expect(await other?.shared?.keys.keep("k", "second", undefined)).toBe("first");
  expect(await other?.shared?.keys.keep("k", "second", "first")).toBe("second");
  const again = await other?.ledger.claim(unit([claim()], { audit: () => undefined }));
  expect(again?.holders).toMatchObject([{ meteringRecordId: recordId, fresh: false }]);
  await one?.catalog.apply({ products: [product()] });
  await vi.waitFor(() => expect(other?.catalog.all().products).toHaveLength(1), { timeout: 20_000, interval: 10 });
});

test("an upgrade that fails leaves the database at its schema", async () => {
  await writeSchema1();
  await database.query("CREATE TABLE sealed_keys (in_the_way text)");
  await expect(open()).rejects.toThrow(/already exists/);
  expect(await database.query("SELECT version FROM schema_version")).toEqual([{ version: 1 }]);
  expect(await database.query("SELECT to_regclass('rate_buckets') AS name")).toEqual([{ name: null }]);
  await database.query("DROP TABLE sealed_keys");
  expect((await open()).catalog.all().accounts).toEqual([account()]);
});
