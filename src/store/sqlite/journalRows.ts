/**
 * What a group of claims stored, packed into bytes: for each unit its usage rows, then its audit event. Numbers are
 * little-endian, texts UTF-8 with their length before them.
 *
 *   group   u32 format · units
 *   unit    u32 rows · u32 zero · f64 call · rows · event
 *   row     u32 subject · u32 dimension · u32 hour · u32 flags and position · f64 quantity · 16 bytes of id · u32 ms of
 *           the timestamp after the hour · [JSON of what few rows have]
 *   event   f64 at · u32 caller · u32 flags (1: the request id is a UUID) · request id · outcome · detail
 */
import { idLengthBytes, putUuid } from "../recordIds.ts";

const format = 1;
const initialBytes = 65_536;
/** A buffer that one group of large allocations made grow is not kept. */
const keptBytes = 4_194_304;
const groupHeadBytes = 4;
const unitHeadBytes = 16;
export const rowBytes = 44;
const eventHeadBytes = 32;
/** UTF-8 takes at most three bytes for each of JavaScript's characters. */
const bytesPerChar = 3;
const uintMax = 0xffff_ffff;
const positionShift = 16;
const absentDetail = "";

export const rowFlags = { billable: 1, agentcore: 2, more: 4 } as const;
export const positionMax = 65_535;

/** Places of a row's members, from its first byte. */
export const rowPlaces = { subject: 0, dimension: 4, hour: 8, flags: 12, quantity: 16, id: 24, atMs: 40 } as const;

/** What few rows have. */
export interface MoreOfRow {
  /** JSON. */
  readonly allocations?: string;
  readonly token?: string;
  /** A timestamp that is not within its hour; milliseconds after the hour's start. */
  readonly atMs?: number;
}

export interface PackedRow {
  readonly subject: number;
  readonly dimension: number;
  readonly hour: number;
  readonly quantity: number;
  readonly atMs: number;
  readonly isBillable: boolean;
  /** Of the record within its call, on the agentcore path, where it is part of the key. */
  readonly position: number | undefined;
  readonly allocations: string | undefined;
  readonly token: string | undefined;
}

export interface PackedEvent {
  readonly at: number;
  readonly requestId: string;
  readonly caller: number;
  readonly outcome: string;
  /** JSON. */
  readonly detail: string | null;
}

/** Packs one group at a time. */
export class JournalWriter {
  #bytes = Buffer.allocUnsafeSlow(initialBytes);
  /** Takes the place of one that was given away. */
  #spare: Buffer<ArrayBuffer> | undefined;
  #view = new DataView(this.#bytes.buffer);
  #length = groupHeadBytes;
  #unitAt = groupHeadBytes;
  #unitRows = 0;
  /** Rows and events of the group. */
  entries = 0;

  get isEmpty(): boolean {
    return this.#length === groupHeadBytes;
  }

  get length(): number {
    return this.#length;
  }

  /** A view that the next group overwrites. */
  bytes(): Uint8Array {
    this.#view.setUint32(0, format, true);
    return this.#bytes.subarray(0, this.#length);
  }

  /** The bytes themselves, of which the first `length` are the group, for another thread. The next group has others. */
  giveAway(): Uint8Array<ArrayBuffer> {
    this.bytes();
    const given = this.#bytes;
    this.#use(this.#spare ?? Buffer.allocUnsafeSlow(initialBytes));
    this.#spare = undefined;
    this.clear();
    return given;
  }

