/** The catalogue changes between the decision and the commit: usage is never accepted under facts that are over. */
import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { OperationName } from "../../src/api/types.ts";
import type { SettableClock } from "../../src/clock.ts";
import type { BatchMeterUsageResult } from "../../src/operations/BatchMeterUsage.ts";
import { operations } from "../../src/operations/index.ts";
import type { Call } from "../../src/operations/operation.ts";
import type { Service } from "../../src/service.ts";
import { type ClaimUnit, StaleFactsError } from "../../src/store/ledger.ts";
import type { Store } from "../../src/store/store.ts";
import { startTestService, type TestService } from "../support/service.ts";
import { createSignedClient, type SigningKey } from "../support/signedClient.ts";
import {
  agentDimension,
  agentKey,
  agentProduct,
  type BatchInput,
  batchSupply,
  buyerId,
  hourlyProduct,
  loadProducts,
  sellerKey,
  taskKey,
  usageCatalog,
} from "../support/usageCatalog.ts";

const buyers = 60;

let running: TestService;
let service: Service;
let clock: SettableClock;

beforeEach(async () => {
  running = await startTestService(usageCatalog({ buyers, hourly: true }));
  ({ service, clock } = running);
  // A call is judged at the instant at which it came in: with the clock at rest, what ends "now" has ended for it.
  clock.set(Date.now());
});

afterEach(() => running.close());

/** A call that has passed every check before the operation's own. */
function callOf(operation: OperationName, key: SigningKey): Call {
  const credential = service.store.catalog.credential(key.accessKeyId);
  if (credential === undefined) throw new Error(`no key ${key.accessKeyId}`);
  return {
    requestId: randomUUID(),
    operation,
    credential,
    region: "us-east-1",
    now: clock.now(),
    settings: service.settings(),
    unprocessed: [],
    source: {},
  };
}

async function batch(input: BatchInput, store: Store = service.store): Promise<BatchMeterUsageResult> {
  const call = callOf("BatchMeterUsage", sellerKey);
  return (await operations.BatchMeterUsage.handle(input, call, store)) as BatchMeterUsageResult;
}

