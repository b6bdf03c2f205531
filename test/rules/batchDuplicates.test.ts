/**
 * Duplicates and replays of BatchMeterUsage, from the operation down to the file, against a plain Map (SPEC B-60 to
 * B-69, B-15, B-24, B-34, B-91).
 */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Settings } from "../../src/api/settings.ts";
import type { UsageRecord } from "../../src/api/types.ts";
import type { BatchMeterUsageResult } from "../../src/operations/BatchMeterUsage.ts";
import type { CatalogChange } from "../../src/store/catalog.ts";
import { account, agreement, dayMs, hourMs, licenseOf, now, product, productCode, refusal } from "./facts.ts";
import { type OperationBench, openOperationBench } from "./operationBench.ts";

const uuid4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const regions = ["us-east-1", "eu-west-1"] as const;
const buyers = [
  { id: "310000000001", customerIdentifier: "aLd3rQ7wE1z", licences: [licenseOf(1), licenseOf(2)] },
  { id: "310000000002", customerIdentifier: "bIr4cHx8R2y", licences: [licenseOf(3)] },
] as const;

function catalog(): CatalogChange {
  const startedAt = now - 30 * dayMs;
  return {
    accounts: buyers.map(({ id, customerIdentifier }) => account({ id, customerIdentifier })),
    products: [product({ enabledRegions: regions })],
    agreements: buyers.flatMap(({ id, licences }) => [
      agreement({ id: `agmt-${id}`, buyerAccountId: id, startedAt }),
      ...licences.map((licenseArn) =>
        agreement({ id: `agmt-${licenseArn}`, buyerAccountId: id, licenseArn, startedAt }),
      ),
    ]),
  };
}

let bench: OperationBench;
beforeAll(() => {
  bench = openOperationBench();
});
afterAll(() => bench.close());

/* What is sent: few buyers, dimensions and hours, so that keys meet. */

interface Usage {
  readonly buyer: 0 | 1;
  /** How the buyer is named. `license` and `both` book under the licence: with ProductCode too, on this old product. */
  readonly by: "customerIdentifier" | "account" | "license";
  readonly licence: number;
  readonly dimension: "searches" | "gb";
  readonly hoursAgo: 1 | 2;
  readonly secondOfHour: number;
  /** Absent = 0 (B-64). */
  readonly quantity: number | undefined;
  readonly isSplit: boolean;
}

interface Batch {
  readonly kind: "batch";
  readonly region: (typeof regions)[number];
  readonly hasProductCode: boolean;
  readonly usages: readonly Usage[];
  /** Faults of the service: these come back unprocessed (B-92). */
  readonly unprocessed: readonly number[];
  /** A fault of the client in the last record: nothing is stored (B-1, B-68). */
  readonly isRefused: boolean;
}
type Step =
  | Batch
  /** Records of an earlier batch, all or some, in another order. */
  | {
      readonly kind: "again";
      readonly batch: number;
      readonly picks: readonly number[];
      readonly region: Batch["region"];
    }
  /** Several at once: they share commits and are taken in the order of arrival. */
  | { readonly kind: "atOnce"; readonly batches: readonly Batch[] }
  | { readonly kind: "suspend"; readonly buyer: 0 | 1; readonly suspended: boolean };

const usage: fc.Arbitrary<Usage> = fc.record({
  buyer: fc.constantFrom(0, 1),
  by: fc.constantFrom("customerIdentifier", "account", "license"),
  licence: fc.nat(1),
  dimension: fc.constantFrom("searches", "gb"),
  hoursAgo: fc.constantFrom(1, 2),
  secondOfHour: fc.constantFrom(0, 0.25, 1_800, 3_599.999),
  quantity: fc.constantFrom(undefined, 0, 1, 2),
  isSplit: fc.boolean(),
});
const batch: fc.Arbitrary<Batch> = fc
  .record({
    kind: fc.constant("batch" as const),
    region: fc.constantFrom(...regions),
    hasProductCode: fc.boolean(),
    usages: fc.array(usage, { maxLength: 8 }),
    unprocessed: fc.oneof({ arbitrary: fc.constant([]), weight: 4 }, fc.subarray([0, 1, 2, 3])),
    isRefused: fc.oneof({ arbitrary: fc.constant(false), weight: 6 }, fc.constant(true)),
  })
  .map((one) => ({
    ...one,
    usages: one.hasProductCode ? one.usages : one.usages.map((each) => ({ ...each, by: "license" as const })),
  }));
