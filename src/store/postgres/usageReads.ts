/** Reads of the usage: conditions of a filter, records in order, their number and sum. */
import type { MeteringRecord, UsageAllocation, UsagePath } from "../../api/types.ts";
import { InvalidCursorError, type PlacedRecord, type UsageFilter, type UsageOrder } from "../ledger.ts";
import type { StoredKey } from "../storedKeys.ts";
import { entriesPerCall } from "./claims.ts";
import type { Sql } from "./connection.ts";

const msPerHour = 3_600_000;

const members = `u.hour, u.account, u.subject, u.dimension AS dimension_id, u.entry, u.quantity, u.record_id, u.at_ms,
  u.billable, u.allocations, u.client_token, s.region, s.path, s.product_code, s.holder, d.name AS dimension`;

type UsageRow = {
  readonly hour: number;
  readonly account: string;
  readonly subject: number;
  readonly dimension_id: number;
  readonly entry: number;
  readonly quantity: number;
  readonly record_id: string;
  readonly at_ms: number;
  readonly billable: boolean;
  readonly allocations: string | null;
  readonly client_token: string | null;
  readonly region: string;
  readonly path: UsagePath;
  readonly product_code: string;
  readonly holder: string;
  readonly dimension: string;
  readonly request_id: string;
  readonly received_at: number;
};

/** Rows of `usage u` with `subjects s`, `dimensions d` and, where it is asked for, `audit a`. */
export interface Scan {
  readonly from: string;
  readonly where: string;
  readonly values: readonly unknown[];
}

/** `withCall`: the call that stored a record is asked for, too. */
export function scanOf(filter: UsageFilter, withCall: boolean): Scan {
  const conditions: string[] = [];
  const values: unknown[] = [];
  const add = (condition: (parameter: string) => string, value: unknown): void => {
    if (value === undefined) return;
    values.push(value);
    conditions.push(condition(`$${values.length}`));
  };
  add((p) => `u.hour >= ${p}`, filter.fromHourAt === undefined ? undefined : hourFrom(filter.fromHourAt));
  add((p) => `u.hour < ${p}`, filter.toHourAt === undefined ? undefined : hourFrom(filter.toHourAt));
  add((p) => `u.account = ${p}`, filter.accountId);
  add((p) => `s.product_code = ${p}`, filter.productCode);
  add((p) => `s.path = 'license' AND s.holder = ${p}`, filter.licenseArn);
  add((p) => `s.path IN ('resource', 'agentcore') AND s.holder = ${p}`, filter.resource);
  add((p) => `s.region = ${p}`, filter.region);
  add((p) => `d.name = ${p}`, filter.dimension);
  add((p) => `u.billable = ${p}`, filter.billable);
  add((p) => `pg_visible_in_snapshot(a.tx, ${p}::pg_snapshot)`, filter.asOf);
  const call = withCall || filter.asOf !== undefined ? "JOIN audit a ON a.seq = u.call" : "";
  return {
    from: `usage u JOIN subjects s ON s.id = u.subject JOIN dimensions d ON d.id = u.dimension ${call}`,
    where: conditions.length === 0 ? "true" : conditions.join(" AND "),
    values,
  };
}

/** In order of hour, then of the key, or in the reverse of it; after `cursor`. Rejects with InvalidCursorError. */
export async function selectUsage(
  sql: Sql,
  filter: UsageFilter,
  {
    limit,
    cursor,
    order,
  }: { readonly limit: number; readonly cursor?: string | undefined; readonly order?: UsageOrder | undefined },
): Promise<readonly PlacedRecord[]> {
  const [direction, follows] = order === "newest-first" ? ["DESC", "<"] : ["ASC", ">"];
  const key = ["u.hour", "u.account", "u.subject", "u.dimension", "u.entry"];
  const { from, where, values } = scanOf(filter, true);
  const after = cursor === undefined ? [] : keyOf(cursor);
  const places = after.map((_, index) => `$${values.length + index + 1}`);
  const rest = after.length === 0 ? "" : `AND (${key.join(", ")}) ${follows} (${places.join(", ")})`;
  const rows = await sql.query<UsageRow>(
    `SELECT ${members}, a.request_id, a.at AS received_at FROM ${from} WHERE ${where} ${rest}
     ORDER BY ${key.map((one) => `${one} ${direction}`).join(", ")} LIMIT $${values.length + after.length + 1}`,
    [...values, ...after, limit],
  );
  return rows.map((row) => ({ record: recordOf(row), position: positionOf(row) }));
}

