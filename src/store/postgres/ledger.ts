/** The ledger in PostgreSQL: claims go through the lane, many calls in a transaction; reads have connections of their own. */
import type { MeteringRecord, MeteringWorkload } from "../../api/types.ts";
import {
  type ClaimOutcome,
  type ClaimUnit,
  type Ledger,
  type MeteredUnit,
  type PlacedRecord,
  StoreFailure,
  type UsageFilter,
  type UsageOrder,
} from "../ledger.ts";
import type { UsageGrouping, UsageTotal } from "../usageTotals.ts";
import { WorkloadMemory } from "../workloadMemory.ts";
import { claimAtOnce, isPlain } from "./claimAtOnce.ts";
import { type ClaimParts, locksOf, writeClaims } from "./claims.ts";
import type { Connections, Sql, Transaction } from "./connection.ts";
import { CommitUnknown } from "./errors.ts";
import type { Interner } from "./interner.ts";
import { Lane } from "./lane.ts";
import type { Partitions } from "./partitions.ts";
import { ShardedClaims } from "./shardedClaims.ts";
import type { ShardMap } from "./shardMap.ts";
import { TakenExpected } from "./takenExpected.ts";
import { countUsage, selectUsage } from "./usageReads.ts";
import { selectUsageTotals } from "./usageTotals.ts";

const defaultLimit = 1_000;
/** As the sequence of the schema gives them out. */
const callsPerBlock = 1_000;
/** Groups wait for each other's: less than one of them has in all. */
const blockMaxMs = 4_000;
/** A change can be committed after one of a higher number: so many are read once more. */
const changesReadAgain = 1_000;
/** Of one transaction. */
const meterMaxMs = 8_000;

/** What the ledger needs of the catalogue. */
export interface LedgerCatalog {
  readonly version: number;
  catchUp(): Promise<void>;
  resolveToken(sql: Sql, hash: string, at: number): Promise<boolean | undefined>;
  /** Memory follows `resolveToken`. */
  tokenResolved(hash: string, resolvedAt: number): void;
}

export interface LedgerParts {
  readonly connections: Connections;
  readonly interner: Interner;
  readonly partitions: Partitions;
  readonly catalog: LedgerCatalog;
  /** The usage is distributed over these. */
  readonly shards?: ShardMap | undefined;
  /** What failed and is nobody's whole call: a shard. */
  readonly onError: (error: unknown) => void;
}

export class PostgresLedger implements Ledger {
  readonly #parts: LedgerParts;
  readonly #claiming: ClaimParts;
  readonly #sharded: ShardedClaims | undefined;
  readonly #workloads = new WorkloadMemory();
  /** The audit trail's events go the same way. */
  readonly lane: Lane<ClaimUnit, ClaimOutcome>;
  #changesSeen = 0;
  #turn: Promise<unknown> = Promise.resolve();
  /** One block after another: groups of calls may ask at once. */
  #callsTaken: Promise<unknown> = Promise.resolve();
  #nextCall = 0;
  #callsLeft = 0;

