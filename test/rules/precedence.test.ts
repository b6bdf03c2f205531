/** Which error wins when a batch has several faults (SPEC C.5): the earlier kind, then the lower index. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Settings } from "../../src/api/settings.ts";
import { type BatchDraft, batchDraft, decide, type Identity, type RecordDraft } from "./batchDraft.ts";
import { account, agreement, buyerId, dayMs, licenseArn, now, nowSec, product, refusal, rivalId } from "./facts.ts";

/** One way to spoil a batch. Faults of different kinds can be in one record without undoing each other. */
interface Fault {
  readonly kind: string;
  readonly name: string;
  /** Spoils the whole request, whatever the record. */
  readonly isOfRequest?: true;
  spoil(record: RecordDraft, batch: BatchDraft): void;
}

function license(record: RecordDraft): void {
  Object.assign(record.record, {
    CustomerIdentifier: undefined,
    CustomerAWSAccountId: buyerId,
    LicenseArn: licenseArn,
  });
}

/** In the order of C.5, several ways for most kinds. */
const kinds: readonly (readonly [kind: string, error: string, ...faults: readonly Omit<Fault, "kind">[]])[] = [
  [
    "identity",
    "ValidationException",
    {
      name: "B-12",
      spoil: ({ record }) =>
        Object.assign(record, { CustomerIdentifier: "both", CustomerAWSAccountId: "310000000099" }),
    },
    {
      name: "B-13",
      spoil: ({ record }) => Object.assign(record, { CustomerIdentifier: "", CustomerAWSAccountId: undefined }),
    },
    {
      name: "B-17",
      spoil: ({ record }) =>
        Object.assign(record, { CustomerIdentifier: "x", CustomerAWSAccountId: undefined, LicenseArn: licenseArn }),
    },
  ],
  [
    "product",
    "InvalidProductCodeException",
    {
      name: "unknown",
      isOfRequest: true,
      spoil: (_, batch) => {
        batch.product = undefined;
      },
    },
    {
      name: "C-20",
      isOfRequest: true,
      spoil: (_, batch) => {
        batch.product = product({ sellerAccountId: rivalId });
      },
    },
    {
      name: "C-19",
      isOfRequest: true,
      spoil: (_, batch) => {
        batch.product = product({ type: "saas-contract" });
      },
    },
  ],
  [
    "licence",
    "InvalidLicenseException",
    {
      name: "B-31, unknown",
      spoil: (record) => {
        license(record);
        record.licensed = undefined;
      },
    },
    {
      name: "B-31, another buyer's",
      spoil: (record) => {
        license(record);
        record.licensed = agreement({ licenseArn, buyerAccountId: "310000000002" });
      },
    },
    {
      name: "B-19",
      spoil: (record) => {
        license(record);
        record.licensed = agreement({ licenseArn, productCode: "another" });
      },
    },
    {
      name: "B-31, before activation",
      spoil: (record) => {
        license(record);
        record.licensed = agreement({ licenseArn, startedAt: now + dayMs });
      },
    },
  ],
  [
    "customer",
    "InvalidCustomerIdentifierException",
    {
      name: "B-20",
      spoil: (record) => {
        record.buyer = undefined;
      },
    },
  ],
  [
    "dimension",
    "InvalidUsageDimensionException",
    { name: "B-40", spoil: ({ record }) => Object.assign(record, { Dimension: "unknown" }) },
    { name: "B-41", spoil: ({ record }) => Object.assign(record, { Dimension: "Searches" }) },
    { name: "B-43", spoil: ({ record }) => Object.assign(record, { Dimension: "users" }) },
  ],
  [
    "time",
    "TimestampOutOfBoundsException",
    { name: "B-51", spoil: ({ record }) => Object.assign(record, { Timestamp: nowSec - 86_400 }) },
    { name: "B-55", spoil: ({ record }) => Object.assign(record, { Timestamp: nowSec + 301 }) },
  ],
  [
    "tag",
    "InvalidTagException",
    { name: "B-73", spoil: ({ record }) => addAllocation(record, { Tags: [{ Key: "k", Value: "a>b" }] }) },
    {
      name: "B-75",
      spoil: ({ record }) =>
        addAllocation(record, {
          Tags: [
            { Key: "k", Value: "a" },
            { Key: "k", Value: "b" },
          ],
        }),
    },
  ],
  [
    "allocations",
    "InvalidUsageAllocationsException",
    { name: "B-70", spoil: ({ record }) => addAllocation(record, { AllocatedUsageQuantity: 77 }) },
    {
      name: "B-71",
      spoil: ({ record }) => {
        addAllocation(record, {});
        addAllocation(record, {});
      },
    },
  ],
];

function addAllocation(
  record: RecordDraft["record"],
  more: { AllocatedUsageQuantity?: number; Tags?: readonly { Key: string; Value: string }[] },
): void {
  const before = record.UsageAllocations ?? [
    { AllocatedUsageQuantity: record.Quantity ?? 0, Tags: [{ Key: "a", Value: "b" }] },
  ];
  record.UsageAllocations = [...before, { AllocatedUsageQuantity: 0, ...more }];
}

const faults: readonly Fault[] = kinds.flatMap(([kind, , ...all]) => all.map((each) => ({ kind, ...each })));
const order = kinds.map(([kind]) => kind);
const errors = new Map(kinds.map(([kind, error]) => [kind, error]));

/** So that every kind can occur on a product from before concurrent agreements. */
const switches: Partial<Settings> = { unknownCustomer: "exception" };

