/** Sums by SQL, held against sums of the same records in JavaScript. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { UsageAllocation } from "../../src/api/types.ts";
import { InvalidCursorError, type UsageClaim, type UsageFilter } from "../../src/store/ledger.ts";
import type { Store } from "../../src/store/store.ts";
import { type UsageGrouping, type UsageTotal, usageMembers, usagePeriods } from "../../src/store/usageTotals.ts";
import { engines, withStore } from "./engines.ts";
import { claim, hour, hourMs, unit } from "./fixtures.ts";

const license = (digit: string): string => `arn:aws:license-manager::294406891311:license:l-${digit.repeat(32)}`;
/** Around the ends of two months and a day. */
const hours = [-1, 0, 1, 23, 24, 31 * 24 - 1, 31 * 24, 62 * 24 - 1, 62 * 24].map(
  (one) => Date.UTC(2026, 6, 1) / hourMs + one,
);

const tags = fc.uniqueArray(
  fc.record({ Key: fc.constantFrom("team", "env"), Value: fc.constantFrom("a", "b", 'q"\\', "1") }),
  { selector: ({ Key }) => Key, maxLength: 2 },
);
/** As accepted: distinct sets of tags, quantities that add up to the record's. */
const allocations: fc.Arbitrary<readonly UsageAllocation[]> = fc.uniqueArray(
  fc.record({ AllocatedUsageQuantity: fc.integer({ min: 0, max: 1_000 }), Tags: tags }),
  { minLength: 1, maxLength: 3, selector: ({ Tags }) => JSON.stringify(Tags.map((tag) => JSON.stringify(tag)).sort()) },
);

const claimed: fc.Arbitrary<UsageClaim> = fc
  .record({
    kind: fc.constantFrom("productCode", "license", "resource", "agentcore"),
    productCode: fc.constantFrom("p1", "p2"),
    accountId: fc.constantFrom("310000000001", "310000000002", "310000000003"),
    digit: fc.constantFrom("a", "b"),
    dimension: fc.constantFrom("d1", "d2"),
    region: fc.constantFrom("us-east-1", "eu-west-1"),
    hour: fc.constantFrom(...hours),
    billable: fc.boolean(),
    quantity: fc.integer({ min: 0, max: 2_147_483_647 }),
    allocations: fc.option(allocations, { nil: undefined }),
  })
  .map(({ kind, digit, allocations: given, quantity, accountId, ...rest }) => {
    const path = kind as UsageClaim["path"];
    // A holder belongs to one account.
    const holder = path === "productCode" ? accountId : path === "license" ? license(digit) : `i-${digit}-${accountId}`;
    const owner = path === "license" ? `31000000000${digit === "a" ? 1 : 2}` : accountId;
    const sum = given?.reduce((total, one) => total + one.AllocatedUsageQuantity, 0);
    return claim({
      ...rest,
      path,
      holder,
      accountId: owner,
      quantity: sum ?? quantity,
      ...(given === undefined ? {} : { allocations: given }),
    });
  });

const grouping: fc.Arbitrary<UsageGrouping> = fc.record(
  {
    period: fc.constantFrom(...usagePeriods),
    members: fc.uniqueArray(fc.constantFrom(...usageMembers)),
    tags: fc.subarray(["team", "env"]),
  },
  { requiredKeys: [] },
);

const filters: fc.Arbitrary<UsageFilter> = fc.record(
  {
    productCode: fc.constantFrom("p1", "none"),
    accountId: fc.constantFrom("310000000001", "310000000002"),
    licenseArn: fc.constant(license("a")),
    resource: fc.constant("i-a-310000000001"),
    dimension: fc.constantFrom("d1", "none"),
    region: fc.constantFrom("us-east-1"),
    fromHourAt: fc.constantFrom(...hours.map((one) => one * hourMs)),
    toHourAt: fc.constantFrom(...hours.map((one) => one * hourMs - 1)),
    billable: fc.boolean(),
  },
  { requiredKeys: [] },
);

