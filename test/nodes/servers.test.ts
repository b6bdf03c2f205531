/** Two servers over one PostgreSQL database: whichever of them is asked, the answers are those of one. */
import {
  BatchMeterUsageCommand,
  MarketplaceMeteringClient,
  ResolveCustomerCommand,
} from "@aws-sdk/client-marketplace-metering";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Meterhouse, startMeterhouse } from "../../src/index.ts";
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
    { code: "boxed", seller: "111122223333", type: "container-hourly", createdAt: "2024-01-01T00:00:00Z" },
  ],
  accounts: [{ id: customer, name: "A buyer" }],
};

let database: TestDatabase;
let nodes: Meterhouse[];

beforeEach(async () => {
  // As nodes share it: their data folders are their own.
  vi.stubEnv("METERHOUSE_MASTER_KEY", "07".repeat(32));
  database = await createDatabase();
  nodes = [];
});

afterEach(async () => {
  for (const node of nodes) await node.close();
  await database.drop();
  vi.unstubAllEnvs();
});

async function start(): Promise<Meterhouse> {
  const node = await startMeterhouse({ catalog, database: database.url, now });
  nodes.push(node);
  return node;
}

function clientOf({ endpoint }: Meterhouse): MarketplaceMeteringClient {
  return new MarketplaceMeteringClient({ endpoint, region: "us-east-1", credentials: seller });
}

function batch(node: Meterhouse, quantity: number) {
  const record = { CustomerAWSAccountId: customer, Dimension: "requests", Quantity: quantity };
  return clientOf(node).send(
    new BatchMeterUsageCommand({
      ProductCode: product,
      UsageRecords: [{ ...record, Timestamp: new Date(now) }],
    }),
  );
}

/** Each of them knows of the agreement in this state. */
async function allKnow(state: string): Promise<void> {
  await vi.waitFor(async () => {
    for (const { endpoint, adminToken } of nodes) {
      const answer = await fetch(`${endpoint}/api/v1/agreements`, {
        headers: { authorization: `Bearer ${adminToken}` },
      });
      expect(await answer.json()).toMatchObject({ items: [{ state }] });
    }
  }, soon);
}

test("nodes that start at once load one catalogue; a record that goes to both is stored once", async () => {
  const [one, other] = await Promise.all([start(), start()]);
  await vi.waitFor(() => expect(other.publicKey("boxed", 1)).toBe(one.publicKey("boxed", 1)), soon);
  await one.subscribe({ product, customer });
  await allKnow("active");
  const answers = await Promise.all([one, other, one, other].map((node) => batch(node, 5)));
  const results = answers.map(({ Results: [result] = [] }) => result);
  expect(results.map((result) => result?.Status)).toEqual(Array(4).fill("Success"));
  expect(new Set(results.map((result) => result?.MeteringRecordId)).size).toBe(1);
  expect((await batch(other, 6)).Results?.[0]?.Status).toBe("DuplicateRecord");
  expect(await other.records()).toHaveLength(1);
});

test("a token of one node is resolved by the other; what ended there is not metered here", async () => {
  const [one, other] = [await start(), await start()];
  await one.subscribe({ product, customer });
  const RegistrationToken = await one.issueToken({ product, customer });
  await allKnow("active");
  await vi.waitFor(async () => {
    const resolved = await clientOf(other).send(new ResolveCustomerCommand({ RegistrationToken }));
    expect(resolved).toMatchObject({ ProductCode: product, CustomerAWSAccountId: customer });
  }, soon);
  expect((await batch(other, 5)).Results?.[0]?.Status).toBe("Success");
  await one.marketplace.unsubscribeSuccess({ product, customer });
  await one.clock.advance("1h");
  await vi.waitFor(async () => expect(other.clock.now()).toEqual(one.clock.now()), soon);
  expect((await batch(other, 7)).Results?.[0]?.Status).not.toBe("Success");
});

test("the clock is one, whichever node moves it, and what is due comes once", async () => {
  const [one, other] = [await start(), await start()];
  await one.subscribe({ product, customer });
  await allKnow("active");
  await one.marketplace.cancel({ product, customer });
  await allKnow("final-hour");
  // Both go through the end of the final hour.
  await Promise.all([one.clock.advance("2h"), other.clock.advance("2h")]);
  await vi.waitFor(() => expect(other.clock.now()).toEqual(one.clock.now()), soon);
  expect(one.clock.now().getTime()).toBeGreaterThanOrEqual(Date.parse(now) + 2 * 3_600_000);
  for (const node of [one, other]) {
    const told = await node.notifications({ form: "sns" });
    expect(told.map(({ name }) => name)).toEqual(["subscribe-success", "unsubscribe-pending", "unsubscribe-success"]);
  }
});

test("a node that has lost its database says so, and takes calls again when it is back", async () => {
  const node = await start();
  const ready = async () => {
    const answer = await fetch(`${node.endpoint}/readyz`);
    return { status: answer.status, body: await answer.text() };
  };
  expect(await ready()).toMatchObject({ status: 200 });
  const [{ name } = { name: "" }] = await database.query<{ name: string }>("SELECT current_database() AS name");
  await database.admin(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
  await database.admin(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`);
  await vi.waitFor(async () => {
    expect(await ready()).toMatchObject({ status: 503, body: expect.stringMatching(/PostgreSQL at 127\.0\.0\.1:\d+/) });
  }, soon);
  expect((await ready()).body).not.toContain("password@");
  await database.admin(`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`);
  await vi.waitFor(async () => expect(await ready()).toMatchObject({ status: 200 }), soon);
  await node.subscribe({ product, customer });
  expect((await batch(node, 5)).Results?.[0]?.Status).toBe("Success");
});
