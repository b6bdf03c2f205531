/**
 * Old months of a PostgreSQL store. A month is detached while calls go on, looked at once more, and only then dropped; what
 * a command that was killed leaves behind is put back by the next.
 */
import { randomUUID } from "node:crypto";
import type { ClockState } from "../../api/types.ts";
import { type DroppedMonth, hoursOfMonth, type Month, type Months } from "../months.ts";
import { type Connections, connect, type Sql } from "./connection.ts";
import { explained, placeOf, StartError } from "./failures.ts";
import { monthLock, partitionName } from "./partitions.ts";
import { tellShared } from "./sharedChannel.ts";
import { countUsage, selectUsage } from "./usageReads.ts";

/** Calls of that time that stored nothing else any more: usage is for hours around its call. */
const callMarginMs = 86_400_000;
const msPerHour = 3_600_000;

/** Rejects with an Error that a person can act on. The schema is checked, and never changed. */
export async function openPostgresMonths(url: string, schema: number): Promise<Months> {
  const place = placeOf(url);
  const connections = connect(url, "meterhouse-months");
  try {
    const [row] = await connections.query<{ version: number }>("SELECT version FROM schema_version");
    if (row?.version !== schema) {
      throw new StartError(
        `The database '${place.database}' has schema ${row?.version ?? "none"}, this command is for ${schema}. ` +
          "Use the version of Meterhouse that serves it.",
      );
    }
    return monthsIn(connections);
  } catch (error) {
    await connections.end();
    throw explained(error, place);
  }
}

function monthsIn(connections: Connections): Months {
  return {
    list: () => listMonths(connections),
    ledger: {
      page: (filter, limit, cursor, order) => selectUsage(connections, filter, { limit, cursor, order }),
      count: (filter) => countUsage(connections, filter),
    },
    clock: async () => {
      const [row] = await connections.query<{ document: string }>(
        "SELECT document FROM catalog_rows WHERE kind = 'clock' AND document IS NOT NULL",
      );
      return row && (JSON.parse(row.document) as ClockState);
    },
    drop: (month, expected) => dropMonth(connections, month, expected),
    close: () => connections.end(),
  };
}

type Part = { readonly name: string; readonly bytes: number; readonly estimate: number };

/** Counting more takes longer than one who looks will wait. */
const countedMax = 1_000_000;

async function listMonths(connections: Connections): Promise<readonly Month[]> {
  const parts = await connections.query<Part>(
    `SELECT c.relname AS name, pg_total_relation_size(c.oid) AS bytes, c.reltuples::bigint AS estimate
     FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
     WHERE i.inhparent = 'usage'::regclass AND NOT i.inhdetachpending ORDER BY 1`,
  );
  const months: Month[] = [];
  for (const { name, bytes, estimate } of parts) {
    const month = name.slice("usage_".length).replace("_", "-");
    const { from, to } = hoursOfMonth(month);
    const [row] = await connections.query<{ records: number }>(
      "SELECT count(*) AS records FROM (SELECT FROM usage WHERE hour >= $1 AND hour < $2 LIMIT $3) AS counted",
      [from, to, countedMax + 1],
    );
    const { records = 0 } = row ?? {};
    const isEstimate = records > countedMax;
    months.push({ month, records: isEstimate ? Math.max(records, estimate) : records, isEstimate, bytes });
  }
  return months;
}

async function dropMonth(connections: Connections, month: string, expected?: number): Promise<DroppedMonth> {
  const { from, to } = hoursOfMonth(month);
  const name = partitionName(from);
  // A connection of its own: the lock is its session's, and a statement that waits for others may take its time.
  const client = await connections.dedicated();
  const sql = async <Row extends object>(text: string, values: readonly unknown[] = []): Promise<readonly Row[]> =>
    (await client.query<Row>(text, [...values])).rows;
  const putBack = (): Promise<unknown> =>
    sql(`ALTER TABLE usage ATTACH PARTITION ${name} FOR VALUES FROM (${from}) TO (${to})`);
  try {
    await sql("SET statement_timeout = 0");
    await sql("SELECT pg_advisory_lock($1)", [monthLock]);
    const [state] = await sql<{ isTable: boolean; isPart: boolean; isLeaving: boolean }>(
      `SELECT to_regclass($1) IS NOT NULL AS "isTable",
         EXISTS (SELECT FROM pg_inherits WHERE inhrelid = to_regclass($1)) AS "isPart",
         EXISTS (SELECT FROM pg_inherits WHERE inhrelid = to_regclass($1) AND inhdetachpending) AS "isLeaving"`,
      [name],
    );
    if (state?.isTable !== true) throw new StartError(`There is no usage of ${month}.`);
    // Killed half-way: first as it was.
    if (state.isLeaving) await sql(`ALTER TABLE usage DETACH PARTITION ${name} FINALIZE`);
    if (state.isLeaving || !state.isPart) await putBack();
    await sql(`ALTER TABLE usage DETACH PARTITION ${name} CONCURRENTLY`);
    const [{ records } = { records: 0 }] = await sql<{ records: number }>(`SELECT count(*) AS records FROM ${name}`);
    if (expected !== undefined && records !== expected) {
      await putBack();
      throw new StartError(`${month} holds ${records} records, and ${expected} were exported. It stays; try again.`);
    }
    return { records, tokens: await forget({ client, month, records, name, from, to }) };
  } finally {
    await client.end();
  }
}

/** The month is detached. All of it or nothing. */
async function forget(month: {
  readonly client: Awaited<ReturnType<Connections["dedicated"]>>;
  /** `2026-07` */
  readonly month: string;
  readonly records: number;
  /** Of its table. */
  readonly name: string;
  readonly from: number;
  readonly to: number;
}): Promise<number> {
  const { client, name, from, to } = month;
  await client.query("BEGIN");
  await client.query(`DROP TABLE ${name}`);
  const { rowCount } = await client.query("DELETE FROM client_tokens WHERE hour >= $1 AND hour < $2", [from, to]);
  // What is left of calls that were pruned for the sake of their usage: where none of any older month is there.
  await client.query(
    `DELETE FROM audit WHERE caller = 0 AND at < $1
     AND NOT EXISTS (SELECT FROM usage WHERE hour < $2)`,
    [to * msPerHour - callMarginMs, to],
  );
  const sql: Pick<Sql, "query"> = { query: async (text, values = []) => (await client.query(text, [...values])).rows };
  await sql.query(
    `INSERT INTO control_events (id, at, actor, action, target, summary) VALUES ($1, $2, 'command line', $3, $4, $5)`,
    [randomUUID(), Date.now(), "usage.drop-month", month.month, JSON.stringify({ records: month.records })],
  );
  await tellShared(sql, "months");
  await client.query("COMMIT");
  return rowCount ?? 0;
}
