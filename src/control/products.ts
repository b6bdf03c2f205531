/** Products: what sellers meter. Their dimensions and key versions are resources of their own below them. */
import { createRoute, z } from "@hono/zod-openapi";
import { concurrentAgreementsSince } from "../api/limits.ts";
import type { Product } from "../api/types.ts";
import { entityIdFor } from "../catalog/derive.ts";
import { keyVersions } from "../catalog/keys.ts";
import { defined } from "../catalog/rows.ts";
import type { Catalog } from "../store/catalog.ts";
import type { Store } from "../store/store.ts";
import { type AddResource, body, json, noContent, problems, summaryOf } from "./app.ts";
import { dimension, dimensionCreation, dimensionRow, dimensionView } from "./dimensions.ts";
import { accountId, dimensionsMax, instant, iso, name, productCode, productType, region, webUrl } from "./forms.ts";
import { newProductCode } from "./identifiers.ts";
import { requireProduct } from "./lookups.ts";
import { page, pageMembers, pageOf } from "./paging.ts";
import { conflict, invalidMember } from "./problems.ts";

const product = z
  .object({
    code: productCode,
    entityId: z.string().openapi({ description: "The catalogue id; never accepted as a product code" }),
    title: z.string(),
    description: z.string().optional(),
    seller: accountId,
    type: productType,
    createdAt: instant,
    concurrentAgreementsOnly: z
      .boolean()
      .openapi({ description: "Meters by licence only, without CustomerIdentifier" }),
    enabledRegions: z.array(z.string()),
    registrationUrl: z
      .string()
      .optional()
      .openapi({ description: "Where the buyer's browser posts the registration token" }),
    sendsSns: z
      .boolean()
      .optional()
      .openapi({ description: "Absent: SNS messages go out unless for concurrent agreements" }),
    dimensions: z.array(dimension),
    keyVersions: z.array(z.int()).openapi({ description: "Versions; see /products/{code}/key-versions" }),
  })
  .openapi("Product");

const description = z.string().max(10_000);
const creation = z
  .strictObject({
    code: productCode.optional().openapi({ description: "Drawn where it is left out" }),
    title: name.optional(),
    description: description.optional(),
    seller: accountId,
    type: productType,
    concurrentAgreementsOnly: z.boolean().optional(),
    enabledRegions: z.array(region).max(100).optional(),
    registrationUrl: webUrl.optional(),
    sendsSns: z.boolean().optional(),
    dimensions: z.array(dimensionCreation).max(dimensionsMax).optional(),
  })
  .openapi("ProductCreation");
const patch = z
  .strictObject({
    title: name.optional(),
    description: description.nullable().optional(),
    registrationUrl: webUrl.nullable().optional(),
    enabledRegions: z.array(region).max(100).optional(),
    sendsSns: z.boolean().nullable().optional(),
  })
  .openapi("ProductPatch");
const params = z.object({ code: z.string() });
const tags = ["Products"];

const listRoute = createRoute({
  method: "get",
  path: "/products",
  tags,
  summary: "List products",
  request: {
    query: z.strictObject({
      seller: accountId.optional(),
      type: productType.optional(),
      search: z.string().max(255).optional().openapi({ description: "Part of the title, code or entity id" }),
      ...pageMembers,
    }),
  },
  responses: { 200: json(pageOf(product, "ProductPage"), "A page of products"), ...problems },
});
const getRoute = createRoute({
  method: "get",
  path: "/products/{code}",
  tags,
  summary: "Read a product",
  request: { params },
  responses: { 200: json(product, "The product"), ...problems },
});
const creationRoute = createRoute({
  method: "post",
  path: "/products",
  tags,
  summary: "Create a product",
  request: { body: body(creation) },
  responses: { 201: json(product, "The new product"), ...problems },
});
const patchRoute = createRoute({
  method: "patch",
  path: "/products/{code}",
  tags,
  summary: "Change a product; null takes a member away",
  request: { params, body: body(patch) },
  responses: { 200: json(product, "The product as it is now"), ...problems },
});
const deleteRoute = createRoute({
  method: "delete",
  path: "/products/{code}",
  tags,
  summary: "Delete a product that nothing refers to",
  request: { params },
  responses: { 204: noContent, ...problems },
});

