/** The business clock: usage windows, final hours, tokens and terms follow it. What its move makes due is done at once. */
import { createRoute, z } from "@hono/zod-openapi";
import { parseDurationMs } from "../clock.ts";
import { acting } from "./actor.ts";
import { type AddResource, body, type ControlParts, json, problems, summaryOf } from "./app.ts";
import { instant, iso, msOf } from "./forms.ts";
import { invalidMember } from "./problems.ts";

const clock = z
  .object({
    now: instant.openapi({ description: "Business time" }),
    wall: instant.openapi({ description: "Signatures and session expiry follow this one, always" }),
    mode: z.enum(["following", "standing"]).openapi({ description: "standing: until it is moved again" }),
  })
  .openapi("Clock");
const set = z.strictObject({ to: instant }).openapi("ClockSet");
const advance = z
  .strictObject({
    by: z
      .union([z.string().max(50), z.number()])
      .openapi({ description: "Text such as 90s, 15m, 2h, 30d, or milliseconds", example: "2h" }),
  })
  .openapi("ClockAdvance");
const nothing = z.strictObject({}).openapi("NoMembers");
const tags = ["Clock"];

const getRoute = createRoute({
  method: "get",
  path: "/clock",
  tags,
  summary: "Read the business clock",
  responses: { 200: json(clock, "The clock"), ...problems },
});
const setRoute = createRoute({
  method: "post",
  path: "/clock/set",
  tags,
  summary: "Set the business clock; it stands still there",
  request: { body: body(set) },
  responses: { 200: json(clock, "The clock as it is now"), ...problems },
});
const advanceRoute = createRoute({
  method: "post",
  path: "/clock/advance",
  tags,
  summary: "Move the business clock forward; it stands still there",
  request: { body: body(advance) },
  responses: { 200: json(clock, "The clock as it is now"), ...problems },
});
const followRoute = createRoute({
  method: "post",
  path: "/clock/follow",
  tags,
  summary: "Let the business clock follow the wall clock again",
  request: { body: { content: { "application/json": { schema: nothing } } } },
  responses: { 200: json(clock, "The clock as it is now"), ...problems },
});

/** Usage can be kept for these years (months are tables named by them). */
const earliestAt = 0;
const latestAt = Date.UTC(9999, 11, 31);

export const addClock: AddResource = (app, parts) => {
  const { clock: business } = parts;
  const move = async (action: string, summary: string, to: () => void): Promise<z.infer<typeof clock>> => {
    await parts.note({ action: `clock.${action}`, target: "clock", summary });
    to();
    // By the clock, not by the caller: what is due would have come without them.
    await acting({ actor: "clock" }, () => parts.agreements.runDue(business.now()));
    await parts.registeredUsage?.runDue(business.now());
    return view(parts);
  };
  app.openapi(getRoute, (context) => context.json(view(parts), 200));
  app.openapi(setRoute, async (context) => {
    const given = context.req.valid("json");
    const at = inRange(msOf(given.to), "to");
    return context.json(await move("set", summaryOf(given), () => business.set(at)), 200);
  });
  app.openapi(advanceRoute, async (context) => {
    const given = context.req.valid("json");
    const ms = durationMs(given.by);
    inRange(business.now() + ms, "by");
    return context.json(await move("advance", summaryOf(given), () => business.advance(ms)), 200);
  });
  app.openapi(followRoute, async (context) => context.json(await move("follow", "", () => business.follow()), 200));
};

function durationMs(by: number | string): number {
  try {
    const ms = parseDurationMs(by);
    if (Number.isFinite(ms) && ms >= 0) return ms;
  } catch (error) {
    if (error instanceof TypeError) throw invalidMember("by", error.message);
    throw error;
  }
  throw invalidMember("by", "the clock is moved back with set");
}

function inRange(at: number, member: string): number {
  if (at >= earliestAt && at <= latestAt) return at;
  throw invalidMember(member, "the clock stays within the years 1970 to 9999");
}

function view({ clock: business, wallClock }: ControlParts): z.infer<typeof clock> {
  return {
    now: iso(business.now()),
    wall: iso(wallClock()),
    mode: business.isFollowing() ? "following" : "standing",
  };
}
