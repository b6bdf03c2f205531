/** Requests: both lists, the errors explained, and one call opened. */
import {
  BatchMeterUsageCommand,
  MarketplaceMeteringClient,
  ResolveCustomerCommand,
} from "@aws-sdk/client-marketplace-metering";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { demoAccounts, demoProducts, demoRoles } from "../../src/catalog/demo.ts";
import { isChromiumMissing } from "../support/chromium.ts";
import { openReader } from "./reader.ts";
import { type ConsoleHarness, seriousFindings, shot, startAt, startConsole } from "./support.ts";

const soon = { timeout: 15_000 };
const now = Date.parse(startAt);
const recordOf = (Quantity: number, Dimension: string, customer: string = demoAccounts.buyer) => ({
  ...{ Timestamp: new Date(now - 3_600_000), CustomerAWSAccountId: customer },
  ...{ Dimension, Quantity },
});
const batch = (UsageRecords: ReturnType<typeof recordOf>[]) =>
  new BatchMeterUsageCommand({ ProductCode: demoProducts.legacySaas, UsageRecords });

interface Ids {
  mixed: string;
  refused: string;
  token: string;
  stranger: string;
}

async function makeCalls(harness: ConsoleHarness): Promise<Ids> {
  const key = harness.meterhouse.credentials[demoRoles.seller];
  if (key === undefined) throw new Error("the demo has no seller's key");
  const common = { endpoint: harness.meterhouse.endpoint, region: "us-east-1", maxAttempts: 1 };
  const { accessKeyId, secretAccessKey } = key;
  const client = new MarketplaceMeteringClient({ ...common, credentials: { accessKeyId, secretAccessKey } });
  const stranger = new MarketplaceMeteringClient({
    ...common,
    credentials: { accessKeyId, secretAccessKey: "not-the-secret" },
  });
  const idOf = async (call: Promise<{ $metadata: { requestId?: string } }>): Promise<string> => {
    const { $metadata } = await call.catch((error: { $metadata: { requestId?: string } }) => error);
    return String($metadata.requestId);
  };
  await client.send(batch([recordOf(5, "hosts")]));
  const records = [recordOf(20, "ingested_gb"), recordOf(5, "hosts"), recordOf(6, "hosts")];
  return {
    mixed: await idOf(client.send(batch([...records, recordOf(1, "hosts", demoAccounts.newBuyer)]))),
    refused: await idOf(client.send(batch([recordOf(1, "no_such_one")]))),
    token: await idOf(client.send(new ResolveCustomerCommand({ RegistrationToken: "a-token-that-is-secret" }))),
    stranger: await idOf(stranger.send(batch([recordOf(2, "ingested_gb")]))),
  };
}

