/** `database partitions`: months of usage that nobody asks for any more, exported and dropped. `database distribute`: Citus. */
import { mkdirSync } from "node:fs";
import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { instantOf } from "../clock.ts";
import { hoursOfMonth, type Month, type Months, monthAt } from "../store/months.ts";
import { addLocalLeaf, addNoun, type Flags, text } from "./command.ts";
import { type CliContext, write } from "./context.ts";
import { CliError, usageError } from "./errors.ts";
import { writeTo } from "./files.ts";
import { choice, option } from "./options.ts";
import { printJson, printTable } from "./output.ts";
import { databaseOf } from "./places.ts";
import { startProgress } from "./progress.ts";
import { asCliErrors } from "./secrets.ts";
import { checkedMonth } from "./usageFilters.ts";

const formats = ["csv", "parquet", "jsonl"] as const;
/** The current month and the one before: records for them may still come, and reports of them are still made. */
const monthsKept = 2;

const databaseOption = option("--database <url>", "the PostgreSQL database (METERHOUSE_DATABASE_URL)");

export function addDatabaseNodes(database: Command, context: CliContext): void {
  addPartitions(database, context);
  addLocalLeaf(
    database,
    {
      name: "distribute",
      description: "distribute the tables over a Citus cluster; all servers must be stopped (docs/citus.md)",
      examples: ["database distribute --dry-run", "database distribute"],
      options: [databaseOption, option("--dry-run", "print the statements, and reach no database")],
    },
    (flags) => distribute(flags, context),
  );
}

async function distribute(flags: Flags, context: CliContext): Promise<void> {
  const { distributeDatabase, distributeStatements } = await import("../openStore.ts");
  const print = (sql: string): Promise<void> => write(context.stdout, `${sql};\n`);
  if (flags.dryRun === true) {
    for (const sql of distributeStatements) await print(sql);
    return;
  }
  const url = databaseOf(flags, context);
  if (url === undefined) throw usageError("name the database with METERHOUSE_DATABASE_URL or --database.");
  await asCliErrors(() => distributeDatabase(url, (sql) => void print(sql)));
}

function addPartitions(database: Command, context: CliContext): void {
  const partitions = addNoun(database, "partitions", "the months of usage in a PostgreSQL database");
  addLocalLeaf(
    partitions,
    {
      name: "list",
      description: "list the months, with their records and their size on disk",
      examples: ["database partitions list"],
      options: [databaseOption, option("--json", "print them as JSON")],
    },
    (flags) => withMonths(flags, context, (months) => list(months, flags, context)),
  );
  addLocalLeaf(
    partitions,
    {
      name: "drop",
      description: "drop the months before one, each after its export; servers may go on meanwhile",
      examples: [
        "database partitions drop --before 2026-01 --export ./archive",
        "database partitions drop --before 2026-01 --without-export",
      ],
      options: [
        option("--before <month>", 'the first month that stays: "2026-01"').argParser(checkedMonth),
        option("--export <dir>", "write each month's records there first, usage-2025-12.csv"),
        choice("--format <format>", "of the exports (default csv)", formats),
        option("--without-export", "the records are given up").conflicts("export"),
        ...[databaseOption, option("--json", "print what was dropped as JSON")],
      ],
    },
    (flags) => withMonths(flags, context, (months) => drop(months, flags, context)),
  );
}

async function withMonths(flags: Flags, context: CliContext, body: (months: Months) => Promise<void>): Promise<void> {
  const url = databaseOf(flags, context);
  if (url === undefined) {
    throw usageError(
      "months are partitions in PostgreSQL alone: name the database with METERHOUSE_DATABASE_URL or --database.",
      "An embedded store keeps all its months in meterhouse.db; 'meterhouse usage export --month' writes one out.",
    );
  }
  await asCliErrors(async () => {
    const { openMonths } = await import("../openStore.ts");
    const months = await openMonths(url);
    try {
      await body(months);
    } finally {
      await months.close();
    }
  });
}

async function list(months: Months, flags: Flags, context: CliContext): Promise<void> {
  const items = await months.list();
  if (flags.json === true) return printJson(context, { items });
  await printTable(context, items.map(sized), ["month", right("records"), right("megabytes")]);
}

function right(name: string) {
  return { title: name.toUpperCase(), value: name, align: "right" } as const;
}

function sized({ month: name, records, isEstimate, bytes }: Month) {
  return { month: name, records: isEstimate ? `about ${records}` : records, megabytes: Math.ceil(bytes / 1_048_576) };
}

async function drop(months: Months, flags: Flags, context: CliContext): Promise<void> {
  const before = text(flags, "before");
  if (before === undefined) throw usageError("say which months go: --before 2026-01 drops those before it.");
  const folder = text(flags, "export");
  if (folder === undefined && flags.withoutExport !== true) {
    throw usageError("say where the records go first: --export <dir>; or give them up: --without-export.");
  }
  await refuseRecent(months, before);
  const old = (await months.list()).filter((one) => one.month < before);
  const dropped: object[] = [];
  for (const { month: name } of old) {
    const saved = folder === undefined ? undefined : await save(months, name, { folder, flags, context });
    const { records, tokens } = await months.drop(name, saved?.count);
    dropped.push({ month: name, records, tokens, ...(saved === undefined ? {} : { file: saved.file }) });
    const where = saved === undefined ? "" : `; they are in ${saved.file}`;
    if (flags.json !== true) await write(context.stdout, `${name}: ${records} records are dropped${where}\n`);
  }
  if (flags.json === true) return printJson(context, { items: dropped });
  if (old.length === 0) await write(context.stdout, `There is no usage before ${before}.\n`);
}

/** By the business clock, or the wall clock where that is behind. */
async function refuseRecent(months: Months, before: string): Promise<void> {
  const state = (await months.clock()) ?? { mode: "following" as const };
  const now = Math.min(Date.now(), instantOf(state, Date.now()));
  const latest = monthAt(now, 1 - monthsKept);
  if (before <= latest) return;
  throw usageError(
    `--before ${before} would drop months that are still in use; it is ${latest} at the latest, by the clock of the server.`,
  );
}

async function save(
  { ledger }: Months,
  name: string,
  { folder, flags, context }: { readonly folder: string; readonly flags: Flags; readonly context: CliContext },
): Promise<{ readonly count: number; readonly file: string }> {
  const { exportAsOf } = await import("../reports/exportRecords.ts");
  const format = formats.find((one) => one === flags.format) ?? "csv";
  const file = join(resolve(folder), `usage-${name}.${format}`);
  mkdirSync(resolve(folder), { recursive: true, mode: 0o700 });
  if (await isThere(file)) {
    throw new CliError(`${file} is there already, and may hold records of that month that are nowhere else.`, {
      hints: ["Move it away, or name another folder."],
    });
  }
  const { from, to } = hoursOfMonth(name);
  const filter = { fromHourAt: from * 3_600_000, toHourAt: to * 3_600_000 };
  const { count, bytes } = await exportAsOf(ledger, filter, format);
  const progress = startProgress(context, `Exporting ${count} metering records of ${name}`, "MB");
  try {
    // Records can be personal data of the buyers' business: for the owner alone.
    await writeTo(file, context, 0o600, async (put) => {
      let written = 0;
      for await (const chunk of bytes) {
        await put(chunk);
        written += chunk.length;
        progress.at(Math.floor(written / 1_048_576));
      }
    });
  } finally {
    progress.stop();
  }
  return { count, file };
}

async function isThere(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}
