/**
 * Moves what the journal holds to the tables, in slices of some milliseconds: when it holds many rows, so that they go in
 * order; when nothing else is to be done; and before anything reads the tables. The thread that writes makes the slices,
 * or, before it is up, this one between the calls.
 */
import { StoreFailure } from "../ledger.ts";
import type { GroupCommit } from "./groupCommit.ts";
import type { Journal } from "./journal.ts";
import { JournalMove, type MoveParts } from "./journalMove.ts";
import type { UsageIndex } from "./usageIndex.ts";
import { errorOf, type Writer, type WriterAnswer } from "./writer.ts";

/** Without calls for so long, it moves what there is. */
const idleMs = 500;
/** After a failure, such as of a full disk, nobody but a reader tries again for so long. */
const restMs = 1_000;
const bytesMax = 67_108_864;
/** A slice does so much for each row that came since the one before, so that the journal shrinks under any load. */
const catchUp = 2;
/** Beyond so many times its bound the calls wait until the journal is empty. */
const overMax = 8;
/** A full index asks for a move only when it frees something. */
const worthwhile = 1 / 8;

/** The thread does groups between slices, and they should not wait for long. */
const slicesApart = 8;

export interface MoverParts extends MoveParts {
  readonly writer: Writer;
  /** After each slice that the thread made: what it put into the tables, the kept sums of which it removed. */
  readonly sliced: (usageHours: readonly number[], callHours: readonly number[]) => void;
  readonly commits: Pick<GroupCommit, "apartUnsynced" | "isClosed" | "show">;
  readonly journal: Journal;
  readonly index: UsageIndex;
  /** Rows and events in the journal before it moves them. */
  readonly entriesMax: number;
  /** Inserts of one slice, about. */
  readonly sliceRows: number;
}

/** Between two pieces of a long read. */
export type Turn = () => Promise<void>;

/** For reads of this connection that end within a turn of the event loop, or begin each turn by `again`. */
export interface SeenUsage {
  /** All that is committed by now is seen, on a full disk, too. Resolves with the newest call's number. */
  readonly all: () => Promise<number>;
  readonly again: () => void;
  /** After `all`: what is seen is gone with this turn of the event loop. A read that takes several does them in one. */
  readonly isForThisTurn: () => boolean;
}

