/** Facts about customers are gathered once; a change of the catalogue, of the switches or of the time must be felt at once. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeEach, expect, test } from "vitest";
import type { Settings } from "../../src/api/settings.ts";
import type { BatchMeterUsageResult } from "../../src/operations/BatchMeterUsage.ts";
import { operations } from "../../src/operations/index.ts";
import {
  account,
  agreement,
  buyerId,
  credential,
  dayMs,
  hourMs,
  now,
  product,
  productCode,
  region,
  settings,
} from "./facts.ts";
import { openOperationBench } from "./operationBench.ts";

const bench = openOperationBench();
afterAll(() => bench.close());

// One object for all calls, as in service: what was gathered is good for the switches that it was gathered under.
const switches = settings();
let quantity = 0;

beforeEach(() =>
  bench.reset({
    accounts: [account()],
    products: [product()],
    agreements: [agreement({ startedAt: now - 30 * dayMs })],
  }),
);

/** Status, or name of the error. */
async function meter(at = now, under: Settings = switches, buyer: object = { CustomerAWSAccountId: buyerId }) {
  const call = {
    ...{ requestId: randomUUID(), operation: "BatchMeterUsage" as const, credential: credential(), region },
    ...{ now: at, settings: under, unprocessed: [], source: {} },
  };
  quantity += 1;
  const record = { Timestamp: Math.floor(at / 1_000) - 60, Dimension: "searches", Quantity: quantity, ...buyer };
  const input = { ProductCode: productCode, UsageRecords: [record] };
  try {
    const answer = (await operations.BatchMeterUsage.handle(input, call, bench.store)) as BatchMeterUsageResult;
    return answer.Results[0]?.Status;
  } catch (error) {
    return error instanceof Error ? error.name : error;
  }
}

test("an account that is suspended, and let in again", async () => {
  expect(await meter()).toBe("Success");
  await bench.store.catalog.apply({ accounts: [account({ suspended: true })] });
  expect(await meter()).toBe("CustomerNotSubscribed");
  await bench.store.catalog.apply({ accounts: [account()] });
  expect(await meter()).toBe("DuplicateRecord");
});

test("an agreement that ends, and the one that comes after it", async () => {
  expect(await meter()).toBe("Success");
  await bench.store.catalog.apply({ agreements: [agreement({ startedAt: now - 30 * dayMs, endedAt: now })] });
  expect(await meter()).toBe("CustomerNotSubscribed");
  await bench.store.catalog.apply({ agreements: [agreement({ id: "agmt-2", startedAt: now - dayMs })] });
  expect(await meter()).toBe("DuplicateRecord");
});

test("a customer who was unknown, by either name", async () => {
  const other = account({ id: "310000000002", customerIdentifier: "bIr4cHx8R2y" });
  const names = [{ CustomerAWSAccountId: other.id }, { CustomerIdentifier: other.customerIdentifier }];
  for (const name of names) expect(await meter(now, switches, name)).toBe("CustomerNotSubscribed");
  await bench.store.catalog.apply({
    accounts: [other],
    agreements: [agreement({ id: "agmt-3", buyerAccountId: other.id })],
  });
  expect(await meter(now, switches, names[0])).toBe("Success");
  expect(await meter(now, switches, names[1])).toBe("DuplicateRecord");
});

test("an agreement that nobody touches, at the end of its final hour and before its start", async () => {
  const endingAt = now + hourMs;
  await bench.store.catalog.apply({ agreements: [agreement({ startedAt: now - dayMs, endingAt })] });
  expect(await meter()).toBe("Success");
  expect(await meter(endingAt + hourMs - 1)).toBe("Success");
  expect(await meter(endingAt + hourMs)).toBe("CustomerNotSubscribed");
  // The clock of a test may go back.
  expect(await meter(endingAt + hourMs - 1)).toBe("DuplicateRecord");
  expect(await meter(now - 2 * dayMs)).toBe("CustomerNotSubscribed");
});

test("a switch", async () => {
  await bench.store.catalog.apply({ agreements: [agreement({ startedAt: now - dayMs, endingAt: now - 30 * 60_000 })] });
  expect(await meter()).toBe("Success");
  expect(await meter(now, settings({ finalHourSec: 60 }))).toBe("CustomerNotSubscribed");
});
