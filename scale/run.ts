/** `npm run scale`: the simulation and the tables; `--measure` first measures anew, `--write` brings docs/scale.md up to date. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { type Costs, costsFile, readCosts } from "./costs.ts";
import { imagesOf } from "./images.ts";
import { measure } from "./measure.ts";
import { blocksOf, withBlocks } from "./report.ts";
import { runAll, scenariosOf } from "./scenarios.ts";

const help = `npm run scale [-- OPTIONS]

  --measure   measure costs anew on a real PostgreSQL, into scale/costs.json (Linux; some minutes)
  --quick     with --measure: a minute, rough figures that are printed only
  --write     write the tables and pictures of docs/scale.md
`;

const documentFile = new URL("../docs/scale.md", import.meta.url);
const imagesFolder = new URL("../docs/images/", import.meta.url);

const say = (text: string): void => {
  process.stderr.write(`scale: ${text}\n`);
};

async function costsOf(isMeasured: boolean, quick: boolean): Promise<Costs> {
  return isMeasured ? measure({ quick, file: quick ? undefined : costsFile, say }) : readCosts();
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      measure: { type: "boolean", default: false },
      quick: { type: "boolean", default: false },
      write: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return;
  }
  if (values.quick && !values.measure) throw new Error("--quick goes with --measure.");
  if (values.quick && values.write) throw new Error("Rough figures are not written: leave --quick or --write out.");
  const costs = await costsOf(values.measure, values.quick);
  const scenarios = scenariosOf(costs);
  const results = runAll(scenarios, say);
  const blocks = blocksOf(costs, scenarios, results);
  if (!values.write) {
    for (const [name, text] of blocks) console.log(`\n## ${name}\n\n${text}`);
    return;
  }
  writeFileSync(documentFile, withBlocks(readFileSync(documentFile, "utf8"), blocks));
  mkdirSync(imagesFolder, { recursive: true });
  for (const [name, text] of imagesOf(results)) writeFileSync(new URL(name, imagesFolder), text);
  say("docs/scale.md and its pictures are up to date");
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? `scale: ${error.message}` : error);
  process.exitCode = 1;
}
