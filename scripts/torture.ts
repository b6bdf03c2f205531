/**
 * `npm run torture`: breaks things under load by real SDK clients and looks for what was lost. docs/torture.md says how,
 * and holds the last results.
 */
import { tmpdir } from "node:os";
import { parseArgs } from "node:util";
import { recordResult } from "./torture/record.ts";
import { type ScenarioName, scenarios } from "./torture/scenarios.ts";

const help = `Breaks things under load and looks for what was lost.

  npm run torture                         all of them, one after another
  npm run torture -- nodes                three nodes over one PostgreSQL, 60 s
  npm run torture -- postgres             the same while PostgreSQL, nodes and connections are killed
  npm run torture -- embedded             kills of a server on SQLite
  npm run torture -- overload             five times what one server can do, on SQLite

  --seconds N       of load (nodes, postgres: 60; overload: 10)
  --rounds N        of faults (postgres: 5), or of kills (embedded: 200)
  --record          write the result into docs/torture.md
`;

const usual: Readonly<Record<ScenarioName, { readonly seconds: number; readonly rounds: number }>> = {
  nodes: { seconds: 60, rounds: 0 },
  postgres: { seconds: 60, rounds: 5 },
  embedded: { seconds: 0, rounds: 200 },
  overload: { seconds: 10, rounds: 0 },
};

function isScenario(name: string): name is ScenarioName {
  return Object.hasOwn(scenarios, name);
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: "string" },
    rounds: { type: "string" },
    record: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

function positive(name: string, text: string): number {
  if (/^[1-9]\d*$/.test(text)) return Number(text);
  throw new Error(`--${name} takes a whole number from 1 on, not '${text}'.`);
}

async function run(): Promise<void> {
  const names = positionals.length === 0 ? Object.keys(scenarios) : positionals;
  for (const name of names) {
    if (!isScenario(name)) {
      throw new Error(`There is no scenario '${name}'; there are ${Object.keys(scenarios).join(", ")}.`);
    }
  }
  for (const name of names.filter(isScenario)) {
    console.log(`\n${name}`);
    const seconds = values.seconds === undefined ? usual[name].seconds : positive("seconds", values.seconds);
    const rounds = values.rounds === undefined ? usual[name].rounds : positive("rounds", values.rounds);
    const rows = await scenarios[name]({ seconds, rounds, tell: (line) => console.log(`  ${line}`) });
    for (const [what, value] of rows) console.log(`  ${what}: ${value}`);
    if (values.record) recordResult(name, rows, tmpdir());
  }
}

if (values.help) console.log(help);
else {
  try {
    await run();
    process.exit(0);
  } catch (error) {
    console.error(error);
    process.exit(1);
  }
}
