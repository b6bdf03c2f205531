/** Which entitlements GetEntitlements answers with (SPEC D.5). Pure. */
import { ServiceError } from "../api/errors.ts";
import { entitlementsPageMax } from "../api/limits.ts";
import type { Settings } from "../api/settings.ts";
import type { Account, Entitlement, Product } from "../api/types.ts";
import { usesOperation } from "./products.ts";

export interface EntitlementsRequest {
  readonly ProductCode: string;
  readonly Filter?: ReadonlyMap<string, readonly string[]>;
  readonly NextToken?: string;
  readonly MaxResults?: number;
}

export interface EntitlementsFacts {
  readonly callerAccountId: string;
  readonly product: Product | undefined;
  /** Of the product, in the catalogue's order (G-16). */
  readonly entitlements: readonly Entitlement[];
  readonly account: (id: string) => Account | undefined;
}

const filterKeys2024 = ["CUSTOMER_IDENTIFIER", "DIMENSION"];
const filterKeys2026 = [...filterKeys2024, "CUSTOMER_AWS_ACCOUNT_ID", "LICENSE_ARN"];

function invalid(message: string): ServiceError {
  return new ServiceError("InvalidParameterException", message);
}

/** Throws InvalidParameterException (G-4, G-5, G-10). */
export function requireEntitlementsProduct(
  request: EntitlementsRequest,
  { product, callerAccountId }: EntitlementsFacts,
  settings: Settings,
): Product {
  if (product === undefined || product.sellerAccountId !== callerAccountId) {
    throw invalid(
      `The product code '${request.ProductCode}' is not valid: no product of account ${callerAccountId} has this code. Call with credentials of the account that publishes the product.`,
    );
  }
  const known = settings.revision === "2026" ? filterKeys2026 : filterKeys2024;
  for (const key of request.Filter?.keys() ?? []) {
    if (!known.includes(key)) throw invalid(`The filter key '${key}' is not valid; the keys are ${known.join(", ")}.`);
  }
  if (request.Filter?.has("CUSTOMER_IDENTIFIER") === true && request.Filter.has("CUSTOMER_AWS_ACCOUNT_ID")) {
    throw invalid(
      "The filter keys CUSTOMER_IDENTIFIER and CUSTOMER_AWS_ACCOUNT_ID are mutually exclusive; send one of them.",
    );
  }
  return product;
}

/** All that match, unexpired: values of a key are OR, keys are AND (G-3, G-11). Products without contracts have none (C-10). */
export function matchingEntitlements(
  request: EntitlementsRequest,
  facts: EntitlementsFacts,
  product: Product,
  now: number,
): readonly Entitlement[] {
  if (!usesOperation(product.type, "GetEntitlements")) return [];
  const readers: Readonly<Record<string, (entitlement: Entitlement) => string | undefined>> = {
    CUSTOMER_IDENTIFIER: ({ buyerAccountId }) =>
      product.concurrentAgreementsOnly ? undefined : facts.account(buyerAccountId)?.customerIdentifier,
    CUSTOMER_AWS_ACCOUNT_ID: ({ buyerAccountId }) => buyerAccountId,
    DIMENSION: ({ dimension }) => dimension,
    LICENSE_ARN: ({ licenseArn }) => licenseArn,
  };
  const filters = [...(request.Filter ?? [])];
  return facts.entitlements.filter(
    (entitlement) =>
      entitlement.expiresAt > now &&
      filters.every(([key, values]) => {
        const value = readers[key]?.(entitlement);
        return value !== undefined && values.includes(value);
      }),
  );
}

/** One page; `next` is where the following one starts, if there is one (G-9). */
export function pageOf<T>(
  all: readonly T[],
  start: number,
  maxResults: number | undefined,
): { readonly items: readonly T[]; readonly next: number | undefined } {
  const end = start + (maxResults ?? entitlementsPageMax);
  return { items: all.slice(start, end), next: end < all.length ? end : undefined };
}
