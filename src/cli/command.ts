/** How a command is made: its options, its connection, its examples, and what it does with them. */
import type { Command, Option } from "commander";
import { type Api, createApi, type Row } from "./api.ts";
import { connectionOf, defaultData, defaultUrl } from "./connection.ts";
import { type CliContext, write } from "./context.ts";
import { ApiProblem, CliError } from "./errors.ts";
import { option, whole } from "./options.ts";
import { type ColumnInput, printJson, printRow, printTable } from "./output.ts";
import { didYouMean } from "./suggest.ts";
import type { GivenInstant } from "./times.ts";

export type Flags = Readonly<Record<string, unknown>>;

export interface Call {
  readonly context: CliContext;
  readonly api: Api;
  readonly flags: Flags;
  /** The arguments in order; what is optional and left out is "". */
  readonly args: readonly string[];
  readonly isJson: boolean;
}

export interface LeafSpec {
  /** Name and arguments: `get <code>`. */
  readonly name: string;
  readonly description: string;
  /** After `meterhouse `. */
  readonly examples: readonly string[];
  readonly options?: readonly Option[];
  readonly run: (call: Call) => Promise<void>;
}

export interface ListSpec extends Omit<LeafSpec, "name" | "run"> {
  readonly name?: string;
  readonly path: (call: Call) => string;
  /** The filters of the API, by the names of their options. */
  readonly query?: readonly string[];
  /** Filters that are times. */
  readonly times?: readonly string[];
  readonly columns: readonly ColumnInput[];
  /** What there is none of when the list is empty: "products". */
  readonly what: string;
  /** false: the API answers with all of them at once. */
  readonly isPaged?: boolean;
}

export type Noun = (spec: LeafSpec) => Command;

export function noun(program: Command, context: CliContext, name: string, description: string): Command {
  return program.command(name).description(description).helpGroup("Commands:").enablePositionalOptions(false);
}
