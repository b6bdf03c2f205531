/**
 * Many calls' claims where the usage is distributed over shards. No transaction touches two shards, or a shard and a table
 * of the coordinator: calls are announced on the coordinator, their records written shard by shard in the order of their
 * keys, and the calls completed with what became of them. See docs/citus.md.
 */
import type { AuditEvent } from "../audit.ts";
import { type ClaimOutcome, type ClaimUnit, StoreFailure, type UsageHolder } from "../ledger.ts";
import {
  type Call,
  type ClaimParts,
  callsOf,
  type Extras,
  eventOf,
  extras,
  type Holders,
  lockTokens,
  staleUnits,
  writeClaims,
} from "./claims.ts";
import { type Connections, createTurns, type Sql } from "./connection.ts";
import { CommitUnknown, isOfServer, isToBeTriedAgain } from "./errors.ts";
import { insertEvents, type StoredEvent } from "./events.ts";
import { announceCalls, completeCalls } from "./pendingCalls.ts";
import type { ShardMap } from "./shardMap.ts";
import { following, type Plan, pendingOf, planOf, unstoredHolder } from "./shardPlans.ts";
import { keepOnShard, lookOnShard, storeOnShard, tokensOnShard } from "./shardWrites.ts";
import type { Claiming } from "./usageRows.ts";

/** Each takes a connection of the pool. */
const shardsAtOnce = 4;
/** No shard is begun later: by far sooner than a call counts as left behind. */
const announcedMaxMs = 20_000;
const attemptsMax = 3;
/** Of what is told of shards that fail. */
const toldEveryMs = 5_000;

export interface ShardedParts {
  readonly connections: Connections;
  readonly shards: ShardMap;
  readonly claiming: ClaimParts;
  /** Told, now and then, why a shard took nothing: those who called are only told to send again. It must not throw. */
  readonly onShardFailure: (error: unknown) => void;
}

type Found = UsageHolder | StoreFailure;

/** A group on its way. */
interface Group {
  readonly units: readonly ClaimUnit[];
  readonly calls: readonly Call[];
  readonly maxMs: number;
  readonly shardOf: (account: string) => number;
  readonly known: Map<Claiming, UsageHolder>;
  /** By the monotonic clock. */
  readonly endsAt: number;
}

/** Of a call that was announced. */
interface Live {
  readonly plan: Plan;
  readonly more: Extras;
}

interface Announced {
  /** By index of the unit; undefined: it is live. */
  readonly outcomes: (ClaimOutcome | Error | undefined)[];
  readonly live: readonly Live[];
}

export class ShardedClaims {
  readonly #parts: ShardedParts;
  readonly #turns = createTurns(shardsAtOnce);
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(parts: ShardedParts) {
    this.#parts = parts;
  }

  /** As `GroupWriter` has it: rejects only while nothing is stored. Each statement is given up after `maxMs`. */
  async write(units: readonly ClaimUnit[], maxMs: number): Promise<readonly (ClaimOutcome | Error)[]> {
    const { connections, shards, claiming } = this.#parts;
    const calls = await callsOf(units, (index) => units[index]?.records.length === 0, claiming);
    const claims = calls.flatMap((call) => call.claims);
    const places = await shards.of(accountsOf(claims));
    const group: Group = {
      ...{ units, calls, maxMs, known: new Map(), endsAt: performance.now() + announcedMaxMs },
      shardOf: (account) => places.get(account) ?? 0,
    };
    const strays = claims.filter((claim) => isStray(claim, group));
    if (strays.length === 0) return this.#write(group, strays);
    let answers: readonly (ClaimOutcome | Error)[] | undefined;
    try {
      await connections.transaction(async (sql) => {
        await sql.query(`SET LOCAL idle_in_transaction_session_timeout = ${announcedMaxMs * 2}`);
        await lockTokens(sql, strays);
        answers = await this.#write(group, strays);
      });
    } catch (error) {
      // What was written is written, whatever became of the locks.
      if (answers === undefined) throw error;
    }
    return answers ?? [];
  }