const step: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: batch, weight: 5 },
  {
    arbitrary: fc.record({
      kind: fc.constant("again" as const),
      batch: fc.nat(),
      picks: fc.array(fc.nat(), { maxLength: 8 }),
      region: fc.constantFrom(...regions),
    }),
    weight: 3,
  },
  {
    arbitrary: fc.record({
      kind: fc.constant("atOnce" as const),
      batches: fc.array(batch, { minLength: 2, maxLength: 3 }),
    }),
    weight: 1,
  },
  {
    arbitrary: fc.record({
      kind: fc.constant("suspend" as const),
      buyer: fc.constantFrom(0, 1),
      suspended: fc.boolean(),
    }),
    weight: 1,
  },
);

function licenceOf({ buyer, licence }: Usage): string {
  const { licences } = buyers[buyer];
  return licences[licence % licences.length] ?? "";
}

function record(one: Usage): UsageRecord {
  const { id, customerIdentifier } = buyers[one.buyer];
  const hour = Math.floor(now / hourMs) - one.hoursAgo;
  const quantity = one.quantity ?? 0;
  return {
    Timestamp: hour * 3_600 + one.secondOfHour,
    Dimension: one.dimension,
    ...(one.quantity === undefined ? {} : { Quantity: one.quantity }),
    ...(one.by === "customerIdentifier" ? { CustomerIdentifier: customerIdentifier } : { CustomerAWSAccountId: id }),
    ...(one.by === "license" ? { LicenseArn: licenceOf(one) } : {}),
    ...(one.isSplit
      ? { UsageAllocations: [{ AllocatedUsageQuantity: quantity, Tags: [{ Key: "team", Value: one.by }] }] }
      : {}),
  };
}

/* The model. */

interface Stored {
  id: string;
  readonly quantity: number;
  readonly allocations: UsageRecord["UsageAllocations"];
}

class Model {
  readonly stored = new Map<string, Stored>();
  readonly suspended = new Set<number>();

  expectAnswer(sent: Batch, answer: BatchMeterUsageResult, identicalResend: Settings["identicalResend"]): void {
    const results = [...answer.Results];
    const unprocessed = [...answer.UnprocessedRecords];
    for (const [index, one] of sent.usages.entries()) {
      const given = record(one);
      if (sent.unprocessed.includes(index)) {
        expect(unprocessed.shift()).toEqual(given); // B-91
        continue;
      }
      const result = results.shift();
      expect(result?.UsageRecord).toEqual(given); // B-3, B-4
      const status = this.suspended.has(one.buyer)
        ? "CustomerNotSubscribed"
        : this.#claim(sent.region, one, identicalResend);
      const { Status, MeteringRecordId } = result ?? {};
      if (typeof status === "string") {
        expect({ Status, MeteringRecordId }).toEqual({ Status: status, MeteringRecordId: undefined }); // B-5
      } else {
        expect(Status).toBe("Success");
        expect(MeteringRecordId).toMatch(uuid4); // W-32
        if (status.id === "") status.id = MeteringRecordId ?? "";
        expect(MeteringRecordId).toBe(status.id); // B-61
      }
    }
    expect(results).toEqual([]);
    expect(unprocessed).toEqual([]);
  }

