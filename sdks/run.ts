/**
 * `npm run conformance`: every client's program against real servers of its own, and one table of what came of it.
 * See README.md of this folder.
 */
import { spawn } from "node:child_process";
import { accessSync, constants, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, isAbsolute, join } from "node:path";
import { parseArgs } from "node:util";
import { startMeterhouse } from "../src/index.ts";
import { type Client, clients, folder, folderOf } from "./clients.ts";
import { type Outcome, tableOf, withTable } from "./table.ts";

interface Scenario {
  readonly businessTime: string;
  readonly credentials: Readonly<Record<string, { readonly accessKeyId: string; readonly secretAccessKey: string }>>;
}

const scenarioFile = join(folder, "scenario.json");
const readme = join(folder, "..", "README.md");
const skewMs = 3_600_000;
/** A build with an empty cache fetches a few hundred megabytes. */
const stepMs = 15 * 60_000;

const { values: options } = parseArgs({
  options: {
    only: { type: "string" },
    json: { type: "boolean", default: false },
    verbose: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

if (options.help) {
  console.log(`npm run conformance -- [--only ID,ID] [--verbose] [--json]
Clients: ${clients.map(({ id }) => id).join(", ")}
With METERHOUSE_REQUIRE_SDKS=all a client that cannot run is a failure.`);
} else {
  process.exitCode = await main();
}

async function main(): Promise<number> {
  const ids = options.only?.split(",");
  const unknown = ids?.filter((id) => !clients.some((client) => client.id === id)) ?? [];
  if (unknown.length > 0) {
    console.error(`No such client: ${unknown.join(", ")}. There are ${clients.map(({ id }) => id).join(", ")}.`);
    return 2;
  }
  const outcomes: Outcome[] = [];
  for (const client of clients.filter(({ id }) => ids?.includes(id) ?? true)) {
    const outcome = await conform(client);
    outcomes.push(outcome);
    say(`${outcome.title}: ${outcome.skipped ?? `${outcome.passed} passed, ${outcome.failed} failed`}`);
  }
  const mustAll = process.env.METERHOUSE_REQUIRE_SDKS === "all";
  const failed = outcomes.filter((one) => one.failed > 0 || (mustAll && one.skipped !== undefined));
  if (options.json) console.log(JSON.stringify({ outcomes }, undefined, 2));
  else console.log(`\n${tableOf(outcomes)}\n`);
  // The table is of one run of all: a part of it would speak for clients that were not there.
  if (outcomes.length === clients.length && outcomes.every((one) => one.skipped === undefined)) {
    const before = readFileSync(readme, "utf8");
    writeFileSync(readme, withTable(before, outcomes, new Date().toISOString().slice(0, 10)));
  }
  const count = outcomes.reduce((sum, one) => sum + one.passed, 0);
  const failures = outcomes.reduce((sum, one) => sum + one.failed, 0) + failed.filter((one) => one.failed === 0).length;
  console.log(`${count} passed, ${failures} failed`);
  return failed.length === 0 ? 0 : 1;
}

async function conform(client: Client): Promise<Outcome> {
  const { id, title } = client;
  const none = { id, title, version: "", passed: 0, failed: 0, notExpressible: [], failures: [] };
  const missing = client.needs.find((command) => !isOnPath(command));
  if (missing !== undefined) return { ...none, skipped: `skipped: no ${missing} on the PATH` };
  for (const command of client.prepare) {
    say(`${title}: ${command.join(" ")}`);
    const { code, output } = await execute(command, folderOf(client), process.env);
    if (code !== 0) return { ...none, failed: 1, failures: [`${command.join(" ")}: ${output.trim().slice(-2_000)}`] };
  }
  const scenario = JSON.parse(readFileSync(scenarioFile, "utf8")) as Scenario;
  const catalog = join(folder, "catalog.json");
  // A quick client makes more than ten calls a second: throttling is what the cases for it plan, and of no other's.
  const settings = { quotas: "off" } as const;
  const server = await startMeterhouse({ catalog, settings, now: scenario.businessTime });
  const skewed = await startMeterhouse({
    ...{ catalog, settings, now: scenario.businessTime },
    wallClock: () => Date.now() + skewMs,
  });
  const temporary = mkdtempSync(join(tmpdir(), "meterhouse-sdks-"));
  try {
    const runFile = join(temporary, "run.json");
    const run = {
      endpoint: server.endpoint,
      skewedEndpoint: skewed.endpoint,
      // Both planes are spoken to with one token.
      adminToken: server.adminToken,
      region: "us-east-1",
      scenario: scenarioFile,
    };
    writeFileSync(runFile, JSON.stringify(run), { mode: 0o600 });
    const { code, output } = await execute([...client.program, runFile], folderOf(client), process.env);
    const first = await execute(client.first, folderOf(client), firstEnvironment(server.endpoint, scenario));
    if (options.verbose) console.log(output);
    return judged(client, { code, output, first });
  } finally {
    rmSync(temporary, { recursive: true, force: true });
    await server.close();
    await skewed.close();
  }
}

interface Ran {
  readonly code: number | null;
  readonly output: string;
}

function judged({ id, title }: Client, { code, output, first }: Ran & { readonly first: Ran }): Outcome {
  const lines = output.split("\n");
  const after = (prefix: string): string[] =>
    lines.filter((line) => line.startsWith(prefix)).map((line) => line.slice(prefix.length).trim());
  const failures = after("not ok ");
  const passed = after("ok ").length;
  const version = after("client: ")[0] ?? "";
  const told = lines.findLast((line) => /^\d+ passed, \d+ failed$/.test(line));
  if (told !== `${passed} passed, ${failures.length} failed` || version === "" || passed === 0) {
    failures.push(`the program ended with ${code} before its end:\n${output.slice(-2_000)}`);
  } else if ((code === 0) !== (failures.length === 0)) {
    failures.push(`the program ended with ${code} after ${told}`);
  }
  if (first.code !== 0 || !first.output.includes("Success")) {
    failures.push(`the snippet ended with ${first.code}: ${first.output.trim().slice(-2_000)}`);
  }
  for (const failure of failures) console.error(`  not ok ${failure}`);
  return { id, title, version, passed: passed + 1, failed: failures.length, notExpressible: after("skip "), failures };
}

/** What docs/clients tells a reader to set, and what the snippets meter. */
function firstEnvironment(endpoint: string, scenario: Scenario): NodeJS.ProcessEnv {
  const { seller } = scenario.credentials;
  return {
    ...process.env,
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: "us-east-1",
    AWS_DEFAULT_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: seller?.accessKeyId,
    AWS_SECRET_ACCESS_KEY: seller?.secretAccessKey,
    PRODUCT_CODE: "clientlogs4q7x2m9k1t8v5wzqa",
    CUSTOMER: "444455556666",
    CUSTOMER_IDENTIFIER: "clientBuyer01",
    HOUR: "2026-08-15T10:00:00Z",
  };
}

function execute(command: readonly string[], cwd: string, env: NodeJS.ProcessEnv): Promise<Ran> {
  const [name = "", ...rest] = command;
  return new Promise((resolve) => {
    let output = "";
    const child = spawn(name, rest, { cwd, env, stdio: ["ignore", "pipe", "pipe"], timeout: stepMs });
    const add = (chunk: Buffer): void => {
      output += chunk.toString("utf8");
    };
    child.stdout.on("data", add);
    child.stderr.on("data", add);
    child.on("error", (error) => resolve({ code: null, output: `${output}${error.message}` }));
    child.on("close", (code) => resolve({ code, output }));
  });
}

function isOnPath(command: string): boolean {
  if (isAbsolute(command)) return existsSync(command);
  return (process.env.PATH ?? "").split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Progress, beside the results. */
function say(text: string): void {
  console.error(text);
}
