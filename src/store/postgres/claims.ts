/**
 * Many calls' claims in a handful of statements: the client tokens are looked up, all records are inserted at once unless
 * their key is taken, and the holders of what was taken are read back. Keys are sorted, so that nodes do not deadlock.
 */
import type { MeteringWorkload } from "../../api/types.ts";
import type { AuditDetail, AuditEvent } from "../audit.ts";
import type { ClaimOutcome, ClaimUnit, UsageClaim, UsageHolder } from "../ledger.ts";
import { StaleFactsError } from "../ledger.ts";
import { RecordIds } from "../recordIds.ts";
import { StoredKeys } from "../storedKeys.ts";
import type { Sql } from "./connection.ts";
import type { Interner, UsageKey } from "./interner.ts";

const msPerHour = 3_600_000;
/** Entries of one call on the agentcore path: call × this + position stays unique. */
export const entriesPerCall = 65_536;

export interface ClaimParts {
  readonly interner: Interner;
  /** A number for each call, in no order between nodes. */
  readonly nextCall: () => Promise<number>;
  /** Of the catalogue in memory. */
  readonly factsVersion: () => number;
  /** Memory is behind the database: it is to be read again before anything is decided anew. */
  readonly catchUp: () => Promise<void>;
  /** Marks a registration token as resolved unless it is: was it before? undefined for an unknown token. */
  readonly resolveToken: (sql: Sql, hash: string, at: number) => Promise<boolean | undefined>;
}

/** One record on its way. */
interface Claiming {
  readonly unit: number;
  readonly position: number;
  readonly record: UsageClaim;
  readonly key: UsageKey;
  readonly entry: number;
  readonly id: string;
  readonly call: number;
}

interface Holder {
  readonly id: string;
  readonly quantity: number;
}

const ids = new RecordIds();

/** What lanes keep apart: two records under one token in one group would not see each other. */
export function locksOf(unit: ClaimUnit): readonly string[] {
  return unit.records.flatMap(({ clientToken, region }) =>
    clientToken === undefined ? [] : [tokenText(clientToken, region)],
  );
}

function tokenText({ accountId, token }: NonNullable<UsageClaim["clientToken"]>, region: string): string {
  return `${accountId}\n${region}\n${token}`;
}

export async function writeClaims(
  sql: Sql,
  units: readonly ClaimUnit[],
  parts: ClaimParts,
): Promise<readonly (ClaimOutcome | Error)[]> {
  const stale = await staleUnits(sql, units, parts);
  const live = units.map((unit, index) => ({ unit, index })).filter(({ index }) => stale[index] === undefined);
  const claims = await claimingsOf(live, parts);
  const tokens = await takenTokens(sql, claims);
  const { firsts, followers } = byToken(claims.filter((claim) => !tokens.has(claim)));
  const { fresh, holders } = await insertUsage(sql, firsts);

  const outcomes: (ClaimOutcome | Error)[] = units.map(
    (_, index) => stale[index] ?? new Error("a unit was left without an outcome"),
  );
  const byUnit = Map.groupBy(claims, ({ unit }) => unit);
  const events: StoredEvent[] = [];
  for (const { unit, index } of live) {
    const own = byUnit.get(index) ?? [];
    const outcome: ClaimOutcome = {
      holders: own.map((claim) => {
        const leader = followers.get(claim);
        if (leader !== undefined) return followed(claim, leader, publicHolder(leader, fresh, holders));
        return tokens.get(claim) ?? publicHolder(claim, fresh, holders);
      }),
      ...(await extras(sql, unit, parts)),
    };
    const event = unit.audit(outcome);
    const stored = own.filter(({ id }) => fresh.has(id));
    if (event !== undefined) events.push({ event, call: own[0]?.call ?? (await parts.nextCall()), stored });
    else if (stored.length > 0) throw new Error("a unit stored usage and gave no audit event for it");
    outcomes[index] = outcome;
  }
  await keepTokens(sql, firsts, fresh, holders);
  await insertEvents(sql, events, parts.interner);
  return outcomes;
}

