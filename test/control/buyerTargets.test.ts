/** Targets of buyers, and what buyers are told, through the control plane. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { buyer, type Harness, type Json, product, seller, startControl } from "./harness.ts";

let control: Harness;
let target: Json;

beforeAll(async () => {
  control = await startControl();
  const { status, body } = await control.post("/notification-targets", {
    buyer,
    kind: "sqs",
    url: "http://127.0.0.1:9/q",
  });
  expect(status).toBe(201);
  target = body;
});
afterAll(() => control.close());

test("a buyer's target takes events only, and is ready at once", async () => {
  expect(target).toMatchObject({ buyer, forms: ["eventbridge"], state: "ready" });
  expect(target).not.toHaveProperty("seller");
  const http = await control.post("/notification-targets", {
    buyer,
    product,
    kind: "http",
    url: "http://127.0.0.1:9/",
  });
  expect(http.body).toMatchObject({ buyer, product, state: "ready" });
  const refused = await control.post(`/notification-targets/${http.body.id}/confirm`, { force: true });
  expect(refused).toMatchObject({ status: 409, body: { detail: expect.stringContaining("nobody confirms") } });
  expect((await control.call("DELETE", `/notification-targets/${http.body.id}`)).status).toBe(204);
});

test.each<readonly [object, string, string]>([
  [{}, "/seller", "missing"],
  [{ seller, buyer }, "/buyer", "not both"],
  [{ buyer: "999999999999" }, "/buyer", "there is no account"],
  [{ buyer, product: "nothing" }, "/product", "there is no product"],
  [{ buyer, forms: ["sns", "eventbridge"] }, "/forms", "eventbridge only"],
])("%j is refused at %s", async (more, pointer, message) => {
  const given = { kind: "http", url: "http://127.0.0.1:9/", ...more };
  const { status, body } = await control.post("/notification-targets", given);
  expect(status).toBe(422);
  expect(body.errors).toEqual([{ pointer, message: expect.stringContaining(message) }]);
});

test("the lists keep sellers and buyers apart", async () => {
  const own = (await control.post("/notification-targets", { seller, kind: "sqs", url: "http://127.0.0.1:9/q" })).body;
  const idsOf = async (query: string): Promise<string[]> =>
    (await control.get(`/notification-targets?${query}`)).body.items.map(({ id }: Json) => id);
  expect(await idsOf("")).toEqual([target.id, own.id]);
  expect(await idsOf(`buyer=${buyer}`)).toEqual([target.id]);
  expect(await idsOf(`seller=${seller}`)).toEqual([own.id]);
  expect(await idsOf(`product=${product}`)).toEqual([own.id]);
  expect(await idsOf(`product=${product}&buyer=${buyer}`)).toEqual([target.id]);
});

test("a purchase tells both; each has its deliveries and is sent again", async () => {
  const { body: made } = await control.post("/agreements", { product, buyer });
  const told = async (query: string): Promise<Json[]> =>
    (await control.get(`/notifications?agreement=${made.id}&form=eventbridge&${query}`)).body.items;
  const sellers = await told(`seller=${seller}`);
  expect(sellers.map(({ name }) => name)).toEqual([
    "Purchase Agreement Created - Proposer",
    "License Updated - Manufacturer",
  ]);
  expect(sellers[0]).not.toHaveProperty("buyer");
  const buyers = await told(`buyer=${buyer}`);
  expect(buyers).toEqual([
    expect.objectContaining({
      ...{ name: "Purchase Agreement Created - Acceptor", seller, buyer, product, agreement: made.id },
      deliveries: { pending: 1, delivered: 0, dead: 0 },
    }),
  ]);
  expect(JSON.parse(buyers[0].body).account).toBe(buyer);
  expect(await told("")).toHaveLength(3);

  const { id } = buyers[0];
  await control.store.outbox.save({
    ...{ notificationId: id, targetId: target.id, state: "dead", nextAttemptAt: 0 },
    attempts: [{ at: 1, error: "refused" }],
  });
  const found = (await control.get(`/notifications/${id}`)).body;
  expect(found.deliveries).toEqual([
    { target: target.id, state: "dead", attempts: [{ at: expect.any(String), error: "refused" }] },
  ]);
  const again = await control.post(`/notifications/${id}/resend`, {});
  expect(again).toMatchObject({ status: 202, body: { buyer, deliveries: [{ target: target.id, state: "pending" }] } });
});

test("an announcement answers with the seller's, and tells the buyer too", async () => {
  const { body: made } = await control.post("/agreements", { product, buyer });
  const request = { kind: "cancellation-requested", reasonCode: "TEST_AGREEMENT" };
  const { status, body } = await control.post(`/agreements/${made.id}/announce`, request);
  expect({ status, name: body.name }).toEqual({
    status: 201,
    name: "Agreement Cancellation Request Pending Approval - Proposer",
  });
  const { items } = (await control.get(`/notifications?buyer=${buyer}&agreement=${made.id}`)).body;
  expect(items.at(-1).name).toBe("Agreement Cancellation Request Pending Approval - Acceptor");
  const { agreementCancellationRequest } = JSON.parse(body.body).detail;
  expect(JSON.parse(items.at(-1).body).detail).toMatchObject({
    agreement: { id: made.id, proposerId: seller },
    agreementCancellationRequest,
  });
});

test("the catalogue carries them to another installation", async () => {
  const { body: document } = await control.get("/catalog");
  expect(document.notificationTargets).toContainEqual(expect.objectContaining({ id: target.id, buyer, kind: "sqs" }));
  const other = await startControl();
  try {
    expect((await other.post("/catalog", document)).status).toBe(200);
    const { items } = (await other.get(`/notification-targets?buyer=${buyer}`)).body;
    expect(items).toEqual([{ ...target, createdAt: expect.any(String) }]);
  } finally {
    await other.close();
  }
});
