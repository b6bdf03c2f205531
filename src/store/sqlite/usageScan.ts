/** How the usage rows of some hours are found: where few subjects match, by their keys; else by reading the hours. */
import type { DatabaseSync } from "node:sqlite";
import type { UsageFilter } from "../ledger.ts";
import type { MonthTables } from "./monthTables.ts";

const msPerHour = 3_600_000;
const hoursPerMonth = 24 * 31;
/** With so few of them the rows are looked up by their keys, hour for hour, instead of reading whole hours. */
const lookedUpSubjectsMax = 64;

/** A slice that took longer than this is followed by a shorter one, and a much quicker one by a longer one. */
const sliceMaxMs = 12;
const sliceHoursMax = 24 * 366;

/** Named parameters. */
export type Values = Readonly<Record<string, string | number>>;

/** How the rows of a slice are found. */
export interface Scan {
  readonly source: (table: string) => string;
  readonly where: string;
  readonly values: Values;
  readonly startHours: number;
  /** Nothing can match. */
  readonly isEmpty: boolean;
  /**
   * The filter of a sum of days, `u`, by its subject, dimension and `billable`. undefined: what matches are so few
   * subjects that their rows are found sooner.
   */
  readonly ofSums: { readonly where: string; readonly values: Values } | undefined;
}

/** Of what matches the filter, hours aside: those are the parameters `$fromHour` and, exclusive, `$toHour` of each slice. */
export function scanOf(database: DatabaseSync, filter: UsageFilter): Scan {
  const subjects: string[] = [];
  const rows: string[] = [];
  const values: Record<string, string | number> = {};
  const add = (conditions: string[], condition: string, name: string, value: string | number | undefined): void => {
    if (value === undefined) return;
    conditions.push(condition);
    values[name] = value;
  };
  add(subjects, "product_code = $product", "product", filter.productCode);
  add(subjects, "account_id = $account", "account", filter.accountId);
  add(subjects, "path = 'license' AND holder = $license", "license", filter.licenseArn);
  add(subjects, "path IN ('resource', 'agentcore') AND holder = $resource", "resource", filter.resource);
  add(subjects, "region = $region", "region", filter.region);
  const isOfSubjects = subjects.length > 0;
  const found = isOfSubjects
    ? database
        .prepare(`SELECT id FROM subjects WHERE ${subjects.join(" AND ")} LIMIT ${lookedUpSubjectsMax + 1}`)
        .all(values)
        .map((row) => Number(row.id))
    : undefined;
  add(rows, "u.dimension IN (SELECT id FROM dimensions WHERE name = $dimension)", "dimension", filter.dimension);
  add(rows, "u.billable = $billable", "billable", filter.billable === undefined ? undefined : Number(filter.billable));
  const { ...ofSums } = values;
  const asOf: string[] = [];
  add(asOf, "u.call <= $asOf", "asOf", filter.asOf === undefined ? undefined : Number(filter.asOf));
  if (found !== undefined && found.length <= lookedUpSubjectsMax) {
    const { product: _1, account: _2, license: _3, resource: _4, region: _5, ...rest } = values;
    return {
      source: (table) =>
        `(WITH RECURSIVE hours (h) AS (VALUES ($fromHour) UNION ALL SELECT h + 1 FROM hours WHERE h + 1 < $toHour)
          SELECT h FROM hours) CROSS JOIN ${table} u ON u.hour = h AND u.subject IN (${found.join()})`,
      where: ["true", ...rows, ...asOf].join(" AND "),
      values: rest,
      startHours: Math.ceil(hoursPerMonth / Math.max(1, found.length)),
      isEmpty: found.length === 0,
      ofSums: undefined,
    };
  }
  // Not IN (SELECT …): that list would be made anew for each slice, whatever the number of subjects.
  if (isOfSubjects) rows.push(`(SELECT ${subjects.join(" AND ")} FROM subjects WHERE id = u.subject)`);
  return {
    source: (table) => `${table} u`,
    where: ["u.hour >= $fromHour AND u.hour < $toHour", ...rows, ...asOf].join(" AND "),
    values,
    startHours: 1,
    isEmpty: false,
    ofSums: { where: ["true", ...rows].join(" AND "), values: ofSums },
  };
}

/** Hours of the slice after one of `hours` that took so long: calls wait behind each. */
export function nextSliceHours(hours: number, tookMs: number): number {
  if (tookMs > sliceMaxMs) return Math.max(1, Math.floor(hours / 2));
  return tookMs < sliceMaxMs / 4 ? Math.min(sliceHoursMax, hours * 2) : hours;
}

interface Tables {
  readonly database: DatabaseSync;
  readonly months: MonthTables;
}

/** The first hour from `from` on that holds usage at all; the key begins with the hour, so it costs one look-up. */
export function nextHour({ database, months }: Tables, from: number, to: number): number | undefined {
  for (const table of months.within(from, to)) {
    const row = database.prepare(`SELECT min(hour) AS hour FROM ${table} WHERE hour >= ? AND hour < ?`).get(from, to);
    if (typeof row?.hour === "number") return row.hour;
  }
  return undefined;
}

/** The last one before `to`. */
export function lastHour({ database, months }: Tables, from: number, to: number): number | undefined {
  for (const table of months.within(from, to).toReversed()) {
    const row = database.prepare(`SELECT max(hour) AS hour FROM ${table} WHERE hour >= ? AND hour < ?`).get(from, to);
    if (typeof row?.hour === "number") return row.hour;
  }
  return undefined;
}

/** Hours that a filter asks for: from the first, inclusive, to the last, exclusive. */
export function hoursOf({ fromHourAt, toHourAt }: UsageFilter): readonly [from: number, to: number] {
  return [
    fromHourAt === undefined ? 0 : Math.ceil(fromHourAt / msPerHour),
    toHourAt === undefined ? Number.MAX_SAFE_INTEGER : Math.ceil(toHourAt / msPerHour),
  ];
}

/** First hour of the next month: a slice ends with its month, which is a table of its own. */
export function monthEnd(hour: number): number {
  const start = new Date(hour * msPerHour);
  return Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + 1) / msPerHour;
}

export function monthStart(hour: number): number {
  const start = new Date(hour * msPerHour);
  return Date.UTC(start.getUTCFullYear(), start.getUTCMonth()) / msPerHour;
}
