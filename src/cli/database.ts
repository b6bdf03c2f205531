import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import type { CopyReport, CopySteps } from "../moving/copy.ts";
import { addLocalLeaf, addNoun, type Flags, say } from "./command.ts";
import type { CliContext } from "./context.ts";
import { addDatabaseNodes } from "./databaseNodes.ts";
import { CliError, usageError } from "./errors.ts";
import { option } from "./options.ts";
import { printJson, printRow, printTable } from "./output.ts";
import {
  databaseOf,
  dataDirOf,
  errorLog,
  keyEnv,
  keyFileOption,
  type NamedPlace,
  namedPlace,
  placeOptions,
  shownPlace,
} from "./places.ts";
import { type Progress, startProgress } from "./progress.ts";
import { asCliErrors } from "./secrets.ts";

export function registerDatabase(program: Command, context: CliContext): void {
  const database = addNoun(program, "database", "the store itself: backups, and copies between SQLite and PostgreSQL");
  addLocalLeaf(
    database,
    {
      name: "backup",
      description: "back up the store into a folder, while the server goes on; the master key is not in it",
      examples: [
        "database backup --to ./backup-monday",
        "database backup --to ./backup-monday --data ./meterhouse-data",
      ],
      options: [option("--to <folder>", "empty or missing"), ...placeOptions, option("--json", "print its manifest")],
    },
    (flags) => backup(flags, context),
  );
  addLocalLeaf(
    database,
    {
      name: "restore",
      description: "make a data folder, or an empty PostgreSQL database, of a backup",
      examples: ["database restore --from ./backup-monday --to ./meterhouse-data --key-file ./kept/master.key"],
      options: [
        option("--from <folder>", "of the backup"),
        option("--to <place>", "a data folder without a store, postgres://…, or env:NAME of a variable that holds it"),
        keyFileOption,
        option("--json", "print what was restored as JSON"),
      ],
    },
    (flags) => restoreBackup(flags, context),
  );
  addLocalLeaf(
    database,
    {
      name: "copy",
      description: "copy a store from SQLite to PostgreSQL or back; run again, it goes on where it was stopped",
      examples: [
        "database copy --from ./meterhouse-data --to env:METERHOUSE_DATABASE_URL",
        "database copy --from env:METERHOUSE_DATABASE_URL --to ./meterhouse-data",
      ],
      options: [
        option("--from <place>", "a data folder, postgres://…, or env:NAME of a variable that holds it"),
        option("--to <place>", "the same, with nothing in it"),
        keyFileOption,
        option("--json", "print the counts and checksums as JSON"),
      ],
    },
    (flags) => copy(flags, context),
  );
  addDatabaseNodes(database, context);
}

async function backup(flags: Flags, context: CliContext): Promise<void> {
  const to = namedPlace(flags.to, "--to", context);
  if ("url" in to) throw usageError("--to names a folder; 'database copy' copies into a database.");
  const { backUp } = await import("../moving/backup.ts");
  const bars = progressIn(context);
  const manifest = await asCliErrors(() =>
    backUp({
      ...{ dataDir: dataDirOf(flags, context), database: databaseOf(flags, context), to: to.folder, now: Date.now() },
      steps: bars.steps,
      onPages: bars.pages,
    }),
  ).finally(bars.stop);
  if (flags.json === true) return printJson(context, manifest);
  await printRow(context, { ...manifest });
  await say(
    { context },
    `The backup is in ${to.folder}. The master key is not in it: without that key it restores no secrets,`,
  );
  await say({ context }, "and no server starts on it. Keep the key apart from the backup.");
}

async function restoreBackup(flags: Flags, context: CliContext): Promise<void> {
  const from = namedPlace(flags.from, "--from", context);
  const to = namedPlace(flags.to, "--to", context);
  if ("url" in from) throw usageError("--from names the folder of a backup; 'database copy' copies from a database.");
  const { restore } = await import("../moving/backup.ts");
  const keyFile = typeof flags.keyFile === "string" ? flags.keyFile : undefined;
  if ("url" in to) return restoreInto(to, from.folder, flags, context);
  const input = { from: from.folder, to: to.folder, env: context.env, keyFile };
  const manifest = await asCliErrors(() => restore(input));
  if (flags.json === true) return printJson(context, manifest);
  await say(
    { context },
    `The backup of ${manifest.takenAt} is in ${to.folder}; start the server with --data ${to.folder}.`,
  );
}

