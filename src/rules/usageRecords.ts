/**
 * The decision of BatchMeterUsage (SPEC C.5, K.5): one error for the whole request, or one outcome per record. The
 * first failing *kind* wins over all records, then the lowest index. Pure: facts in, decision out.
 */
import { ServiceError } from "../api/errors.ts";
import type { Settings } from "../api/settings.ts";
import type { Account, Agreement, Product, UsageRecord } from "../api/types.ts";
import { isBillable } from "./agreements.ts";
import { meteredDimensions, requireMeteredDimension, requireProduct } from "./products.ts";
import { type Standing, standingOf } from "./standing.ts";
import { showTime, timestampMs } from "./times.ts";
import { requireAllocations, requireTags } from "./usageAllocations.ts";
import { batchWindow, beforeSubscription, requireBatchWindow, subscriptionStartEdge } from "./usageWindow.ts";

export interface BatchRequest {
  readonly ProductCode?: string;
  readonly UsageRecords: readonly UsageRecord[];
}

/** What the catalogue knows about one record. */
export interface RecordFacts {
  /**
   * By `settledAgreement` of the standing, for stamps from `BatchFacts.settledFrom` on: such a record's standing is not
   * looked at. Nearly all are, and each is another customer's, whose facts lie in no cache.
   */
  readonly settled?: Agreement | undefined;
  /** By CustomerIdentifier or CustomerAWSAccountId. */
  readonly buyer?: Account | undefined;
  /** Product-code path: the buyer's agreements on the product, in order of acceptance. */
  readonly agreements: readonly Agreement[];
  /** Licence path: the agreement that the licence belongs to. */
  readonly licensed?: Agreement | undefined;
  /** Of the agreements, by the same settings, and good for the time of the decision. Absent: it is worked out. */
  readonly standing?: Standing | undefined;
}

export interface BatchFacts {
  readonly callerAccountId: string;
  /** By ProductCode, or else by the first licence. */
  readonly product: Product | undefined;
  readonly records: readonly RecordFacts[];
  /** Epoch milliseconds. Absent: no record is settled. */
  readonly settledFrom?: number;
}

/** `undefined` = CustomerNotSubscribed; otherwise the agreement the usage is booked under. */
export type RecordOutcome = { readonly agreement: Agreement; readonly billable: boolean } | undefined;

export function decideBatch(
  request: BatchRequest,
  facts: BatchFacts,
  settings: Settings,
  now: number,
): readonly RecordOutcome[] {
  const records = request.UsageRecords;
  requireIdentities(request, facts, settings);
  if (records.length === 0 && request.ProductCode === undefined) return []; // B-6
  const product = requireBatchProduct(request, facts);
  requireLicenses(records, facts, product, settings);
  requireCustomerIdentifiers(records, facts, product, settings);
  requireDimensions(records, product);
  const stamps = requireTimestamps(records, facts, settings, now);
  requireSplits(records, settings);
  return judgeAll(records, stamps, facts, product, settings, now);
}

/** What the agreements of a record allow: that of its licence, or the buyer's on the product. */
function standingNow(record: UsageRecord, facts: RecordFacts, settings: Settings, now: number): Standing {
  const { standing, licensed, agreements } = facts;
  if (standing !== undefined) return standing;
  if (record.LicenseArn === undefined) return standingOf(agreements, now, settings);
  return standingOf(licensed === undefined ? [] : [licensed], now, settings);
}

function isSettled(
  known: RecordFacts,
  stampedAt: number,
  { settledFrom = Number.POSITIVE_INFINITY }: BatchFacts,
): known is RecordFacts & { readonly settled: Agreement } {
  return known.settled !== undefined && stampedAt >= settledFrom;
}

function where(index: number): string {
  return `UsageRecords[${index}]`;
}

function at<T>(list: readonly T[], index: number): T {
  return list[index] as T;
}

/** B-22: an empty CustomerIdentifier counts as absent. */
export function customerIdentifierOf(record: UsageRecord): string | undefined {
  return record.CustomerIdentifier === "" ? undefined : record.CustomerIdentifier;
}

