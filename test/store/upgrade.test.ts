/**
 * A data file of an older schema opens with everything in it. Its rows are written here by hand, in the form of that
 * time: what today's code would write is no witness.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { initial } from "../../src/store/migrations/sqlite/0001-initial.ts";
import { marketplace } from "../../src/store/migrations/sqlite/0002-marketplace.ts";
import { workloads } from "../../src/store/migrations/sqlite/0003-workloads.ts";
import { auditTrail } from "../../src/store/migrations/sqlite/0004-audit-trail.ts";
import { summaries } from "../../src/store/migrations/sqlite/0005-summaries.ts";
import { schemaVersion } from "../../src/store/sqlite/migrate.ts";
import { openSqliteStore } from "../../src/store/sqlite/open.ts";
import { testSealer } from "./engines.ts";
import {
  account,
  agreement,
  claim,
  clientToken,
  credential,
  entitlement,
  event,
  hour,
  hourMs,
  notification,
  offer,
  product,
  productCode,
  registrationToken,
  sellerId,
  target,
  unit,
  workload,
} from "./fixtures.ts";

const recordId = "0f0e0d0c-0b0a-4908-8706-050403020100";

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "meterhouse-upgrade-"));
  file = join(folder, "meterhouse.db");
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Schema 1 with a row in each of its tables. */
function writeSchema1(): void {
  const database = new DatabaseSync(file);
  const insert = (table: string, ...values: (string | number | Uint8Array | null)[]): void => {
    database.prepare(`INSERT INTO ${table} VALUES (${values.map(() => "?").join(", ")})`).run(...values);
  };
  database.exec(`PRAGMA journal_mode = WAL; ${initial}; PRAGMA user_version = 1`);
  insert("meta", "master-key-check", testSealer.seal("meterhouse", "master-key-check"));
  insert("meta", "catalog-version", "41");
  insert("meta", "settings", '{"revision":"2024"}');
  insert("accounts", 1, account().id, JSON.stringify(account()));
  const { accessKeyId, secretAccessKey } = credential();
  const sealedSecret = testSealer.seal(secretAccessKey, `credential:${accessKeyId}`);
  const sealed = JSON.stringify({ ...credential(), secretAccessKey: sealedSecret });
  insert("credentials", 1, accessKeyId, sellerId, sealed);
  const keyVersions = product().keyVersions.map((key) => ({
    ...key,
    privateKeyPem: testSealer.seal(key.privateKeyPem, `product-key:${productCode}:${key.version}`),
  }));
  insert("products", 1, productCode, JSON.stringify({ ...product(), keyVersions }));
  insert("agreements", 1, "agmt-1", productCode, account().id, JSON.stringify(agreement()));
  insert("entitlements", 1, productCode, account().id, "seats", "", JSON.stringify(entitlement()));
  insert("registration_tokens", 1, registrationToken().hash, 77, JSON.stringify(registrationToken()));
  insert("subjects", 1, "us-east-1", "productCode", productCode, account().id, account().id);
  insert("dimensions", 1, productCode, "requests");
  insert("callers", 1, "BatchMeterUsage", "us-east-1", accessKeyId, sellerId);
  insert("audit", 1, hour * hourMs, "the-request", 1, "Success", null);
  insert("metering_workloads", 1, productCode, workload().resource, workload().operation, JSON.stringify(workload()));
  const idBytes = Buffer.from(recordId.replaceAll("-", ""), "hex");
  insert("client_tokens", sellerId, "us-east-1", "t", "hash-1", idBytes, 5, hour, 1);
  database.exec(`
    CREATE TABLE usage_2026_07 (
      hour INTEGER NOT NULL, subject INTEGER NOT NULL, dimension INTEGER NOT NULL, entry INTEGER NOT NULL,
      quantity INTEGER NOT NULL, record_id BLOB NOT NULL, at_ms INTEGER NOT NULL, call INTEGER NOT NULL,
      billable INTEGER NOT NULL, allocations TEXT, client_token TEXT, PRIMARY KEY (hour, subject, dimension, entry)
    ) STRICT, WITHOUT ROWID
  `);
  insert("usage_2026_07", hour, 1, 1, 0, 5, idBytes, 90_000, 1, 1, null, "t");
  database.close();
}

test("schema 1 is brought up to date with its data intact, once, and takes what is new", async () => {
  writeSchema1();
  for (const round of ["upgrade", "restart"]) {
    const { database, catalog, ledger, audit, outbox, close } = openSqliteStore({ file, sealer: testSealer });
    try {
      expect(database.prepare("PRAGMA user_version").get()).toEqual({ user_version: schemaVersion });
      expect(catalog.all()).toMatchObject({
        accounts: [account()],
        credentials: [credential()],
        products: [product()],
        agreements: [agreement()],
        entitlements: [entitlement()],
        roles: [],
      });
      expect(catalog.token(registrationToken().hash)).toEqual(registrationToken({ resolvedAt: 77 }));
      expect(catalog.settings()).toEqual({ revision: "2024" });
      expect(ledger.workloads({})).toEqual([workload()]);
      expect(await ledger.records({})).toMatchObject([
        { meteringRecordId: recordId, quantity: 5, requestId: "the-request" },
      ]);
      const again = await ledger.claim(unit([claim({ clientToken: clientToken("t") })], { audit: () => undefined }));
      expect(again.holders).toEqual([{ meteringRecordId: recordId, quantity: 5, fresh: false, clientToken: "same" }]);
      expect(await audit.events({})).toEqual([event({ requestId: "the-request" })]);
      if (round === "upgrade") {
        expect(catalog.version).toBe(41);
        expect([catalog.all().offers, catalog.all().targets, catalog.adminTokens()]).toEqual([[], [], []]);
        expect(await outbox.notifications({})).toEqual([]);
        await catalog.apply({ offers: [offer()], targets: [target()], notifications: [notification({ id: "n1" })] });
      } else {
        expect(catalog.version).toBe(42);
        expect(catalog.all().offers).toEqual([offer()]);
        expect(await outbox.due(0, 10)).toHaveLength(1);
      }
    } finally {
      await close();
    }
  }
});

test("an upgrade that fails leaves the file at its schema", async () => {
  writeSchema1();
  const before = new DatabaseSync(file);
  before.exec("CREATE TABLE deliveries (in_the_way TEXT)");
  before.close();
  expect(() => openSqliteStore({ file, sealer: testSealer })).toThrow(/already exists/);
  const after = new DatabaseSync(file);
  expect(after.prepare("PRAGMA user_version").get()).toEqual({ user_version: 1 });
  expect(after.prepare("SELECT name FROM sqlite_master WHERE name = 'offers'").get()).toBeUndefined();
  after.exec("DROP TABLE deliveries");
  after.close();
  const { catalog, close } = openSqliteStore({ file, sealer: testSealer });
  expect(catalog.account(account().id)).toEqual(account());
  await close();
});

test("notifications of schema 5 are the seller's", async () => {
  const database = new DatabaseSync(file);
  database.exec([initial, marketplace, workloads, auditTrail, summaries].join("\n"));
  database.exec("PRAGMA user_version = 5");
  const { at, form, name, body } = notification();
  const values = ["old", at, form, sellerId, productCode, null, null, name, body];
  database.prepare(`INSERT INTO notifications VALUES (1, ${values.map(() => "?").join(", ")})`).run(...values);
  database.close();
  const { outbox, close } = openSqliteStore({ file, sealer: testSealer });
  expect(await outbox.notifications({ sellerAccountId: sellerId })).toEqual([notification({ id: "old" })]);
  await close();
});
