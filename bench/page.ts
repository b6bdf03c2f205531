/** The parts of docs/performance.md that come from results: tables, and the plot beside the page's text. */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { withSection } from "../scripts/torture/record.ts";
import { type Chart, chartsSvg } from "./plot.ts";
import { partNames } from "./profile.ts";
import { rowName, type StoreMeasurement } from "./report.ts";
import { type KeptResults, newestResults, storesOf } from "./results.ts";

const page = fileURLToPath(new URL("../docs/performance.md", import.meta.url));
const plot = fileURLToPath(new URL("../docs/images/performance.svg", import.meta.url));
/** What is aimed at on two cores. */
const recordsAimedAt = 150_000;

const grouped = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/** Draws page and plot anew from the newest results. Throws when there are none. */
export function drawPage(): void {
  const newest = newestResults();
  if (newest === undefined) throw new Error("No results are kept yet; npm run bench -- --record makes some.");
  const { name, results } = newest;
  writeFileSync(plot, chartsSvg(chartsOf(results)));
  const text = withSection(readFileSync(page, "utf8"), "results", resultsText(name, results));
  writeFileSync(page, withSection(text, "parts", partsText(results)));
}

function resultsText(name: string, results: KeptResults): string {
  const { machine, run, bare, moto, version } = results;
  const stores = storesOf(results);
  const rows = [
    ["bare `node:http`", grouped.format(bare.requestsPerSecond), "", "1", ...figures(bare), ""],
    ...stores.map(([key, store]) => [
      rowName(key),
      grouped.format(store.requestsPerSecond),
      grouped.format(store.recordsPerSecond),
      store.ratio.toFixed(3),
      ...figures(store),
      store.fileBytesPerRecord?.toFixed(1) ?? "",
    ]),
    ...(moto === undefined
      ? []
      : [[`moto ${moto.version}`, grouped.format(moto.requestsPerSecond), "", "", ...figures(moto), ""]]),
  ];
  const head = ["", "requests/s", "records/s", "of bare", "CPU µs", "p50 ms", "p99 ms", "alone ms", "MiB", "B/record"];
  const two = stores.find(([key]) => key === "twoProcesses")?.[1].timesOne;
  return [
    "",
    `${machine.date.slice(0, 10)}, Meterhouse ${version} on ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB; ${machine.system}; ` +
      `Node ${machine.node}, SQLite ${machine.sqlite}; a 4 KiB fsync takes ${machine.fsyncMicros} µs; load average before the run ${machine.loadAverage}. ` +
      `${run.connections} connections, ${run.seconds} s each, 25 records a request. All of it: [${name}](../bench/results/${name}).`,
    "",
    ...table(head, rows),
    ...(two === undefined ? [] : ["", `Two processes over PostgreSQL answer ${two.toFixed(2)} times as much as one.`]),
    "",
    "![Records a second, and where the time of a call goes](images/performance.svg)",
    "",
  ].join("\n");
}

function figures(one: Omit<StoreMeasurement, "ratio" | "recordsPerSecond" | "recordsHeld" | "startMs">): string[] {
  const database = one.databaseCpuMicrosPerRequest;
  const cpu = one.cpuMicrosPerRequest.toFixed(0);
  return [
    database === undefined ? cpu : `${cpu} + ${database.toFixed(0)}`,
    one.p50Ms.toFixed(2),
    one.p99Ms.toFixed(2),
    one.singleP50Ms.toFixed(2),
    String(one.residentMiB),
  ];
}

function partsText(results: KeptResults): string {
  const micros = partMicros(results);
  if (micros.length === 0) return "\nThe newest results have no profile.\n";
  const sum = micros.reduce((total, [, value]) => total + value, 0);
  const rows = micros.map(([name, value]) => [name, value.toFixed(1), `${((100 * value) / sum).toFixed(0)} %`]);
  return ["", ...table(["Part", "µs a request", ""], [...rows, ["together", sum.toFixed(1), ""]]), ""].join("\n");
}

/** Of the whole embedded server: what it takes more than without its store is the store's. */
function partMicros(results: KeptResults): readonly (readonly [string, number])[] {
  const { parts } = results;
  if (parts === undefined) return [];
  const stores = new Map(storesOf(results));
  const storeless = stores.get("withoutStore")?.cpuMicrosPerRequest ?? 0;
  const store = (stores.get("embedded")?.cpuMicrosPerRequest ?? storeless) - storeless;
  return [...partNames.map((name) => [name, parts[name] ?? 0] as const), ["store, embedded", Math.max(0, store)]];
}

function chartsOf(results: KeptResults): readonly Chart[] {
  const rates = storesOf(results).map(([key, store]) => ({
    label: rowName(key),
    value: store.recordsPerSecond,
    text: `${grouped.format(store.recordsPerSecond)} (${store.ratio.toFixed(2)} of bare)`,
    isOther: key === "withoutStore",
  }));
  const micros = partMicros(results).map(([label, value]) => ({ label, value, text: `${value.toFixed(1)} µs` }));
  return [
    {
      title: "Records a second, each durable before its answer; the last keeps nothing",
      bars: rates,
      marks: [{ value: recordsAimedAt, label: `${grouped.format(recordsAimedAt)}: aim of the embedded store` }],
    },
    ...(micros.length === 0 ? [] : [{ title: "Where the CPU time of a call of 25 records goes, µs", bars: micros }]),
  ];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), `|${head.map((_, column) => (column === 0 ? "---" : "---:")).join("|")}|`, ...rows.map(line)];
}
