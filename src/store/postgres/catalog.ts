/**
 * The catalogue in PostgreSQL: written through, read from memory, which follows what other nodes write. Changes have one
 * order, that of the version row's lock; a change that rests on rows which another has changed since is refused.
 */
import type { ControlEvent } from "../../api/types.ts";
import type { Catalog, CatalogChange } from "../catalog.ts";
import { CatalogMemory } from "../catalogMemory.ts";
import { CatalogReads } from "../catalogReads.ts";
import { StaleFactsError } from "../ledger.ts";
import type { Sealer } from "../sealer.ts";
import { type CatalogRow, changeOf, type RowKey, removedKeys, rowsOf, type StoredRow } from "./catalogRows.ts";
import type { Connections, Sql } from "./connection.ts";
import { failureOf } from "./failures.ts";
import type { PostgresOutbox } from "./outbox.ts";

/** What it is told under: the version, or a token's hash and when it was resolved. */
export const catalogChannel = "meterhouse_catalog";
export const tokensChannel = "meterhouse_tokens";

const defaultEventLimit = 100;
/** Rows of a page; unsealing that many takes some ten milliseconds. A memory that is further behind is read anew. */
const pageRows = 1_000;
/** Once in so many changes what was removed before them is forgotten: temporary keys come and go without end. */
const changesRemembered = 10_000;

const rowColumns = "r.kind, r.key, r.seq, r.resolved_at, r.document";

export interface CatalogParts {
  readonly connections: Connections;
  readonly sealer: Sealer;
  readonly outbox: PostgresOutbox;
  /** Resolves when the claims that were queued before are written: they were decided on the facts of before. */
  readonly claimed: () => Promise<void>;
  /** Memory was read anew: somebody emptied everything, or this node was away for long. */
  readonly onReload: () => void;
}

type Locked = { readonly version: number; readonly floor: number };
type Behind = Partial<StoredRow> & Locked;

export class PostgresCatalog extends CatalogReads implements Catalog {
  readonly #parts: CatalogParts;
  #version = -1;
  /** The last that memory has seen. */
  #seq = 0;
  #applying: Promise<unknown> = Promise.resolve();
  #catchingUp: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  readonly #listeners: (() => void)[] = [];

  /** Empty until the first `catchUp`. */
  constructor(parts: CatalogParts) {
    super();
    this.#parts = parts;
  }

  get version(): number {
    return this.#version;
  }

  /** Calls the listener after memory took in what another node wrote. It must not throw. */
  onCaughtUp(listener: () => void): void {
    this.#listeners.push(listener);
  }

