/** The store in PostgreSQL as its rows: to be copied, to take a copy, to be sealed under another key. */
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { MovingError, type OwnedRawStore, type RawBatch, type RawStore, type RawTarget } from "../raw.ts";
import { catalogTable, keysTable, metaTable, rawTables } from "../rawTables.ts";
import { keyCheckName } from "../sealer.ts";
import { connect, nodeName, type Sql, types } from "./connection.ts";
import { isCopyUnfinished, placesTable } from "./copyPlaces.ts";
import { explained, type Place, placeOf, StartError } from "./failures.ts";
import { migrate, schemaVersion, startLockKey } from "./migrate.ts";
import { Partitions } from "./partitions.ts";
import { completeAbandoned } from "./pendingCalls.ts";
import { checkInventory, countRows, inTransaction, metaValue, months, readRows } from "./rawReads.ts";
import { hoursOf, insertRows, putKeyCheck, resealRows, setSequences } from "./rawWrites.ts";
import { ShardMap } from "./shardMap.ts";

const ownName = "meterhouse-copy";
/** Sessions of a node that stopped a moment ago may still be there. */
const othersWaitMs = 1_500;
const othersLookMs = 100;
const connectMaxMs = 5_000;

/**
 * Reads a database while nodes serve it: everything is of the moment when it was opened. Where the usage is distributed the
 * servers have no such moment in common, so the nodes must be stopped.
 */
export async function openPostgresSnapshot(url: string): Promise<RawStore> {
  return open(url, async (client, place) => {
    if ((await ShardMap.open(sqlOf(client))) !== undefined) {
      await own(client, place);
      await checkSchema(client);
      await completeAbandoned(sqlOf(client), 0);
    }
    await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    await checkSchema(client);
    await checkInventory(client);
    return { ...reading(client), close: () => client.end() };
  });
}

/** Reads a database that no node serves, and keeps nodes from starting meanwhile. */
export async function openPostgresRaw(url: string): Promise<OwnedRawStore> {
  return open(url, async (client, place) => {
    await own(client, place);
    await checkSchema(client);
    // Of nodes that died: there is no other now.
    await completeAbandoned(sqlOf(client), 0);
    await checkInventory(client);
    return {
      ...reading(client),
      reseal: (keyCheck, reseal) => resealRows(client, keyCheck, reseal),
      close: () => client.end(),
    };
  });
}

/** Takes a copy into a database with nothing in it. */
export async function openPostgresTarget(url: string): Promise<RawTarget> {
  const connections = connect(url, ownName);
  try {
    await migrate(connections);
    const partitions = new Partitions(connections);
    const target = await open(url, async (client, place) => {
      await own(client, place);
      await checkInventory(client);
      await client.query("SET synchronous_commit = off");
      return {
        ...reading(client),
        begin: (keyCheck: string) => begin(client, keyCheck, place),
        write: async (table: string, batch: RawBatch) => {
          await partitions.ensure(hoursOf(table));
          await write(client, table, batch);
        },
        finish: () => finish(client),
        close: async () => {
          await client.end();
          await connections.end();
        },
      };
    });
    return target;
  } catch (error) {
    await connections.end();
    throw error instanceof MovingError ? error : explained(error, placeOf(url));
  }
}

async function open<T>(url: string, make: (client: pg.Client, place: Place) => Promise<T>): Promise<T> {
  const place = placeOf(url);
  // No limits of time: months are counted and written for as long as that takes.
  const client = new pg.Client({
    connectionString: url,
    application_name: ownName,
    types,
    connectionTimeoutMillis: connectMaxMs,
    keepAlive: true,
  });
  client.on("error", () => {});
  try {
    await client.connect();
    return await make(client, place);
  } catch (error) {
    await client.end().catch(() => {});
    throw error instanceof MovingError ? error : explained(error, place);
  }
}

