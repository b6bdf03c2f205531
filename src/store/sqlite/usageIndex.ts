/**
 * The usage keys of the hours that calls are about, in memory: what tells whether a key is taken without a look at the
 * disk. What the journal holds is always in it. Beyond a bound the hours that were not asked for the longest go, and keys
 * of such hours are looked up in their table.
 */
import { HourIndex } from "./hourIndex.ts";
import { IndexMemory } from "./indexMemory.ts";

/** Room that an hour takes besides its entries, in entries. */
const entriesPerHour = 16;
/** So much of the bound is left when hours had to go: they go seldom, and several at a time. */
const roomKept = 0.75;

export interface UsageIndexParts {
  /** Entries in all. */
  readonly entriesMax: number;
  /** Whether the tables hold no usage of the hour. Throws RangeError for an hour that no table can hold. */
  readonly isEmpty: (hour: number) => boolean;
}

export interface IndexedKey {
  readonly subject: number;
  readonly dimension: number;
  readonly quantity: number;
}

export class UsageIndex {
  readonly #parts: UsageIndexParts;
  readonly #memory = new IndexMemory();
  readonly #hours = new Map<number, HourIndex>();
  #last: HourIndex | undefined;
  /** Hours with entries that are not settled. */
  #open: HourIndex[] = [];
  #entries = 0;
  #asked = 0;
  readonly #idWords = new Uint32Array(4);
  readonly #idBytes = new Uint8Array(this.#idWords.buffer);

  constructor(parts: UsageIndexParts) {
    this.#parts = parts;
  }

  /** Entries, with what the hours themselves take. */
  get size(): number {
    return this.#entries + this.#hours.size * entriesPerHour;
  }

  get isFull(): boolean {
    return this.size > this.#parts.entriesMax;
  }

  /** Whether there is room for this many more entries, and some besides. */
  hasRoomFor(entries: number): boolean {
    return this.size + entries <= this.#parts.entriesMax * roomKept;
  }

  hour(hour: number): HourIndex {
    const last = this.#last;
    if (last !== undefined && last.hour === hour) return last;
    let found = this.#hours.get(hour);
    if (found === undefined) {
      found = new HourIndex(hour, this.#parts.isEmpty(hour), this.#memory);
      this.#hours.set(hour, found);
    }
    this.#asked += 1;
    found.usedAt = this.#asked;
    this.#last = found;
    return found;
  }

  /** A claimed key, whose row is in the journal's row `journaled`: until `settle` it may be undone. */
  claim(
    hour: HourIndex,
    key: IndexedKey,
    id: { readonly words: Uint32Array; readonly place: number },
    journaled: number,
  ): void {
    if (hour.count === hour.settled) this.#open.push(hour);
    hour.add(key.subject, key.dimension, key.quantity, id.words, id.place);
    hour.journaled = journaled;
  }

  /** A key that is on disk, unless it is known. Called outside of transactions. `id`: 16 bytes. */
  learn(hour: HourIndex, key: IndexedKey, id: Uint8Array): void {
    if (hour.find(key.subject, key.dimension) >= 0) return;
    this.#idBytes.set(id);
    hour.add(key.subject, key.dimension, key.quantity, this.#idWords, 0);
    hour.settled = hour.count;
    this.#entries += 1;
  }

  /** The transaction is through. */
  settle(): void {
    for (const hour of this.#open) {
      this.#entries += hour.count - hour.settled;
      hour.settled = hour.count;
    }
    this.#open = [];
  }

  /** The transaction is undone. */
  undo(): void {
    for (const hour of this.#open) hour.undo();
    this.#open = [];
  }

  /** Lets hours go, when there are too many entries, of which all is in the tables: up to the journal's row `moved`. */
  release(moved: number): void {
    if (!this.isFull) return;
    const oldestFirst = [...this.#hours.values()].sort((a, b) => a.usedAt - b.usedAt);
    for (const hour of oldestFirst) {
      if (this.hasRoomFor(0)) return;
      if (hour.journaled > moved) continue;
      this.#hours.delete(hour.hour);
      this.#entries -= hour.count;
      hour.release();
      if (this.#last === hour) this.#last = undefined;
    }
  }

  /** Whether this is still the hour's index. */
  holds(hour: HourIndex): boolean {
    return this.#hours.get(hour.hour) === hour;
  }

  clear(): void {
    this.#memory.clear();
    this.#hours.clear();
    this.#last = undefined;
    this.#open = [];
    this.#entries = 0;
  }
}
