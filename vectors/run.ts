/**
 * The conformance runner: runs the cases of vectors files against a real server, over HTTP.
 *
 *     npm run --silent vectors -- FILE...
 */
import { parseArgs } from "node:util";
import { startMeterhouse } from "../src/index.ts";
import { createDatabase, startPostgres } from "../test/support/postgres.ts";
import { readVectorsFile, type VectorsFile } from "./file.ts";
import { type CaseResult, createRunClock, createRunner, nameOf } from "./runner.ts";
import type { Json } from "./values.ts";

const USAGE = `Usage: npm run --silent vectors -- [options] FILE...

Runs every case of the files against a server that it starts, and prints one line for each case that fails.

  --engine ENGINE  the server's store: sqlite (default), or postgres: a database made for the run, on the server
                   that METERHOUSE_TEST_DATABASE_URL names or else on one that the run starts
  --only ID[,ID]   only these cases
  --help           this text

Exits 0 when all cases passed, 1 when one failed or a file could not be run, 2 when the options are wrong.`;

const ENGINES = ["sqlite", "postgres"] as const;
type Engine = (typeof ENGINES)[number];

interface Options {
  readonly files: readonly string[];
  /** Ids; empty = all cases. */
  readonly only: readonly string[];
  readonly engine: Engine;
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));

/** Answers the exit code. */
export async function main(args: readonly string[]): Promise<number> {
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
  const tally = await withDatabase(options.engine, (database) => runFiles(chosen, database));
  console.log(`${tally.passed} passed, ${tally.failed} failed`);
  return tally.failed + tally.broken + broken.length + unknown.length > 0 ? 1 : 0;
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
  const engine = ENGINES.find((one) => one === values.engine);
  if (engine === undefined) {
    throw new Error(`--engine ${values.engine} is not available; there is: ${ENGINES.join(", ")}`);
  }
  if (positionals.length === 0) throw new Error("Name at least one vectors file.");
  const only = (values.only ?? []).flatMap((ids) => ids.split(",")).map((id) => id.trim());
  return { files: positionals, engine, only: only.filter((id) => id !== "") };
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

function isChosen(testCase: Json, only: readonly string[]): boolean {
  return only.length === 0 || only.includes(nameOf(testCase).id);
}

function unknownIds(only: readonly string[], files: readonly VectorsFile[]): readonly string[] {
  const known = new Set(files.flatMap((file) => file.cases.map((one) => nameOf(one).id)));
  return only.filter((id) => !known.has(id)).map((id) => `--only: no file has a case ${id}`);
}

interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly broken: number;
}

/** `work` with the URL of an empty database that is gone afterwards; without one for the embedded store. */
async function withDatabase<T>(engine: Engine, work: (database?: string) => Promise<T>): Promise<T> {
  if (engine === "sqlite") return work();
  const given = process.env.METERHOUSE_TEST_DATABASE_URL ?? "";
  const server = given === "" ? await startPostgres() : undefined;
  try {
    const database = await createDatabase({ url: server?.url ?? given });
    try {
      return await work(database.url);
    } finally {
      await database.drop();
    }
  } finally {
    await server?.stop();
  }
}

/** One server for the whole run; each case resets it. */
async function runFiles(files: readonly VectorsFile[], database: string | undefined): Promise<Tally> {
  const tally = { passed: 0, failed: 0, broken: 0 };
  if (files.length === 0) return tally;
  const clock = createRunClock();
  const server = await startMeterhouse({
    ...{ wallClock: clock.now, rateClock: "business" },
    ...(database === undefined ? {} : { database }),
  });
  const runner = createRunner(server, clock);
  try {
    for (const { path, cases, fixtures, defaults, notes } of files) {
      for (const note of notes) console.error(`${path}: note: ${note}`);
      try {
        await server.reset({ catalog: fixtures.catalog });
      } catch (error) {
        // Once, and not as the problem of every case.
        console.error(`${path}: the server refuses the fixtures: ${messageOf(error)}`);
        tally.broken += 1;
        continue;
      }
      for (const testCase of cases) {
        const result = await runner.run(testCase, fixtures, defaults);
        if (result.problem === undefined) tally.passed += 1;
        else {
          tally.failed += 1;
          console.log(failureLine(result, result.problem));
        }
      }
    }
  } finally {
    runner.close();
    await server.close();
  }
  return tally;
}

/** One line a case, also when a text of the answer has line breaks. */
function failureLine({ id, title }: CaseResult, problem: string): string {
  return `FAIL ${id} ${title}: ${problem}`.replaceAll(/\s*\n\s*/g, " ");
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
