/** Reports over the ledger: sums of usage, the estimated bill, the daily business report, and data feeds. */
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Command } from "commander";
import { csvText } from "../reports/csv.ts";
import { type FeedName, feedNames, feedPath } from "../reports/feeds.ts";
import { at, isRow, type Query, type Row, rowsOf } from "./api.ts";
import { addLeaf, addNoun, arg, type Call, isJson, picked, say, text } from "./command.ts";
import { type CliContext, write } from "./context.ts";
import { writeTo } from "./files.ts";
import { many, oneOf, option, whole } from "./options.ts";
import { type Column, printJson, printTable } from "./output.ts";
import { startProgress } from "./progress.ts";
import { month, usageFilterOf, usageFilters } from "./usageFilters.ts";

const limitDefault = 100;
const output = () => option("-o, --output <file>", "as CSV, instead of stdout; it appears when it is whole");
const paging = () => [
  whole("--limit <n>", `at most so many lines (default ${limitDefault})`, { min: 1 }),
  option("--all", "all of them").conflicts("limit"),
];
const billFilters = () => [
  option("--customer <id>", "of this buyer: account id or CustomerIdentifier"),
  option("--product <code>", "of this product"),
  option("--seller <account>", "of this seller's products"),
];
const billQuery = ["customer", "product", "seller"];

export function registerReports(program: Command, context: CliContext): void {
  const report = addNoun(program, "report", "sums of usage, estimated bills, and AWS's reports and feeds");
  addLeaf(report, context, {
    name: "usage",
    description: "add usage up by whatever tells it apart",
    examples: [
      "report usage --by customer,day --month 2026-08",
      "report usage --by product --tag team --output teams.csv",
    ],
    members: { groupBy: "--by" },
    options: [
      option(
        "--by <names>",
        "any of hour, day or month; product, customer, license, resource, dimension, region, status",
      ),
      many("--tag <key>", "and by the values of this tag"),
      ...usageFilters(),
      month(),
      ...paging(),
      output(),
    ],
    run: usageReport,
  });
  addLeaf(report, context, {
    name: "bill",
    description: "estimate the invoices of a month, line by line",
    examples: ["report bill --month 2026-08", "report bill --month 2026-08 --customer 444455556666 --output bill.csv"],
    options: [month().makeOptionMandatory(), ...billFilters(), ...paging(), output()],
    run: billReport,
  });
  addLeaf(report, context, {
    name: "daily",
    description: "the usage part of the daily business report, as CSV",
    examples: ["report daily --date 2026-08-15 --output daily.csv"],
    options: [option("--date <day>", "such as 2026-08-15; UTC").makeOptionMandatory(), ...billFilters(), output()],
    run: async (call) => {
      const query = picked(call.flags, ["date", ...billQuery]);
      await saveCsv(call, "/reports/daily-business", query, text(call.flags, "output"));
    },
  });
  addLeaf(report, context, {
    name: "feed <feed>",
    description: `a month's file of a data feed, as CSV: ${feedNames.join(", ")}`,
    examples: [
      "report feed billing_event --month 2026-09 --output billing_event.csv",
      "report feed account --month 2026-08 --bucket ./feeds",
    ],
    options: [
      month().makeOptionMandatory(),
      option("--seller <account>", "of this seller's products"),
      output(),
      option("--bucket <dir>", "under this folder, as AWS names it: <feed>_v1/year=…/month=…/data.csv").conflicts(
        "output",
      ),
    ],
    run: feedReport,
  });
}

async function usageReport(call: Call): Promise<void> {
  const { flags, context } = call;
  const tags = Array.isArray(flags.tag) ? flags.tag.map(String) : [];
  const by = (text(flags, "by") ?? "").split(",").map((name) => name.trim());
  // A comma in a key is written twice.
  const groupBy = [...by, ...tags.map((key) => `tag:${key.replaceAll(",", ",,")}`)]
    .filter((name) => name !== "")
    .join();
  const query = { ...(await usageFilterOf(call)), groupBy };
  const columns = usageColumns(by, tags);
  const file = text(flags, "output");
  if (file !== undefined) return usageToFile(call, file, query, columns);
  const { items, nextCursor } = await collected(call, "/usage", query);
  if (isJson(call)) return printJson(context, { items, ...(nextCursor === undefined ? {} : { nextCursor }) });
  if (items.length === 0) return say(call, "No usage.");
  await printTable(context, items, columns);
  if (nextCursor !== undefined) await say(call, "There are more: --all lists them.");
}

function usageColumns(by: readonly string[], tags: readonly string[]): readonly Column[] {
  const members = ["product", "customer", "license", "resource", "dimension", "region", "status"];
  const period = by.find((name) => ["hour", "day", "month"].includes(name));
  return [
    ...(period === undefined ? [] : [{ title: period.toUpperCase(), value: (row: Row) => periodText(row, period) }]),
    ...members
      .filter((name) => by.includes(name))
      .map((name) => ({ title: name.toUpperCase(), value: name, isFlexible: true })),
    ...tags.map((key) => ({
      title: `TAG ${key}`,
      value: (row: Row) => (isRow(row.tags) ? (row.tags[key] ?? "(untagged)") : undefined),
      isFlexible: true,
    })),
    { title: "QUANTITY", value: "quantity", align: "right" },
    { title: "RECORDS", value: "records", align: "right" },
  ];
}

