/** What lists tell beyond their rows: how far notifications have come, and whose workload something due is. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { DueItem } from "../../src/due.ts";
import type { Timekeeper } from "../../src/timekeeper.ts";
import { buyer, type Harness, product, seller, startAt, startControl } from "./harness.ts";

const resource = "arn:aws:ecs:us-east-1:444455556666:task/demo/0123456789abcdef0123456789abcdef";
const at = Date.parse(startAt);
const due: readonly DueItem[] = [
  { at, what: "renewal", target: resource, productCode: product },
  { at, what: "usage-hour", target: resource, productCode: product },
  { at, what: "usage-end", target: "i-of-no-workload", productCode: product },
];
let control: Harness;
beforeAll(async () => {
  // Nothing here moves the clock; what is due is what these tests say.
  const timekeeper = { upcoming: (limit: number) => due.slice(0, limit), headingTo: () => undefined };
  control = await startControl({ timekeeper: timekeeper as unknown as Timekeeper });
});
afterAll(() => control?.close());

test("something due of a simulated workload has its id", async () => {
  await control.store.catalog.apply({
    workloads: [
      {
        ...{ id: "task-1", kind: "ecs", accountId: buyer, region: "us-east-1", roleName: "task", resource, allow: [] },
        ...{ launchedAt: at, createdAt: at, authorizationToken: "unused" },
      },
    ],
  });
  const { items } = (await control.get("/clock/due")).body;
  expect(items.map(({ workload }: { workload?: string }) => workload)).toEqual([undefined, "task-1", undefined]);
  expect((await control.get("/clock")).body.nextDue).toMatchObject({ what: "renewal", target: resource });
});

test("a listed notification has the number of its deliveries in each state", async () => {
  const target = { kind: "http", forms: ["sns"], sellerAccountId: seller, rawDelivery: false, createdAt: at } as const;
  await control.store.catalog.apply({
    targets: ["one", "two", "three"].map((id) => ({ ...target, id, url: `http://127.0.0.1:9/${id}`, confirmedAt: at })),
  });
  await control.store.catalog.apply({
    notifications: [
      {
        id: "told",
        at,
        form: "sns",
        sellerAccountId: seller,
        productCode: product,
        name: "subscribe-success",
        body: "{}",
      },
    ],
  });
  for (const [targetId, state] of [
    ["one", "delivered"],
    ["two", "dead"],
    ["three", "dead"],
  ] as const) {
    await control.store.outbox.save({ notificationId: "told", targetId, state, nextAttemptAt: at, attempts: [] });
  }
  const { items } = (await control.get("/notifications")).body;
  expect(items).toMatchObject([{ id: "told", deliveries: { pending: 0, delivered: 1, dead: 2 } }]);
});
