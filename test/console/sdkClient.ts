/** The official SDK with the demo seller's key. */
import { BatchMeterUsageCommand, MarketplaceMeteringClient } from "@aws-sdk/client-marketplace-metering";
import { demoAccounts, demoProducts, demoRoles } from "../../src/catalog/demo.ts";
import type { Meterhouse } from "../../src/index.ts";

/** Does not send again what failed. */
export function demoSeller({ endpoint, credentials }: Meterhouse): MarketplaceMeteringClient {
  const { accessKeyId = "", secretAccessKey = "" } = credentials[demoRoles.seller] ?? {};
  return new MarketplaceMeteringClient({
    ...{ endpoint, region: "us-east-1", maxAttempts: 1 },
    credentials: { accessKeyId, secretAccessKey },
  });
}

/** One record of the demo's buyer, at an instant. */
export function demoBatch(at: string, quantity = 1): BatchMeterUsageCommand {
  return new BatchMeterUsageCommand({
    ProductCode: demoProducts.legacySaas,
    UsageRecords: [
      {
        Timestamp: new Date(at),
        CustomerAWSAccountId: demoAccounts.buyer,
        Dimension: "searches_1k",
        Quantity: quantity,
      },
    ],
  });
}
