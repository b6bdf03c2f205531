/**
 * Nothing lost, nothing twice: a server under load is killed at random moments and started again on the same data.
 * What was acknowledged is there once and under the same id; what was in flight is there wholly or not at all, and can
 * be sent again. For the tests and for `npm run torture`, so it asserts without a test runner.
 */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { MeteringRecord } from "../../src/api/types.ts";
import type { Store } from "../../src/store/store.ts";
import type { KillEngine } from "./killEngines.ts";
import { type ServerProcess, startServer } from "./serverProcess.ts";
import { createSignedClient, type SignedClient, type SignedReply, type SigningKey } from "./signedClient.ts";
import {
  agentDimension,
  agentKey,
  agentProduct,
  type BatchInput,
  batchSupply,
  keyOf,
  sellerKey,
} from "./usageCatalog.ts";

const mixedBatchClients = 4;
/** On the agentcore path records add up, so that only the client token stands between a retry and a second record. */
const mixedAgentClients = 2;
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

export interface KillSummary {
  readonly rounds: number;
  readonly records: number;
  readonly calls: number;
  readonly unanswered: number;
  /** Of the unanswered: had been stored before the kill. */
  readonly keptUnanswered: number;
}

/** Throws an AssertionError on the first thing that is lost, doubled or torn. `told` after each kill. */
export async function killRounds(
  engine: KillEngine,
  rounds: number,
  told: (round: number) => void = () => {},
): Promise<KillSummary> {
  const supply = callSupply();
  const all: Sent[] = [];
  let last: readonly Sent[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const server = await startServer(engine.place, engine.launch);
    const client = createSignedClient(server.endpoint);
    await sendAgain(client, last);
    last = await loadUntilKilled(server, client, supply, loadOf(round));
    all.push(...last);
    client.close();
    told(round + 1);
  }
  const unanswered = all.filter((sent) => !sent.isAcknowledged);
  assert.ok(unanswered.length < all.length, "no call was answered");
  assert.ok(unanswered.length > 0, "no call was under way when a kill came");

  // As the last kill left it, before anybody sends anything again.
  await engine.withStore((store) => expectAsKilled(store, all, last));

  const server = await startServer(engine.place, engine.launch);
  const client = createSignedClient(server.endpoint);
  await sendAgain(client, last);
  client.close();
  server.signal("SIGTERM");
  const { code, stderr } = await server.exit;
  assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });

  let summary: KillSummary | undefined;
  await engine.withStore(async (store) => {
    const kept = await expectWhole(store, all);
    const keptUnanswered = unanswered.filter((sent) => kept.get(keysOf(sent)[0] ?? "")?.requestId !== sent.requestId);
    summary = {
      ...{ rounds, records: kept.size, calls: all.length, unanswered: unanswered.length },
      keptUnanswered: keptUnanswered.length,
    };
  });
  assert.ok(summary !== undefined);
  return summary;
}

export function summaryText(summary: KillSummary): string {
  const { rounds, records, calls, unanswered, keptUnanswered } = summary;
  return (
    `${rounds} kills: ${records} records in ${calls} calls, ${unanswered} calls unanswered, ` +
    `of which ${keptUnanswered} had been kept`
  );
}

async function expectAsKilled(store: Store, all: readonly Sent[], last: readonly Sent[]): Promise<void> {
  const kept = await keptOf(store);
  for (const sent of last.filter((one) => one.isAcknowledged)) expectKept(kept, sent);
  const inFlight = last.filter((one) => !one.isAcknowledged);
  const stored = inFlight.map((sent) => keysOf(sent).filter((key) => kept.has(key)).length);
  for (const [index, sent] of inFlight.entries()) {
    const count = stored[index];
    assert.ok(count === 0 || count === keysOf(sent).length, `${count} records of ${keysOf(sent).length} of a call`);
  }
  // And nothing besides.
  const owed = all.filter((sent) => sent.ids !== undefined).flatMap(keysOf).length;
  assert.equal(kept.size, owed + stored.reduce((sum, count) => sum + count, 0));
}

