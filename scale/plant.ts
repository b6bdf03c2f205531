/** How many machines of which size: from the measured costs, for so many records a second at the peak. */
import { assumed, recordsPerSecond } from "./assumptions.ts";
import { type ColdCosts, type Costs, type Split, split } from "./costs.ts";

export type Distribution = "account" | "product" | "hour";

export interface Plant {
  readonly distribution: Distribution;
  readonly recordsPerCall: number;
  readonly nodes: number;
  readonly shards: number;
  readonly vcpusPerShard: number;
  /** A group is on its way for so long, and the next one gathers. */
  readonly groupMs: number;
  /** A node's CPU for a call. */
  readonly nodeMicros: number;
  /** A node's CPU for a transaction beyond the first group's: with shards there are many more of them. */
  readonly nodeTransactionMicros: number;
  /** PostgreSQL's, with the routing. */
  readonly postgres: Split;
}

export interface PlantOptions {
  readonly distribution?: Distribution;
  readonly recordsPerCall?: number;
  readonly peakFactor?: number;
  /** All CPU costs, times this. */
  readonly costFactor?: number;
  readonly customersPerCall?: number;
  /** Of all usage. */
  readonly share?: number;
  readonly groupMs?: number;
  /** Nodes have all customers in memory that they meet, such as those of a few sellers. Default false. */
  readonly knowsNames?: boolean;
}

export function plantOf(costs: Costs, options: PlantOptions = {}): Plant {
  const { distribution = "account", recordsPerCall = assumed("recordsPerCall") } = options;
  const { peakFactor = assumed("peakFactor"), share = 1, groupMs = assumed("commitMs"), customersPerCall } = options;
  const calls = (recordsPerSecond() * share * peakFactor) / recordsPerCall;
  const shards = Math.max(2, Math.ceil(assumed("shards") * share));
  const small = { ...costsPer(costs, options), distribution, recordsPerCall, shards, groupMs };
  const plant = withNodes(small, calls, customersPerCall);
  const work = shardMicros(plant, calls / shards, (calls * recordsPerCall) / shards, customersPerCall);
  const vcpus = Math.max(assumed("shardVcpusMin"), work / 1e6 / assumed("headroom"));
  // Machines come in powers of two.
  return { ...plant, vcpusPerShard: 2 ** Math.ceil(Math.log2(vcpus)) };
}

const known: ColdCosts = {
  ...{ lookPostgresMicros: 0, lookNodeMicros: 0, knownPostgresMicros: 0, knownNodeMicros: 0 },
  ...{ newPostgresMicros: 0, newNodeMicros: 0 },
};

type PlantCosts = Pick<Plant, "nodes" | "vcpusPerShard" | "nodeMicros" | "nodeTransactionMicros" | "postgres">;

/**
 * What a call, a transaction and a record cost, with the routing. Who meters is seldom in a node's memory (10 million
 * customers, and room for 250,000 names), so each group looks some of them up.
 */
function costsPer(costs: Costs, options: PlantOptions): PlantCosts {
  const { recordsPerCall = assumed("recordsPerCall"), costFactor = 1 } = options;
  const customers = Math.min(recordsPerCall, options.customersPerCall ?? assumed("customersPerCall"));
  const postgres = split(costs.groups, ({ postgresMicros }) => postgresMicros);
  const node = split(costs.groups, ({ nodeMicros }) => nodeMicros);
  const cold = options.knowsNames === true ? known : costs.cold;
  const routed = costFactor * assumed("routing");
  return {
    ...{ nodes: assumed("nodesMin"), vcpusPerShard: 0 },
    nodeMicros: (callMicros(costs, recordsPerCall) + cold.knownNodeMicros * customers) * costFactor,
    nodeTransactionMicros: (node.transaction + cold.lookNodeMicros) * costFactor,
    postgres: {
      transaction: (postgres.transaction + cold.lookPostgresMicros) * routed,
      call: postgres.call * routed,
      record: (postgres.record + costs.vacuumMicros + (cold.knownPostgresMicros * customers) / recordsPerCall) * routed,
    },
  };
}

/** One PostgreSQL without shards, as the program runs today: the records a second that it takes in the busiest one. */
export function singleServer(
  costs: Costs,
  vcpus: number,
  knowsNames: boolean,
): { readonly nodes: number; readonly recordsPerSecond: number } {
  const recordsPerCall = assumed("recordsPerCall");
  const { postgres, ...each } = costsPer(costs, { knowsNames });
  const small: Plant = {
    ...{ ...each, distribution: "product", recordsPerCall, shards: 1, groupMs: assumed("commitMs"), nodes: 2 },
    postgres: {
      transaction: postgres.transaction / assumed("routing"),
      call: postgres.call / assumed("routing"),
      record: postgres.record / assumed("routing"),
    },
  };
  const work = (calls: number): number =>
    shardMicros(withNodes(small, calls, undefined), calls, calls * recordsPerCall) / 1e6;
  let [low, high] = [0, 100_000];
  for (let round = 0; round < 40; round += 1) {
    const calls = (low + high) / 2;
    if (work(calls) <= vcpus * assumed("headroom")) low = calls;
    else high = calls;
  }
  return { nodes: withNodes(small, low, undefined).nodes, recordsPerSecond: low * recordsPerCall };
}

/** More nodes make smaller groups, so more transactions: up to as many as there are calls times shards. */
function withNodes(small: Plant, calls: number, customers?: number): Plant {
  for (let nodes = small.nodes; ; nodes += 1) {
    const plant = { ...small, nodes };
    if (calls * nodeMicrosPerCall(plant, calls, customers) <= nodes * 1e6 * assumed("headroom")) return plant;
  }
}

/** A node's CPU for a call, with its part of the transactions, when `calls` arrive a second at all nodes. */
export function nodeMicrosPerCall(plant: Plant, calls: number, customers?: number): number {
  if (calls === 0) return plant.nodeMicros;
  const transactions = plant.shards * transactionsOf(plant, calls / plant.shards, customers);
  return plant.nodeMicros + (transactions * plant.nodeTransactionMicros) / calls;
}

/** Between the measured calls of 1 and of 25 records. */
function callMicros(costs: Costs, recordsPerCall: number): number {
  const [one, many] = [1, 25].map((count) => costs.calls.find((call) => call.recordsPerCall === count));
  if (one === undefined || many === undefined) throw new Error("costs.json has no calls of 1 and 25 records");
  return one.nodeMicros + ((many.nodeMicros - one.nodeMicros) * (recordsPerCall - 1)) / 24;
}

/** Shards that one call comes to. */
export function shardsTouched(plant: Plant, customers = assumed("customersPerCall")): number {
  if (plant.distribution !== "account") return 1;
  const keys = Math.min(customers, plant.recordsPerCall);
  return plant.shards * (1 - (1 - 1 / plant.shards) ** keys);
}

/**
 * A shard's transactions a second: each node has one on its way to each shard, and what arrives meanwhile shares the
 * next. `calls` is the shard's part of all calls a second.
 */
export function transactionsOf(plant: Plant, calls: number, customers?: number): number {
  const seconds = plant.groupMs / 1_000;
  const arriving = (calls * shardsTouched(plant, customers)) / plant.nodes;
  return (plant.nodes * (1 - Math.exp(-arriving * seconds))) / seconds;
}

/** PostgreSQL's CPU in microseconds for a second's work of one shard. */
export function shardMicros(plant: Plant, calls: number, records: number, customers?: number): number {
  const { transaction, call, record } = plant.postgres;
  return transactionsOf(plant, calls, customers) * transaction + calls * call + records * record;
}
