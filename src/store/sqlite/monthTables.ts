/**
 * The usage, one table a UTC month, made when the first record of the month arrives: the clock can be set to any year,
 * and a closed month can go as one table.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";

const msPerHour = 3_600_000;
const firstYear = 1970;
const lastYear = 9999;
/** Prepared statements are kept for so many months; a clock that wanders over more only prepares them again. */
const maxPreparedMonths = 64;

export interface MonthTable {
  readonly name: string;
  readonly firstHour: number;
  /** Exclusive. */
  readonly endHour: number;
  /** Parameters in the order of the table's columns; changes nothing when the key is taken. */
  readonly insert: StatementSync;
  /** `manyRows` rows that are billable and have no entry, no allocations and no token; of each the other seven columns. */
  readonly insertMany: StatementSync;
  /** The holder of (hour, subject, dimension, entry): record_id, quantity. */
  readonly holder: StatementSync;
  /** A row when there is usage of (hour). */
  readonly some: StatementSync;
}

/** Of them a row costs two thirds of what it costs alone; beyond it hardly less. */
export const manyRows = 32;

/** hour is first in the key: inserts then stay in the pages of the current hours, whoever the customer is. */
const columns = `
  hour INTEGER NOT NULL,
  subject INTEGER NOT NULL,
  dimension INTEGER NOT NULL,
  entry INTEGER NOT NULL,
  quantity INTEGER NOT NULL,
  record_id BLOB NOT NULL,
  at_ms INTEGER NOT NULL,
  call INTEGER NOT NULL,
  billable INTEGER NOT NULL,
  allocations TEXT,
  client_token TEXT,
  PRIMARY KEY (hour, subject, dimension, entry)
`;

export class MonthTables {
  readonly #database: DatabaseSync;
  readonly #prepared = new Map<string, MonthTable>();
  /** Names of the tables that exist; undefined = to be read again. */
  #existing: Set<string> | undefined;
  #last: MonthTable | undefined;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** The month of an hour (floor of epoch seconds / 3,600), made if it is missing. Called inside a transaction. */
  forHour(hour: number): MonthTable {
    const last = this.#last;
    if (last !== undefined && hour >= last.firstHour && hour < last.endHour) return last;
    const name = monthTableName(hour);
    const table = this.#prepared.get(name) ?? this.#prepare(name, hour);
    this.#last = table;
    return table;
  }

  /** The month of an hour, unless it is missing. Throws RangeError for an hour that no table can hold. */
  find(hour: number): MonthTable | undefined {
    const last = this.#last;
    if (last !== undefined && hour >= last.firstHour && hour < last.endHour) return last;
    return this.#names().has(monthTableName(hour)) ? this.forHour(hour) : undefined;
  }

  /** Whether there is no usage of the hour. Throws RangeError for an hour that no table can hold. */
  isEmpty(hour: number): boolean {
    return this.find(hour)?.some.get(hour) === undefined;
  }

  /** Names of the tables that can hold hours from `fromHour` (inclusive) to `toHour` (exclusive), in order of time. */
  within(fromHour: number, toHour: number): readonly string[] {
    const names = [...this.#names()].sort(); // Years have four digits, so the order of names is the order of time.
    const from = Math.max(fromHour, 0);
    const to = Math.min(toHour - 1, lastHour);
    if (from > to) return [];
    const first = monthTableName(from);
    const last = monthTableName(to);
    return names.filter((name) => name >= first && name <= last);
  }

  /** Another connection may have made the hour's table. */
  appeared(hour: number): void {
    if (this.find(hour) === undefined) this.#existing = undefined;
  }

  /** After a rollback: a table made in that transaction is gone, and must be made again. */
  forget(): void {
    this.#prepared.clear();
    this.#existing = undefined;
    this.#last = undefined;
  }

  /** Drops every month. Called inside a transaction. */
  dropAll(): void {
    for (const name of this.#names()) this.#database.exec(`DROP TABLE ${name}`);
    this.forget();
  }

  #names(): Set<string> {
    this.#existing ??= new Set(
      this.#database
        .prepare(
          "SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB 'usage_[0-9][0-9][0-9][0-9]_[0-9][0-9]'",
        )
        .all()
        .map((row) => String(row.name)),
    );
    return this.#existing;
  }

  #prepare(name: string, hour: number): MonthTable {
    if (!this.#names().has(name)) {
      // It may be there all the same: two connections make months.
      this.#database.exec(`CREATE TABLE IF NOT EXISTS ${name} (${columns}) STRICT, WITHOUT ROWID`);
      this.#names().add(name);
    }
    const start = new Date(hour * msPerHour);
    const year = start.getUTCFullYear();
    const month = start.getUTCMonth();
    const table: MonthTable = {
      name,
      firstHour: Date.UTC(year, month) / msPerHour,
      endHour: Date.UTC(year, month + 1) / msPerHour,
      insert: this.#database.prepare(
        `INSERT INTO ${name} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
      ),
      insertMany: this.#database.prepare(
        `INSERT INTO ${name} VALUES ${Array(manyRows).fill("(?, ?, ?, 0, ?, ?, ?, ?, 1, NULL, NULL)").join()}
         ON CONFLICT DO NOTHING`,
      ),
      some: this.#database.prepare(`SELECT 1 FROM ${name} WHERE hour = ? LIMIT 1`),
      holder: this.#database.prepare(
        `SELECT record_id, quantity FROM ${name} WHERE hour = ? AND subject = ? AND dimension = ? AND entry = ?`,
      ),
    };
    if (this.#prepared.size >= maxPreparedMonths) this.#prepared.clear();
    this.#prepared.set(name, table);
    return table;
  }
}

const lastHour = Date.UTC(lastYear + 1, 0) / msPerHour - 1;

/** `usage_2026_07`. Throws RangeError outside the years 1970 to 9999. */
function monthTableName(hour: number): string {
  const start = new Date(hour * msPerHour);
  const year = start.getUTCFullYear();
  if (!(year >= firstYear && year <= lastYear)) {
    throw new RangeError(`Usage of hour ${hour} lies outside the years ${firstYear} to ${lastYear}`);
  }
  return `usage_${year}_${String(start.getUTCMonth() + 1).padStart(2, "0")}`;
}
