/**
 * One move of the journal's rows to their tables: events as they are read, usage sorted by hour and customer, so that
 * neighbours share pages. It is cut in slices, and each may be repeated: what is there already stays as it is.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { StoredKeys } from "../storedKeys.ts";
import { JournalReader, rowFlags, rowPlaces } from "./journalRows.ts";
import { type MonthTable, type MonthTables, manyRows } from "./monthTables.ts";
import { entriesPerCall } from "./usageQueries.ts";

const msPerHour = 3_600_000;
/**
 * Rows that are sorted at once: some milliseconds. Their number is the low half of a sorted word, and of the hour 16 bits
 * are its high half: hours seven years apart are sorted as one, which only costs pages.
 */
const runRows = 32_768;
const ordinalMask = 0xffff;
const halfWord = 16;
const halfRange = 2 ** halfWord;
/** What a slice costs, in inserts of usage rows. */
const eventCost = 4;
const readsPerCost = 4;
const sortedPerCost = 16;
const deletedBytesPerCost = 4_096;
/** A read of the journal ends here: its rows lie in memory until they are moved. */
const bytesMax = 33_554_432;
const columnsOfMany = 7;

export interface MoveParts {
  readonly database: DatabaseSync;
  readonly months: MonthTables;
  /** Usage, or an event, of this hour comes to its table; the transaction may yet be undone. */
  readonly usageTouched: (hour: number) => void;
  readonly callsTouched: (hour: number) => void;
}

/** Some rows: where each lies, and its call. */
class Run {
  /** For each row two words: hour and customer above the row's number in this run. Sorted, once it is full. */
  readonly words: Uint32Array;
  readonly groups: Uint32Array;
  readonly places: Uint32Array;
  readonly calls: Float64Array;
  count = 0;
  /** The next one to go. */
  next = 0;

  constructor(rows: number) {
    this.words = new Uint32Array(rows * 2);
    this.groups = new Uint32Array(rows);
    this.places = new Uint32Array(rows);
    this.calls = new Float64Array(rows);
  }

  get isFull(): boolean {
    return this.count === this.groups.length;
  }

  add(reader: JournalReader, group: number, place: number, call: number): void {
    const ordinal = this.count;
    const subject = reader.view.getUint32(place + rowPlaces.subject, true);
    const hour = reader.view.getUint32(place + rowPlaces.hour, true);
    this.words[ordinal * 2] = (subject << halfWord) | ordinal;
    this.words[ordinal * 2 + 1] = (hour << halfWord) | (subject >>> halfWord);
    this.groups[ordinal] = group;
    this.places[ordinal] = place;
    this.calls[ordinal] = call;
    this.count = ordinal + 1;
  }

  sort(): void {
    new BigUint64Array(this.words.buffer, 0, this.count).sort();
  }

  /** Of the next row: what runs are merged by. */
  get head(): number {
    const at = this.next * 2;
    if (this.next === this.count) return Number.POSITIVE_INFINITY;
    return (this.words[at + 1] ?? 0) * halfRange + ((this.words[at] ?? 0) >>> halfWord);
  }
}

export class JournalMove {
  readonly #parts: MoveParts;
  readonly #select: StatementSync;
  readonly #insertEvent: StatementSync;
  readonly #delete: StatementSync;
  readonly #stored = new StoredKeys();
  readonly #groups: JournalReader[] = [];
  /** Number of the journal's row, and its bytes, of each group. */
  readonly #rows: { readonly seq: number; readonly bytes: number }[] = [];
  readonly #runs: Run[] = [];
  #run: Run;
  readonly #runRows: number;
  /** Of each run the head. */
  #heads = new Float64Array(0);
  readonly #upTo: number;
  #isRead = false;
  #deleted = 0;
  /** Usage rows and events, and what they take. */
  entries = 0;
  bytes = 0;
  /** Rows on their way into one statement: their month, their columns, and how many of these there are. */
  #month: MonthTable | undefined;
  readonly #values = new Array<number | Uint8Array>(manyRows * columnsOfMany).fill(0);
  #filled = 0;
  #hour = -1;

  /** Of the journal's rows up to `upTo`, which hold about so many entries. */
  constructor(parts: MoveParts, upTo: number, entries: number) {
    const { database } = parts;
    this.#runRows = Math.min(Math.max(entries, 1), runRows);
    this.#run = new Run(this.#runRows);
    this.#parts = parts;
    this.#upTo = upTo;
    this.#select = database.prepare("SELECT seq, packed FROM journal WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT 1");
    this.#insertEvent = database.prepare("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING");
    this.#delete = database.prepare("DELETE FROM journal WHERE seq <= ?");
  }

  /** The last of the journal's rows that this moves, once it is done. */
  get lastRow(): number {
    return this.#rows.at(-1)?.seq ?? this.#upTo;
  }

