/** The command line against a server that is a process of its own, as commands are for their users. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { ownEnvironment } from "../support/ownEnvironment.ts";
import { runHere } from "./here.ts";

export const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

export interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly cwd?: string;
}

/** As a process of its own. Nothing of the caller's own METERHOUSE_… variables. */
export function runCli(args: readonly string[], { env = {}, stdin, cwd }: CliOptions = {}): Promise<Result> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      process.execPath,
      [main, ...args],
      { cwd: cwd ?? tmpdir(), env: { ...ownEnvironment, ...env }, maxBuffer: 64 * 1_048_576 },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : error.code;
        if (typeof code === "number") resolve({ code, stdout, stderr });
        else reject(error);
      },
    );
    child.stdin?.end(stdin ?? "");
  });
}

/**
 * Runs commands: the first of each noun as a process of its own, so that every noun is seen through one; those after it in
 * this process, which is many times cheaper.
 */
export function createRun(): (
  args: readonly string[],
  options: CliOptions & { readonly cwd: string },
) => Promise<Result> {
  const seen = new Set<string | undefined>();
  return (args, options) => {
    const [noun] = args;
    if (seen.has(noun) && noun !== "serve") return runHere(args, options);
    seen.add(noun);
    return runCli(args, options);
  };
}

export interface DemoServer {
  readonly url: string;
  readonly folder: string;
  readonly dataDir: string;
  readonly token: string;
  /** Runs a command that reaches this server by its environment, as `createRun` does. */
  cli(args: readonly string[], options?: CliOptions): Promise<Result>;
  /** The same, always as a process of its own: for what only its caller sees, such as its end with much still to print. */
  cliProcess(args: readonly string[], options?: CliOptions): Promise<Result>;
  /** Must end with 0; its stdout. */
  ok(...args: readonly string[]): Promise<string>;
  /** The same with --json, parsed. */
  json(...args: readonly string[]): Promise<Record<string, unknown>>;
  stop(): Promise<void>;
}

export async function startDemo(): Promise<DemoServer> {
  const folder = mkdtempSync(join(tmpdir(), "meterhouse-cli-"));
  const dataDir = join(folder, "data");
  const child = spawn(
    process.execPath,
    [main, "serve", "--demo", "--port", "0", "--data", dataDir, "--log-level", "error"],
    { cwd: folder, env: ownEnvironment, stdio: ["ignore", "pipe", "pipe"] },
  );
  // However the test ends, the server does not outlive it.
  process.once("exit", () => child.kill("SIGKILL"));
  const url = await endpointOf(child).catch((error: unknown) => {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  });
  const env = { METERHOUSE_URL: url, METERHOUSE_DATA: dataDir };
  const run = createRun();
  const here = (options: CliOptions) => ({ cwd: folder, ...options, env: { ...env, ...options.env } });
  const cli: DemoServer["cli"] = (args, options = {}) => run(args, here(options));
  const ok: DemoServer["ok"] = async (...args) => {
    const { code, stdout, stderr } = await cli(args);
    if (code !== 0) throw new Error(`meterhouse ${args.join(" ")}: exit code ${code}: ${stderr}`);
    return stdout;
  };
  return {
    url,
    folder,
    dataDir,
    token: readFileSync(join(dataDir, "admin.token"), "utf8").trim(),
    cli,
    cliProcess: (args, options = {}) => runCli(args, here(options)),
    ok,
    json: async (...args) => JSON.parse(await ok(...args, "--json")) as Record<string, unknown>,
    stop: async () => {
      const ended = new Promise((resolve) => child.once("close", resolve));
      child.kill("SIGKILL");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function endpointOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    if (child.stdout === null) throw new Error("the server has no stdout");
    let stderr = "";
    child.stderr?.on("data", (text: Buffer) => {
      stderr += text.toString();
    });
    child.once("close", (code) => reject(new Error(`the server did not start (code ${code}): ${stderr}`)));
    createInterface({ input: child.stdout }).on("line", (line) => {
      if (line.startsWith('{"ready":true')) resolve((JSON.parse(line) as { endpoint: string }).endpoint);
    });
  });
}

/** The first column of a table whose row holds that text. */
export function firstCell(table: string, text: string): string {
  return (
    table
      .split("\n")
      .find((line) => line.includes(text))
      ?.split(/\s+/)[0] ?? ""
  );
}
