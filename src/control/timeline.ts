/** The time line of an agreement: everything that happened to it, from all that keeps it, and what is due next. */
import { createRoute, z } from "@hono/zod-openapi";
import { secondMs } from "../api/limits.ts";
import type { Agreement } from "../api/types.ts";
import { defined } from "../catalog/rows.ts";
import { dueKinds, dueOfAgreement } from "../due.ts";
import { type AddResource, type ControlParts, json, problems } from "./app.ts";
import { instant, iso } from "./forms.ts";
import { deliveryCounts } from "./notifications.ts";
import { pageMembers } from "./paging.ts";
import { invalidField, notFound } from "./problems.ts";
import {
  byPlace,
  callEntries,
  deliveriesOf,
  isAfter,
  notificationEntries,
  rankOf,
  stateEntries,
  stateEvents,
  type TimelineEntry,
  type TimelinePlace,
  timelineKinds,
  tokenEntries,
  tokenEvents,
  usageEntries,
} from "./timelineEntries.ts";

const at = instant.openapi({ description: "Business time" });
const usageOfDimension = z.object({
  dimension: z.string(),
  quantity: z.number(),
  records: z.int(),
  billable: z.boolean(),
});
const entry = z
  .discriminatedUnion("kind", [
    z.object({
      kind: z.literal("state"),
      at,
      event: z.enum(stateEvents),
      agreement: z.string().optional().openapi({ description: "Of a renewal: the agreement that follows" }),
    }),
    z.object({ kind: z.literal("token"), at, event: z.enum(tokenEvents) }),
    z.object({
      kind: z.literal("notification"),
      at,
      id: z.string(),
      name: z.string(),
      form: z.enum(["sns", "eventbridge"]),
      deliveries: deliveryCounts,
    }),
    z.object({
      kind: z.literal("usage"),
      at,
      day: z.string().openapi({ description: "UTC day", example: "2026-08-15" }),
      records: z.int(),
      dimensions: z.array(usageOfDimension).openapi({ description: "The largest, by quantity" }),
      otherDimensions: z.int().openapi({ description: "How many more there are" }),
    }),
    z.object({
      kind: z.literal("call"),
      at,
      requestId: z.string(),
      operation: z.string(),
      outcome: z.string().openapi({ description: "Success, or the name of the error" }),
    }),
  ])
  .openapi("TimelineEntry");
const dueEntry = z
  .object({
    at,
    what: z.enum([...dueKinds, "token-expiry", "entitlement-expiry"]),
    daysBeforeEnd: z.int().optional().openapi({ description: "Of announcements" }),
    dimension: z.string().optional().openapi({ description: "Of entitlements" }),
  })
  .openapi("TimelineDue");
const timeline = z
  .object({
    items: z.array(entry),
    nextCursor: z.string().optional().openapi({ description: "Absent on the last page" }),
    due: z.array(dueEntry).openapi({ description: "What time will bring next, as things stand, in order" }),
  })
  .openapi("AgreementTimeline");

const dueMax = 20;
const kinds = z
  .string()
  .max(200)
  .optional()
  .openapi({ description: `Some of ${timelineKinds.join(", ")}, with commas between; default all` });

const route = createRoute({
  method: "get",
  path: "/agreements/{id}/timeline",
  tags: ["Agreements"],
  summary: "Read what happened to an agreement: states, tokens, notifications, days of usage, calls of its buyer",
  request: {
    params: z.object({ id: z.string() }),
    query: z.strictObject({
      kinds,
      order: z.enum(["newest-first", "oldest-first"]).default("newest-first"),
      ...pageMembers,
    }),
  },
  responses: { 200: json(timeline, "A page of the time line, and what is due"), ...problems },
});

