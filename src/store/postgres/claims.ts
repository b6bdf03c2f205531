/**
 * Many calls' claims in a handful of statements: the client tokens are looked up, all records are copied in, and where a key
 * is taken its holder is read. Keys are sorted, so that nodes do not deadlock.
 */
import type { MeteringWorkload } from "../../api/types.ts";
import type { ClaimOutcome, ClaimUnit, UsageClaim, UsageHolder } from "../ledger.ts";
import { StaleFactsError } from "../ledger.ts";
import { RecordIds } from "../recordIds.ts";
import type { Sql, Transaction } from "./connection.ts";
import { isKeyTaken } from "./errors.ts";
import { insertEvents, type StoredEvent } from "./events.ts";
import type { Interner } from "./interner.ts";
import type { TakenExpected } from "./takenExpected.ts";
import { allocationsText, byKey, type Claiming, millisecondsIn, usageColumns, usageRows } from "./usageRows.ts";

/** Entries of one call on the agentcore path: call × this + position stays unique. */
export const entriesPerCall = 65_536;

export interface ClaimParts {
  readonly interner: Interner;
  readonly expected: TakenExpected;
  /** Numbers for so many calls: in the order in which a node asks for them, in none between nodes. */
  readonly nextCalls: (count: number) => Promise<readonly number[]>;
  /** Of the catalogue in memory. */
  readonly factsVersion: () => number;
  /** Memory is behind the database: it is to be read again before anything is decided anew. */
  readonly catchUp: () => Promise<void>;
  /** Marks a registration token as resolved unless it is: was it before? undefined for an unknown token. */
  readonly resolveToken: (sql: Sql, hash: string, at: number) => Promise<boolean | undefined>;
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
  sql: Transaction,
  units: readonly ClaimUnit[],
  parts: ClaimParts,
): Promise<readonly (ClaimOutcome | Error)[]> {
  const stale = await staleUnits(sql, units, parts);
  const calls = await callsOf(units, (index) => stale[index] !== undefined, parts);
  const claims = calls.flatMap((call) => call.claims);
  const withTokens = claims.filter(({ record }) => record.clientToken !== undefined);
  const tokens = await takenTokens(sql, withTokens);
  const followers = byToken(withTokens.filter((claim) => !tokens.has(claim)));
  const firsts =
    withTokens.length === 0 ? claims : claims.filter((claim) => !tokens.has(claim) && !followers.has(claim));
  const holders = await storeUsage(sql, firsts, parts.expected);

  const outcomes: (ClaimOutcome | Error)[] = units.map(
    (_, index) => stale[index] ?? new Error("a unit was left without an outcome"),
  );
  const holderOf = (claim: Claiming): UsageHolder => {
    const leader = followers.get(claim);
    if (leader !== undefined) return followed(claim, leader, publicHolder(leader, holders));
    return tokens.get(claim) ?? publicHolder(claim, holders);
  };
  const events: StoredEvent[] = [];
  for (const call of calls) {
    const outcome: ClaimOutcome = { holders: call.claims.map(holderOf), ...(await extras(sql, call.unit, parts)) };
    const event = eventOf(call, outcome);
    if (event === "owed") throw new Error("a unit stored usage and gave no audit event for it");
    if (event !== undefined) events.push(event);
    outcomes[call.index] = outcome;
  }
  await keepTokens(sql, withTokens.length === 0 ? [] : firsts, holders);
  await insertEvents(sql, events, parts.interner);
  return outcomes;
}

/** undefined: nothing to keep. "owed": usage would be stored, and nothing would tell of it. */
export function eventOf({ unit, number, claims }: Call, outcome: ClaimOutcome): StoredEvent | "owed" | undefined {
  const event = unit.audit(outcome);
  const stored = claims.filter((_, place) => outcome.holders[place]?.fresh === true);
  if (event === undefined) return stored.length > 0 ? "owed" : undefined;
  return { event, call: number, stored };
}

