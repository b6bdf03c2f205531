/** Sums that the embedded engine keeps on disk, held against sums of the same rows in JavaScript. */
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { CallerIdentity } from "../../src/api/identity.ts";
import type { UsageClaim, UsageFilter } from "../../src/store/ledger.ts";
import { openSqliteStore, type SqliteStore } from "../../src/store/sqlite/open.ts";
import type { SeriesMember } from "../../src/store/summaries.ts";
import type { UsageGrouping } from "../../src/store/usageTotals.ts";
import { testSealer } from "./engines.ts";
import { claim, event, hourMs, unit } from "./fixtures.ts";

const identity: CallerIdentity = { kind: "iam-user", name: "meter", createdAt: 1 };
/** The start of a block, and of a day. */
const start = Date.UTC(2026, 6, 15) / hourMs;
/** All that a test stores. */
const span = { fromHour: start - 48, toHour: start + 96, bucketHours: 24 };
const halfDay = { ...span, bucketHours: 12 };

let folder: string;
let store: SqliteStore;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "meterhouse-summaries-"));
  store = open();
});
afterEach(async () => {
  vi.useRealTimers();
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

function open(): SqliteStore {
  return openSqliteStore({ file: join(folder, "meterhouse.db"), sealer: testSealer });
}

async function reopen(): Promise<void> {
  await store.close();
  store = open();
}

interface Used {
  readonly hour: number;
  readonly account: string;
  readonly dimension: string;
  readonly quantity: number;
  readonly billable: boolean;
}

const used = (given: Partial<Used> = {}): Used => ({
  ...{ hour: start, account: "310000000001", dimension: "gb", quantity: 5, billable: true },
  ...given,
});

function claimed({ account, ...rest }: Used): UsageClaim {
  return claim({ ...rest, accountId: account, holder: account });
}

function meter(one: Used): Promise<unknown> {
  const { hour } = one;
  return store.ledger.claim({
    ...unit([claimed(one)]),
    audit: () => event({ requestId: randomUUID(), at: hour * hourMs, identity, detail: { statuses: "S" } }),
  });
}

function blocks(): readonly string[] {
  return store.database
    .prepare("SELECT kind, block FROM summaries ORDER BY kind, block")
    .all()
    .map(({ kind, block }) => `${kind} ${Number(block) - start / (kind === "pair" ? 24 : 6)}`);
}

async function chart(by: SeriesMember): Promise<Readonly<Record<string, readonly number[]>>> {
  const { series } = await store.summaries.usage({ ...halfDay, by, measure: "quantity", top: 20 });
  return Object.fromEntries(series.map(({ accountId, dimension, values }) => [accountId ?? dimension ?? "", values]));
}

async function totals(grouping: UsageGrouping, filter: UsageFilter = {}): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const batch of store.ledger.totals(filter, grouping)) {
    for (const { periodAt, accountId, dimension, billable, quantity, records } of batch) {
      found.push(
        [periodAt, accountId, dimension, billable, quantity, records].filter((one) => one !== undefined).join(" "),
      );
    }
  }
  return found;
}

async function calls(): Promise<readonly number[]> {
  return (await store.summaries.calls(span)).map((count) => count.calls);
}

/** Old enough for its block to be written: something is two days newer. */
async function meterOld(): Promise<void> {
  await meter(used());
  await meter(used({ hour: start + 48 }));
}

describe("a block", () => {
  test("is written once its hours are a day older than the newest, and answers after a restart", async () => {
    await meter(used());
    await meter(used({ hour: start + 1, quantity: 3 }));
    await chart("dimension");
    expect(blocks()).toEqual([]);
    await meter(used({ hour: start + 48 }));
    // Sums that memory has are not read again.
    await reopen();
    const before = [await chart("dimension"), await chart("customer")];
    expect(blocks()).toEqual(["customer 0", "dimension 0"]);
    await reopen();
    // Without the row, only the block can know of it.
    store.database.exec(`DELETE FROM usage_2026_07 WHERE hour = ${start + 1}`);
    expect([await chart("dimension"), await chart("customer")]).toEqual(before);
    expect(await totals({ members: ["dimension"] })).toEqual(["gb 13 3"]);
    expect(await totals({ period: "hour", members: ["dimension"] })).toHaveLength(2);
  });

  test("is removed by a late record, also after a restart, and by none that was undone", async () => {
    await meterOld();
    await chart("dimension");
    await reopen();
    await expect(
      store.ledger.claim({
        ...unit([claim({ hour: start + 1 })]),
        audit: () => {
          throw new Error("undone");
        },
      }),
    ).rejects.toThrow();
    expect(blocks()).toEqual(["dimension 0"]);
    await meter(used({ hour: start + 1, quantity: 7 }));
    expect(blocks()).toEqual([]);
    await reopen();
    expect((await chart("dimension")).gb?.slice(4, 6)).toEqual([12, 0]);
    expect(blocks()).toEqual(["dimension 0"]);
  });

  test("goes with a reset", async () => {
    await meterOld();
    await chart("dimension");
    await store.reset();
    expect(blocks()).toEqual([]);
    expect(await chart("dimension")).toEqual({});
  });

  test("is not taken for sums of before its newest call", async () => {
    await meter(used());
    const asOf = await store.ledger.mark();
    await meter(used({ hour: start + 1 }));
    await meter(used({ hour: start + 48 }));
    await chart("dimension");
    const found = [];
    for await (const batch of store.ledger.totals({ asOf }, { members: ["dimension"] })) found.push(...batch);
    expect(found).toMatchObject([{ quantity: 5n, records: 1 }]);
  });
});

