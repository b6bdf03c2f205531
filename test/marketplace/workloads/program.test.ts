/** The sample container program: started by its environment, metering again and again, stopped by a signal. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { buyer, endPrograms, products, type Site, startProgram, startSite, stranger } from "./site.ts";

const program = "../../../examples/container/main.mjs";

let site: Site;
beforeAll(async () => {
  site = await startSite();
});
afterEach(endPrograms);
afterAll(() => site.close());

test("meters hour after hour until it is told to stop", async () => {
  const agent = await site.meterhouse.runWorkload({ kind: "agentcore", account: buyer, product: products.agent });
  const running = startProgram(
    { ...agent.environment, PRODUCT_CODE: products.agent, DIMENSION: "calls", INTERVAL_MS: "100" },
    program,
  );
  const ids = [(await running.next()).MeteringRecordId, await running.next(), await running.next()];
  expect(ids).toHaveLength(3);
  running.signal("SIGTERM");
  expect(await running.exit).toBe(0);
  // SPEC M-31: an agent's records add up.
  expect((await site.meterhouse.records({ productCode: products.agent })).length).toBeGreaterThanOrEqual(3);
});

test("registers, and lives until it is told to stop", async () => {
  const task = await site.meterhouse.runWorkload({ kind: "fargate", account: buyer, product: products.hourly });
  const running = startProgram({ ...task.environment, PRODUCT_CODE: products.hourly }, program);
  expect(await running.next()).toMatchObject({ event: "registered", signature: expect.any(String) });
  running.signal("SIGTERM");
  expect(await running.next()).toEqual({ event: "stopped" });
  expect(await running.exit).toBe(0);
});

test("R-14: ends when its account is not entitled", async () => {
  const task = await site.meterhouse.runWorkload({ kind: "ecs", account: stranger, product: products.hourly });
  const running = startProgram({ ...task.environment, PRODUCT_CODE: products.hourly }, program);
  expect(await running.next()).toMatchObject({ event: "refused", name: "CustomerNotEntitledException" });
  expect(await running.exit).toBe(1);
});
