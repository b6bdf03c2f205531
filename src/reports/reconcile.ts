/**
 * Two lists of usage held against each other: a seller's own, and the ledger's. Both go to a scratch table on disk, which
 * SQLite then sorts in pieces, so neither their size nor their order matters to memory.
 */
import { DatabaseSync, type StatementSync } from "node:sqlite";

export const keyColumns = ["hour", "product", "customer", "license", "resource", "region", "dimension"] as const;
export type KeyColumn = (typeof keyColumns)[number];

/** "" where a list does not say. */
export interface UsageRow extends Readonly<Record<Exclude<KeyColumn, "hour">, string>> {
  /** Start of the UTC hour, epoch milliseconds. */
  readonly hourAt: number;
  readonly quantity: number;
  /** MeteringRecordId */
  readonly id: string;
}

export type Side = "file" | "ledger";
export type DifferenceKind = "missing" | "extra" | "different";

/** One key of either list, its rows summed. */
export interface ComparedKey extends Readonly<Record<Exclude<KeyColumn, "hour">, string>> {
  /** missing: not in the ledger; extra: in the ledger alone; different: in its quantity, or in its id. */
  readonly kind: DifferenceKind | "equal";
  readonly hourAt: number;
  readonly fileQuantity: number;
  readonly ledgerQuantity: number;
  /** Rows of the file, and how many records they are: rows with one id are one record that was sent again (B-61). */
  readonly fileRows: number;
  readonly fileRecords: number;
  readonly ledgerRecords: number;
  /** Where the side has one record for the key, and says its id. */
  readonly fileId: string;
  readonly ledgerId: string;
}

/** Page cache, and the size of what is sorted in memory at once: KiB, negative as SQLite has it. */
const cacheSize = -8_192;

const textColumns = keyColumns.filter((column) => column !== "hour");
const key = keyColumns.join(", ");

export class Reconciliation {
  readonly #database: DatabaseSync;
  readonly #inserts: Readonly<Record<Side, StatementSync>>;

  constructor() {
    // No name: a file of its own in the folder for temporary files, which is gone with the process, however that ends.
    this.#database = new DatabaseSync("");
    this.#database.exec(`
      PRAGMA journal_mode = OFF;
      PRAGMA synchronous = OFF;
      PRAGMA temp_store = FILE;
      PRAGMA cache_size = ${cacheSize};
    `);
    const columns = `hour INTEGER, ${textColumns.map((column) => `${column} TEXT`).join(", ")}, quantity INTEGER, id TEXT`;
    const insertOf = (side: Side): StatementSync => {
      this.#database.exec(`CREATE TABLE ${side}_usage (${columns}) STRICT`);
      return this.#database.prepare(`INSERT INTO ${side}_usage VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`);
    };
    this.#inserts = { file: insertOf("file"), ledger: insertOf("ledger") };
    this.#database.exec("BEGIN");
  }

  /** Only `keys` take part: what one list does not say cannot tell its records apart. */
  add(side: Side, row: UsageRow, keys: ReadonlySet<KeyColumn>): void {
    const text = (column: Exclude<KeyColumn, "hour">): string => (keys.has(column) ? row[column] : "");
    this.#inserts[side].run(
      row.hourAt,
      text("product"),
      text("customer"),
      text("license"),
      text("resource"),
      text("region"),
      text("dimension"),
      row.quantity,
      row.id,
    );
  }

  /** Every key once, in order of hour. */
  *compared(): Iterable<ComparedKey> {
    // total(), not sum(): a number beyond 2^53 instead of an error.
    const rows = this.#database
      .prepare(
        `SELECT ${key},
           total(quantity) FILTER (WHERE side = 0) AS file_quantity,
           total(quantity) FILTER (WHERE side = 1) AS ledger_quantity,
           total(rows) FILTER (WHERE side = 0) AS file_rows,
           count(*) FILTER (WHERE side = 0) AS file_records,
           count(*) FILTER (WHERE side = 1) AS ledger_records,
           max(id) FILTER (WHERE side = 0) AS file_id,
           max(id) FILTER (WHERE side = 1) AS ledger_id
         FROM (
           SELECT 0 AS side, ${key}, max(quantity) AS quantity, count(*) AS rows, id FROM file_usage
             WHERE id <> '' GROUP BY ${key}, id
           UNION ALL SELECT 0, ${key}, quantity, 1, id FROM file_usage WHERE id = ''
           UNION ALL SELECT 1, ${key}, quantity, 1, id FROM ledger_usage
         ) GROUP BY ${key} ORDER BY ${key}`,
      )
      .iterate();
    for (const row of rows) yield comparedOf(row);
  }

  close(): void {
    this.#database.close();
  }
}

function comparedOf(row: Readonly<Record<string, unknown>>): ComparedKey {
  const text = (column: string): string => String(row[column] ?? "");
  const counted = {
    fileQuantity: Number(row.file_quantity),
    ledgerQuantity: Number(row.ledger_quantity),
    fileRows: Number(row.file_rows),
    fileRecords: Number(row.file_records),
    ledgerRecords: Number(row.ledger_records),
  };
  const ids = {
    fileId: counted.fileRecords === 1 ? text("file_id") : "",
    ledgerId: counted.ledgerRecords === 1 ? text("ledger_id") : "",
  };
  return {
    kind: kindOf({ ...counted, ...ids }),
    hourAt: Number(row.hour),
    product: text("product"),
    customer: text("customer"),
    license: text("license"),
    resource: text("resource"),
    region: text("region"),
    dimension: text("dimension"),
    ...counted,
    ...ids,
  };
}

function kindOf(one: Omit<ComparedKey, KeyColumn | "kind" | "hourAt">): ComparedKey["kind"] {
  if (one.ledgerRecords === 0) return "missing";
  if (one.fileRecords === 0) return "extra";
  if (one.fileQuantity !== one.ledgerQuantity) return "different";
  return one.fileId !== "" && one.ledgerId !== "" && one.fileId !== one.ledgerId ? "different" : "equal";
}

export interface DimensionTotals extends Record<ComparedKey["kind"], number> {
  fileQuantity: number;
  ledgerQuantity: number;
}

export interface Totals extends DimensionTotals {
  readonly byDimension: Map<string, DimensionTotals>;
  /** Keys for which the file has several rows that are not one record sent again (K-3). */
  summed: number;
  /** Rows of the file that repeat the id of another. */
  repeated: number;
}

/** Beyond it a file has something else in that column; the rest is counted together. */
const dimensionsMax = 1_000;
const otherDimensions = "(others)";

export function createTotals(): Totals {
  return { ...noTotals(), byDimension: new Map(), summed: 0, repeated: 0 };
}

function noTotals(): DimensionTotals {
  return { missing: 0, extra: 0, different: 0, equal: 0, fileQuantity: 0, ledgerQuantity: 0 };
}

export function addToTotals(totals: Totals, one: ComparedKey): void {
  const { byDimension } = totals;
  const isKnown = byDimension.has(one.dimension) || byDimension.size < dimensionsMax;
  const name = isKnown ? one.dimension : otherDimensions;
  const own = byDimension.get(name) ?? noTotals();
  byDimension.set(name, own);
  for (const each of [totals, own]) {
    each[one.kind] += 1;
    each.fileQuantity += one.fileQuantity;
    each.ledgerQuantity += one.ledgerQuantity;
  }
  if (one.fileRecords > 1) totals.summed += 1;
  totals.repeated += one.fileRows - one.fileRecords;
}