export const addProducts: AddResource = (app, { catalog, clock, store, change }) => {
  app.openapi(listRoute, (context) => {
    const { seller, type, search = "", ...paging } = context.req.valid("query");
    const sought = search.trim().toLowerCase();
    const rows = catalog
      .all()
      .products.filter((row) => seller === undefined || row.sellerAccountId === seller)
      .filter((row) => type === undefined || row.type === type)
      .filter(({ title, code, entityId }) =>
        [title, code, entityId].some((text) => text.toLowerCase().includes(sought)),
      );
    const { items, ...rest } = page(rows, paging, ({ code }) => code);
    return context.json({ items: items.map(view), ...rest }, 200);
  });
  app.openapi(getRoute, (context) => context.json(view(requireProduct(catalog, context.req.valid("param").code)), 200));
  app.openapi(creationRoute, async (context) => {
    const given = context.req.valid("json");
    if (catalog.account(given.seller) === undefined)
      throw invalidMember("seller", `there is no account ${given.seller}`);
    const code = given.code ?? newProductCode();
    const row = await rowOf({ ...given, code }, clock.now());
    // Looked up after the keys were made: somebody may have been faster.
    if (catalog.product(code) !== undefined) throw conflict(`There is a product '${code}' already.`);
    await change({ action: "product.create", target: code, summary: summaryOf(given) }, { products: [row] });
    return context.json(view(row), 201);
  });
  app.openapi(patchRoute, async (context) => {
    const found = requireProduct(catalog, context.req.valid("param").code);
    const given = context.req.valid("json");
    const row: Product = defined({
      ...found,
      title: given.title ?? found.title,
      enabledRegions: given.enabledRegions ?? found.enabledRegions,
      description: patched(given.description, found.description),
      registrationUrl: patched(given.registrationUrl, found.registrationUrl),
      sendsSns: patched(given.sendsSns, found.sendsSns),
    });
    await change({ action: "product.change", target: row.code, summary: summaryOf(given) }, { products: [row] });
    return context.json(view(row), 200);
  });
  app.openapi(deleteRoute, async (context) => {
    const { code } = requireProduct(catalog, context.req.valid("param").code);
    const { count } = await store.ledger.count({ productCode: code });
    if (count > 0) throw conflict(`Product '${code}' has ${count} metering records; they keep it.`);
    const referrer = referrerOf(store, catalog, code);
    if (referrer !== undefined) throw conflict(`Product '${code}' cannot go: ${referrer} refers to it.`);
    await change({ action: "product.delete", target: code }, { remove: { products: [code] } });
    return context.body(null, 204);
  });
};

function patched<Value>(given: Value | null | undefined, kept: Value | undefined): Value | undefined {
  return given === undefined ? kept : (given ?? undefined);
}

function view(row: Product): z.infer<typeof product> {
  return defined({
    code: row.code,
    entityId: row.entityId,
    title: row.title,
    description: row.description,
    seller: row.sellerAccountId,
    type: row.type,
    createdAt: iso(row.createdAt),
    concurrentAgreementsOnly: row.concurrentAgreementsOnly,
    enabledRegions: [...row.enabledRegions],
    registrationUrl: row.registrationUrl,
    sendsSns: row.sendsSns,
    dimensions: row.dimensions.map(dimensionView),
    keyVersions: row.keyVersions.map(({ version }) => version),
  });
}

async function rowOf(given: z.infer<typeof creation> & { readonly code: string }, now: number): Promise<Product> {
  const { code, seller, type } = given;
  const names = (given.dimensions ?? []).map((one) => one.name);
  const twice = names.findIndex((one, place) => names.indexOf(one) !== place);
  if (twice !== -1) throw invalidMember(["dimensions", twice, "name"], `dimension '${names[twice]}' is there twice`);
  return defined({
    code,
    entityId: entityIdFor(code),
    title: given.title ?? code,
    description: given.description,
    sellerAccountId: seller,
    type,
    createdAt: now,
    concurrentAgreementsOnly: given.concurrentAgreementsOnly ?? now >= concurrentAgreementsSince,
    dimensions: (given.dimensions ?? []).map((one) => dimensionRow(one, now)),
    enabledRegions: given.enabledRegions ?? ["us-east-1"],
    keyVersions: await keyVersions({ code, seller, type }, [], now),
    registrationUrl: given.registrationUrl,
    sendsSns: given.sendsSns,
  });
}

function referrerOf(store: Store, catalog: Catalog, code: string): string | undefined {
  const { agreements, offers, credentials, targets } = catalog.all();
  const agreement = agreements.find((one) => one.productCode === code);
  if (agreement !== undefined) return `agreement ${agreement.id}`;
  const offer = offers.find((one) => one.productCode === code);
  if (offer !== undefined) return `offer ${offer.id}`;
  const credential = credentials.find((one) => one.productCodes?.includes(code));
  if (credential !== undefined) return `credential ${credential.accessKeyId}`;
  const target = targets.find((one) => one.productCode === code);
  if (target !== undefined) return `notification target ${target.id}`;
  if (catalog.entitlements(code).length > 0) return "an entitlement";
  return store.ledger.workloads({ productCode: code }).length > 0 ? "a metering workload" : undefined;
}
