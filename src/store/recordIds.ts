/** Metering record ids: random version 4 UUIDs, 16 bytes on disk, lower-case text everywhere else. */
import { randomFillSync } from "node:crypto";

const idLengthBytes = 16;
const poolSizeIds = 1024;

export interface RecordId {
  readonly text: string;
  /** A view that the next ids overwrite: bind it at once, do not keep it. */
  readonly bytes: Uint8Array;
}

/** Makes ids from a pool of random bytes: one call for randomness in 1,024 records. */
export class RecordIds {
  readonly #pool = Buffer.allocUnsafe(idLengthBytes * poolSizeIds);
  #next = this.#pool.length;

  next(): RecordId {
    if (this.#next === this.#pool.length) {
      randomFillSync(this.#pool);
      this.#next = 0;
    }
    const start = this.#next;
    this.#next += idLengthBytes;
    // RFC 9562: version 4 in the high nibble of byte 6, variant 10 in the high bits of byte 8.
    this.#pool[start + 6] = ((this.#pool[start + 6] ?? 0) & 0x0f) | 0x40;
    this.#pool[start + 8] = ((this.#pool[start + 8] ?? 0) & 0x3f) | 0x80;
    const bytes = this.#pool.subarray(start, this.#next);
    return { text: dashed(bytes.toString("hex")), bytes };
  }
}

/** Text of a UUID's 16 bytes. */
export function uuidText(bytes: Uint8Array): string {
  return dashed(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex"));
}

/** The 16 bytes of a lower-case UUID; undefined for any other text. */
export function uuidBytes(text: string): Uint8Array | undefined {
  if (!/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/.test(text)) return undefined;
  return Buffer.from(text.replaceAll("-", ""), "hex");
}

function dashed(hex: string): string {
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
