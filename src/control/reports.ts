/** Reports over the ledger: the estimated bill, the daily business report, and the data feeds of sellers. */
import { createRoute, z } from "@hono/zod-openapi";
import { defined } from "../catalog/rows.ts";
import { sumOf, unitsText } from "../reports/amounts.ts";
import { type BillFilter, type BillLine, billLines, compareKeys, lineKey, lineStatuses } from "../reports/bill.ts";
import { dailyBusinessColumns, dailyBusinessRow, unitOf } from "../reports/dailyBusiness.ts";
import { accountRow, billingEventRow, type FeedName, feedColumns, feedNames, knownAccounts } from "../reports/feeds.ts";
import { dayRange, dayText, invoicedAt, monthBefore, monthRange, type Range } from "../reports/months.ts";
import type { Catalog } from "../store/catalog.ts";
import { type AddResource, type ControlParts, json, problems } from "./app.ts";
import { accountId, productCode } from "./forms.ts";
import { findBuyer } from "./lookups.ts";
import { pageMembers } from "./paging.ts";
import { invalidField } from "./problems.ts";
import { createReportResponder, csvContent, type ReportFile } from "./reportFiles.ts";

const month = z
  .string()
  .regex(/^(?:19[7-9]\d|[2-9]\d{3})-(?:0[1-9]|1[0-2])$/, 'not a month from 1970 on, such as "2026-08"')
  .openapi({ example: "2026-08" });
const day = z.iso
  .date({ error: 'not a day, such as "2026-08-15"' })
  .refine((text) => text >= "1970", "before 1970")
  .openapi({ example: "2026-08-15" });
const filters = {
  customer: z.string().min(1).max(255).optional().openapi({ description: "Account id or CustomerIdentifier" }),
  product: productCode.optional(),
  seller: accountId.optional().openapi({ description: "Of this seller's products" }),
};
const usd = z.string().openapi({ example: "12.35", description: "USD, rounded to cents" });
const lineSchema = z
  .object({
    product: z.string(),
    customer: z.string().openapi({ description: "The buyer's account" }),
    license: z.string().nullable(),
    agreement: z.string().nullable().openapi({ description: "null: the catalogue has none for it" }),
    dimension: z.string(),
    status: z.enum(lineStatuses),
    quantity: z.string().openapi({ description: "As metered; of RegisterUsage, seconds" }),
    units: z.string().openapi({ description: "What the price is for: of RegisterUsage, hours" }),
    unit: z.string().nullable(),
    unitPrice: z.string().nullable().openapi({ description: "USD; null: the catalogue has no price" }),
    amount: usd.nullable().openapi({ description: "USD, rounded half up once a line; null without a price" }),
    records: z.int(),
  })
  .openapi("BillLine");
type LineView = z.infer<typeof lineSchema>;
const bill = z
  .object({
    month: z.string(),
    currency: z.literal("USD"),
    invoiceDate: z.string().openapi({ description: "The day of the invoice, about the 2nd of the next month (H-22)" }),
    isInvoiced: z.boolean().openapi({ description: "Whether the business clock has come to that day" }),
    total: usd.openapi({ description: "Of all lines that match, not of the page alone" }),
    lines: z.int(),
    unpriced: z.int().openapi({ description: "Lines that are not in the total, for want of a price" }),
    items: z.array(lineSchema),
    nextCursor: z.string().optional().openapi({ description: "Absent on the last page" }),
  })
  .openapi("Bill");
const tags = ["Reports"];

const billRoute = createRoute({
  method: "get",
  path: "/reports/bill",
  tags,
  summary: "Estimate the invoices of a month, line by line, as JSON or CSV",
  request: {
    query: z.strictObject({
      month,
      ...filters,
      format: z.enum(["json", "csv"]).default("json").openapi({ description: "csv: all lines, streamed" }),
      ...pageMembers,
    }),
  },
  responses: {
    200: { description: "The bill", content: { ...json(bill, "").content, ...csvContent } },
    ...problems,
  },
});
const dailyRoute = createRoute({
  method: "get",
  path: "/reports/daily-business",
  tags,
  summary: "The usage part of the daily business report of a UTC day, as CSV",
  request: { query: z.strictObject({ date: day, ...filters }) },
  responses: { 200: { description: "The report", content: csvContent }, ...problems },
});
const feedRoute = createRoute({
  method: "get",
  path: "/reports/feeds/{feed}",
  tags,
  summary: "A month's file of a data feed, as CSV",
  description:
    "The rows that came in that month: of billing_event, the invoices of the usage of the month before, once the business clock has come to their day; of account, buyers and sellers whose first agreement was accepted in it.",
  request: {
    params: z.object({ feed: z.enum(feedNames) }),
    query: z.strictObject({ month, seller: filters.seller }),
  },
  responses: { 200: { description: "The file", content: csvContent }, ...problems },
});

