/** One PostgreSQL for a whole run of tests, started when the first of its processes asks, stopped with the run. */
import { once } from "node:events";
import { mkdtemp, statfs } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { type PostgresServer, serverVariable, startPostgres } from "./postgres.ts";

/** What the cluster and its log of at most 1 GB may take, with room. */
const memoryMinBytes = 4 * 2 ** 30;

/**
 * In memory where there is enough: each test makes and drops a database of some 300 files, and a file system on disk takes
 * longer to make one the more of them were dropped just before.
 */
async function start(): Promise<PostgresServer> {
  const major = process.env.METERHOUSE_TEST_POSTGRES_MAJOR === "15" ? 15 : 18;
  const memory = await statfs("/dev/shm").catch(() => undefined);
  if (memory === undefined || memory.bavail * memory.bsize < memoryMinBytes) return startPostgres({ major });
  return startPostgres({ major, folder: await mkdtemp(join("/dev/shm", "meterhouse-postgres-")) });
}

let starting: Promise<PostgresServer> | undefined;
const answers = createServer((_request, response) => {
  // The oldest version that is supported, when it is asked for.
  starting ??= start();
  starting.then(
    ({ url }) => response.end(url),
    (error: unknown) => response.writeHead(500).end(String(error)),
  );
});

export async function setup(): Promise<void> {
  answers.listen(0, "127.0.0.1");
  await once(answers, "listening");
  // A run that fails early must not wait for it.
  answers.unref();
  const address = answers.address();
  if (address === null || typeof address === "string") throw new Error("no port is free");
  process.env[serverVariable] = `http://127.0.0.1:${address.port}`;
}

export async function teardown(): Promise<void> {
  answers.close();
  if (starting !== undefined) await (await starting).stop();
}
