/** The numbered schema changes of the embedded store and the one function that applies them. */
import type { DatabaseSync } from "node:sqlite";
import { initial } from "../migrations/sqlite/0001-initial.ts";
import { marketplace } from "../migrations/sqlite/0002-marketplace.ts";
import { workloads } from "../migrations/sqlite/0003-workloads.ts";
import { auditTrail } from "../migrations/sqlite/0004-audit-trail.ts";
import { summaries } from "../migrations/sqlite/0005-summaries.ts";
import { acceptorEvents } from "../migrations/sqlite/0006-acceptor-events.ts";
import { journal } from "../migrations/sqlite/0007-journal.ts";

/** Schema n is reached by `migrations[n - 1]`. Entries are only ever added at the end. */
const migrations: readonly string[] = [initial, marketplace, workloads, auditTrail, summaries, acceptorEvents, journal];

/** The schema that this version of Meterhouse writes. */
export const schemaVersion = migrations.length;

/**
 * Brings the file to `schemaVersion`, one transaction a step: a start killed in between finds the last whole step.
 * Throws, with the file untouched, when a newer Meterhouse wrote it.
 */
export function migrate(database: DatabaseSync, file: string): void {
  const found = Number(database.prepare("PRAGMA user_version").get()?.user_version ?? 0);
  if (found > schemaVersion) {
    throw new Error(
      `The data file ${file} has schema ${found}, written by a newer Meterhouse; this one knows schemas up to ` +
        `${schemaVersion}. Start the newer version, or use another data folder.`,
    );
  }
  for (const [index, sql] of migrations.entries()) {
    if (index < found) continue;
    database.exec("BEGIN IMMEDIATE");
    try {
      database.exec(sql);
      database.exec(`PRAGMA user_version = ${index + 1}`);
      database.exec("COMMIT");
    } catch (error) {
      if (database.isTransaction) database.exec("ROLLBACK");
      throw error;
    }
  }
}
