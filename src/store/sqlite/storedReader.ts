/**
 * Reads the records that calls stored, by their keys: what the audit trail and the doctor do by the ten thousand. A record
 * is one look-up in its month; the texts of customers and dimensions are the same for many, and kept.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { MeteringRecord } from "../../api/types.ts";
import type { StoredKey } from "../storedKeys.ts";
import type { MonthTable, MonthTables } from "./monthTables.ts";
import { entriesPerCall, recordOf, type StoringCall, type SubjectColumns, type UsageColumns } from "./usageQueries.ts";

/** Each of the two memories; a full one begins anew. */
const textsMax = 50_000;
/** Records of one statement: those of a full batch. */
const recordsAtOnce = 25;
/** Of months and numbers of records, together. */
const statementsMax = 200;

/** A record's place among those asked for, then its columns. */
type RecordRow = readonly [number, number, Uint8Array, number, number, string | null, string | null];

export class StoredReader {
  readonly #database: DatabaseSync;
  readonly #months: MonthTables;
  readonly #records = new Map<string, StatementSync>();
  readonly #subjects: KeptRows<SubjectColumns>;
  readonly #dimensions: KeptRows<{ readonly name: string }>;

  constructor(database: DatabaseSync, months: MonthTables) {
    this.#database = database;
    this.#months = months;
    this.#subjects = new KeptRows(
      database.prepare("SELECT region, path, product_code, holder, account_id FROM subjects WHERE id = ?"),
    );
    this.#dimensions = new KeptRows(database.prepare("SELECT name FROM dimensions WHERE id = ?"));
  }

  /** In the order of the keys; undefined where the row is gone. */
  read(call: StoringCall, keys: readonly StoredKey[]): readonly (MeteringRecord | undefined)[] {
    const found = new Array<MeteringRecord | undefined>(keys.length).fill(undefined);
    for (let from = 0; from < keys.length; ) {
      const month = this.#months.find(keys[from]?.hour ?? 0);
      const to = from + this.#sameMonth(keys, from, month);
      if (month !== undefined) this.#readSome(call, keys, { from, to, month }, found);
      from = to;
    }
    return found;
  }

  /** The tables were emptied: their ids will mean something else. */
  forget(): void {
    this.#subjects.forget();
    this.#dimensions.forget();
  }

  /** How many keys from `from` on are of one month, up to a statement's worth. */
  #sameMonth(keys: readonly StoredKey[], from: number, month: MonthTable | undefined): number {
    let count = 1;
    while (count < recordsAtOnce && from + count < keys.length) {
      const hour = keys[from + count]?.hour ?? 0;
      if (month === undefined || hour < month.firstHour || hour >= month.endHour) break;
      count += 1;
    }
    return count;
  }

  #readSome(
    call: StoringCall,
    keys: readonly StoredKey[],
    { from, to, month }: { readonly from: number; readonly to: number; readonly month: MonthTable },
    found: (MeteringRecord | undefined)[],
  ): void {
    const values: number[] = [];
    for (let place = from; place < to; place += 1) {
      const { hour, subject, dimension, position } = keys[place] as StoredKey;
      values.push(place, hour, subject, dimension, position < 0 ? 0 : call.seq * entriesPerCall + position);
    }
    const rows = this.#statement(month, to - from).all(...values) as unknown as readonly RecordRow[];
    for (const [place, quantity, record_id, at_ms, billable, allocations, client_token] of rows) {
      const { hour, dimension, subject } = keys[place] as StoredKey;
      const usage: UsageColumns = { quantity, record_id, at_ms, billable, allocations, client_token };
      const named = { hour, dimension: this.#dimensions.get(dimension).name };
      found[place] = recordOf(usage, named, this.#subjects.get(subject), call);
    }
  }

  #statement({ name }: MonthTable, count: number): StatementSync {
    const key = `${name} ${count}`;
    let statement = this.#records.get(key);
    if (statement === undefined) {
      if (this.#records.size >= statementsMax) this.#records.clear();
      statement = this.#database.prepare(
        `WITH wanted (place, hour, subject, dimension, entry) AS (VALUES ${Array(count).fill("(?, ?, ?, ?, ?)").join()})
         SELECT place, quantity, record_id, at_ms, billable, allocations, client_token FROM wanted w
         CROSS JOIN ${name} u
           ON u.hour = w.hour AND u.subject = w.subject AND u.dimension = w.dimension AND u.entry = w.entry`,
      );
      statement.setReturnArrays(true);
      this.#records.set(key, statement);
    }
    return statement;
  }
}

class KeptRows<T> {
  readonly #select: StatementSync;
  readonly #rows = new Map<number, T>();

  constructor(select: StatementSync) {
    this.#select = select;
  }

  get(id: number): T {
    let row = this.#rows.get(id);
    if (row === undefined) {
      row = this.#select.get(id) as T | undefined;
      if (row === undefined) throw new Error(`usage names customer or dimension ${id}, which is not there`);
      if (this.#rows.size >= textsMax) this.#rows.clear();
      this.#rows.set(id, row);
    }
    return row;
  }

  forget(): void {
    this.#rows.clear();
  }
}