/** By index: those that were decided on facts of another version than the database has now. */
export async function staleUnits(
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

/** A unit that is not stale, with its place in the group. */
export interface Call {
  readonly unit: ClaimUnit;
  readonly index: number;
  readonly number: number;
  readonly claims: readonly Claiming[];
}

export async function callsOf(
  units: readonly ClaimUnit[],
  isLeftOut: (index: number) => boolean,
  { interner, nextCalls }: ClaimParts,
): Promise<readonly Call[]> {
  const live = units.map((unit, index) => ({ unit, index })).filter(({ index }) => !isLeftOut(index));
  // First: a group behind this one may have to wait for less.
  const numbers = await nextCalls(live.length);
  const { subjects, dimensions } = await interner.usageKeys(live.flatMap(({ unit }) => unit.records));
  let next = 0;
  const calls: Call[] = [];
  for (const [place, { unit, index }] of live.entries()) {
    const claims: Claiming[] = [];
    const call = numbers[place];
    if (call === undefined) throw new Error("a call was left without its number");
    for (const [position, record] of unit.records.entries()) {
      const subject = subjects[next];
      const dimension = dimensions[next];
      next += 1;
      if (subject === undefined || dimension === undefined) throw new Error("a record was left without its key");
      // On the agentcore path records add up (M-31): each has an entry of its own, so no two share a key.
      const entry = record.path === "agentcore" ? call * entriesPerCall + position : 0;
      claims.push({ position, record, subject, dimension, entry, id: ids.nextText(), call });
    }
    calls.push({ unit, index, number: call, claims });
  }
  return calls;
}

/** Of the records whose client token was used before. The tokens stay locked until the end of the transaction. */
async function takenTokens(sql: Sql, claims: readonly Claiming[]): Promise<ReadonlyMap<Claiming, UsageHolder>> {
  const taken = new Map<Claiming, UsageHolder>();
  if (claims.length === 0) return taken;
  const { given, columns } = await lockTokens(sql, claims);
  const rows = await sql.prepared<{ ord: number; request_hash: string; record_id: string; quantity: number }>(
    "taken-tokens",
    `SELECT k.ord, t.request_hash, t.record_id, t.quantity
     FROM ${tokenArrays} WITH ORDINALITY AS k (account, region, token, ord) JOIN client_tokens t USING (account, region, token)`,
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

const tokenArrays = "unnest($1::text[], $2::text[], $3::text[])";

/** Until the end of the transaction. */
export async function lockTokens(sql: Sql, claims: readonly Claiming[]) {
  const given = claims.flatMap((claim) => {
    const { clientToken, region } = claim.record;
    return clientToken === undefined ? [] : [{ claim, region, clientToken }];
  });
  const columns = [
    given.map(({ clientToken }) => clientToken.accountId),
    given.map(({ region }) => region),
    given.map(({ clientToken }) => clientToken.token),
  ];
  await sql.prepared(
    "lock-tokens",
    `SELECT pg_advisory_xact_lock(lock) FROM (
       SELECT hashtextextended(concat_ws(chr(10), account, region, token), 0) AS lock
       FROM ${tokenArrays} AS k (account, region, token) ORDER BY 1 OFFSET 0) AS locks`,
    columns,
  );
  return { given, columns };
}

/**
 * Records of one unit under one token: the first claims, the others find it there. (Those of different units are never in
 * one group, see `locksOf`.) Of each that follows, whom.
 */
export function byToken(claims: readonly Claiming[]): ReadonlyMap<Claiming, Claiming> {
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
  return followers;
}

export function followed(claim: Claiming, leader: Claiming, holder: UsageHolder): UsageHolder {
  const isSame = claim.record.clientToken?.requestHash === leader.record.clientToken?.requestHash;
  const { meteringRecordId, quantity } = holder;
  return { meteringRecordId, quantity, fresh: false, clientToken: isSame ? "same" : "conflict" };
}

/** Of the claims whose key was taken: by whom. */
export type Holders = ReadonlyMap<Claiming, Holder>;

/**
 * Copies the records in, which costs half of an INSERT … ON CONFLICT, and fails where one key is taken. So keys are looked
 * up before while some were taken lately; a key that another transaction takes meanwhile makes it an INSERT.
 */
async function storeUsage(sql: Transaction, claims: readonly Claiming[], expected: TakenExpected): Promise<Holders> {
  if (claims.length === 0) return noHolders;
  const sorted = await sortOut(sql, claims, expected);
  const raced = (await isCopied(sql, sorted.left)) ? noHolders : await insertUsage(sql, sorted.left);
  expected.learn(sorted.before.size + raced.size > 0);
  return allHolders(sorted, raced);
}

export const noHolders: Holders = new Map();

export interface SortedOut {
  /** To be stored, in order, each key once. */
  readonly left: readonly Claiming[];
  /** Holders that were there. */
  readonly before: Holders;
  /** Of what repeats a key: the first one with it. */
  readonly repeats: ReadonlyMap<Claiming, Claiming>;
}

export async function sortOut(sql: Sql, claims: readonly Claiming[], expected: TakenExpected): Promise<SortedOut> {
  const { firsts, repeats } = inOrder(claims);
  const before = expected.isTaken() ? await holdersOf(sql, firsts) : noHolders;
  return { left: before.size === 0 ? firsts : firsts.filter((claim) => !before.has(claim)), before, repeats };
}

/** `raced`: of what was left, and could not be stored. */
export function allHolders({ before, repeats }: SortedOut, raced: Holders): Holders {
  if (before.size + raced.size + repeats.size === 0) return noHolders;
  const holders = new Map([...before, ...raced]);
  for (const [claim, first] of repeats) {
    holders.set(claim, holders.get(first) ?? { id: first.id, quantity: first.record.quantity });
  }
  return holders;
}

/** By key, each key once; and the later ones of a key with the first. */
export function inOrder(claims: readonly Claiming[]): {
  readonly firsts: readonly Claiming[];
  readonly repeats: ReadonlyMap<Claiming, Claiming>;
} {
  const firsts: Claiming[] = [];
  const repeats = new Map<Claiming, Claiming>();
  for (const claim of claims.toSorted(byKey)) {
    const last = firsts.at(-1);
    if (last !== undefined && byKey(last, claim) === 0) repeats.set(claim, last);
    else firsts.push(claim);
  }
  return { firsts, repeats };
}

/** false, with nothing stored: a key is taken. Where another transaction holds it, that one's end is waited for. */
async function isCopied(sql: Transaction, claims: readonly Claiming[]): Promise<boolean> {
  if (claims.length === 0) return true;
  try {
    await sql.copyIn(
      `SAVEPOINT before_usage; COPY usage (${usageColumns}) FROM STDIN (FORMAT binary)`,
      usageRows(claims),
    );
    return true;
  } catch (error) {
    if (!isKeyTaken(error)) throw error;
    await sql.query("ROLLBACK TO SAVEPOINT before_usage");
    return false;
  }
}

async function insertUsage(sql: Sql, claims: readonly Claiming[]): Promise<Holders> {
  const rows = await sql.prepared<{ record_id: string }>(
    "insert-usage",
    `INSERT INTO usage
     SELECT hour, account, subject, dimension, entry, quantity, record_id, at_ms, call, billable, allocations, client_token
     FROM unnest($1::integer[], $2::text[], $3::bigint[], $4::integer[], $5::bigint[], $6::bigint[], $7::uuid[],
       $8::integer[], $9::bigint[], $10::boolean[], $11::text[], $12::text[])
       AS k (hour, account, subject, dimension, entry, quantity, record_id, at_ms, call, billable, allocations, client_token)
     ORDER BY hour, account, subject, dimension, entry
     ON CONFLICT DO NOTHING RETURNING record_id`,
    [
      ...keyColumns(claims),
      claims.map(({ record }) => record.quantity),
      claims.map(({ id }) => id),
      claims.map(({ record }) => millisecondsIn(record)),
      claims.map(({ call }) => call),
      claims.map(({ record }) => record.billable),
      claims.map(({ record }) => allocationsText(record)),
      claims.map(({ record }) => record.clientToken?.token ?? null),
    ],
  );
  const fresh = new Set(rows.map(({ record_id: id }) => id));
  const taken = claims.filter(({ id }) => !fresh.has(id));
  // A statement of its own sees what others committed while the insert waited for them.
  const holders = await holdersOf(sql, taken);
  if (holders.size < taken.length) throw new Error("a usage key is taken, and yet nobody holds it");
  return holders;
}

/** Of the claims whose key is taken by what is committed. */
async function holdersOf(sql: Sql, claims: readonly Claiming[]): Promise<Holders> {
  if (claims.length === 0) return noHolders;
  const rows = await sql.prepared<{ ord: number; record_id: string; quantity: number }>(
    "holders",
    `SELECT k.ord, u.record_id, u.quantity
     FROM unnest($1::integer[], $2::text[], $3::bigint[], $4::integer[], $5::bigint[]) WITH ORDINALITY
       AS k (hour, account, subject, dimension, entry, ord)
     JOIN usage u USING (hour, account, subject, dimension, entry)`,
    keyColumns(claims),
  );
  const holders = new Map<Claiming, Holder>();
  for (const { ord, record_id: id, quantity } of rows) {
    const claim = claims[ord - 1];
    if (claim !== undefined) holders.set(claim, { id, quantity });
  }
  return holders;
}

function keyColumns(claims: readonly Claiming[]): readonly (readonly (number | string)[])[] {
  return [
    claims.map(({ record }) => record.hour),
    claims.map(({ subject }) => subject.account),
    claims.map(({ subject }) => subject.id),
    claims.map(({ dimension }) => dimension),
    claims.map(({ entry }) => entry),
  ];
}

export function publicHolder(claim: Claiming, holders: Holders): UsageHolder {
  const holder = holders.get(claim);
  if (holder === undefined) return { meteringRecordId: claim.id, quantity: claim.record.quantity, fresh: true };
  return { meteringRecordId: holder.id, quantity: holder.quantity, fresh: false };
}

export type Extras = Pick<ClaimOutcome, "tokenResolvedBefore" | "workloadFresh">;

export async function extras(sql: Sql, unit: ClaimUnit, parts: ClaimParts): Promise<Extras> {
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

async function keepTokens(sql: Sql, claims: readonly Claiming[], holders: Holders): Promise<void> {
  const kept = keptTokens(claims, holders);
  if (kept.length === 0) return;
  await sql.prepared(
    "keep-tokens",
    `INSERT INTO client_tokens (account, region, token, request_hash, record_id, quantity, hour, call)
     SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::bigint[], $7::integer[],
       $8::bigint[])`,
    kept[0]?.map((_, column) => kept.map((row) => row[column])),
  );
}

/** Rows of client_tokens. One that met another quantity stays free: its call failed, so it may come again (M-23). */
export function keptTokens(claims: readonly Claiming[], holders: Holders): readonly (readonly (string | number)[])[] {
  return claims.flatMap((claim) => {
    const { clientToken, region, quantity, hour } = claim.record;
    const holder = holders.get(claim) ?? { id: claim.id, quantity };
    if (clientToken === undefined || holder.quantity !== quantity) return [];
    const { accountId, token, requestHash } = clientToken;
    return [[accountId, region, token, requestHash, holder.id, holder.quantity, hour, claim.call]];
  });
}
