/** The console in Debian's Chromium, over a real server. */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { expect } from "vitest";
import { type Meterhouse, type MeterhouseOptions, startMeterhouse } from "../../src/index.ts";

const executablePath = "/usr/bin/chromium";
/**
 * Tests skip themselves then, and say so. (They may be tried once more each: on two cores that do much else, a browser now
 * and then does not come to show a page in time.)
 */
export const isChromiumMissing = !existsSync(executablePath);
if (isChromiumMissing) console.warn(`${executablePath} is not there (apt-get install chromium): skipped`);

const args = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
export const startAt = "2026-08-15T10:20:00Z";
/** Where METERHOUSE_SCREENSHOTS names a folder, `shot` writes there; else it does nothing. */
const screenshots = process.env.METERHOUSE_SCREENSHOTS;
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export interface ConsoleHarness {
  readonly meterhouse: Meterhouse;
  readonly browser: Browser;
  /** A page that is signed in as root, at a view such as `/products`. */
  open(view?: string, options?: BrowserContextOptions): Promise<Page>;
  /** A page of nobody. */
  openStranger(view?: string): Promise<Page>;
  /** The control plane, by the root token. */
  api<Answer = Record<string, unknown>>(method: string, path: string, body?: unknown): Promise<Answer>;
  link(token?: string): Promise<string>;
  /** Closes the pages, and fails where one of them had an error or asked anything of another machine. */
  closePages(): Promise<void>;
  close(): Promise<void>;
}

export async function startConsole(options: MeterhouseOptions = {}): Promise<ConsoleHarness> {
  const meterhouse = await startMeterhouse({ now: startAt, ...options });
  const browser = await chromium.launch({ executablePath, args });
  const closing: (() => Promise<unknown>)[] = [];
  let problems: string[] = [];

  const api: ConsoleHarness["api"] = async (method, path, body) => {
    const response = await fetch(`${meterhouse.endpoint}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${meterhouse.adminToken}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === "" ? undefined : JSON.parse(text);
  };
  const link = async (token = meterhouse.adminToken): Promise<string> => {
    const response = await fetch(`${meterhouse.endpoint}/api/v1/console-links`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: "{}",
    });
    return ((await response.json()) as { url: string }).url;
  };
  const newPage = async (contextOptions: BrowserContextOptions = {}): Promise<Page> => {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...contextOptions });
    closing.push(() => context.close());
    // Before the test itself is out of time: what was waited for is then told.
    context.setDefaultTimeout(20_000);
    const page = await context.newPage();
    page.on("console", (message) => {
      // The browser reports every answer of 4xx by itself; whether one is right is for the test to say.
      if (message.type() === "error" && !/Failed to load resource/.test(message.text())) problems.push(message.text());
    });
    page.on("pageerror", (error) => problems.push(error.message));
    page.on("request", (request) => {
      if (!/^(http:\/\/(127\.0\.0\.1|localhost):|data:|blob:)/.test(request.url())) problems.push(request.url());
    });
    return page;
  };
  return {
    meterhouse,
    browser,
    api,
    link,
    open: async (view = "/", contextOptions = {}) => {
      const page = await newPage(contextOptions);
      await page.goto(await link());
      await page.getByRole("button", { name: "root" }).waitFor();
      if (view !== "/") await page.goto(`${meterhouse.endpoint}/console${view}`);
      await page.getByRole("heading", { level: 1 }).first().waitFor();
      return page;
    },
    openStranger: async (view = "/") => {
      const page = await newPage();
      await page.goto(`${meterhouse.endpoint}/console${view}`);
      return page;
    },
    closePages: async () => {
      for (const close of closing.splice(0)) await close();
      const found = problems;
      problems = [];
      expect(found).toEqual([]);
    },
    close: async () => {
      await browser.close();
      await meterhouse.close();
    },
  };
}

interface Violation {
  readonly id: string;
  readonly impact: string | null;
  readonly help: string;
  readonly nodes: readonly { readonly html: string; readonly target: readonly string[] }[];
}

/** What axe finds serious or critical on the page as it is now; empty is what a test wants. */
export async function seriousFindings(page: Page): Promise<readonly string[]> {
  // By the debugger's way: the page's policy lets no script in.
  await page.evaluate(axe);
  const violations = await page.evaluate<readonly Violation[]>(
    "axe.run(document, { resultTypes: ['violations'] }).then((found) => found.violations)",
  );
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, help, nodes }) => nodes.map((node) => `${id}: ${help}: ${node.target.join(" ")} ${node.html}`));
}

/** A picture to look at. */
export async function shot(page: Page, name: string): Promise<void> {
  if (screenshots === undefined) return;
  await page.screenshot({ path: `${screenshots}/${name}.png`, fullPage: false });
}
