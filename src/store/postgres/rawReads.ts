/** Raw rows out of PostgreSQL: by cursors, so that memory holds one batch whatever the table has. */
import type pg from "pg";
import { batchChars, batchRows, charsOf, MovingError, type RawBatch, type RawRow } from "../raw.ts";
import {
  catalogKinds,
  catalogTable,
  compareColumns,
  keysTable,
  metaTable,
  monthOf,
  type RawColumn,
  rawTable,
  rawTables,
  usageName,
  usageTable,
  versionName,
} from "../rawTables.ts";
import { keyCheckName } from "../sealer.ts";
import { placesTable } from "./copyPlaces.ts";

/** Rows of the first fetch, when nobody knows how large they are. */
const firstRows = 100;

/** Of each node's own moment, made anew, or of the database itself. */
const notCopied = [
  ...["schema_version", "catalog_version", "rate_buckets", "planned_faults", "console_links", "console_sessions"],
  "pending_calls",
  placesTable,
];
/** What PostgreSQL has besides the columns that all engines have. */
const ownColumns: Readonly<Record<string, readonly string[]>> = {
  audit: ["tx"],
  callers: ["hash"],
  metering_workloads: ["changed"],
  usage: ["account"],
};

export async function inTransaction(client: pg.Client, body: () => Promise<void>): Promise<void> {
  await client.query("BEGIN");
  try {
    await body();
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK").catch(() => {});
    throw error;
  }
}

export async function metaValue(client: pg.Client, name: string): Promise<string | undefined> {
  const { rows } = await client.query<{ value: string }>("SELECT value FROM meta WHERE name = $1", [name]);
  return rows[0]?.value;
}

/** Throws a MovingError when there is a table or a column that a copy would lose. */
export async function checkInventory(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ name: string; columns: string[] }>(
    `SELECT c.relname AS name, array_agg(a.attname::text ORDER BY a.attnum) AS columns
     FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
     WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
     GROUP BY c.relname`,
  );
  const found = rows.filter(({ name }) => !notCopied.includes(name));
  compareColumns(
    "The database",
    [metaTable, keysTable, "catalog_rows", "usage", ...Object.keys(rawTables)],
    found.map(({ name }) => name),
  );
  for (const { name, columns } of found) {
    const known = name === "usage" ? usageTable : rawTables[name];
    if (known === undefined) continue;
    compareColumns(
      `The table ${name}`,
      [...known.columns.map((column) => column.name), ...(ownColumns[name] ?? [])],
      columns,
    );
  }
}

/** Of usage, by skipping from month to month: however the table is parted. */
export async function months(client: pg.Client): Promise<readonly string[]> {
  const names: string[] = [];
  for (let from = 0; ; ) {
    const { rows } = await client.query<{ hour: number | null }>(
      "SELECT min(hour) AS hour FROM usage WHERE hour >= $1",
      [from],
    );
    const hour = rows[0]?.hour ?? null;
    if (hour === null) return names;
    const name = usageName(hour);
    names.push(name);
    from = monthOf(name)?.to ?? hour + 1;
  }
}

export async function countRows(client: pg.Client, table: string): Promise<number> {
  if (table === metaTable) return (await metaRows(client)).length;
  const { from, values } = sourceOf(table);
  const { rows } = await client.query<{ count: number }>(`SELECT count(*) AS count FROM ${from}`, [...values]);
  return rows[0]?.count ?? 0;
}

async function metaRows(client: pg.Client): Promise<readonly RawRow[]> {
  const { rows } = await client.query<{ version: string }>("SELECT version::text AS version FROM catalog_version");
  const keyCheck = await metaValue(client, keyCheckName);
  return [[versionName, rows[0]?.version ?? "0"], ...(keyCheck === undefined ? [] : [[keyCheckName, keyCheck]])];
}

