/** Records on their way into the table: their order, and their rows in the binary form of COPY. */
import type { UsageClaim } from "../ledger.ts";
import { CopyRows } from "./copyRows.ts";
import type { Subject } from "./interner.ts";

const msPerHour = 3_600_000;

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
  if (a.subject.id !== b.subject.id) return bySubject(a.subject, b.subject);
  return a.dimension - b.dimension || a.entry - b.entry;
}

function bySubject(a: Subject, b: Subject): number {
  const apart = a.rank - b.rank;
  if (Number.isNaN(apart) && a.account !== b.account) return a.account < b.account ? -1 : 1;
  return apart || a.id - b.id;
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
/** Of most rows; those with allocations are longer. */
const rowBytes = 128;

/** For COPY … (FORMAT binary). Throws RangeError for an id that is no UUID. */
export function usageRows(claims: readonly Claiming[]): Uint8Array {
  const rows = new CopyRows(claims.length * rowBytes);
  for (const { record, subject, dimension, entry, id, call } of claims) {
    rows.begin(columnCount);
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
