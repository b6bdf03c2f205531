/** The audit trail in SQLite. Its row number is what usage rows point at: the call that stored them. */
import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type { CallerIdentity } from "../../api/identity.ts";
import type { MeteringRecord, OperationName } from "../../api/types.ts";
import type { Audit, AuditDetail, AuditEvent, AuditedCall, AuditFilter } from "../audit.ts";
import { InvalidCursorError } from "../ledger.ts";
import { uuidBytes } from "../recordIds.ts";
import { readStoredKeys } from "../storedKeys.ts";
import type { GroupCommit } from "./groupCommit.ts";
import type { Interner } from "./interner.ts";
import type { Journal } from "./journal.ts";
import type { SeenUsage } from "./journalMover.ts";
import type { PackedEvent } from "./journalRows.ts";
import type { MonthTables } from "./monthTables.ts";
import { StoredReader } from "./storedReader.ts";
import { requestIdText, type StoringCall } from "./usageQueries.ts";

const defaultLimit = 100;

type EventRow = {
  readonly seq: number;
  readonly at: number;
  readonly request_id: Uint8Array | string;
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

export interface AuditParts {
  readonly database: DatabaseSync;
  readonly commits: GroupCommit;
  readonly interner: Interner;
  readonly months: MonthTables;
  readonly journal: Journal;
  /**
   * Resolves with the number of the newest call by now, when all that was committed up to it is in the tables. Rejects
   * when the store fails or is closed.
   */
  readonly visible: () => Promise<number>;
  readonly seen: SeenUsage;
  /** Events of before `before` were removed. */
  readonly pruned?: (before: number) => void;
  /** An event of this hour is being stored or removed; the transaction may yet be undone. */
  readonly touched?: (hour: number) => void;
}

const msPerHour = 3_600_000;

export class SqliteAudit implements Audit {
  readonly #database: DatabaseSync;
  readonly #commits: GroupCommit;
  readonly #interner: Interner;
  readonly #journal: Journal;
  readonly #visible: AuditParts["visible"];
  readonly #seen: SeenUsage;
  readonly #storedReader: StoredReader;
  readonly #pruned: AuditParts["pruned"];
  readonly #touched: AuditParts["touched"];
  #lastSeq: number;

  constructor({ database, commits, interner, months, journal, visible, seen, pruned, touched }: AuditParts) {
    this.#database = database;
    this.#commits = commits;
    this.#interner = interner;
    this.#journal = journal;
    this.#visible = visible;
    this.#seen = seen;
    this.#storedReader = new StoredReader(database, months);
    this.#pruned = pruned;
    this.#touched = touched;
    // Why `prune` keeps the calls that usage rows point at, and the newest one: a number given out twice would put old
    // usage under a new call.
    const last = Number(database.prepare("SELECT max(seq) AS seq FROM audit").get()?.seq ?? 0);
    this.#lastSeq = Math.max(last, journal.lastCall);
  }

  /**
   * The row number of the next event, before the event is known. A number whose transaction is undone stays unused.
   */
  nextSeq(): number {
    this.#lastSeq += 1;
    return this.#lastSeq;
  }

  /** Of the newest event; those to come have higher ones. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** An event for the journal. Called inside a transaction. */
  packed(event: AuditEvent): PackedEvent {
    this.#touched?.(Math.floor(event.at / msPerHour));
    const { at, requestId, outcome, detail } = event;
    return { at, requestId, caller: this.#interner.caller(event), outcome, detail: detailText(detail) };
  }

  append(event: AuditEvent): Promise<void> {
    const done = this.#commits.enqueue({
      isJournalled: true,
      run: () => {
        const { writer } = this.#journal;
        writer.beginUnit(this.nextSeq());
        writer.endUnit(this.packed(event));
      },
    });
    // Refused calls do not wait for their event: without this, a full disk would end the process by an unhandled
    // rejection. Who does wait still sees it.
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
    return rows.map((row) => ({
      event: eventOf(row),
      stored: this.#stored(row, row.stored),
      position: Buffer.from(`${row.at}.${row.seq}`, "ascii").toString("base64url"),
    }));
  }

  async prune(before: number, limit: number): Promise<number> {
    await this.#visible();
    const due = this.#database.prepare(
      `SELECT seq, at, stored IS NOT NULL AS has_usage FROM audit
       WHERE caller > 0 AND at < ? AND seq < (SELECT max(seq) FROM audit) ORDER BY at LIMIT ?`,
    );
    if (due.get(before, 1) === undefined) return 0;
    return this.#commits.enqueue({
      run: () => {
        const rows = due.all(before, limit);
        const remove = this.#database.prepare("DELETE FROM audit WHERE seq = ?");
        const empty = this.#database.prepare(
          "UPDATE audit SET caller = 0, outcome = '', detail = NULL, stored = NULL WHERE seq = ?",
        );
        for (const row of rows) {
          (row.has_usage === 1 ? empty : remove).run(Number(row.seq));
          this.#touched?.(Math.floor(Number(row.at) / msPerHour));
        }
        return rows.length;
      },
      committed: () => this.#pruned?.(before),
    });
  }

  /** Empties the trail. Called inside a transaction. */
  clear(): void {
    this.#storedReader.forget();
    this.#database.exec("DELETE FROM audit; DELETE FROM callers");
  }

  #stored(call: StoringCall, keys: Uint8Array | null): readonly (MeteringRecord | undefined)[] {
    return keys === null ? [] : this.#storedReader.read(call, readStoredKeys(keys));
  }

  async #select(
    filter: AuditFilter,
    limit: number,
    cursor?: string,
    isOldestFirst = false,
  ): Promise<readonly EventRow[]> {
    await this.#seen.all();
    const { where, values } = conditionsOf(filter, cursor, isOldestFirst);
    const order = isOldestFirst ? "a.at, a.seq" : "a.at DESC, a.seq DESC";
    // A request id has no index (see the schema): the table as it lies is read faster than by way of the index on time.
    const byId = filter.requestId !== undefined && filter.fromAt === undefined && filter.toAt === undefined;
    // CROSS JOIN holds the order of the loops: the trail, then each row's caller.
    return this.#database
      .prepare(
        `SELECT a.seq, a.at, a.request_id, c.operation, c.region, c.access_key_id, c.account_id, c.identity,
           c.product_code, c.source, c.user_agent, a.outcome, a.detail, a.stored
         FROM audit a ${byId ? "NOT INDEXED" : ""} CROSS JOIN callers c ON c.id = a.caller
         WHERE ${where} ORDER BY ${order} LIMIT ?`,
      )
      .all(...values, limit) as EventRow[];
  }
}

