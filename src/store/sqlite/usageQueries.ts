/** Reads of the usage by its keys and in sums: one statement a month table. Pages of it are in usagePages.ts. */
import type { DatabaseSync } from "node:sqlite";
import type { MeteringRecord, UsageAllocation, UsagePath } from "../../api/types.ts";
import type { UsageFilter } from "../ledger.ts";
import { uuidText } from "../recordIds.ts";
import type { MonthTables } from "./monthTables.ts";

const msPerHour = 3_600_000;

/** Of `u`, a row of a month table, joined with its `texts`. */
export const members = `u.hour, u.subject, u.dimension AS dimension_id, u.entry, u.quantity, u.record_id, u.at_ms, u.billable,
  u.allocations, u.client_token, s.region, s.path, s.product_code, s.holder, s.account_id, d.name AS dimension`;

/** See `from`. */
export const texts = "CROSS JOIN subjects s ON s.id = u.subject CROSS JOIN dimensions d ON d.id = u.dimension";

/** Entries of one call on the agentcore path: call × this + position stays unique, and below 2^53 for 2^37 calls. */
export const entriesPerCall = 65_536;

/** What a month's row itself holds. */
export type UsageColumns = {
  readonly quantity: number;
  readonly record_id: Uint8Array;
  readonly at_ms: number;
  readonly billable: number;
  readonly allocations: string | null;
  readonly client_token: string | null;
};

export type SubjectColumns = {
  readonly region: string;
  readonly path: UsagePath;
  readonly product_code: string;
  readonly holder: string;
  readonly account_id: string;
};

export type UsageRow = UsageColumns &
  SubjectColumns & {
    readonly hour: number;
    readonly subject: number;
    readonly dimension_id: number;
    readonly entry: number;
    readonly dimension: string;
    readonly request_id: Uint8Array | string;
    readonly received_at: number;
  };

/** The call that stored them, as its audit row has it. */
export interface StoringCall {
  readonly seq: number;
  readonly at: number;
  readonly request_id: Uint8Array | string;
}

/** Number and sum of quantities of the records that match. */
export function selectTotals(
  database: DatabaseSync,
  months: MonthTables,
  filter: UsageFilter,
): { readonly count: number; readonly quantity: number } {
  const { tables, where, values } = plan(months, filter);
  const totals = { count: 0, quantity: 0 };
  for (const table of tables) {
    // total(), not sum(): it gives 0 for no rows, and a number beyond 2^53 instead of an error.
    const row = database
      .prepare(`SELECT count(*) AS count, total(u.quantity) AS quantity ${from(table)} ${where}`)
      .get(...values);
    totals.count += Number(row?.count);
    totals.quantity += Number(row?.quantity);
  }
  return totals;
}

/**
 * CROSS JOIN holds the order of the loops: the month by its key, then each row's texts. Left to itself, the planner
 * may start from the subjects and build an index over the whole month first.
 */
function from(table: string): string {
  return `FROM ${table} u ${texts}`;
}

function plan(
  months: MonthTables,
  filter: UsageFilter,
): { readonly tables: readonly string[]; readonly where: string; readonly values: (string | number)[] } {
  const conditions: string[] = [];
  const values: (string | number)[] = [];
  const add = (condition: string, value: string | number | undefined): void => {
    if (value === undefined) return;
    conditions.push(condition);
    values.push(value);
  };
  const fromHour = filter.fromHourAt === undefined ? undefined : Math.ceil(filter.fromHourAt / msPerHour);
  const toHour = filter.toHourAt === undefined ? undefined : Math.ceil(filter.toHourAt / msPerHour);
  add("u.hour >= ?", fromHour);
  add("u.hour < ?", toHour);
  add("s.product_code = ?", filter.productCode);
  add("s.account_id = ?", filter.accountId);
  add("s.path = 'license' AND s.holder = ?", filter.licenseArn);
  add("s.path IN ('resource', 'agentcore') AND s.holder = ?", filter.resource);
  add("s.region = ?", filter.region);
  add("d.name = ?", filter.dimension);
  add("u.call <= ?", filter.asOf === undefined ? undefined : Number(filter.asOf));
  add("u.billable = ?", filter.billable === undefined ? undefined : Number(filter.billable));
  return {
    tables: months.within(fromHour ?? Number.NEGATIVE_INFINITY, toHour ?? Number.POSITIVE_INFINITY),
    where: conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`,
    values,
  };
}

/** `place`: the hour, and the dimension's name. */
export function recordOf(
  usage: UsageColumns,
  place: { readonly hour: number; readonly dimension: string },
  subject: SubjectColumns,
  call: Omit<StoringCall, "seq">,
): MeteringRecord {
  const hourAt = place.hour * msPerHour;
  const { path, holder } = subject;
  return {
    meteringRecordId: uuidText(usage.record_id),
    region: subject.region,
    path,
    productCode: subject.product_code,
    accountId: subject.account_id,
    ...(path === "license" ? { licenseArn: holder } : {}),
    ...(path === "resource" || path === "agentcore" ? { resource: holder } : {}),
    dimension: place.dimension,
    hourAt,
    timestampAt: hourAt + usage.at_ms,
    quantity: usage.quantity,
    ...(usage.allocations === null ? {} : { allocations: JSON.parse(usage.allocations) as readonly UsageAllocation[] }),
    ...(usage.client_token === null ? {} : { clientToken: usage.client_token }),
    requestId: requestIdText(call.request_id),
    receivedAt: call.at,
    billable: usage.billable === 1,
  };
}

/** A request id as it was given: UUIDs are kept as bytes, anything else as text. */
export function requestIdText(stored: Uint8Array | string): string {
  return typeof stored === "string" ? stored : uuidText(stored);
}
