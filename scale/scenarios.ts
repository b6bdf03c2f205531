/** The runs that the paper tells of. */
import { assumed } from "./assumptions.ts";
import type { Costs } from "./costs.ts";
import { plantOf } from "./plant.ts";
import { type Fault, type Result, type Run, simulate } from "./simulate.ts";

export interface Scenario {
  readonly id: string;
  readonly title: string;
  readonly run: Run;
}

const seed = 2_026;
/** In the middle of the second hour's burst. */
const at = 3_600 + 40;
const hours = 2;

export function scenariosOf(costs: Costs): readonly Scenario[] {
  const plant = plantOf(costs);
  const base: Run = { seed, plant, hours };
  const failover: Fault = { kind: "failover", at, seconds: assumed("failoverSeconds"), shard: 3 };
  return [
    { id: "usual", title: "Nothing breaks", run: base },
    {
      id: "node",
      title: "A node dies, another is there after 60 s",
      run: { ...base, faults: [{ kind: "node-dies", at, seconds: 60 }] },
    },
    {
      id: "failover",
      title: `A shard's primary dies, its standby serves after ${assumed("failoverSeconds")} s`,
      run: { ...base, faults: [failover] },
    },
    {
      id: "region",
      title: "The Region is away for 10 minutes",
      run: { ...base, faults: [{ kind: "region-lost", at, seconds: 600 }] },
    },
    {
      id: "checkpoint",
      title: "A checkpoint leaves a shard 1% of its CPU for 2 minutes",
      run: { ...base, faults: [{ kind: "slow", at, seconds: 120, shard: 3, share: 0.01 }] },
    },
    { id: "product", title: "Shards by product", run: { ...base, plant: { ...plant, distribution: "product" } } },
    { id: "hour", title: "Shards by hour", run: { ...base, plant: { ...plant, distribution: "hour" } } },
    { id: "quota", title: "AWS's quota for everyone: 10 calls a second", run: { ...base, quotas: "aws" } },
    {
      id: "one",
      title: "One record a call, on machines made for 25",
      run: {
        ...base,
        plant: { ...plantOf(costs, { recordsPerCall: 1 }), nodes: plant.nodes, vcpusPerShard: plant.vcpusPerShard },
      },
    },
    {
      id: "costs",
      title: "All CPU costs twice as high, on the same machines",
      run: {
        ...base,
        plant: { ...plantOf(costs, { costFactor: 2 }), nodes: plant.nodes, vcpusPerShard: plant.vcpusPerShard },
      },
    },
    {
      id: "async",
      title: "A primary dies, and its standby lacks the last second",
      run: { ...base, faults: [failover], standbyLag: 1 },
    },
  ];
}

export type Results = ReadonlyMap<string, Result>;

export function runAll(scenarios: readonly Scenario[], say: (text: string) => void = () => {}): Results {
  return new Map(
    scenarios.map(({ id, title, run }) => {
      say(title);
      return [id, simulate(run)];
    }),
  );
}