  /** What is stored under the record's key; it is new where its id is "". Or the status of a record that is not. */
  #claim(region: string, one: Usage, identicalResend: Settings["identicalResend"]): Stored | "DuplicateRecord" {
    // B-24: whichever way the buyer is named. B-34, B-60: the two paths and the Regions do not see each other.
    const holder = one.by === "license" ? licenceOf(one) : buyers[one.buyer].id;
    const key = [region, holder, one.dimension, one.hoursAgo].join();
    const known = this.stored.get(key);
    const quantity = one.quantity ?? 0;
    if (known === undefined) {
      const fresh: Stored = { id: "", quantity, allocations: record(one).UsageAllocations };
      this.stored.set(key, fresh);
      return fresh;
    }
    return known.quantity === quantity && identicalResend === "success" ? known : "DuplicateRecord"; // B-62, J-5
  }
}

function request(sent: Batch) {
  return { ...(sent.hasProductCode ? { ProductCode: productCode } : {}), UsageRecords: sent.usages.map(record) };
}

async function send(sent: Batch, overrides: Partial<Settings>): Promise<BatchMeterUsageResult> {
  const options = { region: sent.region, unprocessed: sent.unprocessed, settings: overrides };
  return (await bench.call("BatchMeterUsage", request(sent), options)) as BatchMeterUsageResult;
}

/** The same batch with one bad record behind the good ones. */
async function sendRefused(sent: Batch): Promise<void> {
  const { UsageRecords: good, ...rest } = request(sent);
  const bad = record({ ...(sent.usages[0] ?? aUsage), by: "license", quantity: 1, isSplit: false });
  const faults = [{ Dimension: "Searches" }, { Timestamp: bad.Timestamp - 86_400 }, { LicenseArn: licenseOf(99) }];
  for (const fault of faults) {
    const input = { ...rest, UsageRecords: [...good, { ...bad, ...fault }] };
    await expect(bench.call("BatchMeterUsage", input, { region: sent.region })).rejects.toThrow();
  }
}

const aUsage: Usage = {
  buyer: 0,
  by: "account",
  licence: 0,
  dimension: "searches",
  hoursAgo: 1,
  secondOfHour: 0,
  quantity: 1,
  isSplit: false,
};

async function take(all: readonly Step[], overrides: Partial<Settings>): Promise<Model> {
  await bench.reset(catalog());
  const model = new Model();
  const sentBefore: Batch[] = [];
  const resend = overrides.identicalResend ?? "success";
  const sendOne = async (sent: Batch): Promise<void> => {
    if (sent.isRefused) await sendRefused(sent);
    sentBefore.push(sent);
    model.expectAnswer(sent, await send(sent, overrides), resend);
  };
  for (const one of all) {
    if (one.kind === "batch") {
      await sendOne(one);
    } else if (one.kind === "again") {
      const known = sentBefore[one.batch % Math.max(1, sentBefore.length)];
      if (known === undefined || known.usages.length === 0) continue;
      const usages = one.picks.flatMap((pick) => known.usages[pick % known.usages.length] ?? []);
      await sendOne({ ...known, usages, region: one.region, unprocessed: [], isRefused: false });
    } else if (one.kind === "atOnce") {
      const answers = await Promise.all(one.batches.map((sent) => send(sent, overrides)));
      for (const [index, sent] of one.batches.entries()) {
        const answer = answers[index];
        if (answer !== undefined) model.expectAnswer(sent, answer, resend);
      }
    } else {
      const { id, customerIdentifier } = buyers[one.buyer];
      await bench.store.catalog.apply({ accounts: [account({ id, customerIdentifier, suspended: one.suspended })] });
      if (one.suspended) model.suspended.add(one.buyer);
      else model.suspended.delete(one.buyer);
    }
  }
  return model;
}

