/** Moves of the business clock over a list of things that are due: what is done when, and where the clock is meanwhile. */
import { beforeEach, describe, expect, test } from "vitest";
import type { ClockState } from "../../src/api/types.ts";
import { createBusinessClock, latestBusinessAt, type SettableClock } from "../../src/clock.ts";
import type { DueWork } from "../../src/due.ts";
import type { Ahead } from "../../src/marketplace/metering/registeredUsage.ts";
import { createTimekeeper, DueError, rateMax, type Timekeeper } from "../../src/timekeeper.ts";

const startAt = 1_000_000;

/** What is due at given instants; `done` says when each was done, and where the clock was. */
class DueList implements DueWork {
  readonly done: [at: number, clockAt: number][] = [];
  readonly #clock: SettableClock;
  readonly #due: number[];
  /** Instants that fail until they are taken out. */
  readonly failing = new Set<number>();
  /** Waited for before anything is done. */
  gate: Promise<void> = Promise.resolve();
  /** So many instants are kept together, or none of them. */
  together = 1;

  constructor(clock: SettableClock, due: readonly number[]) {
    this.#clock = clock;
    this.#due = due.toSorted((a, b) => a - b);
  }

  nextAt(): number | undefined {
    return this.#due[0];
  }

  upcoming(): readonly [] {
    return [];
  }

