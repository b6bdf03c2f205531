/**
 * Nothing lost, nothing twice: a server under load is killed at random moments and started again on the same folder.
 * What was acknowledged is there once and under the same id; what was in flight is there wholly or not at all, and can
 * be sent again.
 *
 * METERHOUSE_KILL_ROUNDS sets the number of kills (default 50).
 */
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import type { MeteringRecord } from "../../src/api/types.ts";
import type { SqliteStore } from "../../src/store/sqlite/open.ts";
import { endProcesses, makePlace, type ServerProcess, startServer, withStore } from "../support/serverProcess.ts";
import { createSignedClient, type SignedClient, type SignedReply, type SigningKey } from "../support/signedClient.ts";
import {
  agentDimension,
  agentKey,
  agentProduct,
  type BatchInput,
  batchSupply,
  keyOf,
  sellerKey,
  usageCatalog,
} from "../support/usageCatalog.ts";

const rounds = Number(process.env.METERHOUSE_KILL_ROUNDS ?? 50);
const batchClients = 4;
/** On the agentcore path records add up, so that only the client token stands between a retry and a second record. */
const agentClients = 2;
const recordsMax = 25;
const everything = 1_000_000_000;

interface BatchCall {
  readonly operation: "BatchMeterUsage";
  readonly input: BatchInput;
}

interface AgentCall {
  readonly operation: "MeterUsage";
  readonly input: { readonly UsageQuantity: number; readonly ClientToken: string };
}

/** A call that was sent, and what came back. */
interface Sent {
  readonly call: BatchCall | AgentCall;
  readonly key: SigningKey;
  /** Undefined while no answer has come: nobody knows yet whether it was kept. */
  ids: readonly string[] | undefined;
  /** Of the first answer. */
  requestId: string | undefined;
  /** The first answer came before the kill, so the server owes these records. */
  isAcknowledged: boolean;
}

afterEach(endProcesses);

test(`${rounds} kills under load`, { timeout: 60_000 + rounds * 10_000 }, async () => {
  const place = makePlace(usageCatalog());
  const supply = callSupply();
  const all: Sent[] = [];
  let last: readonly Sent[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const server = await startServer(place);
    const client = createSignedClient(server.endpoint);
    await sendAgain(client, last);
    last = await loadUntilKilled(server, client, supply);
    all.push(...last);
    client.close();
  }
  const unanswered = all.filter((sent) => !sent.isAcknowledged);
  expect(all.length - unanswered.length).toBeGreaterThan(0);
  expect(unanswered.length).toBeGreaterThan(0);

  // As the last kill left it, before anybody sends anything again.
  await withStore(place, async (store) => {
    expect(store.database.prepare("PRAGMA integrity_check").all()).toEqual([{ integrity_check: "ok" }]);
    const kept = await keptOf(store);
    for (const sent of last.filter((one) => one.isAcknowledged)) expectKept(kept, sent);
    const inFlight = last.filter((one) => !one.isAcknowledged);
    const stored = inFlight.map((sent) => keysOf(sent).filter((key) => kept.has(key)).length);
    for (const [index, sent] of inFlight.entries()) expect([0, keysOf(sent).length]).toContain(stored[index]);
    // And nothing besides.
    const owed = all.filter((sent) => sent.ids !== undefined).flatMap(keysOf).length;
    expect(kept.size).toBe(owed + stored.reduce((sum, count) => sum + count, 0));
  });

  const server = await startServer(place);
  const client = createSignedClient(server.endpoint);
  await sendAgain(client, last);
  client.close();
  server.signal("SIGTERM");
  expect(await server.exit).toMatchObject({ code: 0, stderr: "" });

  await withStore(place, async (store) => {
    expect(store.database.prepare("PRAGMA integrity_check").all()).toEqual([{ integrity_check: "ok" }]);
    const kept = await keptOf(store);
    for (const sent of all) expectKept(kept, sent);
    const keys = all.flatMap(keysOf);
    expect(new Set(keys).size).toBe(keys.length);
    expect(kept.size).toBe(keys.length);
    expect(await store.ledger.count({})).toEqual({
      count: keys.length,
      quantity: all.flatMap(quantitiesOf).reduce((sum, quantity) => sum + quantity, 0),
    });
    expect(new Set([...kept.values()].map((record) => record.meteringRecordId)).size).toBe(keys.length);
    // A batch that had been kept in part would have shown both letters when it was sent again.
    const events = await store.audit.events({}, everything);
    for (const event of events) expect(event.detail?.statuses).toMatch(/^(?:S+|R+)$/);
    const calls = new Set(events.map((event) => event.requestId));
    expect(calls.size).toBe(events.length);
    for (const sent of all) expect(calls).toContain(sent.requestId);
    const keptUnanswered = unanswered.filter((sent) => kept.get(keysOf(sent)[0] ?? "")?.requestId !== sent.requestId);
    console.info(
      `${rounds} kills: ${keys.length} records in ${all.length} calls, ${unanswered.length} calls unanswered, ` +
        `of which ${keptUnanswered.length} had been kept`,
    );
  });
});

