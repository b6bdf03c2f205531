/** Copies a store row by row, and compares both sides afterwards. Memory holds one batch, however much there is. */
import { hash } from "node:crypto";
import { MovingError, type RawStore, type RawTarget } from "../store/raw.ts";
import { metaTable, monthOf } from "../store/rawTables.ts";

export interface TableReport {
  readonly table: string;
  readonly rows: number;
  readonly rowsInCopy: number;
  /** 16 hex digits that do not depend on the order of the rows. */
  readonly checksum: string;
  readonly checksumOfCopy: string;
  readonly equal: boolean;
}

export interface CopyReport {
  readonly tables: readonly TableReport[];
  readonly equal: boolean;
  /** Metering records. */
  readonly records: number;
}

export interface CopySteps {
  /** Rows of all tables that are to be copied, and those that an earlier run has copied already. */
  started?(total: number, done: number): void;
  copied?(rows: number): void;
  /** Both sides are read again, to be compared, once what this returns is settled. */
  comparing?(total: number): unknown;
  compared?(rows: number): void;
}

/** The copy is finished only when both sides are equal; otherwise it stays a part of one, which no server opens. */
export async function copyStore(source: RawStore, target: RawTarget, steps: CopySteps = {}): Promise<CopyReport> {
  const keyCheck = await source.keyCheck();
  if (keyCheck === undefined) throw new MovingError("There is nothing to copy: no server has used this store yet.");
  const places = await target.begin(keyCheck);
  const tables = await source.tables();
  let total = 0;
  for (const table of tables) total += await source.count(table);
  let done = 0;
  if (places.size > 0) for (const table of tables) done += await target.count(table);
  steps.started?.(total, done);
  for (const table of tables) await copyTable(source, target, { table, places, steps });
  const report = await compare(source, target, steps);
  if (report.equal) await target.finish();
  return report;
}

interface TableCopy {
  readonly table: string;
  readonly places: ReadonlyMap<string, string>;
  readonly steps: CopySteps;
}

async function copyTable(source: RawStore, target: RawTarget, { table, places, steps }: TableCopy): Promise<void> {
  // A place of the other engine's, of a copy that began from there, says nothing here; what is there already stays.
  const mark = `${source.engine} `;
  const place = places.get(table);
  const after = place?.startsWith(mark) === true ? place.slice(mark.length) : undefined;
  for await (const batch of source.read(table, after === "" ? undefined : after)) {
    await target.write(table, { rows: batch.rows, place: `${mark}${batch.place}` });
    steps.copied?.(batch.rows.length);
  }
}

/** Reads both sides whole. */
export async function compare(source: RawStore, copy: RawStore, steps: CopySteps = {}): Promise<CopyReport> {
  const names = [...new Set([...(await source.tables()), ...(await copy.tables())])];
  const tables: TableReport[] = [];
  let total = 0;
  for (const table of names) total += await source.count(table);
  await steps.comparing?.(total);
  for (const table of names) {
    const [one, other] = [await sumOf(source, table, steps), await sumOf(copy, table, {})];
    tables.push({
      table,
      rows: one.rows,
      rowsInCopy: other.rows,
      checksum: one.checksum,
      checksumOfCopy: other.checksum,
      equal: one.rows === other.rows && one.checksum === other.checksum,
    });
  }
  const usage = tables.filter(({ table }) => monthOf(table) !== undefined);
  return {
    // What there is one of is no news to anyone, unless it differs.
    tables: tables.filter(({ table, rows, equal }) => !equal || (rows > 0 && table !== metaTable)),
    equal: tables.every(({ equal }) => equal),
    records: usage.reduce((sum, { rows }) => sum + rows, 0),
  };
}

/** The sum of the rows' hashes: engines have orders of their own. */
async function sumOf(
  store: RawStore,
  table: string,
  { compared }: CopySteps,
): Promise<{ readonly rows: number; readonly checksum: string }> {
  let rows = 0;
  let high = 0;
  let low = 0;
  for await (const batch of store.read(table)) {
    for (const row of batch.rows) {
      const digest = hash("sha256", JSON.stringify(row), "buffer");
      high = (high + digest.readUInt32BE(0)) >>> 0;
      low = (low + digest.readUInt32BE(4)) >>> 0;
    }
    rows += batch.rows.length;
    compared?.(batch.rows.length);
  }
  const hex = (part: number): string => part.toString(16).padStart(8, "0");
  return { rows, checksum: `${hex(high)}${hex(low)}` };
}
