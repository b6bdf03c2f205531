/**
 * The audit trail's port. An event is compact: it says who did what with which outcome and points at the ledger's keys
 * instead of repeating them. It rides in the commit of the records it describes.
 */
import type { OperationName } from "../api/types.ts";

export interface AuditEvent {
  readonly requestId: string;
  /** Business time, epoch milliseconds. */
  readonly at: number;
  readonly operation: OperationName;
  readonly region: string;
  readonly accessKeyId: string;
  readonly accountId: string;
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
  /** Client address and agent. */
  readonly source?: string;
  readonly userAgent?: string;
}

export interface AuditFilter {
  readonly operation?: OperationName;
  readonly requestId?: string;
  /** Both inclusive, as CloudTrail's times are. */
  readonly fromAt?: number;
  readonly toAt?: number;
}

export interface Audit {
  /** Queued for the next commit; not waited for by refused calls. */
  append(event: AuditEvent): Promise<void>;
  /** Newest first (by `at`, then by commit), at most `limit` (default 100). */
  events(filter: AuditFilter, limit?: number): Promise<readonly AuditEvent[]>;
}
