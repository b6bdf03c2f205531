/**
 * Memory that hours of the index gave back, for those that come. As garbage it would make V8 collect its whole heap again
 * and again: what lies outside of that counts, too.
 */

/** Words from which on memory is kept: what is smaller is no matter. */
const keptMin = 16_384;
/** Words that are kept in all: about what a full index lets go at once. */
const keptMax = 4_194_304;

export class IndexMemory {
  /** By length. */
  readonly #free = new Map<number, Uint32Array<ArrayBuffer>[]>();
  #kept = 0;

  /** Some words, with whatever is in them. */
  take(words: number): Uint32Array<ArrayBuffer> {
    const found = this.#free.get(words)?.pop();
    if (found === undefined) return new Uint32Array(words);
    this.#kept -= words;
    return found;
  }

  give(words: Uint32Array<ArrayBuffer>): void {
    if (words.length < keptMin || this.#kept + words.length > keptMax) return;
    this.#kept += words.length;
    const free = this.#free.get(words.length);
    if (free === undefined) this.#free.set(words.length, [words]);
    else free.push(words);
  }

  clear(): void {
    this.#free.clear();
    this.#kept = 0;
  }
}
