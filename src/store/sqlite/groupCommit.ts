/**
 * Group commit: what is queued during one turn of the event loop shares one transaction and one fsync, on the serving
 * thread. One poisoned piece of work must not take the others down with it, so a failed group is undone and each piece
 * is tried again alone.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { StoreFailure } from "../ledger.ts";
import type { CommitTold } from "../store.ts";

export interface Work<T> {
  /** Asked just before the transaction: an error refuses the work with nothing written. */
  readonly refuse?: () => Error | undefined;
  /** Runs inside the transaction; a second time when the group was undone. Throwing undoes it. */
  readonly run: () => T;
  /** Runs after the commit, before the promise resolves: where memory follows the disk. */
  readonly committed?: (value: T) => void;
}

/** What shares the transactions of groups: the journal. */
export interface GroupRider {
  /** Before the transaction begins. Throwing refuses it. */
  readonly ready: () => void;
  /** Inside, last. */
  readonly write: () => void;
  /** It is through, and memory follows; before the works' own `committed`. */
  readonly committed: () => void;
  /** After each commit, whatever it was of. It must not throw. */
  readonly eachCommit: () => void;
}

interface Pending {
  readonly refuse: (() => Error | undefined) | undefined;
  /** Returns what to do once the commit is through. */
  readonly run: () => () => void;
  readonly reject: (error: Error) => void;
}

export class GroupCommit {
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  readonly #database: DatabaseSync;
  readonly #onRollback: (isUnknown: boolean) => void;
  readonly #rider: GroupRider | undefined;
  /** Told of each group, for whoever measures. */
  onCommit: ((commit: CommitTold, error?: unknown) => void) | undefined;
  #queue: Pending[] = [];
  #scheduled = false;
  #closed = false;
  #isShowing = false;
  /** Commits are not synced now, or it is not certain that they are. */
  #isUnsynced = false;

  /**
   * `onRollback` must forget whatever memory took from a transaction that is now undone; `isUnknown`: its COMMIT failed,
   * and it may be on disk all the same.
   */
  constructor(database: DatabaseSync, onRollback: (isUnknown: boolean) => void, rider?: GroupRider) {
    this.#database = database;
    this.#onRollback = onRollback;
    this.#rider = rider;
    this.#begin = database.prepare("BEGIN IMMEDIATE");
    this.#commit = database.prepare("COMMIT");
  }

