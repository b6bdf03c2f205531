/**
 * The disk fails under a running server: system calls on the log are made to return errors. The caller learns that
 * nobody knows, and sending again settles it, with and without a kill in between.
 */
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import {
  endProcesses,
  makePlace,
  type Place,
  type ServerProcess,
  startServer,
  withStore,
} from "../support/serverProcess.ts";
import { createSignedClient, type SignedReply } from "../support/signedClient.ts";
import { canTrace, traceCommand } from "../support/syscallTrace.ts";
import { type BatchInput, batchSupply, sellerKey, usageCatalog } from "../support/usageCatalog.ts";

const buyers = 50;
const batches = 80;
const attemptsMax = 10;

interface Failure {
  readonly what: string;
  readonly calls: string;
  readonly error: string;
  /** The first of these calls to fail: a start, which makes some, is through by then. */
  readonly first: number;
  /** From then on every so many of them: no divisor of what a commit makes, so that each part of it is hit. */
  readonly every: number;
}

const failures: readonly Failure[] = [
  { what: "a sync of the log fails", calls: "fsync,fdatasync", error: "EIO", first: 30, every: 3 },
  { what: "a write to the log fails", calls: "pwrite64", error: "EIO", first: 250, every: 11 },
  { what: "the disk is full", calls: "pwrite64", error: "ENOSPC", first: 250, every: 11 },
];

const isTraceable = canTrace();

// Whole processes on a machine that is busy with others.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

afterEach(endProcesses);

describe.each(failures)("$what", ({ calls, error, first, every }) => {
  const startFailing = (place: Place, when: string): Promise<ServerProcess> => {
    const options = ["-P", place.walFile, "-e", `inject=${calls}:error=${error}:when=${when}`];
    return startServer(place, { under: traceCommand(join(place.folder, "trace"), options) });
  };

  test("now and then: InternalServiceErrorException, and sent again the batch is stored", async (context) => {
    if (!isTraceable) context.skip("strace is not installed, or may not trace here");
    const place = makePlace(usageCatalog({ buyers }));
    const server = await startFailing(place, `${first}+${every}`);
    const client = createSignedClient(server.endpoint);
    const supply = batchSupply(Date.now(), buyers);
    const stored = new Map<BatchInput, readonly string[]>();
    let refused = 0;
    for (let sent = 0; sent < batches; sent += 1) {
      const batch = supply(5);
      for (let attempt = 1; !stored.has(batch); attempt += 1) {
        const reply = await client.call("BatchMeterUsage", batch, sellerKey);
        if (reply.status === 200 || attempt === attemptsMax) stored.set(batch, idsOf(reply));
        else {
          expectUnknown(reply);
          refused += 1;
        }
      }
    }
    expect(refused).toBeGreaterThan(3);
    client.close();
    await server.kill();
    await expectStored(place, stored);
  });

  test("for good, and the server is killed: the batch is there wholly or not at all", async (context) => {
    if (!isTraceable) context.skip("strace is not installed, or may not trace here");
    const place = makePlace(usageCatalog({ buyers }));
    const server = await startFailing(place, `${first}+`);
    const { failed, stored } = await sendUntilFailure(server);
    const client = createSignedClient(server.endpoint);
    // Nothing is accepted, and the server goes on answering.
    for (let attempt = 0; attempt < 3; attempt += 1) {
      expectUnknown(await client.call("BatchMeterUsage", failed, sellerKey));
    }
    client.close();
    await server.kill();
    await withStore(place, async ({ ledger, database }) => {
      expect(database.prepare("PRAGMA integrity_check").all()).toEqual([{ integrity_check: "ok" }]);
      const own = [...stored.keys()].flatMap((batch) => batch.UsageRecords).length;
      expect([own, own + failed.UsageRecords.length]).toContain((await ledger.count({})).count);
    });

    const next = await startServer(place);
    const nextClient = createSignedClient(next.endpoint);
    const again = idsOf(await nextClient.call("BatchMeterUsage", failed, sellerKey));
    nextClient.close();
    await next.kill();
    await expectStored(place, new Map([...stored, [failed, again]]));
  });
});

/** Sends one batch after another until one fails. */
async function sendUntilFailure(
  server: ServerProcess,
): Promise<{ readonly failed: BatchInput; readonly stored: ReadonlyMap<BatchInput, readonly string[]> }> {
  const supply = batchSupply(Date.now(), buyers);
  const client = createSignedClient(server.endpoint);
  const stored = new Map<BatchInput, readonly string[]>();
  try {
    for (let sent = 0; sent < batches; sent += 1) {
      const batch = supply(5);
      const reply = await client.call("BatchMeterUsage", batch, sellerKey);
      if (reply.status !== 200) {
        expectUnknown(reply);
        expect(stored.size).toBeGreaterThan(0);
        return { failed: batch, stored };
      }
      stored.set(batch, idsOf(reply));
    }
    throw new Error("no call has failed");
  } finally {
    client.close();
  }
}

function expectUnknown(reply: SignedReply): void {
  expect(reply.status, reply.text).toBe(500);
  expect(reply.json).toEqual({
    __type: "InternalServiceErrorException",
    message: expect.stringContaining("Send it again unchanged"),
  });
}

/** After one more start, everything answers with the ids that it had, and there is nothing else. */
async function expectStored(place: Place, stored: ReadonlyMap<BatchInput, readonly string[]>): Promise<void> {
  const server = await startServer(place);
  const client = createSignedClient(server.endpoint);
  for (const [batch, ids] of stored) {
    expect(idsOf(await client.call("BatchMeterUsage", batch, sellerKey))).toEqual(ids);
  }
  client.close();
  await server.kill();
  const records = [...stored.keys()].flatMap((batch) => batch.UsageRecords);
  await withStore(place, async ({ ledger }) => {
    const quantity = records.reduce((sum, record) => sum + record.Quantity, 0);
    expect(await ledger.count({})).toEqual({ count: records.length, quantity });
  });
}

/** Expects success for every record. */
function idsOf(reply: SignedReply): readonly string[] {
  expect(reply, reply.text).toMatchObject({ status: 200, json: { UnprocessedRecords: [] } });
  const results = reply.json.Results as readonly { readonly Status: string; readonly MeteringRecordId: string }[];
  expect(new Set(results.map((result) => result.Status))).toEqual(new Set(["Success"]));
  return results.map((result) => result.MeteringRecordId);
}
