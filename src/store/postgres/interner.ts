/**
 * Identifiers as integers, the same for all nodes: rows are inserted unless they are there, and what they got is kept in
 * memory. They are made outside of the transactions that use them, so that no rollback takes a number back.
 */
import { hash } from "node:crypto";
import { userNameOf } from "../../api/identity.ts";
import type { AuditEvent } from "../audit.ts";
import type { UsageClaim } from "../ledger.ts";
import type { Sql } from "./connection.ts";

/** Some 25 MB of texts. Beyond it the maps start again and what is needed is selected once more. */
const cachedMax = 250_000;

type Id = { readonly ord: number; readonly id: number };

interface Subject {
  readonly id: number;
  readonly account: string;
}

export interface UsageKey {
  readonly subject: number;
  /** Of the subject's first record. */
  readonly account: string;
  readonly dimension: number;
}

export class Interner {
  readonly #sql: Sql;
  readonly #subjects = new Map<string, Subject>();
  readonly #dimensions = new Map<string, number>();
  readonly #callers = new Map<string, number>();

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  /** In the order of the records. */
  async usageKeys(records: readonly UsageClaim[]): Promise<readonly UsageKey[]> {
    const subjects = new Map<string, UsageClaim>();
    const dimensions = new Map<string, UsageClaim>();
    for (const record of records) {
      const subject = subjectText(record);
      if (!this.#subjects.has(subject)) subjects.set(subject, record);
      const dimension = dimensionText(record);
      if (!this.#dimensions.has(dimension)) dimensions.set(dimension, record);
    }
    if (subjects.size > 0) await this.#learnSubjects(subjects);
    if (dimensions.size > 0) await this.#learnDimensions(dimensions);
    const keys = records.map((record) => {
      const { id, account } = known(this.#subjects, subjectText(record));
      return { subject: id, account, dimension: known(this.#dimensions, dimensionText(record)) };
    });
    this.#bound();
    return keys;
  }

  /** In the order of the events. */
  async callers(events: readonly AuditEvent[]): Promise<readonly number[]> {
    const keys = events.map(callerKey);
    const missing = new Map<string, AuditEvent>();
    for (const [index, event] of events.entries()) {
      const key = keys[index] ?? "";
      if (!this.#callers.has(key)) missing.set(key, event);
    }
    for (const [key, event] of missing) this.#callers.set(key, await this.#learnCaller(key, event));
    const ids = keys.map((key) => known(this.#callers, key));
    this.#bound();
    return ids;
  }

  /** After a reset: the rows are gone. */
  forget(): void {
    this.#subjects.clear();
    this.#dimensions.clear();
    this.#callers.clear();
  }

  async #learnSubjects(missing: ReadonlyMap<string, UsageClaim>): Promise<void> {
    const rows = [...missing.values()];
    const columns = [
      rows.map(({ region }) => region),
      rows.map(({ path }) => path),
      rows.map(({ productCode }) => productCode),
      rows.map(({ holder }) => holder),
    ];
    const given = "unnest($1::text[], $2::text[], $3::text[], $4::text[]";
    await this.#sql.query(
      `INSERT INTO subjects (region, path, product_code, holder, account)
       SELECT * FROM ${given}, $5::text[]) AS k (region, path, product_code, holder, account)
       ORDER BY region, path, product_code, holder ON CONFLICT DO NOTHING`,
      [...columns, rows.map(({ accountId }) => accountId)],
    );
    const ids = await this.#sql.query<Id & Subject>(
      `SELECT k.ord, s.id, s.account FROM ${given}) WITH ORDINALITY AS k (region, path, product_code, holder, ord)
       JOIN subjects s USING (region, path, product_code, holder)`,
      columns,
    );
    keep(this.#subjects, [...missing.keys()], ids, ({ id, account }) => ({ id, account }));
  }

  async #learnDimensions(missing: ReadonlyMap<string, UsageClaim>): Promise<void> {
    const rows = [...missing.values()];
    const columns = [rows.map(({ productCode }) => productCode), rows.map(({ dimension }) => dimension)];
    await this.#sql.query(
      `INSERT INTO dimensions (product_code, name) SELECT * FROM unnest($1::text[], $2::text[]) AS k (product_code, name)
       ORDER BY product_code, name ON CONFLICT DO NOTHING`,
      columns,
    );
    const ids = await this.#sql.query<Id>(
      `SELECT k.ord, d.id FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS k (product_code, name, ord)
       JOIN dimensions d USING (product_code, name)`,
      columns,
    );
    keep(this.#dimensions, [...missing.keys()], ids, ({ id }) => id);
  }

  async #learnCaller(key: string, event: AuditEvent): Promise<number> {
    const { identity } = event;
    // By a hash: a user agent can be longer than an index takes.
    const digest = hash("sha256", key, "hex");
    await this.#sql.query(
      `INSERT INTO callers
         (hash, operation, region, access_key_id, account_id, identity, product_code, source, user_agent, user_name)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING`,
      [digest, ...callerParts(event), identity === undefined ? "" : userNameOf(identity)],
    );
    const [row] = await this.#sql.query<{ id: number }>("SELECT id FROM callers WHERE hash = $1", [digest]);
    if (row === undefined) throw new Error("a caller was inserted, and yet is not there");
    return row.id;
  }

  #bound(): void {
    if (this.#subjects.size + this.#dimensions.size + this.#callers.size > cachedMax) this.forget();
  }
}

/** No part can hold a line break but the last. */
function subjectText({ region, path, productCode, holder }: UsageClaim): string {
  return `${region}\n${path}\n${productCode}\n${holder}`;
}

function dimensionText({ productCode, dimension }: UsageClaim): string {
  return `${productCode}\n${dimension}`;
}

function callerParts({ operation, region, accessKeyId, accountId, identity, detail }: AuditEvent): readonly string[] {
  const who = identity === undefined ? "" : JSON.stringify(identity);
  const { productCode = "", source = "", userAgent = "" } = detail ?? {};
  return [operation, region, accessKeyId, accountId, who, productCode, source, userAgent];
}

function callerKey(event: AuditEvent): string {
  return callerParts(event).join("\n");
}

function keep<Row extends Id, Value>(
  map: Map<string, Value>,
  texts: readonly string[],
  rows: readonly Row[],
  valueIn: (row: Row) => Value,
): void {
  for (const row of rows) {
    const text = texts[row.ord - 1];
    if (text !== undefined) map.set(text, valueIn(row));
  }
}

function known<Value>(map: ReadonlyMap<string, Value>, text: string): Value {
  const value = map.get(text);
  if (value === undefined) throw new Error("an identifier was inserted, and yet is not there");
  return value;
}
