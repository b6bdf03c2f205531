/** The numbered schema changes of the PostgreSQL store. Nodes that start at once take their turns. */
import { initial } from "../migrations/postgres/0001-initial.ts";
import { acceptorEvents } from "../migrations/postgres/0002-acceptor-events.ts";
import { nodes } from "../migrations/postgres/0003-nodes.ts";
import { pendingCalls } from "../migrations/postgres/0004-pending-calls.ts";
import type { Connections } from "./connection.ts";
import { StartError } from "./failures.ts";

/** Schema n is reached by `migrations[n - 1]`. Entries are only ever added at the end. */
const migrations: readonly string[] = [initial, acceptorEvents, nodes, pendingCalls];

/** The schema that this version of Meterhouse writes. */
export const schemaVersion = migrations.length;

/** Whoever holds it keeps nodes from starting. */
export const startLockKey = 4_016_000;

/**
 * Brings the database to `schemaVersion`, in one transaction: PostgreSQL undoes table definitions as well. Throws, with
 * the database untouched, when a newer Meterhouse wrote it.
 */
export async function migrate(connections: Connections): Promise<void> {
  await connections.transaction(async (sql) => {
    await sql.query("SELECT pg_advisory_xact_lock($1)", [startLockKey]);
    await sql.query("CREATE TABLE IF NOT EXISTS schema_version (version integer NOT NULL)");
    const [row] = await sql.query<{ version: number }>("SELECT version FROM schema_version");
    const found = row?.version ?? 0;
    if (found > schemaVersion) {
      throw new StartError(
        `The database has schema ${found}, written by a newer Meterhouse; this one knows schemas up to ` +
          `${schemaVersion}. Start the newer version, or use another database.`,
      );
    }
    if (found === schemaVersion) return;
    for (const change of migrations.slice(found)) await sql.query(change);
    await sql.query(
      row === undefined ? "INSERT INTO schema_version VALUES ($1)" : "UPDATE schema_version SET version = $1",
      [schemaVersion],
    );
  });
}
