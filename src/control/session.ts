/** The console's session. Opening one is the only thing of the control plane that needs no admin token yet. */
import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import { type AddResource, body, type ControlApp, type ControlParts, json, noContent, problems } from "./app.ts";
import type { Authenticator } from "./auth.ts";
import { instant, iso } from "./forms.ts";
import { bodyMaxBytes, readBody } from "./guard.ts";
import { Problem } from "./problems.ts";
import type { Session } from "./sessions.ts";

const session = z
  .object({
    name: z.string().openapi({ description: "Name of the admin token that this session acts by" }),
    role: z.enum(["full", "read"]),
    csrf: z.string().openapi({ description: "Changes carry it in the header X-Meterhouse-Csrf" }),
    expiresAt: instant.openapi({ description: "Wall time; every request moves it on" }),
  })
  .openapi("Session");
const opening = z
  .union([z.strictObject({ link: z.string().min(1).max(128) }), z.strictObject({ adminToken: z.string().max(512) })])
  .openapi("SessionOpening");
const link = z
  .object({ url: z.string().openapi({ description: "Opens the console once, within twelve hours" }) })
  .openapi("ConsoleLink");
const tags = ["Console"];

const openRoute = createRoute({
  method: "post",
  path: "/session",
  tags,
  summary: "Open a session of the console, by a link's word or an admin token",
  request: { body: body(opening) },
  responses: { 201: json(session, "The session; its cookie comes with it"), ...problems },
});
const readRoute = createRoute({
  method: "get",
  path: "/session",
  tags,
  summary: "Read one's own session",
  responses: { 200: json(session, "The session"), ...problems },
});
const endRoute = createRoute({
  method: "delete",
  path: "/session",
  tags,
  summary: "End one's own session",
  responses: { 204: noContent, ...problems },
});
const linkRoute = createRoute({
  method: "post",
  path: "/console-links",
  tags,
  summary: "Make a link that signs a browser in to the console",
  request: { body: { content: { "application/json": { schema: z.strictObject({}) } } } },
  responses: { 201: json(link, "The link"), ...problems },
});

export type SessionKeeping = Pick<ControlParts, "sessions" | "publicUrl">;

interface SessionOpeningParts extends SessionKeeping {
  readonly authenticator: Authenticator;
  readonly addressOf: (context: Context) => string;
}

/** Of a request with a session's cookie. */
export async function sessionOf(
  context: Context,
  { sessions, publicUrl }: SessionKeeping,
): Promise<Session | undefined> {
  const cookie = getCookie(context, sessions.cookieName(publicUrl()));
  return cookie === undefined ? undefined : sessions.find(cookie);
}

/** Comes before the doors, which nobody without a session could pass. */
export function addSessionOpening(
  app: ControlApp,
  { sessions, publicUrl, authenticator, addressOf }: SessionOpeningParts,
): void {
  app.use("/session", async (context, next) => {
    if (context.req.method === "POST") await readBody(context, bodyMaxBytes, ["application/json"]);
    return next();
  });
  app.openapi(openRoute, async (context) => {
    const given = context.req.valid("json");
    const caller =
      "link" in given
        ? await sessions.redeem(given.link)
        : await authenticator.authenticate(`Bearer ${given.adminToken}`, addressOf(context));
    if (caller === undefined) {
      throw new Problem(
        401,
        "This link was used already, or is too old. Make a new one with 'meterhouse console', or sign in with the admin token.",
      );
    }
    const opened = await sessions.open(caller);
    setCookie(context, sessions.cookieName(publicUrl()), opened.cookie, {
      httpOnly: true,
      sameSite: "Strict",
      path: "/",
      secure: new URL(context.req.url).protocol === "https:",
    });
    return context.json(view(opened.session), 201);
  });
}

export const addSession: AddResource = (app, { sessions, publicUrl }) => {
  const keeping = { sessions, publicUrl };
  app.openapi(readRoute, async (context) => {
    const found = await sessionOf(context, keeping);
    if (found === undefined) throw new Problem(404, "This request carries an admin token, and no session.");
    return context.json(view(found), 200);
  });
  app.openapi(endRoute, async (context) => {
    const name = sessions.cookieName(publicUrl());
    const cookie = getCookie(context, name);
    if (cookie !== undefined) await sessions.end(cookie);
    deleteCookie(context, name, { path: "/" });
    return context.body(null, 204);
  });
  app.openapi(linkRoute, async (context) => {
    return context.json({ url: consoleLink(publicUrl(), await sessions.invite(context.var.caller)) }, 201);
  });
};

/** In the fragment: browsers send it to nobody, and what fetches links ahead cannot use it up. */
export function consoleLink(publicUrl: string, word: string): string {
  return `${publicUrl}/console/#sign-in=${word}`;
}

function view({ caller, csrf, expiresAt }: Session): z.infer<typeof session> {
  return { name: caller.name, role: caller.role, csrf, expiresAt: iso(expiresAt) };
}
