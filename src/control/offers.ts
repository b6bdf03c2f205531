/** Offers: the terms under which buyers take a product. */
import { createRoute, z } from "@hono/zod-openapi";
import type { Offer } from "../api/types.ts";
import { defined } from "../catalog/rows.ts";
import { newOfferId } from "../marketplace/identifiers.ts";
import { type AddResource, body, json, noContent, problems, summaryOf } from "./app.ts";
import {
  accountId,
  dimensionName,
  givenEntitlements,
  givenValue,
  instant,
  iso,
  msOf,
  name,
  productCode,
  typedValue,
} from "./forms.ts";
import { namedProduct } from "./lookups.ts";
import { page, pageMembers, pageOf } from "./paging.ts";
import { conflict, invalidMember, notFound } from "./problems.ts";

const offer = z
  .object({
    id: z.string(),
    product: productCode,
    title: z.string().optional(),
    buyers: z.array(accountId).optional().openapi({ description: "Absent: a public offer" }),
    freeTrialDays: z.int().optional(),
    termDays: z.int().optional().openapi({ description: "Absent: until cancelled" }),
    autoRenew: z.boolean().optional(),
    entitlements: z.record(z.string(), typedValue).optional(),
    createdAt: instant,
    expiresAt: instant.optional().openapi({ description: "Not to be taken any more from then on" }),
  })
  .openapi("Offer");
const creation = z
  .strictObject({
    id: z
      .string()
      .regex(/^offer-[-a-zA-Z0-9]{1,64}$/, "not an offer id (offer-…)")
      .optional(),
    product: productCode,
    title: name.optional(),
    buyers: z.array(accountId).min(1).max(1_000).optional(),
    freeTrialDays: z.int().min(7).max(90).optional().openapi({ description: "SPEC T-21" }),
    termDays: z.int().min(1).max(3_660).optional(),
    autoRenew: z.boolean().optional(),
    entitlements: z.record(dimensionName, givenValue).optional(),
    expiresAt: instant.optional(),
  })
  .openapi("OfferCreation");
const params = z.object({ id: z.string() });
const tags = ["Offers"];

const listRoute = createRoute({
  method: "get",
  path: "/offers",
  tags,
  summary: "List offers",
  request: { query: z.strictObject({ product: productCode.optional(), buyer: accountId.optional(), ...pageMembers }) },
  responses: {
    200: json(pageOf(offer, "OfferPage"), "A page of offers; with `buyer`, those that the buyer may take"),
    ...problems,
  },
});
const getRoute = createRoute({
  method: "get",
  path: "/offers/{id}",
  tags,
  summary: "Read an offer",
  request: { params },
  responses: { 200: json(offer, "The offer"), ...problems },
});
const creationRoute = createRoute({
  method: "post",
  path: "/offers",
  tags,
  summary: "Create an offer: public, or private to the buyers it names",
  request: { body: body(creation) },
  responses: { 201: json(offer, "The new offer"), ...problems },
});
const deleteRoute = createRoute({
  method: "delete",
  path: "/offers/{id}",
  tags,
  summary: "Delete an offer that no open agreement rests on",
  request: { params },
  responses: { 204: noContent, ...problems },
});

export const addOffers: AddResource = (app, { catalog, clock, change }) => {
  const find = (id: string): Offer => {
    const found = catalog.offer(id);
    if (found === undefined) throw notFound("offer", id);
    return found;
  };
  app.openapi(listRoute, (context) => {
    const { product, buyer, ...paging } = context.req.valid("query");
    const rows = catalog
      .all()
      .offers.filter((row) => product === undefined || row.productCode === product)
      .filter((row) => buyer === undefined || (row.buyerAccountIds?.includes(buyer) ?? true));
    const { items, ...rest } = page(rows, paging, ({ id }) => id);
    return context.json({ items: items.map(view), ...rest }, 200);
  });
  app.openapi(getRoute, (context) => context.json(view(find(context.req.valid("param").id)), 200));
  app.openapi(creationRoute, async (context) => {
    const given = context.req.valid("json");
    const product = namedProduct(catalog, given.product);
    const id = given.id ?? newOfferId();
    if (catalog.offer(id) !== undefined) throw conflict(`There is an offer ${id} already.`);
    for (const dimension of Object.keys(given.entitlements ?? {})) {
      if (product.dimensions.some((one) => one.name === dimension && one.kind === "entitlement")) continue;
      throw invalidMember(
        ["entitlements", dimension],
        `product '${product.code}' has no entitlement dimension of that name`,
      );
    }
    const row: Offer = defined({
      id,
      productCode: product.code,
      title: given.title,
      buyerAccountIds: given.buyers,
      freeTrialDays: given.freeTrialDays,
      termDays: given.termDays,
      autoRenew: given.autoRenew,
      entitlements: given.entitlements && givenEntitlements(given.entitlements),
      createdAt: clock.now(),
      expiresAt: msOf(given.expiresAt),
    });
    await change({ action: "offer.create", target: id, summary: summaryOf(given) }, { offers: [row] });
    return context.json(view(row), 201);
  });
  app.openapi(deleteRoute, async (context) => {
    const { id } = find(context.req.valid("param").id);
    const open = catalog.all().agreements.find((one) => one.offerId === id && one.endedAt === undefined);
    if (open !== undefined) throw conflict(`The agreement ${open.id} rests on offer ${id}.`);
    await change({ action: "offer.delete", target: id }, { remove: { offers: [id] } });
    return context.body(null, 204);
  });
};

function view(row: Offer): z.infer<typeof offer> {
  return defined({
    id: row.id,
    product: row.productCode,
    title: row.title,
    buyers: row.buyerAccountIds && [...row.buyerAccountIds],
    freeTrialDays: row.freeTrialDays,
    termDays: row.termDays,
    autoRenew: row.autoRenew,
    entitlements: row.entitlements && { ...row.entitlements },
    createdAt: iso(row.createdAt),
    expiresAt: iso(row.expiresAt),
  });
}
