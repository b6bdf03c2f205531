/** The control plane as the server wires it: what the service plane did is seen here, and what is done here holds there. */
import { BatchMeterUsageCommand, MarketplaceMeteringClient } from "@aws-sdk/client-marketplace-metering";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Meterhouse, startMeterhouse } from "../../src/index.ts";
import type { Json } from "./harness.ts";

const product = "myproduct";
const buyer = "444455556666";
const key = { accessKeyId: "AKIAEXAMPLESELLER0", secretAccessKey: "example-secret" };
const catalog = {
  credentials: [{ ...key, account: "111122223333", kind: "iam-user" }],
  products: [
    {
      code: product,
      seller: "111122223333",
      type: "saas-subscription",
      createdAt: "2024-01-01T00:00:00Z",
      dimensions: ["requests"],
    },
  ],
  accounts: [{ id: buyer }],
};

let meterhouse: Meterhouse;
let client: MarketplaceMeteringClient;
beforeAll(async () => {
  meterhouse = await startMeterhouse({ catalog, now: "2026-08-15T10:20:00Z" });
  client = new MarketplaceMeteringClient({
    endpoint: meterhouse.endpoint,
    region: "us-east-1",
    credentials: key,
    maxAttempts: 1,
  });
});
afterAll(() => meterhouse.close());

async function call(method: string, path: string, body?: unknown): Promise<Json> {
  const response = await fetch(`${meterhouse.endpoint}/api/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${meterhouse.adminToken}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  expect(response.status).toBeLessThan(300);
  return response.status === 204 ? undefined : response.json();
}

const meter = async (Quantity: number, Timestamp: string) => {
  const answer = await client.send(
    new BatchMeterUsageCommand({
      ProductCode: product,
      UsageRecords: [{ CustomerAWSAccountId: buyer, Dimension: "requests", Quantity, Timestamp: new Date(Timestamp) }],
    }),
  );
  return answer.Results?.[0]?.Status;
};

test("a customer's life, driven by the control plane", async () => {
  const { id } = await call("POST", "/agreements", { product, buyer });
  await call("POST", "/clock/advance", { by: "2h" });
  expect(await meter(5, "2026-08-15T11:00:00Z")).toBe("Success");
  const { items } = await call("GET", `/metering-records?product=${product}&customer=${buyer}`);
  expect(items).toMatchObject([{ quantity: 5, hour: "2026-08-15T11:00:00.000Z", status: "billable" }]);
  await call("POST", `/agreements/${id}/cancel`);
  expect(await meter(6, "2026-08-15T12:00:00Z")).toBe("Success");
  await call("POST", "/clock/advance", { by: "61m" });
  expect(await meter(7, "2026-08-15T13:00:00Z")).toBe("CustomerNotSubscribed");
  const events = (await call("GET", "/events")).items.map(({ actor, action }: Json) => `${actor}: ${action}`);
  expect(events).toEqual([
    "clock: agreement.change",
    "root: clock.advance",
    "root: agreement.cancel",
    "root: clock.advance",
    "root: agreement.create",
    expect.stringMatching(/^catalog file: /),
  ]);
});

test("faults and switches hold from the next call on", async () => {
  await call("POST", "/clock/set", { to: "2026-08-16T10:20:00Z" });
  await call("POST", "/agreements", { product, buyer });
  await call("POST", "/clock/advance", { by: "1h" });
  await call("POST", "/faults", { kind: "throttle", operation: "BatchMeterUsage" });
  await expect(meter(1, "2026-08-16T10:30:00Z")).rejects.toMatchObject({ name: "ThrottlingException" });
  expect(await meter(1, "2026-08-16T10:30:00Z")).toBe("Success");
  await call("PATCH", "/settings", { identicalResend: "duplicate" });
  expect(await meter(1, "2026-08-16T10:30:00Z")).toBe("DuplicateRecord");
});
