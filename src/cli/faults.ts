import type { Command } from "commander";
import { InvalidArgumentError } from "commander";
import { at, isRow } from "./api.ts";
import { addLeaf, addList, addNoun, arg, type Call, done, picked, show } from "./command.ts";
import type { CliContext } from "./context.ts";
import { usageError } from "./errors.ts";
import { choice, duration, option, whole } from "./options.ts";
import { didYouMean } from "./suggest.ts";

const kinds = ["unprocessed", "error", "throttle", "delay"] as const;
const operations = ["BatchMeterUsage", "MeterUsage", "RegisterUsage", "ResolveCustomer", "GetEntitlements"] as const;

export function registerFaults(program: Command, context: CliContext): void {
  const fault = addNoun(program, "fault", "faults that the next calls will meet");
  addLeaf(fault, context, {
    name: "plan <kind>",
    description: "plan a fault: unprocessed, error, throttle or delay",
    examples: [
      "fault plan throttle --operation BatchMeterUsage --times 3",
      "fault plan error --phase after-commit",
      "fault plan unprocessed --records 0,2",
      "fault plan delay --delay 2s",
    ],
    options: [
      choice("--operation <name>", "only calls of this operation", operations),
      whole("--times <n>", "calls that it hits (default 1)", { min: 1 }),
      option("--records <places>", "unprocessed: places in the batch, from 0, with commas").argParser(places),
      whole("--status <code>", "error: HTTP status (default 500)", { min: 400 }),
      choice("--phase <phase>", "error and delay: before or after the records are kept", [
        "before-commit",
        "after-commit",
      ]),
      duration("--delay <duration>", "delay: how long"),
    ],
    members: { ms: "--delay" },
    run: async (call) => plan(call),
  });
  addList(fault, context, {
    description: "list the faults that still wait for calls",
    examples: ["fault list"],
    path: () => "/faults",
    isPaged: false,
    columns: [
      "id",
      { title: "KIND", value: ({ fault: given }) => (isRow(given) ? given.kind : undefined) },
      { title: "OPERATION", value: ({ fault: given }) => (isRow(given) ? (given.operation ?? "any") : "any") },
      { title: "LEFT", value: "left", align: "right" },
    ],
    what: "planned faults",
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
  if (kind === "delay" && flags.delay === undefined) throw usageError("say how long: --delay 2s.");
  if (kind === "unprocessed" && flags.records === undefined) throw usageError("say which records: --records 0,2.");
  const body = {
    kind,
    ...picked(flags, ["operation", "times", "records", "status", "phase"]),
    ...(flags.delay === undefined ? {} : { ms: flags.delay }),
  };
  await show(call, await call.api.json("POST", "/faults", { body }));
}

function hint(kind: string): readonly string[] {
  const found = didYouMean(kind, kinds);
  return found === "" ? [] : [found];
}
