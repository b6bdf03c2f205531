/** `docs/scale.md` is what the measured costs give, and the simulation behind it counts every record. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { assumed, assumptions, recordsPerHour, recordsPerSecond } from "../../scale/assumptions.ts";
import { type GroupCost, readCosts, split } from "../../scale/costs.ts";
import { imagesOf } from "../../scale/images.ts";
import { plantOf, shardMicros } from "../../scale/plant.ts";
import { blocksOf, withBlocks } from "../../scale/report.ts";
import { runAll, scenariosOf } from "../../scale/scenarios.ts";
import { type Run, simulate } from "../../scale/simulate.ts";
import { sizingOf } from "../../scale/sizing.ts";

const root = new URL("../../", import.meta.url);
const costs = readCosts();
const scenarios = scenariosOf(costs);
const results = runAll(scenarios);
const usual = scenarios[0]!.run;
/** A fiftieth of the usage for one hour: some milliseconds. */
const small: Run = { ...usual, hours: 1, share: 0.02, plant: plantOf(costs, { share: 0.02 }) };

describe("the page", () => {
  const page = readFileSync(new URL("docs/scale.md", root), "utf8");

  test("shows the tables that the costs give: npm run scale -- --write", () => {
    expect(withBlocks(page, blocksOf(costs, scenarios, results))).toBe(page);
  });

  test("shows the pictures that the simulation gives", () => {
    for (const [name, text] of imagesOf(results)) {
      expect(readFileSync(new URL(`docs/images/${name}`, root), "utf8"), name).toBe(text);
      expect(page).toContain(`images/${name}`);
    }
  });

  test("a table without a place, or a place without a table, is told", () => {
    const blocks = blocksOf(costs, scenarios, results);
    expect(() => withBlocks(page.replace("scale:money", "scale:gold"), blocks)).toThrow("no place for money");
    const fewer = new Map([...blocks].filter(([name]) => name !== "money"));
    expect(() => withBlocks(page, fewer)).toThrow("'money', which nothing fills");
  });

  test("rests on figures that were not taken in a hurry", () => {
    expect(costs.machine.isQuick).toBe(false);
    expect(costs.bytes.records).toBeGreaterThan(400_000);
  });

  test("names no assumption that nothing rests on", () => {
    const folder = new URL("scale/", root);
    const code = readdirSync(folder)
      .filter((name) => name.endsWith(".ts"))
      .map((name) => readFileSync(new URL(name, folder), "utf8"))
      .join("\n");
    expect(Object.keys(assumptions).filter((name) => !code.includes(`assumed("${name}")`))).toEqual([]);
  });
});

describe("units", () => {
  test("10 million customers with 10 dimensions an hour are 28,000 records a second", () => {
    expect(recordsPerHour()).toBe(100_000_000);
    expect(Math.round(recordsPerSecond() / 1_000)).toBe(28);
  });

  test("and 876 billion a year; a tenth of them is about 90 billion", () => {
    expect(sizingOf(costs).recordsPerYear).toBe(876e9);
    expect(sizingOf(costs, { share: 0.1 }).recordsPerYear / 1e9).toBeCloseTo(87.6, 1);
  });

  test("partitions hold the year's records, and disks what a record takes", () => {
    const { plant, partitionRows, partitionGb, usageGb, recordsPerYear } = sizingOf(costs);
    expect(partitionRows * plant.shards * 12).toBeCloseTo(recordsPerYear, -3);
    const { usageHeapPerRecord, usageIndexPerRecord } = costs.bytes;
    expect((partitionGb * 1e9) / partitionRows).toBeCloseTo(usageHeapPerRecord + usageIndexPerRecord, 6);
    expect(usageGb / partitionGb).toBeCloseTo(assumed("hotMonths"), 9);
  });

  test("the machines have room for the second that they are made for", () => {
    const plant = plantOf(costs);
    const records = (recordsPerSecond() * assumed("peakFactor")) / plant.shards;
    const micros = shardMicros(plant, records / plant.recordsPerCall, records);
    expect(micros / 1e6 / plant.vcpusPerShard).toBeLessThanOrEqual(assumed("headroom"));
    expect(micros).toBeGreaterThan(records);
  });

  test("costs are split into transaction, call and record as they were put together", () => {
    const groups = [1, 8, 64].flatMap((calls) =>
      [1, 25].map((recordsPerCall) => ({
        ...({ calls, recordsPerCall, transactions: 1, roundTrips: 5, nodeMicros: 0 } satisfies Partial<GroupCost>),
        ...{ postgresMicros: 700 + 20 * calls + 12 * calls * recordsPerCall, walBytes: 0, walImageBytes: 0 },
      })),
    );
    const parts = split(groups, ({ postgresMicros }) => postgresMicros);
    expect(parts.transaction).toBeCloseTo(700, 0);
    expect(parts.call).toBeCloseTo(20, 0);
    expect(parts.record).toBeCloseTo(12, 0);
  });
});

