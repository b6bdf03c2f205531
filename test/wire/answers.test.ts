/** The answer of a batch is written by hand: it must be the text that JSON.stringify would make of the same members. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { UsageRecord } from "../../src/api/types.ts";
import { resultBody } from "../../src/protocol/awsJson.ts";

const text = fc.string({ unit: "binary", minLength: 1, maxLength: 40 });
const awkward = fc.constantFrom('"', "\\", "\u2028", "\ud800", "é", "\u0000", "</script>", "a\nb");
const usageRecord: fc.Arbitrary<UsageRecord> = fc.record(
  {
    // In the order in which the answer has them.
    Timestamp: fc.oneof(fc.integer({ min: 0, max: 2 ** 40 }), fc.double({ noNaN: true, noDefaultInfinity: true })),
    Dimension: fc.oneof(text, awkward),
    CustomerIdentifier: fc.oneof(text, awkward, fc.constant("")),
    CustomerAWSAccountId: fc.stringMatching(/^[0-9]{12}$/),
    LicenseArn: fc.stringMatching(/^arn:aws:license-manager::[0-9]{12}:license:l-[0-9a-f]{32}$/),
    Quantity: fc.integer({ min: 0, max: 2_147_483_647 }),
    UsageAllocations: fc.array(
      fc.record(
        {
          AllocatedUsageQuantity: fc.nat(),
          Tags: fc.array(fc.record({ Key: text, Value: awkward }), { maxLength: 2 }),
        },
        { requiredKeys: ["AllocatedUsageQuantity"] },
      ),
      { maxLength: 3 },
    ),
  },
  { requiredKeys: ["Timestamp", "Dimension"], noNullPrototype: true },
);
const result = fc.oneof(
  fc.record({ UsageRecord: usageRecord, MeteringRecordId: fc.uuid(), Status: fc.constant("Success") }),
  fc.record({ UsageRecord: usageRecord, Status: fc.constantFrom("DuplicateRecord", "CustomerNotSubscribed") }),
);

test("any batch's answer is what JSON.stringify makes of it", () => {
  fc.assert(
    fc.property(
      fc.record({
        Results: fc.array(result, { maxLength: 5 }),
        UnprocessedRecords: fc.array(usageRecord, { maxLength: 3 }),
      }),
      (answer) => {
        expect(resultBody("BatchMeterUsage", answer)).toBe(JSON.stringify(inOrder(answer)));
      },
    ),
    { numRuns: 1_000 },
  );
});

interface Answer {
  readonly Results: readonly { readonly UsageRecord: UsageRecord }[];
  readonly UnprocessedRecords: readonly UsageRecord[];
}

/** Members in the answer's order: what was sent has them in any. */
function inOrder({ Results: results, UnprocessedRecords: unprocessed }: Answer): object {
  return {
    Results: results.map((one) => ({ ...one, UsageRecord: ordered(one.UsageRecord) })),
    UnprocessedRecords: unprocessed.map(ordered),
  };
}

function ordered(record: UsageRecord): object {
  const { Timestamp, Dimension, CustomerIdentifier, CustomerAWSAccountId, LicenseArn, Quantity, UsageAllocations } =
    record;
  return { Timestamp, Dimension, CustomerIdentifier, CustomerAWSAccountId, LicenseArn, Quantity, UsageAllocations };
}
