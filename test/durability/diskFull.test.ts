/**
 * The disk is full: calls say so, reads go on, and once there is room everything goes on by itself, with nothing lost.
 *
 * Room ends in two ways. A limit on the size of the server's files (`prlimit`) works for everybody who has the command. A
 * small file system in memory is full as a disk is; to mount it takes root.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statfsSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { nodeLaunch, untilAlone, withPostgresStore } from "../support/killEngines.ts";
import { keptOf } from "../support/killRounds.ts";
import { createDatabase, startPostgres } from "../support/postgres.ts";
import {
  endProcesses,
  makePlace,
  type Place,
  type ServerProcess,
  startServer,
  withStore,
} from "../support/serverProcess.ts";
import { createSignedClient, type SignedClient, type SignedReply } from "../support/signedClient.ts";
import { type BatchInput, batchSupply, keyOf, loadProducts, sellerKey, usageCatalog } from "../support/usageCatalog.ts";

const buyers = 200;
const callsMax = 20_000;
const soon = { timeout: 30_000, interval: 50 };

// Whole processes on a machine that is busy with others.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 60_000 });

const mounts: string[] = [];
const ends: (() => Promise<void>)[] = [];

afterEach(async () => {
  // Before the folders go: what is mounted cannot be removed.
  for (const folder of mounts.splice(0)) execFileSync("umount", ["-l", folder]);
  await endProcesses();
  for (const end of ends.splice(0).reverse()) await end();
});

/** false: this machine has no such command, or we may not. */
function can(command: string, args: readonly string[]): boolean {
  try {
    execFileSync(command, args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

function mountSmall(folder: string, mib: number): boolean {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (process.getuid?.() !== 0) return false;
  if (!can("mount", ["-t", "tmpfs", "-o", `size=${mib}m,mode=0700`, "none", folder])) return false;
  mounts.push(folder);
  return true;
}

/** Leaves `leftBytes` of a file system that has few. Returns what gives the room back. */
function fill(folder: string, leftBytes: number): () => void {
  const { bavail, bsize } = statfsSync(folder);
  const filler = join(folder, "filler");
  writeFileSync(filler, Buffer.alloc(Math.max(0, bavail * bsize - leftBytes)));
  return () => rmSync(filler);
}

class Writer {
  readonly #server: ServerProcess;
  readonly #client: SignedClient;
  readonly #supply = batchSupply(Date.now(), buyers);
  readonly #token: string;
  /** Acknowledged: key and MeteringRecordId. */
  readonly acknowledged = new Map<string, string>();

  constructor(server: ServerProcess, token: string) {
    this.#server = server;
    this.#token = token;
    this.#client = createSignedClient(server.endpoint);
  }

  close(): void {
    this.#client.close();
  }

  next(): BatchInput {
    return this.#supply(25);
  }

  /** true: all of it is stored. false: all of it came back, in one of the two ways that there are. */
  async send(batch: BatchInput): Promise<boolean> {
    const reply = await this.#client.call("BatchMeterUsage", batch, sellerKey);
    if (reply.status === 500) {
      expectInternalError(reply);
      return false;
    }
    expect(reply.status, reply.text).toBe(200);
    const { Results, UnprocessedRecords } = reply.json as {
      readonly Results: readonly { readonly Status: string; readonly MeteringRecordId: string }[];
      readonly UnprocessedRecords: readonly unknown[];
    };
    if (UnprocessedRecords.length > 0) {
      expect(Results).toEqual([]);
      expect(UnprocessedRecords).toEqual(batch.UsageRecords);
      return false;
    }
    for (const [index, { Status, MeteringRecordId }] of Results.entries()) {
      expect(Status).toBe("Success");
      const key = keyOf(batch.ProductCode, batch.UsageRecords[index]!);
      expect(this.acknowledged.get(key) ?? MeteringRecordId).toBe(MeteringRecordId);
      this.acknowledged.set(key, MeteringRecordId);
    }
    return true;
  }

  /** Returns the first batch that is not stored. */
  async untilFull(): Promise<BatchInput> {
    for (let calls = 0; calls < callsMax; calls += 1) {
      const batch = this.next();
      if (!(await this.send(batch))) return batch;
    }
    throw new Error("it was never full");
  }

  async ask(path: string): Promise<{ readonly status: number; readonly text: string }> {
    const answer = await fetch(`${this.#server.endpoint}${path}`, {
      headers: { authorization: `Bearer ${this.#token}` },
    });
    return { status: answer.status, text: await answer.text() };
  }

  /** Operations that write nothing, and the control plane. */
  async expectReads(): Promise<void> {
    const entitlements = await this.#client.call("GetEntitlements", { ProductCode: loadProducts.first }, sellerKey, {
      "x-amz-target": "AWSMPEntitlementService.GetEntitlements",
    });
    expect(entitlements.status, entitlements.text).toBe(200);
    expect((await this.ask("/api/v1/agreements")).status).toBe(200);
    expect((await this.ask("/healthz")).status).toBe(200);
    expect((await this.ask("/api/v1/calls?limit=1")).status).toBe(200);
    const listed = new Set<string>();
    for (let cursor: string | undefined = ""; cursor !== undefined; ) {
      const { status, text } = await this.ask(`/api/v1/metering-records?limit=1000${cursor}`);
      expect(status, text).toBe(200);
      const page = JSON.parse(text) as {
        readonly items: readonly { readonly id: string }[];
        readonly nextCursor?: string;
      };
      for (const { id } of page.items) listed.add(id);
      cursor = page.nextCursor === undefined ? undefined : `&cursor=${page.nextCursor}`;
    }
    // What the tables could not take as well.
    expect([...this.acknowledged.values()].filter((id) => !listed.has(id))).toEqual([]);
    await this.expectSums();
  }

  /** Sums, charts and files hold what pages hold. */
  async expectSums(): Promise<void> {
    const count = this.acknowledged.size;
    const sums = await this.ask("/api/v1/usage?groupBy=customer,dimension,day&limit=1000");
    expect(sums.status, sums.text).toBe(200);
    const { items } = JSON.parse(sums.text) as { readonly items: readonly { readonly records: number }[] };
    expect(items.reduce((sum, { records }) => sum + records, 0)).toBe(count);
    const hour = 3_600_000;
    const span = `by=hour&from=${new Date(Date.now() - 30 * hour).toISOString()}&to=${new Date().toISOString()}`;
    const chart = await this.ask(`/api/v1/usage/summary?${span}&measure=records&top=1`);
    expect(chart.status, chart.text).toBe(200);
    const { series, rest } = JSON.parse(chart.text) as {
      readonly series: readonly { readonly total: number }[];
      readonly rest: readonly number[];
    };
    expect([...series.map(({ total }) => total), ...rest].reduce((sum, value) => sum + value, 0)).toBe(count);
    const calls = await this.ask(`/api/v1/calls/summary?${span}`);
    expect(calls.status, calls.text).toBe(200);
    const file = await this.ask("/api/v1/metering-records/export?format=csv");
    expect(file.status, file.text.slice(0, 500)).toBe(200);
    expect(file.text.trimEnd().split("\r\n")).toHaveLength(count + 1);
  }
}

function expectInternalError(reply: SignedReply): void {
  expect(reply.json).toEqual({
    __type: "InternalServiceErrorException",
    message: expect.stringContaining("Send it again unchanged"),
  });
}

interface Full {
  /** What /readyz and the log say. */
  readonly says: RegExp;
  /** Takes the room away. Returns what gives it back. */
  begin(): () => void;
}

/** The whole story, on a server that has room. Ends with a batch stored that was refused, and the server ready. */
async function expectStory(writer: Writer, { says, begin }: Full): Promise<void> {
  for (let calls = 0; calls < 5; calls += 1) expect(await writer.send(writer.next())).toBe(true);
  expect((await writer.ask("/readyz")).status).toBe(200);
  const end = begin();
  const refused = await writer.untilFull();
  // It stays so, and is told.
  await vi.waitFor(async () => {
    expect(await writer.send(refused)).toBe(false);
    const { status, text } = await writer.ask("/readyz");
    expect({ status, text }).toEqual({ status: 503, text: expect.stringMatching(says) });
  }, soon);
  await writer.expectReads();
  const { text } = await writer.ask("/api/v1/metrics");
  expect(Number(/^meterhouse_commit_failures_total (\S+)$/m.exec(text)?.[1])).toBeGreaterThan(0);
  end();
  await vi.waitFor(async () => expect(await writer.send(refused)).toBe(true), soon);
  expect(await writer.send(writer.next())).toBe(true);
  expect((await writer.ask("/readyz")).status).toBe(200);
}

/** The log says once that it began, and once that it ended. */
function expectLog(stderr: string, says: RegExp): void {
  const lines = stderr
    .split("\n")
    .flatMap((line) => (line.startsWith("{") ? [JSON.parse(line) as { msg: string }] : []));
  const began = lines.filter(({ msg }) => msg.startsWith("nothing can be stored"));
  expect(began.length).toBeGreaterThan(0);
  expect(JSON.stringify(began)).toMatch(says);
  expect(lines.filter(({ msg }) => msg === "the store takes writes again")).toHaveLength(began.length);
}

describe("sqlite", () => {
  const tokenOf = (place: Place): string => readFileSync(join(place.dataDir, "admin.token"), "utf8").trim();

  async function expectKept(place: Place, writer: Writer, server: ServerProcess, says: RegExp): Promise<void> {
    // As it is, with no chance to tidy up.
    expectLog((await server.kill()).stderr, says);
    await withStore(place, async (store) => {
      expect(store.database.prepare("PRAGMA integrity_check").all()).toEqual([{ integrity_check: "ok" }]);
      const kept = await keptOf(store);
      expect(new Map([...kept].map(([key, record]) => [key, record.meteringRecordId]))).toEqual(writer.acknowledged);
    });
  }

  test("a limit on the size of files", async (context) => {
    if (!can("prlimit", ["--version"])) context.skip("prlimit is not installed");
    const place = makePlace(usageCatalog({ buyers }));
    const server = await startServer(place);
    const limit = (bytes: number | "unlimited"): void => {
      execFileSync("prlimit", ["--pid", String(server.pid), `--fsize=${bytes}:unlimited`]);
    };
    const writer = new Writer(server, tokenOf(place));
    const says = /meterhouse\.db cannot be written .*limit on file sizes/;
    await expectStory(writer, {
      says,
      begin: () => {
        limit(Math.max(statSync(place.dataFile).size, statSync(place.walFile).size) + 100_000);
        return () => limit("unlimited");
      },
    });
    writer.close();
    await expectKept(place, writer, server, says);
  });

  test("a small disk", async (context) => {
    const place = makePlace(usageCatalog({ buyers }));
    if (!mountSmall(place.dataDir, 32)) context.skip("only root may mount a small file system");
    const server = await startServer(place);
    const writer = new Writer(server, tokenOf(place));
    const says = /meterhouse\.db cannot be written .*full.*Make room/;
    await expectStory(writer, { says, begin: () => fill(place.dataDir, 300_000) });
    writer.close();
    await expectKept(place, writer, server, says);
  });
});

describe("postgres", () => {
  /** Its data, and so its log, on a disk of `mib`. undefined: that cannot be had here. */
  async function startSmall(mib: number) {
    const folder = mkdtempSync(join(tmpdir(), "meterhouse-small-"));
    ends.push(async () => rmSync(folder, { recursive: true, force: true }));
    if (!mountSmall(folder, mib)) return undefined;
    execFileSync("chmod", ["755", folder]);
    return folder;
  }

  test("a small disk for its tables", async (context) => {
    const folder = await startSmall(48);
    if (folder === undefined) return context.skip("only root may mount a small file system");
    const postgres = await startPostgres();
    ends.push(postgres.stop);
    const space = join(folder, "tables");
    mkdirSync(space);
    execFileSync("chown", ["postgres:postgres", space]);
    const database = await createDatabase(postgres);
    const name = new URL(database.url).pathname.slice(1);
    await database.admin(`CREATE TABLESPACE small LOCATION '${space}'`);
    await database.admin(`ALTER DATABASE ${name} SET TABLESPACE small`);
    const place = makePlace(usageCatalog({ buyers }));
    const launch = nodeLaunch(database.url);
    const server = await startServer(place, launch);
    const writer = new Writer(server, launch.env?.METERHOUSE_ADMIN_TOKEN ?? "");
    const says = /PostgreSQL at 127\.0\.0\.1:\d+ has no room on its disk .*Make room/;
    await expectStory(writer, { says, begin: () => fill(folder, 200_000) });
    writer.close();
    expectLog((await server.kill()).stderr, says);
    await untilAlone(database);
    await withPostgresStore(database.url, async (store) => {
      const kept = await keptOf(store);
      expect(new Map([...kept].map(([key, record]) => [key, record.meteringRecordId]))).toEqual(writer.acknowledged);
    });
  });
});
