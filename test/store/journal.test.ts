/** The embedded ledger's journal: what is in it is as good as in the tables, whatever happens on the way there. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { MeteringRecord } from "../../src/api/types.ts";
import type { UsageClaim } from "../../src/store/ledger.ts";
import { putUuid, RecordIds, uuidBytes, uuidText } from "../../src/store/recordIds.ts";
import { HourIndex } from "../../src/store/sqlite/hourIndex.ts";
import { IndexMemory } from "../../src/store/sqlite/indexMemory.ts";
import { JournalReader, JournalWriter } from "../../src/store/sqlite/journalRows.ts";
import { openSqliteStore, type SqliteStore, type StoreBounds } from "../../src/store/sqlite/open.ts";
import { testSealer } from "./engines.ts";
import { claim, clientToken, event, hour, unit } from "./fixtures.ts";

let folder: string;
let stores: SqliteStore[];
let images: number;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "meterhouse-journal-"));
  stores = [];
  images = 0;
});

afterEach(async () => {
  for (const store of stores) await store.close();
  rmSync(folder, { recursive: true, force: true });
});

function open(bounds: Partial<StoreBounds> = {}, name = "live"): SqliteStore {
  const store = openSqliteStore({ file: join(folder, name, "meterhouse.db"), sealer: testSealer, bounds });
  stores.push(store);
  return store;
}

/** The files as a process that is killed now would leave them, under a name of their own. */
function killedNow(): string {
  images += 1;
  const name = `image-${images}`;
  mkdirSync(join(folder, name));
  for (const file of ["meterhouse.db", "meterhouse.db-wal"]) {
    const from = join(folder, "live", file);
    if (existsSync(from)) cpSync(from, join(folder, name, file));
  }
  return name;
}

const journalRows = ({ database }: SqliteStore): number =>
  Number(database.prepare("SELECT count(*) AS n FROM journal").get()?.n);

const months = ({ database }: SqliteStore): readonly unknown[] =>
  database.prepare("SELECT name FROM sqlite_master WHERE name GLOB 'usage_*'").all();

/** One of each kind. */
const kinds: readonly UsageClaim[] = [
  claim(),
  claim({ holder: "arn:aws:license-manager::1:license:l-1", path: "license", billable: false, quantity: 2 ** 50 }),
  claim({
    path: "resource",
    holder: "i-1",
    allocations: [{ AllocatedUsageQuantity: 5, Tags: [{ Key: "k", Value: "ü" }] }],
  }),
  claim({ path: "resource", holder: "i-2", clientToken: clientToken("t-1") }),
  claim({ path: "agentcore", holder: "agent", clientToken: clientToken("t-2"), quantity: 3 }),
  claim({ path: "agentcore", holder: "agent", clientToken: clientToken("t-3"), quantity: 3 }),
  claim({ hour: hour + 700, quantity: 0 }),
  claim({ dimension: "off", timestampMs: (hour - 9_000) * 3_600_000 }),
];

const everything = async ({ ledger }: SqliteStore): Promise<readonly MeteringRecord[]> => ledger.records({}, 100_000);

