/**
 * The buyer's side of the marketplace, for the browser: products, subscriptions and the post that sends a buyer to the
 * seller's registration page, with a built-in sample of that page. Rendered here, without scripts but for the one line
 * that submits the post.
 *
 * There is no log-in. The pages are a simulator for the machine they run on: whoever reaches them is any buyer, so they
 * stand behind the router's check of the Host header and can be left out.
 */
import { type Context, Hono } from "hono";
import { html } from "hono/html";
import { secondMs } from "../../api/limits.ts";
import type { Account, Agreement, Product } from "../../api/types.ts";
import { acting } from "../../control/actor.ts";
import { agreementState } from "../../rules/agreements.ts";
import { MarketplaceError } from "../agreements.ts";
import { buyerPage, safeReturn } from "./buyers.ts";
import { readAmendment } from "./change.ts";
import { readForm } from "./forms.ts";
import { handoverRoute } from "./handover.ts";
import { type Html, newNonce, notice, type Page, sendPage } from "./layout.ts";
import {
  buyersOf,
  isSaas,
  type MarketplacePagesOptions,
  offersFor,
  PageError,
  productOf,
  sellerName,
  standingAgreement,
  subscriptionsOf,
} from "./options.ts";
import { matching, productListPage, productPage } from "./products.ts";
import { postingPage, type RegistrationPost, registrationPost, tokenField } from "./registration.ts";
import { badToken, casesSection, isRegistrationCase, registrationCases } from "./registrationCases.ts";
import { createSellerCalls, type SellerCalls } from "./resolve.ts";
import { emptyPost, refusedPage, resolvedPage, withoutToken } from "./sampleRegistration.ts";
import { createSessions, type Sessions } from "./session.ts";
import { icon, styleSheet } from "./style.ts";
import { subscribe } from "./subscribing.ts";
import { type AgreementAction, agreementActions, type SubscriptionFacts, subscriptionsPage } from "./subscriptions.ts";

export type { MarketplacePagesOptions } from "./options.ts";

interface Parts {
  readonly options: MarketplacePagesOptions;
  readonly sessions: Sessions;
  readonly seller: SellerCalls;
}

/** Serves `/marketplace` and `/sample-registration`; to be mounted at the root. */
export function createMarketplacePages(options: MarketplacePagesOptions): Hono {
  const parts: Parts = {
    options,
    sessions: createSessions(options.store.catalog, options.formKey),
    seller: createSellerCalls(options),
  };
  const app = new Hono();
  app.use("/marketplace/*", (context, next) => {
    if (context.req.method !== "POST") return next();
    const { buyer } = parts.sessions.visit(context);
    const summary = buyer === undefined ? {} : { summary: `account ${buyer.id}, in the browser` };
    return acting({ actor: "buyer", ...summary }, next);
  });
  app.get("/marketplace/style.css", (context) => asset(context, styleSheet, "text/css; charset=utf-8"));
  app.get("/marketplace/icon.svg", (context) => asset(context, icon, "image/svg+xml"));
  handoverRoute(app, options);
  buyerRoutes(app, parts);
  subscriptionRoutes(app, parts);
  productRoutes(app, parts);
  sampleRoutes(app, parts);
  const notThere = (): never => {
    throw new PageError(
      404,
      "No such page",
      "Nothing is here. Perhaps a form was to be sent to this address: start from the products.",
    );
  };
  app.all("/marketplace/*", notThere);
  app.all("/sample-registration/*", notThere);
  app.onError((error, context) => failed(error, context, parts));
  return app;
}

function asset(context: Context, text: string, type: string): Response {
  return context.body(text, 200, { "Content-Type": type, "Cache-Control": "no-cache" });
}

function show(
  context: Context,
  { options, sessions }: Parts,
  page: Omit<Page, "visitor" | "at">,
): Response | Promise<Response> {
  return sendPage(context, { ...page, visitor: sessions.visit(context), at: options.clock.now() });
}

