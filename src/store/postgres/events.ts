/** The audit trail's events on their way into their table, with the keys of the usage that each call stored. */
import type { AuditDetail, AuditEvent } from "../audit.ts";
import { StoredKeys } from "../storedKeys.ts";
import type { Sql } from "./connection.ts";
import { CopyRows } from "./copyRows.ts";
import type { Interner } from "./interner.ts";
import type { Claiming } from "./usageRows.ts";

export interface StoredEvent {
  readonly event: AuditEvent;
  readonly call: number;
  readonly stored: readonly Claiming[];
}

export async function insertEvents(sql: Sql, events: readonly StoredEvent[], interner: Interner): Promise<void> {
  if (events.length === 0) return;
  const callers = await interner.callers(events.map(({ event }) => event));
  const keys = new StoredKeys();
  await sql.prepared(
    "insert-events",
    `INSERT INTO audit (${eventColumns})
     SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::bytea[])`,
    [
      events.map(({ call }) => call),
      events.map(({ event }) => event.at),
      events.map(({ event }) => event.requestId),
      callers,
      events.map(({ event }) => event.outcome),
      events.map(({ event }) => detailText(event.detail)),
      events.map(({ stored }) => {
        const bytes = keysOf(stored, keys);
        // A copy: the next call's keys are written over it.
        return bytes === null ? null : Buffer.from(bytes);
      }),
    ],
  );
}

/** Of `eventRows`, in this order. */
export const eventColumns = "seq, at, request_id, caller, outcome, detail, stored";
const columnCount = 7;
const rowBytes = 512;

/** For COPY … (FORMAT binary). `callers`: in the order of the events. */
export function eventRows(events: readonly StoredEvent[], callers: readonly number[]): Uint8Array {
  const rows = new CopyRows(events.length * rowBytes);
  const keys = new StoredKeys();
  for (const [index, { event, call, stored }] of events.entries()) {
    const caller = callers[index];
    if (caller === undefined) throw new Error("an event was left without its caller");
    rows.begin(columnCount);
    rows.int8(call);
    rows.int8(event.at);
    rows.text(event.requestId);
    rows.int8(caller);
    rows.text(event.outcome);
    rows.text(detailText(event.detail));
    rows.bytes(keysOf(stored, keys));
  }
  return rows.end();
}

/** A view that the next call overwrites. */
export function keysOf(stored: readonly Claiming[], keys: StoredKeys): Uint8Array | null {
  keys.clear();
  for (const { record, subject, dimension, position } of stored) {
    keys.add({
      hour: record.hour,
      subject: subject.id,
      dimension,
      position: record.path === "agentcore" ? position : -1,
    });
  }
  return keys.bytes();
}

/** What is not with the caller. */
export function detailText(detail: AuditDetail | undefined): string | null {
  if (detail === undefined) return null;
  const { productCode, source, userAgent, ...own } = detail;
  const text = JSON.stringify(own);
  return text === "{}" ? null : text;
}
