/** How a command is made: its options, its connection, its examples, and what becomes of its errors. */
import { type Command, InvalidArgumentError, type Option } from "commander";
import { type Api, createApi, type Row, rowsOf } from "./api.ts";
import { connectionOf, defaultData, defaultUrl } from "./connection.ts";
import { type CliContext, write } from "./context.ts";
import { ApiProblem, CliError, type MemberFault, usageError } from "./errors.ts";
import { option, whole } from "./options.ts";
import { type ColumnInput, printJson, printRow, printTable } from "./output.ts";
import { didYouMean } from "./suggest.ts";
import type { GivenInstant } from "./times.ts";

export type Flags = Readonly<Record<string, unknown>>;

export interface Call {
  readonly context: CliContext;
  readonly api: Api;
  readonly flags: Flags;
  /** In order; "" for one that is left out. */
  readonly args: readonly string[];
}

export interface LeafSpec {
  /** With its arguments: `get <code>`. */
  readonly name: string;
  readonly description: string;
  /** Without the program's name. */
  readonly examples: readonly string[];
  readonly options?: readonly Option[];
  /** Options that go by another name in the API: what its refusals are about. */
  readonly members?: Readonly<Record<string, string>>;
  readonly run: (call: Call) => Promise<void>;
}

export interface ListSpec extends Omit<LeafSpec, "name" | "run"> {
  readonly path: (call: Call) => string;
  readonly name?: string;
  /** Filters of the API, by the names of their options. */
  readonly query?: readonly string[];
  /** Those that are times. */
  readonly times?: readonly string[];
  readonly columns: readonly ColumnInput[];
  /** What there is none of: "products". */
  readonly what: string;
  /** false: the API answers with all of them at once. */
  readonly isPaged?: boolean;
}

const listDefault = 100;

/** Of each command, for its own help and for that of its noun. */
const examples = new WeakMap<Command, readonly string[]>();
const nounExamplesMax = 3;

export function addNoun(program: Command, name: string, description: string): Command {
  const command = program.command(name).description(description);
  return command.addHelpText("after", () =>
    exampleText(command.commands.slice(0, nounExamplesMax).flatMap((one) => examples.get(one)?.slice(0, 1) ?? [])),
  );
}

function exampleText(lines: readonly string[]): string {
  return `\nExample${lines.length > 1 ? "s" : ""}:\n${lines.map((line) => `  meterhouse ${line}`).join("\n")}`;
}

/** A command that calls the control plane. */
export function addLeaf(parent: Command, context: CliContext, spec: LeafSpec): void {
  const command = addLocalLeaf(parent, spec, async (flags, args) => {
    let api: Api | undefined;
    // Made when it is asked for: a command that turns out to need no server needs no token either.
    const connected = (): Api => (api ??= createApi(connectionOf(flags, context)));
    try {
      await spec.run({
        context,
        get api() {
          return connected();
        },
        ...{ flags, args },
      });
    } catch (error) {
      throw error instanceof ApiProblem ? await inWords(error, spec, connected()) : error;
    }
  });
  command.addOption(option("--json", "print the answer of the API"));
  command.optionsGroup("Connection:");
  // No defaults of Commander's: whether a flag was given decides which of them holds.
  command.addOption(option("--url <url>", `the server (METERHOUSE_URL; default ${defaultUrl})`));
  command.addOption(
    option("--token <token>", "admin token (METERHOUSE_ADMIN_TOKEN); other users see a command's flags"),
  );
  command.addOption(
    option("--data <dir>", `data folder whose admin.token to use (METERHOUSE_DATA; default ${defaultData})`),
  );
}

/** A command that needs no server. */
export function addLocalLeaf(
  parent: Command,
  spec: Omit<LeafSpec, "run">,
  run: (flags: Flags, args: readonly string[]) => Promise<void>,
): Command {
  const command = parent.command(spec.name).description(spec.description);
  for (const one of spec.options ?? []) command.addOption(one);
  examples.set(command, spec.examples);
  command.addHelpText("after", exampleText(spec.examples));
  command.action(async () => {
    // A variadic argument comes as a list.
    const args = command.processedArgs.flat().map((one: unknown) => (typeof one === "string" ? one : ""));
    try {
      await run(command.opts<Flags>(), args);
    } catch (error) {
      // Of an argument; Commander reports those of options itself.
      throw error instanceof InvalidArgumentError ? usageError(error.message) : error;
    }
  });
  return command;
}

/** A list: all pages as one, up to `--limit` rows. */
export function addList(parent: Command, context: CliContext, spec: ListSpec): void {
  const isPaged = spec.isPaged ?? true;
  const paging = [
    whole("--limit <n>", `at most so many (default ${listDefault})`, { min: 1 }),
    option("--all", "all of them").conflicts("limit"),
    option("--cursor <cursor>", "go on where another list stopped"),
  ];
  addLeaf(parent, context, {
    name: spec.name ?? "list",
    description: spec.description,
    examples: spec.examples,
    options: [...(spec.options ?? []), ...(isPaged ? paging : [])],
    run: async (call) => {
      const found = isPaged ? await collect(call, spec) : await call.api.json("GET", spec.path(call));
      if (isJson(call)) return printJson(context, found);
      const items = rowsOf(found.items);
      if (items.length === 0) return say(call, `No ${spec.what}.`);
      await printTable(context, items, spec.columns);
      if (typeof found.nextCursor !== "string") return;
      await say(call, `There are more: --all lists them, --cursor ${found.nextCursor} goes on here.`);
    },
  });
}