export const addReports: AddResource = (app, parts) => {
  const { catalog, clock, log } = parts;
  const respond = createReportResponder(log);
  const offerOf = (id: string) => catalog.offer(id);

  app.openapi(billRoute, async (context) => {
    const { month: of, format, limit, cursor, ...given } = context.req.valid("query");
    const range = monthRange(of);
    const batches = linesIn(parts, range, filterOf(catalog, given));
    if (format === "csv") {
      return respond(context, { name: `bill-${of}.csv`, columns: billColumns, rows: mapped(batches, csvRow) });
    }
    const page = await billPage(batches, limit, cursor === undefined ? undefined : cursorKey(cursor));
    const invoiceAt = invoicedAt(range);
    const about = { invoiceDate: dayText(invoiceAt), isInvoiced: clock.now() >= invoiceAt };
    return context.json({ month: of, currency: "USD" as const, ...about, ...page }, 200);
  });

  app.openapi(dailyRoute, (context) => {
    const { date, ...given } = context.req.valid("query");
    const rows = mapped(linesIn(parts, dayRange(date), filterOf(catalog, given)), (line) =>
      dailyBusinessRow(line, offerOf),
    );
    return respond(context, { name: `daily-business-${date}.csv`, columns: dailyBusinessColumns, rows });
  });

  app.openapi(feedRoute, (context) => {
    const { feed } = context.req.valid("param");
    const { month: of, seller } = context.req.valid("query");
    const rows = feed === "account" ? accountRows(catalog, monthRange(of), seller) : eventRows(parts, of, seller);
    return respond(context, { name: feedFileName(feed, of), columns: feedColumns[feed], rows });
  });
};

function feedFileName(feed: FeedName, of: string): string {
  return `${feed}_v1-${of}.csv`;
}

function filterOf(
  catalog: Catalog,
  {
    customer,
    product,
    seller,
  }: { customer?: string | undefined; product?: string | undefined; seller?: string | undefined },
): BillFilter {
  return defined({
    productCode: product,
    accountId: customer === undefined ? undefined : (findBuyer(catalog, customer)?.id ?? customer),
    sellerAccountId: seller,
  });
}

function linesIn(
  { catalog, store, settings }: ControlParts,
  range: Range,
  filter: BillFilter,
): AsyncGenerator<BillLine[]> {
  return billLines({ catalog, ledger: store.ledger, settings }, range, filter);
}

async function* mapped(
  batches: AsyncIterable<readonly BillLine[]>,
  rowOf: (line: BillLine) => readonly string[] | undefined,
): ReportFile["rows"] {
  for await (const lines of batches) yield lines.map(rowOf).filter((row) => row !== undefined);
}

async function* eventRows(parts: ControlParts, of: string, seller: string | undefined): ReportFile["rows"] {
  const used = monthBefore(monthRange(of));
  if (parts.clock.now() < invoicedAt(used)) return;
  const lines = linesIn(parts, used, filterOf(parts.catalog, { seller }));
  yield* mapped(lines, (line) => billingEventRow(line, used));
}

async function* accountRows(catalog: Catalog, { fromAt, toAt }: Range, seller: string | undefined): ReportFile["rows"] {
  const { agreements } = catalog.all();
  const productOf = (code: string) => catalog.product(code);
  const known = knownAccounts(agreements, productOf, (id) => catalog.account(id), seller);
  yield known.filter(({ since }) => since >= fromAt && since < toAt).map(accountRow);
}

/** All lines are read, for the total; those of the page are kept. */
async function billPage(
  batches: AsyncIterable<readonly BillLine[]>,
  limit: number,
  after: readonly string[] | undefined,
) {
  const items: BillLine[] = [];
  const counts = { lines: 0, unpriced: 0 };
  let total = sumOf([]);
  let hasMore = false;
  for await (const batch of batches) {
    total = sumOf([total, ...batch.flatMap(({ amount }) => amount ?? [])]);
    counts.lines += batch.length;
    counts.unpriced += batch.filter(({ status }) => status === "no-price").length;
    const ahead = after === undefined ? batch : batch.filter((line) => compareKeys(lineKey(line), after) > 0);
    const room = limit - items.length;
    items.push(...ahead.slice(0, room));
    hasMore ||= ahead.length > room;
  }
  const last = items.at(-1);
  const nextCursor =
    hasMore && last !== undefined
      ? Buffer.from(JSON.stringify(lineKey(last)), "utf8").toString("base64url")
      : undefined;
  return defined({ total, ...counts, items: items.map(view), nextCursor });
}

const keySchema = z.array(z.string()).length(6);

function cursorKey(cursor: string): readonly string[] {
  try {
    return keySchema.parse(JSON.parse(Buffer.from(cursor, "base64url").toString("utf8")));
  } catch {
    throw invalidField("cursor", "not a cursor that this report gave out");
  }
}

function view(line: BillLine): LineView {
  return {
    product: line.productCode,
    customer: line.accountId,
    license: line.licenseArn ?? null,
    agreement: line.agreement?.id ?? null,
    dimension: line.dimension,
    status: line.status,
    quantity: line.quantity.toString(),
    units: unitsText(line.quantity, line.price?.perUnit ?? 1),
    unit: unitOf(line) ?? null,
    unitPrice: line.price?.unitPrice ?? null,
    amount: line.amount ?? null,
    records: line.records,
  };
}

const billColumns = Object.keys(lineSchema.shape);

function csvRow(line: BillLine): readonly string[] {
  const members: Readonly<Record<string, string | number | null>> = view(line);
  return billColumns.map((column) => String(members[column] ?? ""));
}
