/** No secret reaches the trail: not its files, not what it answers, not the ring of exact bodies. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { keys, products, tokens } from "../support/catalog.ts";
import { startWire, type Wire, type WireCall } from "../support/wireClient.ts";

const dataDir = mkdtempSync(join(tmpdir(), "meterhouse-audit-"));
let wire: Wire;
beforeAll(async () => {
  wire = await startWire({ dataDir });
});
afterAll(async () => {
  await wire.close();
  rmSync(dataDir, { recursive: true, force: true });
});

function storedBytes(): string {
  return readdirSync(dataDir)
    .filter((name) => name.startsWith("meterhouse.db"))
    .map((name) => readFileSync(join(dataDir, name), "latin1"))
    .join("\n");
}

const twice = tokens.legacy.replaceAll("+", " ");
const resolve = (RegistrationToken: unknown, more: Partial<WireCall> = {}): WireCall => ({
  operation: "ResolveCustomer",
  request: { RegistrationToken },
  ...more,
});

/** Every way in which a token can come, right and wrong. */
const calls: readonly WireCall[] = [
  resolve(tokens.legacy),
  resolve(twice),
  resolve(encodeURIComponent(tokens.legacy)),
  resolve([tokens.legacy]),
  resolve({ token: tokens.legacy }),
  resolve(`${tokens.legacy} ${"x".repeat(600)}`),
  resolve(tokens.legacy, { request: { registrationToken: tokens.legacy } }),
  resolve(tokens.legacy, { body: `{"RegistrationToken":"${tokens.legacy}"` }),
  resolve(tokens.legacy, { body: JSON.stringify(tokens.legacy) }),
  resolve(tokens.legacy, { key: "allowsNothing" }),
  resolve(tokens.legacy, { operation: "BatchMeterUsage" }),
  resolve(tokens.legacy, { operation: "ResolveEverything" }),
  resolve(tokens.legacy, { sign: { wrongSecret: true } }),
  resolve(tokens.legacy, { key: "sellerSession" }),
  resolve(tokens.legacy, { key: "sellerSession", sign: { form: "query" } }),
  resolve(tokens.legacy, { sign: { form: "query" } }),
];

test("tokens, signatures and session tokens are nowhere", async () => {
  const { sessionToken = "?" } = wire.meterhouse.credentials[keys.sellerSession] ?? {};
  const secrets = [tokens.legacy, twice, encodeURIComponent(tokens.legacy), sessionToken];
  const requestIds: string[] = [];
  for (const call of calls) {
    const reply = await wire.call(call);
    requestIds.push(String(reply.headers["x-amzn-requestid"]));
  }
  const trail = JSON.stringify(await wire.meterhouse.cloudTrail());
  const bytes = storedBytes();
  let shown = 0;
  for (const requestId of requestIds) {
    const reply = await fetch(`${wire.meterhouse.endpoint}/api/v1/calls/${requestId}`, {
      headers: { authorization: `Bearer ${wire.meterhouse.adminToken}` },
    });
    const text = await reply.text();
    if (reply.status === 200) shown += 1;
    for (const secret of secrets) expect(text).not.toContain(secret);
    expect(text).not.toMatch(/Signature=[0-9a-f]{64}/);
  }
  expect(shown).toBeGreaterThan(8);
  for (const secret of secrets) {
    expect(trail).not.toContain(secret);
    expect(bytes).not.toContain(secret);
  }
  expect(bytes).not.toMatch(/Signature=[0-9a-f]{64}/);
});

test("a call is shown with its record and its exact bodies", async () => {
  const body = `{ "ProductCode":"${products.logs}",  "UsageRecords":[{}]}`;
  const sent = await wire.call({ body, headers: { "user-agent": "exact/1" } });
  const get = async (path: string) => {
    const reply = await fetch(`${wire.meterhouse.endpoint}/api/v1${path}`, {
      headers: { authorization: `Bearer ${wire.meterhouse.adminToken}` },
    });
    return { status: reply.status, json: JSON.parse(await reply.text()) };
  };
  const { json } = await get(`/calls/${sent.headers["x-amzn-requestid"]}`);
  expect(json.call).toMatchObject({ operation: "BatchMeterUsage", product: products.logs, outcome: sent.error });
  expect(json.record).toEqual((await wire.meterhouse.cloudTrail())[0]);
  expect(json.exchange.request).toMatchObject({ method: "POST", url: "/", body });
  expect(json.exchange.request.headers).toContainEqual({ name: "user-agent", value: "exact/1" });
  expect(json.exchange.request.headers).toContainEqual({
    name: "authorization",
    value: "HIDDEN_DUE_TO_SECURITY_REASONS",
  });
  expect(json.exchange.response).toMatchObject({ status: 400, body: sent.text });
  expect((await get("/calls/nobody")).status).toBe(404);
  expect((await get("/calls?cursor=nonsense")).status).toBe(422);

  const list = async (query: string) => (await get(`/calls?${query}`)).json.items as readonly { outcome: string }[];
  const all = await list("limit=1000");
  expect((await list("outcome=refused")).length + (await list("outcome=accepted")).length).toBe(all.length);
  expect(await list(`outcome=${sent.error}&product=${products.logs}`)).toHaveLength(1);
  expect(await list(`accessKeyId=${keys.allowsNothing}`)).toMatchObject([{ outcome: "AccessDeniedException" }]);
  expect(await list("operation=MeterUsage")).toEqual([]);
  expect(await list("from=2026-08-16T00:00:00Z")).toEqual([]);
  const first = (await get("/calls?limit=2")).json;
  const second = (await get(`/calls?limit=1000&cursor=${first.nextCursor}`)).json;
  expect([...first.items, ...second.items]).toEqual(all);
});