async function collect(call: Call, spec: ListSpec): Promise<Row> {
  const { flags, api } = call;
  const query = { ...picked(flags, spec.query ?? []), ...(await instants(call, spec.times ?? [])) };
  const limit = flags.all === true ? Number.POSITIVE_INFINITY : Number(flags.limit ?? listDefault);
  const cursor = typeof flags.cursor === "string" ? { cursor: flags.cursor } : {};
  const items: Row[] = [];
  let next: string | undefined;
  for await (const page of api.pages(spec.path(call), { query, limit, ...cursor })) {
    for (const item of page.items) items.push(item);
    next = page.nextCursor;
  }
  return { items, ...(next === undefined ? {} : { nextCursor: next }) };
}

export function isJson({ flags }: Call): boolean {
  return flags.json === true;
}

/** One thing that the API answered with: the JSON, or its members in lines. */
export async function show(call: Call, row: Row, shown: Row = row): Promise<void> {
  if (isJson(call)) await printJson(call.context, row);
  else await printRow(call.context, shown);
}

/** To stderr, for people: stdout holds what was asked for and nothing else. */
export async function say({ context }: Pick<Call, "context">, text: string): Promise<void> {
  await write(context.stderr, `${text}\n`);
}

/** What was done, where the API has nothing to answer. */
export async function done(call: Call, text: string): Promise<void> {
  if (!isJson(call)) await write(call.context.stdout, `${text}\n`);
}

export function arg(call: Call, place: number): string {
  return call.args[place] ?? "";
}

export function text(flags: Flags, name: string): string | undefined {
  const value = flags[name];
  return typeof value === "string" ? value : undefined;
}

/** The flags that were given, of those names. */
export function picked(flags: Flags, names: readonly string[]): Flags {
  return Object.fromEntries(names.filter((name) => flags[name] !== undefined).map((name) => [name, flags[name]]));
}

/** Flags that are times, as the API takes them. Relative ones count from the server's business clock, or its wall clock. */
export async function instants(
  { api, flags }: Call,
  names: readonly string[],
  clock: "now" | "wall" = "now",
): Promise<Flags> {
  const given = names.flatMap((name) => (isInstant(flags[name]) ? [[name, flags[name]] as const] : []));
  const isRelative = given.some(([, one]) => one.kind === "relative");
  const now = isRelative ? Date.parse(String((await api.json("GET", "/clock"))[clock])) : 0;
  return Object.fromEntries(given.map(([name, one]) => [name, isoOf(one, now)]));
}

function isInstant(value: unknown): value is GivenInstant {
  return typeof value === "object" && value !== null && "kind" in value;
}

function isoOf(given: GivenInstant, now: number): string {
  const at = new Date(given.kind === "absolute" ? given.at : now + given.offsetMs);
  if (Number.isNaN(at.getTime())) throw new CliError("a time lies beyond what a clock can show.");
  return at.toISOString();
}

/** A refusal as a person reads it: each wrong member by the name of its option, and what was maybe meant. */
async function inWords(problem: ApiProblem, spec: LeafSpec, api: Api): Promise<CliError> {
  const hints = [...problem.hints, ...(await likelyNames(problem, api))];
  const [only] = problem.faults;
  if (only === undefined) return new CliError(problem.detail, { hints });
  const lines = problem.faults.map((fault) => `${placeOf(fault, spec)}${fault.message}`);
  if (lines.length === 1) return new CliError(`refused: ${lines[0]}`, { hints });
  return new CliError(`refused:${lines.map((line) => `\n  ${line}`).join("")}`, { hints });
}

function placeOf({ path }: MemberFault, { options = [], members = {} }: LeafSpec): string {
  const [head, ...rest] = path;
  if (head === undefined) return "";
  // Lists have the plural in the API, and an option for each of their entries.
  const found = options.find((one) => [head, head.replace(/s$/, "")].includes(one.attributeName()));
  const inside = rest.map((step) => (/^\d+$/.test(step) ? `[${step}]` : `.${step}`)).join("");
  return `${members[head] ?? found?.long ?? head}${inside}: `;
}

const named: readonly (readonly [RegExp, string, string])[] = [
  [/no product '([^']+)'/i, "/products", "code"],
  [/no account (?:or CustomerIdentifier )?'?([^\s']+?)'?\.?$/i, "/accounts", "id"],
];

async function likelyNames(problem: ApiProblem, api: Api): Promise<readonly string[]> {
  const messages = [problem.detail, ...problem.faults.map(({ message }) => message)];
  for (const [form, path, member] of named) {
    const name = messages.map((message) => form.exec(message)?.[1]).find((one) => one !== undefined);
    if (name === undefined) continue;
    // Only a hint: whatever goes wrong here must not hide what went wrong before.
    const answer = await api.json("GET", path, { query: { limit: 1_000 } }).catch((): Row => ({}));
    const hint = didYouMean(
      name,
      rowsOf(answer.items).map((row) => String(row[member])),
    );
    return hint === "" ? [] : [hint];
  }
  return [];
}
