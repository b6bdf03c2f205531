/** The processes of a run: started, awaited, and stopped with the run however it ends. */
import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const running = new Set<ChildProcess>();

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

/** `meterhouse serve` as a user starts it, everything on; `flags` are more of its own, `main` is the program. */
export async function startMeterhouse(
  dataDir: string,
  nodeOptions: readonly string[],
  flags: readonly string[] = [],
  main = script("../src/main.ts"),
): Promise<Server> {
  const startedAt = performance.now();
  const args = [...nodeOptions, main, "serve", "--port", "0", "--data", dataDir, "--log-level", "warn", ...flags];
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
