/** One PostgreSQL for a whole run of tests, started when the first of its processes asks, stopped with the run. */
import { once } from "node:events";
import { createServer } from "node:http";
import { type PostgresServer, serverVariable, startPostgres } from "./postgres.ts";

let starting: Promise<PostgresServer> | undefined;
const answers = createServer((_request, response) => {
  // The oldest version that is supported, when it is asked for.
  starting ??= startPostgres({ major: process.env.METERHOUSE_TEST_POSTGRES_MAJOR === "15" ? 15 : 18 });
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
