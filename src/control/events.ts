/** Control events: who changed what, and when. */
import { createRoute, z } from "@hono/zod-openapi";
import { type AddResource, json, problems } from "./app.ts";
import { instant, iso } from "./forms.ts";
import { page, pageMembers, pageOf } from "./paging.ts";

const event = z
  .object({
    id: z.string(),
    at: instant.openapi({ description: "Wall clock" }),
    actor: z.string().openapi({ description: "Name of the admin token, or what in the server acted" }),
    action: z.string(),
    target: z.string(),
    summary: z.string().optional(),
  })
  .openapi("ControlEvent");

/** How far back the list reaches; the store keeps more. */
const eventsMax = 10_000;

const listRoute = createRoute({
  method: "get",
  path: "/events",
  tags: ["Events"],
  summary: `List the newest ${eventsMax} changes, newest first`,
  request: {
    query: z.strictObject({
      actor: z.string().max(255).optional(),
      action: z.string().max(255).optional(),
      target: z.string().max(255).optional(),
      ...pageMembers,
    }),
  },
  responses: { 200: json(pageOf(event, "ControlEventPage"), "A page of events"), ...problems },
});

export const addEvents: AddResource = (app, { catalog }) => {
  app.openapi(listRoute, async (context) => {
    const { actor, action, target, ...paging } = context.req.valid("query");
    const isFiltered = actor !== undefined || action !== undefined || target !== undefined;
    const newest = await catalog.controlEvents(
      isFiltered || paging.cursor !== undefined ? eventsMax : paging.limit + 1,
    );
    const rows = newest.filter(
      (row) =>
        (actor === undefined || row.actor === actor) &&
        (action === undefined || row.action === action) &&
        (target === undefined || row.target === target),
    );
    const { items, ...rest } = page(rows, paging, ({ id }) => id);
    return context.json({ items: items.map((row) => ({ ...row, at: iso(row.at) })), ...rest }, 200);
  });
};
