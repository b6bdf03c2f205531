// This version reads region and keys from the environment, but no AWS_ENDPOINT_URL: the endpoint is given to the client.
const { MarketplaceMetering } = require("aws-sdk");

const client = new MarketplaceMetering({ endpoint: process.env.AWS_ENDPOINT_URL });
client
  .batchMeterUsage({
    ProductCode: process.env.PRODUCT_CODE,
    UsageRecords: [
      {
        Timestamp: new Date(process.env.HOUR),
        CustomerIdentifier: process.env.CUSTOMER_IDENTIFIER,
        Dimension: "gb",
        Quantity: 1,
      },
    ],
  })
  .promise()
  .then(({ Results, UnprocessedRecords }) => {
    console.log(Results[0].Status, Results[0].MeteringRecordId, `${UnprocessedRecords.length} unprocessed`);
  });
