/**
 * Identifiers as integers, the same for all nodes: rows are inserted unless they are there, and what they got is kept in
 * memory. They are made outside of the transactions that use them, so that no rollback takes a number back.
 */
import { hash } from "node:crypto";
import { userNameOf } from "../../api/identity.ts";
import type { AuditEvent } from "../audit.ts";
import type { UsageClaim } from "../ledger.ts";
import { RecentNames } from "../recentNames.ts";
import type { Sql } from "./connection.ts";

/** Some 25 MB of texts. Beyond it the maps start again and what is needed is selected once more. */
const cachedMax = 250_000;
const attemptsMax = 5;

type Id = { readonly ord: number; readonly id: number };

export interface Subject {
  readonly id: number;
  /** Of the subject's first record. */
  readonly account: string;
  /** The account as a number, which orders as its text; NaN where it is not twelve digits. */
  readonly rank: number;
}

/** Of records, in their order. */
export interface UsageKeys {
  readonly subjects: readonly Subject[];
  readonly dimensions: readonly number[];
}

/** Those of a product. */
interface Dimensions {
  readonly all: Map<string, number>;
  readonly recent: RecentNames<number>;
}

interface Looked {
  readonly keys: UsageKeys;
  readonly newSubjects: ReadonlyMap<string, UsageClaim>;
  readonly newDimensions: ReadonlyMap<string, UsageClaim>;
}

export class Interner {
  readonly #sql: Sql;
  /** By scope, then by holder: each record then costs the hash of a text that is there, and none put together for it. */
  readonly #subjects = new Map<string, Map<string, Subject>>();
  /** By product. */
  readonly #dimensions = new Map<string, Dimensions>();
  readonly #callers = new Map<string, number>();
  #size = 0;
  /** What holders' keys keep is good while they carry it: their subjects. */
  #mark = {};

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  async usageKeys(records: readonly UsageClaim[]): Promise<UsageKeys> {
    for (let attempt = 1; ; attempt += 1) {
      const { keys, newSubjects, newDimensions } = this.#look(records);
      if (newSubjects.size + newDimensions.size === 0) {
        this.#bound();
        return keys;
      }
      // Others may let go of everything meanwhile, so what was there is looked for again.
      if (attempt === attemptsMax) throw new Error("an identifier was inserted, and yet is not there");
      if (newSubjects.size > 0) await this.#learnSubjects([...newSubjects.values()]);
      if (newDimensions.size > 0) await this.#learnDimensions([...newDimensions.values()]);
    }
  }

