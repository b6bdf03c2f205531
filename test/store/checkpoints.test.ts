/** Checkpoints of the embedded store: made by a thread, or, where that does not keep up, by the serving one. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { pagesOf } from "../../src/store/sqlite/checkpoints.ts";
import { openSqliteStore, type SqliteStore, type StoreBounds } from "../../src/store/sqlite/open.ts";
import { testSealer } from "./engines.ts";
import { claim, unit } from "./fixtures.ts";

let folder: string;
let file: string;
let store: SqliteStore;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "meterhouse-checkpoints-"));
  file = join(folder, "meterhouse.db");
});

afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

function open(bounds: Partial<StoreBounds>): void {
  store = openSqliteStore({ file, sealer: testSealer, bounds });
}

const pages = () => pagesOf(store.database.prepare("PRAGMA wal_checkpoint(NOOP)").get());

/** Resolves with the most pages that the log had meanwhile. */
async function commit(times: number, name: string): Promise<number> {
  let most = 0;
  for (let call = 0; call < times; call += 1) {
    await store.ledger.claim(unit([claim({ dimension: `${name}-${call}` })]));
    most = Math.max(most, pages().log);
  }
  return most;
}

test("a thread carries the log over, and it starts again", async () => {
  open({ checkpointPages: 40, restartPages: 60 });
  const log = await commit(100, "first");
  expect(log).toBeGreaterThan(40);
  for (let waited = 0; pages().rest > 0 && waited < 200; waited += 1) await sleep(50);
  expect(pages().rest).toBe(0);
  await commit(1, "next");
  expect(pages().log).toBeLessThan(log);
  await commit(200, "more");
  await store.close();
  expect(existsSync(`${file}-wal`)).toBe(false);
  open({});
  expect(await store.ledger.count({})).toEqual({ count: 301, quantity: 1_505 });
});

test("a log that grows too long is carried over at once", async () => {
  open({ checkpointPages: 1_000_000, logPagesMax: 60 });
  await commit(63, "before");
  expect(pages().log - pages().rest).toBe(0);
  await commit(66, "after");
  expect(pages().log).toBeLessThan(400);
  expect(pages().rest).toBeLessThan(400);
  let shortest = pages().log;
  for (let round = 0; round < 6; round += 1) {
    await commit(32, `round-${round}`);
    shortest = Math.min(shortest, pages().log);
  }
  expect(shortest).toBeLessThan(150);
});
