/** Agreements: a buyer's purchases of a product, and what buyers and the marketplace do to them (B-80 to B-87). */
import { createRoute, z } from "@hono/zod-openapi";
import type { Agreement } from "../api/types.ts";
import { defined } from "../catalog/rows.ts";
import { type AgreementState, agreementState } from "../rules/agreements.ts";
import { acting } from "./actor.ts";
import { type AddResource, body, type ControlParts, json, problems, summaryOf } from "./app.ts";
import {
  accountId,
  dimensionName,
  givenEntitlements,
  givenValue,
  instant,
  iso,
  licenseArn,
  msOf,
  productCode,
} from "./forms.ts";
import { namedBuyer, namedProduct } from "./lookups.ts";
import { page, pageMembers, pageOf } from "./paging.ts";
import { conflict, invalidMember, notFound } from "./problems.ts";

export const stateForm = z
  .enum(["pending", "active", "final-hour", "ended", "payment-failed"])
  .openapi("AgreementState", { description: "Derived from the times and the business clock" });

const agreement = z
  .object({
    id: z.string(),
    product: productCode,
    productTitle: z.string().optional(),
    buyer: accountId,
    buyerName: z.string().optional(),
    state: stateForm,
    acceptedAt: instant,
    startedAt: instant.optional().openapi({ description: "subscribe-success; absent while pending" }),
    endingAt: instant.optional().openapi({ description: "unsubscribe-pending: the final hour starts" }),
    endedAt: instant.optional().openapi({ description: "unsubscribe-success" }),
    agreementEndedAt: instant
      .optional()
      .openapi({ description: "Purchase Agreement Ended; changes nothing for metering" }),
    failedAt: instant.optional().openapi({ description: "subscribe-fail" }),
    endsAt: instant.optional().openapi({ description: "End of a fixed term" }),
    autoRenew: z.boolean().optional(),
    license: licenseArn.optional(),
    offer: z.string().optional(),
    privateOffer: z.boolean(),
    freeTrial: z.boolean(),
    intent: z.enum(["NEW", "RENEW", "AMEND"]),
    previousAgreement: z.string().optional(),
    version: z.int().openapi({ description: "Counts changes" }),
  })
  .openapi("Agreement");

const creation = z
  .strictObject({
    product: productCode,
    buyer: z.string().min(1).max(255).openapi({ description: "Account id or CustomerIdentifier" }),
    offer: z.string().max(255).optional().openapi({ description: "An offer of the catalogue; its terms hold" }),
    privateOffer: z.boolean().optional().openapi({ description: "A private offer without terms of its own" }),
    freeTrial: z.boolean().optional(),
    pending: z.boolean().optional().openapi({ description: "Only accepted: activate it, or fail its payment, later" }),
    paymentFails: z.boolean().optional(),
    acceptedAt: instant.optional().openapi({ description: "Business time, not after now; default now" }),
  })
  .openapi("AgreementCreation");
const amendment = z
  .strictObject({
    offer: z.string().max(255).optional(),
    entitlements: z.record(dimensionName, givenValue).optional(),
    endsAt: instant.optional(),
    autoRenew: z.boolean().optional(),
  })
  .openapi("AgreementAmendment");
const nothing = z.strictObject({}).openapi("NoMembers");
const params = z.object({ id: z.string() });
const tags = ["Agreements"];

const listRoute = createRoute({
  method: "get",
  path: "/agreements",
  tags,
  summary: "List agreements, by default in order of creation",
  request: {
    query: z.strictObject({
      product: productCode.optional(),
      buyer: accountId.optional(),
      state: stateForm.optional(),
      order: z.enum(["oldest-first", "newest-first"]).default("oldest-first"),
      ...pageMembers,
    }),
  },
  responses: { 200: json(pageOf(agreement, "AgreementPage"), "A page of agreements"), ...problems },
});
const getRoute = createRoute({
  method: "get",
  path: "/agreements/{id}",
  tags,
  summary: "Read an agreement with its state now",
  request: { params },
  responses: { 200: json(agreement, "The agreement"), ...problems },
});
const creationRoute = createRoute({
  method: "post",
  path: "/agreements",
  tags,
  summary: "Purchase a product for a buyer: completes the pending agreement of the two, or creates one",
  request: { body: body(creation) },
  responses: { 201: json(agreement, "The agreement"), ...problems },
});
const amendRoute = createRoute({
  method: "post",
  path: "/agreements/{id}/amend",
  tags,
  summary: "Change the terms of an active agreement: offer, entitlements, end, renewal",
  request: { params, body: body(amendment) },
  responses: { 200: json(agreement, "The agreement as it is now"), ...problems },
});

interface Action {
  readonly name: string;
  readonly summary: string;
  /** The states it is for, where the service itself would take others too and do something else. */
  readonly states?: readonly AgreementState[];
  readonly run: (parts: ControlParts, id: string, at: number) => Promise<Agreement>;
}

const actions: readonly Action[] = [
  {
    name: "activate",
    summary: "subscribe-success: the pending agreement starts",
    states: ["pending", "payment-failed"],
    run: ({ agreements }, id, at) => agreements.subscribeSuccess({ agreement: id }, at),
  },
  {
    name: "resubscribe",
    summary: "The buyer comes back: in the final hour the agreement goes on, after its end a new one starts",
    states: ["final-hour", "ended"],
    run: ({ agreements }, id, at) => agreements.subscribeSuccess({ agreement: id }, at),
  },
  {
    name: "fail-payment",
    summary: "subscribe-fail: the payment of a pending agreement failed",
    run: ({ agreements }, id, at) => agreements.failPayment({ agreement: id }, at),
  },
  {
    name: "cancel",
    summary: "unsubscribe-pending: the final hour starts",
    run: ({ agreements }, id, at) => agreements.cancel({ agreement: id }, at),
  },
  {
    name: "unsubscribe",
    summary: "unsubscribe-success: no usage is accepted any more",
    run: ({ agreements }, id, at) => agreements.unsubscribeSuccess({ agreement: id }, at),
  },
  {
    name: "end-agreement",
    summary: "Purchase Agreement Ended: the event alone, metering goes on",
    run: ({ agreements }, id, at) => agreements.endPurchaseAgreement({ agreement: id }, at),
  },
  {
    name: "renew",
    summary: "Starts the agreement that follows on this one",
    run: ({ agreements }, id, at) => agreements.renew({ agreement: id }, at),
  },
];

