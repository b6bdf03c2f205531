/** The example of docs/library.md, run as it stands there. */
import {
  BatchMeterUsageCommand,
  MarketplaceMeteringClient,
  ResolveCustomerCommand,
} from "@aws-sdk/client-marketplace-metering";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type Meterhouse, startMeterhouse } from "../../src/index.ts";

const seller = { accessKeyId: "AKIAEXAMPLESELLER0", secretAccessKey: "example-secret" };
const catalog = {
  credentials: [{ ...seller, account: "111122223333", kind: "iam-user" }],
  products: [
    {
      code: "myproduct",
      seller: "111122223333",
      type: "saas-subscription",
      createdAt: "2024-01-01T00:00:00Z",
      dimensions: ["requests"],
    },
  ],
  accounts: [{ id: "444455556666", name: "A buyer" }],
};

let meterhouse: Meterhouse;
let client: MarketplaceMeteringClient;

beforeAll(async () => {
  meterhouse = await startMeterhouse({ catalog, now: "2026-08-15T10:20:00Z" });
  client = new MarketplaceMeteringClient({ endpoint: meterhouse.endpoint, region: "us-east-1", credentials: seller });
});
beforeEach(() => meterhouse.reset());
afterAll(() => meterhouse.close());

test("a customer is metered until the final hour is over", async () => {
  await meterhouse.subscribe({ product: "myproduct", customer: "444455556666" });
  const token = await meterhouse.issueToken({ product: "myproduct", customer: "444455556666" });
  const customer = await client.send(new ResolveCustomerCommand({ RegistrationToken: token }));
  const meter = async (Quantity: number) => {
    const answer = await client.send(
      new BatchMeterUsageCommand({
        ProductCode: "myproduct",
        UsageRecords: [
          {
            Timestamp: meterhouse.clock.now(),
            CustomerAWSAccountId: customer.CustomerAWSAccountId ?? "",
            Dimension: "requests",
            Quantity,
          },
        ],
      }),
    );
    return answer.Results?.[0]?.Status;
  };

  expect(await meter(5)).toBe("Success");
  expect(await meter(6)).toBe("DuplicateRecord");
  await meterhouse.marketplace.cancel({ product: "myproduct", customer: "444455556666" });
  await meterhouse.clock.advance("50m");
  expect(await meter(7)).toBe("Success");
  await meterhouse.clock.advance("15m");
  expect(await meter(8)).toBe("CustomerNotSubscribed");

  const records = await meterhouse.records();
  expect(records.map((record) => record.quantity)).toEqual([5, 7]);
});

test("a lost answer is safe to send again", async () => {
  await meterhouse.subscribe({ product: "myproduct", customer: "444455556666" });
  meterhouse.plan({ kind: "error", phase: "after-commit" });
  const answer = await client.send(
    new BatchMeterUsageCommand({
      ProductCode: "myproduct",
      UsageRecords: [
        { Timestamp: meterhouse.clock.now(), CustomerAWSAccountId: "444455556666", Dimension: "requests", Quantity: 5 },
      ],
    }),
  );
  expect(answer.$metadata.attempts).toBe(2);
  expect(answer.Results?.[0]?.Status).toBe("Success");
  expect(await meterhouse.records()).toHaveLength(1);
});

test("reset brings back the state at start", async () => {
  expect(await meterhouse.records()).toEqual([]);
  expect(meterhouse.clock.now().toISOString()).toBe("2026-08-15T10:20:00.000Z");
});
