/** A backup is taken while calls come in; what is made of it has every record that was acknowledged before, and serves. */
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { openSealedStore } from "../../src/openSealed.ts";
import { type Result, runCli } from "../cli/support.ts";
import { createDatabase } from "../support/postgres.ts";
import { endProcesses, makePlace, startServer } from "../support/serverProcess.ts";
import { createSignedClient } from "../support/signedClient.ts";
import { batchSupply, sellerKey, usageCatalog } from "../support/usageCatalog.ts";
import { engineNames, log, makeFolder, removePlaces } from "./stores.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });
afterEach(async () => {
  await endProcesses();
  await removePlaces();
});

const buyers = 50;

interface Answer {
  readonly Results: readonly { readonly MeteringRecordId: string }[];
}

/** Calls without end, each answered before the next; `acknowledged` grows with the answers. */
function load(endpoint: string): { readonly acknowledged: string[]; stop(): Promise<void> } {
  const client = createSignedClient(endpoint);
  const supply = batchSupply(Date.now(), buyers);
  const acknowledged: string[] = [];
  let isOver = false;
  const lane = async (): Promise<void> => {
    while (!isOver) {
      const reply = await client.call("BatchMeterUsage", supply(5), sellerKey);
      expect(reply.status, reply.text).toBe(200);
      const { Results } = reply.json as unknown as Answer;
      acknowledged.push(...Results.map(({ MeteringRecordId }) => MeteringRecordId));
    }
  };
  const lanes = [lane(), lane(), lane()];
  return {
    acknowledged,
    stop: async () => {
      isOver = true;
      await Promise.all(lanes);
      client.close();
    },
  };
}

async function done(result: Promise<Result>): Promise<Result> {
  const ended = await result;
  expect(ended.stderr + ended.stdout).not.toContain("password@");
  expect(ended, ended.stderr).toMatchObject({ code: 0 });
  return ended;
}

async function idsIn(dataDir: string, database?: string): Promise<ReadonlySet<string>> {
  const { store } = await openSealedStore({ dataDir, database, env: {}, log });
  const records = await store.ledger.records({}, 1_000_000);
  await store.close();
  return new Set(records.map(({ meteringRecordId }) => meteringRecordId));
}

test.each(engineNames)("%s: under load, into an empty folder, and into an empty database", async (engine) => {
  const place = makePlace(usageCatalog({ buyers }));
  const database = await createDatabase();
  try {
    const env: Record<string, string> = engine === "postgres" ? { METERHOUSE_DATABASE_URL: database.url } : {};
    const server = await startServer(place, { env });
    const { acknowledged, stop } = load(server.endpoint);
    await vi.waitFor(() => expect(acknowledged.length).toBeGreaterThan(200), { timeout: 30_000 });
    const before = [...acknowledged];
    const backup = join(makeFolder(), "backup");
    const said = await done(runCli(["database", "backup", "--to", backup, "--data", place.dataDir], { env }));
    await stop();
    expect(acknowledged.length).toBeGreaterThan(before.length);
    expect(said.stderr).toContain("The master key is not in it");

    const names = readdirSync(backup);
    expect(names).toEqual(expect.arrayContaining(["backup.json", "meterhouse.db"]));
    expect(names.filter((name) => /key$|token$|copying|wal|shm/.test(name))).toEqual([]);
    expect(statSync(backup).mode & 0o777).toBe(0o700);
    for (const name of names) expect(statSync(join(backup, name)).mode & 0o777, name).toBe(0o600);
    expect(await runCli(["database", "backup", "--to", backup, "--data", place.dataDir], { env })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("There is a backup in"),
    });
    await server.kill();

    const keyFile = join(place.dataDir, "master.key");
    const restored = { ...place, dataDir: join(makeFolder(), "data") };
    const restore = ["database", "restore", "--from", backup, "--to"];
    expect(await runCli([...restore, restored.dataDir])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/needs the master key.*--key-file/),
    });
    await done(runCli([...restore, restored.dataDir, "--key-file", keyFile]));
    const next = await startServer(restored);
    const client = createSignedClient(next.endpoint);
    const usage = { ...batchSupply(Date.now() - 21 * 3_600_000, buyers)(1) };
    const reply = await client.call("BatchMeterUsage", usage, sellerKey);
    expect(reply.json, reply.text).toMatchObject({ Results: [{ Status: expect.stringMatching(/Success|Duplicate/) }] });
    client.close();
    await next.kill();
    const kept = await idsIn(restored.dataDir);
    expect(before.filter((id) => !kept.has(id))).toEqual([]);

    // The backup stays as it was taken, and can be restored again: one engine's into the other.
    if (engine === "postgres") {
      await done(runCli([...restore, makeFolder(), "--key-file", keyFile]));
      return;
    }
    const target = { TARGET: database.url };
    await done(runCli([...restore, "env:TARGET", "--key-file", keyFile], { env: target }));
    const inDatabase = await idsIn(restored.dataDir, database.url);
    expect(before.filter((id) => !inDatabase.has(id))).toEqual([]);
  } finally {
    await endProcesses();
    await database.drop();
  }
});

test("what is no whole backup, of another key, or damaged is refused, and leaves nothing", async () => {
  const place = makePlace(usageCatalog({ buyers: 1 }));
  await (await startServer(place)).kill();
  const backup = join(makeFolder(), "backup");
  await done(runCli(["database", "backup", "--to", backup, "--data", place.dataDir]));
  const to = join(makeFolder(), "data");
  const restore = (keyFile = join(place.dataDir, "master.key")) =>
    runCli(["database", "restore", "--from", backup, "--to", to, "--key-file", keyFile]);
  const other = join(makeFolder(), "other.key");
  writeFileSync(other, "ab".repeat(32), { mode: 0o600 });
  expect(await restore(other)).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/master key does not fit the backup in/),
  });
  chmodSync(other, 0o644);
  expect(await restore(other)).toMatchObject({ code: 1, stderr: expect.stringContaining("chmod 600") });
  appendFileSync(join(backup, "meterhouse.db"), "x");
  expect(await restore()).toMatchObject({ code: 1, stderr: expect.stringContaining("SHA-256 differs") });
  rmSync(join(backup, "backup.json"));
  expect(await restore()).toMatchObject({ code: 1, stderr: expect.stringContaining("backup.json is missing") });
  expect(existsSync(join(to, "meterhouse.db"))).toBe(false);

  const full = makeFolder();
  copyFileSync(other, join(full, "something"));
  const into = (folder: string) => runCli(["database", "backup", "--to", folder, "--data", place.dataDir]);
  expect(await into(full)).toMatchObject({ code: 1, stderr: expect.stringContaining("is not empty") });
  expect(readdirSync(full)).toEqual(["something"]);
  expect(await into(place.dataDir)).toMatchObject({ code: 1 });
  expect(readFileSync(join(place.dataDir, "meterhouse.db")).length).toBeGreaterThan(0);
  // One that was broken off is taken anew.
  const broken = makeFolder();
  mkdirSync(broken, { recursive: true });
  writeFileSync(join(broken, "meterhouse.db.copying"), "half");
  await done(into(broken));
});