function callSupply(): { batch(): Sent; agent(): Sent } {
  const nextBatch = batchSupply();
  const timestamp = Math.floor(Date.now() / 1_000);
  let agentCalls = 0;
  const sent = (call: Sent["call"], key: SigningKey): Sent => ({
    call,
    key,
    ids: undefined,
    requestId: undefined,
    isAcknowledged: false,
  });
  return {
    batch: () => {
      const records = 1 + Math.floor(Math.random() * recordsMax);
      return sent({ operation: "BatchMeterUsage", input: nextBatch(records) }, sellerKey);
    },
    agent: () => {
      agentCalls += 1;
      const input = {
        ProductCode: agentProduct,
        Timestamp: timestamp,
        UsageDimension: agentDimension,
        UsageQuantity: (agentCalls % 89) + 1,
        ClientToken: `token-${agentCalls}`,
      };
      return sent({ operation: "MeterUsage", input }, agentKey);
    },
  };
}

/** Sends until the connection breaks. Returns every call that was sent. */
async function loadUntilKilled(
  server: ServerProcess,
  client: SignedClient,
  supply: ReturnType<typeof callSupply>,
): Promise<readonly Sent[]> {
  const calls: Sent[] = [];
  let isKilled = false;
  const lane = async (next: () => Sent): Promise<void> => {
    for (;;) {
      const sent = next();
      calls.push(sent);
      let reply: SignedReply;
      try {
        reply = await client.call(sent.call.operation, sent.call.input, sent.key);
      } catch (error) {
        if (!isKilled) throw error;
        return;
      }
      sent.ids = idsOf(reply);
      sent.requestId = reply.requestId;
      sent.isAcknowledged = true;
    }
  };
  const lanes = [
    ...Array.from({ length: batchClients }, () => lane(supply.batch)),
    ...Array.from({ length: agentClients }, () => lane(supply.agent)),
  ];
  const load = Promise.all(lanes);
  await Promise.race([sleep(20 + Math.random() * 130), load]);
  isKilled = true;
  expect(await server.kill()).toMatchObject({ signal: "SIGKILL", stderr: "" });
  await load;
  return calls;
}

/** After a restart: acknowledged calls answer with the ids that they had, the others succeed. */
async function sendAgain(client: SignedClient, calls: readonly Sent[]): Promise<void> {
  await Promise.all(
    calls.map(async (sent) => {
      const reply = await client.call(sent.call.operation, sent.call.input, sent.key);
      const ids = idsOf(reply);
      expect(ids).toEqual(sent.ids ?? ids);
      sent.ids = ids;
      sent.requestId ??= reply.requestId;
    }),
  );
}

/** Expects success for every record. */
function idsOf(reply: SignedReply): readonly string[] {
  expect(reply.status, reply.text).toBe(200);
  if ("MeteringRecordId" in reply.json) return [String(reply.json.MeteringRecordId)];
  const { Results, UnprocessedRecords } = reply.json as {
    readonly Results: readonly { readonly Status: string; readonly MeteringRecordId: string }[];
    readonly UnprocessedRecords: readonly unknown[];
  };
  expect(UnprocessedRecords).toEqual([]);
  expect(new Set(Results.map((result) => result.Status))).toEqual(new Set(["Success"]));
  return Results.map((result) => result.MeteringRecordId);
}

function keysOf({ call }: Sent): readonly string[] {
  if (call.operation === "MeterUsage") return [call.input.ClientToken];
  return call.input.UsageRecords.map((record) => keyOf(call.input.ProductCode, record));
}

function quantitiesOf({ call }: Sent): readonly number[] {
  if (call.operation === "MeterUsage") return [call.input.UsageQuantity];
  return call.input.UsageRecords.map((record) => record.Quantity);
}

/** Every record of the ledger by its key. Fails when two have one key. */
async function keptOf(store: SqliteStore): Promise<ReadonlyMap<string, MeteringRecord>> {
  const records = await store.ledger.records({}, everything);
  const kept = new Map(
    records.map((record) => [
      record.clientToken ??
        [record.productCode, record.accountId, record.dimension, record.hourAt / 3_600_000].join("/"),
      record,
    ]),
  );
  expect(kept.size).toBe(records.length);
  return kept;
}

function expectKept(kept: ReadonlyMap<string, MeteringRecord>, sent: Sent): void {
  const records = keysOf(sent).map((key) => kept.get(key));
  expect(records.map((record) => record?.meteringRecordId)).toEqual(sent.ids);
  expect(records.map((record) => record?.quantity)).toEqual(quantitiesOf(sent));
  // One call stored them all; where its answer came, it was that very call.
  const calls = new Set(records.map((record) => record?.requestId));
  expect(calls.size).toBe(1);
  if (sent.isAcknowledged) expect(calls).toEqual(new Set([sent.requestId]));
}
