/**
 * Who the browser says it is, and whether a form came from our own pages. There is no log-in: the cookie holds the id of
 * a simulated account, which is no secret. What must hold is that no other site can subscribe in a visitor's name.
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { Context } from "hono";
import { getCookie, setCookie } from "hono/cookie";
import type { Account } from "../../api/types.ts";
import type { Catalog } from "../../store/catalog.ts";
import { PageError } from "./options.ts";

export interface Visitor {
  readonly buyer: Account | undefined;
  /** For the forms of the page. Absent where the page must not start a session: see `visit`. */
  readonly csrfToken: string | undefined;
}

export interface Sessions {
  /** Reads the cookies, and gives a browser that has none a session. */
  visit(context: Context): Visitor;
  choose(context: Context, buyer: Account): void;
  /** Throws PageError 403 unless the form was made by a page of ours for this browser. */
  requireOwnForm(context: Context, form: URLSearchParams): void;
}

export const csrfField = "csrf";
const sessionCookie = "meterhouse_session";
const buyerCookie = "meterhouse_buyer";
const yearSec = 31_536_000;

/** `key`: of the signatures; nodes behind one address share it. Default: one of this process alone. */
export function createSessions(catalog: Catalog, key: string | Buffer = randomBytes(32)): Sessions {
  // Cookies are shared by all ports of a host, so another local site could set ours; only who has the key can sign one.
  const tokenOf = (sessionId: string): string => createHmac("sha256", key).update(sessionId).digest("hex");
  const sessionOf = (context: Context): string | undefined => {
    const value = getCookie(context, sessionCookie);
    return value !== undefined && /^[0-9a-f]{32}$/.test(value) ? value : undefined;
  };
  const options = (context: Context) => ({
    path: "/",
    httpOnly: true,
    sameSite: "Lax" as const,
    secure: new URL(context.req.url).protocol === "https:",
  });
  return {
    visit: (context) => {
      const buyer = catalog.account(getCookie(context, buyerCookie) ?? "");
      let sessionId = sessionOf(context);
      // A POST from another site comes without our cookies; a new session would void the forms that stand open.
      if (sessionId === undefined && context.req.method === "GET") {
        sessionId = randomBytes(16).toString("hex");
        setCookie(context, sessionCookie, sessionId, options(context));
      }
      return { buyer, csrfToken: sessionId === undefined ? undefined : tokenOf(sessionId) };
    },
    choose: (context, buyer) => setCookie(context, buyerCookie, buyer.id, { ...options(context), maxAge: yearSec }),
    requireOwnForm: (context, form) => {
      const sessionId = sessionOf(context);
      const sent = Buffer.from(form.get(csrfField) ?? "");
      const expected = Buffer.from(sessionId === undefined ? "" : tokenOf(sessionId));
      const isOurs = expected.length > 0 && sent.length === expected.length && timingSafeEqual(sent, expected);
      if (isSameOrigin(context) && isOurs) return;
      throw new PageError(
        403,
        "This form was not accepted",
        "It did not come from a page of this marketplace, or the server was started anew since the page was opened. Open the page again and repeat the step; cookies must be allowed for this address.",
      );
    },
  };
}

/** Browsers say where a form comes from in these headers, and no page can change them. */
function isSameOrigin(context: Context): boolean {
  const site = context.req.header("sec-fetch-site");
  if (site !== undefined && site !== "same-origin") return false;
  const origin = context.req.header("origin");
  if (origin === undefined) return true;
  // By host and port alone: behind a proxy that ends TLS the scheme is not ours to know.
  return URL.canParse(origin) && new URL(origin).host === context.req.header("host")?.toLowerCase();
}