/** By way of a folder of its own: opening a store writes to it, and the backup stays as it was taken. */
async function restoreInto(
  to: { readonly url: string },
  from: string,
  flags: Flags,
  context: CliContext,
): Promise<void> {
  const { restore } = await import("../moving/backup.ts");
  const folder = await mkdtemp(join(tmpdir(), "meterhouse-restore-"));
  try {
    const keyFile = typeof flags.keyFile === "string" ? flags.keyFile : undefined;
    await asCliErrors(() => restore({ from, to: folder, env: context.env, keyFile }));
    await copyAndTell({ from: { folder }, to }, flags, context);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function copy(flags: Flags, context: CliContext): Promise<void> {
  const from = namedPlace(flags.from, "--from", context);
  await copyAndTell({ from, to: namedPlace(flags.to, "--to", context) }, flags, context);
}

type Ends = Readonly<Record<"from" | "to", NamedPlace>>;

async function copyAndTell({ from, to }: Ends, flags: Flags, context: CliContext): Promise<void> {
  const report = await asCliErrors(async () => copyBetween({ from, to }, flags, context));
  if (flags.json === true) await printJson(context, report);
  else await printTable(context, report.tables.map(rowOf), columns);
  if (!report.equal) {
    const different = report.tables.filter(({ equal }) => !equal).map(({ table }) => table);
    throw new CliError(`the copy differs in: ${different.join(", ")}.`, {
      hints: [`What is in ${shownPlace(to)} is not served. Remove it, and copy again.`],
    });
  }
  await say({ context }, `${shownPlace(to)} is a copy of ${shownPlace(from)}: ${report.records} metering records.`);
  await say({ context }, "The master key and the admin token are not copied: servers over the copy need the same key.");
}

async function copyBetween({ from, to }: Ends, flags: Flags, context: CliContext): Promise<CopyReport> {
  const [{ openSource }, { copyStore }, { openTarget }] = await Promise.all([
    import("../moving/places.ts"),
    import("../moving/copy.ts"),
    import("../openStore.ts"),
  ]);
  const source = await openSource(from, { env: keyEnv(flags, context), log: await errorLog() });
  try {
    const target = await openTarget(to);
    const bars = progressIn(context);
    try {
      return await copyStore(source, target, bars.steps);
    } finally {
      bars.stop();
      await target.close();
    }
  } finally {
    await source.close();
  }
}

const columns = [
  "table",
  { title: "ROWS", value: "rows", align: "right" as const },
  { title: "IN THE COPY", value: "rowsInCopy", align: "right" as const },
  "checksum",
  { title: "OF THE COPY", value: "checksumOfCopy" },
  "equal",
];

function rowOf(table: CopyReport["tables"][number]): Readonly<Record<string, unknown>> {
  return { ...table };
}

interface Bars {
  readonly steps: CopySteps;
  readonly pages: (done: number, total: number) => void;
  stop(): void;
}

/** One bar after another, on a terminal. */
function progressIn(context: CliContext): Bars {
  let bar: Progress | undefined;
  let at = 0;
  const next = (label: string, unit: string, total: number, from = 0): void => {
    bar?.stop();
    at = from;
    bar = startProgress(context, label, unit, total);
    bar.at(at);
  };
  const on = (rows: number): void => {
    at += rows;
    bar?.at(at);
  };
  return {
    steps: {
      started: (total, done) => next("Copying", "rows", total, done),
      copied: on,
      comparing: (total) => next("Comparing", "rows", total),
      compared: on,
    },
    pages: (done, total) => {
      if (bar === undefined) next("Backing up", "pages", total);
      bar?.at(done);
    },
    stop: () => bar?.stop(),
  };
}