  async #write(group: Group, strays: readonly Claiming[]): Promise<readonly (ClaimOutcome | Error)[]> {
    const { known, calls, units } = group;
    await this.#lookForTokens(group, strays);
    const plans = await this.#plan(group);
    const { outcomes, live } = await this.#announce(group, plans);
    const toStore = live.flatMap(({ plan: { call, followers } }) =>
      call.claims.filter((claim) => !known.has(claim) && !followers.has(claim)),
    );
    const found = await this.#store(group, toStore);
    await this.#complete(group, live, found, outcomes);
    const isTaken = [...known.values(), ...found.values()].some((one) => "fresh" in one && !one.fresh);
    if (calls.length > 0) this.#parts.claiming.expected.learn(isTaken);
    return units.map((_, index) => outcomes[index] ?? new StoreFailure("unknown", new Error("no outcome was told")));
  }

  /** Of tokens that are on other shards than their records. They are locked. */
  async #lookForTokens({ shardOf, known, maxMs }: Group, strays: readonly Claiming[]): Promise<void> {
    for (const some of byShard(strays, (claim) => shardOf(tokenAccount(claim)))) {
      const taken = await this.#parts.connections.transaction((sql) => tokensOnShard(sql, some), maxMs);
      for (const [claim, holder] of taken) known.set(claim, holder);
    }
  }

  /** Keys are looked up where an event depends on it, and while some were taken lately. */
  async #plan(group: Group): Promise<readonly Plan[]> {
    const { calls, known, maxMs } = group;
    const plans = calls.map((call) => planOf(call, known));
    const isTaken = this.#parts.claiming.expected.isTaken();
    const unclear = plans.filter((plan) => isTaken || plan.refusal !== undefined).flatMap(({ call }) => call.claims);
    if (unclear.length === 0) return plans;
    const asked = unclear.filter((claim) => !known.has(claim));
    await this.#onShards(group, asked, async (claims) => {
      const look = (sql: Sql) => lookOnShard(sql, claims, (claim) => hasTokenHere(claim, group));
      for (const [claim, holder] of await this.#parts.connections.transaction(look, maxMs)) known.set(claim, holder);
    });
    return calls.map((call) => planOf(call, known));
  }

  /** One transaction on the coordinator: the version, what has no usage or is known already, and what will be pending. */
  async #announce({ units, maxMs, known }: Group, plans: readonly Plan[]): Promise<Announced> {
    const { connections, claiming } = this.#parts;
    const bare = units.flatMap((unit, index) => (unit.records.length === 0 ? [{ unit, index }] : []));
    return connections.transaction(async (sql) => {
      const outcomes: (ClaimOutcome | Error | undefined)[] = units.map(() => undefined);
      const stale = await staleUnits(sql, units, claiming);
      const live: Live[] = [];
      const events: StoredEvent[] = [];
      for (const plan of plans) {
        const { call, isSettled } = plan;
        const refusal = stale[call.index] ?? plan.refusal;
        if (refusal !== undefined) {
          outcomes[call.index] = refusal;
          continue;
        }
        const more = await extras(sql, call.unit, claiming);
        if (!isSettled) {
          live.push({ plan, more });
          continue;
        }
        const outcome = { holders: call.claims.map((claim) => known.get(claim) ?? unstoredHolder), ...more };
        const event = eventOf(call, outcome);
        if (event !== undefined && event !== "owed") events.push(event);
        outcomes[call.index] = outcome;
      }
      const pending = live.map(({ plan }) => pendingOf(plan)).filter((call) => call !== undefined);
      await announceCalls(sql, pending, claiming.interner);
      await insertEvents(sql, events, claiming.interner);
      if (bare.length > 0) {
        const answers = await writeClaims(
          sql,
          bare.map(({ unit }) => unit),
          claiming,
        );
        for (const [place, { index }] of bare.entries()) outcomes[index] = answers[place];
      }
      return { outcomes, live };
    }, maxMs);
  }

  /** What became of each claim. Does not reject. */
  async #store(group: Group, claims: readonly Claiming[]): Promise<ReadonlyMap<Claiming, Found>> {
    const found = new Map<Claiming, Found>();
    await this.#onShards(group, claims, (some) => this.#storeOnOne(group, some, found));
    const strays = claims.filter((claim) => isStray(claim, group) && !(found.get(claim) instanceof StoreFailure));
    for (const some of byShard(strays, (claim) => group.shardOf(tokenAccount(claim)))) {
      try {
        const keep = (sql: Sql) => keepOnShard(sql, some, takenOf(some, found));
        await this.#parts.connections.transaction(keep, group.maxMs);
      } catch (error) {
        this.#tell(error);
        for (const claim of some) found.set(claim, new StoreFailure("unknown", error));
      }
    }
    return found;
  }

  /** Claims of one shard, each of which is told of in `found`. */
  async #storeOnOne(group: Group, claims: readonly Claiming[], found: Map<Claiming, Found>): Promise<void> {
    const { connections, shards } = this.#parts;
    const store = (sql: Sql) => storeOnShard(sql, claims, (claim) => hasTokenHere(claim, group));
    for (let attempt = 1; ; attempt += 1) {
      try {
        if (performance.now() > group.endsAt) throw new Error(`the shards took longer than ${announcedMaxMs} ms`);
        for (const [claim, holder] of await connections.transaction(store, group.maxMs)) found.set(claim, holder);
        return;
      } catch (error) {
        shards.forget();
        if (isToBeTriedAgain(error) && attempt < attemptsMax) continue;
        const parts = error instanceof CommitUnknown || isOfServer(error) ? [] : partsOf(claims);
        if (parts.length > 1) {
          for (const part of parts) await this.#storeOnOne(group, part, found);
          return;
        }
        const failure = new StoreFailure(error instanceof CommitUnknown ? "unknown" : "no", error);
        this.#tell(failure);
        for (const claim of claims) found.set(claim, failure);
        return;
      }
    }
  }

  #tell(error: unknown): void {
    if (performance.now() - this.#toldAt < toldEveryMs) return;
    this.#toldAt = performance.now();
    this.#parts.onShardFailure(error);
  }

  /** One transaction on the coordinator: the events, with what became of each record. Does not reject. */
  async #complete(
    { known, maxMs }: Group,
    live: readonly Live[],
    found: ReadonlyMap<Claiming, Found>,
    outcomes: (ClaimOutcome | Error | undefined)[],
  ): Promise<void> {
    const { connections, claiming } = this.#parts;
    const done: { readonly call: Call; readonly answer: ClaimOutcome | StoreFailure }[] = [];
    const events: StoredEvent[] = [];
    for (const { plan, more } of live) {
      const { call } = plan;
      const results = call.claims.map((claim) => known.get(claim) ?? resultOf(claim, plan, found));
      const failures = results.filter((one) => one instanceof StoreFailure);
      // Where nobody knows, the call stays pending: the leader looks later.
      outcomes[call.index] = failures.find(({ stored }) => stored === "unknown");
      if (outcomes[call.index] !== undefined) continue;
      const outcome = { holders: results.map((one) => (one instanceof StoreFailure ? unstoredHolder : one)), ...more };
      const event = completedEvent(plan, outcome);
      if (event !== undefined) events.push(event);
      const [failure] = failures;
      done.push({ call, answer: failure !== undefined && failures.length === results.length ? failure : outcome });
    }
    if (done.length === 0) return;
    try {
      const calls = done.map(({ call }) => numberOf(call));
      await connections.transaction((sql) => completeCalls(sql, calls, events, claiming.interner), maxMs);
      for (const { call, answer } of done) outcomes[call.index] = answer;
    } catch (error) {
      // Stored, and pending: the same call again finds it.
      for (const { call } of done) outcomes[call.index] = new StoreFailure("unknown", error);
    }
  }

  /** Each shard's claims, some shards at a time, in the order of the shards. */
  async #onShards(
    { shardOf }: Group,
    claims: readonly Claiming[],
    body: (claims: readonly Claiming[]) => Promise<void>,
  ): Promise<void> {
    const each = byShard(claims, ({ subject }) => shardOf(subject.account)).map(async (some) => {
      const done = await this.#turns();
      try {
        await body(some);
      } finally {
        done();
      }
    });
    await Promise.all(each);
  }
}

