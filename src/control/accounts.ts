/** Accounts: sellers, simulated buyers, or both. */
import { createRoute, z } from "@hono/zod-openapi";
import type { Account } from "../api/types.ts";
import { customerIdentifierFor } from "../catalog/derive.ts";
import { defined } from "../catalog/rows.ts";
import { acting } from "./actor.ts";
import { type AddResource, body, json, problems, summaryOf } from "./app.ts";
import { accountId, name } from "./forms.ts";
import { newAccountId } from "./identifiers.ts";
import { page, pageMembers, pageOf } from "./paging.ts";
import { conflict, notFound } from "./problems.ts";

const account = z
  .object({
    id: accountId,
    name: name.optional(),
    customerIdentifier: z.string().openapi({ description: "One value per buyer over all products and sellers" }),
    suspended: z.boolean().openapi({ description: "A suspended buyer is not billed" }),
    partition: z.string().optional(),
  })
  .openapi("Account");

const customerIdentifier = z.string().regex(/^[-\w]{1,255}$/, "not a CustomerIdentifier of letters and digits");
const creation = z
  .strictObject({
    id: accountId.optional().openapi({ description: "Drawn where it is left out" }),
    name: name.optional(),
    customerIdentifier: customerIdentifier.optional(),
    suspended: z.boolean().optional(),
    partition: z
      .string()
      .regex(/^aws[a-z-]*$/, "not a partition such as aws or aws-cn")
      .optional(),
  })
  .openapi("AccountCreation");
const patch = z
  .strictObject({ name: name.nullable().optional(), suspended: z.boolean().optional() })
  .openapi("AccountPatch");
const params = z.object({ id: z.string() });
const tags = ["Accounts"];

const listRoute = createRoute({
  method: "get",
  path: "/accounts",
  tags,
  summary: "List accounts",
  request: {
    query: z.strictObject({
      search: z.string().max(255).optional().openapi({ description: "Part of the name, id or CustomerIdentifier" }),
      suspended: z.enum(["true", "false"]).optional(),
      ...pageMembers,
    }),
  },
  responses: { 200: json(pageOf(account, "AccountPage"), "A page of accounts"), ...problems },
});
const getRoute = createRoute({
  method: "get",
  path: "/accounts/{id}",
  tags,
  summary: "Read an account",
  request: { params },
  responses: { 200: json(account, "The account"), ...problems },
});
const creationRoute = createRoute({
  method: "post",
  path: "/accounts",
  tags,
  summary: "Create an account",
  request: { body: body(creation) },
  responses: { 201: json(account, "The new account"), ...problems },
});
const patchRoute = createRoute({
  method: "patch",
  path: "/accounts/{id}",
  tags,
  summary: "Rename, suspend or resume an account",
  request: { params, body: body(patch) },
  responses: { 200: json(account, "The account as it is now"), ...problems },
});

export const addAccounts: AddResource = (app, { catalog, agreements, change }) => {
  const find = (id: string): Account => {
    const found = catalog.account(id);
    if (found === undefined) throw notFound("account", id);
    return found;
  };
  app.openapi(listRoute, (context) => {
    const { search = "", suspended, ...paging } = context.req.valid("query");
    const sought = search.trim().toLowerCase();
    const rows = catalog
      .all()
      .accounts.filter((row) => suspended === undefined || row.suspended === (suspended === "true"))
      .filter(({ id, name: title = "", customerIdentifier: identifier }) =>
        [id, title, identifier].some((text) => text.toLowerCase().includes(sought)),
      );
    const { items, ...rest } = page(rows, paging, ({ id }) => id);
    return context.json({ items: items.map(view), ...rest }, 200);
  });
  app.openapi(getRoute, (context) => context.json(view(find(context.req.valid("param").id)), 200));
  app.openapi(creationRoute, async (context) => {
    const given = context.req.valid("json");
    const id = given.id ?? newAccountId();
    if (catalog.account(id) !== undefined) throw conflict(`There is an account ${id} already.`);
    const identifier = given.customerIdentifier ?? customerIdentifierFor(id);
    const holder = catalog.accountByCustomerIdentifier(identifier);
    if (holder !== undefined) throw conflict(`The CustomerIdentifier ${identifier} is that of account ${holder.id}.`);
    const row: Account = defined({ ...given, id, customerIdentifier: identifier, suspended: given.suspended ?? false });
    await change({ action: "account.create", target: id, summary: summaryOf(row) }, { accounts: [row] });
    return context.json(view(row), 201);
  });
  app.openapi(patchRoute, async (context) => {
    const { id } = find(context.req.valid("param").id);
    const { name: newName, suspended } = context.req.valid("json");
    if (newName !== undefined) {
      const row: Account = defined({ ...find(id), name: newName ?? undefined });
      await change(
        { action: "account.rename", target: id, summary: summaryOf({ name: newName }) },
        { accounts: [row] },
      );
    }
    if (suspended !== undefined && suspended !== find(id).suspended) {
      const action = suspended ? "account.suspend" : "account.resume";
      await acting({ action, target: id }, () => agreements.suspend(id, suspended));
    }
    return context.json(view(find(id)), 200);
  });
};

function view(row: Account): z.infer<typeof account> {
  return { ...row };
}
