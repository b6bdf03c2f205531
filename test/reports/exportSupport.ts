/** Reads exports back, each in its form, as the rows that went in. */
import { parse } from "csv-parse/sync";
import { parquetReadObjects } from "hyparquet";
import { unguarded } from "../../src/reports/csv.ts";
import { recordColumns } from "../../src/reports/recordView.ts";

export type Row = Readonly<Record<string, unknown>>;

export async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts);
}

export const readers: Readonly<Record<"csv" | "parquet" | "jsonl", (bytes: Buffer) => Promise<readonly Row[]>>> = {
  csv: async (bytes) => {
    const [head = [], ...rows] = parse(bytes, { record_delimiter: "\r\n" }) as string[][];
    return rows.map((fields) => plain(Object.fromEntries(head.map((name, at) => [name, unguarded(fields[at] ?? "")]))));
  },
  jsonl: async (bytes) => {
    const lines = bytes.toString("utf8").split("\n");
    if (lines.pop() !== "") throw new Error("the last line has no end");
    return lines.map((line) => plain(JSON.parse(line) as Row));
  },
  parquet: async (bytes) => {
    const file = new Uint8Array(bytes).buffer;
    return (await parquetReadObjects({ file })).map(plain);
  },
};

/** Every form can tell these apart, and no more: texts, "" for none, allocations as JSON. */
export function plain(row: Row): Row {
  return Object.fromEntries(
    recordColumns.map((name) => {
      const value = row[name];
      if (value instanceof Date) return [name, value.toISOString()];
      if (value === undefined || value === null) return [name, ""];
      return [name, typeof value === "object" ? JSON.stringify(value) : String(value)];
    }),
  );
}
