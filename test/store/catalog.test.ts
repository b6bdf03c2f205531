/** The catalogue's contract: rows replace rows of the same key, lists keep their order, reads equal what a restart loads. */
import { describe, expect, test } from "vitest";
import { engines, withStore } from "./engines.ts";
import {
  account,
  adminToken,
  agreement,
  buyerId,
  controlEvent,
  credential,
  entitlement,
  offer,
  product,
  productCode,
  registrationToken,
  role,
  sellerId,
  simulated,
  target,
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
          offers: [offer({ buyerAccountIds: [buyerId], entitlements: { seats: { IntegerValue: 3 } } })],
          roles: [role({ externalId: "xyz", sessionMaxSec: 900 })],
          workloads: [simulated({ stoppedAt: 9, metadataPort: 4020 })],
          targets: [target({ sqs: { region: "us-east-1", accessKeyId: "AKIA", secretAccessKey: "of-the-queue" } })],
          adminTokens: [adminToken({ role: "read", revokedAt: 9 })],
          event: controlEvent({ summary: "a private offer" }),
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
          expect(port.offer("offer-1")).toEqual(change.offers[0]);
          expect(port.role(sellerId, "Metering")).toEqual(change.roles[0]);
          expect(port.workload("web-1")).toEqual(change.workloads[0]);
          expect(port.target("target-1")).toEqual(change.targets[0]);
          expect(port.adminTokens()).toEqual(change.adminTokens);
          expect(await port.controlEvents()).toEqual([change.event]);
          const { tokens: _, settings: __, adminTokens: ___, event: ____, ...lists } = change;
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
        expect(catalog.offer("x")).toBeUndefined();
        expect(catalog.role("x", "y")).toBeUndefined();
        expect(catalog.workload("x")).toBeUndefined();
        expect(catalog.target("x")).toBeUndefined();
        expect(catalog.adminTokens()).toEqual([]);
        expect(await catalog.controlEvents()).toEqual([]);
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

    test("removed rows are gone, from the indexes and from the file too; the others keep their order", async () => {
      await withStore(engine, async ({ catalog }, { bothTimes }) => {
        const licensed = entitlement({ licenseArn: "L" });
        await catalog.apply({
          accounts: [account(), account({ id: "2", customerIdentifier: "second" })],
          credentials: [credential(), credential({ accessKeyId: "AKIA2" })],
          products: [product(), product({ code: "other" })],
          entitlements: [entitlement(), entitlement({ productCode: "other" }), licensed],
          offers: [offer(), offer({ id: "offer-2" })],
          roles: [role(), role({ accountId: "2" })],
          targets: [target(), target({ id: "target-2" })],
        });
        expect(catalog.entitlements(productCode)).toHaveLength(2);
        await catalog.apply({
          remove: {
            accounts: [buyerId, "unknown"],
            credentials: [credential().accessKeyId, "unknown"],
            products: [productCode, "unknown"],
            entitlements: [entitlement(), entitlement({ dimension: "unknown" })],
            offers: ["offer-1", "unknown"],
            roles: [role(), role({ name: "unknown" })],
            targets: ["target-1", "unknown"],
          },
        });
        await bothTimes(async ({ catalog: port }) => {
          expect(port.account(buyerId)).toBeUndefined();
          expect(port.accountByCustomerIdentifier("cust1234567")).toBeUndefined();
          expect(port.credential(credential().accessKeyId)).toBeUndefined();
          expect(port.product(productCode)).toBeUndefined();
          expect(port.entitlements(productCode)).toEqual([licensed]);
          expect(port.offer("offer-1")).toBeUndefined();
          expect(port.role(sellerId, "Metering")).toBeUndefined();
          expect(port.target("target-1")).toBeUndefined();
          expect(port.all()).toEqual({
            accounts: [account({ id: "2", customerIdentifier: "second" })],
            credentials: [credential({ accessKeyId: "AKIA2" })],
            products: [product({ code: "other" })],
            agreements: [],
            entitlements: [entitlement({ productCode: "other" }), licensed],
            offers: [offer({ id: "offer-2" })],
            roles: [role({ accountId: "2" })],
            workloads: [],
            targets: [target({ id: "target-2" })],
          });
        });
      });
    });

    test("a row that is removed and put by one change is there, at the end", async () => {
      await withStore(engine, async ({ catalog }, { bothTimes }) => {
        await catalog.apply({
          accounts: [account(), account({ id: "2", customerIdentifier: "second" })],
          entitlements: [entitlement(), entitlement({ dimension: "other" })],
        });
        await catalog.apply({
          accounts: [account({ customerIdentifier: "renamed" })],
          entitlements: [entitlement({ expiresAt: 1 })],
          remove: { accounts: [buyerId], entitlements: [entitlement()] },
        });
        await bothTimes(async ({ catalog: port }) => {
          expect(port.all().accounts.map((each) => each.id)).toEqual(["2", buyerId]);
          expect(port.accountByCustomerIdentifier("cust1234567")).toBeUndefined();
          expect(port.accountByCustomerIdentifier("renamed")?.id).toBe(buyerId);
          expect(port.entitlements(productCode)).toEqual([
            entitlement({ dimension: "other" }),
            entitlement({ expiresAt: 1 }),
          ]);
          expect(port.all().entitlements).toEqual(port.entitlements(productCode));
        });
      });
    });

    test("control events: newest first, bounded, whatever the wall clock did; one a change that is tried again", async () => {
      await withStore(engine, async ({ catalog }, { bothTimes }) => {
        const events = Array.from({ length: 130 }, (_, n) => controlEvent({ at: 1_000 - n, target: `${n}` }));
        for (const event of events) await catalog.apply({ event });
        await catalog.apply({ event: events[0]! });
        await bothTimes(async ({ catalog: port }) => {
          expect(await port.controlEvents(200)).toEqual(events.toReversed());
          expect(await port.controlEvents()).toEqual(events.toReversed().slice(0, 100));
          expect(await port.controlEvents(1)).toEqual([events.at(-1)]);
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
        await catalog.apply({ offers: [offer()] });
        const { version } = catalog;
        const broken = { ...agreement(), productCode: null } as unknown as ReturnType<typeof agreement>;
        const change = { accounts: [account()], agreements: [broken], event: controlEvent() };
        await expect(catalog.apply({ ...change, remove: { offers: ["offer-1"] } })).rejects.toMatchObject({
          name: "StoreFailure",
          stored: "no",
        });
        expect(catalog.account(buyerId)).toBeUndefined();
        expect(catalog.offer("offer-1")).toEqual(offer());
        expect(await catalog.controlEvents()).toEqual([]);
        expect(catalog.version).toBe(version);
        await catalog.apply({ accounts: [account()] });
        expect(catalog.account(buyerId)).toEqual(account());
      });
    });
  });
}