  /** In the order of the events. */
  async callers(events: readonly AuditEvent[]): Promise<readonly number[]> {
    const keys = events.map(callerKey);
    const missing = new Map<string, AuditEvent>();
    for (const [index, event] of events.entries()) {
      const key = keys[index] ?? "";
      if (!this.#callers.has(key)) missing.set(key, event);
    }
    for (const [key, event] of missing) {
      this.#callers.set(key, await this.#learnCaller(key, event));
      this.#size += 1;
    }
    const ids = keys.map((key) => known(this.#callers, key));
    this.#bound();
    return ids;
  }

  /** After a reset: the rows are gone. */
  forget(): void {
    this.#subjects.clear();
    this.#dimensions.clear();
    this.#callers.clear();
    this.#size = 0;
    this.#mark = {};
  }

  /** What memory holds, and a record for each that it does not. */
  #look(records: readonly UsageClaim[]): Looked {
    const subjects: Subject[] = [];
    const dimensions: number[] = [];
    const newSubjects = new Map<string, UsageClaim>();
    const newDimensions = new Map<string, UsageClaim>();
    let last: UsageClaim | undefined;
    let holders: ReadonlyMap<string, Subject> | undefined;
    let names: Dimensions | undefined;
    for (const record of records) {
      // Nearly always the same as of the record before.
      if (last === undefined || !isOfScope(record, last)) {
        holders = this.#subjects.get(scopeText(record));
        names = this.#dimensions.get(record.productCode);
      }
      last = record;
      const subject = this.#subject(record, holders);
      if (subject === undefined) newSubjects.set(`${scopeText(record)}\n${record.holder}`, record);
      else subjects.push(subject);
      const dimension = names && dimensionOf(names, record.dimension);
      if (dimension === undefined) newDimensions.set(`${record.productCode}\n${record.dimension}`, record);
      else dimensions.push(dimension);
    }
    return { keys: { subjects, dimensions }, newSubjects, newDimensions };
  }

  #subject({ holder, holderKey }: UsageClaim, holders: ReadonlyMap<string, Subject> | undefined): Subject | undefined {
    if (holderKey === undefined) return holders?.get(holder);
    // A look-up by text costs several misses of the processor's caches.
    if (holderKey.mark === this.#mark) return holderKey.kept as Subject;
    const subject = holders?.get(holder);
    if (subject !== undefined) {
      holderKey.kept = subject;
      holderKey.mark = this.#mark;
    }
    return subject;
  }

  async #learnSubjects(rows: readonly UsageClaim[]): Promise<void> {
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
    const ids = await this.#sql.query<Id & { readonly account: string }>(
      `SELECT k.ord, s.id, s.account FROM ${given}) WITH ORDINALITY AS k (region, path, product_code, holder, ord)
       JOIN subjects s USING (region, path, product_code, holder)`,
      columns,
    );
    for (const { ord, id, account } of ids) {
      const row = rows[ord - 1];
      if (row === undefined) continue;
      const scope = scopeText(row);
      let holders = this.#subjects.get(scope);
      if (holders === undefined) {
        holders = new Map();
        this.#subjects.set(scope, holders);
      }
      this.#keep(holders, row.holder, subjectOf(id, account));
    }
  }

  async #learnDimensions(rows: readonly UsageClaim[]): Promise<void> {
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
    for (const { ord, id } of ids) {
      const row = rows[ord - 1];
      if (row === undefined) continue;
      let names = this.#dimensions.get(row.productCode);
      if (names === undefined) {
        names = { all: new Map(), recent: new RecentNames() };
        this.#dimensions.set(row.productCode, names);
      }
      this.#keep(names.all, row.dimension, id);
    }
  }

  #keep<Value>(map: Map<string, Value>, name: string, value: Value): void {
    if (!map.has(name)) this.#size += 1;
    map.set(name, value);
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
    if (this.#size > cachedMax) this.forget();
  }
}

function isOfScope(one: UsageClaim, other: UsageClaim): boolean {
  return one.productCode === other.productCode && one.region === other.region && one.path === other.path;
}

function dimensionOf({ all, recent }: Dimensions, name: string): number | undefined {
  const last = recent.get(name);
  if (last !== undefined) return last;
  const id = all.get(name);
  if (id !== undefined) recent.keep(name, id);
  return id;
}

/** No part can hold a line break. */
function scopeText({ region, path, productCode }: UsageClaim): string {
  return `${region}\n${path}\n${productCode}`;
}

function subjectOf(id: number, account: string): Subject {
  return { id, account, rank: /^\d{12}$/.test(account) ? Number(account) : Number.NaN };
}

function callerParts({ operation, region, accessKeyId, accountId, identity, detail }: AuditEvent): readonly string[] {
  const who = identity === undefined ? "" : JSON.stringify(identity);
  const { productCode = "", source = "", userAgent = "" } = detail ?? {};
  return [operation, region, accessKeyId, accountId, who, productCode, source, userAgent];
}

function callerKey(event: AuditEvent): string {
  return callerParts(event).join("\n");
}

function known<Value>(map: ReadonlyMap<string, Value>, text: string): Value {
  const value = map.get(text);
  if (value === undefined) throw new Error("an identifier was inserted, and yet is not there");
  return value;
}
