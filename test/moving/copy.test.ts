/** A store copied to the other engine, and back, is the same in everything that the ports can tell. */
import { execFile } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { afterEach, describe, expect, test, vi } from "vitest";
import { type CopyReport, type CopySteps, copyStore } from "../../src/moving/copy.ts";
import { openSource } from "../../src/moving/places.ts";
import { openTarget, type RawPlace } from "../../src/openStore.ts";
import type { Store } from "../../src/store/store.ts";
import { runCli } from "../cli/support.ts";
import { claim, clientToken, event, hour, unit } from "../store/fixtures.ts";
import { ownEnvironment } from "../support/ownEnvironment.ts";
import {
  addSealedFile,
  engineNames,
  fill,
  firstKey,
  log,
  makePlace,
  removePlaces,
  type TestPlace,
  told,
  toldOnAny,
} from "./stores.ts";

vi.setConfig({ testTimeout: 60_000 });
afterEach(removePlaces);

const script = fileURLToPath(new URL("copyAndDie.mjs", import.meta.url));
const env = { METERHOUSE_MASTER_KEY: firstKey.toString("hex") };

function rawPlace({ dataDir, database }: TestPlace): RawPlace {
  return database === undefined ? { folder: dataDir } : { url: database };
}

async function copy(from: TestPlace, to: TestPlace, steps?: CopySteps): Promise<CopyReport> {
  const source = await openSource(rawPlace(from), { env: {}, log });
  try {
    const target = await openTarget(rawPlace(to));
    try {
      return await copyStore(source, target, steps);
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

async function filled(engine: "sqlite" | "postgres"): Promise<TestPlace> {
  const place = await makePlace(engine);
  const store = await place.open();
  await fill(store);
  await store.close();
  return place;
}

async function toldBy(place: TestPlace, tell: (store: Store) => Promise<unknown> = toldOnAny): Promise<unknown> {
  const store = await place.open();
  try {
    return await tell(store);
  } finally {
    await store.close();
  }
}

async function query(place: TestPlace, text: string): Promise<void> {
  if (place.database === undefined) {
    const name = ["meterhouse.db", "meterhouse.db.copying"].find((one) => existsSync(join(place.dataDir, one)));
    const database = new DatabaseSync(join(place.dataDir, name ?? ""), { timeout: 5_000 });
    database.exec(text);
    database.close();
    return;
  }
  const client = new pg.Client({ connectionString: place.database });
  await client.connect();
  await client.query(text).finally(() => client.end());
}

test("there and back: records, ids, cursors, trail, catalogue, outbox; and both go on where the first stopped", async () => {
  const first = await filled("sqlite");
  addSealedFile(first);
  const [original, withPositions] = [await toldBy(first), await toldBy(first, told)];
  const second = await makePlace("postgres");
  const there = await copy(first, second);
  expect(there).toMatchObject({ equal: true, records: 7 });
  expect(there.tables.map(({ table }) => table)).toEqual(
    expect.arrayContaining([
      "catalog",
      "audit",
      "deliveries",
      "client_tokens",
      "usage 2026-06",
      "usage 2026-07",
      "sealed_keys",
    ]),
  );
  expect(await toldBy(second)).toEqual(original);
  const third = await makePlace("sqlite");
  const back = await copy(second, third);
  expect(back.equal).toBe(true);
  const sums = ({ tables }: CopyReport) =>
    new Map(tables.map(({ table, checksum, rows }) => [table, { checksum, rows }]));
  // Nodes put keys of their own beside those that came.
  const { sealed_keys: _there, ...same } = Object.fromEntries(sums(there));
  expect(Object.fromEntries(sums(back))).toMatchObject(same);
  expect(await toldBy(third, told)).toEqual(withPositions);
  expect(readFileSync(join(third.dataDir, "web-identity.sealed"), "utf8")).toBe(
    readFileSync(join(first.dataDir, "web-identity.sealed"), "utf8"),
  );
  for (const name of ["meterhouse.db", "web-identity.sealed"]) {
    expect(statSync(join(third.dataDir, name)).mode & 0o777).toBe(0o600);
  }
  for (const place of [first, second, third]) {
    const { ledger, audit, catalog, outbox, close } = await place.open();
    const [known] = await ledger.records({});
    const again = await ledger.claim(
      unit([claim(), claim({ hour: hour + 1, clientToken: clientToken("t-0", "other") })], { audit: () => undefined }),
    );
    expect(again.holders).toMatchObject([
      { fresh: false, quantity: 5 },
      { fresh: false, clientToken: "conflict" },
    ]);
    expect(known?.meteringRecordId).toBeDefined();
    // New numbers come after the old ones, in every table that has some.
    await ledger.claim(
      unit([claim({ hour: hour + 2, holder: "999999999999", accountId: "999999999999", dimension: "new" })], {
        audit: () => event({ requestId: "newest", accountId: "000000000009", at: 2e12 }),
      }),
    );
    await catalog.apply({ notifications: [{ ...(await outbox.notifications({}))[0], id: "n-new" } as never] });
    expect((await audit.page({}, 1))[0]).toMatchObject({
      event: { requestId: "newest" },
      stored: [{ dimension: "new" }],
    });
    expect((await outbox.notifications({})).map(({ id }) => id)).toEqual(["n-1", "n-2", "n-new"]);
    await close();
  }
});

describe.each([
  ["sqlite", "postgres"],
  ["postgres", "sqlite"],
] as const)("from %s to %s", (one, other) => {
  test("killed in the middle it goes on where it was; until then no server opens it", async () => {
    const from = await filled(one);
    const store = await from.open();
    for (let batch = 0; batch < 20; batch += 1) {
      const records = Array.from({ length: 500 }, (_, index) =>
        claim({ hour: hour + batch, holder: `${500 * batch + index}` }),
      );
      await store.ledger.claim(unit(records));
    }
    await store.close();
    const original = await toldBy(from);
    const to = await makePlace(other);
    for (const rows of [4_500, 3_000]) {
      const signal = await new Promise((resolve) => {
        const args = [script, String(rows), from.name, to.name];
        execFile(process.execPath, args, { env: { ...ownEnvironment, ...env } }).once("close", (_code, sign) =>
          resolve(sign),
        );
      });
      expect(signal).toBe("SIGKILL");
    }
    if (other === "postgres") await expect(to.open()).rejects.toThrow(/holds part of a copy.*goes on where it stopped/);
    else expect(existsSync(join(to.dataDir, "meterhouse.db"))).toBe(false);
    const stranger = await filled(one);
    await expect(copy(stranger, to)).rejects.toThrow(/part of a copy of another store/);
    let [total, done, copied] = [0, 0, 0];
    const report = await copy(from, to, {
      started: (all, there) => {
        [total, done] = [all, there];
      },
      copied: (rows) => {
        copied += rows;
      },
    });
    expect(report).toMatchObject({ equal: true, records: 10_007 });
    expect(done).toBeGreaterThan(2_000);
    // What had its place noted was not sent again.
    expect(copied).toBeLessThan(total - 1_000);
    expect(await toldBy(to)).toEqual(original);
  });

  test("a difference is found, told by name, and keeps servers off the copy", async () => {
    const from = await filled(one);
    const to = await makePlace(other);
    const table = other === "postgres" ? "usage" : "usage_2026_07";
    const change = `UPDATE ${table} SET quantity = quantity + 1 WHERE at_ms = 90000`;
    const report = await copy(from, to, { comparing: () => query(to, change) });
    expect(report.equal).toBe(false);
    expect(report.tables.filter(({ equal }) => !equal).map(({ table: name }) => name)).toContain("usage 2026-07");
    if (other === "postgres") await expect(to.open()).rejects.toThrow(/holds part of a copy/);
    else expect(existsSync(join(to.dataDir, "meterhouse.db"))).toBe(false);
  });

  test("what is not empty, or in use, is refused", async () => {
    const from = await filled(one);
    const to = await filled(other);
    await expect(copy(from, to)).rejects.toThrow(
      other === "postgres" ? /is not empty: its table .* has rows/ : /There is a store in/,
    );
    const store = await from.open();
    await expect(copy(from, await makePlace(other))).rejects.toThrow(
      one === "sqlite"
        ? /in use by another Meterhouse process/
        : /Nodes are connected to the database.*Stop all of them/,
    );
    await store.close();
    const empty = await makePlace(one);
    await expect(copy(empty, await makePlace(other))).rejects.toThrow(
      one === "sqlite" ? /There is no store in/ : /The database is empty/,
    );
  });

  test("a table or a column that the copy does not know is not left out without a word", async () => {
    const from = await filled(one);
    await query(from, "ALTER TABLE control_events ADD COLUMN extra TEXT");
    await expect(copy(from, await makePlace(other))).rejects.toThrow(
      /control_events has extra, which this version's copy does not expect/,
    );
    await query(from, "ALTER TABLE control_events DROP COLUMN extra; CREATE TABLE additional (id INTEGER)");
    await expect(copy(from, await makePlace(other))).rejects.toThrow(/has additional, which/);
  });
});

test("the command line copies, prints counts and checksums, and says what the copy needs", async () => {
  const from = await filled("sqlite");
  const to = await makePlace("postgres");
  const variables = { TARGET: to.name };
  const args = ["database", "copy", "--from", from.dataDir, "--to", "env:TARGET"];
  const done = await runCli(args, { env: variables });
  expect(done.stderr).toMatch(
    /is a copy of .*: 7 metering records\..*The master key and the admin token are not copied/s,
  );
  expect(done.code).toBe(0);
  expect(done.stdout).toMatch(/TABLE +ROWS +IN THE COPY +CHECKSUM +OF THE COPY +EQUAL\n/);
  expect(done.stdout).toMatch(/usage 2026-07 +\d+ +\d+ +([0-9a-f]{16}) +\1 +yes/);
  expect(done.stdout + done.stderr).not.toContain("password");
  const again = await runCli(args, { env: variables });
  expect(again).toMatchObject({ code: 1, stdout: "", stderr: expect.stringContaining("is not empty") });
  expect(await runCli(["database", "copy", "--from", from.dataDir, "--to", "env:NOT_SET"])).toMatchObject({ code: 2 });
});

test.each(engineNames)("a server that was never started has nothing to copy: %s", async (engine) => {
  const from = await makePlace(engine);
  await expect(copy(from, await makePlace("sqlite"))).rejects.toThrow(/no store|is empty/);
});
