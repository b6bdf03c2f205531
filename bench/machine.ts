/** What the figures depend on. */
import { closeSync, fdatasyncSync, openSync, rmSync, statfsSync, writeSync } from "node:fs";
import { availableParallelism, cpus, loadavg, release, type as systemName, totalmem } from "node:os";
import { join } from "node:path";

const probeWrites = 200;
const probeBytes = 4_096;
/** Its fdatasync costs nothing, so durable figures taken there mean nothing. */
const tmpfsType = 0x01021994;

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
  readonly sqlite: string;
  readonly date: string;
  /** Median time to make 4 KiB at the end of a file durable. */
  readonly fsyncMicros: number;
  readonly isInMemory: boolean;
  /** Of the last minute, before the run: anything much above 0 means that others were at work. */
  readonly loadAverage: number;
}

export function describeMachine(folder: string): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${systemName()} ${release()}`,
    node: process.versions.node,
    sqlite: process.versions.sqlite ?? "unknown",
    date: new Date().toISOString(),
    fsyncMicros: Math.round(probeFsync(folder)),
    isInMemory: process.platform === "linux" && statfsSync(folder).type === tmpfsType,
    loadAverage: Number((loadavg()[0] ?? 0).toFixed(2)),
  };
}

function probeFsync(folder: string): number {
  const file = join(folder, "fsync-probe");
  const descriptor = openSync(file, "w");
  const block = Buffer.alloc(probeBytes, 1);
  try {
    const times = Array.from({ length: probeWrites }, () => {
      writeSync(descriptor, block);
      const startedAt = performance.now();
      fdatasyncSync(descriptor);
      return (performance.now() - startedAt) * 1_000;
    });
    return times.sort((a, b) => a - b)[probeWrites / 2] ?? 0;
  } finally {
    closeSync(descriptor);
    rmSync(file);
  }
}
