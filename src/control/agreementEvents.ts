/** Events about an agreement that neither its buyer nor the clock brings about: who runs the simulation says they happen. */
import { createRoute, z } from "@hono/zod-openapi";
import { defined } from "../catalog/rows.ts";
import { type Announcement, adjustmentKinds, spendKinds } from "../marketplace/agreementAnnouncements.ts";
import { cancellationKinds } from "../marketplace/notifications/events.ts";
import { acting } from "./actor.ts";
import { type AddResource, body, json, problems, summaryOf } from "./app.ts";
import { instant, iso, msOf } from "./forms.ts";
import { notification, view } from "./notifications.ts";
import { invalidMember, notFound } from "./problems.ts";

const happenedAt = instant.optional().openapi({ description: "Business time, not after now; default now" });
const reasonCode = z
  .string()
  .regex(/^[A-Z][A-Z0-9_]{0,63}$/, "not a reason code (1 to 64 of A-Z 0-9 _)")
  .openapi({ example: "TEST_AGREEMENT" });
const message = z.string().min(1).max(2_000).optional();
const idOf = (prefix: "acr" | "ba") =>
  z
    .string()
    .regex(new RegExp(`^${prefix}-[-a-zA-Z0-9]{1,64}$`), `not an id of the form ${prefix}-…`)
    .optional()
    .openapi({ description: "Default: a new one" });

const announcement = z
  .discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("advisory-issued"), issuedAt: happenedAt }),
    z.strictObject({ kind: z.literal("advisory-resolved"), resolvedAt: happenedAt }),
    z.strictObject({ kind: z.enum(spendKinds) }),
    z.strictObject({
      kind: z.enum(cancellationKinds),
      id: idOf("acr"),
      reasonCode,
      reasonMessage: message,
      statusMessage: message,
      createdAt: happenedAt,
    }),
    z.strictObject({
      kind: z.enum(adjustmentKinds),
      id: idOf("ba"),
      amount: z
        .string()
        .regex(/^-?\d{1,12}(\.\d{1,2})?$/, "not an amount in USD with at most two decimal places")
        .openapi({ description: "Negative for a refund", example: "-100.00" }),
      reasonCode,
      originalInvoiceId: z.string().regex(/^[-\w]{1,64}$/, "not an invoice id (1 to 64 letters, digits, - and _)"),
    }),
  ])
  .openapi("AgreementAnnouncement");

const route = createRoute({
  method: "post",
  path: "/agreements/{id}/announce",
  tags: ["Agreements"],
  summary: "Announce an event that others bring about; the agreement stays as it is",
  request: { params: z.object({ id: z.string() }), body: body(announcement) },
  responses: { 201: json(notification, "What the seller is told"), ...problems },
});

export const addAgreementEvents: AddResource = (app, { catalog, clock, agreements }) => {
  app.openapi(route, async (context) => {
    const { id } = context.req.valid("param");
    const given = context.req.valid("json");
    if (catalog.agreement(id) === undefined) throw notFound("agreement", id);
    const now = clock.now();
    const deed = { action: "agreement.announce", target: id, summary: summaryOf(given) };
    const row = await acting(deed, () => agreements.announce({ agreement: id }, announcementOf(given, now), now));
    return context.json(view(row), 201);
  });
};

/** With its times in milliseconds. Throws a problem when one has not come yet. */
function announcementOf(given: z.infer<typeof announcement>, now: number): Announcement {
  const past = (member: string, text: string | undefined): number | undefined => {
    const at = msOf(text);
    if (at === undefined || at <= now) return at;
    throw invalidMember(member, `is after now, which is ${iso(now)} on the business clock`);
  };
  switch (given.kind) {
    case "advisory-issued":
      return defined({ ...given, issuedAt: past("issuedAt", given.issuedAt) });
    case "advisory-resolved":
      return defined({ ...given, resolvedAt: past("resolvedAt", given.resolvedAt) });
    case "spend-threshold-reached":
    case "vet-succeeded":
    case "vet-failed":
      return given;
    case "billing-adjustment-completed":
    case "billing-adjustment-failed":
      return defined(given);
    default:
      return defined({ ...given, createdAt: past("createdAt", given.createdAt) });
  }
}
