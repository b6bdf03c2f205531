/** `usage export`: the control plane makes the file; here it is checked for being whole while it is written. */
import type { Command } from "commander";
import type { Streamed } from "./api.ts";
import { addLeaf, type Call, type Flags, say, text } from "./command.ts";
import type { CliContext } from "./context.ts";
import { CliError } from "./errors.ts";
import { writeTo } from "./files.ts";
import { choice, option } from "./options.ts";
import { startProgress } from "./progress.ts";
import { month, usageFilterOf, usageFilters } from "./usageFilters.ts";

const formats = ["csv", "parquet", "jsonl"] as const;
type Format = (typeof formats)[number];

export function addUsageExport(usage: Command, context: CliContext): void {
  addLeaf(usage, context, {
    name: "export",
    description: "write all metering records that match, as CSV, Parquet or JSON lines",
    examples: [
      "usage export --output usage.parquet --from 2026-08-01 --to 2026-09-01",
      "usage export --output usage.csv --month 2026-08",
      "usage export --format jsonl --product myproduct | gzip > usage.jsonl.gz",
    ],
    options: [
      ...usageFilters(),
      month(),
      option("-o, --output <file>", "instead of stdout; it appears when it is whole"),
      choice("--format <format>", "default: by the file's name, else csv", formats),
    ],
    run: exportUsage,
  });
}

function formatOf(flags: Flags): Format {
  const given = formats.find((one) => one === flags.format);
  if (given !== undefined) return given;
  if (flags.json === true) return "jsonl";
  const output = text(flags, "output") ?? "";
  if (/\.(jsonl|ndjson)$/i.test(output)) return "jsonl";
  return /\.parquet$/i.test(output) ? "parquet" : "csv";
}

async function exportUsage(call: Call): Promise<void> {
  const { api, context, flags } = call;
  const format = formatOf(flags);
  const output = text(flags, "output");
  if (format === "parquet" && (output ?? "-") === "-" && context.stdout.isTTY === true) {
    throw new CliError("Parquet is no text for a terminal; name a file with --output.");
  }
  const query = { ...(await usageFilterOf(call)), format };
  let total = 0;
  await writeTo(output, context, 0o644, async (write) => {
    const streamed = await api.stream("/metering-records/export", { query, accept: "*/*" });
    total = recordsOf(streamed);
    await pass(streamed, { context, format, total, write });
  });
  if (output !== undefined && output !== "-") await say(call, `${total} metering records are in ${output}.`);
}

/** Records that a stream of the control plane holds, by its header. */
export function recordsOf({ headers }: Streamed): number {
  const total = headers.get("meterhouse-records");
  if (total !== null && /^\d+$/.test(total)) return Number(total);
  throw new CliError("the server does not say how many records it sends: is it older than this command?");
}

async function pass(
  { chunks }: Streamed,
  to: {
    readonly context: CliContext;
    readonly format: Format;
    readonly total: number;
    readonly write: (data: Uint8Array) => Promise<void>;
  },
): Promise<void> {
  const { format, total } = to;
  const counter = counters[format]();
  // How many records some bytes of Parquet are, their end alone tells.
  const progress =
    format === "parquet"
      ? startProgress(to.context, `Exporting ${total} metering records`, "MB")
      : startProgress(to.context, "Exporting usage", "records", total);
  try {
    for await (const chunk of chunks) {
      counter.add(chunk);
      await to.write(chunk);
      progress.at(counter.shown());
    }
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    throw new CliError(`the export broke off: ${error.message}`, {
      exitCode: error.exitCode,
      hints: ["What was written is not whole; run the command again."],
    });
  } finally {
    progress.stop();
  }
  const fault = counter.fault(total);
  if (fault !== undefined) throw new CliError(`the export is not whole: ${fault}. Run the command again.`);
}

interface Counter {
  add(chunk: Uint8Array): void;
  /** For the progress. */
  shown(): number;
  /** What is wrong, after the last chunk. */
  fault(total: number): string | undefined;
}

const lf = 0x0a;
const quote = 0x22;

function fewer(count: number, total: number): string | undefined {
  return count === total ? undefined : `${count} of ${total} records came`;
}

function countLines(): Counter {
  let lines = 0;
  return {
    add: (chunk) => {
      for (let at = chunk.indexOf(lf); at >= 0; at = chunk.indexOf(lf, at + 1)) lines += 1;
    },
    shown: () => lines,
    fault: (total) => fewer(lines, total),
  };
}

/** Line breaks within quotes are part of a field. */
function countCsvRows(): Counter {
  let rows = -1;
  let isQuoted = false;
  return {
    add: (chunk) => {
      for (const byte of chunk) {
        if (byte === quote) isQuoted = !isQuoted;
        else if (byte === lf && !isQuoted) rows += 1;
      }
    },
    shown: () => Math.max(rows, 0),
    fault: (total) => fewer(rows, total),
  };
}

const mark = "PAR1";

/** The footer, which has the number of rows, is written last, and the mark behind it. */
function checkParquet(): Counter {
  let bytes = 0;
  let end = Buffer.alloc(0);
  return {
    add: (chunk) => {
      bytes += chunk.length;
      end = Buffer.concat([end, chunk.subarray(-mark.length)]).subarray(-mark.length);
    },
    shown: () => Math.round(bytes / 1_000_000),
    fault: () => (end.toString("latin1") === mark ? undefined : "its end is missing"),
  };
}

const counters: Readonly<Record<Format, () => Counter>> = {
  csv: countCsvRows,
  jsonl: countLines,
  parquet: checkParquet,
};
