/**
 * What Citus needs of the schema and the statements, held on plain PostgreSQL so that it stays true. No cluster is run
 * here: that Citus takes them is not shown by this.
 */
import { readdirSync, readFileSync } from "node:fs";
import pg from "pg";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  citusFaults,
  distributedTables,
  distributeStatements,
  preparing,
} from "../../src/store/postgres/distribute.ts";
import { openPostgresStore } from "../../src/store/postgres/open.ts";
import { runCli } from "../cli/support.ts";
import { createDatabase, type TestDatabase } from "../support/postgres.ts";
import { testSealer } from "./engines.ts";
import { claim, clientToken, hour, unit } from "./fixtures.ts";

const root = new URL("../../", import.meta.url);

let database: TestDatabase;
beforeEach(async () => {
  database = await createDatabase();
  const store = await openPostgresStore({ url: database.url, sealer: testSealer });
  // Two months, so that partitions are looked at, too.
  await store.ledger.claim(unit([claim({ clientToken: clientToken("t") })]));
  await store.ledger.claim(unit([claim({ hour: hour + 24 * 40, timestampMs: (hour + 24 * 40) * 3_600_000 })]));
  await store.close();
});
afterEach(() => database.drop());

describe("the schema", () => {
  test("is one that can be distributed, after what is run before", async () => {
    expect(await citusFaults(database)).toEqual(["the identity column dimensions.id is not bigint"]);
    for (const statement of preparing) await database.query(statement);
    expect(await citusFaults(database)).toEqual([]);
    // And the store goes on with it.
    const store = await openPostgresStore({ url: database.url, sealer: testSealer });
    try {
      expect((await store.ledger.claim(unit([claim()]))).holders[0]?.fresh).toBe(false);
      expect(await store.ledger.records({})).toHaveLength(2);
    } finally {
      await store.close();
    }
  });

  test.each([
    ["CREATE UNIQUE INDEX odd ON client_tokens (region, token)", "the unique key odd does not hold the column account"],
    ["CREATE UNIQUE INDEX odd ON client_tokens (region) INCLUDE (account)", "the unique key odd does not hold"],
    ["CREATE UNIQUE INDEX odd ON usage_2026_07 (record_id)", "the unique key odd does not hold the column account"],
    ["ALTER TABLE subjects ADD FOREIGN KEY (id) REFERENCES callers (id)", "the foreign key subjects.subjects_id_fkey"],
    [
      "ALTER TABLE client_tokens ALTER COLUMN account TYPE varchar(12)",
      "client_tokens.account is character varying(12)",
    ],
    ["CREATE RULE odd AS ON DELETE TO callers DO INSTEAD NOTHING", "callers.odd is a trigger or a rule"],
  ])("is refused after %s", async (change, fault) => {
    for (const statement of [...preparing, change]) await database.query(statement);
    expect(await citusFaults(database)).toEqual([expect.stringContaining(fault)]);
  });
});

describe("the statements", () => {
  /** Texts of SQL in the engine's sources that read or write what is distributed, by file. */
  const found = readdirSync(new URL("src/store/postgres/", root)).flatMap((file) => {
    const source = readFileSync(new URL(`src/store/postgres/${file}`, root), "utf8");
    const tables = distributedTables.map(({ table }) => table).join("|");
    const used = new RegExp(`\\b(?:FROM|JOIN|INTO|UPDATE|TRUNCATE|TABLE|OF|COPY)\\s(?:[a-z_]+, )*(?:${tables})\\b`);
    return used.test(source) ? [file] : [];
  });

  test("that touch what is distributed are all told of in docs/citus.md", () => {
    expect(found).toEqual(expect.arrayContaining(["claims.ts", "claimAtOnce.ts"]));
    const text = readFileSync(new URL("docs/citus.md", root), "utf8");
    expect(found.filter((file) => !text.includes(`\`${file}\``))).toEqual([]);
  });

  test("of a claim have the customer's account beside every key, and lock in the order of their keys", () => {
    const source = readFileSync(new URL("src/store/postgres/claims.ts", root), "utf8");
    expect(source).toMatch(/INSERT INTO usage\s+SELECT hour, account,[\s\S]*ORDER BY hour, account, subject/);
    expect(source).toContain("JOIN usage u USING (hour, account, subject, dimension, entry)");
    expect(source).toContain("JOIN client_tokens t USING (account, region, token)");
    expect(source).toContain("INSERT INTO client_tokens (account, region, token,");
  });

  test("prune a look-up of one account's record to its own partition and key", async () => {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    try {
      const { rows } = await client.query<{ "QUERY PLAN": string }>(
        `EXPLAIN (COSTS OFF) SELECT record_id FROM usage
         WHERE hour = ${hour} AND account = '444455556666' AND subject = 1 AND dimension = 1 AND entry = 0`,
      );
      const plan = rows.map((row) => row["QUERY PLAN"]).join("\n");
      expect(plan).toMatch(/usage_2026_07/);
      expect(plan).not.toMatch(/usage_2026_08/);
    } finally {
      await client.end();
    }
  });
});

describe("the command", () => {
  test("prints the statements without a database", async () => {
    const { code, stdout } = await runCli(["database", "distribute", "--dry-run"]);
    expect(code).toBe(0);
    expect(stdout.trim().split("\n")).toEqual(distributeStatements.map((sql) => `${sql};`));
    expect(stdout).toContain("create_distributed_table('client_tokens', 'account', colocate_with => 'usage')");
  });

  test("says that the extension is missing, and leaves everything as it is", async () => {
    const { code, stdout, stderr } = await runCli(["database", "distribute"], {
      env: { METERHOUSE_DATABASE_URL: database.url },
    });
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/has no extension citus.*CREATE EXTENSION citus/s);
    expect(await citusFaults(database)).toHaveLength(1);
  });
});
