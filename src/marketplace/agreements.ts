/**
 * The life of an agreement: what buyers and the marketplace do to it (SPEC B-80 to B-87, N-9, N-10). Each action
 * writes times into the agreement; its state follows from them and the business clock.
 */
import { licenseTail, registrationTokenHash } from "../api/identifiers.ts";
import type { Settings } from "../api/settings.ts";
import type { Account, Agreement, EntitlementValue, Product, RegistrationToken } from "../api/types.ts";
import { agreementState } from "../rules/agreements.ts";
import type { Catalog } from "../store/catalog.ts";
import { newAgreementId, newLicenseArn, newOfferId, newRegistrationToken } from "./identifiers.ts";

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

export interface Purchase {
  readonly product: string;
  readonly customer: string;
  readonly privateOffer?: string | boolean;
  readonly freeTrial?: boolean;
  readonly paymentFails?: boolean;
}

export interface AgreementsOptions {
  readonly catalog: Catalog;
  readonly settings: () => Settings;
}

/** All instants are epoch milliseconds of the business clock; they may lie in the past. */
export interface Agreements {
  purchase(input: Purchase, at: number): Promise<Agreement>;
  subscribeSuccess(reference: AgreementReference, at: number): Promise<Agreement>;
  cancel(reference: AgreementReference, at: number): Promise<Agreement>;
  unsubscribeSuccess(reference: AgreementReference, at: number): Promise<Agreement>;
  endPurchaseAgreement(reference: AgreementReference, at: number): Promise<Agreement>;
  amendEntitlement(
    input: {
      readonly product: string;
      readonly customer: string;
      readonly dimension: string;
      readonly value: EntitlementValue;
    },
    at: number,
  ): Promise<void>;
  suspend(accountId: string, suspended: boolean): Promise<Account>;
  /** Returns the token's value, the only time that it is known. */
  issueToken(reference: AgreementReference, at: number): Promise<string>;
}

export function createAgreements({ catalog, settings }: AgreementsOptions): Agreements {
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
  const require = (reference: AgreementReference, at: number): Agreement => {
    const found = find(reference, at);
    if (found === undefined) throw new MarketplaceError(`There is no agreement for ${JSON.stringify(reference)}.`);
    return found;
  };
  const write = async (agreement: Agreement, change: Partial<Agreement>): Promise<Agreement> => {
    const changed = { ...agreement, ...change, version: agreement.version + 1 };
    await catalog.apply({ agreements: [changed] });
    return changed;
  };
  const start = (agreement: Agreement, at: number): Promise<Agreement> =>
    write(agreement, { startedAt: at, licenseArn: agreement.licenseArn ?? newLicenseArn() });
  const make = (input: Purchase, at: number): Agreement => ({
    id: newAgreementId(),
    productCode: product(input.product).code,
    buyerAccountId: buyer(input.customer).id,
    version: 0,
    acceptedAt: at,
    privateOffer: input.privateOffer !== undefined && input.privateOffer !== false,
    offerId: typeof input.privateOffer === "string" ? input.privateOffer : newOfferId(),
    freeTrial: input.freeTrial === true,
  });

  return {
    purchase: async (input, at) => {
      const pending = catalog
        .agreements(product(input.product).code, buyer(input.customer).id)
        .find((one) => agreementState(one, at, settings()) === "pending" && one.startedAt === undefined);
      const made = make(input, at);
      const agreement = pending ? { ...made, id: pending.id, version: pending.version, ...keepLicense(pending) } : made;
      return input.paymentFails === true ? write(agreement, { failedAt: at }) : start(agreement, at);
    },
    subscribeSuccess: async (reference, at) => {
      const agreement = require(reference, at);
      const state = agreementState(agreement, at, settings());
      if (state === "active") return agreement;
      if (state === "final-hour") {
        // N-10: re-subscription inside the final hour; it goes on as if nothing had been.
        const { endingAt: _ending, agreementEndedAt: _ended, ...open } = agreement;
        return write(open, {});
      }
      if (state !== "ended") return start(agreement, at);
      const { productCode, buyerAccountId } = agreement;
      return start(make({ product: productCode, customer: buyerAccountId }, at), at); // B-87
    },
    cancel: async (reference, at) => write(require(reference, at), { endingAt: at, agreementEndedAt: at }),
    unsubscribeSuccess: async (reference, at) => write(require(reference, at), { endedAt: at }),
    endPurchaseAgreement: async (reference, at) => write(require(reference, at), { agreementEndedAt: at }),
    amendEntitlement: async (input, at) => {
      const { code } = product(input.product);
      const { id } = buyer(input.customer);
      const known = catalog
        .entitlements(code)
        .find((one) => one.buyerAccountId === id && one.dimension === input.dimension);
      const yearMs = 365 * 86_400_000;
      const entitlement = known ?? {
        productCode: code,
        buyerAccountId: id,
        dimension: input.dimension,
        expiresAt: at + yearMs,
      };
      await catalog.apply({ entitlements: [{ ...entitlement, value: input.value }] });
    },
    suspend: async (accountId, suspended) => {
      const account = { ...buyer(accountId), suspended };
      await catalog.apply({ accounts: [account] });
      return account;
    },
    issueToken: async (reference, at) => {
      const agreement = require(reference, at);
      const value = newRegistrationToken();
      const token: RegistrationToken = {
        hash: registrationTokenHash(value),
        productCode: agreement.productCode,
        buyerAccountId: agreement.buyerAccountId,
        agreementId: agreement.id,
        ...keepLicense(agreement),
        issuedAt: at,
      };
      await catalog.apply({ tokens: [token] });
      return value;
    },
  };
}

function keepLicense({ licenseArn }: Agreement): { readonly licenseArn?: string } {
  return licenseArn === undefined ? {} : { licenseArn };
}
