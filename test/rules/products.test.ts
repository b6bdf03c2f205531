import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { OperationName, ProductType } from "../../src/api/types.ts";
import { meteredDimensions, requireMeteredDimension, requireProduct, usesOperation } from "../../src/rules/products.ts";
import { product, productCode, refusal, rivalId, sellerId } from "./facts.ts";

/** SPEC C.3, column by column: ResolveCustomer, BatchMeterUsage, MeterUsage, RegisterUsage. */
const table: readonly [string, ProductType, boolean, boolean, boolean, boolean][] = [
  ["C-10", "saas-subscription", true, true, false, false],
  ["C-11", "saas-contract", true, false, false, false],
  ["C-12", "saas-contract-with-consumption", true, true, false, false],
  ["C-13", "ami-fcp", false, false, true, false],
  ["C-14", "container-fcp", false, false, true, false],
  ["C-15", "container-hourly", false, false, false, true],
  ["C-16", "container-byol", false, false, false, true],
  ["C-17", "ami-hourly", false, false, false, false],
  ["C-18", "agentcore-fcp", false, false, true, false],
];
const columns: readonly OperationName[] = ["ResolveCustomer", "BatchMeterUsage", "MeterUsage", "RegisterUsage"];

describe("which operation a product type uses", () => {
  test.each(table)("%s: %s", (_, type, ...cells) => {
    for (const [index, operation] of columns.entries()) {
      expect(usesOperation(type, operation), operation).toBe(cells[index]);
      const found = refusal(() => requireProduct(product({ type }), productCode, operation, sellerId));
      expect(found?.name, operation).toBe(cells[index] ? undefined : "InvalidProductCodeException"); // C-19
    }
  });

  test("C-19: the refusal names the operation that the type uses", () => {
    const contract = refusal(() =>
      requireProduct(product({ type: "saas-contract" }), productCode, "BatchMeterUsage", sellerId),
    );
    expect(contract?.message).toContain("GetEntitlements");
    const ami = refusal(() => requireProduct(product({ type: "ami-fcp" }), productCode, "BatchMeterUsage", sellerId));
    expect(ami?.message).toContain("MeterUsage");
    const hourly = refusal(() => requireProduct(product({ type: "ami-hourly" }), productCode, "MeterUsage", undefined));
    expect(hourly?.message).toContain("metered by AWS itself");
  });
});

describe("the product of a request", () => {
  test("C-20: of another seller it is as unknown as one that does not exist", () => {
    const rivals = refusal(() =>
      requireProduct(product({ sellerAccountId: rivalId }), "x", "BatchMeterUsage", sellerId),
    );
    const none = refusal(() => requireProduct(undefined, "x", "BatchMeterUsage", sellerId));
    expect(rivals?.name).toBe("InvalidProductCodeException");
    // The text must not say which codes of others exist.
    expect(rivals?.message).toBe(none?.message);
  });

  test("C-21: callers of MeterUsage need not own the product", () => {
    expect(refusal(() => requireProduct(product({ type: "ami-fcp" }), "x", "MeterUsage", undefined))).toBeUndefined();
  });

  test("K-9: a catalogue id is named as what it is", () => {
    const found = refusal(() => requireProduct(undefined, "prod-abc", "BatchMeterUsage", sellerId));
    expect(found?.name).toBe("InvalidProductCodeException");
    expect(found?.message).toContain("catalogue id");
  });
});

describe("dimensions", () => {
  test("B-40, B-41, B-43: exactly the metered names pass, byte for byte", () => {
    const names = ["searches", "Searches", "gb", "gb ", "users", "", "e\u0301", "\u00e9", "__proto__"];
    const kinds = fc.constantFrom("metered", "entitlement" as const);
    const dimensions = fc.uniqueArray(fc.record({ name: fc.constantFrom(...names), kind: kinds }), {
      selector: (each) => each.name,
    });
    fc.assert(
      fc.property(dimensions, fc.constantFrom(...names), (all, name) => {
        const sold = product({ dimensions: all.map((each) => ({ ...each, addedAt: 0 })) });
        const isMetered = all.some((each) => each.name === name && each.kind === "metered");
        const found = refusal(() => requireMeteredDimension(sold, name, "UsageRecords[0]"));
        expect(found?.name).toBe(isMetered ? undefined : "InvalidUsageDimensionException");
      }),
      { numRuns: 1_000 },
    );
  });

  test("what a batch asks, however often it asks for the same", () => {
    // Of one length and one end: they share a place among those that were found last.
    const names = ["searches", "Searches", "bb_es_ss", "", "__proto__", "e\u0301", "\u00e9"];
    const asked = fc.array(fc.constantFrom(...names), { minLength: 20, maxLength: 40 });
    fc.assert(
      fc.property(fc.subarray(names), fc.subarray(names), asked, (metered, granted, questions) => {
        const dimensions = [
          ...metered.map((name) => ({ name, kind: "metered" as const, addedAt: 0 })),
          ...granted
            .filter((name) => !metered.includes(name))
            .map((name) => ({ name, kind: "entitlement" as const, addedAt: 0 })),
        ];
        const known = meteredDimensions(product({ dimensions }));
        for (const name of questions) expect(known.has(name), name).toBe(metered.includes(name));
      }),
    );
  });

  test("B-40, B-43: the refusal says which there are, and which are granted only", () => {
    const unknown = refusal(() => requireMeteredDimension(product(), "Searches", "UsageRecords[7]"));
    expect(unknown?.message).toContain("searches, gb");
    expect(unknown?.message).toContain("UsageRecords[7]");
    const granted = refusal(() => requireMeteredDimension(product(), "users", "UsageRecords[7]"));
    expect(granted?.message).toContain("entitlement dimension");
  });
});
