/**
 * The tables over the nodes of a Citus cluster: what grows with usage by the customer's account, what it is joined with
 * on every node, the rest on the coordinator, where Meterhouse connects. See docs/citus.md. Not run on a real cluster.
 */
import pg from "pg";
import type { Sql } from "./connection.ts";
import { explained, placeOf, StartError } from "./failures.ts";
import { own } from "./raw.ts";

export interface DistributedTable {
  readonly table: string;
  /** In every unique key of the table. */
  readonly column: string;
  readonly colocateWith?: string;
}

export const distributedTables: readonly DistributedTable[] = [
  { table: "usage", column: "account" },
  { table: "client_tokens", column: "account", colocateWith: "usage" },
];

/** Joined with usage by its rows, and small: identifiers as integers. */
export const referenceTables: readonly string[] = ["subjects", "dimensions", "callers"];

/** Before the tables go: Citus takes no identity columns but of bigint. */
export const preparing: readonly string[] = ["ALTER TABLE dimensions ALTER COLUMN id TYPE bigint"];

interface Step {
  readonly table: string;
  readonly sql: string;
}

const steps: readonly Step[] = [
  ...referenceTables.map((table) => ({ table, sql: `SELECT create_reference_table('${table}')` })),
  ...distributedTables.map(({ table, column, colocateWith }) => ({
    table,
    sql: `SELECT create_distributed_table('${table}', '${column}'${colocateWith === undefined ? "" : `, colocate_with => '${colocateWith}'`})`,
  })),
];

/** In this order; each a transaction of its own. */
export const distributeStatements: readonly string[] = [...preparing, ...steps.map(({ sql }) => sql)];

/**
 * Distributes the tables of a database that no node serves; again, it goes on where it stopped. Tells each statement before
 * it runs. Rejects with an Error that a person can act on, such as without the extension.
 */
export async function distributePostgres(url: string, schema: number, onStatement: (sql: string) => void) {
  const place = placeOf(url);
  const client = new pg.Client({ connectionString: url, application_name: "meterhouse-distribute" });
  client.on("error", () => {});
  try {
    await client.connect();
    const sql: Pick<Sql, "query"> = {
      query: async <Row extends object>(text: string, values: readonly unknown[] = []) =>
        (await client.query<Row>(text, [...values])).rows,
    };
    await requireCitus(sql, place.database);
    await own(client, place);
    const [row] = await sql.query<{ version: number }>("SELECT version FROM schema_version");
    if (row?.version !== schema) {
      throw new StartError(
        `The database '${place.database}' has schema ${row?.version ?? "none"}, this version ${schema}. Start a node of this version first, and stop it.`,
      );
    }
    const found = await sql.query<{ name: string }>("SELECT logicalrelid::text AS name FROM pg_dist_partition");
    const distributed = new Set(found.map(({ name }) => name));
    if (distributed.size === 0) {
      for (const text of preparing) await run(sql, text, onStatement);
    }
    const faults = await citusFaults(sql);
    if (faults.length > 0) throw new StartError(`Citus would not take these tables: ${faults.join("; ")}.`);
    for (const step of steps) if (!distributed.has(step.table)) await run(sql, step.sql, onStatement);
  } catch (error) {
    throw explained(error, place);
  } finally {
    await client.end().catch(() => {});
  }
}

async function run(sql: Pick<Sql, "query">, text: string, onStatement: (sql: string) => void): Promise<void> {
  onStatement(text);
  await sql.query(text);
}

async function requireCitus(sql: Pick<Sql, "query">, database: string): Promise<void> {
  const [row] = await sql.query<{ version: string }>(
    "SELECT extversion AS version FROM pg_extension WHERE extname = 'citus'",
  );
  if (row !== undefined) return;
  throw new StartError(
    `The database '${database}' has no extension citus, so its tables cannot be distributed. Name the database of a Citus ` +
      "coordinator, or make the extension there: CREATE EXTENSION citus. (--dry-run prints the statements.)",
  );
}

/** What of the schema Citus refuses, in words; by the catalogue alone, so that plain PostgreSQL can be asked. */
export async function citusFaults(sql: Pick<Sql, "query">): Promise<readonly string[]> {
  const faults: string[] = [];
  const all = [...distributedTables.map(({ table }) => table), ...referenceTables];
  for (const { table, column } of distributedTables) {
    const keys = await sql.query<{ name: string }>(
      `SELECT i.indexrelid::regclass::text AS name FROM pg_index i
       WHERE (i.indrelid = $1::regclass OR i.indrelid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = $1::regclass))
         AND (i.indisunique OR i.indisexclusion)
         AND NOT EXISTS (SELECT FROM pg_attribute a
           WHERE a.attrelid = i.indrelid AND a.attname = $2 AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1]))`,
      [table, column],
    );
    for (const { name } of keys) faults.push(`the unique key ${name} does not hold the column ${column}`);
    const [found] = await sql.query<{ type: string; is_null: boolean; is_generated: boolean; is_loose: boolean }>(
      `SELECT format_type(a.atttypid, a.atttypmod) AS type, NOT a.attnotnull AS is_null, a.attgenerated <> '' AS is_generated,
         coalesce(NOT c.collisdeterministic, false) AS is_loose
       FROM pg_attribute a LEFT JOIN pg_collation c ON c.oid = a.attcollation
       WHERE a.attrelid = $1::regclass AND a.attname = $2 AND NOT a.attisdropped`,
      [table, column],
    );
    // The same on both, or rows of one account would not be in one place.
    if (found?.type !== "text") faults.push(`${table}.${column} is ${found?.type ?? "missing"} and not text`);
    if (found?.is_null === true) faults.push(`${table}.${column} can be NULL`);
    if (found?.is_generated === true) faults.push(`${table}.${column} is generated`);
    if (found?.is_loose === true) faults.push(`${table}.${column} has a collation that is not deterministic`);
  }
  const links = await sql.query<{ name: string }>(
    `SELECT conrelid::regclass || '.' || conname AS name FROM pg_constraint
     WHERE contype = 'f' AND (conrelid = ANY ($1::regclass[]) OR confrelid = ANY ($1::regclass[]))`,
    [all],
  );
  for (const { name } of links) faults.push(`the foreign key ${name} crosses tables`);
  const identities = await sql.query<{ name: string }>(
    `SELECT attrelid::regclass || '.' || attname AS name FROM pg_attribute
     WHERE attrelid = ANY ($1::regclass[]) AND attidentity <> '' AND atttypid <> 'bigint'::regtype`,
    [all],
  );
  for (const { name } of identities) faults.push(`the identity column ${name} is not bigint`);
  const others = await sql.query<{ name: string }>(
    `SELECT tgrelid::regclass || '.' || tgname AS name FROM pg_trigger WHERE tgrelid = ANY ($1::regclass[]) AND NOT tgisinternal
     UNION ALL
     SELECT ev_class::regclass || '.' || rulename FROM pg_rewrite WHERE ev_class = ANY ($1::regclass[])`,
    [all],
  );
  for (const { name } of others) faults.push(`${name} is a trigger or a rule`);
  return faults;
}
