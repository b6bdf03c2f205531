import type { Command } from "commander";
import { InvalidArgumentError, type Option } from "commander";
import { at, isRow, type Row, rowsOf } from "./api.ts";
import { addLeaf, addList, addNoun, arg, type Call, done, picked, show } from "./command.ts";
import type { CliContext } from "./context.ts";
import { usageError } from "./errors.ts";
import { choice, duration, option, whole } from "./options.ts";
import { didYouMean } from "./suggest.ts";

const kinds = ["unprocessed", "error", "cut", "throttle", "delay", "slow-body", "proxy-503"] as const;
const operations = ["BatchMeterUsage", "MeterUsage", "RegisterUsage", "ResolveCustomer", "GetEntitlements"] as const;
/** Options that go to the API by their own names. */
const members = [
  ...["operation", "product", "customer", "accessKeyId", "times", "untilRemoved", "share", "seed"],
  ...["records", "recordShare", "status", "phase", "bytes"],
];

export function registerFaults(program: Command, context: CliContext): void {
  const fault = addNoun(program, "fault", "faults that the next calls will meet");
  addPlan(fault, context);
  addList(fault, context, {
    description: "list the faults that still wait for calls",
    examples: ["fault list"],
    path: () => "/faults",
    isPaged: false,
    columns: [
      "id",
      { title: "KIND", value: (row) => given(row).kind },
      { title: "OPERATION", value: (row) => given(row).operation ?? "any" },
      { title: "CALLS", value: (row) => matchText(given(row)), isFlexible: true, isExtra: true },
      { title: "HITS", value: "hits", align: "right" },
      { title: "LEFT", value: ({ left }) => left ?? "until removed", align: "right" },
    ],
    what: "planned faults",
  });
  addList(fault, context, {
    name: "calls",
    description: "list the calls that a fault hit, newest first",
    examples: ["fault calls", "fault calls --operation BatchMeterUsage --all --json"],
    options: [choice("--operation <name>", "only calls of this operation", operations)],
    path: () => "/calls?fault=true",
    query: ["operation"],
    columns: [
      "at",
      "operation",
      { title: "FAULT", value: ({ faults }) => rowsOf(faults).map(markText).join(", ") },
      "outcome",
      { title: "RECORDS", value: "statuses", isExtra: true },
      { title: "REQUEST ID", value: "requestId" },
      { title: "KEY", value: "accessKeyId", isExtra: true },
    ],
    what: "calls that a fault hit",
  });
  addLeaf(fault, context, {
    name: "clear [id]",
    description: "take a planned fault back, or all of them",
    examples: ["fault clear", "fault clear 01234567-89ab-cdef-0123-456789abcdef"],
    run: async (call) => {
      const id = arg(call, 0);
      await call.api.json("DELETE", id === "" ? "/faults" : at("faults", id));
      await done(call, id === "" ? "No faults are planned any more." : `Fault ${id} is taken back.`);
    },
  });
}

function addPlan(parent: Command, context: CliContext): void {
  addLeaf(parent, context, {
    name: "plan <kind>",
    description: `plan a fault: ${kinds.slice(0, -1).join(", ")} or ${kinds.at(-1)}`,
    examples: [
      "fault plan throttle --operation BatchMeterUsage --times 3",
      "fault plan error --phase after-commit",
      "fault plan cut --phase after-commit --customer 444455556666",
      "fault plan unprocessed --records 0,2",
      "fault plan proxy-503 --product myproduct --share 0.1 --seed 7",
      "fault plan slow-body --delay 20s --until-removed",
    ],
    options: [
      choice("--operation <name>", "only calls of this operation", operations),
      option("--product <code>", "only calls that name this product"),
      option("--customer <id>", "only calls that name this buyer: account id, CustomerIdentifier or licence ARN"),
      option("--access-key-id <id>", "only calls signed with this key"),
      whole("--times <n>", "calls that it hits (default 1; with --share, until it is removed)", { min: 1 }),
      option("--until-removed", "goes on until it is taken back"),
      portion("--share <portion>", "of the calls that match, so many are hit"),
      whole("--seed <n>", "the same seed draws the same calls and records"),
      ...kindOptions(),
    ],
    members: { ms: "--delay" },
    run: async (call) => plan(call),
  });
}

function kindOptions(): readonly Option[] {
  return [
    option("--records <places>", "unprocessed: places in the batch, from 0, with commas").argParser(places),
    portion("--record-share <portion>", "unprocessed: so many of a batch's records"),
    whole("--status <code>", "error: HTTP status (default 500)", { min: 400 }),
    choice("--phase <phase>", "error, cut and delay: before or after the records are kept", [
      "before-commit",
      "after-commit",
    ]),
    duration("--delay <duration>", "delay: how long; slow-body: how long the body takes"),
    whole("--bytes <n>", "slow-body: size of its pieces (default 16)", { min: 1 }),
  ];
}

function portion(flags: string, description: string): Option {
  return option(flags, `${description}, from 0 to 1`).argParser((text: string) => {
    const value = Number(text);
    if (/^[\d.]+$/.test(text) && value >= 0 && value <= 1) return value;
    throw new InvalidArgumentError("It is a number from 0 to 1, such as 0.25.");
  });
}

function places(text: string): readonly number[] {
  if (/^\d+(,\d+)*$/.test(text)) return text.split(",").map(Number);
  throw new InvalidArgumentError("Write places from 0 with commas, such as 0,2.");
}

async function plan(call: Call): Promise<void> {
  const kind = arg(call, 0);
  const { flags } = call;
  if (!kinds.some((one) => one === kind)) {
    throw usageError(`'${kind}' is no kind of fault; there are ${kinds.join(", ")}.`, ...hint(kind));
  }
  if ((kind === "delay" || kind === "slow-body") && flags.delay === undefined) {
    throw usageError("say how long: --delay 2s.");
  }
  if (kind === "unprocessed" && flags.records === undefined && flags.recordShare === undefined) {
    throw usageError("say which records: --records 0,2 or --record-share 0.2.");
  }
  const body = { kind, ...picked(flags, members), ...(flags.delay === undefined ? {} : { ms: flags.delay }) };
  await show(call, await call.api.json("POST", "/faults", { body }));
}

function hint(kind: string): readonly string[] {
  const found = didYouMean(kind, kinds);
  return found === "" ? [] : [found];
}

function given({ fault }: Row): Row {
  return isRow(fault) ? fault : {};
}

/** Which calls, in one line. */
function matchText({ product, customer, accessKeyId, share }: Row): string {
  const portionText = share === undefined ? [] : [`${share} of them`];
  const named = [product, customer, accessKeyId].filter((one) => one !== undefined).map(String);
  return [...named, ...portionText].join(", ");
}

function markText({ kind, phase }: Row): string {
  return phase === undefined ? String(kind) : `${kind} ${phase}`;
}
