/** Metering record ids: random version 4 UUIDs, 16 bytes on disk, lower-case text everywhere else. */
import { randomFillSync } from "node:crypto";

export const idLengthBytes = 16;
const poolSizeIds = 1024;
const textLength = 36;
const dash = 45;
/** 1: the text has a dash before this one of its bytes. */
const dashBefore = Uint8Array.of(0, 0, 0, 0, 1, 0, 1, 0, 1, 0, 1, 0, 0, 0, 0, 0);
const hexDigits = Buffer.from("0123456789abcdef", "latin1");

export interface RecordId {
  readonly text: string;
  /** A view that the next ids overwrite: bind it at once, do not keep it. */
  readonly bytes: Uint8Array;
}

/** Makes ids from a pool of random bytes: one call for randomness, and one text to cut up, in 1,024 records. */
export class RecordIds {
  /** Of the newest id: the words of `words` from here on. */
  place = 0;
  /** 16 bytes each, four words; overwritten when the pool is used up, so take what is needed at once. */
  readonly words = new Uint32Array((idLengthBytes * poolSizeIds) / 4);
  /** The same memory. */
  readonly bytes = Buffer.from(this.words.buffer);
  readonly #ascii = Buffer.alloc(textLength * poolSizeIds);
  #texts = "";
  #next = poolSizeIds;

  next(): RecordId {
    const text = this.nextText();
    return { text, bytes: this.bytes.subarray(this.place * 4, this.place * 4 + idLengthBytes) };
  }

  /** Text of a new id, whose words are at `place`. */
  nextText(): string {
    if (this.#next === poolSizeIds) this.#fill();
    const at = this.#next * textLength;
    this.place = this.#next * 4;
    this.#next += 1;
    return this.#texts.slice(at, at + textLength);
  }

  #fill(): void {
    const bytes = this.bytes;
    randomFillSync(bytes);
    let to = 0;
    for (let start = 0; start < bytes.length; start += idLengthBytes) {
      // RFC 9562: version 4 in the high nibble of byte 6, variant 10 in the high bits of byte 8.
      bytes[start + 6] = ((bytes[start + 6] ?? 0) & 0x0f) | 0x40;
      bytes[start + 8] = ((bytes[start + 8] ?? 0) & 0x3f) | 0x80;
      for (let index = 0; index < idLengthBytes; index += 1) {
        if (dashBefore[index] === 1) this.#ascii[to++] = dash;
        const byte = bytes[start + index] ?? 0;
        this.#ascii[to++] = hexDigits[byte >>> 4] ?? 0;
        this.#ascii[to++] = hexDigits[byte & 15] ?? 0;
      }
    }
    this.#texts = this.#ascii.toString("latin1");
    this.#next = 0;
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

const noDigit = 255;
const digitOf = new Uint8Array(128).fill(noDigit);
for (const [value, letter] of [..."0123456789abcdef"].entries()) digitOf[letter.charCodeAt(0)] = value;

/** Puts the 16 bytes of a lower-case UUID in their place; false, with the place spoilt, for any other text. */
export function putUuid(text: string, into: Uint8Array, place: number): boolean {
  if (text.length !== textLength) return false;
  let at = 0;
  for (let index = 0; index < idLengthBytes; index += 1) {
    if (dashBefore[index] === 1 && text.charCodeAt(at++) !== dash) return false;
    const high = digitOf[text.charCodeAt(at)] ?? noDigit;
    const low = digitOf[text.charCodeAt(at + 1)] ?? noDigit;
    if (high === noDigit || low === noDigit) return false;
    into[place + index] = (high << 4) | low;
    at += 2;
  }
  return true;
}

function dashed(hex: string): string {
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
