/**
 * Where the usage is distributed over shards, which of them an account's usage is on: the Citus extension says so, and what
 * it said is remembered.
 */
import type { Sql } from "./connection.ts";

/** Some 10 MB of texts. Beyond it the map starts again. */
const rememberedMax = 100_000;
/** A rebalancing keeps the shards; a split makes new ones, and says so to nobody. */
const layoutEveryMs = 10_000;

export class ShardMap {
  readonly #sql: Pick<Sql, "query">;
  readonly #shards = new Map<string, number>();
  #layout: string | undefined;
  #lookedAt = Number.NEGATIVE_INFINITY;

  /** undefined: the usage of this database is not distributed. */
  static async open(sql: Pick<Sql, "query">): Promise<ShardMap | undefined> {
    const [citus] = await sql.query<{ found: boolean }>("SELECT to_regclass('pg_dist_partition') IS NOT NULL AS found");
    if (citus?.found !== true) return undefined;
    const [usage] = await sql.query<{ found: boolean }>(
      "SELECT EXISTS (SELECT FROM pg_dist_partition WHERE logicalrelid = 'usage'::regclass) AS found",
    );
    return usage?.found === true ? new ShardMap(sql) : undefined;
  }

  constructor(sql: Pick<Sql, "query">) {
    this.#sql = sql;
  }

  /** The shard of each account. */
  async of(accounts: Iterable<string>): Promise<ReadonlyMap<string, number>> {
    const found = new Map<string, number>();
    const missing = new Set<string>();
    for (const account of accounts) {
      const shard = this.#shards.get(account);
      if (shard === undefined) missing.add(account);
      else found.set(account, shard);
    }
    if (missing.size === 0) return found;
    const rows = await this.#sql.query<{ account: string; shard: number }>(
      `SELECT account, get_shard_id_for_distribution_column('usage', account) AS shard
       FROM unnest($1::text[]) AS k (account)`,
      [[...missing]],
    );
    if (this.#shards.size + rows.length > rememberedMax) this.#shards.clear();
    for (const { account, shard } of rows) {
      this.#shards.set(account, shard);
      found.set(account, shard);
    }
    return found;
  }

  /** After an error: what is remembered may be what is wrong. */
  forget(): void {
    this.#shards.clear();
  }

  /** Asked often, it looks now and then: forgets when there are other shards than before. `now`: of the monotonic clock. */
  async look(now = performance.now()): Promise<void> {
    if (now - this.#lookedAt < layoutEveryMs) return;
    this.#lookedAt = now;
    const [row] = await this.#sql.query<{ layout: string | null }>(
      `SELECT string_agg(shardid::text, ' ' ORDER BY shardid) AS layout FROM pg_dist_shard
       WHERE logicalrelid = 'usage'::regclass`,
    );
    const layout = row?.layout ?? "";
    if (this.#layout !== undefined && this.#layout !== layout) this.forget();
    this.#layout = layout;
  }
}
