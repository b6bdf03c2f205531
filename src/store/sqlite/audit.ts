/** The audit trail in SQLite. Its row number is what usage rows point at: the call that stored them. */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { OperationName } from "../../api/types.ts";
import type { Audit, AuditDetail, AuditEvent, AuditFilter } from "../audit.ts";
import type { GroupCommit } from "./groupCommit.ts";
import type { Interner } from "./interner.ts";
import { uuidBytes, uuidText } from "./recordIds.ts";

const defaultLimit = 100;

type EventRow = {
  readonly at: number;
  readonly request_id: Uint8Array | string;
  readonly operation: OperationName;
  readonly region: string;
  readonly access_key_id: string;
  readonly account_id: string;
  readonly outcome: string;
  readonly detail: string | null;
};

export class SqliteAudit implements Audit {
  readonly #database: DatabaseSync;
  readonly #commits: GroupCommit;
  readonly #interner: Interner;
  readonly #insert: StatementSync;
  #lastSeq: number;

  constructor(database: DatabaseSync, commits: GroupCommit, interner: Interner) {
    this.#database = database;
    this.#commits = commits;
    this.#interner = interner;
    this.#insert = database.prepare("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?)");
    // Whoever trims the trail must keep the calls that usage rows point at, and the newest one: a number given out twice
    // would put old usage under a new call.
    this.#lastSeq = Number(database.prepare("SELECT max(seq) AS seq FROM audit").get()?.seq ?? 0);
  }

  /**
   * The row number of the next event, before the event is known. A number whose transaction is undone stays unused.
   */
  nextSeq(): number {
    this.#lastSeq += 1;
    return this.#lastSeq;
  }

  /** Called inside a transaction. */
  insert(seq: number, event: AuditEvent): void {
    const detail = event.detail === undefined ? null : JSON.stringify(event.detail);
    const requestId = uuidBytes(event.requestId) ?? event.requestId;
    this.#insert.run(seq, event.at, requestId, this.#interner.caller(event), event.outcome, detail);
  }

  append(event: AuditEvent): Promise<void> {
    const done = this.#commits.enqueue({ run: () => this.insert(this.nextSeq(), event) });
    // Refused calls do not wait for their event: without this, a full disk would end the process by an unhandled
    // rejection. Who does wait still sees it.
    done.catch(() => {});
    return done;
  }

  async events(filter: AuditFilter, limit = defaultLimit): Promise<readonly AuditEvent[]> {
    this.#commits.settle();
    const conditions: string[] = [];
    const values: (string | number | Uint8Array)[] = [];
    const add = (condition: string, value: string | number | Uint8Array | undefined): void => {
      if (value === undefined) return;
      conditions.push(condition);
      values.push(value);
    };
    add("a.at >= ?", filter.fromAt);
    add("a.at <= ?", filter.toAt);
    add("c.operation = ?", filter.operation);
    if (filter.requestId !== undefined) add("a.request_id = ?", uuidBytes(filter.requestId) ?? filter.requestId);
    const where = conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`;
    // A request id has no index (see the schema): the table as it lies is read faster than by way of the index on time.
    const byId = filter.requestId !== undefined && filter.fromAt === undefined && filter.toAt === undefined;
    // CROSS JOIN holds the order of the loops: the trail, then each row's caller.
    const rows = this.#database
      .prepare(
        `SELECT a.at, a.request_id, c.operation, c.region, c.access_key_id, c.account_id, a.outcome, a.detail
         FROM audit a ${byId ? "NOT INDEXED" : ""} CROSS JOIN callers c ON c.id = a.caller ${where} ORDER BY a.at DESC, a.seq DESC LIMIT ?`,
      )
      .all(...values, limit) as EventRow[];
    return rows.map(eventOf);
  }

  /** Empties the trail. Called inside a transaction. */
  clear(): void {
    this.#database.exec("DELETE FROM audit; DELETE FROM callers");
  }
}

function eventOf(row: EventRow): AuditEvent {
  return {
    requestId: requestIdText(row.request_id),
    at: row.at,
    operation: row.operation,
    region: row.region,
    accessKeyId: row.access_key_id,
    accountId: row.account_id,
    outcome: row.outcome,
    ...(row.detail === null ? {} : { detail: JSON.parse(row.detail) as AuditDetail }),
  };
}

/** A request id as it was given: UUIDs are kept as bytes, anything else as text. */
export function requestIdText(stored: Uint8Array | string): string {
  return typeof stored === "string" ? stored : uuidText(stored);
}