interface Placed {
  readonly fault: Fault;
  readonly index: number;
}

function spoiled(identities: readonly Identity[], placed: readonly Placed[]): BatchDraft {
  const batch = batchDraft(identities);
  // Identity last: a licence fault brings a sound identity with it.
  const inOrder = placed.toSorted((a, b) => order.indexOf(b.fault.kind) - order.indexOf(a.fault.kind));
  for (const { fault, index } of inOrder) {
    const record = batch.records[index];
    if (record !== undefined) fault.spoil(record, batch);
  }
  return batch;
}

/** What C.5 says about the faults that were placed. */
function expectRefusal(batch: BatchDraft, placed: readonly Placed[]): void {
  const first = order.find((kind) => placed.some(({ fault }) => fault.kind === kind));
  const ofKind = placed.filter(({ fault }) => fault.kind === first);
  const found = refusal(() => decide(batch, switches));
  const what = placed.map(({ fault, index }) => `${fault.kind} ${fault.name} in ${index}`).join(", ");
  expect(found?.name, what).toBe(errors.get(first ?? ""));
  if (ofKind.some(({ fault }) => fault.isOfRequest)) return;
  const index = /UsageRecords\[(\d+)\]/.exec(found?.message ?? "")?.[1];
  expect(Number(index), `${what}: ${found?.message}`).toBe(Math.min(...ofKind.map((each) => each.index)));
}

const identity: fc.Arbitrary<Identity> = fc.constantFrom("customerIdentifier", "account", "license");
const identities = fc.array(identity, { minLength: 1, maxLength: 25 });

describe("C.5: the first failing kind wins over all records, then the lowest index", () => {
  test("the batch without faults passes", () => {
    fc.assert(
      fc.property(identities, (all) => {
        const outcomes = decide(batchDraft(all), switches);
        expect(outcomes.map((outcome) => outcome?.agreement.id)).toEqual(all.map(() => "agmt-1"));
      }),
    );
  });

  test.each(faults)("C.5: $kind $name alone is found where it is", (fault) => {
    fc.assert(
      fc.property(identities, fc.nat(), (all, place) => {
        const placed = [{ fault, index: place % all.length }];
        expectRefusal(spoiled(all, placed), placed);
      }),
      { numRuns: 30 },
    );
  });

  const pairs = faults.flatMap((one) => faults.filter((other) => other !== one).map((other) => [one, other] as const));
  test(`C.5: any two of ${faults.length} faults, in the same record or in two, either way round`, () => {
    for (const [one, other] of pairs) {
      fc.assert(
        fc.property(identities, fc.nat(), fc.nat(), (all, here, there) => {
          const placed = [
            { fault: one, index: here % all.length },
            { fault: other, index: there % all.length },
          ];
          // Two faults of one kind in one record may undo each other; in two they cannot.
          if (one.kind === other.kind && placed[0]?.index === placed[1]?.index) return;
          if (one.isOfRequest && other.isOfRequest) return;
          expectRefusal(spoiled(all, placed), placed);
        }),
        { numRuns: 6 },
      );
    }
  });

  test("C.5: any number of faults of different kinds", () => {
    const some = fc
      .subarray(
        kinds.map(([kind]) => kind),
        { minLength: 1 },
      )
      .chain((chosen) =>
        fc.tuple(
          ...chosen.map((kind) =>
            fc.record({ fault: fc.constantFrom(...faults.filter((each) => each.kind === kind)), index: fc.nat() }),
          ),
        ),
      );
    fc.assert(
      fc.property(identities, some, (all, chosen) => {
        const placed = chosen.map(({ fault, index }) => ({ fault, index: index % all.length }));
        expectRefusal(spoiled(all, placed), placed);
      }),
      { numRuns: 1_000 },
    );
  });

  test("B-21 stands where B-20 does: after licences, before dimensions", () => {
    const batch = batchDraft(["customerIdentifier"]);
    batch.product = product({ concurrentAgreementsOnly: true });
    if (batch.records[0]) batch.records[0].record.Dimension = "unknown";
    expect(refusal(() => decide(batch))?.name).toBe("InvalidCustomerIdentifierException");
    batch.productCode = undefined;
    batch.records.push({ ...batchDraft(["license"]).records[0]!, licensed: undefined });
    expect(refusal(() => decide(batch))?.name).toBe("ValidationException"); // B-16
  });

  test("B-56 stands where the window does: before tags, with the index of its record", () => {
    const batch = batchDraft(["account", "account"]);
    const [first, second] = batch.records;
    if (first) addAllocation(first.record, { Tags: [{ Key: "k", Value: "a>b" }] });
    if (second) second.agreements = [agreement({ startedAt: now - 60_000 })];
    if (second) second.record.Timestamp = nowSec - 3_600;
    const found = refusal(() => decide(batch));
    expect(found?.name).toBe("TimestampOutOfBoundsException");
    expect(found?.message).toContain("UsageRecords[1]");
  });
});

describe("B-1: an error leaves no outcome", () => {
  test("B-1, B-85: whatever the other records would have become", () => {
    fc.assert(
      fc.property(identities, fc.constantFrom(...faults), fc.nat(), (all, fault, place) => {
        const placed = [{ fault, index: place % all.length }];
        const batch = spoiled(all, placed);
        for (const [index, record] of batch.records.entries()) {
          if (index !== placed[0]?.index && index % 2 === 0) record.buyer = account({ suspended: true });
        }
        expect(() => decide(batch, switches)).toThrow();
      }),
    );
  });
});
