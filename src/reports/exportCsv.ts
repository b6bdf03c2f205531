/** Metering records as CSV. Allocations are JSON in one field. */
import type { MeteringRecord } from "../api/types.ts";
import { type CsvField, csvText } from "./csv.ts";
import { type RecordPages, recordColumns, recordView } from "./recordView.ts";

export async function* csvOf(pages: RecordPages): AsyncIterable<Uint8Array> {
  yield Buffer.from(csvText([recordColumns]), "utf8");
  for await (const page of pages) yield Buffer.from(csvText(page.map(fieldsOf)), "utf8");
}

function fieldsOf(record: MeteringRecord): readonly CsvField[] {
  const view = recordView(record);
  return recordColumns.map((column) => {
    const value = view[column];
    return typeof value === "object" ? JSON.stringify(value) : value;
  });
}
