/** The short tier of `npm run soak`: a few seconds with everything on, and what its verdict makes of series. */
import { expect, test } from "vitest";
import { type Sample, seriesOf } from "../scripts/soak/sampler.ts";
import { soak, verdictTable } from "../scripts/soak/soak.ts";
import { slopeOf, verdictOf } from "../scripts/soak/verdict.ts";

const series = { name: "memory", unit: "MiB", growthMax: 10, growthShareMax: 0.05 };
const times = Array.from({ length: 60 }, (_, index) => index);

test("a series is level when its second half does not grow by more than it may", () => {
  const warming = times.map((at) => Math.min(300, 100 + at * 10));
  expect(verdictOf({ ...series, values: warming })).toMatchObject({
    ...{ first: 100, median: 300, highest: 300, last: 300, growth: 0, growthMax: 15, isLevel: true },
  });
  const sawtooth = times.map((at) => 200 + (at % 5) * 20);
  expect(verdictOf({ ...series, values: sawtooth }).isLevel).toBe(true);
  const shrinking = times.map((at) => 500 - at * 5);
  expect(verdictOf({ ...series, values: shrinking })).toMatchObject({ growth: -145, isLevel: true });
});

test("a leak is seen, also under what comes and goes", () => {
  const leak = times.map((at) => 200 + at);
  expect(verdictOf({ ...series, values: leak })).toMatchObject({ growth: 29, isLevel: false });
  const spiky = times.map((at) => 200 + at + (at % 7 === 0 ? 150 : 0));
  expect(verdictOf({ ...series, values: spiky }).isLevel).toBe(false);
  const spikesAlone = times.map((at) => 200 + (at % 7 === 0 ? 150 : 0));
  expect(verdictOf({ ...series, values: spikesAlone })).toMatchObject({ growth: 0, isLevel: true });
  expect(slopeOf([1, 3, 5, 7])).toBe(2);
  expect(() => verdictOf({ ...series, values: [1, 2, 3, 4] })).toThrow("4 samples of memory are too few");
});

test("each of what is watched is judged: one that leaks is named, and no other", () => {
  const level: Sample = {
    ...{ residentBytes: 3e8, heapBytes: 6e7, handles: 50, walBytes: 6e7, dataBytes: 5e8, calls: 100_000 },
    loopDelaySeconds: 0.02,
  };
  const judged = (at: (index: number) => Partial<Sample>) =>
    seriesOf(times.map((index) => ({ ...level, ...at(index) })))
      .map(verdictOf)
      .filter(({ isLevel }) => !isLevel)
      .map(({ name }) => name);
  expect(judged(() => ({}))).toEqual([]);
  expect(judged((at) => ({ residentBytes: level.residentBytes + at * 4e6 }))).toEqual(["resident memory"]);
  expect(judged((at) => ({ heapBytes: level.heapBytes + at * 4e6 }))).toEqual(["heap in use"]);
  expect(judged((at) => ({ handles: level.handles + at }))).toEqual(["open files and sockets"]);
  expect(judged((at) => ({ dataBytes: 5_000 * 1_000 * at, calls: 1_000 * at }))).toEqual([]);
  expect(judged((at) => ({ loopDelaySeconds: 0.02 + at / 200 }))).toEqual(["event loop delay, p99"]);
});

test("a few seconds with everything on: no call fails, nothing is said, everything is done", {
  timeout: 90_000,
}, async () => {
  const { done, faults, samples, verdicts, stderr } = await soak({
    ...{ seconds: 4, sampleEveryMs: 500, callsPerSecond: 20, haste: 15 },
    tell: () => {},
  });
  expect(faults).toEqual([]);
  expect(stderr).toBe("");
  expect(samples).toHaveLength(8);
  for (const sample of samples) expect(sample.residentBytes).toBeGreaterThan(0);
  expect(samples.at(-1)?.calls).toBeGreaterThan(0);
  expect(Object.keys(done).sort()).toEqual([
    "BatchMeterUsage",
    "announcements",
    "diagnoses of the doctor",
    "exports as CSV",
    "exports as Parquet",
    "moves of the clock",
    "notifications received",
    "pages of calls",
    "pages of records",
    "pieces of live streams",
    "summaries of calls",
    "sums of usage",
    "workloads run, registered and stopped",
  ]);
  expect(verdictTable(verdicts).split("\n")).toHaveLength(2 + verdicts.length);
});
