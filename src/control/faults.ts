/** Planned faults: what a test arranges so that a client meets what production would do to it (B-92). */
import { createRoute, z } from "@hono/zod-openapi";
import { defined } from "../catalog/rows.ts";
import type { Fault, PlannedFault } from "../faults.ts";
import { type AddResource, body, json, noContent, problems, summaryOf } from "./app.ts";
import { notFound } from "./problems.ts";

const shared = {
  operation: z
    .enum(["BatchMeterUsage", "MeterUsage", "RegisterUsage", "ResolveCustomer", "GetEntitlements"])
    .optional()
    .openapi({ description: "Only calls of this operation" }),
  times: z.int().min(1).max(1_000_000).optional().openapi({ description: "Calls that it hits; default 1" }),
};
const phase = z.enum(["before-commit", "after-commit"]).optional();
const fault = z
  .discriminatedUnion("kind", [
    z.strictObject({
      kind: z.literal("unprocessed"),
      records: z.array(z.int().min(0).max(24)).min(1).max(25).openapi({ description: "By index in the batch" }),
      ...shared,
    }),
    z.strictObject({ kind: z.literal("error"), status: z.int().min(400).max(599).optional(), phase, ...shared }),
    z.strictObject({ kind: z.literal("throttle"), ...shared }),
    z.strictObject({ kind: z.literal("delay"), ms: z.int().min(0).max(600_000), phase, ...shared }),
  ])
  .openapi("Fault");
const planned = z
  .object({ id: z.string(), left: z.int().openapi({ description: "Calls that it will still hit" }), fault })
  .openapi("PlannedFault");
const tags = ["Faults"];

const listRoute = createRoute({
  method: "get",
  path: "/faults",
  tags,
  summary: "List the faults that still wait for calls",
  responses: {
    200: json(z.object({ items: z.array(planned) }).openapi("PlannedFaultList"), "In the order they were planned"),
    ...problems,
  },
});
const planRoute = createRoute({
  method: "post",
  path: "/faults",
  tags,
  summary: "Plan a fault for the next calls that match",
  request: { body: body(fault) },
  responses: { 201: json(planned, "The planned fault"), ...problems },
});
const deleteRoute = createRoute({
  method: "delete",
  path: "/faults/{id}",
  tags,
  summary: "Take a planned fault back",
  request: { params: z.object({ id: z.string() }) },
  responses: { 204: noContent, ...problems },
});
const clearRoute = createRoute({
  method: "delete",
  path: "/faults",
  tags,
  summary: "Take all planned faults back",
  responses: { 204: noContent, ...problems },
});

export const addFaults: AddResource = (app, { faults, note }) => {
  app.openapi(listRoute, (context) => context.json({ items: faults.list().map(view) }, 200));
  app.openapi(planRoute, async (context) => {
    // Members that were not given are absent, which the form's type cannot say.
    const given = defined(context.req.valid("json")) as Fault;
    const row = faults.add(given);
    await note({ action: "fault.plan", target: row.id, summary: summaryOf(given) });
    return context.json(view(row), 201);
  });
  app.openapi(deleteRoute, async (context) => {
    const { id } = context.req.valid("param");
    if (!faults.remove(id)) throw notFound("planned fault", id);
    await note({ action: "fault.delete", target: id });
    return context.body(null, 204);
  });
  app.openapi(clearRoute, async (context) => {
    faults.clear();
    await note({ action: "fault.clear", target: "faults" });
    return context.body(null, 204);
  });
};

/** Faults that came by the library may hold more than the form knows; they are shown as they are. */
function view({ id, left, fault: row }: PlannedFault): z.infer<typeof planned> {
  return { id, left, fault: row as z.infer<typeof fault> };
}