  /** Works for about so many inserts. Called inside a transaction. true: all is moved when that is committed. */
  step(cost: number): boolean {
    let left = cost;
    this.#hour = -1;
    while (left > 0 && !this.#isRead) left -= this.#read();
    if (left > 0) left = this.#insertRows(left);
    while (left > 0 && this.#deleted < this.#rows.length) left -= this.#deleteRows(left);
    return this.#isRead && left > 0;
  }

  #read(): number {
    const found = this.bytes > bytesMax ? undefined : this.#select.get(this.#rows.at(-1)?.seq ?? 0, this.#upTo);
    if (found === undefined) {
      this.#isRead = true;
      const cost = this.#sort();
      this.#heads = Float64Array.from(this.#runs, (run) => run.head);
      return cost;
    }
    const reader = new JournalReader(found.packed as Uint8Array);
    const group = this.#groups.push(reader) - 1;
    this.#rows.push({ seq: Number(found.seq), bytes: reader.bytes.length });
    this.bytes += reader.bytes.length;
    const before = this.entries;
    let events = 0;
    while (!reader.isAtEnd) {
      this.#readUnit(reader, group);
      events += 1;
    }
    return events * eventCost + (this.entries - before) / readsPerCost;
  }

  #readUnit(reader: JournalReader, group: number): void {
    const { call, rows } = reader.unit();
    this.#stored.clear();
    const { view } = reader;
    for (let left = rows; left > 0; left -= 1) {
      const place = reader.nextRow();
      const flags = view.getUint32(place + rowPlaces.flags, true);
      if (this.#run.isFull) this.#sort();
      this.#run.add(reader, group, place, call);
      this.#stored.add({
        hour: view.getUint32(place + rowPlaces.hour, true),
        subject: view.getUint32(place + rowPlaces.subject, true),
        dimension: view.getUint32(place + rowPlaces.dimension, true),
        position: (flags & rowFlags.agentcore) === 0 ? -1 : flags >>> halfWord,
      });
    }
    const { at, caller, requestId, outcome, detail } = reader.event();
    this.#insertEvent.run(call, at, requestId, caller, outcome, detail, this.#stored.bytes());
    this.#parts.callsTouched(Math.floor(at / msPerHour));
    this.entries += rows + 1;
  }

  #sort(): number {
    const run = this.#run;
    if (run.count === 0) return 0;
    run.sort();
    this.#runs.push(run);
    this.#run = new Run(this.#runRows);
    return run.count / sortedPerCost;
  }

  /** Merges the runs. Returns what is left of the cost. */
  #insertRows(cost: number): number {
    const heads = this.#heads;
    let left = cost;
    for (; left > 0; left -= 1) {
      let least = 0;
      for (let index = 1; index < heads.length; index += 1) {
        if ((heads[index] ?? 0) < (heads[least] ?? 0)) least = index;
      }
      const run = this.#runs[least];
      if (run === undefined || run.next === run.count) break;
      const ordinal = (run.words[run.next * 2] ?? 0) & ordinalMask;
      this.#insert(run.groups[ordinal] ?? 0, run.places[ordinal] ?? 0, run.calls[ordinal] ?? 0);
      run.next += 1;
      heads[least] = run.head;
    }
    this.#flush();
    return left;
  }

  #insert(group: number, place: number, call: number): void {
    const reader = this.#groups[group] as JournalReader;
    const { view } = reader;
    const hour = view.getUint32(place + rowPlaces.hour, true);
    if (hour !== this.#hour || this.#month === undefined) this.#begin(hour);
    const month = this.#month as MonthTable;
    if (view.getUint32(place + rowPlaces.flags, true) !== rowFlags.billable) {
      this.#insertOne(month, reader, place, call);
      return;
    }
    const values = this.#values;
    const at = this.#filled;
    values[at] = hour;
    values[at + 1] = view.getUint32(place + rowPlaces.subject, true);
    values[at + 2] = view.getUint32(place + rowPlaces.dimension, true);
    values[at + 3] = view.getFloat64(place + rowPlaces.quantity, true);
    values[at + 4] = reader.id(place);
    values[at + 5] = view.getUint32(place + rowPlaces.atMs, true);
    values[at + 6] = call;
    this.#filled = at + columnsOfMany;
    if (this.#filled < values.length) return;
    month.insertMany.run(...values);
    this.#filled = 0;
  }

  #begin(hour: number): void {
    this.#parts.usageTouched(hour);
    this.#hour = hour;
    const month = this.#parts.months.forHour(hour);
    if (this.#month === month) return;
    this.#flush();
    this.#month = month;
  }

  /** What did not fill a statement of many rows. */
  #flush(): void {
    const values = this.#values;
    for (let at = 0; at < this.#filled; at += columnsOfMany) {
      const [hour = 0, subject = 0, dimension = 0, quantity = 0, id = 0, atMs = 0, call = 0] = values.slice(at);
      this.#month?.insert.run(hour, subject, dimension, 0, quantity, id, atMs, call, 1, null, null);
    }
    this.#filled = 0;
  }

  #insertOne(month: MonthTable, reader: JournalReader, place: number, call: number): void {
    const row = reader.row(place);
    month.insert.run(
      row.hour,
      row.subject,
      row.dimension,
      row.position === undefined ? 0 : call * entriesPerCall + row.position,
      row.quantity,
      reader.id(place),
      row.atMs,
      call,
      row.isBillable ? 1 : 0,
      row.allocations ?? null,
      row.token ?? null,
    );
  }

  #deleteRows(cost: number): number {
    const from = this.#deleted;
    let bytes = 0;
    while (this.#deleted < this.#rows.length && bytes < cost * deletedBytesPerCost) {
      bytes += this.#rows[this.#deleted]?.bytes ?? 0;
      this.#deleted += 1;
    }
    const last = this.#rows[this.#deleted - 1];
    if (last !== undefined) this.#delete.run(last.seq);
    // At least one, so that a slice that just fitted is not taken for the last.
    return Math.max(this.#deleted - from, bytes / deletedBytesPerCost) / eventCost;
  }
}
