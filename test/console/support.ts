/** The console in Debian's Chromium, over a real server. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { BrowserContextOptions, Page } from "playwright-core";
import { expect } from "vitest";
import { type Meterhouse, type MeterhouseOptions, startMeterhouse } from "../../src/index.ts";
import { giveBackPage, takeFreshPage, takePage } from "../support/chromium.ts";

export const startAt = "2026-08-15T10:20:00Z";
/** Where METERHOUSE_SCREENSHOTS names a folder, `shot` writes there; else it does nothing. */
const screenshots = process.env.METERHOUSE_SCREENSHOTS;
const viewport = { width: 1440, height: 900 };
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export interface ConsoleHarness {
  readonly meterhouse: Meterhouse;
  /** A page that is signed in, as root unless another admin token is given, at a view such as `/products`. */
  open(view?: string, options?: BrowserContextOptions, token?: string): Promise<Page>;
  /** A page of nobody, in a browser that has loaded nothing yet. */
  openStranger(view?: string): Promise<Page>;
  /** The control plane, by the root token. */
  api<Answer = Record<string, unknown>>(method: string, path: string, body?: unknown): Promise<Answer>;
  link(token?: string): Promise<string>;
  /** Closes the pages, and fails where one of them had an error or asked anything of another machine. */
  closePages(): Promise<void>;
  close(): Promise<void>;
}

/** Ports of this process's servers that were closed: at the same address the browser has the console's code compiled. */
const usedPorts: number[] = [];

async function startServer(options: MeterhouseOptions): Promise<Meterhouse> {
  const port = usedPorts.pop();
  if (port === undefined) return startMeterhouse(options);
  // Another process may have it by now.
  return startMeterhouse({ ...options, port }).catch(() => startMeterhouse(options));
}

export async function startConsole(options: MeterhouseOptions = {}): Promise<ConsoleHarness> {
  const meterhouse = await startServer({ now: startAt, ...options });
  const taken: Page[] = [];
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
  const watch = (page: Page): void => {
    taken.push(page);
    page.on("console", (message) => {
      // The browser reports every answer of 4xx by itself; whether one is right is for the test to say.
      if (message.type() === "error" && !/Failed to load resource/.test(message.text())) problems.push(message.text());
    });
    page.on("pageerror", (error) => problems.push(error.message));
    page.on("request", (request) => {
      if (!/^(http:\/\/(127\.0\.0\.1|localhost):|data:|blob:)/.test(request.url())) problems.push(request.url());
    });
  };
  /** As the console itself does it: test/console/signIn.test.ts. */
  const signIn = async (page: Page, token: string): Promise<void> => {
    const response = await fetch(`${meterhouse.endpoint}/api/v1/session`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ adminToken: token }),
    });
    const [, name = "", value = ""] = /^([^=]+)=([^;]+)/.exec(response.headers.get("set-cookie") ?? "") ?? [];
    await page.context().addCookies([{ name, value, url: meterhouse.endpoint, httpOnly: true, sameSite: "Strict" }]);
  };
  const giveBack = async (): Promise<void> => {
    for (const page of taken.splice(0)) await giveBackPage(page, meterhouse.endpoint);
  };
  return {
    meterhouse,
    api,
    link,
    open: async (view = "/", contextOptions = {}, token = meterhouse.adminToken) => {
      const page = await takePage({ viewport, ...contextOptions });
      watch(page);
      await signIn(page, token);
      await page.goto(`${meterhouse.endpoint}/console${view}`);
      await page.getByRole("heading", { level: 1 }).first().waitFor();
      return page;
    },
    openStranger: async (view = "/") => {
      const page = await takeFreshPage({ viewport });
      watch(page);
      await page.goto(`${meterhouse.endpoint}/console${view}`);
      return page;
    },
    closePages: async () => {
      await giveBack();
      const found = problems;
      problems = [];
      expect(found).toEqual([]);
    },
    close: async () => {
      await giveBack();
      await meterhouse.close();
      usedPorts.push(Number(new URL(meterhouse.endpoint).port));
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
  if (await page.evaluate("typeof axe === 'undefined'")) await page.evaluate(axe);
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
