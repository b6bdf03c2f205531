/** Commands that work on a store itself, without a server: where it is, and what they tell a log. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Option } from "commander";
import { keyVariable } from "../secrets.ts";
import type { Flags } from "./command.ts";
import { defaultData } from "./connection.ts";
import type { CliContext } from "./context.ts";
import { CliError, codeOf, usageError } from "./errors.ts";
import { option } from "./options.ts";

export const placeOptions: readonly Option[] = [
  option("--data <dir>", `data folder (METERHOUSE_DATA; default ${defaultData})`),
  option("--database <url>", "PostgreSQL instead of the file in the data folder (METERHOUSE_DATABASE_URL)"),
];

export const keyFileOption: Option = option(
  "--key-file <file>",
  `file of the master key (default: ${keyVariable}, else master.key in the data folder)`,
);

/** As `serve` has them. */
export function dataDirOf(flags: Flags, { env }: CliContext): string {
  return resolve(given(flags.data) ?? given(env.METERHOUSE_DATA) ?? defaultData);
}

export function databaseOf(flags: Flags, { env }: CliContext): string | undefined {
  return given(flags.database) ?? given(env.METERHOUSE_DATABASE_URL);
}

export type Env = Readonly<Record<string, string | undefined>>;

/** The environment, with the key of `--key-file` where one is given. */
export function keyEnv(flags: Flags, { env }: CliContext): Env {
  const file = given(flags.keyFile);
  if (file === undefined) return env;
  try {
    return { ...env, [keyVariable]: readFileSync(file, "utf8").trim() };
  } catch (error) {
    throw new CliError(`${file} cannot be read (${codeOf(error) ?? String(error)}).`);
  }
}

export type NamedPlace = { readonly folder: string } | { readonly url: string };

/** A data folder, `postgres://…`, or `env:NAME` for either, so that no process list shows a password. */
export function namedPlace(text: unknown, flag: string, { env }: CliContext): NamedPlace {
  const name = given(text);
  if (name === undefined) throw usageError(`${flag} names a data folder or postgres://…`);
  const variable = /^env:([A-Za-z_][A-Za-z0-9_]*)$/.exec(name)?.[1];
  const value = variable === undefined ? name : given(env[variable]);
  if (value === undefined) throw usageError(`${flag}: the environment variable ${variable ?? ""} is not set.`);
  return /^postgres(?:ql)?:\/\//i.test(value) ? { url: value } : { folder: resolve(value) };
}

/** For people: never with a password. */
export function shownPlace(place: NamedPlace): string {
  if ("folder" in place) return place.folder;
  const url = URL.parse(place.url);
  return url === null ? "the database" : `the database ${url.host}${url.pathname}`;
}

function given(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** What a store has to say meanwhile goes to stderr, as from a server. */
export async function errorLog(): Promise<import("pino").Logger> {
  const { pino } = await import("pino");
  return pino({ level: "error", base: null }, pino.destination({ fd: 2, sync: true }));
}