describe("the rows", () => {
  const numbers = fc.record({
    subject: fc.integer({ min: 1, max: 0xffff_ffff }),
    dimension: fc.integer({ min: 1, max: 0xffff_ffff }),
    hour: fc.integer({ min: 0, max: 70_000_000 }),
    quantity: fc.maxSafeInteger(),
    atMs: fc.oneof(fc.integer({ min: 0, max: 3_600_000 }), fc.maxSafeInteger()),
    isBillable: fc.boolean(),
    position: fc.option(fc.integer({ min: 0, max: 65_535 }), { nil: undefined }),
    allocations: fc.option(fc.string({ unit: "grapheme" }), { nil: undefined }),
    token: fc.option(fc.string({ unit: "grapheme" }), { nil: undefined }),
  });
  const events = fc.record({
    at: fc.maxSafeInteger(),
    requestId: fc.oneof(fc.uuid(), fc.string()),
    caller: fc.nat(),
    outcome: fc.string(),
    detail: fc.option(fc.string({ unit: "grapheme", minLength: 1 }), { nil: null }),
  });
  const packed = fc.array(
    fc.record({
      call: fc.maxSafeInteger(),
      rows: fc.array(numbers, { maxLength: 5 }),
      event: events,
      isKept: fc.boolean(),
    }),
    { maxLength: 5 },
  );

  test("come back as they were packed", () => {
    const writer = new JournalWriter();
    const ids = new RecordIds();
    fc.assert(
      fc.property(packed, (units) => {
        writer.clear();
        const texts: string[] = [];
        for (const { call, rows, event: packedEvent, isKept } of units) {
          writer.beginUnit(call);
          for (const row of rows) {
            const text = ids.nextText();
            if (isKept) texts.push(text);
            writer.addRow(row, ids.bytes, ids.place * 4);
          }
          writer.endUnit(isKept ? packedEvent : undefined);
        }
        const kept = units.filter(({ isKept }) => isKept);
        expect(writer.entries).toBe(kept.reduce((sum, { rows }) => sum + rows.length + 1, 0));
        expect(writer.isEmpty).toBe(kept.length === 0);
        const reader = new JournalReader(writer.bytes().slice());
        const read = [];
        while (!reader.isAtEnd) {
          const { call, rows: count } = reader.unit();
          const places = Array.from({ length: count }, () => reader.nextRow());
          const { requestId, ...rest } = reader.event();
          for (const place of places) expect(uuidText(reader.id(place))).toBe(texts.shift());
          const given = { requestId: typeof requestId === "string" ? requestId : uuidText(requestId), ...rest };
          read.push({ call, rows: places.map((place) => reader.row(place)), event: given });
        }
        expect(texts).toEqual([]);
        expect(read).toEqual(kept.map(({ call, rows, event: given }) => ({ call, rows, event: given })));
      }),
    );
  });

  test.each([
    ["a fraction", { quantity: 1.5 }],
    ["no number", { quantity: Number.NaN }],
    ["beyond 2^53", { quantity: 2 ** 53 }],
    ["a timestamp that is none", { timestampMs: Number.NaN }],
    ["an hour before 1970", { hour: -1 }],
    ["an hour after 9999", { hour: 80_000_000 }],
  ])("refuse what no table would take: %s", async (_what, given) => {
    const { ledger } = open();
    await ledger.claim(unit([claim()]));
    await expect(
      ledger.claim(unit([claim({ dimension: "one" }), claim({ dimension: "two", ...given })])),
    ).rejects.toMatchObject({
      stored: "no",
    });
    expect(await ledger.count({})).toEqual({ count: 1, quantity: 5 });
  });

  test("a journal of another format is not read as if it were this one", async () => {
    const store = open();
    await store.ledger.claim(unit([claim()]));
    const name = killedNow();
    const image = open({}, name);
    image.database.exec("UPDATE journal SET packed = x'09000000'");
    await expect(everything(image)).rejects.toThrow(/format 9/);
  });

  test("ids are of version 4, differ, and their text and bytes are the same", () => {
    const ids = new RecordIds();
    const texts = Array.from({ length: 3_000 }, () => {
      const text = ids.nextText();
      expect(Buffer.from(uuidBytes(text) ?? [])).toEqual(ids.bytes.subarray(ids.place * 4, ids.place * 4 + 16));
      return text;
    });
    expect(new Set(texts).size).toBe(3_000);
    for (const text of texts)
      expect(text).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    const [text = ""] = texts;
    const into = new Uint8Array(20);
    expect([putUuid(text, into, 2), uuidText(into.slice(2, 18))]).toEqual([true, text]);
    for (const other of [text.toUpperCase(), text.slice(1), `${text}0`, text.replaceAll("-", "0"), "é".repeat(36)]) {
      expect(putUuid(other, into, 0)).toBe(uuidBytes(other) !== undefined);
    }
  });
});

