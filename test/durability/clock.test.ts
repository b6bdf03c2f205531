/**
 * The business clock outlives its server: frozen it stands where it stood, at a multiple it has run on, following it
 * follows. Signatures stay on the wall clock whatever it does. A move that is killed in the middle can be made again,
 * and brings everything once.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  BatchMeterUsageCommand,
  MarketplaceMeteringClient,
  RegisterUsageCommand,
} from "@aws-sdk/client-marketplace-metering";
import { afterEach, expect, test } from "vitest";
import type { CatalogDocument } from "../../src/catalog/schema.ts";
import {
  endProcesses,
  makePlace,
  type Place,
  type ServerProcess,
  startServer,
  withStore,
} from "../support/serverProcess.ts";

const hour = 3_600_000;
const day = 24 * hour;
const sellerKey = { accessKeyId: "AKIACLOCKSELLER00001", secretAccessKey: "clock-seller-secret" };
const product = "clockproduct1234567890123";
const start = "2031-03-01T00:00:00.000Z";
const startAt = Date.parse(start);
const buyers = Array.from({ length: 300 }, (_, index) => String(400_000_000_000 + index));

/** Every agreement ends within the year that a test advances over. */
const catalog: CatalogDocument = {
  accounts: buyers.map((id) => ({ id })),
  credentials: [{ ...sellerKey, account: "111111111111", kind: "iam-user" }],
  products: [
    {
      code: product,
      seller: "111111111111",
      type: "saas-contract-with-consumption",
      createdAt: "2024-01-01T00:00:00Z",
      dimensions: ["requests"],
    },
  ],
  agreements: buyers.map((buyer, index) => ({
    id: `agmt-clock${index}`,
    product,
    buyer,
    state: "active",
    acceptedAt: "2031-02-27T00:00:00Z",
    since: "2031-02-28T00:00:00Z",
    endsAt: new Date(startAt + 200 * day + index * hour).toISOString(),
  })),
  settings: { quotas: "off" },
};

afterEach(endProcesses);

interface View {
  readonly now: string;
  readonly wall: string;
  readonly mode: string;
  readonly rate: number;
  readonly movingTo?: string;
}

async function ask(place: Place, server: ServerProcess, path = "", body?: unknown): Promise<View> {
  const token = readFileSync(join(place.dataDir, "admin.token"), "utf8").trim();
  const response = await fetch(`${server.endpoint}/api/v1/clock${path}`, {
    method: path === "" ? "GET" : "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    ...(path === "" ? {} : { body: JSON.stringify(body ?? {}) }),
  });
  const text = await response.text();
  expect(response.status, text).toBe(200);
  return JSON.parse(text) as View;
}

/** The official SDK signs with its own clock, which is the wall clock, and corrects it by `Date` when it is refused. */
async function meter({ endpoint }: ServerProcess, at: Date, buyer = buyers[0]): Promise<string | undefined> {
  let calls = 0;
  const client = new MarketplaceMeteringClient({ endpoint, region: "us-east-1", credentials: sellerKey });
  client.middlewareStack.add(
    (next) => (args) => {
      calls += 1;
      return next(args);
    },
    { step: "finalizeRequest", priority: "low" },
  );
  const answer = await client.send(
    new BatchMeterUsageCommand({
      ProductCode: product,
      UsageRecords: [{ CustomerAWSAccountId: buyer, Dimension: "requests", Quantity: 1, Timestamp: at }],
    }),
  );
  client.destroy();
  // Once: no attempt was refused for its time.
  expect(calls).toBe(1);
  return answer.Results?.[0]?.Status;
}

/** Stopped by a kill: nothing is written on the way out. */
async function restart(place: Place, server: ServerProcess, flags: readonly string[] = []): Promise<ServerProcess> {
  await server.kill();
  return startServer(place, { flags });
}