function failed(error: Error, context: Context, parts: Parts): Response | Promise<Response> {
  const known = error instanceof MarketplaceError ? new PageError(409, "That cannot be done", error.message) : error;
  const isKnown = known instanceof PageError;
  if (!isKnown) parts.options.log.error({ err: error, path: context.req.path }, "request failed");
  const [title, text] = isKnown ? [known.title, known.message] : ["Something went wrong", "The server’s log says why."];
  return show(context, parts, {
    title,
    status: isKnown ? known.status : 500,
    body: html`<h1>${title}</h1>${notice("bad", text, html`<a href="/marketplace">To the products</a>`)}`,
  });
}

/** Throws PageError unless the form is one of ours. */
async function ownForm(context: Context, { sessions }: Parts): Promise<URLSearchParams> {
  const form = await readForm(context);
  sessions.requireOwnForm(context, form);
  return form;
}

function requireBuyer(context: Context, { sessions }: Parts): Account {
  const { buyer } = sessions.visit(context);
  if (buyer !== undefined) return buyer;
  throw new PageError(409, "Choose a buyer first", "Choose under “No buyer chosen” above which buyer account you are.");
}

function buyerRoutes(app: Hono, parts: Parts): void {
  const { options, sessions } = parts;
  app.get("/marketplace/buyer", (context) => {
    const visitor = sessions.visit(context);
    const body = buyerPage(buyersOf(options), visitor, safeReturn(context.req.query("returnTo") ?? null));
    return sendPage(context, { title: "Choose a buyer", part: "buyer", body, visitor, at: options.clock.now() });
  });
  app.post("/marketplace/buyer", async (context) => {
    const form = await ownForm(context, parts);
    const buyer = buyersOf(options).find((one) => one.id === form.get("account"));
    if (buyer === undefined) {
      throw new PageError(404, "No such buyer", `There is no buyer account '${form.get("account") ?? ""}'.`);
    }
    sessions.choose(context, buyer);
    return context.redirect(safeReturn(form.get("returnTo")), 303);
  });
}

function productRoutes(app: Hono, parts: Parts): void {
  const { options, sessions, seller } = parts;
  app.get("/marketplace", (context) => {
    const visitor = sessions.visit(context);
    const query = (context.req.query("q") ?? "").slice(0, 200);
    const { products } = options.store.catalog.all();
    const own = visitor.buyer === undefined ? [] : subscriptionsOf(options, visitor.buyer);
    const open = own.filter((one) => one.state === "active" || one.state === "final-hour");
    const listed = matching(products, query).map((product) => ({
      product,
      seller: sellerName(options, product),
      open: open.filter((one) => one.agreement.productCode === product.code).length,
    }));
    const body = productListPage(listed, products.length, query, buyersOf(options), visitor);
    return sendPage(context, { title: "Products", part: "products", body, visitor, at: options.clock.now() });
  });
  app.get("/marketplace/:productCode", (context) => {
    const visitor = sessions.visit(context);
    const product = productOf(options, context.req.param("productCode"));
    const own = visitor.buyer === undefined ? [] : subscriptionsOf(options, visitor.buyer);
    const body = productPage({
      product,
      seller: sellerName(options, product),
      visitor,
      buyers: buyersOf(options),
      offers: offersFor(options, product.code, visitor.buyer),
      subscriptions: own.filter((one) => one.agreement.productCode === product.code),
      standingId: standingAgreement(product, own)?.id,
    });
    return sendPage(context, { title: product.title, part: "products", body, visitor, at: options.clock.now() });
  });
  app.post("/marketplace/:productCode/subscribe", async (context) => {
    const form = await ownForm(context, parts);
    const product = productOf(options, context.req.param("productCode"));
    const buyer = requireBuyer(context, parts);
    const agreement = await subscribe(options, product, buyer, form);
    if (isSaas(product.type)) return sendToSeller(context, parts, product, agreement);
    const what = form.has("paymentFails") ? "payment-failed" : "subscribed";
    return toSubscriptions(context, what, agreement);
  });
  app.post("/marketplace/:productCode/registration-cases/:kind", async (context) => {
    await ownForm(context, parts);
    const product = productOf(options, context.req.param("productCode"));
    const kind = context.req.param("kind");
    if (!isSaas(product.type) || !isRegistrationCase(kind)) {
      throw new PageError(404, "No such case", `There is no case '${kind}' for ${product.title}.`);
    }
    const token = await badToken(options, seller, kind, product, requireBuyer(context, parts));
    const { what, expect } = registrationCases[kind];
    return post(
      context,
      parts,
      product,
      registrationPost(product, token),
      html`<p class="lead">${what}</p><p>Expect: ${expect}</p>`,
    );
  });
}

