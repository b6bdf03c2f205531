/** Credentials: the keys that calls are signed with. Their secrets are shown once, when they are made. */
import { createRoute, z } from "@hono/zod-openapi";
import type { Credential } from "../api/types.ts";
import { defaultCredentialName, newSecretAccessKey, newSessionToken } from "../catalog/derive.ts";
import { defined } from "../catalog/rows.ts";
import { type AddResource, body, json, noContent, problems, summaryOf } from "./app.ts";
import { accountId, credentialKind, instant, iso, msOf, name, productCode, region } from "./forms.ts";
import { newAccessKeyId } from "./identifiers.ts";
import { page, pageMembers, pageOf } from "./paging.ts";
import { conflict, invalidMember, notFound } from "./problems.ts";

const members = {
  accessKeyId: z.string(),
  account: accountId,
  kind: credentialKind,
  name: z.string().openapi({ description: "User name of an IAM user, role name otherwise" }),
  allow: z.array(z.string()).openapi({ description: "IAM action patterns" }),
  isTemporary: z.boolean().openapi({ description: "Requests must carry the session token" }),
  expiresAt: instant.optional().openapi({ description: "Wall clock" }),
  resource: z.string().optional(),
  region: z.string().optional(),
  products: z.array(z.string()).optional(),
  launchedAt: instant.optional(),
  stoppedAt: instant.optional(),
  createdAt: instant,
};
const credential = z.object(members).openapi("Credential");
const newCredential = z
  .object({ ...members, secretAccessKey: z.string(), sessionToken: z.string().optional() })
  .openapi("NewCredential");

const creation = z
  .strictObject({
    account: accountId,
    kind: credentialKind,
    name: z
      .string()
      .regex(/^[\w+=,.@-]{1,64}$/, "not a user or role name of 1 to 64 characters (letters, digits, +=,.@-_)")
      .optional(),
    accessKeyId: z
      .string()
      .regex(/^\w{1,128}$/, "not an access key id of 1 to 128 letters, digits and underscores")
      .optional()
      .openapi({ description: "Drawn where it is left out: AKIA… for users, ASIA… for roles" }),
    secretAccessKey: z
      .string()
      .regex(/^\S{1,256}$/, "not a secret access key")
      .optional(),
    sessionToken: z
      .string()
      .regex(/^\S{1,4096}$/, "not a session token")
      .optional(),
    allow: z
      .array(z.string().regex(/^(\*|[a-z-]+:[\w*?]+)$/i, 'not an IAM action pattern such as "aws-marketplace:*"'))
      .max(100)
      .optional(),
    expiresAt: instant.optional(),
    resource: name.optional().openapi({ description: "Workloads: instance id, task ARN, pod id or runtime ARN" }),
    region: region.optional().openapi({ description: "Workloads: where they run" }),
    products: z
      .array(productCode)
      .max(100)
      .optional()
      .openapi({ description: "Workloads: product codes of the image" }),
    launchedAt: instant.optional(),
    stoppedAt: instant.optional(),
  })
  .openapi("CredentialCreation");
type Creation = z.infer<typeof creation>;

const params = z.object({ accessKeyId: z.string() });
const tags = ["Credentials"];

const listRoute = createRoute({
  method: "get",
  path: "/credentials",
  tags,
  summary: "List credentials, without their secrets",
  request: {
    query: z.strictObject({ account: accountId.optional(), kind: credentialKind.optional(), ...pageMembers }),
  },
  responses: { 200: json(pageOf(credential, "CredentialPage"), "A page of credentials"), ...problems },
});
const getRoute = createRoute({
  method: "get",
  path: "/credentials/{accessKeyId}",
  tags,
  summary: "Read a credential, without its secrets",
  request: { params },
  responses: { 200: json(credential, "The credential"), ...problems },
});
const creationRoute = createRoute({
  method: "post",
  path: "/credentials",
  tags,
  summary: "Create a credential; its secrets are in this answer and in no other",
  request: { body: body(creation) },
  responses: { 201: json(newCredential, "The new credential with its secrets"), ...problems },
});
const deleteRoute = createRoute({
  method: "delete",
  path: "/credentials/{accessKeyId}",
  tags,
  summary: "Delete a credential: calls signed with it are refused",
  request: { params },
  responses: { 204: noContent, ...problems },
});

