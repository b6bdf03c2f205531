/** Days of usage by pairs: from the disk, or made of the rows, some at a time with a turn of the event loop between. */
import type { DatabaseSync } from "node:sqlite";
import type { Turn } from "../journalMover.ts";
import type { MonthTables } from "../monthTables.ts";
import { lastHour, nextHour } from "../usageScan.ts";
import { blocksAhead, isSettled, type KeptBlocks, kindHours } from "./keptBlocks.ts";
import { PairSums, pairsMax } from "./pairSums.ts";
import type { Rest } from "./readyAhead.ts";

const dayHours = kindHours.pair;
/** Rows that are read in one turn: some milliseconds. */
const sliceRows = 4_000;

export interface DayParts {
  readonly database: DatabaseSync;
  readonly months: MonthTables;
  /** Lets other calls go on. Rejects when the store is closed. */
  readonly turn: Turn;
  readonly blocks: KeptBlocks;
}

/** What is kept of a day whose sums are too many, or too large for doubles: no number, so that it is not tried again. */
const unkept = new Uint8Array(0);

type Row = readonly [
  hour: number,
  subject: number,
  dimension: number,
  entry: number,
  quantity: number,
  billable: number,
  call: number,
];

/**
 * The block of a day, made and kept if its hours are over; undefined: its rows must be read. It holds every record that
 * was in the tables when it was asked for. Of those that came while it was made it may hold some, and then its newest
 * call tells; such a block is not kept.
 */
export async function dayBlock(parts: DayParts, day: number): Promise<Uint8Array | undefined> {
  const { blocks } = parts;
  const kept = blocks.read("pair", day);
  if (kept !== undefined) return kept.length === 0 ? undefined : kept;
  const newest = lastHour(parts, 0, Number.MAX_SAFE_INTEGER);
  if (newest === undefined || !isSettled(day, newest, dayHours)) return undefined;
  const look = blocks.look();
  const made = await madeOfRows(parts, day);
  if (made === undefined) return undefined;
  try {
    blocks.write("pair", day, look, made);
  } catch {
    // A full disk: the sums are right all the same.
  }
  return made.length === 0 ? undefined : made;
}

/** Puts the days that bills are made of on disk. Rejects when the store fails or is closed. */
export async function readyDays(parts: DayParts, rest: Rest): Promise<void> {
  const oldest = nextHour(parts, 0, Number.MAX_SAFE_INTEGER);
  const newest = lastHour(parts, 0, Number.MAX_SAFE_INTEGER);
  if (oldest === undefined || newest === undefined) return;
  for (const day of blocksAhead(oldest, newest, dayHours)) {
    if (parts.blocks.has("pair", day)) continue;
    await dayBlock(parts, day);
    await rest();
  }
}

/** undefined: there are no rows. */
async function madeOfRows({ database, months, turn }: DayParts, day: number): Promise<Uint8Array | undefined> {
  const firstHour = day * dayHours;
  const sums = new PairSums();
  let lastCall = 0;
  let last: Pick<Row, 0 | 1 | 2 | 3> = [firstHour, -1, 0, 0];
  for (;;) {
    // Asked each time: a reset drops the months.
    const [table] = months.within(firstHour, firstHour + 1);
    if (table === undefined) return undefined;
    const select = database.prepare(
      `SELECT hour, subject, dimension, entry, quantity, billable, call FROM ${table}
       WHERE (hour, subject, dimension, entry) > (?, ?, ?, ?) AND hour < ?
       ORDER BY hour, subject, dimension, entry LIMIT ${sliceRows}`,
    );
    select.setReturnArrays(true);
    const rows = select.all(last[0], last[1], last[2], last[3], firstHour + dayHours) as unknown as readonly Row[];
    for (const [, subject, dimension, , quantity, billable, call] of rows) {
      sums.add(subject, dimension, billable, quantity, 1);
      if (call > lastCall) lastCall = call;
    }
    if (sums.size > pairsMax || !sums.isExact) return unkept;
    const end = rows.at(-1);
    if (end === undefined || rows.length < sliceRows) break;
    last = end;
    await turn();
  }
  return sums.size === 0 ? undefined : sums.encoded(lastCall);
}