  async runSome(at: number, ahead?: Ahead): Promise<void> {
    await this.gate;
    const begun: [number, number][] = [];
    for (const next of this.#due.slice(0, this.together)) {
      const mayBegin = next <= at || (ahead !== undefined && next <= ahead.until && ahead.arrive(next));
      if (!mayBegin) break;
      begun.push([next, this.#clock.now()]);
    }
    for (const [next] of begun) if (this.failing.has(next)) throw new Error(`no luck with ${next}`);
    this.#due.splice(0, begun.length);
    this.done.push(...begun);
  }

  async runEach(at: number): Promise<void> {
    for (const due of this.#due.filter((one) => one <= at && !this.failing.has(one))) {
      this.#due.splice(this.#due.indexOf(due), 1);
      this.done.push([due, this.#clock.now()]);
    }
  }
}

let wallAt: number;
let clock: SettableClock;
let kept: ClockState[];
let failures: unknown[];
let mayKeep: boolean;
beforeEach(() => {
  wallAt = 5_000_000;
  clock = createBusinessClock(() => wallAt, startAt);
  kept = [];
  failures = [];
  mayKeep = true;
});

function over(...due: readonly number[]): { readonly keeper: Timekeeper; readonly list: DueList } {
  const list = new DueList(clock, due);
  const keeper = createTimekeeper({
    clock,
    wallClock: () => wallAt,
    due: list,
    keep: async (state) => {
      if (!mayKeep) throw new Error("the disk is full");
      kept.push(state);
    },
    onFailure: (error) => failures.push(error),
  });
  return { keeper, list };
}

const standing = (at: number): ClockState => ({ mode: "standing", at });

describe("a move forward", () => {
  test.each([
    ["advance", (keeper: Timekeeper) => keeper.advance(100)],
    ["set", (keeper: Timekeeper) => keeper.set(startAt + 100)],
  ])("%s stops exactly at each instant, in order, and is kept once", async (_, move) => {
    const { keeper, list } = over(startAt + 70, startAt + 10, startAt + 70, startAt + 100, startAt + 101);
    await move(keeper);
    expect(list.done).toEqual([10, 70, 70, 100].map((ms) => [startAt + ms, startAt + ms]));
    expect(clock.now()).toBe(startAt + 100);
    expect(kept).toEqual([standing(startAt + 100)]);
  });

  test("what was overdue is done first, without the clock going back", async () => {
    const { keeper, list } = over(startAt - 5, startAt + 5);
    await keeper.advance(10);
    expect(list.done).toEqual([
      [startAt - 5, startAt],
      [startAt + 5, startAt + 5],
    ]);
  });

  test("over nothing it is there at once", () => {
    const { keeper } = over(startAt + 11);
    void keeper.advance(10);
    expect(clock.now()).toBe(startAt + 10);
  });

  test("a clock that follows or runs does not pass by itself while it is moved", async () => {
    clock.restore({ mode: "running", rate: 1_000, at: startAt, wallAt });
    const { keeper, list } = over(startAt + 5);
    list.gate = Promise.resolve().then(() => {
      wallAt += 60_000;
    });
    await keeper.advance(10);
    expect(list.done).toEqual([[startAt + 5, startAt + 5]]);
    expect(clock.state()).toEqual(standing(startAt + 10));
  });

  test("waits for the one before, and goes on from where that ends", async () => {
    const { keeper, list } = over(startAt + 5, startAt + 15);
    let open = (): void => {};
    list.gate = new Promise((resolve) => {
      open = resolve;
    });
    const order: string[] = [];
    const first = keeper.advance(10).then(() => order.push("first"));
    const second = keeper.advance(10, async () => void order.push("announced")).then(() => order.push("second"));
    // Not later than the second move: a timer's turn would otherwise do part of a move's work.
    expect(await keeper.turn()).toBe(true);
    expect([clock.now(), keeper.headingTo()]).toEqual([startAt + 5, startAt + 10]);
    open();
    await Promise.all([first, second]);
    expect(order).toEqual(["first", "announced", "second"]);
    expect(clock.now()).toBe(startAt + 20);
    expect(keeper.headingTo()).toBeUndefined();
  });

  test("that fails leaves the clock at that instant, says so, and can be tried again", async () => {
    const { keeper, list } = over(startAt + 5, startAt + 7, startAt + 9);
    list.failing.add(startAt + 7);
    const failure = await keeper.advance(10).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(DueError);
    expect(String(failure)).toContain(`${new Date(startAt + 7).toISOString()}: what is due there could not be done`);
    expect(String(failure)).toContain(`no luck with ${startAt + 7}`);
    expect(clock.state()).toEqual(standing(startAt + 7));
    expect(kept).toEqual([standing(startAt + 7)]);
    list.failing.clear();
    await keeper.advance(3);
    expect(list.done.map(([at]) => at - startAt)).toEqual([5, 7, 9]);
  });

  test("over instants that are kept together stands at each as it is begun", async () => {
    const { keeper, list } = over(startAt + 10, startAt + 20, startAt + 20, startAt + 30, startAt + 101);
    list.together = 10;
    await keeper.advance(100);
    expect(list.done).toEqual([10, 20, 20, 30].map((ms) => [startAt + ms, startAt + ms]));
    expect(kept).toEqual([standing(startAt + 100)]);
  });

  test("over instants that fail together ends at the first of them", async () => {
    const { keeper, list } = over(startAt - 5, startAt + 5, startAt + 7, startAt + 9);
    list.together = 3;
    list.failing.add(startAt + 7);
    const first = await keeper.advance(10).catch((error: unknown) => error);
    // Of what was overdue the clock does not go back for.
    expect([String(first), clock.state()]).toEqual([expect.stringContaining("no luck with"), standing(startAt)]);
    list.together = 1;
    await expect(keeper.advance(10)).rejects.toThrow(DueError);
    list.together = 2;
    list.failing.add(startAt + 9);
    await expect(keeper.advance(10)).rejects.toThrow(new Date(startAt + 7).toISOString());
    expect(clock.state()).toEqual(standing(startAt + 7));
    list.failing.clear();
    await keeper.advance(10);
    expect(list.done.map(([at]) => at - startAt)).toEqual([-5, 5, 7, 9]);
  });

  test("that cannot be kept is refused, and the clock is as it was kept before", async () => {
    const { keeper } = over(startAt + 5);
    mayKeep = false;
    await expect(keeper.advance(10)).rejects.toThrow("the disk is full");
    expect([kept, clock.state()]).toEqual([[], standing(startAt)]);
    clock.follow();
    await expect(keeper.freeze()).rejects.toThrow("the disk is full");
    expect(clock.isFollowing()).toBe(true);
  });

  test("ends at its next stop when the server stops", async () => {
    const { keeper, list } = over(startAt + 5, startAt + 6);
    let open = (): void => {};
    list.gate = new Promise((resolve) => {
      open = resolve;
    });
    const move = keeper.advance(10).catch((error: unknown) => String(error));
    const stopped = keeper.stop();
    open();
    await stopped;
    expect(await move).toContain("the server is stopping");
    expect(list.done).toEqual([[startAt + 5, startAt + 5]]);
    expect(kept).toEqual([standing(startAt + 6)]);
    expect(failures).toEqual([]);
  });
});

test("backwards nothing is due", async () => {
  const { keeper, list } = over(startAt - 50, startAt - 500);
  await keeper.set(startAt - 100);
  expect(list.done).toEqual([]);
  expect(clock.now()).toBe(startAt - 100);
});

test("out of range, back by advance, and rates that are none are refused with nothing changed", async () => {
  const { keeper } = over();
  const announced: string[] = [];
  const announce = async (): Promise<void> => void announced.push("called");
  for (const refused of [
    keeper.set(-1, announce),
    keeper.set(latestBusinessAt + 1, announce),
    keeper.advance(-1, announce),
    keeper.advance(Number.NaN, announce),
    keeper.advance(latestBusinessAt, announce),
    keeper.run(0, announce),
    keeper.run(rateMax + 1, announce),
    keeper.run(Number.NaN, announce),
  ]) {
    await expect(refused).rejects.toThrow(RangeError);
  }
  expect([announced, kept, clock.now()]).toEqual([[], [], startAt]);
});

describe("modes", () => {
  test("freeze stands where it is, with what is due up to there done", async () => {
    clock.follow();
    const { keeper, list } = over(wallAt - 5, wallAt + 5);
    await keeper.freeze();
    wallAt += 1_000;
    expect(clock.now()).toBe(5_000_000);
    expect(list.done).toEqual([[5_000_000 - 5, 5_000_000]]);
    expect(kept).toEqual([standing(5_000_000)]);
  });

  test("run goes on from where it is at the rate, and stands at the end of time", async () => {
    const { keeper } = over();
    await keeper.run(60);
    expect(kept).toEqual([{ mode: "running", rate: 60, at: startAt, wallAt: 5_000_000 }]);
    wallAt += 1_001;
    expect(clock.now()).toBe(startAt + 60_060);
    await keeper.run(0.5);
    wallAt += 1_001;
    expect(clock.now()).toBe(startAt + 60_060 + 500);
    await keeper.run(rateMax);
    wallAt += 1_000 * 365 * 86_400_000;
    expect(clock.now()).toBe(latestBusinessAt);
  });

  test("follow goes through everything up to the wall clock", async () => {
    const { keeper, list } = over(startAt + 5, 4_000_000, 6_000_000);
    await keeper.follow();
    expect(list.done).toEqual([
      [startAt + 5, startAt + 5],
      [4_000_000, 4_000_000],
    ]);
    wallAt += 7;
    expect(clock.now()).toBe(wallAt);
    expect(kept).toEqual([{ mode: "following" }]);
  });

  test("follow back to the wall clock does nothing due", async () => {
    clock.set(9_000_000);
    const { keeper, list } = over(6_000_000);
    await keeper.follow();
    expect([list.done, clock.now()]).toEqual([[], 5_000_000]);
  });
});

describe("turns of the timer", () => {
  test.each([1, 300])(
    "go through what is due by now in order, a bounded part at a time: %i together",
    async (together) => {
      const { keeper, list } = over();
      const many = Array.from({ length: 450 }, (_, index) => startAt + 450 - index);
      const { keeper: busy, list: long } = over(...many);
      long.together = together;
      await keeper.run(1_000);
      wallAt += 1;
      expect(await keeper.turn()).toBe(true);
      const turns = [await busy.turn(), await busy.turn(), await busy.turn()];
      expect(turns).toEqual([false, false, true]);
      expect(long.done.map(([at]) => at)).toEqual(many.toSorted((a, b) => a - b));
      expect(list.done).toEqual([]);
    },
  );

  test("what fails is told, and does not hold up what comes after it", async () => {
    const { keeper, list } = over(startAt - 9, startAt - 8, startAt - 7);
    list.failing.add(startAt - 8);
    expect(await keeper.turn()).toBe(true);
    expect(failures.map(String).join()).toContain(`no luck with ${startAt - 8}`);
    expect(list.done.map(([at]) => at - startAt)).toEqual([-9, -7]);
  });

  test("runDue does everything, after the moves under way", async () => {
    const { keeper, list } = over(...Array.from({ length: 450 }, (_, index) => startAt + index));
    void keeper.advance(1_000);
    await keeper.runDue();
    expect(list.done).toHaveLength(450);
    expect(clock.now()).toBe(startAt + 1_000);
  });
});
