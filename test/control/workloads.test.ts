/** The resource `workloads` over the real service: its forms, its events, and who may read an environment. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Meterhouse, startMeterhouse } from "../../src/index.ts";
import type { Json } from "./harness.ts";

const buyer = "444455556666";
let meterhouse: Meterhouse;
beforeAll(async () => {
  meterhouse = await startMeterhouse({ now: "2026-08-15T10:20:00Z" });
});
afterAll(() => meterhouse.close());

async function call(method: string, path: string, body?: object, token = meterhouse.adminToken) {
  const answer = await fetch(`${meterhouse.endpoint}/api/v1${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.status, body: (await answer.json()) as Json };
}

test("run, list, get, stop: with an event each, at business time", async () => {
  const made = await call("POST", "/workloads", { kind: "fargate", account: buyer, id: "web-1", region: "eu-west-1" });
  expect(made).toMatchObject({ status: 201, body: { state: "running", launchedAt: "2026-08-15T10:20:00.000Z" } });
  expect((await call("GET", "/workloads?kind=fargate&state=running")).body.items).toEqual([made.body]);
  await meterhouse.clock.advance("2h");
  const stopped = await call("POST", "/workloads/web-1/stop", { at: "2026-08-15T11:00:00Z" });
  expect(stopped.body).toMatchObject({ state: "stopped", stoppedAt: "2026-08-15T11:00:00.000Z" });
  // A second stop changes nothing.
  expect((await call("POST", "/workloads/web-1/stop", {})).body).toEqual(stopped.body);
  expect((await call("GET", "/workloads/web-1")).body).toEqual(stopped.body);
  const events = (await call("GET", "/events")).body.items as { action: string; target: string; actor: string }[];
  expect(events.filter((one) => one.target === "web-1").map((one) => one.action)).toEqual([
    "workload.stop",
    "workload.stop",
    "workload.run",
  ]);
});

test("an environment is for those who may change things", async () => {
  await call("POST", "/workloads", { kind: "ecs", account: buyer, id: "web-2" });
  const { body } = await call("POST", "/admin-tokens", { name: "reader", role: "read" });
  const refused = await call("GET", "/workloads/web-2/environment", undefined, body.token);
  expect(refused).toMatchObject({ status: 403, body: { detail: expect.stringContaining("role 'full'") } });
  expect(JSON.stringify((await call("GET", "/workloads", undefined, body.token)).body)).not.toMatch(/token/i);
  const { variables } = (await call("GET", "/workloads/web-2/environment?url=http://localhost:80")).body;
  expect(variables.AWS_CONTAINER_CREDENTIALS_FULL_URI).toBe("http://localhost:80/workloads/web-2/ecs/credentials");
});

test("what is wrong names its member", async () => {
  const pointerOf = async (body: object) => (await call("POST", "/workloads", body)).body.errors?.[0]?.pointer;
  expect(await pointerOf({ kind: "lambda", account: buyer })).toBe("/kind");
  expect(await pointerOf({ kind: "ecs", account: "123456789012" })).toBe("/account");
  expect(await pointerOf({ kind: "ecs", account: buyer, products: ["nothing"] })).toBe("/products/0");
  expect(await pointerOf({ kind: "ec2", account: buyer, cluster: "c" })).toBe("/cluster");
  expect(await pointerOf({ kind: "ecs", account: buyer, launchedAt: "2027-01-01T00:00:00Z" })).toBe("/launchedAt");
  expect((await call("POST", "/workloads", { kind: "ecs", account: buyer, id: "web-2" })).status).toBe(409);
  expect((await call("GET", "/workloads/nobody")).status).toBe(404);
  expect((await call("POST", "/workloads/web-2/stop", { at: "2020-01-01T00:00:00Z" })).status).toBe(422);
});
