/**
 * What is read and written on one shard, in a transaction that touches no other. Each statement has the accounts as a
 * condition, or its rows as VALUES, by which Citus sends it to their shard alone; what comes from arrays by SELECT would go
 * through the coordinator.
 */
import type { UsageHolder } from "../ledger.ts";
import { allHolders, type Holders, inOrder, keptTokens, noHolders, publicHolder } from "./claims.ts";
import type { Sql } from "./connection.ts";
import { allocationsText, type Claiming, millisecondsIn, usageColumns } from "./usageRows.ts";

/** Of one statement, whose parameters are counted by 16 bits. */
const rowsMax = 500;

const usageTypes = [
  ...[
    "integer",
    "text",
    "bigint",
    "integer",
    "bigint",
    "bigint",
    "uuid",
    "integer",
    "bigint",
    "boolean",
    "text",
    "text",
  ],
];
const tokenTypes = ["text", "text", "text", "text", "uuid", "bigint", "integer", "bigint"];

type Value = string | number | boolean | null;

/** Of claims that are all on one shard: who holds each key afterwards. `withToken`: their client tokens are there, too. */
export async function storeOnShard(
  sql: Sql,
  claims: readonly Claiming[],
  withToken: (claim: Claiming) => boolean,
): Promise<ReadonlyMap<Claiming, UsageHolder>> {
  const withTokens = claims.filter(withToken);
  const found = new Map(await tokensOnShard(sql, withTokens));
  const free = claims.filter((claim) => !found.has(claim));
  const { firsts, repeats } = inOrder(free);
  const taken = await insertUsage(sql, firsts);
  const holders = allHolders({ left: firsts, before: noHolders, repeats }, taken);
  for (const claim of free) found.set(claim, publicHolder(claim, holders));
  await keepOnShard(
    sql,
    withTokens.filter((claim) => free.includes(claim)),
    holders,
  );
  return found;
}

/** Of the claims that are all on one shard: those that are taken, and by whom. */
export async function lookOnShard(
  sql: Sql,
  claims: readonly Claiming[],
  withToken: (claim: Claiming) => boolean,
): Promise<ReadonlyMap<Claiming, UsageHolder>> {
  const found = new Map(await tokensOnShard(sql, claims.filter(withToken)));
  const holders = await holdersOnShard(
    sql,
    claims.filter((claim) => !found.has(claim) && claim.record.path !== "agentcore"),
  );
  for (const claim of holders.keys()) found.set(claim, publicHolder(claim, holders));
  return found;
}

/** Of the claims whose client tokens are all on one shard: those whose token is taken. */
export async function tokensOnShard(
  sql: Sql,
  claims: readonly Claiming[],
): Promise<ReadonlyMap<Claiming, UsageHolder>> {
  const taken = new Map<Claiming, UsageHolder>();
  if (claims.length === 0) return taken;
  const rows = await sql.prepared<{ ord: number; request_hash: string; record_id: string; quantity: number }>(
    "shard-tokens",
    `SELECT k.ord, t.request_hash, t.record_id, t.quantity
     FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS k (account, region, token, ord)
     JOIN client_tokens t USING (account, region, token) WHERE t.account = ANY ($4::text[])`,
    tokenColumns(claims),
  );
  for (const { ord, request_hash: requestHash, record_id: meteringRecordId, quantity } of rows) {
    const claim = claims[ord - 1];
    if (claim === undefined) continue;
    const clientToken = requestHash === claim.record.clientToken?.requestHash ? "same" : "conflict";
    taken.set(claim, { meteringRecordId, quantity, fresh: false, clientToken });
  }
  return taken;
}

/** Rejects where another transaction took one of the tokens meanwhile. */
export async function keepOnShard(sql: Sql, claims: readonly Claiming[], holders: Holders): Promise<void> {
  const rows = keptTokens(claims, holders).toSorted(byText);
  const columns = "account, region, token, request_hash, record_id, quantity, hour, call";
  for (const some of chunksOf(rows)) {
    await sql.query(`INSERT INTO client_tokens (${columns}) VALUES ${placesOf(some, tokenTypes)}`, some.flat());
  }
}

