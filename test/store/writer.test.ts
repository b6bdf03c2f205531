/** The thread that writes for the serving one: whatever becomes of it, what was claimed is there once. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Worker } from "node:worker_threads";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { MeteringRecord } from "../../src/api/types.ts";
import { type ClaimOutcome, StoreFailure, type UsageClaim } from "../../src/store/ledger.ts";
import { openSqliteStore, type SqliteStore, type StoreBounds } from "../../src/store/sqlite/open.ts";
import { testSealer } from "./engines.ts";
import { claim, clientToken, unit } from "./fixtures.ts";

let folder: string;
let store: SqliteStore;
let threads: Worker[];
const started = (worker: Worker): void => {
  threads.push(worker);
};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "meterhouse-writer-"));
  threads = [];
  process.on("worker", started);
});

afterEach(async () => {
  process.off("worker", started);
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

async function open(bounds: Partial<StoreBounds> = {}): Promise<void> {
  store = openSqliteStore({
    file: join(folder, "meterhouse.db"),
    sealer: testSealer,
    bounds: { writerCalls: 0, ...bounds },
  });
  while (!store.writer.isUp) await sleep(5);
}

/** What each of the claims of one turn became, all of them in one group. */
const atOnce = (claims: readonly UsageClaim[]): Promise<readonly ClaimOutcome[]> =>
  Promise.all(claims.map((one) => store.ledger.claim(unit([one]))));

const some = (count: number, members: Partial<UsageClaim> = {}): readonly UsageClaim[] =>
  Array.from({ length: count }, (_, index) => claim({ dimension: `d${index}`, ...members }));

const idsOf = (outcomes: readonly ClaimOutcome[]): readonly string[] =>
  outcomes.flatMap(({ holders }) => holders.map((holder) => holder.meteringRecordId));

const freshOf = (outcomes: readonly ClaimOutcome[]): readonly boolean[] =>
  outcomes.flatMap(({ holders }) => holders.map((holder) => holder.fresh));

