/**
 * Identifiers as small integers. Usage rows carry two integers instead of some hundred bytes of text, which is what
 * keeps the insert rate; this keeps the way from text to integer in memory.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { userNameOf } from "../../api/identity.ts";
import type { UsagePath } from "../../api/types.ts";
import type { AuditEvent } from "../audit.ts";
import type { UsageClaim } from "../ledger.ts";
import { RecentNames } from "../recentNames.ts";

/** About 25 MB of texts. Beyond it the maps start again and what is needed is selected once more. */
const defaultMaxCached = 250_000;

/** One (region, path, product): what nearly all records of a request share. */
interface Space {
  readonly region: string;
  readonly path: UsagePath;
  readonly productCode: string;
  readonly subjects: Map<string, number>;
  readonly dimensions: Map<string, number>;
  /** Of the dimensions. */
  readonly recent: RecentNames<number>;
}

/** What the server did by itself has no caller. */
const noIdentity = {};

export class Interner {
  readonly #maxCached: number;
  readonly #writing: () => void;
  readonly #selectSubject: StatementSync;
  readonly #insertSubject: StatementSync;
  readonly #selectDimension: StatementSync;
  readonly #insertDimension: StatementSync;
  readonly #selectCaller: StatementSync;
  readonly #insertCaller: StatementSync;
  // Nested maps: one joined key would be a new long string to build and hash for each record.
  readonly #spaces = new Map<string, Map<string, Map<UsagePath, Space>>>();
  readonly #dimensions = new Map<string, Map<string, number>>();
  /** By identity: keys are rows of the catalogue, so the same object comes with every call of a key. */
  #callers = new WeakMap<object, Map<string, number>>();
  /** Records of a call are of one space, nearly always. */
  #lastSpace: Space | undefined;
  #cached = 0;
  /** What holders' keys keep is good while they carry it. */
  #mark = {};

  /** `writing` is called before a row is inserted. */
  constructor(database: DatabaseSync, maxCached = defaultMaxCached, writing: () => void = () => {}) {
    this.#maxCached = maxCached;
    this.#writing = writing;
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
    const space = this.#space(record);
    const dimension = this.#dimension(space, record);
    const holder = record.holderKey;
    if (holder === undefined) return { subject: this.#subject(space, record), dimension };
    // A look-up by text costs several misses of the processor's caches.
    if (holder.mark === this.#mark) return { subject: holder.kept as number, dimension };
    const subject = this.#subject(space, record);
    holder.kept = subject;
    holder.mark = this.#mark;
    return { subject, dimension };
  }

  #subject(space: Space, record: UsageClaim): number {
    const known = space.subjects.get(record.holder);
    if (known !== undefined) return known;
    const { region, path, productCode, holder } = record;
    const row = this.#selectSubject.get(region, path, productCode, holder);
    const id = idOf(row ?? this.#inserted(this.#insertSubject, [region, path, productCode, holder, record.accountId]));
    this.#remember(space.subjects, holder, id);
    return id;
  }

  #dimension(space: Space, record: UsageClaim): number {
    const recent = space.recent.get(record.dimension);
    if (recent !== undefined) return recent;
    let dimension = space.dimensions.get(record.dimension);
    if (dimension === undefined) {
      const row = this.#selectDimension.get(record.productCode, record.dimension);
      dimension = idOf(row ?? this.#inserted(this.#insertDimension, [record.productCode, record.dimension]));
      this.#remember(space.dimensions, record.dimension, dimension);
    }
    space.recent.keep(record.dimension, dimension);
    return dimension;
  }

  /** The integer of who called what from where, for which product. Called inside a transaction. */
  caller({ operation, region, accessKeyId, accountId, identity, detail }: AuditEvent): number {
    const product = detail?.productCode ?? "";
    const source = detail?.source ?? "";
    const agent = detail?.userAgent ?? "";
    // No part but the agent can hold a line break, and it stands last.
    const key = `${operation}\n${region}\n${accessKeyId}\n${accountId}\n${product}\n${source}\n${agent}`;
    const known = this.#callers.get(identity ?? noIdentity)?.get(key);
    if (known !== undefined) return known;
    const who = identity === undefined ? "" : JSON.stringify(identity);
    const parts = [operation, region, accessKeyId, accountId, who, product, source, agent] as const;
    const id = idOf(
      this.#selectCaller.get(...parts) ??
        this.#inserted(this.#insertCaller, [...parts, identity === undefined ? "" : userNameOf(identity)]),
    );
    if (this.#hasRoom()) this.#callersOf(identity ?? noIdentity).set(key, id);
    return id;
  }

  /**
   * After a rollback: integers given out in that transaction belong to no row, or soon to another's. Everything goes,
   * since a rollback is rare and what is needed is selected again.
   */
  forget(): void {
    this.#mark = {};
    this.#startAgain();
  }

  #startAgain(): void {
    this.#spaces.clear();
    this.#dimensions.clear();
    this.#callers = new WeakMap();
    this.#lastSpace = undefined;
    this.#cached = 0;
  }

  #inserted(insert: StatementSync, values: readonly string[]): { readonly lastInsertRowid: unknown } {
    this.#writing();
    return insert.run(...values);
  }

  #callersOf(identity: object): Map<string, number> {
    let callers = this.#callers.get(identity);
    if (callers === undefined) {
      callers = new Map();
      this.#callers.set(identity, callers);
    }
    return callers;
  }

  #space({ region, productCode, path }: UsageClaim): Space {
    const last = this.#lastSpace;
    if (last !== undefined && last.productCode === productCode && last.path === path && last.region === region) {
      return last;
    }
    let space = this.#spaces.get(region)?.get(productCode)?.get(path);
    if (space === undefined) {
      this.#hasRoom();
      const dimensions = fill(this.#dimensions, productCode, () => new Map<string, number>());
      space = {
        region,
        path,
        productCode,
        subjects: new Map(),
        dimensions,
        recent: new RecentNames(),
      };
      fill(
        fill(this.#spaces, region, () => new Map<string, Map<UsagePath, Space>>()),
        productCode,
        () => new Map(),
      ).set(path, space);
    }
    this.#lastSpace = space;
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
    this.#startAgain();
    return false;
  }
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
