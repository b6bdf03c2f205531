/**
 * GetEntitlements — https://docs.aws.amazon.com/marketplace/latest/APIReference/API_marketplace-entitlements_GetEntitlements.html
 *
 * What buyers of a contract product may use, read by the seller. Errors in order of precedence (SPEC D.5):
 *   InvalidParameterException             the Region does not offer the operation (the model has no other name for it)
 *   ThrottlingException
 *   InvalidParameterException             unknown or another account's product, filter keys, paging token
 */
import { hash } from "node:crypto";
import { ServiceError } from "../api/errors.ts";
import { offersOperation, regionListOf } from "../api/regions.ts";
import type { Entitlement, EntitlementValue, Product } from "../api/types.ts";
import {
  type EntitlementsRequest,
  matchingEntitlements,
  pageOf,
  requireEntitlementsProduct,
} from "../rules/entitlements.ts";
import type { Catalog } from "../store/catalog.ts";
import { StoreFailure } from "../store/ledger.ts";
import { requestDetail } from "./auditDetail.ts";
import { auditEvent, type Call, type Operation } from "./operation.ts";

export interface WireEntitlement {
  readonly ProductCode: string;
  readonly Dimension: string;
  readonly CustomerIdentifier?: string;
  readonly CustomerAWSAccountId?: string;
  readonly LicenseArn?: string;
  readonly Value: EntitlementValue;
  /** Epoch seconds. */
  readonly ExpirationDate: number;
}
export interface GetEntitlementsResult {
  readonly Entitlements?: readonly WireEntitlement[];
  readonly NextToken?: string;
}

export const GetEntitlements: Operation = {
  requireRegion: (_input, call) => {
    const { revision, enforceRegions } = call.settings;
    if (!enforceRegions || offersOperation("GetEntitlements", call.region, { revision })) return;
    throw new ServiceError(
      "InvalidParameterException", // G-14
      `GetEntitlements is not offered in ${call.region}; it is offered in ${regionListOf("GetEntitlements", { revision }).join(", ")}.`,
    );
  },

  handle: async (input, call, store): Promise<GetEntitlementsResult> => {
    const request = input as EntitlementsRequest;
    const { catalog } = store;
    const facts = {
      callerAccountId: call.credential.accountId,
      product: catalog.product(request.ProductCode),
      entitlements: catalog.entitlements(request.ProductCode),
      account: (id: string) => catalog.account(id),
    };
    const product = requireEntitlementsProduct(request, facts, call.settings);
    const start = startOf(request);
    const page = pageOf(matchingEntitlements(request, facts, product, call.now), start, request.MaxResults);
    try {
      const detail = { productCode: product.code, ...requestDetail("GetEntitlements", request) };
      await store.audit.append(auditEvent(call, "Success", detail));
    } catch (error) {
      // What is asked for is in memory: a full disk, which the log and /readyz tell of, must not lock a seller's buyers out.
      if (!(error instanceof StoreFailure)) throw error;
    }
    // G-8: nothing found is an answer without members.
    if (page.items.length === 0) return {};
    return {
      Entitlements: page.items.map((entitlement) => wireForm(entitlement, product, catalog, call)),
      ...(page.next === undefined ? {} : { NextToken: tokenOf(request, page.next) }),
    };
  },
};

/** G-6; which members there are goes by revision and by the product's age (T-10). */
function wireForm(entitlement: Entitlement, product: Product, catalog: Catalog, call: Call): WireEntitlement {
  const isNewest = call.settings.revision === "2026";
  const buyer = catalog.account(entitlement.buyerAccountId);
  const hasIdentifier = buyer !== undefined && !(isNewest && product.concurrentAgreementsOnly);
  return {
    ProductCode: product.code,
    Dimension: entitlement.dimension,
    ...(hasIdentifier ? { CustomerIdentifier: buyer.customerIdentifier } : {}),
    ...(isNewest ? { CustomerAWSAccountId: entitlement.buyerAccountId } : {}),
    ...(isNewest && entitlement.licenseArn !== undefined ? { LicenseArn: entitlement.licenseArn } : {}),
    Value: entitlement.value,
    ExpirationDate: entitlement.expiresAt / 1_000,
  };
}

/** A token says where to go on, and for which question: one of another question is not valid. */
function tokenOf(request: EntitlementsRequest, start: number): string {
  return Buffer.from(`${start}:${questionOf(request)}`).toString("base64url");
}

function questionOf(request: EntitlementsRequest): string {
  const filters = [...(request.Filter ?? [])].map(([key, values]) => [key, [...values].sort()] as const);
  return hash("sha256", JSON.stringify([request.ProductCode, filters.sort()]), "hex").slice(0, 32);
}

function startOf(request: EntitlementsRequest): number {
  if (request.NextToken === undefined) return 0;
  const match = /^(\d{1,9}):([0-9a-f]{32})$/.exec(Buffer.from(request.NextToken, "base64url").toString("latin1"));
  if (match?.[1] === undefined || match[2] !== questionOf(request)) {
    throw new ServiceError(
      "InvalidParameterException",
      "The NextToken is not valid; send the one of the answer before, with the same ProductCode and Filter.",
    );
  }
  return Number(match[1]);
}
