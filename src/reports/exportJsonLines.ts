/** Metering records as JSON lines: one object a line, with the members that the API's lists have. */
import { type RecordPages, recordView } from "./recordView.ts";

export async function* jsonLinesOf(pages: RecordPages): AsyncIterable<Uint8Array> {
  for await (const page of pages) {
    yield Buffer.from(page.map((record) => `${JSON.stringify(recordView(record))}\n`).join(""), "utf8");
  }
}
