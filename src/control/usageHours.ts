/** Usage hour by hour, series by series: what a heat map is drawn from. An hour without a record is told apart from a zero. */
import { createRoute, z } from "@hono/zod-openapi";
import { dayMs, hourMs } from "../api/limits.ts";
import { defined } from "../catalog/rows.ts";
import { termsOf } from "../reports/segments.ts";
import type { Ledger, UsageFilter } from "../store/ledger.ts";
import type { UsageTotal } from "../store/usageTotals.ts";
import { type AddResource, type ControlParts, json, problems } from "./app.ts";
import { dimensionName, instant, iso, licenseArn, msOf, name, productCode, region } from "./forms.ts";
import { usageFilter } from "./meteringRecords.ts";

const daysMax = 7;
const seriesMax = 20;
/** A series of more records than this is summed by SQL; fewer are read one by one, which is quicker. */
const readMax = 2_000;
const pageRecords = 1_000;

const hours = z
  .object({
    from: instant.openapi({ description: "Start of the first hour" }),
    hours: z.int().openapi({ description: "How many there are" }),
    series: z.array(
      z
        .object({
          product: z.string(),
          customer: z.string().openapi({ description: "The buyer's account" }),
          dimension: z.string(),
          quantity: z.number(),
          records: z.int(),
          quantities: z.array(z.number().nullable()).openapi({
            description: "One an hour; null: there is no record, which is not the same as a record of zero",
          }),
          due: z.array(z.boolean()).openapi({
            description:
              "One an hour: it is over, and an agreement held in it, so a record could have come. Without any agreement in the catalogue, all hours that are over.",
          }),
        })
        .openapi("UsageHoursSeries"),
    ),
    others: z.int().openapi({ description: "Series that match and are not among these" }),
  })
  .openapi("UsageHours");

const hoursRoute = createRoute({
  method: "get",
  path: "/usage/hours",
  tags: ["Metering records"],
  summary: "Usage of the largest series, a product's dimension of a customer each, hour by hour",
  request: {
    query: z.strictObject({
      product: productCode.optional(),
      customer: z.string().min(1).max(255).optional().openapi({ description: "Account id or CustomerIdentifier" }),
      license: licenseArn.optional(),
      resource: name.optional(),
      dimension: dimensionName.optional(),
      region: region.optional(),
      status: z.enum(["billable", "not-billable"]).optional(),
      from: instant.optional().openapi({ description: "In the first UTC day; absent: the days end with today" }),
      days: z.coerce.number().int().min(1).max(daysMax).default(daysMax),
      top: z.coerce.number().int().min(1).max(seriesMax).default(seriesMax).openapi({ description: "How many series" }),
    }),
  },
  responses: { 200: json(hours, "The series, the largest quantity first"), ...problems },
});

export const addUsageHours: AddResource = (app, parts) => {
  app.openapi(hoursRoute, async (context) => {
    const { from, days, top, ...given } = context.req.valid("query");
    const today = Math.floor(parts.clock.now() / dayMs) * dayMs;
    const fromHourAt = from === undefined ? today - (days - 1) * dayMs : Math.floor(msOf(from) / dayMs) * dayMs;
    const { ledger } = parts.store;
    const filter: HoursFilter = {
      ...usageFilter(parts.catalog, given),
      fromHourAt,
      toHourAt: fromHourAt + days * dayMs,
      asOf: await ledger.mark(),
    };
    const { largest, others } = await largestSeries(ledger, filter, top);
    const series = [];
    for (const total of largest) {
      const quantities = await hourly(ledger, filter, total);
      series.push(
        defined({
          product: total.productCode ?? "",
          customer: total.accountId ?? "",
          dimension: total.dimension ?? "",
          quantity: Number(total.quantity),
          records: total.records,
          quantities,
          due: dueHours(parts, filter, total),
        }),
      );
    }
    return context.json({ from: iso(fromHourAt), hours: days * hoursPerDay, series, others }, 200);
  });
};

const hoursPerDay = dayMs / hourMs;

type HoursFilter = UsageFilter & { readonly fromHourAt: number; readonly toHourAt: number };

/** At most `top` and a batch of sums are held at once. */
async function largestSeries(
  ledger: Ledger,
  filter: HoursFilter,
  top: number,
): Promise<{ readonly largest: readonly UsageTotal[]; readonly others: number }> {
  let largest: readonly UsageTotal[] = [];
  let count = 0;
  for await (const batch of ledger.totals(filter, { members: ["product", "customer", "dimension"] })) {
    count += batch.length;
    largest = [...largest, ...batch]
      .sort((a, b) => (a.quantity === b.quantity ? 0 : a.quantity < b.quantity ? 1 : -1))
      .slice(0, top);
  }
  return { largest, others: count - largest.length };
}

async function hourly(ledger: Ledger, filter: HoursFilter, total: UsageTotal): Promise<(number | null)[]> {
  const { productCode, accountId, dimension } = total;
  const own: HoursFilter = { ...filter, ...defined({ productCode, accountId, dimension }) };
  const quantities = new Array<number | null>((filter.toHourAt - filter.fromHourAt) / hourMs).fill(null);
  const add = (at: number, quantity: number): void => {
    const place = (at - filter.fromHourAt) / hourMs;
    quantities[place] = (quantities[place] ?? 0) + quantity;
  };
  if (total.records > readMax) {
    for await (const batch of ledger.totals(own, { period: "hour" })) {
      for (const { periodAt = 0, quantity } of batch) add(periodAt, Number(quantity));
    }
    return quantities;
  }
  let cursor: string | undefined;
  do {
    const page = await ledger.page(own, pageRecords, cursor);
    for (const { record } of page) add(record.hourAt, record.quantity);
    cursor = page.at(-1)?.position;
  } while (cursor !== undefined);
  return quantities;
}

function dueHours({ catalog, clock, settings }: ControlParts, filter: HoursFilter, total: UsageTotal): boolean[] {
  const finalHourMs = settings().finalHourSec * 1_000;
  const terms = catalog
    .agreements(total.productCode ?? "", total.accountId ?? "")
    .map((agreement) => termsOf(agreement, (id) => catalog.offer(id), finalHourMs));
  const now = clock.now();
  const isDue = (at: number): boolean =>
    at + hourMs <= now && (terms.length === 0 || terms.some(({ fromAt, toAt }) => at >= fromAt && at < toAt));
  return Array.from({ length: (filter.toHourAt - filter.fromHourAt) / hourMs }, (_, place) =>
    isDue(filter.fromHourAt + place * hourMs),
  );
}
