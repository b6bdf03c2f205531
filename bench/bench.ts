/** `npm run bench`: how fast Meterhouse meters, beside a server that does nothing. bench/README.md tells how to read it. */
import {
  closeSync,
  copyFileSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import type { ClientJob, ClientMessage, ClientReport } from "./client.ts";
import { startDatabase } from "./database.ts";
import { type FillJob, type FillMessage, openBenchStore, type StorePlace } from "./fill.ts";
import { describeMachine } from "./machine.ts";
import { startMoto } from "./moto.ts";
import { help, type Options, readOptions } from "./options.ts";
import { drawPage } from "./page.ts";
import { killAll, runJob, type Server, startBare, startMeterhouse, startStoreless } from "./processes.ts";
import { type Parts, partsOf } from "./profile.ts";
import { countLabel, type Measurement, type Report, reportJson, type StoreMeasurement, tableText } from "./report.ts";
import { keepResults } from "./results.ts";
import { residentBytes } from "./usage.ts";
import { type CustomerMember, createWorkload, recordsPerRequest, sampleAnswer } from "./workload.ts";

/** A measurement that took less of its time than this says so. */
const cutShortShare = 0.8;

/** One changing line on a terminal; nothing where stderr is kept. */
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

/** What a load goes to. */
interface Target {
  readonly servers: readonly Server[];
  readonly databasePid?: number;
  readonly repeats?: boolean;
  readonly anyAnswer?: boolean;
  readonly customerMember?: CustomerMember;
}

class Bench {
  readonly #options: Options;
  readonly #root: string;
  readonly #nowMs: number;
  readonly #cutShort: string[] = [];
  readonly #skipped: string[] = [];
  /** Where the time of the request path goes; only for a run that is kept. */
  parts: Parts | undefined;

  constructor(options: Options, root: string, nowMs: number) {
    this.#options = options;
    this.#root = root;
    this.#nowMs = nowMs;
  }

  async run(): Promise<Report> {
    const { buyers, connections, seconds, mixedHours, records, skip } = this.#options;
    const machine = describeMachine(this.#root);
    const bare = await this.#bare();
    const stores: Record<string, StoreMeasurement> = {};
    const dataDir = join(this.#root, "data");
    let held = 0;
    for (const count of [0, ...records]) {
      const key = count === 0 ? "embedded" : `embeddedAt${countLabel(count)}`;
      await this.#fill({ dataDir }, held, count);
      if (count === 0 && !skip.includes("withoutStore")) stores.withoutStore = await this.#storeless(dataDir, bare);
      held = count;
      stores[key] = await this.#store(key, dataDir, count, bare);
    }
    rmSync(dataDir, { recursive: true });
    if (!skip.includes("postgres")) Object.assign(stores, await this.#postgres(bare));
    const moto = this.#options.peer === "moto" ? await this.#moto() : undefined;
    progress("");
    return {
      bare,
      stores: inOrder(stores),
      ...(moto === undefined ? {} : { moto }),
      machine,
      run: { connections, seconds, buyers, mixedHours },
      cutShort: this.#cutShort,
      skipped: this.#skipped,
    };
  }

  async #bare(): Promise<Measurement> {
    const server = await startBare(sampleAnswer(createWorkload(this.#options.buyers, this.#nowMs)));
    const { measurement } = await this.#load("bare", { servers: [server], repeats: true });
    await server.stop();
    return measurement;
  }

  /** Measured without the profiler, which costs some itself; then, for a run that is kept, once more with it. */
  async #storeless(dataDir: string, bare: Measurement): Promise<StoreMeasurement> {
    const server = await startStoreless({ dataDir });
    const { measurement } = await this.#load("withoutStore", { servers: [server], repeats: true });
    await server.stop();
    if (this.#options.record) {
      const profileFile = join(this.#root, "withoutStore.cpuprofile");
      const profiled = await startStoreless({ dataDir, profileFile });
      await this.#load("withoutStore, profiled", { servers: [profiled], repeats: true });
      await profiled.stop();
      this.parts = partsOf(profileFile, measurement.cpuMicrosPerRequest);
    }
    return stored(measurement, bare, 0, server.startMs);
  }

  async #postgres(bare: Measurement): Promise<Record<string, StoreMeasurement>> {
    progress("starting PostgreSQL");
    const database = await startDatabase(this.#options.dir).catch((error: unknown) => {
      this.#skipped.push(`PostgreSQL was not measured: ${error instanceof Error ? error.message : String(error)}`);
    });
    if (database === undefined) return {};
    const place: StorePlace = { dataDir: join(this.#root, "node"), database: database.url };
    try {
      await this.#fill(place, 0, 0);
      let kept = 0;
      const measure = async (name: string, count: number): Promise<StoreMeasurement> => {
        const nodes = await Promise.all(
          Array.from({ length: count }, () => startMeterhouse(place.dataDir, [], ["--database", database.url])),
        );
        const { measurement, recordsSent } = await this.#load(name, { servers: nodes, databasePid: database.pid });
        for (const node of nodes) await node.stop();
        const held = kept;
        kept += recordsSent;
        await this.#requireRecords(place, kept);
        return stored(measurement, bare, held, nodes[0]?.startMs ?? 0);
      };
      const postgres = await measure("postgres", 1);
      // Usage keys that were used are taken: the second run needs the store as empty as the first had it.
      await this.#clear(place);
      kept = 0;
      const two = await measure("twoProcesses", 2);
      const timesOne = round(two.requestsPerSecond / postgres.requestsPerSecond, 2);
      return { postgres, twoProcesses: { ...two, timesOne } };
    } finally {
      await database.stop();
    }
  }

  async #clear(place: StorePlace): Promise<void> {
    const store = await openBenchStore(place);
    await store.reset();
    await store.close();
    await this.#fill(place, 0, 0);
  }

  async #moto(): Promise<Report["moto"]> {
    progress("fetching moto from PyPI");
    try {
      const server = await startMoto(this.#root);
      const { measurement } = await this.#load("moto", {
        ...{ servers: [server], repeats: true, anyAnswer: true },
        customerMember: "CustomerIdentifier", // The only one that moto knows.
      });
      await server.stop();
      return { ...measurement, version: server.version };
    } catch (error) {
      const [why] = (error instanceof Error ? error.message : String(error)).split("\n");
      this.#skipped.push(`moto was not measured: ${why}`);
      return undefined;
    }
  }

  async #fill(place: StorePlace, from: number, to: number): Promise<void> {
    const most = Math.max(0, ...this.#options.records);
    const job: FillJob = { ...place, buyers: this.#options.buyers, nowMs: this.#nowMs, from, to, most };
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
    const { measurement, recordsSent } = await this.#load(key, { servers: [server] });
    await server.stop();
    await this.#requireRecords({ dataDir }, held + recordsSent);
    rmSync(dataDir, { recursive: true });
    return {
      ...stored(measurement, bare, held, server.startMs),
      ...(held === 0 ? {} : { fileBytesPerRecord: round(fileBytes / held, 1) }),
    };
  }

  /** Every acknowledged record must be in the store once the server has gone, and none twice. */
  async #requireRecords(place: StorePlace, expected: number): Promise<void> {
    progress("counting what was kept");
    const store = await openBenchStore(place);
    try {
      const { count } = await store.ledger.count({});
      if (count !== expected) throw new Error(`${expected} records were acknowledged, ${count} are kept`);
    } finally {
      await store.close();
    }
  }

  async #load(
    name: string,
    { servers, databasePid, repeats = false, anyAnswer = false, customerMember }: Target,
  ): Promise<{ readonly measurement: Measurement; readonly recordsSent: number }> {
    const { connections, seconds, warmUpSeconds, buyers, mixedHours } = this.#options;
    const ports = servers.map((server) => server.port);
    const serverPids = servers.map((server) => server.pid);
    const job: ClientJob = {
      ...{ ports, serverPids, databasePid, connections, seconds, warmUpSeconds, buyers, mixedHours },
      ...{ nowMs: this.#nowMs, repeats, anyAnswer, customerMember },
    };
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
        ...(databasePid === undefined
          ? {}
          : { databaseCpuMicrosPerRequest: round(report.databaseCpuMicrosPerRequest, 1) }),
        clientCpuMicrosPerRequest: round(report.clientCpuMicrosPerRequest, 1),
        singleP50Ms: round(report.singleP50Ms, 2),
        residentMiB: Math.round(serverPids.reduce((sum, pid) => sum + residentBytes(pid), 0) / 2 ** 20),
      },
    };
  }
}

function stored(measurement: Measurement, bare: Measurement, held: number, startMs: number): StoreMeasurement {
  return {
    ...measurement,
    recordsPerSecond: measurement.requestsPerSecond * recordsPerRequest,
    ratio: round(measurement.requestsPerSecond / bare.requestsPerSecond, 4),
    recordsHeld: held,
    startMs: Math.round(startMs),
  };
}

/** What is measured beside the real thing stands last. */
function inOrder({ withoutStore, ...stores }: Record<string, StoreMeasurement>): Record<string, StoreMeasurement> {
  return withoutStore === undefined ? stores : { ...stores, withoutStore };
}

/** Returns the bytes of the data files. */
function copyDataDir(source: string, target: string): number {
  mkdirSync(target, { mode: 0o700 });
  let bytes = 0;
  for (const name of readdirSync(source)) {
    if (name.endsWith(".lock")) continue;
    const copy = join(target, name);
    copyFileSync(join(source, name), copy);
    // Or the system would write it out in the middle of the measurement.
    const descriptor = openSync(copy, "r+");
    fsyncSync(descriptor);
    closeSync(descriptor);
    if (name.startsWith("meterhouse.")) bytes += statSync(copy).size;
  }
  return bytes;
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

async function main(): Promise<void> {
  const options = readOptions();
  if (options === "help") {
    process.stdout.write(help);
    return;
  }
  if (options === "page") {
    drawPage();
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
    const bench = new Bench(options, root, Date.now());
    const report = await bench.run();
    console.log(options.json ? JSON.stringify(reportJson(report)) : tableText(report));
    if (options.record) {
      const file = keepResults(report, bench.parts);
      drawPage();
      console.error(`kept as ${file}; docs/performance.md is drawn anew`);
    }
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
