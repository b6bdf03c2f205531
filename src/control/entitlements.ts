/** Entitlements: what contracts grant. Each change goes out with the message that sends sellers to read it (G-12). */
import { createRoute, z } from "@hono/zod-openapi";
import { licenseTail } from "../api/identifiers.ts";
import { dayMs } from "../api/limits.ts";
import type { Agreement, Entitlement, Notification } from "../api/types.ts";
import { defined } from "../catalog/rows.ts";
import { announce } from "../marketplace/notifications/announce.ts";
import { agreementState } from "../rules/agreements.ts";
import { type AddResource, body, type ControlParts, json, noContent, problems, summaryOf } from "./app.ts";
import {
  accountId,
  dimensionName,
  entitlementOf,
  givenValue,
  instant,
  iso,
  licenseArn,
  msOf,
  productCode,
  typedValue,
} from "./forms.ts";
import { namedBuyer, namedProduct } from "./lookups.ts";
import { page, pageMembers, pageOf } from "./paging.ts";
import { invalidMember, Problem } from "./problems.ts";

const key = { product: productCode, buyer: accountId, dimension: dimensionName, license: licenseArn.optional() };
const entitlement = z.object({ ...key, value: typedValue, expiresAt: instant }).openapi("Entitlement");
const put = z
  .strictObject({
    ...key,
    value: givenValue,
    expiresAt: instant
      .optional()
      .openapi({ description: "Default: as it was, or a year from now on the business clock" }),
  })
  .openapi("EntitlementPut");
const tags = ["Entitlements"];

const listRoute = createRoute({
  method: "get",
  path: "/entitlements",
  tags,
  summary: "List entitlements",
  request: {
    query: z.strictObject({
      product: productCode.optional(),
      buyer: accountId.optional(),
      dimension: dimensionName.optional(),
      ...pageMembers,
    }),
  },
  responses: { 200: json(pageOf(entitlement, "EntitlementPage"), "A page of entitlements"), ...problems },
});
const putRoute = createRoute({
  method: "put",
  path: "/entitlements",
  tags,
  summary: "Grant an entitlement, or change it",
  request: { body: body(put) },
  responses: { 200: json(entitlement, "The entitlement as it is now"), ...problems },
});
const deleteRoute = createRoute({
  method: "delete",
  path: "/entitlements",
  tags,
  summary: "Take an entitlement away",
  request: { query: z.strictObject(key) },
  responses: { 204: noContent, ...problems },
});

type Key = {
  readonly product: string;
  readonly buyer: string;
  readonly dimension: string;
  readonly license?: string | undefined;
};

export const addEntitlements: AddResource = (app, parts) => {
  const { catalog, clock, change } = parts;
  app.openapi(listRoute, (context) => {
    const { product, buyer, dimension, ...paging } = context.req.valid("query");
    const all = product === undefined ? catalog.all().entitlements : catalog.entitlements(product);
    const rows = all
      .filter((row) => buyer === undefined || row.buyerAccountId === buyer)
      .filter((row) => dimension === undefined || row.dimension === dimension);
    return context.json(page(rows.map(view), paging, targetOf), 200);
  });
  app.openapi(putRoute, async (context) => {
    const given = context.req.valid("json");
    const product = namedProduct(catalog, given.product);
    namedBuyer(catalog, given.buyer);
    if (!product.dimensions.some((one) => one.name === given.dimension && one.kind === "entitlement")) {
      throw invalidMember("dimension", `product '${product.code}' has no entitlement dimension '${given.dimension}'`);
    }
    const agreement = agreementOf(parts, given);
    if (given.license !== undefined && agreement === undefined) {
      throw invalidMember("license", "no agreement of this product and buyer holds it");
    }
    const known = findEntitlement(parts, given);
    const row: Entitlement = defined({
      productCode: given.product,
      buyerAccountId: given.buyer,
      dimension: given.dimension,
      licenseArn: known?.licenseArn ?? given.license,
      value: entitlementOf(given.value, ["value"]),
      expiresAt: msOf(given.expiresAt) ?? known?.expiresAt ?? agreement?.endsAt ?? clock.now() + 365 * dayMs,
    });
    const notifications = announcementsOf(parts, agreement);
    const deed = { action: "entitlement.put", target: targetOf(given), summary: summaryOf(given) };
    await change(deed, { entitlements: [row], notifications });
    return context.json(view(row), 200);
  });
  app.openapi(deleteRoute, async (context) => {
    const given = context.req.valid("query");
    const known = findEntitlement(parts, given);
    if (known === undefined) throw new Problem(404, `There is no entitlement of ${targetOf(given)}.`);
    const notifications = announcementsOf(parts, agreementOf(parts, given));
    await change(
      { action: "entitlement.delete", target: targetOf(given) },
      { remove: { entitlements: [known] }, notifications },
    );
    return context.body(null, 204);
  });
};

function targetOf({ product, buyer, dimension, license }: Key): string {
  return [product, buyer, dimension, ...(license === undefined ? [] : [licenseTail(license)])].join("/");
}

function findEntitlement({ catalog }: ControlParts, given: Key): Entitlement | undefined {
  const tail = given.license === undefined ? undefined : licenseTail(given.license);
  return catalog
    .entitlements(given.product)
    .find(
      (row) =>
        row.buyerAccountId === given.buyer &&
        row.dimension === given.dimension &&
        (row.licenseArn === undefined ? undefined : licenseTail(row.licenseArn)) === tail,
    );
}

/** The agreement that the entitlement is of: by its licence, or the pair's newest that has not ended. */
function agreementOf({ catalog, clock, settings }: ControlParts, given: Key): Agreement | undefined {
  const ofPair = catalog.agreements(given.product, given.buyer);
  if (given.license !== undefined) {
    const held = catalog.agreementByLicense(licenseTail(given.license));
    return ofPair.find((one) => one.id === held?.id);
  }
  return ofPair.findLast((one) => agreementState(one, clock.now(), settings()) !== "ended");
}

function announcementsOf({ catalog, clock }: ControlParts, agreement: Agreement | undefined): readonly Notification[] {
  if (agreement === undefined) return [];
  const events = [{ kind: "agreement-amended" }, { kind: "license-updated" }, { kind: "entitlement-updated" }] as const;
  return announce(events, agreement, clock.now(), catalog);
}

function view(row: Entitlement): z.infer<typeof entitlement> {
  return defined({
    product: row.productCode,
    buyer: row.buyerAccountId,
    dimension: row.dimension,
    license: row.licenseArn,
    value: row.value,
    expiresAt: iso(row.expiresAt),
  });
}
