/** Metering records as CSV (RFC 4180, lines end with LF). */
import type { Row } from "./api.ts";

/** Their order is part of the format: new ones are added at the end. */
const columns = [
  "id",
  "region",
  "path",
  "product",
  "customer",
  "license",
  "resource",
  "dimension",
  "hour",
  "timestamp",
  "quantity",
  "status",
  "clientToken",
  "requestId",
  "receivedAt",
  "allocations",
] as const;

export const csvHeader = `${columns.join(",")}\n`;

export function csvLine(row: Row): string {
  return `${columns.map((name) => field(row[name])).join(",")}\n`;
}

function field(value: unknown): string {
  if (value === undefined || value === null) return "";
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  // A spreadsheet runs a text that begins so as a formula, and buyers choose some of these texts.
  const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