function sourceOf(table: string): { readonly from: string; readonly values: readonly unknown[] } {
  if (table === catalogTable) return { from: "catalog_rows WHERE document IS NOT NULL", values: [] };
  if (table === keysTable) return { from: keysTable, values: [] };
  const month = monthOf(table);
  if (month !== undefined) return { from: "usage WHERE hour >= $1 AND hour < $2", values: [month.from, month.to] };
  rawTable(table);
  return { from: table, values: [] };
}

export async function* readRows(client: pg.Client, table: string, after?: string): AsyncGenerator<RawBatch> {
  if (table === metaTable) {
    yield { rows: await metaRows(client), place: "" };
    return;
  }
  if (table === keysTable) {
    for await (const rows of fetched(client, `SELECT name, sealed FROM ${keysTable} ORDER BY name`, [])) {
      yield { rows, place: "" };
    }
    return;
  }
  if (table === catalogTable) {
    // By no index, so it begins anew each time: rows that are there already stay as they are.
    const select = "SELECT kind, key, resolved_at, document FROM catalog_rows WHERE document IS NOT NULL ORDER BY seq";
    for await (const rows of fetched(client, select, [])) {
      const strange = rows.find(([kind]) => !catalogKinds.includes(kind as (typeof catalogKinds)[number]));
      if (strange !== undefined) {
        throw new MovingError(`The catalogue has rows of the kind '${strange[0]}', which this version does not know.`);
      }
      yield { rows, place: "" };
    }
    return;
  }
  yield* keyed(client, table, after);
}

/** By the primary key. */
async function* keyed(client: pg.Client, table: string, after?: string): AsyncGenerator<RawBatch> {
  const { columns, key } = rawTable(table);
  const isUsage = monthOf(table) !== undefined;
  const order = isUsage ? ["hour", "account", "subject", "dimension", "entry"] : key;
  const { from, values } = sourceOf(table);
  const last = after === undefined ? [] : (JSON.parse(after) as readonly unknown[]);
  const marks = last.map((_, index) => `$${values.length + index + 1}`);
  const beyond = last.length === 0 ? "" : `${isUsage ? "AND" : "WHERE"} (${order.join(", ")}) > (${marks.join(", ")})`;
  // The key comes after the columns, and is cut off again: PostgreSQL's key of usage has one that others do not have.
  const select = `SELECT ${[...columns.map(selected), ...order].join(", ")} FROM ${from} ${beyond} ORDER BY ${order.join(", ")}`;
  for await (const found of fetched(client, select, [...values, ...last])) {
    const rows = found.map((row) => row.slice(0, columns.length));
    yield { rows, place: JSON.stringify(found.at(-1)?.slice(columns.length)) };
  }
}

function selected({ name, type }: RawColumn): string {
  if (type === "boolean") return `${name}::int`;
  return type === "hex" ? `encode(${name}, 'hex')` : name;
}

async function* fetched(
  client: pg.Client,
  select: string,
  values: readonly unknown[],
): AsyncGenerator<readonly RawRow[]> {
  // A snapshot is in its transaction already.
  const { rows: state } = await client.query<{ nested: boolean }>(
    "SELECT current_setting('transaction_read_only') = 'on' AS nested",
  );
  const isOwn = state[0]?.nested !== true;
  if (isOwn) await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  await client.query(`DECLARE raw_rows NO SCROLL CURSOR FOR ${select}`, [...values]);
  try {
    for (let size = firstRows; ; ) {
      const { rows } = await client.query<(string | number | null)[]>({
        text: `FETCH ${size} FROM raw_rows`,
        rowMode: "array",
      });
      if (rows.length === 0) return;
      yield rows;
      const chars = rows.reduce((sum, row) => sum + charsOf(row), 0);
      size = Math.max(1, Math.min(batchRows, Math.floor((batchChars * rows.length) / chars)));
    }
  } finally {
    await client.query(isOwn ? "ROLLBACK" : "CLOSE raw_rows").catch(() => {});
  }
}