/** Step 4: B-12 to B-17, J-19. */
function requireIdentities(request: BatchRequest, facts: BatchFacts, settings: Settings): void {
  const isNewProduct =
    facts.product?.concurrentAgreementsOnly === true && facts.product.sellerAccountId === facts.callerAccountId;
  let identifiers = 0;
  let accountIds = 0;
  for (let index = 0; index < request.UsageRecords.length; index += 1) {
    const record = at(request.UsageRecords, index);
    const identifier = customerIdentifierOf(record);
    const why = identityFault(record, identifier, request.ProductCode, isNewProduct);
    if (why !== undefined) throw new ServiceError("ValidationException", `${where(index)}: ${why}`);
    if (identifier !== undefined) identifiers += 1;
    if (record.CustomerAWSAccountId !== undefined) accountIds += 1;
  }
  if (settings.strictIdentifiers && identifiers > 0 && accountIds > 0) {
    throw new ServiceError(
      "ValidationException",
      "UsageRecords: CustomerIdentifier and CustomerAWSAccountId are used in the same request; use one of them in all records.",
    );
  }
}

function identityFault(
  record: UsageRecord,
  identifier: string | undefined,
  productCode: string | undefined,
  isNewProduct: boolean,
): string | undefined {
  const { CustomerAWSAccountId: accountId, LicenseArn: licenseArn } = record;
  if (identifier !== undefined && accountId !== undefined) {
    return "CustomerIdentifier and CustomerAWSAccountId are mutually exclusive; send one of them."; // B-12
  }
  if (identifier === undefined && accountId === undefined) {
    return "neither CustomerIdentifier nor CustomerAWSAccountId is set; send CustomerAWSAccountId, the buyer's account id."; // B-13
  }
  if (identifier !== undefined && licenseArn !== undefined) {
    return "LicenseArn goes with CustomerAWSAccountId, not with CustomerIdentifier."; // B-17
  }
  if (productCode === undefined && licenseArn === undefined) {
    return "nothing names the product; send ProductCode with the request or LicenseArn with every record."; // B-16
  }
  if (productCode !== undefined && licenseArn !== undefined && isNewProduct) {
    return `LicenseArn already names the product; leave ProductCode '${productCode}' out for products with concurrent agreements.`; // B-15
  }
  return undefined;
}

/** Step 5: C-19, C-20, B-18. Without ProductCode the product is the one of the first licence; step 6 judges that. */
function requireBatchProduct(request: BatchRequest, facts: BatchFacts): Product {
  if (request.ProductCode !== undefined) {
    return requireProduct(facts.product, request.ProductCode, "BatchMeterUsage", facts.callerAccountId);
  }
  const { product } = facts;
  if (product === undefined || product.sellerAccountId !== facts.callerAccountId) {
    throw invalidLicense(
      at(request.UsageRecords, 0),
      0,
      `no product of account ${facts.callerAccountId} has such a license; send the LicenseArn that ResolveCustomer returned`,
    );
  }
  return requireProduct(product, product.code, "BatchMeterUsage", facts.callerAccountId);
}

function invalidLicense(record: UsageRecord, index: number, why: string): ServiceError {
  return new ServiceError(
    "InvalidLicenseException",
    `The license '${record.LicenseArn}' is not valid (${where(index)}): ${why}. Nothing of the batch was metered.`,
  );
}

/** Step 6: B-19, B-30, B-31. */
function requireLicenses(
  records: readonly UsageRecord[],
  facts: BatchFacts,
  product: Product,
  settings: Settings,
): void {
  for (let index = 0; index < records.length; index += 1) {
    const record = at(records, index);
    if (record.LicenseArn === undefined) continue;
    const { licensed } = at(facts.records, index);
    if (licensed === undefined)
      throw invalidLicense(record, index, "no such license exists; send the LicenseArn that ResolveCustomer returned");
    if (licensed.productCode !== product.code) {
      throw invalidLicense(
        record,
        index,
        `it is not a license of product ${product.code}; one request meters one product, so send a request for each`,
      );
    }
    if (licensed.buyerAccountId !== record.CustomerAWSAccountId) {
      throw invalidLicense(
        record,
        index,
        `it does not belong to account ${record.CustomerAWSAccountId}; send account and license of the same agreement`,
      );
    }
    const { startedAt } = licensed;
    if (startedAt !== undefined && timestampMs(record.Timestamp) < subscriptionStartEdge(startedAt, settings)) {
      throw invalidLicense(
        record,
        index,
        `the usage of ${showTime(timestampMs(record.Timestamp))} lies before its activation at ${showTime(startedAt)}`,
      );
    }
  }
}

