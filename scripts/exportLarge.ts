/**
 * Exports a ledger of some million records as Parquet, CSV and JSON lines, by the real server and the real command, reads
 * the files back and compares them with the ledger; then reconciles the CSV against the ledger. Prints the time, the peak
 * memory of both processes, and how long the server kept other requests waiting, next to how long they wait without it.
 *
 *     node scripts/exportLarge.ts [--records 5000000] [--limit-mb 300] [--formats parquet,csv,jsonl] [--data DIR]
 *
 * `--data` is a data folder that no server has open, exported as it is; else one is filled.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createReadStream, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { parse } from "csv-parse";
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import { type FillJob, type FillMessage, openDataDir } from "../bench/fill.ts";
import { killAll, runJob, startMeterhouse } from "../bench/processes.ts";
import { recordsPerPastHour } from "../bench/workload.ts";
import { unguarded } from "../src/reports/csv.ts";
import { pagesOf } from "../src/reports/exportRecords.ts";
import { recordColumns, recordView } from "../src/reports/recordView.ts";

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));
const everyMs = 50;
const buyers = 1_000;

/** The same text for the same record, whatever file it came from. */
function lineOf(row: Readonly<Record<string, unknown>>): string {
  const cells = recordColumns.map((name) => {
    const value = row[name];
    if (value instanceof Date) return value.toISOString();
    return value === undefined || value === null
      ? ""
      : typeof value === "object"
        ? JSON.stringify(value)
        : String(value);
  });
  return `${JSON.stringify(cells)}\n`;
}

interface Digest {
  readonly count: number;
  readonly sha256: string;
}

async function digest(rows: AsyncIterable<Readonly<Record<string, unknown>>>): Promise<Digest> {
  const hash = createHash("sha256");
  let count = 0;
  for await (const row of rows) {
    hash.update(lineOf(row));
    count += 1;
  }
  return { count, sha256: hash.digest("hex") };
}

async function* fromLedger(dataDir: string): AsyncIterable<Readonly<Record<string, unknown>>> {
  const store = openDataDir(dataDir);
  try {
    for await (const page of pagesOf(store.ledger, {})) for (const record of page) yield { ...recordView(record) };
  } finally {
    await store.close();
  }
}

async function* fromCsv(file: string): AsyncIterable<Readonly<Record<string, unknown>>> {
  let head: readonly string[] | undefined;
  for await (const fields of createReadStream(file).pipe(parse()) as AsyncIterable<string[]>) {
    if (head === undefined) head = fields;
    else yield Object.fromEntries(head.map((name, place) => [name, unguarded(fields[place] ?? "")]));
  }
}

async function* fromParquet(name: string): AsyncIterable<Readonly<Record<string, unknown>>> {
  const file = await asyncBufferFromFile(name);
  const metadata = await parquetMetadataAsync(file);
  let rowStart = 0;
  for (const group of metadata.row_groups) {
    const rowEnd = rowStart + Number(group.num_rows);
    yield* await parquetReadObjects({ file, metadata, rowStart, rowEnd });
    rowStart = rowEnd;
  }
}

async function* fromJsonLines(file: string): AsyncIterable<Readonly<Record<string, unknown>>> {
  let rest = "";
  for await (const text of createReadStream(file, "utf8")) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) yield JSON.parse(line) as Record<string, unknown>;
  }
}

/** Peak resident memory in bytes; 0 where /proc does not tell, or the process is gone. */
function peakBytes(pid: number): number {
  try {
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) * 1_024;
  } catch {
    return 0;
  }
}

interface Run {
  readonly seconds: number;
  readonly peak: number;
  readonly stdout: string;
}