/** A new token, and the page whose form takes it to the seller (T-13, T-23). */
async function sendToSeller(context: Context, parts: Parts, product: Product, agreement: Agreement): Promise<Response> {
  const { agreements, clock } = parts.options;
  const token = await agreements.issueToken({ agreement: agreement.id }, clock.now());
  const text = html`<p class="lead">Set up your account with the seller. Agreement <code>${agreement.id}</code></p>`;
  return post(context, parts, product, registrationPost(product, token, agreement), text);
}

function post(
  context: Context,
  parts: Parts,
  product: Product,
  to: RegistrationPost,
  text: Html,
): Response | Promise<Response> {
  const nonce = newNonce();
  const body = postingPage(product, to, nonce, text);
  return show(context, parts, { title: "On to the seller", part: "products", body, posts: { nonce } });
}

function toSubscriptions(context: Context, done: string, agreement: Agreement): Response {
  return context.redirect(`/marketplace/subscriptions?done=${done}&agreement=${encodeURIComponent(agreement.id)}`, 303);
}

function subscriptionRoutes(app: Hono, parts: Parts): void {
  const { options, sessions } = parts;
  app.get("/marketplace/subscriptions", (context) => {
    const visitor = sessions.visit(context);
    const now = options.clock.now();
    const page = { title: "Your subscriptions", part: "subscriptions", visitor, at: now } as const;
    if (visitor.buyer === undefined) {
      return sendPage(context, { ...page, body: buyerPage(buyersOf(options), visitor, "/marketplace/subscriptions") });
    }
    const { done, agreement } = context.req.query();
    const body = subscriptionsPage({
      visitor,
      subscriptions: subscriptionFacts(options, visitor.buyer),
      now,
      finalHourMs: options.settings().finalHourSec * secondMs,
      done: done === undefined || agreement === undefined ? undefined : { what: done, agreement },
    });
    return sendPage(context, { ...page, body });
  });
  app.post("/marketplace/subscriptions/:agreement/:action", async (context) => {
    const form = await ownForm(context, parts);
    const buyer = requireBuyer(context, parts);
    const id = context.req.param("agreement");
    const agreement = options.store.catalog.agreement(id);
    const action = agreementActions.find((one) => one === context.req.param("action"));
    if (agreement === undefined || agreement.buyerAccountId !== buyer.id || action === undefined) {
      throw new PageError(
        404,
        "No such agreement",
        `${buyer.name ?? buyer.id} has no agreement '${id}' to do that with.`,
      );
    }
    return act(context, parts, action, agreement, form);
  });
}

function subscriptionFacts(options: MarketplacePagesOptions, buyer: Account): readonly SubscriptionFacts[] {
  const own = subscriptionsOf(options, buyer);
  return own.map((one) => ({
    ...one,
    offers: offersFor(options, one.agreement.productCode, buyer),
    entitlements: entitlementsOf(options, one.agreement),
    canStartAgain: one.product !== undefined && standingAgreement(one.product, own) === undefined,
  }));
}

function entitlementsOf({ store }: MarketplacePagesOptions, agreement: Agreement) {
  return store.catalog
    .entitlements(agreement.productCode)
    .filter(
      (one) =>
        one.buyerAccountId === agreement.buyerAccountId &&
        (one.licenseArn === undefined || one.licenseArn === agreement.licenseArn),
    );
}

