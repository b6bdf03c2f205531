/**
 * Plain PostgreSQL in the part of a Citus coordinator: it has what a node asks Citus for, and says that the usage is on so
 * many shards. Everything is in one database all the same, so it shows what a node sends and in which transactions, and
 * nothing of what a cluster makes of it.
 */
import type { TestDatabase } from "./postgres.ts";

/** The first that Citus gives out. */
const firstShard = 102_008;

/** Of a database that has its tables. Nodes that open it from now on write shard by shard. */
export async function standInForCitus(database: TestDatabase, shards = 8): Promise<void> {
  const [{ name } = { name: "" }] = await database.query<{ name: string }>("SELECT current_database() AS name");
  await database.query(`
    CREATE SCHEMA citus_stand_in;
    CREATE TABLE citus_stand_in.pg_dist_partition AS SELECT 'usage'::regclass AS logicalrelid;
    CREATE TABLE citus_stand_in.pg_dist_shard (logicalrelid regclass, shardid bigint)`);
  await splitShards(database, shards);
  await database.query(`ALTER DATABASE ${name} SET search_path = public, citus_stand_in`);
}

/** As after a split: other shards, and accounts on other ones. */
export async function splitShards(database: TestDatabase, shards: number): Promise<void> {
  await database.query(`
    CREATE OR REPLACE FUNCTION citus_stand_in.get_shard_id_for_distribution_column(regclass, text) RETURNS bigint
      LANGUAGE sql AS 'SELECT ${firstShard + shards} + abs(hashtext($2)::bigint) % ${shards}';
    TRUNCATE citus_stand_in.pg_dist_shard;
    INSERT INTO citus_stand_in.pg_dist_shard
      SELECT 'usage'::regclass, ${firstShard + shards} + n FROM generate_series(0, ${shards - 1}) n`);
}

/** The shard of each account. */
export async function shardsOf(
  database: TestDatabase,
  accounts: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const rows = await database.query<{ account: string; shard: string }>(
    `SELECT account, get_shard_id_for_distribution_column('usage', account) AS shard FROM unnest($1::text[]) k (account)`,
    [accounts],
  );
  return new Map(rows.map(({ account, shard }) => [account, Number(shard)]));
}
