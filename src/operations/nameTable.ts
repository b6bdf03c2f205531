/**
 * What is known under a name, for names that come as fresh text with every record. A Map would intern each text before it
 * looked it up, and compare it with a key that lies in no cache; here an account id of 12 digits is looked up by its
 * number, with no text touched, and any other name by a hash of its end, then by itself.
 */

const digitsOfAccountId = 12;
const digitsOfHalf = 6;
const halfSize = 1_000_000;
/** So many characters of another name are hashed: identifiers and the tails of ARNs differ at their end. */
const hashedMax = 16;
const firstPlaces = 16;
/** Free places of a full table, as a share: a search ends soon. */
const freeShare = 0.3;
/** Two odd numbers that spread neighbours far apart. */
const [spreadHigh, spreadLow] = [0x9e3779b1, 0x85ebca6b];
const free = 0;
/** What `getAll` works with: as many names as a batch has, and some more. */
const atOnceMax = 32;
const keysAtOnce = new Float64Array(atOnceMax);
const placesAtOnce = new Int32Array(atOnceMax);

export class NameTable<T> {
  /** By place: 1 + an account's number, or -1 - the hash of another name; `free`. */
  #keys = new Float64Array(firstPlaces);
  #names: (string | undefined)[] = new Array(firstPlaces).fill(undefined);
  #values: (T | undefined)[] = new Array(firstPlaces).fill(undefined);
  #count = 0;

  get(name: string): T | undefined {
    const keys = this.#keys;
    const last = keys.length - 1;
    const key = keyOf(name);
    for (let place = placeOf(key) & last; ; place = (place + 1) & last) {
      const there = keys[place];
      if (there === key && (key > 0 || this.#names[place] === name)) return this.#values[place];
      if (there === free) return undefined;
    }
  }

  /**
   * Of a batch's names, in their order. In passes that do little each: of a large table no place lies in a cache, and so
   * those of all names are fetched at the same time.
   */
  getAll(names: readonly string[]): readonly (T | undefined)[] {
    const found: (T | undefined)[] = [];
    for (let start = 0; start < names.length; start += atOnceMax) this.#getSome(names, start, found);
    return found;
  }

  #getSome(names: readonly string[], start: number, found: (T | undefined)[]): void {
    const table = this.#keys;
    const last = table.length - 1;
    const count = Math.min(names.length - start, atOnceMax);
    for (let index = 0; index < count; index += 1) {
      const key = keyOf(names[start + index] ?? "");
      keysAtOnce[index] = key;
      placesAtOnce[index] = placeOf(key) & last;
    }
    for (let index = 0; index < count; index += 1) {
      const key = keysAtOnce[index] ?? free;
      let place = placesAtOnce[index] ?? 0;
      let there = table[place] ?? free;
      while (there !== key && there !== free) {
        place = (place + 1) & last;
        there = table[place] ?? free;
      }
      placesAtOnce[index] = place;
    }
    for (let index = 0; index < count; index += 1) {
      const key = keysAtOnce[index] ?? free;
      const place = placesAtOnce[index] ?? 0;
      // A free place has no value. Others than accounts are compared by their names.
      found.push(key > 0 ? this.#values[place] : this.get(names[start + index] ?? ""));
    }
  }

  /** The name must not be in the table yet. */
  add(name: string, value: T): void {
    if (this.#count >= this.#keys.length * (1 - freeShare)) this.#grow();
    this.#put(keyOf(name), name, value);
    this.#count += 1;
  }

  #put(key: number, name: string | undefined, value: T | undefined): void {
    const last = this.#keys.length - 1;
    let place = placeOf(key) & last;
    while (this.#keys[place] !== free) place = (place + 1) & last;
    this.#keys[place] = key;
    this.#values[place] = value;
    if (key < 0) this.#names[place] = name;
  }

  #grow(): void {
    const [keys, names, values] = [this.#keys, this.#names, this.#values];
    const places = keys.length * 2;
    this.#keys = new Float64Array(places);
    this.#names = new Array(places).fill(undefined);
    this.#values = new Array(places).fill(undefined);
    for (let place = 0; place < keys.length; place += 1) {
      const key = keys[place] ?? free;
      if (key !== free) this.#put(key, names[place], values[place]);
    }
  }
}

/** Never `free`. Positive: it stands for this one name. Negative: other names may have it too. */
function keyOf(name: string): number {
  if (name.length === digitsOfAccountId) {
    const high = numberAt(name, 0);
    const low = numberAt(name, digitsOfHalf);
    if (high >= 0 && low >= 0) return high * halfSize + low + 1;
  }
  let hash = name.length;
  for (let index = Math.max(0, name.length - hashedMax); index < name.length; index += 1) {
    hash = Math.imul(hash ^ name.charCodeAt(index), spreadHigh);
  }
  return -1 - (hash >>> 0);
}

/** Of six digits from `start` on; -1: one of them is none. In halves, so that it stays within whole numbers of 32 bits. */
function numberAt(name: string, start: number): number {
  let number = 0;
  for (let index = start; index < start + digitsOfHalf; index += 1) {
    const digit = name.charCodeAt(index) - 48;
    if (digit < 0 || digit > 9) return -1;
    number = number * 10 + digit;
  }
  return number;
}

function placeOf(key: number): number {
  const spread = Math.imul(key, spreadLow) ^ Math.imul(key / 0x1_0000_0000, spreadHigh); // Both take the low 32 bits.
  return spread ^ (spread >>> 15);
}
