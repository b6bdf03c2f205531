import type { Command } from "commander";
import { addLeaf, addList, addNoun, type Call, type Flags, instants, picked, say, text } from "./command.ts";
import type { CliContext } from "./context.ts";
import { csvHeader, csvLine } from "./csv.ts";
import { writeTo } from "./files.ts";
import { choice, instant, option } from "./options.ts";
import { startProgress } from "./progress.ts";

const filters = () => [
  option("--product <code>", "of this product"),
  option("--customer <id>", "of this buyer: account id or CustomerIdentifier"),
  option("--license <arn>", "of this licence"),
  option("--resource <id>", "of this workload"),
  option("--dimension <name>", "of this dimension"),
  option("--region <region>", "of this Region"),
  instant("--from <time>", "hours that start then or later", "past"),
  instant("--to <time>", "hours that start before then", "past"),
  choice("--status <status>", "billed, or accepted without a price", ["billable", "not-billable"]),
];
const query = ["product", "customer", "license", "resource", "dimension", "region", "status"];
const times = ["from", "to"];

export function registerUsage(program: Command, context: CliContext): void {
  const usage = addNoun(program, "usage", "metering records that were accepted");
  addList(usage, context, {
    description: "list metering records in order of hour",
    examples: ["usage list --product myproduct --from now-24h", "usage list --customer 444455556666 --all --json"],
    options: filters(),
    path: () => "/metering-records",
    query,
    times,
    columns: [
      "hour",
      { title: "PRODUCT", value: "product", isFlexible: true },
      "customer",
      "dimension",
      { title: "QUANTITY", value: "quantity", align: "right" },
      { title: "STATUS", value: "status", isExtra: true },
      { title: "RESOURCE", value: "resource", isFlexible: true, isExtra: true },
      { title: "ID", value: "id", isExtra: true },
    ],
    what: "metering records",
  });
  addLeaf(usage, context, {
    name: "export",
    description: "write all metering records that match, as CSV or as JSON lines",
    examples: [
      "usage export --output usage.csv --from 2026-08-01 --to 2026-09-01",
      "usage export --format jsonl --product myproduct | gzip > usage.jsonl.gz",
    ],
    options: [
      ...filters(),
      option("-o, --output <file>", "instead of stdout; it appears when it is whole"),
      choice("--format <format>", "default: by the file's name, else csv", ["csv", "jsonl"]),
    ],
    run: async (call) => exportUsage(call),
  });
}

function formatOf(flags: Flags): "csv" | "jsonl" {
  if (flags.format === "jsonl" || flags.json === true) return "jsonl";
  if (flags.format === "csv") return "csv";
  return /\.(jsonl|ndjson)$/i.test(text(flags, "output") ?? "") ? "jsonl" : "csv";
}

async function exportUsage(call: Call): Promise<void> {
  const { api, context, flags } = call;
  const filter = { ...picked(flags, query), ...(await instants(call, times)) };
  const format = formatOf(flags);
  const output = text(flags, "output");
  const progress = startProgress(context, "Exporting usage", "records");
  let count = 0;
  try {
    await writeTo(output, context, 0o644, async (write) => {
      if (format === "csv") await write(csvHeader);
      for await (const { items } of api.pages("/metering-records", { query: filter })) {
        if (items.length === 0) continue;
        // A page at a time: neither the server nor this process holds the whole ledger.
        await write(items.map((row) => (format === "csv" ? csvLine(row) : `${JSON.stringify(row)}\n`)).join(""));
        count += items.length;
        progress.at(count);
      }
    });
  } finally {
    progress.stop();
  }
  if (output !== undefined && output !== "-") await say(call, `${count} metering records are in ${output}.`);
}
