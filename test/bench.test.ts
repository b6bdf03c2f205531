/** The benchmark's own smoke test: it runs, every answer it got was right, and its line of JSON has the promised keys. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const bench = fileURLToPath(new URL("../bench/bench.ts", import.meta.url));
const run = promisify(execFile);

const measurement = {
  requestsPerSecond: expect.any(Number),
  p50Ms: expect.any(Number),
  p99Ms: expect.any(Number),
  maxMs: expect.any(Number),
  cpuMicrosPerRequest: expect.any(Number),
  clientCpuMicrosPerRequest: expect.any(Number),
  singleP50Ms: expect.any(Number),
  residentMiB: expect.any(Number),
};
const storeMeasurement = {
  ...measurement,
  recordsPerSecond: expect.any(Number),
  ratio: expect.any(Number),
  recordsHeld: expect.any(Number),
  startMs: expect.any(Number),
};

test("--quick --json ends with one line of JSON", async () => {
  const { stdout } = await run(process.execPath, [
    bench,
    "--quick",
    "--seconds",
    "0.3",
    "--json",
    "--skip",
    "postgres",
  ]);
  const report: unknown = JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "");
  expect(report).toMatchObject({
    bare: measurement,
    embedded: { ...storeMeasurement, recordsHeld: 0 },
    embeddedAt100k: { ...storeMeasurement, recordsHeld: 100_000, fileBytesPerRecord: expect.any(Number) },
    withoutStore: { ...storeMeasurement, recordsHeld: 0 },
    run: { connections: 64, buyers: expect.any(Number), seconds: expect.any(Number) },
    machine: { cpu: expect.any(String), cores: expect.any(Number), node: process.versions.node },
  });
}, 120_000);

test("an option that cannot be read is told, not guessed", async () => {
  const failure = await run(process.execPath, [bench, "--records", "many"]).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: 1, stderr: expect.stringContaining("--records takes counts such as") });
});
