/** Dimensions of a product. They come, and their price and words change; their names never do (C-22). */
import { createRoute, z } from "@hono/zod-openapi";
import type { Dimension, Product } from "../api/types.ts";
import { defined } from "../catalog/rows.ts";
import { type AddResource, body, json, problems, summaryOf } from "./app.ts";
import { dimensionName, dimensionsMax, instant, iso, name, price } from "./forms.ts";
import { requireProduct } from "./lookups.ts";
import { conflict, notFound } from "./problems.ts";

const kind = z.enum(["metered", "entitlement"]);

export const dimension = z
  .object({
    name: dimensionName,
    kind,
    description: z.string().optional(),
    unit: z.string().optional(),
    price: z.string().optional().openapi({ description: "USD per unit" }),
    addedAt: instant.openapi({ description: "Older private offers do not price it (B-42)" }),
  })
  .openapi("Dimension");
export const dimensionCreation = z
  .strictObject({
    name: dimensionName,
    kind: kind.default("metered"),
    description: name.optional(),
    unit: name.optional(),
    price: price.optional(),
  })
  .openapi("DimensionCreation");
const patch = z
  .strictObject({
    description: name.nullable().optional(),
    unit: name.nullable().optional(),
    price: price.nullable().optional(),
  })
  .openapi("DimensionPatch");

const params = z.object({ code: z.string() });
const tags = ["Products"];

const listRoute = createRoute({
  method: "get",
  path: "/products/{code}/dimensions",
  tags,
  summary: "List the dimensions of a product",
  request: { params },
  responses: {
    200: json(
      z.object({ items: z.array(dimension) }).openapi("DimensionList"),
      "All of them; a product has at most 24",
    ),
    ...problems,
  },
});
const creationRoute = createRoute({
  method: "post",
  path: "/products/{code}/dimensions",
  tags,
  summary: "Add a dimension, from now on the business clock",
  request: { params, body: body(dimensionCreation) },
  responses: { 201: json(dimension, "The new dimension"), ...problems },
});
const patchRoute = createRoute({
  method: "patch",
  path: "/products/{code}/dimensions/{name}",
  tags,
  summary: "Change price, unit or description; null takes a member away",
  request: { params: z.object({ code: z.string(), name: z.string() }), body: body(patch) },
  responses: { 200: json(dimension, "The dimension as it is now"), ...problems },
});

export const addDimensions: AddResource = (app, { catalog, clock, change }) => {
  app.openapi(listRoute, (context) => {
    const found = requireProduct(catalog, context.req.valid("param").code);
    return context.json({ items: found.dimensions.map(dimensionView) }, 200);
  });
  app.openapi(creationRoute, async (context) => {
    const found = requireProduct(catalog, context.req.valid("param").code);
    const given = context.req.valid("json");
    if (found.dimensions.some((one) => one.name === given.name)) {
      throw conflict(`Product '${found.code}' has a dimension '${given.name}' already.`);
    }
    if (found.dimensions.length >= dimensionsMax) throw conflict(`A product has at most ${dimensionsMax} dimensions.`);
    const row = dimensionRow(given, clock.now());
    const products: readonly Product[] = [{ ...found, dimensions: [...found.dimensions, row] }];
    await change(
      { action: "dimension.create", target: `${found.code}/${row.name}`, summary: summaryOf(given) },
      { products },
    );
    return context.json(dimensionView(row), 201);
  });
  app.openapi(patchRoute, async (context) => {
    const { code, name: dimensionToChange } = context.req.valid("param");
    const found = requireProduct(catalog, code);
    const known = found.dimensions.find((one) => one.name === dimensionToChange);
    if (known === undefined) throw notFound(`dimension of product ${code}`, dimensionToChange);
    const given = context.req.valid("json");
    const merged = { ...known, ...defined(given) };
    const row: Dimension = defined({
      ...known,
      description: merged.description ?? undefined,
      unit: merged.unit ?? undefined,
      price: merged.price ?? undefined,
    });
    const products = [{ ...found, dimensions: found.dimensions.map((one) => (one === known ? row : one)) }];
    await change(
      { action: "dimension.change", target: `${code}/${row.name}`, summary: summaryOf(given) },
      { products },
    );
    return context.json(dimensionView(row), 200);
  });
};

export function dimensionRow(given: z.infer<typeof dimensionCreation>, addedAt: number): Dimension {
  return defined({ ...given, addedAt });
}

export function dimensionView(row: Dimension): z.infer<typeof dimension> {
  return { ...row, addedAt: iso(row.addedAt) };
}
