/**
 * Reading the ledger from another thread: long reads, and what is made of them there, then keep no call waiting. An engine
 * says how a reader is opened; who starts the thread is above it.
 */
import type { Ledger } from "./ledger.ts";

/** Can be sent to a thread. */
export interface ReaderSource {
  /** URL of a module that exports `openReader`, an `OpenReader`. */
  readonly module: string;
  /** What it takes. */
  readonly options: unknown;
}

/** Sees what is committed. Give an `asOf`, or pages may be of different moments. */
export interface LedgerReader extends Pick<Ledger, "page" | "count"> {
  close(): void;
}

export type OpenReader = (options: unknown) => LedgerReader;
