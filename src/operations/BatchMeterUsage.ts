/**
 * BatchMeterUsage — https://docs.aws.amazon.com/marketplace/latest/APIReference/API_marketplace-metering_BatchMeterUsage.html
 *
 * Up to 25 usage records of one SaaS product, by the seller. Errors in order of precedence (SPEC C.5), each for the
 * whole request; nothing is stored then (B-1):
 *   DisabledApiException                  the Region does not offer the operation, or the product is not enabled there
 *   ThrottlingException                   more than 10 calls a second per account and Region
 *   ValidationException                   identities that do not go together (B-10 to B-17)
 *   InvalidProductCodeException           unknown, another account's, or of a type that does not meter here
 *   InvalidLicenseException               unknown, another buyer's or product's, or usage before its activation
 *   InvalidCustomerIdentifierException    the product has none; or unknown, with unknownCustomer = exception
 *   InvalidUsageDimensionException        not a metered dimension of the product
 *   TimestampOutOfBoundsException         too old, in a closed month, in the future, before the subscription
 *   InvalidTagException, InvalidUsageAllocationsException
 * Then, per record and in order: CustomerNotSubscribed, Success, DuplicateRecord, or back in UnprocessedRecords.
 */
import { ServiceError } from "../api/errors.ts";
import { isLicenseArn, licenseTail } from "../api/identifiers.ts";
import { offersOperation, regionListOf } from "../api/regions.ts";
import type { Account, UsagePath, UsageRecord } from "../api/types.ts";
import { hourOf, timestampMs } from "../rules/times.ts";
import {
  type BatchFacts,
  type BatchRequest,
  customerIdentifierOf,
  decideBatch,
  type RecordOutcome,
} from "../rules/usageRecords.ts";
import type { Catalog } from "../store/catalog.ts";
import { StoreFailure, type UsageClaim, type UsageHolder } from "../store/ledger.ts";
import { batchDetail } from "./auditDetail.ts";
import { decideAndClaim, storeFailed } from "./claiming.ts";
import { auditEvent, type Call, type Operation } from "./operation.ts";

export interface UsageRecordResult {
  readonly UsageRecord: UsageRecord;
  readonly MeteringRecordId?: string;
  readonly Status: "Success" | "CustomerNotSubscribed" | "DuplicateRecord";
}
export interface BatchMeterUsageResult {
  readonly Results: readonly UsageRecordResult[];
  readonly UnprocessedRecords: readonly UsageRecord[];
}

export const BatchMeterUsage: Operation = {
  requireRegion: (input, call, store) => {
    if (!call.settings.enforceRegions) return;
    if (!offersOperation("BatchMeterUsage", call.region, { revision: call.settings.revision })) {
      throw new ServiceError(
        "DisabledApiException", // L-1
        `The API is disabled in the Region: BatchMeterUsage is not offered in ${call.region}. It is offered in ${regionListOf("BatchMeterUsage", { revision: call.settings.revision }).join(", ")}.`,
      );
    }
    const product = productOf(input as BatchRequest, store.catalog);
    if (
      product !== undefined &&
      product.sellerAccountId === call.credential.accountId &&
      !product.enabledRegions.includes(call.region)
    ) {
      throw new ServiceError(
        "DisabledApiException", // L-2
        `The API is disabled in the Region: product ${product.code} is not enabled in ${call.region}, only in ${product.enabledRegions.join(", ")}. Call one of those, or have the Region enabled for the product.`,
      );
    }
  },

  handle: async (input, call, store): Promise<BatchMeterUsageResult> => {
    const request = input as BatchRequest;
    const decide = () => {
      const facts = prefetch(request, call, store.catalog);
      const outcomes = decideBatch(request, facts, call.settings, call.now);
      return { outcomes, unit: claimUnit(request, facts, outcomes, call) };
    };
    try {
      const { outcomes, outcome } = await decideAndClaim(store, decide);
      return answer(request, statuses(request, outcomes, outcome.holders, call));
    } catch (error) {
      if (!(error instanceof StoreFailure)) throw error;
      if (error.stored === "unknown") throw storeFailed(error);
      // Known not to be stored: the records go back to the caller, who sends them again (B-90).
      return answer(request, statuses(request, decide().outcomes, undefined, call));
    }
  },
};

function productOf(request: BatchRequest, catalog: Catalog) {
  if (request.ProductCode !== undefined) return catalog.product(request.ProductCode);
  const licenseArn = request.UsageRecords.find((record) => record.LicenseArn !== undefined)?.LicenseArn;
  const agreement = licenseArn === undefined ? undefined : agreementOf(licenseArn, catalog);
  return agreement && catalog.product(agreement.productCode);
}

function agreementOf(licenseArn: string, catalog: Catalog) {
  return isLicenseArn(licenseArn) ? catalog.agreementByLicense(licenseTail(licenseArn)) : undefined;
}

