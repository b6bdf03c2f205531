/** The doctor's page: it looks when it is told to, and says what it found. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { demoProducts } from "../../src/catalog/demo.ts";
import { checks } from "../../src/doctor/checks/index.ts";
import { isChromiumMissing } from "../support/chromium.ts";
import { openReader } from "./reader.ts";
import { demoBatch, demoSeller } from "./sdkClient.ts";
import { type ConsoleHarness, seriousFindings, shot, startAt, startConsole } from "./support.ts";

describe.skipIf(isChromiumMissing)("the doctor", { retry: 1 }, () => {
  let harness: ConsoleHarness;

  beforeAll(async () => {
    harness = await startConsole({ settings: { quotas: "off" } });
    // Answered with UnprocessedRecords, and never sent again.
    harness.meterhouse.plan({ kind: "unprocessed", records: [0] });
    await demoSeller(harness.meterhouse).send(demoBatch(startAt, 5));
    await harness.meterhouse.clock.advance("30h");
  });
  afterEach(() => harness.closePages());
  afterAll(() => harness.close());

  test("findings: what is lost, what to change, and the requests that show it", async () => {
    const page = await harness.open("/doctor");
    await page.getByText("Calls from 2026-08-09 16:20 UTC, in business time").waitFor();
    await page.getByText("The doctor has not looked yet").waitFor();
    await shot(page, "doctor-before");
    await page.getByRole("button", { name: "Run the doctor" }).click();
    await page.getByText("Lost revenue", { exact: true }).first().waitFor();
    await page
      .getByText(/never arrived later/)
      .first()
      .waitFor();
    await page.getByText("5 searches_1k").waitFor();
    const { items } = await harness.api<{ items: { requestId: string }[] }>("GET", "/calls");
    const link = page.getByRole("link", { name: items[0]?.requestId ?? "" }).first();
    expect(await link.getAttribute("href")).toBe(`/console/requests/${items[0]?.requestId}`);
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "doctor");
    await page.getByRole("button", { name: /^Double billing \(0\)/ }).click();
    await page.getByText("Nothing of this severity").waitFor();
    expect(page.url()).toContain("severity=double-billing");
    // Kept: another view and back, and it is still there.
    await page.getByRole("link", { name: "Clock", exact: true }).click();
    await page.getByRole("heading", { level: 1, name: "Clock" }).waitFor();
    await page.getByRole("link", { name: "Doctor", exact: true }).click();
    await page
      .getByText(/never arrived later/)
      .first()
      .waitFor();
  });

  test("the checklist has ticks, evidence and hints", async () => {
    const page = await harness.open("/doctor?tab=checklist", { colorScheme: "dark" });
    await page.getByRole("button", { name: "Run the doctor" }).click();
    await page.getByRole("heading", { level: 2, name: /^Metering/ }).waitFor();
    await page.getByText("Not yet").first().waitFor();
    await page.getByText("Look yourself").first().waitFor();
    await page.getByText("Seen", { exact: true }).first().waitFor();
    await page.getByRole("button", { name: "1 time", exact: true }).first().click();
    await page
      .getByRole("link", { name: /^[0-9a-f-]{36}$/ })
      .first()
      .waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "doctor-checklist-dark");
  });

  test("filters are in the address, and what is wrong with them stands at their fields", async () => {
    const page = await harness.open("/doctor?from=2026-08-16T12:00:00Z&to=yesterday");
    await page.getByRole("button", { name: "Run the doctor" }).click();
    await page
      .getByText(/not an ISO-8601 instant/)
      .first()
      .waitFor();
    await page.getByRole("textbox", { name: "To", exact: true }).fill("2026-08-16T13:00:00Z");
    await page.keyboard.press("Enter");
    await page.waitForURL(/to=2026-08-16T13/);
    await page.getByRole("button", { name: "Run the doctor" }).click();
    await page.getByText("There are no calls to judge by").waitFor();
    await page.goto(
      `${harness.meterhouse.endpoint}/console/doctor?last=90d&product=${demoProducts.legacySaas}&caller=nobody`,
    );
    await page.getByRole("button", { name: "Run the doctor" }).click();
    await page.getByText("There are no calls to judge by").waitFor();
  });

  test("a run can be given up", async () => {
    const page = await harness.open("/doctor");
    // The answer waits until the test lets it go.
    let letGo = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    await page.route("**/api/v1/doctor?*", async (route) => {
      await held;
      await route.abort();
    });
    await page.getByRole("button", { name: "Run the doctor" }).click();
    await page.getByText(/Looking at the calls from/).waitFor();
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByText("The doctor has not looked yet").waitFor();
    letGo();
  });

  test("what it looks for, and the commands for elsewhere; reading is enough", async () => {
    const page = await openReader(harness, "/doctor?tab=checks");
    for (const { name, about } of [checks[0], checks.at(-1)].filter((check) => check !== undefined)) {
      await page
        .getByRole("cell", { name, exact: true })
        .or(page.getByRole("rowheader", { name, exact: true }))
        .waitFor();
      await page.getByText(about).waitFor();
    }
    await page.getByRole("tab", { name: "On AWS’s logs and in CI" }).click();
    await page.getByText(/meterhouse doctor --cloudtrail logs\//).waitFor();
    await page.getByText(/--fail-on risk --json/).waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "doctor-commands");
    await page.getByRole("button", { name: "Run the doctor" }).click();
    await page.getByText(/checks, made at/).waitFor();
  });
});
