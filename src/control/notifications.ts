/** Notifications: what the marketplace told sellers and buyers, and how far each has come on its way to each target. */
import { createRoute, z } from "@hono/zod-openapi";
import type { Delivery, Notification } from "../api/types.ts";
import { defined } from "../catalog/rows.ts";
import { acting } from "./actor.ts";
import { type AddResource, type ControlParts, json, problems, summaryOf } from "./app.ts";
import { accountId, instant, iso, productCode } from "./forms.ts";
import { pageMembers, pageOf } from "./paging.ts";
import { invalidField, invalidMember, notFound } from "./problems.ts";

const form = z.enum(["sns", "eventbridge"]);
const state = z.enum(["pending", "delivered", "dead"]);
const members = {
  id: z.string(),
  at: instant.openapi({ description: "Business time of publication" }),
  form,
  seller: accountId.openapi({ description: "Of the product; it is told to the seller unless there is a `buyer`" }),
  buyer: accountId.optional().openapi({ description: "Of an `- Acceptor` event: the buyer, whom it is told to" }),
  product: productCode,
  agreement: z.string().optional(),
  topicArn: z.string().optional(),
  name: z.string().openapi({ description: "SNS: the action. EventBridge: the detail type" }),
  body: z
    .string()
    .openapi({ description: "JSON text: SNS, the message in the envelope; EventBridge, the whole event" }),
};
const delivery = z
  .object({
    target: z.string(),
    state,
    attempts: z.array(z.object({ at: instant, status: z.int().optional(), error: z.string().optional() })),
    nextAttemptAt: instant.optional().openapi({ description: "Wall clock; while pending" }),
  })
  .openapi("Delivery");
export const notification = z.object(members).openapi("Notification");
export const deliveryCounts = z
  .object({ pending: z.int(), delivered: z.int(), dead: z.int() })
  .openapi("DeliveryCounts", {
    description: "How many targets it is on its way to, has reached, and was given up for",
  });
const listed = z.object({ ...members, deliveries: deliveryCounts }).openapi("ListedNotification");
const detail = z.object({ ...members, deliveries: z.array(delivery) }).openapi("NotificationWithDeliveries");
const resend = z
  .strictObject({ target: z.string().max(255).optional().openapi({ description: "Default: all targets it went to" }) })
  .openapi("NotificationResend");
const params = z.object({ id: z.string() });
const tags = ["Notifications"];

const listRoute = createRoute({
  method: "get",
  path: "/notifications",
  tags,
  summary: "List notifications",
  request: {
    query: z.strictObject({
      seller: accountId.optional().openapi({ description: "Those that this seller is told" }),
      buyer: accountId.optional().openapi({ description: "Those that this buyer is told" }),
      product: productCode.optional(),
      agreement: z.string().max(255).optional(),
      form: form.optional(),
      name: z.string().max(255).optional(),
      state: state.optional().openapi({ description: "Those with a delivery in this state" }),
      order: z.enum(["oldest-first", "newest-first"]).default("oldest-first"),
      ...pageMembers,
    }),
  },
  responses: { 200: json(pageOf(listed, "NotificationPage"), "A page of notifications"), ...problems },
});
const getRoute = createRoute({
  method: "get",
  path: "/notifications/{id}",
  tags,
  summary: "Read a notification with its deliveries and their attempts",
  request: { params },
  responses: { 200: json(detail, "The notification"), ...problems },
});
const resendRoute = createRoute({
  method: "post",
  path: "/notifications/{id}/resend",
  tags,
  summary: "Send a notification again",
  request: { params, body: { content: { "application/json": { schema: resend } } } },
  responses: { 202: json(detail, "It is on its way"), ...problems },
});

export const addNotifications: AddResource = (app, parts) => {
  const { store, catalog, note } = parts;
  const find = async (id: string): Promise<Notification> => {
    const found = await store.outbox.notification(id);
    if (found === undefined) throw notFound("notification", id);
    return found;
  };
  const detailOf = async (row: Notification): Promise<z.infer<typeof detail>> => ({
    ...view(row),
    deliveries: (await store.outbox.deliveries(row.id)).map(deliveryView),
  });
  app.openapi(listRoute, async (context) => {
    const { limit, cursor, order, ...given } = context.req.valid("query");
    if (cursor !== undefined && (await store.outbox.notification(cursor)) === undefined) {
      throw invalidField("cursor", "not a cursor that this list gave out");
    }
    const filter = defined({
      sellerAccountId: given.seller,
      buyerAccountId: given.buyer,
      productCode: given.product,
      agreementId: given.agreement,
      form: given.form,
      name: given.name,
      state: given.state,
    });
    // One more than is shown tells whether there is another page.
    const paging = { limit: limit + 1, newestFirst: order === "newest-first", ...defined({ cursor }) };
    const found = await store.outbox.notifications(filter, paging);
    const items = await Promise.all(
      found
        .slice(0, limit)
        .map(async (row) => ({ ...view(row), deliveries: await deliveryCountsOf(store.outbox, row.id) })),
    );
    const last = items.at(-1);
    return context.json({ items, ...(found.length > limit && last !== undefined ? { nextCursor: last.id } : {}) }, 200);
  });
  app.openapi(getRoute, async (context) =>
    context.json(await detailOf(await find(context.req.valid("param").id)), 200),
  );
  app.openapi(resendRoute, async (context) => {
    const found = await find(context.req.valid("param").id);
    const { target } = context.req.valid("json");
    if (target !== undefined && catalog.target(target) === undefined) {
      throw invalidMember("target", `there is no notification target '${target}'`);
    }
    const deed = {
      action: "notification.resend",
      target: found.id,
      ...(target ? { summary: summaryOf({ target }) } : {}),
    };
    await note(deed);
    await acting(deed, () => sendAgain(parts, found.id, target));
    return context.json(await detailOf(found), 202);
  });
};

export async function deliveryCountsOf(
  outbox: ControlParts["store"]["outbox"],
  id: string,
): Promise<z.infer<typeof deliveryCounts>> {
  const counts = { pending: 0, delivered: 0, dead: 0 };
  for (const row of await outbox.deliveries(id)) counts[row.state] += 1;
  return counts;
}

/** Without a worker the rows are made due; whoever delivers finds them. */
async function sendAgain({ resend: send, store, wallClock }: ControlParts, id: string, target?: string): Promise<void> {
  if (send !== undefined) {
    await send(id, target);
    return;
  }
  const known = (await store.outbox.deliveries(id)).filter((row) => target === undefined || row.targetId === target);
  const fresh = { notificationId: id, targetId: target ?? "", attempts: [] };
  for (const row of target !== undefined && known.length === 0 ? [fresh] : known) {
    await store.outbox.save({ ...row, state: "pending", nextAttemptAt: wallClock() });
  }
}

export function view(row: Notification): z.infer<typeof notification> {
  return defined({
    id: row.id,
    at: iso(row.at),
    form: row.form,
    seller: row.sellerAccountId,
    buyer: row.buyerAccountId,
    product: row.productCode,
    agreement: row.agreementId,
    topicArn: row.topicArn,
    name: row.name,
    body: row.body,
  });
}

function deliveryView(row: Delivery): z.infer<typeof delivery> {
  return defined({
    target: row.targetId,
    state: row.state,
    attempts: row.attempts.map(({ at, status, error }) => defined({ at: iso(at), status, error })),
    nextAttemptAt: row.state === "pending" ? iso(row.nextAttemptAt) : undefined,
  });
}
