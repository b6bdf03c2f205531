/** PostgreSQL for a run: the one from npm, with fsync on, its data on the disk that is measured. */
import { mkdtempSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { startPostgres } from "../test/support/postgres.ts";

export interface Database {
  readonly url: string;
  /** Of the process whose children do the work. */
  readonly pid: number;
  stop(): Promise<void>;
}

/** What whoever runs such a server sets first: the defaults are for machines with little memory. */
const settings = { shared_buffers: "1GB", max_wal_size: "4GB" };

/** In a folder of its own below `dir`: a run by root starts it as another user, who must be able to reach it. */
export async function startDatabase(dir: string): Promise<Database> {
  const folder = mkdtempSync(join(dir, "meterhouse-bench-postgres-"));
  const server = await startPostgres({ fsync: "on", folder, more: settings });
  const [pid = ""] = readFileSync(join(folder, "postmaster.pid"), "utf8").split("\n");
  return { url: server.url, pid: Number(pid), stop: () => server.stop() };
}
