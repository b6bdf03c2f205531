/** Notifications: the list by its filters, and one with its deliveries, sent again. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { demoAccounts, demoProducts } from "../../src/catalog/demo.ts";
import { isChromiumMissing } from "../support/chromium.ts";
import { openReader } from "./reader.ts";
import { type ConsoleHarness, seriousFindings, shot, startConsole } from "./support.ts";

interface Item {
  readonly id: string;
  readonly form: string;
  readonly name: string;
}

describe.skipIf(isChromiumMissing)("notifications", { retry: 1 }, () => {
  let harness: ConsoleHarness;
  let agreement: string;
  let posts = 0;
  const endpoint = createServer((request, response) => {
    request.resume();
    posts += 1;
    response.writeHead(200).end();
  });

  beforeAll(async () => {
    await new Promise<void>((resolve) => endpoint.listen(0, "127.0.0.1", resolve));
    harness = await startConsole();
    const url = `http://127.0.0.1:${(endpoint.address() as AddressInfo).port}/`;
    const target = { seller: demoAccounts.seller, kind: "http", url };
    const { id } = await harness.api<{ id: string }>("POST", "/notification-targets", target);
    await harness.api("POST", `/notification-targets/${id}/confirm`, { force: true });
    ({ id: agreement } = await harness.meterhouse.subscribe({
      product: demoProducts.legacySaas,
      customer: demoAccounts.newBuyer,
    }));
    const other = { product: demoProducts.foreign, customer: demoAccounts.newBuyer };
    await harness.meterhouse.subscribe(other);
  });
  afterEach(() => harness.closePages());
  afterAll(async () => {
    await harness?.close();
    endpoint.close();
  });

  test("they are found by their properties, which stay in the address", async () => {
    const page = await harness.open("/notifications");
    const list = page.getByRole("grid", { name: "Notifications" });
    await list.getByText("1 delivered").first().waitFor();
    await list.getByText("No target").first().waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "notifications");
    const filter = page.getByRole("combobox", { name: "Find notifications by their properties" });
    await filter.fill("Form = sns");
    await page.keyboard.press("Enter");
    await page.waitForURL(/form=sns/);
    await list.getByText("Amazon SNS").first().waitFor();
    await expect.poll(() => list.getByText("EventBridge", { exact: true }).count()).toBe(0);
    await page.goto(
      `${harness.meterhouse.endpoint}/console/notifications?product=${demoProducts.foreign}&state=delivered`,
    );
    await page.getByText("No notification matches").waitFor();
    await page.goto(
      `${harness.meterhouse.endpoint}/console/notifications?agreement=${agreement}&name=subscribe-success`,
    );
    await list.getByRole("link", { name: "subscribe-success" }).first().click();
    await page.getByRole("heading", { level: 1, name: "subscribe-success" }).waitFor();
  });

  test("one is shown as it was delivered, and sent again", async () => {
    const { items } = await harness.api<{ items: Item[] }>("GET", `/notifications?agreement=${agreement}`);
    const sns = items.find(({ form }) => form === "sns");
    const event = items.find(({ form }) => form === "eventbridge");
    const page = await harness.open(`/notifications/${sns?.id}`);
    await page.getByText(/"action": "subscribe-success"/).waitFor();
    expect(await page.getByRole("link", { name: agreement }).getAttribute("href")).toBe(
      `/console/agreements/${agreement}`,
    );
    const deliveries = page.getByRole("table", { name: "Deliveries" });
    await deliveries.getByText("delivered").waitFor();
    await deliveries.getByText(/· 200/).first().waitFor();
    const delivered = await deliveries.getByText(/· 200/).count();
    await page.getByRole("tab", { name: "In its envelope" }).click();
    await page.getByText(/"Type": "Notification"/).waitFor();
    expect(page.url()).toContain("view=envelope");
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "notification");
    const before = posts;
    await page.getByRole("button", { name: "Send to all again" }).click();
    await page.getByText("It is on its way to all targets again.").first().waitFor();
    await expect.poll(() => posts).toBe(before + 1);
    await page.getByRole("button", { name: /^Send again to http/ }).click();
    await page.getByText("It is on its way again.").first().waitFor();
    await expect.poll(() => posts).toBe(before + 2);
    await expect.poll(() => deliveries.getByText(/· 200/).count()).toBe(delivered + 2);
    await page.goto(`${harness.meterhouse.endpoint}/console/notifications/${event?.id}`);
    await page.getByText(/"detail-type": /).waitFor();
  });

  test("in the dark, by a session that may only read", async () => {
    const { items } = await harness.api<{ items: Item[] }>("GET", `/notifications?agreement=${agreement}`);
    const page = await openReader(harness, `/notifications/${items[0]?.id}`);
    await page.getByRole("button", { name: "Switch to dark colours" }).click();
    const again = page.getByRole("button", { name: "Send to all again" });
    expect(await again.getAttribute("aria-disabled")).toBe("true");
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "notification-dark");
    await page.goto(`${harness.meterhouse.endpoint}/console/notifications`);
    await page.getByRole("grid", { name: "Notifications" }).getByRole("link").first().waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await page.goto(`${harness.meterhouse.endpoint}/console/notifications/nothing`);
    await page.getByText(/no notification.*nothing/i).waitFor();
  });
});
