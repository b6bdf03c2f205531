/**
 * ResolveCustomer — https://docs.aws.amazon.com/marketplace/latest/APIReference/API_marketplace-metering_ResolveCustomer.html
 *
 * Turns the token that a buyer's browser posted into the buyer. Errors in order of precedence (SPEC D.1):
 *   DisabledApiException                  the Region does not offer the operation
 *   ThrottlingException
 *   InvalidTokenException                 unknown, changed, still encoded, or for a product of another account
 *   ExpiredTokenException                 older than 4 hours; or resolved before, with token.singleUse
 */
import { ServiceError } from "../api/errors.ts";
import { registrationTokenHash } from "../api/identifiers.ts";
import { offersOperation, regionListOf } from "../api/regions.ts";
import { alreadyResolved, requireToken, type TokenFacts } from "../rules/registrationTokens.ts";
import type { Catalog } from "../store/catalog.ts";
import { StoreFailure } from "../store/ledger.ts";
import type { Store } from "../store/store.ts";
import { decideAndClaim, storeFailed } from "./claiming.ts";
import { auditEvent, type Call, type Operation } from "./operation.ts";

export interface ResolveCustomerResult {
  readonly CustomerIdentifier?: string;
  readonly CustomerAWSAccountId?: string;
  readonly ProductCode: string;
  readonly LicenseArn?: string;
}

export const ResolveCustomer: Operation = {
  requireRegion: (_input, call) => {
    const { revision, enforceRegions } = call.settings;
    if (!enforceRegions || offersOperation("ResolveCustomer", call.region, { revision })) return;
    throw new ServiceError(
      "DisabledApiException", // T-8, L-1
      `The API is disabled in the Region: ResolveCustomer is not offered in ${call.region}. It is offered in ${regionListOf("ResolveCustomer", { revision }).join(", ")}.`,
    );
  },

  handle: async (input, call, store): Promise<ResolveCustomerResult> => {
    const { RegistrationToken: value } = input as { readonly RegistrationToken: string };
    try {
      const { result, outcome } = await decideAndClaim(store, () => decide(value, call, store));
      // Two calls raced for a token of single use: the one that came second finds the other's time.
      if (call.settings["token.singleUse"] && outcome.tokenResolvedBefore === true) throw alreadyResolved(call.now);
      return result;
    } catch (error) {
      throw error instanceof StoreFailure ? storeFailed(error) : error;
    }
  },
};

/** Would the value be a token, had it been URL-decoded exactly once (T-1)? */
function decodingMistake(value: string, catalog: Catalog): TokenFacts["mistake"] {
  const isToken = (text: string): boolean => catalog.token(registrationTokenHash(text)) !== undefined;
  if (value.includes(" ") && isToken(value.replaceAll(" ", "+"))) return "decoded twice";
  let decoded = value;
  for (let round = 0; round < 2 && decoded.includes("%"); round += 1) {
    try {
      decoded = decodeURIComponent(decoded);
    } catch {
      return undefined;
    }
    if (isToken(decoded)) return "not decoded";
  }
  return undefined;
}

/** Enough to tell the tokens of a trail apart. The catalogue, on the same disk, has the whole hash. */
const fingerprintDigits = 12;

function decide(value: string, call: Call, store: Store) {
  const { catalog } = store;
  const found = catalog.token(registrationTokenHash(value));
  const { token, product } = requireToken(
    {
      callerAccountId: call.credential.accountId,
      value,
      token: found,
      mistake: found === undefined ? decodingMistake(value, catalog) : undefined,
      product: found && catalog.product(found.productCode),
    },
    call.settings,
    call.now,
  );
  const { revision } = call.settings;
  const buyer = catalog.account(token.buyerAccountId);
  const licenseArn =
    token.licenseArn ??
    (token.agreementId === undefined ? undefined : catalog.agreement(token.agreementId)?.licenseArn);
  // T-10: products with concurrent agreements have no CustomerIdentifier; older revisions know fewer members.
  const hasIdentifier = revision !== "2026" || !product.concurrentAgreementsOnly;
  const result: ResolveCustomerResult = {
    ...(hasIdentifier && buyer !== undefined ? { CustomerIdentifier: buyer.customerIdentifier } : {}),
    ProductCode: product.code,
    ...(revision === "2021" ? {} : { CustomerAWSAccountId: token.buyerAccountId }),
    ...(revision === "2026" && licenseArn !== undefined ? { LicenseArn: licenseArn } : {}),
  };
  const tokenFingerprint = token.hash.slice(0, fingerprintDigits);
  const audit = () =>
    auditEvent(call, "Success", { productCode: product.code, response: { ...result }, tokenFingerprint });
  return { result, unit: { records: [], resolveToken: { hash: token.hash, at: call.now }, audit } };
}
