/** The official SDK against a real server, and what the audit trail and the ledger then hold. */
import * as sdk from "@aws-sdk/client-marketplace-metering";
import type { CloudTrailRecord } from "../../src/index.ts";
import { buyers, type KeyName, keys, products, startAt } from "../support/catalog.ts";
import type { Wire } from "../support/wireClient.ts";

export function sdkClient(
  wire: Wire,
  key: KeyName = "seller",
  options: Partial<sdk.MarketplaceMeteringClientConfig> = {},
): sdk.MarketplaceMeteringClient {
  const credential = wire.meterhouse.credentials[keys[key]];
  if (credential === undefined) throw new Error(`no key ${key}`);
  const { accessKeyId, secretAccessKey, sessionToken } = credential;
  return new sdk.MarketplaceMeteringClient({
    endpoint: wire.meterhouse.endpoint,
    region: "us-east-1",
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) },
    ...options,
  });
}

/** One record of alder's, changed by `fields`, and further ones. */
export function batch(fields: Partial<sdk.UsageRecord> = {}, more: readonly Partial<sdk.UsageRecord>[] = []) {
  const record: sdk.UsageRecord = {
    Timestamp: new Date(startAt),
    CustomerAWSAccountId: buyers.alder.account,
    Dimension: "searches",
    Quantity: 1,
  };
  return new sdk.BatchMeterUsageCommand({
    ProductCode: products.logs,
    UsageRecords: [fields, ...more].map((one) => ({ ...record, ...one })),
  });
}

export interface Failure {
  readonly name: string;
  readonly message: string;
  readonly attempts: number | undefined;
  readonly status: number | undefined;
  readonly code: string | undefined;
}

/** What a user's catch block gets. */
export async function failureOf(calling: Promise<unknown>): Promise<Failure> {
  try {
    await calling;
  } catch (error) {
    const { name, message, code, $metadata } = error as Error &
      Partial<sdk.MarketplaceMeteringServiceException> & {
        readonly code?: string;
      };
    return { name, message, code, attempts: $metadata?.attempts, status: $metadata?.httpStatusCode };
  }
  throw new Error("The call was answered.");
}

/** The calls in the trail, oldest first: their outcome and the kinds of faults that hit them. */
export async function trailOf(wire: Wire): Promise<readonly string[]> {
  const records = await wire.meterhouse.cloudTrail();
  return records.map((record) => [record.errorCode ?? "Success", ...marksOf(record)].join(" ")).toReversed();
}

export function marksOf({ additionalEventData }: CloudTrailRecord): readonly string[] {
  const marks = (additionalEventData?.meterhouseFault ?? []) as readonly { kind: string; phase?: string }[];
  return marks.map(({ kind, phase }) => (phase === undefined ? kind : `${kind}/${phase}`));
}