/** Locks in the order of the keys, which is that of all nodes. Of those that are taken: by whom. */
async function insertUsage(sql: Sql, claims: readonly Claiming[]): Promise<Holders> {
  const fresh = new Set<string>();
  for (const some of chunksOf(claims.map(usageRow))) {
    const stored = await sql.query<{ record_id: string }>(
      `INSERT INTO usage (${usageColumns}) VALUES ${placesOf(some, usageTypes)} ON CONFLICT DO NOTHING RETURNING record_id`,
      some.flat(),
    );
    for (const { record_id: id } of stored) fresh.add(id);
  }
  const taken = claims.filter(({ id }) => !fresh.has(id));
  // A statement of its own sees what others committed while the insert waited for them.
  const holders = await holdersOnShard(sql, taken);
  if (holders.size < taken.length) throw new Error("a usage key is taken, and yet nobody holds it");
  return holders;
}

async function holdersOnShard(sql: Sql, claims: readonly Claiming[]): Promise<Holders> {
  if (claims.length === 0) return noHolders;
  const accounts = claims.map(({ subject }) => subject.account);
  const rows = await sql.prepared<{ ord: number; record_id: string; quantity: number }>(
    "shard-holders",
    `SELECT k.ord, u.record_id, u.quantity
     FROM unnest($1::integer[], $2::text[], $3::bigint[], $4::integer[], $5::bigint[]) WITH ORDINALITY
       AS k (hour, account, subject, dimension, entry, ord)
     JOIN usage u USING (hour, account, subject, dimension, entry) WHERE u.account = ANY ($6::text[])`,
    [
      claims.map(({ record }) => record.hour),
      accounts,
      claims.map(({ subject }) => subject.id),
      claims.map(({ dimension }) => dimension),
      claims.map(({ entry }) => entry),
      [...new Set(accounts)],
    ],
  );
  const holders = new Map<Claiming, { readonly id: string; readonly quantity: number }>();
  for (const { ord, record_id: id, quantity } of rows) {
    const claim = claims[ord - 1];
    if (claim !== undefined) holders.set(claim, { id, quantity });
  }
  return holders;
}

/** In the order of `usageColumns`. */
function usageRow({ record, subject, dimension, entry, id, call }: Claiming): readonly Value[] {
  return [
    ...[record.hour, subject.account, subject.id, dimension, entry, record.quantity, id, millisecondsIn(record), call],
    ...[record.billable, allocationsText(record), record.clientToken?.token ?? null],
  ];
}

function tokenColumns(claims: readonly Claiming[]): readonly (readonly string[])[] {
  const given = claims.map(({ record }) => record);
  const accounts = given.map(({ clientToken }) => clientToken?.accountId ?? "");
  return [
    accounts,
    given.map(({ region }) => region),
    given.map(({ clientToken }) => clientToken?.token ?? ""),
    [...new Set(accounts)],
  ];
}

/** `($1::integer, $2::text), ($3::integer, $4::text)` */
function placesOf(rows: readonly (readonly Value[])[], types: readonly string[]): string {
  const row = (_: unknown, index: number): string =>
    `(${types.map((type, column) => `$${index * types.length + column + 1}::${type}`).join(", ")})`;
  return rows.map(row).join(", ");
}

function chunksOf<Row>(rows: readonly Row[]): readonly (readonly Row[])[] {
  return Array.from({ length: Math.ceil(rows.length / rowsMax) }, (_, index) =>
    rows.slice(index * rowsMax, (index + 1) * rowsMax),
  );
}

/** By account, Region and token. */
function byText(one: readonly Value[], other: readonly Value[]): number {
  const [a, b] = [one, other].map((row) => row.slice(0, 3).join("\n"));
  return a === b ? 0 : (a ?? "") < (b ?? "") ? -1 : 1;
}
