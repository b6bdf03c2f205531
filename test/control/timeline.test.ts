/** The time line of an agreement: everything that happened to it in one order, page by page. */
import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { hourMs } from "../../src/api/limits.ts";
import type { UsageClaim } from "../../src/store/ledger.ts";
import { type Answer, buyer, type Harness, type Json, product, startAt, startControl } from "./harness.ts";

let control: Harness;
beforeEach(async () => {
  control = await startControl();
});
afterEach(() => control.close());

const start = Date.parse(startAt);

async function purchase(more: object = {}): Promise<Json> {
  return (await control.post("/agreements", { product, buyer, ...more })).body;
}

async function claim(at: number, accountId = buyer, more: Partial<UsageClaim> = {}): Promise<void> {
  const record: UsageClaim = {
    ...{ region: "us-east-1", path: "productCode", productCode: product, holder: accountId, accountId },
    ...{ dimension: "requests", hour: Math.floor(at / hourMs), timestampMs: at, quantity: 5, billable: true },
    ...more,
  };
  const event = {
    ...{ requestId: randomUUID(), at, operation: "BatchMeterUsage" as const, region: "us-east-1" },
    ...{ accessKeyId: "AKIA1", accountId: "111122223333", outcome: "Success" },
  };
  await control.store.ledger.claim({ records: [record], audit: () => event });
}

const line = (id: string, query = ""): Promise<Answer> => control.get(`/agreements/${id}/timeline${query}`);
/** In short: what stands at each place. */
const told = (items: readonly Json[]): string[] =>
  items.map(({ kind, event, name, day, outcome }) => `${kind} ${event ?? name ?? day ?? outcome}`);

async function allPages(id: string, query: string): Promise<readonly Json[]> {
  const found: Json[] = [];
  for (let cursor = ""; ; ) {
    const { status, body } = await line(id, `?${query}&limit=3${cursor}`);
    expect(status).toBe(200);
    expect(body.items.length).toBeGreaterThan(0);
    found.push(...body.items);
    if (body.nextCursor === undefined) return found;
    cursor = `&cursor=${encodeURIComponent(body.nextCursor)}`;
  }
}

