/** Who gets in to the console, and how long they stay. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { isChromiumMissing } from "../support/chromium.ts";
import { type ConsoleHarness, seriousFindings, shot, startConsole } from "./support.ts";

describe.skipIf(isChromiumMissing)("signing in", { retry: 1 }, () => {
  let harness: ConsoleHarness;

  beforeAll(async () => {
    harness = await startConsole();
  });
  afterEach(() => harness.closePages());
  afterAll(() => harness.close());

  test("a link opens the console once, and stays in no address", async () => {
    const page = await harness.openStranger();
    const link = await harness.link();
    await page.goto("about:blank");
    await page.goto(link);
    await page.getByRole("button", { name: "root" }).waitFor();
    expect(page.url()).toBe(`${harness.meterhouse.endpoint}/console/`);
    expect(await page.evaluate("document.cookie")).toBe("");

    const second = await harness.openStranger();
    await second.goto("about:blank");
    await second.goto(link);
    await second.getByText("This link was used already").waitFor();
  });

  test("a stranger finds a form; the admin token opens it, a wrong one says so", async () => {
    const page = await harness.openStranger("/clock");
    const field = page.getByLabel("Admin token");
    await field.fill("mht_wrong");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("This admin token is not known.").waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "sign-in");
    await field.fill(harness.meterhouse.adminToken);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("button", { name: "root" }).waitFor();
    expect(page.url()).toContain("/console/clock");
  });

  test("signing out ends the session on the server", async () => {
    const page = await harness.open();
    const [cookie] = await page.context().cookies();
    await page.getByRole("button", { name: "root" }).click();
    await page.getByRole("menuitem", { name: "Sign out" }).click();
    await page.getByLabel("Admin token").waitFor();
    const answer = await fetch(`${harness.meterhouse.endpoint}/api/v1/session`, {
      headers: { cookie: `${cookie?.name}=${cookie?.value}` },
    });
    expect(answer.status).toBe(401);
  });

  test("a revoked admin token ends the sessions that it opened", async () => {
    const { id, token } = await harness.api<{ id: string; token: string }>("POST", "/admin-tokens", {
      name: "visitor",
      role: "read",
    });
    const page = await harness.openStranger();
    await page.goto("about:blank");
    await page.goto(await harness.link(token));
    await page.getByRole("button", { name: "visitor" }).waitFor();
    await harness.api("DELETE", `/admin-tokens/${id}`);
    await page.reload();
    await page.getByLabel("Admin token").waitFor();
  });
});