function numberOf({ claims }: Call): number {
  const [first] = claims;
  if (first === undefined) throw new Error("a call without records has no number yet");
  return first.call;
}

/** Also where none is given any more: what is stored cannot be refused now, and an event was given when it was announced. */
function completedEvent(plan: Plan, outcome: ClaimOutcome): StoredEvent | undefined {
  const { call, event: announced } = plan;
  const stored = call.claims.filter((_, place) => outcome.holders[place]?.fresh === true);
  const event = givenEvent(call, outcome) ?? (stored.length > 0 ? announced : undefined);
  return event && { event, call: numberOf(call), stored };
}

function givenEvent({ unit }: Call, outcome: ClaimOutcome): AuditEvent | undefined {
  try {
    return unit.audit(outcome);
  } catch {
    return undefined;
  }
}

function resultOf(claim: Claiming, { followers }: Plan, found: ReadonlyMap<Claiming, Found>): Found {
  const leader = followers.get(claim);
  const result = found.get(leader ?? claim) ?? new StoreFailure("unknown", new Error("a record was left untold"));
  return leader === undefined || result instanceof StoreFailure ? result : following(claim, leader, result);
}

function accountsOf(claims: readonly Claiming[]): ReadonlySet<string> {
  const accounts = new Set<string>();
  for (const { subject, record } of claims) {
    accounts.add(subject.account);
    if (record.clientToken !== undefined) accounts.add(record.clientToken.accountId);
  }
  return accounts;
}

