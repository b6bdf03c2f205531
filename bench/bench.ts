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
import { startDatabase } from "./database.ts";
import { type FillJob, type FillMessage, openBenchStore, type StorePlace } from "./fill.ts";
import { describeMachine } from "./machine.ts";
import { startMoto } from "./moto.ts";
import { help, type Options, readOptions } from "./options.ts";
import { drawPage } from "./page.ts";
import { killAll, pause, runJob, type Server, startBare, startMeterhouse, startStoreless } from "./processes.ts";
import { type Parts, partsOf } from "./profile.ts";
import { countLabel, type Measurement, type Report, reportJson, type StoreMeasurement, tableText } from "./report.ts";
import { keepResults } from "./results.ts";
import { type Loaded, loadInTurns, round, type Target } from "./turns.ts";
import { createWorkload, recordsPerRequest, sampleAnswer } from "./workload.ts";

/** A measurement that took less of its time than this says so. */
const cutShortShare = 0.8;

/** One changing line on a terminal; nothing where stderr is kept. */
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

/** A server with its own store in a folder. */
interface Contestant {
  readonly key: string;
  readonly held: number;
  readonly dataDir: string;
  readonly fileBytes: number;
  readonly server: Server;
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
    const { buyers, connections, seconds, mixedHours, skip } = this.#options;
    const machine = describeMachine(this.#root);
    const { bare, stores } = await this.#embedded();
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

  /** The bare server, the one without its store and those with more and more records, in turns. */
  async #embedded(): Promise<{ readonly bare: Measurement; readonly stores: Record<string, StoreMeasurement> }> {
    const dataDir = join(this.#root, "data");
    const contestants = await this.#contestants(dataDir);
    const bareServer = await startBare(sampleAnswer(createWorkload(this.#options.buyers, this.#nowMs)));
    const storeless = this.#options.skip.includes("withoutStore") ? undefined : await startStoreless({ dataDir });
    const targets: Target[] = [
      { name: "bare", servers: [bareServer], repeats: true },
      ...(storeless === undefined ? [] : [{ name: "withoutStore", servers: [storeless], repeats: true }]),
      ...contestants.map(({ key, server }) => ({ name: key, servers: [server] })),
    ];
    const loaded = await this.#load(targets);
    await bareServer.stop();
    await storeless?.stop();
    const bare = of(loaded, "bare").measurement;
    const stores: Record<string, StoreMeasurement> = {};
    if (storeless !== undefined) {
      const { measurement } = of(loaded, "withoutStore");
      stores.withoutStore = stored(measurement, bare, 0, storeless.startMs);
      await this.#profile(dataDir, measurement.cpuMicrosPerRequest);
    }
    for (const contestant of contestants) {
      stores[contestant.key] = await this.#ended(contestant, of(loaded, contestant.key), bare);
    }
    rmSync(dataDir, { recursive: true });
    return { bare, stores };
  }

  /** Fills the folder step by step, and starts a server on a copy of each step: no load's records are in another's. */
  async #contestants(source: string): Promise<readonly Contestant[]> {
    const { records, profileDir } = this.#options;
    const copies: Omit<Contestant, "server">[] = [];
    let filled = 0;
    for (const held of [0, ...records]) {
      const key = held === 0 ? "embedded" : `embeddedAt${countLabel(held)}`;
      await this.#fill({ dataDir: source }, filled, held);
      filled = held;
      const dataDir = join(this.#root, key);
      copies.push({ key, held, dataDir, fileBytes: copyDataDir(source, dataDir) });
    }
    const contestants: Contestant[] = [];
    for (const copy of copies) {
      const profiling =
        profileDir === undefined
          ? []
          : ["--cpu-prof", "--cpu-prof-dir", profileDir, "--cpu-prof-name", `${copy.key}.cpuprofile`];
      const server = await startMeterhouse(copy.dataDir, profiling);
      // What it does by itself after a start is not to delay the next one's.
      pause(server);
      contestants.push({ ...copy, server });
    }
    return contestants;
  }

  async #ended(contestant: Contestant, loaded: Loaded, bare: Measurement): Promise<StoreMeasurement> {
    const { held, dataDir, fileBytes, server } = contestant;
    await server.stop();
    await this.#requireRecords({ dataDir }, held + loaded.recordsSent);
    rmSync(dataDir, { recursive: true });
    return {
      ...stored(loaded.measurement, bare, held, server.startMs),
      ...(held === 0 ? {} : { fileBytesPerRecord: round(fileBytes / held, 1) }),
    };
  }

  /** Where the request path's time goes, for a run that is kept; measured apart, since the profiler costs some itself. */
  async #profile(dataDir: string, cpuMicrosPerRequest: number): Promise<void> {
    if (!this.#options.record) return;
    const profileFile = join(this.#root, "withoutStore.cpuprofile");
    const server = await startStoreless({ dataDir, profileFile });
    await this.#load([{ name: "withoutStore, profiled", servers: [server], repeats: true }]);
    await server.stop();
    this.parts = partsOf(profileFile, cpuMicrosPerRequest);
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
        const loaded = await this.#load([{ name, servers: nodes, databasePid: database.pid }]);
        const { measurement, recordsSent } = of(loaded, name);
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
      const loaded = await this.#load([
        {
          ...{ name: "moto", servers: [server], repeats: true, anyAnswer: true },
          customerMember: "CustomerIdentifier", // The only one that moto knows.
        },
      ]);
      await server.stop();
      return { ...of(loaded, "moto").measurement, version: server.version };
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

  /** By name. */
  async #load(targets: readonly Target[]): Promise<ReadonlyMap<string, Loaded>> {
    const loaded = await loadInTurns(targets, { options: this.#options, nowMs: this.#nowMs, progress });
    const byName = new Map<string, Loaded>();
    for (const [index, { name }] of targets.entries()) {
      const one = loaded[index];
      if (one === undefined) continue;
      if (one.seconds < this.#options.seconds * cutShortShare) this.#cutShort.push(name);
      byName.set(name, one);
    }
    return byName;
  }
}

function of(loaded: ReadonlyMap<string, Loaded>, name: string): Loaded {
  const found = loaded.get(name);
  if (found === undefined) throw new Error(`${name} was not measured`);
  return found;
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
