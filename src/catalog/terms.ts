/** Offers and roles: from a document's entries to rows, and back. */
import type { Offer, Role } from "../api/types.ts";
import type { Catalog } from "../store/catalog.ts";
import { defined } from "./rows.ts";
import { entitlementValue, type OfferEntry, type RoleEntry } from "./schema.ts";
import { resolveTime } from "./times.ts";

export function offerRow(entry: OfferEntry, existing: Catalog, now: number): Offer {
  const stored = existing.offer(entry.id);
  const granted = Object.entries(entry.entitlements ?? {}).flatMap(([dimension, given]) => {
    const value = entitlementValue(given);
    return value === undefined ? [] : [[dimension, value] as const];
  });
  return defined({
    id: entry.id,
    productCode: entry.product,
    title: entry.title ?? stored?.title,
    buyerAccountIds: entry.buyers ?? stored?.buyerAccountIds,
    freeTrialDays: entry.freeTrialDays ?? stored?.freeTrialDays,
    termDays: entry.termDays ?? stored?.termDays,
    autoRenew: entry.autoRenew ?? stored?.autoRenew,
    entitlements: granted.length > 0 ? Object.fromEntries(granted) : stored?.entitlements,
    createdAt:
      entry.createdAt === undefined
        ? (stored?.createdAt ?? now)
        : resolveTime(entry.createdAt, { now, stored: stored?.createdAt }),
    expiresAt:
      entry.expiresAt === undefined
        ? stored?.expiresAt
        : resolveTime(entry.expiresAt, { now, stored: stored?.expiresAt }),
  });
}

export function roleRow(entry: RoleEntry, existing: Catalog, now: number): Role {
  const stored = existing.role(entry.account, entry.name);
  return defined({
    accountId: entry.account,
    name: entry.name,
    allow: entry.allow ?? stored?.allow ?? ["aws-marketplace:*"],
    trustedAccountIds: entry.trusts,
    externalId: entry.externalId ?? stored?.externalId,
    sessionMaxSec: entry.sessionMaxSec ?? stored?.sessionMaxSec,
    createdAt: stored?.createdAt ?? now,
  });
}

export function offerEntry(row: Offer): OfferEntry {
  const { id, title, freeTrialDays, termDays, autoRenew, entitlements } = row;
  return defined({
    id,
    product: row.productCode,
    title,
    buyers: row.buyerAccountIds && [...row.buyerAccountIds],
    freeTrialDays,
    termDays,
    autoRenew,
    entitlements: entitlements && { ...entitlements },
    createdAt: new Date(row.createdAt).toISOString(),
    expiresAt: row.expiresAt === undefined ? undefined : new Date(row.expiresAt).toISOString(),
  });
}

export function roleEntry(row: Role): RoleEntry {
  const { name, externalId, sessionMaxSec } = row;
  return defined({
    account: row.accountId,
    name,
    allow: [...row.allow],
    trusts: [...row.trustedAccountIds],
    externalId,
    sessionMaxSec,
  });
}
