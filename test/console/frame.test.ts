/** What is around every page: ways to it, by mouse, keyboard and address; colours; and how much is loaded first. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { isChromiumMissing } from "../support/chromium.ts";
import { type ConsoleHarness, seriousFindings, shot, startConsole } from "./support.ts";

/** Compressed, of scripts, styles, fonts and the document: what the first view may load, 500 kB with some room. */
const firstLoadMaxBytes = 470_000;

describe.skipIf(isChromiumMissing)("the frame", { retry: 1 }, () => {
  let harness: ConsoleHarness;

  beforeAll(async () => {
    harness = await startConsole({ catalog: {} });
  });
  afterEach(() => harness.closePages());
  afterAll(() => harness.close());

  test("pages are reached by keyboard alone", async () => {
    const page = await harness.open();
    const clock = page.getByRole("link", { name: "Clock", exact: true });
    const focused = () => page.evaluate<string>("document.activeElement.textContent");
    for (let presses = 0; presses < 60 && (await focused()) !== "Clock"; presses += 1) await page.keyboard.press("Tab");
    expect(await focused()).toBe("Clock");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: "Clock" }).waitFor();
    expect(page.url()).toBe(`${harness.meterhouse.endpoint}/console/clock`);
    expect(await page.title()).toBe("Clock – Meterhouse");
    expect(await clock.getAttribute("aria-current")).toBe("page");
    await page.goBack();
    await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
  });

  test("dark colours are kept over a reload", async () => {
    const page = await harness.open();
    const colour = () => page.evaluate<string>("getComputedStyle(document.querySelector('main h1')).color");
    const light = await colour();
    await page.getByRole("button", { name: "Switch to dark colours" }).click();
    await expect.poll(colour).not.toBe(light);
    const dark = await colour();
    await page.reload();
    await page.getByRole("heading", { level: 1 }).first().waitFor();
    await expect.poll(colour).toBe(dark);
    expect(await seriousFindings(page)).toEqual([]);
    await page.getByRole("button", { name: "Switch to light colours" }).click();
    await expect.poll(colour).toBe(light);
  });

  test("it says whether live updates come in", async () => {
    const page = await harness.open();
    await page.getByRole("button", { name: "Live updates come in" }).waitFor();
    await page.route("**/api/v1/stream", (route) => route.abort());
    await page.reload();
    await page.getByRole("button", { name: "Live updates do not come in" }).waitFor();
    await page.unroute("**/api/v1/stream");
    await page.reload();
    await page.getByRole("button", { name: "Live updates come in" }).waitFor();
  });

  test("an address that is no view says so; a file that is not there is 404", async () => {
    const page = await harness.openStranger();
    await page.goto("about:blank");
    await page.goto(await harness.link());
    await page.getByRole("button", { name: "root" }).waitFor();
    await page.goto(`${harness.meterhouse.endpoint}/console/no/such/page`);
    await page.getByText("There is no such page").waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await page.getByRole("link", { name: "Go to the overview" }).click();
    await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
    const file = await fetch(`${harness.meterhouse.endpoint}/console/assets/nothing.js`);
    expect(file.status).toBe(404);
  });

  test("files come compressed as the browser takes them, and are the same", async () => {
    const texts = new Set<string>();
    for (const [accepted, coding] of [
      ["gzip, deflate, br, zstd", "br"],
      ["gzip, deflate", "gzip"],
      ["identity", null],
    ] as const) {
      const answer = await fetch(`${harness.meterhouse.endpoint}/console/`, {
        headers: { "accept-encoding": accepted },
      });
      expect(answer.headers.get("content-encoding")).toBe(coding);
      expect(answer.headers.get("vary")).toBe("Accept-Encoding");
      texts.add(await answer.text());
    }
    expect([...texts]).toEqual([expect.stringContaining('<div id="app">')]);
  });

  test("the first view loads less than 470 kB, its fonts among it", async () => {
    const page = await harness.openStranger();
    await page.goto("about:blank");
    const debug = await page.context().newCDPSession(page);
    await debug.send("Network.enable");
    await debug.send("Network.clearBrowserCache");
    const addresses = new Map<string, string>();
    const sizes = new Map<string, number>();
    debug.on("Network.responseReceived", ({ requestId, response }) => addresses.set(requestId, response.url));
    debug.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
      sizes.set(addresses.get(requestId) ?? "", encodedDataLength);
    });
    await page.goto(await harness.link());
    await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
    await page.evaluate("document.fonts.ready.then(() => undefined)");
    await page.waitForLoadState("load");
    const files = [...sizes].filter(([address]) => address.includes("/console/"));
    const of = (end: string) => files.filter(([address]) => address.endsWith(end));
    // A view cannot come up with less: what is counted is not the cache.
    expect(of(".js").reduce((sum, [, bytes]) => sum + bytes, 0)).toBeGreaterThan(100_000);
    expect(of(".css").length).toBeGreaterThan(0);
    expect(of(".woff2").length).toBeGreaterThan(0);
    const total = files.reduce((sum, [, bytes]) => sum + bytes, 0);
    expect(total, JSON.stringify(files, null, 2)).toBeLessThan(firstLoadMaxBytes);
    if (process.env.METERHOUSE_SCREENSHOTS !== undefined) console.log(`The first view loads ${total} bytes.`);
  });
});

describe.skipIf(isChromiumMissing)("on an empty installation every page opens", { retry: 1 }, () => {
  let harness: ConsoleHarness;
  const listed = readFileSync(join(import.meta.dirname, "../../src/console/pages.ts"), "utf8");
  const empty = [...listed.matchAll(/^ {4}path: "([^"]+)"/gm)].map(([, path = ""]) => path.replace(/:\w+/g, "nothing"));

  let page: Page;

  beforeAll(async () => {
    harness = await startConsole({ catalog: {} });
    page = await harness.open();
  });
  afterAll(async () => {
    await harness.closePages();
    await harness.close();
  });

  test("all of them are known here", () => expect(empty.length).toBeGreaterThan(20));

  test.each(empty)("%s", async (path) => {
    // As a link within the console goes: what is loaded already stays.
    await page.evaluate(`history.pushState(null, "", "/console${path}")`);
    await page.locator("main h1, main b, main [role=grid], main [role=table]").first().waitFor();
    await expect.poll(() => page.getByText("Loading").filter({ visible: true }).count()).toBe(0);
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, `empty${path.replaceAll("/", "-")}`);
  });
});