/** By index: those that were decided on facts of another version than the database has now. */
async function staleUnits(
  sql: Sql,
  units: readonly ClaimUnit[],
  { factsVersion, catchUp }: ClaimParts,
): Promise<readonly (StaleFactsError | undefined)[]> {
  if (units.every((unit) => unit.factsVersion === undefined)) return [];
  const [row] = await sql.prepared<{ version: number }>("version", "SELECT version FROM catalog_version");
  const version = row?.version ?? 0;
  if (version !== factsVersion()) await catchUp();
  return units.map((unit) =>
    unit.factsVersion === undefined || unit.factsVersion === version
      ? undefined
      : new StaleFactsError(`The catalogue moved on from version ${unit.factsVersion} to ${version}`),
  );
}

async function claimingsOf(
  live: readonly { readonly unit: ClaimUnit; readonly index: number }[],
  { interner, nextCall }: ClaimParts,
): Promise<readonly Claiming[]> {
  const keys = await interner.usageKeys(live.flatMap(({ unit }) => unit.records));
  const claims: Claiming[] = [];
  for (const { unit, index } of live) {
    if (unit.records.length === 0) continue;
    const call = await nextCall();
    for (const [position, record] of unit.records.entries()) {
      const key = keys[claims.length];
      if (key === undefined) throw new Error("a record was left without its key");
      // On the agentcore path records add up (M-31): each has an entry of its own, so no two share a key.
      const entry = record.path === "agentcore" ? call * entriesPerCall + position : 0;
      claims.push({ unit: index, position, record, key, entry, id: ids.next().text, call });
    }
  }
  return claims;
}

/** Of the records whose client token was used before. The tokens stay locked until the end of the transaction. */
async function takenTokens(sql: Sql, claims: readonly Claiming[]): Promise<ReadonlyMap<Claiming, UsageHolder>> {
  const given = claims.flatMap((claim) => {
    const { clientToken, region } = claim.record;
    return clientToken === undefined ? [] : [{ claim, region, clientToken }];
  });
  const taken = new Map<Claiming, UsageHolder>();
  if (given.length === 0) return taken;
  const columns = [
    given.map(({ clientToken }) => clientToken.accountId),
    given.map(({ region }) => region),
    given.map(({ clientToken }) => clientToken.token),
  ];
  const tokens = "unnest($1::text[], $2::text[], $3::text[])";
  await sql.prepared(
    "lock-tokens",
    `SELECT pg_advisory_xact_lock(lock) FROM (
       SELECT hashtextextended(concat_ws(chr(10), account, region, token), 0) AS lock
       FROM ${tokens} AS k (account, region, token) ORDER BY 1 OFFSET 0) AS locks`,
    columns,
  );
  const rows = await sql.prepared<{ ord: number; request_hash: string; record_id: string; quantity: number }>(
    "taken-tokens",
    `SELECT k.ord, t.request_hash, t.record_id, t.quantity
     FROM ${tokens} WITH ORDINALITY AS k (account, region, token, ord) JOIN client_tokens t USING (account, region, token)`,
    columns,
  );
  for (const row of rows) {
    const found = given[row.ord - 1];
    if (found === undefined) continue;
    taken.set(found.claim, {
      meteringRecordId: row.record_id,
      quantity: row.quantity,
      fresh: false,
      clientToken: row.request_hash === found.clientToken.requestHash ? "same" : "conflict",
    });
  }
  return taken;
}

/**
 * Records of one unit under one token: the first claims, the others find it there. (Those of different units are never in
 * one group, see `locksOf`.)
 */
function byToken(claims: readonly Claiming[]): {
  readonly firsts: readonly Claiming[];
  readonly followers: ReadonlyMap<Claiming, Claiming>;
} {
  const leaders = new Map<string, Claiming>();
  const followers = new Map<Claiming, Claiming>();
  for (const claim of claims) {
    const { clientToken, region } = claim.record;
    if (clientToken === undefined) continue;
    const text = tokenText(clientToken, region);
    const leader = leaders.get(text);
    if (leader === undefined) leaders.set(text, claim);
    else followers.set(claim, leader);
  }
  return { firsts: claims.filter((claim) => !followers.has(claim)), followers };
}

