/** Records on their way into the table: their order, and their rows in the binary form of COPY. */
import type { UsageClaim } from "../ledger.ts";
import { putUuid } from "../recordIds.ts";
import type { Subject } from "./interner.ts";

const msPerHour = 3_600_000;
const twoTo32 = 4_294_967_296;

/** One record on its way. */
export interface Claiming {
  readonly position: number;
  readonly record: UsageClaim;
  readonly subject: Subject;
  readonly dimension: number;
  readonly entry: number;
  readonly id: string;
  readonly call: number;
}

/**
 * The order of the table's key, which all nodes lock in. Accounts are twelve digits, whose numbers have the order of their
 * texts in less time; where one is not, texts are compared.
 */
export function byKey(a: Claiming, b: Claiming): number {
  if (a.record.hour !== b.record.hour) return a.record.hour - b.record.hour;
  if (a.subject !== b.subject) {
    const accounts = a.subject.rank - b.subject.rank;
    if (accounts !== 0) return Number.isNaN(accounts) ? byAccountText(a.subject, b.subject) : accounts;
    if (a.subject.id !== b.subject.id) return a.subject.id - b.subject.id;
  }
  return a.dimension - b.dimension || a.entry - b.entry;
}

function byAccountText(a: Subject, b: Subject): number {
  if (a.account === b.account) return a.id - b.id;
  return a.account < b.account ? -1 : 1;
}

/** Milliseconds since the start of the record's hour. */
export function millisecondsIn({ timestampMs, hour }: UsageClaim): number {
  return Math.round(timestampMs) - hour * msPerHour;
}

export function allocationsText({ allocations }: UsageClaim): string | null {
  return allocations === undefined ? null : JSON.stringify(allocations);
}

/** Of `usageRows`, in this order. */
export const usageColumns =
  "hour, account, subject, dimension, entry, quantity, record_id, at_ms, call, billable, allocations, client_token";
const columnCount = 12;
/** Of a row without its texts: the count of the columns, a length before each, and the numbers. */
const rowBytes = 2 + columnCount * 4 + 4 + 8 + 4 + 8 + 8 + 16 + 4 + 8 + 1;
/** Signature, flags and length of the extension. */
const header = Buffer.concat([Buffer.from("PGCOPY\n\xff\r\n\0", "latin1"), Buffer.alloc(8)]);
const trailerBytes = 2;
const absent = -1;
/** UTF-8 of one UTF-16 unit. */
const bytesPerUnitMax = 3;

/** For COPY … (FORMAT binary). Throws RangeError for an id that is no UUID. */
export function usageRows(claims: readonly Claiming[]): Uint8Array {
  const rows = new Rows(header.length + trailerBytes + claims.length * rowBytes + textBytesMax(claims));
  for (const { record, subject, dimension, entry, id, call } of claims) {
    rows.begin();
    rows.int4(record.hour);
    rows.text(subject.account);
    rows.int8(subject.id);
    rows.int4(dimension);
    rows.int8(entry);
    rows.int8(record.quantity);
    rows.uuid(id);
    rows.int4(millisecondsIn(record));
    rows.int8(call);
    rows.bool(record.billable);
    rows.text(allocationsText(record));
    rows.text(record.clientToken?.token ?? null);
  }
  return rows.end();
}

function textBytesMax(claims: readonly Claiming[]): number {
  let units = 0;
  for (const { record, subject } of claims) {
    units += subject.account.length + (record.clientToken?.token.length ?? 0);
    if (record.allocations !== undefined) units += allocationsText(record)?.length ?? 0;
  }
  return units * bytesPerUnitMax;
}

class Rows {
  readonly #bytes: Buffer;
  #at: number;

  constructor(size: number) {
    this.#bytes = Buffer.allocUnsafe(size);
    this.#at = header.copy(this.#bytes);
  }

  begin(): void {
    this.#at = this.#bytes.writeInt16BE(columnCount, this.#at);
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
    const length = this.#bytes.write(value, this.#at + 4, "utf8");
    this.#word(length);
    this.#at += length;
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
