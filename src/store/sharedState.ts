/**
 * What nodes over one database hold in common besides the ledger and the catalogue: rate buckets, planned faults, browsers
 * of the console, keys made on first use. A store that one process owns has none of it: memory and files do there.
 */

export interface RateRequest {
  /** Names the bucket. */
  readonly key: string;
  /** Tokens a second; the bucket holds as many, and at least one. */
  readonly rate: number;
  /** Whole tokens, from 1 to what the bucket holds. */
  readonly want: number;
}

export interface RateGrant {
  /** Whole tokens, 0 to what was wanted. */
  readonly granted: number;
  /** Milliseconds until the bucket has a whole token again; 0: it has one. */
  readonly nextInMs: number;
}

export interface SharedRates {
  /**
   * Takes tokens out of each bucket, by one statement: no bucket may be asked for twice. In the order of the requests.
   * `now`: milliseconds of a clock that all nodes share; absent: the database's own. Rejects where the database is away.
   */
  take(requests: readonly RateRequest[], now?: number): Promise<readonly RateGrant[]>;
  /** Full buckets again; the other nodes are told. */
  clear(): Promise<void>;
}

export interface FaultRow {
  readonly id: string;
  /** JSON. */
  readonly fault: string;
  /** Calls that it will still hit; null: until it is removed. */
  readonly left: number | null;
  readonly matched: number;
  readonly hits: number;
  /** Numbers that were drawn by its seed. */
  readonly drawn: number;
}

export type FaultCounts = Pick<FaultRow, "left" | "matched" | "hits" | "drawn">;

export interface SharedFaults {
  /** Those that still wait for calls, in the order they were planned. */
  waiting(): Promise<readonly FaultRow[]>;
  /** false: as many are planned as may be. */
  add(row: FaultRow, max: number): Promise<boolean>;
  /**
   * Locks the rows of these ids, those that are used up too, and hands them over in the order they were planned; what
   * comes back is their counts from now on, by id.
   */
  change<T>(
    ids: readonly string[],
    body: (rows: readonly FaultRow[]) => { readonly counts: ReadonlyMap<string, FaultCounts>; readonly value: T },
  ): Promise<T>;
  /** false: none of that id waits. */
  remove(id: string): Promise<boolean>;
  clear(): Promise<void>;
}

/** Whoever a link or a cookie stands for. The word itself is kept by its hash alone. */
export interface BrowserRow {
  readonly hash: string;
  /** Name of the admin token. */
  readonly name: string;
  readonly role: "full" | "read";
  /** Of the root token that it rests on; '' of other tokens. */
  readonly rootMark: string;
  /** Wall time, epoch milliseconds. */
  readonly openedAt: number;
  readonly usedAt: number;
}

/** Bounds are the caller's: `max` rows stay, those that were used last; what was used before `endedBefore` goes. */
export interface BrowserBounds {
  readonly max: number;
  readonly endedBefore: number;
}

export interface BrowserRows {
  putLink(row: BrowserRow, bounds: BrowserBounds): Promise<void>;
  /** Takes it out: a second time it is not there. */
  takeLink(hash: string): Promise<BrowserRow | undefined>;
  putSession(row: BrowserRow, bounds: BrowserBounds): Promise<void>;
  session(hash: string): Promise<BrowserRow | undefined>;
  used(hash: string, at: number): Promise<void>;
  endSession(hash: string): Promise<void>;
}

/** Sealed texts by name. */
export interface KeyRows {
  read(name: string): Promise<string | undefined>;
  /** Keeps the text unless another than `seen` (undefined: any) is kept meanwhile; answers what is kept then. */
  keep(name: string, sealed: string, seen: string | undefined): Promise<string>;
}

/** `faultsCleared`: all were taken back, and calls that they hold up go on. */
export type SharedTopic = "rates" | "faults" | "faultsCleared" | "months";

export interface SharedState {
  /** Of the database: eight hex digits, the same on all nodes. */
  readonly id: string;
  readonly rates: SharedRates;
  readonly faults: SharedFaults;
  readonly browsers: BrowserRows;
  readonly keys: KeyRows;
  /** Calls the listener when another node has changed something of the topic, or may have. It must not throw. */
  onChanged(topic: SharedTopic, listener: () => void): void;
}
