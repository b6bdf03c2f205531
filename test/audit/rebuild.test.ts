/** What a batch sent is told again to the member, from the compact event and the ledger's rows. */
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { showTimestamp } from "../../src/operations/cloudTrail.ts";
import { buyers, products, startSec } from "../support/catalog.ts";
import { type BatchResult, startWire, type Wire } from "../support/wireClient.ts";

let wire: Wire;
beforeAll(async () => {
  wire = await startWire();
});
beforeEach(() => wire.reset());
afterAll(() => wire.close());

const quantity = fc.integer({ min: 0, max: 9 });
const identity = fc.constantFrom(
  ...[buyers.alder, buyers.cedar, buyers.fir].flatMap(({ account, identifier }) => [
    { CustomerIdentifier: identifier },
    { CustomerAWSAccountId: account },
  ]),
  { CustomerIdentifier: "nobodyKnows" },
);
/** Fractions of a second too, and those that round to the next one. */
const timestamp = fc
  .tuple(fc.integer({ min: 60, max: 4 * 3_600 }), fc.constantFrom(0, 0.25, 0.001, 0.9996, 0.99999))
  .map(([back, fraction]) => startSec - back + fraction - 1);
const tags = fc.constantFrom([{ Key: "team", Value: "blue" }], [{ Key: "a", Value: 'ü "quoted"' }]);

const record = fc
  .tuple(identity, timestamp, fc.constantFrom("searches", "gb"), fc.option(quantity), fc.option(tags))
  .map(([who, Timestamp, Dimension, given, tag]) => {
    const amount = given ?? 0;
    return {
      ...who,
      Timestamp,
      Dimension,
      ...(given === null ? {} : { Quantity: amount }),
      ...(tag === null || given === null ? {} : { UsageAllocations: [{ AllocatedUsageQuantity: amount, Tags: tag }] }),
    };
  });

function shown(sent: object): object {
  const lower = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(lower);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, inner]) => [
        name.charAt(0).toLowerCase() + name.slice(1),
        name === "Timestamp" ? showTimestamp(Number(inner)) : lower(inner),
      ]),
    );
  };
  return lower(sent) as object;
}

test("random batches, sent twice", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(record, { minLength: 1, maxLength: 25 }), async (records) => {
      await wire.reset();
      const request = { ProductCode: products.logs, UsageRecords: records };
      for (let round = 0; round < 2; round += 1) {
        const reply = await wire.call({ request });
        const [newest] = await wire.meterhouse.cloudTrail({ limit: 1 });
        expect(newest?.requestParameters).toEqual({
          usageRecords: records.map(shown),
          productCode: products.logs,
        });
        if (reply.status !== 200) {
          expect(newest).toMatchObject({ errorCode: reply.error, responseElements: null });
          continue;
        }
        expect(newest?.responseElements).toEqual({
          results: (reply.json.Results as readonly BatchResult[]).map((result) => ({
            usageRecord: shown(result.UsageRecord),
            ...(result.MeteringRecordId === undefined ? {} : { meteringRecordId: result.MeteringRecordId }),
            status: result.Status,
          })),
          unprocessedRecords: [],
        });
      }
    }),
    { numRuns: 40 },
  );
}, 60_000);

test("of what the ledger does not hold, allocations that are too many are left out, and that is said", async () => {
  const UsageAllocations = Array.from({ length: 500 }, (_, n) => ({
    AllocatedUsageQuantity: n === 0 ? 5 : 0,
    Tags: [{ Key: "customer", Value: `a name of some length, and the number ${n}` }],
  }));
  const one = {
    Timestamp: startSec - 7_200,
    Dimension: "gb",
    CustomerIdentifier: buyers.alder.identifier,
    Quantity: 5,
    UsageAllocations,
  };
  const request = { ProductCode: products.logs, UsageRecords: [one] };
  const trail = async () => {
    expect((await wire.call({ request })).status).toBe(200);
    return (await wire.meterhouse.cloudTrail())[0]?.requestParameters;
  };
  // Stored: the ledger has them all.
  expect(await trail()).toEqual({ usageRecords: [shown(one)], productCode: products.logs });
  const { UsageAllocations: _, ...rest } = one;
  expect(await trail()).toMatchObject({ usageRecords: [shown(rest)], omitted: true, originalSize: expect.any(Number) });
});
