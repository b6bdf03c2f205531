/** When commits are taken to fail, what is said of it, and when that ends. */
import { pino } from "pino";
import { expect, test } from "vitest";
import { commitHealth } from "../../src/commitHealth.ts";
import type { CommitTold } from "../../src/store/store.ts";

function start() {
  const said: string[] = [];
  const log = pino({ level: "warn", base: null, timestamp: false }, { write: (line: string) => said.push(line) });
  let commit: (commit: CommitTold) => void = () => {};
  let now = 1_000;
  const store = {
    onCommit: (listener: typeof commit) => {
      commit = listener;
    },
  };
  const health = commitHealth(store, log, () => now);
  return {
    ...{ health, said },
    pass: (ms: number) => {
      now += ms;
    },
    stored: () => commit({ units: 1, ms: 1, isStored: true }),
    failed: (why: string) => commit({ units: 1, ms: 1, isStored: false, why }),
  };
}

test("three in a row are an outage, told once; the next that is stored ends it, told once", () => {
  const { health, said, stored, failed } = start();
  failed("no room");
  failed("no room");
  stored();
  failed("no room");
  failed("no room");
  expect(health.outage()).toBeUndefined();
  expect(said).toEqual([]);
  failed("no room at all");
  failed("still no room");
  expect(health.outage()).toBe("still no room");
  stored();
  stored();
  expect(health.outage()).toBeUndefined();
  expect(said.map((line) => JSON.parse(line) as unknown)).toEqual([
    { level: 50, why: "no room at all", msg: expect.stringContaining("nothing can be stored") },
    { level: 40, failedCommits: 4, msg: "the store takes writes again" },
  ]);
});

test("without calls it is ready again after a while; the next that fails tells", () => {
  const { health, pass, failed } = start();
  for (let times = 0; times < 3; times += 1) failed("no room");
  pass(4_999);
  expect(health.outage()).toBe("no room");
  pass(1);
  expect(health.outage()).toBeUndefined();
  failed("no room");
  expect(health.outage()).toBe("no room");
});

test("whoever measures is told each commit, too", () => {
  const { health, stored, failed } = start();
  const told: boolean[] = [];
  health.onCommit(({ isStored }) => told.push(isStored));
  stored();
  failed("no room");
  expect(told).toEqual([true, false]);
});
