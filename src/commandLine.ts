/** The command line: `meterhouse serve`, and the commands of `cli/` over the control plane of a server that runs. */
import { InvalidArgumentError, Option } from "commander";
import { parseTime } from "./catalog/times.ts";
import { createProgram, registerNouns, run } from "./cli/run.ts";
import { earliestBusinessAt, latestBusinessAt } from "./clock.ts";
import type { ServeFlags } from "./serve.ts";

function portNumber(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535)
    throw new InvalidArgumentError("A port is a number from 0 to 65535; 0 picks a free one.");
  return port;
}

function instantOf(text: string): number {
  const parsed = parseTime(text);
  if (parsed?.kind === "absolute" && parsed.at >= earliestBusinessAt && parsed.at <= latestBusinessAt) return parsed.at;
  throw new InvalidArgumentError("It is an instant of the years 1970 to 9999, such as 2026-08-15T10:20:00Z.");
}

const delayMaxSeconds = 3_600;

function delaySeconds(text: string): number {
  const seconds = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && seconds <= delayMaxSeconds) return seconds;
  throw new InvalidArgumentError(`It is a number of seconds from 0 to ${delayMaxSeconds}.`);
}

function collect(value: string, values: readonly string[]): readonly string[] {
  return [...values, value];
}

const context = { env: process.env, stdin: process.stdin, stdout: process.stdout, stderr: process.stderr };
const program = createProgram();

program
  .command("serve")
  .description("start the server")
  .addOption(
    new Option("--port <number>", "port; 0 picks a free one")
      .env("METERHOUSE_PORT")
      .default(4016)
      .argParser(portNumber),
  )
  .addOption(new Option("--host <address>", "address to listen on").env("METERHOUSE_HOST").default("127.0.0.1"))
  .addOption(new Option("--data <dir>", "data folder").env("METERHOUSE_DATA").default("./meterhouse-data"))
  .addOption(
    new Option(
      "--database <url>",
      "PostgreSQL that many nodes share, postgres://…; better by the environment, which no process list shows",
    ).env("METERHOUSE_DATABASE_URL"),
  )
  .addOption(
    new Option("--catalog <file>", "catalogue file (YAML or JSON), loaded at every start")
      .env("METERHOUSE_CATALOG")
      .conflicts("demo"),
  )
  .addOption(new Option("--demo", "load the demo catalogue and print its credentials"))
  .addOption(
    new Option("--allowed-host <name>", "name that browsers may reach the server by; repeatable")
      .default([] as readonly string[], "loopback names and addresses")
      .argParser(collect),
  )
  .addOption(
    new Option("--tls-cert <file>", "certificate chain, PEM; read again when it changes").env("METERHOUSE_TLS_CERT"),
  )
  .addOption(new Option("--tls-key <file>", "key of the certificate, PEM").env("METERHOUSE_TLS_KEY"))
  .addOption(
    new Option(
      "--now <time>",
      "set the business clock; it stands there (default: as the data folder keeps it)",
    ).argParser(instantOf),
  )
  .addOption(new Option("--no-marketplace", "do not serve the buyer's pages"))
  .addOption(
    new Option("--log-level <level>", "what goes to stderr")
      .choices(["debug", "info", "warn", "error", "silent"])
      .env("METERHOUSE_LOG_LEVEL")
      .default("info"),
  )
  .addOption(
    new Option("--stop-delay <seconds>", "after SIGTERM: not ready, but serving for so long, so that balancers notice")
      .env("METERHOUSE_STOP_DELAY")
      .default(0)
      .argParser(delaySeconds),
  )
  .addHelpText(
    "after",
    `
Examples:
  meterhouse serve --demo
  meterhouse serve --catalog catalog.yaml --port 0 --data /var/lib/meterhouse

Environment: METERHOUSE_MASTER_KEY seals the secrets at rest (32 bytes as 64 hex digits or base64);
without it a key file is made in the data folder. Nodes that share a database need the same key, and the same
METERHOUSE_ADMIN_TOKEN.`,
  )
  // Loaded when it is wanted: the other commands need no server and start faster without one.
  .action(async (flags: ServeFlags) => (await import("./serve.ts")).serve(flags));

registerNouns(program, context);
await run(program, context, process.argv);
