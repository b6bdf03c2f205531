/** What holds over servers that share one PostgreSQL database: rates, planned faults, sessions, keys. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  GetEntitlementsCommand,
  MarketplaceEntitlementServiceClient,
} from "@aws-sdk/client-marketplace-entitlement-service";
import { BatchMeterUsageCommand, MarketplaceMeteringClient } from "@aws-sdk/client-marketplace-metering";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Meterhouse, type MeterhouseOptions, startMeterhouse } from "../../src/index.ts";
import { createDatabase, type TestDatabase } from "../support/postgres.ts";

const soon = { timeout: 20_000, interval: 10 };
const now = "2026-08-15T10:20:00Z";
const seller = { accessKeyId: "AKIAEXAMPLESELLER0", secretAccessKey: "example-secret" };
const [product, customer] = ["myproduct", "444455556666"];
const catalog = {
  credentials: [{ ...seller, account: "111122223333", kind: "iam-user" }],
  products: [
    {
      code: product,
      seller: "111122223333",
      type: "saas-subscription",
      createdAt: "2024-01-01T00:00:00Z",
      dimensions: ["requests"],
    },
  ],
  accounts: [{ id: customer, name: "A buyer" }],
};

let database: TestDatabase;
let nodes: Meterhouse[];
let folders: string[];

beforeEach(async () => {
  vi.stubEnv("METERHOUSE_MASTER_KEY", "07".repeat(32));
  vi.stubEnv("METERHOUSE_ADMIN_TOKEN", "");
  database = await createDatabase();
  nodes = [];
  folders = [];
});

afterEach(async () => {
  for (const node of nodes) await node.close();
  await database.drop();
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  vi.unstubAllEnvs();
});

async function start(more: MeterhouseOptions = {}): Promise<Meterhouse> {
  const node = await startMeterhouse({ catalog, database: database.url, now, ...more });
  nodes.push(node);
  return node;
}

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "meterhouse-node-"));
  folders.push(made);
  return made;
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: the wire has no types
  readonly body: any;
}

async function ask(
  { endpoint, adminToken }: Meterhouse,
  method: string,
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = { authorization: `Bearer ${adminToken}` },
): Promise<Answer> {
  const response = await fetch(`${endpoint}/api/v1${path}`, {
    method,
    headers: { ...headers, ...(body === undefined ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === "" ? undefined : JSON.parse(text) };
}

function entitlements({ endpoint }: Meterhouse) {
  const client = new MarketplaceEntitlementServiceClient({
    ...{ endpoint, region: "us-east-1", credentials: seller, maxAttempts: 1 },
  });
  return client.send(new GetEntitlementsCommand({ ProductCode: product }));
}

async function outcomes(calls: readonly Promise<unknown>[]): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {};
  for (const answer of await Promise.allSettled(calls)) {
    const name = answer.status === "fulfilled" ? "Success" : String(answer.reason.name);
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

test("a quota is one, however the calls are spread", async () => {
  const settings = { quotas: "aws" } as const;
  const [one, other] = [
    await start({ settings, rateClock: "business" }),
    await start({ settings, rateClock: "business" }),
  ];
  const spread = Array.from({ length: 32 }, (_, index) => entitlements(index % 3 === 0 ? one : other));
  expect(await outcomes(spread)).toEqual({ Success: 10, ThrottlingException: 22 });
  await one.clock.advance("500ms");
  await vi.waitFor(() => expect(other.clock.now()).toEqual(one.clock.now()), soon);
  expect(await outcomes(Array.from({ length: 12 }, () => entitlements(other)))).toEqual({
    ...{ Success: 5, ThrottlingException: 7 },
  });
  // Nothing that was throttled left a trail.
  expect(await other.cloudTrail({ operation: "GetEntitlements" })).toHaveLength(15);
});

test("a fault that is planned on one node strikes on all, as often as it was planned, and all of them tell", async () => {
  const [one, other] = [await start(), await start()];
  const planned = await ask(one, "POST", "/faults", { kind: "error", times: 3, operation: "BatchMeterUsage" });
  expect(planned.status).toBe(201);
  await vi.waitFor(() => expect(other.plannedFaults()).toHaveLength(1), soon);
  const meter = ({ endpoint }: Meterhouse) =>
    new MarketplaceMeteringClient({ endpoint, region: "us-east-1", credentials: seller, maxAttempts: 1 }).send(
      new BatchMeterUsageCommand({
        ProductCode: product,
        UsageRecords: [
          { CustomerAWSAccountId: customer, Dimension: "requests", Quantity: 1, Timestamp: new Date(now) },
        ],
      }),
    );
  expect(await outcomes([meter(other)])).toEqual({ InternalServiceErrorException: 1 });
  const { body } = await ask(one, "GET", "/faults");
  expect(body.items).toMatchObject([{ id: planned.body.id, left: 2, matched: 1, hits: 1 }]);
  const rest = await outcomes(Array.from({ length: 8 }, (_, index) => meter(index % 2 === 0 ? one : other)));
  expect(rest.InternalServiceErrorException).toBe(2);
  for (const node of [one, other]) {
    expect((await ask(node, "GET", "/faults")).body.items).toEqual([]);
    expect((await ask(node, "GET", "/calls?fault=true")).body.items).toHaveLength(3);
  }
  // Which node answered is in its memory alone, and the other says so.
  const [{ requestId }] = (await ask(one, "GET", "/calls?fault=true")).body.items;
  const views = [await ask(one, "GET", `/calls/${requestId}`), await ask(other, "GET", `/calls/${requestId}`)];
  expect(views.filter((view) => view.body.exchange !== undefined)).toHaveLength(1);
  const absent = views.find((view) => view.body.exchange === undefined);
  expect(absent?.body.exchangeNote).toContain("Each node keeps those that it answered itself");
  const unknown = await ask(one, "GET", "/calls/untraced/none");
  expect(unknown.body.detail).toContain("another one may have these");
});

test("a browser signs in by one node's link at another, and its session holds on all until it ends on one", async () => {
  const [one, other] = [await start(), await start()];
  const made = await ask(one, "POST", "/console-links", {});
  const link = /#sign-in=(.+)$/.exec(made.body.url)?.[1];
  const opened = await ask(other, "POST", "/session", { link }, {});
  expect(opened.status).toBe(201);
  expect((await ask(one, "POST", "/session", { link }, {})).status).toBe(401);
  const cookie = opened.headers.get("set-cookie")?.split(";")[0] ?? "";
  const { csrf } = opened.body;
  for (const node of [one, other]) {
    expect((await ask(node, "GET", "/session", undefined, { cookie })).body).toMatchObject({ name: "root", csrf });
    const headers = { cookie, "x-meterhouse-csrf": csrf };
    expect((await ask(node, "POST", "/clock/advance", { by: "1s" }, headers)).status).toBe(200);
    expect((await ask(node, "POST", "/clock/advance", { by: "1s" }, { cookie })).status).toBe(403);
  }
  // Nothing that is kept opens a session.
  const [row] = await database.query<{ all: string }>("SELECT row_to_json(s)::text AS all FROM console_sessions s");
  for (const secret of [cookie.split("=")[1] ?? "", csrf]) expect(row?.all).not.toContain(secret);
  const ended = await ask(other, "DELETE", "/session", undefined, { cookie, "x-meterhouse-csrf": csrf });
  expect(ended.status).toBe(204);
  expect((await ask(one, "GET", "/session", undefined, { cookie })).status).toBe(401);
});

test("a session outlives its node, and ends with the root token that it came by", async () => {
  const one = await start();
  const opened = await ask(one, "POST", "/session", { adminToken: one.adminToken }, {});
  const cookie = opened.headers.get("set-cookie")?.split(";")[0] ?? "";
  await one.close();
  nodes = [];
  const next = await start();
  expect((await ask(next, "GET", "/session", undefined, { cookie })).status).toBe(200);
  vi.stubEnv("METERHOUSE_ADMIN_TOKEN", "another-root-token");
  const other = await start();
  expect(other.adminToken).toBe("another-root-token");
  expect((await ask(other, "GET", "/session", undefined, { cookie })).status).toBe(401);
});

test("keys that the first node makes are those of all, with nothing copied", async () => {
  const [first, second] = [folder(), folder()];
  writeFileSync(join(second, "admin.token"), "of-its-own\n", { mode: 0o600 });
  const [one, other] = [await start({ dataDir: first }), await start({ dataDir: second })];
  expect(other.adminToken).toBe(one.adminToken);
  // What the command line of its machine reads.
  expect(readFileSync(join(second, "admin.token"), "utf8").trim()).toBe(one.adminToken);
  expect(statSync(join(second, "admin.token")).mode & 0o777).toBe(0o600);
  const pod = { kind: "eks", account: customer } as const;
  const [here] = [await one.runWorkload(pod)];
  const issuers = await vi.waitFor(async () => {
    const found = await Promise.all([one, other].map((node) => jwksOf(node, here.environment)));
    expect(found[1]).toEqual(found[0]);
    return found;
  }, soon);
  expect(issuers[0]).toHaveLength(1);
  for (const each of [first, second]) {
    expect(readdirSync(each).filter((name) => name.endsWith(".sealed"))).toEqual([]);
  }
  const kept = await database.query<{ name: string; sealed: string }>("SELECT * FROM sealed_keys ORDER BY name");
  expect(kept.map(({ name }) => name)).toEqual(["marketplace-forms", "root-admin-token", "workload-identity"]);
  for (const { sealed } of kept) expect(sealed).toMatch(/^v1\.[\w-]+$/);
  expect(JSON.stringify(kept)).not.toContain(one.adminToken);
});

test("nodes that start at once agree on the root token", async () => {
  const started = await Promise.all([start(), start(), start()]);
  expect(new Set(started.map(({ adminToken }) => adminToken)).size).toBe(1);
});

test("a node with another master key is refused, and told which key is wanted", async () => {
  await start();
  vi.stubEnv("METERHOUSE_MASTER_KEY", "08".repeat(32));
  await expect(start()).rejects.toThrow(/sealed under another master key.*METERHOUSE_MASTER_KEY/s);
});

test("the month to come is there before it is needed", async () => {
  await start({ now: "2026-12-31T23:59:00Z" });
  await vi.waitFor(async () => {
    const rows = await database.query<{ name: string }>(
      "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'usage'::regclass ORDER BY 1",
    );
    expect(rows.map(({ name }) => name)).toEqual(["usage_2026_12", "usage_2027_01"]);
  }, soon);
});

async function jwksOf({ endpoint }: Meterhouse, environment: Readonly<Record<string, string>>): Promise<unknown[]> {
  const file = environment.AWS_WEB_IDENTITY_TOKEN_FILE ?? "";
  const [, payload = ""] = readFileSync(file, "utf8").split(".");
  const { iss } = JSON.parse(Buffer.from(payload, "base64url").toString("utf8")) as { iss: string };
  const answer = await fetch(`${endpoint}${new URL(iss).pathname}/keys`);
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { keys: unknown[] }).keys;
}
