/** Agreements and their registration tokens: from a document's state and times to the times that rows hold. */
import { licenseTail, registrationTokenHash } from "../api/identifiers.ts";
import type { Agreement, Entitlement, RegistrationToken } from "../api/types.ts";
import { rescheduled } from "../rules/announcements.ts";
import type { Catalog } from "../store/catalog.ts";
import { type AgreementIdentity, type AgreementIndex, agreementIdentities, licenseArnFor, pairKey } from "./derive.ts";
import type { CatalogPath } from "./problems.ts";
import { defined, sameData } from "./rows.ts";
import type { AgreementEntry, CatalogDocument, EntitlementEntry, TokenEntry } from "./schema.ts";
import { entitlementValue } from "./schema.ts";
import { type CatalogTime, resolveTime } from "./times.ts";

type Life = Pick<Agreement, "acceptedAt" | "startedAt" | "endingAt" | "endedAt" | "failedAt">;

/** How far an agreement has come: pending, failed, active, in its final hour, ended. */
function stageOf(life: Life): number {
  if (life.endedAt !== undefined) return 4;
  if (life.endingAt !== undefined) return 3;
  if (life.startedAt !== undefined) return 2;
  return life.failedAt === undefined ? 0 : 1;
}

/** The agreements of a document in its order, with the ids that they have or will have in the catalogue. */
export function identify(document: CatalogDocument, existing: Catalog): AgreementIdentity[] {
  return agreementIdentities(document).map((identity, index) => {
    const entry = document.agreements?.[index];
    if (!entry || entry.id !== undefined || entry.license === undefined || existing.agreement(identity.id))
      return identity;
    // An agreement that the marketplace made, or an earlier file: its licence tells which one it is.
    const known = existing.agreementByLicense(licenseTail(entry.license));
    return known && isOfPair(known, entry) ? { ...identity, id: known.id } : identity;
  });
}

function isOfPair(agreement: Agreement, entry: AgreementEntry): boolean {
  return agreement.productCode === entry.product && agreement.buyerAccountId === entry.buyer;
}

/** The row of one agreement, or undefined where the stored one needs no change. */
export function agreementRow(
  entry: AgreementEntry,
  identity: AgreementIdentity,
  context: {
    readonly existing: Catalog;
    readonly now: number;
    readonly report: (path: CatalogPath, message: string) => void;
  },
): Agreement | undefined {
  const { existing, now, report } = context;
  const stored = existing.agreement(identity.id);
  if (stored && !isOfPair(stored, entry)) {
    report(
      ["id"],
      `the catalogue has ${identity.id} for product ${stored.productCode} and buyer ${stored.buyerAccountId}`,
    );
    return undefined;
  }
  const life = lifeOf(entry, stored, now);
  const licenseArn = licenseOf(entry, identity, stored, life);
  const holder = licenseArn === undefined ? undefined : existing.agreementByLicense(licenseTail(licenseArn));
  // A renewal may have kept the licence (N-25), so another agreement of the same two may hold it.
  if (holder && !isOfPair(holder, entry)) {
    report(["license"], `the catalogue has this licence for agreement ${holder.id} of buyer ${holder.buyerAccountId}`);
  }
  const given: Agreement = defined({
    id: identity.id,
    productCode: entry.product,
    buyerAccountId: entry.buyer,
    version: stored?.version ?? 1,
    ...life,
    agreementEndedAt:
      entry.agreementEndedAt === undefined
        ? stored?.agreementEndedAt
        : resolveTime(entry.agreementEndedAt, { now, stored: stored?.agreementEndedAt }),
    licenseArn,
    offerId: entry.offer ?? stored?.offerId,
    privateOffer: entry.privateOffer ?? stored?.privateOffer ?? false,
    freeTrial: entry.freeTrial ?? stored?.freeTrial ?? false,
    endsAt: entry.endsAt === undefined ? stored?.endsAt : resolveTime(entry.endsAt, { now, stored: stored?.endsAt }),
    autoRenew: entry.autoRenew ?? stored?.autoRenew,
    announcedDays: stored?.announcedDays,
    intent: entry.intent ?? stored?.intent,
    previousAgreementId: entry.previousAgreement ?? stored?.previousAgreementId,
  });
  if (!stored) return given;
  const row = rescheduled(given, stored, now);
  return sameData(row, stored) ? undefined : { ...row, version: stored.version + 1 };
}

/**
 * An agreement is never taken back: if the marketplace has moved it on since the document was first loaded (the buyer
 * cancelled, the payment came through), a restart with the same document must not undo that.
 */
