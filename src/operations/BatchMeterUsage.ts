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
import { offersOperation, regionListOf } from "../api/regions.ts";
import type { UsageRecord } from "../api/types.ts";
import { hourOf, timestampMs } from "../rules/times.ts";
import { type BatchFacts, type BatchRequest, decideBatch, type RecordOutcome } from "../rules/usageRecords.ts";
import type { Catalog } from "../store/catalog.ts";
import { StoreFailure, type UsageClaim, type UsageHolder } from "../store/ledger.ts";
import { batchDetail, type MarkedRecord, recordForm } from "./auditDetail.ts";
import { decideAndClaim, storeFailed } from "./claiming.ts";
import { agreementOf, type CustomerFacts, type Customers, customersOf } from "./customers.ts";
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
      return claimUnit(request, facts, decideBatch(request, facts, call.settings, call.now), call);
    };
    try {
      const { marksOf, outcome } = await decideAndClaim(store, decide);
      return answer(request, marksOf(outcome.holders));
    } catch (error) {
      if (!(error instanceof StoreFailure)) throw error;
      if (error.stored === "unknown") throw storeFailed(error);
      // Known not to be stored: the records go back to the caller, who sends them again (B-90).
      return answer(request, decide().marksOf(undefined));
    }
  },
};

function productOf(request: BatchRequest, catalog: Catalog) {
  if (request.ProductCode !== undefined) return catalog.product(request.ProductCode);
  const licenseArn = request.UsageRecords.find((record) => record.LicenseArn !== undefined)?.LicenseArn;
  const agreement = licenseArn === undefined ? undefined : agreementOf(licenseArn, catalog);
  return agreement && catalog.product(agreement.productCode);
}

function prefetch(request: BatchRequest, call: Call, catalog: Catalog): BatchFacts & Customers {
  const product = productOf(request, catalog);
  const { records, settledFrom } = customersOf(request.UsageRecords, product, catalog, call);
  return { callerAccountId: call.credential.accountId, product, records, settledFrom };
}

/** What is claimed, its audit event, and what has become of each record once the holders of the claims are known. */
function claimUnit(
  request: BatchRequest,
  { product, records: known }: BatchFacts & Customers,
  outcomes: readonly RecordOutcome[],
  call: Call,
) {
  const { UsageRecords: usage } = request;
  const claims: UsageClaim[] = [];
  /** By index: `recordForm` of what is claimed, which is made here and not in the commit; or what is not claimed, and why. */
  const forms: string[] = [];
  const unclaimed: (MarkedRecord | undefined)[] = [];
  for (let index = 0; index < usage.length; index += 1) {
    const [record, facts, outcome] = [usage[index], known[index], outcomes[index]];
    if (record === undefined || facts === undefined) continue;
    const isLeft = call.unprocessed.length > 0 && call.unprocessed.includes(index);
    if (outcome === undefined || isLeft) {
      unclaimed.push(isLeft ? unprocessedMark : notSubscribedMark);
      forms.push("-");
      continue;
    }
    const claim = claimOf(record, outcome, facts, product?.code ?? outcome.agreement.productCode, call.region);
    claims.push(claim);
    unclaimed.push(undefined);
    forms.push(recordForm(record, claim, facts.buyer));
  }
  let made: { readonly holders: readonly UsageHolder[]; readonly marks: readonly MarkedRecord[] } | undefined;
  const marksOf = (holders: readonly UsageHolder[] = []): readonly MarkedRecord[] => {
    if (made?.holders === holders) return made.marks; // Asked for by the event and, later, by the answer.
    let next = 0;
    const marks = unclaimed.map((mark) => {
      if (mark !== undefined) return mark;
      const place = next++;
      return markOf(claims[place], holders[place], call);
    });
    made = { holders, marks };
    return marks;
  };
  const audit = ({ holders }: { readonly holders: readonly UsageHolder[] }) =>
    auditEvent(call, "Success", {
      ...(product === undefined ? {} : { productCode: product.code }),
      ...(request.ProductCode === undefined ? { noProductCode: true as const } : {}),
      ...batchDetail(usage, marksOf(holders), forms),
    });
  return { marksOf, unit: { records: claims, audit } };
}

function claimOf(
  record: UsageRecord,
  { agreement, billable }: NonNullable<RecordOutcome>,
  { holderKey }: CustomerFacts,
  productCode: string,
  region: string,
): UsageClaim {
  const { LicenseArn: licenseArn, UsageAllocations: allocations } = record;
  // The buyer's account, not the identifier that was sent: both name one customer (B-24).
  const accountId = record.CustomerAWSAccountId ?? agreement.buyerAccountId;
  const claim: UsageClaim = {
    region,
    path: licenseArn === undefined ? "productCode" : "license", // B-60, B-15: with a licence the licence is the key.
    productCode,
    holder: licenseArn === undefined ? accountId : (agreement.licenseArn ?? licenseArn),
    holderKey,
    accountId,
    dimension: record.Dimension,
    hour: hourOf(record.Timestamp),
    timestampMs: timestampMs(record.Timestamp),
    quantity: record.Quantity ?? 0, // B-64
    billable,
  };
  return allocations === undefined ? claim : { ...claim, allocations };
}

const unprocessedMark: MarkedRecord = { letter: "U", meteringRecordId: undefined };
const notSubscribedMark: MarkedRecord = { letter: "N", meteringRecordId: undefined };
const duplicateMark: MarkedRecord = { letter: "D", meteringRecordId: undefined };

/** What has become of a claim. No holder: the store kept none. One that is unstored: it kept others of the batch (B-90). */
function markOf(claim: UsageClaim | undefined, holder: UsageHolder | undefined, { settings }: Call): MarkedRecord {
  if (claim === undefined || holder === undefined || holder.isUnstored === true) return unprocessedMark;
  const { meteringRecordId } = holder;
  if (holder.fresh) return { letter: "S", meteringRecordId };
  const isSame = holder.quantity === claim.quantity; // B-61, B-62, B-66
  return isSame && settings.identicalResend === "success" ? { letter: "R", meteringRecordId } : duplicateMark;
}

function answer(request: BatchRequest, marks: readonly MarkedRecord[]): BatchMeterUsageResult {
  const results: UsageRecordResult[] = [];
  const unprocessed: UsageRecord[] = [];
  for (let index = 0; index < marks.length; index += 1) {
    const mark = marks[index];
    const record = request.UsageRecords[index];
    if (mark === undefined || record === undefined) continue;
    const { letter, meteringRecordId } = mark;
    if (letter === "U") unprocessed.push(record);
    else if (letter === "N") results.push({ UsageRecord: record, Status: "CustomerNotSubscribed" });
    else if (meteringRecordId === undefined) results.push({ UsageRecord: record, Status: "DuplicateRecord" });
    else results.push({ UsageRecord: record, MeteringRecordId: meteringRecordId, Status: "Success" });
  }
  return { Results: results, UnprocessedRecords: unprocessed };
}