/** Step 7: B-20, B-21. */
function requireCustomerIdentifiers(
  records: readonly UsageRecord[],
  facts: BatchFacts,
  product: Product,
  settings: Settings,
): void {
  for (let index = 0; index < records.length; index += 1) {
    const record = at(records, index);
    const identifier = customerIdentifierOf(record);
    if (identifier !== undefined && product.concurrentAgreementsOnly && settings.revision === "2026") {
      throw new ServiceError(
        "InvalidCustomerIdentifierException",
        `The customer identifier '${identifier}' is not valid (${where(index)}): product ${product.code} has no customer identifiers; send CustomerAWSAccountId and LicenseArn.`,
      );
    }
    if (settings.unknownCustomer === "exception" && at(facts.records, index).buyer === undefined) {
      throw new ServiceError(
        "InvalidCustomerIdentifierException",
        identifier === undefined
          ? `The customer account '${record.CustomerAWSAccountId}' does not exist (${where(index)}); send the CustomerAWSAccountId that ResolveCustomer returned.`
          : `The customer identifier '${identifier}' does not exist (${where(index)}); send the CustomerIdentifier that ResolveCustomer returned.`,
      );
    }
  }
}

/** Step 8: B-40, B-41, B-43. */
function requireDimensions(records: readonly UsageRecord[], product: Product): void {
  const metered = meteredDimensions(product);
  for (let index = 0; index < records.length; index += 1) {
    const { Dimension: dimension } = at(records, index);
    if (!metered.has(dimension)) requireMeteredDimension(product, dimension, where(index));
  }
}

/** Step 9: B-50 to B-56. Returns the stamps in milliseconds. */
function requireTimestamps(
  records: readonly UsageRecord[],
  facts: BatchFacts,
  settings: Settings,
  now: number,
): readonly number[] {
  const window = batchWindow(now, settings);
  const stamps: number[] = [];
  for (let index = 0; index < records.length; index += 1) {
    const record = at(records, index);
    const stampedAt = timestampMs(record.Timestamp);
    stamps.push(stampedAt);
    if (stampedAt < window.from || stampedAt > window.to) {
      requireBatchWindow(stampedAt, now, settings, `${where(index)}.Timestamp`);
    }
    if (record.LicenseArn !== undefined) continue; // B-31 has judged its start.
    const known = at(facts.records, index);
    if (isSettled(known, stampedAt, facts)) continue;
    const { coveredFrom, startedAt } = standingNow(record, known, settings, now);
    if (startedAt !== undefined && stampedAt < coveredFrom) {
      throw beforeSubscription(stampedAt, startedAt, `${where(index)}.Timestamp`); // B-56, B-87
    }
  }
  return stamps;
}

/** Step 10: tags of all records, then allocations of all records. */
function requireSplits(records: readonly UsageRecord[], settings: Settings): void {
  for (let index = 0; index < records.length; index += 1) {
    const { UsageAllocations: allocations } = at(records, index);
    if (allocations !== undefined) requireTags(allocations, where(index));
  }
  for (let index = 0; index < records.length; index += 1) {
    const { UsageAllocations: allocations, Quantity: quantity } = at(records, index);
    if (allocations !== undefined) requireAllocations(allocations, quantity ?? 0, settings.revision, where(index));
  }
}

/** Step 11: B-80 to B-89, B-32. */
function judgeAll(
  records: readonly UsageRecord[],
  stamps: readonly number[],
  facts: BatchFacts,
  product: Product,
  settings: Settings,
  now: number,
): readonly RecordOutcome[] {
  const outcomes: RecordOutcome[] = [];
  for (let index = 0; index < records.length; index += 1) {
    const known = at(facts.records, index);
    const stampedAt = at(stamps, index);
    if (isSettled(known, stampedAt, facts)) {
      outcomes.push({ agreement: known.settled, billable: true });
    } else {
      const record = at(records, index);
      outcomes.push(judge(record, stampedAt, known, standingNow(record, known, settings, now), product));
    }
  }
  return outcomes;
}

function judge(
  record: UsageRecord,
  stampedAt: number,
  { buyer }: RecordFacts,
  { open }: Standing,
  product: Product,
): RecordOutcome {
  if (buyer === undefined || buyer.suspended) return undefined;
  for (const { agreement, stampsFrom, billsAll } of open) {
    if (stampedAt < stampsFrom) continue;
    return { agreement, billable: billsAll || isBillable(agreement, record.Dimension, product) };
  }
  return undefined;
}
