/** Metrics: what an operator sees of calls, commits and the outbox; who may read them. */
import { BatchMeterUsageCommand, MarketplaceMeteringClient } from "@aws-sdk/client-marketplace-metering";
import { afterAll, beforeAll, expect, test } from "vitest";
import { demoAccounts, demoProducts, demoRoles } from "../../src/catalog/demo.ts";
import { type Meterhouse, startMeterhouse } from "../../src/index.ts";
import { startControl } from "../control/harness.ts";

let meterhouse: Meterhouse;
beforeAll(async () => {
  meterhouse = await startMeterhouse({ now: "2026-08-15T10:20:00Z" });
});
afterAll(() => meterhouse.close());

async function meter(quantity: number, code: string = demoProducts.legacySaas): Promise<unknown> {
  const credentials = meterhouse.credentials[demoRoles.seller];
  if (credentials === undefined) throw new Error("no demo seller");
  const client = new MarketplaceMeteringClient({
    endpoint: meterhouse.endpoint,
    region: "us-east-1",
    credentials: { ...credentials },
  });
  const record = {
    Timestamp: new Date("2026-08-15T09:30:00Z"),
    CustomerAWSAccountId: demoAccounts.buyer,
    Dimension: "hosts",
    Quantity: quantity,
  };
  return client.send(new BatchMeterUsageCommand({ ProductCode: code, UsageRecords: [record] })).catch((error) => error);
}

/** Value of a metric with these labels; 0 where it is not there. */
function metric(text: string, name: string): number {
  const line = text.split("\n").find((one) => one.startsWith(`${name} `));
  return line === undefined ? 0 : Number(line.split(" ").at(-1));
}

test("calls by operation and outcome, commits with their groups", async () => {
  await meter(1);
  await meter(1, "nosuchproduct");
  const answer = await fetch(`${meterhouse.endpoint}/metrics`);
  expect(answer.headers.get("content-type")).toMatch(/^text\/plain/);
  const text = await answer.text();
  expect(metric(text, 'meterhouse_calls_total{operation="BatchMeterUsage",outcome="Success"}')).toBe(1);
  expect(
    metric(text, 'meterhouse_calls_total{operation="BatchMeterUsage",outcome="InvalidProductCodeException"}'),
  ).toBe(1);
  expect(metric(text, 'meterhouse_call_seconds_count{operation="BatchMeterUsage"}')).toBe(2);
  expect(metric(text, "meterhouse_commit_seconds_count")).toBeGreaterThan(0);
  expect(metric(text, "meterhouse_commit_group_size_count")).toBe(metric(text, "meterhouse_commit_seconds_count"));
  expect(metric(text, "meterhouse_commit_failures_total")).toBe(0);
  expect(text).toContain("meterhouse_outbox_lag_seconds");
  expect(text).toContain("nodejs_eventloop_lag_seconds");
});

test("a caller's text becomes no label", async () => {
  await fetch(meterhouse.endpoint, {
    method: "POST",
    headers: { "x-amz-target": 'AWSMPMeteringService.Evil"} 1', "content-type": "application/x-amz-json-1.1" },
    body: "{}",
  });
  const text = await (await fetch(`${meterhouse.endpoint}/metrics`)).text();
  expect(text).not.toContain("Evil");
  expect(text).toMatch(/meterhouse_calls_total\{operation="other",outcome="\w+"\} 1/);
});

test("under /api/v1 they need a token, and so they do at /metrics beyond loopback", async () => {
  expect((await fetch(`${meterhouse.endpoint}/api/v1/metrics`)).status).toBe(401);
  const authorization = `Bearer ${meterhouse.adminToken}`;
  const answer = await fetch(`${meterhouse.endpoint}/api/v1/metrics`, { headers: { authorization } });
  expect(await answer.text()).toContain("meterhouse_info");

  // A router without open metrics, as a server that listens beyond loopback has it.
  const control = await startControl({ metrics: { text: async () => "some 1\n", contentType: "text/plain" } });
  try {
    expect((await fetch(`${control.url}/metrics`)).status).toBe(401);
    const known = await fetch(`${control.url}/metrics`, { headers: { authorization: "Bearer root-token-for-tests" } });
    expect(await known.text()).toBe("some 1\n");
  } finally {
    await control.close();
  }
});