function buyerOf(record: UsageRecord, catalog: Catalog): Account | undefined {
  const identifier = customerIdentifierOf(record);
  if (identifier !== undefined) return catalog.accountByCustomerIdentifier(identifier);
  return record.CustomerAWSAccountId === undefined ? undefined : catalog.account(record.CustomerAWSAccountId);
}

function prefetch(request: BatchRequest, call: Call, catalog: Catalog): BatchFacts {
  const product = productOf(request, catalog);
  return {
    callerAccountId: call.credential.accountId,
    product,
    records: request.UsageRecords.map((record) => {
      const buyer = buyerOf(record, catalog);
      if (record.LicenseArn !== undefined) {
        return { buyer, agreements: [], licensed: agreementOf(record.LicenseArn, catalog) };
      }
      return { buyer, agreements: product && buyer ? catalog.agreements(product.code, buyer.id) : [] };
    }),
  };
}

/** B-60: with a licence the licence is the key, whether or not ProductCode came along (B-15). */
function pathOf(record: UsageRecord): UsagePath {
  return record.LicenseArn === undefined ? "productCode" : "license";
}

function claimUnit(request: BatchRequest, facts: BatchFacts, outcomes: readonly RecordOutcome[], call: Call) {
  const records: UsageClaim[] = [];
  for (let index = 0; index < outcomes.length; index += 1) {
    const outcome = outcomes[index];
    const record = request.UsageRecords[index];
    if (outcome === undefined || record === undefined || call.unprocessed.includes(index)) continue;
    const { agreement, billable } = outcome;
    records.push({
      region: call.region,
      path: pathOf(record),
      productCode: agreement.productCode,
      // The buyer's account, not the identifier that was sent: both name one customer (B-24).
      holder: record.LicenseArn === undefined ? agreement.buyerAccountId : (agreement.licenseArn ?? record.LicenseArn),
      accountId: agreement.buyerAccountId,
      dimension: record.Dimension,
      hour: hourOf(record.Timestamp),
      timestampMs: timestampMs(record.Timestamp),
      quantity: record.Quantity ?? 0, // B-64
      ...(record.UsageAllocations === undefined ? {} : { allocations: record.UsageAllocations }),
      billable,
    });
  }
  return {
    records,
    audit: ({ holders }: { readonly holders: readonly UsageHolder[] }) => {
      const marks = statuses(request, outcomes, holders, call);
      let claimed = 0;
      const marked = marks.map((mark, index) => ({
        ...mark,
        buyer: facts.records[index]?.buyer,
        claim: mark.letter === "U" || mark.letter === "N" ? undefined : records[claimed++],
      }));
      return auditEvent(call, "Success", {
        ...(facts.product === undefined ? {} : { productCode: facts.product.code }),
        ...(request.ProductCode === undefined ? { noProductCode: true as const } : {}),
        ...batchDetail(request.UsageRecords, marked),
      });
    },
  };
}

type RecordStatus =
  | { readonly letter: "S" | "R"; readonly meteringRecordId: string }
  | { readonly letter: "D" }
  | { readonly letter: "N" }
  | { readonly letter: "U" };

/** One status a record. `holders` are those of the claimed records, in order; undefined = the store kept none. */
function statuses(
  request: BatchRequest,
  outcomes: readonly RecordOutcome[],
  holders: readonly UsageHolder[] | undefined,
  call: Call,
): readonly RecordStatus[] {
  let claimed = 0;
  return outcomes.map((outcome, index): RecordStatus => {
    if (call.unprocessed.includes(index)) return { letter: "U" };
    if (outcome === undefined) return { letter: "N" };
    const holder = holders?.[claimed];
    claimed += 1;
    if (holder === undefined) return { letter: "U" };
    const { meteringRecordId } = holder;
    if (holder.fresh) return { letter: "S", meteringRecordId };
    const isSame = holder.quantity === (request.UsageRecords[index]?.Quantity ?? 0); // B-61, B-62, B-66
    return isSame && call.settings.identicalResend === "success" ? { letter: "R", meteringRecordId } : { letter: "D" };
  });
}

function answer(request: BatchRequest, all: readonly RecordStatus[]): BatchMeterUsageResult {
  const results: UsageRecordResult[] = [];
  const unprocessed: UsageRecord[] = [];
  for (let index = 0; index < all.length; index += 1) {
    const status = all[index];
    const record = request.UsageRecords[index];
    if (status === undefined || record === undefined) continue;
    if (status.letter === "U") unprocessed.push(record);
    else if (status.letter === "N") results.push({ UsageRecord: record, Status: "CustomerNotSubscribed" });
    else if (status.letter === "D") results.push({ UsageRecord: record, Status: "DuplicateRecord" });
    else results.push({ UsageRecord: record, MeteringRecordId: status.meteringRecordId, Status: "Success" });
  }
  return { Results: results, UnprocessedRecords: unprocessed };
}
