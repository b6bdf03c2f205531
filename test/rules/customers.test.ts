/** Facts about customers are gathered once; a change of the catalogue, of the switches or of the time must be felt at once. */
import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import type { Settings } from "../../src/api/settings.ts";
import type { BatchMeterUsageResult } from "../../src/operations/BatchMeterUsage.ts";
import { operations } from "../../src/operations/index.ts";
import type { ClaimUnit, HolderKey, UsageClaim } from "../../src/store/ledger.ts";
import {
  account,
  agreement,
  buyerId,
  credential,
  dayMs,
  hourMs,
  licenseArn,
  licenseOf,
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
async function meter(
  at = now,
  under: Settings = switches,
  buyer: object = { CustomerAWSAccountId: buyerId },
  code = productCode,
) {
  const call = {
    ...{ requestId: randomUUID(), operation: "BatchMeterUsage" as const, credential: credential(), region },
    ...{ now: at, settings: under, unprocessed: [], source: {} },
  };
  quantity += 1;
  const record = { Timestamp: Math.floor(at / 1_000) - 60, Dimension: "searches", Quantity: quantity, ...buyer };
  const input = { ProductCode: code, UsageRecords: [record] };
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

describe("the object that stands for a holder in the store", () => {
  const other = account({ id: "310000000002", customerIdentifier: "bIr4cHx8R2y" });
  const licenses = [licenseOf(7), licenseOf(8)];
  const code = "quaylogs00000000000000002";

  beforeEach(() =>
    bench.reset({
      accounts: [account(), other],
      products: [product(), product({ code })],
      agreements: [
        agreement(),
        agreement({ id: "agmt-2", buyerAccountId: other.id }),
        agreement({ id: "agmt-3", productCode: code }),
        ...licenses.map((arn, index) => agreement({ id: `agmt-l${index}`, licenseArn: arn, startedAt: now - dayMs })),
      ],
    }),
  );

  /** What is claimed of these records. */
  async function claimsOf(records: readonly object[], from: { region?: string; product?: string } = {}) {
    const claims: UsageClaim[] = [];
    const ledger = {
      ...bench.store.ledger,
      claim: (unit: ClaimUnit) => {
        claims.push(...unit.records);
        return bench.store.ledger.claim(unit);
      },
    };
    const call = {
      ...{ requestId: randomUUID(), operation: "BatchMeterUsage" as const, credential: credential() },
      ...{ region: from.region ?? region, now, settings: switches, unprocessed: [], source: {} },
    };
    const usage = records.map((record) => ({ Timestamp: now / 1_000 - 60, Dimension: "gb", Quantity: 1, ...record }));
    const input = { ProductCode: from.product ?? productCode, UsageRecords: usage };
    await operations.BatchMeterUsage.handle(input, call, { ...bench.store, ledger });
    return claims;
  }

  const anyCustomer = fc.constantFrom(
    ...[account(), other].flatMap(({ id, customerIdentifier }) => [
      { CustomerAWSAccountId: id },
      { CustomerIdentifier: customerIdentifier },
    ]),
    ...licenses.map((LicenseArn) => ({ CustomerAWSAccountId: buyerId, LicenseArn })),
  );
  const anyCall = fc.tuple(
    fc.constantFrom(region, "eu-west-1"),
    fc.constantFrom(productCode, code),
    fc.array(anyCustomer, { minLength: 1, maxLength: 5 }),
  );

  test("never stands for two, in any order of calls", async () => {
    const seen = new Map<HolderKey, string>();
    await fc.assert(
      fc.asyncProperty(anyCall, async ([from, asked, records]) => {
        const byProduct = records.filter((record) => asked === productCode || !("LicenseArn" in record));
        for (const claim of await claimsOf(byProduct, { region: from, product: asked })) {
          expect(claim.holderKey).toBeDefined();
          if (claim.holderKey === undefined) continue;
          const texts = JSON.stringify([claim.region, claim.path, claim.productCode, claim.holder, claim.accountId]);
          expect(seen.get(claim.holderKey) ?? texts).toBe(texts);
          seen.set(claim.holderKey, texts);
        }
      }),
      { numRuns: 200 },
    );
    // By two names in two Regions: two customers and one of the other product, and two licences of the one.
    expect(seen.size).toBe(16);
  });

  test("comes again, until the catalogue changes", async () => {
    const record = { CustomerAWSAccountId: buyerId };
    const [first, again] = await claimsOf([record, { ...record, Dimension: "searches" }]);
    expect(again?.holderKey).toBe(first?.holderKey);
    expect((await claimsOf([record]))[0]?.holderKey).toBe(first?.holderKey);
    await bench.store.catalog.apply({ accounts: [other] });
    expect((await claimsOf([record]))[0]?.holderKey).not.toBe(first?.holderKey);
  });
});

test("a licence that goes with another account than its own", async () => {
  const other = account({ id: "310000000002", customerIdentifier: "bIr4cHx8R2y" });
  const licensed = { CustomerAWSAccountId: buyerId, LicenseArn: licenseArn };
  await bench.store.catalog.apply({ accounts: [other], agreements: [agreement({ licenseArn })] });
  expect(await meter(now, switches, licensed)).toBe("Success");
  expect(await meter(now, switches, { ...licensed, CustomerAWSAccountId: other.id })).toBe("InvalidLicenseException");
  expect(await meter(now, switches, licensed)).toBe("DuplicateRecord");
  await bench.store.catalog.apply({ agreements: [agreement({ licenseArn, endedAt: now })] });
  expect(await meter(now, switches, licensed)).toBe("CustomerNotSubscribed");
});

test("a licence of another product, whichever product is asked first", async () => {
  const other = product({ code: "quaylogs00000000000000002" });
  const licensed = { CustomerAWSAccountId: buyerId, LicenseArn: licenseArn };
  await bench.store.catalog.apply({
    products: [other],
    agreements: [agreement({ productCode: other.code, licenseArn })],
  });
  for (let round = 0; round < 2; round += 1) {
    expect(await meter(now, switches, licensed)).toBe("InvalidLicenseException");
    expect(await meter(now, switches, licensed, other.code)).toBe(round === 0 ? "Success" : "DuplicateRecord");
  }
});