test("frozen and set: it stands where it stood, years from the wall clock", { timeout: 60_000 }, async () => {
  const place = makePlace(catalog);
  let server = await startServer(place);
  expect((await ask(place, server)).mode).toBe("following");
  await ask(place, server, "/set", { to: start });
  server = await restart(place, server);
  expect(await ask(place, server)).toMatchObject({ now: start, mode: "standing", rate: 0 });
  expect(await meter(server, new Date(startAt))).toBe("Success");
  await ask(place, server, "/advance", { by: "90m" });
  server = await restart(place, server);
  expect((await ask(place, server)).now).toBe("2031-03-01T01:30:00.000Z");
  const frozen = await ask(place, server, "/freeze");
  server = await restart(place, server);
  expect((await ask(place, server)).now).toBe(frozen.now);
  // What is given at the start holds, and is kept in its turn.
  server = await restart(place, server, ["--now", "2032-01-01T00:00:00Z"]);
  expect(await ask(place, server)).toMatchObject({ now: "2032-01-01T00:00:00.000Z", mode: "standing" });
  server = await restart(place, server);
  expect((await ask(place, server)).now).toBe("2032-01-01T00:00:00.000Z");
});

test("at a multiple: it has run on while the server was away", { timeout: 60_000 }, async () => {
  const place = makePlace(catalog);
  let server = await startServer(place, { flags: ["--now", start] });
  await ask(place, server, "/run", { rate: 1_000 });
  const before = await ask(place, server);
  expect(before).toMatchObject({ mode: "running", rate: 1_000 });
  expect(await meter(server, new Date(before.now))).toBe("Success");
  server = await restart(place, server);
  const after = await ask(place, server);
  expect(after).toMatchObject({ mode: "running", rate: 1_000 });
  const passed = (name: "now" | "wall"): number => Date.parse(after[name]) - Date.parse(before[name]);
  expect(passed("wall")).toBeGreaterThan(0);
  expect(passed("now")).toBe(1_000 * passed("wall"));
  expect(await meter(server, new Date(after.now), buyers[1])).toBe("Success");
});

test("following: it follows again, also after it stood", { timeout: 60_000 }, async () => {
  const place = makePlace({ ...catalog, agreements: [] });
  let server = await startServer(place, { flags: ["--now", start] });
  await ask(place, server, "/follow");
  server = await restart(place, server);
  const { mode, rate, now, wall } = await ask(place, server);
  expect({ mode, rate }).toEqual({ mode: "following", rate: 1 });
  expect(now).toBe(wall);
});

test("killed in the middle of an advance: made again, it brings everything once", { timeout: 120_000 }, async () => {
  const place = makePlace(catalog);
  let server = await startServer(place, { flags: ["--now", start] });
  const cut = ask(place, server, "/advance", { by: "365d" }).then(
    () => "answered",
    () => "cut",
  );
  // Served meanwhile, with the clock on its way.
  let seen = await ask(place, server);
  while (Date.parse(seen.now) <= startAt) seen = await ask(place, server);
  expect(seen.movingTo).toBe(new Date(startAt + 365 * day).toISOString());
  await server.kill();
  expect(await cut).toBe("cut");
  let half = 0;
  await withStore(place, async ({ outbox, catalog: stored }) => {
    half = (await outbox.notifications({}, { limit: 100_000 })).length;
    // Nothing was answered, so nothing was kept.
    expect(stored.clock()).toEqual({ mode: "standing", at: startAt });
  });
  expect(half).toBeGreaterThan(0);
  server = await startServer(place);
  expect((await ask(place, server)).now).toBe(start);
  const end = await ask(place, server, "/advance", { by: "365d" });
  expect(end).toMatchObject({ now: new Date(startAt + 365 * day).toISOString(), mode: "standing" });
  await server.kill();
  await withStore(place, async ({ outbox, catalog: stored }) => {
    const told = await outbox.notifications({}, { limit: 100_000 });
    expect(half).toBeLessThan(told.length);
    const times = told.map(({ at }) => at);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    for (const [index, { id, endsAt = 0, endedAt }] of stored.all().agreements.entries()) {
      expect(endsAt).toBe(startAt + 200 * day + index * hour);
      expect(endedAt).toBe(endsAt + hour);
      const events = told.filter(({ agreementId }) => agreementId === id).map(({ at, name }) => [endsAt - at, name]);
      expect(events).toEqual([
        ...[180, 120, 90, 60, 30].map((days) => [days * day, "Purchase Agreement Ending - Proposer"]),
        [0, "Purchase Agreement Ended - Proposer"],
        [0, "License Deprovisioned - Manufacturer"],
        [0, "unsubscribe-pending"],
        [0, "entitlement-updated"],
        [-hour, "unsubscribe-success"],
      ]);
    }
  });
});

