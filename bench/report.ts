/** What a run found, as a table for people and as one line of JSON for programs. */
import type { Machine } from "./machine.ts";

export interface Measurement {
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** Server's CPU time, all threads. */
  readonly cpuMicrosPerRequest: number;
  readonly clientCpuMicrosPerRequest: number;
  /** One connection, one request at a time. */
  readonly singleP50Ms: number;
  /** Server's resident memory when the load had ended. */
  readonly residentMiB: number;
}

export interface StoreMeasurement extends Measurement {
  readonly recordsPerSecond: number;
  /** Of the bare server's requests a second, in the same run. */
  readonly ratio: number;
  /** When the load began. */
  readonly recordsHeld: number;
  /** Until the ready line. */
  readonly startMs: number;
  /** Of the whole data file, per record, before the load; absent while there are none. */
  readonly fileBytesPerRecord?: number;
}

export interface Report {
  readonly bare: Measurement;
  /** By key: `embedded`, `embeddedAt1M`, … */
  readonly stores: Readonly<Record<string, StoreMeasurement>>;
  readonly machine: Machine;
  readonly run: {
    readonly connections: number;
    readonly seconds: number;
    readonly buyers: number;
    readonly mixedHours: boolean;
  };
  /** A measurement ended early because its usage keys were used up. */
  readonly cutShort: readonly string[];
}

export function jsonLine({ bare, stores, machine, run, cutShort }: Report): string {
  return JSON.stringify({ bare, ...stores, run, machine, ...(cutShort.length === 0 ? {} : { cutShort }) });
}

/** `1M`, `100k`: as it stands in keys. */
export function countLabel(count: number): string {
  if (count >= 1e6) return `${count / 1e6}M`;
  return count >= 1e3 ? `${count / 1e3}k` : String(count);
}

const grouped = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

export function tableText({ bare, stores, machine, run, cutShort }: Report): string {
  const head = [
    "",
    "requests/s",
    "records/s",
    "of bare",
    "CPU µs",
    "client µs",
    "p50 ms",
    "p99 ms",
    "max ms",
    "alone ms",
  ];
  head.push("memory MiB", "start ms", "B/record");
  const rows = [bareRow(bare), ...Object.values(stores).map((store) => storeRow(store))];
  const lines = [
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB; ${machine.system}; Node ${machine.node}, SQLite ${machine.sqlite}`,
    `${run.connections} connections, ${run.seconds} s each, 25 records a request, ${grouped.format(run.buyers)} buyers${run.mixedHours ? ", hours mixed" : ""}; a 4 KiB fsync takes ${machine.fsyncMicros} µs; load before the run ${machine.loadAverage}`,
    "",
    columns([head, ...rows]),
  ];
  if (machine.isInMemory)
    lines.push("", "The data folder lies in memory (tmpfs): nothing was made durable. Give --dir.");
  for (const name of cutShort)
    lines.push("", `${name}: the usage keys were used up before the time was; give more --buyers or fewer --seconds.`);
  return lines.join("\n");
}

function commonCells(measurement: Measurement): readonly string[] {
  return [
    measurement.cpuMicrosPerRequest.toFixed(1),
    measurement.clientCpuMicrosPerRequest.toFixed(1),
    measurement.p50Ms.toFixed(2),
    measurement.p99Ms.toFixed(2),
    measurement.maxMs.toFixed(0),
    measurement.singleP50Ms.toFixed(2),
    measurement.residentMiB.toFixed(0),
  ];
}

function bareRow(bare: Measurement): readonly string[] {
  return ["bare node:http", grouped.format(bare.requestsPerSecond), "–", "–", ...commonCells(bare), "–", "–"];
}

function storeRow(store: StoreMeasurement): readonly string[] {
  return [
    store.recordsHeld === 0 ? "Meterhouse, empty" : `Meterhouse, ${countLabel(store.recordsHeld)} held`,
    grouped.format(store.requestsPerSecond),
    grouped.format(store.recordsPerSecond),
    store.ratio.toFixed(3),
    ...commonCells(store),
    store.startMs.toFixed(0),
    store.fileBytesPerRecord?.toFixed(1) ?? "–",
  ];
}

/** The first column to the left, numbers to the right. */
function columns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join("  "),
  );
  return [lines[0] ?? "", widths.map((width) => "─".repeat(width)).join("  "), ...lines.slice(1)].join("\n");
}