  constructor(parts: LedgerParts) {
    this.#parts = parts;
    const { connections, interner, partitions, catalog, shards, onError } = parts;
    this.#claiming = {
      interner,
      expected: new TakenExpected(),
      nextCalls: (count) => this.#takeCalls(count),
      factsVersion: () => catalog.version,
      catchUp: () => catalog.catchUp(),
      resolveToken: (sql, hash, at) => catalog.resolveToken(sql, hash, at),
    };
    const sharded =
      shards && new ShardedClaims({ connections, shards, claiming: this.#claiming, onShardFailure: onError });
    this.#sharded = sharded;
    this.lane = new Lane({
      prepare: (units) => partitions.ensure(hoursOf(units)),
      write:
        sharded === undefined
          ? (units, maxMs) => connections.within(maxMs, (left) => this.#write(units, left))
          : (units, maxMs) => sharded.write(units, maxMs),
      mayOverlap: sharded === undefined ? isPlain : () => false,
      committed: (unit, outcome) => this.#committed(unit, outcome),
    });
  }

  claim(unit: ClaimUnit): Promise<ClaimOutcome> {
    return this.lane.enqueue(unit, locksOf(unit));
  }

  async meter(unit: MeteredUnit): Promise<boolean> {
    if (this.#sharded !== undefined) return this.#meterByShard(unit, this.#sharded);
    const { seen, records, meteredUntil, meteringClosed } = unit;
    const months = (): Promise<void> => this.#parts.partitions.ensure(records.map(({ hour }) => hour));
    const { isKept, workload } = await this.#alone(months, async (sql) => {
      const found = await storedWorkload(sql, seen);
      if (found === undefined || !isAsSeen(found, seen)) return { isKept: false, workload: found };
      await writeClaims(sql, [meteredClaims(unit)], this.#claiming);
      return { isKept: true, workload: await changeWorkload(sql, { ...found, meteredUntil, meteringClosed }) };
    });
    // Also where nothing was kept: memory may be behind another node, or behind a commit of unknown outcome.
    if (workload !== undefined) this.#workloads.put(workload);
    return isKept;
  }

  /**
   * Usage first, and the registration moves on when it is stored; the same hours again find their keys taken. A stop that
   * comes in between is as one that comes after.
   */
  #meterByShard(unit: MeteredUnit, sharded: ShardedClaims): Promise<boolean> {
    const { seen, records, meteredUntil } = unit;
    const { connections, partitions } = this.#parts;
    return this.#inTurn(async () => {
      await partitions.ensure(records.map(({ hour }) => hour));
      const before = await connections.transaction((sql) => storedWorkload(sql, seen));
      if (before !== undefined) this.#workloads.put(before);
      if (before === undefined || !isAsSeen(before, seen)) return false;
      const [answer] = await sharded.write([meteredClaims(unit)], meterMaxMs);
      if (answer instanceof Error) throw answer;
      const moved = await connections.transaction(async (sql) => {
        const found = await storedWorkload(sql, seen);
        if (found === undefined || found.meteredUntil !== seen.meteredUntil) return undefined;
        const meteringClosed = unit.meteringClosed && found.stoppedAt === seen.stoppedAt;
        return changeWorkload(sql, { ...found, meteredUntil, meteringClosed });
      });
      if (moved !== undefined) this.#workloads.put(moved);
      return moved !== undefined;
    });
  }

  async endWorkload({ resource, at }: { readonly resource: string; readonly at: number }): Promise<void> {
    // A registration of this turn may still be on its way.
    const changed = await this.#alone(
      () => this.lane.drain(),
      async (sql) => {
        // MeterUsage's are left alone: nothing is metered for them, and an instance that stopped may start again.
        const rows = await sql.query<{ document: string }>(
          `SELECT document FROM metering_workloads WHERE resource = $1 AND operation = 'RegisterUsage'
         ORDER BY product_code FOR UPDATE`,
          [resource],
        );
        const ended: MeteringWorkload[] = [];
        for (const { document } of rows) {
          const found = JSON.parse(document) as MeteringWorkload;
          ended.push(found.meteringClosed === true ? found : await changeWorkload(sql, { ...found, stoppedAt: at }));
        }
        return ended;
      },
    );
    for (const workload of changed) this.#workloads.put(workload);
  }

  openRegistrations(): readonly MeteringWorkload[] {
    return this.#workloads.openRegistrations();
  }

  workloads(filter: { readonly productCode?: string; readonly resource?: string }): readonly MeteringWorkload[] {
    return this.#workloads.matching(filter);
  }

  async records(filter: UsageFilter, limit = defaultLimit): Promise<readonly MeteringRecord[]> {
    return (await this.page(filter, limit)).map(({ record }) => record);
  }

  async page(
    filter: UsageFilter,
    limit: number,
    cursor?: string,
    order?: UsageOrder,
  ): Promise<readonly PlacedRecord[]> {
    await this.lane.drain();
    return selectUsage(this.#parts.connections, filter, { limit, cursor, order });
  }

  async mark(): Promise<string> {
    await this.lane.drain();
    const [row] = await this.#parts.connections.query<{ mark: string }>("SELECT pg_current_snapshot()::text AS mark");
    return row?.mark ?? "";
  }

  async count(filter: UsageFilter): Promise<{ readonly count: number; readonly quantity: number }> {
    await this.lane.drain();
    return countUsage(this.#parts.connections, filter);
  }

  async *totals(filter: UsageFilter, grouping: UsageGrouping, cursor?: string): AsyncGenerator<readonly UsageTotal[]> {
    await this.lane.drain();
    yield* selectUsageTotals(this.#parts.connections, filter, grouping, cursor);
  }

  /** Reads the registrations that other nodes made or changed; at the open, all of them. */
  async catchUp(): Promise<void> {
    const rows = await this.#parts.connections.query<{ changed: number; document: string }>(
      "SELECT changed, document FROM metering_workloads WHERE changed > $1 ORDER BY seq",
      [this.#changesSeen - changesReadAgain],
    );
    for (const { changed, document } of rows) {
      this.#changesSeen = Math.max(this.#changesSeen, changed);
      this.#workloads.put(JSON.parse(document) as MeteringWorkload);
    }
  }

  /** Lets go of what memory holds of a ledger that was cleared. */
  forget(): void {
    this.#workloads.clear();
    this.#changesSeen = 0;
  }

  /** One after another: each holds a connection, and asks for things on a second one. */
  #alone<T>(before: () => Promise<void>, body: (sql: Transaction) => Promise<T>): Promise<T> {
    return this.#inTurn(async () => {
      await before();
      return this.#parts.connections.transaction(body);
    });
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    try {
      return await done;
    } catch (error) {
      if (error instanceof StoreFailure) throw error;
      throw new StoreFailure(error instanceof CommitUnknown ? "unknown" : "no", error);
    }
  }

  async #write(units: readonly ClaimUnit[], left: () => number): Promise<readonly (ClaimOutcome | Error)[]> {
    const { connections } = this.#parts;
    const outcomes = await claimAtOnce(connections, units, this.#claiming, left);
    return outcomes ?? connections.transaction((sql) => writeClaims(sql, units, this.#claiming), left());
  }

  #committed(unit: ClaimUnit, outcome: ClaimOutcome): void {
    const { workload, resolveToken } = unit;
    if (workload !== undefined && outcome.workloadFresh === true) this.#workloads.put(workload);
    // Another node registered it; where that cannot be read now, the next look at the database finds it.
    else if (workload !== undefined && !this.#isKnown(workload)) this.catchUp().catch(() => {});
    if (resolveToken !== undefined && outcome.tokenResolvedBefore === false) {
      this.#parts.catalog.tokenResolved(resolveToken.hash, resolveToken.at);
    }
  }

  #isKnown({ productCode, resource, operation }: MeteringWorkload): boolean {
    return this.#workloads.matching({ productCode, resource }).some((one) => one.operation === operation);
  }

  #takeCalls(count: number): Promise<readonly number[]> {
    const taken = this.#callsTaken.then(async () => {
      const calls: number[] = [];
      while (calls.length < count) {
        if (this.#callsLeft === 0) await this.#nextBlock();
        this.#callsLeft -= 1;
        calls.push(this.#nextCall);
        this.#nextCall += 1;
      }
      return calls;
    });
    this.#callsTaken = taken.catch(() => {});
    return taken;
  }

  async #nextBlock(): Promise<void> {
    const { connections } = this.#parts;
    const [row] = await connections.within(blockMaxMs, () =>
      connections.query<{ call: number }>("SELECT nextval('audit_seq') AS call"),
    );
    if (row === undefined) throw new Error("the sequence of calls gave no number");
    this.#nextCall = row.call;
    this.#callsLeft = callsPerBlock;
  }
}

