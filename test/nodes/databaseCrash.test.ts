/** The database crashes under two servers: what was kept in unlogged tables is gone, everything else is there. */
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { type Meterhouse, startMeterhouse } from "../../src/index.ts";
import { createDatabase, type PostgresServer, startPostgres, type TestDatabase } from "../support/postgres.ts";

const soon = { timeout: 25_000, interval: 50 };

let server: PostgresServer;
let database: TestDatabase;
let nodes: Meterhouse[];

beforeAll(async () => {
  // One of its own: all tests' other connections would break with it.
  server = await startPostgres();
});
afterAll(() => server?.stop());

beforeEach(async () => {
  vi.stubEnv("METERHOUSE_MASTER_KEY", "07".repeat(32));
  database = await createDatabase(server);
  nodes = [];
});
afterEach(async () => {
  for (const node of nodes) await node.close();
  await database.drop();
  vi.unstubAllEnvs();
});

async function start(): Promise<Meterhouse> {
  const node = await startMeterhouse({ database: database.url, now: "2026-08-15T10:20:00Z" });
  nodes.push(node);
  return node;
}

/** A server that loses a process by SIGKILL takes its memory for broken, and recovers as after a crash. */
async function crash(): Promise<void> {
  const client = new pg.Client({ connectionString: database.url });
  const ended = new Promise<void>((resolve) => client.once("end", () => resolve()));
  client.on("error", () => {});
  await client.connect();
  const { rows } = await client.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
  process.kill(rows[0]?.pid ?? Number.NaN, "SIGKILL");
  await ended;
}

test("faults and rates begin anew, sessions and keys stay, and both servers go on", async () => {
  const [one, other] = [await start(), await start()];
  const session = await fetch(`${one.endpoint}/api/v1/session`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ adminToken: one.adminToken }),
  });
  const cookie = session.headers.get("set-cookie")?.split(";")[0] ?? "";
  one.plan({ kind: "throttle", untilRemoved: true });
  await vi.waitFor(() => {
    for (const node of nodes) expect(node.plannedFaults()).toHaveLength(1);
  }, soon);
  await crash();
  await vi.waitFor(async () => {
    for (const node of nodes) expect((await fetch(`${node.endpoint}/readyz`)).status).toBe(200);
    for (const node of nodes) expect(node.plannedFaults()).toEqual([]);
  }, soon);
  await vi.waitFor(async () => {
    for (const node of nodes) {
      const found = await fetch(`${node.endpoint}/api/v1/session`, { headers: { cookie } });
      expect(found.status).toBe(200);
    }
  }, soon);
  other.plan({ kind: "throttle" });
  await vi.waitFor(() => expect(one.plannedFaults()).toHaveLength(1), soon);
  expect((await start()).adminToken).toBe(one.adminToken);
});
