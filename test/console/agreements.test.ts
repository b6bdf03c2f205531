/** The pages of agreements: making one, its life, its time line, its registration, what it grants. */
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { demoAccounts, demoProducts } from "../../src/catalog/demo.ts";
import { isChromiumMissing } from "../support/chromium.ts";
import { openReader } from "./reader.ts";
import { type ConsoleHarness, seriousFindings, shot, startConsole } from "./support.ts";

interface Agreement {
  readonly id: string;
  readonly product: string;
  readonly state: string;
}

const press = (page: Page, name: string | RegExp) =>
  page.getByRole("button", { name, exact: true }).filter({ visible: true }).last().click();
const dialog = (page: Page) => page.getByRole("dialog").filter({ visible: true });

async function act(page: Page, item: string, texts: readonly string[]): Promise<void> {
  await page.getByRole("button", { name: "Actions", exact: true }).click();
  await page.getByRole("menuitem", { name: item }).click();
  for (const text of texts) await dialog(page).getByText(text).first().waitFor();
}

const tab = (page: Page, name: string) => page.getByRole("tab", { name, exact: true }).click();

// A browser among many on a busy machine takes its time.
vi.setConfig({ testTimeout: 120_000 });

describe.skipIf(isChromiumMissing)("agreements", { retry: 1 }, () => {
  let harness: ConsoleHarness;
  const purchase = (product: string, more: object = {}): Promise<Agreement> =>
    harness.api<Agreement>("POST", "/agreements", { product, buyer: demoAccounts.newBuyer, ...more });

  beforeAll(async () => {
    harness = await startConsole();
  });
  afterEach(() => harness.closePages());
  afterAll(() => harness.close());

  test("are listed newest first, filtered by the address, and made by a form that tells what is wrong", async () => {
    const page = await harness.open(`/agreements?state=active&product=${demoProducts.contract}`);
    const table = page.getByRole("grid", { name: "Agreements" });
    await table.getByText("Example Shipping Co.").waitFor();
    expect(await table.getByRole("row").count()).toBe(2);
    expect(await seriousFindings(page)).toEqual([]);
    await page.getByRole("button", { name: /Clear/ }).first().click();
    await table.getByText("Sample Freight Ltd.").first().waitFor();
    expect(page.url()).not.toContain("state=");
    await shot(page, "agreements");

    await press(page, "Create agreement");
    await dialog(page).getByLabel("Product").fill("nosuchproduct");
    await page.keyboard.press("Escape");
    await dialog(page).getByLabel("Buyer").fill(demoAccounts.newBuyer);
    await press(page, "Create");
    await dialog(page).getByText("there is no product 'nosuchproduct'").first().waitFor();
    await dialog(page).getByLabel("Product").fill(demoProducts.contract);
    await dialog(page).getByRole("button", { name: /Offer/ }).click();
    await page.getByRole("option", { name: /100 users for a year/ }).click();
    await dialog(page).getByRole("radio", { name: "Pending" }).check();
    await shot(page, "agreement-create");
    expect(await seriousFindings(page)).toEqual([]);
    await press(page, "Create");
    await page.getByRole("heading", { level: 1, name: /^agmt-/ }).waitFor();
    await page.getByText("Accepted by the buyer").waitFor();
    expect(page.url()).toMatch(/\/agreements\/agmt-/);
  });

  test("live: activated, amended, announced", async () => {
    const { id } = await purchase(demoProducts.legacySaas, { pending: true });
    const page = await harness.open(`/agreements/${id}`);
    const state = (name: string) => page.getByText(name, { exact: true }).first().waitFor();
    await state("Pending");
    await page.getByText("Accepted, not paid yet.").waitFor();
    await act(page, "Activate", [
      "subscribe-success",
      "Purchase Agreement Created, License Updated",
      "BatchMeterUsage accepts",
    ]);
    await shot(page, "agreement-activate");
    expect(await seriousFindings(page)).toEqual([]);
    await press(page, "Activate");
    await state("Active");
    await page.getByRole("link", { name: "subscribe-success" }).waitFor();

    await act(page, "Amend its terms", []);
    await dialog(page).getByLabel("End of the term").fill("tomorrow");
    await press(page, "Amend");
    await dialog(page).getByText("not an ISO-8601 instant").first().waitFor();
    await dialog(page).getByLabel("End of the term").fill("2027-03-01T00:00:00Z");
    await press(page, "Amend");
    await page.getByText("Announcement of the end: 180 days before").waitFor();

    await act(page, "Announce an event", []);
    await dialog(page).getByRole("button", { name: /Event/ }).click();
    await page.getByRole("option", { name: "Agreement Cancellation Request Pending Approval" }).click();
    await dialog(page).getByLabel("Reason code").fill("TEST_AGREEMENT");
    await press(page, "Announce");
    await page.getByRole("link", { name: /Cancellation Request Pending Approval/ }).waitFor();
  });

  test("live: cancelled, counted down, ended, begun anew", async () => {
    const { id } = await purchase(demoProducts.legacySaas);
    const page = await harness.open(`/agreements/${id}`);
    const state = (name: string) => page.getByText(name, { exact: true }).first().waitFor();
    await act(page, "Cancel the agreement", ["unsubscribe-pending", "CustomerNotSubscribed"]);
    await press(page, "Cancel the agreement");
    await state("Final hour");
    await page.getByRole("timer", { name: "Left of the final hour" }).getByText("60 min 00 s").waitFor();
    await page.getByText("End of the final hour: no usage is accepted any more").waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "agreement-final-hour");
    await press(page, "Switch to dark colours");
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "agreement-final-hour-dark");

    await harness.api("POST", "/clock/advance", { by: "20m" });
    await page.getByRole("timer", { name: "Left of the final hour" }).getByText("40 min 00 s").waitFor();
    await act(page, "End at once", ["unsubscribe-success"]);
    await press(page, "End at once");
    await state("Ended");
    await act(page, "Resubscribe", ["after its end a new one starts"]);
    await press(page, "Resubscribe");
    await page.waitForURL((url) => !url.pathname.endsWith(id));
    await state("Active");
    await act(page, "Renew", ["Purchase Agreement Ended"]);
    await press(page, "Renew");
    await page.getByText("Follows on").waitFor();
  });

  test("the time line is filtered and turned round by the address", async () => {
    const { id } = await purchase(demoProducts.legacySaas, { pending: true });
    await harness.api("POST", `/agreements/${id}/fail-payment`, {});
    const page = await harness.open(`/agreements/${id}?kinds=state&order=oldest-first`);
    const table = page.getByRole("grid", { name: "Time line" });
    await table.getByText("Payment failed").first().waitFor();
    const rows = await table.getByRole("row").allTextContents();
    expect(rows.slice(1).map((row) => row.match(/Accepted by the buyer|Payment failed/)?.[0])).toEqual([
      "Accepted by the buyer",
      "Payment failed",
    ]);
    await page
      .getByRole("radio", { name: "Newest first" })
      .or(page.getByRole("button", { name: "Newest first" }))
      .first()
      .click();
    await expect.poll(() => page.url()).not.toContain("order=");
    await tab(page, "Changes");
    await page.getByRole("grid", { name: "Changes" }).getByText("agreement.fail-payment").waitFor();
    expect(page.url()).toContain("tab=changes");
  });

  test("a token is shown once, and its registration page is opened in another tab", async () => {
    const { id } = await purchase(demoProducts.contract);
    const page = await harness.open(`/agreements/${id}?tab=registration`);
    await press(page, "Issue a token");
    await page.getByText("It is shown here once.").waitFor();
    await shot(page, "agreement-registration");
    expect(await seriousFindings(page)).toEqual([]);
    const token = (await page.getByRole("region", { name: "Registration token" }).innerText()).trim();
    expect(token.length).toBeGreaterThan(50);
    const [seller] = await Promise.all([
      page.context().waitForEvent("page"),
      page.getByRole("button", { name: /Open the registration page/ }).click(),
    ]);
    await seller.waitForURL("**/sample-registration/**");
    await seller.getByText(demoAccounts.newBuyer).first().waitFor();
    await tab(page, "Time line");
    await page.getByText("Registration token resolved").waitFor();
    await tab(page, "Registration");
    expect(await page.getByText(token).count()).toBe(0);
  });

  test("entitlements are granted, changed and taken away", async () => {
    const { id } = await purchase(demoProducts.contract);
    const page = await harness.open(`/agreements/${id}?tab=entitlements`);
    const table = page.getByRole("grid", { name: "Entitlements" });
    await press(page, "Grant entitlement");
    await dialog(page).getByLabel("Value").fill("12");
    await dialog(page).getByText("entitlement-updated").waitFor();
    await press(page, "Grant");
    await table.getByRole("row").filter({ hasText: "users" }).getByText("12", { exact: true }).waitFor();
    await press(page, "Change users");
    await dialog(page).getByLabel("Value").fill("99999999999");
    await press(page, "Change");
    await dialog(page).getByText("whole numbers reach from").first().waitFor();
    await dialog(page).getByLabel("Value").fill("40");
    await press(page, "Change");
    await table.getByText("40", { exact: true }).waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "agreement-entitlements");
    await press(page, "Take away users");
    await press(page, "Take away");
    await page.getByText("The entitlement users was taken away.").waitFor();
  });

  test("who may only read sees what is and why nothing can be pressed", async () => {
    const { id } = await purchase(demoProducts.concurrentSaas);
    const page = await openReader(harness, `/agreements/${id}`);
    await page.getByText("Started", { exact: true }).first().waitFor();
    const actions = page.getByRole("button", { name: "Actions", exact: true });
    expect(await actions.getAttribute("aria-disabled")).toBe("true");
    await tab(page, "Registration");
    const issue = page.getByRole("button", { name: "Issue a token" });
    await issue.waitFor();
    expect(await issue.getAttribute("aria-disabled")).toBe("true");
    await page.goto(`${harness.meterhouse.endpoint}/console/agreements/agmt-nowhere`);
    await page.getByText("There is no such agreement").waitFor();
  });
});

describe.skipIf(isChromiumMissing)("an installation without agreements", { retry: 1 }, () => {
  test("says what to do first", async () => {
    const harness = await startConsole({ catalog: {} });
    try {
      const page = await harness.open("/agreements");
      await page.getByText("No agreements yet").waitFor();
      await page.getByRole("button", { name: "Create the first agreement" }).waitFor();
      await shot(page, "agreements-empty");
      expect(await seriousFindings(page)).toEqual([]);
      await harness.closePages();
    } finally {
      await harness.close();
    }
  });
});
