/** Everything but the service plane: health, public keys, a page for people who open the endpoint in a browser. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { type Context, Hono } from "hono";
import { exportJWK, importSPKI } from "jose";
import type { Logger } from "pino";
import type { KeyVersion } from "./api/types.ts";
import type { Notifications } from "./marketplace/notifications/start.ts";
import type { Store } from "./store/store.ts";

export interface RouterOptions {
  readonly store: Store;
  readonly log: Logger;
  readonly version: string;
  /** Names that a Host header may carry besides loopback and IP addresses. */
  readonly allowedHosts: readonly string[];
  /** Why no calls should come here now; undefined: they may. */
  readonly notReady: () => string | undefined;
  /** The buyer's side, see marketplace/pages. Absent: it is switched off. */
  readonly marketplacePages?: Hono;
  /** Where all who can reach the server may read its metrics. */
  readonly metrics?: (context: Context) => Promise<Response>;
  /** The console's files, below `/console`. */
  readonly consoleFiles?: Hono;
  /** The control plane, see control/control.ts: it gets the requests below `/api/v1` as they are. */
  readonly control?: { fetch(request: Request, env?: object): Response | Promise<Response> };
  /** What AWS serves to compute from inside, see marketplace/workloads: the requests below `/workloads`. */
  readonly workloads?: Hono;
  /** Where the owners of HTTP endpoints confirm their SNS subscription, or end it: by the token alone. */
  readonly subscriptions?: Pick<Notifications, "confirm" | "unsubscribe" | "authority">;
}

/** Of the address that a server is bound to. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}

/**
 * A page of another site can make a browser call a loopback server under a name of its own (DNS rebinding). Loopback
 * names and plain addresses cannot be rebound; other names must be allowed.
 */
export function isAllowedHost(host: string | undefined, allowedHosts: readonly string[]): boolean {
  if (host === undefined) return false;
  const name = host.replace(/:\d+$/, "").toLowerCase();
  if (name === "localhost" || name.endsWith(".localhost")) return true;
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(name) || /^\[[0-9a-f:.]+\]$/.test(name)) return true;
  return allowedHosts.includes(name);
}

function problem(context: Context, status: 404 | 405 | 421 | 500 | 503, title: string, detail: string): Response {
  return context.json({ type: "about:blank", title, status, detail }, status, {
    "Content-Type": "application/problem+json",
  });
}

/** Where host and path make no URL there is no request to route; the listener's own answer has no body. */
function unreadable(): Response {
  const detail =
    "The Host header is missing, or it or the path does not make a URL. Use the address the server printed.";
  return Response.json(
    { type: "about:blank", title: "Bad Request", status: 400, detail },
    { status: 400, headers: { "Content-Type": "application/problem+json" } },
  );
}

export function createRouter(options: RouterOptions): (request: IncomingMessage, response: ServerResponse) => void {
  const { store, log, version } = options;
  const app = new Hono();
  app.use(async (context, next) => {
    if (!isAllowedHost(context.req.header("host"), options.allowedHosts)) {
      return problem(
        context,
        421,
        "Misdirected Request",
        `The host '${context.req.header("host") ?? ""}' is not served here. Use the address the server printed, or start it with --allowed-host.`,
      );
    }
    await next();
    context.header("X-Content-Type-Options", "nosniff");
    return undefined;
  });
  app.get("/", (context) =>
    context.text(
      `Meterhouse ${version}: the AWS Marketplace Metering Service, self-hosted.\n` +
        "Point an AWS SDK here (AWS_ENDPOINT_URL); calls are signed POSTs to this address.\n" +
        (options.marketplacePages === undefined ? "" : "The buyer's side, for a browser: /marketplace.\n") +
        (options.consoleFiles === undefined ? "" : "The console, for a browser: /console.\n") +
        "Public keys: /.well-known/jwks.json and /keys/<productCode>/<version>.pem. Health: /healthz, /readyz.\n" +
        "Independent of Amazon; not an AWS service.\n",
    ),
  );
  app.get("/healthz", (context) => context.json({ status: "ok", version }));
  app.get("/readyz", (context) => {
    const why = options.notReady();
    return why === undefined ? context.json({ ready: true }) : problem(context, 503, "Not Ready", why);
  });
  app.get("/.well-known/jwks.json", async (context) => context.json({ keys: await jwks(store) }));
  app.get("/keys/:product/:file", (context) => {
    const { product, file } = context.req.param();
    const version = /^([1-9]\d{0,8})\.pem$/.exec(file)?.[1];
    const found = store.catalog
      .product(product)
      ?.keyVersions.find((one) => version !== undefined && one.version === Number(version));
    if (found === undefined) {
      return problem(
        context,
        404,
        "Not Found",
        `Product ${product} has no public key at ${file}; ask for /keys/<productCode>/<version>.pem.`,
      );
    }
    return context.body(found.publicKeyPem, 200, { "Content-Type": "application/x-pem-file" });
  });
  for (const action of ["confirm", "unsubscribe"] as const) {
    app.get(`/sns/${action}`, async (context) => {
      const target = await options.subscriptions?.[action](context.req.query("token") ?? "");
      if (target === undefined) return problem(context, 404, "Not Found", "The token is not one of a subscription.");
      return context.json({ target: target.id, confirmed: target.confirmedAt !== undefined });
    });
  }
  app.get("/sns/authority.pem", async (context) => {
    const pem = await options.subscriptions?.authority();
    if (pem === undefined) return problem(context, 404, "Not Found", "No SNS messages are sent here.");
    return context.body(pem, 200, { "Content-Type": "application/x-pem-file" });
  });
  if (options.workloads !== undefined) app.route("/", options.workloads);
  if (options.marketplacePages !== undefined) app.route("/", options.marketplacePages);
  if (options.consoleFiles !== undefined) app.route("/", options.consoleFiles);
  const { control, metrics } = options;
  app.get("/metrics", (context) => {
    if (metrics !== undefined) return metrics(context);
    // Beyond loopback by the control plane, which asks for a token.
    const { protocol, host } = new URL(context.req.url);
    const request = new Request(`${protocol}//${host}/api/v1/metrics`, context.req.raw);
    return control === undefined ? context.notFound() : control.fetch(request, context.env as object);
  });
  // Not by `route`, which leaves the application's own answers to errors and unknown paths behind.
  if (control !== undefined) {
    app.all("/api/v1", (context) => control.fetch(context.req.raw, context.env as object));
    app.all("/api/v1/*", (context) => control.fetch(context.req.raw, context.env as object));
  }
  app.notFound((context) => problem(context, 404, "Not Found", `Nothing is served at ${context.req.path}.`));
  app.onError((error, context) => {
    log.error({ err: error, path: context.req.path }, "request failed");
    return problem(context, 500, "Internal Server Error", "The request failed; the server's log says why.");
  });
  return getRequestListener(app.fetch, { overrideGlobalObjects: false, errorHandler: unreadable });
}

/** `kid` is productCode/version: the JWTs carry none, so a verifier picks by the claims. */
async function jwks(store: Store): Promise<readonly object[]> {
  const keys: { readonly kid: string; readonly key: KeyVersion }[] = store.catalog
    .all()
    .products.flatMap((product) => product.keyVersions.map((key) => ({ kid: `${product.code}/${key.version}`, key })));
  return Promise.all(
    keys.map(async ({ kid, key }) => ({
      ...(await exportJWK(await importSPKI(key.publicKeyPem, "PS256", { extractable: true }))),
      kid,
      alg: "PS256",
      use: "sig",
    })),
  );
}
