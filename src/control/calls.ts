/** Calls: what came to the service plane, as the audit trail has it. They are read here; nobody writes them by hand. */
import { createRoute, z } from "@hono/zod-openapi";
import { defined } from "../catalog/rows.ts";
import { cloudTrailRecord } from "../operations/cloudTrail.ts";
import type { AuditedCall, AuditFilter } from "../store/audit.ts";
import { type AddResource, json, problems } from "./app.ts";
import { exchangeNoteSchema, exchangeSchema, exchangeView } from "./exchangeView.ts";
import { accountId, instant, iso, msOf, productCode } from "./forms.ts";
import { pageMembers, pageOf } from "./paging.ts";
import { notFound } from "./problems.ts";

const operation = z.enum(["BatchMeterUsage", "MeterUsage", "RegisterUsage", "ResolveCustomer", "GetEntitlements"]);
const callItem = z
  .object({
    requestId: z.string(),
    at: instant,
    operation,
    region: z.string(),
    account: z.string().openapi({ description: "Whose key it was" }),
    accessKeyId: z.string(),
    product: z.string().optional(),
    outcome: z.string().openapi({ description: "Success, or the name of the error" }),
    errorMessage: z.string().optional(),
    statuses: z.string().optional().openapi({
      description: "A letter a record: S stored, R replayed, D duplicate, N not subscribed, U unprocessed",
    }),
    source: z.string().optional().openapi({ description: "Address of the client" }),
    userAgent: z.string().optional(),
    faults: z
      .array(
        z.object({ id: z.string(), kind: z.string(), phase: z.enum(["before-commit", "after-commit"]).optional() }),
      )
      .optional()
      .openapi({ description: "The planned faults that made or changed the answer" }),
    position: z.string().openapi({ description: "A cursor: the list goes on after this call" }),
  })
  .openapi("Call");

const callDetail = z
  .object({
    call: callItem,
    record: z.record(z.string(), z.unknown()).openapi({ description: "The CloudTrail record" }),
    exchange: exchangeSchema.optional(),
    exchangeNote: exchangeNoteSchema.optional(),
  })
  .openapi("CallDetail");

const filters = {
  operation: operation.optional(),
  outcome: z
    .string()
    .regex(/^\w{1,64}$/)
    .optional()
    .openapi({ description: "accepted, refused, or the name of an error" }),
  product: productCode.optional(),
  account: accountId.optional(),
  accessKeyId: z.string().min(1).max(128).optional(),
  userName: z
    .string()
    .min(1)
    .max(255)
    .optional()
    .openapi({ description: "The caller as CloudTrail names it: of a workload, the last part of its resource" }),
  fault: z.enum(["true", "false"]).optional().openapi({ description: "Whether a planned fault hit the call" }),
  from: instant.optional().openapi({ description: "Calls at this instant or later" }),
  to: instant.optional().openapi({ description: "Calls at this instant or before" }),
};

const listRoute = createRoute({
  method: "get",
  path: "/calls",
  tags: ["Calls"],
  summary: "List calls of the service plane, newest first",
  request: { query: z.strictObject({ ...filters, ...pageMembers }) },
  responses: { 200: json(pageOf(callItem, "CallPage"), "A page of calls"), ...problems },
});

const readRoute = createRoute({
  method: "get",
  path: "/calls/{requestId}",
  tags: ["Calls"],
  summary: "Read a call as its CloudTrail record",
  request: { params: z.object({ requestId: z.string().min(1).max(64) }) },
  responses: { 200: json(callDetail, "The call"), ...problems },
});

export const addCalls: AddResource = (app, { catalog, store, exchanges }) => {
  app.openapi(listRoute, async (context) => {
    const { limit, cursor, outcome, ...given } = context.req.valid("query");
    const filter: AuditFilter = defined({
      operation: given.operation,
      ...outcomeFilter(outcome),
      productCode: given.product,
      accountId: given.account,
      accessKeyId: given.accessKeyId,
      userName: given.userName,
      faulted: given.fault === undefined ? undefined : given.fault === "true",
      fromAt: msOf(given.from),
      toAt: msOf(given.to),
      isCall: true as const,
    });
    // One more than is shown tells whether there is another page.
    const found = await store.audit.page(filter, limit + 1, cursor);
    const items = found.slice(0, limit).map(view);
    const last = items.at(-1);
    const more = found.length > limit && last !== undefined ? { nextCursor: last.position } : {};
    return context.json({ items, ...more }, 200);
  });

  app.openapi(readRoute, async (context) => {
    const { requestId } = context.req.valid("param");
    const [call] = await store.audit.page({ requestId, isCall: true }, 1);
    if (call === undefined) throw notFound("call", requestId);
    const record = Object.fromEntries(Object.entries(cloudTrailRecord(call, (id) => catalog.account(id))));
    return context.json({ call: view(call), record, ...exchangeView(exchanges, requestId, store) }, 200);
  });
};

function outcomeFilter(outcome: string | undefined): Pick<AuditFilter, "outcome" | "refused"> {
  if (outcome === undefined) return {};
  if (outcome === "accepted" || outcome === "refused") return { refused: outcome === "refused" };
  return { outcome };
}

function view({ event, position }: AuditedCall): z.infer<typeof callItem> {
  const { detail = {} } = event;
  return defined({
    requestId: event.requestId,
    at: iso(event.at),
    operation: event.operation,
    region: event.region,
    account: event.accountId,
    accessKeyId: event.accessKeyId,
    product: detail.productCode,
    outcome: event.outcome,
    errorMessage: detail.errorMessage,
    statuses: detail.statuses,
    source: detail.source,
    userAgent: detail.userAgent,
    faults: detail.faults?.map((mark) => ({ ...mark })),
    position,
  });
}