/** The store, but `between` happens after a decision and before its claim. */
function interrupted(between: (attempt: number) => Promise<unknown>): { readonly store: Store; units: ClaimUnit[] } {
  const units: ClaimUnit[] = [];
  const { ledger } = service.store;
  const claim: Store["ledger"]["claim"] = async (unit) => {
    units.push(unit);
    await between(units.length);
    return ledger.claim(unit);
  };
  const slow = new Proxy(ledger, {
    get: (target, name) => {
      if (name === "claim") return claim;
      const member: unknown = Reflect.get(target, name);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
  return { store: { ...service.store, ledger: slow }, units };
}

const reference = (product: string, buyer = 0) => ({ product, customer: buyerId(buyer) });
const unsubscribe = (product: string, buyer = 0) =>
  service.agreements.unsubscribeSuccess(reference(product, buyer), clock.now());

const kept = async (): Promise<number> => (await service.store.ledger.count({})).count;

describe("the agreement ends after the decision and before the claim", () => {
  test.each([
    ["by unsubscribe-success", (product: string) => unsubscribe(product)],
    ["because the account is suspended", () => service.agreements.suspend(buyerId(0), true)],
  ])("%s: BatchMeterUsage decides again, and says so", async (_what, end) => {
    const input = batchSupply(Date.now(), buyers)(3);
    const { store, units } = interrupted(async (attempt) => attempt === 1 && (await end(input.ProductCode)));
    const { Results, UnprocessedRecords } = await batch(input, store);
    expect(Results.map((result) => result.Status)).toEqual(["CustomerNotSubscribed", "Success", "Success"]);
    expect(UnprocessedRecords).toEqual([]);
    // Decided twice, on two versions; the first claim held all three records.
    expect(units.map((unit) => unit.records.length)).toEqual([3, 2]);
    expect(units[0]?.factsVersion).not.toBe(units[1]?.factsVersion);
    const records = await service.store.ledger.records({});
    expect(records.map((record) => record.accountId)).toEqual([buyerId(1), buyerId(2)]);
    expect(records.map((record) => record.meteringRecordId)).toEqual(
      Results.slice(1).map((result) => result.MeteringRecordId),
    );
    const [event] = await service.store.audit.events({ operation: "BatchMeterUsage" });
    expect(event?.detail?.statuses).toBe("NSS");
  });

  test("MeterUsage and RegisterUsage are refused and leave nothing", async () => {
    const meter = interrupted(() => unsubscribe(agentProduct));
    const usage = {
      ProductCode: agentProduct,
      Timestamp: Math.floor(clock.now() / 1_000),
      UsageDimension: agentDimension,
      UsageQuantity: 1,
      ClientToken: "token",
    };
    await expect(
      operations.MeterUsage.handle(usage, callOf("MeterUsage", agentKey), meter.store),
    ).rejects.toMatchObject({ name: "CustomerNotEntitledException" });
    const register = interrupted(() => unsubscribe(hourlyProduct));
    const registration = { ProductCode: hourlyProduct, PublicKeyVersion: 1 };
    await expect(
      operations.RegisterUsage.handle(registration, callOf("RegisterUsage", taskKey), register.store),
    ).rejects.toMatchObject({ name: "CustomerNotEntitledException" });
    expect([meter.units.length, register.units.length]).toEqual([1, 1]);
    expect(await kept()).toBe(0);
    expect(service.store.ledger.workloads({})).toEqual([]);
  });

  test("a catalogue that never comes to rest ends the call and stores nothing", async () => {
    const { store, units } = interrupted(() => service.changeSettings({ futureToleranceSec: 300 }));
    await expect(batch(batchSupply(Date.now(), buyers)(3), store)).rejects.toThrow(StaleFactsError);
    expect(units.length).toBeGreaterThan(1);
    expect(await kept()).toBe(0);
  });
});

describe("in one turn of the event loop", () => {
  test("usage, then the end: accepted, and committed before the end", async () => {
    const input = batchSupply(Date.now(), buyers)(3);
    const version = service.store.catalog.version;
    const [{ Results }] = await Promise.all([batch(input), unsubscribe(input.ProductCode)]);
    expect(Results.map((result) => result.Status)).toEqual(["Success", "Success", "Success"]);
    expect(await kept()).toBe(3);
    expect(service.store.catalog.version).toBeGreaterThan(version);
  });

  test("the end, then usage: not accepted", async () => {
    const input = batchSupply(Date.now(), buyers)(3);
    const [, { Results }] = await Promise.all([unsubscribe(input.ProductCode), batch(input)]);
    expect(Results.map((result) => result.Status)).toEqual(["CustomerNotSubscribed", "Success", "Success"]);
    expect(await kept()).toBe(2);
  });
});

test("over HTTP, whenever the end comes: what is answered is what is kept, and nothing after the end", async () => {
  clock.follow();
  const client = createSignedClient(service.url);
  const product = loadProducts.first;
  const seen: Record<string, number> = { Success: 0, CustomerNotSubscribed: 0 };
  for (let buyer = 0; buyer < buyers; buyer += 1) {
    // Several calls around the end, so that some come before it and some after.
    const calls = Array.from({ length: 6 }, (_, index) => ({
      ProductCode: product,
      UsageRecords: [
        {
          CustomerAWSAccountId: buyerId(buyer),
          Dimension: `d${index}`,
          Timestamp: Math.floor(clock.now() / 1_000),
          Quantity: index + 1,
        },
      ],
    }));
    const replies = calls.map((input) => client.call("BatchMeterUsage", input, sellerKey));
    const turns = buyer % 8;
    for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    if (turns === 7) await replies[0];
    const agreement = await unsubscribe(product, buyer);
    const late = await client.call("BatchMeterUsage", calls[5], sellerKey);
    const answers = (await Promise.all(replies)).map(
      (reply) => reply.json.Results as readonly { readonly Status: string; readonly MeteringRecordId?: string }[],
    );
    const records = await service.store.ledger.records({ productCode: product, accountId: buyerId(buyer) });
    const byDimension = new Map(records.map((record) => [record.dimension, record]));
    for (const [index, answer] of answers.entries()) {
      const [result] = answer;
      seen[result?.Status ?? ""] = (seen[result?.Status ?? ""] ?? 0) + 1;
      expect(byDimension.get(`d${index}`)?.meteringRecordId).toBe(result?.MeteringRecordId);
      expect(byDimension.has(`d${index}`)).toBe(result?.Status === "Success");
    }
    expect(late.json.Results).toMatchObject([{ Status: "CustomerNotSubscribed" }]);
    for (const record of records) expect(record.receivedAt).toBeLessThanOrEqual(agreement.endedAt ?? 0);
  }
  client.close();
  expect(Object.keys(seen)).toEqual(["Success", "CustomerNotSubscribed"]);
  expect(seen.Success).toBeGreaterThan(0);
  expect(seen.CustomerNotSubscribed).toBeGreaterThan(0);
});
