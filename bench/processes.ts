/** The processes of a run: started, awaited, and stopped with the run however it ends. */
import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { ClientJob, ClientMessage, ClientOrder, ClientReport } from "./client.ts";
import type { StorelessJob } from "./storeless.ts";

const running = new Set<ChildProcess>();
const readyMaxMs = 30_000;
const pollMs = 100;

export interface Server {
  readonly port: number;
  readonly pid: number;
  /** Milliseconds from its start to its ready line. */
  readonly startMs: number;
  /** Resolves once the process has ended in its own way. */
  stop(): Promise<void>;
}

function script(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

function track<T extends ChildProcess>(child: T): T {
  running.add(child);
  child.once("exit", () => running.delete(child));
  return child;
}

export function killAll(): void {
  for (const child of running) child.kill("SIGKILL");
}

function pidOf(child: ChildProcess): number {
  if (child.pid === undefined) throw new Error(`${child.spawnfile} could not be started`);
  return child.pid;
}

/** Nothing of it runs until it is resumed; where the system knows no such thing it goes on. */
export function pause({ pid }: Server): void {
  if (process.platform !== "win32") process.kill(pid, "SIGSTOP");
}

export function resume({ pid }: Server): void {
  if (process.platform !== "win32") process.kill(pid, "SIGCONT");
}

/** Runs a script of this folder with one job; each of its messages goes to `receive`, which returns the result at last. */
export async function runJob<Message, Result>(
  name: string,
  job: object,
  receive: (message: Message) => Result | undefined,
): Promise<Result> {
  const child = track(fork(script(name), { stdio: ["ignore", "inherit", "inherit", "ipc"] }));
  let result: Result | undefined;
  child.on("message", (message: Message) => {
    result = receive(message) ?? result;
  });
  child.send(job);
  await once(child, "exit");
  if (result === undefined) throw new Error(`${name} ended with code ${child.exitCode} and no result`);
  return result;
}

/** A load client, see client.ts. */
export interface LoadClient {
  turn(warmUpSeconds: number, seconds: number): Promise<void>;
  end(): Promise<ClientReport>;
}

export async function startClient(job: ClientJob, progress: (text: string) => void): Promise<LoadClient> {
  const child = track(fork(script("client.ts"), { stdio: ["ignore", "inherit", "inherit", "ipc"] }));
  const ask = async (order: ClientOrder): Promise<ClientReport | undefined> => {
    const { promise, resolve, reject } = Promise.withResolvers<ClientReport | undefined>();
    const receive = (message: ClientMessage): void => {
      if (message.kind === "progress") progress(message.text);
      else resolve(message.kind === "report" ? message.report : undefined);
    };
    const ended = (): void => reject(new Error(`the load client ended with code ${child.exitCode}`));
    child.on("message", receive).once("exit", ended);
    child.send(order);
    try {
      return await promise;
    } finally {
      child.off("message", receive).off("exit", ended);
    }
  };
  await ask({ kind: "begin", job });
  return {
    turn: async (warmUpSeconds, seconds) => {
      await ask({ kind: "turn", warmUpSeconds, seconds });
    },
    end: async () => {
      const report = await ask({ kind: "end" });
      if (report === undefined) throw new Error("the load client has no report");
      return report;
    },
  };
}

export async function startBare(answer: string): Promise<Server> {
  const startedAt = performance.now();
  const child = track(fork(script("bare.ts"), { stdio: ["ignore", "inherit", "inherit", "ipc"] }));
  child.send(answer);
  const [port] = (await once(child, "message")) as [number];
  return {
    port,
    pid: pidOf(child),
    startMs: performance.now() - startedAt,
    stop: async () => {
      child.kill();
      await once(child, "exit");
    },
  };
}

/** Everything but the store, see storeless.ts. */
export async function startStoreless(job: StorelessJob): Promise<Server> {
  const startedAt = performance.now();
  const child = track(
    fork(script("storeless.ts"), { stdio: ["ignore", "inherit", "inherit", "ipc"], execArgv: serverOptions }),
  );
  child.send(job);
  const [port] = (await once(child, "message")) as [number];
  return {
    port,
    pid: pidOf(child),
    startMs: performance.now() - startedAt,
    stop: async () => {
      child.kill("SIGTERM");
      await once(child, "exit");
    },
  };
}

/** Some other program, ready as soon as its port takes connections. */
export async function startProgram(command: string, args: readonly string[], port: number): Promise<Server> {
  const startedAt = performance.now();
  const child = track(spawn(command, args, { stdio: "ignore" }));
  while (!(await takesConnections(port))) {
    if (child.exitCode !== null || performance.now() - startedAt > readyMaxMs) {
      child.kill("SIGKILL");
      throw new Error(`${command} ${args.join(" ")} did not listen on port ${port}`);
    }
    await sleep(pollMs);
  }
  return {
    port,
    pid: pidOf(child),
    startMs: performance.now() - startedAt,
    stop: async () => {
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  };
}

function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    socket.once("error", () => resolve(false));
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
  });
}

/** As `npm start` has them. */
const serverOptions = ["--v8-pool-size=1"];

/** `meterhouse serve` as a user starts it, everything on; `flags` are more of its own, `main` is the program. */
export async function startMeterhouse(
  dataDir: string,
  nodeOptions: readonly string[],
  flags: readonly string[] = [],
  main = script("../src/main.ts"),
): Promise<Server> {
  const startedAt = performance.now();
  const args = [
    ...serverOptions,
    ...nodeOptions,
    main,
    "serve",
    "--port",
    "0",
    "--data",
    dataDir,
    "--log-level",
    "warn",
    ...flags,
  ];
  const child = track(spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] }));
  for await (const line of createInterface({ input: child.stdout })) {
    if (!line.startsWith("{")) continue;
    const { endpoint } = JSON.parse(line) as { readonly endpoint: string };
    return {
      port: Number(new URL(endpoint).port),
      pid: pidOf(child),
      startMs: performance.now() - startedAt,
      stop: async () => {
        child.kill("SIGTERM");
        await once(child, "exit");
        if (child.exitCode !== 0) throw new Error(`the server ended with code ${child.exitCode}`);
      },
    };
  }
  throw new Error("the server ended before it was ready");
}