/** Nothing that the decision rested on has changed. */
function isAsSeen(found: MeteringWorkload, seen: MeteringWorkload): boolean {
  return found.stoppedAt === seen.stoppedAt && found.meteredUntil === seen.meteredUntil;
}

function meteredClaims({ records, audit }: MeteredUnit): ClaimUnit {
  return { records, audit: ({ holders }) => (holders.some((one) => one.fresh) ? audit : undefined) };
}

/** Each once. */
function hoursOf(units: readonly ClaimUnit[]): Iterable<number> {
  const hours = new Set<number>();
  for (const { records } of units) for (const { hour } of records) hours.add(hour);
  return hours;
}

async function storedWorkload(sql: Sql, seen: MeteringWorkload): Promise<MeteringWorkload | undefined> {
  const { productCode, resource, operation } = seen;
  const [row] = await sql.query<{ document: string }>(
    `SELECT document FROM metering_workloads WHERE product_code = $1 AND resource = $2 AND operation = $3 FOR UPDATE`,
    [productCode, resource, operation],
  );
  return row && (JSON.parse(row.document) as MeteringWorkload);
}

async function changeWorkload(sql: Sql, workload: MeteringWorkload): Promise<MeteringWorkload> {
  const { productCode, resource, operation } = workload;
  await sql.query(
    `UPDATE metering_workloads SET document = $1, changed = nextval('workload_changes')
     WHERE product_code = $2 AND resource = $3 AND operation = $4`,
    [JSON.stringify(workload), productCode, resource, operation],
  );
  return workload;
}