describe.skipIf(isChromiumMissing)("requests", { retry: 1 }, () => {
  let harness: ConsoleHarness;
  let ids: Ids;

  beforeAll(async () => {
    harness = await startConsole();
    ids = await makeCalls(harness);
  });
  afterEach(() => harness.closePages());
  afterAll(() => harness.close());
  const calls = (page: Page) => page.getByRole("grid", { name: "Calls", exact: true });

  test("the list is filtered by the address, and tells when nothing matches", async () => {
    const page = await harness.open("/requests");
    await calls(page).getByText("1 stored, 1 replayed, 1 duplicate, 1 not subscribed").waitFor();
    expect(await calls(page).getByRole("row").count()).toBe(5);
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "requests-light");

    const filter = page.getByRole("combobox", { name: /Find calls by outcome/ });
    await filter.fill("Outcome = refused");
    await filter.press("Enter");
    await expect.poll(() => calls(page).getByRole("row").count(), soon).toBe(3);
    expect(page.url()).toContain("outcome=refused");
    await page.goto(`${harness.meterhouse.endpoint}/console/requests?to=2026-08-14T00:00:00Z`);
    await page.getByText("No call matches").waitFor();
    await page.getByRole("button", { name: "Clear the filters" }).click();
    await calls(page).getByText("InvalidUsageDimensionException").waitFor();
    expect(page.url()).not.toContain("to=");
  });

  test("calls without a trail, and the errors explained, have tabs of their own", async () => {
    const page = await harness.open("/requests", { colorScheme: "dark" });
    await page.getByRole("tab", { name: "Without a trail" }).click();
    const untraced = page.getByRole("grid", { name: "Calls without a trail" });
    await untraced.getByText("InvalidSignatureException").waitFor();
    expect(page.url()).toContain("tab=untraced");
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "requests-untraced-dark");
    await untraced.getByRole("link", { name: ids.stranger }).click();
    await page.getByText("Check the secret access key, the sender's clock").waitFor();
    expect(await page.getByRole("tab", { name: "Records" }).count()).toBe(0);
    await page.getByRole("link", { name: "InvalidSignatureException explained" }).click();
    const errors = page.getByRole("grid", { name: "Errors" });
    await errors.getByText("InvalidSignatureException").waitFor();
    expect(await errors.getByRole("row").count()).toBe(2);
    expect(await seriousFindings(page)).toEqual([]);
    await page.getByRole("searchbox", { name: "Find errors" }).fill("");
    await errors.getByText("TimestampOutOfBoundsException").waitFor();
    await shot(page, "requests-errors-dark");
  });

  test("an accepted call shows its records, the exchange, the CloudTrail record and how to make it again", async () => {
    const page = await harness.open(`/requests/${ids.mixed}`);
    const records = page.getByRole("grid", { name: "Records", exact: true });
    await records.getByText("DuplicateRecord").waitFor();
    for (const text of ["Success, again", "CustomerNotSubscribed", "ingested_gb"]) {
      await records.getByText(text, { exact: true }).first().waitFor();
    }
    expect(await records.getByRole("row").count()).toBe(5);
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "request-records");
    await page.getByRole("tab", { name: "Request and answer" }).click();
    await page
      .getByLabel("Request: headers", { exact: true })
      .getByText("AWSMPMeteringService.BatchMeterUsage")
      .waitFor();
    await page.getByLabel("Answer: body", { exact: true }).getByText('"Status": "DuplicateRecord"').waitFor();
    expect(await page.getByLabel("Request: headers", { exact: true }).textContent()).not.toMatch(/Signature=/);
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "request-exchange");
    await page.getByRole("tab", { name: "CloudTrail record" }).click();
    await page.getByLabel("CloudTrail record", { exact: true }).getByText('"eventName": "BatchMeterUsage"').waitFor();
    await page.getByRole("tab", { name: "Make it again" }).click();
    await page.getByLabel("Command for AWS CLI", { exact: true }).getByText("batch-meter-usage").waitFor();
    await page.getByRole("button", { name: "Python (boto3)" }).click();
    await page.getByLabel("Command for Python (boto3)", { exact: true }).getByText("batch_meter_usage").waitFor();
    expect(page.url()).toContain("language=python");
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "request-replay");
  });

  test("a refused call is explained; what a planned fault changed is said; a token shows nowhere", async () => {
    const page = await openReader(harness, `/requests/${ids.refused}`);
    await page.getByText("The product has no such metered dimension.").waitFor();
    await page.getByText("Rules B-40").waitFor();
    await shot(page, "request-refused");
    await page.goto(`${harness.meterhouse.endpoint}/console/requests/${ids.token}?tab=replay`);
    const command = page.getByLabel("Command for AWS CLI", { exact: true });
    await command.getByText("$REGISTRATION_TOKEN").waitFor();
    await page.getByRole("tab", { name: "Request and answer" }).click();
    await page.getByLabel("Request: body", { exact: true }).waitFor();
    expect(await page.content()).not.toContain("a-token-that-is-secret");

    await harness.api("POST", "/faults", { kind: "throttle", operation: "BatchMeterUsage", times: 1 });
    const faulted = (await makeCalls(harness).catch((error: { $metadata: { requestId: string } }) => error)) as {
      $metadata: { requestId: string };
    };
    await page.goto(`${harness.meterhouse.endpoint}/console/requests/${faulted.$metadata.requestId}`);
    await page.getByText("A planned fault made or changed this answer").waitFor();
    await page.goto(`${harness.meterhouse.endpoint}/console/requests/no-such-call`);
    await page.getByText("This call is not known any more").waitFor();
  });

  test("an empty installation has empty lists that say so", async () => {
    await harness.meterhouse.reset();
    const page = await harness.open("/requests");
    await page.getByText("No calls yet").waitFor();
    await page.getByRole("tab", { name: "Without a trail" }).click();
    await page.getByText("No call was throttled or had a bad signature").waitFor();
    await shot(page, "requests-empty");
  });
});
