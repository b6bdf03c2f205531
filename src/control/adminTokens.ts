/** Named admin tokens, so that every change says who made it. Kept by their hash: the value is told once. */
import { randomUUID } from "node:crypto";
import { createRoute, z } from "@hono/zod-openapi";
import type { AdminToken } from "../api/types.ts";
import { defined } from "../catalog/rows.ts";
import { reservedActors } from "./actor.ts";
import { newAdminToken } from "./adminToken.ts";
import { type AddResource, body, json, noContent, problems, summaryOf } from "./app.ts";
import { tokenHash } from "./auth.ts";
import { instant, iso, name } from "./forms.ts";
import { page, pageMembers, pageOf } from "./paging.ts";
import { conflict, invalidMember, notFound } from "./problems.ts";

const role = z.enum(["full", "read"]);
const members = { id: z.string(), name: z.string(), role, createdAt: instant, revokedAt: instant.optional() };
const adminToken = z.object(members).openapi("AdminToken");
const newToken = z
  .object({ ...members, token: z.string().openapi({ description: "In this answer and in no other" }) })
  .openapi("NewAdminToken");
const creation = z
  .strictObject({ name, role: role.openapi({ description: "read: may only GET" }) })
  .openapi("AdminTokenCreation");
const tags = ["Admin tokens"];

const listRoute = createRoute({
  method: "get",
  path: "/admin-tokens",
  tags,
  summary: "List admin tokens, those that were revoked too",
  request: { query: z.strictObject(pageMembers) },
  responses: {
    200: json(pageOf(adminToken, "AdminTokenPage"), "A page of admin tokens; the root token is not in it"),
    ...problems,
  },
});
const creationRoute = createRoute({
  method: "post",
  path: "/admin-tokens",
  tags,
  summary: "Create an admin token",
  request: { body: body(creation) },
  responses: { 201: json(newToken, "The new token with its value"), ...problems },
});
const revokeRoute = createRoute({
  method: "delete",
  path: "/admin-tokens/{id}",
  tags,
  summary: "Revoke an admin token, at once and for good",
  request: { params: z.object({ id: z.string() }) },
  responses: { 204: noContent, ...problems },
});

export const addAdminTokens: AddResource = (app, { catalog, wallClock, change }) => {
  app.openapi(listRoute, (context) => {
    const { items, ...rest } = page(catalog.adminTokens(), context.req.valid("query"), ({ id }) => id);
    return context.json({ items: items.map(view), ...rest }, 200);
  });
  app.openapi(creationRoute, async (context) => {
    const given = context.req.valid("json");
    if (reservedActors.includes(given.name.toLowerCase())) {
      throw invalidMember("name", "the server itself acts under this name");
    }
    // Names of revoked tokens too: events tell who it was by the name alone.
    if (catalog.adminTokens().some((one) => one.name === given.name)) {
      throw conflict(`There is an admin token '${given.name}' already, or was one; names are not used twice.`);
    }
    const token = newAdminToken();
    const row: AdminToken = { id: randomUUID(), ...given, hash: tokenHash(token), createdAt: wallClock() };
    await change({ action: "admin-token.create", target: row.id, summary: summaryOf(given) }, { adminTokens: [row] });
    return context.json({ ...view(row), token }, 201);
  });
  app.openapi(revokeRoute, async (context) => {
    const { id } = context.req.valid("param");
    const found = catalog.adminTokens().find((one) => one.id === id);
    if (found === undefined) throw notFound("admin token", id);
    if (found.revokedAt !== undefined) throw conflict(`The admin token '${found.name}' was revoked already.`);
    const row = { ...found, revokedAt: wallClock() };
    await change(
      { action: "admin-token.revoke", target: id, summary: summaryOf({ name: row.name }) },
      { adminTokens: [row] },
    );
    return context.body(null, 204);
  });
};

function view(row: AdminToken): z.infer<typeof adminToken> {
  const { id, name: tokenName, role: tokenRole } = row;
  return defined({
    id,
    name: tokenName,
    role: tokenRole,
    createdAt: iso(row.createdAt),
    revokedAt: iso(row.revokedAt),
  });
}
