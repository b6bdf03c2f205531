/** A server with a product of each kind that a workload meters, and processes that have nothing but an environment. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { type Meterhouse, type MeterhouseOptions, startMeterhouse } from "../../../src/index.ts";
import { ownEnvironment } from "../../support/ownEnvironment.ts";

export const seller = "111122223333";
export const buyer = "444455556666";
export const stranger = "777788889999";
export const products = { ami: "amiproduct", usage: "usageproduct", hourly: "hourlyproduct", agent: "agentproduct" };

/** Of a user of the buyer's: what a workload must not be configured with. */
export const longTerm = { accessKeyId: "AKIAOFTHEBUYER000000", secretAccessKey: "secret-of-the-user" };

const common = { seller, createdAt: "2024-01-01T00:00:00Z", enabledRegions: ["us-east-1", "eu-west-1"] };

export const catalog = {
  accounts: [{ id: buyer }, { id: stranger }],
  credentials: [{ ...longTerm, account: buyer, kind: "iam-user" }],
  products: [
    { ...common, code: products.ami, type: "ami-fcp", dimensions: ["hosts"] },
    { ...common, code: products.usage, type: "container-fcp", dimensions: ["requests"] },
    { ...common, code: products.hourly, type: "container-hourly", publicKeys: [{ version: 1 }] },
    { ...common, code: products.agent, type: "agentcore-fcp", dimensions: ["calls"] },
  ],
};

export interface Site {
  readonly meterhouse: Meterhouse;
  close(): Promise<void>;
}

/** The business clock follows the wall clock: programs stamp their usage with their own. */
export async function startSite(options: MeterhouseOptions = {}): Promise<Site> {
  const meterhouse = await startMeterhouse({ catalog, settings: { quotas: "off" }, ...options });
  for (const product of Object.values(products)) await meterhouse.subscribe({ product, customer: buyer });
  return { meterhouse, close: () => meterhouse.close() };
}

export interface Answer {
  readonly error?: string;
  readonly message?: string;
  readonly Signature?: string;
  readonly MeteringRecordId?: string;
  readonly accessKeyId?: string;
  readonly expiration?: string;
  readonly event?: string;
}

export interface Program {
  ask(operation: string, input?: object, region?: string): Promise<Answer>;
  /** The next line that it prints. */
  next(): Promise<Answer>;
  signal(name: NodeJS.Signals): void;
  readonly exit: Promise<number | null>;
}

const running = new Set<{ readonly child: ChildProcessByStdio<Writable, Readable, Readable>; readonly home: string }>();

/** Only these variables, and a home without files of AWS's. */
export function startProgram(environment: Readonly<Record<string, string>>, file = "./probe.mjs"): Program {
  const home = mkdtempSync(join(tmpdir(), "meterhouse-workload-"));
  const child = spawn(process.execPath, [fileURLToPath(new URL(file, import.meta.url))], {
    env: { HOME: home, ...ownEnvironment, ...environment },
    stdio: ["pipe", "pipe", "pipe"],
  });
  running.add({ child, home });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<Answer> => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error(`the program ended: ${stderr}`);
    return JSON.parse(value) as Answer;
  };
  return {
    next,
    ask: (operation, input = {}, region) => {
      child.stdin.write(`${JSON.stringify({ operation, input, region })}\n`);
      return next();
    },
    signal: (name) => child.kill(name),
    exit: new Promise((resolve) => child.once("exit", (code) => resolve(code))),
  };
}

/** For `afterEach`: no program outlives its test. */
export async function endPrograms(): Promise<void> {
  for (const one of running) {
    const { child, home } = one;
    if (child.exitCode === null && child.signalCode === null) {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await ended;
    }
    rmSync(home, { recursive: true, force: true });
    running.delete(one);
  }
}

export function usageOf(productCode: string, dimension: string, quantity = 1): object {
  return {
    ProductCode: productCode,
    Timestamp: new Date().toISOString(),
    UsageDimension: dimension,
    UsageQuantity: quantity,
  };
}