export const addCredentials: AddResource = (app, { catalog, clock, change }) => {
  const find = (id: string): Credential => {
    const found = catalog.credential(id);
    if (found === undefined) throw notFound("credential", id);
    return found;
  };
  app.openapi(listRoute, (context) => {
    const { account, kind, ...paging } = context.req.valid("query");
    const rows = catalog
      .all()
      .credentials.filter((row) => account === undefined || row.accountId === account)
      .filter((row) => kind === undefined || row.kind === kind);
    const { items, ...rest } = page(rows, paging, ({ accessKeyId }) => accessKeyId);
    return context.json({ items: items.map(view), ...rest }, 200);
  });
  app.openapi(getRoute, (context) => context.json(view(find(context.req.valid("param").accessKeyId)), 200));
  app.openapi(creationRoute, async (context) => {
    const given = context.req.valid("json");
    if (catalog.account(given.account) === undefined)
      throw invalidMember("account", `there is no account ${given.account}`);
    for (const [place, code] of (given.products ?? []).entries()) {
      if (catalog.product(code) === undefined)
        throw invalidMember(["products", place], `there is no product '${code}'`);
    }
    checkWorkload(given);
    const row = rowOf(given, clock.now());
    const id = row.accessKeyId;
    if (catalog.credential(id) !== undefined) throw conflict(`There is a credential ${id} already.`);
    const summary = summaryOf({ account: row.accountId, kind: row.kind, name: row.name });
    await change({ action: "credential.create", target: id, summary }, { credentials: [row] });
    const { secretAccessKey, sessionToken } = row;
    return context.json({ ...view(row), ...defined({ secretAccessKey, sessionToken }) }, 201);
  });
  app.openapi(deleteRoute, async (context) => {
    const { accessKeyId } = find(context.req.valid("param").accessKeyId);
    await change({ action: "credential.delete", target: accessKeyId }, { remove: { credentials: [accessKeyId] } });
    return context.body(null, 204);
  });
};

function view(row: Credential): z.infer<typeof credential> {
  return defined({
    accessKeyId: row.accessKeyId,
    account: row.accountId,
    kind: row.kind,
    name: row.name,
    allow: [...row.allow],
    isTemporary: row.sessionToken !== undefined,
    expiresAt: iso(row.expiresAt),
    resource: row.resource,
    region: row.region,
    products: row.productCodes && [...row.productCodes],
    launchedAt: iso(row.launchedAt),
    stoppedAt: iso(row.stoppedAt),
    createdAt: iso(row.createdAt),
  });
}

const workloadMembers = ["resource", "region", "products", "launchedAt", "stoppedAt"] as const;

/** M-1, R-1: what runs somewhere has a place to run; users and plain roles have none. */
function checkWorkload(given: Creation): void {
  if (given.kind === "iam-user" || given.kind === "assumed-role") {
    const member = workloadMembers.find((one) => given[one] !== undefined);
    if (member !== undefined) throw invalidMember(member, `a credential of kind ${given.kind} has no ${member}`);
    return;
  }
  for (const member of ["resource", "region"] as const) {
    if (given[member] === undefined) throw invalidMember(member, `a credential of kind ${given.kind} needs it`);
  }
  const { launchedAt, stoppedAt } = given;
  if (launchedAt !== undefined && stoppedAt !== undefined && msOf(stoppedAt) < msOf(launchedAt)) {
    throw invalidMember("stoppedAt", "is before launchedAt");
  }
}

function rowOf(given: Creation, now: number): Credential {
  const accessKeyId = given.accessKeyId ?? newAccessKeyId(given.kind);
  return defined({
    accessKeyId,
    secretAccessKey: given.secretAccessKey ?? newSecretAccessKey(),
    accountId: given.account,
    kind: given.kind,
    name: given.name ?? defaultCredentialName(given.kind),
    sessionToken: given.sessionToken ?? (accessKeyId.startsWith("ASIA") ? newSessionToken() : undefined),
    expiresAt: msOf(given.expiresAt),
    allow: given.allow ?? ["aws-marketplace:*"],
    resource: given.resource,
    region: given.region,
    productCodes: given.products,
    launchedAt: msOf(given.launchedAt),
    stoppedAt: msOf(given.stoppedAt),
    createdAt: now,
  });
}
