/** Metering records, notifications and their targets, switches, clock, faults, events. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { UsageClaim } from "../../src/store/ledger.ts";
import { claim, event } from "../store/fixtures.ts";
import { type Answer, buyer, type Harness, type Json, product, seller, startAt, startControl } from "./harness.ts";

let control: Harness;
beforeEach(async () => {
  control = await startControl();
});
afterEach(() => control.close());

const pointers = (answer: Answer): string[] => answer.body.errors.map(({ pointer }: Json) => pointer);

describe("metering records", () => {
  const hour = Date.parse("2026-08-15T09:00:00Z") / 3_600_000;
  const store = (records: readonly Partial<UsageClaim>[]) =>
    control.store.ledger.claim({
      records: records.map((one) => claim({ productCode: product, holder: buyer, accountId: buyer, hour, ...one })),
      audit: () => event(),
    });
  const license = "arn:aws:license-manager::294406891311:license:l-000000000000000000000000000000a1";

  test("are filtered by every member", async () => {
    await store([
      { quantity: 1 },
      {
        dimension: "alerts",
        quantity: 2,
        billable: false,
        allocations: [{ AllocatedUsageQuantity: 2, Tags: [{ Key: "a", Value: "b" }] }],
      },
      { path: "license", holder: license, quantity: 3 },
      { path: "resource", holder: "i-0123", quantity: 4, region: "eu-west-1" },
      { hour: hour - 24, quantity: 5 },
      { productCode: "other", holder: "999999999999", accountId: "999999999999", quantity: 6 },
    ]);
    const quantities = async (query: string): Promise<number[]> =>
      (await control.get(`/metering-records${query}`)).body.items.map(({ quantity }: Json) => quantity).sort();
    expect(await quantities("")).toEqual([1, 2, 3, 4, 5, 6]);
    expect(await quantities(`?product=${product}`)).toEqual([1, 2, 3, 4, 5]);
    expect(await quantities("?customer=999999999999")).toEqual([6]);
    expect(await quantities("?customer=aLd3rQ7wE1z&dimension=alerts")).toEqual([2]);
    expect(await quantities(`?license=${license}`)).toEqual([3]);
    expect(await quantities("?resource=i-0123")).toEqual([4]);
    expect(await quantities("?region=eu-west-1")).toEqual([4]);
    expect(await quantities("?to=2026-08-15T00:00:00Z")).toEqual([5]);
    expect(await quantities("?from=2026-08-15T09:00:00Z")).toEqual([1, 2, 3, 4, 6]);
    expect(await quantities("?status=not-billable")).toEqual([2]);
    expect(await quantities("?status=billable&customer=nobody")).toEqual([]);
    const [record] = (await control.get("/metering-records?dimension=alerts")).body.items;
    expect(record).toMatchObject({
      product,
      customer: buyer,
      hour: "2026-08-15T09:00:00.000Z",
      status: "not-billable",
      allocations: [{ AllocatedUsageQuantity: 2, Tags: [{ Key: "a", Value: "b" }] }],
    });
  });

  test("come in pages in the order of their keys, over months, while others come", async () => {
    const hours = [hour - 24 * 40, hour - 24 * 20, hour - 1, hour];
    await store(hours.flatMap((at) => Array.from({ length: 5 }, (_, index) => ({ hour: at, dimension: `d${index}` }))));
    const seen: Json[] = [];
    let cursor: string | undefined;
    do {
      const query = `limit=3&from=2020-01-01T00:00:00Z${cursor === undefined ? "" : `&cursor=${cursor}`}`;
      const { body } = await control.get(`/metering-records?${query}`);
      expect(body.items.length).toBeLessThanOrEqual(3);
      seen.push(...body.items);
      cursor = body.nextCursor;
      await store([{ hour: hours[0] ?? 0, dimension: `late${seen.length}` }]);
    } while (cursor !== undefined);
    const late = seen.filter(({ dimension }) => dimension.startsWith("late")).length;
    expect(new Set(seen.map(({ id }) => id)).size).toBe(seen.length);
    expect(seen.length - late).toBe(20);
    expect(seen.map(({ hour: at }) => at)).toEqual(seen.map(({ hour: at }) => at).toSorted());
    // Each item is a place to go on from.
    const rest = await control.get(`/metering-records?limit=1000&cursor=${seen.at(-3)?.position}`);
    expect(rest.body.items.map(({ id }: Json) => id)).toEqual(seen.slice(-2).map(({ id }) => id));
  });

  test("name the member of the query that is wrong", async () => {
    for (const [query, field] of [
      ["cursor=!!", "cursor"],
      ["status=paid", "status"],
      ["from=yesterday", "from"],
      ["license=l-1", "license"],
      ["limit=1001", "limit"],
    ]) {
      const answer = await control.get(`/metering-records?${query}`);
      expect(answer.status).toBe(422);
      expect(answer.body.errors[0].field).toBe(field);
    }
  });
});

describe("notifications and their targets", () => {
  const target = {
    seller,
    kind: "sqs",
    url: "http://127.0.0.1:9/queue",
    sqs: { region: "us-east-1", secretAccessKey: "hush-hush" },
  };

  test("are listed with filters and pages, and read with their deliveries", async () => {
    const { id: targetId } = (await control.post("/notification-targets", target)).body;
    const { id: agreement } = (await control.post("/agreements", { product, buyer })).body;
    const all = (await control.get(`/notifications?agreement=${agreement}`)).body.items;
    expect(all.length).toBeGreaterThan(1);
    const newest = (await control.get(`/notifications?agreement=${agreement}&order=newest-first`)).body.items;
    expect(newest).toEqual(all.toReversed());
    expect((await control.get("/notifications?form=sns&name=subscribe-success")).body.items).toHaveLength(1);
    expect((await control.get("/notifications?product=none")).body.items).toEqual([]);
    const first = (await control.get("/notifications?limit=1")).body;
    const second = (await control.get(`/notifications?limit=1000&cursor=${first.nextCursor}`)).body;
    expect([...first.items, ...second.items]).toEqual(all);
    const read = (await control.get(`/notifications/${all[0].id}`)).body;
    expect(read.deliveries).toMatchObject([{ target: targetId, state: "pending", attempts: [] }]);
    expect((await control.get(`/notifications?seller=${seller}&state=pending`)).body.items).toEqual(all);
    expect((await control.get("/notifications/none")).status).toBe(404);
    expect((await control.get("/notifications?cursor=none")).status).toBe(422);
  });

  test("are sent again: dead ones are due once more", async () => {
    const { id: targetId } = (await control.post("/notification-targets", target)).body;
    await control.post("/agreements", { product, buyer });
    const [{ id }] = (await control.get("/notifications")).body.items;
    await control.store.outbox.save({
      notificationId: id,
      targetId,
      state: "dead",
      attempts: [{ at: Date.parse(startAt), error: "refused" }],
      nextAttemptAt: 0,
    });
    const sent = await control.post(`/notifications/${id}/resend`);
    expect(sent).toMatchObject({
      status: 202,
      body: { deliveries: [{ state: "pending", attempts: [{ error: "refused" }] }] },
    });
    expect((await control.post(`/notifications/${id}/resend`, { target: targetId })).status).toBe(202);
    expect(pointers(await control.post(`/notifications/${id}/resend`, { target: "none" }))).toEqual(["/target"]);
    expect((await control.post("/notifications/none/resend")).status).toBe(404);
    expect((await control.get("/events?action=notification.resend")).body.items).toHaveLength(2);
  });

  test("targets keep their secrets, and go", async () => {
    const made = await control.post("/notification-targets", target);
    expect(made).toMatchObject({
      status: 201,
      body: { forms: ["sns", "eventbridge"], rawDelivery: false, state: "ready" },
    });
    for (const path of ["/notification-targets", "/events"]) {
      expect(JSON.stringify((await control.get(path)).body)).not.toContain("hush-hush");
    }
    expect(control.store.catalog.target(made.body.id)?.sqs?.secretAccessKey).toBe("hush-hush");
    expect((await control.post(`/notification-targets/${made.body.id}/confirm`)).status).toBe(409);
    expect((await control.call("DELETE", `/notification-targets/${made.body.id}`)).status).toBe(204);
    expect((await control.call("DELETE", `/notification-targets/${made.body.id}`)).status).toBe(404);
    expect((await control.get(`/notification-targets?seller=${seller}`)).body.items).toEqual([]);
  });

  test.each([
    [{ seller: "000000000000" }, "/seller"],
    [{ product: "none" }, "/product"],
    [{ seller: buyer, product }, "/product"],
    [{ kind: "http" }, "/sqs"],
    [{ url: "ftp://127.0.0.1/" }, "/url"],
    [{ forms: [] }, "/forms"],
    [{ sqs: { secret: "hush-hush" } }, "/sqs/secret"],
  ])("%j is wrong at %s", async (wrong, pointer) => {
    const answer = await control.post("/notification-targets", { ...target, ...wrong });
    expect(answer.status).toBe(422);
    expect(pointers(answer)).toEqual([pointer]);
    expect(JSON.stringify(answer.body)).not.toContain("hush-hush");
  });

  test("HTTP endpoints are asked to confirm, and can be confirmed here", async () => {
    const asked: string[] = [];
    const other = await startControl({
      confirmTarget: async ({ id }) => {
        asked.push(id);
        return { status: 503, error: "The endpoint answered 503" };
      },
    });
    try {
      const { id, state } = (
        await other.post("/notification-targets", { seller, kind: "http", url: "http://127.0.0.1:9/" })
      ).body;
      expect(state).toBe("unconfirmed");
      expect(asked).toEqual([id]);
      const again = await other.post(`/notification-targets/${id}/confirm`);
      expect(again.body).toMatchObject({ target: { state: "unconfirmed" }, attempt: { status: 503 } });
      const forced = await other.post(`/notification-targets/${id}/confirm`, { force: true });
      expect(forced.body).toMatchObject({ target: { id, state: "ready", confirmedAt: expect.any(String) } });
      expect((await other.post("/notification-targets/none/confirm")).status).toBe(404);
    } finally {
      await other.close();
    }
  });
});

describe("settings", () => {
  const value = async (name: string): Promise<Json> =>
    (await control.get("/settings")).body.items.find((one: Json) => one.name === name);

  test("are changed live, and put back", async () => {
    expect(await value("revision")).toEqual({
      name: "revision",
      value: "2026",
      default: "2026",
      isDefault: true,
      rule: expect.stringContaining("J-1"),
      form: expect.objectContaining({ enum: ["2021", "2024", "2026"] }),
    });
    const changed = await control.call("PATCH", "/settings", {
      body: { revision: "2021", quotas: { default: { MeterUsage: 2 } } },
    });
    expect(changed.status).toBe(200);
    expect(control.settings()).toMatchObject({
      revision: "2021",
      quotas: { default: { MeterUsage: 2 } },
      dryRun: "ok",
    });
    await control.call("PATCH", "/settings", { body: { revision: null } });
    expect(await value("revision")).toMatchObject({ value: "2026", isDefault: true });
    expect(await value("quotas")).toMatchObject({ isDefault: false });
    expect((await control.get("/events?action=settings.change")).body.items).toHaveLength(2);
  });

  test.each([
    [{ revision: "1999" }, "/revision"],
    [{ "token.ttlSec": 0 }, "/token.ttlSec"],
    [{ colour: "red" }, "/colour"],
    [{ quotas: { default: { Other: 1 } } }, "/quotas/default/Other"],
  ])("%j is wrong at %s", async (body, pointer) => {
    const answer = await control.call("PATCH", "/settings", { body });
    expect(answer.status).toBe(422);
    expect(pointers(answer)[0]).toBe(pointer);
    expect((await control.get("/events?action=settings.change")).body.items).toEqual([]);
  });
});

describe("the clock", () => {
  test("is set, advanced, and follows again", async () => {
    expect((await control.get("/clock")).body).toMatchObject({
      now: startAt,
      mode: "standing",
      wall: expect.any(String),
    });
    const set = await control.post("/clock/set", { to: "2026-09-01T12:00:00+02:00" });
    expect(set.body).toMatchObject({ now: "2026-09-01T10:00:00.000Z", mode: "standing" });
    expect((await control.post("/clock/advance", { by: "90s" })).body.now).toBe("2026-09-01T10:01:30.000Z");
    expect((await control.post("/clock/advance", { by: 500 })).body.now).toBe("2026-09-01T10:01:30.500Z");
    expect((await control.post("/clock/follow")).body.mode).toBe("following");
    const { items } = (await control.get("/events?target=clock")).body;
    expect(items.map(({ action }: Json) => action)).toEqual([
      "clock.follow",
      "clock.advance",
      "clock.advance",
      "clock.set",
    ]);
  });

  test.each([
    ["set", { to: "tomorrow" }, "/to"],
    ["set", { to: "1950-01-01T00:00:00Z" }, "/to"],
    ["advance", { by: "soon" }, "/by"],
    ["advance", { by: -1 }, "/by"],
    ["advance", { by: 1e18 }, "/by"],
  ])("%s %j is wrong at %s", async (action, body, pointer) => {
    const answer = await control.post(`/clock/${action}`, body);
    expect(answer.status).toBe(422);
    expect(pointers(answer)).toEqual([pointer]);
    expect((await control.get("/clock")).body.now).toBe(startAt);
  });
});

describe("faults", () => {
  test("are planned, listed with what is left of them, taken back", async () => {
    const throttle = await control.post("/faults", { kind: "throttle", operation: "MeterUsage", times: 3 });
    expect(throttle).toMatchObject({ status: 201, body: { left: 3, fault: { kind: "throttle", times: 3 } } });
    const delay = await control.post("/faults", { kind: "delay", ms: 10, phase: "after-commit" });
    const call = { operation: "MeterUsage", accessKeyId: "AKIA", recordCount: 0 };
    const anyCall = { ...call, isOfProduct: () => true, isOfCustomer: () => true };
    control.faults.take("rate", anyCall);
    control.faults.take("after-commit", anyCall);
    expect((await control.get("/faults")).body.items).toMatchObject([{ id: throttle.body.id, left: 2 }]);
    expect((await control.call("DELETE", `/faults/${delay.body.id}`)).status).toBe(404);
    expect((await control.call("DELETE", `/faults/${throttle.body.id}`)).status).toBe(204);
    await control.post("/faults", { kind: "error", status: 503 });
    await control.post("/faults", { kind: "unprocessed", records: [0, 2] });
    expect((await control.call("DELETE", "/faults")).status).toBe(204);
    expect((await control.get("/faults")).body.items).toEqual([]);
    expect((await control.get("/events?action=fault.plan")).body.items).toHaveLength(4);
  });

  test.each([
    [{ kind: "explosion" }, "/kind"],
    [{ kind: "unprocessed", records: [25] }, "/records/0"],
    [{ kind: "error", status: 200 }, "/status"],
    [{ kind: "throttle", times: 0 }, "/times"],
    [{ kind: "throttle", ms: 5 }, "/ms"],
  ])("%j is wrong at %s", async (body, pointer) => {
    expect(pointers(await control.post("/faults", body))).toEqual([pointer]);
  });
});

describe("events", () => {
  test("come newest first, in pages", async () => {
    for (let count = 0; count < 5; count += 1) await control.post("/accounts", { id: `90000000000${count}` });
    const first = (await control.get("/events?limit=2")).body;
    expect(first.items.map(({ target }: Json) => target)).toEqual(["900000000004", "900000000003"]);
    const second = (await control.get(`/events?limit=2&cursor=${first.nextCursor}`)).body;
    expect(second.items.map(({ target }: Json) => target)).toEqual(["900000000002", "900000000001"]);
  });

  test("a change that is refused leaves none", async () => {
    const before = (await control.get("/events")).body.items.length;
    await control.post("/accounts", { id: buyer });
    await control.post("/agreements", { product: "none", buyer });
    expect((await control.get("/events")).body.items).toHaveLength(before);
  });
});
