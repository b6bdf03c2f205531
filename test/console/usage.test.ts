/** The page of the usage: records, sums, hours, files; and what it says where there is none. */
import { readFileSync } from "node:fs";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { isChromiumMissing } from "../support/chromium.ts";
import { openReader } from "./reader.ts";
import { type ConsoleHarness, seriousFindings, shot, startConsole } from "./support.ts";
import { alder, birch, catalog, meter, missingHour, product, zeroHour } from "./usageData.ts";

const press = (page: Page, name: string | RegExp) => page.getByRole("button", { name }).click();
const tab = (page: Page, name: string) => page.getByRole("tab", { name }).click();
const records = (page: Page) => page.getByRole("grid", { name: "Metering records" });
const param = (page: Page, name: string) => new URL(page.url()).searchParams.get(name);

async function savedBy(
  page: Page,
  act: () => Promise<void>,
): Promise<{ readonly name: string; readonly bytes: Buffer }> {
  const [download] = await Promise.all([page.waitForEvent("download"), act()]);
  return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
}

describe.skipIf(isChromiumMissing)("usage", { retry: 1 }, () => {
  let harness: ConsoleHarness;
  let count: number;

  beforeAll(async () => {
    harness = await startConsole({ catalog, settings: { quotas: "off" } });
    count = await meter(harness.meterhouse);
  });
  afterEach(() => harness.closePages());
  afterAll(() => harness.close());

  test("the newest hour comes first; pages are the server's; a record shows all of it and can be linked", async () => {
    const page = await harness.open("/usage");
    const rows = records(page).getByRole("row");
    await rows.nth(50).waitFor();
    expect(await rows.nth(1).innerText()).toContain("2026-08-15 09:00");
    await shot(page, "usage-records");
    await page.getByRole("button", { name: "Next page" }).click();
    await expect.poll(() => rows.count()).toBe(count - 50 + 1);
    await page.getByRole("button", { name: "Previous page" }).click();
    await records(page)
      .getByRole("link", { name: /^2026-08-15 09:00.*show the record/ })
      .first()
      .click();
    const dialog = page.getByRole("dialog", { name: "Metering record" });
    await dialog.getByText("MeteringRecordId", { exact: true }).waitFor();
    expect(param(page, "record")).toContain("2026-08-15T09");
    await page.goto(page.url());
    await dialog
      .getByRole("link", { name: alder })
      .or(dialog.getByRole("link", { name: birch }))
      .waitFor();
    await shot(page, "usage-record");
    const request = await dialog.getByRole("link").last().getAttribute("href");
    expect(request).toMatch(/^\/console\/requests\/[0-9a-f-]{36}$/);
    await dialog.getByRole("button", { name: "Close" }).last().click();
    await dialog.waitFor({ state: "hidden" });
    expect(param(page, "record")).toBe(null);
  });

  test("allocations of a record, with their tags", async () => {
    const page = await harness.open(`/usage?customer=${birch}&dimension=gigabytes&from=2026-08-15T09:00:00Z`);
    await records(page)
      .getByRole("link", { name: /show the record/ })
      .click();
    const dialog = page.getByRole("dialog", { name: "Metering record" });
    await dialog.getByText("team = platform").waitFor();
    await dialog.getByText("70.0 %").waitFor();
    expect(await seriousFindings(page)).toEqual([]);
  });

  test("the filter is in the address, takes days for instants, and says what is wrong", async () => {
    const page = await harness.open("/usage");
    const filter = page.getByRole("combobox", { name: "Find usage by its properties" });
    await filter.fill("Before (UTC) = 2026-08-15");
    await filter.press("Enter");
    await expect.poll(() => param(page, "to")).toBe("2026-08-15T00:00:00Z");
    await records(page).getByText("2026-08-14 23:00").first().waitFor();
    await page.getByRole("button", { name: /Time, by the business clock/ }).click();
    await page.getByRole("option", { name: "Today (UTC)" }).click();
    await expect.poll(() => param(page, "from")).toBe("2026-08-15T00:00:00Z");
    expect(param(page, "to")).toBe(null);
    await filter.fill("Dimension = none");
    await filter.press("Enter");
    await page.getByText("No record matches").waitFor();
    await press(page, "Clear the filter");
    await records(page).getByText("2026-08-15 09:00").first().waitFor();
    await filter.fill("From (UTC) = yesterday");
    await filter.press("Enter");
    await page
      .getByText(/not an ISO-8601 instant/)
      .first()
      .waitFor();
  });

  test("sums, by whatever is chosen, as a chart and a table", async () => {
    const page = await harness.open("/usage?tab=totals");
    const totals = page.getByRole("grid", { name: "Totals" });
    const sums = await harness.api<{ items: { quantity: number }[] }>("GET", "/usage?groupBy=day,dimension");
    const first = new Intl.NumberFormat("en-GB").format(sums.items[0]?.quantity ?? 0);
    await totals.getByText(first).first().waitFor();
    await page.getByRole("heading", { name: "Usage by day" }).waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "usage-totals");
    await page.getByRole("button", { name: /Group by/ }).click();
    await page.getByRole("option", { name: "Tag team" }).click();
    await totals.getByText("platform").first().waitFor();
    await totals.getByText("(untagged)").first().waitFor();
    expect(param(page, "by")).toBe("day,dimension,tag:team");
    await shot(page, "usage-totals-tags");
    await page.goto(`${harness.meterhouse.endpoint}/console/usage?tab=totals&by=customer`);
    await page.getByRole("heading", { name: "Largest totals" }).waitFor();
    await expect.poll(() => totals.getByRole("row").count()).toBe(3);
    await shot(page, "usage-totals-largest");
  });

  test("hours: what is missing is told apart from zero; keys move; an hour leads to its records", async () => {
    const page = await harness.open("/usage?tab=hours");
    const hour = (iso: string, series: string, what: string) =>
      page.getByRole("button", { name: `${iso.slice(0, 16).replace("T", " ")} UTC, ${series}: ${what}` });
    const missing = hour(missingHour, `${alder} · hosts`, "missing, no record came");
    expect(await missing.innerText()).toBe("✕");
    expect(await hour(zeroHour, `${alder} · hosts`, "0, a record of zero").innerText()).toBe("0");
    // The running hour is not over.
    expect(await hour("2026-08-15T10:00", `${alder} · hosts`, "no record, and none due").innerText()).toBe("·");
    await page.getByText("2 hours are missing").waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "usage-hours");

    await hour("2026-08-15T00:00", `${birch} · gigabytes`, "")
      .or(page.locator('[data-row="0"][data-hour="0"]'))
      .first()
      .focus();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowRight");
    expect(await page.evaluate("document.activeElement.dataset.row + '/' + document.activeElement.dataset.hour")).toBe(
      "1/1",
    );

    await page
      .locator("th")
      .getByRole("button", { name: `${alder} · hosts` })
      .click();
    await page.getByRole("heading", { name: `Hours of ${alder} · hosts` }).waitFor();
    // Hours of the day on which the agreement began, before the first record.
    await page.getByText("13 hours are missing").waitFor();
    await shot(page, "usage-hours-days");
    await hour(zeroHour, `${alder} · hosts`, "0, a record of zero").click();
    await expect.poll(() => records(page).getByRole("row").count()).toBe(2);
    expect([param(page, "customer"), param(page, "dimension"), param(page, "from"), param(page, "tab")]).toEqual([
      ...[alder, "hosts", zeroHour, null],
    ]);
  });

  test("an export of what the filter finds is counted and saved whole", async () => {
    const page = await harness.open(`/usage?customer=${alder}&from=2026-08-15T06:00:00Z`);
    await press(page, "Export");
    const dialog = page.getByRole("dialog", { name: "Export metering records" });
    const own = 8;
    await dialog.getByText(`${own} records match the filter.`).waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "usage-export");
    const csv = await savedBy(page, () => dialog.getByRole("button", { name: "Download" }).click());
    expect(csv.name).toBe("metering-records.csv");
    expect(csv.bytes.toString("utf8").trimEnd().split("\r\n")).toHaveLength(own + 1);
    await dialog.getByText(/metering-records.csv is whole/).waitFor();
    await dialog.getByRole("radio", { name: /Parquet/ }).click();
    const parquet = await savedBy(page, () => dialog.getByRole("button", { name: "Download" }).click());
    expect(parquet.bytes.subarray(-4).toString("latin1")).toBe("PAR1");
    await dialog
      .getByText(`meterhouse usage export --customer ${alder} --from 2026-08-15T06:00:00Z --output usage.parquet`)
      .waitFor();
  });

  test("dark, and a session that may only read", async () => {
    const page = await openReader(harness, `/usage?tab=hours&from=2026-08-15T00:00:00Z&customer=${alder}`);
    await press(page, "Switch to dark colours");
    await page.getByText("hours are missing").waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "usage-hours-dark");
    await tab(page, "Totals");
    await page.getByRole("grid", { name: "Totals" }).getByText("gigabytes").first().waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "usage-totals-dark");
    await tab(page, "Records");
    await records(page).getByText("2026-08-15 09:00").first().waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "usage-records-dark");
    await press(page, "Export");
    const file = await savedBy(page, () => page.getByRole("button", { name: "Download" }).click());
    expect(file.bytes.length).toBeGreaterThan(1_000);
  });

  test("an empty installation says what to do first, and usage appears by itself", async () => {
    await harness.meterhouse.reset({ catalog: {}, now: "2026-08-15T10:20:00Z" });
    const page = await harness.open("/usage");
    await page.getByRole("link", { name: "Create a product" }).waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "usage-empty");
    for (const name of ["Totals", "Hours"]) {
      await tab(page, name);
      await page.getByRole("link", { name: "Create a product" }).waitFor();
      await shot(page, `usage-empty-${name}`);
    }
    await harness.meterhouse.reset({ catalog, settings: { quotas: "off" }, now: "2026-08-15T10:20:00Z" });
    await tab(page, "Records");
    await page.reload();
    await page.getByText("Send it by BatchMeterUsage").waitFor();
    await meter(harness.meterhouse);
    await records(page).getByText(product).first().waitFor();
  });
});