async function command(args: readonly string[], env: Readonly<Record<string, string>>): Promise<Run> {
  const startedAt = performance.now();
  const child = spawn(process.execPath, [main, ...args], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let stdout = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  let peak = 0;
  const watch = setInterval(() => {
    peak = Math.max(peak, peakBytes(child.pid ?? 0));
  }, everyMs);
  const [code] = (await once(child, "close")) as [number];
  clearInterval(watch);
  if (code !== 0) throw new Error(`meterhouse ${args.join(" ")} ended with code ${code}`);
  return { seconds: (performance.now() - startedAt) / 1_000, peak, stdout };
}

/** Asks for something small again and again: what it waits is what the server was busy with. */
function startProbe(url: string): () => Promise<readonly number[]> {
  const waits: number[] = [];
  let isOn = true;
  const running = (async () => {
    while (isOn) {
      const startedAt = performance.now();
      await (await fetch(url)).arrayBuffer();
      waits.push(performance.now() - startedAt);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  })();
  return async () => {
    isOn = false;
    await running;
    return waits.sort((a, b) => a - b);
  };
}

const idleMs = 5_000;

/** What the same requests wait while nothing else is asked: what is left is the machine's. */
async function waitsIdle(url: string): Promise<readonly number[]> {
  const end = startProbe(url);
  await new Promise((resolve) => setTimeout(resolve, idleMs));
  return end();
}

function spread(waits: readonly number[]): string {
  const [p50, p99, most] = [0.5, 0.99, 1].map((part) => (waits[Math.floor((waits.length - 1) * part)] ?? 0).toFixed(1));
  return `p50 ${p50} ms, p99 ${p99} ms, most ${most} ms`;
}

const mb = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`;

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

const readers = { parquet: fromParquet, csv: fromCsv, jsonl: fromJsonLines };
type Format = keyof typeof readers;

async function filled(dataDir: string, wanted: number): Promise<string> {
  const records = Math.ceil(wanted / recordsPerPastHour) * recordsPerPastHour;
  const job: FillJob = { dataDir, buyers, nowMs: Date.now(), from: 0, to: records, most: records };
  await runJob<FillMessage, number>("fill.ts", job, (message) =>
    message.kind === "done" ? message.records : undefined,
  );
  return dataDir;
}

interface Wanted {
  /** For the files. */
  readonly root: string;
  readonly dataDir: string;
  readonly formats: readonly Format[];
  readonly limitBytes: number;
}

async function measure({ root, dataDir, formats, limitBytes }: Wanted): Promise<boolean> {
  const expected = await digest(fromLedger(dataDir));
  print(`ledger: ${expected.count} records, sha256 ${expected.sha256}`);
  let isGood = expected.count > 0;
  for (const format of formats) {
    // A server of its own for each: a peak cannot be put back.
    const server = await startMeterhouse(dataDir, []);
    const url = `http://127.0.0.1:${server.port}`;
    const env = { METERHOUSE_URL: url, METERHOUSE_DATA: dataDir };
    const idle = peakBytes(server.pid);
    const file = join(root, `usage.${format}`);
    const idleWaits = await waitsIdle(`${url}/healthz`);
    const endProbe = startProbe(`${url}/healthz`);
    const run = await command(["usage", "export", "--output", file], env);
    const waits = await endProbe();
    const peak = peakBytes(server.pid);
    const got = await digest(readers[format](file));
    const isEqual = got.sha256 === expected.sha256;
    const isBounded = peak <= limitBytes && run.peak <= limitBytes;
    isGood &&= isEqual && isBounded;
    print(
      `${format}: ${run.seconds.toFixed(1)} s, ${mb(statSync(file).size)}; peak of the server ${mb(peak)} (idle ${mb(idle)}), ` +
        `of the command ${mb(run.peak)}; ${isEqual ? "read back equal" : "NOT EQUAL"}; ` +
        `other requests waited ${spread(waits)} (before it ${spread(idleWaits)})`,
    );
    if (format === "csv") {
      const compared = await command(["usage", "reconcile", file, "--json"], env);
      const { equal, missing, extra, different } = JSON.parse(compared.stdout) as Record<string, number>;
      isGood &&= equal === expected.count && compared.peak <= limitBytes;
      print(
        `reconcile: ${compared.seconds.toFixed(1)} s; peak of the command ${mb(compared.peak)}; ` +
          `equal ${equal}, missing ${missing}, extra ${extra}, different ${different}`,
      );
    }
    await server.stop();
    rmSync(file);
  }
  return isGood;
}

const { values } = parseArgs({
  options: {
    records: { type: "string", default: "5000000" },
    "limit-mb": { type: "string", default: "300" },
    formats: { type: "string", default: Object.keys(readers).join() },
    data: { type: "string" },
  },
});
const root = mkdtempSync(join(tmpdir(), "meterhouse-export-"));
process.once("exit", killAll);
try {
  const formats = values.formats.split(",").filter((name): name is Format => name in readers);
  const dataDir = values.data ?? (await filled(join(root, "data"), Number(values.records)));
  const isGood = await measure({ root, dataDir, formats, limitBytes: Number(values["limit-mb"]) * 1e6 });
  print(isGood ? "all is well" : "FAILED: see above");
  process.exitCode = isGood ? 0 : 1;
} finally {
  rmSync(root, { recursive: true, force: true });
}