describe("the index of an hour", () => {
  test("finds what was added, and takes the newest back", () => {
    const steps = fc.array(
      fc.record({ keys: fc.array(fc.tuple(fc.nat(400), fc.nat(3)), { maxLength: 300 }), isUndone: fc.boolean() }),
      { maxLength: 8 },
    );
    const ids = new RecordIds();
    fc.assert(
      fc.property(steps, (all) => {
        const index = new HourIndex(1, true, new IndexMemory());
        let model = new Map<string, string>();
        for (const { keys, isUndone } of all) {
          const before = new Map(model);
          for (const [subject, dimension] of keys) {
            const key = `${subject} ${dimension}`;
            expect(index.find(subject, dimension) >= 0).toBe(model.has(key));
            if (model.has(key)) continue;
            model.set(key, `${ids.nextText()} ${subject + 7}`);
            index.add(subject, dimension, subject + 7, ids.words, ids.place);
          }
          if (isUndone) {
            index.undo();
            model = before;
          } else index.settled = index.count;
        }
        expect(index.count).toBe(model.size);
        for (let subject = 0; subject <= 400; subject += 1) {
          for (let dimension = 0; dimension <= 3; dimension += 1) {
            const entry = index.find(subject, dimension);
            const found = entry < 0 ? undefined : `${index.idText(entry)} ${index.quantity(entry)}`;
            expect(found).toBe(model.get(`${subject} ${dimension}`));
          }
        }
      }),
      { numRuns: 30 },
    );
  });
});

describe("memory of an hour that went", () => {
  const keys = 20_000;
  const ids = new RecordIds();
  const fill = (index: HourIndex, from: number): void => {
    for (let subject = from; subject < from + keys; subject += 1) {
      expect(index.find(subject, 1)).toBe(-1);
      ids.nextText();
      index.add(subject, 1, subject * 3, ids.words, ids.place);
    }
  };

  test("is taken by the next, which knows nothing of what was there", () => {
    const memory = new IndexMemory();
    const before = new HourIndex(1, true, memory);
    fill(before, 0);
    const given: Uint32Array[] = [];
    const give = memory.give.bind(memory);
    memory.give = (words) => {
      given.push(words);
      give(words);
    };
    before.release();
    expect(given.length).toBeGreaterThan(4);
    const taken: Uint32Array[] = [];
    const take = memory.take.bind(memory);
    memory.take = (words) => {
      const got = take(words);
      taken.push(got);
      return got;
    };
    const next = new HourIndex(2, true, memory);
    fill(next, 10_000);
    expect(taken.filter((words) => given.includes(words)).length).toBeGreaterThan(4);
    expect([next.find(9_999, 1), next.find(30_000, 1), next.find(10_000, 2)]).toEqual([-1, -1, -1]);
    expect(next.quantity(next.find(29_999, 1))).toBe(89_997);
  });

  test("is kept up to a bound, and let go with the index", () => {
    const memory = new IndexMemory();
    const words = new Uint32Array(4_194_304);
    memory.give(words);
    const more = new Uint32Array(32_768);
    memory.give(more);
    expect(memory.take(32_768)).not.toBe(more);
    expect(memory.take(4_194_304)).toBe(words);
    memory.give(more);
    memory.clear();
    expect(memory.take(32_768)).not.toBe(more);
    // Too small to be worth it.
    const small = new Uint32Array(8_192);
    memory.give(small);
    expect(memory.take(8_192)).not.toBe(small);
  });
});

