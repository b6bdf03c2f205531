/** This server's own trail and catalogue, as the doctor sees them. */
import type { Settings } from "../api/settings.ts";
import { cloudTrailRecord, historyMs } from "../operations/cloudTrail.ts";
import type { AuditedCall, AuditFilter } from "../store/audit.ts";
import type { Store } from "../store/store.ts";
import { observedCall } from "./cloudTrailCall.ts";
import { type Diagnosis, diagnose } from "./diagnose.ts";
import { catalogKnowledge } from "./knowledge.ts";
import type { Check, ObservedCall, UntracedCall } from "./observed.ts";

export interface StoredOptions {
  readonly store: Store;
  readonly settings: Settings;
  /** Business time, epoch milliseconds. */
  readonly now: number;
  readonly filter?: CallFilter;
  /**
   * What memory holds of calls that are in no trail, oldest first. It names no product, and its times are those of the
   * wall clock: where calls are filtered by those or by caller it is left out, and by the account it goes by whose key it names.
   */
  readonly untraced?: Iterable<UntracedCall>;
  readonly checks?: readonly Check[];
  /** Ends it. */
  readonly signal?: AbortSignal;
}

export interface CallFilter {
  readonly productCode?: string;
  /** Of the caller's key. */
  readonly accountId?: string;
  /** As findings name it: a user, a session, or a role with all of its sessions. */
  readonly caller?: string;
  /** Both inclusive, epoch milliseconds. */
  readonly fromAt?: number;
  readonly toAt?: number;
}

/** Over the trail of the last 90 days (H-10). */
export async function diagnoseStore(options: StoredOptions): Promise<Diagnosis> {
  const { store, settings, now, filter = {} } = options;
  return diagnose({
    source: "audit-trail",
    calls: storedCalls(store, now, filter),
    // What came after the calls that are looked at is not missing: to the checks they end now.
    known: catalogKnowledge(store.catalog, settings, Math.min(now, filter.toAt ?? now)),
    untraced: untracedOf(options),
    facts: { delivered: await deliveredNames(options) },
    ...(options.checks === undefined ? {} : { checks: options.checks }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
}

/** Of notifications that reached a seller's target; the last ones, which is what a checklist of today is about. */
async function deliveredNames({ store, filter = {} }: StoredOptions): Promise<ReadonlySet<string>> {
  const { accountId, productCode } = filter;
  const wanted = {
    state: "delivered" as const,
    ...(accountId === undefined ? {} : { sellerAccountId: accountId }),
    ...(productCode === undefined ? {} : { productCode }),
  };
  const found = await store.outbox.notifications(wanted, { limit: 1_000, newestFirst: true });
  return new Set(found.filter(({ buyerAccountId }) => buyerAccountId === undefined).map(({ name }) => name));
}

function* untracedOf({ store, filter = {}, untraced = [] }: StoredOptions): Generator<UntracedCall> {
  const { accountId, ...others } = filter;
  if (Object.values(others).some((one) => one !== undefined)) return;
  for (const call of untraced) {
    const owner = store.catalog.credential(call.accessKeyId ?? "")?.accountId;
    if (accountId === undefined || owner === accountId) yield call;
  }
}

/** Few enough that other calls need not wait long for a page to be read: some milliseconds of full batches. */
const pageSize = 100;

/** Oldest first, a page in memory at a time. */
export async function* storedCalls(store: Store, now: number, given: CallFilter): AsyncGenerator<ObservedCall> {
  const { caller, fromAt = Number.NEGATIVE_INFINITY, ...rest } = given;
  let filter: AuditFilter = { ...rest, isCall: true, fromAt: Math.max(fromAt, now - historyMs) };
  let cursor: string | undefined;
  for (;;) {
    const page = await store.audit.page(filter, pageSize, cursor, "oldest-first");
    for (const call of page) {
      const observed = observedOf(call, store);
      if (observed !== undefined && isBy(observed, caller)) yield observed;
    }
    cursor = page.at(-1)?.position;
    if (cursor === undefined || page.length < pageSize) return;
    // The cursor is a lower bound, too: of two, the engine may take the one that leaves it more to read.
    filter = { ...rest, isCall: true };
    // Reading is synchronous: calls that came meanwhile have their turn.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

export function isBy(call: ObservedCall, caller: string | undefined): boolean {
  return caller === undefined || call.caller === caller || call.caller.startsWith(`${caller}/`);
}

function observedOf({ event, ...rest }: AuditedCall, { catalog }: Store): ObservedCall | undefined {
  const { statuses: letters, tokenFingerprint } = event.detail ?? {};
  const record = cloudTrailRecord({ event, ...rest }, (id) => catalog.account(id));
  const call = observedCall({ ...record }, { at: event.at, ...(letters === undefined ? {} : { letters }) });
  if (call === undefined || tokenFingerprint === undefined) return call;
  // In no CloudTrail record: AWS's have nothing of a token.
  return { ...call, request: { ...call.request, TokenFingerprint: tokenFingerprint } };
}
