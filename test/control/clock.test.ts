/** The business clock over the control plane: its modes, what is due next, and a move that stops on its way. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { buyer, type Harness, type Json, product, startAt, startControl } from "./harness.ts";

const hour = 3_600_000;
const day = 24 * hour;
const start = Date.parse(startAt);
const iso = (at: number): string => new Date(at).toISOString();

let control: Harness;
beforeEach(async () => {
  control = await startControl();
});
afterEach(() => control.close());

/** An agreement from now on, over `days`. */
async function agreement(days: number, autoRenew = false): Promise<string> {
  const { id } = await control.agreements.purchase({ product, customer: buyer }, start);
  await control.agreements.amend({ agreement: id }, { endsAt: start + days * day, autoRenew }, start);
  return id;
}

describe("modes", () => {
  test("freeze, run and follow, each with its event, each kept", async () => {
    expect((await control.get("/clock")).body).toMatchObject({ mode: "standing", rate: 0, now: startAt });
    const running = (await control.post("/clock/run", { rate: 60 })).body;
    expect(running).toMatchObject({ mode: "running", rate: 60 });
    expect(control.store.catalog.clock()).toMatchObject({ mode: "running", rate: 60, at: start });
    const frozen = (await control.post("/clock/freeze")).body;
    expect(frozen).toMatchObject({ mode: "standing", rate: 0 });
    expect(Date.parse(frozen.now)).toBeGreaterThanOrEqual(start);
    expect(control.store.catalog.clock()).toEqual({ mode: "standing", at: Date.parse(frozen.now) });
    const following = (await control.post("/clock/follow")).body;
    expect(following).toMatchObject({ mode: "following", rate: 1 });
    expect(following.now).toBe(following.wall);
    expect(control.store.catalog.clock()).toEqual({ mode: "following" });
    const { items } = (await control.get("/events?target=clock")).body;
    expect(items.map(({ actor, action, summary }: Json) => [actor, action, summary])).toEqual([
      ["root", "clock.follow", ""],
      ["root", "clock.freeze", ""],
      ["root", "clock.run", '{"rate":60}'],
    ]);
  });

  test.each([0, -1, 1_000_001, "60"])("a rate of %j is wrong", async (rate) => {
    const answer = await control.post("/clock/run", { rate });
    expect(answer.status).toBe(422);
    expect(answer.body.errors).toMatchObject([{ pointer: "/rate" }]);
    expect((await control.get("/clock")).body.mode).toBe("standing");
  });
});

describe("what is due", () => {
  test("is listed in order, and comes as it was listed", async () => {
    const ends = await agreement(40);
    const renews = await agreement(35, true);
    const cancelled = await agreement(400);
    await control.agreements.cancel({ agreement: cancelled }, start);
    const { items } = (await control.get("/clock/due")).body;
    const listed = items.map(({ at, what, target, daysBeforeEnd }: Json) => [at, what, target, daysBeforeEnd]);
    expect(listed).toEqual([
      [iso(start + hour), "final-hour-end", cancelled, undefined],
      [iso(start + 5 * day), "announcement", renews, 30],
      [iso(start + 10 * day), "announcement", ends, 30],
      [iso(start + 28 * day), "announcement", renews, 7],
      [iso(start + 35 * day), "renewal", renews, undefined],
      [iso(start + 40 * day), "term-end", ends, undefined],
      [iso(start + 40 * day + hour), "final-hour-end", ends, undefined],
    ]);
    expect((await control.get("/clock/due?limit=2")).body.items).toEqual(items.slice(0, 2));
    for (const item of items) {
      expect((await control.get("/clock")).body.nextDue).toEqual(item);
      const before = (await control.store.outbox.notifications({}, { limit: 1_000 })).length;
      await control.post("/clock/set", { to: iso(Date.parse(item.at) - 1) });
      expect(await control.store.outbox.notifications({}, { limit: 1_000 })).toHaveLength(before);
      await control.post("/clock/set", { to: item.at });
      const told = (await control.store.outbox.notifications({}, { limit: 1_000 })).slice(before);
      expect(told.length).toBeGreaterThan(0);
      expect(new Set(told.map(({ at }) => iso(at)))).toEqual(new Set([item.at]));
      // The renewal's own agreement is due from here on: the list could not know it.
      if (item.what === "renewal")
        await control.agreements.amend(
          { product, customer: buyer },
          { endsAt: start + 9_999 * day },
          Date.parse(item.at),
        );
    }
  });

  test("nothing, without agreements", async () => {
    expect((await control.get("/clock")).body.nextDue).toBeUndefined();
    expect((await control.get("/clock/due")).body).toEqual({ items: [] });
    expect((await control.get("/clock/due?limit=0")).status).toBe(422);
  });
});

test("a move that cannot do what is due stops there, says so, and goes on when it can", async () => {
  const id = await agreement(40);
  const { catalog } = control.store;
  const apply = catalog.apply.bind(catalog);
  catalog.apply = async (change) => {
    if (change.agreements?.some(({ announcedDays }) => announcedDays === 30)) throw new Error("the disk is full");
    return apply(change);
  };
  const stopped = await control.post("/clock/advance", { by: "50d" });
  const stoppedAt = iso(start + 10 * day);
  expect(stopped.status).toBe(500);
  expect(stopped.body.detail).toContain(
    `stands at ${stoppedAt}: what is due there could not be done (the disk is full)`,
  );
  expect((await control.get("/clock")).body).toMatchObject({ now: stoppedAt, nextDue: { at: stoppedAt, target: id } });
  expect(catalog.clock()).toEqual({ mode: "standing", at: start + 10 * day });
  catalog.apply = apply;
  expect((await control.post("/clock/advance", { by: "40d" })).body.now).toBe(iso(start + 50 * day));
  expect(catalog.agreement(id)).toMatchObject({ announcedDays: 30, endedAt: start + 40 * day + hour });
});