async function expectWhole(store: Store, all: readonly Sent[]): Promise<ReadonlyMap<string, MeteringRecord>> {
  const kept = await keptOf(store);
  for (const sent of all) expectKept(kept, sent);
  const keys = all.flatMap(keysOf);
  assert.equal(new Set(keys).size, keys.length);
  assert.equal(kept.size, keys.length);
  const quantity = all.flatMap(quantitiesOf).reduce((sum, one) => sum + one, 0);
  assert.deepEqual(await store.ledger.count({}), { count: keys.length, quantity });
  assert.equal(new Set([...kept.values()].map((record) => record.meteringRecordId)).size, keys.length);
  // A batch that had been kept in part would have shown both letters when it was sent again.
  const events = await store.audit.events({}, everything);
  for (const event of events) assert.match(event.detail?.statuses ?? "S", /^(?:S+|R+)$/);
  const calls = new Set(events.map((event) => event.requestId));
  assert.equal(calls.size, events.length);
  for (const sent of all) assert.ok(calls.has(sent.requestId ?? ""), `no audit event of ${sent.requestId}`);
  return kept;
}

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

interface Load {
  /** No kill before an answer has come, for a machine so busy that none might be there in any round. */
  readonly isSlow: boolean;
  readonly batchClients: number;
  readonly agentClients: number;
  /** Until the kill: at least so long, and this much more by chance. */
  readonly msMin: number;
  readonly msMore: number;
}

/** Every third round is long enough, and has what it takes, for the embedded store's second thread to write. */
function loadOf(round: number): Load {
  const isSlow = round === 0;
  if (round % 3 !== 2)
    return { isSlow, batchClients: mixedBatchClients, agentClients: mixedAgentClients, msMin: 20, msMore: 130 };
  return { isSlow, batchClients: 2 * mixedBatchClients, agentClients: 0, msMin: 250, msMore: 400 };
}

/** Sends until the connection breaks. Returns every call that was sent. */
async function loadUntilKilled(
  server: ServerProcess,
  client: SignedClient,
  supply: ReturnType<typeof callSupply>,
  { isSlow, batchClients, agentClients, msMin, msMore }: Load,
): Promise<readonly Sent[]> {
  const calls: Sent[] = [];
  let isKilled = false;
  const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
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
      answer();
    }
  };
  const lanes = [
    ...Array.from({ length: batchClients }, () => lane(supply.batch)),
    ...Array.from({ length: agentClients }, () => lane(supply.agent)),
  ];
  const load = Promise.all(lanes);
  if (isSlow) await Promise.race([answered, load]);
  await Promise.race([sleep(msMin + Math.random() * msMore), load]);
  isKilled = true;
  const { signal, stderr } = await server.kill();
  assert.deepEqual({ signal, stderr }, { signal: "SIGKILL", stderr: "" });
  await load;
  return calls;
}

/** After a restart: acknowledged calls answer with the ids that they had, the others succeed. */
async function sendAgain(client: SignedClient, calls: readonly Sent[]): Promise<void> {
  await Promise.all(
    calls.map(async (sent) => {
      const reply = await client.call(sent.call.operation, sent.call.input, sent.key);
      const ids = idsOf(reply);
      assert.deepEqual(ids, sent.ids ?? ids);
      sent.ids = ids;
      sent.requestId ??= reply.requestId;
    }),
  );
}

/** Expects success for every record. */
function idsOf(reply: SignedReply): readonly string[] {
  assert.equal(reply.status, 200, reply.text);
  if ("MeteringRecordId" in reply.json) return [String(reply.json.MeteringRecordId)];
  const { Results, UnprocessedRecords } = reply.json as {
    readonly Results: readonly { readonly Status: string; readonly MeteringRecordId: string }[];
    readonly UnprocessedRecords: readonly unknown[];
  };
  assert.deepEqual(UnprocessedRecords, []);
  assert.deepEqual(new Set(Results.map((result) => result.Status)), new Set(["Success"]));
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
export async function keptOf({ ledger }: Pick<Store, "ledger">): Promise<ReadonlyMap<string, MeteringRecord>> {
  const records = await ledger.records({}, everything);
  const kept = new Map(
    records.map((record) => [
      record.clientToken ??
        [record.productCode, record.accountId, record.dimension, record.hourAt / 3_600_000].join("/"),
      record,
    ]),
  );
  assert.equal(kept.size, records.length, "two records have one key");
  return kept;
}

function expectKept(kept: ReadonlyMap<string, MeteringRecord>, sent: Sent): void {
  const records = keysOf(sent).map((key) => kept.get(key));
  assert.deepEqual(
    records.map((record) => record?.meteringRecordId),
    sent.ids,
  );
  assert.deepEqual(
    records.map((record) => record?.quantity),
    quantitiesOf(sent),
  );
  // One call stored them all; where its answer came, it was that very call.
  const calls = new Set(records.map((record) => record?.requestId));
  assert.equal(calls.size, 1);
  if (sent.isAcknowledged) assert.deepEqual(calls, new Set([sent.requestId]));
}
