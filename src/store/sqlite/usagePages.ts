/**
 * Usage record by record, a page at a time. The hours are read in slices with a turn of the event loop between them: a
 * filter that few records match, or none, would keep every call waiting while all hours are read.
 */
import type { DatabaseSync } from "node:sqlite";
import { setImmediate as nextTurn } from "node:timers/promises";
import { InvalidCursorError, type PlacedRecord, type UsageFilter, type UsageOrder } from "../ledger.ts";
import type { MonthTables } from "./monthTables.ts";
import { members, recordOf, texts, type UsageRow } from "./usageQueries.ts";
import { hoursOf, lastHour, monthEnd, monthStart, nextHour, nextSliceHours, type Scan, scanOf } from "./usageScan.ts";

/** So many hours are looked up first: a page of one customer is often found in them. */
const startHoursMax = 48;

interface Parts {
  readonly database: DatabaseSync;
  readonly months: MonthTables;
  /** Before the reads of each turn. Throws when the store is closed. */
  readonly again: () => void;
}

export interface PageInput {
  readonly limit: number;
  /** A record's position. */
  readonly cursor?: string | undefined;
  /** Default oldest-first. */
  readonly order?: UsageOrder | undefined;
  /** The page ends early when the allocations on it take so many characters. */
  readonly maxChars?: number;
}

/** In order of hour, then of the key, or in the reverse of it; after `cursor`. Throws InvalidCursorError. */
export async function selectUsage(
  parts: Parts,
  filter: UsageFilter,
  { limit, cursor, order, maxChars = Number.POSITIVE_INFINITY }: PageInput,
): Promise<readonly PlacedRecord[]> {
  parts.again();
  const after = cursor === undefined ? undefined : keyOf(cursor);
  const scan = scanOf(parts.database, filter);
  const isReversed = order === "newest-first";
  const found: PlacedRecord[] = [];
  let chars = 0;
  let hours = Math.min(scan.startHours, startHoursMax);
  let span = spanOf(filter, after, isReversed);
  while (!scan.isEmpty) {
    const startedAt = performance.now();
    const slice = sliceOf(parts, span, hours, isReversed);
    if (slice === undefined) break;
    const values = { ...scan.values, ...after?.values, fromHour: slice.from, toHour: slice.to };
    const statement = parts.database.prepare(sliceText(slice.table, scan, after !== undefined, isReversed));
    for (const row of statement.iterate({ ...values, limit: limit - found.length }) as Iterable<UsageRow>) {
      found.push({
        record: recordOf(row, row, row, { request_id: row.request_id, at: row.received_at }),
        position: positionOf(row),
      });
      chars += row.allocations?.length ?? 0;
      if (chars >= maxChars) return found;
    }
    if (found.length >= limit) break;
    hours = nextSliceHours(hours, performance.now() - startedAt);
    span = isReversed ? { ...span, to: slice.from } : { ...span, from: slice.to };
    await nextTurn();
    parts.again();
  }
  return found;
}

/** Hours: the first, inclusive, and the last, exclusive. */
interface Span {
  readonly from: number;
  readonly to: number;
}

function spanOf(filter: UsageFilter, after: Key | undefined, isReversed: boolean): Span {
  const [from, to] = hoursOf(filter);
  if (after === undefined) return { from, to };
  return isReversed ? { from, to: Math.min(to, after.hour + 1) } : { from: Math.max(from, after.hour), to };
}

/** The next hours of the span, of one month, that begin with one that holds usage; in reverse, that end with one. */
function sliceOf(
  parts: Parts,
  { from, to }: Span,
  hours: number,
  isReversed: boolean,
): (Span & { readonly table: string }) | undefined {
  const next = isReversed ? lastHour(parts, from, to) : nextHour(parts, from, to);
  const [table] = next === undefined ? [] : parts.months.within(next, next + 1);
  if (next === undefined || table === undefined) return undefined;
  return isReversed
    ? { table, from: Math.max(next + 1 - hours, from, monthStart(next)), to: next + 1 }
    : { table, from: next, to: Math.min(next + hours, to, monthEnd(next)) };
}

/** The page is cut before its rows get their texts: where keys are looked up, all rows of the slice are sorted. */
function sliceText(table: string, scan: Scan, isAfter: boolean, isReversed: boolean): string {
  const direction = isReversed ? "DESC" : "ASC";
  const order = `ORDER BY ${["hour", "subject", "dimension", "entry"].map((key) => `u.${key} ${direction}`).join()}`;
  const after = isAfter
    ? `AND (u.hour, u.subject, u.dimension, u.entry) ${isReversed ? "<" : ">"}
         ($afterHour, $afterSubject, $afterDimension, $afterEntry)`
    : "";
  return `SELECT ${members}, a.request_id, a.at AS received_at
    FROM (SELECT u.* FROM ${scan.source(table)} WHERE ${scan.where} ${after} ${order} LIMIT $limit) u
    ${texts} CROSS JOIN audit a ON a.seq = u.call ${order}`;
}

/** The whole primary key: nothing else tells two records apart. */
interface Key {
  readonly hour: number;
  readonly values: Readonly<Record<string, number>>;
}

function positionOf({ hour, subject, dimension_id, entry }: UsageRow): string {
  return Buffer.from([hour, subject, dimension_id, entry].join("."), "ascii").toString("base64url");
}

function keyOf(cursor: string): Key {
  const parts = /^(\d{1,15})\.(\d{1,15})\.(\d{1,15})\.(\d{1,16})$/.exec(
    Buffer.from(cursor, "base64url").toString("latin1"),
  );
  const [hour, afterSubject, afterDimension, afterEntry] = (parts ?? []).slice(1).map(Number);
  if (hour === undefined || afterSubject === undefined || afterDimension === undefined || afterEntry === undefined) {
    throw new InvalidCursorError("The cursor is not one that this ledger gave out.");
  }
  return { hour, values: { afterHour: hour, afterSubject, afterDimension, afterEntry } };
}
