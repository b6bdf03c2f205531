/** What only the embedded engine promises: its files, its one process, its failures and how it comes back from them. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createSealer } from "../../src/secrets.ts";
import { Interner } from "../../src/store/sqlite/interner.ts";
import { migrate, schemaVersion } from "../../src/store/sqlite/migrate.ts";
import { openSqliteStore, type SqliteStore } from "../../src/store/sqlite/open.ts";
import { testSealer } from "./engines.ts";
import { account, claim, credential, event, hour, product, simulated, target, unit } from "./fixtures.ts";

let folder: string;
let file: string;
let opened: SqliteStore[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "meterhouse-sqlite-"));
  file = join(folder, "data", "meterhouse.db");
  opened = [];
});

afterEach(async () => {
  for (const store of opened) await store.close();
  rmSync(folder, { recursive: true, force: true });
});

function open(sealer = testSealer): SqliteStore {
  const store = openSqliteStore({ file, sealer });
  opened.push(store);
  return store;
}

function storedBytes(): string {
  const data = join(folder, "data");
  return readdirSync(data)
    .map((name) => readFileSync(join(data, name), "latin1"))
    .join("\n");
}

describe("files", () => {
  test("are private to the user", async () => {
    const store = open();
    await store.ledger.claim(unit([claim()]));
    const data = join(folder, "data");
    const modes = readdirSync(data).map((name) => [name, statSync(join(data, name)).mode & 0o777]);
    expect(Object.fromEntries(modes)).toEqual({
      "meterhouse.db": 0o600,
      "meterhouse.db-shm": 0o600,
      "meterhouse.db-wal": 0o600,
      "meterhouse.lock": 0o600,
    });
    expect(statSync(data).mode & 0o777).toBe(0o700);
  });

  test("every commit is fsynced, in WAL mode", () => {
    const { database } = open();
    const pragma = (name: string) => Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0];
    expect(pragma("journal_mode")).toBe("wal");
    expect(pragma("synchronous")).toBe(2);
    // Checkpoints are made by a thread, see checkpoints.ts.
    expect(pragma("wal_autocheckpoint")).toBe(0);
  });

  test("hold no secret in plain text, neither while open nor after close", async () => {
    const store = open();
    const secrets = [
      "plain-secret-one",
      "plain-session-two",
      "plain-private-three",
      "plain-queue-four",
      "plain-workload-five",
    ];
    await store.catalog.apply({
      credentials: [credential({ secretAccessKey: "plain-secret-one", sessionToken: "plain-session-two" })],
      products: [product({ keyVersions: [{ version: 1, publicKeyPem: "pub", privateKeyPem: "plain-private-three" }] })],
      targets: [target({ sqs: { accessKeyId: "AKIAQUEUE", secretAccessKey: "plain-queue-four" } })],
      workloads: [simulated({ authorizationToken: "plain-workload-five" })],
    });
    const whileOpen = storedBytes();
    await store.close();
    for (const bytes of [whileOpen, storedBytes()]) {
      expect(bytes).toContain(credential().accessKeyId);
      expect(bytes).toContain("AKIAQUEUE");
      for (const secret of secrets) expect(bytes).not.toContain(secret);
    }
    const { catalog } = open();
    expect(catalog.credential(credential().accessKeyId)?.sessionToken).toBe("plain-session-two");
    expect(catalog.target("target-1")?.sqs?.secretAccessKey).toBe("plain-queue-four");
    expect(catalog.workload("web-1")?.authorizationToken).toBe("plain-workload-five");
  });

  test("another master key is refused at the start, even while nothing is sealed", async () => {
    await open().close();
    expect(() => open(createSealer(Buffer.alloc(32, 8)))).toThrow(/master key does not fit/);
    open();
  });

  test("a file that is no database is refused and left alone", async () => {
    await open().close();
    writeFileSync(
      file,
      "this is not a database, and it is longer than a header of SQLite, which has 100 bytes".repeat(9),
    );
    const before = readFileSync(file);
    expect(() => open()).toThrow(/is not a SQLite database/);
    expect(readFileSync(file)).toEqual(before);
  });

  test("a newer schema is refused by both its numbers", async () => {
    const { database } = open();
    database.exec(`PRAGMA user_version = ${schemaVersion + 3}`);
    await opened[0]?.close();
    expect(() => open()).toThrow(new RegExp(`schema ${schemaVersion + 3}.*up to ${schemaVersion}`));
  });

  test("a migration is applied once", () => {
    const database = new DatabaseSync(":memory:");
    migrate(database, "x");
    migrate(database, "x");
    expect(database.prepare("PRAGMA user_version").get()).toEqual({ user_version: schemaVersion });
    database.close();
  });
});

describe("one process", () => {
  const source = `
    import { openSqliteStore } from ${JSON.stringify(new URL("../../src/store/sqlite/open.ts", import.meta.url).href)};
    const sealer = { seal: (plain) => plain, unseal: (sealed) => sealed };
    const store = openSqliteStore({ file: process.argv[1], sealer });
    const records = [${JSON.stringify(claim())}];
    await store.ledger.claim({ records, audit: () => (${JSON.stringify(event())}) });
    console.log("stored");
    setInterval(() => {}, 1_000);
  `;

  async function startOther(): Promise<ChildProcess> {
    const child = spawn(process.execPath, ["--input-type=module", "--eval", source, file], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [output] = await once(child.stdout!, "data");
    expect(String(output)).toContain("stored");
    return child;
  }

  test("owns the file; a killed one leaves its data and no lock", async () => {
    const child = await startOther();
    const plain = { seal: (text: string) => text, unseal: (text: string) => text };
    expect(() => open(plain)).toThrow(/in use by another Meterhouse process/);
    child.kill("SIGKILL");
    await once(child, "exit");
    const store = open(plain);
    expect(await store.ledger.count({})).toEqual({ count: 1, quantity: 5 });
    expect((await store.ledger.claim(unit([claim()]))).holders[0]?.fresh).toBe(false);
  });

  test("opens it once; a refused second open leaves the lock with the first", async () => {
    const store = open();
    expect(() => open()).toThrow(/in use by another/);
    expect(() => open()).toThrow(/in use by another/);
    await store.ledger.claim(unit([claim()]));
    await store.close();
    open();
  });
});

describe("failures", () => {
  test("a full disk: nothing is kept, it is known, and the store comes back", async () => {
    const { database, ledger, catalog, audit } = open();
    await ledger.claim(unit([claim()]));
    // Out of the journal: a read would have to move it, and there is no room.
    await ledger.mark();
    database.exec("VACUUM"); // Migrations leave pages free, and those are not for here.
    const pages = Number(database.prepare("PRAGMA page_count").get()?.page_count);
    database.exec(`PRAGMA max_page_count = ${pages}`);
    // Too much for the pages there are, in a month and with customers that nothing has seen before.
    const units = Array.from({ length: 8 }, (_, n) =>
      unit(Array.from({ length: 25 }, (_, m) => claim({ hour: hour + 800, holder: `new-${n}-${m}`.padEnd(300) }))),
    );
    const results = await Promise.allSettled(units.map((each) => ledger.claim(each)));
    expect(results.map((result) => result.status)).toEqual(units.map(() => "rejected"));
    for (const result of results) {
      expect(result).toMatchObject({ reason: { name: "StoreFailure", stored: "no", message: /full/ } });
    }
    const big = {
      accounts: Array.from({ length: 200 }, (_, n) => account({ id: String(n), customerIdentifier: `${n}` })),
    };
    await expect(catalog.apply(big)).rejects.toMatchObject({ name: "StoreFailure", stored: "no" });
    expect(catalog.all().accounts).toEqual([]);
    expect(await ledger.count({})).toEqual({ count: 1, quantity: 5 });
    expect((await ledger.claim(unit([claim()], { audit: () => undefined }))).holders[0]?.fresh).toBe(false);

    database.exec("PRAGMA max_page_count = 4294967294");
    await Promise.all(units.map((each) => ledger.claim(each)));
    await catalog.apply(big);
    expect(await ledger.count({})).toEqual({ count: 201, quantity: 1_005 });
    // Each row finds its own customer: no integer of the undone transactions was kept.
    const records = await ledger.records({ fromHourAt: (hour + 800) * 3_600_000 });
    expect(records).toHaveLength(200);
    expect(await audit.events({}, 500)).toHaveLength(9);
    expect(database.prepare("SELECT count(*) AS n FROM subjects").get()).toEqual({ n: 201 });
  });

  test("integers of an undone transaction are forgotten: they go to others", async () => {
    const { ledger, database } = open();
    const poisoned = unit([claim({ holder: "undone", dimension: "undone" })], {
      audit: () => {
        throw new Error("undone");
      },
    });
    await expect(ledger.claim(poisoned)).rejects.toThrow("undone");
    await ledger.claim(unit([claim({ holder: "kept", dimension: "kept" })]));
    await ledger.claim(unit([claim({ holder: "undone", dimension: "undone" })]));
    expect((await ledger.records({})).map((record) => [record.dimension])).toEqual([["kept"], ["undone"]]);
    expect(database.prepare("SELECT id, holder FROM subjects ORDER BY id").all()).toEqual([
      { id: 1, holder: "kept" },
      { id: 2, holder: "undone" },
    ]);
  });

  test("a failing statement hurts its own unit alone", async () => {
    const { ledger, database } = open();
    await ledger.claim(unit([claim({ dimension: "first" })]));
    database.exec(`
      CREATE TEMP TRIGGER poison BEFORE INSERT ON main.dimensions WHEN new.name = 'b666'
      BEGIN SELECT RAISE(ABORT, 'poisoned row'); END
    `);
    const quantities = [1, 666, 2, 666, 3];
    const results = await Promise.allSettled(
      quantities.map((quantity) =>
        ledger.claim(unit([claim({ dimension: `a${quantity}` }), claim({ dimension: `b${quantity}`, quantity })])),
      ),
    );
    expect(results.map((result) => result.status)).toEqual([
      "fulfilled",
      "rejected",
      "fulfilled",
      "rejected",
      "fulfilled",
    ]);
    expect(await ledger.count({})).toEqual({ count: 7, quantity: 5 * 4 + 6 });
    expect(await ledger.count({ dimension: "a666" })).toEqual({ count: 0, quantity: 0 });
  });

  test("a failing commit is unknown to all of its group, and the store works on", async () => {
    const { ledger, database, catalog } = open();
    await ledger.claim(unit([claim()]));
    // A deferred foreign key is checked by COMMIT itself, which then fails and leaves the transaction open.
    database.exec(`
      PRAGMA foreign_keys = ON;
      CREATE TABLE parents (id INTEGER PRIMARY KEY);
      CREATE TABLE children (parent INTEGER REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED);
      CREATE TRIGGER orphan AFTER INSERT ON subjects WHEN new.holder = 'a'
      BEGIN INSERT INTO children VALUES (1); END
    `);
    const results = await Promise.allSettled([
      ledger.claim(unit([claim({ holder: "a" })])),
      ledger.claim(unit([claim({ holder: "b" })])),
    ]);
    for (const result of results) {
      expect(result).toMatchObject({ status: "rejected", reason: { name: "StoreFailure", stored: "unknown" } });
    }
    expect(database.isTransaction).toBe(false);
    database.exec("DROP TRIGGER orphan");
    const { holders } = await ledger.claim(unit([claim({ holder: "c" }), claim({ holder: "a" }), claim()]));
    expect(holders.map((holder) => holder.fresh)).toEqual([true, true, false]);
    await catalog.apply({ accounts: [account()] });
    expect(await ledger.count({})).toEqual({ count: 3, quantity: 15 });
  });

  test("a write lock held by another connection is a known failure", async () => {
    const { ledger } = open();
    const other = new DatabaseSync(file);
    other.exec("BEGIN IMMEDIATE");
    await expect(ledger.claim(unit([claim()]))).rejects.toMatchObject({ name: "StoreFailure", stored: "no" });
    other.exec("ROLLBACK");
    other.close();
    expect((await ledger.claim(unit([claim()]))).holders[0]?.fresh).toBe(true);
  });
});

describe("interner", () => {
  test("gives the same integers when its bound makes it forget", () => {
    const database = new DatabaseSync(":memory:");
    migrate(database, "x");
    const interner = new Interner(database, 3);
    const ask = () =>
      Array.from({ length: 30 }, (_, n) => [
        interner.usageKey(
          claim({
            holder: `h${n % 7}`,
            dimension: `d${n % 5}`,
            region: `r${n % 3}`,
            path: n % 2 ? "license" : "productCode",
            productCode: `p${n % 2}`,
          }),
        ),
        interner.caller(event({ accessKeyId: `A${n % 4}`, accountId: `${n % 3}`, operation: "MeterUsage" })),
      ]);
    const first = ask();
    expect(ask()).toEqual(first);
    const fresh = new Interner(database);
    const again = first.map((_, n) =>
      fresh.caller(event({ accessKeyId: `A${n % 4}`, accountId: `${n % 3}`, operation: "MeterUsage" })),
    );
    expect(again).toEqual(first.map(([, caller]) => caller));
    expect(database.prepare("SELECT count(*) AS n FROM callers").get()).toEqual({ n: 12 });
    database.close();
  });
});
