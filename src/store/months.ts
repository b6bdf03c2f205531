/** The months of the usage as an operator sees them: what each holds, and how an old one goes. */
import type { ClockState } from "../api/types.ts";
import type { Ledger } from "./ledger.ts";

export interface Month {
  /** `2026-07`, UTC. */
  readonly month: string;
  /** Counted up to a million; beyond, as the database estimates it. */
  readonly records: number;
  readonly isEstimate: boolean;
  /** On disk, indexes included. */
  readonly bytes: number;
}

export interface DroppedMonth {
  readonly records: number;
  /** Idempotency tokens whose records were in it. */
  readonly tokens: number;
}

/** Nodes may serve the database meanwhile. */
export interface Months {
  list(): Promise<readonly Month[]>;
  /** Reads the records, for an export. */
  readonly ledger: Pick<Ledger, "page" | "count">;
  /** How the business clock goes; undefined: with the wall clock. */
  clock(): Promise<ClockState | undefined>;
  /**
   * Takes the month out of the usage, and its tokens with it. `expected`: so many records, or it stays and this rejects:
   * they were exported, and nothing else may go. Absent: however many there are.
   */
  drop(month: string, expected?: number): Promise<DroppedMonth>;
  close(): Promise<void>;
}

const msPerHour = 3_600_000;

/** First hour of a month and of the next (epoch seconds / 3,600). Throws a RangeError for what is no month. */
export function hoursOfMonth(month: string): { readonly from: number; readonly to: number } {
  const [, year = "", number = ""] = /^(\d{4})-(0[1-9]|1[0-2])$/.exec(month) ?? [];
  const at = Date.UTC(Number(year), Number(number) - 1);
  if (year === "") throw new RangeError(`'${month}' is not a month such as 2026-08`);
  return { from: at / msPerHour, to: Date.UTC(Number(year), Number(number)) / msPerHour };
}

/** The month of an instant (epoch milliseconds), some months on or, below 0, back. */
export function monthAt(at: number, on = 0): string {
  const start = new Date(at);
  return new Date(Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + on)).toISOString().slice(0, 7);
}
