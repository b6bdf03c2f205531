/**
 * Calls counted by the hour. What was counted stays in memory, a few numbers an hour; of the trail only what was written
 * since is read. Hours that are over are kept on disk, too, for the next start. Reading goes in slices with a turn of the
 * event loop between them, so that calls are answered meanwhile.
 */

import type { DatabaseSync } from "node:sqlite";
import type { CallCount, RecordCount, SummarySpan } from "../../summaries.ts";
import type { Turn } from "../journalMover.ts";
import { blockHours, blockOf, blocksAhead, type KeptBlocks } from "./keptBlocks.ts";
import type { Rest } from "./readyAhead.ts";

const msPerHour = 3_600_000;
/** Events of a slice: some milliseconds of reading. */
const sliceEvents = 2_000;
/** A year by the hour. */
const hoursMax = 8_784;

/** By outcome: calls, then records by letter. */
type HourCounts = Map<string, number[]>;
type CountRow = {
  readonly hour: number;
  readonly outcome: string;
  readonly calls: number;
  readonly s: number;
  readonly r: number;
  readonly d: number;
  readonly n: number;
  readonly u: number;
};

const letterCount = (letter: string): string =>
  `sum(length(statuses) - length(replace(statuses, '${letter}', ''))) AS ${letter.toLowerCase()}`;

/** Callers without an identity are the server itself. */
const counted = (events: string): string => `
  SELECT at / ${msPerHour} AS hour, outcome, count(*) AS calls, ${[..."SRDNU"].map(letterCount).join(", ")}
  FROM (SELECT at, outcome, coalesce(json_extract(detail, '$.statuses'), '') AS statuses
        FROM (${events}) e CROSS JOIN callers c ON c.id = e.caller WHERE c.identity <> '')
  GROUP BY 1, 2`;

/** In the order of time, as the index has it; `$at`, `$seq`: the last one of the slice before. */
const inTime = `FROM audit INDEXED BY audit_at
  WHERE caller > 0 AND (at, seq) > ($at, $seq) AND at < $end ORDER BY at, seq`;

interface Parts {
  readonly database: DatabaseSync;
  /** Lets other calls go on. Rejects when the store is closed. */
  readonly turn: Turn;
  /** Resolves with the number of the newest event when all events up to it are in the table. */
  readonly visible: () => Promise<number>;
  readonly blocks: KeptBlocks;
}

/** A block on disk: its hours with their counts, as JSON. */
type BlockContent = readonly (readonly [hour: number, counts: readonly (readonly [string, number[]])[]])[];

export class CallCounts {
  readonly #parts: Parts;
  /** Of the events up to `#upTo`. */
  readonly #hours = new Map<number, HourCounts>();
  #upTo = 0;
  #generation = 0;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Events were removed, or all of them: what was counted of their hours is counted again. */
  forget(beforeAt = Number.POSITIVE_INFINITY): void {
    this.#generation += 1;
    for (const hour of this.#hours.keys()) if (hour * msPerHour < beforeAt) this.#hours.delete(hour);
  }

  /** One after the other: two that count the same hours would read them twice. */
  select(span: SummarySpan): Promise<readonly CallCount[]> {
    return this.#inTurn(() => this.#select(span));
  }

  /** Puts the blocks of a chart's time on disk. Rejects when the store fails or is closed. */
  async readyAhead(rest: Rest): Promise<void> {
    const ends = this.#parts.database
      .prepare(
        "SELECT (SELECT min(at) FROM audit WHERE caller > 0) AS oldest, max(at) AS newest FROM audit WHERE caller > 0",
      )
      .get();
    if (typeof ends?.oldest !== "number" || typeof ends.newest !== "number") return;
    const newest = Math.floor(ends.newest / msPerHour);
    for (const block of blocksAhead(Math.floor(ends.oldest / msPerHour), newest)) {
      if (this.#parts.blocks.has("calls", block)) continue;
      await this.#inTurn(() => this.#makeBlock(block));
      await rest();
    }
  }

  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(run);
    this.#turn = done.catch(() => {});
    return done;
  }

  async #makeBlock(block: number): Promise<void> {
    const { blocks } = this.#parts;
    const look = blocks.look();
    await this.#catchUp();
    const first = block * blockHours;
    const read = await this.#read(first, first + blockHours);
    if (read.size === 0) return;
    const content: BlockContent = [...read].map(([hour, counts]) => [hour, [...counts]] as const);
    blocks.write("calls", block, look, Buffer.from(JSON.stringify(content), "utf8"));
  }

