/** Workloads: simulated compute that registers and meters itself with credentials of its own. */
import { createRoute, z } from "@hono/zod-openapi";
import type { Workload } from "../api/types.ts";
import { defined } from "../catalog/rows.ts";
import { workloadKinds } from "../catalog/schema.ts";
import type { Workloads } from "../marketplace/workloads/workloads.ts";
import { registeredSecondsTotal } from "../rules/proration.ts";
import { acting } from "./actor.ts";
import { type AddResource, body, type ControlParts, json, problems, summaryOf } from "./app.ts";
import { accountId, instant, iso, msOf, name, productCode, region, webUrl } from "./forms.ts";
import { page, pageMembers, pageOf } from "./paging.ts";
import { conflict, invalidMember, notFound, Problem } from "./problems.ts";

const kind = z.enum(workloadKinds).openapi("WorkloadKind");
const label = z.string().regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, "not 1 to 63 lower-case letters, digits and -");
const roleName = z.string().regex(/^[\w+=,.@-]{1,64}$/, "not a role name of 1 to 64 characters");

const registration = z
  .object({
    product: z.string(),
    operation: z.enum(["RegisterUsage", "MeterUsage"]),
    firstCallAt: instant,
    registeredSeconds: z.int().optional().openapi({ description: "RegisterUsage: seconds to be billed so far (R-13)" }),
    meteredSeconds: z.int().optional().openapi({ description: "RegisterUsage: those that the ledger holds" }),
    isMetered: z.boolean().openapi({ description: "RegisterUsage: whether more seconds are to come" }),
  })
  .openapi("WorkloadRegistration");
const workload = z
  .object({
    id: z.string(),
    kind,
    account: accountId,
    region: z.string(),
    role: z.string(),
    resource: z.string().openapi({ description: "Task ARN, pod ARN, instance id or runtime ARN" }),
    products: z.array(z.string()).optional().openapi({ description: "Product codes of the image; absent = any" }),
    allow: z.array(z.string()).openapi({ description: "IAM action patterns of the role" }),
    cluster: z.string().optional(),
    namespace: z.string().optional(),
    serviceAccount: z.string().optional(),
    state: z.enum(["running", "stopped"]),
    launchedAt: instant,
    stoppedAt: instant.optional(),
    createdAt: instant,
    registrations: z.array(registration).openapi({ description: "Products that it registered or metered for" }),
  })
  .openapi("Workload");

const creation = z
  .strictObject({
    kind,
    account: accountId,
    region: region.optional().openapi({ description: "Default us-east-1" }),
    id: label.optional().openapi({ description: "Drawn where it is left out" }),
    role: roleName.optional(),
    products: z.array(productCode).max(100).optional().openapi({ description: "Product codes of the image" }),
    allow: z
      .array(z.string().regex(/^(\*|[a-z-]+:[\w*?]+)$/i, 'not an IAM action pattern such as "aws-marketplace:*"'))
      .max(100)
      .optional(),
    resource: name.optional().openapi({ description: "Drawn in AWS's form where it is left out" }),
    cluster: z
      .string()
      .regex(/^[A-Za-z0-9][-\w]{0,99}$/, "not a cluster name of 1 to 100 letters, digits, - and _")
      .optional(),
    namespace: label.optional(),
    serviceAccount: label.optional(),
    launchedAt: instant.optional(),
  })
  .openapi("WorkloadCreation");
const stopping = z.strictObject({ at: instant.optional() }).openapi("WorkloadStop");
const environment = z
  .object({
    variables: z.record(z.string(), z.string()).openapi({ description: "Environment variables of AWS's SDKs" }),
    webIdentityToken: z
      .string()
      .optional()
      .openapi({ description: "EKS: the content of the file that AWS_WEB_IDENTITY_TOKEN_FILE names" }),
  })
  .openapi("WorkloadEnvironment");

const params = z.object({ id: z.string() });
const tags = ["Workloads"];

const listRoute = createRoute({
  method: "get",
  path: "/workloads",
  tags,
  summary: "List workloads",
  request: {
    query: z.strictObject({
      account: accountId.optional(),
      product: productCode.optional().openapi({ description: "Workloads that may meter for it" }),
      kind: kind.optional(),
      state: z.enum(["running", "stopped"]).optional(),
      ...pageMembers,
    }),
  },
  responses: { 200: json(pageOf(workload, "WorkloadPage"), "A page of workloads"), ...problems },
});
const getRoute = createRoute({
  method: "get",
  path: "/workloads/{id}",
  tags,
  summary: "Read a workload",
  request: { params },
  responses: { 200: json(workload, "The workload"), ...problems },
});
const runRoute = createRoute({
  method: "post",
  path: "/workloads",
  tags,
  summary: "Run a workload: a task, pod, instance or runtime",
  request: { body: body(creation) },
  responses: { 201: json(workload, "The workload, which runs"), ...problems },
});
const stopRoute = createRoute({
  method: "post",
  path: "/workloads/{id}/stop",
  tags,
  summary: "Stop a workload: its credentials stop working and its metering ends",
  request: { params, body: body(stopping) },
  responses: { 200: json(workload, "The workload as it is now"), ...problems },
});
const startRoute = createRoute({
  method: "post",
  path: "/workloads/{id}/start",
  tags,
  summary: "Start a stopped EC2 instance again",
  request: { params },
  responses: { 200: json(workload, "The workload as it is now"), ...problems },
});
const environmentRoute = createRoute({
  method: "get",
  path: "/workloads/{id}/environment",
  tags,
  summary: "Read the environment that gives a program the workload's identity; for tokens of the role full",
  request: {
    params,
    query: z.strictObject({
      url: webUrl.optional().openapi({ description: "This server as the workload reaches it" }),
    }),
  },
  responses: { 200: json(environment, "Variables, and EKS's token"), ...problems },
});

