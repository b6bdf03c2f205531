/**
 * The conformance runner: runs the cases of vectors files against a real server, over HTTP.
 *
 *     npm run --silent vectors -- FILE...
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { startMeterhouse } from "../src/index.ts";
import { type Fixtures, readFixtures } from "./fixtures.ts";
import { createRunClock, createRunner, type Defaults, nameOf } from "./runner.ts";
import { Fields, isObject, type Json } from "./values.ts";

const USAGE = `Usage: npm run --silent vectors -- [options] FILE...

Runs every case of the files against a server that it starts, and prints one line for each case that fails.

  --engine ENGINE  the server's store: sqlite (default)
  --only ID[,ID]   only these cases
  --help           this text

Exits 0 when all cases passed, 1 when one failed or a file could not be run, 2 when the options are wrong.`;

const ENGINES = ["sqlite"];

/** Where `conventions.defaults` is silent. */
const DEFAULTS: Defaults = { at: "2026-08-15T10:20:00Z", region: "us-east-1", revision: "2026", creds: "AKSELLER" };

interface VectorsFile {
  readonly path: string;
  readonly cases: readonly Json[];
  readonly fixtures: Fixtures;
  readonly defaults: Defaults;
}

interface Options {
  readonly files: readonly string[];
  /** Ids; empty = all cases. */
  readonly only: readonly string[];
}

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  let options: Options | "help";
  try {
    options = readOptions(args);
  } catch (error) {
    console.error(`${messageOf(error)}\n\n${USAGE}`);
    return 2;
  }
  if (options === "help") {
    console.log(USAGE);
    return 0;
  }
  const { files, broken } = readFiles(options.files);
  const unknown = unknownIds(options.only, files);
  for (const problem of [...broken, ...unknown]) console.error(problem);
  const chosen = files.map((file) => ({ ...file, cases: file.cases.filter((one) => isChosen(one, options.only)) }));
  const { passed, failed } = await runFiles(chosen);
  console.log(`${passed} passed, ${failed} failed`);
  return failed > 0 || broken.length > 0 || unknown.length > 0 ? 1 : 0;
}

function readOptions(args: readonly string[]): Options | "help" {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      engine: { type: "string", default: "sqlite" },
      only: { type: "string", multiple: true },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help === true) return "help";
  if (!ENGINES.includes(values.engine)) {
    throw new Error(`--engine ${values.engine} is not available; there is: ${ENGINES.join(", ")}`);
  }
  if (positionals.length === 0) throw new Error("Name at least one vectors file.");
  const only = (values.only ?? []).flatMap((ids) => ids.split(",")).map((id) => id.trim());
  return { files: positionals, only: only.filter((id) => id !== "") };
}

/** The files that can be run, and a line for each that cannot. */
function readFiles(paths: readonly string[]): {
  readonly files: readonly VectorsFile[];
  readonly broken: readonly string[];
} {
  const files: VectorsFile[] = [];
  const broken: string[] = [];
  for (const path of paths) {
    try {
      files.push(readVectorsFile(path));
    } catch (error) {
      broken.push(`${path}: ${messageOf(error)}`);
    }
  }
  return { files, broken };
}

function readVectorsFile(path: string): VectorsFile {
  const document = JSON.parse(readFileSync(path, "utf8")) as Json;
  const fields = new Fields(document, "file", [
    "version",
    "specification",
    "note",
    "conventions",
    "fixtures",
    "count",
    "cases",
  ]);
  const cases = fields.has("cases") ? fields.list("cases") : [];
  if (cases.length === 0) throw new Error("the file has no cases");
  const count = fields.optionalNumber("count");
  if (count !== undefined && count !== cases.length) {
    throw new Error(`the file says that it has ${count} cases, but it has ${cases.length}`);
  }
  return {
    path,
    cases,
    fixtures: readFixtures(fields.raw("fixtures")),
    defaults: readDefaults(fields.optionalMap("conventions")),
  };
}

/** `conventions` is prose but for its defaults. */
function readDefaults(conventions: { readonly [key: string]: Json } | undefined): Defaults {
  const defaults = conventions?.defaults;
  if (!isObject(defaults)) return DEFAULTS;
  const fields = new Fields(defaults, "conventions.defaults", ["at", "region", "revision", "creds", "settings"]);
  return {
    at: fields.optionalText("at") ?? DEFAULTS.at,
    region: fields.optionalText("region") ?? DEFAULTS.region,
    revision: fields.optionalText("revision") ?? DEFAULTS.revision,
    creds: fields.optionalText("creds") ?? DEFAULTS.creds,
  };
}

function isChosen(testCase: Json, only: readonly string[]): boolean {
  return only.length === 0 || only.includes(nameOf(testCase).id);
}

function unknownIds(only: readonly string[], files: readonly VectorsFile[]): readonly string[] {
  const known = new Set(files.flatMap((file) => file.cases.map((one) => nameOf(one).id)));
  return only.filter((id) => !known.has(id)).map((id) => `--only: no file has a case ${id}`);
}

/** One server for the whole run; each case resets it. */
async function runFiles(files: readonly VectorsFile[]): Promise<{ readonly passed: number; readonly failed: number }> {
  let [passed, failed] = [0, 0];
  const [first] = files;
  if (first === undefined) return { passed, failed };
  const clock = createRunClock();
  const server = await startMeterhouse({
    catalog: first.fixtures.catalog,
    now: first.defaults.at,
    wallClock: clock.now,
    rateClock: "business",
  });
  const runner = createRunner(server, clock);
  try {
    for (const { cases, fixtures, defaults } of files) {
      for (const testCase of cases) {
        const { id, title, problem } = await runner.run(testCase, fixtures, defaults);
        if (problem === undefined) passed += 1;
        else {
          failed += 1;
          // One line a case, also when a text of the answer has line breaks.
          console.log(`FAIL ${id} ${title}: ${problem.replaceAll(/\s*\n\s*/g, " ")}`);
        }
      }
    }
  } finally {
    runner.close();
    await server.close();
  }
  return { passed, failed };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
