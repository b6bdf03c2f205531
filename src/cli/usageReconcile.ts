/** `usage reconcile`: a seller's own CSV against the ledger's records, which are streamed here and compared on this machine. */
import { createReadStream } from "node:fs";
import { type Command, InvalidArgumentError, type Option } from "commander";
import { csvText } from "../reports/csv.ts";
import {
  addToTotals,
  type ComparedKey,
  createTotals,
  type DimensionTotals,
  type KeyColumn,
  keyColumns,
  Reconciliation,
  type Totals,
} from "../reports/reconcile.ts";
import {
  type ColumnMap,
  fileColumns,
  openSellerFile,
  type SellerFile,
  SellerFileError,
} from "../reports/reconcileFile.ts";
import type { Row } from "./api.ts";
import { addLeaf, arg, type Call, type Flags, isJson, say, text } from "./command.ts";
import type { CliContext } from "./context.ts";
import { write } from "./context.ts";
import { CliError, codeOf, exitCodes, usageError } from "./errors.ts";
import { writeTo } from "./files.ts";
import { assignment, oneOf, option } from "./options.ts";
import { printJson, printTable } from "./output.ts";
import { startProgress } from "./progress.ts";
import { month, usageFilterOf, usageFilters } from "./usageFilters.ts";
import { customerIds, fileFilter, ledgerRows, licenceOf } from "./usageReconcileRows.ts";

/** Differences that are shown; `--output` has all of them. */
const shownMax = 20;
/** Those in the answer for programs. */
const jsonMax = 1_000;
const progressEvery = 1_000;

export function addUsageReconcile(usage: Command, context: CliContext): void {
  addLeaf(usage, context, {
    name: "reconcile <file>",
    description: "compare your own CSV of usage with the ledger; exit code 1 when they differ",
    examples: [
      "usage reconcile my-usage.csv --month 2026-08 --product myproduct",
      "usage reconcile my-usage.csv --from 2026-08-01 --to 2026-08-08 --map quantity=calls --output diff.csv",
    ],
    options: [
      ...usageFilters(),
      month(),
      mapped(),
      option("-o, --output <file>", "all differences as CSV; it appears when it is whole"),
    ],
    run: reconcile,
  });
}

function mapped(): Option {
  return option(
    "--map <column=name>",
    `which column of the file is what (${fileColumns.join(", ")}); repeatable`,
  ).argParser((given: string, before: ColumnMap | undefined): ColumnMap => {
    const [column, name] = assignment(given);
    oneOf(column, fileColumns);
    if (name === "") throw new InvalidArgumentError("Write it as column=name, such as quantity=calls.");
    return { ...before, [column]: name };
  });
}

interface Outcome {
  readonly key: readonly KeyColumn[];
  readonly totals: Totals;
  readonly first: readonly ComparedKey[];
  readonly notes: readonly string[];
}

async function reconcile(call: Call): Promise<void> {
  const path = arg(call, 0);
  const scratch = new Reconciliation();
  try {
    const outcome = await compare(call, path, scratch);
    for (const note of outcome.notes) await say(call, `note: ${note}`);
    await (isJson(call) ? printJson(call.context, jsonOf(outcome)) : showOutcome(call, outcome));
    const { missing, extra, different } = outcome.totals;
    if (missing + extra + different > 0) process.exitCode = exitCodes.failed;
  } catch (error) {
    if (!(error instanceof SellerFileError)) throw error;
    throw usageError(`${path} cannot be compared:${error.faults.map((fault) => `\n  ${fault}`).join("")}`);
  } finally {
    scratch.close();
  }
}

async function compare(call: Call, path: string, scratch: Reconciliation): Promise<Outcome> {
  const { context, flags } = call;
  const query = await usageFilterOf(call);
  const file = await openSellerFile(bytesOf(path, context), mapOf(flags));
  if (!file.key.some((one) => ["customer", "license", "resource"].includes(one)) && !namesHolder(flags)) {
    const columns = "--map customer=<column>, license=<column> or resource=<column>";
    throw new SellerFileError([`No column says whose usage it is: ${columns}, or name the buyer with --customer.`]);
  }
  const keys = new Set(file.key);
  const notes = await addFile(call, { file, query, keys, scratch });
  const ledgerProgress = startProgress(context, "Reading the ledger", "records");
  let records = 0;
  try {
    for await (const row of ledgerRows(call, query)) {
      scratch.add("ledger", row, keys);
      records += 1;
      if (records % progressEvery === 0) ledgerProgress.at(records);
    }
  } finally {
    ledgerProgress.stop();
  }
  return collect(call, file.key, scratch, notes);
}

function mapOf({ map }: Flags): ColumnMap {
  return typeof map === "object" && map !== null ? map : {};
}

function namesHolder(flags: Flags): boolean {
  return ["customer", "license", "resource"].some((name) => flags[name] !== undefined);
}

async function* bytesOf(path: string, { stdin }: CliContext): AsyncIterable<Uint8Array | string> {
  if (path === "-") return yield* stdin;
  try {
    yield* createReadStream(path);
  } catch (error) {
    const code = codeOf(error) ?? String(error);
    throw new CliError(`${path} cannot be read (${code === "ENOENT" ? "there is no such file" : code}).`);
  }
}

