/** Opens the embedded store: one SQLite file, owned by one process. */
import { chmodSync, closeSync, mkdirSync, openSync } from "node:fs";
import { dirname, join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { setImmediate as nextTurn } from "node:timers/promises";
import { alwaysHeld } from "../leadership.ts";
import { checkKey, keyCheckName, keyCheckOf, type Sealer } from "../sealer.ts";
import type { Store } from "../store.ts";
import { SqliteAudit } from "./audit.ts";
import { SqliteCatalog } from "./catalog.ts";
import { type CheckpointBounds, Checkpoints } from "./checkpoints.ts";
import { connect, makeDurable } from "./connection.ts";
import { writeFailureOf } from "./failures.ts";
import { GroupCommit, type GroupRider } from "./groupCommit.ts";
import { HourLoader } from "./hourLoader.ts";
import { Interner } from "./interner.ts";
import { Journal } from "./journal.ts";
import { JournalMover, type SeenUsage, type Turn } from "./journalMover.ts";
import { SqliteLedger } from "./ledger.ts";
import { lockFolder } from "./lock.ts";
import { migrate } from "./migrate.ts";
import { MonthTables } from "./monthTables.ts";
import { SqliteOutbox } from "./outbox.ts";
import { readerSource } from "./reader.ts";
import { CallCounts } from "./summaries/callCounts.ts";
import { callKinds, KeptBlocks, usageKinds } from "./summaries/keptBlocks.ts";
import { readyDays } from "./summaries/keptDays.ts";
import { ReadyAhead, type Rest } from "./summaries/readyAhead.ts";
import { UsageSeriesSums } from "./summaries/usageSeries.ts";
import { UsageIndex } from "./usageIndex.ts";
import { Writer, type WriterBounds } from "./writer.ts";

export const lockFileName = "meterhouse.lock";
/** For reads, and moves before the thread that writes is up. */
const cacheKiB = 8_192;

export interface SqliteStoreOptions {
  /** The data file; `meterhouse.lock` lies next to it. The folder is made with mode 0700 when it is missing. */
  readonly file: string;
  readonly sealer: Sealer;
  /** For tests: small ones make everything happen all the time. */
  readonly bounds?: Partial<StoreBounds>;
}

export interface StoreBounds extends CheckpointBounds, WriterBounds {
  /** Usage rows and events that the journal holds before they are moved to their tables. */
  readonly journalEntries: number;
  /** Inserts of one slice of such a move, about. */
  readonly sliceRows: number;
  /** Usage keys in memory. */
  readonly indexEntries: number;
  /** Look-ups in an hour's table before the hour is read into memory. */
  readonly missesBeforeLoad: number;
}

/** Some 12 MB of journal, some milliseconds of inserts, 50 MB of keys; 8 MB of log at a time, 96 MB in all, at most 256. */
const defaultBounds: StoreBounds = {
  journalEntries: 262_144,
  sliceRows: 4_096,
  indexEntries: 1_250_000,
  missesBeforeLoad: 1_000,
  checkpointPages: 2_048,
  restartPages: 24_576,
  logPagesMax: 65_536,
  writerCalls: 4,
};

export interface SqliteStore extends Store {
  /** The connection itself: for tests that fill the disk or break a statement, and for maintenance. */
  readonly database: DatabaseSync;
  /** For tests that wait for the thread. */
  readonly writer: Pick<Writer, "isUp" | "isBusy">;
}

/**
 * Opens the store, makes it on first use (mode 0600), and brings an older schema up to date.
 *
 * Throws an Error that a person can act on: the file is in use by another process, is of a newer schema, is not a
 * database, or was sealed under another master key.
 */
export function openSqliteStore({ file, sealer, bounds }: SqliteStoreOptions): SqliteStore {
  const folder = dirname(file);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const lockFile = join(folder, lockFileName);
  makePrivate(lockFile);
  const lock = lockFolder(lockFile, file);
  try {
    makePrivate(file);
    const database = openDatabase(file);
    try {
      checkMasterKey(database, sealer, file);
      return assemble({
        ...{ database, sealer, file, bounds: { ...defaultBounds, ...bounds } },
        release: () => lock.release(),
      });
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
export function makePrivate(file: string): void {
  try {
    // Only ever a new file: to open and close one that this process has locked would drop the lock.
    closeSync(openSync(file, "wx", 0o600));
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    chmodSync(file, 0o600);
  }
}

function openDatabase(file: string): DatabaseSync {
  const database = connect(file);
  try {
    migrate(database, file);
    makeDurable(database, cacheKiB);
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
function checkMasterKey(database: DatabaseSync, sealer: Sealer, file: string): void {
  const row = database.prepare("SELECT value FROM meta WHERE name = ?").get(keyCheckName);
  if (row !== undefined) {
    checkKey(sealer, String(row.value), `the data file ${file}`);
    return;
  }
  database.prepare("INSERT INTO meta (name, value) VALUES (?, ?)").run(keyCheckName, keyCheckOf(sealer));
}

interface Assembly {
  readonly database: DatabaseSync;
  readonly file: string;
  readonly sealer: Sealer;
  readonly bounds: StoreBounds;
  readonly release: () => void;
}

function assemble({ database, file, sealer, bounds, release }: Assembly): SqliteStore {
  const interner = new Interner(database, undefined, () => commits.writing());
  const months = new MonthTables(database);
  const index = new UsageIndex({ entriesMax: bounds.indexEntries, isEmpty: (hour) => months.isEmpty(hour) });
  const journal = new Journal({ database, index });
  const onRollback = (isUnknown: boolean): void => {
    interner.forget();
    months.forget();
    usageBlocks.forget();
    callBlocks.forget();
    journal.undone(isUnknown);
  };
  const writer = new Writer(file, bounds);
  const rider: GroupRider = {
    ready: () => {
      journal.ready();
      mover.hold();
    },
    write: () => journal.write(),
    giveAway: () => journal.giveAway(),
    takeBack: (bytes) => journal.writer.takeBack(bytes),
    committed: () => journal.committed(),
    eachCommit: () => checkpoints.committed(),
  };
  const commits: GroupCommit = new GroupCommit(database, onRollback, rider, writer);
  const checkpoints = new Checkpoints(database, file, bounds, writer);
  const advanced = (): void => readyAhead.schedule();
  const usageBlocks = new KeptBlocks({ database, commits, kinds: usageKinds, advanced });
  const callBlocks = new KeptBlocks({ database, commits, kinds: callKinds, advanced });
  const outbox = new SqliteOutbox(database, commits);
  const catalog = new SqliteCatalog({ database, commits, sealer, outbox });
  const mover: JournalMover = new JournalMover({
    ...{ database, commits, months, journal, index, writer },
    sliced: (usageHours, callHours) => {
      for (const hour of usageHours) {
        months.appeared(hour);
        usageSeries.touch(hour, true);
      }
      for (const hour of callHours) callBlocks.touch(hour, true);
      checkpoints.committed();
    },
    usageTouched: (hour) => usageSeries.touch(hour),
    callsTouched: (hour) => callBlocks.touch(hour),
    entriesMax: bounds.journalEntries,
    sliceRows: bounds.sliceRows,
  });
  const ensureOpen = (): void => commits.ensureOpen();
  const visible = async (): Promise<number> => {
    commits.settle();
    const { lastSeq } = audit;
    await mover.moved();
    return lastSeq;
  };
  const seen: SeenUsage = {
    all: async () => {
      commits.settle();
      const { lastSeq } = audit;
      await mover.movedOrSeen();
      return lastSeq;
    },
    again: () => {
      ensureOpen();
      mover.seen();
    },
    isForThisTurn: () => commits.isShowing,
  };
  const turn: Turn = async () => {
    if (!mover.isStuck) await nextTurn();
    ensureOpen();
  };
  const callCounts: CallCounts = new CallCounts({ database, turn, visible: seen.all, blocks: callBlocks });
  const audit: SqliteAudit = new SqliteAudit({
    ...{ database, commits, interner, months, journal, visible, seen },
    pruned: (before) => callCounts.forget(before),
    touched: (hour) => callBlocks.touch(hour),
  });
  const usageSeries = new UsageSeriesSums({ database, months, turn, visible: seen.all, blocks: usageBlocks });
  const ensureGoing = (): void => {
    ensureOpen();
    if (mover.isStuck) throw new Error("the tables cannot be written");
  };
  const makers = [
    (rest: Rest) => callCounts.readyAhead(rest),
    (rest: Rest) => usageSeries.readyAhead(rest),
    (rest: Rest) => readyDays({ database, months, turn, blocks: usageBlocks }, rest),
  ];
  const readyAhead = new ReadyAhead(ensureGoing, () => journal.lastRow, makers);
  readyAhead.schedule();
  const ledger = new SqliteLedger({
    ...{ database, commits, interner, months, audit, catalog, journal, index, seen },
    loader: new HourLoader({ database, months, index, commits }, bounds.missesBeforeLoad),
    touched: (hour) => usageSeries.touch(hour),
    blocks: usageBlocks,
  });
  const close = async (): Promise<void> => {
    readyAhead.close();
    mover.close();
    commits.close();
    await writer.close();
    try {
      mover.moveAll();
    } catch {
      // Such as a full disk: the next start finds the journal.
    }
    await checkpoints.close();
    try {
      database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
      database.close();
    } finally {
      release();
    }
  };
  let closed: Promise<void> | undefined;
  return {
    catalog,
    ledger,
    audit,
    outbox,
    summaries: { calls: (span) => callCounts.select(span), usage: (input) => usageSeries.select(input) },
    database,
    writer,
    get reader() {
      // Of another connection: it does not see what the tables could not take.
      return mover.isStuck ? undefined : readerSource(file);
    },
    leadership: alwaysHeld,
    // A disk that fails is told by the calls that it fails.
    outage: () => undefined,
    onChangedElsewhere: () => {},
    onCommit(listener) {
      commits.onCommit = (commit, error) =>
        listener(commit.isStored ? commit : { ...commit, why: writeFailureOf(error, database.location() ?? "") });
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
      mover.forget();
      catalog.forget();
      callCounts.forget();
      usageSeries.forget();
    },
    close() {
      closed ??= close();
      return closed;
    },
  };
}
