/**
 * The usage keys of one hour in memory, with their holders: an open-addressing table over entries that lie in the order
 * in which they came, so that the newest can be taken back. About 40 bytes a record.
 */
import { uuidText } from "../recordIds.ts";
import type { IndexMemory } from "./indexMemory.ts";

/** Words of an entry: subject, dimension, the quantity's two, the id's four. */
const entryWords = 8;
const quantityAt = 1;
const idAt = 4;
const idWords = 4;
/** Entries of a piece of memory; the first piece grows up to it. */
const pieceBits = 12;
const pieceEntries = 1 << pieceBits;
const pieceMask = pieceEntries - 1;
const firstEntries = 16;
/** Slots for each entry before the table grows, and by how much: entries are placed anew once in three, all in all. */
const slotsPerEntryMin = 4 / 3;
const growth = 4;
/** Of a slot, the bits of the entry's number. The others are some of its hash: most entries that are not meant stay unread. */
const entryMask = 0x003f_ffff;
const tagMask = ~entryMask;
const entriesMax = entryMask;
const firstSlots = 32;

/** Of a whole piece. */
const pieceWords = pieceEntries * entryWords;

interface Piece {
  readonly words: Uint32Array<ArrayBuffer>;
  /** The same memory. */
  readonly doubles: Float64Array;
}

export class HourIndex {
  readonly hour: number;
  /** Every record of the hour with a key of its own is here: what is not, is nowhere. */
  isComplete: boolean;
  /** Look-ups in the hour's table that this did not spare. */
  misses = 0;
  /** Number of the journal's row that holds the newest entry that came by a claim. */
  journaled = 0;
  /** When it was last asked, by the index's count. */
  usedAt = 0;
  count = 0;
  /** Entries that no undone transaction takes away. */
  settled = 0;
  readonly #memory: IndexMemory;
  #pieces: Piece[] = [pieceOf(new Uint32Array(firstEntries * entryWords))];
  /** Number of the entry, plus one, and above it the tag of its key; 0 = none. */
  #slots = new Uint32Array(firstSlots);

  constructor(hour: number, isComplete: boolean, memory: IndexMemory) {
    this.hour = hour;
    this.isComplete = isComplete;
    this.#memory = memory;
  }

  /** The entry's number, or -1. */
  find(subject: number, dimension: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    const hash = hashOf(subject, dimension);
    for (let place = hash & mask; ; place = (place + 1) & mask) {
      const slot = slots[place] ?? 0;
      if (slot === 0) return -1;
      if (((slot ^ hash) & tagMask) !== 0) continue;
      const entry = (slot & entryMask) - 1;
      const { words } = this.#piece(entry);
      const at = (entry & pieceMask) * entryWords;
      if (words[at] === subject && words[at + 1] === dimension) return entry;
    }
  }

  /** A key that is not there yet, with the four words of its holder's id, from `place` on. */
  add(subject: number, dimension: number, quantity: number, ids: Uint32Array, place: number): void {
    if ((this.count + 1) * slotsPerEntryMin > this.#slots.length) this.#growSlots();
    const entry = this.count;
    if (entry === entriesMax) throw new RangeError(`The index of hour ${this.hour} holds ${entriesMax} keys, its most`);
    if (entry >> pieceBits >= this.#pieces.length) this.#pieces.push(pieceOf(this.#memory.take(pieceWords)));
    else if (entry < pieceEntries && entry === this.#piece(0).words.length / entryWords) this.#growFirst();
    const { words, doubles } = this.#piece(entry);
    const at = (entry & pieceMask) * entryWords;
    words[at] = subject;
    words[at + 1] = dimension;
    doubles[at / 2 + quantityAt] = quantity;
    for (let word = 0; word < idWords; word += 1) words[at + idAt + word] = ids[place + word] ?? 0;
    this.count = entry + 1;
    this.#place(entry, subject, dimension);
  }

  quantity(entry: number): number {
    return this.#piece(entry).doubles[((entry & pieceMask) * entryWords) / 2 + quantityAt] ?? 0;
  }

  /** A copy of the holder's id. */
  id(entry: number): Uint8Array {
    const { words } = this.#piece(entry);
    const at = (entry & pieceMask) * entryWords + idAt;
    return new Uint8Array(words.slice(at, at + idWords).buffer);
  }

  idText(entry: number): string {
    return uuidText(this.id(entry));
  }

  /** Takes back what came after `settled`, the newest first: no entry before it was placed past one of these. */
  undo(): void {
    while (this.count > this.settled) {
      const entry = this.count - 1;
      const { words } = this.#piece(entry);
      const at = (entry & pieceMask) * entryWords;
      const mask = this.#slots.length - 1;
      const hash = hashOf(words[at] ?? 0, words[at + 1] ?? 0);
      const slot = slotOf(entry, hash);
      let place = hash & mask;
      while (this.#slots[place] !== slot) place = (place + 1) & mask;
      this.#slots[place] = 0;
      this.count = entry;
    }
  }

  /** Hands its memory back. It is not used after that. */
  release(): void {
    for (const { words } of this.#pieces) this.#memory.give(words);
    this.#memory.give(this.#slots);
    this.#pieces = [];
    this.#slots = new Uint32Array(0);
    this.count = 0;
  }

  #piece(entry: number): Piece {
    return this.#pieces[entry >> pieceBits] as Piece;
  }

  #place(entry: number, subject: number, dimension: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    const hash = hashOf(subject, dimension);
    let place = hash & mask;
    while (slots[place] !== 0) place = (place + 1) & mask;
    slots[place] = slotOf(entry, hash);
  }

  /** Entries are placed anew in their order, so that the newest ones still come last. */
  #growSlots(): void {
    const before = this.#slots;
    this.#slots = this.#memory.take(before.length * growth).fill(0);
    this.#memory.give(before);
    for (let entry = 0; entry < this.count; entry += 1) {
      const { words } = this.#piece(entry);
      const at = (entry & pieceMask) * entryWords;
      this.#place(entry, words[at] ?? 0, words[at + 1] ?? 0);
    }
  }

  #growFirst(): void {
    const { words } = this.#piece(0);
    const larger = pieceOf(new Uint32Array(words.length * 2));
    larger.words.set(words);
    this.#pieces[0] = larger;
  }
}

function pieceOf(words: Uint32Array<ArrayBuffer>): Piece {
  return { words, doubles: new Float64Array(words.buffer) };
}

function slotOf(entry: number, hash: number): number {
  return ((hash & tagMask) | (entry + 1)) >>> 0;
}

function hashOf(subject: number, dimension: number): number {
  let mixed = Math.imul(subject, 0x9e3779b1) ^ Math.imul(dimension, 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d);
  return (mixed ^ (mixed >>> 13)) >>> 0;
}