interface Waiter {
  readonly row: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class JournalMover {
  readonly #parts: MoverParts;
  #move: JournalMove | undefined;
  /** The move that the thread makes: the journal's rows up to here. */
  #apart: { readonly upTo: number; readonly entries: number } | undefined;
  #isOrdered = false;
  #waiters: Waiter[] = [];
  #isScheduled = false;
  #idle: NodeJS.Timeout | undefined;
  #idleRow = 0;
  /** What the journal held after the slice before. */
  #entriesBefore = 0;
  #restsUntil = 0;
  #isClosed = false;
  #isStuck = false;

  constructor(parts: MoverParts) {
    this.#parts = parts;
    parts.journal.grown = () => this.#grown();
    if (parts.journal.entries > 0) this.#grown();
  }

  /** Resolves when all that is committed by now is in the tables. Rejects when they cannot be written. */
  async moved(): Promise<void> {
    const { journal, sliceRows } = this.#parts;
    journal.ready();
    const row = journal.lastRow;
    if (journal.movedRow >= row) return;
    // Nothing to cut in slices.
    if (this.#move === undefined && this.#apart === undefined && journal.entries < sliceRows) this.#step();
    if (journal.movedRow >= row) return;
    await new Promise<void>((resolve, reject) => {
      this.#waiters.push({ row, resolve, reject });
      this.#schedule();
    });
  }

  /** The same, but where the tables cannot be written, such as on a full disk, `seen` shows the rows all the same. */
  async movedOrSeen(): Promise<void> {
    try {
      await this.moved();
      this.#isStuck = false;
    } catch (error) {
      if (!(error instanceof StoreFailure)) throw error;
      this.#isStuck = true;
      this.seen();
    }
  }

  /** The tables could not be written when someone read last. */
  get isStuck(): boolean {
    return this.#isStuck;
  }

  /** For reads that end within this turn of the event loop: see `GroupCommit.show`. Throws. */
  seen(): void {
    const { commits, journal } = this.#parts;
    if (!this.#isStuck || journal.movedRow >= journal.lastRow) return;
    commits.show(() => {
      let move: JournalMove;
      do {
        move = new JournalMove(this.#parts, journal.lastRow, journal.entries);
        while (!move.step(Number.POSITIVE_INFINITY));
      } while (move.lastRow < journal.lastRow);
    });
  }

  /** Moves everything, now. Throws when the tables cannot be written. */
  moveAll(): void {
    const { journal } = this.#parts;
    journal.ready();
    while (journal.movedRow < journal.lastRow) this.#step();
  }

  /** Before a group: bounds the journal when it grows faster than slices move it. Throws. */
  hold(): void {
    if (this.#parts.journal.entries > this.#parts.entriesMax * overMax) this.moveAll();
  }

  /** The journal was emptied. */
  forget(): void {
    this.#move = undefined;
    this.#forgetApart();
    this.#entriesBefore = 0;
    for (const { resolve } of this.#waiters.splice(0)) resolve();
  }

  /** From now on only `moveAll` works. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#idle);
    for (const { reject } of this.#waiters.splice(0)) reject(new Error("the store is closed"));
  }

  #grown(): void {
    const { journal, index, entriesMax } = this.#parts;
    if (index.isFull) index.release(journal.movedRow);
    const isDue =
      journal.entries >= entriesMax ||
      journal.bytes >= bytesMax ||
      (index.isFull && journal.entries >= entriesMax * worthwhile);
    if (isDue && performance.now() >= this.#restsUntil) this.#schedule();
    else this.#waitForIdle();
  }

  #waitForIdle(): void {
    if (this.#idle !== undefined || this.#isClosed) return;
    this.#idleRow = this.#parts.journal.lastRow;
    this.#idle = setTimeout(() => {
      this.#idle = undefined;
      const { journal } = this.#parts;
      if (this.#isClosed || journal.movedRow >= journal.lastRow) return;
      if (journal.lastRow === this.#idleRow) this.#schedule();
      else this.#waitForIdle();
    }, idleMs).unref();
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isClosed) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#turn();
    });
  }

  #turn(): void {
    const { commits, writer } = this.#parts;
    if (this.#isClosed || commits.isClosed || this.#isOrdered) return;
    if (writer.isUp && this.#move === undefined) {
      this.#order();
      return;
    }
    try {
      this.#step();
    } catch (error) {
      this.#failed(error);
      return;
    }
    this.#goOn();
  }

  #failed(error: unknown): void {
    this.#restsUntil = performance.now() + restMs;
    for (const { reject } of this.#waiters.splice(0)) reject(error);
    this.#waitForIdle();
  }

  #goOn(): void {
    const { journal } = this.#parts;
    const stillWaiting: Waiter[] = [];
    for (const waiter of this.#waiters) {
      if (journal.movedRow >= waiter.row) waiter.resolve();
      else stillWaiting.push(waiter);
    }
    this.#waiters = stillWaiting;
    if (this.#move !== undefined || this.#apart !== undefined || stillWaiting.length > 0) this.#schedule();
    else if (journal.entries > 0) this.#grown();
  }

  /** What a slice of this many inserts does at least, and more when rows come faster. */
  #cost(sliceRows: number): number {
    const came = Math.max(0, this.#parts.journal.entries - this.#entriesBefore);
    return Math.max(sliceRows, came * catchUp);
  }

  #order(): void {
    const { journal, writer, sliceRows } = this.#parts;
    if (this.#apart === undefined) {
      this.#apart = { upTo: journal.lastRow, entries: journal.entries };
      this.#entriesBefore = journal.entries;
    }
    const cost = this.#cost(Math.ceil(sliceRows / slicesApart));
    this.#entriesBefore = journal.entries;
    this.#isOrdered = true;
    writer.order({ kind: "slice", ...this.#apart, cost }, (answer) => {
      this.#isOrdered = false;
      this.#received(answer);
    });
  }

  #received(answer: WriterAnswer): void {
    if (answer.kind !== "slice") {
      this.#apart = undefined;
      if (answer.kind === "failed") this.#failed(new StoreFailure(answer.stored, errorOf(answer.error)));
      return;
    }
    const { isDone, lastRow, entries, bytes, usageHours, callHours } = answer.slice;
    this.#parts.sliced(usageHours, callHours);
    if (isDone) {
      this.#apart = undefined;
      this.#parts.journal.moved(lastRow, entries, bytes);
    }
    this.#goOn();
  }

  /** What the thread moves is moved here, or nowhere. */
  #forgetApart(): void {
    const { writer } = this.#parts;
    writer.drain();
    this.#apart = undefined;
    if (writer.isUp) writer.order({ kind: "forget" }, () => {});
  }

  #step(): void {
    const { journal, commits, sliceRows } = this.#parts;
    if (this.#apart !== undefined) this.#forgetApart();
    let move = this.#move;
    if (move === undefined) {
      move = new JournalMove(this.#parts, journal.lastRow, journal.entries);
      this.#move = move;
      this.#entriesBefore = journal.entries;
    }
    const cost = this.#cost(sliceRows);
    let isDone: boolean;
    try {
      const current = move;
      isDone = commits.apartUnsynced(() => current.step(cost));
    } catch (error) {
      // It may be through all the same: all of it can be done again.
      this.#move = undefined;
      throw error;
    }
    if (isDone) {
      this.#move = undefined;
      journal.moved(move.lastRow, move.entries, move.bytes);
    }
    this.#entriesBefore = journal.entries;
  }
}
