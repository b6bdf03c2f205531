import type { Command } from "commander";
import { type Row, rowsOf } from "./api.ts";
import { addLeaf, addNoun, arg, type Call, isJson, show } from "./command.ts";
import type { CliContext } from "./context.ts";
import { usageError } from "./errors.ts";
import { assignment } from "./options.ts";
import { type Column, printJson, printTable } from "./output.ts";
import { didYouMean } from "./suggest.ts";

export function registerSettings(program: Command, context: CliContext): void {
  const settings = addNoun(program, "settings", "switches for what AWS's documents leave open");
  addLeaf(settings, context, {
    name: "get [name]",
    description: "show the switches, or one of them",
    examples: ["settings get", "settings get finalHourSec"],
    run: async (call) => {
      const answer = await call.api.json("GET", "/settings");
      const name = arg(call, 0);
      if (name !== "") return show(call, named(rowsOf(answer.items), name));
      await showAll(call, answer);
    },
  });
  addLeaf(settings, context, {
    name: "set <assignments...>",
    description: "set switches; they hold from the next call on. name=default puts one back",
    examples: ["settings set finalHourSec=60 token.singleUse=true", "settings set finalHourSec=default"],
    run: async (call) => {
      const known = rowsOf((await call.api.json("GET", "/settings")).items);
      const body = Object.fromEntries(
        call.args.map((text) => {
          const [name, value] = assignment(text);
          return [name, typedValue(named(known, name), value)];
        }),
      );
      const answer = await call.api.json("PATCH", "/settings", { body });
      if (isJson(call)) return printJson(context, answer);
      const changed = rowsOf(answer.items).filter(({ name }) => String(name) in body);
      await printTable(context, changed, ["name", asSet("value"), asSet("default")]);
    },
  });
}

/** As `settings set` takes it: true, not yes. */
function asSet(member: string): Column {
  return {
    title: member.toUpperCase(),
    value: (row) => (typeof row[member] === "boolean" ? String(row[member]) : row[member]),
  };
}

async function showAll(call: Call, answer: Row): Promise<void> {
  if (isJson(call)) return printJson(call.context, answer);
  await printTable(call.context, rowsOf(answer.items), [
    { title: "NAME", value: ({ name, isDefault }) => `${String(name)}${isDefault === true ? "" : " *"}` },
    asSet("value"),
    asSet("default"),
    { title: "RULE", value: "rule", isFlexible: true },
  ]);
}

function named(known: readonly Row[], name: string): Row {
  const found = known.find((one) => one.name === name);
  if (found !== undefined) return found;
  const names = known.map((one) => String(one.name));
  throw usageError(`there is no switch '${name}'.`, didYouMean(name, names) || `There are: ${names.join(", ")}.`);
}

/** The text as the kind of value that the switch has: `revision=2024` is text, `finalHourSec=60` a number. */
function typedValue(row: Row, text: string): unknown {
  if (text === "default") return null;
  if (/^[{[]/.test(text)) {
    try {
      return JSON.parse(text) as unknown;
    } catch {
      throw usageError(`${String(row.name)}: the value is not JSON.`);
    }
  }
  if (typeof row.default === "boolean") {
    if (text === "true" || text === "false") return text === "true";
    throw usageError(`${String(row.name)} is true or false, not '${text}'.`);
  }
  if (typeof row.default !== "number") return text;
  const number = Number(text);
  if (text.trim() !== "" && Number.isFinite(number)) return number;
  throw usageError(`${String(row.name)} is a number, not '${text}'.`);
}
