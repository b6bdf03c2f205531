/** Raw rows into PostgreSQL. Called inside transactions. */
import type pg from "pg";
import { batchRows, type RawRow, type Reseal, type SealedKind, sealedKinds } from "../raw.ts";
import { catalogTable, keysTable, metaTable, monthOf, type RawColumn, rawTable, versionName } from "../rawTables.ts";
import { keyCheckName } from "../sealer.ts";
import { inTransaction } from "./rawReads.ts";

/** What a batch of the table needs a partition for. */
export function hoursOf(table: string): readonly number[] {
  const month = monthOf(table);
  return month === undefined ? [] : [month.from];
}

/** Leaves rows as they are that are there already. */
export async function insertRows(client: pg.Client, table: string, rows: readonly RawRow[]): Promise<void> {
  if (table === metaTable) return putMeta(client, rows);
  if (table === keysTable) {
    await client.query(
      `INSERT INTO ${keysTable} (name, sealed) SELECT * FROM unnest($1::text[], $2::text[]) ON CONFLICT DO NOTHING`,
      columnsOf(rows, 2),
    );
    return;
  }
  if (table === catalogTable) {
    await client.query(
      `INSERT INTO catalog_rows (kind, key, resolved_at, document, version)
       SELECT kind, key, resolved_at, document, (SELECT version FROM catalog_version)
       FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[]) WITH ORDINALITY
         AS k (kind, key, resolved_at, document, ord)
       ORDER BY ord ON CONFLICT DO NOTHING`,
      columnsOf(rows, 4),
    );
    return;
  }
  const { columns } = rawTable(table);
  const names = columns.map(({ name }) => name);
  const isUsage = monthOf(table) !== undefined;
  const more = isUsage ? usageAccount : table === "callers" ? callerHash : { names: [], values: [], join: "" };
  const types = columns.map(({ type }, index) => `$${index + 1}::${numeric.includes(type) ? "bigint" : "text"}[]`);
  await client.query(
    `INSERT INTO ${isUsage ? "usage" : table} (${[...names, ...more.names].join(", ")}) OVERRIDING SYSTEM VALUE
     SELECT ${[...columns.map(valueIn), ...more.values].join(", ")}
     FROM unnest(${types.join(", ")}) AS k (${names.join(", ")}) ${more.join} ON CONFLICT DO NOTHING`,
    columnsOf(rows, columns.length),
  );
}

const numeric: readonly string[] = ["integer", "boolean"];

const usageAccount = { names: ["account"], values: ["s.account"], join: "JOIN subjects s ON s.id = k.subject" };

/** As `Interner` makes it. */
const callerHash = {
  names: ["hash"],
  values: [
    `encode(sha256(convert_to(concat_ws(E'\\n', k.operation, k.region, k.access_key_id, k.account_id, k.identity,
       k.product_code, k.source, k.user_agent), 'UTF8')), 'hex')`,
  ],
  join: "",
};

function valueIn({ name, type }: RawColumn): string {
  if (type === "boolean") return `k.${name} <> 0`;
  if (type === "uuid") return `k.${name}::uuid`;
  return type === "hex" ? `decode(k.${name}, 'hex')` : `k.${name}`;
}

function columnsOf(rows: readonly RawRow[], count: number): (string | number | null)[][] {
  return Array.from({ length: count }, (_, index) => rows.map((row) => row[index] ?? null));
}

async function putMeta(client: pg.Client, rows: readonly RawRow[]): Promise<void> {
  for (const [name, value] of rows) {
    if (name === versionName) await client.query("UPDATE catalog_version SET version = $1", [Number(value)]);
    else await putKeyCheck(client, String(value));
  }
}

export async function putKeyCheck(client: pg.Client, keyCheck: string): Promise<void> {
  await client.query(
    "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    [keyCheckName, keyCheck],
  );
}

/** What is numbered from now on comes after what was copied. */
export async function setSequences(client: pg.Client): Promise<void> {
  const numbered = [
    ...[["control_events", "seq"] as const, ["notifications", "seq"] as const, ["metering_workloads", "seq"] as const],
    ...[["subjects", "id"] as const, ["dimensions", "id"] as const, ["callers", "id"] as const],
  ];
  for (const [table, column] of numbered) {
    await client.query(
      `SELECT setval(pg_get_serial_sequence('${table}', '${column}'), coalesce(max(${column}), 1), max(${column}) IS NOT NULL)
       FROM ${table}`,
    );
  }
  // The next block begins after the highest number.
  await client.query("SELECT setval('audit_seq', max(seq)) FROM audit HAVING max(seq) IS NOT NULL");
}

export async function resealRows(client: pg.Client, keyCheck: string, reseal: Reseal): Promise<void> {
  await inTransaction(client, async () => {
    for (const kind of sealedKinds) {
      const filter = `kind = '${kind}' AND document IS NOT NULL`;
      await resealPages(client, { kind, table: "catalog_rows", key: "key", text: "document", filter }, reseal);
    }
    const keys = { kind: "keys", table: keysTable, key: "name", text: "sealed", filter: "true" } as const;
    await resealPages(client, keys, reseal);
    await putKeyCheck(client, keyCheck);
  });
  // What was sealed under the old key stays in the tables' pages until they are cleaned.
  await client.query("VACUUM catalog_rows");
  await client.query(`VACUUM ${keysTable}`);
  await client.query("VACUUM meta");
}

interface SealedRows {
  readonly kind: SealedKind;
  readonly table: string;
  readonly key: string;
  readonly text: string;
  readonly filter: string;
}

async function resealPages(client: pg.Client, rows: SealedRows, reseal: Reseal): Promise<void> {
  const { kind, table, key, text, filter } = rows;
  for (let last = ""; ; ) {
    const page = await client.query<{ key: string; text: string }>(
      `SELECT ${key} AS key, ${text} AS text FROM ${table} WHERE ${filter} AND ${key} > $1 ORDER BY ${key} LIMIT ${batchRows}`,
      [last],
    );
    if (page.rows.length === 0) return;
    for (const row of page.rows) {
      last = row.key;
      const sealed = await reseal(kind, row.text, row.key);
      if (sealed === undefined) await client.query(`DELETE FROM ${table} WHERE ${filter} AND ${key} = $1`, [row.key]);
      else {
        await client.query(`UPDATE ${table} SET ${text} = $2 WHERE ${filter} AND ${key} = $1`, [row.key, sealed]);
      }
    }
  }
}
