/**
 * The control plane: REST under `/api/v1` for people, scripts, the console and the CLI. Every request passes the same
 * doors in this order: no page of another site, a known admin token, a role that may do it, a body of a known form and
 * size; then its resource, whose changes carry the name of the token.
 */
import { randomUUID, timingSafeEqual } from "node:crypto";
import { getConnInfo } from "@hono/node-server/conninfo";
import { OpenAPIHono } from "@hono/zod-openapi";
import type { Context, Hono } from "hono";
import { addAccounts } from "./accounts.ts";
import { acting, auditedCatalog, eventOf } from "./actor.ts";
import { addAdminTokens } from "./adminTokens.ts";
import { addAgreementEvents } from "./agreementEvents.ts";
import { addAgreements } from "./agreements.ts";
import type { AddResource, ControlApp, ControlEnv, ControlOptions, ControlParts, DeedOf } from "./app.ts";
import { createAuthenticator } from "./auth.ts";
import { addCalls } from "./calls.ts";
import { addCatalog } from "./catalog.ts";
import { addClock } from "./clock.ts";
import { addCredentials } from "./credentials.ts";
import { addDimensions } from "./dimensions.ts";
import { addDoctor } from "./doctor.ts";
import { addEntitlements } from "./entitlements.ts";
import { addErrors } from "./errors.ts";
import { addEvents } from "./events.ts";
import { addFaults } from "./faults.ts";
import { bodyMaxBytes, importMaxBytes, isSafe, readBody, refuseOtherSites } from "./guard.ts";
import { addKeyVersions } from "./keyVersions.ts";
import { addLicenses } from "./licenses.ts";
import { addMeteringRecords } from "./meteringRecords.ts";
import { addMetrics } from "./metrics.ts";
import { addNotifications } from "./notifications.ts";
import { addNotificationTargets } from "./notificationTargets.ts";
import { addOffers } from "./offers.ts";
import { addOpenApi, allowedMethods } from "./openapi.ts";
import { Problem, problemOf, problemResponse, validationProblem } from "./problems.ts";
import { addProducts } from "./products.ts";
import { addRecordsExport } from "./recordsExport.ts";
import { addRegistrationTokens } from "./registrationTokens.ts";
import { addReports } from "./reports.ts";
import { addSession, addSessionOpening, sessionOf } from "./session.ts";
import { csrfHeader, type Session } from "./sessions.ts";
import { addSettings } from "./settings.ts";
import { addStream } from "./stream.ts";
import { addSummaries } from "./summaries.ts";
import { addTimeline } from "./timeline.ts";
import { addUntracedCalls } from "./untracedCalls.ts";
import { addUsageHours } from "./usageHours.ts";
import { addUsageTotals } from "./usageTotals.ts";
import { addWorkloads } from "./workloads.ts";

export type { ControlOptions } from "./app.ts";

export const controlPath = "/api/v1";

const resources: readonly AddResource[] = [
  addAccounts,
  addCredentials,
  addProducts,
  addDimensions,
  addKeyVersions,
  addOffers,
  addAgreements,
  addAgreementEvents,
  addTimeline,
  addLicenses,
  addRegistrationTokens,
  addEntitlements,
  addMeteringRecords,
  addRecordsExport,
  // Before the calls, one of which might else be asked for by the id "summary".
  addSummaries,
  addUntracedCalls,
  addErrors,
  addUsageTotals,
  addUsageHours,
  addReports,
  addCalls,
  addDoctor,
  addWorkloads,
  addNotifications,
  addNotificationTargets,
  addSettings,
  addClock,
  addFaults,
  addAdminTokens,
  addMetrics,
  addSession,
  addStream,
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
    const requestId = randomUUID();
    context.set("requestId", requestId);
    context.header("X-Request-Id", requestId);
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
  app.onError((error, context) => {
    const log = options.log.child({ requestId: context.get("requestId") });
    return problemResponse(context, problemOf(error, log, context.req.path));
  });
  return app;
}

function partsOf(options: ControlOptions): ControlParts {
  const catalog = auditedCatalog(options.store.catalog, options.wallClock, options.log);
  return {
    ...options,
    catalog,
    change: (deed, change) => acting(deed, () => catalog.apply(change)),
    note: (deed: DeedOf) => acting(deed, () => catalog.apply({ event: eventOf(options.wallClock(), deed) })),
  };
}

/** A browser's own session: whoever may read may come and go. */
const ownAffairs: readonly string[] = [`${controlPath}/session`, `${controlPath}/console-links`];

function addDoors(app: ControlApp, options: ControlOptions): void {
  const authenticator = createAuthenticator({ ...options, catalog: options.store.catalog });
  addSessionOpening(app, { ...options, authenticator, addressOf });
  app.use("*", async (context, next) => {
    const authorization = context.req.header("authorization");
    const session = authorization === undefined ? await sessionOf(context, options) : undefined;
    const caller = session?.caller ?? (await authenticator.authenticate(authorization, addressOf(context)));
    context.set("caller", caller);
    if (isSafe(context.req.method)) return next();
    if (session !== undefined) requireCsrf(session, context.req.header(csrfHeader));
    if (caller.role === "read" && !ownAffairs.includes(context.req.path)) {
      throw new Problem(
        403,
        `The admin token '${caller.name}' may only read; it takes one of the role 'full' to change things.`,
      );
    }
    if (context.req.path === `${controlPath}/catalog`) {
      await readBody(context, importMaxBytes, ["application/json", "application/yaml"]);
    } else await readBody(context, bodyMaxBytes, ["application/json"]);
    return acting({ actor: caller.name, requestId: context.get("requestId") }, () => next());
  });
}

/** A cookie is sent by the browser itself, whoever made it call; the word is known only to the console's own page. */
function requireCsrf(session: Session, given: string | undefined): void {
  const expected = Buffer.from(session.csrf);
  const told = Buffer.from(given ?? "");
  if (told.length === expected.length && timingSafeEqual(told, expected)) return;
  throw new Problem(403, `Changes by a session carry its word in the header ${csrfHeader}; GET /session tells it.`);
}

function addressOf(context: Context): string {
  try {
    return getConnInfo(context).remote.address ?? "unknown";
  } catch {
    return "unknown"; // Not over a socket: a test that calls the application itself.
  }
}
