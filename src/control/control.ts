/**
 * The control plane: REST under `/api/v1` for people, scripts, the console and the CLI. Every request passes the same
 * doors in this order: no page of another site, a known admin token, a role that may do it, a body of a known form and
 * size; then its resource, whose changes carry the name of the token.
 */
import { getConnInfo } from "@hono/node-server/conninfo";
import { OpenAPIHono } from "@hono/zod-openapi";
import type { Context, Hono } from "hono";
import { addAccounts } from "./accounts.ts";
import { acting, auditedCatalog, eventOf } from "./actor.ts";
import { addAdminTokens } from "./adminTokens.ts";
import { addAgreements } from "./agreements.ts";
import type { AddResource, ControlApp, ControlEnv, ControlOptions, ControlParts, DeedOf } from "./app.ts";
import { createAuthenticator } from "./auth.ts";
import { addCalls } from "./calls.ts";
import { addCatalog } from "./catalog.ts";
import { addClock } from "./clock.ts";
import { addCredentials } from "./credentials.ts";
import { addDimensions } from "./dimensions.ts";
import { addEntitlements } from "./entitlements.ts";
import { addEvents } from "./events.ts";
import { addFaults } from "./faults.ts";
import { bodyMaxBytes, importMaxBytes, isSafe, readBody, refuseOtherSites } from "./guard.ts";
import { addKeyVersions } from "./keyVersions.ts";
import { addLicenses } from "./licenses.ts";
import { addMeteringRecords } from "./meteringRecords.ts";
import { addNotifications } from "./notifications.ts";
import { addNotificationTargets } from "./notificationTargets.ts";
import { addOffers } from "./offers.ts";
import { addOpenApi, allowedMethods } from "./openapi.ts";
import { Problem, problemOf, problemResponse, validationProblem } from "./problems.ts";
import { addProducts } from "./products.ts";
import { addRegistrationTokens } from "./registrationTokens.ts";
import { addSettings } from "./settings.ts";
import { addWorkloads } from "./workloads.ts";

export type { Caller, ControlOptions } from "./app.ts";

export const controlPath = "/api/v1";

const resources: readonly AddResource[] = [
  addAccounts,
  addCredentials,
  addProducts,
  addDimensions,
  addKeyVersions,
  addOffers,
  addAgreements,
  addLicenses,
  addRegistrationTokens,
  addEntitlements,
  addMeteringRecords,
  addCalls,
  addWorkloads,
  addNotifications,
  addNotificationTargets,
  addSettings,
  addClock,
  addFaults,
  addAdminTokens,
  addEvents,
  addCatalog,
];

/** Serves paths that begin with `/api/v1`; the router hands requests over as they are. */
export function createControl(options: ControlOptions): Hono<ControlEnv> {
  const parts = partsOf(options);
  const app: ControlApp = new OpenAPIHono<ControlEnv>({
    defaultHook: (result) => {
      if (!result.success) throw validationProblem(result.target, result.error);
    },
  }).basePath(controlPath);
  // Before the doors: the document holds no data, and tools fetch it without a token.
  app.use("*", async (context, next) => {
    refuseOtherSites(context);
    // Answers hold what should be in no cache: secrets that are shown once, and state that changes.
    context.header("Cache-Control", "no-store");
    await next();
  });
  addOpenApi(app, parts);
  addDoors(app, parts);
  for (const add of resources) add(app, parts);
  app.notFound((context) => {
    const allowed = allowedMethods(app, context.req.path);
    const problem =
      allowed.length === 0
        ? new Problem(404, `Nothing is served at ${context.req.path}; ${controlPath}/openapi.json lists what is.`)
        : new Problem(405, `${context.req.path} takes ${allowed.join(", ")}.`, {
            headers: { Allow: allowed.join(", ") },
          });
    return problemResponse(context, problem);
  });
  app.onError((error, context) => problemResponse(context, problemOf(error, options.log, context.req.path)));
  return app;
}

function partsOf(options: ControlOptions): ControlParts {
  const catalog = auditedCatalog(options.store.catalog, options.wallClock);
  return {
    ...options,
    catalog,
    change: (deed, change) => acting(deed, () => catalog.apply(change)),
    note: (deed: DeedOf) => acting(deed, () => catalog.apply({ event: eventOf(options.wallClock(), deed) })),
  };
}

function addDoors(app: ControlApp, options: ControlOptions): void {
  const authenticator = createAuthenticator({ ...options, catalog: options.store.catalog });
  app.use("*", async (context, next) => {
    const caller = await authenticator.authenticate(context.req.header("authorization"), addressOf(context));
    context.set("caller", caller);
    if (isSafe(context.req.method)) return next();
    if (caller.role === "read") {
      throw new Problem(
        403,
        `The admin token '${caller.name}' may only read; it takes one of the role 'full' to change things.`,
      );
    }
    if (context.req.path === `${controlPath}/catalog`) {
      await readBody(context, importMaxBytes, ["application/json", "application/yaml"]);
    } else await readBody(context, bodyMaxBytes, ["application/json"]);
    return acting({ actor: caller.name }, () => next());
  });
}

function addressOf(context: Context): string {
  try {
    return getConnInfo(context).remote.address ?? "unknown";
  } catch {
    return "unknown"; // Not over a socket: a test that calls the application itself.
  }
}
