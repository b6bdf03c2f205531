/**
 * The values of one column, from the records until their row group is written. As an array of what the records hold, ten
 * thousand rows outlive the young generation, and the heap of a long export is twice as large for their garbage.
 */

/** What is taken is read before the next value is added. */
export interface Cells {
  add(value: unknown): void;
  /** All values since the last time, in order. */
  take(): unknown[];
}

const rowsAtFirst = 16_384;

/** A value that comes again is held once. */
export class InternedCells implements Cells {
  readonly #places = new Map<unknown, number>();
  readonly #values: unknown[] = [];
  #rows = new Uint32Array(rowsAtFirst);
  #count = 0;

  add(value: unknown): void {
    let place = this.#places.get(value);
    if (place === undefined) {
      place = this.#values.push(value) - 1;
      this.#places.set(value, place);
    }
    if (this.#count === this.#rows.length) this.#rows = larger(this.#rows, new Uint32Array(this.#count * 2));
    this.#rows[this.#count] = place;
    this.#count += 1;
  }

  take(): unknown[] {
    const all = Array.from(this.#rows.subarray(0, this.#count), (place) => this.#values[place]);
    this.#places.clear();
    this.#values.length = 0;
    this.#count = 0;
    return all;
  }
}

/** Numbers, each taken as what `as` makes of it. */
export class NumberCells implements Cells {
  readonly #as: (value: number) => unknown;
  #rows = new Float64Array(rowsAtFirst);
  #count = 0;

  constructor(as: (value: number) => unknown) {
    this.#as = as;
  }

  add(value: unknown): void {
    if (typeof value !== "number") throw new Error(`a column of numbers was given a ${typeof value}`);
    if (this.#count === this.#rows.length) this.#rows = larger(this.#rows, new Float64Array(this.#count * 2));
    this.#rows[this.#count] = value;
    this.#count += 1;
  }

  take(): unknown[] {
    const all = Array.from(this.#rows.subarray(0, this.#count), (value) => this.#as(value));
    this.#count = 0;
    return all;
  }
}

const bytesAtFirst = 524_288;

/** Distinct texts, in one buffer as UTF-8: the writer would make a buffer for each. */
export class TextCells implements Cells {
  #bytes = Buffer.allocUnsafeSlow(bytesAtFirst);
  #ends = new Uint32Array(rowsAtFirst);
  #count = 0;
  #end = 0;

  add(value: unknown): void {
    if (typeof value !== "string") throw new Error(`a column of texts was given a ${typeof value}`);
    const needed = this.#end + Buffer.byteLength(value);
    if (needed > this.#bytes.length) this.#bytes = larger(this.#bytes, Buffer.allocUnsafeSlow(needed * 2));
    if (this.#count === this.#ends.length) this.#ends = larger(this.#ends, new Uint32Array(this.#count * 2));
    this.#end += this.#bytes.write(value, this.#end);
    this.#ends[this.#count] = this.#end;
    this.#count += 1;
  }

  take(): unknown[] {
    let start = 0;
    const all = Array.from(this.#ends.subarray(0, this.#count), (end) => {
      const bytes = this.#bytes.subarray(start, end);
      start = end;
      return bytes;
    });
    this.#count = 0;
    this.#end = 0;
    return all;
  }
}

function larger<T extends { set(values: T): void }>(from: T, to: T): T {
  to.set(from);
  return to;
}
