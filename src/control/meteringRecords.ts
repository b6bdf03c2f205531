/** Metering records: the usage that was accepted. They are read here and written by the service plane alone. */
import { createRoute, z } from "@hono/zod-openapi";
import { defined } from "../catalog/rows.ts";
import { recordView } from "../reports/recordView.ts";
import type { Catalog } from "../store/catalog.ts";
import type { PlacedRecord, UsageFilter } from "../store/ledger.ts";
import { type AddResource, json, problems } from "./app.ts";
import { dimensionName, instant, licenseArn, msOf, name, productCode, region } from "./forms.ts";
import { findBuyer } from "./lookups.ts";
import { pageMembers, pageOf } from "./paging.ts";

const status = z.enum(["billable", "not-billable"]);
const allocation = z.object({
  AllocatedUsageQuantity: z.number(),
  Tags: z.array(z.object({ Key: z.string(), Value: z.string() })).optional(),
});
const record = z
  .object({
    id: z.string().openapi({ description: "MeteringRecordId" }),
    region,
    path: z
      .enum(["productCode", "license", "resource", "agentcore"])
      .openapi({ description: "Which key space it is in" }),
    product: productCode,
    customer: z.string().openapi({ description: "The buyer's account" }),
    license: z.string().optional(),
    resource: z.string().optional(),
    dimension: z.string(),
    hour: instant.openapi({ description: "Start of the UTC hour" }),
    timestamp: instant.openapi({ description: "As sent" }),
    quantity: z.number(),
    allocations: z.array(allocation).optional(),
    clientToken: z.string().optional(),
    requestId: z.string(),
    receivedAt: instant,
    status: status.openapi({ description: "not-billable: accepted, but the buyer's offer does not price it (B-42)" }),
    position: z.string().openapi({ description: "A cursor: the list goes on after this record" }),
  })
  .openapi("MeteringRecord");

/** Of lists and exports. */
export const recordFilters = {
  product: productCode.optional(),
  customer: z.string().min(1).max(255).optional().openapi({ description: "Account id or CustomerIdentifier" }),
  license: licenseArn.optional(),
  resource: name.optional(),
  dimension: dimensionName.optional(),
  region: region.optional(),
  from: instant.optional().openapi({ description: "Hours that start at this instant or later" }),
  to: instant.optional().openapi({ description: "Hours that start before this instant" }),
  status: status.optional(),
};

const listRoute = createRoute({
  method: "get",
  path: "/metering-records",
  tags: ["Metering records"],
  summary: "List accepted metering records in order of hour",
  request: {
    query: z.strictObject({
      ...recordFilters,
      order: z.enum(["oldest-first", "newest-first"]).default("oldest-first"),
      ...pageMembers,
    }),
  },
  responses: { 200: json(pageOf(record, "MeteringRecordPage"), "A page of metering records"), ...problems },
});

export const addMeteringRecords: AddResource = (app, { catalog, store }) => {
  app.openapi(listRoute, async (context) => {
    const { limit, cursor, order, ...given } = context.req.valid("query");
    const filter = usageFilter(catalog, given);
    // One more than is shown tells whether there is another page.
    const found = await store.ledger.page(filter, limit + 1, cursor, order);
    const items = found.slice(0, limit).map(view);
    const last = items.at(-1);
    const more = found.length > limit && last !== undefined ? { nextCursor: last.position } : {};
    return context.json({ items, ...more }, 200);
  });
};

export type GivenFilters = Partial<z.infer<z.ZodObject<typeof recordFilters>>>;

export function usageFilter(catalog: Catalog, { customer, ...given }: GivenFilters): UsageFilter {
  return defined({
    productCode: given.product,
    accountId: customer === undefined ? undefined : (findBuyer(catalog, customer)?.id ?? customer),
    licenseArn: given.license,
    resource: given.resource,
    dimension: given.dimension,
    region: given.region,
    fromHourAt: msOf(given.from),
    toHourAt: msOf(given.to),
    billable: given.status === undefined ? undefined : given.status === "billable",
  });
}

function view({ record: row, position }: PlacedRecord): z.infer<typeof record> {
  return { ...recordView(row), position };
}
