/** From a record's costs to machines, disks, traffic and money. Pure arithmetic. */
import { assumed, hoursPerMonth, hoursPerYear, recordsPerHour, recordsPerSecond } from "./assumptions.ts";
import { type Costs, split } from "./costs.ts";
import { type Plant, type PlantOptions, plantOf } from "./plant.ts";

export const gigabyte = 1e9;
/** Share of all usage that each Region takes. */
export const regionShares: readonly (readonly number[])[] = [[1], [0.6, 0.25, 0.15]];

export interface Sizing {
  readonly plant: Plant;
  readonly recordsPerSecond: number;
  readonly callsPerSecond: number;
  readonly recordsPerYear: number;
  readonly recordsPerMonth: number;
  /** Rows and GB that a shard gets in a month: one partition. */
  readonly partitionRows: number;
  readonly partitionGb: number;
  /** All that a shard holds. */
  readonly usageGb: number;
  readonly auditGb: number;
  readonly diskGb: number;
  /** GB a month as Parquet, and when the last month is reached. */
  readonly parquetGb: number;
  readonly coldGb: number;
  /** Of all shards, by one copy. */
  readonly walMbps: number;
  readonly replicationMbps: number;
  readonly walImageShare: number;
  readonly backupMinutes: number;
  readonly restoreMinutes: number;
  readonly backupGb: number;
  /** Of one partition, as Parquet. */
  readonly exportHours: number;
  readonly connectionsPerShard: number;
  readonly catalogNodeGb: number;
  readonly catalogStartSeconds: number;
  readonly money: readonly Money[];
}

export interface Money {
  readonly what: string;
  readonly quantity: string;
  /** Dollars a month. */
  readonly dollars: number;
}

export interface SizingOptions extends PlantOptions {
  readonly hotMonths?: number;
}

export function sizingOf(costs: Costs, options: SizingOptions = {}): Sizing {
  const plant = plantOf(costs, options);
  const { share = 1, hotMonths = assumed("hotMonths") } = options;
  const records = recordsPerSecond() * share;
  const month = recordsPerHour() * share * hoursPerMonth;
  const { usageHeapPerRecord, usageIndexPerRecord, auditPerCall, parquetPerRecord } = costs.bytes;
  const partitionRows = month / plant.shards;
  const partitionGb = (partitionRows * (usageHeapPerRecord + usageIndexPerRecord)) / gigabyte;
  const calls = records / plant.recordsPerCall;
  const auditGb = (calls * 86_400 * assumed("auditDays") * auditPerCall) / gigabyte / plant.shards;
  const usageGb = partitionGb * hotMonths;
  const diskGb = (usageGb + auditGb) * assumed("diskSpare");
  const wal = walBytes(costs, plant.recordsPerCall);
  const walMbps = (records * (wal.rows + wal.images)) / 1e6;
  const walDayGb = (walMbps * 86_400) / 1_000;
  const hot = (usageGb + auditGb) * plant.shards;
  const agreements = assumed("customers") * assumed("agreements");
  const parquetGb = (month * parquetPerRecord) / gigabyte;
  const without = {
    ...{
      plant,
      recordsPerSecond: records,
      callsPerSecond: calls,
      partitionRows,
      partitionGb,
      usageGb,
      auditGb,
      diskGb,
    },
    ...{ recordsPerYear: recordsPerHour() * share * hoursPerYear, recordsPerMonth: month, parquetGb },
    ...{ walMbps, walImageShare: wal.images / (wal.rows + wal.images) },
    coldGb: parquetGb * assumed("coldMonths"),
    replicationMbps: walMbps * (assumed("copies") - 1),
    backupMinutes: ((usageGb + auditGb) * 1_000) / assumed("copyMBps") / 60,
    // The base backup, then half a week of WAL.
    restoreMinutes:
      ((usageGb + auditGb) * 1_000) / assumed("copyMBps") / 60 +
      ((walDayGb / plant.shards) * 3.5 * 1_000) / assumed("replayMBps") / 60,
    backupGb: hot * 2 + walDayGb * assumed("backupDays"),
    exportHours: partitionRows / assumed("exportRate") / 3_600,
    connectionsPerShard: plant.nodes * assumed("connectionsPerNode"),
    catalogNodeGb: (agreements * costs.catalog.nodeBytesPerAgreement) / gigabyte,
    catalogStartSeconds: (agreements * costs.catalog.startMicrosPerAgreement) / 1e6,
  };
  return { ...without, money: moneyOf(costs, without) };
}

