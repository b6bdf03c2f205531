/** A day of usage of two customers, sent as sellers send it: with a gap, a zero, tags, and a dimension without a price. */
import { BatchMeterUsageCommand, MarketplaceMeteringClient } from "@aws-sdk/client-marketplace-metering";
import type { CatalogDocument } from "../../src/catalog/file.ts";
import type { Meterhouse } from "../../src/index.ts";

export const seller = "610000000001";
export const [alder, birch] = ["620000000001", "620000000002"] as const;
export const product = "logsproduct1234567890abcd";
/** Over and not metered by Alder; metered as zero by Alder. */
export const [missingHour, zeroHour] = ["2026-08-15T03:00:00.000Z", "2026-08-15T04:00:00.000Z"] as const;
/** From noon of the day before: two calls an hour would fall out of the window else. */
const firstHourAt = Date.parse("2026-08-14T12:00:00Z");
const hours = 22;
const hourMs = 3_600_000;
const batchMax = 25;

export const catalog: CatalogDocument = {
  accounts: [
    { id: seller, name: "Quayside" },
    { id: alder, name: "Alder" },
    { id: birch, name: "Birch" },
  ],
  credentials: [
    { account: seller, kind: "iam-user", accessKeyId: "AKIAUSAGESELLER00001", secretAccessKey: "usage-seller-secret" },
  ],
  products: [
    {
      ...{ code: product, seller, type: "saas-subscription", title: "Logs", createdAt: "now-900d" },
      concurrentAgreementsOnly: false,
      dimensions: [{ name: "gigabytes", price: "0.25", unit: "GB" }, { name: "hosts" }],
    },
  ],
  agreements: [alder, birch].map((buyer) => ({
    ...{ product, buyer, state: "active", acceptedAt: "2026-08-14T00:00:00Z", since: "2026-08-14T00:00:00Z" },
  })),
};

/** Records that were accepted. */
export async function meter({ endpoint }: Meterhouse): Promise<number> {
  const client = new MarketplaceMeteringClient({
    ...{ endpoint, region: "us-east-1" },
    credentials: { accessKeyId: "AKIAUSAGESELLER00001", secretAccessKey: "usage-seller-secret" },
  });
  const records = Array.from({ length: hours }, (_, index) => firstHourAt + index * hourMs).flatMap((at) =>
    [alder, birch].flatMap((customer) =>
      (["gigabytes", "hosts"] as const).map((dimension) => ({ at, customer, dimension })),
    ),
  );
  const isGap = ({ at, customer }: (typeof records)[number]): boolean =>
    customer === alder && at === Date.parse(missingHour);
  const sent = records
    .filter((record) => !isGap(record))
    .map(({ at, customer, dimension }) => {
      const Quantity = customer === alder && at === Date.parse(zeroHour) ? 0 : 10 * (1 + ((at / hourMs) % 12));
      const shares = [Quantity * 0.7, Quantity * 0.3].map(Math.round);
      const UsageAllocations = ["platform", "search"].map((Value, index) => ({
        AllocatedUsageQuantity: Number(shares[index]),
        Tags: [{ Key: "team", Value }],
      }));
      return {
        ...{ CustomerAWSAccountId: customer, Dimension: dimension, Timestamp: new Date(at + 60_000), Quantity },
        ...(dimension === "gigabytes" && Quantity > 0 ? { UsageAllocations } : {}),
      };
    });
  for (let start = 0; start < sent.length; start += batchMax) {
    const UsageRecords = sent.slice(start, start + batchMax);
    const { Results = [] } = await client.send(new BatchMeterUsageCommand({ ProductCode: product, UsageRecords }));
    const refused = Results.filter(({ Status }) => Status !== "Success");
    if (refused.length > 0) throw new Error(`not accepted: ${JSON.stringify(refused[0])}`);
  }
  return sent.length;
}
