/**
 * A connection of its own that only reads, for another thread of the process that owns the file. Each page is a read of
 * its own: one transaction over a whole export would keep the WAL from being cut back for as long as a slow client takes.
 */
import { DatabaseSync } from "node:sqlite";
import type { LedgerReader, ReaderSource } from "../ledgerReader.ts";
import { MonthTables } from "./monthTables.ts";
import { selectUsage } from "./usagePages.ts";
import { selectTotals } from "./usageQueries.ts";

/** Pages of usage are read once, in order; what stays are the upper pages of the trees, and subjects and dimensions. */
const cacheSizeKiB = 4_096;
/** A reader meets a lock for a moment only, such as while the WAL is cut back. */
const busyTimeoutMs = 10_000;
/** Allocations of one record can take a megabyte: a page ends early when its own take so many characters. */
const pageMaxChars = 2_097_152;

export function readerSource(file: string): ReaderSource {
  return { module: import.meta.url, options: { file } };
}

/** `options`: those of `readerSource`. The file must be open in this process, which holds its lock. */
export function openReader(options: unknown): LedgerReader {
  const { file } = options as { readonly file: string };
  const database = new DatabaseSync(file, {
    readOnly: true,
    timeout: busyTimeoutMs,
    enableForeignKeyConstraints: false,
  });
  database.exec(`PRAGMA cache_size = -${cacheSizeKiB}`);
  const months = new MonthTables(database);
  // What was queued is committed: `asOf` was asked for before.
  const parts = { database, months, again: () => undefined };
  return {
    page: (filter, limit, cursor, order) =>
      selectUsage(parts, filter, { limit, cursor, order, maxChars: pageMaxChars }),
    count: async (filter) => selectTotals(database, months, filter),
    close: () => database.close(),
  };
}