  /** Joins the next group. Resolves after its commit; rejects with what `refuse` gave, or with StoreFailure. */
  enqueue<T>(work: Work<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#closed) {
        reject(closedFailure());
        return;
      }
      this.#queue.push({
        refuse: work.refuse,
        run: () => {
          const value = work.run();
          return () => {
            work.committed?.(value);
            resolve(value);
          };
        },
        reject,
      });
      this.#schedule();
    });
  }

  /** What is queued first, then this in a transaction of its own, now. Throws StoreFailure. */
  alone<T>(run: () => T): T {
    if (this.#closed) throw closedFailure();
    this.flush();
    this.#readyOrFail();
    const value = this.apart(() => {
      const made = run();
      this.#rider?.write();
      return made;
    });
    this.#rider?.committed();
    return value;
  }

  /** This in a transaction of its own, now, and nothing with it. Throws StoreFailure. */
  apart<T>(run: () => T): T {
    this.#beginOrFail();
    let value: T;
    try {
      value = run();
    } catch (error) {
      this.#rollback(false);
      throw new StoreFailure("no", error);
    }
    this.#commitOrFail();
    return value;
  }

  /**
   * The same, without a sync: a power cut may undo it, and of what came after it only what was not synced either. For what
   * moves rows that are safe already.
   */
  apartUnsynced<T>(run: () => T): T {
    try {
      this.#leaveOpen();
      this.#database.exec("PRAGMA synchronous = NORMAL");
    } catch (error) {
      throw new StoreFailure("no", error);
    }
    this.#isUnsynced = true;
    try {
      return this.apart(run);
    } finally {
      this.#syncAgain();
    }
  }

  /**
   * Does this in a transaction that is never committed: until this turn of the event loop ends, or until the next
   * transaction begins, reads of this connection see what it wrote. Nothing of it goes to the disk. Throws StoreFailure.
   */
  show(run: () => void): void {
    if (this.#isShowing) return;
    this.#beginOrFail();
    try {
      // Pages that do not fit stay in memory: a full disk is why this is called.
      this.#database.exec("PRAGMA cache_spill = OFF");
      run();
    } catch (error) {
      this.#rollback(false);
      throw new StoreFailure("no", error);
    }
    this.#isShowing = true;
    setImmediate(() => {
      if (this.#isShowing) this.#rollback(false);
    });
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** Commits what is queued without waiting for the turn to end: reads call it, so that they see everything. */
  flush(): void {
    if (this.#queue.length === 0) return;
    const group = this.#queue;
    this.#queue = [];
    this.#commitGroup(group);
  }

  /** For reads: what is queued is stored. Throws when the store is closed. */
  settle(): void {
    if (this.#closed) throw closedFailure();
    this.flush();
  }

  /** Commits what is queued and refuses everything after. */
  close(): void {
    this.flush();
    if (this.#isShowing) this.#rollback(false);
    this.#closed = true;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.flush();
    });
  }

  #commitGroup(group: readonly Pending[]): void {
    const accepted = group.filter((pending) => {
      const refusal = pending.refuse?.();
      if (refusal !== undefined) pending.reject(refusal);
      return refusal === undefined;
    });
    if (accepted.length === 0) return;
    let done: (() => void)[];
    const startedAt = performance.now();
    try {
      this.#readyOrFail();
      this.#beginOrFail();
      try {
        done = accepted.map((pending) => pending.run());
        this.#rider?.write();
      } catch (error) {
        this.#rollback(false);
        if (accepted.length === 1) throw new StoreFailure("no", error);
        for (const pending of accepted) this.#commitGroup([pending]);
        return;
      }
      this.#commitOrFail();
    } catch (error) {
      const failure = error instanceof StoreFailure ? error : new StoreFailure("unknown", error);
      this.#tell(accepted.length, startedAt, false, failure.cause);
      for (const pending of accepted) pending.reject(failure);
      return;
    }
    this.#rider?.committed();
    this.#tell(accepted.length, startedAt, true);
    for (const settle of done) settle();
  }

  #tell(units: number, startedAt: number, isStored: boolean, error?: unknown): void {
    this.onCommit?.({ units, ms: performance.now() - startedAt, isStored }, error);
  }

  /** Cannot be inside a transaction that could not be rolled back: then the next group does it before it begins. */
  #syncAgain(): void {
    if (this.#database.isTransaction) return;
    this.#database.exec("PRAGMA synchronous = FULL");
    this.#isUnsynced = false;
  }

  #readyOrFail(): void {
    try {
      if (this.#isUnsynced) {
        if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
        this.#syncAgain();
      }
      this.#rider?.ready();
    } catch (error) {
      throw error instanceof StoreFailure ? error : new StoreFailure("no", error);
    }
  }

  /** What is shown ends here, and what an earlier ROLLBACK that failed left open: every later commit would fail after it. */
  #leaveOpen(): void {
    if (this.#isShowing) this.#rollback(false);
    if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
  }

  #beginOrFail(): void {
    try {
      this.#leaveOpen();
      this.#begin.run();
    } catch (error) {
      throw new StoreFailure("no", error);
    }
  }

  #commitOrFail(): void {
    try {
      this.#commit.run();
    } catch (error) {
      // The commit's frames may or may not have reached the disk before the error: only a retry can tell.
      this.#rollback(true);
      throw new StoreFailure("unknown", error);
    }
    this.#rider?.eachCommit();
  }

  #rollback(isUnknown: boolean): void {
    this.#isShowing = false;
    try {
      // SQLite undoes the transaction by itself on some errors (disk full, I/O): a ROLLBACK then is an error too.
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
    } catch {
      // The failure that led here is the one to report; the next BEGIN clears what is left.
    } finally {
      this.#onRollback(isUnknown);
    }
  }
}

function closedFailure(): StoreFailure {
  return new StoreFailure("no", new Error("it is closed"));
}
