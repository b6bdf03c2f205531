/** Credentials: made with the secret shown once, found, and deleted. */
import { MarketplaceMeteringClient, ResolveCustomerCommand } from "@aws-sdk/client-marketplace-metering";
import type { Locator, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { demoAccounts } from "../../src/catalog/demo.ts";
import { isChromiumMissing } from "../support/chromium.ts";
import { openReader } from "./reader.ts";
import { type ConsoleHarness, seriousFindings, shot, startConsole } from "./support.ts";

// One walk through a page is one test: a busy machine takes its time.
describe.skipIf(isChromiumMissing)("credentials", { timeout: 90_000, retry: 1 }, () => {
  let harness: ConsoleHarness;

  beforeAll(async () => {
    harness = await startConsole();
  });
  afterEach(() => harness.closePages());
  afterAll(() => harness.close());

  const dialog = (page: Page): Locator => page.getByRole("dialog");
  const press = (place: Page | Locator, name: string): Promise<void> =>
    place.getByRole("button", { name, exact: true }).click();

  test("a new key signs calls; its secret is shown once and told nowhere else", async () => {
    const page = await harness.open(`/credentials?account=${demoAccounts.seller}`);
    await press(page, "Create credential");
    await dialog(page).getByLabel("User name").fill("metering at night");
    await press(dialog(page), "Create");
    await dialog(page)
      .getByText(/not a user or role name/)
      .waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "credential-create-light");
    await dialog(page).getByLabel("User name").fill("metering-at-night");
    await press(dialog(page), "Create");
    const lines = await dialog(page).getByLabel("Lines to paste", { exact: true }).textContent();
    const read = (name: string): string => new RegExp(`export ${name}='([^']+)'`).exec(lines ?? "")?.[1] ?? "";
    expect(lines).toContain("unset AWS_SESSION_TOKEN");
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "credential-new-light");
    await press(dialog(page), "AWS profile");
    await dialog(page).getByText("[profile meterhouse]").waitFor();
    await press(dialog(page), "I have copied it");
    await page.getByText("metering-at-night").waitFor();
    expect(await page.content()).not.toContain(read("AWS_SECRET_ACCESS_KEY"));

    const client = new MarketplaceMeteringClient({
      endpoint: read("AWS_ENDPOINT_URL"),
      region: read("AWS_REGION"),
      credentials: {
        accessKeyId: read("AWS_ACCESS_KEY_ID"),
        secretAccessKey: read("AWS_SECRET_ACCESS_KEY"),
      },
    });
    // Past the signature: what is wrong is the token.
    await expect(client.send(new ResolveCustomerCommand({ RegistrationToken: "none" }))).rejects.toMatchObject({
      name: "InvalidTokenException",
    });
    client.destroy();
  });

  test("a workload's key says where it runs, and is found by its kind", async () => {
    const page = await harness.open("/credentials?create=yes", { colorScheme: "dark" });
    await dialog(page).getByLabel("Account", { exact: true }).fill(demoAccounts.buyer);
    await page.keyboard.press("Escape");
    await dialog(page).getByRole("button", { name: /^Kind/ }).click();
    await page.getByRole("option", { name: /^EC2 instance/ }).click();
    await press(dialog(page), "Create");
    await dialog(page).getByText("a credential of kind ec2 needs it").waitFor();
    await dialog(page).getByLabel("Instance id").fill("i-0fedcba9876543210");
    await press(dialog(page), "Create");
    await dialog(page).getByText("export AWS_SESSION_TOKEN=").waitFor();
    await shot(page, "credential-new-dark");
    await press(dialog(page), "I have copied it");
    await page.goto(`${harness.meterhouse.endpoint}/console/credentials?kind=ec2`);
    await page.getByText("i-0fedcba9876543210 in us-east-1").waitFor();
    expect(await page.getByText("metering-service").count()).toBe(0);
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "credentials-dark");
  });

  test("a key is deleted after a question", async () => {
    const { accessKeyId } = await harness.api<{ accessKeyId: string }>("POST", "/credentials", {
      account: demoAccounts.otherSeller,
      kind: "iam-user",
    });
    const page = await harness.open(`/credentials?account=${demoAccounts.otherSeller}`);
    await press(page, `Delete ${accessKeyId}`);
    await press(dialog(page), "Delete");
    await page.getByText("No credential matches").waitFor();
    await press(page, "Clear the filters");
    await page.getByText("metering-service").first().waitFor();
    const { items } = await harness.api<{ items: { accessKeyId: string }[] }>("GET", "/credentials");
    expect(items.map((one) => one.accessKeyId)).not.toContain(accessKeyId);
  });

  test("a session that may only read makes and deletes none", async () => {
    const page = await openReader(harness, "/credentials?create=yes");
    await page.getByText("metering-service").first().waitFor();
    const create = page.getByRole("button", { name: "Create credential" });
    expect(await create.getAttribute("aria-disabled")).toBe("true");
    expect(await dialog(page).count()).toBe(0);
    expect(await page.getByRole("button", { name: /^Delete/ }).count()).toBe(0);
  });

  test("an installation without credentials says what to do first", async () => {
    const empty = await startConsole({ catalog: {} });
    try {
      const page = await empty.open("/credentials");
      await page.getByRole("button", { name: "Create the first credential" }).waitFor();
      await page.getByRole("button", { name: "Which kind for what?" }).click();
      await page.getByText("AgentCore runtime").waitFor();
      expect(await seriousFindings(page)).toEqual([]);
      await shot(page, "credentials-empty-light");
      await empty.closePages();
    } finally {
      await empty.close();
    }
  });
});