function followed(claim: Claiming, leader: Claiming, holder: UsageHolder): UsageHolder {
  const isSame = claim.record.clientToken?.requestHash === leader.record.clientToken?.requestHash;
  const { meteringRecordId, quantity } = holder;
  return { meteringRecordId, quantity, fresh: false, clientToken: isSame ? "same" : "conflict" };
}

interface Inserted {
  /** Ids of the records that this transaction stored. */
  readonly fresh: ReadonlySet<string>;
  /** Who holds the keys of the others. */
  readonly holders: ReadonlyMap<Claiming, Holder>;
}

async function insertUsage(sql: Sql, claims: readonly Claiming[]): Promise<Inserted> {
  if (claims.length === 0) return { fresh: new Set(), holders: new Map() };
  const rows = await sql.prepared<{ record_id: string }>(
    "insert-usage",
    `INSERT INTO usage
     SELECT hour, account, subject, dimension, entry, quantity, record_id, at_ms, call, billable, allocations, client_token
     FROM unnest($1::integer[], $2::text[], $3::bigint[], $4::integer[], $5::bigint[], $6::bigint[], $7::uuid[],
       $8::integer[], $9::bigint[], $10::boolean[], $11::text[], $12::text[]) WITH ORDINALITY
       AS k (hour, account, subject, dimension, entry, quantity, record_id, at_ms, call, billable, allocations,
         client_token, ord)
     ORDER BY hour, account, subject, dimension, entry, ord
     ON CONFLICT DO NOTHING RETURNING record_id`,
    [
      ...keyColumns(claims),
      claims.map(({ record }) => record.quantity),
      claims.map(({ id }) => id),
      claims.map(({ record }) => Math.round(record.timestampMs) - record.hour * msPerHour),
      claims.map(({ call }) => call),
      claims.map(({ record }) => record.billable),
      claims.map(({ record }) => (record.allocations === undefined ? null : JSON.stringify(record.allocations))),
      claims.map(({ record }) => record.clientToken?.token ?? null),
    ],
  );
  const fresh = new Set(rows.map(({ record_id: id }) => id));
  const taken = claims.filter(({ id }) => !fresh.has(id));
  return { fresh, holders: taken.length === 0 ? new Map() : await holdersOf(sql, taken) };
}

async function holdersOf(sql: Sql, taken: readonly Claiming[]): Promise<ReadonlyMap<Claiming, Holder>> {
  // A statement of its own sees what others committed while the insert waited for them.
  const rows = await sql.prepared<{ ord: number; record_id: string; quantity: number }>(
    "holders",
    `SELECT k.ord, u.record_id, u.quantity
     FROM unnest($1::integer[], $2::text[], $3::bigint[], $4::integer[], $5::bigint[]) WITH ORDINALITY
       AS k (hour, account, subject, dimension, entry, ord)
     JOIN usage u USING (hour, account, subject, dimension, entry)`,
    keyColumns(taken),
  );
  const holders = new Map<Claiming, Holder>();
  for (const { ord, record_id: id, quantity } of rows) {
    const claim = taken[ord - 1];
    if (claim !== undefined) holders.set(claim, { id, quantity });
  }
  if (holders.size < taken.length) throw new Error("a usage key is taken, and yet nobody holds it");
  return holders;
}

function keyColumns(claims: readonly Claiming[]): readonly (readonly (number | string)[])[] {
  return [
    claims.map(({ record }) => record.hour),
    claims.map(({ key }) => key.account),
    claims.map(({ key }) => key.subject),
    claims.map(({ key }) => key.dimension),
    claims.map(({ entry }) => entry),
  ];
}

function publicHolder(claim: Claiming, fresh: Inserted["fresh"], holders: Inserted["holders"]): UsageHolder {
  if (fresh.has(claim.id)) return { meteringRecordId: claim.id, quantity: claim.record.quantity, fresh: true };
  const holder = holders.get(claim);
  if (holder === undefined) throw new Error("a usage key is taken, and yet nobody holds it");
  return { meteringRecordId: holder.id, quantity: holder.quantity, fresh: false };
}

