/** Old months of a PostgreSQL database are exported and dropped by the command line while a server goes on. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openMonths } from "../../src/openStore.ts";
import { openPostgresStore } from "../../src/store/postgres/open.ts";
import type { Store } from "../../src/store/store.ts";
import { type Result, runCli } from "../cli/support.ts";
import { testSealer } from "../store/engines.ts";
import { claim, clientToken, hour, unit } from "../store/fixtures.ts";
import { createDatabase, type TestDatabase } from "../support/postgres.ts";

// The fixtures' hour is in July 2026.
const [july, may, august] = [hour, hour - 61 * 24, hour + 31 * 24];
const standing = { mode: "standing", at: Date.UTC(2026, 8, 20) } as const;

let database: TestDatabase;
let store: Store;
let folder: string;

beforeEach(async () => {
  database = await createDatabase();
  store = await openPostgresStore({ url: database.url, sealer: testSealer });
  folder = mkdtempSync(join(tmpdir(), "meterhouse-months-"));
  await store.catalog.apply({ clock: standing });
});

afterEach(async () => {
  await store.close();
  await database.drop();
  rmSync(folder, { recursive: true, force: true });
});

const database_ = (...args: readonly string[]): Promise<Result> =>
  runCli(["database", "partitions", ...args], { env: { METERHOUSE_DATABASE_URL: database.url } });

async function meter(at: number, token?: string): Promise<string | undefined> {
  const record = claim({
    hour: at,
    timestampMs: at * 3_600_000,
    ...(token === undefined ? {} : { clientToken: clientToken(token) }),
  });
  const { holders } = await store.ledger.claim(unit([record]));
  return holders[0]?.fresh === true ? holders[0].meteringRecordId : undefined;
}

test("months are listed, exported and dropped; what is in use stays, and the server goes on", async () => {
  const ids = [await meter(may, "old"), await meter(july), await meter(august, "new")];
  await store.upkeep?.(standing.at);
  const listed = JSON.parse((await database_("list", "--json")).stdout) as {
    items: { month: string; records: number }[];
  };
  expect(listed.items.map(({ month, records }) => [month, records])).toEqual([
    ...[
      ["2026-05", 1],
      ["2026-07", 1],
      ["2026-08", 1],
    ],
    ...[
      ["2026-09", 0],
      ["2026-10", 0],
    ],
  ]);
  expect((await database_("list")).stdout).toMatch(/^MONTH +RECORDS +MEGABYTES\n2026-05 +1 +\d+\n/);

  const unsaid = await database_("drop", "--before", "2026-08");
  expect([unsaid.code, unsaid.stderr]).toEqual([2, expect.stringContaining("--without-export")]);
  const recent = await database_("drop", "--before", "2026-09", "--without-export");
  expect([recent.code, recent.stderr]).toEqual([2, expect.stringContaining("2026-08 at the latest")]);

  const dropped = await database_("drop", "--before", "2026-08", "--export", folder);
  expect(dropped.stderr).toBe("");
  expect(dropped.stdout).toMatch(/^2026-05: 1 records are dropped; they are in .*usage-2026-05\.csv\n2026-07: 1 /);
  expect(readdirSync(folder)).toEqual(["usage-2026-05.csv", "usage-2026-07.csv"]);
  expect(readFileSync(join(folder, "usage-2026-05.csv"), "utf8")).toContain(ids[0]);
  expect(statSync(join(folder, "usage-2026-05.csv")).mode & 0o777).toBe(0o600);
  expect((await store.ledger.records({})).map(({ meteringRecordId: id }) => id)).toEqual([ids[2]]);
  expect(await database.query("SELECT token FROM client_tokens")).toEqual([{ token: "new" }]);
  // The trail still tells of the calls, without the records.
  expect(
    (await store.audit.page({}, 10)).map(({ stored }) => stored.filter((one) => one !== undefined).length),
  ).toEqual([...[1, 0, 0]]);
  expect((await store.catalog.controlEvents()).map(({ action, target }) => `${action} ${target}`)).toEqual([
    ...["usage.drop-month 2026-07", "usage.drop-month 2026-05"],
  ]);
  // A month that is gone can come again: its partition is made for the next record.
  expect(await meter(may, "old")).toBeDefined();
  const again = await database_("drop", "--before", "2026-08", "--export", folder);
  expect([again.code, again.stderr]).toEqual([1, expect.stringContaining("usage-2026-05.csv is there already")]);
  expect(await store.ledger.count({})).toMatchObject({ count: 2 });
  const given = await database_("drop", "--before", "2026-08", "--without-export", "--json");
  expect(JSON.parse(given.stdout)).toEqual({ items: [{ month: "2026-05", records: 1, tokens: 1 }] });
});

test("a month that got a record since its export stays, and a command that was killed leaves nothing broken", async () => {
  await meter(may);
  const months = await openMonths(database.url);
  try {
    await expect(months.drop("2026-05", 0)).rejects.toThrow("2026-05 holds 1 records, and 0 were exported");
    expect(await store.ledger.count({})).toMatchObject({ count: 1 });
    await expect(months.drop("2026-04")).rejects.toThrow("There is no usage of 2026-04");
    await database.query("ALTER TABLE usage DETACH PARTITION usage_2026_05");
    // Meanwhile a record of that month: its partition is put back, with what it holds.
    const other = await openPostgresStore({ url: database.url, sealer: testSealer });
    try {
      const record = claim({ hour: may + 1, timestampMs: (may + 1) * 3_600_000 });
      expect((await other.ledger.claim(unit([record]))).holders[0]?.fresh).toBe(true);
      expect(await other.ledger.count({})).toMatchObject({ count: 2 });
    } finally {
      await other.close();
    }
    await database.query("ALTER TABLE usage DETACH PARTITION usage_2026_05");
    expect(await months.drop("2026-05", 2)).toEqual({ records: 2, tokens: 0 });
    expect(await months.list()).toEqual([]);
  } finally {
    await months.close();
  }
});

test("on SQLite it says what does it there; a database of another schema is refused", async () => {
  const { code, stderr } = await runCli(["database", "partitions", "list"]);
  expect([code, stderr]).toEqual([2, expect.stringContaining("usage export --month")]);
  await database.query("UPDATE schema_version SET version = version + 1");
  await expect(openMonths(database.url)).rejects.toThrow(/has schema \d+, this command is for \d+/);
  writeFileSync(join(folder, "x"), "");
});
