/** The life of agreements over the control plane; licences, registration tokens and entitlements with them. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Answer, buyer, type Harness, type Json, product, seller, startAt, startControl } from "./harness.ts";

let control: Harness;
beforeEach(async () => {
  control = await startControl();
});
afterEach(() => control.close());

async function purchase(more: object = {}): Promise<Json> {
  const made = await control.post("/agreements", { product, buyer, ...more });
  expect(made.status).toBe(201);
  return made.body;
}
const act = (id: string, action: string, body?: unknown): Promise<Answer> =>
  control.post(`/agreements/${id}/${action}`, body);
const pointers = (answer: Answer): string[] => answer.body.errors.map(({ pointer }: Json) => pointer);

describe("agreements", () => {
  test("go from pending to their end, and come back", async () => {
    const made = await purchase({ pending: true });
    expect(made).toMatchObject({ state: "pending", acceptedAt: startAt, intent: "NEW", version: 1 });
    expect((await act(made.id, "cancel")).status).toBe(409);
    expect((await act(made.id, "activate")).body).toMatchObject({
      id: made.id,
      state: "active",
      license: expect.any(String),
    });
    expect((await act(made.id, "activate")).status).toBe(409);
    expect((await act(made.id, "resubscribe")).status).toBe(409);
    expect((await act(made.id, "end-agreement")).body).toMatchObject({ state: "active", agreementEndedAt: startAt });
    expect((await act(made.id, "cancel")).body).toMatchObject({ state: "final-hour", endingAt: startAt });
    expect((await act(made.id, "resubscribe")).body).toMatchObject({ id: made.id, state: "active" });
    expect((await act(made.id, "unsubscribe")).body).toMatchObject({ state: "ended", endedAt: startAt });
    const again = await act(made.id, "resubscribe");
    expect(again.body).toMatchObject({ state: "active" });
    expect(again.body.id).not.toBe(made.id);
    const { items } = (await control.get(`/events?target=${made.id}`)).body;
    expect(items.map(({ action }: Json) => action).toReversed()).toEqual([
      "agreement.create",
      "agreement.activate",
      "agreement.end-agreement",
      "agreement.cancel",
      "agreement.resubscribe",
      "agreement.unsubscribe",
      "agreement.resubscribe",
    ]);
  });

  test("fail their payment, and start all the same", async () => {
    const { id } = await purchase({ pending: true });
    expect((await act(id, "fail-payment")).body).toMatchObject({ state: "payment-failed" });
    expect((await act(id, "activate")).body).toMatchObject({ id, state: "active" });
    expect((await act(id, "fail-payment")).status).toBe(409);
  });

  test("follow the business clock", async () => {
    const { id } = await purchase();
    await act(id, "cancel");
    await control.post("/clock/advance", { by: "59m" });
    expect((await control.get(`/agreements/${id}`)).body.state).toBe("final-hour");
    await control.post("/clock/advance", { by: "2m" });
    expect((await control.get(`/agreements/${id}`)).body.state).toBe("ended");
    const { items } = (await control.get(`/events?target=${id}&actor=clock`)).body;
    expect(items).toMatchObject([{ actor: "clock", action: "agreement.change" }]);
  });

  test("renew with their licence, and are amended", async () => {
    const offer = (await control.post("/offers", { product, termDays: 30, entitlements: { seats: 5 } })).body;
    const made = await purchase({ offer: offer.id });
    expect(made).toMatchObject({ offer: offer.id, endsAt: "2026-09-14T10:20:00.000Z" });
    const amended = await act(made.id, "amend", {
      entitlements: { seats: 9 },
      endsAt: "2026-12-01T00:00:00Z",
      autoRenew: true,
    });
    expect(amended.body).toMatchObject({ endsAt: "2026-12-01T00:00:00.000Z", autoRenew: true });
    expect((await control.get(`/entitlements?product=${product}&buyer=${buyer}`)).body.items).toMatchObject([
      { dimension: "seats", value: { IntegerValue: 9 }, expiresAt: "2026-12-01T00:00:00.000Z" },
    ]);
    const renewed = (await act(made.id, "renew")).body;
    expect(renewed).toMatchObject({
      intent: "RENEW",
      previousAgreement: made.id,
      license: made.license,
      state: "active",
    });
    expect((await control.get(`/licenses?product=${product}`)).body.items).toEqual([
      { arn: made.license, agreement: renewed.id, product, buyer, state: "active" },
    ]);
    expect((await control.get("/licenses?state=ended")).body.items).toEqual([]);
  });

  test("are filtered by product, buyer and state, in pages", async () => {
    for (let count = 0; count < 3; count += 1) await purchase();
    await purchase({ pending: true });
    expect((await control.get(`/agreements?product=${product}&buyer=${buyer}&state=active`)).body.items).toHaveLength(
      3,
    );
    expect((await control.get(`/agreements?buyer=${seller}`)).body.items).toHaveLength(0);
    const first = (await control.get("/agreements?limit=3")).body;
    const second = (await control.get(`/agreements?limit=3&cursor=${first.nextCursor}`)).body;
    expect(second.items).toMatchObject([{ state: "pending" }]);
    expect(second.nextCursor).toBeUndefined();
  });

  test.each([
    [{ product: "none", buyer }, "/product"],
    [{ product, buyer: "000000000000" }, "/buyer"],
    [{ product, buyer, offer: "offer-none" }, "/offer"],
    [{ product, buyer, acceptedAt: "2027-01-01T00:00:00Z" }, "/acceptedAt"],
    [{ product, buyer, pending: true, paymentFails: true }, "/paymentFails"],
    [{ product, buyer, colour: "red" }, "/colour"],
  ])("%j is wrong at %s", async (body, pointer) => {
    const answer = await control.post("/agreements", body);
    expect(answer.status).toBe(422);
    expect(pointers(answer)).toEqual([pointer]);
  });

  test("an offer for others is a conflict, in words", async () => {
    const { id } = (await control.post("/offers", { product, buyers: [seller] })).body;
    const answer = await control.post("/agreements", { product, buyer, offer: id });
    expect(answer).toMatchObject({ status: 409, body: { detail: expect.stringContaining("not for account") } });
  });

  test("unknown ones and unknown actions are 404, members of an action 422", async () => {
    const { id } = await purchase();
    expect((await control.get("/agreements/agmt-none")).status).toBe(404);
    expect((await act("agmt-none", "cancel")).status).toBe(404);
    expect((await act(id, "explode")).status).toBe(404);
    expect((await act(id, "cancel", { at: startAt })).status).toBe(422);
  });

  test("concurrent actions end in one legal state", async () => {
    for (const [first, second] of [
      ["cancel", "cancel"],
      ["unsubscribe", "cancel"],
      ["unsubscribe", "unsubscribe"],
    ] as const) {
      const { id } = await purchase();
      const answers = await Promise.all([act(id, first), act(id, second)]);
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
      const winner = answers.find(({ status }) => status === 200);
      expect((await control.get(`/agreements/${id}`)).body).toEqual(winner?.body);
    }
    const { id } = await purchase({ pending: true });
    const many = await Promise.all(
      Array.from({ length: 10 }, (_, index) => act(id, index % 2 ? "activate" : "fail-payment")),
    );
    // A failed payment may be followed by one that works, never the other way round.
    expect(many.filter(({ status }) => status === 200).length).toBeLessThanOrEqual(2);
    expect((await control.get(`/agreements/${id}`)).body.state).toBe("active");
  });
});

describe("events that others bring about", () => {
  const requested = { kind: "cancellation-requested", reasonCode: "TEST_AGREEMENT" };
  const refunded = { kind: "billing-adjustment-completed", reasonCode: "OTHER", amount: "-100.00" };

  test("are announced, kept, and told of in the events; the agreement stays as it is", async () => {
    const made = await purchase();
    const issuedAt = "2026-08-15T12:00:00+02:00";
    const announced = await act(made.id, "announce", { kind: "advisory-issued", issuedAt });
    expect(announced).toMatchObject({
      status: 201,
      body: { agreement: made.id, name: "Purchase Agreement Advisory Issued - Manufacturer", at: startAt, seller },
    });
    expect(JSON.parse(announced.body.body).detail.advisory).toEqual({ issuedAt: "2026-08-15T10:00:00Z" });
    expect((await control.get(`/notifications/${announced.body.id}`)).body).toMatchObject(announced.body);
    expect((await control.get(`/agreements/${made.id}`)).body).toEqual(made);
    const { items } = (await control.get(`/events?target=${made.id}`)).body;
    expect(items[0]).toMatchObject({
      actor: "root",
      action: "agreement.announce",
      summary: JSON.stringify({ kind: "advisory-issued", issuedAt }),
    });
  });

  test("go on about the request that they name", async () => {
    const { id } = await purchase();
    const first = JSON.parse((await act(id, "announce", requested)).body.body).detail.agreementCancellationRequest;
    await control.post("/clock/advance", { by: "1h" });
    const then = { ...requested, kind: "cancellation-rejected", id: first.id, createdAt: first.createdAt };
    const second = JSON.parse((await act(id, "announce", then)).body.body).detail.agreementCancellationRequest;
    expect(second).toMatchObject({ id: first.id, createdAt: first.createdAt, statusCode: "REJECTED" });
    expect(Date.parse(second.updatedAt) - Date.parse(first.updatedAt)).toBe(3_600_000);
  });

  test.each([
    [{ kind: "agreement-created" }, "/kind"],
    [{}, "/kind"],
    [{ kind: "vet-failed", issuedAt: startAt }, "/issuedAt"],
    [{ kind: "advisory-issued", issuedAt: "2026-08-15T10:20:00.001Z" }, "/issuedAt"],
    [{ kind: "advisory-resolved", resolvedAt: "2027-01-01T00:00:00Z" }, "/resolvedAt"],
    [{ ...requested, createdAt: "2027-01-01T00:00:00Z" }, "/createdAt"],
    [{ kind: "cancellation-approved" }, "/reasonCode"],
    [{ ...requested, reasonCode: "because" }, "/reasonCode"],
    [{ ...requested, id: "ba-1" }, "/id"],
    [refunded, "/originalInvoiceId"],
    [{ ...refunded, originalInvoiceId: "1", amount: "1.005" }, "/amount"],
  ])("%j is wrong at %s", async (body, pointer) => {
    const { id } = await purchase();
    const answer = await act(id, "announce", body);
    expect(answer.status).toBe(422);
    expect(pointers(answer)).toEqual([pointer]);
    expect((await control.get(`/events?target=${id}`)).body.items).toHaveLength(1);
  });

  test("need an agreement that has started, and a product that AWS sends them for", async () => {
    expect((await act("agmt-none", "announce", { kind: "vet-failed" })).status).toBe(404);
    const pending = await purchase({ pending: true });
    expect((await act(pending.id, "announce", { kind: "vet-failed" })).status).toBe(409);
    const upFront = {
      code: "paidupfront",
      seller,
      type: "saas-contract",
      dimensions: [{ name: "seats", kind: "entitlement" }],
    };
    expect((await control.post("/products", upFront)).status).toBe(201);
    const { id } = await purchase({ product: "paidupfront" });
    expect(await act(id, "announce", { kind: "vet-failed" })).toMatchObject({
      status: 409,
      body: { detail: expect.stringContaining("Product paidupfront is a saas-contract") },
    });
    await act(id, "unsubscribe");
    expect((await act(id, "announce", { ...refunded, originalInvoiceId: "2028746221" })).status).toBe(201);
  });
});

describe("registration tokens", () => {
  test("are issued for an agreement, a licence, or a pair, and told once", async () => {
    const { id, license } = await purchase();
    for (const reference of [
      { agreement: id },
      { license },
      { product, customer: buyer },
      { product, customer: "aLd3rQ7wE1z" },
    ]) {
      const answer = await control.post("/registration-tokens", reference);
      expect(answer).toMatchObject({
        status: 201,
        body: { product, buyer, agreement: id, license, issuedAt: startAt, expiresAt: "2026-08-15T14:20:00.000Z" },
      });
      const events = JSON.stringify((await control.get("/events")).body);
      expect(events).toContain("registration-token.issue");
      expect(events).not.toContain(answer.body.token);
    }
    const old = await control.post("/registration-tokens", { agreement: id, issuedAt: "2026-08-01T00:00:00Z" });
    expect(old.body.expiresAt).toBe("2026-08-01T04:00:00.000Z");
  });

  test.each([
    [{}, ""],
    [{ agreement: "agmt-none" }, "/agreement"],
    [{ agreement: "agmt-none", product }, ""],
    [{ product }, "/customer"],
    [{ customer: buyer }, "/product"],
    [{ product, customer: "nobody" }, "/customer"],
  ])("%j is wrong at '%s'", async (body, pointer) => {
    const answer = await control.post("/registration-tokens", body);
    expect(answer.status).toBe(422);
    expect(pointers(answer)).toEqual([pointer]);
  });

  test("of a pair without an agreement are a conflict", async () => {
    expect((await control.post("/registration-tokens", { product, customer: buyer })).status).toBe(409);
  });
});

describe("entitlements", () => {
  const put = (body: object): Promise<Answer> => control.call("PUT", "/entitlements", { body });
  const key = { product, buyer, dimension: "seats" };

  test("are granted, changed with their message, and taken away", async () => {
    await purchase();
    const before = (await control.get("/notifications")).body.items.length;
    const granted = await put({ ...key, value: 5, expiresAt: "2027-01-01T00:00:00Z" });
    expect(granted).toMatchObject({ status: 200, body: { ...key, value: { IntegerValue: 5 } } });
    expect((await put({ ...key, value: { StringValue: "gold" } })).body).toMatchObject({
      value: { StringValue: "gold" },
      expiresAt: "2027-01-01T00:00:00.000Z",
    });
    expect((await control.get("/notifications")).body.items.length).toBeGreaterThan(before);
    expect((await control.get(`/entitlements?dimension=seats`)).body.items).toHaveLength(1);
    const query = new URLSearchParams(key);
    expect((await control.call("DELETE", `/entitlements?${query}`)).status).toBe(204);
    expect((await control.get("/entitlements")).body.items).toEqual([]);
    expect((await control.call("DELETE", `/entitlements?${query}`)).status).toBe(404);
    const { items } = (await control.get(`/events?target=${product}/${buyer}/seats`)).body;
    expect(items.map(({ action }: Json) => action)).toEqual([
      "entitlement.delete",
      "entitlement.put",
      "entitlement.put",
    ]);
  });

  test("can be of a licence beside those of the pair", async () => {
    const { license } = await purchase();
    await put({ ...key, value: 1 });
    await put({ ...key, license, value: 2 });
    expect((await control.get("/entitlements")).body.items).toHaveLength(2);
    const other = "arn:aws:license-manager::294406891311:license:l-00000000000000000000000000000000";
    expect(pointers(await put({ ...key, license: other, value: 2 }))).toEqual(["/license"]);
  });

  test.each([
    [{ dimension: "requests" }, "/dimension"],
    [{ product: "none" }, "/product"],
    [{ buyer: "000000000000" }, "/buyer"],
    [{ value: 3_000_000_000 }, "/value"],
  ])("%j is wrong at %s", async (wrong, pointer) => {
    const answer = await put({ ...key, value: 5, ...wrong });
    expect(answer.status).toBe(422);
    expect(pointers(answer)).toEqual([pointer]);
  });
});