async function act(
  context: Context,
  parts: Parts,
  action: AgreementAction,
  agreement: Agreement,
  form: URLSearchParams,
): Promise<Response> {
  const { options } = parts;
  const { agreements } = options;
  const reference = { agreement: agreement.id };
  const now = options.clock.now();
  const done = (changed: Agreement): Response => toSubscriptions(context, action, changed);
  const product = (): Product => productOf(options, agreement.productCode);
  switch (action) {
    case "setup":
      if (!isSaas(product().type)) {
        throw new PageError(409, "There is no account to set up", `${product().title} runs in your own account.`);
      }
      if (agreementState(agreement, now, options.settings()) === "ended") {
        throw new PageError(409, "The agreement has ended", "There is nothing to set up any more; subscribe again.");
      }
      return sendToSeller(context, parts, product(), agreement);
    case "change": {
      const amendment = readAmendment(form, agreement, product(), entitlementsOf(options, agreement));
      if (Object.keys(amendment).length === 0) {
        throw new PageError(400, "Nothing was changed", "The form holds what the agreement holds already.");
      }
      return done(await agreements.amend(reference, amendment, now));
    }
    case "renew":
      return done(await agreements.renew(reference, now));
    case "cancel":
      return done(await agreements.cancel(reference, now));
    case "complete":
      return done(await agreements.unsubscribeSuccess(reference, now));
    case "activate":
      return done(await agreements.subscribeSuccess(reference, now));
    case "fail-payment":
      return done(await agreements.failPayment(reference, now));
    case "resubscribe":
      return resubscribe(context, parts, product(), agreement);
  }
}

/** Inside the final hour the agreement goes on (N-10); after it a new one starts, and the seller meets the buyer anew. */
async function resubscribe(context: Context, parts: Parts, product: Product, agreement: Agreement): Promise<Response> {
  const { options } = parts;
  const now = options.clock.now();
  const state = agreementState(agreement, now, options.settings());
  const buyer = options.store.catalog.account(agreement.buyerAccountId);
  if (state !== "final-hour" && buyer !== undefined) {
    const again = await subscribe(options, product, buyer, new URLSearchParams());
    if (isSaas(product.type)) return sendToSeller(context, parts, product, again);
    return toSubscriptions(context, "subscribed", again);
  }
  return toSubscriptions(
    context,
    "resubscribe",
    await options.agreements.subscribeSuccess({ agreement: agreement.id }, now),
  );
}

/** For a shell: the time of the business clock, which follows the wall clock unless someone has set it. */
function timestamp({ clock, wallClock }: MarketplacePagesOptions): string {
  const isSet = Math.abs(clock.now() - wallClock()) >= secondMs;
  return isSet ? String(Math.floor(clock.now() / secondMs)) : "$(date +%s)";
}

function sampleRoutes(app: Hono, parts: Parts): void {
  const { options, sessions, seller } = parts;
  const path = "/sample-registration/:productCode";
  const send = (context: Context, product: Product, body: Html, status: 200 | 400 = 200) =>
    show(context, parts, { title: `Register for ${product.title}`, part: "seller", body, status });
  app.get(path, (context) => {
    const product = productOf(options, context.req.param("productCode"));
    return send(context, product, withoutToken(product));
  });
  // As AWS's, it comes from another site: no session, no key of ours. It changes nothing that a token does not allow.
  app.post(path, async (context) => {
    const product = productOf(options, context.req.param("productCode"));
    const form = await readForm(context);
    const token = form.get(tokenField);
    if (token === null || token === "") return send(context, product, emptyPost(product), 400);
    const answer = await seller.resolve(product, token);
    const cases = casesSection(product, sessions.visit(context));
    return answer.kind === "resolved"
      ? send(context, product, resolvedPage(product, form, answer, timestamp(options), cases))
      : send(context, product, refusedPage(product, form, answer, cases));
  });
}
