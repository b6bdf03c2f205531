/** What charts are drawn from: calls by outcome and usage by dimension or customer, in buckets of time. */
import { createRoute, z } from "@hono/zod-openapi";
import { defined } from "../catalog/rows.ts";
import type { CallCount, SummarySpan } from "../store/summaries.ts";
import { type AddResource, json, problems } from "./app.ts";
import { instant, iso, msOf } from "./forms.ts";
import { invalidField } from "./problems.ts";

const msPerHour = 3_600_000;
const bucketsMax = 200;
const topMax = 20;
const bucketHours = { hour: 1, "6-hours": 6, day: 24 } as const;

const by = z
  .enum(["hour", "6-hours", "day"])
  .default("hour")
  .openapi({ description: "Length of a bucket; buckets begin at full hours, at 0, 6, 12 and 18 h, or at 0 h UTC" });
const span = {
  from: instant.openapi({ description: "In the first bucket" }),
  to: instant.openapi({ description: `In the last bucket; there are at most ${bucketsMax}` }),
  by,
};
const recordCount = z
  .object({
    stored: z.int(),
    replayed: z.int().openapi({ description: "Stored before: answered with the same id" }),
    duplicate: z.int(),
    notSubscribed: z.int(),
    unprocessed: z.int(),
  })
  .openapi("RecordCount");
const callsSummary = z
  .object({
    by,
    buckets: z.array(
      z
        .object({
          at: instant.openapi({ description: "Its start, business time" }),
          accepted: z.int().openapi({ description: "Calls" }),
          refused: z.int().openapi({ description: "Calls" }),
          records: recordCount,
        })
        .openapi("CallBucket"),
    ),
    outcomes: z
      .array(z.object({ outcome: z.string(), calls: z.int() }))
      .openapi({ description: "Of all buckets, the most frequent first" }),
  })
  .openapi("CallSummary");
const usageSummary = z
  .object({
    by,
    buckets: z.array(instant).openapi({ description: "Starts, by the hour that usage is of" }),
    series: z
      .array(
        z
          .object({
            product: z.string().optional(),
            dimension: z.string().optional(),
            customer: z.string().optional().openapi({ description: "The buyer's account" }),
            values: z.array(z.number()).openapi({ description: "One a bucket" }),
            total: z.number(),
          })
          .openapi("UsageSeries"),
      )
      .openapi({ description: "The largest first" }),
    others: z.int().openapi({ description: "How many have no series of their own" }),
    rest: z.array(z.number()).openapi({ description: "Their sum, one a bucket" }),
  })
  .openapi("UsageSummary");

const callsRoute = createRoute({
  method: "get",
  path: "/calls/summary",
  tags: ["Calls"],
  summary: "Count calls and what became of their records, by time",
  request: { query: z.strictObject(span) },
  responses: { 200: json(callsSummary, "Every bucket, also those without calls"), ...problems },
});
const usageRoute = createRoute({
  method: "get",
  path: "/usage/summary",
  tags: ["Metering records"],
  summary: "Add accepted usage up by time and dimension or customer, the largest of them",
  request: {
    query: z.strictObject({
      ...span,
      member: z.enum(["dimension", "customer"]).default("dimension"),
      measure: z.enum(["quantity", "records"]).default("quantity"),
      top: z.coerce.number().int().min(1).max(topMax).default(8).openapi({ description: "How many series" }),
    }),
  },
  responses: { 200: json(usageSummary, "The series"), ...problems },
});

export const addSummaries: AddResource = (app, { store }) => {
  app.openapi(callsRoute, async (context) => {
    const given = context.req.valid("query");
    const asked = spanOf(given);
    const counts = await store.summaries.calls(asked);
    return context.json({ by: given.by, buckets: bucketsOf(asked, counts), outcomes: outcomesOf(counts) }, 200);
  });
  app.openapi(usageRoute, async (context) => {
    const { member, measure, top, ...given } = context.req.valid("query");
    const asked = spanOf(given);
    const { series, others, rest } = await store.summaries.usage({ ...asked, by: member, measure, top });
    const shown = series.map(({ productCode, dimension, accountId, values, total }) =>
      defined({ product: productCode, dimension, customer: accountId, values: [...values], total }),
    );
    const buckets = startsOf(asked).map((hour) => iso(hour * msPerHour));
    return context.json({ by: given.by, buckets, series: shown, others, rest: [...rest] }, 200);
  });
};

function spanOf(given: { readonly from: string; readonly to: string; readonly by: z.infer<typeof by> }): SummarySpan {
  const hours = bucketHours[given.by];
  const bucketOf = (at: string): number => Math.floor(msOf(at) / (hours * msPerHour)) * hours;
  const fromHour = bucketOf(given.from);
  const toHour = bucketOf(given.to) + hours;
  if (toHour <= fromHour) throw invalidField("to", `${given.to} lies before ${given.from}`);
  const count = (toHour - fromHour) / hours;
  if (count > bucketsMax) {
    throw invalidField("by", `${count} buckets; at most ${bucketsMax}: take longer ones, or a shorter time`);
  }
  return { fromHour, toHour, bucketHours: hours };
}

function startsOf({ fromHour, toHour, bucketHours: hours }: SummarySpan): readonly number[] {
  return Array.from({ length: (toHour - fromHour) / hours }, (_, index) => fromHour + index * hours);
}

function bucketsOf(asked: SummarySpan, counts: readonly CallCount[]) {
  return startsOf(asked).map((hour) => {
    const bucket = {
      at: iso(hour * msPerHour),
      accepted: 0,
      refused: 0,
      records: { stored: 0, replayed: 0, duplicate: 0, notSubscribed: 0, unprocessed: 0 },
    };
    for (const { outcome, calls, records } of counts.filter((count) => count.bucket === hour)) {
      bucket[outcome === "Success" ? "accepted" : "refused"] += calls;
      bucket.records.stored += records.stored;
      bucket.records.replayed += records.replayed;
      bucket.records.duplicate += records.duplicate;
      bucket.records.notSubscribed += records.notSubscribed;
      bucket.records.unprocessed += records.unprocessed;
    }
    return bucket;
  });
}

function outcomesOf(counts: readonly CallCount[]): { outcome: string; calls: number }[] {
  const found = new Map<string, number>();
  for (const { outcome, calls } of counts) found.set(outcome, (found.get(outcome) ?? 0) + calls);
  return [...found].map(([outcome, calls]) => ({ outcome, calls })).sort((a, b) => b.calls - a.calls);
}
