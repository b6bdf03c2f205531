/** Reset and close, on every engine. */
import { describe, expect, test } from "vitest";
import { StaleFactsError } from "../../src/store/ledger.ts";
import { engines, withStore } from "./engines.ts";
import {
  account,
  adminToken,
  agreement,
  claim,
  clientToken,
  controlEvent,
  credential,
  entitlement,
  event,
  hour,
  notification,
  offer,
  product,
  productCode,
  registrationToken,
  role,
  target,
  unit,
  workload,
} from "./fixtures.ts";

const everything = {
  accounts: [account()],
  credentials: [credential()],
  products: [product()],
  agreements: [agreement({ licenseArn: "arn:x/y" })],
  tokens: [registrationToken()],
  entitlements: [entitlement()],
  offers: [offer()],
  roles: [role()],
  targets: [target()],
  adminTokens: [adminToken()],
  notifications: [notification({ id: "n1" })],
  event: controlEvent({ id: "e1" }),
  settings: { revision: "2024" },
};

for (const engine of engines) {
  describe(`${engine.name}: reset`, () => {
    test("empties everything, many times in a row, and the store works on", async () => {
      await withStore(engine, async ({ catalog, ledger, outbox, reset }, { bothTimes }) => {
        for (let round = 0; round < 20; round += 1) {
          await catalog.apply(everything);
          const record = claim({ path: "resource", holder: "i-1", clientToken: clientToken("t") });
          const elsewhere = claim({ hour: hour + round * 800 });
          const outcome = await ledger.claim(unit([record, elsewhere], { workload: workload() }));
          expect(outcome.holders.map((holder) => holder.fresh)).toEqual([true, true]);
          expect(outcome.workloadFresh).toBe(true);
          expect(await ledger.count({})).toMatchObject({ count: 2 });
          expect(await outbox.due(0, 10)).toHaveLength(1);
          const { version } = catalog;
          await reset();
          expect(catalog.version).toBeGreaterThan(version);
          await expect(ledger.claim(unit([], { factsVersion: version }))).rejects.toThrow(StaleFactsError);
        }
        await bothTimes(async (store) => {
          expect(await store.ledger.records({})).toEqual([]);
          expect(store.ledger.workloads({})).toEqual([]);
          expect(await store.audit.events({})).toEqual([]);
          expect(Object.values(store.catalog.all()).flat()).toEqual([]);
          expect(store.catalog.token(registrationToken().hash)).toBeUndefined();
          expect(store.catalog.agreementByLicense("y")).toBeUndefined();
          expect(store.catalog.agreements(productCode, agreement().buyerAccountId)).toEqual([]);
          expect(store.catalog.settings()).toEqual({});
          expect(store.catalog.adminTokens()).toEqual([]);
          expect(await store.catalog.controlEvents()).toEqual([]);
          expect(await store.outbox.notifications({})).toEqual([]);
          expect(await store.outbox.deliveries("n1")).toEqual([]);
          expect(await store.outbox.nextDueAt()).toBeUndefined();
          expect(store.catalog.version).toBeGreaterThan(20);
        });
      });
    });

    test("finishes what was queued before it", async () => {
      await withStore(engine, async ({ ledger, reset }) => {
        const queued = ledger.claim(unit([claim()]));
        await reset();
        expect((await queued).holders[0]?.fresh).toBe(true);
        expect(await ledger.count({})).toMatchObject({ count: 0 });
      });
    });
  });

  describe(`${engine.name}: close`, () => {
    test("commits what is queued, refuses what comes after, and may be called twice", async () => {
      await withStore(engine, async (store, { reopen }) => {
        const queued = store.ledger.claim(unit([claim()]));
        await store.close();
        expect((await queued).holders[0]?.fresh).toBe(true);
        await expect(store.ledger.claim(unit([claim()]))).rejects.toMatchObject({
          stored: "no",
          message: expect.stringContaining("closed"),
        });
        await expect(store.audit.append(event())).rejects.toThrow("closed");
        await expect(store.ledger.records({})).rejects.toThrow("closed");
        await expect(store.audit.events({})).rejects.toThrow("closed");
        await expect(store.catalog.apply({ accounts: [account()] })).rejects.toThrow("closed");
        await expect(store.catalog.controlEvents()).rejects.toThrow("closed");
        await expect(store.outbox.notifications({})).rejects.toThrow("closed");
        await expect(store.outbox.due(0, 1)).rejects.toThrow("closed");
        await expect(store.reset()).rejects.toThrow("closed");
        await store.close();
        expect(await (await reopen()).ledger.count({})).toMatchObject({ count: 1 });
      });
    });

    test("an event that nobody waits for may fail without ending the process", async () => {
      await withStore(engine, async (store) => {
        await store.close();
        void store.audit.append(event());
        await new Promise((resolve) => setImmediate(resolve));
      });
    });
  });
}
