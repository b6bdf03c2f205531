/** `meterhouse serve` as a process of its own, for tests that end it as hard as a power cut would end the process. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { CatalogDocument } from "../../src/catalog/schema.ts";
import { createSealer, loadMasterKey } from "../../src/secrets.ts";
import { openSqliteStore, type SqliteStore } from "../../src/store/sqlite/open.ts";
import { ownEnvironment } from "./ownEnvironment.ts";

const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

/** A data folder and a catalogue file, both temporary. */
export interface Place {
  readonly folder: string;
  readonly dataDir: string;
  readonly catalogFile: string;
  readonly dataFile: string;
  readonly walFile: string;
}

export interface Ready {
  readonly endpoint: string;
  /** Of the server itself, whatever runs around it. */
  readonly pid: number;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A process that was started and may or may not come to serve. */
export interface Launch {
  /** undefined when it ended without a ready line. */
  readonly ready: Promise<Ready | undefined>;
  readonly exit: Promise<Exit>;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<Exit>;
}

export interface ServerProcess extends Ready {
  readonly exit: Promise<Exit>;
  kill(): Promise<Exit>;
  signal(name: NodeJS.Signals): void;
}

export interface LaunchOptions {
  /** A command that runs the server: `["strace", …]`. */
  readonly under?: readonly string[];
  /** Of `serve`, besides the port, the folder and the catalogue. */
  readonly flags?: readonly string[];
  /** Besides PATH and the log level. */
  readonly env?: Readonly<Record<string, string>>;
}

const places: Place[] = [];
const running = new Set<ChildProcess>();

export function makePlace(catalog: CatalogDocument): Place {
  const folder = mkdtempSync(join(tmpdir(), "meterhouse-durability-"));
  const dataDir = join(folder, "data");
  const catalogFile = join(folder, "catalog.json");
  const dataFile = join(dataDir, "meterhouse.db");
  writeFileSync(catalogFile, JSON.stringify(catalog), { mode: 0o600 });
  const place = { folder, dataDir, catalogFile, dataFile, walFile: `${dataFile}-wal` };
  places.push(place);
  return place;
}

/** For `afterEach`: no process and no folder outlives a test, however it ends. */
export async function endProcesses(): Promise<void> {
  const ended = [...running].map((child) => new Promise((resolve) => child.once("close", resolve)));
  killAll();
  await Promise.all(ended);
  for (const { folder } of places.splice(0)) rmSync(folder, { recursive: true, force: true });
}

function killAll(): void {
  for (const child of running) killGroup(child);
}

/** With whatever runs around it: a tracer killed alone would leave the server running. */
function killGroup(child: ChildProcess): void {
  if (child.pid !== undefined && running.has(child)) send(-child.pid, "SIGKILL");
}

process.on("exit", killAll);

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

export function launch(place: Place, { under = [], flags = [], env = {} }: LaunchOptions = {}): Launch {
  const own = [main, "serve", "--port", "0", "--data", place.dataDir, "--catalog", place.catalogFile, ...flags];
  const [command = process.execPath, ...args] = [...under, process.execPath, ...own];
  const child = spawn(command, args, {
    cwd: place.folder,
    env: { ...ownEnvironment, METERHOUSE_LOG_LEVEL: "warn", ...env },
    stdio: ["ignore", "pipe", "pipe"],
    // A process group of its own, see killGroup.
    detached: true,
  });
  running.add(child);
  let stdout = "";
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const exit = new Promise<Exit>((resolve, reject) => {
    child.once("error", reject);
    // `close` comes after the last of the output, unlike `exit`.
    child.once("close", (code, signal) => {
      running.delete(child);
      resolve({ code, signal, stdout, stderr });
    });
  });
  const ready = new Promise<Ready | undefined>((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      stdout += `${line}\n`;
      if (!line.startsWith('{"ready":true')) return;
      const { endpoint, pid } = JSON.parse(line) as Ready;
      resolve({ endpoint, pid });
    });
    exit.then(() => resolve(undefined), reject);
  });
  return {
    ready,
    exit,
    kill: () => {
      killGroup(child);
      return exit;
    },
  };
}

/** Starts a server and waits until it serves. Throws with what it printed when it ends instead. */
export async function startServer(place: Place, options: LaunchOptions = {}): Promise<ServerProcess> {
  const { ready, exit, kill } = launch(place, options);
  const serving = await ready;
  if (serving === undefined) {
    const { code, signal, stderr } = await exit;
    throw new Error(`the server did not start (code ${code}, signal ${signal}): ${stderr}`);
  }
  return { ...serving, exit, kill, signal: (name) => send(serving.pid, name) };
}

/** Opens the store that an ended server left, as it left it. */
export async function withStore(place: Place, body: (store: SqliteStore) => Promise<void>): Promise<void> {
  const sealer = createSealer(loadMasterKey({ dataDir: place.dataDir, env: {} }));
  const store = openSqliteStore({ file: place.dataFile, sealer });
  try {
    await body(store);
  } finally {
    await store.close();
  }
}