const pairs = { members: ["customer", "dimension", "status"] } as const satisfies UsageGrouping;

describe("a day of pairs", () => {
  test("is kept by the first sums that need it, and answers for its rows after a restart", async () => {
    await meterOld();
    await meter(used({ hour: start + 23, quantity: 3 }));
    await meter(used({ hour: start + 7, dimension: "hosts", quantity: 2, billable: false }));
    const before = await totals(pairs);
    expect(before).toEqual(["310000000001 gb true 13 3", "310000000001 hosts false 2 1"]);
    expect(blocks()).toEqual(["pair 0"]);
    await reopen();
    store.database.exec(`DELETE FROM usage_2026_07 WHERE hour = ${start + 23}`);
    expect(await totals(pairs)).toEqual(before);
    expect(await totals({ ...pairs, period: "day" })).toHaveLength(3);
    // Its time is not all of the day: rows are read.
    expect(await totals(pairs, { fromHourAt: (start + 1) * hourMs })).toEqual([
      "310000000001 gb true 5 1",
      "310000000001 hosts false 2 1",
    ]);
  });

  test("is removed by a late record of any of its hours, and not taken for sums of before it", async () => {
    await meterOld();
    const asOf = await store.ledger.mark();
    await totals(pairs);
    await reopen();
    await meter(used({ hour: start + 20, quantity: 7 }));
    expect(blocks()).toEqual([]);
    expect(await totals(pairs)).toEqual(["310000000001 gb true 17 3"]);
    expect(blocks()).toEqual(["pair 0"]);
    expect(await totals(pairs, { asOf })).toEqual(["310000000001 gb true 10 2"]);
  });

  test("is not kept while a record of it comes", async () => {
    await meterOld();
    const look = totals(pairs);
    await Promise.all([look, meter(used({ hour: start + 20 }))]);
    // Of what is in the table by then.
    await store.ledger.mark();
    expect(blocks()).toEqual([]);
  });

  test("of sums beyond a double is read from its rows, as are sums of days that come to more", async () => {
    const [half, most] = [2 ** 52, Number.MAX_SAFE_INTEGER];
    for (const [place, quantity] of [half, most, 0, half, half - 1, half - 2].entries()) {
      const day = Math.floor(place / 3);
      await meter(used({ hour: start + day * 24 + (place % 3) * 6, quantity, dimension: day === 0 ? "gb" : "hosts" }));
    }
    await meter(used({ hour: start + 48, quantity: half, dimension: "days" }));
    await meter(used({ hour: start + 72, quantity: half - 1, dimension: "days" }));
    await meter(used({ hour: start + 96, quantity: half - 2, dimension: "days" }));
    await meter(used({ hour: start + 144, quantity: 0, dimension: "later" }));
    // Odd numbers above 2^53, which no double is.
    const three = BigInt(half) * 3n - 3n;
    const sums = [`days ${three}`, `gb ${BigInt(half) + BigInt(most)}`, `hosts ${three}`, "later 0"];
    for (let time = 0; time < 2; time += 1) {
      const found = await totals({ members: ["dimension", "status"] });
      expect(found.map((one) => one.replace(" true", "").replace(/ \d+$/, ""))).toEqual(sums);
      const charted = await totals({ members: ["dimension"] });
      expect(charted.map((one) => one.replace(/ \d+$/, ""))).toEqual(sums);
      await chart("dimension");
    }
    expect(blocks().filter((one) => one.startsWith("pair"))).toEqual([
      "pair 0",
      "pair 1",
      "pair 2",
      "pair 3",
      "pair 4",
    ]);
  });
});

test("blocks are made some time after a start, of usage and of calls, and those of pruned calls go", async () => {
  await meterOld();
  await store.close();
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  store = open();
  vi.runAllTimers();
  while (blocks().length < 4) await nextTurn();
  expect(blocks()).toEqual(["calls 0", "customer 0", "dimension 0", "pair 0"]);
  expect(await calls()).toEqual([1, 1]);
  await store.audit.prune((start + 24) * hourMs, 10);
  expect(blocks()).toEqual(["customer 0", "dimension 0", "pair 0"]);
  await reopen();
  expect(await calls()).toEqual([1]);
});

const record = fc.record({
  hour: fc.integer({ min: start - 30, max: start + 60 }),
  account: fc.constantFrom("310000000001", "310000000002"),
  dimension: fc.constantFrom("gb", "hosts"),
  quantity: fc.integer({ min: 0, max: 2_147_483_647 }),
  billable: fc.boolean(),
});
const step = fc.oneof(
  { weight: 4, arbitrary: fc.array(record, { minLength: 1, maxLength: 4 }) },
  { weight: 3, arbitrary: fc.constantFrom("look" as const, "reopen" as const) },
);