export const addTimeline: AddResource = (app, parts) => {
  app.openapi(route, async (context) => {
    const { id } = context.req.valid("param");
    const { limit, cursor, order, kinds: asked } = context.req.valid("query");
    const agreement = parts.catalog.agreement(id);
    if (agreement === undefined) throw notFound("agreement", id);
    const isNewestFirst = order === "newest-first";
    const after = cursor === undefined ? undefined : placeOf(cursor);
    const wanted = kindsOf(asked);
    const input = { agreement, isNewestFirst, after, limit: limit + 1 };
    const sources = {
      state: () => stateEntries(parts, agreement),
      token: () => tokenEntries(parts, agreement),
      notification: () => notificationEntries(parts, agreement),
      usage: () => usageEntries(parts, input),
      call: () => callEntries(parts, input),
    } as const;
    const found = (await Promise.all(timelineKinds.filter((kind) => wanted.has(kind)).map((kind) => sources[kind]())))
      .flat()
      .filter((one) => one.kind === "call" || isAfter(one, after, isNewestFirst))
      .map((one) => ({ ...one, rank: rankOf(one) }))
      .sort((a, b) => (isNewestFirst ? byPlace(b, a) : byPlace(a, b)));
    const shown = found.slice(0, limit);
    const last = shown.at(-1);
    const more = found.length > limit && last !== undefined ? { nextCursor: cursorOf(last, shown, after) } : {};
    const items = await Promise.all(shown.map((one) => view(parts, one)));
    return context.json({ items, ...more, due: dueOf(parts, agreement) }, 200);
  });
};

function kindsOf(text: string | undefined): ReadonlySet<string> {
  const names = (text ?? timelineKinds.join()).split(",").map((name) => name.trim());
  const unknown = names.find((name) => !timelineKinds.some((kind) => kind === name));
  if (unknown !== undefined) throw invalidField("kinds", `'${unknown}' is none of ${timelineKinds.join(", ")}`);
  return new Set(names);
}

const cursorSchema = z.tuple([z.int(), z.int().min(0), z.string(), z.string()]);

function cursorOf(
  last: TimelineEntry & { readonly rank: number },
  shown: readonly TimelineEntry[],
  before: TimelinePlace | undefined,
): string {
  const call = shown.findLast((one) => one.kind === "call");
  const position = call?.kind === "call" ? call.position : before?.call;
  return Buffer.from(JSON.stringify([last.at, last.rank, last.key, position ?? ""]), "utf8").toString("base64url");
}

function placeOf(cursor: string): TimelinePlace {
  try {
    const text = Buffer.from(cursor, "base64url").toString("utf8");
    const [time, rank, key, call] = cursorSchema.parse(JSON.parse(text));
    return { at: time, rank, key, ...(call === "" ? {} : { call }) };
  } catch {
    throw invalidField("cursor", "not a cursor that this list gave out");
  }
}

async function view(parts: ControlParts, one: TimelineEntry): Promise<z.infer<typeof entry>> {
  const time = iso(one.at);
  switch (one.kind) {
    case "state":
      return defined({ kind: one.kind, at: time, event: one.event, agreement: one.agreement });
    case "token":
      return { kind: one.kind, at: time, event: one.event };
    case "notification": {
      const { kind, id, name, form } = one;
      return { kind, at: time, id, name, form, deliveries: await deliveriesOf(parts, id) };
    }
    case "usage": {
      const { kind, dayAt, records, dimensions, otherDimensions } = one;
      return { kind, at: time, day: iso(dayAt).slice(0, 10), records, dimensions: [...dimensions], otherDimensions };
    }
    case "call":
      return { kind: one.kind, at: time, requestId: one.requestId, operation: one.operation, outcome: one.outcome };
  }
}

function dueOf({ catalog, clock, settings }: ControlParts, agreement: Agreement): z.infer<typeof dueEntry>[] {
  const { id, productCode, buyerAccountId, licenseArn } = agreement;
  const own = dueOfAgreement(agreement, settings(), dueMax).map((item) =>
    defined({ at: item.at, what: item.what, daysBeforeEnd: item.daysBeforeEnd }),
  );
  const tokens = catalog
    .registrationTokens()
    .filter((one) => one.agreementId === id && one.resolvedAt === undefined)
    .map(({ issuedAt }) => ({ at: issuedAt + settings()["token.ttlSec"] * secondMs, what: "token-expiry" as const }));
  const entitlements = catalog
    .entitlements(productCode)
    .filter((one) => one.buyerAccountId === buyerAccountId && (one.licenseArn ?? licenseArn) === licenseArn)
    .map(({ expiresAt, dimension }) => ({ at: expiresAt, what: "entitlement-expiry" as const, dimension }));
  return [...own, ...tokens, ...entitlements]
    .filter((one) => one.at > clock.now())
    .sort((a, b) => a.at - b.at)
    .slice(0, dueMax)
    .map((one) => ({ ...one, at: iso(one.at) }));
}
