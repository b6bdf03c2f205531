/** What a server takes, looked at from outside: memory, open files, files on disk, and how late its event loop is. */
import { readdirSync, statSync } from "node:fs";
import { residentBytes } from "../../bench/usage.ts";
import type { Place } from "../../test/support/serverProcess.ts";
import type { Series } from "./verdict.ts";

export interface Sample {
  readonly residentBytes: number;
  readonly heapBytes: number;
  /** 0 where /proc does not tell. */
  readonly handles: number;
  readonly walBytes: number;
  readonly dataBytes: number;
  /** Calls of the service plane since the start. */
  readonly calls: number;
  readonly loopDelaySeconds: number;
}

export async function takeSample(pid: number, place: Place, metrics: () => Promise<string>): Promise<Sample> {
  const text = await metrics();
  return {
    residentBytes: residentBytes(pid),
    heapBytes: metricOf(text, "nodejs_heap_size_used_bytes"),
    handles: openFiles(pid),
    walBytes: sizeOf(place.walFile),
    dataBytes: sizeOf(place.dataFile),
    calls: metricSumOf(text, "meterhouse_calls_total"),
    loopDelaySeconds: metricOf(text, "meterhouse_event_loop_delay_p99_seconds"),
  };
}

function openFiles(pid: number): number {
  return process.platform === "linux" ? readdirSync(`/proc/${pid}/fd`).length : 0;
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

/** Of a metric without labels. */
export function metricOf(text: string, name: string): number {
  const found = new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1];
  if (found === undefined) throw new Error(`The server has no metric ${name}.`);
  return Number(found);
}

/** Of a metric over all its labels; 0 where none has been counted. */
export function metricSumOf(text: string, name: string): number {
  return [...text.matchAll(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, "gm"))].reduce(
    (sum, [, value]) => sum + Number(value),
    0,
  );
}

const mib = 2 ** 20;

/** What is judged. The data file grows with what it keeps, so it is judged by what each call adds to it. */
export function seriesOf(samples: readonly Sample[]): readonly Series[] {
  const of = (value: (sample: Sample) => number): readonly number[] => samples.map(value);
  return [
    {
      ...{ name: "resident memory", unit: "MiB", growthMax: 16, growthShareMax: 0.08 },
      values: of(({ residentBytes: bytes }) => bytes / mib),
    },
    {
      ...{ name: "heap in use", unit: "MiB", growthMax: 16, growthShareMax: 0.15 },
      values: of(({ heapBytes }) => heapBytes / mib),
    },
    // An export and the doctor have some six files open each while they are at it, and take longer as there is more to read.
    {
      name: "open files and sockets",
      unit: "",
      growthMax: 12,
      growthShareMax: 0,
      values: of(({ handles }) => handles),
    },
    {
      ...{ name: "write-ahead log", unit: "MiB", growthMax: 16, growthShareMax: 0.1 },
      values: of(({ walBytes }) => walBytes / mib),
    },
    {
      ...{ name: "data file and log, a call", unit: "B", growthMax: 64, growthShareMax: 0.05 },
      values: of(({ dataBytes, walBytes, calls }) => (dataBytes + walBytes) / Math.max(1, calls)),
    },
    {
      ...{ name: "event loop delay, p99", unit: "ms", growthMax: 100, growthShareMax: 0.25 },
      values: of(({ loopDelaySeconds }) => loopDelaySeconds * 1_000),
    },
  ];
}
