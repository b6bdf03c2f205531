/** Notification targets: where notifications of sellers and buyers go. Secrets and confirmation tokens never come out. */
import { randomUUID } from "node:crypto";
import { createRoute, z } from "@hono/zod-openapi";
import type { NotificationTarget } from "../api/types.ts";
import { maskedUrl } from "../api/urls.ts";
import { defined } from "../catalog/rows.ts";
import { buyersFormsFault, defaultForms } from "../catalog/targets.ts";
import type { Catalog } from "../store/catalog.ts";
import { acting } from "./actor.ts";
import { type AddResource, body, json, noContent, problems, summaryOf } from "./app.ts";
import { accountId, instant, iso, productCode, region, webUrl } from "./forms.ts";
import { namedProduct } from "./lookups.ts";
import { page, pageMembers, pageOf } from "./paging.ts";
import { conflict, invalidMember, notFound, Problem } from "./problems.ts";

const form = z.enum(["sns", "eventbridge"]);
const target = z
  .object({
    id: z.string(),
    seller: accountId.optional().openapi({ description: "Whose notifications it takes; this or `buyer`" }),
    buyer: accountId.optional().openapi({ description: "Whose `- Acceptor` events it takes" }),
    product: productCode
      .optional()
      .openapi({ description: "Absent: all products of the seller, or all that the buyer buys" }),
    forms: z.array(form),
    kind: z.enum(["http", "sqs"]),
    url: z.string().openapi({ description: "Without user and password, where it has them" }),
    rawDelivery: z.boolean(),
    sqs: z
      .object({
        endpoint: z.string().optional(),
        region: z.string().optional(),
        accessKeyId: z.string().optional(),
      })
      .optional(),
    state: z.enum(["ready", "unconfirmed"]).openapi({
      description: "unconfirmed: SNS messages are dead letters until the owner confirms; resend them then",
    }),
    confirmedAt: instant.optional().openapi({ description: "Wall clock" }),
    createdAt: instant,
  })
  .openapi("NotificationTarget");
const confirmation = z
  .object({
    target,
    attempt: z
      .object({ status: z.int().optional(), error: z.string().optional() })
      .optional()
      .openapi({ description: "How the endpoint took the SubscriptionConfirmation" }),
  })
  .openapi("TargetConfirmation");

const creation = z
  .strictObject({
    seller: accountId.optional().openapi({ description: "Whose notifications; this or `buyer`" }),
    buyer: accountId
      .optional()
      .openapi({ description: "Whose `- Acceptor` events, which come by EventBridge alone; this or `seller`" }),
    product: productCode.optional(),
    forms: z
      .array(form)
      .min(1)
      .max(2)
      .optional()
      .openapi({ description: "Default: both for a seller, eventbridge for a buyer" }),
    kind: z.enum(["http", "sqs"]),
    url: webUrl.openapi({ description: "The endpoint that is posted to, or the queue's URL" }),
    rawDelivery: z.boolean().optional().openapi({ description: "SNS without its envelope" }),
    sqs: z
      .strictObject({
        endpoint: webUrl.optional(),
        region: region.optional(),
        accessKeyId: z.string().max(128).optional(),
        secretAccessKey: z.string().max(256).optional(),
      })
      .optional()
      .openapi({ description: "How to reach the queue; what is left out comes from the server's environment" }),
  })
  .openapi("NotificationTargetCreation");
const confirm = z
  .strictObject({
    force: z.boolean().optional().openapi({ description: "Confirm it here, without asking the endpoint" }),
  })
  .openapi("TargetConfirm");
const params = z.object({ id: z.string() });
const tags = ["Notifications"];

const listRoute = createRoute({
  method: "get",
  path: "/notification-targets",
  tags,
  summary: "List notification targets",
  request: {
    query: z.strictObject({
      seller: accountId.optional(),
      buyer: accountId.optional(),
      product: productCode.optional().openapi({
        description: "Those that this product's notifications go to: the seller's, or with `buyer` that buyer's",
      }),
      ...pageMembers,
    }),
  },
  responses: { 200: json(pageOf(target, "NotificationTargetPage"), "A page of targets"), ...problems },
});
const creationRoute = createRoute({
  method: "post",
  path: "/notification-targets",
  tags,
  summary: "Create a target; an HTTP endpoint for SNS messages is asked to confirm",
  request: { body: body(creation) },
  responses: { 201: json(target, "The new target"), ...problems },
});
const deleteRoute = createRoute({
  method: "delete",
  path: "/notification-targets/{id}",
  tags,
  summary: "Delete a target; what is on its way to it becomes dead",
  request: { params },
  responses: { 204: noContent, ...problems },
});
const confirmRoute = createRoute({
  method: "post",
  path: "/notification-targets/{id}/confirm",
  tags,
  summary: "Ask an HTTP endpoint once more to confirm, or confirm it here by `force`",
  request: { params, body: { content: { "application/json": { schema: confirm } } } },
  responses: { 200: json(confirmation, "The target as it is now"), ...problems },
});

