/** Settings: switches, admin tokens, the list of changes, the catalogue as a file. */
import { readFileSync } from "node:fs";
import type { Locator, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { demoProducts } from "../../src/catalog/demo.ts";
import { isChromiumMissing } from "../support/chromium.ts";
import { openReader } from "./reader.ts";
import { type ConsoleHarness, seriousFindings, shot, startConsole } from "./support.ts";

interface Setting {
  readonly name: string;
  readonly value: unknown;
  readonly isDefault: boolean;
}

// One walk through a page is one test: a busy machine takes its time.
describe.skipIf(isChromiumMissing)("settings", { timeout: 90_000, retry: 1 }, () => {
  let harness: ConsoleHarness;

  beforeAll(async () => {
    harness = await startConsole();
  });
  afterEach(() => harness.closePages());
  afterAll(() => harness.close());

  const dialog = (page: Page): Locator => page.getByRole("dialog");
  const press = (place: Page | Locator, name: string): Promise<void> =>
    place.getByRole("button", { name, exact: true }).click();
  const changed = async (): Promise<Record<string, unknown>> => {
    const { items } = await harness.api<{ items: Setting[] }>("GET", "/settings");
    return Object.fromEntries(items.filter(({ isDefault }) => !isDefault).map(({ name, value }) => [name, value]));
  };

  test("switches are gathered, saved together, marked and reset", async () => {
    const page = await harness.open("/settings");
    await page.getByRole("radio", { name: /^2024/ }).check();
    await page.getByRole("spinbutton", { name: /^Tolerance for the future/ }).fill("86401");
    await page.getByRole("checkbox", { name: "Lenient numbers" }).check();
    await page.getByRole("button", { name: /^Rates/ }).click();
    await page.getByRole("option", { name: "Own rates" }).click();
    await page.getByLabel("Own rates, JSON").fill('{"default": {"BatchMeterUsage": 50}}');
    await press(page, "Save changes (4)");
    await page.getByText("Too big: expected number to be <=86400").waitFor();
    expect(await changed()).toEqual({});
    await page.getByRole("spinbutton", { name: /^Tolerance for the future/ }).fill("60");
    await press(page, "Save changes (4)");
    await page.getByText(/^Saved: /).waitFor();
    expect(await changed()).toEqual({
      revision: "2024",
      futureToleranceSec: 60,
      lenientNumbers: true,
      quotas: { default: { BatchMeterUsage: 50 } },
    });
    await page.getByRole("button", { name: "Save changes", exact: true }).waitFor();
    // The heading of the column, and four switches.
    expect(await page.getByText("Changed", { exact: true }).count()).toBe(5);
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "settings-light");
    await press(page, "Reset Rates");
    await press(page, "Reset Lenient numbers");
    await press(page, "Save changes (2)");
    await page.getByRole("button", { name: "Reset Rates" }).waitFor({ state: "detached" });
    expect(await changed()).toEqual({ revision: "2024", futureToleranceSec: 60 });
    await page.getByRole("radio", { name: /^2021/ }).check();
    await press(page, "Discard");
    expect(await page.getByRole("radio", { name: /^2024/ }).isChecked()).toBe(true);
  });

  test("an admin token is shown once, used, and revoked; the changes tell of it", async () => {
    const page = await harness.open("/settings?tab=tokens", { colorScheme: "dark" });
    await page.getByText("No admin tokens beside the root token").waitFor();
    await shot(page, "tokens-empty-dark");
    await press(page, "Create admin token");
    await dialog(page).getByLabel("Name").fill("clock");
    await press(dialog(page), "Create");
    await dialog(page).getByText("the server itself acts under this name").waitFor();
    await dialog(page).getByLabel("Name").fill("pipeline");
    await dialog(page)
      .getByRole("radio", { name: /^Change things/ })
      .check();
    await press(dialog(page), "Create");
    const line = await dialog(page).getByLabel("A call with the token", { exact: true }).textContent();
    const token = /Bearer ([^']+)'/.exec(line ?? "")?.[1] ?? "";
    await shot(page, "token-new-dark");
    await press(dialog(page), "I have copied it");
    expect(await page.content()).not.toContain(token);
    const asPipeline = (): Promise<Response> =>
      fetch(`${harness.meterhouse.endpoint}/api/v1/accounts`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: JSON.stringify({ name: "By the pipeline" }),
      });
    expect((await asPipeline()).status).toBe(201);
    await press(page, "Revoke pipeline");
    await press(dialog(page), "Revoke");
    await page.getByRole("button", { name: "Revoke pipeline" }).waitFor({ state: "detached" });
    expect((await asPipeline()).status).toBe(401);
    expect(await seriousFindings(page)).toEqual([]);
    await page.getByRole("link", { name: "Show changes by pipeline" }).click();
    await page.getByText("account.create").waitFor();
    expect(await page.getByText("admin-token.create").count()).toBe(0);
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "changes-dark");
  });

  test("the catalogue goes out as a file and comes in again; what is wrong with one is listed", async () => {
    const page = await harness.open("/settings?tab=catalogue");
    expect(await seriousFindings(page)).toEqual([]);
    const [download] = await Promise.all([page.waitForEvent("download"), press(page, "Download")]);
    expect(download.suggestedFilename()).toBe("catalog.yaml");
    const text = readFileSync(await download.path(), "utf8");
    expect(text).toContain(demoProducts.legacySaas);
    expect(text).not.toContain("secretAccessKey");

    const choose = (name: string, content: string): Promise<void> =>
      page
        .locator("input[type=file]")
        .setInputFiles({ name, mimeType: "application/yaml", buffer: Buffer.from(content) });
    await choose("wrong.yaml", "accounts:\n  - id: 12\nproducts: 3\n");
    await press(page, "Import");
    await page.getByText("/accounts/0/id").waitFor();
    await page.getByText(/^line 3, column/).waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "catalogue-problems-light");
    await choose("more.yaml", 'accounts:\n  - id: "909090909090"\n    name: From a file\n');
    await press(page, "Import");
    await page.getByText("The catalogue was read: 1 accounts.").waitFor();
    expect(await harness.api("GET", "/accounts/909090909090")).toMatchObject({ name: "From a file" });
  });

  test("a session that may only read sees the values and sets none", async () => {
    const page = await openReader(harness, "/settings");
    await page.getByText("Lenient numbers", { exact: true }).first().waitFor();
    expect(await page.getByRole("checkbox", { name: "Lenient numbers" }).isDisabled()).toBe(true);
    expect(await page.getByRole("button", { name: "Save changes" }).getAttribute("aria-disabled")).toBe("true");
    expect(await page.getByRole("button", { name: /^Reset/ }).count()).toBe(0);
    expect(await seriousFindings(page)).toEqual([]);
    await page.getByRole("tab", { name: "Catalogue" }).click();
    expect(await page.getByRole("checkbox", { name: "With secrets" }).isDisabled()).toBe(true);
    expect(await page.getByRole("button", { name: "Import" }).getAttribute("aria-disabled")).toBe("true");
  });
});
