/** Rows in the binary form of COPY. */
import { putUuid } from "../recordIds.ts";

const twoTo32 = 4_294_967_296;
/** Signature, flags and length of the extension. */
const header = Buffer.concat([Buffer.from("PGCOPY\n\xff\r\n\0", "latin1"), Buffer.alloc(8)]);
/** In place of a length: NULL. In place of a count of columns: the end. */
const absent = -1;
/** Of a row beside its texts and bytes: twice what our widest has. */
const fixedMaxBytes = 512;
/** UTF-8 of one UTF-16 unit. */
const bytesPerUnitMax = 3;

/** One value a column, in the order of the statement's columns; `begin` before each row. */
export class CopyRows {
  #bytes: Buffer;
  #at: number;

  /** `expectedBytes`: it grows beyond them where it must. */
  constructor(expectedBytes: number) {
    this.#bytes = Buffer.allocUnsafe(expectedBytes + 2 * fixedMaxBytes);
    this.#at = header.copy(this.#bytes);
  }

  begin(columns: number): void {
    this.#room(0);
    this.#at = this.#bytes.writeInt16BE(columns, this.#at);
  }

  end(): Uint8Array {
    this.#at = this.#bytes.writeInt16BE(absent, this.#at);
    return this.#bytes.subarray(0, this.#at);
  }

  int4(value: number): void {
    this.#word(4);
    this.#word(value);
  }

  /** Of a safe integer. */
  int8(value: number): void {
    this.#word(8);
    this.#word(Math.floor(value / twoTo32));
    // Shifts take a number modulo 2^32, so the lower half needs no division.
    this.#word(value);
  }

  bool(value: boolean): void {
    this.#word(1);
    this.#bytes[this.#at++] = value ? 1 : 0;
  }

  /** Throws RangeError for what is no lower-case UUID. */
  uuid(text: string): void {
    this.#word(16);
    if (!putUuid(text, this.#bytes, this.#at)) throw new RangeError(`${text} is no UUID`);
    this.#at += 16;
  }

  text(value: string | null): void {
    if (value === null) {
      this.#word(absent);
      return;
    }
    this.#room(value.length * bytesPerUnitMax);
    const length = this.#bytes.write(value, this.#at + 4, "utf8");
    this.#word(length);
    this.#at += length;
  }

  bytes(value: Uint8Array | null): void {
    if (value === null) {
      this.#word(absent);
      return;
    }
    this.#room(value.length);
    this.#word(value.length);
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
  }

  /** For so much, and for what else may come before the next look. */
  #room(bytes: number): void {
    if (this.#at + bytes + fixedMaxBytes <= this.#bytes.length) return;
    const wider = Buffer.allocUnsafe(this.#bytes.length * 2 + bytes);
    this.#bytes.copy(wider, 0, 0, this.#at);
    this.#bytes = wider;
  }

  /** The lowest 32 bits, the highest byte first. */
  #word(value: number): void {
    const bytes = this.#bytes;
    bytes[this.#at++] = value >>> 24;
    bytes[this.#at++] = value >>> 16;
    bytes[this.#at++] = value >>> 8;
    bytes[this.#at++] = value;
  }
}
