/** The catalogue's contract: rows replace rows of the same key, lists keep their order, reads equal what a restart loads. */
import { describe, expect, test } from "vitest";
import { engines, withStore } from "./engines.ts";
import {
  account,
  agreement,
  buyerId,
  credential,
  entitlement,
  product,
  productCode,
  registrationToken,
} from "./fixtures.ts";

for (const engine of engines) {
  describe(`${engine.name}: catalogue`, () => {
    test("every kind of row comes back, also after a restart", async () => {
      await withStore(engine, async ({ catalog }, { bothTimes }) => {
        const temporary = credential({
          accessKeyId: "ASIATEMPORARY",
          sessionToken: "the-plain-session-token",
          expiresAt: 5,
          productCodes: [productCode],
        });
        const change = {
          accounts: [account({ name: "Ünal & Söhne" })],
          credentials: [credential(), temporary],
          products: [product()],
          agreements: [agreement()],
          tokens: [registrationToken({ resolvedAt: 77 }), registrationToken({ hash: "cd" })],
          entitlements: [entitlement()],
          settings: { revision: "2024", quotas: { default: { BatchMeterUsage: 5 } } },
        };
        await catalog.apply(change);
        await bothTimes(async ({ catalog: port }) => {
          expect(port.account(buyerId)).toEqual(change.accounts[0]);
          expect(port.accountByCustomerIdentifier("cust1234567")).toEqual(change.accounts[0]);
          expect(port.credential(temporary.accessKeyId)).toEqual(temporary);
          expect(port.product(productCode)).toEqual(product());
          expect(port.agreement("agmt-1")).toEqual(agreement());
          expect(port.agreements(productCode, buyerId)).toEqual([agreement()]);
          expect(port.token("cd")).toEqual(registrationToken({ hash: "cd" }));
          expect(port.token(registrationToken().hash)).toEqual(registrationToken({ resolvedAt: 77 }));
          expect(port.entitlements(productCode)).toEqual([entitlement()]);
          expect(port.settings()).toEqual(change.settings);
          const { tokens: _, settings: __, ...lists } = change;
          expect(port.all()).toEqual(lists);
        });
      });
    });

    test("what is unknown is undefined or empty", async () => {
      await withStore(engine, async ({ catalog }) => {
        expect(catalog.account("x")).toBeUndefined();
        expect(catalog.accountByCustomerIdentifier("x")).toBeUndefined();
        expect(catalog.credential("x")).toBeUndefined();
        expect(catalog.product("x")).toBeUndefined();
        expect(catalog.agreement("x")).toBeUndefined();
        expect(catalog.agreementByLicense("x")).toBeUndefined();
        expect(catalog.token("x")).toBeUndefined();
        expect(catalog.agreements("x", "y")).toEqual([]);
        expect(catalog.entitlements("x")).toEqual([]);
        expect(catalog.settings()).toEqual({});
      });
    });

    test("each change counts in the version, which a restart does not turn back", async () => {
      await withStore(engine, async ({ catalog }, { reopen }) => {
        const before = catalog.version;
        await catalog.apply({ accounts: [account()] });
        await catalog.apply({ products: [product()] });
        expect(catalog.version).toBe(before + 2);
        expect((await reopen()).catalog.version).toBe(before + 2);
      });
    });

    test("a replaced row keeps its place and leaves no trace in the indexes", async () => {
      await withStore(engine, async ({ catalog }, { bothTimes }) => {
        await catalog.apply({
          accounts: [account(), account({ id: "2", customerIdentifier: "second" })],
          products: [product(), product({ code: "other" })],
        });
        await catalog.apply({
          accounts: [account({ customerIdentifier: "renamed" })],
          products: [product({ title: "New" })],
        });
        await catalog.apply({ settings: { revision: "2024", dryRun: "error" } });
        await catalog.apply({ settings: { dryRun: "error" } });
        await bothTimes(async ({ catalog: port }) => {
          expect(port.accountByCustomerIdentifier("cust1234567")).toBeUndefined();
          expect(port.accountByCustomerIdentifier("renamed")?.id).toBe(buyerId);
          expect(port.all().accounts.map((each) => each.id)).toEqual([buyerId, "2"]);
          expect(port.all().products.map((each) => each.title)).toEqual(["New", "A product"]);
          expect(port.settings()).toEqual({ dryRun: "error" });
        });
      });
    });

    test("agreements in order of acceptance, then of insertion; found by the tail of the licence", async () => {
      await withStore(engine, async ({ catalog }, { bothTimes }) => {
        const tail = "l-0123456789abcdef0123456789abcdef";
        const licenseArn = `arn:aws:license-manager::123456789012:license:${tail}`;
        await catalog.apply({
          agreements: [
            agreement({ id: "c", acceptedAt: 30, licenseArn: `license-manager:us-east-1:1:${tail}` }),
            agreement({ id: "a", acceptedAt: 10, licenseArn }),
            agreement({ id: "b2", acceptedAt: 20, licenseArn: "own:form/of-it" }),
          ],
        });
        await catalog.apply({ agreements: [agreement({ id: "b1", acceptedAt: 20 })] });
        await catalog.apply({ agreements: [agreement({ id: "b2", acceptedAt: 20, version: 2 })] });
        await catalog.apply({ agreements: [agreement({ id: "elsewhere", buyerAccountId: "3" })] });
        await bothTimes(async ({ catalog: port }) => {
          expect(port.agreements(productCode, buyerId).map((each) => each.id)).toEqual(["a", "b2", "b1", "c"]);
          expect(port.agreements(productCode, "3").map((each) => each.id)).toEqual(["elsewhere"]);
          expect(port.agreementByLicense(tail)?.id).toBe("c");
          expect(port.agreementByLicense("of-it")).toBeUndefined(); // b2 gave its licence up
        });
      });
    });

    test("entitlements: one a (product, buyer, dimension, licence), in order of first insertion", async () => {
      await withStore(engine, async ({ catalog }, { bothTimes }) => {
        const keys = [
          {},
          { licenseArn: "L" },
          { dimension: "other" },
          { buyerAccountId: "3" },
          { productCode: "elsewhere" },
        ];
        await catalog.apply({ entitlements: keys.map((key) => entitlement(key)) });
        await catalog.apply({ entitlements: [entitlement({ value: { IntegerValue: 8 } })] });
        const expected = [
          entitlement({ value: { IntegerValue: 8 } }),
          ...keys.slice(1, 4).map((key) => entitlement(key)),
        ];
        await bothTimes(async ({ catalog: port }) => {
          expect(port.entitlements(productCode)).toEqual(expected);
          expect(port.entitlements("elsewhere")).toHaveLength(1);
          expect(port.all().entitlements).toHaveLength(5);
        });
      });
    });

    test("a caller that goes on changing its objects changes nothing", async () => {
      await withStore(engine, async ({ catalog }) => {
        const allow = ["aws-marketplace:*"];
        await catalog.apply({ credentials: [credential({ allow })] });
        allow.push("*");
        expect(catalog.credential(credential().accessKeyId)?.allow).toEqual(["aws-marketplace:*"]);
      });
    });

    test("a change that fails writes nothing of it", async () => {
      await withStore(engine, async ({ catalog }) => {
        const { version } = catalog;
        const broken = { ...agreement(), productCode: null } as unknown as ReturnType<typeof agreement>;
        await expect(catalog.apply({ accounts: [account()], agreements: [broken] })).rejects.toMatchObject({
          name: "StoreFailure",
          stored: "no",
        });
        expect(catalog.account(buyerId)).toBeUndefined();
        expect(catalog.version).toBe(version);
        await catalog.apply({ accounts: [account()] });
        expect(catalog.account(buyerId)).toEqual(account());
      });
    });
  });
}
