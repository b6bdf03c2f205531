/** What only the embedded outbox promises: one transaction with the change, kept through a kill, and found by index. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Sealer } from "../../src/store/sealer.ts";
import { GroupCommit } from "../../src/store/sqlite/groupCommit.ts";
import { migrate } from "../../src/store/sqlite/migrate.ts";
import { openSqliteStore, type SqliteStore } from "../../src/store/sqlite/open.ts";
import { SqliteOutbox } from "../../src/store/sqlite/outbox.ts";
import { testSealer } from "./engines.ts";
import { account, buyerId, controlEvent, notification, productCode, sellerId, target } from "./fixtures.ts";

let folder: string;
let file: string;
let store: SqliteStore | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "meterhouse-outbox-"));
  file = join(folder, "meterhouse.db");
  store = undefined;
});

afterEach(async () => {
  await store?.close();
  rmSync(folder, { recursive: true, force: true });
});

function open(sealer: Sealer = testSealer): SqliteStore {
  store = openSqliteStore({ file, sealer });
  return store;
}

describe("one transaction", () => {
  test("a delivery that cannot be kept takes the whole change back: rows, event, settings, notification", async () => {
    const { catalog, outbox, database } = open();
    await catalog.apply({ targets: [target()] });
    const wakes: string[] = [];
    outbox.onDue(() => wakes.push("due"));
    database.exec(`
      CREATE TEMP TRIGGER poison BEFORE INSERT ON main.deliveries
      BEGIN SELECT RAISE(ABORT, 'poisoned row'); END
    `);
    const change = {
      accounts: [account()],
      settings: { revision: "2024" },
      event: controlEvent(),
      notifications: [notification({ id: "n1" })],
    };
    await expect(catalog.apply(change)).rejects.toMatchObject({ name: "StoreFailure", stored: "no" });
    expect(catalog.account(buyerId)).toBeUndefined();
    expect(catalog.settings()).toEqual({});
    expect(await catalog.controlEvents()).toEqual([]);
    expect(await outbox.notifications({})).toEqual([]);
    expect(wakes).toEqual([]);
    database.exec("DROP TRIGGER poison");
    await catalog.apply(change);
    expect(await outbox.due(0, 10)).toHaveLength(1);
    expect(wakes).toEqual(["due"]);
  });

  test("a save that fails leaves the delivery pending and wakes nobody", async () => {
    const { catalog, outbox, database } = open();
    await catalog.apply({ targets: [target()], notifications: [notification({ id: "n1" })] });
    database.exec(`
      CREATE TEMP TRIGGER poison BEFORE UPDATE ON main.deliveries
      BEGIN SELECT RAISE(ABORT, 'poisoned row'); END
    `);
    const wakes: string[] = [];
    outbox.onDue(() => wakes.push("due"));
    const row = { notificationId: "n1", targetId: "target-1", attempts: [], nextAttemptAt: 5 };
    for (const state of ["delivered", "pending"] as const) {
      await expect(outbox.save({ ...row, state })).rejects.toMatchObject({ name: "StoreFailure", stored: "no" });
    }
    expect(await outbox.due(0, 10)).toHaveLength(1);
    expect(wakes).toEqual([]);
  });
});

describe("a killed process", () => {
  const source = `
    import { openSqliteStore } from ${JSON.stringify(new URL("../../src/store/sqlite/open.ts", import.meta.url).href)};
    const sealer = { seal: (plain) => plain, unseal: (sealed) => sealed };
    const store = openSqliteStore({ file: process.argv[1], sealer });
    await store.catalog.apply(${JSON.stringify({
      accounts: [account()],
      targets: [target()],
      notifications: [notification({ id: "n1" })],
    })});
    console.log("stored");
    setInterval(() => {}, 1_000);
  `;

  test("leaves the change and what it published, still to be delivered", async () => {
    const child: ChildProcess = spawn(process.execPath, ["--input-type=module", "--eval", source, file], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [output] = await once(child.stdout!, "data");
    expect(String(output)).toContain("stored");
    child.kill("SIGKILL");
    await once(child, "exit");
    const { catalog, outbox } = open({ seal: (text) => text, unseal: (text) => text });
    expect(catalog.account(buyerId)).toEqual(account());
    const due = await outbox.due(0, 10);
    expect(due.map((each) => [each.notification.id, each.delivery.targetId])).toEqual([["n1", "target-1"]]);
  });
});

test("every read but the unfiltered list goes by an index, and none sorts", async () => {
  const database = new DatabaseSync(":memory:");
  try {
    migrate(database, "x");
    const prepared: string[] = [];
    const prepare = database.prepare.bind(database);
    database.prepare = (sql) => {
      prepared.push(sql);
      return prepare(sql);
    };
    const outbox = new SqliteOutbox(database, new GroupCommit(database, () => {}));
    await outbox.notification("n1");
    await outbox.deliveries("n1");
    for (const filter of [
      { sellerAccountId: sellerId },
      { productCode },
      { productCode, name: "subscribe-success" },
      { agreementId: "agmt-1" },
      { agreementId: "agmt-1", form: "sns" },
      { state: "pending" },
      { state: "dead" },
    ] as const) {
      await outbox.notifications(filter, { cursor: "n1" });
      await outbox.notifications(filter, { newestFirst: true });
    }
    const reads = prepared.filter((sql) => sql.startsWith("SELECT"));
    expect(reads.length).toBeGreaterThan(16);
    for (const sql of reads) {
      const plan = prepare(`EXPLAIN QUERY PLAN ${sql}`).all();
      const steps = plan.map((step) => String(step.detail)).join("\n");
      // The pending or dead ones are themselves a list to go through; what must not be is all notifications.
      expect(steps, sql).not.toMatch(/SCAN (?!deliveries USING (COVERING )?INDEX deliveries_(pending|dead))/);
      expect(steps, sql).not.toContain("ORDER BY");
    }
  } finally {
    database.close();
  }
});
