/** Reports as CSV files: rows are made as the client takes them, and a report that fails ends its connection. */
import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { Logger } from "pino";
import { csvText } from "../reports/csv.ts";
import { Problem } from "./problems.ts";
import { outgoingOf, streamOf } from "./recordsExport.ts";

/** At once: each reads as much of the ledger as an export does. */
const reportsMax = 4;
const rowsPerChunk = 500;

export interface ReportFile {
  readonly name: string;
  readonly columns: readonly string[];
  readonly rows: AsyncIterable<readonly (readonly string[])[]>;
}

export const csvContent = { "text/csv": { schema: z.string() } };

export type ReportResponder = (context: Context, file: ReportFile) => Response;

export function createReportResponder(log: Logger): ReportResponder {
  let running = 0;
  return (context, { name, columns, rows }) => {
    const headers = {
      "Content-Type": "text/csv; charset=utf-8; header=present",
      "Content-Disposition": `attachment; filename="${name}"`,
    };
    if (context.req.method === "HEAD") return context.body(null, 200, headers);
    if (running >= reportsMax) {
      const detail = `${reportsMax} reports are being made, which is the most at once; try again when one is done.`;
      throw new Problem(429, detail, { headers: { "Retry-After": "5" } });
    }
    running += 1;
    let isDone = false;
    const done = (): void => {
      if (!isDone) running -= 1;
      isDone = true;
    };
    const cut = (error: unknown): boolean => {
      log.warn({ err: error, report: name }, "a report broke off");
      return outgoingOf(context)?.destroy() !== undefined;
    };
    return context.body(streamOf(csvOf(columns, rows), { cut, done }), 200, headers);
  };
}

async function* csvOf(columns: readonly string[], batches: ReportFile["rows"]): AsyncGenerator<Uint8Array> {
  let pending: (readonly string[])[] = [columns];
  for await (const rows of batches) {
    pending.push(...rows);
    if (pending.length < rowsPerChunk) continue;
    yield Buffer.from(csvText(pending), "utf8");
    pending = [];
  }
  if (pending.length > 0) yield Buffer.from(csvText(pending), "utf8");
}
