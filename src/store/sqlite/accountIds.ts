/**
 * Integers of account ids, which are twelve digits and so a number themselves: a map would hash each text and fetch the
 * one that it holds, for most records of a request.
 */
const digits = 12;
const half = 6;
const halfRange = 1_000_000;
const zero = 48;
const firstSlots = 64;
const slotsPerEntryMin = 2;

export class AccountIds {
  /** The account's number plus one; 0 = none. */
  #keys = new Float64Array(firstSlots);
  #ids = new Float64Array(firstSlots);
  #count = 0;

  /** `account`: as `accountNumber` gives it. 0: it is not here. */
  get(account: number): number {
    const keys = this.#keys;
    const mask = keys.length - 1;
    for (let slot = hashOf(account) & mask; ; slot = (slot + 1) & mask) {
      const key = keys[slot];
      if (key === account + 1) return this.#ids[slot] ?? 0;
      if (key === 0) return 0;
    }
  }

  /** One that is not here yet. `id`: above 0. */
  add(account: number, id: number): void {
    this.#count += 1;
    if (this.#count * slotsPerEntryMin > this.#keys.length) this.#grow();
    this.#place(account, id);
  }

  #place(account: number, id: number): void {
    const mask = this.#keys.length - 1;
    let slot = hashOf(account) & mask;
    while (this.#keys[slot] !== 0) slot = (slot + 1) & mask;
    this.#keys[slot] = account + 1;
    this.#ids[slot] = id;
  }

  #grow(): void {
    const [keys, ids] = [this.#keys, this.#ids];
    this.#keys = new Float64Array(keys.length * 2);
    this.#ids = new Float64Array(keys.length * 2);
    for (const [slot, key] of keys.entries()) if (key !== 0) this.#place(key - 1, ids[slot] ?? 0);
  }
}

/** Of an account id; -1 for any other text. */
export function accountNumber(text: string): number {
  if (text.length !== digits) return -1;
  let high = 0;
  let low = 0;
  for (let place = 0; place < half; place += 1) {
    const first = text.charCodeAt(place) - zero;
    const second = text.charCodeAt(place + half) - zero;
    if (first < 0 || first > 9 || second < 0 || second > 9) return -1;
    high = high * 10 + first;
    low = low * 10 + second;
  }
  return high * halfRange + low;
}

function hashOf(account: number): number {
  const high = Math.trunc(account / halfRange);
  const mixed = Math.imul(high, 0x9e3779b1) ^ Math.imul(account - high * halfRange, 0x85ebca6b);
  return Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d) >>> 8;
}