export async function countUsage(
  sql: Sql,
  filter: UsageFilter,
): Promise<{ readonly count: number; readonly quantity: number }> {
  const { from, where, values } = scanOf(filter, false);
  const [row] = await sql.query<{ count: number; quantity: number }>(
    `SELECT count(*) AS count, coalesce(sum(u.quantity), 0)::float8 AS quantity FROM ${from} WHERE ${where}`,
    values,
  );
  return { count: row?.count ?? 0, quantity: row?.quantity ?? 0 };
}

/** The call that stored them. */
export interface StoringCall {
  readonly seq: number;
  readonly at: number;
  readonly request_id: string;
}

/** The records that calls stored, in order, for each call; undefined where the row is gone. */
export async function storedRecords(
  sql: Sql,
  calls: readonly { readonly call: StoringCall; readonly keys: readonly StoredKey[] }[],
): Promise<readonly (readonly (MeteringRecord | undefined)[])[]> {
  const flat = calls.flatMap(({ call, keys }) => keys.map((key) => ({ call, key })));
  if (flat.length === 0) return calls.map(() => []);
  const rows = await sql.prepared<UsageRow & { readonly ord: number }>(
    "stored-records",
    `SELECT k.ord, ${members}, '' AS request_id, 0 AS received_at
     FROM unnest($1::integer[], $2::bigint[], $3::integer[], $4::bigint[]) WITH ORDINALITY
       AS k (hour, subject, dimension, entry, ord)
     JOIN subjects s ON s.id = k.subject JOIN dimensions d ON d.id = k.dimension
     JOIN usage u ON u.hour = k.hour AND u.account = s.account AND u.subject = k.subject AND u.dimension = k.dimension
       AND u.entry = k.entry`,
    [
      flat.map(({ key }) => key.hour),
      flat.map(({ key }) => key.subject),
      flat.map(({ key }) => key.dimension),
      flat.map(({ call, key }) => (key.position < 0 ? 0 : call.seq * entriesPerCall + key.position)),
    ],
  );
  const found = new Map(rows.map((row) => [row.ord, row]));
  let ord = 0;
  return calls.map(({ call, keys }) =>
    keys.map(() => {
      ord += 1;
      const row = found.get(ord);
      return row && recordOf({ ...row, request_id: call.request_id, received_at: call.at });
    }),
  );
}

/** The first whole hour at `at` or later. */
function hourFrom(at: number): number {
  return Math.ceil(at / msPerHour);
}

type Key = readonly [hour: number, account: string, subject: number, dimension: number, entry: number];

function positionOf({ hour, account, subject, dimension_id, entry }: UsageRow): string {
  const key: Key = [hour, account, subject, dimension_id, entry];
  return Buffer.from(JSON.stringify(key), "utf8").toString("base64url");
}

function keyOf(cursor: string): Key {
  const [hour, account, ...rest] = listIn(Buffer.from(cursor, "base64url").toString("utf8"));
  const areWhole = [hour, ...rest].every((part) => Number.isSafeInteger(part));
  if (areWhole && typeof account === "string" && rest.length === 3) return [hour, account, ...rest] as unknown as Key;
  throw new InvalidCursorError("The cursor is not one that this ledger gave out.");
}

/** Of what is no list: one without members, which no cursor holds. */
function listIn(text: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}

function recordOf(row: UsageRow): MeteringRecord {
  const hourAt = row.hour * msPerHour;
  return {
    meteringRecordId: row.record_id,
    region: row.region,
    path: row.path,
    productCode: row.product_code,
    accountId: row.account,
    ...(row.path === "license" ? { licenseArn: row.holder } : {}),
    ...(row.path === "resource" || row.path === "agentcore" ? { resource: row.holder } : {}),
    dimension: row.dimension,
    hourAt,
    timestampAt: hourAt + row.at_ms,
    quantity: row.quantity,
    ...(row.allocations === null ? {} : { allocations: JSON.parse(row.allocations) as readonly UsageAllocation[] }),
    ...(row.client_token === null ? {} : { clientToken: row.client_token }),
    requestId: row.request_id,
    receivedAt: row.received_at,
    billable: row.billable,
  };
}
