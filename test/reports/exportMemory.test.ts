/** Exports of a real server process: ten times the records take no ten times the memory, nor four more than theirs. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { claim, hour, unit } from "../store/fixtures.ts";
import {
  endProcesses,
  makePlace,
  type Place,
  type ServerProcess,
  startServer,
  withStore,
} from "../support/serverProcess.ts";

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });
const isMeasured = process.platform === "linux";
let place: Place;
let server: ServerProcess | undefined;
/** Each form is measured in a server of its own; what it exports is the same. */
beforeAll(async () => {
  if (!isMeasured) return;
  place = makePlace({});
  const first = await startServer(place);
  first.signal("SIGTERM");
  await first.exit;
  await withStore(place, async ({ ledger }) => {
    for (let at = 0; at < many / perHour; at += 1) {
      const records = Array.from({ length: perHour }, (_, one) =>
        claim({ hour: hour + at, holder: String(300_000_000_000 + one), quantity: one }),
      );
      await ledger.claim(unit(records));
    }
  });
});
afterEach(() => server?.kill());
afterAll(endProcesses);

const perHour = 5_000;
const few = 10_000;
const many = 100_000;
/** As objects, 90,000 records are more than this; garbage that waits to be collected is less. */
const growthMaxBytes = 80_000_000;
/** For a thread: some 30 MB of it are Node and the programs that it loads. */
const threadMaxBytes = 120_000_000;
const exportsMax = 4;

function peakBytes(pid: number): number {
  const [, kib = ""] = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kib) * 1_024;
}

test.runIf(isMeasured).each(["csv", "parquet", "jsonl"])(
  "%s: a hundred thousand records against ten thousand",
  async (format) => {
    server = await startServer(place);
    const { endpoint, pid } = server;
    const token = readFileSync(join(place.dataDir, "admin.token"), "utf8").trim();
    const exported = async (query: string): Promise<{ records: number; bytes: number; peak: number }> => {
      const answer = await fetch(`${endpoint}/api/v1/metering-records/export?format=${format}${query}`, {
        headers: { authorization: `Bearer ${token}` },
      });
      expect(answer.status).toBe(200);
      let bytes = 0;
      for await (const chunk of answer.body ?? []) bytes += chunk.length;
      return { records: Number(answer.headers.get("meterhouse-records")), bytes, peak: peakBytes(pid) };
    };
    const to = new Date((hour + few / perHour) * 3_600_000).toISOString();
    // Twice: the first also loads what every export needs.
    await exported(`&to=${to}`);
    const small = await exported(`&to=${to}`);
    const large = await exported("");
    expect([small.records, large.records]).toEqual([few, many]);
    expect(large.bytes).toBeGreaterThan(small.bytes * 4);
    expect(large.peak - small.peak).toBeLessThan(growthMaxBytes);
    const several = await Promise.all(Array.from({ length: exportsMax }, () => exported(`&to=${to}`)));
    expect(several.map(({ bytes }) => bytes)).toEqual(several.map(() => small.bytes));
    expect(peakBytes(pid) - large.peak).toBeLessThan((exportsMax - 1) * threadMaxBytes);
  },
);