/** `2026-08-15` of a day, `2026-08` of a month. */
function periodText({ period }: Row, name: string): string {
  const lengths: Readonly<Record<string, number>> = { day: 10, month: 7 };
  return String(period).slice(0, lengths[name]);
}

async function usageToFile(call: Call, file: string, query: Query, columns: readonly Column[]): Promise<void> {
  const { api, context } = call;
  const progress = startProgress(context, "Adding usage up", "lines");
  let count = 0;
  try {
    await writeTo(file, context, 0o644, async (put) => {
      await put(csvText([columns.map(({ title }) => title.replace("TAG ", "tag:").replace(/^[A-Z]+$/, lower))]));
      for await (const { items } of api.pages("/usage", { query })) {
        const rows = items.map((row) =>
          columns.map(({ value }) => {
            const found = typeof value === "string" ? row[value] : value(row);
            return found === undefined || found === null || found === "(untagged)" ? "" : String(found);
          }),
        );
        if (rows.length > 0) await put(csvText(rows));
        count += rows.length;
        progress.at(count);
      }
    });
  } finally {
    progress.stop();
  }
  if (file !== "-") await say(call, `${count} lines are in ${file}.`);
}

function lower(word: string): string {
  return word.toLowerCase();
}

async function billReport(call: Call): Promise<void> {
  const { flags, context } = call;
  const query = picked(flags, ["month", ...billQuery]);
  const file = text(flags, "output");
  if (file !== undefined) return saveCsv(call, "/reports/bill", { ...query, format: "csv" }, file);
  const { items, nextCursor, last } = await collected(call, "/reports/bill", query);
  if (isJson(call)) {
    const { nextCursor: _, ...about } = last;
    return printJson(context, { ...about, items, ...(nextCursor === undefined ? {} : { nextCursor }) });
  }
  if (items.length === 0) await say(call, "No usage.");
  else {
    await printTable(context, items, [
      { title: "PRODUCT", value: "product", isFlexible: true },
      { title: "CUSTOMER", value: "customer" },
      { title: "AGREEMENT", value: "agreement", isFlexible: true, isExtra: true },
      { title: "DIMENSION", value: "dimension" },
      { title: "UNITS", value: "units", align: "right" },
      { title: "PRICE", value: "unitPrice", align: "right" },
      { title: "AMOUNT", value: "amount", align: "right" },
      { title: "STATUS", value: "status" },
      { title: "LICENSE", value: "license", isFlexible: true, isExtra: true },
    ]);
  }
  await write(context.stdout, `\nTotal ${String(last.total)} USD, to be invoiced on ${String(last.invoiceDate)}.\n`);
  const unpriced = Number(last.unpriced);
  if (unpriced > 0) {
    await say(call, `The total leaves ${unpriced} of ${String(last.lines)} lines out, whose dimensions have no price.`);
  }
  if (nextCursor !== undefined) await say(call, "There are more lines: --all lists them.");
}

async function feedReport(call: Call): Promise<void> {
  const { flags } = call;
  const feed = oneOf(arg(call, 0), feedNames) as FeedName;
  const bucket = text(flags, "bucket");
  const of = text(flags, "month") ?? "";
  const file = bucket === undefined ? text(flags, "output") : join(bucket, feedPath(feed, of));
  if (bucket !== undefined && file !== undefined) await mkdir(dirname(file), { recursive: true });
  await saveCsv(call, at("reports", "feeds", feed), picked(flags, ["month", "seller"]), file);
}

/** A report that the server makes as CSV, as it comes. */
async function saveCsv(call: Call, path: string, query: Query, file: string | undefined): Promise<void> {
  const { api, context } = call;
  const progress = startProgress(context, "Writing the report", "lines");
  let lines = 0;
  try {
    // Refusals come before anything is written.
    const { chunks } = await api.stream(path, { query, accept: "text/csv" });
    await writeTo(file, context, 0o644, async (put) => {
      for await (const chunk of chunks) {
        await put(chunk);
        lines += chunk.filter((byte) => byte === lineFeed).length;
        progress.at(lines);
      }
    });
  } finally {
    progress.stop();
  }
  if (file !== undefined && file !== "-") await say(call, `The report is in ${file}.`);
}

const lineFeed = 10;

interface Collected {
  readonly items: readonly Row[];
  readonly nextCursor: string | undefined;
  /** The last page, for what it has besides. */
  readonly last: Row;
}

async function collected(call: Call, path: string, query: Query): Promise<Collected> {
  const { api, flags } = call;
  const pageMax = 1_000;
  const items: Row[] = [];
  const limit = flags.all === true ? Number.POSITIVE_INFINITY : Number(flags.limit ?? limitDefault);
  for (let cursor: string | undefined; ; ) {
    const page = { limit: Math.min(limit - items.length, pageMax), ...(cursor === undefined ? {} : { cursor }) };
    const last = await api.json("GET", path, { query: { ...query, ...page } });
    items.push(...rowsOf(last.items));
    cursor = typeof last.nextCursor === "string" ? last.nextCursor : undefined;
    if (cursor === undefined || items.length >= limit) return { items, nextCursor: cursor, last };
  }
}