test("killed while hours of tasks are metered: made again, each hour is there once", { timeout: 120_000 }, async () => {
  const host = buyers[0] ?? "";
  const hourly = "hourlyproduct123456789012";
  const tasks = [0, 1, 2].map((number) => ({
    accessKeyId: `ASIATASK0000000000${number}0`,
    secretAccessKey: `task-secret-${number}`,
    sessionToken: `task-session-${number}`,
    resource: `arn:aws:ecs:us-east-1:${host}:task/demo/${String(number).repeat(32)}`,
  }));
  const launched = new Date(startAt).toISOString();
  const place = makePlace({
    accounts: [{ id: host }],
    credentials: tasks.map((task) => ({
      ...task,
      account: host,
      kind: "ecs-task",
      region: "us-east-1",
      launchedAt: launched,
    })),
    products: [{ code: hourly, seller: "111111111111", type: "container-hourly", createdAt: "2024-01-01T00:00:00Z" }],
    agreements: [
      {
        product: hourly,
        buyer: host,
        state: "active",
        acceptedAt: "2031-02-28T00:00:00Z",
        since: "2031-02-28T00:00:00Z",
      },
    ],
  });
  let server = await startServer(place, { flags: ["--now", start] });
  for (const { resource: _, ...credentials } of tasks) {
    const client = new MarketplaceMeteringClient({ endpoint: server.endpoint, region: "us-east-1", credentials });
    await client.send(new RegisterUsageCommand({ ProductCode: hourly, PublicKeyVersion: 1 }));
    client.destroy();
  }
  const days = 120;
  const cut = ask(place, server, "/advance", { by: `${days}d` }).then(
    () => "answered",
    () => "cut",
  );
  while (Date.parse((await ask(place, server)).now) <= startAt);
  await server.kill();
  expect(await cut).toBe("cut");
  const count = async (): Promise<number> => {
    let found = 0;
    await withStore(place, async ({ ledger }) => {
      found = (await ledger.count({})).count;
    });
    return found;
  };
  const all = days * 24 * tasks.length;
  const half = await count();
  expect(half).toBeGreaterThan(0);
  expect(half).toBeLessThan(all);
  server = await startServer(place);
  await ask(place, server, "/advance", { by: `${days}d` });
  await server.kill();
  expect(await count()).toBe(all);
  await withStore(place, async ({ ledger, audit }) => {
    const events = await audit.events({ operation: "RegisterUsage" }, 100_000);
    const times = events.filter(({ outcome }) => outcome === "Metered").map(({ at }) => at);
    // The newest first; the trail keeps 90 days.
    expect(times.length).toBeGreaterThan(80 * 24 * tasks.length);
    expect(times).toEqual(times.toSorted((a, b) => b - a));
    for (const { resource } of tasks) {
      const records = await ledger.records({ resource }, all);
      const expected = Array.from({ length: days * 24 }, (_, index) => startAt + index * hour);
      expect(records.map(({ hourAt }) => hourAt)).toEqual(expected);
      expect(
        records.every(({ hourAt, receivedAt, quantity }) => quantity === 3_600 && receivedAt === hourAt + hour),
      ).toBe(true);
    }
  });
});
