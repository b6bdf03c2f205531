/** Opens the embedded store: one SQLite file, owned by one process. */
import { chmodSync, closeSync, mkdirSync, openSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { alwaysHeld } from "../leadership.ts";
import type { Sealer } from "../sealer.ts";
import type { Store } from "../store.ts";
import { SqliteAudit } from "./audit.ts";
import { SqliteCatalog } from "./catalog.ts";
import { GroupCommit } from "./groupCommit.ts";
import { Interner } from "./interner.ts";
import { SqliteLedger } from "./ledger.ts";
import { lockFolder } from "./lock.ts";
import { migrate } from "./migrate.ts";
import { MonthTables } from "./monthTables.ts";
import { SqliteOutbox } from "./outbox.ts";
import { readerSource } from "./reader.ts";
import { CallCounts } from "./summaries/callCounts.ts";
import { KeptBlocks } from "./summaries/keptBlocks.ts";
import { ReadyAhead } from "./summaries/readyAhead.ts";
import { UsageSeriesSums } from "./summaries/usageSeries.ts";

const lockFileName = "meterhouse.lock";
/** A backup tool or a shell may hold the write lock for a moment; the event loop stands still meanwhile. */
const busyTimeoutMs = 1_000;
/** 64 MiB: at the default of 2 MiB the pages of the current hours fall out, and every insert reads one back. */
const cacheSizeKiB = 65_536;
/** 64 MiB of WAL before a commit also checkpoints: rare enough to keep its stall out of nearly all answers. */
const walAutocheckpointPages = 16_384;
/** A WAL that grew past this under a long read is cut back at the next checkpoint. */
const walSizeLimitBytes = 134_217_728;

export interface SqliteStoreOptions {
  /** The data file; `meterhouse.lock` lies next to it. The folder is made with mode 0700 when it is missing. */
  readonly file: string;
  readonly sealer: Sealer;
}

export interface SqliteStore extends Store {
  /** The connection itself: for tests that fill the disk or break a statement, and for maintenance. */
  readonly database: DatabaseSync;
}

/**
 * Opens the store, makes it on first use (mode 0600), and brings an older schema up to date.
 *
 * Throws an Error that a person can act on: the file is in use by another process, is of a newer schema, is not a
 * database, or was sealed under another master key.
 */
export function openSqliteStore({ file, sealer }: SqliteStoreOptions): SqliteStore {
  const folder = dirname(file);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const lockFile = join(folder, lockFileName);
  makePrivate(lockFile);
  const lock = lockFolder(lockFile, file);
  try {
    makePrivate(file);
    const database = openDatabase(file);
    try {
      checkMasterKey(database, sealer);
      return { ...assemble(database, sealer, () => lock.release()), reader: readerSource(file) };
    } catch (error) {
      database.close();
      throw error;
    }
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** SQLite makes files by the umask, readable by all; its -wal and -shm take over the mode of the file made here. */
function makePrivate(file: string): void {
  try {
    // Only ever a new file: to open and close one that this process has locked would drop the lock.
    closeSync(openSync(file, "wx", 0o600));
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    chmodSync(file, 0o600);
  }
}

function openDatabase(file: string): DatabaseSync {
  const database = new DatabaseSync(file, { timeout: busyTimeoutMs, enableForeignKeyConstraints: false });
  try {
    migrate(database, file);
    // Durable before answered: every commit is fsynced; on macOS only fullfsync reaches the disk itself.
    database.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      PRAGMA fullfsync = ON;
      PRAGMA checkpoint_fullfsync = ON;
      PRAGMA wal_autocheckpoint = ${walAutocheckpointPages};
      PRAGMA journal_size_limit = ${walSizeLimitBytes};
      PRAGMA cache_size = -${cacheSizeKiB};
    `);
    return database;
  } catch (error) {
    database.close();
    const notADatabase = 26;
    if (error instanceof Error && "errcode" in error && error.errcode === notADatabase) {
      throw new Error(`The data file ${file} is not a SQLite database, or is damaged. Restore it from a backup.`, {
        cause: error,
      });
    }
    throw error;
  }
}

/** Finds a wrong key at the start, even while nothing else is sealed: two keys in one file could never be read again. */
function checkMasterKey(database: DatabaseSync, sealer: Sealer): void {
  const name = "master-key-check";
  const row = database.prepare("SELECT value FROM meta WHERE name = ?").get(name);
  if (row === undefined) {
    database.prepare("INSERT INTO meta (name, value) VALUES (?, ?)").run(name, sealer.seal("meterhouse", name));
  } else {
    sealer.unseal(String(row.value), name);
  }
}

function assemble(database: DatabaseSync, sealer: Sealer, release: () => void): SqliteStore {
  const interner = new Interner(database);
  const months = new MonthTables(database);
  const commits = new GroupCommit(database, () => {
    interner.forget();
    months.forget();
    usageBlocks.forget();
    callBlocks.forget();
  });
  const advanced = (): void => readyAhead.schedule();
  const usageBlocks = new KeptBlocks({ database, commits, kinds: ["dimension", "customer"], advanced });
  const callBlocks = new KeptBlocks({ database, commits, kinds: ["calls"], advanced });
  const outbox = new SqliteOutbox(database, commits);
  const catalog = new SqliteCatalog({ database, commits, sealer, outbox });
  const settle = (): void => commits.settle();
  const callCounts: CallCounts = new CallCounts({
    ...{ database, settle, blocks: callBlocks },
    lastSeq: () => audit.lastSeq,
  });
  const audit = new SqliteAudit({
    ...{ database, commits, interner, months },
    pruned: (before) => callCounts.forget(before),
    touched: (hour) => callBlocks.touch(hour),
  });
  const usageSeries = new UsageSeriesSums({ database, months, settle, blocks: usageBlocks });
  const readyAhead = new ReadyAhead([() => callCounts.readyAhead(), () => usageSeries.readyAhead()]);
  readyAhead.schedule();
  const ledger = new SqliteLedger({
    ...{ database, commits, interner, months, audit, catalog },
    touched: (hour) => usageSeries.touch(hour),
    blocks: usageBlocks,
  });
  let open = true;
  return {
    catalog,
    ledger,
    audit,
    outbox,
    summaries: { calls: (span) => callCounts.select(span), usage: (input) => usageSeries.select(input) },
    database,
    leadership: alwaysHeld,
    // A disk that fails is told by the calls that it fails.
    outage: () => undefined,
    onChangedElsewhere: () => {},
    onCommit(listener) {
      commits.onCommit = listener;
    },
    async reset() {
      commits.alone(() => {
        ledger.clear();
        audit.clear();
        catalog.clear();
        outbox.clear();
        usageBlocks.clear();
        callBlocks.clear();
      });
      interner.forget();
      ledger.forget();
      catalog.forget();
      callCounts.forget();
      usageSeries.forget();
    },
    async close() {
      if (!open) return;
      open = false;
      readyAhead.close();
      commits.close();
      try {
        database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
        database.close();
      } finally {
        release();
      }
    },
  };
}
