/** A server with one seller and a few buyers, and a seller's program over AWS's own SDK to be scripted in tests. */
import {
  BatchMeterUsageCommand,
  MarketplaceMeteringClient,
  MarketplaceMeteringServiceException,
  type UsageRecord,
} from "@aws-sdk/client-marketplace-metering";
import { expect } from "vitest";
import type { Finding } from "../../../src/doctor/observed.ts";
import { type Meterhouse, startMeterhouse } from "../../../src/index.ts";

export const hour = 3_600_000;
export const minute = 60_000;
export const startAt = Date.parse("2026-08-12T00:05:00Z");
export const product = "scriptedlogs0000000000001";
export const customers = Array.from({ length: 40 }, (_, n) => String(320_000_000_001 + n));
/** The first customer's, of `product`. */
export const licenseArn = `arn:aws:license-manager::294406891311:license:l-${"c1".padStart(32, "0")}`;
const credentials = { accessKeyId: "AKIASCRIPTEDSELLER01", secretAccessKey: "scripted-seller-secret" };

const catalog = {
  accounts: customers.map((id) => ({ id })),
  credentials: [{ ...credentials, account: "220000000001", kind: "assumed-role", name: "metering" }],
  products: [
    {
      code: product,
      seller: "220000000001",
      type: "saas-subscription",
      createdAt: "2024-01-01T00:00:00Z",
      concurrentAgreementsOnly: false,
      enabledRegions: ["us-east-1", "eu-west-1"],
      dimensions: ["requests", "storage"],
    },
  ],
  agreements: customers.map((buyer, n) => ({
    ...{ product, buyer, state: "active", acceptedAt: "2026-01-01T00:00:00Z" },
    ...(n === 0 ? { license: licenseArn } : {}),
  })),
};

export function startScripted(): Promise<Meterhouse> {
  return startMeterhouse({ catalog, now: startAt, settings: { quotas: "off" } });
}

export interface Answer {
  readonly requestId: string;
  /** In request order; of a refused call none. */
  readonly statuses: readonly string[];
  readonly unprocessed: readonly UsageRecord[];
  /** `Success`, or the exception's name. */
  readonly outcome: string;
}

/** A call of the first product; by licence alone without a product code. What the SDK throws is an outcome. */
export async function meter(
  meterhouse: Meterhouse,
  records: readonly UsageRecord[],
  { region = "us-east-1", byLicense = false } = {},
): Promise<Answer> {
  const client = new MarketplaceMeteringClient({ endpoint: meterhouse.endpoint, region, credentials });
  const ProductCode = byLicense ? {} : { ProductCode: product };
  try {
    const answer = await client.send(new BatchMeterUsageCommand({ ...ProductCode, UsageRecords: [...records] }));
    return {
      requestId: answer.$metadata.requestId ?? "",
      statuses: (answer.Results ?? []).map(({ Status }) => Status ?? ""),
      unprocessed: answer.UnprocessedRecords ?? [],
      outcome: "Success",
    };
  } catch (error) {
    if (!(error instanceof MarketplaceMeteringServiceException)) throw error;
    return { requestId: error.$metadata.requestId ?? "", statuses: [], unprocessed: [], outcome: error.name };
  } finally {
    client.destroy();
  }
}

/** Usage of the first customer in the hour that is over, unless told otherwise. */
export function usage(meterhouse: Meterhouse, more: Partial<UsageRecord> = {}): UsageRecord {
  const now = meterhouse.clock.now().getTime();
  return {
    Timestamp: new Date(Math.floor(now / hour) * hour - hour),
    CustomerAWSAccountId: customers[0] ?? "",
    Dimension: "requests",
    Quantity: 5,
    ...more,
  };
}

/** The one finding of all checks. */
export async function onlyFinding(meterhouse: Meterhouse): Promise<Finding> {
  const { findings } = await meterhouse.doctor();
  expect(findings.map(({ check }) => check)).toHaveLength(1);
  return findings[0] ?? expect.fail("there is one");
}
