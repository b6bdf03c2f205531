/** The plan by itself: which calls a fault hits, how often, and in what order (B-92). */
import { describe, expect, test } from "vitest";
import { createFaultPlan, type Fault, type FaultCall, type FaultPlan, faultLimits } from "../../src/faults.ts";

const call = (fields: Partial<FaultCall> = {}): FaultCall => ({
  operation: "BatchMeterUsage",
  accessKeyId: "AKIA1",
  recordCount: 25,
  isOfProduct: (code) => code === "logs",
  isOfCustomer: (customer) => customer === "444455556666",
  ...fields,
});
const kindsTaken = (plan: FaultPlan, place: Parameters<FaultPlan["take"]>[0] = "before-commit", one = call()) =>
  plan.take(place, one).map(({ fault }) => fault.kind);

/** Of `count` calls, those that are hit. */
function drawn(fault: Fault, count = 400): readonly number[] {
  const plan = createFaultPlan();
  plan.add(fault);
  return Array.from({ length: count }, (_, index) => index).filter(() => plan.take("rate", call()).length > 0);
}

describe("how often", () => {
  test("once, the next n calls, or until removed", () => {
    const plan = createFaultPlan();
    expect(plan.isActive).toBe(false);
    const once = plan.add({ kind: "throttle", operation: "MeterUsage" });
    const twice = plan.add({ kind: "throttle", times: 2, operation: "BatchMeterUsage" });
    const forever = plan.add({ kind: "delay", ms: 1, untilRemoved: true });
    expect([once.left, twice.left, forever.left]).toEqual([1, 2, undefined]);
    expect([1, 2, 3].map(() => kindsTaken(plan, "rate").length)).toEqual([1, 1, 0]);
    for (let count = 0; count < 50; count += 1) expect(kindsTaken(plan)).toEqual(["delay"]);
    expect(plan.list()).toMatchObject([
      { id: once.id, left: 1, matched: 0, hits: 0 },
      { id: forever.id, matched: 50, hits: 50 },
    ]);
    expect([plan.remove(forever.id), plan.remove(forever.id)]).toEqual([true, false]);
    expect(kindsTaken(plan)).toEqual([]);
  });

  test("a share is drawn by its seed: the same seed, the same calls", () => {
    const tenth = drawn({ kind: "throttle", share: 0.1, seed: 7 });
    expect(drawn({ kind: "throttle", share: 0.1, seed: 7 })).toEqual(tenth);
    expect(drawn({ kind: "throttle", share: 0.1, seed: 8 })).not.toEqual(tenth);
    // Written out, so that an upgrade that draws otherwise is noticed.
    expect(tenth.slice(0, 8)).toEqual([15, 20, 25, 29, 46, 50, 51, 63]);
    expect(tenth.length).toBeGreaterThan(20);
    expect(tenth.length).toBeLessThan(60);
    expect(drawn({ kind: "throttle", share: 0 })).toEqual([]);
    expect(drawn({ kind: "throttle", share: 1 })).toHaveLength(400);
  });

  test("a share with times ends after so many hits; without, it goes on", () => {
    const all = drawn({ kind: "throttle", share: 0.5, seed: 1 });
    expect(drawn({ kind: "throttle", share: 0.5, seed: 1, times: 3 })).toEqual(all.slice(0, 3));
    expect(drawn({ kind: "throttle", share: 0.5, seed: 1, untilRemoved: true })).toEqual(all);
  });

  test("each fault draws for itself", () => {
    const plan = createFaultPlan();
    const delay = { kind: "delay", ms: 1, share: 0.5, seed: 1 } as const;
    plan.add(delay);
    plan.add({ ...delay, ms: 2 });
    for (let count = 0; count < 100; count += 1) expect([0, 2]).toContain(plan.take("before-commit", call()).length);
  });

  test("a seed that was not given is drawn and shown", () => {
    const plan = createFaultPlan();
    const { seed } = plan.add({ kind: "throttle", share: 0.3 }).fault;
    expect(drawn({ kind: "throttle", share: 0.3, seed: seed ?? -1 })).toEqual(
      Array.from({ length: 400 }, (_, index) => index).filter(() => plan.take("rate", call()).length > 0),
    );
    expect(plan.add({ kind: "throttle" }).fault).not.toHaveProperty("seed");
  });
});

