/** `npm run bench`: how fast Meterhouse meters, beside a server that does nothing. bench/README.md tells how to read it. */
import { closeSync, copyFileSync, fsyncSync, mkdirSync, mkdtempSync, openSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import type { ClientJob, ClientMessage, ClientReport } from "./client.ts";
import { type FillJob, type FillMessage, openDataDir } from "./fill.ts";
import { describeMachine } from "./machine.ts";
import { killAll, runJob, type Server, startBare, startMeterhouse } from "./processes.ts";
import { countLabel, jsonLine, type Measurement, type StoreMeasurement, tableText } from "./report.ts";
import { residentBytes } from "./usage.ts";
import { createWorkload, recordsPerPastHour, recordsPerRequest, sampleAnswer } from "./workload.ts";

const help = `Measures Meterhouse with everything on (signatures, checks, audit, fsync; quotas off) beside a bare node:http server.

  --records 1M,5M     also with so many records held (rounded up to 5,000; "none" for none)
  --seconds 10        of each measurement
  --connections 64
  --buyers 20000      with an agreement on the one product
  --dir DIR           where the temporary data folder is made; its disk is what is measured (default: the system's)
  --mixed-hours       load of all open hours at once instead of one hour after the other
  --cpu-prof DIR      profiles of the measured servers
  --quick             a few seconds in all, 100k records: does it work?
  --json              one line of JSON instead of the table
`;

/** A measurement that took less of its time than this says so. */
const cutShortShare = 0.8;

interface Options {
  readonly records: readonly number[];
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly connections: number;
  readonly buyers: number;
  readonly mixedHours: boolean;
  readonly dir: string;
  readonly profileDir: string | undefined;
  readonly json: boolean;
}

function readOptions(): Options | undefined {
  const { values } = parseArgs({
    options: {
      records: { type: "string" },
      seconds: { type: "string" },
      connections: { type: "string" },
      buyers: { type: "string" },
      dir: { type: "string" },
      "mixed-hours": { type: "boolean", default: false },
      "cpu-prof": { type: "string" },
      quick: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  const { quick } = values;
  return {
    records: (values.records ?? (quick ? "100k" : "1M,5M"))
      .split(",")
      .filter((text) => text !== "none")
      .map((text) => Math.ceil(readCount(text, "--records") / recordsPerPastHour) * recordsPerPastHour)
      .sort((a, b) => a - b),
    seconds: values.seconds === undefined ? (quick ? 1 : 10) : readNumber(values.seconds, "--seconds"),
    warmUpSeconds: quick ? 0.5 : 3,
    connections: readCount(values.connections ?? "64", "--connections"),
    buyers: readCount(values.buyers ?? (quick ? "5000" : "20000"), "--buyers"),
    mixedHours: values["mixed-hours"],
    dir: resolve(values.dir ?? tmpdir()),
    profileDir: values["cpu-prof"] === undefined ? undefined : resolve(values["cpu-prof"]),
    json: values.json,
  };
}

function readNumber(text: string, option: string): number {
  const number = Number(text);
  if (!(number > 0)) throw new Error(`${option} takes a number above 0, not "${text}".`);
  return number;
}

/** `500`, `100k`, `5M`. */
function readCount(text: string, option: string): number {
  const [, digits, unit = ""] = /^(\d+(?:\.\d+)?)([kM]?)$/.exec(text) ?? [];
  const count = Number(digits) * (unit === "M" ? 1e6 : unit === "k" ? 1e3 : 1);
  if (!Number.isInteger(count) || count < 1)
    throw new Error(`${option} takes counts such as 500, 100k or 5M, not "${text}".`);
  return count;
}

/** One changing line on a terminal; nothing where stderr is kept. */
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

class Bench {
  readonly #options: Options;
  readonly #root: string;
  readonly #nowMs: number;
  readonly #cutShort: string[] = [];

  constructor(options: Options, root: string, nowMs: number) {
    this.#options = options;
    this.#root = root;
    this.#nowMs = nowMs;
  }

  async run(): Promise<string> {
    const { buyers, connections, seconds, mixedHours, records, json } = this.#options;
    const machine = describeMachine(this.#root);
    const bare = await this.#bare();
    const stores: Record<string, StoreMeasurement> = {};
    const dataDir = join(this.#root, "data");
    let held = 0;
    for (const count of [0, ...records]) {
      const key = count === 0 ? "embedded" : `embeddedAt${countLabel(count)}`;
      await this.#fill(dataDir, held, count);
      held = count;
      stores[key] = await this.#store(key, dataDir, count, bare);
    }
    progress("");
    const report = {
      bare,
      stores,
      machine,
      run: { connections, seconds, buyers, mixedHours },
      cutShort: this.#cutShort,
    };
    return json ? jsonLine(report) : tableText(report);
  }

  async #bare(): Promise<Measurement> {
    const server = await startBare(sampleAnswer(createWorkload(this.#options.buyers, this.#nowMs)));
    const { measurement } = await this.#load("bare", server, true);
    await server.stop();
    return measurement;
  }

  async #fill(dataDir: string, from: number, to: number): Promise<void> {
    const most = Math.max(0, ...this.#options.records);
    const job: FillJob = { dataDir, buyers: this.#options.buyers, nowMs: this.#nowMs, from, to, most };
    await runJob("fill.ts", job, (message: FillMessage) => {
      progress(`${countLabel(to)} records held: storing them, ${countLabel(message.records)} done`);
      return message.kind === "done" ? message.records : undefined;
    });
  }

  /** Measures a copy: the load's records must not be there when more history is filled in. */
  async #store(key: string, source: string, held: number, bare: Measurement): Promise<StoreMeasurement> {
    const dataDir = join(this.#root, "measured");
    const fileBytes = copyDataDir(source, dataDir);
    const { profileDir } = this.#options;
    const profiling =
      profileDir === undefined
        ? []
        : ["--cpu-prof", "--cpu-prof-dir", profileDir, "--cpu-prof-name", `${key}.cpuprofile`];
    const server = await startMeterhouse(dataDir, profiling);
    const { measurement, recordsSent } = await this.#load(key, server, false);
    await server.stop();
    await this.#requireRecords(dataDir, held + recordsSent);
    rmSync(dataDir, { recursive: true });
    return {
      ...measurement,
      recordsPerSecond: measurement.requestsPerSecond * recordsPerRequest,
      ratio: round(measurement.requestsPerSecond / bare.requestsPerSecond, 4),
      recordsHeld: held,
      startMs: Math.round(server.startMs),
      ...(held === 0 ? {} : { fileBytesPerRecord: round(fileBytes / held, 1) }),
    };
  }

  /** Every acknowledged record must be in the store once the server has gone, and none twice. */
  async #requireRecords(dataDir: string, expected: number): Promise<void> {
    progress("counting what was kept");
    const store = openDataDir(dataDir);
    try {
      const { count } = await store.ledger.count({});
      if (count !== expected) throw new Error(`${expected} records were acknowledged, ${count} are kept`);
    } finally {
      await store.close();
    }
  }

  async #load(
    name: string,
    server: Server,
    repeats: boolean,
  ): Promise<{ readonly measurement: Measurement; readonly recordsSent: number }> {
    const { connections, seconds, warmUpSeconds, buyers, mixedHours } = this.#options;
    const { port, pid: serverPid } = server;
    const nowMs = this.#nowMs;
    const job: ClientJob = { port, serverPid, connections, seconds, warmUpSeconds, buyers, mixedHours, nowMs, repeats };
    const report = await runJob<ClientMessage, ClientReport>("client.ts", job, (message) => {
      if (message.kind === "report") return message.report;
      progress(`${name}: ${message.text}`);
      return undefined;
    });
    if (report.seconds < seconds * cutShortShare) this.#cutShort.push(name);
    return {
      recordsSent: report.recordsSent,
      measurement: {
        requestsPerSecond: Math.round(report.requestsPerSecond),
        p50Ms: round(report.p50Ms, 2),
        p99Ms: round(report.p99Ms, 2),
        maxMs: round(report.maxMs, 1),
        cpuMicrosPerRequest: round(report.serverCpuMicrosPerRequest, 1),
        clientCpuMicrosPerRequest: round(report.clientCpuMicrosPerRequest, 1),
        singleP50Ms: round(report.singleP50Ms, 2),
        residentMiB: Math.round(residentBytes(serverPid) / 2 ** 20),
      },
    };
  }
}

/** Returns the size of the data file. */
function copyDataDir(source: string, target: string): number {
  mkdirSync(target, { mode: 0o700 });
  for (const name of ["meterhouse.db", "master.key"]) {
    const copy = join(target, name);
    copyFileSync(join(source, name), copy);
    // Or the system would write it out in the middle of the measurement.
    const descriptor = openSync(copy, "r+");
    fsyncSync(descriptor);
    closeSync(descriptor);
  }
  return statSync(join(target, "meterhouse.db")).size;
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

async function main(): Promise<void> {
  const options = readOptions();
  if (options === undefined) {
    process.stdout.write(help);
    return;
  }
  const root = mkdtempSync(join(options.dir, "meterhouse-bench-"));
  const clear = (): void => {
    killAll();
    rmSync(root, { recursive: true, force: true });
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      clear();
      process.exit(1);
    });
  }
  try {
    console.log(await new Bench(options, root, Date.now()).run());
  } finally {
    clear();
  }
}

try {
  await main();
} catch (error) {
  progress("");
  console.error(error instanceof Error ? `bench: ${error.message}` : error);
  process.exitCode = 1;
}
