/** What was measured, as `costs.json` holds it: the only numbers about this program that the paper rests on. */
import { readFileSync } from "node:fs";

export interface Costs {
  /** ISO-8601. */
  readonly date: string;
  readonly machine: {
    readonly cpu: string;
    readonly cores: number;
    readonly node: string;
    readonly postgres: string;
    /** Of the last minute, before the run and after it. CPU time is what counts here, and it suffers less than rates do. */
    readonly loadBefore: number;
    readonly loadAfter: number;
    /** The short tier: it shows that measuring works, its figures are rough. */
    readonly isQuick: boolean;
  };
  readonly groups: readonly GroupCost[];
  readonly cold: ColdCosts;
  /** PostgreSQL's, once a record: VACUUM with FREEZE and ANALYZE. Autovacuum is off in all other figures. */
  readonly vacuumMicros: number;
  readonly calls: readonly CallCost[];
  readonly bytes: StoredBytes;
  readonly catalog: CatalogCosts;
}

/** One transaction of so many calls, through the store alone. */
export interface GroupCost {
  readonly calls: number;
  readonly recordsPerCall: number;
  readonly transactions: number;
  /** Answers that had to be waited for, BEGIN and COMMIT among them. */
  readonly roundTrips: number;
  /** Of all of PostgreSQL's processes, its background writers among them. */
  readonly postgresMicros: number;
  /** Of the node's process. */
  readonly nodeMicros: number;
  readonly walBytes: number;
  /** The share of `walBytes` that are images of whole pages, after a checkpoint. */
  readonly walImageBytes: number;
}

/** More a record, where its customer is not in the node's memory. */
export interface ColdCosts {
  /** A group's, whatever the number of such records: the statements that look them up. */
  readonly lookPostgresMicros: number;
  readonly lookNodeMicros: number;
  /** Known to the database. */
  readonly knownPostgresMicros: number;
  readonly knownNodeMicros: number;
  /** Never metered before. */
  readonly newPostgresMicros: number;
  readonly newNodeMicros: number;
}

/** One signed BatchMeterUsage over HTTP, everything on but the quota. */
export interface CallCost {
  readonly recordsPerCall: number;
  readonly calls: number;
  readonly nodeMicros: number;
  readonly postgresMicros: number;
  readonly requestBytes: number;
  readonly answerBytes: number;
}

export interface StoredBytes {
  /** Records that the sizes were taken at. */
  readonly records: number;
  readonly usageHeapPerRecord: number;
  readonly usageIndexPerRecord: number;
  readonly auditPerCall: number;
  readonly perSubject: number;
  readonly parquetPerRecord: number;
}

export interface CatalogCosts {
  readonly agreements: number;
  /** Of a node's heap. */
  readonly nodeBytesPerAgreement: number;
  readonly databaseBytesPerAgreement: number;
  /** Of a node's CPU, at its start. */
  readonly startMicrosPerAgreement: number;
}

const file = new URL("costs.json", import.meta.url);

export function readCosts(from: URL = file): Costs {
  return JSON.parse(readFileSync(from, "utf8")) as Costs;
}

export const costsFile = file;

/** What PostgreSQL's CPU and WAL come to: so much a transaction, a call's audit event, and a record. */
export interface Split {
  readonly transaction: number;
  readonly call: number;
  readonly record: number;
}

/**
 * Least squares over the measured groups, each weighted by 1 / its own value, so that the small ones count as much as
 * the large ones. No part comes out below 0: of all ways to leave parts out, the best that has none below it.
 */
export function split(groups: readonly GroupCost[], read: (group: GroupCost) => number): Split {
  const rows = groups.map((group) => {
    const y = read(group) || 1;
    return [1 / y, group.calls / y, (group.calls * group.recordsPerCall) / y];
  });
  let best: readonly number[] = [0, 0, 0];
  let least = Number.POSITIVE_INFINITY;
  for (const kept of [[0, 1, 2], [0, 1], [0, 2], [1, 2], [0], [1], [2]]) {
    const parts = leastSquares(rows, kept);
    const error = rows.reduce(
      (sum, row) => sum + (row.reduce((all, x, at) => all + x * (parts[at] ?? 0), 0) - 1) ** 2,
      0,
    );
    if (parts.every((part) => part >= 0) && error < least) [best, least] = [parts, error];
  }
  const [transaction = 0, call = 0, record = 0] = best;
  return { transaction, call, record };
}

/** What makes the columns in `kept` come closest to 1 in each row; 0 for the others. By the normal equations. */
function leastSquares(rows: readonly (readonly number[])[], kept: readonly number[]): readonly number[] {
  const sum = (a: number, b: number): number => rows.reduce((all, row) => all + (row[a] ?? 0) * (row[b] ?? 0), 0);
  const target = (a: number): number => rows.reduce((all, row) => all + (row[a] ?? 0), 0);
  const system = kept.map((a) => [...kept.map((b) => sum(a, b)), target(a)]);
  for (const [step, pivot] of system.entries()) {
    for (const [other, line] of system.entries()) {
      if (other === step) continue;
      const factor = (line[step] ?? 0) / (pivot[step] ?? 1);
      for (let at = 0; at < line.length; at += 1) line[at] = (line[at] ?? 0) - factor * (pivot[at] ?? 0);
    }
  }
  const parts = [0, 0, 0];
  for (const [step, place] of kept.entries()) parts[place] = (system[step]?.at(-1) ?? 0) / (system[step]?.[step] ?? 1);
  return parts;
}
