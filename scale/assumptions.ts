/** Everything that was not measured, in one place: `docs/scale.md` shows this table, and nothing else is assumed. */

export interface Assumption {
  readonly value: number;
  readonly unit: string;
  readonly why: string;
}

const target = "the target";

export const assumptions = {
  customers: { value: 10_000_000, unit: "customers", why: target },
  dimensions: { value: 10, unit: "records a customer and hour", why: target },
  sellers: { value: 2_000, unit: "sellers", why: "a marketplace's larger sellers; each meters one product" },
  sellerExponent: { value: 1, unit: "Zipf", why: "the largest seller has 12% of all records" },
  customerExponent: { value: 0.5, unit: "Zipf", why: "the largest customer has 1,600 times the mean" },
  recordsPerCall: { value: 25, unit: "records", why: "the limit of BatchMeterUsage" },
  customersPerCall: { value: 2.5, unit: "customers", why: "jobs send customer by customer, ten dimensions each" },
  onTheHour: { value: 0.5, unit: "of sellers", why: "cron at minute 0, started within 60 s" },
  jittered: { value: 0.3, unit: "of sellers", why: "start within 15 minutes after the hour" },
  spread: { value: 0.17, unit: "of sellers", why: "start at any time of the hour; the rest is one hour late" },
  ownRateMinutes: {
    value: 15,
    unit: "minutes",
    why: "own quotas let a seller send its hour in this time; never below 10 calls a second",
  },
  hasty: { value: 0.2, unit: "of sellers", why: "send at twice their quota and are throttled" },
  repeats: { value: 0.01, unit: "of calls", why: "sent again although they were answered" },
  pauseSeconds: { value: 60, unit: "s", why: "a job's own wait, ±50%, after the SDK's attempts (1 s, 2 s) failed" },
  unprocessedSeconds: { value: 10, unit: "s", why: "until a job sends UnprocessedRecords again, ±50%" },
  refusedShare: { value: 0.5, unit: "of a call's CPU", why: "a throttled call is read and verified, and not decided" },
  quotaCalls: { value: 10, unit: "calls/s", why: "AWS's quota for an account and Region (C-30)" },
  inFlight: { value: 4_096, unit: "calls a node", why: "docs/operating.md" },
  laneSeconds: { value: 8, unit: "s", why: "what waits longer for a shard comes back unprocessed (the lane's limit)" },
  windowHours: { value: 24, unit: "h", why: "usage older than this is refused (B-51)" },
  commitMs: { value: 6, unit: "ms", why: "a group on its way: sync on two machines in two zones, and the network" },
  routing: {
    value: 1.3,
    unit: "times",
    why: "what Citus adds to PostgreSQL's CPU where a statement goes to one shard",
  },
  shards: { value: 32, unit: "shards", why: "so that one is restored within two hours" },
  headroom: { value: 0.5, unit: "of a CPU", why: "used at the peak; the rest is for failures and reads" },
  peakFactor: {
    value: 8,
    unit: "times the mean",
    why: "what the machines are made for: about the simulation's busiest second",
  },
  nodesMin: { value: 6, unit: "nodes", why: "two in each of three zones" },
  nodeVcpus: {
    value: 2,
    unit: "vCPUs",
    why: "a node uses one core to serve; the second takes exports and its collector",
  },
  shardVcpusMin: { value: 4, unit: "vCPUs", why: "autovacuum, archiving, reports" },
  copies: { value: 3, unit: "copies of a shard", why: "primary and two standbys, of which one must have the commit" },
  connectionsPerNode: { value: 12, unit: "connections", why: "to one database; docs/operating.md" },
  checkpointMinutes: { value: 15, unit: "minutes", why: "checkpoint_timeout; max_wal_size is large enough for it" },
  hotMonths: {
    value: 2,
    unit: "months",
    why: "in PostgreSQL: this one and the one before, which closes on day 1 at 06:00 UTC (B-53)",
  },
  coldMonths: { value: 84, unit: "months", why: "as Parquet in object storage: seven years" },
  auditDays: { value: 90, unit: "days", why: "as CloudTrail's event history; docs/operating.md" },
  agreements: {
    value: 1,
    unit: "agreements a customer",
    why: "more products a customer make the catalogue larger, not the usage",
  },
  backupDays: { value: 14, unit: "days", why: "two weekly base backups, and the WAL since the older one" },
  diskSpare: { value: 1.5, unit: "times", why: "room for bloat, WAL and the month to come" },
  copyMBps: { value: 250, unit: "MB/s", why: "of a base backup or a restore, one shard" },
  replayMBps: { value: 60, unit: "MB/s", why: "of WAL by a restored shard: one process" },
  exportRate: { value: 34_000, unit: "records/s", why: "of one export: docs/exports.md, on a busy machine" },
  failoverSeconds: { value: 30, unit: "s", why: "until a standby serves: noticing takes most of it" },
  priceVcpuHour: { value: 0.05, unit: "$", why: "with 4 to 8 GB of memory, no discount" },
  priceDisk: { value: 0.1, unit: "$ per GB-month", why: "network SSD" },
  priceObject: { value: 0.023, unit: "$ per GB-month", why: "object storage" },
  priceZone: { value: 0.02, unit: "$ per GB", why: "between zones, both directions together" },
  priceOut: { value: 0.07, unit: "$ per GB", why: "answers to the internet" },
  priceBalancer: { value: 0.008, unit: "$ per GB", why: "load balancer, both directions" },
} as const satisfies Readonly<Record<string, Assumption>>;

export type AssumptionName = keyof typeof assumptions;

/** Its value. */
export function assumed(name: AssumptionName): number {
  return assumptions[name].value;
}

export const hoursPerYear = 24 * 365;
export const hoursPerMonth = hoursPerYear / 12;

export function recordsPerHour(): number {
  return assumed("customers") * assumed("dimensions");
}

export function recordsPerSecond(): number {
  return recordsPerHour() / 3_600;
}
