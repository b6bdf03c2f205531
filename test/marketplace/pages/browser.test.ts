/** The buyer's side in Debian's Chromium: what only a browser does, such as submitting a form by itself. */
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { BatchMeterUsageCommand, MarketplaceMeteringClient } from "@aws-sdk/client-marketplace-metering";
import type { BrowserContextOptions, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { demoAccounts, demoCatalog, demoProducts, demoRoles } from "../../../src/catalog/demo.ts";
import { type Meterhouse, startMeterhouse } from "../../../src/index.ts";
import { giveBackPage, isChromiumMissing, takeFreshPage, takePage } from "../../support/chromium.ts";

const startAt = "2026-08-15T10:20:00Z";

describe.skipIf(isChromiumMissing)("the marketplace in a browser", () => {
  let meterhouse: Meterhouse;
  let page: Page;
  /** What a page must not cause: errors of scripts and policy, requests to anywhere else. */
  let problems: string[];
  const closing: (() => Promise<unknown> | unknown)[] = [];

  beforeAll(async () => {
    meterhouse = await startMeterhouse({ now: startAt });
  });
  beforeEach(async () => {
    await meterhouse.reset({ catalog: { ...demoCatalog() }, now: startAt });
    page = watched(await takePage());
  });
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
    expect(problems).toEqual([]);
  });
  afterAll(async () => {
    await meterhouse?.close();
  });

  async function open(options: BrowserContextOptions): Promise<Page> {
    return watched(await takeFreshPage(options));
  }

  function watched(opened: Page): Page {
    closing.push(() => giveBackPage(opened, meterhouse.endpoint));
    problems = [];
    opened.on("console", (message) => {
      if (message.type() === "error") problems.push(message.text());
    });
    opened.on("pageerror", (error) => problems.push(error.message));
    opened.on("request", (request) => {
      if (!/^http:\/\/(127\.0\.0\.1|localhost):/.test(request.url())) problems.push(request.url());
    });
    return opened;
  }

  async function choose(name: RegExp, on = page): Promise<void> {
    await on.goto(`${meterhouse.endpoint}/marketplace`);
    await on.getByRole("button", { name }).click();
    await on.getByText("Buying as").waitFor();
  }

  async function subscribe(title: RegExp, on = page): Promise<void> {
    await on.getByRole("link", { name: title }).click();
    await on.getByRole("button", { name: "Subscribe" }).click();
  }

  /** Answers the status of one record of the new buyer. */
  async function meter(quantity: number): Promise<string | undefined> {
    const key = meterhouse.credentials[demoRoles.seller];
    if (key === undefined) throw new Error("the demo seller has no key");
    const client = new MarketplaceMeteringClient({
      endpoint: meterhouse.endpoint,
      region: "us-east-1",
      credentials: { accessKeyId: key.accessKeyId, secretAccessKey: key.secretAccessKey },
    });
    const { Results } = await client.send(
      new BatchMeterUsageCommand({
        ProductCode: demoProducts.legacySaas,
        UsageRecords: [
          {
            Timestamp: meterhouse.clock.now(),
            CustomerAWSAccountId: demoAccounts.newBuyer,
            Dimension: "ingested_gb",
            Quantity: quantity,
          },
        ],
      }),
    );
    client.destroy();
    return Results?.[0]?.Status;
  }

  test("a buyer subscribes, is resolved and metered, cancels, and is metered until the final hour is over", async () => {
    expect(await meter(1)).toBe("CustomerNotSubscribed");
    await choose(/Sample Freight/);
    await subscribe(/Harbor Logs/);
    await page.waitForURL(/\/sample-registration\//);
    const resolved = page.locator("#resolved");
    await expect.poll(() => resolved.textContent()).toContain(demoAccounts.newBuyer);
    expect(await page.getByRole("status").first().textContent()).toContain("The customer was resolved");
    expect(await resolved.textContent()).toContain("arn:aws:license-manager::");

    await meterhouse.clock.advance("5m");
    expect(await meter(5)).toBe("Success");
    await page.getByRole("link", { name: "Back to the marketplace" }).click();
    await page.getByRole("link", { name: "Your subscriptions" }).click();
    await page.getByRole("button", { name: "Cancel", exact: true }).click();
    await page.getByText("1 h 0 min left").waitFor();

    await meterhouse.clock.advance("50m");
    await page.reload();
    await page.getByText("0 h 10 min left").waitFor();
    expect(await meter(7)).toBe("Success");
    await meterhouse.clock.advance("15m");
    expect(await meter(8)).toBe("CustomerNotSubscribed");
    await page.reload();
    await page.getByText("Ended agreements (1)").waitFor();
    expect((await meterhouse.records()).map((one) => one.quantity)).toEqual([5, 7]);
  });

  test("“Set up your account” brings the buyer back with a new token", async () => {
    await choose(/Example Shipping/);
    await page.getByRole("link", { name: "Your subscriptions" }).click();
    await page.locator(`#${demoProducts.legacySaas}`).getByRole("button", { name: "Set up your account" }).click();
    await page.getByText("The customer was resolved").waitFor();
    // Back leads to where the buyer came from: the page that posted by itself is not in the way.
    await page.goBack();
    await page.waitForURL(/\/marketplace\/subscriptions/);
  });

  test.each([
    ["Expired token", "The token was refused: ExpiredTokenException"],
    ["Another seller’s token", "The token was refused: InvalidTokenException"],
    ["Doubly encoded token", "The token was refused: InvalidTokenException"],
    ["Unknown token", "The token was refused: InvalidTokenException"],
    ["Re-sent token", "This page has seen the same token before"],
  ])("%s: %s", async (button, text) => {
    // Whole sentences of the last page: the page in between names the exception to expect.
    await choose(/Sample Freight/);
    await subscribe(/Harbor Logs/);
    await page.getByText("The customer was resolved").waitFor();
    await page.getByRole("button", { name: button }).click();
    await page.getByText(text).first().waitFor();
    expect(page.url()).toContain("/sample-registration/");
  });

  test("the seller's own page gets the post, and may redirect to another origin", async () => {
    const application = await serve((_request, response) => response.end("Welcome to the application"));
    const posts: { readonly type: string | undefined; readonly body: string }[] = [];
    const registration = await serve(async (request, response) => {
      let body = "";
      for await (const chunk of request) body += chunk;
      posts.push({ type: request.headers["content-type"], body });
      response.writeHead(302, { Location: application.replace("127.0.0.1", "localhost") }).end();
    });
    await meterhouse.reset({ catalog: withRegistrationUrl(`${registration}/register`) });
    await choose(/Sample Freight/);
    await subscribe(/Harbor Logs/);
    await page.getByText("Welcome to the application").waitFor();
    expect(posts).toHaveLength(1);
    expect(posts[0]?.type).toBe("application/x-www-form-urlencoded");
    expect(posts[0]?.body).toMatch(/^x-amzn-marketplace-token=[\w%]+$/);
  });

  test("without scripts a button takes the buyer on", async () => {
    page = await open({ javaScriptEnabled: false });
    await choose(/Sample Freight/);
    await subscribe(/Harbor Logs/);
    await page.getByRole("button", { name: "Continue to the sample registration page" }).click();
    await page.getByText("The customer was resolved").waitFor();
    problems = problems.filter((text) => !/script/i.test(text));
  });

  test("a form of another site is refused", async () => {
    await choose(/Sample Freight/);
    const target = `${meterhouse.endpoint}/marketplace/${demoProducts.ami}/subscribe`;
    const evil = await serve((_request, response) => {
      response.setHeader("Content-Type", "text/html");
      response.end(`<form method="post" action="${target}"><button>You won</button></form>`);
    });
    await page.goto(evil.replace("127.0.0.1", "localhost"));
    await page.getByRole("button", { name: "You won" }).click();
    await page.getByRole("heading", { name: "This form was not accepted" }).waitFor();
    problems = problems.filter((text) => !text.includes("403"));
  });

  test("nothing is wider than a phone", async () => {
    page = await open({ viewport: { width: 360, height: 740 } });
    await choose(/Example Shipping/);
    for (const path of [
      "/marketplace",
      "/marketplace/buyer",
      "/marketplace/subscriptions",
      `/marketplace/${demoProducts.contract}`,
      `/sample-registration/${demoProducts.contract}`,
    ]) {
      await page.goto(meterhouse.endpoint + path);
      expect(await page.evaluate("document.documentElement.scrollWidth"), path).toBe(360);
    }
  });

  test("every control has a name, and the keyboard reaches the content first", async () => {
    await choose(/Example Shipping/);
    for (const path of ["/marketplace", "/marketplace/subscriptions", `/marketplace/${demoProducts.concurrentSaas}`]) {
      await page.goto(meterhouse.endpoint + path);
      const unnamed = await page.evaluate(
        "[...document.querySelectorAll('input:not([type=hidden]), select')].filter((one) => one.labels.length === 0).map((one) => one.outerHTML)",
      );
      expect(unnamed, path).toEqual([]);
      const ids = "[...document.querySelectorAll('[id]')].map((one) => one.id)";
      const all = (await page.evaluate(ids)) as string[];
      expect(new Set(all).size, path).toBe(all.length);
      await page.keyboard.press("Tab");
      expect(await page.evaluate("document.activeElement.textContent")).toBe("Skip to the content");
    }
  });

  async function serve(listener: RequestListener): Promise<string> {
    const server = createServer(listener);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    closing.push(() => server.close());
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  function withRegistrationUrl(registrationUrl: string): Readonly<Record<string, unknown>> {
    const document = demoCatalog();
    return { ...document, products: document.products?.map((one) => ({ ...one, registrationUrl })) };
  }
});
