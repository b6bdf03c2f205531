/** The embedded store as its rows: to be copied, to take a copy, to be sealed under another key. */
import { existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import type { RawStore, RawTarget, Reseal } from "../raw.ts";
import {
  batchChars,
  batchRows,
  charsOf,
  MovingError,
  type OwnedRawStore,
  type RawBatch,
  type RawRow,
  sealedKinds,
} from "../raw.ts";
import {
  catalogTable,
  compareColumns,
  keysTable,
  metaTable,
  monthOf,
  type RawTable,
  rawTable,
  rawTables,
  versionName,
} from "../rawTables.ts";
import { keyCheckName } from "../sealer.ts";
import { publishFile } from "./fileCopy.ts";
import { lockFolder } from "./lock.ts";
import { migrate } from "./migrate.ts";
import { MonthTables } from "./monthTables.ts";
import { lockFileName, makePrivate } from "./open.ts";
import { catalogBatches, catalogCount, catalogTables, putCatalog } from "./rawCatalog.ts";
import { keyRows, putKeys } from "./rawKeys.ts";
import { columnOf, fromStored, toStored } from "./rawValues.ts";

const busyTimeoutMs = 10_000;
/** A copy grows under this name, which no server opens. */
const draftSuffix = ".copying";
const placesTable = "copy_places";

/** Empty once a store was closed: what it held is in the tables. */
const journalTable = "journal";
/** Made anew from the rest, or of the copy itself. */
const notCopied = ["summaries", journalTable, placesTable, "sqlite_sequence"];

/** Reads a data file that nobody else has open, and brings an older schema up to date. */
export function openSqliteRaw(file: string): OwnedRawStore {
  const lock = lockFolder(join(dirname(file), lockFileName), file);
  try {
    const database = new DatabaseSync(file, { timeout: busyTimeoutMs, enableForeignKeyConstraints: false });
    migrate(database, file);
    checkInventory(database);
    const close = async (): Promise<void> => {
      database.close();
      lock.release();
    };
    return {
      ...reading(database, dirname(file)),
      close,
      reseal: (keyCheck, reseal) => resealAll(database, keyCheck, reseal),
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** Takes a copy into a data file that there is none of. The folder is made with mode 0700 when it is missing. */
export function openSqliteTarget(file: string): RawTarget {
  const folder = dirname(file);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const lockFile = join(folder, lockFileName);
  makePrivate(lockFile);
  const lock = lockFolder(lockFile, file);
  try {
    if (existsSync(file)) {
      throw new MovingError(`There is a store in ${folder} already (${file}). Name a folder that has none.`);
    }
    const draft = `${file}${draftSuffix}`;
    makePrivate(draft);
    const database = new DatabaseSync(draft, { timeout: busyTimeoutMs, enableForeignKeyConstraints: false });
    // NORMAL: what is lost by a power cut is the end of the copy together with its places, so it goes on before that.
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA fullfsync = ON");
    migrate(database, draft);
    database.exec(`CREATE TABLE IF NOT EXISTS ${placesTable} (name TEXT PRIMARY KEY, place TEXT NOT NULL) STRICT`);
    let isOpen = true;
    const closeDatabase = (): void => {
      if (isOpen) database.close();
      isOpen = false;
    };
    return {
      ...reading(database, folder),
      begin: async (keyCheck) => begin(database, keyCheck, folder),
      write: async (table, batch) => {
        if (table === keysTable) putKeys(folder, batch.rows);
        else write(database, table, batch);
      },
      finish: async () => {
        database.exec(`DROP TABLE ${placesTable}; PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE`);
        closeDatabase();
        publishFile(draft, file);
      },
      close: async () => {
        closeDatabase();
        lock.release();
      },
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}

function reading(database: DatabaseSync, folder: string): Omit<RawStore, "close"> {
  return {
    engine: "sqlite",
    keyCheck: async () => meta(database, keyCheckName),
    tables: async () => {
      if (database.prepare(`SELECT 1 FROM ${journalTable}`).get() !== undefined) {
        throw new MovingError(
          "The store was not closed since its last records. Start the server over it once, and stop it.",
        );
      }
      return [metaTable, keysTable, catalogTable, ...Object.keys(rawTables), ...months(database)];
    },
    count: async (table) => (table === keysTable ? keyRows(folder).length : count(database, table)),
    read: (table, after) => (table === keysTable ? keyBatch(folder) : read(database, table, after)),
  };
}

function meta(database: DatabaseSync, name: string): string | undefined {
  const value = database.prepare("SELECT value FROM meta WHERE name = ?").get(name)?.value;
  return typeof value === "string" ? value : undefined;
}

function tableNames(database: DatabaseSync): readonly string[] {
  const found = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all();
  return found.map(({ name }) => String(name));
}

const usageForm = /^usage_(\d{4})_(\d\d)$/;

function months(database: DatabaseSync): readonly string[] {
  return tableNames(database)
    .filter((name) => usageForm.test(name))
    .sort()
    .map((name) => name.replace(usageForm, "usage $1-$2"));
}

/** As the file has it. */
function sqlName(table: string): string {
  return table.replace(/^usage (\d{4})-(\d\d)$/, "usage_$1_$2");
}

function checkInventory(database: DatabaseSync): void {
  const names = tableNames(database).filter((name) => !notCopied.includes(name));
  const usage = names.filter((name) => usageForm.test(name));
  const plain = Object.keys(rawTables);
  compareColumns(
    "The store",
    [metaTable, ...catalogTables, ...plain],
    names.filter((name) => !usage.includes(name)),
  );
  for (const table of [...plain, ...months(database)]) {
    const found = database.prepare(`SELECT name FROM pragma_table_info('${sqlName(table)}')`).all();
    const known = rawTable(table).columns.map(columnOf);
    compareColumns(
      `The table ${sqlName(table)}`,
      known,
      found.map(({ name }) => String(name)),
    );
  }
}

function count(database: DatabaseSync, table: string): number {
  if (table === metaTable) return metaRows(database).length;
  if (table === catalogTable) return catalogCount(database);
  // Of a month that there is none of, when two stores are compared.
  if (monthOf(table) !== undefined && !months(database).includes(table)) return 0;
  return Number(database.prepare(`SELECT count(*) AS count FROM ${sqlName(table)}`).get()?.count);
}

function metaRows(database: DatabaseSync): readonly RawRow[] {
  const keyCheck = meta(database, keyCheckName);
  return [
    [versionName, meta(database, versionName) ?? "0"],
    ...(keyCheck === undefined ? [] : [[keyCheckName, keyCheck]]),
  ];
}

async function* read(database: DatabaseSync, table: string, after?: string): AsyncGenerator<RawBatch> {
  if (table === metaTable) {
    yield { rows: metaRows(database), place: "" };
  } else if (table === catalogTable) {
    yield* catalogBatches(database, after);
  } else if (monthOf(table) === undefined || months(database).includes(table)) {
    yield* batches(database, sqlName(table), rawTable(table), after);
  }
}

function* batches(database: DatabaseSync, name: string, table: RawTable, after?: string): Generator<RawBatch> {
  const keys = table.columns.filter((column) => table.key.includes(column.name)).map(columnOf);
  const order = keys.join(", ");
  const select = `SELECT ${table.columns.map(columnOf).join(", ")} FROM ${name}`;
  const first = database.prepare(`${select} ORDER BY ${order} LIMIT ${batchRows}`);
  const next = database.prepare(
    `${select} WHERE (${order}) > (${keys.map(() => "?").join(", ")}) ORDER BY ${order} LIMIT ${batchRows}`,
  );
  const at = keys.map((key) => table.columns.findIndex((column) => columnOf(column) === key));
  let place = after;
  for (;;) {
    const rows: RawRow[] = [];
    let chars = 0;
    const found = place === undefined ? first.iterate() : next.iterate(...(JSON.parse(place) as SQLInputValue[]));
    for (const one of found) {
      const row = table.columns.map((column) => fromStored(column, one[columnOf(column)]));
      rows.push(row);
      chars += charsOf(row);
      if (chars >= batchChars) break;
    }
    const last = rows.at(-1);
    if (last === undefined) return;
    place = JSON.stringify(at.map((index) => last[index]));
    yield { rows, place };
  }
}

async function* keyBatch(folder: string): AsyncGenerator<RawBatch> {
  yield { rows: keyRows(folder), place: "" };
}

function begin(database: DatabaseSync, keyCheck: string, folder: string): ReadonlyMap<string, string> {
  const found = meta(database, keyCheckName);
  if (found !== undefined && found !== keyCheck) {
    throw new MovingError(
      `${folder} holds part of a copy of another store, or of this one before its master key was replaced. ` +
        `Remove the file that ends with ${draftSuffix}, or name another folder.`,
    );
  }
  putMeta(database, [[keyCheckName, keyCheck]]);
  const rows = database.prepare(`SELECT name, place FROM ${placesTable}`).all();
  return new Map(rows.map(({ name, place }) => [String(name), String(place)]));
}

function putMeta(database: DatabaseSync, rows: readonly RawRow[]): void {
  const put = database.prepare(
    "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
  );
  for (const row of rows) put.run(...row);
}

function write(database: DatabaseSync, table: string, { rows, place }: RawBatch): void {
  inTransaction(database, () => {
    if (table === metaTable) putMeta(database, rows);
    else if (table === catalogTable) putCatalog(database, rows);
    else insert(database, table, rows);
    database
      .prepare(`INSERT INTO ${placesTable} VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET place = excluded.place`)
      .run(table, place);
  });
}

function insert(database: DatabaseSync, table: string, rows: readonly RawRow[]): void {
  const { columns } = rawTable(table);
  const month = monthOf(table);
  if (month !== undefined) new MonthTables(database).forHour(month.from);
  const statement = database.prepare(
    `INSERT INTO ${sqlName(table)} (${columns.map(columnOf).join(", ")})
     VALUES (${columns.map(() => "?").join(", ")}) ON CONFLICT DO NOTHING`,
  );
  for (const row of rows) statement.run(...columns.map((column, index) => toStored(column, row[index] ?? null)));
}

function inTransaction(database: DatabaseSync, body: () => void): void {
  database.exec("BEGIN IMMEDIATE");
  try {
    body();
    database.exec("COMMIT");
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}

const sealedTables: Readonly<Record<(typeof sealedKinds)[number], string>> = {
  credentials: "credentials",
  products: "products",
  targets: "notification_targets",
  workloads: "workloads",
};

async function resealAll(database: DatabaseSync, keyCheck: string, reseal: Reseal): Promise<void> {
  // What was sealed under the old key is overwritten, not only let go.
  database.exec("PRAGMA secure_delete = ON; PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; BEGIN IMMEDIATE");
  try {
    for (const kind of sealedKinds) await resealTable(database, sealedTables[kind], (text) => reseal(kind, text, ""));
    putMeta(database, [[keyCheckName, keyCheck]]);
    database.exec("COMMIT");
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
  database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
}

async function resealTable(
  database: DatabaseSync,
  table: string,
  reseal: (document: string) => Promise<string | undefined>,
): Promise<void> {
  const page = database.prepare(`SELECT seq, document FROM ${table} WHERE seq > ? ORDER BY seq LIMIT ${batchRows}`);
  const update = database.prepare(`UPDATE ${table} SET document = ? WHERE seq = ?`);
  const remove = database.prepare(`DELETE FROM ${table} WHERE seq = ?`);
  for (let seq = 0; ; ) {
    const rows = page.all(seq);
    if (rows.length === 0) return;
    for (const row of rows) {
      seq = Number(row.seq);
      const document = await reseal(String(row.document));
      if (document === undefined) remove.run(seq);
      else update.run(document, seq);
    }
  }
}