describe("the simulation", () => {
  test("gives the same for the same seed, and something else for another", () => {
    expect(simulate(small)).toEqual(simulate(small));
    expect(simulate({ ...small, seed: small.seed + 1 })).not.toEqual(simulate(small));
  });

  test.each(scenarios.filter(({ id }) => id !== "async").map(({ id, title }) => [title, id]))(
    "%s: no record is lost",
    (_, id) => {
      const { due, stored, acknowledged, waiting, lost } = results.get(id)!;
      expect(due).toBeGreaterThan(1.9 * recordsPerHour());
      expect(lost).toBe(0);
      expect(acknowledged + waiting).toBe(due);
      expect(stored).toBeGreaterThanOrEqual(acknowledged);
      // Only a quota that is too small for a seller keeps records out for good.
      if (id === "quota") expect(waiting).toBeGreaterThan(0);
      else expect(stored).toBe(due);
    },
  );

  test("faults are felt: something is sent again, and the backlog is larger", () => {
    const { backlogMax, maxMs } = results.get("usual")!;
    for (const id of ["node", "failover", "region"]) {
      expect(results.get(id)!.againShare, id).toBeGreaterThan(0);
    }
    expect(results.get("region")!.backlogMax).toBeGreaterThan(1.5 * backlogMax);
    for (const id of ["failover", "checkpoint"]) expect(results.get(id)!.maxMs, id).toBeGreaterThan(maxMs);
  });

  test("a standby that lags loses what was acknowledged, and the count says so", () => {
    const { lost, acknowledged, stored } = results.get("async")!;
    expect(lost).toBeGreaterThan(0);
    expect(acknowledged - stored).toBe(lost);
  });

  test("a Region that is away for longer than the window loses what grew too old, and the count says so", () => {
    const faults = [{ kind: "region-lost", at: 10, seconds: 2_000 }] as const;
    expect(simulate({ ...small, faults }).lost).toBe(0);
    const { expired, lost, due, acknowledged } = simulate({ ...small, faults, windowSeconds: 1_000 });
    expect(expired).toBeGreaterThan(0);
    expect(lost).toBe(expired);
    expect(acknowledged + expired).toBe(due);
  });

  test("what a dying node had stored without an answer is not stored twice", () => {
    const { stored, due, againShare } = simulate({ ...small, faults: [{ kind: "node-dies", at: 30, seconds: 60 }] });
    expect(againShare).toBeGreaterThan(0);
    expect(stored).toBe(due);
  });

  test("by hour all writes of a time are on one shard, by account none stands out", () => {
    const skew = (id: string): number => {
      const { shardMean } = results.get(id)!;
      return (Math.max(...shardMean) * shardMean.length) / shardMean.reduce((sum, share) => sum + share, 0);
    };
    expect(skew("hour")).toBeCloseTo(plantOf(costs).shards, 6);
    expect(skew("product")).toBeGreaterThan(2);
    expect(skew("usual")).toBeLessThan(1.1);
  });
});