async function expectLedger(model: Model): Promise<void> {
  const stored = [...model.stored.values()];
  const quantity = stored.reduce((sum, one) => sum + one.quantity, 0);
  expect(await bench.store.ledger.count({})).toEqual({ count: stored.length, quantity });
  const records = await bench.store.ledger.records({});
  const shown = (id: string, units: number, allocations: unknown) => JSON.stringify([id, units, allocations ?? null]);
  // B-66: the first split stays, whatever came with a replay.
  expect(new Set(records.map((one) => shown(one.meteringRecordId, one.quantity, one.allocations)))).toEqual(
    new Set(stored.map((one) => shown(one.id, one.quantity, one.allocations))),
  );
}

describe("batches, replays and duplicates over few keys", () => {
  test.each<[Settings["identicalResend"]]>([["success"], ["duplicate"]])(
    "B-60 to B-69: statuses, ids and ledger equal a Map; identicalResend = %s",
    async (identicalResend) => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 10 }), async (steps) => {
          await expectLedger(await take(steps, { identicalResend }));
        }),
        { numRuns: 150 },
      );
    },
    60_000,
  );
});

describe("duplicates, one by one", () => {
  const batchOf = (...usages: readonly Partial<Usage>[]): Batch => ({
    kind: "batch",
    region: "us-east-1",
    hasProductCode: true,
    usages: usages.map((one) => ({ ...aUsage, ...one })),
    unprocessed: [],
    isRefused: false,
  });
  const statuses = (answer: BatchMeterUsageResult) => answer.Results.map((one) => one.Status);
  const ids = (answer: BatchMeterUsageResult) => answer.Results.map((one) => one.MeteringRecordId);

  test("B-61: a whole request again, then its records in other groups: Success with the same ids, billed once", async () => {
    await bench.reset(catalog());
    const sent = batchOf({ quantity: 5 }, { dimension: "gb", quantity: 7 }, { buyer: 1, quantity: 0 });
    const first = await send(sent, {});
    expect(ids(await send(sent, {}))).toEqual(ids(first));
    const backwards = await send({ ...sent, usages: sent.usages.toReversed() }, {});
    expect(ids(backwards)).toEqual(ids(first).toReversed());
    expect(await bench.store.ledger.count({})).toEqual({ count: 3, quantity: 12 });
  });

  test("B-62, B-63, B-64: another quantity is a duplicate; so is any after a zero, sent or implied", async () => {
    await bench.reset(catalog());
    expect(statuses(await send(batchOf({ quantity: undefined }), {}))).toEqual(["Success"]);
    expect(statuses(await send(batchOf({ quantity: 3 }, { quantity: 0 }), {}))).toEqual(["DuplicateRecord", "Success"]);
    expect(await bench.store.ledger.count({})).toEqual({ count: 1, quantity: 0 });
  });

  test("B-65: one key twice in a batch goes by the order of the list", async () => {
    await bench.reset(catalog());
    const answer = await send(batchOf({ quantity: 2 }, { quantity: 3 }, { quantity: 2 }), {});
    expect(statuses(answer)).toEqual(["Success", "DuplicateRecord", "Success"]);
    expect(ids(answer)[2]).toBe(ids(answer)[0]);
  });

  test("B-34: the same hour by product code and by licence is billed twice, without an error", async () => {
    await bench.reset(catalog());
    const answer = await send(batchOf({ by: "account" }, { by: "license" }, { by: "customerIdentifier" }), {});
    expect(statuses(answer)).toEqual(["Success", "Success", "Success"]);
    expect(new Set(ids(answer)).size).toBe(2); // B-24: the third is the first.
    expect(await bench.store.ledger.count({})).toEqual({ count: 2, quantity: 2 });
  });

  test("B-15: with or without ProductCode a licence is one key", async () => {
    await bench.reset(catalog());
    const sent = batchOf({ by: "license", quantity: 4 });
    const [first, second] = [await send(sent, {}), await send({ ...sent, hasProductCode: false }, {})];
    expect(ids(second)).toEqual(ids(first));
    expect((await bench.store.ledger.records({})).map((one) => one.path)).toEqual(["license"]);
  });

  test("B-60, L-3: each Region has keys of its own", async () => {
    await bench.reset(catalog());
    await send(batchOf({}), {});
    expect(statuses(await send({ ...batchOf({ quantity: 9 }), region: "eu-west-1" }, {}))).toEqual(["Success"]);
    expect(await bench.store.ledger.count({})).toEqual({ count: 2, quantity: 10 });
  });

  test("B-68, B-69: who is not subscribed leaves no key, and replays of a buyer who was are refused too", async () => {
    await bench.reset(catalog());
    const suspend = (suspended: boolean) => {
      const { id, customerIdentifier } = buyers[0];
      return bench.store.catalog.apply({ accounts: [account({ id, customerIdentifier, suspended })] });
    };
    await suspend(true);
    expect(statuses(await send(batchOf({ quantity: 1 }), {}))).toEqual(["CustomerNotSubscribed"]);
    await suspend(false);
    expect(statuses(await send(batchOf({ quantity: 2 }), {}))).toEqual(["Success"]);
    await suspend(true);
    expect(statuses(await send(batchOf({ quantity: 2 }), {}))).toEqual(["CustomerNotSubscribed"]);
    expect(await bench.store.ledger.count({})).toEqual({ count: 1, quantity: 2 });
  });

  test("B-1, B-68: one bad record voids the batch; the others can be sent again", async () => {
    await bench.reset(catalog());
    const sent = batchOf({ quantity: 1 }, { dimension: "gb", quantity: 2 });
    const input = request(sent);
    const bad = { ...input, UsageRecords: [...input.UsageRecords, { ...record(aUsage), Dimension: "Searches" }] };
    await expect(bench.call("BatchMeterUsage", bad)).rejects.toMatchObject({ name: "InvalidUsageDimensionException" });
    expect(await bench.store.ledger.count({})).toEqual({ count: 0, quantity: 0 });
    expect(statuses(await send(batchOf({ quantity: 9 }, { dimension: "gb", quantity: 9 }), {}))).toEqual([
      "Success",
      "Success",
    ]);
  });

  test("B-60: of calls that race on one key exactly one stores", async () => {
    await bench.reset(catalog());
    const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => send(batchOf({ quantity: n }), {})));
    expect(answers.flatMap(statuses).filter((status) => status === "Success")).toHaveLength(1);
    expect((await bench.store.ledger.count({})).count).toBe(1);
  });

  test("B-57: the two ends of an hour are one key, the next millisecond is another", async () => {
    await bench.reset(catalog());
    const hour = Math.floor(now / hourMs) * 3_600 - 3_600;
    const stamps = [hour, hour + 3_599.999, hour + 3_600];
    const input = {
      ProductCode: productCode,
      UsageRecords: stamps.map((Timestamp) => ({ ...record(aUsage), Timestamp })),
    };
    const answer = (await bench.call("BatchMeterUsage", input)) as BatchMeterUsageResult;
    expect(new Set(ids(answer)).size).toBe(2);
    expect(ids(answer)[1]).toBe(ids(answer)[0]);
  });

  test("L-2: a Region that the product is not enabled in refuses before anything is looked at", () => {
    const sent = batchOf({});
    return expect(bench.call("BatchMeterUsage", request(sent), { region: "ap-south-1" })).rejects.toMatchObject({
      name: "DisabledApiException",
    });
  });
});

test("the model is one that can disagree", () => {
  const wrong = new Model();
  const sent: Batch = {
    kind: "batch",
    region: "us-east-1",
    hasProductCode: true,
    usages: [aUsage],
    unprocessed: [],
    isRefused: false,
  };
  const duplicate = {
    Results: [{ UsageRecord: record(aUsage), Status: "DuplicateRecord" as const }],
    UnprocessedRecords: [],
  };
  expect(() => refusal(() => wrong.expectAnswer(sent, duplicate, "success"))).toThrow();
});
