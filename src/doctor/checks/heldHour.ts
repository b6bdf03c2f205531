/**
 * The records that hold the keys of one hour of usage, in typed arrays: some 40 bytes a record. A doctor that looks at
 * a day and a half of a busy seller holds millions; as objects in a map each took ten times as much.
 */

/** Whose usage of which dimension: a number that stands for both. Another Region's record of the same is its own. */
export type Series = number;

/** The first record that was accepted under a key, or what is known of it by a replay. */
export interface Held {
  readonly region: string;
  readonly quantity: number;
  /** Of the call, epoch milliseconds. */
  readonly at: number;
  readonly requestId: string;
}

const firstCapacity = 64;
/** Slots for each record there is room for: at most half of them are taken. */
const slotsPerRow = 2;
/** Spreads numbers that follow on each other over the slots (the golden ratio of 2^32, as in Knuth's multiplicative hash). */
const spread = 0x9e37_79b1;

export class HeldHour {
  readonly #regionNames: string[];
  /** Of each slot the first row of a series, plus 1. */
  #slots = new Int32Array(firstCapacity * slotsPerRow);
  #series = new Int32Array(firstCapacity);
  /** The next row of the same series, plus 1: another Region's. */
  #next = new Int32Array(firstCapacity);
  #regions = new Uint16Array(firstCapacity);
  #quantities = new Float64Array(firstCapacity);
  #times = new Float64Array(firstCapacity);
  /** Place of the call's id in `#requestIds`. */
  #calls = new Int32Array(firstCapacity);
  readonly #requestIds: string[] = [];
  #size = 0;
  #newestAt = 0;

  /** `regionNames` is shared by hours, and grows. */
  constructor(regionNames: string[]) {
    this.#regionNames = regionNames;
  }

  get size(): number {
    return this.#size;
  }

  /** Of the newest call that added a record. */
  get newestAt(): number {
    return this.#newestAt;
  }

  /** In the order in which they were added, one a Region. */
  all(series: Series): readonly Held[] {
    const held: Held[] = [];
    for (let row = this.#first(series); row >= 0; row = this.#after(row)) held.push(this.#held(row));
    return held;
  }

  of(series: Series, region: string): Held | undefined {
    for (let row = this.#first(series); row >= 0; row = this.#after(row)) {
      if (this.#regionNames[this.#regions[row] ?? 0] === region) return this.#held(row);
    }
    return undefined;
  }

  /** Calls come in order of time. False: the Region has a record of the series, and keeps it. */
  add(series: Series, { region, quantity, at, requestId }: Held): boolean {
    let last = -1;
    for (let row = this.#first(series); row >= 0; row = this.#after(row)) {
      if (this.#regionNames[this.#regions[row] ?? 0] === region) return false;
      last = row;
    }
    if (this.#size === this.#series.length) this.#grow();
    if (this.#requestIds.at(-1) !== requestId) this.#requestIds.push(requestId);
    const row = this.#size;
    this.#size += 1;
    this.#newestAt = at;
    this.#series[row] = series;
    this.#regions[row] = this.#regionPlace(region);
    this.#quantities[row] = quantity;
    this.#times[row] = at;
    this.#calls[row] = this.#requestIds.length - 1;
    if (last >= 0) this.#next[last] = row + 1;
    else this.#slots[this.#slotOf(series)] = row + 1;
    return true;
  }

  #regionPlace(region: string): number {
    const place = this.#regionNames.indexOf(region);
    return place < 0 ? this.#regionNames.push(region) - 1 : place;
  }

  #after(row: number): number {
    return (this.#next[row] ?? 0) - 1;
  }

  #held(row: number): Held {
    return {
      region: this.#regionNames[this.#regions[row] ?? 0] ?? "",
      quantity: this.#quantities[row] ?? 0,
      at: this.#times[row] ?? 0,
      requestId: this.#requestIds[this.#calls[row] ?? 0] ?? "",
    };
  }

  #first(series: Series): number {
    return (this.#slots[this.#slotOf(series)] ?? 0) - 1;
  }

  /** The slot of the series, or the empty one where it belongs. */
  #slotOf(series: Series): number {
    const mask = this.#slots.length - 1;
    let slot = (Math.imul(series, spread) >>> 7) & mask;
    for (;;) {
      const row = (this.#slots[slot] ?? 0) - 1;
      if (row < 0 || this.#series[row] === series) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #grow(): void {
    const capacity = this.#series.length * 2;
    this.#series = copied(this.#series, new Int32Array(capacity));
    this.#next = copied(this.#next, new Int32Array(capacity));
    this.#regions = copied(this.#regions, new Uint16Array(capacity));
    this.#quantities = copied(this.#quantities, new Float64Array(capacity));
    this.#times = copied(this.#times, new Float64Array(capacity));
    this.#calls = copied(this.#calls, new Int32Array(capacity));
    const firsts = this.#slots.filter((row) => row > 0);
    this.#slots = new Int32Array(capacity * slotsPerRow);
    for (const row of firsts) this.#slots[this.#slotOf(this.#series[row - 1] ?? 0)] = row;
  }
}

function copied<T extends Int32Array | Uint16Array | Float64Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
