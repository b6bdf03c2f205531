/** A page whose session may only read. */
import type { Page } from "playwright-core";
import type { ConsoleHarness } from "./support.ts";

let count = 0;

export async function openReader(harness: ConsoleHarness, view: string): Promise<Page> {
  count += 1;
  const name = `reader-${count}`;
  const { token } = await harness.api<{ token: string }>("POST", "/admin-tokens", { name, role: "read" });
  const page = await harness.open(view, {}, token);
  await page.getByRole("button", { name }).waitFor();
  return page;
}
