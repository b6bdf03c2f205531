/** The page of the reports: the bill of a month, files to save, the command that reconciles. */
import { readFileSync } from "node:fs";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { isChromiumMissing } from "../support/chromium.ts";
import { openReader } from "./reader.ts";
import { type ConsoleHarness, seriousFindings, shot, startConsole } from "./support.ts";
import { alder, catalog, meter, product, seller } from "./usageData.ts";

const press = (page: Page, name: string | RegExp) => page.getByRole("button", { name }).click();
const tab = (page: Page, name: string) => page.getByRole("tab", { name }).click();
const lines = (page: Page) => page.getByRole("grid", { name: "Lines" });
const param = (page: Page, name: string) => new URL(page.url()).searchParams.get(name);

async function csvBy(page: Page): Promise<{ readonly name: string; readonly rows: readonly string[] }> {
  const [download] = await Promise.all([page.waitForEvent("download"), press(page, "Download CSV")]);
  const text = readFileSync(await download.path(), "utf8");
  await page.getByText(`${download.suggestedFilename()} is whole`).waitFor();
  return { name: download.suggestedFilename(), rows: text.trimEnd().split("\r\n") };
}

describe.skipIf(isChromiumMissing)("reports", { retry: 1 }, () => {
  let harness: ConsoleHarness;

  beforeAll(async () => {
    harness = await startConsole({ catalog, settings: { quotas: "off" } });
    await meter(harness.meterhouse);
  });
  afterEach(() => harness.closePages());
  afterAll(() => harness.close());

  test("the bill of a month: total, lines, what has no price; filtered, and saved", async () => {
    const bill = await harness.api<{ total: string }>("GET", "/reports/bill?month=2026-08");
    const page = await harness.open("/reports");
    await page.getByText(`${bill.total.replace(/\B(?=(\d{3})+\.)/g, ",")} USD`).waitFor();
    await page.getByText("2026-09-02").waitFor();
    await page.getByText("2 lines have a dimension without a price in the catalogue").waitFor();
    await lines(page).getByText("No price").first().waitFor();
    expect(await lines(page).getByRole("row").count()).toBe(5);
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "reports-bill");
    const file = await csvBy(page);
    expect([file.name, file.rows.length]).toEqual(["bill-2026-08.csv", 5]);

    const filter = page.getByRole("combobox", { name: "All products and customers" });
    await filter.fill(`Customer = ${alder}`);
    await filter.press("Enter");
    await expect.poll(() => lines(page).getByRole("row").count()).toBe(3);
    expect(param(page, "customer")).toBe(alder);
    await press(page, /^Month/);
    await page.getByRole("option", { name: "July 2026" }).click();
    await page.getByText("There is none in July 2026.").waitFor();
    expect(param(page, "month")).toBe("2026-07");
    await press(page, "Clear the filter");
    await page.getByText("No usage in July 2026").waitFor();
  });

  test("a bill that takes its time says why, and shows no other month's total meanwhile", async () => {
    const page = await harness.open("/reports?month=2026-08");
    await page.getByText(/^\d[\d,.]* USD$/).waitFor();
    let release = (): void => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    await page.route("**/reports/bill?*2026-07*", async (route) => {
      await released;
      await route.continue();
    });
    await press(page, /^Month/);
    await page.getByRole("option", { name: "July 2026" }).click();
    await page.getByText("Adding up July 2026.").waitFor();
    expect(await page.getByText(/^\d[\d,.]* USD$/).count()).toBe(0);
    expect(await seriousFindings(page)).toEqual([]);
    release();
    await page.getByText("0.00 USD").waitFor();
    expect(await page.getByText("Adding up July 2026.").count()).toBe(0);
  });

  test("the daily report of a day, and a day that there is not", async () => {
    const page = await harness.open("/reports?tab=daily");
    expect(await page.getByRole("textbox", { name: "Day (UTC)" }).inputValue()).toBe("2026/08/14");
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "reports-daily");
    const file = await csvBy(page);
    expect([file.name, file.rows.length]).toEqual(["daily-business-2026-08-14.csv", 5]);
    await page.goto(`${harness.meterhouse.endpoint}/console/reports?tab=daily&date=1969-01-01`);
    await press(page, "Download CSV");
    await page.getByText(/before 1970/).waitFor();
  });

  test("feeds: whether the month was invoiced, and the file", async () => {
    const page = await harness.open("/reports?tab=feeds&month=2026-09");
    await page.getByText(/The usage of August 2026 is invoiced on 2026-09-02/).waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "reports-feeds");
    expect((await csvBy(page)).rows).toHaveLength(1);
    await page.getByRole("radio", { name: /^account/ }).click();
    await press(page, /^Month/);
    await page.getByRole("option", { name: "August 2026" }).click();
    await page.getByRole("combobox", { name: /Seller/ }).fill(seller);
    // The list of accounts lies over the button until one is chosen.
    await page.keyboard.press("Enter");
    await page
      .getByText(`meterhouse report feed account --month 2026-08 --seller ${seller} --bucket ./feeds`)
      .waitFor();
    const file = await csvBy(page);
    expect([file.name, file.rows.length]).toEqual(["account_v1-2026-08.csv", 4]);
  });

  test("reconciling is the command line's: the command is there to be copied", async () => {
    const page = await harness.open(`/reports?tab=reconcile&product=${product}`);
    await page
      .getByText(
        `meterhouse usage reconcile my-usage.csv --month 2026-08 --product ${product} --output differences.csv`,
      )
      .waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "reports-reconcile");
  });

  test("dark, and a session that may only read", async () => {
    const page = await openReader(harness, "/reports");
    await press(page, "Switch to dark colours");
    await lines(page).getByText("No price").first().waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "reports-bill-dark");
    expect((await csvBy(page)).rows).toHaveLength(5);
    for (const name of ["Daily business report", "Data feeds", "Reconcile"]) {
      await tab(page, name);
      await page.getByRole("heading", { name, level: 2 }).waitFor();
      expect(await seriousFindings(page)).toEqual([]);
    }
    await shot(page, "reports-reconcile-dark");
  });

  test("an empty installation", async () => {
    await harness.meterhouse.reset({ catalog: {}, now: "2026-08-15T10:20:00Z" });
    const page = await harness.open("/reports");
    await page.getByText("No usage in August 2026").waitFor();
    await page.getByText("0.00 USD").waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "reports-empty");
    expect((await csvBy(page)).rows).toHaveLength(1);
  });
});