describe("the time line", () => {
  test("tells states, tokens, messages and usage in order, and what is due", async () => {
    const { id } = await purchase({ pending: true });
    await control.post("/clock/advance", { by: "1h" });
    await control.post(`/agreements/${id}/activate`);
    await control.post("/registration-tokens", { agreement: id });
    await control.post("/clock/advance", { by: "1d" });
    await claim(start + 25 * hourMs);
    await claim(start + 25 * hourMs, "123412341234");
    await control.post(`/agreements/${id}/cancel`);
    const { body } = await line(id, "?order=oldest-first");
    expect(told(body.items)).toEqual([
      "state accepted",
      "state started",
      "token issued",
      "notification Purchase Agreement Created - Proposer",
      "notification License Updated - Manufacturer",
      "notification subscribe-success",
      "notification entitlement-updated",
      "token expired",
      "usage 2026-08-16",
      "state purchase-agreement-ended",
      "state final-hour",
      "notification Purchase Agreement Ended - Proposer",
      "notification License Deprovisioned - Manufacturer",
      "notification unsubscribe-pending",
      "notification entitlement-updated",
    ]);
    expect(body.items[8]).toMatchObject({
      ...{ records: 1, otherDimensions: 0 },
      dimensions: [{ dimension: "requests", quantity: 5, records: 1, billable: true }],
    });
    expect(body.items[3].deliveries).toEqual({ pending: 0, delivered: 0, dead: 0 });
    expect(body.due).toEqual([{ at: "2026-08-16T12:20:00.000Z", what: "final-hour-end" }]);
  });

  test("gives the same entries page by page, in both orders", async () => {
    const { id } = await purchase();
    for (let day = 0; day < 100; day += 7) await claim(start + day * 24 * hourMs);
    await control.post("/clock/advance", { by: "100d" });
    await control.post(`/agreements/${id}/cancel`);
    const { body } = await line(id, "?order=oldest-first");
    expect(body.nextCursor).toBeUndefined();
    expect(body.items.filter(({ kind }: Json) => kind === "usage")).toHaveLength(15);
    expect(await allPages(id, "order=oldest-first")).toEqual(body.items);
    expect(await allPages(id, "order=newest-first")).toEqual(body.items.toReversed());
    expect((await line(id)).body.items).toEqual(body.items.toReversed());
    expect(told(await allPages(id, "kinds=state,token"))).toEqual([
      "state final-hour",
      "state purchase-agreement-ended",
      "state started",
      "state accepted",
    ]);
  });

  test("has the calls of the buyer's compute, also many of one instant, once each", async () => {
    const containers = "containerproduct123456789";
    await control.post("/products", {
      ...{ code: containers, title: "Gate", seller: "111122223333", type: "container-hourly" },
    });
    const { id } = await purchase({ product: containers });
    const event = (requestId: string, accountId: string) => ({
      ...{ requestId, at: start, operation: "RegisterUsage" as const, region: "us-east-1", accessKeyId: "AKIA1" },
      ...{ accountId, outcome: requestId.endsWith("3") ? "ThrottlingException" : "Success" },
      identity: { kind: "ecs-task" as const, name: "role", createdAt: 0 },
      detail: { productCode: containers },
    });
    for (let count = 0; count < 8; count += 1) await control.store.audit.append(event(`call-${count}`, buyer));
    await control.store.audit.append(event("of-another", "111122223333"));
    const newest = (await allPages(id, "kinds=call,state")).map(({ requestId, event: state }) => requestId ?? state);
    const calls = [7, 6, 5, 4, 3, 2, 1, 0].map((number) => `call-${number}`);
    expect(newest).toEqual([...calls, "started", "accepted"]);
    const oldest = (await allPages(id, "kinds=call,state&order=oldest-first")).map((one) => one.requestId ?? one.event);
    expect(oldest).toEqual(newest.toReversed());
    const [failed] = (await line(id, "?kinds=call")).body.items.filter(({ outcome }: Json) => outcome !== "Success");
    expect(failed).toMatchObject({ requestId: "call-3", outcome: "ThrottlingException", operation: "RegisterUsage" });
  });

  test("says which agreement follows, and what a term brings", async () => {
    const offer = (await control.post("/offers", { product, termDays: 90, entitlements: { seats: 3 } })).body;
    const { id } = await purchase({ offer: offer.id });
    const { due } = (await line(id)).body;
    expect(due.map(({ what }: Json) => what)).toEqual([
      ...["announcement", "announcement", "term-end", "entitlement-expiry", "final-hour-end"],
    ]);
    const next = (await control.post(`/agreements/${id}/renew`)).body;
    const states = (await line(id, "?kinds=state")).body.items;
    expect(states).toContainEqual({ kind: "state", at: startAt, event: "renewed", agreement: next.id });
    expect((await line(next.id, "?kinds=state")).body.items.map(({ event }: Json) => event)).toContain("started");
  });

  test("takes no cursor of others, no unknown kind, no unknown agreement", async () => {
    const { id } = await purchase();
    for (const query of ["?cursor=abc", `?cursor=${Buffer.from("[1]").toString("base64url")}`, "?kinds=state,mood"]) {
      const answer = await line(id, query);
      expect(answer.status).toBe(422);
      expect(answer.body.errors).toHaveLength(1);
    }
    expect((await line("agmt-nowhere")).status).toBe(404);
  });
});

describe("lists, as the console asks for them", () => {
  test("agreements come newest first with the names of their parties", async () => {
    const first = await purchase();
    await control.post(`/agreements/${first.id}/unsubscribe`);
    const second = await purchase();
    const { items } = (await control.get("/agreements?order=newest-first")).body;
    expect(items.map(({ id }: Json) => id)).toEqual([second.id, first.id]);
    expect(items[0].buyerName).toBe("Alder");
    expect(items[0].productTitle).toEqual(expect.any(String));
  });

  test("accounts are found by name, id and CustomerIdentifier, and by being suspended", async () => {
    const found = async (query: string): Promise<string[]> =>
      (await control.get(`/accounts?${query}`)).body.items.map(({ id }: Json) => id);
    expect(await found("search=aldER")).toEqual([buyer]);
    expect(await found("search=4445")).toEqual([buyer]);
    expect(await found("search=rq7we")).toEqual([buyer]);
    expect(await found("search=nobody")).toEqual([]);
    await control.call("PATCH", `/accounts/${buyer}`, { body: { suspended: true } });
    expect(await found("suspended=true")).toEqual([buyer]);
    expect(await found("suspended=false")).not.toContain(buyer);
  });

  test("calls are found by the session's name", async () => {
    const base = { at: start, operation: "RegisterUsage" as const, region: "us-east-1", accountId: buyer };
    for (const resource of ["arn:aws:ecs:us-east-1:444455556666:task/demo/one", "arn:aws:ecs:x:y:task/demo/two"]) {
      await control.store.audit.append({
        ...{ ...base, requestId: resource, accessKeyId: "ASIA1", outcome: "Success" },
        identity: { kind: "ecs-task", name: "role", resource, createdAt: 0 },
        detail: { productCode: product },
      });
    }
    const { items } = (await control.get("/calls?userName=two")).body;
    expect(items.map(({ requestId }: Json) => requestId)).toEqual(["arn:aws:ecs:x:y:task/demo/two"]);
  });
});
