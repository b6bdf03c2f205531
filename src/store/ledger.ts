/**
 * The ledger's port. Its only hard promise is `claim`: each record is inserted unless its usage key (or its client
 * token) is taken, and the holder of the key comes back. Success, replay, DuplicateRecord and
 * IdempotencyConflictException are comparisons with the holder, so no read-then-write race can exist.
 */
import type { MeteringRecord, MeteringWorkload, UsageAllocation, UsagePath } from "../api/types.ts";
import type { AuditEvent } from "./audit.ts";
import type { UsageGrouping, UsageTotal } from "./usageTotals.ts";

/**
 * One (region, path, productCode, holder) as an object that comes again with later claims of the same four texts, for as
 * long as it lives. A store may keep in it what it made of them, so as not to look them up again. Whoever makes one leaves
 * both members alone. Two of them may stand for the same texts.
 */
export interface HolderKey {
  /** Of the store: what is kept here is good while this is the mark that the store has now. undefined: nothing is kept. */
  mark: object | undefined;
  /** What the store goes by for the four texts. */
  kept: unknown;
}

/** One record to be claimed. Its usage key: region, path, productCode, holder, dimension, hour (SPEC B-60, M-20). */
export interface UsageClaim {
  readonly region: string;
  readonly path: UsagePath;
  readonly productCode: string;
  /** Buyer account id (productCode), licence ARN (license) or workload resource (resource, agentcore). */
  readonly holder: string;
  /** Of region, path, productCode and holder above. Absent where no object of them is kept. */
  readonly holderKey?: HolderKey | undefined;
  /** The buyer's account. */
  readonly accountId: string;
  readonly dimension: string;
  /** floor(epoch seconds / 3600), UTC (SPEC B-57). */
  readonly hour: number;
  readonly timestampMs: number;
  readonly quantity: number;
  readonly allocations?: readonly UsageAllocation[];
  readonly billable: boolean;
  /** Scope of the token: caller account and Region (SPEC M-24). On the agentcore path the token is the only key. */
  readonly clientToken?: { readonly accountId: string; readonly token: string; readonly requestHash: string };
}

/** Who holds the key after the claim. */
export interface UsageHolder {
  readonly meteringRecordId: string;
  readonly quantity: number;
  /** true: this claim stored it. */
  readonly fresh: boolean;
  /** Set when the claim's client token was already taken: was it by a request with the same hash? */
  readonly clientToken?: "same" | "conflict";
  /**
   * The store kept others of the unit and not this one, which left no key and may be sent again; `quantity` is then that
   * of no record. A unit of which nothing was kept rejects with StoreFailure instead.
   */
  readonly isUnstored?: true;
}

/**
 * What one call commits, all or nothing: its records, its first-call registration, its token use and its audit event. Over
 * shards the records are kept shard by shard, and those of a shard that failed are `isUnstored`.
 */
export interface ClaimUnit {
  readonly records: readonly UsageClaim[];
  /** Insert unless (productCode, resource, operation) is there already. */
  readonly workload?: MeteringWorkload;
  /** Mark a registration token as resolved, once. */
  readonly resolveToken?: { readonly hash: string; readonly at: number };
  /** `Catalog.version` that the decision rested on; `StaleFactsError` when it has moved on. Absent: not compared. */
  readonly factsVersion?: number;
  /**
   * Called inside the transaction, with the holders in the order of `records`; over shards also before it, with what they
   * may turn out to be. undefined: nothing to keep, because the call is refused on what the holders say and the refusal is
   * appended by itself.
   */
  readonly audit: (outcome: ClaimOutcome) => AuditEvent | undefined;
}

export interface ClaimOutcome {
  readonly holders: readonly UsageHolder[];
  /** true: the token of `resolveToken` had been resolved before this unit. */
  readonly tokenResolvedBefore?: boolean;
  /** true: this call was the workload's first. */
  readonly workloadFresh?: boolean;
}

/** The decision's facts changed before the claim: decide again. */
export class StaleFactsError extends Error {
  override readonly name = "StaleFactsError";
}