async function storedIds(): Promise<readonly string[]> {
  const records: readonly MeteringRecord[] = await store.ledger.records({}, 10_000);
  return records.map((record) => record.meteringRecordId).sort();
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const yes = (count: number): readonly boolean[] => Array<boolean>(count).fill(true);

describe("a group of calls", () => {
  test("is written by the thread, and answered when it is stored", async () => {
    await open();
    // The first one teaches the integers of texts, which is written here.
    await atOnce(some(20));
    const claims = some(20, { hour: claim().hour + 1 });
    const answers = atOnce(claims);
    await nextTurn();
    expect(store.writer.isBusy).toBe(true);
    const outcomes = await answers;
    expect(freshOf(outcomes)).toEqual(yes(20));
    expect(idsOf(await atOnce(claims))).toEqual(idsOf(outcomes));
    await store.close();
    await open();
    expect(idsOf(await atOnce(claims))).toEqual(idsOf(outcomes));
    expect(await store.ledger.count({})).toEqual({ count: 40, quantity: 200 });
  });

  test("that comes while one is being written sees its keys", async () => {
    await open();
    await atOnce(some(3));
    const claims = some(3, { hour: claim().hour + 1 });
    const first = atOnce(claims);
    await nextTurn();
    const second = atOnce(claims);
    expect(idsOf(await second)).toEqual(idsOf(await first));
    expect(freshOf(await first)).toEqual(yes(3));
  });

  test("with tokens among it is written here, and so is what the thread is then asked to read", async () => {
    await open();
    const withToken = claim({ dimension: "token", clientToken: clientToken("t1", "h1") });
    const before = await atOnce([...some(5), withToken]);
    const again = await atOnce([...some(5), withToken]);
    expect(idsOf(again)).toEqual(idsOf(before));
    expect(await storedIds()).toEqual([...idsOf(before)].sort());
  });

  test("is stored before a change of the catalogue that comes after it", async () => {
    await open();
    await atOnce(some(3));
    const claims = some(3, { hour: claim().hour + 1 });
    const answers = Promise.all(
      claims.map((one) => store.ledger.claim(unit([one], { factsVersion: store.catalog.version }))),
    );
    await nextTurn();
    await store.catalog.apply({});
    expect(store.writer.isBusy).toBe(false);
    expect(freshOf(await answers)).toEqual(yes(3));
  });

  test("with a poisoned call in it loses that one alone", async () => {
    await open();
    await atOnce(some(3));
    const [one, two, three] = some(3, { hour: claim().hour + 1 });
    if (one === undefined || two === undefined || three === undefined) throw new Error("three were made");
    const poisoned = unit([two], {
      audit: () => {
        throw new Error("poisoned");
      },
    });
    const results = await Promise.allSettled([
      store.ledger.claim(unit([one])),
      store.ledger.claim(poisoned),
      store.ledger.claim(unit([three])),
    ]);
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(freshOf(await atOnce([one, two, three]))).toEqual([false, true, false]);
    expect(await storedIds()).toHaveLength(6);
  });
});

describe("the thread fails", () => {
  test("to write: nothing is stored, callers know, and it goes on when it can", async () => {
    await open();
    const before = await atOnce(some(3));
    store.database.exec(
      "CREATE TRIGGER broken BEFORE INSERT ON journal BEGIN SELECT RAISE(ABORT, 'the disk is broken'); END",
    );
    const claims = some(3, { hour: claim().hour + 1 });
    const results = await Promise.allSettled(claims.map((one) => store.ledger.claim(unit([one]))));
    for (const result of results) {
      if (result.status === "fulfilled") throw new Error("it was stored");
      expect(result.reason).toBeInstanceOf(StoreFailure);
      expect(result.reason).toMatchObject({ stored: "no", message: expect.stringContaining("the disk is broken") });
    }
    store.database.exec("DROP TRIGGER broken");
    const after = await atOnce(claims);
    expect(freshOf(after)).toEqual(yes(3));
    expect(await storedIds()).toEqual([...idsOf(before), ...idsOf(after)].sort());
  });

  test("to move: readers are told, and it is done when it can be", async () => {
    await open();
    store.database.exec("CREATE TRIGGER broken BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'broken'); END");
    await atOnce(some(3));
    await atOnce(some(3));
    await expect(store.ledger.mark()).rejects.toThrow(/broken/);
    store.database.exec("DROP TRIGGER broken");
    expect(await storedIds()).toHaveLength(3);
  });

  test("and is gone: what it had is unknown, the same calls find what was stored, and this one writes on", async () => {
    await open();
    await atOnce(some(3));
    const claims = some(3, { hour: claim().hour + 1 });
    const answers = Promise.allSettled(claims.map((one) => store.ledger.claim(unit([one]))));
    await nextTurn();
    expect(store.writer.isBusy).toBe(true);
    await threads.find((worker) => worker.threadName === "writer")?.terminate();
    for (const result of await answers) {
      if (result.status === "rejected") expect(result.reason).toMatchObject({ stored: "unknown" });
    }
    expect(store.writer.isUp).toBe(false);
    const again = await atOnce(claims);
    expect(await storedIds()).toHaveLength(6);
    expect(idsOf(await atOnce(claims))).toEqual(idsOf(again));
    await store.close();
    await open();
    expect(idsOf(await atOnce(claims))).toEqual(idsOf(again));
  });
});

describe("a move by the thread", () => {
  const bounds = { journalEntries: 8, sliceRows: 8 };

  test("is done slice by slice under calls that go on, and all of it is there", async () => {
    await open(bounds);
    const ids: string[] = [];
    for (let round = 0; round < 60; round += 1) {
      ids.push(...idsOf(await atOnce(some(9, { hour: claim().hour + (round % 23), holder: `h${round}` }))));
    }
    expect(await storedIds()).toEqual(ids.sort());
    expect(Number(store.database.prepare("SELECT count(*) AS n FROM journal").get()?.n)).toBe(0);
    await store.close();
    await open(bounds);
    expect(await storedIds()).toEqual(ids);
  });

  test("that is under way when all is reset brings nothing back", async () => {
    await open({ journalEntries: 4, sliceRows: 4 });
    for (let round = 0; round < 5; round += 1) await atOnce(some(30, { holder: `h${round}` }));
    await nextTurn();
    await store.reset();
    await atOnce(some(2, { holder: "after" }));
    await atOnce(some(2, { holder: "later" }));
    expect(await storedIds()).toHaveLength(4);
    expect(await store.audit.events({})).toHaveLength(4);
  });

  test("ends by this thread when the store closes", async () => {
    await open(bounds);
    const ids: string[] = [];
    for (let round = 0; round < 8; round += 1) ids.push(...idsOf(await atOnce(some(30, { holder: `h${round}` }))));
    await store.close();
    await open({ ...bounds, writerCalls: 0 });
    expect(Number(store.database.prepare("SELECT count(*) AS n FROM journal").get()?.n)).toBe(0);
    expect(await storedIds()).toEqual(ids.sort());
  });

  test("leaves no kept sum behind that it made wrong", async () => {
    await open({ journalEntries: 4, sliceRows: 4 });
    const { hour } = claim();
    const day = hour - (hour % 24);
    const span = { fromHour: day - 24, toHour: day + 96, bucketHours: 12 };
    const total = async (): Promise<number> => {
      const { series } = await store.summaries.usage({ ...span, by: "dimension", measure: "quantity", top: 20 });
      return series.flatMap(({ values }) => values).reduce((sum, value) => sum + value, 0);
    };
    const keptBlocks = (): number =>
      Number(store.database.prepare("SELECT count(*) AS n FROM summaries WHERE kind = 'dimension'").get()?.n);
    await atOnce(some(10));
    await atOnce(some(10, { hour: hour + 48 }));
    await store.close();
    await open();
    expect(await total()).toBe(100);
    expect(keptBlocks()).toBeGreaterThan(0);
    await atOnce(some(10, { holder: "late" }));
    await atOnce(some(10, { holder: "later" }));
    expect(await total()).toBe(200);
    await store.close();
    await open();
    expect(await total()).toBe(200);
  });
});
