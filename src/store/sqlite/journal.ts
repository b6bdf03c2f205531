/**
 * The journal: each group of claims is one row, appended in the group's transaction, and what it holds that is not yet in
 * the tables. The usage keys among it are in memory, from the claim or from here.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { JournalReader, JournalWriter, rowFlags, rowPlaces } from "./journalRows.ts";
import type { UsageIndex } from "./usageIndex.ts";

export interface JournalParts {
  readonly database: DatabaseSync;
  readonly index: UsageIndex;
}

/** A row on its way to another thread: its first `length` bytes. */
export interface JournalRow {
  readonly row: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly length: number;
}

export class Journal {
  readonly writer = new JournalWriter();
  readonly #parts: JournalParts;
  readonly #insert: StatementSync;
  /** Told after each commit that added to it. */
  grown: (() => void) | undefined;
  /** Number of the newest row. */
  lastRow = 0;
  /** Rows up to here are in the tables. */
  movedRow = 0;
  /** Usage rows and events that are not in the tables, and what they take. */
  entries = 0;
  bytes = 0;
  /** Number of the newest call found on disk. */
  lastCall = 0;
  #isDoubtful = false;
  /** The group that was written, or is being written by the thread, and is not committed yet. */
  #written: { readonly entries: number; readonly bytes: number } | undefined;

  /** Reads what an earlier process left. Throws when it cannot be read. */
  constructor(parts: JournalParts) {
    this.#parts = parts;
    this.#insert = parts.database.prepare("INSERT INTO journal (seq, packed) VALUES (?, ?)");
    this.#replay();
  }

  /** Of the row that the group will be. */
  get nextRow(): number {
    return this.lastRow + 1;
  }

  /** Before a group or a look at the disk: after a commit of unknown outcome the disk says what there is. Throws. */
  ready(): void {
    if (!this.#isDoubtful) return;
    const { database, index } = this.#parts;
    // Nobody else is in the middle of writing then, such as a thread that was given up.
    const isWithin = database.isTransaction;
    if (!isWithin) database.exec("BEGIN IMMEDIATE");
    try {
      index.clear();
      this.#replay();
    } finally {
      if (!isWithin) database.exec("ROLLBACK");
    }
    this.#isDoubtful = false;
  }

  /** Called inside a transaction, last. */
  write(): void {
    const { writer } = this;
    if (writer.isEmpty) return;
    this.#written = { entries: writer.entries, bytes: writer.length };
    this.#insert.run(this.nextRow, writer.bytes());
  }

  /** The same, for another thread to write: the row's number and bytes; undefined: there is nothing to write. */
  giveAway(): JournalRow | undefined {
    const { writer } = this;
    if (writer.isEmpty) return undefined;
    const { length, entries } = writer;
    this.#written = { entries, bytes: length };
    return { row: this.nextRow, bytes: writer.giveAway(), length };
  }

  committed(): void {
    const written = this.#written;
    if (written === undefined) return;
    this.#written = undefined;
    this.#parts.index.settle();
    this.lastRow += 1;
    this.entries += written.entries;
    this.bytes += written.bytes;
    this.writer.clear();
    this.grown?.();
  }

  /** `isUnknown`: the transaction may be on disk all the same. */
  undone(isUnknown: boolean): void {
    this.#parts.index.undo();
    if (isUnknown && this.#written !== undefined) this.#isDoubtful = true;
    this.#written = undefined;
    this.writer.clear();
  }

  /** Its rows up to this one are in the tables. */
  moved(row: number, entries: number, bytes: number): void {
    this.movedRow = row;
    this.entries -= entries;
    this.bytes -= bytes;
    this.#parts.index.release(row);
  }

  /** Empties it. Called inside a transaction. */
  clear(): void {
    this.#parts.database.exec("DELETE FROM journal");
  }

  /** Lets go of what memory holds of a journal that was cleared. */
  forget(): void {
    this.#parts.index.clear();
    this.movedRow = this.lastRow;
    this.entries = 0;
    this.bytes = 0;
  }

  #replay(): void {
    const { database, index } = this.#parts;
    this.entries = 0;
    this.bytes = 0;
    for (const { seq, packed } of database.prepare("SELECT seq, packed FROM journal ORDER BY seq").iterate()) {
      const row = Number(seq);
      const reader = new JournalReader(packed as Uint8Array);
      while (!reader.isAtEnd) {
        const unit = reader.unit();
        this.lastCall = Math.max(this.lastCall, unit.call);
        for (let left = unit.rows; left > 0; left -= 1) learnRow(index, reader, reader.nextRow(), row);
        reader.event();
        this.entries += unit.rows + 1;
      }
      this.bytes += reader.bytes.length;
      this.lastRow = Math.max(this.lastRow, row);
    }
  }
}

function learnRow(index: UsageIndex, reader: JournalReader, at: number, journaled: number): void {
  const { view } = reader;
  if ((view.getUint32(at + rowPlaces.flags, true) & rowFlags.agentcore) !== 0) return;
  const hour = index.hour(view.getUint32(at + rowPlaces.hour, true));
  const key = {
    subject: view.getUint32(at + rowPlaces.subject, true),
    dimension: view.getUint32(at + rowPlaces.dimension, true),
    quantity: view.getFloat64(at + rowPlaces.quantity, true),
  };
  index.learn(hour, key, reader.id(at));
  hour.journaled = journaled;
}