  /** What was given away came back. */
  takeBack(bytes: Uint8Array<ArrayBuffer>): void {
    if (bytes.length <= keptBytes) this.#spare = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  clear(): void {
    this.#length = groupHeadBytes;
    this.#unitAt = groupHeadBytes;
    this.#unitRows = 0;
    this.entries = 0;
    if (this.#bytes.length > keptBytes) this.#use(Buffer.allocUnsafeSlow(initialBytes));
  }

  beginUnit(call: number): void {
    this.#reserve(unitHeadBytes);
    this.#unitAt = this.#length;
    this.#unitRows = 0;
    this.#view.setUint32(this.#length, 0, true);
    this.#view.setUint32(this.#length + 4, 0, true);
    this.#view.setFloat64(this.#length + 8, call, true);
    this.#length += unitHeadBytes;
  }

  /** `ids`, from `place` on: the 16 bytes of its id. Throws RangeError for what no table of usage takes. */
  addRow(row: PackedRow, ids: Uint8Array, place: number): void {
    const { subject, dimension, hour, quantity, atMs, position, allocations, token } = row;
    if (!(subject <= uintMax && dimension <= uintMax && hour >= 0 && hour <= uintMax)) {
      throw new RangeError(`Usage of subject ${subject}, dimension ${dimension}, hour ${hour} cannot be kept`);
    }
    if (!Number.isSafeInteger(quantity))
      throw new RangeError(`A quantity of ${quantity} is no whole number up to 2^53`);
    const isFarOff = !(atMs >= 0 && atMs <= uintMax);
    const more: MoreOfRow | undefined =
      allocations === undefined && token === undefined && !isFarOff
        ? undefined
        : {
            ...(allocations === undefined ? {} : { allocations }),
            ...(token === undefined ? {} : { token }),
            ...(isFarOff ? { atMs: safeInteger(atMs) } : {}),
          };
    let flags = row.isBillable ? rowFlags.billable : 0;
    if (more !== undefined) flags |= rowFlags.more;
    if (position !== undefined) {
      if (position > positionMax)
        throw new RangeError(`A call stores at most ${positionMax + 1} records, not ${position}`);
      flags |= rowFlags.agentcore | (position << positionShift);
    }
    this.#reserve(rowBytes);
    const view = this.#view;
    const at = this.#length;
    view.setUint32(at, subject, true);
    view.setUint32(at + rowPlaces.dimension, dimension, true);
    view.setUint32(at + rowPlaces.hour, hour, true);
    view.setUint32(at + rowPlaces.flags, flags >>> 0, true);
    view.setFloat64(at + rowPlaces.quantity, quantity, true);
    const bytes = this.#bytes;
    for (let index = 0; index < idLengthBytes; index += 1) bytes[at + rowPlaces.id + index] = ids[place + index] ?? 0;
    view.setUint32(at + rowPlaces.atMs, isFarOff ? 0 : atMs, true);
    this.#length = at + rowBytes;
    if (more !== undefined) this.#putText(JSON.stringify(more));
    this.#unitRows += 1;
  }

  /** The unit ends: with its event, or without one, and then nothing of it is kept. */
  endUnit(event: PackedEvent | undefined): void {
    if (event === undefined) {
      this.#length = this.#unitAt;
      return;
    }
    this.#reserve(eventHeadBytes);
    const view = this.#view;
    view.setFloat64(this.#length, event.at, true);
    view.setUint32(this.#length + 8, event.caller, true);
    const isUuid = putUuid(event.requestId, this.#bytes, this.#length + unitHeadBytes);
    view.setUint32(this.#length + 12, isUuid ? 1 : 0, true);
    this.#length += isUuid ? eventHeadBytes : unitHeadBytes;
    if (!isUuid) this.#putText(event.requestId);
    this.#putText(event.outcome);
    this.#putText(event.detail ?? absentDetail);
    this.#view.setUint32(this.#unitAt, this.#unitRows, true);
    this.entries += this.#unitRows + 1;
  }

  #putText(text: string): void {
    this.#reserve(4 + text.length * bytesPerChar);
    const written = this.#bytes.write(text, this.#length + 4, "utf8");
    this.#view.setUint32(this.#length, written, true);
    this.#length += 4 + written;
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    const before = this.#bytes;
    this.#use(Buffer.allocUnsafeSlow(Math.max(before.length * 2, this.#length + bytes)));
    before.copy(this.#bytes, 0, 0, this.#length);
  }

  #use(bytes: Buffer<ArrayBuffer>): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }
}

function safeInteger(value: number): number {
  if (Number.isSafeInteger(value)) return value;
  throw new RangeError(`A timestamp of ${value} ms after its hour is no whole number up to 2^53`);
}

/** Where a unit's parts lie in its group. */
export interface UnitPlaces {
  readonly call: number;
  readonly rows: number;
  /** Of the first row. */
  readonly rowsAt: number;
}

/** Reads one group. Throws when it is of another format, or damaged. */
export class JournalReader {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  #at = groupHeadBytes;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const found = this.view.getUint32(0, true);
    if (found !== format) throw new Error(`The journal holds rows of format ${found}; this version reads ${format}`);
  }

  get isAtEnd(): boolean {
    return this.#at >= this.bytes.length;
  }

  /** The next unit; its rows follow, each read by `nextRow`, then its event, by `event`. */
  unit(): UnitPlaces {
    const at = this.#at;
    this.#at = at + unitHeadBytes;
    return { rows: this.view.getUint32(at, true), call: this.view.getFloat64(at + 8, true), rowsAt: this.#at };
  }

  /** Place of the next row. */
  nextRow(): number {
    const at = this.#at;
    this.#at = at + rowBytes;
    if ((this.view.getUint32(at + rowPlaces.flags, true) & rowFlags.more) !== 0) {
      this.#at += 4 + this.view.getUint32(this.#at, true);
    }
    return at;
  }

  /** The whole row at a place. */
  row(at: number): PackedRow {
    const { view } = this;
    const flags = view.getUint32(at + rowPlaces.flags, true);
    const more = (flags & rowFlags.more) === 0 ? undefined : this.#moreAt(at + rowBytes);
    return {
      subject: view.getUint32(at, true),
      dimension: view.getUint32(at + rowPlaces.dimension, true),
      hour: view.getUint32(at + rowPlaces.hour, true),
      quantity: view.getFloat64(at + rowPlaces.quantity, true),
      atMs: more?.atMs ?? view.getUint32(at + rowPlaces.atMs, true),
      isBillable: (flags & rowFlags.billable) !== 0,
      position: (flags & rowFlags.agentcore) === 0 ? undefined : flags >>> positionShift,
      allocations: more?.allocations,
      token: more?.token,
    };
  }

  id(at: number): Uint8Array {
    // Less than a third of what `subarray` takes.
    return new Uint8Array(this.bytes.buffer, this.bytes.byteOffset + at + rowPlaces.id, idLengthBytes);
  }

  /** The unit's event, after its last row. `requestId`: 16 bytes when it is a UUID. */
  event(): Omit<PackedEvent, "requestId"> & { readonly requestId: Uint8Array | string } {
    const start = this.#at;
    const isUuid = (this.view.getUint32(start + 12, true) & 1) !== 0;
    this.#at = start + unitHeadBytes;
    if (isUuid) this.#at += idLengthBytes;
    const requestId = isUuid ? this.bytes.subarray(start + unitHeadBytes, this.#at) : this.#text();
    const outcome = this.#text();
    const detail = this.#text();
    const at = this.view.getFloat64(start, true);
    const caller = this.view.getUint32(start + 8, true);
    return { at, caller, requestId, outcome, detail: detail === absentDetail ? null : detail };
  }

  #moreAt(at: number): MoreOfRow {
    const here = this.#at;
    this.#at = at;
    const more = JSON.parse(this.#text()) as MoreOfRow;
    this.#at = here;
    return more;
  }

  #text(): string {
    const length = this.view.getUint32(this.#at, true);
    const from = this.#at + 4;
    this.#at = from + length;
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset + from, length).toString("utf8");
  }
}
