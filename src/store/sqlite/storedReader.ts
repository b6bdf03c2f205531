/**
 * Reads the records that calls stored, by their keys: what the audit trail and the doctor do by the ten thousand. A record
 * is one look-up in its month; the texts of customers and dimensions are the same for many, and kept.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { MeteringRecord } from "../../api/types.ts";
import type { StoredKey } from "../storedKeys.ts";
import type { MonthTables } from "./monthTables.ts";
import { entriesPerCall, recordOf, type StoringCall, type SubjectColumns, type UsageColumns } from "./usageQueries.ts";

/** Each of the two memories; a full one begins anew. */
const textsMax = 50_000;

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
    return keys.map((key) => this.#read(call, key));
  }

  /** The tables were emptied: their ids will mean something else. */
  forget(): void {
    this.#subjects.forget();
    this.#dimensions.forget();
  }

  #read(call: StoringCall, { hour, subject, dimension, position }: StoredKey): MeteringRecord | undefined {
    const month = this.#months.find(hour);
    if (month === undefined) return undefined;
    let statement = this.#records.get(month.name);
    if (statement === undefined) {
      statement = this.#database.prepare(
        `SELECT quantity, record_id, at_ms, billable, allocations, client_token FROM ${month.name}
         WHERE hour = ? AND subject = ? AND dimension = ? AND entry = ?`,
      );
      this.#records.set(month.name, statement);
    }
    const entry = position < 0 ? 0 : call.seq * entriesPerCall + position;
    const row = statement.get(hour, subject, dimension, entry) as UsageColumns | undefined;
    if (row === undefined) return undefined;
    const place = { hour, dimension: this.#dimensions.get(dimension).name };
    return recordOf(row, place, this.#subjects.get(subject), call);
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
