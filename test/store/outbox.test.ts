/** The outbox's contract: published with the change or not at all, one delivery a target that wants it, until it is done. */
import { describe, expect, test } from "vitest";
import type { Delivery, Notification } from "../../src/api/types.ts";
import { engines, withStore } from "./engines.ts";
import { account, agreement, buyerId, notification, productCode, sellerId, target } from "./fixtures.ts";

const otherSeller = "999999999999";

function delivery(overrides: Partial<Delivery> = {}): Delivery {
  return {
    notificationId: "n1",
    targetId: "target-1",
    state: "pending",
    attempts: [],
    nextAttemptAt: 0,
    ...overrides,
  };
}

function idsOf(notifications: readonly Notification[]): readonly string[] {
  return notifications.map((each) => each.id);
}

for (const engine of engines) {
  describe(`${engine.name}: publication`, () => {
    test("notifications come back as they were given, also after a restart", async () => {
      await withStore(engine, async ({ catalog }, { bothTimes }) => {
        const sns = notification({
          form: "sns",
          name: "subscribe-success",
          agreementId: "agmt-1",
          topicArn: `arn:aws:sns:us-east-1:${sellerId}:topic`,
          body: '{"action":"subscribe-success","customer":"Ünal"}',
        });
        const event = notification();
        await catalog.apply({ notifications: [sns, event] });
        await bothTimes(async ({ outbox }) => {
          expect(await outbox.notification(sns.id)).toEqual(sns);
          expect(await outbox.notifications({})).toEqual([sns, event]);
          expect(await outbox.notification("unknown")).toBeUndefined();
          expect(await outbox.deliveries(sns.id)).toEqual([]);
          expect(await outbox.nextDueAt()).toBeUndefined();
        });
      });
    });

    test("a delivery for each target that wants it, and for no other", async () => {
      await withStore(engine, async ({ catalog }, { bothTimes }) => {
        await catalog.apply({
          targets: [
            target({ id: "all" }),
            target({ id: "product", productCode }),
            target({ id: "other-product", productCode: "other" }),
            target({ id: "other-seller", sellerAccountId: otherSeller }),
            target({ id: "sns-only", forms: ["sns"] }),
            target({ id: "events-only", forms: ["eventbridge"] }),
            target({ id: "http-new", kind: "http", confirmationToken: "t" }),
            target({ id: "http-confirmed", kind: "http", confirmationToken: "t", confirmedAt: 5 }),
          ],
        });
        await catalog.apply({
          notifications: [notification({ id: "sns", form: "sns" }), notification({ id: "event" })],
        });
        await bothTimes(async ({ outbox }) => {
          const targetsOf = async (id: string) => (await outbox.deliveries(id)).map((each) => each.targetId).sort();
          expect(await targetsOf("sns")).toEqual(["all", "http-confirmed", "product", "sns-only"]);
          expect(await targetsOf("event")).toEqual(["all", "events-only", "http-confirmed", "http-new", "product"]);
          expect(await outbox.deliveries("sns")).toContainEqual(delivery({ notificationId: "sns", targetId: "all" }));
        });
      });
    });

    test("a buyer's is kept where a target of that buyer takes it, and goes nowhere else", async () => {
      await withStore(engine, async ({ catalog }, { bothTimes }) => {
        const buyers = (id: string, rest: Partial<Notification> = {}) =>
          notification({ id, buyerAccountId: buyerId, name: "Purchase Agreement Ended - Acceptor", ...rest });
        await catalog.apply({ targets: [target({ id: "sellers" })], notifications: [buyers("nobody-listens")] });
        const { sellerAccountId: _seller, ...ofBuyer } = target({ buyerAccountId: buyerId, forms: ["eventbridge"] });
        await catalog.apply({
          targets: [{ ...ofBuyer, id: "buyers", productCode }],
          notifications: [notification({ id: "sold" }), buyers("told"), buyers("other", { productCode: "other" })],
        });
        await bothTimes(async ({ outbox }) => {
          expect(await outbox.notifications({})).toEqual([expect.objectContaining({ id: "sold" }), buyers("told")]);
          expect(idsOf(await outbox.notifications({ buyerAccountId: buyerId }))).toEqual(["told"]);
          expect(idsOf(await outbox.notifications({ sellerAccountId: sellerId }))).toEqual(["sold"]);
          const ways = (await outbox.due(0, 10)).map(({ delivery: { notificationId, targetId } }) => [
            notificationId,
            targetId,
          ]);
          expect(ways).toEqual([
            ["sold", "sellers"],
            ["told", "buyers"],
          ]);
        });
      });
    });

    test("goes to the targets as the same change leaves them", async () => {
      await withStore(engine, async ({ catalog, outbox }) => {
        await catalog.apply({ targets: [target({ id: "leaves" }), target({ id: "changes" })] });
        await catalog.apply({
          targets: [target({ id: "comes" }), target({ id: "changes", sellerAccountId: otherSeller })],
          remove: { targets: ["leaves"] },
          notifications: [notification({ id: "n1" })],
        });
        expect((await outbox.deliveries("n1")).map((each) => each.targetId)).toEqual(["comes"]);
        await catalog.apply({ targets: [target({ id: "late" })] });
        expect(await outbox.deliveries("n1")).toHaveLength(1);
      });
    });

    test("a change that fails publishes nothing and wakes nobody", async () => {
      await withStore(engine, async ({ catalog }, { bothTimes }) => {
        await catalog.apply({ targets: [target()] });
        const broken = { ...notification(), body: null } as unknown as Notification;
        const change = { accounts: [account()], notifications: [notification({ id: "n1" }), broken] };
        await expect(catalog.apply(change)).rejects.toMatchObject({ name: "StoreFailure", stored: "no" });
        const brokenRow = { ...agreement(), productCode: null } as unknown as ReturnType<typeof agreement>;
        const failing = { agreements: [brokenRow], notifications: [notification({ id: "n2" })] };
        await expect(catalog.apply(failing)).rejects.toMatchObject({ name: "StoreFailure", stored: "no" });
        await bothTimes(async ({ catalog: port, outbox }) => {
          expect(port.account(buyerId)).toBeUndefined();
          expect(await outbox.notifications({})).toEqual([]);
          expect(await outbox.nextDueAt()).toBeUndefined();
        });
      });
    });

    test("a change that is tried again publishes once, and sends nothing again", async () => {
      await withStore(engine, async ({ catalog, outbox }) => {
        const published = notification({ id: "n1" });
        await catalog.apply({ targets: [target()], notifications: [published] });
        await outbox.save(delivery({ state: "delivered", attempts: [{ at: 1, status: 200 }] }));
        await catalog.apply({ notifications: [published] });
        expect(await outbox.notifications({})).toEqual([published]);
        expect(await outbox.due(Number.MAX_SAFE_INTEGER, 10)).toEqual([]);
      });
    });
  });

  describe(`${engine.name}: list of notifications`, () => {
    const published = [
      notification({ id: "e", agreementId: "agmt-1" }),
      notification({ id: "d", productCode: "other", at: 1 }),
      notification({ id: "c", sellerAccountId: otherSeller, agreementId: "agmt-2" }),
      notification({ id: "b", form: "sns", name: "subscribe-success", agreementId: "agmt-1" }),
      notification({ id: "a" }),
    ];

    test("filters, together and alone, in order of publication", async () => {
      await withStore(engine, async ({ catalog, outbox }) => {
        for (const each of published) await catalog.apply({ notifications: [each] });
        expect(idsOf(await outbox.notifications({}))).toEqual(["e", "d", "c", "b", "a"]);
        expect(idsOf(await outbox.notifications({ sellerAccountId: otherSeller }))).toEqual(["c"]);
        expect(idsOf(await outbox.notifications({ productCode }))).toEqual(["e", "c", "b", "a"]);
        expect(idsOf(await outbox.notifications({ agreementId: "agmt-1" }))).toEqual(["e", "b"]);
        expect(idsOf(await outbox.notifications({ agreementId: "agmt-1", form: "sns" }))).toEqual(["b"]);
        expect(idsOf(await outbox.notifications({ name: "subscribe-success", productCode }))).toEqual(["b"]);
        expect(await outbox.notifications({ name: "unknown" })).toEqual([]);
      });
    });

    test("pages in both directions; an unknown cursor gives nothing", async () => {
      await withStore(engine, async ({ catalog }, { bothTimes }) => {
        await catalog.apply({ notifications: published });
        await bothTimes(async ({ outbox }) => {
          const page = async (page: Parameters<typeof outbox.notifications>[1]) =>
            idsOf(await outbox.notifications({ productCode }, page));
          expect(await page({ limit: 2 })).toEqual(["e", "c"]);
          expect(await page({ limit: 2, cursor: "c" })).toEqual(["b", "a"]);
          expect(await page({ cursor: "d" })).toEqual(["c", "b", "a"]); // one that the filter leaves out
          expect(await page({ cursor: "a" })).toEqual([]);
          expect(await page({ newestFirst: true, limit: 3 })).toEqual(["a", "b", "c"]);
          expect(await page({ newestFirst: true, cursor: "c" })).toEqual(["e"]);
          expect(await page({ cursor: "unknown" })).toEqual([]);
          expect(await page({ cursor: "unknown", newestFirst: true })).toEqual([]);
        });
      });
    });

    test("gives 100 unless told otherwise", async () => {
      await withStore(engine, async ({ catalog, outbox }) => {
        await catalog.apply({ notifications: Array.from({ length: 120 }, () => notification()) });
        expect(await outbox.notifications({})).toHaveLength(100);
        expect(await outbox.notifications({}, { limit: 1_000 })).toHaveLength(120);
      });
    });

    test("by the state of a delivery", async () => {
      await withStore(engine, async ({ catalog, outbox }) => {
        await catalog.apply({
          targets: [target({ id: "t1" }), target({ id: "t2", forms: ["sns"] })],
          notifications: published,
        });
        await outbox.save(delivery({ notificationId: "a", targetId: "t1", state: "delivered" }));
        await outbox.save(delivery({ notificationId: "b", targetId: "t1", state: "delivered" }));
        await outbox.save(delivery({ notificationId: "b", targetId: "t2", state: "dead" }));
        const inState = async (state: Delivery["state"]) => idsOf(await outbox.notifications({ state }));
        expect(await inState("delivered")).toEqual(["b", "a"]);
        expect(await inState("dead")).toEqual(["b"]);
        expect(await inState("pending")).toEqual(["e", "d"]);
        expect(idsOf(await outbox.notifications({ state: "pending", productCode }))).toEqual(["e"]);
        expect(idsOf(await outbox.notifications({ state: "pending" }, { newestFirst: true }))).toEqual(["d", "e"]);
      });
    });
  });

  describe(`${engine.name}: deliveries`, () => {
    test("what is due comes oldest first, and leaves when it is done", async () => {
      await withStore(engine, async ({ catalog, outbox }, { bothTimes }) => {
        const published = ["n3", "n1", "n2"].map((id) => notification({ id }));
        await catalog.apply({ targets: [target()], notifications: published });
        expect(await outbox.nextDueAt()).toBe(0);
        expect((await outbox.due(0, 2)).map((each) => each.notification.id)).toEqual(["n3", "n1"]);
        const failed = delivery({ notificationId: "n3", attempts: [{ at: 10, error: "refused" }], nextAttemptAt: 500 });
        await outbox.save(failed);
        await outbox.save(delivery({ state: "delivered", attempts: [{ at: 11, status: 200 }] }));
        await outbox.save(delivery({ notificationId: "n2", nextAttemptAt: 200.25 }));
        await bothTimes(async ({ outbox: port }) => {
          expect(await port.nextDueAt()).toBe(201);
          expect(await port.due(200, 10)).toEqual([]);
          const due = await port.due(500, 10);
          expect(due.map((each) => each.notification.id)).toEqual(["n2", "n3"]);
          expect(due[1]).toEqual({ delivery: failed, notification: published[0] });
          expect(await port.deliveries("n1")).toEqual([
            delivery({ state: "delivered", attempts: [{ at: 11, status: 200 }] }),
          ]);
        });
      });
    });

    test("what was delivered or is dead can be sent again, also to a target that it never went to", async () => {
      await withStore(engine, async ({ catalog, outbox }) => {
        await catalog.apply({ targets: [target()], notifications: [notification({ id: "n1" })] });
        for (const state of ["delivered", "dead"] as const) {
          await outbox.save(delivery({ state }));
          expect(await outbox.nextDueAt()).toBeUndefined();
          await outbox.save(delivery({ nextAttemptAt: 7 }));
          expect(await outbox.nextDueAt()).toBe(7);
        }
        await catalog.apply({ targets: [target({ id: "late" })] });
        await outbox.save(delivery({ targetId: "late", nextAttemptAt: 3 }));
        expect((await outbox.due(10, 10)).map((each) => each.delivery.targetId)).toEqual(["late", "target-1"]);
      });
    });

    test("a row keeps the last 20 attempts", async () => {
      await withStore(engine, async ({ catalog, outbox }) => {
        await catalog.apply({ targets: [target()], notifications: [notification({ id: "n1" })] });
        const attempts = Array.from({ length: 25 }, (_, n) => ({ at: n, error: "refused" }));
        await outbox.save(delivery({ attempts }));
        expect((await outbox.deliveries("n1"))[0]?.attempts).toEqual(attempts.slice(5));
      });
    });

    test("a removed target ends its pending deliveries, also those that are under way", async () => {
      await withStore(engine, async ({ catalog, outbox }, { bothTimes }) => {
        const other = target({ id: "other" });
        const published = ["n1", "n2", "n3"].map((id) => notification({ id }));
        await catalog.apply({ targets: [target(), other], notifications: published });
        await outbox.save(delivery({ notificationId: "n2", state: "delivered" }));
        await catalog.apply({ remove: { targets: ["target-1"] } });
        const wakes: string[] = [];
        outbox.onDue(() => wakes.push("due"));
        await outbox.save(delivery({ attempts: [{ at: 1, error: "refused" }], nextAttemptAt: 9 }));
        expect(wakes).toEqual([]);
        await bothTimes(async ({ outbox: port }) => {
          expect((await port.due(1_000, 10)).map((each) => each.delivery.targetId)).toEqual([
            "other",
            "other",
            "other",
          ]);
          expect(await port.deliveries("n1")).toContainEqual(
            delivery({ state: "dead", attempts: [{ at: 1, error: "refused" }], nextAttemptAt: 9 }),
          );
          expect(await port.deliveries("n2")).toContainEqual(delivery({ notificationId: "n2", state: "delivered" }));
          expect(await port.deliveries("n3")).toContainEqual(delivery({ notificationId: "n3", state: "dead" }));
        });
      });
    });

    test("after a reset, what was under way leaves nothing behind", async () => {
      await withStore(engine, async ({ catalog, outbox, reset }) => {
        await catalog.apply({ targets: [target()], notifications: [notification({ id: "n1" })] });
        await reset();
        await outbox.save(delivery());
        await catalog.apply({ targets: [target()], notifications: [notification({ id: "n2" })] });
        expect(await outbox.deliveries("n1")).toEqual([]);
        expect(await outbox.due(0, 10)).toHaveLength(1);
      });
    });
  });

  describe(`${engine.name}: wake-up`, () => {
    test("once a commit that made a delivery or queued one again; the listener sees it", async () => {
      await withStore(engine, async ({ catalog, outbox }) => {
        const seen: Promise<number>[] = [];
        outbox.onDue(() => seen.push(outbox.due(10, 10).then((due) => due.length)));
        await catalog.apply({ notifications: [notification()] }); // no target
        await catalog.apply({ targets: [target()] });
        expect(seen).toHaveLength(0);
        await catalog.apply({ notifications: [notification({ id: "n1" }), notification({ id: "n2" })] });
        expect(await Promise.all(seen)).toEqual([2]);
        await outbox.save(delivery({ state: "delivered" }));
        expect(seen).toHaveLength(1);
        await outbox.save(delivery());
        expect(await Promise.all(seen)).toEqual([2, 2]);
      });
    });

    test("the listener sees the catalogue as the change left it", async () => {
      await withStore(engine, async ({ catalog, outbox }) => {
        const seen: unknown[] = [];
        outbox.onDue(() => seen.push(catalog.target("target-1"), catalog.version));
        const before = catalog.version;
        await catalog.apply({ targets: [target()], notifications: [notification()] });
        expect(seen).toEqual([target(), before + 1]);
      });
    });
  });
}
