/** One soak: a server, everything on, samples at even times, a verdict on each series. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { endProcesses, makePlace, startServer } from "../../test/support/serverProcess.ts";
import { usageCatalog } from "../../test/support/usageCatalog.ts";
import { startLife, type Tally } from "./life.ts";
import { type Sample, seriesOf, takeSample } from "./sampler.ts";
import { type Verdict, verdictOf } from "./verdict.ts";

const buyers = 1_000;

export interface SoakOptions {
  readonly seconds: number;
  readonly sampleEveryMs: number;
  readonly callsPerSecond: number;
  readonly haste: number;
  readonly tell: (line: string) => void;
}

export interface SoakResult extends Tally {
  readonly samples: readonly Sample[];
  readonly verdicts: readonly Verdict[];
  /** What the server said, beyond its ready line; nothing is as it should be. */
  readonly stderr: string;
}

export async function soak(options: SoakOptions): Promise<SoakResult> {
  const { seconds, sampleEveryMs, callsPerSecond, haste, tell } = options;
  const place = makePlace(usageCatalog({ buyers, hourly: true }));
  try {
    const server = await startServer(place);
    const { endpoint } = server;
    const token = readFileSync(join(place.dataDir, "admin.token"), "utf8").trim();
    const metrics = async (): Promise<string> => (await fetch(`${endpoint}/metrics`)).text();
    const life = await startLife({ endpoint, token, buyers, callsPerSecond, haste });
    const samples: Sample[] = [];
    const startedAt = performance.now();
    for (let count = 1; count * sampleEveryMs <= seconds * 1_000; count += 1) {
      await sleep(Math.max(0, startedAt + count * sampleEveryMs - performance.now()));
      const sample = await takeSample(server.pid, place, metrics);
      samples.push(sample);
      tell(sampleText((performance.now() - startedAt) / 1_000, sample));
    }
    await life.stop();
    server.signal("SIGTERM");
    const { code, stderr } = await server.exit;
    if (code !== 0) life.tally.faults.push(`the server ended with code ${code}`);
    return { ...life.tally, samples, verdicts: seriesOf(samples).map(verdictOf), stderr };
  } finally {
    await endProcesses();
  }
}

function sampleText(atSeconds: number, sample: Sample): string {
  const { residentBytes, heapBytes, handles, walBytes, dataBytes, calls, loopDelaySeconds } = sample;
  const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(0);
  return [
    `${atSeconds.toFixed(0)} s`,
    `${mib(residentBytes)} MiB resident`,
    `${mib(heapBytes)} MiB heap`,
    `${handles} handles`,
    `WAL ${mib(walBytes)} MiB`,
    `data ${mib(dataBytes)} MiB`,
    `${calls} calls`,
    `loop p99 ${(loopDelaySeconds * 1_000).toFixed(0)} ms`,
  ].join(", ");
}

export function verdictTable(verdicts: readonly Verdict[]): string {
  const head = "| | first | median of the 2nd half | highest | last | growth in the 2nd half | allowed | |";
  const rows = verdicts.map((one) => {
    const show = (value: number): string => `${value.toFixed(value < 100 ? 1 : 0)} ${one.unit}`.trim();
    const cells = [one.first, one.median, one.highest, one.last, one.growth, one.growthMax].map(show);
    return `| ${[one.name, ...cells, one.isLevel ? "level" : "**not level**"].join(" | ")} |`;
  });
  return [head, "|---|---|---|---|---|---|---|---|", ...rows].join("\n");
}
