/**
 * Metering records as a stream of bytes: read from the ledger in pages, encoded page by page, and never all in memory.
 * What was stored at the mark that the count was taken at is exported, whatever arrives meanwhile.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Ledger, UsageFilter } from "../store/ledger.ts";
import { csvOf } from "./exportCsv.ts";
import { jsonLinesOf } from "./exportJsonLines.ts";
import { parquetOf } from "./exportParquet.ts";
import type { RecordPages } from "./recordView.ts";

export const exportFormats = ["csv", "parquet", "jsonl"] as const;
export type ExportFormat = (typeof exportFormats)[number];

/** A ledger, or a reader of one. */
export type ExportLedger = Pick<Ledger, "page" | "count">;

export interface RecordExport {
  /** Records that the bytes hold once they have ended well. */
  readonly count: number;
  /** Read once. Throws rather than ends when it is not whole. */
  readonly bytes: AsyncIterable<Uint8Array>;
}

/** Where it happens in the serving thread, calls wait while a page is read and encoded: some milliseconds. */
const pageRecords = 500;
const msPerHour = 3_600_000;

const encoders: Readonly<Record<ExportFormat, (pages: RecordPages) => AsyncIterable<Uint8Array>>> = {
  csv: csvOf,
  parquet: parquetOf,
  jsonl: jsonLinesOf,
};

/** Counts what matches; the bytes are made as they are asked for, in this thread. `filter.asOf` says which moment. */
export async function exportAsOf(
  ledger: ExportLedger,
  filter: UsageFilter,
  format: ExportFormat,
): Promise<RecordExport> {
  const count = await countInTurns(ledger, filter);
  return { count, bytes: encoders[format](whole(pagesOf(ledger, filter), count)) };
}

/**
 * Hour by hour: one statement over everything would keep every call waiting for seconds, and so would a page of a filter
 * that few records match.
 */
async function countInTurns(ledger: ExportLedger, filter: UsageFilter): Promise<number> {
  let total = 0;
  for await (const hour of hoursOf(ledger, filter)) {
    const { count } = await ledger.count({ ...filter, ...hour });
    total += count;
    await nextTurn();
  }
  return total;
}

export async function* pagesOf(ledger: ExportLedger, filter: UsageFilter): RecordPages {
  for await (const hour of hoursOf(ledger, filter)) {
    let cursor: string | undefined;
    do {
      const page = await ledger.page({ ...filter, ...hour }, pageRecords, cursor);
      if (page.length > 0) yield page.map(({ record }) => record);
      // Also after a page that is not full: large records end one early.
      cursor = page.at(-1)?.position;
      await nextTurn();
    } while (cursor !== undefined);
  }
}

type HourRange = Required<Pick<UsageFilter, "fromHourAt" | "toHourAt">>;

/** The hours that hold records at all. The next one is found by the key alone, so gaps of any length cost one look-up. */
async function* hoursOf(ledger: ExportLedger, { fromHourAt, toHourAt }: UsageFilter): AsyncIterable<HourRange> {
  const end = toHourAt === undefined ? {} : { toHourAt };
  let from = fromHourAt ?? 0;
  for (;;) {
    const [next] = await ledger.page({ fromHourAt: from, ...end }, 1);
    if (next === undefined) return;
    const { hourAt } = next.record;
    from = hourAt + msPerHour;
    yield { fromHourAt: hourAt, toHourAt: from };
  }
}

/** A store that was reset meanwhile gives fewer records than were counted: that must not pass for all of them. */
async function* whole(pages: RecordPages, count: number): RecordPages {
  let seen = 0;
  for await (const page of pages) {
    seen += page.length;
    yield page;
  }
  if (seen !== count) throw new Error(`${count} metering records were counted, and ${seen} were there to be exported`);
}
