/** How the usage rows of some hours are found: where few subjects match, by their keys; else by reading the hours. */
import type { DatabaseSync } from "node:sqlite";
import type { UsageFilter } from "../ledger.ts";

const hoursPerMonth = 24 * 31;
/** With so few of them the rows are looked up by their keys, hour for hour, instead of reading whole hours. */
const lookedUpSubjectsMax = 64;

/** Named parameters. */
export type Values = Readonly<Record<string, string | number>>;

/** How the rows of a slice are found. */
export interface Scan {
  readonly source: (table: string) => string;
  readonly where: string;
  readonly values: Values;
  readonly startHours: number;
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
  const chosen = `SELECT id FROM subjects WHERE ${subjects.join(" AND ")}`;
  const found = isOfSubjects
    ? database
        .prepare(`${chosen} LIMIT ${lookedUpSubjectsMax + 1}`)
        .all(values)
        .map((row) => Number(row.id))
    : undefined;
  add(rows, "u.dimension IN (SELECT id FROM dimensions WHERE name = $dimension)", "dimension", filter.dimension);
  add(rows, "u.billable = $billable", "billable", filter.billable === undefined ? undefined : Number(filter.billable));
  add(rows, "u.call <= $asOf", "asOf", filter.asOf === undefined ? undefined : Number(filter.asOf));
  if (found !== undefined && found.length <= lookedUpSubjectsMax) {
    const { product: _1, account: _2, license: _3, resource: _4, region: _5, ...rest } = values;
    return {
      source: (table) =>
        `(WITH RECURSIVE hours (h) AS (VALUES ($fromHour) UNION ALL SELECT h + 1 FROM hours WHERE h + 1 < $toHour)
          SELECT h FROM hours) CROSS JOIN ${table} u ON u.hour = h AND u.subject IN (${found.join()})`,
      where: ["true", ...rows].join(" AND "),
      values: rest,
      startHours: Math.ceil(hoursPerMonth / Math.max(1, found.length)),
    };
  }
  if (isOfSubjects) rows.push(`u.subject IN (${chosen})`);
  return {
    source: (table) => `${table} u`,
    where: ["u.hour >= $fromHour AND u.hour < $toHour", ...rows].join(" AND "),
    values,
    startHours: 1,
  };
}
