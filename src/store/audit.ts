/**
 * The audit trail's port. An event is compact: it says who did what with which outcome and leaves to the ledger what the
 * ledger holds. It rides in the commit of the records it describes, and the engine notes with it which rows those are,
 * so that the whole call can be told again: `operations/cloudTrail.ts`.
 */
import type { CallerIdentity } from "../api/identity.ts";
import type { MeteringRecord, OperationName, UsageRecord } from "../api/types.ts";

export interface AuditEvent {
  readonly requestId: string;
  /** Business time, epoch milliseconds. */
  readonly at: number;
  readonly operation: OperationName;
  readonly region: string;
  readonly accessKeyId: string;
  readonly accountId: string;
  /** Of the key at that time: keys change, and sessions are forgotten. Absent in what older versions wrote. */
  readonly identity?: CallerIdentity;
  /** `Success`, or the exception's name. */
  readonly outcome: string;
  /** Operation-specific, JSON; absent members say nothing happened. */
  readonly detail?: AuditDetail;
}

export interface AuditDetail {
  readonly productCode?: string;
  readonly errorMessage?: string;
  /** One letter a record, in request order: S stored, R replayed, D duplicate, N not subscribed, U unprocessed. */
  readonly statuses?: string;
  /** For what was stored: which members were sent, see `operations/auditDetail.ts`. The rest stands in the ledger. */
  readonly forms?: string;
  /** By index: the records that the ledger cannot give back, as sent. */
  readonly sent?: Readonly<Record<string, UsageRecord>>;
  /** By index: the MeteringRecordIds of replayed records. */
  readonly ids?: Readonly<Record<string, string>>;
  /** Members of the request that stand nowhere else; never a registration token. */
  readonly request?: Readonly<Record<string, unknown>>;
  /** Members of the answer that stand nowhere else. */
  readonly response?: Readonly<Record<string, unknown>>;
  /** Of a token that was resolved: the first 12 hex digits of its SHA-256, which tell repetitions; in no record shown. */
  readonly tokenFingerprint?: string;
  /** The product was named by a licence alone. */
  readonly noProductCode?: true;
  /** Bytes of the request that were too many to keep. */
  readonly omittedBytes?: number;
  /** Client address and agent. */
  readonly source?: string;
  readonly userAgent?: string;
  /** The planned faults that made or changed the answer (SPEC B-92), in the order in which they struck. */
  readonly faults?: readonly FaultMark[];
}

export interface FaultMark {
  /** Of the planned fault. */
  readonly id: string;
  readonly kind: string;
  readonly phase?: "before-commit" | "after-commit";
}

export interface AuditFilter {
  readonly operation?: OperationName;
  /** Any of these; none of them = no event. */
  readonly operations?: readonly OperationName[];
  readonly requestId?: string;
  /** Both inclusive, as CloudTrail's times are. */
  readonly fromAt?: number;
  readonly toAt?: number;
  readonly region?: string;
  readonly accountId?: string;
  readonly accessKeyId?: string;
  /** As `userNameOf` has it. */
  readonly userName?: string;
  readonly productCode?: string;
  /** `Success`, or an exception's name. */
  readonly outcome?: string;
  readonly refused?: boolean;
  /** Whether a planned fault made or changed the answer. */
  readonly faulted?: boolean;
  /** Only what a caller sent, and not what the server did by itself, which has no caller's identity. */
  readonly isCall?: true;
}

/** One call with the records that it stored. */
export interface AuditedCall {
  readonly event: AuditEvent;
  /** In the order in which the call claimed them; undefined: the ledger has let go of the record. */
  readonly stored: readonly (MeteringRecord | undefined)[];
  /** Opaque; `Audit.page` goes on after it. */
  readonly position: string;
}

export interface Audit {
  /** Queued for the next commit; not waited for by refused calls. */
  append(event: AuditEvent): Promise<void>;
  /** Newest first (by `at`, then by commit), at most `limit` (default 100). */
  events(filter: AuditFilter, limit?: number): Promise<readonly AuditEvent[]>;
  /**
   * The same order, or the reverse of it, after `cursor` (a call's position), with what was stored. Rejects with
   * InvalidCursorError.
   */
  page(
    filter: AuditFilter,
    limit: number,
    cursor?: string,
    order?: "newest-first" | "oldest-first",
  ): Promise<readonly AuditedCall[]>;
  /**
   * Forgets events of before `before`, at most `limit`, and answers how many. What the ledger's records take from their
   * call, its request id and its time, stays.
   */
  prune(before: number, limit: number): Promise<number>;
}
