/**
 * The keys of the usage rows that one call stored, as bytes of its audit row: some six a record, since the rows of a call
 * share their hours and have small integers for everything else. It is what leads from a call to its records without an
 * index on the usage, which would cost every insert a page.
 */

export interface StoredKey {
  readonly hour: number;
  readonly subject: number;
  readonly dimension: number;
  /** Of the record within the call, where the key's entry is made of it (agentcore); -1 elsewhere. */
  readonly position: number;
}

/** Longest form of one key: four numbers of at most eight bytes. */
const keyMaxBytes = 32;

/** Collects the keys of one call at a time; one buffer for all of them. */
export class StoredKeys {
  #buffer = Buffer.allocUnsafe(4_096);
  #length = 0;
  #hour = 0;

  clear(): void {
    this.#length = 0;
    this.#hour = 0;
  }

  add({ hour, subject, dimension, position }: StoredKey): void {
    if (this.#length + keyMaxBytes > this.#buffer.length) {
      this.#buffer = Buffer.concat([this.#buffer], this.#buffer.length * 2);
    }
    const change = hour - this.#hour;
    this.#hour = hour;
    // Zigzag: hours go back as well as forth, and the sign takes the lowest bit.
    this.#write(change < 0 ? -2 * change - 1 : 2 * change);
    this.#write(subject);
    this.#write(dimension);
    this.#write(position + 1);
  }

  /** A view that the next call overwrites: bind it at once. null: the call stored nothing. */
  bytes(): Uint8Array | null {
    return this.#length === 0 ? null : this.#buffer.subarray(0, this.#length);
  }

  /** Seven bits a byte, the lowest first; the high bit says that more follow. */
  #write(value: number): void {
    let rest = value;
    while (rest >= 128) {
      this.#buffer[this.#length++] = (rest % 128) + 128;
      rest = Math.floor(rest / 128);
    }
    this.#buffer[this.#length++] = rest;
  }
}

export function readStoredKeys(bytes: Uint8Array): readonly StoredKey[] {
  const keys: StoredKey[] = [];
  let at = 0;
  let hour = 0;
  const read = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[at] ?? 0;
      at += 1;
      value += (byte % 128) * factor;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const change = read();
    hour += change % 2 === 1 ? -(change + 1) / 2 : change / 2;
    keys.push({ hour, subject: read(), dimension: read(), position: read() - 1 });
  }
  return keys;
}