  async controlEvents(limit = defaultEventLimit): Promise<readonly ControlEvent[]> {
    const rows = await this.#parts.connections.query<Omit<ControlEvent, "summary"> & { summary: string | null }>(
      "SELECT id, at, actor, action, target, summary FROM control_events ORDER BY seq DESC LIMIT $1",
      [limit],
    );
    return rows.map(({ summary, ...event }) => (summary === null ? event : { ...event, summary }));
  }

  /**
   * Rejects with StaleFactsError, and writes nothing, where a row that it replaces was changed after this call: by another
   * node, or by another call of this one. What the caller made of it would take that change back.
   */
  async apply(change: CatalogChange): Promise<void> {
    // A copy, by the same way as through the database; of now, and so is the version that the change rests on.
    const copy = JSON.parse(JSON.stringify(change)) as CatalogChange;
    const seen = this.#version;
    const claimed = this.#parts.claimed();
    const done = this.#applying.then(() => claimed).then(() => this.#apply(copy, seen));
    // One after another: they wait for one lock, and each holds a connection.
    this.#applying = done.catch(() => {});
    return done;
  }

  /** Brings memory to what was committed before the call. Calls that come while one is on its way share the next. */
  catchUp(): Promise<void> {
    if (this.#catchingUp === undefined) {
      this.#catchingUp = this.#read(this.#parts.connections).finally(() => {
        this.#catchingUp = undefined;
      });
      return this.#catchingUp;
    }
    // The one on its way may have read before the call.
    this.#next ??= this.#catchingUp
      .catch(() => {})
      .then(() => {
        this.#next = undefined;
        return this.catchUp();
      });
    return this.#next;
  }

  /** Resolves when every change that was asked for before is written, or has failed. */
  async drain(): Promise<void> {
    await this.#applying;
  }

  /** Tokens that were resolved while nobody told this node. */
  async catchUpTokens(): Promise<void> {
    const rows = await this.#parts.connections.query<{ key: string; resolved_at: number }>(
      "SELECT key, resolved_at FROM catalog_rows WHERE kind = 'tokens' AND resolved_at IS NOT NULL",
    );
    for (const { key, resolved_at: at } of rows) {
      if (this.token(key)?.resolvedAt !== at) this.tokenResolved(key, at);
    }
  }

  /** What another node told under `tokensChannel`. */
  tokenTold(payload: string): void {
    const [hash = "", at] = payload.split(" ");
    this.tokenResolved(hash, Number(at));
  }

  /**
   * Marks a token as resolved unless it is: was it before? undefined for an unknown token. Called inside a transaction;
   * `tokenResolved` follows its commit, and what tells the other nodes comes with it.
   */
  async resolveToken(sql: Sql, hash: string, at: number): Promise<boolean | undefined> {
    const [row] = await sql.query<{ before: boolean }>(
      `WITH marked AS (
         UPDATE catalog_rows SET resolved_at = $2
         WHERE kind = 'tokens' AND key = $1 AND resolved_at IS NULL AND document IS NOT NULL
         RETURNING pg_notify($3, key || ' ' || resolved_at)
       )
       SELECT NOT EXISTS (SELECT FROM marked) AS before
       FROM catalog_rows WHERE kind = 'tokens' AND key = $1 AND document IS NOT NULL`,
      [hash, at, tokensChannel],
    );
    return row?.before;
  }

  /** Empties the catalogue's tables. Called inside a transaction; `catchUp` follows its commit. */
  async clear(sql: Sql): Promise<void> {
    // The version goes on from where it was: a decision that is still on its way must not pass as fresh.
    const [row] = await sql.query<{ version: number }>(
      "UPDATE catalog_version SET version = version + 1, floor = version + 1 RETURNING version",
    );
    await sql.query("DELETE FROM catalog_rows");
    await sql.query("DELETE FROM control_events");
    await sql.query("SELECT pg_notify($1, $2)", [catalogChannel, String(row?.version)]);
  }

  async #apply(change: CatalogChange, seen: number): Promise<void> {
    const { connections, sealer, outbox } = this.#parts;
    try {
      const rows = rowsOf(sealer, change);
      const done = await connections.transaction(async (sql) => {
        const [locked] = await sql.query<Locked>("SELECT version, floor FROM catalog_version FOR UPDATE");
        const { version: before = 0, floor = 0 } = locked ?? {};
        if (before !== this.#version) await this.#read(sql);
        if (before !== seen) await refuseStale(sql, rows, seen, floor);
        const version = before + 1;
        await sql.query("UPDATE catalog_version SET version = $1", [version]);
        if (change.remove !== undefined) await remove(sql, removedKeys(change.remove), version);
        await outbox.endDeliveries(sql, change.remove?.targets ?? []);
        const seq = rows.length === 0 ? this.#seq : await put(sql, rows, version);
        if (change.event !== undefined) await keepEvent(sql, change.event);
        const madeDeliveries = await outbox.publish(sql, change.notifications ?? [], this.targetsAfter(change));
        if (version % changesRemembered === 0) await forgetRemoved(sql, version - changesRemembered);
        await sql.query("SELECT pg_notify($1, $2)", [catalogChannel, String(version)]);
        return { version, seq, madeDeliveries };
      });
      // Where the look at the database was quicker, memory has the change, and perhaps the next one.
      if (done.version > this.#version) {
        this.memory.put(change);
        this.#version = done.version;
        this.#seq = Math.max(this.#seq, done.seq);
      }
      if (done.madeDeliveries) outbox.wake();
    } catch (error) {
      throw failureOf(error);
    }
  }

  async #read(sql: Sql): Promise<void> {
    const from = this.#version;
    const found = await sql.prepared<Behind>(
      "catalog-behind",
      `SELECT v.version, v.floor, ${rowColumns} FROM catalog_version v LEFT JOIN catalog_rows r ON r.version > $1
       ORDER BY r.seq LIMIT $2`,
      [from, pageRows + 1],
    );
    const { version = 0, floor = 0 } = found[0] ?? {};
    if (from < floor || from < 0 || found.length > pageRows) {
      await (sql === this.#parts.connections
        ? this.#parts.connections.transaction(inOneMoment(this.#reload))
        : this.#reload(sql));
      return;
    }
    if (version <= this.#version) return;
    const rows = found.filter(isRow);
    this.memory.put(changeOf(this.#parts.sealer, rows, this.#seq));
    this.#followed(version, rows.at(-1)?.seq);
  }

  /** Into a memory of its own, which takes the other's place when it is whole. */
  readonly #reload = async (sql: Sql): Promise<void> => {
    const memory = new CatalogMemory();
    const [row] = await sql.query<{ version: number }>("SELECT version FROM catalog_version");
    await sql.query(
      `DECLARE catalog NO SCROLL CURSOR FOR
       SELECT ${rowColumns} FROM catalog_rows r WHERE document IS NOT NULL ORDER BY seq`,
    );
    let seq = 0;
    for (let isThrough = false; !isThrough; ) {
      const rows = await sql.query<StoredRow>(`FETCH ${pageRows} FROM catalog`);
      memory.put(changeOf(this.#parts.sealer, rows, Number.POSITIVE_INFINITY));
      seq = rows.at(-1)?.seq ?? seq;
      isThrough = rows.length < pageRows;
    }
    await sql.query("CLOSE catalog");
    const version = row?.version ?? 0;
    if (version < this.#version) return;
    this.memory = memory;
    this.#parts.onReload();
    this.#followed(version, seq);
  };

  #followed(version: number, seq = 0): void {
    this.#version = version;
    this.#seq = Math.max(this.#seq, seq);
    for (const listener of this.#listeners) listener();
  }
}

/** All statements see what was committed before the first. */
function inOneMoment(body: (sql: Sql) => Promise<void>): (sql: Sql) => Promise<void> {
  return async (sql) => {
    await sql.query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY");
    await body(sql);
  };
}

/** The one without a row says that nothing was changed. */
function isRow(row: Behind): row is Behind & StoredRow {
  return typeof row.seq === "number";
}

async function refuseStale(sql: Sql, rows: readonly CatalogRow[], seen: number, floor: number): Promise<void> {
  // How the clock goes rests on nothing: the last word counts.
  const resting = rows.filter(({ kind }) => kind !== "clock");
  if (resting.length === 0) return;
  if (seen < floor) throw new StaleFactsError("Everything was emptied meanwhile. Look again, then repeat the change.");
  const [stale] = await sql.query<RowKey>(
    `SELECT r.kind, r.key FROM unnest($1::text[], $2::text[]) AS k (kind, key) JOIN catalog_rows r USING (kind, key)
     WHERE r.version > $3 LIMIT 1`,
    [...keyColumns(resting), seen],
  );
  if (stale === undefined) return;
  const what = stale.key === "" ? `the ${stale.kind}` : `'${stale.key}' of the ${stale.kind}`;
  throw new StaleFactsError(`Another call changed ${what} meanwhile. Look at it again, then repeat the change.`);
}

async function remove(sql: Sql, keys: readonly RowKey[], version: number): Promise<void> {
  if (keys.length === 0) return;
  await sql.query(
    `UPDATE catalog_rows r SET document = NULL, resolved_at = NULL, version = $3
     FROM unnest($1::text[], $2::text[]) AS k (kind, key)
     WHERE r.kind = k.kind AND r.key = k.key AND r.document IS NOT NULL`,
    [...keyColumns(keys), version],
  );
}

/** Answers the last seq. An upsert keeps the row, and with it seq; one that had been removed begins anew, at the end. */
async function put(sql: Sql, rows: readonly CatalogRow[], version: number): Promise<number> {
  const columns = keyColumns(rows);
  await sql.query(
    `DELETE FROM catalog_rows r USING unnest($1::text[], $2::text[]) AS k (kind, key)
     WHERE r.kind = k.kind AND r.key = k.key AND r.document IS NULL`,
    columns,
  );
  const [last] = await sql.query<{ seq: number }>(
    `WITH written AS (
       INSERT INTO catalog_rows (kind, key, version, resolved_at, document)
       SELECT kind, key, $5::bigint, resolved_at, document
       FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[]) WITH ORDINALITY
         AS k (kind, key, resolved_at, document, ord) ORDER BY ord
       ON CONFLICT (kind, key) DO UPDATE
         SET version = excluded.version, resolved_at = excluded.resolved_at, document = excluded.document
       RETURNING seq
     ) SELECT max(seq) AS seq FROM written`,
    [...columns, rows.map(({ resolvedAt }) => resolvedAt), rows.map(({ document }) => document), version],
  );
  return last?.seq ?? 0;
}

/** What happened does not change; a change that is tried again must not fail on its own event. */
async function keepEvent(sql: Sql, { id, at, actor, action, target, summary }: ControlEvent): Promise<void> {
  await sql.query(
    `INSERT INTO control_events (id, at, actor, action, target, summary) VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (id) DO NOTHING`,
    [id, at, actor, action, target, summary ?? null],
  );
}

async function forgetRemoved(sql: Sql, upTo: number): Promise<void> {
  const gone = await sql.query("DELETE FROM catalog_rows WHERE document IS NULL AND version <= $1 RETURNING seq", [
    upTo,
  ]);
  if (gone.length > 0) await sql.query("UPDATE catalog_version SET floor = greatest(floor, $1)", [upTo]);
}

function keyColumns(rows: readonly RowKey[]): readonly (readonly string[])[] {
  return [rows.map(({ kind }) => kind), rows.map(({ key }) => key)];
}
