/** What an operation is to the ladder that calls it. */
import type { CallerIdentity } from "../api/identity.ts";
import type { Settings } from "../api/settings.ts";
import type { Credential, OperationName } from "../api/types.ts";
import type { AuditDetail, AuditEvent } from "../store/audit.ts";
import type { Store } from "../store/store.ts";

/** One authenticated call. */
export interface Call {
  readonly requestId: string;
  readonly operation: OperationName;
  readonly credential: Credential;
  /** Of the endpoint, by the credential scope (W-7). */
  readonly region: string;
  /** Business clock, epoch milliseconds: one instant for the whole call. */
  readonly now: number;
  readonly settings: Settings;
  /** Records that a planned fault leaves unprocessed, by index (B-92). */
  readonly unprocessed: readonly number[];
  /** Who called from where, and which planned faults the call has met: goes into its event as it is. */
  readonly source: Pick<AuditDetail, "source" | "userAgent" | "faults">;
}

export interface Operation {
  /** Throws where the Region does not offer the operation, or the product is not enabled there (L-1, L-2). */
  requireRegion(input: unknown, call: Call, store: Store): void;
  /** Resolves with the answer's members once everything that it says is durable. */
  handle(input: unknown, call: Call, store: Store): Promise<object>;
}

/** One object a key: the store writes its text once. */
const identities = new WeakMap<Credential, CallerIdentity>();

function identityOf(credential: Credential): CallerIdentity {
  let identity = identities.get(credential);
  if (identity === undefined) {
    const { kind, name, sessionName, resource, launchedAt, createdAt } = credential;
    identity = {
      kind,
      name,
      createdAt,
      ...(sessionName === undefined ? {} : { sessionName }),
      ...(resource === undefined ? {} : { resource }),
      ...(launchedAt === undefined ? {} : { launchedAt }),
    };
    identities.set(credential, identity);
  }
  return identity;
}

/** The call as the audit trail keeps it. */
export function auditEvent(call: Call, outcome: string, detail: AuditDetail): AuditEvent {
  return {
    requestId: call.requestId,
    at: call.now,
    operation: call.operation,
    region: call.region,
    accessKeyId: call.credential.accessKeyId,
    accountId: call.credential.accountId,
    identity: identityOf(call.credential),
    outcome,
    detail: { ...detail, ...call.source },
  };
}
