/** Which engine keeps the data: the file in the data folder, or the PostgreSQL database that is named. */
import { join } from "node:path";
import type { Logger } from "pino";
import { openPostgresStore } from "./store/postgres/open.ts";
import type { Sealer } from "./store/sealer.ts";
import { openSqliteStore } from "./store/sqlite/open.ts";
import type { Store } from "./store/store.ts";

export interface StorePlace {
  readonly dataDir: string;
  /** URL of a PostgreSQL database. */
  readonly database?: string | undefined;
  readonly log: Logger;
}

/** Rejects with an Error that a person can act on, and that shows no password. */
export async function openStore({ dataDir, database, log }: StorePlace, sealer: Sealer): Promise<Store> {
  if (database === undefined || database === "") {
    return openSqliteStore({ file: join(dataDir, "meterhouse.db"), sealer });
  }
  const onError = (error: unknown): void =>
    log.error({ err: error }, "the database does not answer; it is tried again");
  return openPostgresStore({ url: database, sealer, onError });
}