describe("what is only in the journal", () => {
  test("is read as if it were in the tables, by every way to read", async () => {
    const store = open();
    const { holders } = await store.ledger.claim(unit(kinds, { audit: () => event({ requestId: "the-call" }) }));
    expect([journalRows(store), months(store)]).toEqual([1, []]);
    const records = await everything(store);
    expect(records.map((record) => record.meteringRecordId).sort()).toEqual(
      holders.map((holder) => holder.meteringRecordId).sort(),
    );
    expect(new Set(records.map((record) => record.requestId))).toEqual(new Set(["the-call"]));
    expect(records.find((record) => record.allocations !== undefined)?.allocations).toEqual(kinds[2]?.allocations);
    expect(records.filter((record) => record.clientToken !== undefined)).toHaveLength(3);
    expect(journalRows(store)).toBe(0);

    const add = (dimension: string) => store.ledger.claim(unit([claim({ dimension, quantity: 100 })]));
    await add("count");
    expect((await store.ledger.count({ dimension: "count" })).quantity).toBe(100);
    await add("totals");
    const totals = [];
    for await (const batch of store.ledger.totals({ dimension: "totals" }, { members: ["dimension"] }))
      totals.push(...batch);
    expect(totals).toMatchObject([{ dimension: "totals", quantity: 100n }]);
    await add("events");
    expect(await store.audit.events({})).toHaveLength(4);
    await add("page");
    const [newest] = await store.audit.page({}, 1);
    expect(newest?.stored).toMatchObject([{ dimension: "page" }]);
    const span = { fromHour: hour - 24, toHour: hour + 24, bucketHours: 24 };
    await add("chart");
    const { series } = await store.summaries.usage({ ...span, by: "dimension", measure: "records", top: 20 });
    expect(series.map((one) => one.dimension)).toContain("chart");
    const identity = { kind: "iam-user" as const, name: "meter", createdAt: 1 };
    await store.ledger.claim(unit([claim({ dimension: "calls" })], { audit: () => event({ identity }) }));
    expect((await store.summaries.calls(span)).map((count) => count.calls)).toEqual([1]);
  });

  test("survives a kill, and decides duplicates at once", async () => {
    const store = open();
    const first = await store.ledger.claim(unit(kinds));
    await store.audit.append(event({ outcome: "ThrottlingException" }));
    const name = killedNow();
    const image = open({}, name);
    expect(months(image)).toEqual([]);
    const again = await image.ledger.claim(unit(kinds.map((one) => ({ ...one, quantity: one.quantity + 1 }))));
    for (const [index, holder] of again.holders.entries()) {
      expect(holder).toMatchObject({ meteringRecordId: first.holders[index]?.meteringRecordId, fresh: false });
      expect(holder.quantity).toBe(kinds[index]?.quantity);
    }
    expect(months(image)).toEqual([]);
    expect(await everything(image)).toEqual(await everything(store));
    // Numbers of calls go on after those in the journal.
    const calls = image.database.prepare("SELECT seq FROM audit ORDER BY seq").all();
    expect(calls.map((call) => call.seq)).toEqual([1, 2, 3]);
  });

  test("goes to the tables when nothing else is to be done, and when the store closes", async () => {
    const store = open();
    await store.ledger.claim(unit(kinds));
    for (let waited = 0; journalRows(store) > 0 && waited < 200; waited += 1) await sleep(50);
    expect([journalRows(store), months(store).length]).toEqual([0, 2]);
    await store.ledger.claim(unit([claim({ dimension: "last" })]));
    await store.close();
    const next = open();
    expect(journalRows(next)).toBe(0);
    expect((await everything(next)).length).toBe(kinds.length + 1);
  });
});