/**
 * A record's, in bytes. Images of pages: after each checkpoint the first change of a page logs all of it, and keys of one
 * hour come in any order, so each checkpoint sees all of the hour's index once. An upper bound.
 */
export function walBytes(costs: Costs, recordsPerCall: number): { readonly rows: number; readonly images: number } {
  const parts = split(costs.groups, ({ walBytes: all, walImageBytes }) => all - walImageBytes);
  const checkpoints = 60 / assumed("checkpointMinutes");
  return {
    rows: parts.record + (parts.call + parts.transaction) / recordsPerCall,
    images: costs.bytes.usageIndexPerRecord * checkpoints,
  };
}

function moneyOf(costs: Costs, sizing: Omit<Sizing, "money">): readonly Money[] {
  const { plant, callsPerSecond } = sizing;
  const copies = assumed("copies");
  const month = hoursPerMonth * 3_600;
  const vcpus = (count: number): number => count * assumed("priceVcpuHour") * hoursPerMonth;
  const call = bytesOfCall(costs, plant.recordsPerCall);
  const [inGb, outGb] = [call.request, call.answer].map((bytes) => (callsPerSecond * month * bytes) / gigabyte);
  const zoneGb = (sizing.replicationMbps * month) / 1_000;
  const nodeVcpus = plant.nodes * assumed("nodeVcpus");
  const shardVcpus = plant.shards * copies * plant.vcpusPerShard;
  const disk = plant.shards * copies * sizing.diskGb;
  const objects = sizing.coldGb + sizing.backupGb;
  const line = (what: string, quantity: string, dollars: number): Money => ({ what, quantity, dollars });
  return [
    line("Nodes", `${nodeVcpus} vCPUs`, vcpus(nodeVcpus)),
    line("Shards, with their standbys", `${shardVcpus} vCPUs`, vcpus(shardVcpus)),
    line("Disks", `${tb(disk)} TB`, disk * assumed("priceDisk")),
    line("Object storage: Parquet of all months, backups", `${tb(objects)} TB`, objects * assumed("priceObject")),
    line("Replication between zones", `${tb(zoneGb)} TB`, zoneGb * assumed("priceZone")),
    line(
      "Load balancer",
      `${tb((inGb ?? 0) + (outGb ?? 0))} TB`,
      ((inGb ?? 0) + (outGb ?? 0)) * assumed("priceBalancer"),
    ),
    line("Answers to the internet", `${tb(outGb ?? 0)} TB`, (outGb ?? 0) * assumed("priceOut")),
  ];
}

function tb(gb: number): string {
  return (gb / 1_000).toLocaleString("en-US", { maximumFractionDigits: 1 });
}

/** Between the measured calls of 1 and of 25 records. */
function bytesOfCall(costs: Costs, recordsPerCall: number): { readonly request: number; readonly answer: number } {
  const [one, many] = [1, 25].map((count) => costs.calls.find((call) => call.recordsPerCall === count));
  if (one === undefined || many === undefined) throw new Error("costs.json has no calls of 1 and 25 records");
  const between = (from: number, to: number): number => from + ((to - from) * (recordsPerCall - 1)) / 24;
  return {
    request: between(one.requestBytes, many.requestBytes),
    answer: between(one.answerBytes, many.answerBytes),
  };
}

export function dollars(money: readonly Money[]): number {
  return money.reduce((sum, one) => sum + one.dollars, 0);
}