function matches(row: UsageClaim, filter: UsageFilter): boolean {
  const at = row.hour * hourMs;
  const is = (wanted: unknown, value: unknown): boolean => wanted === undefined || wanted === value;
  return (
    is(filter.productCode, row.productCode) &&
    is(filter.accountId, row.accountId) &&
    is(filter.licenseArn, row.path === "license" ? row.holder : "") &&
    is(filter.resource, row.path === "resource" || row.path === "agentcore" ? row.holder : "") &&
    is(filter.dimension, row.dimension) &&
    is(filter.region, row.region) &&
    is(filter.billable, row.billable) &&
    at >= (filter.fromHourAt ?? 0) &&
    at < (filter.toHourAt ?? Number.MAX_SAFE_INTEGER)
  );
}

/** Key → sum and number of records, as plain text. */
function sumsOf(rows: readonly UsageClaim[], { period, members = [], tags: keys = [] }: UsageGrouping) {
  const sums = new Map<string, { quantity: bigint; records: Set<UsageClaim> }>();
  for (const row of rows) {
    const iso = new Date(row.hour * hourMs).toISOString();
    const start = { hour: iso, day: `${iso.slice(0, 10)}T00:00:00.000Z`, month: `${iso.slice(0, 7)}-01T00:00:00.000Z` };
    const values = {
      product: row.productCode,
      customer: row.accountId,
      license: row.path === "license" ? row.holder : undefined,
      resource: row.path === "resource" || row.path === "agentcore" ? row.holder : undefined,
      dimension: row.dimension,
      region: row.region,
      status: row.billable,
    };
    for (const part of row.allocations ?? [{ AllocatedUsageQuantity: row.quantity }]) {
      const found = keys.map((key) => part.Tags?.find((tag) => tag.Key === key)?.Value ?? null);
      const key = JSON.stringify([
        period === undefined ? null : start[period],
        ...usageMembers.map((member) => (members.includes(member) ? (values[member] ?? null) : null)),
        ...found,
      ]);
      const sum = sums.get(key) ?? { quantity: 0n, records: new Set() };
      sums.set(key, { quantity: sum.quantity + BigInt(part.AllocatedUsageQuantity), records: sum.records.add(row) });
    }
  }
  return new Map([...sums].map(([key, sum]) => [key, `${sum.quantity} of ${sum.records.size}`]));
}

function keyOf(total: UsageTotal): string {
  return JSON.stringify([
    total.periodAt === undefined ? null : new Date(total.periodAt).toISOString(),
    ...[total.productCode, total.accountId, total.licenseArn, total.resource, total.dimension, total.region].map(
      (one) => one ?? null,
    ),
    total.billable ?? null,
    ...(total.tags ?? []).map((one) => one ?? null),
  ]);
}

async function totalsOf(store: Store, filter: UsageFilter, by: UsageGrouping, cursor?: string): Promise<UsageTotal[]> {
  const found: UsageTotal[] = [];
  for await (const batch of store.ledger.totals(filter, by, cursor)) found.push(...batch);
  return found;
}

