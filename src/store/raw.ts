/**
 * A store as its rows, for what works below the ports: copies between engines, backups, another master key. Rows are the
 * same for all engines, so that a copy is a read and a write, and a check is a sum over both.
 */

/** In the order of the table's columns (`rawTables.ts`); truth values are 1 and 0, bytes are hex digits. */
export type RawRow = readonly (string | number | null)[];

export interface RawBatch {
  readonly rows: readonly RawRow[];
  /** Where it ends, in the order of the engine that gave it. */
  readonly place: string;
}

/** What of the catalogue holds secrets. */
export const sealedKinds = ["credentials", "products", "targets", "workloads"] as const;
/** `keys`: sealed texts by name, which nodes share; the embedded store has files for them. */
export type SealedKind = (typeof sealedKinds)[number] | "keys";

/** The document in its place; undefined: the row goes. */
export type Reseal = (kind: SealedKind, document: string, key: string) => Promise<string | undefined>;

export interface RawStore {
  /** Places are of one engine's making. */
  readonly engine: "sqlite" | "postgres";
  /** What tells whether a key is the store's own (`sealer.ts`), and this store from others. undefined: it is new. */
  keyCheck(): Promise<string | undefined>;
  /** Names in the order in which they are to be copied; of usage one a month, `usage 2026-07`. */
  tables(): Promise<readonly string[]>;
  count(table: string): Promise<number>;
  /** Batches of bounded size, after a place of this engine's. */
  read(table: string, after?: string): AsyncIterable<RawBatch>;
  close(): Promise<void>;
}

/** Nobody else has the store open, nor can open it, until it is closed. */
export interface OwnedRawStore extends RawStore {
  /** Replaces what is sealed, and the check of the key, in one transaction: all of it or nothing. */
  reseal(keyCheck: string, reseal: Reseal): Promise<void>;
}

/** Takes a copy. Until it is finished no server opens it. */
export interface RawTarget extends RawStore {
  /**
   * Begins, or goes on where an earlier run of the same copy stopped: the places of its tables. `keyCheck`: of the store
   * that is copied. Throws a MovingError when there is something else here.
   */
  begin(keyCheck: string): Promise<ReadonlyMap<string, string>>;
  /** Adds the rows that are not there yet and notes the place, in one transaction. */
  write(table: string, batch: RawBatch): Promise<void>;
  /** From now on servers open it. */
  finish(): Promise<void>;
}

/** Why rows cannot be read or taken here, in words that a person can act on. */
export class MovingError extends Error {
  override readonly name = "MovingError";
}

/** A batch ends at so many rows, or where its rows have so many characters. */
export const batchRows = 2_000;
export const batchChars = 4_194_304;

export function charsOf(row: RawRow): number {
  let chars = 0;
  for (const value of row) chars += typeof value === "string" ? value.length : 8;
  return chars;
}
