/** Usage added up, by whatever tells records apart. */
import { createRoute, z } from "@hono/zod-openapi";
import { defined } from "../catalog/rows.ts";
import {
  groupTagsMax,
  type UsageGrouping,
  type UsageMember,
  type UsagePeriod,
  type UsageTotal,
  usageMembers,
  usagePeriods,
} from "../store/usageTotals.ts";
import { type AddResource, json, problems } from "./app.ts";
import { iso } from "./forms.ts";
import { recordFilters, usageFilter } from "./meteringRecords.ts";
import { pageMembers, pageOf } from "./paging.ts";
import { invalidField } from "./problems.ts";

const tagPrefix = "tag:";
const tagKeyMax = 100;
const groupTextMax = 1_000;
const groupNames = [...usagePeriods, ...usageMembers];
const forms = `${groupNames.join(", ")}, ${tagPrefix}<key>`;

const total = z
  .object({
    period: z.string().optional().openapi({ description: "Start of the UTC hour, day or month" }),
    product: z.string().optional(),
    customer: z.string().optional().openapi({ description: "The buyer's account" }),
    license: z.string().nullable().optional().openapi({ description: "null: metered without a licence" }),
    resource: z.string().nullable().optional().openapi({ description: "null: not metered by a workload" }),
    dimension: z.string().optional(),
    region: z.string().optional(),
    status: z.enum(["billable", "not-billable"]).optional(),
    tags: z
      .record(z.string(), z.string().nullable())
      .optional()
      .openapi({ description: "By key; null: what is allocated to no value of that key" }),
    quantity: z.number().openapi({ description: "Exact up to 2^53" }),
    records: z.int().openapi({ description: "Records with a share in it; by tags, one record can be in several sums" }),
  })
  .openapi("UsageTotal");

const totalsRoute = createRoute({
  method: "get",
  path: "/usage",
  tags: ["Metering records"],
  summary: "Add accepted usage up, by time, customer, dimension, tag and more",
  request: {
    query: z.strictObject({
      ...recordFilters,
      groupBy: z
        .string()
        .max(groupTextMax)
        .default("")
        .openapi({
          description: `Any of ${forms}, with commas between; at most one of hour, day, month, and ${groupTagsMax} tags. Absent: one sum of everything. A record is split over the tags of its allocations.`,
          example: "customer,day,tag:team",
        }),
      ...pageMembers,
    }),
  },
  responses: {
    200: json(pageOf(total, "UsageTotalPage"), "A page of sums, in order of time, then of the rest"),
    ...problems,
  },
});

export const addUsageTotals: AddResource = (app, { catalog, store }) => {
  app.openapi(totalsRoute, async (context) => {
    const { limit, cursor, groupBy, ...given } = context.req.valid("query");
    const grouping = groupingOf(groupBy);
    const found: UsageTotal[] = [];
    for await (const batch of store.ledger.totals(usageFilter(catalog, given), grouping, cursor)) {
      found.push(...batch);
      // One more than is shown tells whether there is another page.
      if (found.length > limit) break;
    }
    const items = found.slice(0, limit);
    const last = items.at(-1);
    const more = found.length > limit && last !== undefined ? { nextCursor: last.position } : {};
    return context.json({ items: items.map((one) => view(one, grouping)), ...more }, 200);
  });
};

function groupingOf(text: string): Required<Pick<UsageGrouping, "members" | "tags">> & UsageGrouping {
  const names = [...new Set(namesIn(text))];
  const isTag = (name: string): boolean => name.startsWith(tagPrefix);
  const tags = names.filter(isTag).map((name) => name.slice(tagPrefix.length));
  const periods = names.filter((name): name is UsagePeriod => usagePeriods.some((one) => one === name));
  const members = names.filter((name): name is UsageMember => usageMembers.some((one) => one === name));
  const unknown = names.find((name) => !isTag(name) && !groupNames.some((one) => one === name));
  if (unknown !== undefined) throw invalidField("groupBy", `'${unknown}' is none of ${forms}`);
  if (periods.length > 1)
    throw invalidField("groupBy", `${periods.join(" and ")} exclude each other; name one of them`);
  if (tags.length > groupTagsMax) throw invalidField("groupBy", `${tags.length} tags; at most ${groupTagsMax} at once`);
  const odd = tags.find((key) => key === "" || key.length > tagKeyMax);
  if (odd !== undefined)
    throw invalidField("groupBy", `a tag's key has 1 to ${tagKeyMax} characters, not ${odd.length}`);
  const [period] = periods;
  return { ...(period === undefined ? {} : { period }), members, tags };
}

/** Keys of tags may hold commas (B-72): two of them stand for one. */
function namesIn(text: string): readonly string[] {
  return text
    .replaceAll(",,", "\0")
    .split(",")
    .map((name) => name.replaceAll("\0", ",").trimStart())
    .filter((name) => name !== "");
}

function view(row: UsageTotal, { members = [], tags = [] }: UsageGrouping): z.infer<typeof total> {
  const { licenseArn, resource, billable } = row;
  return defined({
    period: iso(row.periodAt),
    product: row.productCode,
    customer: row.accountId,
    license: members.includes("license") ? (licenseArn ?? null) : undefined,
    resource: members.includes("resource") ? (resource ?? null) : undefined,
    dimension: row.dimension,
    region: row.region,
    status: billable === undefined ? undefined : billable ? ("billable" as const) : ("not-billable" as const),
    tags:
      tags.length === 0 ? undefined : Object.fromEntries(tags.map((key, place) => [key, row.tags?.[place] ?? null])),
    quantity: Number(row.quantity),
    records: row.records,
  });
}