/** Of what failed. `"no"` = known not to be kept; `"unknown"` = only a retry can tell. */
export type FailedOutcome = "no" | "unknown";

/** The store failed. */
export class StoreFailure extends Error {
  override readonly name = "StoreFailure";
  readonly stored: FailedOutcome;
  constructor(stored: FailedOutcome, cause: unknown) {
    super(`The store failed: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.stored = stored;
  }
}

/** What a registered workload metered by itself, with no call of its own (SPEC R-10). All or nothing. */
export interface MeteredUnit {
  /** The registration as the decision saw it: what it ran into meanwhile, such as its stop, makes the unit void. */
  readonly seen: MeteringWorkload;
  readonly records: readonly UsageClaim[];
  /** What becomes of the registration's members of these names. */
  readonly meteredUntil: number;
  readonly meteringClosed: boolean;
  /** Kept where a record is. */
  readonly audit: AuditEvent;
}

export interface UsageFilter {
  readonly productCode?: string;
  readonly accountId?: string;
  readonly licenseArn?: string;
  readonly resource?: string;
  readonly dimension?: string;
  readonly region?: string;
  /** Start of the UTC hour, epoch milliseconds; inclusive. */
  readonly fromHourAt?: number;
  /** Exclusive. */
  readonly toHourAt?: number;
  readonly billable?: boolean;
  /** Only what the ledger held at this mark (see `Ledger.mark`). */
  readonly asOf?: string;
}

/** By hour, then by the key. */
export type UsageOrder = "oldest-first" | "newest-first";

/** A record with its place in the order of `records`. */
export interface PlacedRecord {
  readonly record: MeteringRecord;
  /** Opaque; `Ledger.page` goes on after it. */
  readonly position: string;
}

/** The cursor is not one that this ledger gave out. */
export class InvalidCursorError extends Error {
  override readonly name = "InvalidCursorError";
}

export interface Ledger {
  /** Resolves after the fsync that holds the unit. Rejects with StaleFactsError or StoreFailure. */
  claim(unit: ClaimUnit): Promise<ClaimOutcome>;
  /** Accepted records in order of hour, then of the key; at most `limit` (default 1,000). */
  records(filter: UsageFilter, limit?: number): Promise<readonly MeteringRecord[]>;
  /** The same order, or the reverse of it, after `cursor` (a record's position). Rejects with InvalidCursorError. */
  page(filter: UsageFilter, limit: number, cursor?: string, order?: UsageOrder): Promise<readonly PlacedRecord[]>;
  /** Opaque: what is stored from now on lies behind it, so that reads of many pages, and their count, are of one moment. */
  mark(): Promise<string>;
  /** Number and sum of quantities of the records that match. */
  count(filter: UsageFilter): Promise<{ readonly count: number; readonly quantity: number }>;
  /**
   * Usage added up, as of the first batch, in batches: by period, product, customer, licence, resource, dimension, Region,
   * status, tags, as far as they are asked for; after `cursor` (a total's position). Throws InvalidCursorError.
   */
  totals(filter: UsageFilter, grouping: UsageGrouping, cursor?: string): AsyncIterable<readonly UsageTotal[]>;
  /**
   * Claims what a registered workload metered and moves the registration on, in one transaction. false, with nothing
   * kept: the registration is no longer as it was seen. Rejects with StoreFailure.
   */
  meter(unit: MeteredUnit): Promise<boolean>;
  /**
   * The registered workload of this resource stopped. Of several calls the newest counts, until the last second was metered;
   * what is in the ledger stays, also where `at` lies before it. Unknown resources are passed over.
   */
  endWorkload(input: { readonly resource: string; readonly at: number }): Promise<void>;
  /** Registered workloads whose seconds are not all in the ledger, in order of registration. */
  openRegistrations(): readonly MeteringWorkload[];
  /** Workloads that registered or metered. */
  workloads(filter: { readonly productCode?: string; readonly resource?: string }): readonly MeteringWorkload[];
}
