/**
 * Exports a ledger of some million records as Parquet, CSV and JSON lines, by the real server and the real command, reads
 * the files back and compares them with the ledger; then reconciles the CSV against the ledger. Prints the time, the peak
 * memory of both processes, and how long calls of the official SDK waited meanwhile, next to how long they wait without it.
 *
 *     node scripts/exportLarge.ts [--records 5000000] [--limit-mb 300] [--formats parquet,csv,jsonl] [--runs 1]
 *                                 [--data DIR] [--main FILE]
 *
 * `--data` is a folder of an earlier run, exported as it is; one that is not there yet is filled and left. `--main
 * dist/main.js` measures what is packed (`npm run build`); the program that runs from source takes some 60 MB more.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createReadStream, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { BatchMeterUsageCommand, MarketplaceMeteringClient } from "@aws-sdk/client-marketplace-metering";
import { parse } from "csv-parse";
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import { type FillJob, type FillMessage, openDataDir } from "../bench/fill.ts";
import { killAll, runJob, type Server, startMeterhouse } from "../bench/processes.ts";
import { cpuMicros } from "../bench/usage.ts";
import {
  buyerAccount,
  createWorkload,
  dimensionName,
  productCode,
  recordsPerPastHour,
  region,
  seller,
} from "../bench/workload.ts";
import { unguarded } from "../src/reports/csv.ts";
import { pagesOf } from "../src/reports/exportRecords.ts";
import { recordColumns, recordView } from "../src/reports/recordView.ts";

const everyMs = 50;
const buyers = 1_000;
/** Calls meanwhile meter the hours that are open; what is exported ends before them, and does not change. */
const workload = createWorkload(buyers, Date.now());
const toHourAt = (workload.openHours[0] ?? 0) * 3_600_000;
const time = ["--from", "2000-01-01T00:00:00Z", "--to", new Date(toHourAt).toISOString()];

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
    for await (const page of pagesOf(store.ledger, { toHourAt }))
      for (const record of page) yield { ...recordView(record) };
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

