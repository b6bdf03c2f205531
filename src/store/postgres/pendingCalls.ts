/**
 * Calls whose usage is stored shard by shard: announced on the coordinator before, so that no usage is stored that no event
 * tells of, and completed after. What a node that died left behind is completed by what is found of its records.
 */
import type { AuditDetail, AuditEvent } from "../audit.ts";
import { readStoredKeys, StoredKeys } from "../storedKeys.ts";
import { entriesPerCall } from "./claims.ts";
import type { Sql } from "./connection.ts";
import { detailText, insertEvents, keysOf, type StoredEvent } from "./events.ts";
import type { Interner } from "./interner.ts";
import type { Claiming } from "./usageRows.ts";

/**
 * Longer than a node goes on writing what it announced (`shardedClaims.ts`), by far: what is older was left by one that died,
 * or that cannot tell what became of it.
 */
export const abandonedAfterMs = 90_000;
/** Of one look; the next one takes more. */
const lookedAtMax = 100;

export interface PendingCall {
  readonly call: number;
  /** If all that is planned is stored. */
  readonly event: AuditEvent;
  /** If nothing of it is; undefined: then there is none. */
  readonly unstored: AuditEvent | undefined;
  readonly planned: readonly Claiming[];
}

/** Inside a transaction, before the usage. */
export async function announceCalls(sql: Sql, calls: readonly PendingCall[], interner: Interner): Promise<void> {
  if (calls.length === 0) return;
  const callers = await interner.callers(calls.map(({ event }) => event));
  const keys = new StoredKeys();
  await sql.prepared(
    "announce-calls",
    `INSERT INTO pending_calls (call, at, request_id, caller, outcome, detail, planned, unstored)
     SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::bytea[], $8::text[])`,
    [
      calls.map(({ call }) => call),
      calls.map(({ event }) => event.at),
      calls.map(({ event }) => event.requestId),
      callers,
      calls.map(({ event }) => event.outcome),
      calls.map(({ event }) => detailText(event.detail)),
      // A copy: the next call's keys are written over it.
      calls.map(({ planned }) => Buffer.from(keysOf(planned, keys) ?? [])),
      calls.map(({ unstored }) => (unstored === undefined ? null : (detailText(unstored.detail) ?? "{}"))),
    ],
  );
}

/** Inside a transaction, after the usage: `events` for what was announced as `calls`, and for what needed no announcement. */
export async function completeCalls(
  sql: Sql,
  calls: readonly number[],
  events: readonly StoredEvent[],
  interner: Interner,
): Promise<void> {
  if (calls.length > 0) {
    const gone = await sql.prepared<{ call: number }>(
      "complete-calls",
      "DELETE FROM pending_calls WHERE call = ANY ($1::bigint[]) RETURNING call",
      [calls],
    );
    const ours = new Set(gone.map(({ call }) => call));
    const others = calls.filter((call) => !ours.has(call));
    // Taken for left behind, by a leader who saw less than this node knows.
    if (others.length > 0) await sql.query("DELETE FROM audit WHERE seq = ANY ($1::bigint[])", [others]);
  }
  await insertEvents(sql, events, interner);
}

type PendingRow = {
  readonly call: number;
  readonly detail: string | null;
  readonly planned: Uint8Array;
  readonly unstored: string | null;
};

/** Completes what is pending for longer than `ageMs`, and answers how much of it. Each by itself, so a kill is no matter. */
export async function completeAbandoned(sql: Pick<Sql, "query">, ageMs: number): Promise<number> {
  let count = 0;
  for (;;) {
    const rows = await sql.query<PendingRow>(
      `SELECT call, detail, planned, unstored FROM pending_calls
       WHERE since <= clock_timestamp() - $1::float8 * interval '1 millisecond' ORDER BY since LIMIT $2`,
      [ageMs, lookedAtMax],
    );
    for (const row of rows) await completeOne(sql, row);
    count += rows.length;
    if (rows.length < lookedAtMax) return count;
  }
}

async function completeOne(sql: Pick<Sql, "query">, row: PendingRow): Promise<void> {
  const keys = readStoredKeys(row.planned);
  const isStored = await storedOf(sql, row, keys);
  const stored = keys.filter((_, index) => isStored[index] === true);
  if (stored.length === 0 && row.unstored === null) {
    await sql.query("DELETE FROM pending_calls WHERE call = $1", [row.call]);
    return;
  }
  const bytes = new StoredKeys();
  for (const key of stored) bytes.add(key);
  const given = bytes.bytes();
  await sql.query(
    `WITH gone AS (DELETE FROM pending_calls WHERE call = $1 RETURNING call, at, request_id, caller, outcome)
     INSERT INTO audit (seq, at, request_id, caller, outcome, detail, stored)
     SELECT call, at, request_id, caller, outcome, $2, $3 FROM gone`,
    [row.call, detailLeft(row, isStored), given === null ? null : Buffer.from(given)],
  );
}

/** By place: is there a record of this very call under the key? */
async function storedOf(
  sql: Pick<Sql, "query">,
  { call }: PendingRow,
  keys: ReturnType<typeof readStoredKeys>,
): Promise<readonly boolean[]> {
  const rows = await sql.query<{ ord: number }>(
    `SELECT k.ord FROM unnest($1::integer[], $2::bigint[], $3::integer[], $4::bigint[]) WITH ORDINALITY
       AS k (hour, subject, dimension, entry, ord)
     JOIN subjects s ON s.id = k.subject
     JOIN usage u ON u.hour = k.hour AND u.account = s.account AND u.subject = k.subject AND u.dimension = k.dimension
       AND u.entry = k.entry
     WHERE u.call = $5`,
    [
      keys.map(({ hour }) => hour),
      keys.map(({ subject }) => subject),
      keys.map(({ dimension }) => dimension),
      keys.map(({ position }) => (position < 0 ? 0 : call * entriesPerCall + position)),
      call,
    ],
  );
  const found = new Set(rows.map(({ ord }) => ord));
  return keys.map((_, index) => found.has(index + 1));
}

/** The event's detail with what became of each record, as far as can be told now: what is not there went unprocessed. */
function detailLeft({ detail, unstored }: PendingRow, isStored: readonly boolean[]): string | null {
  if (isStored.every(Boolean)) return detail;
  if (!isStored.some(Boolean)) return unstored === "{}" ? null : unstored;
  const whole = JSON.parse(detail ?? "{}") as AuditDetail;
  const none = JSON.parse(unstored ?? "{}") as AuditDetail;
  const { statuses = "", forms = "" } = whole;
  const letters = [...statuses];
  const digits = letters.map((_, index) => (forms.length === 1 ? forms : (forms[index] ?? "-")));
  const sent = { ...whole.sent };
  let planned = 0;
  for (const [index, letter] of letters.entries()) {
    if (letter !== "S" || isStored[planned++] === true) continue;
    letters[index] = none.statuses?.[index] ?? "U";
    digits[index] = "-";
    const record = none.sent?.[index];
    if (record !== undefined) sent[index] = record;
  }
  const isOneForm = digits.every((digit) => digit === digits[0]);
  return JSON.stringify({
    ...whole,
    statuses: letters.join(""),
    ...(forms === "" ? {} : { forms: isOneForm ? (digits[0] ?? "") : digits.join("") }),
    ...(Object.keys(sent).length === 0 ? {} : { sent }),
  });
}
