/** Faults that are planned on one of two nodes over one PostgreSQL database: they strike as on one server (B-92). */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createFaultPlan, type Fault, type FaultCall, type Faults, faultLimits } from "../../src/faults.ts";
import { openSharedFaults } from "../../src/sharedFaults.ts";
import { openPostgresStore } from "../../src/store/postgres/open.ts";
import type { Store } from "../../src/store/store.ts";
import { testSealer } from "../store/engines.ts";
import { createDatabase, type TestDatabase } from "../support/postgres.ts";

const soon = { timeout: 20_000, interval: 10 };
const call: FaultCall = {
  ...{ operation: "BatchMeterUsage", accessKeyId: "AKIA1", recordCount: 25 },
  isOfProduct: (code) => code === "logs",
  isOfCustomer: () => false,
};

let database: TestDatabase;
let stores: Store[];
let errors: unknown[];

async function node(): Promise<Faults> {
  const store = await openPostgresStore({ url: database.url, sealer: testSealer });
  stores.push(store);
  if (store.shared === undefined) throw new Error("nothing is shared");
  return openSharedFaults(store.shared, (error) => errors.push(error));
}

beforeEach(async () => {
  database = await createDatabase();
  stores = [];
  errors = [];
});

afterEach(async () => {
  for (const store of stores) await store.close();
  await database.drop();
  expect(errors).toEqual([]);
});

test("the next n calls are n on all nodes together, and each of them shows what they did", async () => {
  const [one, other] = [await node(), await node()];
  const { id } = await one.add({ kind: "throttle", times: 7 });
  await vi.waitFor(() => expect(other.list()).toHaveLength(1), soon);
  const takes = Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? one : other).take("rate", call));
  const hits = (await Promise.all(takes)).flat();
  expect(hits.map((hit) => hit.id)).toEqual(Array(7).fill(id));
  for (const each of [one, other]) {
    expect(await each.counted()).toEqual([]);
    expect(each.isActive).toBe(false);
  }
});

test("what waits is shown by each node, with what all of them have counted", async () => {
  const [one, other] = [await node(), await node()];
  const fault = { kind: "throttle", product: "logs", untilRemoved: true } as const;
  const { id } = await one.add(fault);
  await vi.waitFor(() => expect(other.isActive).toBe(true), soon);
  await other.take("rate", call);
  await other.take("rate", { ...call, isOfProduct: () => false });
  await one.take("rate", call);
  const shown = [{ id, fault, matched: 2, hits: 2 }];
  for (const each of [one, other]) expect(await each.counted()).toEqual(shown);
  expect([await other.remove(id), await one.remove(id)]).toEqual([true, false]);
  await vi.waitFor(() => expect(one.isActive).toBe(false), soon);
});

test("a seed draws one sequence, whichever node the calls come to", async () => {
  const faults: readonly Fault[] = [
    { kind: "throttle", share: 0.3, seed: 7 },
    { kind: "unprocessed", share: 0.5, recordShare: 0.2, seed: 11, untilRemoved: true },
  ];
  const alone = createFaultPlan();
  const nodes = [await node(), await node()] as const;
  for (const fault of faults) {
    alone.add(fault);
    await nodes[0].add(fault);
  }
  await vi.waitFor(() => expect(nodes[1].list()).toHaveLength(2), soon);
  for (let index = 0; index < 40; index += 1) {
    const asked = nodes[index % 3 === 0 ? 0 : 1];
    for (const place of ["rate", "before-commit"] as const) {
      const drawn = (await asked.take(place, call)).map(({ records }) => records);
      expect(drawn).toEqual(alone.take(place, call).map(({ records }) => records));
    }
  }
});

test("a hit that was given back waits for another call, on any node", async () => {
  const [one, other] = [await node(), await node()];
  await one.add({ kind: "throttle" });
  const [hit] = await one.take("rate", call);
  expect(await other.take("rate", call)).toEqual([]);
  if (hit === undefined) throw new Error("it did not strike");
  one.giveBack(hit);
  await vi.waitFor(() => expect(other.isActive).toBe(true), soon);
  expect(await other.take("rate", call)).toHaveLength(1);
  expect(await one.take("rate", call)).toEqual([]);
});

test("the library's plan strikes from the next call on; what takes it back does so, too", async () => {
  const one = await node();
  const takeBack = one.plan({ kind: "throttle", times: 2 });
  expect(one.isActive).toBe(true);
  expect(await one.take("rate", call)).toHaveLength(1);
  takeBack();
  expect(await one.take("rate", call)).toEqual([]);
  expect(() => one.plan({ kind: "delay", ms: -1 })).toThrow(RangeError);
});

test("all taken back on one node: what they hold up on another goes on, and a stop holds up nothing", async () => {
  const [one, other] = [await node(), await node()];
  await one.add({ kind: "delay", ms: 600_000, untilRemoved: true });
  const held = other.cleared;
  await one.clear();
  await vi.waitFor(() => expect(held.aborted).toBe(true), soon);
  await vi.waitFor(() => expect(other.list()).toEqual([]), soon);
  await one.add({ kind: "throttle" });
  const atStop = one.cleared;
  one.release();
  expect(atStop.aborted).toBe(true);
  expect(await other.counted()).toHaveLength(1);
});

test("one that nobody told of is found by looking; no more are planned than may be", async () => {
  const one = await node();
  const rows = Array.from({ length: faultLimits.plannedMax }, (_, index) => `q${index}`);
  await database.query(
    `INSERT INTO planned_faults (id, fault, remaining, matched, hits, drawn)
     SELECT id, $2, 1, 0, 0, 0 FROM unnest($1::text[]) AS id`,
    [rows, JSON.stringify({ kind: "throttle" })],
  );
  await vi.waitFor(() => expect(one.list()).toHaveLength(rows.length), soon);
  await expect(one.add({ kind: "throttle" })).rejects.toThrow(/1000 faults are planned/);
});
