/**
 * Stores that earlier versions wrote, with what those versions told of them, open in this one with everything in them.
 * `test/fixtures/stores/README.md` says how they came about.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { schemaVersion as postgresSchema } from "../../src/store/postgres/migrate.ts";
import { openPostgresStore } from "../../src/store/postgres/open.ts";
import { schemaVersion as sqliteSchema } from "../../src/store/sqlite/migrate.ts";
import { openSqliteStore } from "../../src/store/sqlite/open.ts";
import type { Store } from "../../src/store/store.ts";
import { told } from "../moving/stores.ts";
import { createDatabase, type TestDatabase } from "../support/postgres.ts";
import { testSealer } from "./engines.ts";
import { claim, clientToken, hour, unit } from "./fixtures.ts";

const fixtures = fileURLToPath(new URL("../fixtures/stores/", import.meta.url));

interface Told {
  readonly version: number;
  readonly records: readonly { readonly meteringRecordId: string }[];
  readonly events: readonly object[];
  readonly [name: string]: unknown;
}

function toldThen(name: string): Told {
  return JSON.parse(readFileSync(join(fixtures, `${name}.json`), "utf8")) as Told;
}

function numbersOf(prefix: string, ending: string): readonly number[] {
  const names = readdirSync(fixtures).filter((name) => name.startsWith(prefix) && name.endsWith(ending));
  return names.map((name) => Number(/\d+/.exec(name)?.[0])).toSorted((a, b) => a - b);
}

/** All that was told then is told now; this version may tell more. */
async function expectSame(store: Store, then: Told): Promise<void> {
  const now = JSON.parse(JSON.stringify(await told(store))) as Record<string, unknown>;
  const { controlEvents, tokens: _tokens, version: _version, ...same } = then;
  const records = await store.ledger.records({});
  const events = await store.audit.events({});
  expect({
    ...now,
    records: JSON.parse(JSON.stringify(records)),
    events: JSON.parse(JSON.stringify(events)),
  }).toMatchObject(same);
  expect(now.events).toMatchObject(controlEvents ?? []);
  expect(records).toHaveLength(then.records.length);
  expect([store.catalog.token("ab".repeat(32)), store.catalog.token("cd".repeat(32))]).toMatchObject(
    then.tokens as object[],
  );
}

/** What is claimed again is known, and what is new gets a place of its own. */
async function expectGoesOn({ ledger }: Store, then: Told): Promise<void> {
  const ids = then.records.map(({ meteringRecordId }) => meteringRecordId);
  const known = unit([claim(), claim({ hour: hour + 1, clientToken: clientToken("t-1") })], { audit: () => undefined });
  for (const holder of (await ledger.claim(known)).holders) {
    expect(holder).toMatchObject({ fresh: false });
    expect(ids).toContain(holder.meteringRecordId);
  }
  const { holders } = await ledger.claim(unit([claim({ hour: hour + 2, dimension: "new" })]));
  expect(holders).toMatchObject([{ fresh: true }]);
  expect(await ledger.records({})).toHaveLength(ids.length + 1);
}

describe("sqlite", () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "meterhouse-fixture-"));
    file = join(folder, "meterhouse.db");
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  const numbers = numbersOf("sqlite-", ".db.gz");

  test("there is one of each schema that was ever released", () => {
    expect(numbers).toEqual(expect.arrayContaining([1, 2, 3, 4, 5, 7]));
  });

  test.each(numbers)("schema %i", async (number) => {
    writeFileSync(file, gunzipSync(readFileSync(join(fixtures, `sqlite-${number}.db.gz`))));
    const then = toldThen(`sqlite-${number}`);
    for (const round of ["upgrade", "restart"]) {
      const store = openSqliteStore({ file, sealer: testSealer });
      try {
        expect(store.database.prepare("PRAGMA user_version").get()).toEqual({ user_version: sqliteSchema });
        expect(store.catalog.version).toBe(then.version);
        await expectSame(store, then);
        if (round === "restart") await expectGoesOn(store, then);
      } finally {
        await store.close();
      }
    }
  });

  test("a newer schema is refused, and the file left as it was", () => {
    const database = new DatabaseSync(file);
    database.exec(`PRAGMA user_version = ${sqliteSchema + 1}`);
    database.close();
    const before = readFileSync(file);
    expect(() => openSqliteStore({ file, sealer: testSealer })).toThrow(
      `The data file ${file} has schema ${sqliteSchema + 1}, written by a newer Meterhouse; this one knows schemas up to ${sqliteSchema}.`,
    );
    expect(readFileSync(file).equals(before)).toBe(true);
  });
});

describe("postgres", () => {
  let database: TestDatabase;
  beforeEach(async () => {
    database = await createDatabase();
  });
  afterEach(() => database.drop());

  const open = (): Promise<Store> => openPostgresStore({ url: database.url, sealer: testSealer });

  test.each(numbersOf("postgres-", ".sql"))("schema %i, by three nodes that start at once", async (number) => {
    await database.query(readFileSync(join(fixtures, `postgres-${number}.sql`), "utf8"));
    const then = toldThen(`postgres-${number}`);
    const nodes = await Promise.all([open(), open(), open()]);
    try {
      expect(await database.query("SELECT version FROM schema_version")).toEqual([{ version: postgresSchema }]);
      for (const node of nodes) await expectSame(node, then);
      const [first] = nodes;
      if (first !== undefined) await expectGoesOn(first, then);
    } finally {
      await Promise.all(nodes.map((node) => node.close()));
    }
  });
});
