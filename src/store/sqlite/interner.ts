/**
 * Identifiers as small integers. Usage rows carry two integers instead of some hundred bytes of text, which is what
 * keeps the insert rate; this keeps the way from text to integer in memory.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { type CallerIdentity, userNameOf } from "../../api/identity.ts";
import type { UsagePath } from "../../api/types.ts";
import type { AuditEvent } from "../audit.ts";
import type { UsageClaim } from "../ledger.ts";

/** About 25 MB of texts. Beyond it the maps start again and what is needed is selected once more. */
const defaultMaxCached = 250_000;

/** One (region, path, product): what nearly all records of a request share. */
interface Space {
  readonly subjects: Map<string, number>;
  readonly dimensions: Map<string, number>;
}

/** Keys are rows of the catalogue, so the same object comes with every call of a key: its text is made once. */
const identityTexts = new WeakMap<CallerIdentity, string>();

export class Interner {
  readonly #maxCached: number;
  readonly #selectSubject: StatementSync;
  readonly #insertSubject: StatementSync;
  readonly #selectDimension: StatementSync;
  readonly #insertDimension: StatementSync;
  readonly #selectCaller: StatementSync;
  readonly #insertCaller: StatementSync;
  // Nested maps: one joined key would be a new long string to build and hash for each record.
  readonly #spaces = new Map<string, Map<string, Map<UsagePath, Space>>>();
  readonly #dimensions = new Map<string, Map<string, number>>();
  readonly #callers = new Map<string, number>();
  #cached = 0;

  constructor(database: DatabaseSync, maxCached = defaultMaxCached) {
    this.#maxCached = maxCached;
    this.#selectSubject = database.prepare(
      "SELECT id FROM subjects WHERE region = ? AND path = ? AND product_code = ? AND holder = ?",
    );
    this.#insertSubject = database.prepare(
      "INSERT INTO subjects (region, path, product_code, holder, account_id) VALUES (?, ?, ?, ?, ?)",
    );
    this.#selectDimension = database.prepare("SELECT id FROM dimensions WHERE product_code = ? AND name = ?");
    this.#insertDimension = database.prepare("INSERT INTO dimensions (product_code, name) VALUES (?, ?)");
    this.#selectCaller = database.prepare(
      `SELECT id FROM callers WHERE operation = ? AND region = ? AND access_key_id = ? AND account_id = ? AND identity = ?
         AND product_code = ? AND source = ? AND user_agent = ?`,
    );
    this.#insertCaller = database.prepare(
      `INSERT INTO callers (operation, region, access_key_id, account_id, identity, product_code, source, user_agent, user_name)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
  }

  /** The integers of a record's (region, path, product, holder) and of its dimension. Called inside a transaction. */
  usageKey(record: UsageClaim): { readonly subject: number; readonly dimension: number } {
    const space = this.#space(record.region, record.productCode, record.path);
    let subject = space.subjects.get(record.holder);
    if (subject === undefined) {
      const { region, path, productCode, holder } = record;
      const row = this.#selectSubject.get(region, path, productCode, holder);
      subject = idOf(row ?? this.#insertSubject.run(region, path, productCode, holder, record.accountId));
      this.#remember(space.subjects, holder, subject);
    }
    let dimension = space.dimensions.get(record.dimension);
    if (dimension === undefined) {
      const row = this.#selectDimension.get(record.productCode, record.dimension);
      dimension = idOf(row ?? this.#insertDimension.run(record.productCode, record.dimension));
      this.#remember(space.dimensions, record.dimension, dimension);
    }
    return { subject, dimension };
  }

  /** The integer of who called what from where, for which product. Called inside a transaction. */
  caller({ operation, region, accessKeyId, accountId, identity, detail }: AuditEvent): number {
    const product = detail?.productCode ?? "";
    const source = detail?.source ?? "";
    const agent = detail?.userAgent ?? "";
    const who = identity === undefined ? "" : identityText(identity);
    // No part but the agent can hold a line break, and it stands last.
    const key = `${operation}\n${region}\n${accessKeyId}\n${accountId}\n${who}\n${product}\n${source}\n${agent}`;
    const known = this.#callers.get(key);
    if (known !== undefined) return known;
    const parts = [operation, region, accessKeyId, accountId, who, product, source, agent] as const;
    const id = idOf(
      this.#selectCaller.get(...parts) ??
        this.#insertCaller.run(...parts, identity === undefined ? "" : userNameOf(identity)),
    );
    if (this.#hasRoom()) this.#callers.set(key, id);
    return id;
  }

  /**
   * After a rollback: integers given out in that transaction belong to no row, or soon to another's. Everything goes,
   * since a rollback is rare and what is needed is selected again.
   */
  forget(): void {
    this.#spaces.clear();
    this.#dimensions.clear();
    this.#callers.clear();
    this.#cached = 0;
  }

  #space(region: string, productCode: string, path: UsagePath): Space {
    const found = this.#spaces.get(region)?.get(productCode)?.get(path);
    if (found !== undefined) return found;
    this.#hasRoom();
    const space: Space = { subjects: new Map(), dimensions: fill(this.#dimensions, productCode, () => new Map()) };
    fill(
      fill(this.#spaces, region, () => new Map<string, Map<UsagePath, Space>>()),
      productCode,
      () => new Map(),
    ).set(path, space);
    return space;
  }

  #remember(cache: Map<string, number>, text: string, id: number): void {
    // When the bound was reached the map belongs to a space that was just let go: filling it would only be in vain.
    if (this.#hasRoom()) cache.set(text, id);
  }

  /** Counts one more entry; at the bound it starts afresh and answers false. */
  #hasRoom(): boolean {
    this.#cached += 1;
    if (this.#cached <= this.#maxCached) return true;
    this.forget();
    return false;
  }
}

function identityText(identity: CallerIdentity): string {
  let text = identityTexts.get(identity);
  if (text === undefined) {
    text = JSON.stringify(identity);
    identityTexts.set(identity, text);
  }
  return text;
}

function fill<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}

/** From a selected row, or from an insert's result. */
function idOf(result: { readonly id?: unknown; readonly lastInsertRowid?: unknown }): number {
  return Number(result.id ?? result.lastInsertRowid);
}
