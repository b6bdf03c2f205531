/**
 * Reads hours from their tables into the index, bit by bit between the calls: those that were there before a start, or
 * that had to go, and about which calls ask again and again.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { GroupCommit } from "./groupCommit.ts";
import type { HourIndex } from "./hourIndex.ts";
import type { MonthTables } from "./monthTables.ts";
import type { UsageIndex } from "./usageIndex.ts";

/** So many look-ups cost what it costs to read some thousand records. */
const missesMin = 1_000;
/** Some milliseconds. */
const sliceRows = 2_000;

export interface LoaderParts {
  readonly database: DatabaseSync;
  readonly months: MonthTables;
  readonly index: UsageIndex;
  readonly commits: Pick<GroupCommit, "isClosed" | "land">;
}

type KeyRow = readonly [subject: number, dimension: number, quantity: number, id: Uint8Array];

export class HourLoader {
  readonly #parts: LoaderParts;
  readonly #missesMin: number;
  readonly #waiting: HourIndex[] = [];
  #isScheduled = false;
  /** The last key that was read of the first hour that waits. */
  #after: readonly [subject: number, dimension: number] = [-1, -1];

  constructor(parts: LoaderParts, misses = missesMin) {
    this.#parts = parts;
    this.#missesMin = misses;
  }

  /** The hour's index did not know. Called inside transactions. */
  missed(hour: HourIndex): void {
    hour.misses += 1;
    if (hour.misses !== this.#missesMin) return;
    this.#waiting.push(hour);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      const [hour] = this.#waiting;
      if (hour === undefined || this.#parts.commits.isClosed) return;
      if (this.#isOver(hour)) {
        this.#waiting.shift();
        this.#after = [-1, -1];
      }
      this.#schedule();
    });
  }

  /** Reads some. true: nothing more is to be read of the hour. */
  #isOver(hour: HourIndex): boolean {
    const { database, months, index } = this.#parts;
    const [table] = months.within(hour.hour, hour.hour + 1);
    if (!index.holds(hour) || !index.hasRoomFor(sliceRows) || table === undefined) return true;
    let rows: readonly KeyRow[];
    // Entries that may yet be undone must stay the newest ones.
    this.#parts.commits.land();
    try {
      const select: StatementSync = database.prepare(
        `SELECT subject, dimension, quantity, record_id FROM ${table}
         WHERE hour = ? AND (subject, dimension) > (?, ?) AND entry = 0 ORDER BY subject, dimension LIMIT ${sliceRows}`,
      );
      select.setReturnArrays(true);
      rows = select.all(hour.hour, ...this.#after) as unknown as readonly KeyRow[];
    } catch {
      // A disk that fails: keys are looked up one by one, and their calls are told.
      return true;
    }
    for (const [subject, dimension, quantity, id] of rows) index.learn(hour, { subject, dimension, quantity }, id);
    const last = rows.at(-1);
    if (last !== undefined) this.#after = [last[0], last[1]];
    if (rows.length < sliceRows) hour.isComplete = true;
    return hour.isComplete;
  }
}