async function command(main: string, args: readonly string[], env: Readonly<Record<string, string>>): Promise<Run> {
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

/** Meters one record every 50 ms, with the official SDK, each in a commit of its own: what it waits, calls wait. */
function startProbe(endpoint: string): () => Promise<readonly number[]> {
  const client = new MarketplaceMeteringClient({ endpoint, region, credentials: seller, maxAttempts: 1 });
  const waits: number[] = [];
  const pick = (count: number): number => Math.floor(Math.random() * count);
  let isOn = true;
  const call = async (): Promise<void> => {
    const hour = workload.openHours[pick(workload.openHours.length - 1)] ?? 0;
    const record = {
      CustomerAWSAccountId: buyerAccount(pick(buyers)),
      Dimension: dimensionName(pick(workload.dimensions)),
      Quantity: 1,
      Timestamp: new Date(hour * 3_600_000),
    };
    const startedAt = performance.now();
    const answer = await client.send(new BatchMeterUsageCommand({ ProductCode: productCode, UsageRecords: [record] }));
    waits.push(performance.now() - startedAt);
    if ((answer.UnprocessedRecords?.length ?? 0) > 0) throw new Error("a record was left unprocessed");
  };
  const running = (async () => {
    while (isOn) {
      const startedAt = performance.now();
      await call();
      await new Promise((done) => setTimeout(done, Math.max(0, everyMs - (performance.now() - startedAt))));
    }
  })();
  return async () => {
    isOn = false;
    await running;
    client.destroy();
    return waits.sort((a, b) => a - b);
  };
}

const idleMs = 10_000;
/** A server is at rest when it takes less than this share of a processor, after what it does some seconds after a start. */
const restShare = 0.05;
const restAfterMs = 6_000;

/** What the same calls wait while nothing else is asked: what is left is the machine's. */
async function waitsIdle(endpoint: string): Promise<readonly number[]> {
  const end = startProbe(endpoint);
  await new Promise((done) => setTimeout(done, idleMs));
  return end();
}

async function atRest({ pid }: Server): Promise<void> {
  await new Promise((done) => setTimeout(done, restAfterMs));
  for (let before = cpuMicros(pid); ; ) {
    await new Promise((done) => setTimeout(done, 2_000));
    const now = cpuMicros(pid);
    if (now - before < restShare * 2e6) return;
    before = now;
  }
}

function spread(waits: readonly number[]): string {
  const [p50, p99, most] = [0.5, 0.99, 1].map((part) => (waits[Math.floor((waits.length - 1) * part)] ?? 0).toFixed(1));
  return `p50 ${p50} ms, p99 ${p99} ms, max ${most} ms (${waits.length} calls)`;
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
  readonly main: string;
  /** For the files. */
  readonly root: string;
  readonly dataDir: string;
  readonly limitBytes: number;
}

/** A server of its own: a peak cannot be put back. */
async function measure(
  { main, root, dataDir, limitBytes }: Wanted,
  format: Format,
  expected: Digest,
): Promise<boolean> {
  const server = await startMeterhouse(dataDir, [], [], main);
  await atRest(server);
  const url = `http://127.0.0.1:${server.port}`;
  const env = { METERHOUSE_URL: url, METERHOUSE_DATA: dataDir };
  const file = join(root, `usage.${format}`);
  const idleWaits = await waitsIdle(url);
  const idle = peakBytes(server.pid);
  const endProbe = startProbe(url);
  const cpuBefore = cpuMicros(server.pid);
  const run = await command(main, ["usage", "export", "--output", file, ...time], env);
  const waits = await endProbe();
  const cpuSeconds = (cpuMicros(server.pid) - cpuBefore) / 1e6;
  const peak = peakBytes(server.pid);
  const got = await digest(readers[format](file));
  const isEqual = got.sha256 === expected.sha256;
  let isGood = isEqual && peak <= limitBytes && run.peak <= limitBytes;
  print(
    `${format}: ${run.seconds.toFixed(1)} s (${cpuSeconds.toFixed(1)} s of CPU), ${mb(statSync(file).size)}; ` +
      `peak of the server ${mb(peak)} (${mb(idle)} before), of the command ${mb(run.peak)}; ` +
      `${isEqual ? "read back equal" : "NOT EQUAL"}\n` +
      `  BatchMeterUsage before: ${spread(idleWaits)}\n  BatchMeterUsage during: ${spread(waits)}`,
  );
  if (format === "csv") {
    const compared = await command(main, ["usage", "reconcile", file, "--json", ...time], env);
    const { equal, missing, extra, different } = JSON.parse(compared.stdout) as Record<string, number>;
    isGood &&= equal === expected.count && compared.peak <= limitBytes;
    print(
      `reconcile: ${compared.seconds.toFixed(1)} s; peak of the command ${mb(compared.peak)}; ` +
        `equal ${equal}, missing ${missing}, extra ${extra}, different ${different}`,
    );
  }
  await server.stop();
  rmSync(file);
  return isGood;
}

/** Over a folder it has not seen, a server sums up what is there once: that is not the export's, and is told by itself. */
async function settle({ main, dataDir }: Wanted): Promise<void> {
  const server = await startMeterhouse(dataDir, [], [], main);
  await atRest(server);
  print(`first start: peak of the server ${mb(peakBytes(server.pid))}; load average ${loadavg()[0]?.toFixed(1)}`);
  await server.stop();
}

const { values } = parseArgs({
  options: {
    records: { type: "string", default: "5000000" },
    "limit-mb": { type: "string", default: "300" },
    formats: { type: "string", default: Object.keys(readers).join() },
    runs: { type: "string", default: "1" },
    data: { type: "string" },
    main: { type: "string", default: fileURLToPath(new URL("../src/main.ts", import.meta.url)) },
  },
});
const root = mkdtempSync(join(tmpdir(), "meterhouse-export-"));
process.once("exit", killAll);
try {
  const formats = values.formats.split(",").filter((name): name is Format => name in readers);
  const dataDir = resolve(values.data ?? join(root, "data"));
  if (!existsSync(join(dataDir, "meterhouse.db"))) await filled(dataDir, Number(values.records));
  const wanted = { main: resolve(values.main), root, dataDir, limitBytes: Number(values["limit-mb"]) * 1e6 };
  await settle(wanted);
  const expected = await digest(fromLedger(dataDir));
  print(`ledger: ${expected.count} records, sha256 ${expected.sha256}`);
  let isGood = expected.count > 0;
  for (let run = 0; run < Number(values.runs); run += 1) {
    for (const format of formats) isGood = (await measure(wanted, format, expected)) && isGood;
  }
  print(isGood ? "all is well" : "FAILED: see above");
  process.exitCode = isGood ? 0 : 1;
} finally {
  rmSync(root, { recursive: true, force: true });
}
