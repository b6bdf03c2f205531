/** The pages of workloads: running one, its environment, what it registers and meters, its stop. */
import { MarketplaceMeteringClient, RegisterUsageCommand } from "@aws-sdk/client-marketplace-metering";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { demoAccounts, demoProducts } from "../../src/catalog/demo.ts";
import { isChromiumMissing } from "../support/chromium.ts";
import { openReader } from "./reader.ts";
import { type ConsoleHarness, seriousFindings, shot, startConsole } from "./support.ts";

const press = (page: Page, name: string) =>
  page.getByRole("button", { name, exact: true }).filter({ visible: true }).last().click();
const dialog = (page: Page) => page.getByRole("dialog").filter({ visible: true });
const grid = (page: Page, name: string) => page.getByRole("grid", { name });
const tab = (page: Page, name: string) => page.getByRole("tab", { name, exact: true }).click();

/** As a program with the environment that the page shows would. */
async function register(endpoint: string, shell: string): Promise<void> {
  const variable = (name: string): string => new RegExp(`^export ${name}=(.*)$`, "m").exec(shell)?.[1] ?? "";
  const answer = await fetch(variable("AWS_CONTAINER_CREDENTIALS_FULL_URI"), {
    headers: { authorization: variable("AWS_CONTAINER_AUTHORIZATION_TOKEN") },
  });
  const found = (await answer.json()) as { AccessKeyId: string; SecretAccessKey: string; Token: string };
  const client = new MarketplaceMeteringClient({
    ...{ endpoint, region: "us-east-1" },
    credentials: {
      ...{ accessKeyId: found.AccessKeyId, secretAccessKey: found.SecretAccessKey, sessionToken: found.Token },
    },
  });
  await client.send(new RegisterUsageCommand({ ProductCode: demoProducts.containerHourly, PublicKeyVersion: 1 }));
}

// A browser among many on a busy machine takes its time.
vi.setConfig({ testTimeout: 120_000 });

describe.skipIf(isChromiumMissing)("workloads", { retry: 1 }, () => {
  let harness: ConsoleHarness;

  beforeAll(async () => {
    harness = await startConsole();
  });
  afterEach(() => harness.closePages());
  afterAll(() => harness.close());

  test("one is run, gives its environment, registers, is metered by the second, and stops", async () => {
    const page = await harness.open("/workloads");
    await page.getByText("No workloads yet").waitFor();
    await press(page, "Run workload");
    await dialog(page).getByLabel("Buyer").fill("123");
    await press(page, "Run");
    await dialog(page).getByText("not an account id of 12 digits").first().waitFor();
    await dialog(page).getByLabel("Buyer").fill(demoAccounts.buyer);
    await dialog(page).getByLabel("Product").fill(demoProducts.containerHourly);
    await shot(page, "workload-run");
    expect(await seriousFindings(page)).toEqual([]);
    await press(page, "Run");
    await page.getByRole("heading", { level: 1, name: /^ecs-/ }).waitFor();

    const block = page.getByRole("region", { name: "Environment", exact: true });
    await block.waitFor();
    await register(harness.meterhouse.endpoint, await block.innerText());
    await shot(page, "workload");
    expect(await seriousFindings(page)).toEqual([]);
    await page.getByText("Kubernetes", { exact: true }).click();
    await block.getByText("- name: AWS_REGION").waitFor();
    expect(page.url()).toContain("form=kubernetes");

    await harness.api("POST", "/clock/advance", { by: "90m" });
    await tab(page, "Metering");
    await grid(page, "Metering").getByText("5,400 (1 h 30 min 0 s)").waitFor();
    await shot(page, "workload-metering");
    await tab(page, "Usage");
    await grid(page, "Metering records").getByRole("row").nth(1).waitFor();
    await tab(page, "Calls");
    await grid(page, "Calls").getByText("RegisterUsage").waitFor();
    await press(page, "Stop");
    await dialog(page).getByText("Its credentials stop working at once").waitFor();
    await dialog(page).getByRole("button", { name: "Stop", exact: true }).click();
    await page.getByText("Stopped", { exact: true }).first().waitFor();
    expect(await page.getByRole("button", { name: "Start", exact: true }).getAttribute("aria-disabled")).toBe("true");
    await press(page, "Switch to dark colours");
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "workload-stopped-dark");
  });

  test("are listed with their registered seconds; an instance is started again", async () => {
    const { id } = await harness.api<{ id: string }>("POST", "/workloads", {
      ...{ kind: "ec2", account: demoAccounts.buyer, products: [demoProducts.ami] },
    });
    await harness.api("POST", `/workloads/${id}/stop`, {});
    const page = await harness.open("/workloads?state=stopped");
    await grid(page, "Workloads").getByRole("link", { name: id }).waitFor();
    await shot(page, "workloads");
    expect(await seriousFindings(page)).toEqual([]);
    await grid(page, "Workloads").getByRole("link", { name: id }).click();
    await page.getByText("The workload is stopped").waitFor();
    await press(page, "Start");
    await page.getByText("AWS_EC2_METADATA_SERVICE_ENDPOINT").waitFor();
  });

  test("who may only read sees no environment, and stops nothing", async () => {
    const { id } = await harness.api<{ id: string }>("POST", "/workloads", {
      ...{ kind: "fargate", account: demoAccounts.buyer },
    });
    const page = await openReader(harness, `/workloads/${id}`);
    await page.getByText("The environment is not shown").waitFor();
    expect(await page.getByRole("button", { name: "Stop", exact: true }).getAttribute("aria-disabled")).toBe("true");
    expect(await seriousFindings(page)).toEqual([]);
    await page.goto(`${harness.meterhouse.endpoint}/console/workloads/nowhere`);
    await page.getByText("There is no such workload").waitFor();
  });
});