function tokenAccount({ record, subject }: Claiming): string {
  return record.clientToken?.accountId ?? subject.account;
}

/**
 * Its client token is on another shard than its record: the subject's first record was another account's. Rare, and dearer:
 * token and record are two transactions, behind locks of the coordinator.
 */
function isStray(claim: Claiming, { shardOf }: Pick<Group, "shardOf">): boolean {
  return shardOf(tokenAccount(claim)) !== shardOf(claim.subject.account);
}

function hasTokenHere(claim: Claiming, group: Pick<Group, "shardOf">): boolean {
  return claim.record.clientToken !== undefined && !isStray(claim, group);
}

/** In the order of the shards. */
function byShard(claims: readonly Claiming[], shardOf: (claim: Claiming) => number): readonly (readonly Claiming[])[] {
  const groups = [...Map.groupBy(claims, shardOf)].toSorted(([one], [other]) => one - other);
  return groups.map(([, some]) => some);
}

/** What may be stored where all together failed: the calls, or of one call the accounts, each by itself. */
function partsOf(claims: readonly Claiming[]): readonly (readonly Claiming[])[] {
  const calls = [...Map.groupBy(claims, ({ call }) => call).values()];
  return calls.length > 1 ? calls : [...Map.groupBy(claims, ({ subject }) => subject.account).values()];
}

function takenOf(claims: readonly Claiming[], found: ReadonlyMap<Claiming, Found>): Holders {
  const holders = new Map<Claiming, { readonly id: string; readonly quantity: number }>();
  for (const claim of claims) {
    const holder = found.get(claim);
    if (holder === undefined || holder instanceof StoreFailure || holder.fresh) continue;
    holders.set(claim, { id: holder.meteringRecordId, quantity: holder.quantity });
  }
  return holders;
}
