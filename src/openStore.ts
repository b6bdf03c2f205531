/** Which engine keeps the data: the file in the data folder, or the PostgreSQL database that is named. */
import { join } from "node:path";
import type { Logger } from "pino";
import type { Months } from "./store/months.ts";
import { distributePostgres } from "./store/postgres/distribute.ts";
import { schemaVersion } from "./store/postgres/migrate.ts";
import { openPostgresMonths } from "./store/postgres/months.ts";
import { openPostgresStore } from "./store/postgres/open.ts";
import { openPostgresRaw, openPostgresSnapshot, openPostgresTarget } from "./store/postgres/raw.ts";
import type { OwnedRawStore, RawStore, RawTarget } from "./store/raw.ts";
import type { Sealer } from "./store/sealer.ts";
import { checkDataFile, copyDataFile, publishFile } from "./store/sqlite/fileCopy.ts";
import { openSqliteStore } from "./store/sqlite/open.ts";
import { openSqliteRaw, openSqliteTarget } from "./store/sqlite/raw.ts";
import type { Store } from "./store/store.ts";

export interface StorePlace {
  readonly dataDir: string;
  /** URL of a PostgreSQL database. */
  readonly database?: string | undefined;
  readonly log: Logger;
}

export function isPostgres({ database }: Pick<StorePlace, "database">): boolean {
  return database !== undefined && database !== "";
}

export function dataFileIn(dataDir: string): string {
  return join(dataDir, "meterhouse.db");
}

/** Rejects with an Error that a person can act on, and that shows no password. */
export async function openStore({ dataDir, database, log }: StorePlace, sealer: Sealer): Promise<Store> {
  if (database === undefined || database === "") return openSqliteStore({ file: dataFileIn(dataDir), sealer });
  const onError = (error: unknown): void =>
    log.error({ err: error }, "the database does not answer; it is tried again");
  return openPostgresStore({ url: database, sealer, onError });
}

/** Where rows are: a data folder, or a database. */
export type RawPlace = { readonly folder: string } | { readonly url: string };

/** The store must have been opened by this version before. Rejects while something else has it open. */
export async function openRaw(place: RawPlace): Promise<OwnedRawStore> {
  return "url" in place ? openPostgresRaw(place.url) : openSqliteRaw(dataFileIn(place.folder));
}

/** As it is at this moment, while nodes go on. */
export async function openSnapshot(url: string): Promise<RawStore> {
  return openPostgresSnapshot(url);
}

/** To take a copy. Rejects when there is something already. */
export async function openTarget(place: RawPlace): Promise<RawTarget> {
  return "url" in place ? openPostgresTarget(place.url) : openSqliteTarget(dataFileIn(place.folder));
}

/** The months of a PostgreSQL store, while nodes go on. */
export async function openMonths(url: string): Promise<Months> {
  return openPostgresMonths(url, schemaVersion);
}

/** What `distributeDatabase` runs. */
export { distributeStatements } from "./store/postgres/distribute.ts";
export { checkDataFile, copyDataFile, publishFile };

/** The tables over a Citus cluster. */
export async function distributeDatabase(url: string, onStatement: (sql: string) => void): Promise<void> {
  await distributePostgres(url, schemaVersion, onStatement);
}
