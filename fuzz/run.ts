/**
 * Sends a server what nobody should send it: `npm run fuzz -- [--inputs 100000] [--plane service|control] [--seed N] [--json]`.
 * The server is a process of its own over a new folder; the seed is printed, and given again it makes the same inputs.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { killAll, startMeterhouse } from "../bench/processes.ts";
import { demoRoles } from "../src/catalog/demo.ts";
import { type Counterexample, fuzz, fuzzCatalog, fuzzSecret, type Plane } from "./fuzz.ts";

/** Side by side, each with a seed of its own. */
const lanes = 4;
const adminToken = "fuzz-fuzz-fuzz-fuzz-fuzz-fuzz-fuzz-fuzz-fuzz";

interface Outcome {
  readonly plane: Plane;
  readonly inputs: number;
  readonly seed: number;
  readonly seconds: number;
  readonly statuses: Readonly<Record<string, number>>;
  readonly failures: readonly Counterexample[];
}

async function run(plane: Plane, inputs: number, seed: number): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), "meterhouse-fuzz-"));
  const catalog = join(folder, "catalog.json");
  writeFileSync(catalog, JSON.stringify(fuzzCatalog()), { mode: 0o600 });
  process.env.METERHOUSE_ADMIN_TOKEN = adminToken;
  const startedAt = performance.now();
  const server = await startMeterhouse(join(folder, "data"), [], ["--catalog", catalog, "--log-level", "error"]);
  const statuses: Record<string, number> = {};
  let sent = 0;
  const answered = (status: number): void => {
    statuses[status] = (statuses[status] ?? 0) + 1;
    sent += 1;
    if (process.stderr.isTTY && sent % 500 === 0) process.stderr.write(`\r${plane}: ${sent} of ${inputs} `);
  };
  try {
    const url = new URL(`http://127.0.0.1:${server.port}`);
    const target = { url, key: { accessKeyId: demoRoles.seller, secretAccessKey: fuzzSecret }, adminToken };
    const share = Math.ceil(inputs / lanes);
    const jobs = Array.from({ length: lanes }, (_, lane) =>
      fuzz(target, { plane, inputs: share, seed: seed + lane, answered }),
    );
    const failures = (await Promise.all(jobs)).filter((one) => one !== undefined);
    const ready = await fetch(new URL("/readyz", url));
    if (ready.status !== 200) failures.push({ seed, path: "", text: `/readyz answers ${ready.status} afterwards` });
    await server.stop();
    return {
      plane,
      inputs: sent,
      seed,
      seconds: Math.round((performance.now() - startedAt) / 1_000),
      statuses,
      failures,
    };
  } finally {
    killAll();
    if (process.stderr.isTTY) process.stderr.write("\r\u001b[K");
    rmSync(folder, { recursive: true, force: true });
  }
}

const { values } = parseArgs({
  options: {
    inputs: { type: "string", default: "100000" },
    plane: { type: "string" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 2 ** 31)) },
    json: { type: "boolean", default: false },
  },
});
const planes: readonly Plane[] =
  values.plane === "service" || values.plane === "control" ? [values.plane] : ["service", "control"];
const outcomes: Outcome[] = [];
for (const plane of planes) outcomes.push(await run(plane, Number(values.inputs), Number(values.seed)));

if (values.json) console.log(JSON.stringify(outcomes));
for (const { plane, inputs, seed, seconds, statuses, failures } of values.json ? [] : outcomes) {
  const counts = Object.entries(statuses).map(([status, count]) => `${status === "0" ? "closed" : status}: ${count}`);
  console.log(
    `${plane} plane: ${inputs} inputs in ${seconds} s, seed ${seed}; ${counts.join(", ")}; ${failures.length} failures`,
  );
  for (const { seed: own, path, text } of failures) console.log(`seed ${own}, path ${path}: ${text.slice(0, 4_000)}`);
}
if (outcomes.some(({ failures }) => failures.length > 0)) process.exitCode = 1;
