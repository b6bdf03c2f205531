/** Products: the list, the wizard, and everything that a product's page can do. */
import type { Locator, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { demoAccounts, demoProducts } from "../../src/catalog/demo.ts";
import { isChromiumMissing } from "../support/chromium.ts";
import { openReader } from "./reader.ts";
import { type ConsoleHarness, seriousFindings, shot, startConsole } from "./support.ts";

// One walk through a page is one test: a busy machine takes its time.
describe.skipIf(isChromiumMissing)("products", { timeout: 90_000, retry: 1 }, () => {
  let harness: ConsoleHarness;

  beforeAll(async () => {
    harness = await startConsole();
  });
  afterEach(() => harness.closePages());
  afterAll(() => harness.close());

  const dialog = (page: Page): Locator => page.getByRole("dialog");
  const press = (place: Page | Locator, name: string | RegExp): Promise<void> =>
    place.getByRole("button", { name, exact: true }).click();

  test("the list is filtered in its address and on the server, and leads to the products", async () => {
    const page = await harness.open("/products");
    await page.getByRole("link", { name: "Harbor Logs (SaaS, pay as you go)" }).waitFor();
    await shot(page, "products-light");
    expect(await seriousFindings(page)).toEqual([]);
    await page.getByLabel("Find products").fill("HARBORSCAN");
    await page.getByRole("link", { name: "Harbor Logs (SaaS, pay as you go)" }).waitFor({ state: "detached" });
    expect(new URL(page.url()).searchParams.get("search")).toBe("HARBORSCAN");
    await page.goto(`${harness.meterhouse.endpoint}/console/products?type=ami-fcp&seller=${demoAccounts.otherSeller}`);
    await page.getByText("No product matches").waitFor();
    await press(page, `Seller ${demoAccounts.otherSeller}`);
    await page.getByRole("link", { name: "Harbor Scan (AMI, custom metering)" }).click();
    await page.getByRole("heading", { level: 1, name: "Harbor Scan (AMI, custom metering)" }).waitFor();
    expect(new URL(page.url()).pathname).toBe(`/console/products/${demoProducts.ami}`);
  });

  test("the wizard makes a product of a new seller, and the server's words stand at their fields", async () => {
    const page = await harness.open("/products/new");
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "wizard-type-light");
    await page.getByRole("radio", { name: /^SaaS contract with consumption/ }).check();
    await press(page, "Next");
    await press(page, "Next");
    await page.getByText("Choose the account that publishes the product, or make a new one.").first().waitFor();
    await page.getByRole("radio", { name: "A new account" }).check();
    await page.getByLabel("Name of the account").fill("Wizard Software");
    await page.getByLabel("Title", { exact: true }).fill("Made by the wizard");
    await page.getByLabel(/^Product code/).fill(demoProducts.ami);
    await page.getByLabel(/^Registration URL/).fill("https://example.com/register");
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "wizard-details-light");
    await press(page, "Next");
    await page.getByText("At most 24.", { exact: false }).waitFor();
    await shot(page, "wizard-dimensions-light");
    await page.getByRole("textbox", { name: /^Name/ }).first().fill("requests");
    await page
      .getByRole("textbox", { name: /^Price/ })
      .first()
      .fill("0.12345");
    await page.getByRole("textbox", { name: /^Name/ }).nth(1).fill("seats");
    expect(await seriousFindings(page)).toEqual([]);
    await press(page, "Next");
    await press(page, "Next");
    await shot(page, "wizard-review-light");
    await press(page, "Create product");
    // The form of the price is looked at first; then the code, which is taken.
    await page.getByText("not a price in USD with at most three decimal places").waitFor();
    await shot(page, "wizard-errors-light");
    await page
      .getByRole("textbox", { name: /^Price/ })
      .first()
      .fill("0.125");
    await press(page, "Next");
    await press(page, "Next");
    await press(page, "Create product");
    await page.getByText(`There is a product '${demoProducts.ami}' already.`).waitFor();
    await page.getByLabel(/^Product code/).fill("wizardproduct");
    await press(page, "Next");
    await press(page, "Next");
    await press(page, "Next");
    await press(page, "Create product");
    await page.getByRole("heading", { level: 1, name: "Made by the wizard" }).waitFor();
    const product = await harness.api<Made>("GET", "/products/wizardproduct");
    expect(product).toMatchObject({
      type: "saas-contract-with-consumption",
      registrationUrl: "https://example.com/register",
      enabledRegions: ["us-east-1"],
      concurrentAgreementsOnly: true,
    });
    expect(product.dimensions.map(({ name, kind, price }) => [name, kind, price])).toEqual([
      ["requests", "metered", "0.125"],
      ["seats", "entitlement", undefined],
    ]);
    expect(await harness.api("GET", `/accounts/${product.seller}`)).toMatchObject({ name: "Wizard Software" });
    // One account, however often it was tried.
    const accounts = await harness.api<{ items: { name?: string }[] }>("GET", "/accounts");
    expect(accounts.items.filter(({ name }) => name === "Wizard Software")).toHaveLength(1);
  });

  test("a product is edited: words, dimensions, Regions, keys", async () => {
    const page = await harness.open(`/products/${demoProducts.containerHourly}`);
    await press(page, "Edit");
    await dialog(page).getByLabel("Title").fill(" ");
    await press(dialog(page), "Save");
    await dialog(page)
      .getByText(/not 1 to 255 characters/)
      .waitFor();
    await dialog(page).getByLabel("Title").fill("Harbor Gate II");
    await dialog(page).getByRole("radio", { name: "No, EventBridge events only" }).check();
    await press(dialog(page), "Save");
    await page.getByRole("heading", { level: 1, name: "Harbor Gate II" }).waitFor();

    await page.getByRole("tab", { name: /^Dimensions/ }).click();
    await press(page, "Add dimension");
    await dialog(page).getByLabel("Name").fill("pods!");
    await press(dialog(page), "Add");
    await dialog(page)
      .getByText(/not a dimension name of 1 to 15 letters/)
      .waitFor();
    await dialog(page).getByLabel("Name").fill("pods");
    await dialog(page).getByLabel("Price, USD").fill("0.5");
    await press(dialog(page), "Add");
    await press(page, "Edit pods");
    await dialog(page).getByLabel("Unit").fill("pod-hours");
    await press(dialog(page), "Save");
    await page.getByText("pod-hours", { exact: true }).waitFor();
    expect(await seriousFindings(page)).toEqual([]);

    await page.getByRole("tab", { name: /^Regions/ }).click();
    await press(page, "Edit");
    await dialog(page)
      .getByRole("button", { name: /Regions/ })
      .first()
      .click();
    await page.getByRole("option", { name: "eu-west-1", exact: true }).click();
    await page.keyboard.press("Escape");
    await press(dialog(page), "Save");
    await page.getByRole("tab", { name: "Regions (2)" }).waitFor();

    await page.getByRole("tab", { name: /^Public keys/ }).click();
    await press(page, "Add key version");
    await dialog(page).getByLabel("Private key").fill("no key");
    await press(dialog(page), "Add");
    await dialog(page).getByText("not a private key in PEM form without a passphrase").waitFor();
    await dialog(page).getByLabel("Private key").fill("");
    await press(dialog(page), "Add");
    await page.getByRole("tab", { name: "Public keys (3)" }).waitFor();
    await press(page, "Rotate out version 2");
    await press(dialog(page), "Rotate out");
    await page.getByRole("button", { name: "Rotate out version 2" }).waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Show PEM of version 3" }).click();
    await page.getByLabel("Public key, version 3", { exact: true }).getByText("-----BEGIN PUBLIC KEY-----").waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "product-keys-light");

    const product = await harness.api<Made>("GET", `/products/${demoProducts.containerHourly}`);
    expect(product).toMatchObject({
      sendsSns: false,
      enabledRegions: ["us-east-1", "eu-west-1"],
      keyVersions: [1, 2, 3],
    });
    expect(product.dimensions).toMatchObject([{ name: "pods", price: "0.5", unit: "pod-hours" }]);
  });

  test("offers and notification targets come and go", async () => {
    const page = await harness.open(`/products/${demoProducts.contract}?tab=offers`, { colorScheme: "dark" });
    await press(page, "Create offer");
    await dialog(page).getByLabel("Title").fill("Ten seats");
    await dialog(page).getByRole("radio", { name: "These buyers only (a private offer)" }).check();
    await dialog(page).getByLabel("Buyers", { exact: true }).fill("12");
    await dialog(page).getByLabel("Free trial, days").fill("3");
    await dialog(page).getByLabel("Grants users").fill("10");
    await press(dialog(page), "Create");
    await dialog(page)
      .getByText(/not an account id of 12 digits/)
      .waitFor();
    await shot(page, "offer-errors-dark");
    await dialog(page).getByLabel("Buyers", { exact: true }).fill(demoAccounts.buyer);
    await dialog(page).getByLabel("Free trial, days").fill("14");
    await press(dialog(page), "Create");
    await page.getByText("users = 10", { exact: true }).waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "product-offers-dark");
    const { items } = await harness.api<{ items: { id: string; title?: string }[] }>(
      "GET",
      `/offers?product=${demoProducts.contract}&buyer=${demoAccounts.buyer}`,
    );
    const offer = items.find(({ title }) => title === "Ten seats");
    expect(offer).toMatchObject({ buyers: [demoAccounts.buyer], freeTrialDays: 14 });
    await press(page, `Delete ${offer?.id}`);
    await press(dialog(page), "Delete");
    await page.getByText("users = 10", { exact: true }).waitFor({ state: "detached" });

    await page.getByRole("tab", { name: "Notifications" }).click();
    await press(page, "Create target");
    await dialog(page).getByLabel("Endpoint", { exact: true }).fill("nowhere");
    await press(dialog(page), "Create");
    await dialog(page).getByText("not an http or https URL").waitFor();
    // Nobody listens there.
    await dialog(page).getByLabel("Endpoint", { exact: true }).fill("http://127.0.0.1:9/notifications");
    await press(dialog(page), "Create");
    await press(page, "Confirm http://127.0.0.1:9/notifications");
    await dialog(page)
      .getByRole("radio", { name: /^Confirm it here/ })
      .check();
    await press(dialog(page), "Confirm");
    await page.getByText("Ready").waitFor();
    await page
      .getByRole("link", { name: /^\d+\+? notifications?$/ })
      .first()
      .waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "product-targets-dark");
    await press(page, "Delete http://127.0.0.1:9/notifications");
    await press(dialog(page), "Delete");
    await page.getByText("Notifications are kept and shown, but sent nowhere.", { exact: false }).waitFor();
    expect(await harness.api("GET", "/notification-targets")).toMatchObject({ items: [] });
  });

  test("what to paste names this server and the product", async () => {
    const page = await harness.open(`/products/${demoProducts.concurrentSaas}?tab=use&language=javascript`);
    await page.getByText(`export AWS_ENDPOINT_URL=${harness.meterhouse.endpoint}`).waitFor();
    await page.getByText("new BatchMeterUsageCommand").waitFor();
    await press(page, "AWS CLI");
    await page.getByText("aws meteringmarketplace batch-meter-usage").waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "product-use-light");
    expect(await page.getByRole("link", { name: /^Open the buyer/ }).getAttribute("href")).toBe(
      `/marketplace/${demoProducts.concurrentSaas}`,
    );
    await page.getByRole("tab", { name: "Overview" }).click();
    const usage = page.getByRole("link", { name: "Usage of this product" });
    expect(await usage.getAttribute("href")).toBe(`/console/usage?product=${demoProducts.concurrentSaas}`);
  });

  test("a product is deleted once its code was typed, unless something refers to it", async () => {
    await harness.api("POST", "/products", {
      code: "gone",
      title: "To go",
      seller: demoAccounts.seller,
      type: "ami-hourly",
    });
    const page = await harness.open(`/products/${demoProducts.ami}`, { colorScheme: "dark" });
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "product-overview-dark");
    await press(page, "Delete");
    expect(await dialog(page).getByRole("button", { name: "Delete" }).isDisabled()).toBe(true);
    await dialog(page)
      .getByLabel(/^To confirm/)
      .fill(demoProducts.ami);
    await press(dialog(page), "Delete");
    await dialog(page)
      .getByText(/refers to it/)
      .waitFor();
    await page.goto(`${harness.meterhouse.endpoint}/console/products/gone`);
    await press(page, "Delete");
    await dialog(page)
      .getByLabel(/^To confirm/)
      .fill("gone");
    await press(dialog(page), "Delete");
    await page.getByText("Product “To go” was deleted.").waitFor();
    await page.goto(`${harness.meterhouse.endpoint}/console/products/gone`);
    await page.getByText("There is no such product").waitFor();
  });

  test("a session that may only read sees everything and changes nothing", async () => {
    const page = await openReader(harness, "/products");
    const create = page.getByRole("button", { name: "Create product" });
    await create.waitFor();
    expect(await create.getAttribute("aria-disabled")).toBe("true");
    await page.goto(`${harness.meterhouse.endpoint}/console/products/${demoProducts.containerHourly}?tab=keys`);
    await page.getByText("Current").first().waitFor();
    expect(await page.getByRole("button", { name: /^Rotate out/ }).count()).toBe(0);
    for (const name of ["Delete", "Add key version"]) {
      expect(await page.getByRole("button", { name }).getAttribute("aria-disabled")).toBe("true");
    }
  });
});

describe.skipIf(isChromiumMissing)("an installation without products", { timeout: 90_000, retry: 1 }, () => {
  test("says what to do first", async () => {
    const harness = await startConsole({ catalog: {} });
    try {
      const page = await harness.open("/products", { colorScheme: "dark" });
      await press(page);
      await page.getByRole("heading", { name: "Type of product" }).waitFor();
      expect(await seriousFindings(page)).toEqual([]);
      await shot(page, "wizard-type-dark");
      await harness.closePages();
    } finally {
      await harness.close();
    }
  });

  async function press(page: Page): Promise<void> {
    const first = page.getByRole("button", { name: "Create the first product" });
    await first.waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "products-empty-dark");
    await first.click();
  }
});

interface Made {
  readonly seller: string;
  readonly dimensions: readonly { readonly name: string; readonly kind: string; readonly price?: string }[];
}
