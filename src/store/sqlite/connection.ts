/** Connections that write: the serving thread's, and the one of `writerWorker.ts`. */
import { DatabaseSync } from "node:sqlite";

/** A backup tool or a shell may hold the write lock for a moment; the event loop stands still meanwhile. */
const busyTimeoutMs = 1_000;
/** A WAL that grew past this under a long read is cut back at the next checkpoint. */
const walSizeLimitBytes = 134_217_728;

export function connect(file: string): DatabaseSync {
  return new DatabaseSync(file, { timeout: busyTimeoutMs, enableForeignKeyConstraints: false });
}

/** Durable before answered: every commit is fsynced; on macOS only fullfsync reaches the disk itself. */
export function makeDurable(database: DatabaseSync, cacheKiB: number): void {
  database.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA fullfsync = ON;
    PRAGMA checkpoint_fullfsync = ON;
    PRAGMA wal_autocheckpoint = 0;
    PRAGMA journal_size_limit = ${walSizeLimitBytes};
    PRAGMA cache_size = -${cacheKiB};
  `);
}