describe("a move", () => {
  test("killed between any two of its slices is done again, and nothing is there twice", async () => {
    const store = open({ sliceRows: 4 });
    for (let call = 0; call < 6; call += 1) {
      const records = kinds.map((one, index) => ({
        ...one,
        dimension: `d${(call * 5 + index * 3) % 16}-${call}`,
        hour: one.hour + (index % 3),
        ...(one.clientToken === undefined ? {} : { clientToken: clientToken(`t-${call}-${index}`) }),
      }));
      await store.ledger.claim(unit(records));
    }
    const names = [killedNow()];
    let isDone = false;
    const done = store.ledger.mark().then(() => {
      isDone = true;
    });
    while (!isDone) {
      await nextTurn();
      names.push(killedNow());
    }
    await done;
    expect(names.length).toBeGreaterThan(8);
    const records = await everything(store);
    expect(records).toHaveLength(6 * kinds.length);
    const events = await store.audit.page({}, 100);
    for (const name of names) {
      const image = open({}, name);
      expect(await everything(image)).toEqual(records);
      expect(await image.audit.page({}, 100)).toEqual(events);
      expect(journalRows(image)).toBe(0);
      await image.close();
    }
  });

  test("that fails tells the readers, keeps everything, and is done when it can be", async () => {
    const store = open({ journalEntries: 4 });
    store.database.exec(
      `CREATE TEMP TRIGGER broken BEFORE INSERT ON main.audit BEGIN SELECT RAISE(ABORT, 'broken'); END`,
    );
    const first = await store.ledger.claim(unit(kinds));
    await expect(everything(store)).rejects.toThrow(/broken/);
    await expect(store.audit.events({})).rejects.toThrow(/broken/);
    for (let turn = 0; turn < 5; turn += 1) await nextTurn();
    // Moves are not synced, and what comes after one that failed is.
    expect(store.database.prepare("PRAGMA synchronous").get()).toEqual({ synchronous: 2 });
    // Claims do not wait for it.
    const again = await store.ledger.claim(unit(kinds));
    expect(again.holders.map((holder) => holder.meteringRecordId)).toEqual(
      first.holders.map((holder) => holder.meteringRecordId),
    );
    await store.ledger.claim(unit([claim({ dimension: "more" })]));
    store.database.exec("DROP TRIGGER broken");
    expect(await everything(store)).toHaveLength(kinds.length + 1);
  });

  test("goes on under a load that never pauses, and the journal stays bounded", async () => {
    const journalEntries = 60;
    const store = open({ journalEntries, sliceRows: 16 });
    let most = 0;
    for (let call = 0; call < 300; call += 1) {
      await store.ledger.claim(unit([1, 2, 3, 4].map((dimension) => claim({ dimension: `${call}-${dimension}` }))));
      const row = store.database.prepare("SELECT count(*) AS n FROM journal").get();
      most = Math.max(most, Number(row?.n) * 5);
    }
    expect(most).toBeLessThan(journalEntries * 3);
    expect(await store.ledger.count({})).toMatchObject({ count: 1_200 });
  });
});

describe("a key that is taken is found", () => {
  const keys = Array.from({ length: 120 }, (_, index) =>
    claim({ holder: `buyer-${index % 40}`, dimension: `d${index % 3}`, hour: hour + (index % 4), quantity: index }),
  );
  const held = async ({ ledger }: SqliteStore): Promise<readonly (readonly [string, number, boolean])[]> => {
    const { holders } = await ledger.claim(unit(keys.map((one) => ({ ...one, quantity: one.quantity + 1 }))));
    return holders.map(({ meteringRecordId, quantity, fresh }) => [meteringRecordId, quantity, fresh] as const);
  };
  const storeKeys = async ({ ledger }: SqliteStore): Promise<readonly (readonly [string, number, boolean])[]> => {
    const { holders } = await ledger.claim(unit(keys));
    expect(holders.every((holder) => holder.fresh)).toBe(true);
    return holders.map(({ meteringRecordId, quantity }) => [meteringRecordId, quantity, false] as const);
  };

  test("in memory, in the journal and in the tables", async () => {
    const store = open();
    const stored = await storeKeys(store);
    expect(await held(store)).toEqual(stored);
    await store.ledger.mark();
    expect(await held(store)).toEqual(stored);
  });

  test("in the tables alone, after a restart, while its hour is read, and after that", async () => {
    const first = open();
    const stored = await storeKeys(first);
    await first.close();
    // As many misses as begin the reading of an hour.
    const store = open({ missesBeforeLoad: 30 });
    for (let round = 0; round < 4; round += 1) {
      expect(await held(store)).toEqual(stored);
      for (let turn = 0; turn < round * 4; turn += 1) await nextTurn();
    }
    // From now on memory alone knows: the rows are gone, and their keys are still taken.
    await store.ledger.mark();
    store.database.exec("DELETE FROM usage_2026_07");
    expect(await held(store)).toEqual(stored);
  });

  test("when its hour had to go from memory", async () => {
    const store = open({ indexEntries: 40, journalEntries: 20, missesBeforeLoad: 10 });
    const stored = await storeKeys(store);
    await store.ledger.mark();
    for (let other = 0; other < 30; other += 1) {
      await store.ledger.claim(unit([claim({ hour: hour + 10 + other, dimension: "other" })]));
      await store.ledger.mark();
    }
    expect(await held(store)).toEqual(stored);
    // Not from memory: without its row it is free.
    await store.ledger.mark();
    store.database.exec(`DELETE FROM usage_2026_07 WHERE hour = ${hour}`);
    expect((await held(store)).filter(([, , fresh]) => fresh)).toHaveLength(30);
  });
});
