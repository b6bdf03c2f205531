/** Calls that are in no audit trail, because they were throttled or showed no key: the last ones, from memory. */
import { createRoute, z } from "@hono/zod-openapi";
import { defined } from "../catalog/rows.ts";
import type { UntracedExchange } from "../protocol/untraced.ts";
import { type AddResource, json, problems } from "./app.ts";
import { exchangeNoteSchema, exchangeSchema, exchangeView, nodesNote } from "./exchangeView.ts";
import { instant, iso } from "./forms.ts";
import { page, pageMembers, pageOf } from "./paging.ts";
import { Problem } from "./problems.ts";

const untracedCall = z
  .object({
    requestId: z.string(),
    at: instant.openapi({ description: "Wall time" }),
    operation: z.string().optional(),
    region: z.string().optional(),
    accessKeyId: z.string().optional(),
    userAgent: z.string(),
    outcome: z.string().openapi({ description: "Name of the error" }),
    errorMessage: z.string(),
    skewMs: z.int().optional().openapi({ description: "X-Amz-Date minus the server's clock" }),
  })
  .openapi("UntracedCall");
const detail = z
  .object({
    call: untracedCall,
    exchange: exchangeSchema.optional(),
    exchangeNote: exchangeNoteSchema.optional(),
  })
  .openapi("UntracedCallDetail");

const listRoute = createRoute({
  method: "get",
  path: "/calls/untraced",
  tags: ["Calls"],
  summary: "List the last calls that left no trail, newest first: throttled ones, and those without a good signature",
  request: {
    query: z.strictObject({
      outcome: z
        .string()
        .regex(/^\w{1,64}$/)
        .optional()
        .openapi({ description: "Name of the error" }),
      accessKeyId: z.string().min(1).max(128).optional(),
      ...pageMembers,
    }),
  },
  responses: { 200: json(pageOf(untracedCall, "UntracedCallPage"), "A page of calls"), ...problems },
});
const readRoute = createRoute({
  method: "get",
  path: "/calls/untraced/{requestId}",
  tags: ["Calls"],
  summary: "Read a call that left no trail",
  request: { params: z.object({ requestId: z.string().min(1).max(64) }) },
  responses: { 200: json(detail, "The call"), ...problems },
});

export const addUntracedCalls: AddResource = (app, { exchanges, store }) => {
  app.openapi(listRoute, (context) => {
    const { outcome, accessKeyId, ...input } = context.req.valid("query");
    const matching = (exchanges?.untraced() ?? []).filter(
      (call) =>
        (outcome === undefined || call.outcome === outcome) &&
        (accessKeyId === undefined || call.accessKeyId === accessKeyId),
    );
    const { items, ...more } = page(matching.toReversed(), input, ({ requestId }) => requestId);
    return context.json({ items: items.map(view), ...more }, 200);
  });
  app.openapi(readRoute, (context) => {
    const { requestId } = context.req.valid("param");
    const call = exchanges?.untraced().find((one) => one.requestId === requestId);
    if (call === undefined) {
      throw new Problem(404, `There is no call '${requestId}' among the newest without a trail.${nodesNote(store)}`);
    }
    return context.json({ call: view(call), ...exchangeView(exchanges, requestId, store) }, 200);
  });
};

function view(call: UntracedExchange): z.infer<typeof untracedCall> {
  const { requestId, at, operation, region, accessKeyId, userAgent, outcome, errorMessage, skewMs } = call;
  return {
    ...defined({ requestId, at: iso(at), operation, region, accessKeyId, userAgent, outcome, errorMessage }),
    ...(skewMs === undefined ? {} : { skewMs }),
  };
}
