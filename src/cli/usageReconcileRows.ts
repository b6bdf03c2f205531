/** The rows that `usage reconcile` compares: the ledger's as they are streamed, the file's by the same filters. */
import { StringDecoder } from "node:string_decoder";
import type { KeyColumn, UsageRow } from "../reports/reconcile.ts";
import { isRow, type Row } from "./api.ts";
import type { Call, Flags } from "./command.ts";
import { CliError } from "./errors.ts";
import { recordsOf } from "./usageExport.ts";

/** Throws CliError when fewer records come than the server counted. */
export async function* ledgerRows({ api }: Call, query: Flags): AsyncIterable<UsageRow> {
  const streamed = await api.stream("/metering-records/export", {
    query: { ...query, format: "jsonl" },
    accept: "*/*",
  });
  const total = recordsOf(streamed);
  let count = 0;
  for await (const line of linesOf(streamed.chunks)) {
    const record: unknown = JSON.parse(line);
    if (!isRow(record)) throw new CliError("a line of the ledger's records is no JSON object.");
    count += 1;
    yield usageRow(record);
  }
  if (count !== total)
    throw new CliError(`only ${count} of the ledger's ${total} records came; run the command again.`);
}

function usageRow(record: Row): UsageRow {
  const text = (name: string): string => {
    const value = record[name];
    return typeof value === "string" ? value : "";
  };
  return {
    hourAt: Date.parse(text("hour")),
    product: text("product"),
    customer: text("customer"),
    license: licenceOf(text("license")),
    resource: text("resource"),
    region: text("region"),
    dimension: text("dimension"),
    quantity: Number(record.quantity),
    id: text("id"),
  };
}

async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncIterable<string> {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  for await (const chunk of chunks) {
    const lines = (rest + decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  if (rest !== "") throw new CliError("the last of the ledger's records is cut off; run the command again.");
}

/** Its last part alone tells licences apart, and some sources print the ARN in another form (B-33). */
export function licenceOf(license: string): string {
  return /l-[0-9a-f]{32}$/.exec(license)?.[0] ?? license;
}

export interface CustomerIds {
  /** The account of a CustomerIdentifier; anything else as it is. */
  (customer: string): Promise<string>;
  /** The filter's `customer` as an account. */
  flag(query: Flags): Promise<Flags>;
}

/** All of them are asked for at the first that is no account: a file that has one has them in every row. */
export function customerIds({ api }: Call): CustomerIds {
  let known: Map<string, string> | undefined;
  const accountOf = async (customer: string): Promise<string> => {
    if (customer === "" || /^\d{12}$/.test(customer)) return customer;
    if (known === undefined) {
      known = new Map();
      for await (const { items } of api.pages("/accounts", { query: {} })) {
        for (const { id, customerIdentifier } of items) known.set(String(customerIdentifier), String(id));
      }
    }
    return known.get(customer) ?? customer;
  };
  const flag = async ({ customer }: Flags): Promise<Flags> =>
    typeof customer === "string" ? { customer: await accountOf(customer) } : {};
  return Object.assign(accountOf, { flag });
}

/** Of the file's rows, those that the filters are about; a filter of what the file does not say leaves them alone. */
export function fileFilter(
  query: Flags,
  keys: ReadonlySet<KeyColumn>,
): (row: UsageRow & { status: string }) => boolean {
  const from = typeof query.from === "string" ? Date.parse(query.from) : Number.NEGATIVE_INFINITY;
  const to = typeof query.to === "string" ? Date.parse(query.to) : Number.POSITIVE_INFINITY;
  const wanted = (["product", "customer", "resource", "region", "dimension"] as const).flatMap((column) => {
    const value = query[column];
    return typeof value === "string" && keys.has(column) ? [[column, value] as const] : [];
  });
  const license = typeof query.license === "string" && keys.has("license") ? licenceOf(query.license) : undefined;
  return (row) =>
    row.hourAt >= from &&
    row.hourAt < to &&
    wanted.every(([column, value]) => row[column] === value) &&
    (license === undefined || row.license === license) &&
    (query.status === undefined || !row.status.includes("billable") || row.status === query.status);
}
