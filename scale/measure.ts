/**
 * What a record costs on a real PostgreSQL with the real store and the real server: CPU time, round trips, WAL, bytes.
 * CPU time and not rates, so that a busy machine does the least harm. Writes `costs.json`.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { killAll } from "../bench/processes.ts";
import { createSealer, loadMasterKey } from "../src/secrets.ts";
import { openPostgresStore } from "../src/store/postgres/open.ts";
import { createDatabase, startPostgres, type TestDatabase } from "../test/support/postgres.ts";
import type { Costs } from "./costs.ts";
import { measureCatalog, measureServer } from "./measureServer.ts";
import { type Probe, StoreMeasure } from "./measureStore.ts";

export interface MeasureOptions {
  /** Seconds instead of minutes, with rough figures. */
  readonly quick: boolean;
  /** Where the costs go. Absent: nowhere. */
  readonly file?: URL | undefined;
  readonly say: (text: string) => void;
}

export async function measure({ quick, file, say }: MeasureOptions): Promise<Costs> {
  if (process.platform !== "linux") throw new Error("CPU time of PostgreSQL is read from /proc: this needs Linux.");
  const loadBefore = load();
  const dataDir = mkdtempSync(join(tmpdir(), "meterhouse-scale-"));
  const folder = mkdtempSync(join(tmpdir(), "meterhouse-scale-postgres-"));
  say("starting PostgreSQL");
  // As in life: what is committed is synced, and the first change of a page after a checkpoint logs the whole page.
  // Autovacuum would strike in the middle of one row and be counted there: its work is measured by itself.
  const more = { max_wal_size: "4GB", shared_buffers: "256MB", autovacuum: "off" };
  const server = await startPostgres({ fsync: "on", folder, more });
  const end = async (): Promise<void> => {
    killAll();
    rmSync(dataDir, { recursive: true, force: true });
    await server.stop();
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => void end().finally(() => process.exit(1)));
  try {
    const database = await createDatabase(server);
    const probe = await createProbe(folder, database);
    const sealer = createSealer(loadMasterKey({ dataDir, env: {} }));
    const catalog = await measureCatalog({ database, sealer, quick, say });
    const store = await openPostgresStore({ url: database.url, sealer });
    const measuring = new StoreMeasure({ store, probe, quick, say });
    const warm = await measuring.groups();
    await store.close();
    const again = await openPostgresStore({ url: database.url, sealer });
    const cold = await measuring.cold(again, warm);
    await again.close();
    const bytes = await measuring.bytes(database);
    const vacuumMicros = await measuring.vacuum(database);
    const { calls, parquetPerRecord } = await measureServer({ database, dataDir, probe, quick, say });
    const costs: Costs = {
      date: new Date().toISOString(),
      machine: {
        cpu: cpus()[0]?.model.trim() ?? "unknown",
        cores: availableParallelism(),
        node: process.versions.node,
        postgres: await versionOf(database),
        loadBefore,
        loadAfter: load(),
        isQuick: quick,
      },
      groups: warm.groups,
      cold,
      vacuumMicros,
      calls,
      bytes: { ...bytes, parquetPerRecord },
      catalog,
    };
    if (file !== undefined) writeFileSync(file, `${JSON.stringify(costs, undefined, 2)}\n`);
    return costs;
  } finally {
    await end();
  }
}

function load(): number {
  return Number((loadavg()[0] ?? 0).toFixed(2));
}

async function versionOf(database: TestDatabase): Promise<string> {
  const [row] = await database.query<{ version: string }>("SELECT current_setting('server_version') AS version");
  return row?.version ?? "unknown";
}

async function createProbe(folder: string, database: TestDatabase): Promise<Probe> {
  const pid = Number(readFileSync(join(folder, "postmaster.pid"), "utf8").split("\n")[0]);
  await database.query("CREATE EXTENSION pg_walinspect");
  return {
    postgresMicros: () => familyMicros(pid),
    walPlace: async () => {
      const [row] = await database.query<{ place: string }>("SELECT pg_current_wal_flush_lsn()::text AS place");
      return row?.place ?? "0/0";
    },
    walBytes: async (from, to) => {
      const [row] = await database.query<{ all: string; images: string }>(
        `SELECT (sum(record_size) + sum(fpi_size))::text AS all, sum(fpi_size)::text AS images
         FROM pg_get_wal_stats($1::pg_lsn, $2::pg_lsn)`,
        [from, to],
      );
      return { all: Number(row?.all ?? 0), images: Number(row?.images ?? 0) };
    },
    analyze: async () => {
      await database.query("ANALYZE");
    },
    checkpoint: async () => {
      await database.query("CHECKPOINT");
    },
  };
}

const microsPerTick = 10_000;

/** Of the first process, of those that live, and of those that it has waited for. */
function familyMicros(pid: number): number {
  const living = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
  const ticks = living.reduce((sum, child) => sum + ticksOf(child, 2), ticksOf(pid, 4));
  return ticks * microsPerTick;
}

/** utime and stime; with 4, what its ended children used as well. */
function ticksOf(pid: number, fields: 2 | 4): number {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    const all = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return all.slice(11, 11 + fields).reduce((sum, field) => sum + Number(field), 0);
  } catch {
    return 0;
  }
}
