/** Rate buckets, browsers and keys that the nodes over one PostgreSQL database have in common. */
import { randomUUID } from "node:crypto";
import type {
  BrowserBounds,
  BrowserRow,
  BrowserRows,
  KeyRows,
  RateGrant,
  SharedRates,
  SharedState,
  SharedTopic,
} from "../sharedState.ts";
import type { Connections, Sql } from "./connection.ts";
import { tellShared } from "./sharedChannel.ts";
import { SharedFaultTable } from "./sharedFaults.ts";

/** Longer than any bucket of use takes to fill. */
const bucketIdle = "1 day";

export class PostgresSharedState implements SharedState {
  readonly id: string;
  readonly rates: SharedRates;
  readonly faults: SharedFaultTable;
  readonly browsers: BrowserRows;
  readonly keys: KeyRows;
  readonly #connections: Connections;
  readonly #node = randomUUID();
  readonly #listeners: { readonly topic: SharedTopic; readonly listener: () => void }[] = [];

  constructor(connections: Connections, id: string) {
    this.#connections = connections;
    this.id = id;
    this.rates = ratesIn(connections, this.#node);
    this.faults = new SharedFaultTable(connections, this.#node);
    this.browsers = browsersIn(connections);
    this.keys = keysIn(connections);
  }

  static async open(connections: Connections): Promise<PostgresSharedState> {
    const [row] = await connections.query<{ value: string }>("SELECT value FROM meta WHERE name = 'database-id'");
    if (row === undefined) throw new Error("the database has lost its id (meta, 'database-id')");
    return new PostgresSharedState(connections, row.value);
  }

  onChanged(topic: SharedTopic, listener: () => void): void {
    this.#listeners.push({ topic, listener });
  }

  /** What a node told; what this one did is known here. */
  told(payload: string): void {
    const [topic = "", node = ""] = payload.split(" ");
    if (node !== this.#node) this.tellHere(topic);
  }

  tellHere(changed: string): void {
    for (const { topic, listener } of this.#listeners) if (topic === changed) listener();
  }

  /** Told or not: looks whether the faults are still those that were seen last. */
  async look(): Promise<void> {
    if (await this.faults.hasChanged()) this.tellHere("faults");
  }

  /** Drops what nobody needs any more. By one node, now and then. */
  async tidy(): Promise<void> {
    await this.#connections.query(`DELETE FROM rate_buckets WHERE touched_at < now() - interval '${bucketIdle}'`);
    await this.faults.tidy();
  }
}

/** What is in the bucket `b` now, before anything is taken. */
const filled = `least(greatest(excluded.rate, 1),
  b.tokens + greatest(0, excluded.filled_at - b.filled_at) * excluded.rate / 1000)`;
/** The smallest part of a token that rounding may have cost. */
const whole = `floor(${filled} + 1e-9)`;

/**
 * One statement, whose rows are locked in the order of their keys. The time of it is taken before the locks: of two that
 * wait for each other the later may come with the earlier time, which must not fill the bucket twice. A clock of the
 * caller's may be set back; then nothing is given, and it counts from there.
 */
const takeTokens = `
  INSERT INTO rate_buckets AS b (key, rate, tokens, filled_at, granted)
  SELECT k.key, k.rate, greatest(k.rate, 1) - k.want, t.now, k.want
  FROM unnest($1::text[], $2::double precision[], $3::integer[]) AS k (key, rate, want),
    (SELECT coalesce($4::double precision, extract(epoch FROM clock_timestamp()) * 1000)::double precision AS now) t
  ORDER BY k.key
  ON CONFLICT (key) DO UPDATE SET
    rate = excluded.rate,
    tokens = ${filled} - least(excluded.granted, ${whole}),
    granted = least(excluded.granted, ${whole}),
    filled_at = CASE WHEN $4::double precision IS NULL THEN greatest(b.filled_at, excluded.filled_at)
      ELSE excluded.filled_at END,
    touched_at = now()
  RETURNING key, granted, greatest(0, (1 - tokens) * 1000 / rate) AS next_in_ms`;

function ratesIn(connections: Connections, node: string): SharedRates {
  return {
    take: async (requests, now) => {
      const rows = await connections.prepared<{ key: string; granted: number; next_in_ms: number }>(
        "take-tokens",
        takeTokens,
        [
          requests.map(({ key }) => key),
          requests.map(({ rate }) => rate),
          requests.map(({ want }) => want),
          now ?? null,
        ],
      );
      const grants = new Map(
        rows.map((row): [string, RateGrant] => [row.key, { granted: row.granted, nextInMs: row.next_in_ms }]),
      );
      return requests.map(({ key }) => {
        const grant = grants.get(key);
        if (grant === undefined) throw new Error("a bucket was asked for, and yet gave no answer");
        return grant;
      });
    },
    clear: () =>
      connections.transaction(async (sql) => {
        await sql.query("DELETE FROM rate_buckets");
        await tellShared(sql, "rates", node);
      }),
  };
}

type StoredBrowser = {
  readonly hash: string;
  readonly name: string;
  readonly role: "full" | "read";
  readonly root_mark: string;
  readonly opened_at: number;
  readonly used_at: number;
};

type BrowserTable = "console_links" | "console_sessions";

function browsersIn(connections: Connections): BrowserRows {
  const put = async (table: BrowserTable, row: BrowserRow, { max, endedBefore }: BrowserBounds): Promise<void> => {
    await connections.query(
      `INSERT INTO ${table} (hash, name, role, root_mark, opened_at, used_at) VALUES ($1, $2, $3, $4, $5, $6)`,
      [row.hash, row.name, row.role, row.rootMark, row.openedAt, row.usedAt],
    );
    await connections.query(
      `DELETE FROM ${table} WHERE used_at < $1 OR hash IN (
         SELECT hash FROM ${table} ORDER BY used_at DESC, (hash = $3) DESC, hash OFFSET $2)`,
      [endedBefore, max, row.hash],
    );
  };
  return {
    putLink: (row, bounds) => put("console_links", row, bounds),
    takeLink: async (hash) => {
      const rows = await connections.query<StoredBrowser>("DELETE FROM console_links WHERE hash = $1 RETURNING *", [
        hash,
      ]);
      return browserOf(rows[0]);
    },
    putSession: (row, bounds) => put("console_sessions", row, bounds),
    session: async (hash) => {
      const rows = await connections.query<StoredBrowser>("SELECT * FROM console_sessions WHERE hash = $1", [hash]);
      return browserOf(rows[0]);
    },
    used: async (hash, at) => {
      await connections.query("UPDATE console_sessions SET used_at = greatest(used_at, $2) WHERE hash = $1", [
        hash,
        at,
      ]);
    },
    endSession: async (hash) => {
      await connections.query("DELETE FROM console_sessions WHERE hash = $1", [hash]);
    },
  };
}

function browserOf(row: StoredBrowser | undefined): BrowserRow | undefined {
  if (row === undefined) return undefined;
  const { hash, name, role, root_mark: rootMark, opened_at: openedAt, used_at: usedAt } = row;
  return { hash, name, role, rootMark, openedAt, usedAt };
}

function keysIn(connections: Connections): KeyRows {
  const read = async (sql: Sql, name: string): Promise<string | undefined> => {
    const [row] = await sql.query<{ sealed: string }>("SELECT sealed FROM sealed_keys WHERE name = $1", [name]);
    return row?.sealed;
  };
  return {
    read: (name) => read(connections, name),
    keep: async (name, sealed, seen) => {
      await connections.query(
        `INSERT INTO sealed_keys AS k (name, sealed) VALUES ($1, $2)
         ON CONFLICT (name) DO UPDATE SET sealed = excluded.sealed WHERE k.sealed = $3`,
        [name, sealed, seen ?? null],
      );
      // A statement of its own sees what another node kept while this one waited for it.
      return (await read(connections, name)) ?? sealed;
    },
  };
}