export const addWorkloads: AddResource = (app, parts) => {
  const { catalog } = parts;
  const view = (row: Workload): z.infer<typeof workload> => viewOf(row, parts);
  const find = (id: string): Workload => {
    const found = catalog.workload(id);
    if (found === undefined) throw notFound("workload", id);
    return found;
  };
  app.openapi(listRoute, (context) => {
    const { account, product, kind: ofKind, state, ...paging } = context.req.valid("query");
    const rows = catalog
      .all()
      .workloads.filter((row) => account === undefined || row.accountId === account)
      .filter((row) => product === undefined || (row.productCodes?.includes(product) ?? true))
      .filter((row) => ofKind === undefined || row.kind === ofKind)
      .filter((row) => state === undefined || stateOf(row) === state);
    const { items, ...rest } = page(rows, paging, ({ id }) => id);
    return context.json({ items: items.map(view), ...rest }, 200);
  });
  app.openapi(getRoute, (context) => context.json(view(find(context.req.valid("param").id)), 200));
  app.openapi(runRoute, async (context) => {
    const given = context.req.valid("json");
    check(given, parts);
    const { account, role, products, launchedAt, ...rest } = given;
    const summary = summaryOf({ kind: given.kind, account, ...defined({ products }) });
    const deed = { action: "workload.run", summary, ...(given.id === undefined ? {} : { target: given.id }) };
    const made = await acting(deed, () =>
      served(parts).run({
        ...rest,
        ...{ accountId: account, roleName: role, productCodes: products, launchedAt: msOf(launchedAt) },
      }),
    );
    return context.json(view(made), 201);
  });
  app.openapi(stopRoute, async (context) => {
    const { id, launchedAt } = find(context.req.valid("param").id);
    const at = msOf(context.req.valid("json").at);
    if (at !== undefined && at < launchedAt) throw invalidMember("at", "is before the launch");
    const deed = { action: "workload.stop", target: id };
    return context.json(view(await acting(deed, () => served(parts).stop(id, at))), 200);
  });
  app.openapi(startRoute, async (context) => {
    const { id } = find(context.req.valid("param").id);
    return context.json(
      view(await acting({ action: "workload.start", target: id }, () => served(parts).start(id))),
      200,
    );
  });
  app.openapi(environmentRoute, async (context) => {
    const { id } = find(context.req.valid("param").id);
    const { role, name: caller } = context.get("caller");
    // What is in it opens the way to credentials.
    if (role !== "full") {
      throw new Problem(
        403,
        `The admin token '${caller}' may only read; an environment holds secrets and needs the role 'full'.`,
      );
    }
    const { variables, webIdentityToken } = await served(parts).environment(id, context.req.valid("query").url);
    return context.json(defined({ variables: { ...variables }, webIdentityToken }), 200);
  });
};

function served({ workloads }: ControlParts): Omit<Workloads, "endpoints"> {
  if (workloads === undefined) throw conflict("This server runs no workloads.");
  return workloads;
}

function check(given: z.infer<typeof creation>, { catalog, clock }: ControlParts): void {
  if (catalog.account(given.account) === undefined)
    throw invalidMember("account", `there is no account ${given.account}`);
  for (const [place, code] of (given.products ?? []).entries()) {
    if (catalog.product(code) === undefined) throw invalidMember(["products", place], `there is no product '${code}'`);
  }
  for (const member of ["namespace", "serviceAccount"] as const) {
    if (given[member] !== undefined && given.kind !== "eks") {
      throw invalidMember(member, `a workload of kind ${given.kind} has no ${member}`);
    }
  }
  if (given.cluster !== undefined && (given.kind === "ec2" || given.kind === "agentcore")) {
    throw invalidMember("cluster", `a workload of kind ${given.kind} has no cluster`);
  }
  const launchedAt = msOf(given.launchedAt);
  if (launchedAt !== undefined && launchedAt > clock.now()) throw invalidMember("launchedAt", "is in the future");
}

function stateOf(row: Workload): "running" | "stopped" {
  return row.stoppedAt === undefined ? "running" : "stopped";
}

/** What it registered for, with the seconds that come of it. */
function registrationsOf(
  resource: string,
  { store, settings, clock }: ControlParts,
): z.infer<typeof workload>["registrations"] {
  return store.ledger.workloads({ resource }).map((one) => {
    const seconds =
      one.operation === "RegisterUsage" ? registeredSecondsTotal(one, settings(), clock.now()) : undefined;
    return defined({
      product: one.productCode,
      operation: one.operation,
      firstCallAt: iso(one.startedAt),
      registeredSeconds: seconds?.registered,
      meteredSeconds: seconds?.metered,
      isMetered: seconds !== undefined && one.meteringClosed !== true,
    });
  });
}

function viewOf(row: Workload, parts: ControlParts): z.infer<typeof workload> {
  return defined({
    id: row.id,
    kind: row.kind,
    account: row.accountId,
    region: row.region,
    role: row.roleName,
    resource: row.resource,
    products: row.productCodes && [...row.productCodes],
    allow: [...row.allow],
    cluster: row.serviceAccount?.cluster,
    namespace: row.serviceAccount?.namespace,
    serviceAccount: row.serviceAccount?.name,
    state: stateOf(row),
    launchedAt: iso(row.launchedAt),
    stoppedAt: iso(row.stoppedAt),
    createdAt: iso(row.createdAt),
    registrations: registrationsOf(row.resource, parts),
  });
}
