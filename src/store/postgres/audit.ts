/** The audit trail in PostgreSQL. The number of a call is what usage rows point at. */
import type { CallerIdentity } from "../../api/identity.ts";
import type { OperationName } from "../../api/types.ts";
import type { Audit, AuditDetail, AuditEvent, AuditedCall, AuditFilter } from "../audit.ts";
import type { ClaimOutcome, ClaimUnit } from "../ledger.ts";
import { InvalidCursorError } from "../ledger.ts";
import { readStoredKeys } from "../storedKeys.ts";
import type { Connections } from "./connection.ts";
import type { Lane } from "./lane.ts";
import { storedRecords } from "./usageReads.ts";

const defaultLimit = 100;

type EventRow = {
  readonly seq: number;
  readonly at: number;
  readonly request_id: string;
  readonly operation: OperationName;
  readonly region: string;
  readonly access_key_id: string;
  readonly account_id: string;
  readonly identity: string;
  readonly product_code: string;
  readonly source: string;
  readonly user_agent: string;
  readonly outcome: string;
  readonly detail: string | null;
  readonly stored: Uint8Array | null;
};

export class PostgresAudit implements Audit {
  readonly #connections: Connections;
  readonly #lane: Lane<ClaimUnit, ClaimOutcome>;

  constructor(connections: Connections, lane: Lane<ClaimUnit, ClaimOutcome>) {
    this.#connections = connections;
    this.#lane = lane;
  }

  append(event: AuditEvent): Promise<void> {
    const done = this.#lane.enqueue({ records: [], audit: () => event }).then(() => {});
    // Refused calls do not wait for their event: without this, a database that is away would end the process by an
    // unhandled rejection. Who does wait still sees it.
    done.catch(() => {});
    return done;
  }

  async events(filter: AuditFilter, limit = defaultLimit): Promise<readonly AuditEvent[]> {
    return (await this.#select(filter, limit)).map(eventOf);
  }

  async page(
    filter: AuditFilter,
    limit: number,
    cursor?: string,
    order: "newest-first" | "oldest-first" = "newest-first",
  ): Promise<readonly AuditedCall[]> {
    const rows = await this.#select(filter, limit, cursor, order === "oldest-first");
    const stored = await storedRecords(
      this.#connections,
      rows.map((row) => ({ call: row, keys: row.stored === null ? [] : readStoredKeys(row.stored) })),
    );
    return rows.map((row, index) => ({
      event: eventOf(row),
      stored: stored[index] ?? [],
      position: Buffer.from(`${row.at}.${row.seq}`, "ascii").toString("base64url"),
    }));
  }

  async prune(before: number, limit: number): Promise<number> {
    await this.#lane.drain();
    const rows = await this.#connections.query(
      `WITH due AS (
         SELECT seq, stored IS NOT NULL AS has_usage FROM audit
         WHERE caller > 0 AND at < $1 AND seq < (SELECT max(seq) FROM audit) ORDER BY at, seq LIMIT $2 FOR UPDATE SKIP LOCKED
       ), gone AS (
         DELETE FROM audit USING due WHERE audit.seq = due.seq AND NOT due.has_usage
       ), emptied AS (
         UPDATE audit SET caller = 0, outcome = '', detail = NULL, stored = NULL
         FROM due WHERE audit.seq = due.seq AND due.has_usage
       )
       SELECT seq FROM due`,
      [before, limit],
    );
    return rows.length;
  }

  async #select(
    filter: AuditFilter,
    limit: number,
    cursor?: string,
    isOldestFirst = false,
  ): Promise<readonly EventRow[]> {
    await this.#lane.drain();
    const { where, values } = conditionsOf(filter, cursor, isOldestFirst);
    const order = isOldestFirst ? "a.at, a.seq" : "a.at DESC, a.seq DESC";
    return this.#connections.query<EventRow>(
      `SELECT a.seq, a.at, a.request_id, c.operation, c.region, c.access_key_id, c.account_id, c.identity,
         c.product_code, c.source, c.user_agent, a.outcome, a.detail, a.stored
       FROM audit a JOIN callers c ON c.id = a.caller
       WHERE ${where} ORDER BY ${order} LIMIT $${values.length + 1}`,
      [...values, limit],
    );
  }
}

function conditionsOf(
  filter: AuditFilter,
  cursor: string | undefined,
  isOldestFirst: boolean,
): { readonly where: string; readonly values: readonly unknown[] } {
  const conditions = ["a.caller > 0"];
  const values: unknown[] = [];
  const add = (condition: (parameter: string) => string, value: unknown): void => {
    if (value === undefined) return;
    values.push(value);
    conditions.push(condition(`$${values.length}`));
  };
  add((p) => `a.at >= ${p}`, filter.fromAt);
  add((p) => `a.at <= ${p}`, filter.toAt);
  add((p) => `c.operation = ${p}`, filter.operation);
  add((p) => `c.operation = ANY (${p}::text[])`, filter.operations);
  add((p) => `c.region = ${p}`, filter.region);
  add((p) => `c.account_id = ${p}`, filter.accountId);
  add((p) => `c.access_key_id = ${p}`, filter.accessKeyId);
  add((p) => `c.user_name = ${p}`, filter.userName);
  add((p) => `c.product_code = ${p}`, filter.productCode);
  add((p) => `a.outcome = ${p}`, filter.outcome);
  add((p) => `a.request_id = ${p}`, filter.requestId);
  if (filter.refused !== undefined) conditions.push(`a.outcome ${filter.refused ? "<>" : "="} 'Success'`);
  if (filter.isCall === true) conditions.push("c.identity <> ''");
  if (filter.faulted !== undefined) {
    // The search for the text comes first: it spares nearly all rows the parser.
    const isFaulted = `(CASE WHEN position('"faults":' IN a.detail) > 0 THEN a.detail::jsonb ? 'faults' ELSE false END)`;
    conditions.push(filter.faulted ? isFaulted : `(a.detail IS NULL OR NOT ${isFaulted})`);
  }
  if (cursor !== undefined) {
    const [at, seq] = placeOf(cursor);
    values.push(at, seq);
    conditions.push(`(a.at, a.seq) ${isOldestFirst ? ">" : "<"} ($${values.length - 1}, $${values.length})`);
  }
  return { where: conditions.join(" AND "), values };
}

function placeOf(cursor: string): readonly [at: number, seq: number] {
  const [, at, seq] = /^(-?\d{1,16})\.(\d{1,15})$/.exec(Buffer.from(cursor, "base64url").toString("latin1")) ?? [];
  if (at === undefined || seq === undefined) {
    throw new InvalidCursorError("The cursor is not one that this audit trail gave out.");
  }
  return [Number(at), Number(seq)];
}

function eventOf(row: EventRow): AuditEvent {
  const detail: AuditDetail = {
    ...(row.product_code === "" ? {} : { productCode: row.product_code }),
    ...(row.source === "" ? {} : { source: row.source }),
    ...(row.user_agent === "" ? {} : { userAgent: row.user_agent }),
    ...(row.detail === null ? {} : (JSON.parse(row.detail) as AuditDetail)),
  };
  return {
    requestId: row.request_id,
    at: row.at,
    operation: row.operation,
    region: row.region,
    accessKeyId: row.access_key_id,
    accountId: row.account_id,
    ...(row.identity === "" ? {} : { identity: JSON.parse(row.identity) as CallerIdentity }),
    outcome: row.outcome,
    ...(Object.keys(detail).length === 0 ? {} : { detail }),
  };
}
