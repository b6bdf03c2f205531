/** What the log tells: each failure and each change, by the request's id; never a secret. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { createLog, terminalLine } from "../../src/log.ts";
import type { SqliteStore } from "../../src/store/sqlite/open.ts";
import { startTestService, type TestService } from "../support/service.ts";
import { createSignedClient, type SignedClient } from "../support/signedClient.ts";
import {
  agentDimension,
  agentKey,
  agentProduct,
  batchSupply,
  loadToken,
  sellerKey,
  taskKey,
  usageCatalog,
} from "../support/usageCatalog.ts";

type Line = Readonly<Record<string, unknown>>;

let lines: string[];
let running: TestService;
let client: SignedClient;

beforeEach(async () => {
  lines = [];
  running = await startTestService(usageCatalog({ buyers: 5 }), {
    log: createLog("debug", (line) => lines.push(line)),
  });
  client = createSignedClient(running.service.url);
});
afterEach(async () => {
  client.close();
  await running.close();
});

function told(message: string): readonly Line[] {
  return lines.map((line) => JSON.parse(line) as Line).filter(({ msg }) => msg === message);
}

async function control(
  method: string,
  path: string,
  body?: object,
): Promise<{ readonly id: string; readonly status: number; readonly json: Line }> {
  const answer = await fetch(`${running.service.url}/api/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${running.service.adminToken}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return {
    id: answer.headers.get("x-request-id") ?? "",
    status: answer.status,
    json: text === "" ? {} : (JSON.parse(text) as Line),
  };
}

const meter = (token: string) =>
  client.call(
    "MeterUsage",
    {
      ProductCode: agentProduct,
      Timestamp: Math.floor(Date.now() / 1_000),
      UsageDimension: agentDimension,
      UsageQuantity: 1,
      ClientToken: token,
    },
    agentKey,
  );

test("a call that fails by our fault is told with its request id and why; one that is refused is not", async () => {
  const { database } = running.service.store as SqliteStore;
  database.exec("PRAGMA query_only = ON");
  const failed = await meter("t-1");
  database.exec("PRAGMA query_only = OFF");
  expect(failed.status).toBe(500);
  expect(told("call failed")).toEqual([
    expect.objectContaining({
      level: 50,
      requestId: failed.requestId,
      operation: "MeterUsage",
      accessKeyId: agentKey.accessKeyId,
      exception: "InternalServiceErrorException",
      err: expect.objectContaining({ message: expect.stringContaining("readonly") }),
    }),
  ]);
  const refused = await client.call("BatchMeterUsage", { ProductCode: "nosuchproduct", UsageRecords: [] }, sellerKey);
  expect(refused.status).toBe(400);
  expect(told("call failed")).toHaveLength(1);
});

test("a planned fault is told as one", async () => {
  await control("POST", "/faults", { kind: "error", operation: "MeterUsage", times: 1 });
  const struck = await meter("t-2");
  if (struck.status !== 500) throw new Error(`the fault did not strike: ${struck.text}`);
  expect(told("call failed")).toEqual([]);
  expect(told("call struck by a planned fault")).toMatchObject([
    { level: 30, requestId: struck.requestId, faults: [{}] },
  ]);
});

test("each change over the control plane is told with its request id, who made it, and the event", async () => {
  const { id, status } = await control("POST", "/accounts", { id: "640000000001", name: "New" });
  expect([status, id]).toEqual([201, expect.stringMatching(/^[0-9a-f-]{36}$/)]);
  const { json } = await control("GET", "/events?limit=1");
  const [event] = json.items as readonly Line[];
  expect(told("changed").at(-1)).toMatchObject({
    ...{ level: 30, requestId: id, actor: "root", action: "account.create", target: "640000000001", event: event?.id },
  });
  const before = told("changed").length;
  await control("GET", "/accounts");
  expect((await control("POST", "/accounts", { id: "640000000001" })).status).toBe(409);
  expect(told("changed")).toHaveLength(before);
});

test("a change that fails by our fault is told with the id that the answer carries", async () => {
  const { database } = running.service.store as SqliteStore;
  database.exec("PRAGMA query_only = ON");
  const { id, status } = await control("POST", "/accounts", { id: "640000000002" });
  database.exec("PRAGMA query_only = OFF");
  expect(status).toBeGreaterThanOrEqual(500);
  expect(told("control request failed")).toMatchObject([{ level: 50, requestId: id, path: "/api/v1/accounts" }]);
});

test("no secret is in any line, whatever goes wrong", async () => {
  const made = await control("POST", "/credentials", {
    account: "610000000001",
    kind: "assumed-role",
    accessKeyId: "ASIANEWKEY0000000001",
  });
  expect(made.status).toBe(201);
  const admin = await control("POST", "/admin-tokens", { name: "ops", role: "full" });
  expect(admin.status).toBe(201);
  const { database } = running.service.store as SqliteStore;
  const secretsThatFail = async (): Promise<void> => {
    await client.call("ResolveCustomer", { RegistrationToken: loadToken }, sellerKey);
    await client.call("BatchMeterUsage", batchSupply(Date.now(), 5)(1), {
      ...sellerKey,
      secretAccessKey: "a-wrong-secret-key",
    });
    await client.call("RegisterUsage", { ProductCode: agentProduct, PublicKeyVersion: 1 }, taskKey);
    await meter("t-3");
    await control("POST", "/credentials", {
      account: "610000000001",
      kind: "iam-user",
      secretAccessKey: "a-secret-that-was-brought-along",
    });
    await control("POST", "/accounts", { nonsense: "a-secret-that-was-brought-along" });
  };
  await secretsThatFail();
  database.exec("PRAGMA query_only = ON");
  await secretsThatFail();
  database.exec("PRAGMA query_only = OFF");
  const log = createLog("debug", (line) => lines.push(line));
  const credential = { ...sellerKey, sessionToken: agentKey.sessionToken };
  log.error({ ...credential, credential, authorization: "Bearer word" }, "on purpose");
  const text = lines.join("");
  expect(told("call failed").length + told("control request failed").length).toBeGreaterThan(2);
  const secrets = [
    ...[running.service.adminToken, loadToken, "a-wrong-secret-key", "a-secret-that-was-brought-along", "Bearer word"],
    ...[sellerKey, agentKey, taskKey].flatMap(({ secretAccessKey, sessionToken }) => [
      secretAccessKey,
      sessionToken ?? "-----",
    ]),
    ...[made.json.secretAccessKey, made.json.sessionToken, admin.json.token].map(String),
  ];
  for (const secret of secrets) {
    expect(secret.length).toBeGreaterThan(4);
    expect(text).not.toContain(secret);
  }
  expect(text).not.toMatch(/Signature=[0-9a-f]{64}|v1\.[A-Za-z0-9_-]{40}|BEGIN (RSA )?PRIVATE KEY/);
});

test("on a terminal a line is one for people, and obeys nobody", () => {
  const json = {
    level: 50,
    time: Date.UTC(2026, 7, 15, 10, 20, 3, 125),
    msg: "call failed",
    requestId: "r-1",
    why: "two words\u001b[2J",
    err: { stack: "Error: x\n    at y" },
  };
  expect(terminalLine(JSON.stringify(json))).toBe(
    '10:20:03.125 ERROR call failed  requestId=r-1 why="two words\\u001b[2J"\n  Error: x\n      at y\n',
  );
});