describe.each(engines)("$name: totals", (engine) => {
  test("add up whatever is asked for, and go on after any of them", async () => {
    await withStore(engine, async (store) => {
      const property = fc.asyncProperty(
        fc.array(claimed, { maxLength: 40 }),
        fc.array(fc.tuple(filters, grouping), { minLength: 1, maxLength: 6 }),
        fc.nat(),
        async (given, asked, place) => {
          await store.reset();
          const { holders } = await store.ledger.claim(unit(given));
          const kept = given.filter((_, index) => holders[index]?.fresh === true);
          for (const [filter, by] of asked) {
            const found = await totalsOf(store, filter, by);
            const expected = sumsOf(
              kept.filter((row) => matches(row, filter)),
              by,
            );
            expect(new Map(found.map((one) => [keyOf(one), `${one.quantity} of ${one.records}`]))).toEqual(expected);
            expect(found).toHaveLength(expected.size);
            const at = place % (found.length + 1);
            const rest = await totalsOf(store, filter, by, found[at]?.position);
            expect(rest).toEqual(at === found.length ? found : found.slice(at + 1));
          }
        },
      );
      await fc.assert(property, { numRuns: engine.name === "sqlite" ? 200 : 30 });
    });
  });

  test("more customers than are looked up one by one, in order, over many batches", async () => {
    await withStore(engine, async (store) => {
      const rows = Array.from({ length: 2_500 }, (_, index) =>
        claim({ holder: `b${index}`, accountId: `b${String(index).padStart(4, "0")}`, hour: hour + (index % 50) }),
      );
      for (let from = 0; from < rows.length; from += 500) await store.ledger.claim(unit(rows.slice(from, from + 500)));
      const found = await totalsOf(store, { productCode: rows[0]?.productCode ?? "" }, { members: ["customer"] });
      expect(found.map(({ accountId }) => accountId)).toEqual(rows.map(({ accountId }) => accountId));
      expect(found.every(({ quantity, records }) => quantity === 5n && records === 1)).toBe(true);
      expect(await totalsOf(store, {}, {})).toMatchObject([{ quantity: 12_500n, records: 2_500 }]);
    });
  });

  test("of one moment: what is stored while they are read is not in them", async () => {
    await withStore(engine, async (store) => {
      const rows = Array.from({ length: 3 }, (_, day) => claim({ hour: hour + day * 24 }));
      await store.ledger.claim(unit(rows));
      const seen: bigint[] = [];
      for await (const batch of store.ledger.totals({}, { period: "day" })) {
        seen.push(...batch.map(({ quantity }) => quantity));
        await store.ledger.claim(unit(rows.map((row) => ({ ...row, dimension: `d${seen.length}` }))));
      }
      expect(seen).toEqual([5n, 5n, 5n]);
    });
  });

  test("sums beyond what a double can hold", async () => {
    await withStore(engine, async (store) => {
      const allocated = [{ AllocatedUsageQuantity: 9_007_199_254_740_991 }];
      const row = claim({ quantity: 9_007_199_254_740_991, allocations: allocated });
      await store.ledger.claim(unit([row, { ...row, hour: hour + 1, quantity: 9_007_199_254_740_990 }]));
      expect(await totalsOf(store, {}, {})).toMatchObject([{ quantity: 18_014_398_509_481_981n }]);
    });
  });

  test("two at once keep apart, and one that is left early leaves nothing behind", async () => {
    await withStore(engine, async (store) => {
      await store.ledger.claim(unit([claim(), claim({ dimension: "other", quantity: 7 })]));
      const [all, byDimension] = await Promise.all([
        totalsOf(store, {}, {}),
        totalsOf(store, {}, { members: ["dimension"] }),
      ]);
      expect(all).toMatchObject([{ quantity: 12n }]);
      expect(byDimension).toMatchObject([
        { dimension: "other", quantity: 7n },
        { dimension: "requests", quantity: 5n },
      ]);
      for await (const _ of store.ledger.totals({}, { members: ["dimension"] })) break;
      expect(await totalsOf(store, {}, {})).toHaveLength(1);
    });
  });

  test("a cursor of another grouping is refused", async () => {
    await withStore(engine, async (store) => {
      await store.ledger.claim(unit([claim()]));
      const [first] = await totalsOf(store, {}, { members: ["customer"] });
      for (const [cursor, by] of [
        [first?.position, { members: ["customer", "product"] }],
        [first?.position, { period: "day", members: [] }],
        ["!", {}],
        [Buffer.from("[null]").toString("base64url"), { members: ["customer"] }],
      ] as const) {
        await expect(totalsOf(store, {}, by, cursor)).rejects.toThrow(InvalidCursorError);
      }
    });
  });
});
