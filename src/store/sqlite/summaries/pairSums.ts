/**
 * Usage of a day by subject, dimension and whether it is billed: as it is on disk, and as it is added up. On disk a block
 * is numbers of as many bytes as they need, seven bits in each, the low ones first: the newest call that stored something
 * of the day, then each subject with how many sums it has, and those as dimension × 2 + billed, quantity, records.
 */
import { exactMax, type UsageSum } from "./blockSums.ts";

/** A day of more pairs than this is not kept: they are held in memory while it is made. */
export const pairsMax = 100_000;

/** Which parts of a pair sums are told apart by. */
export interface PairParts {
  readonly subject: boolean;
  readonly dimension: boolean;
  readonly billable: boolean;
}

const all: PairParts = { subject: true, dimension: true, billable: true };

export interface Pair extends UsageSum {
  readonly subject: number;
  readonly dimension: number;
  readonly billable: number;
}

export class PairSums {
  readonly #subjects = new Map<number, Map<number, UsageSum>>();
  readonly #parts: PairParts;
  #size = 0;
  #largest = 0;

  constructor(parts = all) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#size;
  }

  /** Doubles hold the sums, and hold them still when those of one more block are added. */
  get isExact(): boolean {
    return this.#largest <= exactMax;
  }

  add(subject: number, dimension: number, billable: number, quantity: number, records: number): void {
    this.#addTo(this.#sumsOf(subject), this.#keyOf(dimension * 2 + billable), quantity, records);
  }

  /** From `place` of a block on, subjects of `sums` sums at least; returns the place after them. */
  addBlock(content: Uint8Array, place: number, sums: number): number {
    let at = place;
    const next = (): number => {
      let value = 0;
      for (let factor = 1; ; factor *= base) {
        const byte = content[at] ?? 0;
        at += 1;
        if (byte < base) return value + byte * factor;
        value += (byte - base) * factor;
      }
    };
    for (let left = sums; left > 0 && at < content.length; ) {
      const own = this.#sumsOf(next());
      const count = next();
      left -= count;
      for (let one = 0; one < count; one += 1) this.#addTo(own, this.#keyOf(next()), next(), next());
    }
    return at;
  }

  *[Symbol.iterator](): Generator<Pair> {
    for (const [subject, sums] of this.#subjects) {
      for (const [key, { quantity, records }] of sums) {
        yield { subject, dimension: Math.floor(key / 2), billable: key % 2, quantity, records };
      }
    }
  }

  encoded(lastCall: number): Uint8Array {
    const out = new Numbers();
    out.put(lastCall);
    for (const [subject, sums] of this.#subjects) {
      out.put(subject);
      out.put(sums.size);
      for (const [key, { quantity, records }] of sums) {
        out.put(key);
        out.put(quantity);
        out.put(records);
      }
    }
    return out.bytes();
  }

  #sumsOf(subject: number): Map<number, UsageSum> {
    const key = this.#parts.subject ? subject : 0;
    let sums = this.#subjects.get(key);
    if (sums === undefined) {
      sums = new Map();
      this.#subjects.set(key, sums);
    }
    return sums;
  }

  #keyOf(key: number): number {
    const billable = key % 2;
    return (this.#parts.dimension ? key - billable : 0) + (this.#parts.billable ? billable : 0);
  }

  #addTo(sums: Map<number, UsageSum>, key: number, quantity: number, records: number): void {
    const sum = sums.get(key);
    if (sum === undefined) {
      sums.set(key, { quantity, records });
      this.#size += 1;
      if (quantity > this.#largest) this.#largest = quantity;
      return;
    }
    sum.quantity += quantity;
    sum.records += records;
    if (sum.quantity > this.#largest) this.#largest = sum.quantity;
  }
}

/** The number at the start of a block, and the place of its sums. */
export function blockHead(content: Uint8Array): { readonly lastCall: number; readonly place: number } {
  let lastCall = 0;
  let place = 0;
  for (let factor = 1; ; factor *= base) {
    const byte = content[place] ?? 0;
    place += 1;
    lastCall += (byte % base) * factor;
    if (byte < base) return { lastCall, place };
  }
}

const base = 128;
const startBytes = 65_536;
/** Of a number up to 2^53. */
const numberBytesMax = 8;

class Numbers {
  #bytes = new Uint8Array(startBytes);
  #length = 0;

  put(number: number): void {
    if (this.#length + numberBytesMax > this.#bytes.length) {
      const longer = new Uint8Array(this.#bytes.length * 2);
      longer.set(this.#bytes);
      this.#bytes = longer;
    }
    let left = number;
    while (left >= base) {
      const low = left % base;
      this.#bytes[this.#length] = low + base;
      this.#length += 1;
      left = (left - low) / base;
    }
    this.#bytes[this.#length] = left;
    this.#length += 1;
  }

  bytes(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }
}
