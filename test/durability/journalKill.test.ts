/** A server is killed while what it stored is in the journal alone: the next one knows all of it, at once. */
import { DatabaseSync } from "node:sqlite";
import { afterEach, expect, test, vi } from "vitest";
import {
  endProcesses,
  makePlace,
  type Place,
  type ServerProcess,
  startServer,
  withStore,
} from "../support/serverProcess.ts";
import { createSignedClient } from "../support/signedClient.ts";
import { type BatchInput, batchSupply, sellerKey, usageCatalog } from "../support/usageCatalog.ts";

const buyers = 50;
const batchesPerRound = 12;
const recordsPerBatch = 25;

// Whole processes on a machine that is busy with others.
vi.setConfig({ testTimeout: 120_000 });

afterEach(endProcesses);

test("killed with a journal that nothing has moved, again and again", async () => {
  const place = makePlace(usageCatalog({ buyers }));
  const supply = batchSupply(Date.now(), buyers);
  const stored = new Map<BatchInput, readonly string[]>();
  let unmoved = 0;
  for (let round = 0; round < 3; round += 1) {
    const server = await startServer(place);
    const fresh = Array.from({ length: batchesPerRound }, () => supply(recordsPerBatch));
    // Those of before first: nothing has been read, so only the journal knows of the last ones.
    const ids = await send(server, [...stored.keys(), ...fresh]);
    expect(ids.slice(0, stored.size)).toEqual([...stored.values()]);
    for (const [index, batch] of fresh.entries()) stored.set(batch, ids[ids.length - fresh.length + index] ?? []);
    expect(await server.kill()).toMatchObject({ signal: "SIGKILL", stderr: "" });
    unmoved += journalRows(place);
  }
  // A machine that is busy enough may have moved one of them; not all.
  expect(unmoved).toBeGreaterThan(0);
  await withStore(place, async ({ ledger, audit, database }) => {
    expect(database.prepare("PRAGMA integrity_check").all()).toEqual([{ integrity_check: "ok" }]);
    const records = await ledger.records({}, 100_000);
    expect(records).toHaveLength(stored.size * recordsPerBatch);
    expect(new Set(records.map((record) => record.meteringRecordId))).toEqual(new Set([...stored.values()].flat()));
    // One call for each batch, and one for each time that it was sent again.
    const calls = await audit.events({ operation: "BatchMeterUsage" }, 1_000);
    expect(calls).toHaveLength(batchesPerRound * (3 + 2 + 1));
    expect(database.prepare("SELECT count(*) AS n FROM journal").get()).toEqual({ n: 0 });
  });
});

/** In order of the batches, the ids that they were answered with. Expects success for every record. */
async function send(server: ServerProcess, batches: readonly BatchInput[]): Promise<readonly (readonly string[])[]> {
  const client = createSignedClient(server.endpoint);
  const replies = await Promise.all(batches.map((batch) => client.call("BatchMeterUsage", batch, sellerKey)));
  client.close();
  return replies.map((reply) => {
    expect(reply, reply.text).toMatchObject({ status: 200, json: { UnprocessedRecords: [] } });
    const results = reply.json.Results as readonly { readonly MeteringRecordId: string; readonly Status: string }[];
    expect(new Set(results.map((result) => result.Status))).toEqual(new Set(["Success"]));
    return results.map((result) => result.MeteringRecordId);
  });
}

/** As the killed process left them. */
function journalRows({ dataFile }: Place): number {
  const database = new DatabaseSync(dataFile);
  try {
    return Number(database.prepare("SELECT count(*) AS n FROM journal").get()?.n);
  } finally {
    database.close();
  }
}
