/**
 * Group commit: what is queued during one turn of the event loop, or while the group before is being written, shares one
 * transaction and one fsync. A group that only adds to the journal is written by another thread (`writer.ts`), so that
 * calls are served meanwhile; every other one here. One poisoned piece of work must not take the others down with it, so a
 * failed group is undone and each piece is tried again alone.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { StoreFailure } from "../ledger.ts";
import type { CommitTold } from "../store.ts";
import type { JournalRow } from "./journal.ts";
import { errorOf, type Writer, type WriterAnswer } from "./writer.ts";

export interface Work<T> {
  /** It only adds to the journal; before it writes anything else it calls `writing`. */
  readonly isJournalled?: boolean;
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
  /** Instead of it, what another thread is to write; undefined: nothing. The bytes are handed back afterwards. */
  readonly giveAway: () => JournalRow | undefined;
  readonly takeBack: (bytes: Uint8Array<ArrayBuffer>) => void;
  /** It is through, and memory follows; before the works' own `committed`. */
  readonly committed: () => void;
  /** After each commit, whatever it was of. It must not throw. */
  readonly eachCommit: () => void;
}

interface Pending {
  readonly isJournalled: boolean;
  readonly refuse: (() => Error | undefined) | undefined;
  /** Returns what to do once the commit is through. */
  readonly run: () => () => void;
  readonly reject: (error: Error) => void;
}

interface Group {
  readonly works: readonly Pending[];
  /** What to do once the commit is through. */
  readonly done: readonly (() => void)[];
  readonly startedAt: number;
}

export class GroupCommit {
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  readonly #database: DatabaseSync;
  readonly #onRollback: (isUnknown: boolean) => void;
  readonly #rider: GroupRider | undefined;
  readonly #writer: Writer | undefined;
  /** Told of each group, for whoever measures. */
  onCommit: ((commit: CommitTold, error?: unknown) => void) | undefined;
  #queue: Pending[] = [];
  #scheduled = false;
  #closed = false;
  #isShowing = false;
  /** A group is with the thread. */
  #isSent = false;
  /** The works of a group run, and no transaction was begun for them. */
  #isApart = false;
  /** Commits are not synced now, or it is not certain that they are. */
  #isUnsynced = false;

  /**
   * `onRollback` must forget whatever memory took from a transaction that is now undone; `isUnknown`: its COMMIT failed,
   * and it may be on disk all the same.
   */
  constructor(database: DatabaseSync, onRollback: (isUnknown: boolean) => void, rider?: GroupRider, writer?: Writer) {
    this.#database = database;
    this.#onRollback = onRollback;
    this.#rider = rider;
    this.#writer = writer;
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
        isJournalled: work.isJournalled === true,
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

  /** Something is seen that is not committed: see `show`. */
  get isShowing(): boolean {
    return this.#isShowing;
  }

  /** Ends what is shown: temporary tables would lose with it what is written to them. Throws. */
  hide(): void {
    if (this.#isShowing) this.#rollback(false);
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** Commits what is queued without waiting for the turn to end: reads call it, so that they see everything. */
  flush(): void {
    this.land();
    this.#commitQueue(false);
  }

  /** Waits for the group that is with the thread. */
  land(): void {
    if (this.#isSent) this.#writer?.drain();
  }

  /** A work is about to write to more than the journal. Throws StoreFailure. */
  writing(): void {
    if (!this.#isApart) return;
    this.#isApart = false;
    this.#beginOrFail();
  }

  /** For reads: what is queued is stored. Throws when the store is closed. */
  settle(): void {
    this.ensureOpen();
    this.flush();
  }

  /** For reads of what was stored before they began. Throws when the store is closed. */
  ensureOpen(): void {
    if (this.#closed) throw closedFailure();
  }

  /** Commits what is queued and refuses everything after. */
  close(): void {
    this.flush();
    if (this.#isShowing) this.#rollback(false);
    this.#closed = true;
  }

  #schedule(): void {
    // What comes while a group is with the thread goes once that is back.
    if (this.#scheduled || this.#isSent) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (!this.#isSent) this.#commitQueue(this.#goesApart());
    });
  }

  /** Alone it is done sooner here. */
  #goesApart(): boolean {
    const writer = this.#writer;
    if (writer === undefined) return false;
    writer.wanted(this.#queue.length);
    if (!writer.isUp || !(this.#queue.length > 1 || writer.isBusy)) return false;
    return this.#queue.every((pending) => pending.isJournalled);
  }

  #commitQueue(isApart: boolean): void {
    if (this.#queue.length === 0) return;
    const group = this.#queue;
    this.#queue = [];
    this.#commitGroup(group, isApart);
  }

  #commitGroup(group: readonly Pending[], isApart = false): void {
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
      if (isApart) this.#leaveOpen();
      else this.#beginOrFail();
      let row: JournalRow | undefined;
      try {
        this.#isApart = isApart;
        done = accepted.map((pending) => pending.run());
        if (this.#isApart) row = this.#rider?.giveAway();
        else this.#rider?.write();
      } catch (error) {
        this.#rollback(false);
        if (accepted.length === 1) throw new StoreFailure("no", error);
        for (const pending of accepted) this.#commitGroup([pending]);
        return;
      }
      if (row !== undefined) {
        this.#send(row, { works: accepted, done, startedAt });
        return;
      }
      if (!this.#isApart) this.#commitOrFail();
    } catch (error) {
      const failure = error instanceof StoreFailure ? error : new StoreFailure("unknown", error);
      this.#failed({ works: accepted, done: [], startedAt }, failure);
      return;
    } finally {
      this.#isApart = false;
    }
    this.#committed({ works: accepted, done, startedAt });
  }

  #send(row: JournalRow, group: Group): void {
    try {
      this.#writer?.order({ kind: "group", ...row }, (answer) => {
        this.#isSent = false;
        this.#received(answer, group);
        if (this.#queue.length > 0) this.#schedule();
      });
      this.#isSent = true;
    } catch (error) {
      this.#rollback(false);
      this.#failed(group, new StoreFailure("no", error));
    }
  }

  #received(answer: WriterAnswer, group: Group): void {
    if (answer.kind === "failed") {
      this.#rollback(answer.stored === "unknown");
      this.#failed(group, new StoreFailure(answer.stored, errorOf(answer.error)));
      return;
    }
    if (answer.kind === "group") this.#rider?.takeBack(answer.bytes);
    this.#rider?.eachCommit();
    this.#committed(group);
  }

  #committed({ works, done, startedAt }: Group): void {
    this.#rider?.committed();
    this.#tell(works.length, startedAt, true);
    for (const settle of done) settle();
  }

  #failed({ works, startedAt }: Group, failure: StoreFailure): void {
    this.#tell(works.length, startedAt, false, failure.cause);
    for (const pending of works) pending.reject(failure);
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
      this.#writer?.drain();
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
    this.#isApart = false;
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
