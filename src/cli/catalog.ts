import type { Command } from "commander";
import { isRow, type Row } from "./api.ts";
import { addLeaf, addLocalLeaf, addNoun, arg, type Call, done, isJson, say, show, text } from "./command.ts";
import { type CliContext, write } from "./context.ts";
import { readText, writeTo } from "./files.ts";
import { choice, option } from "./options.ts";
import { printJson } from "./output.ts";
import { startProgress } from "./progress.ts";

/** A document of the greatest size takes its time. */
const timeoutMs = 600_000;

export function registerCatalog(program: Command, context: CliContext): void {
  const catalog = addNoun(program, "catalog", "the whole catalogue as a file");
  addLeaf(catalog, context, {
    name: "import <file>",
    description: "load a catalogue file (YAML or JSON) into the server; nothing is ever deleted",
    examples: ["catalog import catalog.yaml", "catalog import - < catalog.yaml"],
    run: async (call) => importCatalog(call),
  });
  addLeaf(catalog, context, {
    name: "export",
    description: "write the catalogue as YAML or JSON, without secrets unless they are asked for",
    examples: ["catalog export --output catalog.yaml", "catalog export --secrets --output backup.json"],
    options: [
      option("-o, --output <file>", "instead of stdout"),
      choice("--format <format>", "default: by the file's name, else yaml", ["yaml", "json"]),
      option("--secrets", "secret keys and private keys, too: keep the file to yourself"),
    ],
    run: async (call) => exportCatalog(call),
  });
  const check = addLocalLeaf(
    catalog,
    {
      name: "check <file>",
      description: "validate a catalogue file and say where it is wrong; needs no server",
      examples: ["catalog check catalog.yaml"],
    },
    async (flags, [file = ""]) => {
      const counts = countsOf(await read(file, context));
      if (flags.json === true) return printJson(context, { valid: true, entries: counts });
      await write(context.stdout, `${file} is valid: ${countsText(counts)}.\n`);
    },
  );
  check.addOption(option("--json", "print the numbers of entries as JSON"));
}

/** Parsed here, so that what is wrong is told with line and column of the file, and sent as JSON, which may be longer. */
async function read(file: string, context: CliContext): Promise<Row> {
  const { parseCatalog, readCatalog } = await import("../catalog/file.ts");
  const document: unknown =
    file === "-" ? parseCatalog(await readText("-", context), "stdin") : await readCatalog(file);
  return isRow(document) ? document : {};
}

function countsOf(document: Row): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(document).map(([section, rows]) => [
      section,
      Array.isArray(rows) ? rows.length : Object.keys(isRow(rows) ? rows : {}).length,
    ]),
  );
}

function countsText(counts: Row): string {
  return (
    Object.entries(counts)
      .map(([section, count]) => `${String(count)} ${section}`)
      .join(", ") || "empty"
  );
}

async function importCatalog(call: Call): Promise<void> {
  const file = arg(call, 0);
  const progress = startProgress(call.context, `Importing ${file}`, "entries");
  let answer: Row;
  try {
    const body = await read(file, call.context);
    progress.at(Object.values(countsOf(body)).reduce((sum, count) => sum + count, 0));
    answer = await call.api.json("POST", "/catalog", { body, timeoutMs });
  } finally {
    progress.stop();
  }
  if (isJson(call)) return show(call, answer);
  await done(call, `Imported: ${countsText(isRow(answer.entries) ? answer.entries : {})}.`);
}

async function exportCatalog(call: Call): Promise<void> {
  const { api, context, flags } = call;
  const output = text(flags, "output");
  const isJsonFormat = flags.format === "json" || flags.json === true || /\.json$/i.test(output ?? "");
  const accept = flags.format !== "yaml" && isJsonFormat ? "application/json" : "application/yaml";
  const secrets = flags.secrets === true;
  const progress = startProgress(context, "Exporting the catalogue", "bytes");
  try {
    const document = await api.text("GET", "/catalog", { accept, query: secrets ? { secrets } : {}, timeoutMs });
    progress.at(Buffer.byteLength(document));
    await writeTo(output, context, secrets ? 0o600 : 0o644, (put) => put(document));
  } finally {
    progress.stop();
  }
  if (output !== undefined && output !== "-") await say(call, `The catalogue is in ${output}.`);
}
