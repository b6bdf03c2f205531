/** Calls that race for one usage key, token or workload: one of them wins, and all of them are told the same story. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type Meterhouse, startMeterhouse } from "../../src/index.ts";
import { createSignedClient, type SignedClient, type SignedReply } from "../support/signedClient.ts";
import {
  agentDimension,
  agentKey,
  agentProduct,
  type BatchInput,
  batchSupply,
  hourlyProduct,
  keyOf,
  sellerKey,
  taskKey,
  usageCatalog,
} from "../support/usageCatalog.ts";

const buyers = 50;

let meterhouse: Meterhouse;
let client: SignedClient;
let supply: (records: number) => BatchInput;
/** The same in all calls of a test: it is one of the parameters that a client token stands for. */
let timestamp: number;

beforeAll(async () => {
  meterhouse = await startMeterhouse({ catalog: usageCatalog({ buyers, hourly: true }) });
  client = createSignedClient(meterhouse.endpoint, 64);
});
beforeEach(async () => {
  await meterhouse.reset();
  supply = batchSupply(Date.now(), buyers);
  timestamp = Math.floor(Date.now() / 1_000);
});
afterAll(async () => {
  client.close();
  await meterhouse.close();
});

interface Result {
  readonly MeteringRecordId?: string;
  readonly Status: string;
}

async function sendBatch(input: BatchInput): Promise<readonly Result[]> {
  const reply = await client.call("BatchMeterUsage", input, sellerKey);
  expect(reply, reply.text).toMatchObject({ status: 200, json: { UnprocessedRecords: [] } });
  return reply.json.Results as readonly Result[];
}

function sendMeter(token: string, quantity: number): Promise<SignedReply> {
  const input = {
    ProductCode: agentProduct,
    Timestamp: timestamp,
    UsageDimension: agentDimension,
    UsageQuantity: quantity,
    ClientToken: token,
  };
  return client.call("MeterUsage", input, agentKey);
}

function withQuantity({ ProductCode, UsageRecords }: BatchInput, quantity: number): BatchInput {
  return { ProductCode, UsageRecords: UsageRecords.map((record) => ({ ...record, Quantity: quantity })) };
}

function shuffled<T>(values: readonly T[]): readonly T[] {
  return values
    .map((value) => [Math.random(), value] as const)
    .sort(([a], [b]) => a - b)
    .map(([, value]) => value);
}

test("two quantities for one key: one Success, one DuplicateRecord, and the winner's quantity is kept", async () => {
  const pairs = Array.from({ length: 60 }, () => supply(1)).map((input) => [
    withQuantity(input, 1_000),
    withQuantity(input, 2_000),
  ]);
  const outcomes = await Promise.all(
    pairs.map((pair) => Promise.all(pair.map(async (input) => [input, (await sendBatch(input))[0]] as const))),
  );
  const records = await meterhouse.records();
  expect(records).toHaveLength(pairs.length);
  const quantities = new Map(records.map((record) => [record.meteringRecordId, record.quantity]));
  for (const outcome of outcomes) {
    expect(outcome.map(([, result]) => result?.Status).sort()).toEqual(["DuplicateRecord", "Success"]);
    for (const [input, result] of outcome) {
      if (result?.Status === "DuplicateRecord") expect(result.MeteringRecordId).toBeUndefined();
      else expect(quantities.get(result?.MeteringRecordId ?? "")).toBe(input.UsageRecords[0]?.Quantity);
    }
  }
});

test("200 identical calls at once: one id, one record", async () => {
  const input = supply(1);
  const results = (await Promise.all(Array.from({ length: 200 }, () => sendBatch(input)))).flat();
  expect(results).toHaveLength(200);
  expect(new Set(results.map((result) => result.Status))).toEqual(new Set(["Success"]));
  const records = await meterhouse.records();
  expect(records).toHaveLength(1);
  expect(new Set(results.map((result) => result.MeteringRecordId))).toEqual(
    new Set(records.map((record) => record.meteringRecordId)),
  );
});

test("batches that overlap, in any order of records: each key has one holder, and nobody hears otherwise", async () => {
  const { ProductCode, UsageRecords } = supply(40);
  const batches = Array.from(
    { length: 80 },
    (_, index): BatchInput => ({
      ProductCode,
      UsageRecords: shuffled(UsageRecords)
        .slice(0, 25)
        .map((record) => ({ ...record, Quantity: 1 + (index % 3) })),
    }),
  );
  const answers = await Promise.all(batches.map(sendBatch));
  const records = await meterhouse.records();
  const holders = new Map(
    records.map((record) => [
      [record.productCode, record.accountId, record.dimension, record.hourAt / 3_600_000].join("/"),
      record,
    ]),
  );
  expect(holders.size).toBe(records.length);
  for (const [index, answer] of answers.entries()) {
    for (const [place, result] of answer.entries()) {
      const record = batches[index]?.UsageRecords[place];
      if (record === undefined) throw new Error("an answer with more results than records");
      const holder = holders.get(keyOf(ProductCode, record));
      const isSame = holder?.quantity === record.Quantity;
      expect(result.Status).toBe(isSame ? "Success" : "DuplicateRecord");
      expect(result.MeteringRecordId).toBe(isSame ? holder?.meteringRecordId : undefined);
    }
  }
});

test("100 calls with one client token: one id, one record; with other parameters: a conflict", async () => {
  const quantities = Array.from({ length: 100 }, (_, index) => 1 + (index % 2));
  const replies = await Promise.all(quantities.map((quantity) => sendMeter("token", quantity)));
  const records = await meterhouse.records();
  expect(records).toHaveLength(1);
  for (const [index, reply] of replies.entries()) {
    if (quantities[index] === records[0]?.quantity) {
      expect(reply, reply.text).toMatchObject({
        status: 200,
        json: { MeteringRecordId: records[0]?.meteringRecordId },
      });
    } else {
      expect(reply, reply.text).toMatchObject({ status: 409, json: { __type: "IdempotencyConflictException" } });
    }
  }
});

test("30 registrations of one task at once: one workload", async () => {
  const input = { ProductCode: hourlyProduct, PublicKeyVersion: 1 };
  const replies = await Promise.all(Array.from({ length: 30 }, () => client.call("RegisterUsage", input, taskKey)));
  expect(new Set(replies.map((reply) => reply.status))).toEqual(new Set([200]));
  expect(meterhouse.workloads()).toHaveLength(1);
});