export const addAgreements: AddResource = (app, parts) => {
  const { catalog, clock, settings } = parts;
  const find = (id: string): Agreement => {
    const found = catalog.agreement(id);
    if (found === undefined) throw notFound("agreement", id);
    return found;
  };
  const stateOf = (row: Agreement): AgreementState => agreementState(row, clock.now(), settings());
  const view = (row: Agreement): z.infer<typeof agreement> =>
    defined({
      ...viewOf(row, stateOf(row)),
      productTitle: catalog.product(row.productCode)?.title,
      buyerName: catalog.account(row.buyerAccountId)?.name,
    });

  app.openapi(listRoute, (context) => {
    const { product, buyer, state, order, ...paging } = context.req.valid("query");
    const rows = catalog
      .all()
      .agreements.filter(
        (row) =>
          (product === undefined || row.productCode === product) &&
          (buyer === undefined || row.buyerAccountId === buyer) &&
          (state === undefined || stateOf(row) === state),
      );
    const { items, ...rest } = page(order === "newest-first" ? rows.toReversed() : rows, paging, ({ id }) => id);
    return context.json({ items: items.map(view), ...rest }, 200);
  });
  app.openapi(getRoute, (context) => context.json(view(find(context.req.valid("param").id)), 200));
  app.openapi(creationRoute, async (context) =>
    context.json(view(await create(parts, context.req.valid("json"))), 201),
  );
  app.openapi(amendRoute, async (context) => {
    const { id } = find(context.req.valid("param").id);
    const { entitlements, endsAt, ...rest } = context.req.valid("json");
    const terms = {
      ...defined(rest),
      ...(endsAt === undefined ? {} : { endsAt: msOf(endsAt) }),
      ...(entitlements === undefined ? {} : { entitlements: givenEntitlements(entitlements) }),
    };
    if (terms.offer !== undefined && catalog.offer(terms.offer) === undefined) {
      throw invalidMember("offer", `there is no offer '${terms.offer}'`);
    }
    const deed = { action: "agreement.amend", target: id, summary: summaryOf(context.req.valid("json")) };
    const row = await acting(deed, () => parts.agreements.amend({ agreement: id }, terms, clock.now()));
    return context.json(view(row), 200);
  });
  for (const action of actions) {
    const route = createRoute({
      method: "post",
      path: `/agreements/{id}/${action.name}`,
      tags,
      summary: action.summary,
      request: { params, body: { content: { "application/json": { schema: nothing } } } },
      responses: { 200: json(agreement, "The agreement as it is now, or the new one"), ...problems },
    });
    app.openapi(route, async (context) => {
      const row = find(context.req.valid("param").id);
      const state = stateOf(row);
      if (action.states !== undefined && !action.states.includes(state)) {
        throw conflict(`Agreement ${row.id} is ${state}; to ${action.name} it must be ${action.states.join(" or ")}.`);
      }
      const deed = { action: `agreement.${action.name}`, target: row.id };
      return context.json(view(await acting(deed, () => action.run(parts, row.id, clock.now()))), 200);
    });
  }
};

async function create(parts: ControlParts, given: z.infer<typeof creation>): Promise<Agreement> {
  const { catalog, clock, agreements } = parts;
  const { pending, acceptedAt, product, buyer, ...terms } = given;
  const at = msOf(acceptedAt) ?? clock.now();
  if (at > clock.now())
    throw invalidMember("acceptedAt", `is after now, which is ${iso(clock.now())} on the business clock`);
  if (pending === true && terms.paymentFails !== undefined) {
    throw invalidMember("paymentFails", "a pending agreement is not paid yet; fail its payment later");
  }
  namedProduct(catalog, product);
  namedBuyer(catalog, buyer);
  if (terms.offer !== undefined && catalog.offer(terms.offer) === undefined) {
    throw invalidMember("offer", `there is no offer '${terms.offer}'`);
  }
  const purchase = { product, customer: buyer, ...defined(terms) };
  // Without a target: the id is only drawn with the change, and the event takes it from there.
  return acting({ action: "agreement.create", summary: summaryOf(given) }, () =>
    pending === true ? agreements.create(purchase, at) : agreements.purchase(purchase, at),
  );
}

function viewOf(row: Agreement, state: AgreementState): z.infer<typeof agreement> {
  return defined({
    id: row.id,
    product: row.productCode,
    buyer: row.buyerAccountId,
    state,
    acceptedAt: iso(row.acceptedAt),
    startedAt: iso(row.startedAt),
    endingAt: iso(row.endingAt),
    endedAt: iso(row.endedAt),
    agreementEndedAt: iso(row.agreementEndedAt),
    failedAt: iso(row.failedAt),
    endsAt: iso(row.endsAt),
    autoRenew: row.autoRenew,
    license: row.licenseArn,
    offer: row.offerId,
    privateOffer: row.privateOffer,
    freeTrial: row.freeTrial,
    intent: row.intent ?? "NEW",
    previousAgreement: row.previousAgreementId,
    version: row.version,
  });
}
