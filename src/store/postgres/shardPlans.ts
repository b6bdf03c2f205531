/** What is announced of a call before its usage goes to the shards: its event on the assumption that its keys are free. */
import type { AuditEvent } from "../audit.ts";
import { StoreFailure, type UsageHolder } from "../ledger.ts";
import { byToken, type Call, followed, inOrder } from "./claims.ts";
import type { PendingCall } from "./pendingCalls.ts";
import type { Claiming } from "./usageRows.ts";

/** Of claims that need not go to a shard: who holds their key or their token for good. */
export type Known = ReadonlyMap<Claiming, UsageHolder>;

export interface Plan {
  readonly call: Call;
  readonly event: AuditEvent | undefined;
  /** If nothing of it is stored. */
  readonly unstored: AuditEvent | undefined;
  /** May come to be stored by this call. */
  readonly planned: readonly Claiming[];
  /** Of records of the call that follow another one's client token: whose. */
  readonly followers: ReadonlyMap<Claiming, Claiming>;
  /** Every holder is known: nothing goes to a shard. */
  readonly isSettled: boolean;
  /** Why nothing of it may be stored. */
  readonly refusal: StoreFailure | undefined;
}

/** Stands for a record that no shard has kept. No record has its quantity. */
export const unstoredHolder: UsageHolder = { meteringRecordId: "", quantity: -1, fresh: false, isUnstored: true };

export function planOf(call: Call, known: Known): Plan {
  const { unit, claims } = call;
  const free = claims.filter((claim) => !known.has(claim));
  const followers = byToken(free);
  const { firsts, repeats } = inOrder(free.filter((claim) => !followers.has(claim)));
  const isFirst = new Set(firsts);
  const holdersIf = (first: (claim: Claiming) => UsageHolder): readonly UsageHolder[] => {
    const holderOf = (claim: Claiming): UsageHolder => {
      const leader = followers.get(claim);
      if (leader !== undefined) return following(claim, leader, holderOf(leader));
      const repeated = repeats.get(claim);
      return known.get(claim) ?? (repeated === undefined ? first(claim) : { ...first(repeated), fresh: false });
    };
    return claims.map(holderOf);
  };
  const common = {
    call,
    planned: claims.filter((claim) => isFirst.has(claim)),
    followers,
    isSettled: free.length === 0,
  };
  try {
    const event = unit.audit({ holders: holdersIf(freshHolder) });
    const isOwed = event === undefined && firsts.length > 0;
    const refusal = isOwed ? refused(new Error("a unit stored usage and gave no audit event for it")) : undefined;
    const unstored =
      firsts.length === 0 || isOwed ? undefined : unit.audit({ holders: holdersIf(() => unstoredHolder) });
    return { ...common, event, unstored, refusal };
  } catch (error) {
    return { ...common, event: undefined, unstored: undefined, refusal: refused(error) };
  }
}

/** What is announced; undefined: the call stores no usage. */
export function pendingOf({ call: { claims }, event, unstored, planned }: Plan): PendingCall | undefined {
  const [first] = claims;
  if (first === undefined || event === undefined || planned.length === 0) return undefined;
  return { call: first.call, event, unstored, planned };
}

/** Of a record under the token of another one of its call. */
export function following(claim: Claiming, leader: Claiming, holder: UsageHolder): UsageHolder {
  return holder.isUnstored === true ? unstoredHolder : followed(claim, leader, holder);
}

function freshHolder({ id, record }: Claiming): UsageHolder {
  return { meteringRecordId: id, quantity: record.quantity, fresh: true };
}

function refused(cause: unknown): StoreFailure {
  return new StoreFailure("no", cause);
}
