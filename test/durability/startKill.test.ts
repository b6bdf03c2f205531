/** Kills while a server starts for the first time and makes its key, its schema and its catalogue: the next start works. */
import { existsSync, type FSWatcher, mkdirSync, readdirSync, readFileSync, statSync, watch } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeAll, expect, test, vi } from "vitest";
import { endProcesses, launch, makePlace, type Place, startServer } from "../support/serverProcess.ts";
import { createSignedClient } from "../support/signedClient.ts";
import {
  agentDimension,
  agentKey,
  agentProduct,
  batchSupply,
  hourlyProduct,
  sellerKey,
  taskKey,
  usageCatalog,
} from "../support/usageCatalog.ts";

const buyers = 100;
const catalog = usageCatalog({ buyers, hourly: true });
let startMs: number;

// Whole processes on a machine that is busy with others.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

beforeAll(async () => {
  const startedAt = performance.now();
  await (await startServer(makePlace(catalog))).kill();
  startMs = performance.now() - startedAt;
  await endProcesses();
});

afterEach(endProcesses);

// In the order in which they appear.
const files = [
  "master.key",
  "admin.token",
  "meterhouse.lock",
  "meterhouse.db",
  "meterhouse.db-journal",
  "meterhouse.db-wal",
];
for (const name of files) {
  test(`killed when ${name} appears`, async () => {
    const place = makePlace(catalog);
    await killedStart(place, await appearance(place, (file) => file === name));
    await expectGoodStart(place);
  });
}

for (const name of ["master.key", "admin.token"]) {
  test(`killed while ${name} is a draft`, async () => {
    const place = makePlace(catalog);
    await killedStart(place, await appearance(place, (file) => file.startsWith(name) && file.endsWith(".tmp")));
    await expectGoodStart(place);
  });
}

for (let round = 0; round < 3; round += 1) {
  test(`killed at random moments, folder ${round + 1}`, async () => {
    const place = makePlace(catalog);
    for (let kill = 0; kill <= round; kill += 1) {
      // Before that, Node itself is starting.
      await killedStart(place, { seen: sleep(startMs * (0.3 + Math.random() * 0.6)), stop: () => {} });
    }
    await expectGoodStart(place);
  });
}

interface Moment {
  readonly seen: Promise<unknown>;
  stop(): void;
}

/** The moment at which a file of the data folder is made or written. */
async function appearance(place: Place, isIt: (file: string) => boolean): Promise<Moment> {
  mkdirSync(place.dataDir, { mode: 0o700 });
  let watcher: FSWatcher | undefined;
  const seen = new Promise<void>((resolve) => {
    watcher = watch(place.dataDir, (_event, file) => {
      if (file !== null && isIt(file)) resolve();
    });
  });
  return { seen, stop: () => watcher?.close() };
}

async function killedStart(place: Place, moment: Moment): Promise<void> {
  const start = launch(place);
  await Promise.race([moment.seen, start.exit]);
  moment.stop();
  expect(await start.kill()).toMatchObject({ signal: "SIGKILL", stderr: "" });
}

/** The next start serves, with everything of the catalogue in place, and keeps what it has through one kill more. */
async function expectGoodStart(place: Place): Promise<void> {
  const supply = batchSupply(Date.now(), buyers);
  const batch = supply(25);
  let pem: string | undefined;
  let ids: unknown;
  const secretsBefore = secretsOf(place);
  for (const start of ["first", "second"]) {
    const server = await startServer(place);
    const client = createSignedClient(server.endpoint);
    const reply = await client.call("BatchMeterUsage", batch, sellerKey);
    expect(reply, reply.text).toMatchObject({ status: 200, json: { UnprocessedRecords: [] } });
    const results = reply.json.Results as readonly { readonly Status: string; readonly MeteringRecordId: string }[];
    expect(new Set(results.map((result) => result.Status))).toEqual(new Set(["Success"]));
    const metered = await client.call(
      "MeterUsage",
      {
        ProductCode: agentProduct,
        Timestamp: Math.floor(Date.now() / 1_000),
        UsageDimension: agentDimension,
        UsageQuantity: 1,
        ClientToken: `token of the ${start} start`,
      },
      agentKey,
    );
    expect(metered.status, metered.text).toBe(200);
    const registered = await client.call("RegisterUsage", { ProductCode: hourlyProduct, PublicKeyVersion: 1 }, taskKey);
    expect(registered.status, registered.text).toBe(200);
    client.close();
    const published = await (await fetch(`${server.endpoint}/keys/${hourlyProduct}/1.pem`)).text();
    expect(published).toContain("BEGIN PUBLIC KEY");
    ids ??= results.map((result) => result.MeteringRecordId);
    pem ??= published;
    expect(results.map((result) => result.MeteringRecordId)).toEqual(ids);
    expect(published).toBe(pem);
    await server.kill();
  }
  // What was in place before the kill may have sealed something, or somebody has read it: it is not made anew.
  expect(secretsOf(place)).toMatchObject(secretsBefore);
  for (const file of readdirSync(place.dataDir)) {
    expect([file, statSync(join(place.dataDir, file)).mode & 0o777]).toEqual([file, 0o600]);
  }
}

function secretsOf(place: Place): Readonly<Record<string, string>> {
  const names = ["master.key", "admin.token"].filter((name) => existsSync(join(place.dataDir, name)));
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(place.dataDir, name), "utf8")]));
}
