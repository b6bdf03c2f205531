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
  /** Of a database beside the server; absent where there is none. */
  readonly databaseCpuMicrosPerRequest?: number;
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
  /** Of two processes: their requests a second by those of one over the same store. */
  readonly timesOne?: number;
}

export interface Report {
  readonly bare: Measurement;
  /** By key: `embedded`, `embeddedAt1M`, …, `postgres`, `twoProcesses`, `withoutStore`. */
  readonly stores: Readonly<Record<string, StoreMeasurement>>;
  readonly moto?: Measurement & { readonly version: string };
  readonly machine: Machine;
  readonly run: {
    readonly connections: number;
    readonly seconds: number;
    readonly buyers: number;
    readonly mixedHours: boolean;
  };
  /** A measurement ended early because its usage keys were used up. */
  readonly cutShort: readonly string[];
  /** Why something was not measured. */
  readonly skipped: readonly string[];
}

export function reportJson({ bare, stores, moto, machine, run, cutShort, skipped }: Report): object {
  return {
    bare,
    ...stores,
    ...(moto === undefined ? {} : { moto }),
    run,
    machine,
    ...(cutShort.length === 0 ? {} : { cutShort }),
    ...(skipped.length === 0 ? {} : { skipped }),
  };
}

/** `1M`, `100k`: as it stands in keys. */
export function countLabel(count: number): string {
  if (count >= 1e6) return `${count / 1e6}M`;
  return count >= 1e3 ? `${count / 1e3}k` : String(count);
}

const grouped = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

export function tableText({ bare, stores, moto, machine, run, cutShort, skipped }: Report): string {
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
  const rows = [
    plainRow("bare node:http", bare),
    ...Object.entries(stores).map(([key, store]) => storeRow(rowName(key), store)),
    ...(moto === undefined ? [] : [plainRow(`moto ${moto.version}`, moto)]),
  ];
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
  for (const why of skipped) lines.push("", why);
  const two = stores.twoProcesses?.timesOne;
  if (two !== undefined) lines.push("", `Two processes answer ${two.toFixed(2)} times as much as one over PostgreSQL.`);
  return lines.join("\n");
}

const rowNames: Readonly<Record<string, string>> = {
  embedded: "Meterhouse, empty",
  postgres: "Meterhouse, PostgreSQL",
  twoProcesses: "two processes, PostgreSQL",
  withoutStore: "Meterhouse without its store",
};

/** What a measurement is called in tables, by its key. */
export function rowName(key: string): string {
  return rowNames[key] ?? `Meterhouse, ${key.replace("embeddedAt", "")} held`;
}

function commonCells(measurement: Measurement): readonly string[] {
  return [
    measurement.databaseCpuMicrosPerRequest === undefined
      ? measurement.cpuMicrosPerRequest.toFixed(1)
      : `${measurement.cpuMicrosPerRequest.toFixed(0)}+${measurement.databaseCpuMicrosPerRequest.toFixed(0)}`,
    measurement.clientCpuMicrosPerRequest.toFixed(1),
    measurement.p50Ms.toFixed(2),
    measurement.p99Ms.toFixed(2),
    measurement.maxMs.toFixed(0),
    measurement.singleP50Ms.toFixed(2),
    measurement.residentMiB.toFixed(0),
  ];
}

function plainRow(name: string, measurement: Measurement): readonly string[] {
  return [name, grouped.format(measurement.requestsPerSecond), "–", "–", ...commonCells(measurement), "–", "–"];
}

function storeRow(name: string, store: StoreMeasurement): readonly string[] {
  return [
    name,
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