describe("which calls", () => {
  const conditions = { operation: "BatchMeterUsage", product: "logs", customer: "444455556666", accessKeyId: "AKIA1" };
  test.each<Partial<FaultCall>>([
    { operation: "MeterUsage" },
    { accessKeyId: "AKIA2" },
    { isOfProduct: () => false },
    { isOfCustomer: () => false },
  ])("all conditions have to match: not %j", (other) => {
    const plan = createFaultPlan();
    plan.add({ kind: "throttle", ...conditions });
    expect(kindsTaken(plan, "rate", call(other))).toEqual([]);
    expect(plan.list()).toMatchObject([{ left: 1, matched: 0 }]);
    expect(kindsTaken(plan, "rate")).toEqual(["throttle"]);
    expect(plan.isActive).toBe(false);
  });
});

describe("in what order", () => {
  test("one that ends the call is the last of its place; those behind it wait for the next call", () => {
    const plan = createFaultPlan();
    plan.add({ kind: "delay", ms: 1 });
    plan.add({ kind: "error" });
    plan.add({ kind: "delay", ms: 2 });
    plan.add({ kind: "cut" });
    expect(kindsTaken(plan)).toEqual(["delay", "error"]);
    expect(kindsTaken(plan)).toEqual(["delay", "cut"]);
    expect(plan.list()).toEqual([]);
  });

  test("a hit that was not felt is given back to its place in the list, unless it was taken back meanwhile", () => {
    const plan = createFaultPlan();
    const first = plan.add({ kind: "error", phase: "after-commit" });
    const second = plan.add({ kind: "cut", phase: "after-commit" });
    const [hit] = plan.take("after-commit", call());
    expect(hit?.id).toBe(first.id);
    if (hit !== undefined) plan.giveBack(hit);
    if (hit !== undefined) plan.giveBack(hit);
    expect(plan.list()).toMatchObject([
      { id: first.id, left: 1, hits: 0, matched: 1 },
      { id: second.id, left: 1 },
    ]);
    const forever = plan.add({ kind: "delay", ms: 1, untilRemoved: true });
    const [delay] = plan.take("before-commit", call());
    plan.remove(forever.id);
    if (delay !== undefined) plan.giveBack(delay);
    expect(plan.list().map(({ id }) => id)).toEqual([first.id, second.id]);
  });
});

describe("unprocessed", () => {
  test("is about batches alone, and waits for one that has such a record", () => {
    const plan = createFaultPlan();
    plan.add({ kind: "unprocessed", records: [0, 7] });
    expect(plan.take("before-commit", call({ operation: "MeterUsage", recordCount: 0 }))).toEqual([]);
    plan.add({ kind: "unprocessed", records: [7] });
    expect(plan.take("before-commit", call({ recordCount: 2 }))).toMatchObject([{ records: [0] }]);
    expect(plan.take("before-commit", call({ recordCount: 8 }))).toMatchObject([{ records: [7] }]);
  });

  test("a share of the records is drawn by its seed", () => {
    const records = (seed: number): readonly (readonly number[])[] => {
      const plan = createFaultPlan();
      plan.add({ kind: "unprocessed", recordShare: 0.2, seed, untilRemoved: true });
      return Array.from({ length: 40 }, () => plan.take("before-commit", call())[0]?.records ?? []);
    };
    expect(records(3)).toEqual(records(3));
    expect(records(3)).not.toEqual(records(4));
    const count = records(3).flat().length;
    expect(count).toBeGreaterThan(120);
    expect(count).toBeLessThan(280);
  });
});

describe("what cannot be planned", () => {
  test.each<readonly [Fault, string]>([
    [{ kind: "throttle", times: 0 }, "times is 0; it is a whole number from 1 to 1000000."],
    [{ kind: "throttle", times: 2, untilRemoved: true }, "a fault has one of the two"],
    [{ kind: "throttle", share: 1.5 }, "share is 1.5; it is a number from 0 to 1."],
    [{ kind: "throttle", share: Number.NaN }, "share is NaN"],
    [{ kind: "throttle", share: 1, seed: -1 }, "seed is -1"],
    [{ kind: "error", status: 200 }, "status is 200; it is a whole number from 400 to 599."],
    [{ kind: "delay", ms: 600_001 }, "ms is 600001; it is a whole number from 0 to 600000."],
    [{ kind: "slow-body", ms: 10, bytes: 0 }, "bytes is 0"],
    [{ kind: "unprocessed" }, "either records, by index, or recordShare"],
    [{ kind: "unprocessed", records: [0], recordShare: 1 }, "either records, by index, or recordShare"],
  ])("%j", (fault, words) => {
    expect(() => createFaultPlan().plan(fault)).toThrow(words);
  });

  test("more than there is room for", () => {
    const plan = createFaultPlan();
    for (let count = 0; count < faultLimits.plannedMax; count += 1) plan.add({ kind: "throttle" });
    expect(() => plan.add({ kind: "throttle" })).toThrow("1000 faults are planned");
    plan.clear();
    expect(plan.add({ kind: "throttle" }).left).toBe(1);
  });
});
