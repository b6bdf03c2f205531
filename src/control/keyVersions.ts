/** Key versions of a product: the RSA keys that sign the answers of RegisterUsage. Private keys never come out. */
import { createRoute, z } from "@hono/zod-openapi";
import type { KeyVersion } from "../api/types.ts";
import { keyVersions, privateKeyFault } from "../catalog/keys.ts";
import { defined } from "../catalog/rows.ts";
import { type AddResource, body, json, problems } from "./app.ts";
import { instant, iso } from "./forms.ts";
import { requireProduct } from "./lookups.ts";
import { conflict, invalidMember, notFound } from "./problems.ts";

const keyVersion = z
  .object({
    version: z.int(),
    publicKeyPem: z.string().openapi({ description: "SPKI PEM" }),
    rotatedAt: instant.optional().openapi({ description: "Since when there is a newer one; it still signs" }),
    url: z.string().openapi({ description: "Where sellers' software reads it, without a token" }),
  })
  .openapi("KeyVersion");
const creation = z
  .strictObject({
    version: z.int().min(1).max(2_147_483_647).optional().openapi({ description: "Default: one after the newest" }),
    privateKeyPem: z
      .string()
      .max(20_000)
      .optional()
      .openapi({ description: "PEM of an RSA key of 2048 bits or more; generated where it is left out" }),
  })
  .openapi("KeyVersionCreation");
const params = z.object({ code: z.string() });
const tags = ["Products"];

const listRoute = createRoute({
  method: "get",
  path: "/products/{code}/key-versions",
  tags,
  summary: "List the public key versions of a product",
  request: { params },
  responses: {
    200: json(z.object({ items: z.array(keyVersion) }).openapi("KeyVersionList"), "All of them"),
    ...problems,
  },
});
const creationRoute = createRoute({
  method: "post",
  path: "/products/{code}/key-versions",
  tags,
  summary: "Generate or import a key version",
  request: { params, body: body(creation) },
  responses: { 201: json(keyVersion, "The new key version"), ...problems },
});
const rotateRoute = createRoute({
  method: "post",
  path: "/products/{code}/key-versions/{version}/rotate",
  tags,
  summary: "Rotate a key version out, as of now on the business clock",
  request: { params: z.object({ code: z.string(), version: z.string().regex(/^[1-9]\d{0,9}$/, "not a version") }) },
  responses: { 200: json(keyVersion, "The key version as it is now"), ...problems },
});

export const addKeyVersions: AddResource = (app, { catalog, clock, change, publicUrl }) => {
  const view = (code: string, row: KeyVersion): z.infer<typeof keyVersion> =>
    defined({
      version: row.version,
      publicKeyPem: row.publicKeyPem,
      rotatedAt: iso(row.rotatedAt),
      url: `${publicUrl()}/keys/${encodeURIComponent(code)}/${row.version}.pem`,
    });
  app.openapi(listRoute, (context) => {
    const { code, keyVersions: versions } = requireProduct(catalog, context.req.valid("param").code);
    return context.json({ items: versions.map((row) => view(code, row)) }, 200);
  });
  app.openapi(creationRoute, async (context) => {
    const { code } = requireProduct(catalog, context.req.valid("param").code);
    const given = context.req.valid("json");
    const fault = given.privateKeyPem === undefined ? undefined : privateKeyFault(given.privateKeyPem);
    if (fault !== undefined) throw invalidMember("privateKeyPem", fault);
    const { sellerAccountId: seller, type } = requireProduct(catalog, code);
    const made = await keyVersions(
      { code, seller, type, publicKeys: [{ version: 1, ...defined(given) }] },
      [],
      clock.now(),
    );
    // From here on nothing waits: the product is that which the change is written over, whoever came in between.
    const found = requireProduct(catalog, code);
    const version = given.version ?? Math.max(0, ...found.keyVersions.map((one) => one.version)) + 1;
    if (found.keyVersions.some((one) => one.version === version)) {
      throw conflict(`Product '${code}' has a key version ${version} already.`);
    }
    const row = made.map((one) => ({ ...one, version }))[0];
    if (row === undefined) throw new Error("no key was made");
    const versions = [...found.keyVersions, row].toSorted((a, b) => a.version - b.version);
    await change(
      { action: "key-version.create", target: `${code}/${version}` },
      { products: [{ ...found, keyVersions: versions }] },
    );
    return context.json(view(code, row), 201);
  });
  app.openapi(rotateRoute, async (context) => {
    const { code, version: text } = context.req.valid("param");
    const version = Number(text);
    const found = requireProduct(catalog, code);
    const known = found.keyVersions.find((one) => one.version === version);
    if (known === undefined) throw notFound(`key version of product ${code}`, String(version));
    if (known.rotatedAt !== undefined) {
      throw conflict(`Key version ${version} was rotated out at ${iso(known.rotatedAt)} already.`);
    }
    const row = { ...known, rotatedAt: clock.now() };
    const versions = found.keyVersions.map((one) => (one === known ? row : one));
    await change(
      { action: "key-version.rotate", target: `${code}/${version}` },
      { products: [{ ...found, keyVersions: versions }] },
    );
    return context.json(view(code, row), 200);
  });
};