type Extras = Pick<ClaimOutcome, "tokenResolvedBefore" | "workloadFresh">;

async function extras(sql: Sql, unit: ClaimUnit, parts: ClaimParts): Promise<Extras> {
  const { resolveToken, workload } = unit;
  const before = resolveToken && (await parts.resolveToken(sql, resolveToken.hash, resolveToken.at));
  return {
    ...(before === undefined ? {} : { tokenResolvedBefore: before }),
    ...(workload === undefined ? {} : { workloadFresh: await insertWorkload(sql, workload) }),
  };
}

async function insertWorkload(sql: Sql, workload: MeteringWorkload): Promise<boolean> {
  const { productCode, resource, operation } = workload;
  const rows = await sql.prepared(
    "insert-workload",
    `INSERT INTO metering_workloads (product_code, resource, operation, document) VALUES ($1, $2, $3, $4)
     ON CONFLICT DO NOTHING RETURNING true AS fresh`,
    [productCode, resource, operation, JSON.stringify(workload)],
  );
  return rows.length === 1;
}

/** A token that met another quantity stays free: its call failed, so the same token may come again (M-23). */
async function keepTokens(
  sql: Sql,
  claims: readonly Claiming[],
  fresh: Inserted["fresh"],
  holders: Inserted["holders"],
): Promise<void> {
  const kept = claims.flatMap((claim) => {
    const { clientToken, quantity } = claim.record;
    const holder = fresh.has(claim.id) ? { id: claim.id, quantity } : holders.get(claim);
    return clientToken === undefined || holder?.quantity !== quantity ? [] : [{ claim, clientToken, holder }];
  });
  if (kept.length === 0) return;
  await sql.prepared(
    "keep-tokens",
    `INSERT INTO client_tokens (account, region, token, request_hash, record_id, quantity, hour, call)
     SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::bigint[], $7::integer[],
       $8::bigint[])`,
    [
      kept.map(({ clientToken }) => clientToken.accountId),
      kept.map(({ claim }) => claim.record.region),
      kept.map(({ clientToken }) => clientToken.token),
      kept.map(({ clientToken }) => clientToken.requestHash),
      kept.map(({ holder }) => holder.id),
      kept.map(({ holder }) => holder.quantity),
      kept.map(({ claim }) => claim.record.hour),
      kept.map(({ claim }) => claim.call),
    ],
  );
}

interface StoredEvent {
  readonly event: AuditEvent;
  readonly call: number;
  readonly stored: readonly Claiming[];
}

async function insertEvents(sql: Sql, events: readonly StoredEvent[], interner: Interner): Promise<void> {
  if (events.length === 0) return;
  const callers = await interner.callers(events.map(({ event }) => event));
  const keys = new StoredKeys();
  const stored = events.map((one) => {
    keys.clear();
    for (const { record, key, position } of one.stored) {
      keys.add({
        hour: record.hour,
        subject: key.subject,
        dimension: key.dimension,
        position: record.path === "agentcore" ? position : -1,
      });
    }
    const bytes = keys.bytes();
    // A copy: the next call's keys are written over it.
    return bytes === null ? null : Buffer.from(bytes);
  });
  await sql.prepared(
    "insert-events",
    `INSERT INTO audit (seq, at, request_id, caller, outcome, detail, stored)
     SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::bytea[])`,
    [
      events.map(({ call }) => call),
      events.map(({ event }) => event.at),
      events.map(({ event }) => event.requestId),
      callers,
      events.map(({ event }) => event.outcome),
      events.map(({ event }) => detailText(event.detail)),
      stored,
    ],
  );
}

/** What is not with the caller. */
function detailText(detail: AuditDetail | undefined): string | null {
  if (detail === undefined) return null;
  const { productCode, source, userAgent, ...own } = detail;
  const text = JSON.stringify(own);
  return text === "{}" ? null : text;
}