function lifeOf(entry: AgreementEntry, stored: Agreement | undefined, now: number): Life {
  const life = documentLife(entry, stored, now);
  if (!stored || stageOf(stored) <= stageOf(life)) return life;
  const { acceptedAt, startedAt, endingAt, endedAt, failedAt } = stored;
  return defined({ acceptedAt, startedAt, endingAt, endedAt, failedAt });
}

function documentLife(entry: AgreementEntry, stored: Agreement | undefined, now: number): Life {
  const at = (time: CatalogTime | undefined, known: number | undefined, otherwise: number): number =>
    time === undefined ? (known ?? otherwise) : resolveTime(time, { now, stored: known });
  // Where nothing says when it was accepted, that is no later than the first thing that happened to it.
  const first = entry.since ?? entry.pendingAt ?? entry.endedAt ?? entry.failedAt;
  const acceptedAt = at(entry.acceptedAt, stored?.acceptedAt, first === undefined ? now : resolveTime(first, { now }));
  if (entry.state === "pending") return { acceptedAt };
  if (entry.state === "payment-failed")
    return { acceptedAt, failedAt: at(entry.failedAt, stored?.failedAt, acceptedAt) };
  const startedAt = at(entry.since, stored?.startedAt, acceptedAt);
  if (entry.state === "active") return { acceptedAt, startedAt };
  if (entry.state === "unsubscribe-pending") {
    return { acceptedAt, startedAt, endingAt: at(entry.pendingAt, stored?.endingAt, now) };
  }
  const endingAt = entry.pendingAt === undefined ? stored?.endingAt : at(entry.pendingAt, stored?.endingAt, now);
  return defined({ acceptedAt, startedAt, endingAt, endedAt: at(entry.endedAt, stored?.endedAt, now) });
}

/** A licence comes with the activation; the document's wins, a generated one never replaces what is stored. */
function licenseOf(
  entry: AgreementEntry,
  identity: AgreementIdentity,
  stored: Agreement | undefined,
  life: Life,
): string | undefined {
  const kept = entry.license ?? stored?.licenseArn;
  if (kept !== undefined || life.startedAt === undefined) return kept;
  return licenseArnFor(identity.id);
}

/**
 * A token that names neither agreement nor licence belongs to the one agreement of its product and buyer; where there
 * are several, or none, it stays open.
 */
export function tokenRow(
  entry: TokenEntry,
  agreements: AgreementIndex,
  context: { readonly existing: Catalog; readonly now: number },
): RegistrationToken {
  const hash = registrationTokenHash(entry.value);
  const stored = context.existing.token(hash);
  return defined({
    hash,
    productCode: entry.product,
    buyerAccountId: entry.buyer,
    agreementId: agreementOf(entry, agreements) ?? stored?.agreementId,
    licenseArn: entry.license ?? stored?.licenseArn,
    issuedAt:
      entry.issuedAt === undefined
        ? (stored?.issuedAt ?? context.now)
        : resolveTime(entry.issuedAt, { now: context.now, stored: stored?.issuedAt }),
    resolvedAt: stored?.resolvedAt,
  });
}

function agreementOf(entry: TokenEntry, agreements: AgreementIndex): string | undefined {
  if (entry.agreement !== undefined) return entry.agreement;
  const ofPair = agreements.byPair.get(pairKey(entry)) ?? [];
  const only = ofPair.length === 1 ? ofPair[0] : undefined;
  const place = entry.license === undefined ? only : agreements.byLicense.get(licenseTail(entry.license));
  return place === undefined ? undefined : agreements.identities[place]?.id;
}

export function entitlementRow(
  entry: EntitlementEntry,
  storedEntitlements: ReadonlyMap<string, Entitlement>,
  now: number,
): Entitlement {
  const value = entitlementValue(entry.value);
  // The schema has let the value through, so only a caller that skipped the check comes here.
  if (!value) throw new TypeError("Not an entitlement value");
  const key = defined({
    productCode: entry.product,
    buyerAccountId: entry.buyer,
    dimension: entry.dimension,
    licenseArn: entry.license,
  });
  const stored = storedEntitlements.get(entitlementKey(key));
  return { ...key, value, expiresAt: resolveTime(entry.expires, { now, stored: stored?.expiresAt }) };
}

export function entitlementKey(row: Omit<Entitlement, "value" | "expiresAt">): string {
  return JSON.stringify([row.productCode, row.buyerAccountId, row.dimension, row.licenseArn ?? ""]);
}
