/** PostgreSQL for a run: the one from npm, with fsync on, its data on the disk that is measured. */
import { mkdtempSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createDatabase, startPostgres } from "../test/support/postgres.ts";

export interface DatabaseServer {
  /** Of the process whose children do the work. */
  readonly pid: number;
  /** The URL of a new database. */
  create(): Promise<string>;
  stop(): Promise<void>;
}

/** What whoever runs such a server sets first: the defaults are for machines with little memory. */
const settings = { shared_buffers: "1GB", max_wal_size: "4GB" };

/** In a folder of its own below `dir`: a run by root starts it as another user, who must be able to reach it. */
export async function startDatabaseServer(dir: string): Promise<DatabaseServer> {
  const folder = mkdtempSync(join(dir, "meterhouse-bench-postgres-"));
  const server = await startPostgres({ fsync: "on", folder, more: settings });
  const [pid = ""] = readFileSync(join(folder, "postmaster.pid"), "utf8").split("\n");
  return { pid: Number(pid), create: async () => (await createDatabase(server)).url, stop: () => server.stop() };
}
