/**
 * Debian's Chromium: one for all the tests of a process, and pages in it that are used again. Starting a browser costs more
 * than most tests do; a page in a context of its own starts a process and compiles the whole console anew.
 */
import { existsSync } from "node:fs";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

/** The first that is there. The one without a window is the same browser, and takes a third less for the same pages. */
const executables = ["/usr/bin/chromium-headless-shell", "/usr/bin/chromium"];
const executablePath = executables.find((path) => existsSync(path));
/**
 * Tests skip themselves then, and say so. (They may be tried once more each: on two cores that do much else, a browser now
 * and then does not come to show a page in time.)
 */
export const isChromiumMissing = executablePath === undefined;
if (isChromiumMissing)
  console.warn(`None of ${executables.join(", ")} is there (apt-get install chromium-headless-shell): skipped`);

const args = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

let launching: Promise<Browser> | undefined;

/** It ends with the process. */
async function sharedBrowser(): Promise<Browser> {
  launching ??= launch();
  const browser = await launching;
  if (browser.isConnected()) return browser;
  // It fell over under an earlier test: that is no matter of the next one's.
  launching = launch();
  return launching;
}

async function launch(): Promise<Browser> {
  if (executablePath === undefined) throw new Error("There is no Chromium (apt-get install chromium-headless-shell).");
  return chromium.launch({ executablePath, args });
}

/** Of all the browser's pages, whoever used them: by the options of their contexts. */
const idle = new Map<string, Page[]>();
const kinds = new WeakMap<Page, string>();

/** A page that another test may have used, in a context without cookies, listeners or routes. */
export async function takePage(options: BrowserContextOptions = {}): Promise<Page> {
  const kind = JSON.stringify(options);
  const used = idle.get(kind)?.pop();
  if (used !== undefined && !used.isClosed()) return used;
  const page = await takeFreshPage(options);
  kinds.set(page, kind);
  return page;
}

/** A page in a context that has loaded nothing yet. */
export async function takeFreshPage(options: BrowserContextOptions = {}): Promise<Page> {
  const browser = await sharedBrowser();
  // What moves costs, and no test is about it.
  const context = await browser.newContext({ reducedMotion: "reduce", ...options });
  // Before the test itself is out of time: what was waited for is then told.
  context.setDefaultTimeout(20_000);
  return context.newPage();
}

/** `endpoint`: of the server that the page was used with, which still runs. */
export async function giveBackPage(page: Page, endpoint: string): Promise<void> {
  const kind = kinds.get(page);
  if (kind === undefined || !(await isEmptied(page, endpoint))) await page.context().close();
  else idle.set(kind, [...(idle.get(kind) ?? []), page]);
}

/** false: it cannot be used again. */
async function isEmptied(page: Page, endpoint: string): Promise<boolean> {
  const context = page.context();
  page.removeAllListeners();
  try {
    for (const other of context.pages()) if (other !== page) await other.close();
    await page.unrouteAll({ behavior: "ignoreErrors" });
    // A small answer of the same machine: any other place, an empty one too, would be shown by another process.
    await page.goto(`${endpoint}/healthz`);
    await page.evaluate("localStorage.clear()");
    await context.clearCookies();
    return true;
  } catch {
    return false;
  }
}