export const addNotificationTargets: AddResource = (app, { catalog, clock, wallClock, change, confirmTarget, log }) => {
  const find = (id: string): NotificationTarget => {
    const found = catalog.target(id);
    if (found === undefined) throw notFound("notification target", id);
    return found;
  };
  app.openapi(listRoute, (context) => {
    const { seller, buyer, product, ...paging } = context.req.valid("query");
    const publisher = product === undefined ? undefined : catalog.product(product)?.sellerAccountId;
    const rows = catalog
      .all()
      .targets.filter((row) => seller === undefined || row.sellerAccountId === seller)
      // A buyer's are none of the product's own, so they are shown where that buyer is asked for.
      .filter((row) => (product === undefined && buyer === undefined) || row.buyerAccountId === buyer)
      .filter(
        (row) =>
          product === undefined ||
          row.productCode === product ||
          (row.productCode === undefined && (buyer !== undefined || row.sellerAccountId === publisher)),
      );
    const { items, ...rest } = page(rows, paging, ({ id }) => id);
    return context.json({ items: items.map(view), ...rest }, 200);
  });
  app.openapi(creationRoute, async (context) => {
    const { seller, buyer, product, sqs, rawDelivery = false, ...given } = context.req.valid("json");
    requireOwner(catalog, { seller, buyer, product });
    const forms = given.forms ?? defaultForms(buyer);
    if (buyer !== undefined && forms.includes("sns")) throw invalidMember("forms", buyersFormsFault);
    if (sqs !== undefined && given.kind !== "sqs") throw invalidMember("sqs", "goes with the kind sqs only");
    const row: NotificationTarget = defined({
      ...given,
      id: randomUUID(),
      forms: [...new Set(forms)],
      sellerAccountId: seller,
      buyerAccountId: buyer,
      productCode: product,
      rawDelivery,
      sqs: sqs && defined(sqs),
      createdAt: clock.now(),
    });
    const deed = {
      action: "notification-target.create",
      target: row.id,
      summary: summaryOf({ seller, buyer, product, kind: row.kind, url: maskedUrl(row.url) }),
    };
    await change(deed, { targets: [row] });
    if (confirmTarget !== undefined && stateOf(row) === "unconfirmed") {
      // Not waited for: an endpoint that is down must not hold the answer up; it can be asked again.
      const ask = acting({ action: "notification-target.ask", target: row.id }, () => confirmTarget(row));
      ask.catch((error: unknown) =>
        log.warn({ err: error, target: row.id }, "the endpoint could not be asked to confirm"),
      );
    }
    return context.json(view(row), 201);
  });
  app.openapi(deleteRoute, async (context) => {
    const { id } = find(context.req.valid("param").id);
    await change({ action: "notification-target.delete", target: id }, { remove: { targets: [id] } });
    return context.body(null, 204);
  });
  app.openapi(confirmRoute, async (context) => {
    const found = find(context.req.valid("param").id);
    const { force = false } = context.req.valid("json");
    if (found.buyerAccountId !== undefined)
      throw conflict("A buyer's target takes events only, which nobody confirms.");
    if (found.kind !== "http") throw conflict("Only HTTP targets are confirmed; queues get their messages at once.");
    if (force) {
      const row = { ...found, confirmedAt: found.confirmedAt ?? wallClock() };
      await change({ action: "notification-target.confirm", target: row.id }, { targets: [row] });
      return context.json({ target: view(row) }, 200);
    }
    if (confirmTarget === undefined)
      throw new Problem(409, 'Nothing sends confirmations here; confirm it by {"force":true}.');
    const deed = { action: "notification-target.ask", target: found.id };
    const attempt = await acting(deed, () => confirmTarget(found));
    const told = attempt === undefined ? {} : { attempt: defined({ status: attempt.status, error: attempt.error }) };
    return context.json({ target: view(find(found.id)), ...told }, 200);
  });
};

/** One account, which there is, and which sells the product if it is the seller. */
function requireOwner(
  catalog: Catalog,
  { seller, buyer, product }: { readonly [member in "seller" | "buyer" | "product"]: string | undefined },
): void {
  if (seller !== undefined && buyer !== undefined)
    throw invalidMember("buyer", "a target has a seller or a buyer, not both");
  const owner = seller ?? buyer;
  if (owner === undefined) throw invalidMember("seller", "missing; a target has a seller or a buyer");
  if (catalog.account(owner) === undefined) {
    throw invalidMember(seller === undefined ? "buyer" : "seller", `there is no account ${owner}`);
  }
  if (product === undefined) return;
  const { sellerAccountId } = namedProduct(catalog, product);
  if (seller !== undefined && sellerAccountId !== seller) {
    throw invalidMember("product", `product '${product}' is not one of account ${seller}`);
  }
}

function stateOf({ kind, forms, confirmedAt }: NotificationTarget): "ready" | "unconfirmed" {
  return kind === "http" && forms.includes("sns") && confirmedAt === undefined ? "unconfirmed" : "ready";
}

function view(row: NotificationTarget): z.infer<typeof target> {
  const { endpoint, region: queueRegion, accessKeyId } = row.sqs ?? {};
  return defined({
    id: row.id,
    seller: row.sellerAccountId,
    buyer: row.buyerAccountId,
    product: row.productCode,
    forms: [...row.forms],
    kind: row.kind,
    url: maskedUrl(row.url),
    rawDelivery: row.rawDelivery,
    sqs: row.sqs && defined({ endpoint, region: queueRegion, accessKeyId }),
    state: stateOf(row),
    confirmedAt: iso(row.confirmedAt),
    createdAt: iso(row.createdAt),
  });
}