test("whatever comes in whatever order, with looks and restarts between, the sums are those of the rows", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 12 }), async (steps) => {
      await store.reset();
      const kept = new Map<string, Used>();
      for (const one of [...steps, "look" as const]) {
        if (one === "reopen") await reopen();
        else if (one === "look") await compare([...kept.values()]);
        else {
          await Promise.all(one.map(meter));
          for (const each of one) {
            const key = `${each.hour} ${each.account} ${each.dimension}`;
            if (!kept.has(key)) kept.set(key, each);
          }
        }
      }
    }),
    { numRuns: 25 },
  );
});

async function compare(rows: readonly Used[]): Promise<void> {
  const count = (halfDay.toHour - halfDay.fromHour) / halfDay.bucketHours;
  for (const [by, member] of [["dimension", "dimension"] as const, ["customer", "account"] as const]) {
    const charted: Record<string, number[]> = {};
    const summed = new Map<string, { quantity: bigint; records: number }>();
    for (const row of rows) {
      const values = charted[row[member]] ?? new Array<number>(count).fill(0);
      charted[row[member]] = values;
      const bucket = Math.floor((row.hour - halfDay.fromHour) / halfDay.bucketHours);
      values[bucket] = (values[bucket] ?? 0) + row.quantity;
      const day = Math.floor(row.hour / 24) * 24 * hourMs;
      const key = `${day} ${row[member]}`;
      const sum = summed.get(key) ?? { quantity: 0n, records: 0 };
      summed.set(key, { quantity: sum.quantity + BigInt(row.quantity), records: sum.records + 1 });
    }
    expect(await chart(by)).toEqual(charted);
    const expected = [...summed].map(([key, { quantity, records }]) => `${key} ${quantity} ${records}`);
    expect(await totals({ period: "day", members: [by] })).toEqual(expected.sort());
  }
}

/** More subjects than are looked up one by one, so that a filter is held against what is kept. */
const many = Array.from({ length: 70 }, (_, index) =>
  used({
    hour: start - 40 + (index % 3),
    account: `31000000${1000 + index}`,
    quantity: index,
    billable: index % 2 > 0,
  }),
);
const filters: readonly UsageFilter[] = [
  {},
  { productCode: claim().productCode },
  { billable: false },
  { dimension: "hosts" },
  { productCode: claim().productCode, dimension: "gb", billable: true },
  { region: "nowhere-1" },
  { fromHourAt: (start - 24) * hourMs, toHourAt: (start + 30) * hourMs },
];
const groupings: readonly UsageGrouping[] = [
  pairs,
  { ...pairs, period: "day" },
  { members: ["customer"], period: "month" },
  { members: ["status"] },
  {},
];

test("of pairs, too, whatever is asked for", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 6 }), async (steps) => {
      await store.reset();
      await store.ledger.claim(unit(many.map(claimed)));
      const kept = new Map(many.map((one) => [`${one.hour} ${one.account} ${one.dimension}`, one]));
      for (const one of [...steps, "look" as const]) {
        if (one === "reopen") await reopen();
        else if (one === "look") await comparePairs([...kept.values()]);
        else {
          await Promise.all(one.map(meter));
          for (const each of one) {
            const key = `${each.hour} ${each.account} ${each.dimension}`;
            if (!kept.has(key)) kept.set(key, each);
          }
        }
      }
    }),
    { numRuns: 15 },
  );
});

async function comparePairs(rows: readonly Used[]): Promise<void> {
  for (const filter of filters) {
    const matching = rows.filter(
      ({ hour, dimension, billable }) =>
        hour * hourMs >= (filter.fromHourAt ?? 0) &&
        hour * hourMs < (filter.toHourAt ?? Number.MAX_SAFE_INTEGER) &&
        filter.region === undefined &&
        (filter.dimension ?? dimension) === dimension &&
        (filter.billable ?? billable) === billable,
    );
    for (const grouping of groupings) {
      const summed = new Map<string, { quantity: number; records: number }>();
      for (const { hour, account, dimension, billable, quantity } of matching) {
        const members = { customer: account, dimension, status: String(billable) };
        const at = new Date(hour * hourMs);
        const [year, month, day] = [at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate()];
        const starts = { day: Date.UTC(year, month, day), month: Date.UTC(year, month) };
        const keys = [
          ...(grouping.period === "day" || grouping.period === "month" ? [starts[grouping.period]] : []),
          ...(["customer", "dimension", "status"] as const)
            .filter((member) => grouping.members?.includes(member))
            .map((member) => members[member]),
        ];
        const sum = summed.get(keys.join(" ")) ?? { quantity: 0, records: 0 };
        summed.set(keys.join(" "), { quantity: sum.quantity + quantity, records: sum.records + 1 });
      }
      const expected = [...summed].map(([key, { quantity, records }]) => `${key} ${quantity} ${records}`.trim());
      expect((await totals(grouping, filter)).toSorted()).toEqual(expected.sort());
    }
  }
}
