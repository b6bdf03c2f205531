/** Finds what an action names, or says in words that it is not there. */
import { licenseTail } from "../api/identifiers.ts";
import type { Settings } from "../api/settings.ts";
import type { Account, Agreement, Offer, Product } from "../api/types.ts";
import { agreementState } from "../rules/agreements.ts";
import type { Catalog } from "../store/catalog.ts";

/** What was asked cannot be done; the message says why and what there is instead. */
export class MarketplaceError extends Error {
  override readonly name = "MarketplaceError";
}

export interface AgreementReference {
  readonly agreement?: string;
  readonly license?: string;
  /** With `customer` (account id or CustomerIdentifier): their newest agreement that has not ended, or else the newest. */
  readonly product?: string;
  readonly customer?: string;
}

export interface Lookups {
  product(code: string): Product;
  buyer(customer: string): Account;
  find(reference: AgreementReference, at: number): Agreement | undefined;
  require(reference: AgreementReference, at: number): Agreement;
  /** The offer, if one is named, where this buyer may take it now. */
  offerOf(id: string | undefined, productCode: string, buyerAccountId: string, at: number): Offer | undefined;
}

export function createLookups(catalog: Catalog, settings: () => Settings): Lookups {
  const product = (code: string): Product => {
    const found = catalog.product(code);
    if (found === undefined) throw new MarketplaceError(`There is no product with the code '${code}'.`);
    return found;
  };
  const buyer = (customer: string): Account => {
    const found = catalog.account(customer) ?? catalog.accountByCustomerIdentifier(customer);
    if (found === undefined) throw new MarketplaceError(`There is no account or CustomerIdentifier '${customer}'.`);
    return found;
  };
  const find = (reference: AgreementReference, at: number): Agreement | undefined => {
    if (reference.agreement !== undefined) return catalog.agreement(reference.agreement);
    if (reference.license !== undefined) return catalog.agreementByLicense(licenseTail(reference.license));
    if (reference.product === undefined || reference.customer === undefined) {
      throw new MarketplaceError("Name an agreement by its id, its licence, or its product and customer.");
    }
    const all = catalog.agreements(product(reference.product).code, buyer(reference.customer).id);
    return all.findLast((one) => agreementState(one, at, settings()) !== "ended") ?? all.at(-1);
  };
  return {
    product,
    buyer,
    find,
    require: (reference, at) => {
      const found = find(reference, at);
      if (found === undefined) throw new MarketplaceError(`There is no agreement for ${JSON.stringify(reference)}.`);
      return found;
    },
    offerOf: (id, productCode, buyerAccountId, at) => {
      if (id === undefined) return undefined;
      const offer = catalog.offer(id);
      if (offer === undefined || offer.productCode !== productCode) {
        throw new MarketplaceError(`Product ${productCode} has no offer '${id}'.`);
      }
      if (offer.buyerAccountIds !== undefined && !offer.buyerAccountIds.includes(buyerAccountId)) {
        throw new MarketplaceError(`The private offer ${id} is not for account ${buyerAccountId}.`);
      }
      if (offer.expiresAt !== undefined && at >= offer.expiresAt) {
        throw new MarketplaceError(`The offer ${id} expired at ${new Date(offer.expiresAt).toISOString()}.`);
      }
      return offer;
    },
  };
}
