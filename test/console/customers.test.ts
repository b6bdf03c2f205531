/** The pages of customers: accounts, and what one of them bought, holds, used and called. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { BatchMeterUsageCommand, MarketplaceMeteringClient } from "@aws-sdk/client-marketplace-metering";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { demoAccounts, demoProducts, demoRoles } from "../../src/catalog/demo.ts";
import { isChromiumMissing } from "../support/chromium.ts";
import { openReader } from "./reader.ts";
import { type ConsoleHarness, seriousFindings, shot, startAt, startConsole } from "./support.ts";

const press = (page: Page, name: string) =>
  page.getByRole("button", { name, exact: true }).filter({ visible: true }).last().click();
const dialog = (page: Page) => page.getByRole("dialog").filter({ visible: true });
const grid = (page: Page, name: string) => page.getByRole("grid", { name });
const tab = (page: Page, name: string) => page.getByRole("tab", { name, exact: true }).click();

async function sendUsage({ meterhouse }: ConsoleHarness): Promise<void> {
  const key = meterhouse.credentials[demoRoles.seller];
  if (key === undefined) throw new Error("the demo has no seller's key");
  const client = new MarketplaceMeteringClient({
    ...{ endpoint: meterhouse.endpoint, region: "us-east-1" },
    credentials: { accessKeyId: key.accessKeyId, secretAccessKey: key.secretAccessKey },
  });
  const record = { Timestamp: new Date(startAt), CustomerAWSAccountId: demoAccounts.buyer };
  await client.send(
    new BatchMeterUsageCommand({
      ProductCode: demoProducts.legacySaas,
      UsageRecords: [{ ...record, Dimension: "ingested_gb", Quantity: 12 }],
    }),
  );
}

// A browser among many on a busy machine takes its time.
vi.setConfig({ testTimeout: 120_000 });

describe.skipIf(isChromiumMissing)("customers", { retry: 1 }, () => {
  let harness: ConsoleHarness;

  beforeAll(async () => {
    harness = await startConsole();
  });
  afterEach(() => harness.closePages());
  afterAll(() => harness.close());

  test("are found, made, renamed and suspended", async () => {
    const page = await harness.open("/customers?search=freight");
    const table = grid(page, "Customers");
    await table.getByText("Sample Freight Ltd.").waitFor();
    expect(await table.getByText("Example Shipping Co.").count()).toBe(0);
    await page.getByRole("searchbox", { name: "Find accounts" }).fill("4444");
    await table.getByText("Example Shipping Co.").waitFor();
    await expect.poll(() => page.url()).toContain("search=4444");
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "customers");

    await press(page, "Create account");
    await dialog(page).getByLabel("Name").fill("Alder & Co.");
    await dialog(page).getByLabel("Account id").fill("12");
    await press(page, "Create");
    await dialog(page).getByText("not an account id of 12 digits").first().waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await dialog(page).getByLabel("Account id").fill("121212121212");
    await press(page, "Create");
    await page.getByRole("heading", { level: 1, name: "Alder & Co." }).waitFor();
    await page.getByText("This account has bought nothing yet.").waitFor();

    await press(page, "Rename");
    await dialog(page).getByLabel("Name").fill("Alder Freight");
    await dialog(page).getByRole("button", { name: "Rename" }).click();
    await page.getByRole("heading", { level: 1, name: "Alder Freight" }).waitFor();
    await press(page, "Suspend");
    await dialog(page).getByText("CustomerNotSubscribed").waitFor();
    await dialog(page).getByRole("button", { name: "Suspend" }).click();
    await page.getByText("Its usage is refused").waitFor();
    await page.getByRole("button", { name: "Resume", exact: true }).waitFor();
  });

  test("one of them: agreements, licences, usage, entitlements, calls", async () => {
    await sendUsage(harness);
    const page = await harness.open(`/customers/${demoAccounts.buyer}`);
    await grid(page, "Agreements")
      .getByRole("link", { name: /Harbor Logs/ })
      .waitFor();
    await shot(page, "customer");
    expect(await seriousFindings(page)).toEqual([]);
    await tab(page, "Licences");
    await grid(page, "Licences")
      .getByText(/arn:aws:license-manager/)
      .first()
      .waitFor();
    await tab(page, "Usage");
    await grid(page, "Usage").getByText("ingested_gb").waitFor();
    await grid(page, "Usage").getByText("2026-08-15").first().waitFor();
    await tab(page, "Entitlements");
    await grid(page, "Entitlements").getByText("support_tier").waitFor();
    await press(page, "Switch to dark colours");
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "customer-dark");
    await tab(page, "Calls");
    await page.getByText("Signed calls are listed here as they come in.").waitFor();
    expect(page.url()).toContain("tab=calls");
  });

  test("a buyer's own event bus: a target, and what it is told", async () => {
    const endpoint = createServer((request, response) => {
      request.resume();
      response.writeHead(200).end();
    });
    await new Promise<void>((resolve) => endpoint.listen(0, "127.0.0.1", resolve));
    try {
      const url = `http://127.0.0.1:${(endpoint.address() as AddressInfo).port}/events`;
      const page = await harness.open(`/customers/${demoAccounts.newBuyer}`);
      await tab(page, "Notifications");
      await page.getByText("Nobody listens on the bus of this account.", { exact: false }).waitFor();
      await press(page, "Create target");
      expect(await dialog(page).getByText("SNS messages").count()).toBe(0);
      await dialog(page).getByLabel("Endpoint", { exact: true }).fill(url);
      await dialog(page).getByRole("button", { name: "Create" }).click();
      const targets = grid(page, "Notification targets");
      await targets.getByText("All that it buys").waitFor();
      await targets.getByText("Ready").waitFor();
      expect(await seriousFindings(page)).toEqual([]);
      await shot(page, "customer-targets");
      await harness.meterhouse.subscribe({ product: demoProducts.legacySaas, customer: demoAccounts.newBuyer });
      await page.getByRole("link", { name: "1 notification", exact: true }).click();
      const told = grid(page, "Notifications");
      await told.getByText(`Buyer ${demoAccounts.newBuyer}`).waitFor();
      await told.getByRole("link", { name: "Purchase Agreement Created - Acceptor" }).click();
      await page.getByRole("table", { name: "Deliveries" }).getByText(url).waitFor();
      const to = page.getByRole("link", { name: `Buyer ${demoAccounts.newBuyer}` });
      expect(await to.getAttribute("href")).toBe(`/console/customers/${demoAccounts.newBuyer}`);
      expect(await seriousFindings(page)).toEqual([]);
    } finally {
      endpoint.closeAllConnections();
      endpoint.close();
    }
  });

  test("who may only read sees them, and changes nothing", async () => {
    const page = await openReader(harness, `/customers/${demoAccounts.newBuyer}`);
    const rename = page.getByRole("button", { name: "Rename" });
    await rename.waitFor();
    expect(await rename.getAttribute("aria-disabled")).toBe("true");
    await page.goto(`${harness.meterhouse.endpoint}/console/customers`);
    await grid(page, "Customers").getByText("Sample Freight Ltd.").waitFor();
    expect(await page.getByRole("button", { name: /^Suspend/ }).count()).toBe(0);
    await page.goto(`${harness.meterhouse.endpoint}/console/customers/999999999999`);
    await page.getByText("There is no such account").waitFor();
  });
});

describe.skipIf(isChromiumMissing)("an installation without accounts", { retry: 1 }, () => {
  test("says what to do first", async () => {
    const harness = await startConsole({ catalog: {} });
    try {
      const page = await harness.open("/customers");
      await page.getByText("No accounts yet").waitFor();
      expect(await seriousFindings(page)).toEqual([]);
      await shot(page, "customers-empty");
      await page.goto(`${harness.meterhouse.endpoint}/console/workloads`);
      await page.getByText("No workloads yet").waitFor();
      expect(await seriousFindings(page)).toEqual([]);
      await harness.closePages();
    } finally {
      await harness.close();
    }
  });
});
