/**
 * The business clock: usage windows, final hours, tokens and terms follow it. A move forward is answered when everything
 * that was due on its way is done.
 */
import { createRoute, z } from "@hono/zod-openapi";
import { defined } from "../catalog/rows.ts";
import { instantOf, parseDurationMs } from "../clock.ts";
import { type DueItem, dueKinds } from "../due.ts";
import { type Announce, DueError, rateMax } from "../timekeeper.ts";
import { type AddResource, body, type ControlParts, json, problems, summaryOf } from "./app.ts";
import { instant, iso, msOf, productCode } from "./forms.ts";
import { invalidMember, Problem } from "./problems.ts";

const dueItem = z
  .object({
    at: instant.openapi({ description: "Business time" }),
    what: z.enum(dueKinds).openapi({
      description:
        "`announcement` before the end of a term; `renewal` or `term-end` at it; `final-hour-end`; `usage-hour` and " +
        "`usage-end`: seconds of a registered workload go into the ledger",
    }),
    target: z.string().openapi({ description: "Agreement id, or resource of the workload" }),
    workload: z.string().optional().openapi({ description: "Id of the simulated workload whose resource it is" }),
    product: productCode,
    daysBeforeEnd: z.int().optional().openapi({ description: "Of announcements" }),
  })
  .openapi("DueItem");
const clock = z
  .object({
    now: instant.openapi({ description: "Business time" }),
    wall: instant.openapi({ description: "Signatures and session expiry follow this one, always" }),
    mode: z.enum(["following", "standing", "running"]).openapi({
      description: "the wall clock; where it is until moved; or `rate` times as fast as the wall clock",
    }),
    rate: z.number().openapi({ description: "Times real time: 1 when following, 0 when standing" }),
    movingTo: instant.optional().openapi({ description: "Where a move that is under way will end" }),
    nextDue: dueItem.optional().openapi({ description: "Absent: nothing is due, as things stand" }),
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
const run = z
  .strictObject({
    rate: z.number().positive().max(rateMax).openapi({ description: "Times real time", example: 60 }),
  })
  .openapi("ClockRun");
const nothing = z.strictObject({}).openapi("NoMembers");
const tags = ["Clock"];

const getRoute = createRoute({
  method: "get",
  path: "/clock",
  tags,
  summary: "Read the business clock",
  responses: { 200: json(clock, "The clock"), ...problems },
});
const dueRoute = createRoute({
  method: "get",
  path: "/clock/due",
  tags,
  summary: "List what the business clock will bring about next, as things stand",
  request: {
    query: z.object({
      limit: z.coerce.number().int().min(1).max(1_000).default(20).openapi({ description: "How many" }),
    }),
  },
  responses: {
    200: json(z.object({ items: z.array(dueItem) }).openapi("DueItemList"), "In order of time"),
    ...problems,
  },
});

function moveRoute<Path extends string, Schema extends z.ZodType>(path: Path, summary: string, schema: Schema) {
  return createRoute({
    method: "post",
    path,
    tags,
    summary,
    request: { body: body(schema) },
    responses: { 200: json(clock, "The clock as it is now"), ...problems },
  });
}

/** A body is not called for: there is nothing to say. */
function plainRoute<Path extends string>(path: Path, summary: string) {
  return createRoute({
    method: "post",
    path,
    tags,
    summary,
    request: { body: { content: { "application/json": { schema: nothing } } } },
    responses: { 200: json(clock, "The clock as it is now"), ...problems },
  });
}

const setRoute = moveRoute(
  "/clock/set",
  "Set the business clock; it stands still there. Forward, everything due on the way is done, in order",
  set,
);
const advanceRoute = moveRoute(
  "/clock/advance",
  "Move the business clock forward through everything due on the way, in order; it then stands still",
  advance,
);
const runRoute = moveRoute(
  "/clock/run",
  "Let the business clock run at a multiple of real time, from where it is",
  run,
);
const freezeRoute = plainRoute("/clock/freeze", "Let the business clock stand still where it is");
const followRoute = plainRoute(
  "/clock/follow",
  "Let the business clock follow the wall clock; when that is ahead, everything due on the way is done, in order",
);

export const addClock: AddResource = (app, parts) => {
  const { timekeeper } = parts;
  const moved = async (
    action: string,
    summary: string,
    member: string,
    move: (announce: Announce) => Promise<void>,
  ): Promise<z.infer<typeof clock>> => {
    try {
      await move(() => parts.note({ action: `clock.${action}`, target: "clock", summary }));
    } catch (error) {
      if (error instanceof RangeError) throw invalidMember(member, error.message);
      if (!(error instanceof DueError)) throw error;
      parts.log.error({ err: error }, "a move of the business clock stopped");
      throw new Problem(500, error.message);
    }
    return view(parts);
  };
  app.openapi(getRoute, (context) => context.json(view(parts), 200));
  app.openapi(dueRoute, (context) => {
    const { limit } = context.req.valid("query");
    return context.json({ items: dueViews(timekeeper.upcoming(limit), parts) }, 200);
  });
  app.openapi(setRoute, async (context) => {
    const given = context.req.valid("json");
    const to = msOf(given.to);
    return context.json(await moved("set", summaryOf(given), "to", (announce) => timekeeper.set(to, announce)), 200);
  });
  app.openapi(advanceRoute, async (context) => {
    const given = context.req.valid("json");
    const ms = durationMs(given.by);
    const move = (announce: Announce) => timekeeper.advance(ms, announce);
    return context.json(await moved("advance", summaryOf(given), "by", move), 200);
  });
  app.openapi(runRoute, async (context) => {
    const given = context.req.valid("json");
    const move = (announce: Announce) => timekeeper.run(given.rate, announce);
    return context.json(await moved("run", summaryOf(given), "rate", move), 200);
  });
  app.openapi(freezeRoute, async (context) => context.json(await moved("freeze", "", "", timekeeper.freeze), 200));
  app.openapi(followRoute, async (context) => context.json(await moved("follow", "", "", timekeeper.follow), 200));
};

function durationMs(by: number | string): number {
  try {
    return parseDurationMs(by);
  } catch (error) {
    if (error instanceof TypeError) throw invalidMember("by", error.message);
    throw error;
  }
}

function view(parts: ControlParts): z.infer<typeof clock> {
  const { clock: business, wallClock, timekeeper } = parts;
  // One reading for both, so that they can be compared.
  const state = business.state();
  const wallAt = wallClock();
  const headingTo = timekeeper.headingTo();
  const [next] = dueViews(timekeeper.upcoming(1), parts);
  return {
    now: iso(instantOf(state, wallAt)),
    wall: iso(wallAt),
    mode: state.mode,
    rate: state.mode === "running" ? state.rate : state.mode === "following" ? 1 : 0,
    ...(headingTo === undefined ? {} : { movingTo: iso(headingTo) }),
    ...(next === undefined ? {} : { nextDue: next }),
  };
}

function dueViews(items: readonly DueItem[], { catalog }: ControlParts): z.infer<typeof dueItem>[] {
  const resources = new Set(items.filter(({ what }) => isUsage(what)).map(({ target }) => target));
  const workloads = resources.size === 0 ? [] : catalog.all().workloads;
  const ids = new Map(workloads.filter(({ resource }) => resources.has(resource)).map((row) => [row.resource, row.id]));
  return items.map(({ at, productCode: product, ...rest }) =>
    defined({ ...rest, at: iso(at), product, workload: isUsage(rest.what) ? ids.get(rest.target) : undefined }),
  );
}

function isUsage(what: DueItem["what"]): boolean {
  return what === "usage-hour" || what === "usage-end";
}
