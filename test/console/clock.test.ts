/** The page of the business clock: it shows and moves the clock of the server, and what is due. */
import { MarketplaceMeteringClient, RegisterUsageCommand } from "@aws-sdk/client-marketplace-metering";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { demoAccounts, demoCatalog, demoProducts } from "../../src/catalog/demo.ts";
import type { Meterhouse } from "../../src/index.ts";
import { isChromiumMissing } from "../support/chromium.ts";
import { openReader } from "./reader.ts";
import { type ConsoleHarness, seriousFindings, shot, startAt, startConsole } from "./support.ts";

/** The demo, whose agreements have a term that is renewed. */
function catalog() {
  const { agreements = [], ...rest } = demoCatalog();
  return {
    ...rest,
    agreements: agreements.map((one) => ({ ...one, endsAt: "2026-08-16T12:00:00Z", autoRenew: true })),
  };
}

/** A task that registered: each hour of it is due. */
async function registerTask({ endpoint, ...meterhouse }: Meterhouse): Promise<string> {
  const product = demoProducts.containerHourly;
  const task = await meterhouse.runWorkload({ kind: "ecs", account: demoAccounts.buyer, product });
  const { environment } = task;
  const answer = await fetch(environment.AWS_CONTAINER_CREDENTIALS_FULL_URI ?? "", {
    headers: { authorization: environment.AWS_CONTAINER_AUTHORIZATION_TOKEN ?? "" },
  });
  const found = (await answer.json()) as { AccessKeyId: string; SecretAccessKey: string; Token: string };
  const client = new MarketplaceMeteringClient({
    ...{ endpoint, region: "us-east-1" },
    credentials: {
      ...{ accessKeyId: found.AccessKeyId, secretAccessKey: found.SecretAccessKey, sessionToken: found.Token },
    },
  });
  await client.send(new RegisterUsageCommand({ ProductCode: product, PublicKeyVersion: 1 }));
  return task.id;
}

const business = (page: Page) => page.getByRole("timer", { name: "Business time now" });
const showsBusiness = (page: Page, text: string) => business(page).getByText(text).waitFor();
const press = (page: Page, name: string | RegExp) => page.getByRole("button", { name, exact: true }).click();