  /** Hours from the disk, if they are there. */
  #takeBlock(hour: number): void {
    const block = blockOf(hour);
    const content = this.#parts.blocks.read("calls", block);
    if (content === undefined) return;
    const read = new Map<number, HourCounts>();
    for (const [one, counts] of JSON.parse(Buffer.from(content).toString("utf8")) as BlockContent) {
      read.set(one, new Map(counts));
    }
    this.#keep(block * blockHours, (block + 1) * blockHours, read);
  }

  async #select({ fromHour, toHour, bucketHours }: SummarySpan): Promise<readonly CallCount[]> {
    await this.#catchUp();
    const buckets = new Map<number, HourCounts>();
    const fold = (hour: number, counts: HourCounts): void => {
      const bucket = Math.floor(hour / bucketHours) * bucketHours;
      const into = buckets.get(bucket) ?? new Map<string, number[]>();
      buckets.set(bucket, into);
      for (const [outcome, numbers] of counts) add(into, outcome, numbers);
    };
    for (let hour = fromHour; hour < toHour; hour += 1) {
      if (!this.#hours.has(hour)) this.#takeBlock(hour);
      const known = this.#hours.get(hour);
      if (known !== undefined) {
        fold(hour, known);
        continue;
      }
      let end = hour + 1;
      while (end < toHour && !this.#hours.has(end) && !this.#parts.blocks.has("calls", blockOf(end))) end += 1;
      const read = await this.#read(hour, end);
      for (; hour < end; hour += 1) fold(hour, read.get(hour) ?? new Map());
      hour -= 1;
    }
    return [...buckets]
      .toSorted(([a], [b]) => a - b)
      .flatMap(([bucket, counts]) => [...counts].map(([outcome, numbers]) => countOf(bucket, outcome, numbers)));
  }

  /** What was written since goes to the hours that are known; the others will be read when they are asked for. */
  async #catchUp(): Promise<void> {
    const { database, turn, visible } = this.#parts;
    const upTo = await visible();
    if (this.#hours.size === 0) this.#upTo = upTo;
    const select = database.prepare(
      counted("SELECT caller, at, outcome, detail FROM audit WHERE caller > 0 AND seq > $from AND seq <= $to"),
    );
    while (this.#upTo < upTo) {
      const from = this.#upTo;
      const to = Math.min(upTo, from + sliceEvents);
      for (const row of select.all({ from, to }) as CountRow[]) {
        const known = this.#hours.get(row.hour);
        if (known !== undefined) add(known, row.outcome, numbersOf(row));
      }
      this.#upTo = to;
      await turn();
    }
  }

  /** The hours of [from, to), which are known from now on. */
  async #read(fromHour: number, toHour: number): Promise<ReadonlyMap<number, HourCounts>> {
    const { database, turn } = this.#parts;
    const generation = this.#generation;
    const read = new Map<number, HourCounts>();
    const slice = database.prepare(
      counted(`SELECT caller, at, outcome, detail FROM
        (SELECT caller, at, seq, outcome, detail ${inTime} LIMIT ${sliceEvents}) WHERE seq <= $upTo`),
    );
    const last = database.prepare(`SELECT at, seq ${inTime} LIMIT 1 OFFSET ${sliceEvents - 1}`);
    const end = toHour * msPerHour;
    let place: { at: number; seq: number } | undefined = { at: fromHour * msPerHour, seq: -1 };
    while (place !== undefined) {
      for (const row of slice.all({ ...place, end, upTo: this.#upTo }) as CountRow[]) {
        const counts = read.get(row.hour) ?? new Map<string, number[]>();
        read.set(row.hour, counts);
        add(counts, row.outcome, numbersOf(row));
      }
      place = last.get({ ...place, end }) as { at: number; seq: number } | undefined;
      if (place === undefined) break;
      await turn();
    }
    if (generation === this.#generation) this.#keep(fromHour, toHour, read);
    return read;
  }

  #keep(fromHour: number, toHour: number, read: ReadonlyMap<number, HourCounts>): void {
    if (toHour - fromHour > hoursMax) return;
    if (this.#hours.size + toHour - fromHour > hoursMax) this.#hours.clear();
    for (let hour = fromHour; hour < toHour; hour += 1) this.#hours.set(hour, read.get(hour) ?? new Map());
  }
}

function numbersOf({ calls, s, r, d, n, u }: CountRow): number[] {
  return [calls, s, r, d, n, u];
}

function add(counts: HourCounts, outcome: string, numbers: readonly number[]): void {
  const sum = counts.get(outcome);
  counts.set(outcome, sum === undefined ? [...numbers] : sum.map((value, index) => value + (numbers[index] ?? 0)));
}

function countOf(bucket: number, outcome: string, numbers: readonly number[]): CallCount {
  const [calls = 0, stored = 0, replayed = 0, duplicate = 0, notSubscribed = 0, unprocessed = 0] = numbers;
  const records: RecordCount = { stored, replayed, duplicate, notSubscribed, unprocessed };
  return { bucket, outcome, calls, records };
}
