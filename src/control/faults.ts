/** Planned faults: what a test arranges so that a client meets what production would do to it (B-92). */
import { createRoute, z } from "@hono/zod-openapi";
import { defined } from "../catalog/rows.ts";
import { type Fault, faultLimits, type PlannedFault, planFull } from "../faults.ts";
import { type AddResource, body, json, noContent, problems, summaryOf } from "./app.ts";
import { productCode } from "./forms.ts";
import { conflict, notFound } from "./problems.ts";

const portion = z.number().min(0).max(1);
const shared = {
  operation: z
    .enum(["BatchMeterUsage", "MeterUsage", "RegisterUsage", "ResolveCustomer", "GetEntitlements"])
    .optional()
    .openapi({ description: "Only calls of this operation" }),
  product: productCode.optional().openapi({ description: "Only calls that name this product" }),
  customer: z.string().min(1).max(255).optional().openapi({
    description: "Only calls that name this buyer: account id, CustomerIdentifier or licence ARN, whichever they send",
  }),
  accessKeyId: z.string().min(1).max(128).optional().openapi({ description: "Only calls signed with this key" }),
  times: z.int().min(1).max(faultLimits.timesMax).optional().openapi({
    description: "Calls that it hits; default 1, with share: until it is removed",
  }),
  untilRemoved: z.boolean().optional().openapi({ description: "Goes on until it is taken back; not with times" }),
  share: portion.optional().openapi({ description: "Of the calls that match, so many are hit; default 1" }),
  seed: z.int().min(0).max(faultLimits.seedMax).optional().openapi({
    description: "Of share and recordShare: the same seed draws the same sequence; default: one is drawn, and shown",
  }),
};
const phase = z.enum(["before-commit", "after-commit"]).optional();
const ms = z.int().min(0).max(faultLimits.durationMaxMs);
const record = z.int().min(0).max(faultLimits.recordIndexMax);
const fault = z
  .discriminatedUnion("kind", [
    z.strictObject({
      kind: z.literal("unprocessed"),
      records: z.array(record).min(1).max(25).optional().openapi({ description: "By index in the batch" }),
      recordShare: portion.optional().openapi({ description: "Of the records, so many come back; not with records" }),
      ...shared,
    }),
    z.strictObject({ kind: z.literal("error"), status: z.int().min(400).max(599).optional(), phase, ...shared }),
    z.strictObject({ kind: z.literal("cut"), phase, ...shared }),
    z.strictObject({ kind: z.literal("throttle"), ...shared }),
    z.strictObject({ kind: z.literal("delay"), ms, phase, ...shared }),
    z.strictObject({
      kind: z.literal("slow-body"),
      ms: ms.openapi({ description: "How long the body takes" }),
      bytes: z.int().min(1).max(faultLimits.pieceMaxBytes).optional().openapi({
        description: "Of each piece; default 16",
      }),
      ...shared,
    }),
    z.strictObject({ kind: z.literal("proxy-503"), ...shared }),
  ])
  .openapi("Fault");
const form = fault.superRefine((given, context) => {
  const wrong = (member: string, message: string): void =>
    context.addIssue({ code: "custom", path: [member], message });
  if (given.times !== undefined && given.untilRemoved === true) {
    wrong("untilRemoved", "a fault has times or goes on until it is removed, not both");
  }
  const isDrawn = given.share !== undefined || (given.kind === "unprocessed" && given.recordShare !== undefined);
  if (given.seed !== undefined && !isDrawn) wrong("seed", "nothing is drawn: give a share as well");
  if (given.kind === "unprocessed" && (given.records === undefined) === (given.recordShare === undefined)) {
    wrong("records", "say which records: either records, by index, or recordShare");
  }
});
const planned = z
  .object({
    id: z.string(),
    left: z.int().optional().openapi({ description: "Calls that it will still hit; absent: until it is removed" }),
    matched: z.int().openapi({ description: "Calls that came to where it strikes and matched" }),
    hits: z.int().openapi({ description: "Calls whose answer it made or changed" }),
    fault,
  })
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
  request: { body: body(form) },
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
  app.openapi(listRoute, async (context) => context.json({ items: (await faults.counted()).map(view) }, 200));
  app.openapi(planRoute, async (context) => {
    // Members that were not given are absent, which the form's type cannot say.
    const given = defined(context.req.valid("json")) as Fault;
    if ((await faults.counted()).length >= faultLimits.plannedMax) throw conflict(planFull().message);
    const row = await faults.add(given);
    await note({ action: "fault.plan", target: row.id, summary: summaryOf(given) });
    return context.json(view(row), 201);
  });
  app.openapi(deleteRoute, async (context) => {
    const { id } = context.req.valid("param");
    if (!(await faults.remove(id))) throw notFound("planned fault", id);
    await note({ action: "fault.delete", target: id });
    return context.body(null, 204);
  });
  app.openapi(clearRoute, async (context) => {
    await faults.clear();
    await note({ action: "fault.clear", target: "faults" });
    return context.body(null, 204);
  });
};

/** Faults that came by the library may hold more than the form knows; they are shown as they are. */
function view({ fault: row, ...rest }: PlannedFault): z.infer<typeof planned> {
  return { ...rest, fault: row as z.infer<typeof fault> };
}