describe.skipIf(isChromiumMissing)("the clock", { retry: 1 }, () => {
  let harness: ConsoleHarness;
  const mode = async () => await harness.api<{ mode: string; now: string; rate: number }>("GET", "/clock");

  beforeAll(async () => {
    harness = await startConsole({ catalog: catalog(), settings: { quotas: "off" } });
  });
  afterEach(() => harness.closePages());
  afterAll(() => harness.close());

  test("what is due is listed, with the way to its agreement and its workload", async () => {
    await harness.api("POST", "/clock/set", { to: startAt });
    const id = await registerTask(harness.meterhouse);
    const page = await harness.open("/clock");
    const table = page.getByRole("grid", { name: "What is due next" });
    await table
      .getByRole("link", { name: /task\// })
      .first()
      .waitFor();
    expect(
      await table
        .getByRole("link", { name: /task\// })
        .first()
        .getAttribute("href"),
    ).toBe(`/console/workloads/${id}`);
    await page.getByRole("button", { name: /How many/ }).click();
    await page.getByRole("option", { name: "The next 100" }).click();
    await table.getByText("Renewal").first().waitFor();
    expect(page.url()).toContain("due=100");
    const agreement = table.getByRole("row").filter({ hasText: "Renewal" }).first().getByRole("link").first();
    expect(await agreement.getAttribute("href")).toMatch(/^\/console\/agreements\/agmt-/);
    expect(await seriousFindings(page)).toEqual([]);
    await page.goto(`${harness.meterhouse.endpoint}/console/clock`);
    await table
      .getByRole("link", { name: /task\// })
      .first()
      .waitFor();
    await shot(page, "clock");
    await harness.api("POST", `/workloads/${id}/stop`, {});
  });

  test("it is moved forward by steps, by a time of one's own, and to an instant", async () => {
    await harness.api("POST", "/clock/set", { to: startAt });
    const page = await harness.open("/clock");
    await showsBusiness(page, "2026-08-15 10:20:00 UTC");
    await press(page, "An hour");
    await showsBusiness(page, "2026-08-15 11:20:00 UTC");
    await page.getByText("The clock stands still: 2026-08-15 11:20:00 UTC.").first().waitFor();
    await press(page, "A day");
    await showsBusiness(page, "2026-08-16 11:20:00 UTC");
    await page.getByRole("textbox", { name: "Forward by another time" }).fill("soon");
    await press(page, "Advance");
    await page.getByText(/'soon' is not a duration/).waitFor();
    await page.getByRole("textbox", { name: "Forward by another time" }).fill("36h");
    await page.keyboard.press("Enter");
    await showsBusiness(page, "2026-08-17 23:20:00 UTC");
    await press(page, /^To the end of the month, 2026-09-01/);
    await showsBusiness(page, "2026-09-01 00:00:00 UTC");
    const next = await harness.api<{ nextDue: { at: string } }>("GET", "/clock");
    await press(page, /^To the next due thing, 2026-/);
    await showsBusiness(page, `${next.nextDue.at.slice(0, 19).replace("T", " ")} UTC`);
    await page.getByPlaceholder("YYYY/MM/DD").fill("2026/08/20");
    await page.getByText("what was done stays done").waitFor();
    await page.getByRole("textbox", { name: "Time in UTC" }).fill("08:30:00");
    await press(page, "Set");
    await showsBusiness(page, "2026-08-20 08:30:00 UTC");
    expect(await mode()).toMatchObject({ mode: "standing", now: "2026-08-20T08:30:00.000Z" });
  });

  test("it runs at a multiple, freezes, and follows the wall clock", async () => {
    await harness.api("POST", "/clock/set", { to: startAt });
    const page = await harness.open("/clock");
    await page.getByText("Stands still", { exact: true }).waitFor();
    await page.getByRole("textbox", { name: "Run so many times as fast" }).fill("2000000");
    await press(page, "Run");
    await page
      .getByText(/1000000|1,000,000/)
      .nth(1)
      .waitFor();
    await page.getByRole("textbox", { name: "Run so many times as fast" }).fill("3600");
    await press(page, "Run");
    await page.getByText("Runs 3600 times as fast as the wall clock").waitFor();
    const seen = await business(page).textContent();
    // Between two answers the page goes on by itself.
    await expect.poll(() => business(page).textContent()).not.toBe(seen);
    await press(page, "Freeze");
    await page.getByText("Stands still", { exact: true }).waitFor();
    expect(await mode()).toMatchObject({ mode: "standing" });
    await press(page, "Follow the wall clock");
    await page.getByText("Follows the wall clock", { exact: true }).waitFor();
    await page.getByText("None", { exact: true }).waitFor();
    expect(await mode()).toMatchObject({ mode: "following", rate: 1 });
  });

  test("a session that may only read sees it, and cannot move it", async () => {
    await harness.api("POST", "/clock/set", { to: startAt });
    const page = await openReader(harness, "/clock");
    await showsBusiness(page, "2026-08-15 10:20:00 UTC");
    const hour = page.getByRole("button", { name: "An hour" });
    expect(await hour.getAttribute("aria-disabled")).toBe("true");
    await hour.hover();
    await page.getByText("This session may only read.").filter({ visible: true }).first().waitFor();
    expect(await page.getByRole("button", { name: "Freeze" }).getAttribute("aria-disabled")).toBe("true");
  });

  test("in the dark", async () => {
    const page = await harness.open("/clock", { colorScheme: "dark" });
    await business(page).waitFor();
    await page.getByRole("grid", { name: "What is due next" }).getByRole("link").first().waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "clock-dark");
  });
});

describe.skipIf(isChromiumMissing)("the clock of an empty installation", { retry: 1 }, () => {
  let harness: ConsoleHarness;

  beforeAll(async () => {
    harness = await startConsole({ catalog: {} });
  });
  afterEach(() => harness.closePages());
  afterAll(() => harness.close());

  test("says that nothing is due, and why", async () => {
    const page = await harness.open("/clock");
    await page.getByText("Nothing is due", { exact: true }).waitFor();
    const next = page.getByRole("button", { name: "To the next due thing" });
    expect(await next.getAttribute("aria-disabled")).toBe("true");
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "clock-empty");
  });
});

describe.skipIf(isChromiumMissing)("a long move", { retry: 1 }, () => {
  test("shows where it is going, and how far it has come", async () => {
    const harness = await startConsole({ catalog: catalog() });
    try {
      await registerTask(harness.meterhouse);
      const page = await harness.open("/clock");
      // A stop for every hour of a task that runs for years: it is not through before the server is stopped.
      await page.getByPlaceholder("YYYY/MM/DD").fill("2040/01/01");
      await press(page, "Set");
      await page.getByText("Moving to 2040-01-01 00:00:00 UTC", { exact: true }).waitFor();
      await page
        .getByText(/^At 20\d\d-\d\d-\d\d .* It stops at everything/)
        .first()
        .waitFor();
      expect(await page.getByRole("button", { name: "An hour" }).getAttribute("aria-disabled")).toBe("true");
      await shot(page, "clock-moving");
      await harness.closePages();
    } finally {
      await harness.close();
    }
  });
});
