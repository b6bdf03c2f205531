/** The page of faults: they are planned and lifted there, and it shows what they did. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { demoAccounts, demoProducts, demoRoles } from "../../src/catalog/demo.ts";
import { bodyOf, emptyForm, type FaultForm } from "../../src/console/pages/faults/form.ts";
import { isChromiumMissing } from "../support/chromium.ts";
import { openReader } from "./reader.ts";
import { demoBatch, demoSeller } from "./sdkClient.ts";
import { type ConsoleHarness, seriousFindings, shot, startAt, startConsole } from "./support.ts";

describe.skipIf(isChromiumMissing)("faults", { retry: 1 }, () => {
  let harness: ConsoleHarness;
  const planned = async () =>
    (await harness.api<{ items: { id: string; fault: Record<string, unknown> }[] }>("GET", "/faults")).items;

  beforeAll(async () => {
    harness = await startConsole({ settings: { quotas: "off" } });
  });
  beforeEach(() => harness.api("DELETE", "/faults"));
  afterEach(() => harness.closePages());
  afterAll(() => harness.close());

  test("one is planned by the form, hits a call, and the call is shown", async () => {
    const page = await harness.open("/faults");
    await page.getByText("No fault is planned", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Plan a fault" }).click();
    const dialog = page.getByRole("dialog", { name: "Plan a fault" });
    await dialog.getByRole("radio", { name: /After the commit/ }).check();
    await dialog.getByRole("button", { name: /Operation/ }).click();
    await page.getByRole("option", { name: "BatchMeterUsage" }).click();
    await dialog.getByRole("combobox", { name: /Product code/ }).fill(demoProducts.legacySaas);
    await page.keyboard.press("Tab");
    await dialog.getByRole("textbox", { name: "Customer" }).fill(demoAccounts.buyer);
    await dialog.getByRole("textbox", { name: "Access key id" }).fill(demoRoles.seller);
    await dialog.getByRole("textbox", { name: "Status" }).fill("700");
    await dialog.getByRole("button", { name: "Plan it" }).click();
    await dialog.getByText(/599/).nth(1).waitFor();
    await dialog.getByRole("textbox", { name: "Status" }).fill("503");
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "faults-plan");
    await dialog.getByRole("button", { name: "Plan it" }).click();
    await page.getByText("Planned: Error.").first().waitFor();
    const { legacySaas: product } = demoProducts;
    expect((await planned()).map(({ fault }) => fault)).toEqual([
      {
        ...{ kind: "error", status: 503, phase: "after-commit", operation: "BatchMeterUsage", product, times: 1 },
        ...{ customer: demoAccounts.buyer, accessKeyId: demoRoles.seller },
      },
    ]);
    await expect(demoSeller(harness.meterhouse).send(demoBatch(startAt))).rejects.toThrow();
    const calls = page.getByRole("grid", { name: "Calls that were hit" });
    await calls.getByText("Error, after the commit").first().waitFor();
    expect(await calls.getByRole("link").first().getAttribute("href")).toMatch(/^\/console\/requests\/[0-9a-f-]{36}$/);
    // It has hit the one call that it was for.
    await page.getByText("No fault is planned", { exact: true }).waitFor();
  });

  test("what is drawn has a seed, and the address opens the form", async () => {
    const page = await harness.open("/faults?plan=unprocessed");
    const dialog = page.getByRole("dialog", { name: "Plan a fault" });
    await dialog.getByRole("radio", { name: "A share of them, drawn" }).check();
    await dialog.getByRole("textbox", { name: "Share of the records" }).fill("0.2");
    await dialog.getByRole("textbox", { name: "Seed" }).fill("7");
    await dialog.getByRole("radio", { name: "It is lifted" }).check();
    await dialog.getByRole("button", { name: "Plan it" }).click();
    await page.getByText("Until it is lifted, seed 7").waitFor();
    expect((await planned()).map(({ fault }) => fault)).toEqual([
      { kind: "unprocessed", recordShare: 0.2, seed: 7, untilRemoved: true },
    ]);
    await shot(page, "faults");
  });

  test.each<[Partial<FaultForm>, Record<string, unknown>]>([
    [{ kind: "error" }, { kind: "error", phase: "before-commit", times: 1 }],
    [
      { kind: "error", status: "503" },
      { kind: "error", phase: "before-commit", status: 503, times: 1 },
    ],
    [
      { kind: "cut", phase: "after-commit" },
      { kind: "cut", phase: "after-commit", times: 1 },
    ],
    [
      { kind: "throttle", phase: "after-commit", times: "3" },
      { kind: "throttle", times: 3 },
    ],
    [
      { kind: "delay", ms: "1500" },
      { kind: "delay", ms: 1500, phase: "before-commit", times: 1 },
    ],
    [
      { kind: "slow-body", ms: "2000", bytes: "8" },
      { kind: "slow-body", ms: 2000, bytes: 8, times: 1 },
    ],
    [
      { kind: "proxy-503", share: "0.5", seed: "9" },
      { kind: "proxy-503", share: 0.5, seed: 9, times: 1 },
    ],
    [
      { kind: "unprocessed", records: "0, 2", seed: "9" },
      { kind: "unprocessed", records: [0, 2], times: 1 },
    ],
  ])("the form %j is what the control plane takes", async (changed, body) => {
    const sent = bodyOf({ ...emptyForm, ...changed });
    expect(sent).toEqual(body);
    expect(await harness.api("POST", "/faults", sent)).toMatchObject({ fault: body });
  });

  test("what is no number is sent as it is, for the server to say so", () => {
    expect(bodyOf({ ...emptyForm, times: "many" })).toMatchObject({ times: "many" });
  });

  test("one is lifted, then all", async () => {
    for (const kind of ["throttle", "proxy-503", "error"]) await harness.api("POST", "/faults", { kind });
    const page = await harness.open("/faults", { colorScheme: "dark" });
    await page.getByRole("button", { name: "Lift Throttle, Any call" }).click();
    await page.getByRole("button", { name: "Lift it" }).click();
    await page.getByText("The fault is lifted.").first().waitFor();
    expect((await planned()).map(({ fault }) => fault.kind)).toEqual(["proxy-503", "error"]);
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "faults-dark");
    await page.getByRole("button", { name: "Lift all" }).click();
    await page.getByRole("dialog", { name: "Lift all faults?" }).getByRole("button", { name: "Lift all" }).click();
    await page.getByText("All faults are lifted.").first().waitFor();
    expect(await planned()).toEqual([]);
  });

  test("a session that may only read changes nothing", async () => {
    await harness.api("POST", "/faults", { kind: "throttle", untilRemoved: true });
    const page = await openReader(harness, "/faults?plan=cut");
    await page.getByText("Until it is lifted").waitFor();
    expect(await page.getByRole("dialog").filter({ visible: true }).count()).toBe(0);
    for (const name of ["Plan a fault", "Lift all", "Lift Throttle, Any call"]) {
      expect(await page.getByRole("button", { name }).getAttribute("aria-disabled"), name).toBe("true");
    }
  });
});
