/** The pages of customers: accounts, and what one of them bought, holds, used and called. */
import { BatchMeterUsageCommand, MarketplaceMeteringClient } from "@aws-sdk/client-marketplace-metering";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { demoAccounts, demoProducts, demoRoles } from "../../src/catalog/demo.ts";
import { openReader } from "./reader.ts";
import { type ConsoleHarness, isChromiumMissing, seriousFindings, shot, startAt, startConsole } from "./support.ts";

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
