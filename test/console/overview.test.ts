/** The overview: charts, live calls, findings, what is due, and what to do first. */
import { BatchMeterUsageCommand, MarketplaceMeteringClient } from "@aws-sdk/client-marketplace-metering";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { demoAccounts, demoProducts, demoRoles } from "../../src/catalog/demo.ts";
import { isChromiumMissing } from "../support/chromium.ts";
import { type ConsoleHarness, seriousFindings, shot, startAt, startConsole } from "./support.ts";

const hourMs = 3_600_000;
/** The page asks again two seconds after a call. */
const soon = { timeout: 15_000 };
const now = Date.parse(startAt);

function clientOf({ meterhouse }: ConsoleHarness): MarketplaceMeteringClient {
  const key = meterhouse.credentials[demoRoles.seller];
  if (key === undefined) throw new Error("the demo has no seller's key");
  return new MarketplaceMeteringClient({
    endpoint: meterhouse.endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: key.accessKeyId, secretAccessKey: key.secretAccessKey },
    maxAttempts: 1,
  });
}

const recordOf = (
  Quantity: number,
  hoursAgo: number,
  customer: string = demoAccounts.buyer,
  Dimension = "ingested_gb",
) => ({
  ...{ Timestamp: new Date(now - hoursAgo * hourMs), CustomerAWSAccountId: customer },
  ...{ Dimension, Quantity },
});

const batch = (UsageRecords: ReturnType<typeof recordOf>[]) =>
  new BatchMeterUsageCommand({ ProductCode: demoProducts.legacySaas, UsageRecords });

describe.skipIf(isChromiumMissing)("the overview", { retry: 1 }, () => {
  let harness: ConsoleHarness;
  let client: MarketplaceMeteringClient;

  beforeAll(async () => {
    harness = await startConsole({ settings: { quotas: "off" } });
    client = clientOf(harness);
  });
  afterEach(() => harness.closePages());
  afterAll(() => harness.close());

  test("before the first call it says what to do, with a command of a product that is there", async () => {
    const page = await harness.open();
    await page.getByRole("heading", { name: "First steps" }).waitFor();
    await page.getByText(`--cli-input-json '{"ProductCode":"${demoProducts.legacySaas}"`).waitFor();
    await page.getByText(`"CustomerAWSAccountId":"${demoAccounts.buyer}"`).waitFor();
    await page.getByText(`"Timestamp":${now / 1_000},`).waitFor();
    await page.getByText("No usage in this time", { exact: true }).waitFor();
    await page.getByText("No calls in this time", { exact: true }).waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "overview-first-steps");
  });

  test("calls show as they are answered, in the feed, the figures and the charts; the feed can be paused", async () => {
    const page = await harness.open();
    await page.getByText("No calls in this time", { exact: true }).waitFor();
    await client.send(
      batch([recordOf(20, 1), recordOf(35, 2), recordOf(11, 5), recordOf(4, 3, demoAccounts.newBuyer)]),
    );
    const feed = page.getByRole("table", { name: "Calls as they are answered" });
    await feed.getByText("Accepted").waitFor();
    await client.send(batch([recordOf(35, 2), recordOf(36, 1), recordOf(7, 4, undefined, "hosts")]));
    await client.send(batch([recordOf(1, 1, undefined, "no_such_one")])).catch(() => {});
    await feed.getByText("InvalidUsageDimensionException").waitFor();

    const figure = (label: string) => page.locator("dt", { hasText: label }).locator("xpath=following-sibling::dd");
    await expect.poll(() => figure("Calls accepted").first().textContent(), soon).toContain("2");
    await expect.poll(() => figure("Records stored").first().textContent(), soon).toBe("4");
    expect(await figure("Records replayed").first().textContent()).toBe("1");
    expect(await figure("Records duplicate").first().textContent()).toBe("1");
    expect(await figure("Records not subscribed").first().textContent()).toBe("1");
    expect(await figure("Calls refused").first().textContent()).toContain("1");
    await page.getByText("First steps").waitFor({ state: "detached" });
    await page.getByRole("application", { name: "Usage by dimension" }).waitFor();
    await page.getByText("ingested_gb").first().waitFor();
    await page.getByRole("application", { name: "Records by what became of them" }).waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "overview-light");

    await page.getByRole("button", { name: "Pause" }).click();
    await client.send(batch([recordOf(9, 6)]));
    await page.getByText("Paused; 1 came since").waitFor();
    expect(await feed.getByText("Accepted").count()).toBe(2);
    await page.getByRole("button", { name: "Go on" }).click();
    await expect.poll(() => feed.getByText("Accepted").count(), soon).toBe(3);
  });

  test("range, member and measure are in the address; a figure leads to its calls", async () => {
    const page = await harness.open("/?range=30d&usage=customer&measure=records", { colorScheme: "dark" });
    await page.getByRole("application", { name: "Usage by customer" }).waitFor();
    await page.getByText(demoAccounts.buyer).first().waitFor();
    await page.getByText("The doctor’s findings").waitFor();
    await page.getByRole("table", { name: "Due next" }).waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "overview-dark");
    await page.evaluate("window.scrollTo(0, 900)");
    await shot(page, "overview-dark-below");
    await page.getByRole("button", { name: "Last 7 days" }).click();
    expect(page.url()).toContain("range=7d");
    await page.getByRole("button", { name: "By dimension" }).click();
    await page.getByRole("application", { name: "Usage by dimension" }).waitFor();
    await page
      .locator("dt", { hasText: "Calls refused" })
      .locator("xpath=following-sibling::dd")
      .getByRole("link")
      .click();
    await page.getByRole("grid", { name: "Calls", exact: true }).getByText("InvalidUsageDimensionException").waitFor();
    expect(page.url()).toContain("outcome=refused");
  });
});

describe.skipIf(isChromiumMissing)("the overview of an empty installation", { retry: 1 }, () => {
  let harness: ConsoleHarness;

  beforeAll(async () => {
    harness = await startConsole({ catalog: {} });
  });
  afterEach(() => harness.closePages());
  afterAll(() => harness.close());

  test("begins with a product; a session that may only read is told why it cannot", async () => {
    const page = await harness.open();
    await page.getByRole("button", { name: "Create product" }).waitFor();
    await page.getByText("YOUR_PRODUCT_CODE").waitFor();
    await page.getByText("Nothing is due").waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "overview-empty");

    const { token } = await harness.api<{ token: string }>("POST", "/admin-tokens", { name: "visitor", role: "read" });
    const visitor = await harness.openStranger();
    await visitor.goto("about:blank");
    await visitor.goto(await harness.link(token));
    const create = visitor.getByRole("button", { name: "Create product" });
    await create.waitFor();
    expect(await create.getAttribute("aria-disabled")).toBe("true");
  });
});