/** Answers with what the person should know about the rows. */
async function addFile(
  call: Call,
  parts: {
    readonly file: SellerFile;
    readonly query: Flags;
    readonly keys: ReadonlySet<KeyColumn>;
    readonly scratch: Reconciliation;
  },
): Promise<string[]> {
  const { file, keys, scratch } = parts;
  const accountOf = customerIds(call);
  const isMeant = fileFilter({ ...parts.query, ...(await accountOf.flag(parts.query)) }, keys);
  const refused = new Map<string, number>();
  let rows = 0;
  let outside = 0;
  const progress = startProgress(call.context, "Reading the file", "rows");
  try {
    for await (const row of file.rows) {
      rows += 1;
      if (rows % progressEvery === 0) progress.at(rows);
      const isSent = /^(?:success|billable|not-billable)?$/i.test(row.status);
      if (!isSent) refused.set(row.status, (refused.get(row.status) ?? 0) + 1);
      if (!isSent) continue;
      const named = { ...row, customer: await accountOf(row.customer), license: licenceOf(row.license) };
      if (isMeant(named)) scratch.add("file", named, keys);
      else outside += 1;
    }
  } finally {
    progress.stop();
  }
  const notes: string[] = [];
  if (file.withoutZone() > 0) notes.push(`${file.withoutZone()} times without a time zone were taken as UTC.`);
  if (outside > 0) notes.push(`${outside} of ${rows} rows are outside of the time or the filters and were left out.`);
  // K-16: what was sent and not accepted is no usage.
  for (const [status, count] of [...refused].slice(0, shownMax)) {
    notes.push(`${count} rows with the status '${status}' were left out: they were not accepted.`);
  }
  return notes;
}

async function collect(
  call: Call,
  key: readonly KeyColumn[],
  scratch: Reconciliation,
  notes: string[],
): Promise<Outcome> {
  const totals = createTotals();
  const first: ComparedKey[] = [];
  const output = text(call.flags, "output");
  const progress = startProgress(call.context, "Comparing", "keys");
  let compared = 0;
  const gather = async (put: (one: ComparedKey) => Promise<void>): Promise<void> => {
    for (const one of scratch.compared()) {
      compared += 1;
      if (compared % progressEvery === 0) progress.at(compared);
      addToTotals(totals, one);
      if (one.kind === "equal") continue;
      if (first.length < jsonMax) first.push(one);
      await put(one);
    }
  };
  try {
    if (output === undefined) await gather(async () => {});
    else {
      await writeTo(output, call.context, 0o644, async (put) => {
        await put(csvText([diffColumns(key)]));
        await gather((one) => put(csvText([diffFields(key, one)])));
      });
    }
  } finally {
    progress.stop();
  }
  if (totals.summed > 0) {
    notes.push(
      `For ${totals.summed} keys the file has several rows; they were summed, which the service never does (K-3).`,
    );
  }
  if (totals.repeated > 0) notes.push(`${totals.repeated} rows repeat the record id of another and were counted once.`);
  return { key, totals, first, notes };
}

const measures = ["fileQuantity", "ledgerQuantity", "fileRows", "ledgerRecords", "fileId", "ledgerId"] as const;

function diffColumns(key: readonly KeyColumn[]): readonly string[] {
  return ["kind", ...orderedKey(key), ...measures];
}

function diffFields(key: readonly KeyColumn[], one: ComparedKey): readonly (string | number)[] {
  return [one.kind, ...orderedKey(key).map((column) => cellOfKey(one, column)), ...measures.map((name) => one[name])];
}

function orderedKey(key: readonly KeyColumn[]): readonly KeyColumn[] {
  return keyColumns.filter((column) => key.includes(column));
}

function cellOfKey(one: ComparedKey, column: KeyColumn): string {
  return column === "hour" ? new Date(one.hourAt).toISOString() : one[column];
}

function rowOf(key: readonly KeyColumn[], one: ComparedKey): Row {
  const columns = diffColumns(key);
  const fields = diffFields(key, one);
  return Object.fromEntries(columns.map((name, place) => [name, fields[place]]));
}

function jsonOf({ key, totals, first, notes }: Outcome): Row {
  const { byDimension, ...sums } = totals;
  const dimensions = [...byDimension].map(([dimension, own]) => ({ dimension, ...own }));
  const differences = first.map((one) => rowOf(key, one));
  const count = totals.missing + totals.extra + totals.different;
  return { key, ...sums, dimensions, differences, hasMoreDifferences: count > differences.length, notes };
}

async function showOutcome(call: Call, { key, totals, first }: Outcome): Promise<void> {
  const { context } = call;
  const rows = [...totals.byDimension].map(([dimension, own]) => ({
    dimension,
    ...own,
    difference: differenceOf(own),
  }));
  const all = { dimension: "(all)", ...totals, difference: differenceOf(totals) };
  const number = (title: string, value: string) => ({ title, value, align: "right" as const });
  await printTable(context, rows.length > 1 ? [...rows, all] : rows.length === 1 ? rows : [all], [
    "dimension",
    number("FILE", "fileQuantity"),
    number("LEDGER", "ledgerQuantity"),
    number("DIFFERENCE", "difference"),
    number("EQUAL", "equal"),
    number("MISSING", "missing"),
    number("EXTRA", "extra"),
    number("DIFFERENT", "different"),
  ]);
  const count = totals.missing + totals.extra + totals.different;
  if (count === 0) return;
  const shown = first.slice(0, shownMax);
  await write(context.stdout, "\n");
  await printTable(
    context,
    shown.map((one) => rowOf(key, one)),
    ["kind", ...orderedKey(key), number("FILE", "fileQuantity"), number("LEDGER", "ledgerQuantity")],
  );
  const output = text(call.flags, "output");
  if (output !== undefined && output !== "-") await say(call, `All ${count} differences are in ${output}.`);
  else if (count > shown.length)
    await say(call, `There are ${count} differences; --output diff.csv writes all of them.`);
}

function differenceOf({ fileQuantity, ledgerQuantity }: DimensionTotals): number {
  return fileQuantity - ledgerQuantity;
}