function conditionsOf(
  filter: AuditFilter,
  cursor: string | undefined,
  isOldestFirst: boolean,
): { readonly where: string; readonly values: readonly SQLInputValue[] } {
  const conditions = ["a.caller > 0"];
  const values: SQLInputValue[] = [];
  const add = (condition: string, value: SQLInputValue | undefined): void => {
    if (value === undefined) return;
    conditions.push(condition);
    values.push(value);
  };
  add("a.at >= ?", filter.fromAt);
  add("a.at <= ?", filter.toAt);
  add("c.operation = ?", filter.operation);
  add("c.region = ?", filter.region);
  add("c.account_id = ?", filter.accountId);
  add("c.access_key_id = ?", filter.accessKeyId);
  add("c.user_name = ?", filter.userName);
  add("c.product_code = ?", filter.productCode);
  add("a.outcome = ?", filter.outcome);
  if (filter.refused !== undefined) conditions.push(`a.outcome ${filter.refused ? "<>" : "="} 'Success'`);
  if (filter.faulted !== undefined) {
    // The search for the text comes first: it spares nearly all rows the parser.
    const isFaulted = `instr(a.detail, '"faults":') > 0 AND json_extract(a.detail, '$.faults') IS NOT NULL`;
    conditions.push(filter.faulted ? isFaulted : `(a.detail IS NULL OR NOT (${isFaulted}))`);
  }
  if (filter.operations !== undefined) {
    conditions.push(`c.operation IN (${filter.operations.map(() => "?").join(", ")})`);
    values.push(...filter.operations);
  }
  if (filter.isCall === true) conditions.push("c.identity <> ''");
  if (filter.requestId !== undefined) add("a.request_id = ?", uuidBytes(filter.requestId) ?? filter.requestId);
  if (cursor !== undefined) {
    conditions.push(`(a.at, a.seq) ${isOldestFirst ? ">" : "<"} (?, ?)`);
    values.push(...placeOf(cursor));
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

/** What is not with the caller. */
function detailText(detail: AuditDetail | undefined): string | null {
  if (detail === undefined) return null;
  const { productCode, source, userAgent, ...own } = detail;
  const text = JSON.stringify(own);
  return text === "{}" ? null : text;
}

function eventOf(row: EventRow): AuditEvent {
  const detail: AuditDetail = {
    ...(row.product_code === "" ? {} : { productCode: row.product_code }),
    ...(row.source === "" ? {} : { source: row.source }),
    ...(row.user_agent === "" ? {} : { userAgent: row.user_agent }),
    ...(row.detail === null ? {} : (JSON.parse(row.detail) as AuditDetail)),
  };
  return {
    requestId: requestIdText(row.request_id),
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
