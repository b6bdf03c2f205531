/** A batch and what the catalogue knows about it, to be changed piece by piece before it is decided. */
import type { Settings } from "../../src/api/settings.ts";
import type { Account, Agreement, Product, UsageRecord } from "../../src/api/types.ts";
import { type BatchFacts, type BatchRequest, decideBatch } from "../../src/rules/usageRecords.ts";
import {
  account,
  agreement,
  buyerId,
  licenseArn,
  now,
  nowSec,
  product,
  productCode,
  refusal,
  sellerId,
  settings,
} from "./facts.ts";

/** Members that are undefined are left out of what is decided. */
export interface RecordDraft {
  readonly record: { -readonly [Name in keyof UsageRecord]: UsageRecord[Name] | undefined } & {
    Timestamp: number;
    Dimension: string;
  };
  buyer: Account | undefined;
  agreements: readonly Agreement[];
  licensed: Agreement | undefined;
}

export interface BatchDraft {
  productCode: string | undefined;
  product: Product | undefined;
  readonly records: RecordDraft[];
}

export type Identity = "customerIdentifier" | "account" | "license";

/** A record of one unit that every rule lets through. */
export function recordDraft(identity: Identity = "account"): RecordDraft {
  const usage = { Timestamp: nowSec - 600, Dimension: "searches", Quantity: 1 };
  const buyer = account();
  if (identity === "customerIdentifier") {
    const record = { ...usage, CustomerIdentifier: buyer.customerIdentifier };
    return { record, buyer, agreements: [agreement()], licensed: undefined };
  }
  if (identity === "account") {
    return {
      record: { ...usage, CustomerAWSAccountId: buyerId },
      buyer,
      agreements: [agreement()],
      licensed: undefined,
    };
  }
  const record = { ...usage, CustomerAWSAccountId: buyerId, LicenseArn: licenseArn };
  return { record, buyer, agreements: [], licensed: agreement({ licenseArn }) };
}

export function batchDraft(identities: readonly Identity[]): BatchDraft {
  return { productCode, product: product(), records: identities.map(recordDraft) };
}

export function decide(draft: BatchDraft, overrides: Partial<Settings> = {}) {
  const request: BatchRequest = {
    ...(draft.productCode === undefined ? {} : { ProductCode: draft.productCode }),
    // As on the wire: what was not sent is absent.
    UsageRecords: draft.records.map(({ record }) => JSON.parse(JSON.stringify(record)) as UsageRecord),
  };
  const facts: BatchFacts = { callerAccountId: sellerId, product: draft.product, records: draft.records };
  return decideBatch(request, facts, settings(overrides), now);
}

/** Name of the error; undefined if there are outcomes. */
export function errorOf(draft: BatchDraft, overrides: Partial<Settings> = {}): string | undefined {
  return refusal(() => decide(draft, overrides))?.name;
}
