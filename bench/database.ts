/** PostgreSQL for a run: the one from npm, with fsync on, its data on the disk that is measured. */
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { startPostgres } from "../test/support/postgres.ts";

export interface Database {
  readonly url: string;
  /** Of the process whose children do the work. */
  readonly pid: number;
  stop(): Promise<void>;
}

export async function startDatabase(root: string): Promise<Database> {
  const folder = join(root, "postgres");
  mkdirSync(folder);
  // Its user must be able to reach the folder when the run is root's.
  const server = await startPostgres({ fsync: "on", folder });
  const [pid = ""] = readFileSync(join(folder, "postmaster.pid"), "utf8").split("\n");
  return { url: server.url, pid: Number(pid), stop: () => server.stop() };
}
