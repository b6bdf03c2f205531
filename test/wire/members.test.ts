/** A sound body is used as it is; it must be judged as the two passes judge it, which a member nobody knows brings about. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { OperationName, Revision } from "../../src/api/types.ts";
import { readInput } from "../../src/protocol/constraints.ts";

const operations: readonly OperationName[] = ["BatchMeterUsage", "MeterUsage", "RegisterUsage", "GetEntitlements"];
const revisions: readonly Revision[] = ["2026", "2024", "2021"];

const odd = fc.constantFrom<unknown>(null, true, "", "x".repeat(256), -1, 0.5, 2 ** 31, Number.MAX_VALUE, [], {}, "é", [
  null,
]);
const name = fc.oneof(odd, fc.constantFrom<unknown>("searches", "quaylogs0", "310000000001", "arn:aws:s:r:a:x"));
const count = fc.oneof({ weight: 4, arbitrary: fc.nat() as fc.Arbitrary<unknown> }, { weight: 1, arbitrary: odd });
const seconds = fc.oneof({ weight: 4, arbitrary: fc.constant<unknown>(1_786_785_300) }, { weight: 1, arbitrary: odd });
const tag = fc.record({ Key: name, Value: name }, { requiredKeys: [], noNullPrototype: true });
const allocation = fc.record(
  { AllocatedUsageQuantity: count, Tags: fc.array(tag, { maxLength: 6 }) },
  { requiredKeys: [], noNullPrototype: true },
);
const usageRecord = fc.record(
  {
    Timestamp: seconds,
    Dimension: name,
    CustomerIdentifier: name,
    CustomerAWSAccountId: name,
    LicenseArn: name,
    Quantity: count,
    UsageAllocations: fc.array(allocation, { maxLength: 3 }),
  },
  { requiredKeys: ["Timestamp", "Dimension"], noNullPrototype: true },
);
const body = fc.record(
  {
    ProductCode: name,
    UsageRecords: fc.oneof(fc.array(usageRecord, { maxLength: 3 }) as fc.Arbitrary<unknown>, odd),
    Timestamp: seconds,
    UsageDimension: name,
    UsageQuantity: count,
    DryRun: fc.oneof(fc.boolean() as fc.Arbitrary<unknown>, odd),
    UsageAllocations: fc.array(allocation, { maxLength: 2 }),
    PublicKeyVersion: count,
    Filter: fc.oneof(fc.constant<unknown>({ DIMENSION: ["a"] }), odd),
    MaxResults: count,
  },
  { requiredKeys: [], noNullPrototype: true },
);

function judged(operation: OperationName, revision: Revision, json: object): unknown {
  try {
    return readInput(operation, revision, JSON.parse(JSON.stringify(json)), false);
  } catch (error) {
    return String(error);
  }
}

test("the quick pass and the two passes agree on any body", () => {
  let read = 0;
  fc.assert(
    fc.property(body, fc.constantFrom(...operations), fc.constantFrom(...revisions), (json, operation, revision) => {
      const known = knownOf(operation, json);
      const judgement = judged(operation, revision, known);
      if (typeof judgement === "object") read += 1;
      expect(judgement).toEqual(judged(operation, revision, { ...known, NobodyKnowsThis: 1 }));
    }),
    { numRuns: 3_000 },
  );
  expect(read).toBeGreaterThan(50);
});

/** Members that the operation has, or every body would go the long way. */
function knownOf(operation: OperationName, json: Readonly<Record<string, unknown>>): object {
  const names: Readonly<Record<string, readonly string[]>> = {
    BatchMeterUsage: ["ProductCode", "UsageRecords"],
    MeterUsage: ["ProductCode", "Timestamp", "UsageDimension", "UsageQuantity", "DryRun", "UsageAllocations"],
    RegisterUsage: ["ProductCode", "PublicKeyVersion"],
    GetEntitlements: ["ProductCode", "Filter", "MaxResults"],
  };
  return Object.fromEntries(Object.entries(json).filter(([name]) => names[operation]?.includes(name)));
}

test("a sound batch is given back as it is", () => {
  const json = {
    ProductCode: "quaylogs0",
    UsageRecords: [{ Timestamp: 1, Dimension: "gb", CustomerAWSAccountId: "1" }],
  };
  expect(readInput("BatchMeterUsage", "2026", json, false)).toBe(json);
});