/** By a lock of the session that every start asks for, too. */
export async function own(client: pg.Client, { database }: Place): Promise<void> {
  const locked = await client.query<{ locked: boolean }>("SELECT pg_try_advisory_lock($1) AS locked", [startLockKey]);
  if (locked.rows[0]?.locked !== true) {
    throw new StartError(
      `Something else works on the database '${database}': a node that starts, or a copy. Try again when it is done.`,
    );
  }
  for (const endsAt = Date.now() + othersWaitMs; ; ) {
    const others = await client.query<{ count: number }>(
      "SELECT count(*)::int AS count FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1",
      [nodeName],
    );
    const count = others.rows[0]?.count ?? 0;
    if (count === 0) return;
    if (Date.now() >= endsAt) {
      throw new StartError(
        `Nodes are connected to the database '${database}' (${count} connections). Stop all of them first.`,
      );
    }
    await sleep(othersLookMs);
  }
}

async function checkSchema(client: pg.Client): Promise<void> {
  const found = await client.query<{ name: string | null }>("SELECT to_regclass('schema_version')::text AS name");
  if (found.rows[0]?.name === null) throw new MovingError("The database is empty: no Meterhouse has used it yet.");
  const { rows } = await client.query<{ version: number }>("SELECT version FROM schema_version");
  const version = rows[0]?.version ?? 0;
  if (version !== schemaVersion) {
    throw new MovingError(
      `The database has schema ${version}, this version ${schemaVersion}. Use the version that serves it` +
        `${version < schemaVersion ? ", or start this one over it once" : ""}.`,
    );
  }
}

function sqlOf(client: pg.Client): Pick<Sql, "query"> {
  return {
    query: async <Row extends object>(text: string, values: readonly unknown[] = []) =>
      (await client.query<Row>(text, [...values])).rows,
  };
}

function reading(client: pg.Client): Omit<RawStore, "close"> {
  return {
    engine: "postgres",
    keyCheck: () => metaValue(client, keyCheckName),
    tables: async () => [metaTable, keysTable, catalogTable, ...Object.keys(rawTables), ...(await months(client))],
    count: (table) => countRows(client, table),
    read: (table, after) => readRows(client, table, after),
  };
}

async function begin(client: pg.Client, keyCheck: string, place: Place): Promise<ReadonlyMap<string, string>> {
  const { query } = sqlOf(client);
  if (await isCopyUnfinished({ query })) {
    if ((await metaValue(client, keyCheckName)) !== keyCheck) {
      throw new MovingError(
        `The database '${place.database}' holds part of a copy of another store, or of this one before its master key ` +
          "was replaced. Drop the database and make it anew, or name another.",
      );
    }
    const rows = await query<{ name: string; place: string }>(`SELECT name, place FROM ${placesTable}`);
    return new Map(rows.map((row) => [row.name, row.place]));
  }
  for (const table of ["catalog_rows", "usage", ...Object.keys(rawTables)]) {
    const [row] = await query<{ found: boolean }>(`SELECT EXISTS (SELECT FROM ${table}) AS found`);
    if (row?.found !== true) continue;
    throw new MovingError(
      `The database '${place.database}' is not empty: its table ${table} has rows. Name an empty database.`,
    );
  }
  await inTransaction(client, async () => {
    await client.query(`CREATE TABLE ${placesTable} (name text PRIMARY KEY, place text NOT NULL)`);
    await putKeyCheck(client, keyCheck);
  });
  return new Map();
}

async function write(client: pg.Client, table: string, { rows, place }: RawBatch): Promise<void> {
  await inTransaction(client, async () => {
    if (rows.length > 0) await insertRows(client, table, rows);
    await client.query(
      `INSERT INTO ${placesTable} VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET place = excluded.place`,
      [table, place],
    );
  });
}

async function finish(client: pg.Client): Promise<void> {
  // With this commit everything before it is on the disk.
  await client.query("SET synchronous_commit = on");
  await inTransaction(client, async () => {
    await setSequences(client);
    await client.query(`DROP TABLE ${placesTable}`);
  });
  await client.query("ANALYZE");
}
