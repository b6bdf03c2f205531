/** What an agreement grants, and what that is worth: rows of entitlements, made from offers and changes. */
import Big from "big.js";
import { dayMs } from "../api/limits.ts";
import type { Agreement, Entitlement, EntitlementValue, Offer } from "../api/types.ts";
import type { Catalog } from "../store/catalog.ts";

/** Entitlements of an agreement without an end last so long. */
export const yearDays = 365;

export function licenseMember({ licenseArn }: { readonly licenseArn?: string }): { readonly licenseArn?: string } {
  return licenseArn === undefined ? {} : { licenseArn };
}

/** What an offer grants when its agreement starts. */
export function grants(agreement: Agreement, offer: Offer | undefined, at: number): readonly Entitlement[] {
  return Object.entries(offer?.entitlements ?? {}).map(([dimension, value]) => ({
    productCode: agreement.productCode,
    buyerAccountId: agreement.buyerAccountId,
    dimension,
    value,
    expiresAt: agreement.endsAt ?? at + yearDays * dayMs,
    ...licenseMember(agreement),
  }));
}

/** The buyer's entitlements with new values; dimensions that it did not have are added. */
export function entitlementsWith(
  agreement: Agreement,
  values: Readonly<Record<string, EntitlementValue>>,
  at: number,
  catalog: Catalog,
): readonly Entitlement[] {
  const all = entitlementsOf(agreement, catalog);
  return Object.entries(values).map(([dimension, value]) => {
    const known = all.find((one) => one.dimension === dimension);
    const expiresAt = agreement.endsAt ?? known?.expiresAt ?? at + yearDays * dayMs;
    const { productCode, buyerAccountId } = agreement;
    const fresh = { productCode, buyerAccountId, dimension, ...licenseMember(agreement) };
    return { ...(known ?? fresh), value, expiresAt };
  });
}

/** The entitlements of the agreement before, for the one that follows on it. */
export function carriedOver(agreement: Agreement, next: Agreement, catalog: Catalog): readonly Entitlement[] {
  return entitlementsOf(agreement, catalog).map((one) => ({
    ...one,
    expiresAt: next.endsAt ?? one.expiresAt,
    ...(one.licenseArn === undefined ? {} : licenseMember(next)),
  }));
}

/**
 * USD with two decimal places: what the agreement grants, at the prices of its dimensions. Texts, switches that are off
 * and dimensions without a price are worth nothing.
 */
export function contractValue(agreement: Agreement, catalog: Catalog): string {
  const dimensions = catalog.product(agreement.productCode)?.dimensions ?? [];
  return entitlementsOf(agreement, catalog)
    .reduce((sum, { dimension, value }) => {
      const price = dimensions.find((one) => one.name === dimension)?.price ?? "0";
      return sum.plus(new Big(price).times(unitsOf(value)));
    }, new Big(0))
    .toFixed(2);
}

function unitsOf(value: EntitlementValue): number {
  if ("IntegerValue" in value) return value.IntegerValue;
  if ("DoubleValue" in value) return value.DoubleValue;
  return "BooleanValue" in value && value.BooleanValue ? 1 : 0;
}

function entitlementsOf(agreement: Agreement, catalog: Catalog): readonly Entitlement[] {
  return catalog
    .entitlements(agreement.productCode)
    .filter(
      ({ buyerAccountId, licenseArn }) =>
        buyerAccountId === agreement.buyerAccountId &&
        (licenseArn === undefined || licenseArn === agreement.licenseArn),
    );
}
