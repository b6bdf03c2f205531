// AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY say where and who: no line here does.
import { BatchMeterUsageCommand, MarketplaceMeteringClient } from "@aws-sdk/client-marketplace-metering";

const client = new MarketplaceMeteringClient({});
const { Results, UnprocessedRecords } = await client.send(
  new BatchMeterUsageCommand({
    ProductCode: process.env.PRODUCT_CODE,
    UsageRecords: [
      {
        Timestamp: new Date(process.env.HOUR),
        CustomerAWSAccountId: process.env.CUSTOMER,
        Dimension: "gb",
        Quantity: 1,
      },
    ],
  }),
);
console.log(Results[0].Status, Results[0].MeteringRecordId, `${UnprocessedRecords.length} unprocessed`);
