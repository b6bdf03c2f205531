/** A buyer's agreements, and what can be done with each. */
import { html } from "hono/html";
import { secondMs } from "../../api/limits.ts";
import type { Agreement, Dimension, Entitlement, Offer, Product } from "../../api/types.ts";
import { showSpan } from "../../rules/times.ts";
import { formKey, type Html, notice, productPath, stateBadge, timeOf } from "./layout.ts";
import { isContract, isSaas, type Subscription } from "./options.ts";
import { termsOf } from "./products.ts";
import type { Visitor } from "./session.ts";

export interface SubscriptionFacts extends Subscription {
  readonly offers: readonly Offer[];
  /** Of the buyer and product, and of this agreement's licence where they name one. */
  readonly entitlements: readonly Entitlement[];
  /** Another agreement for the same product may be started. */
  readonly canStartAgain: boolean;
}

export interface SubscriptionsView {
  readonly visitor: Visitor;
  readonly subscriptions: readonly SubscriptionFacts[];
  readonly now: number;
  readonly finalHourMs: number;
  /** What was just done, and to which agreement. */
  readonly done: { readonly what: string; readonly agreement: string } | undefined;
}

export const agreementActions = [
  "setup",
  "change",
  "renew",
  "cancel",
  "complete",
  "resubscribe",
  "activate",
  "fail-payment",
] as const;
export type AgreementAction = (typeof agreementActions)[number];

/** Texts for what was done: the address carries a key of this table, never a text of its own. */
const doneTexts: Readonly<Record<string, string>> = {
  subscribed: "You are subscribed. The product runs in your own account; no registration page follows.",
  "payment-failed": "The payment failed: the agreement does not start, and the seller is told subscribe-fail.",
  change: "The agreement was changed.",
  renew: "The agreement was renewed: a new one follows on the old.",
  cancel: "The agreement was cancelled. Its final hour runs: the seller may still send the last usage.",
  complete: "The cancellation is complete. No usage is accepted any more.",
  resubscribe: "The subscription goes on.",
  activate: "The payment is settled and the agreement is active.",
  "fail-payment": "The payment failed: the agreement does not start, and the seller is told subscribe-fail.",
};

const shownMax = 200;

export function subscriptionsPage(view: SubscriptionsView): Html {
  const open = view.subscriptions.filter((one) => one.state !== "ended");
  const ended = view.subscriptions.filter((one) => one.state === "ended");
  const doneText = view.done === undefined ? undefined : doneTexts[view.done.what];
  const buyer = view.visitor.buyer;
  return html`<h1>Your subscriptions</h1>
${doneText === undefined ? "" : notice("good", doneText, html`Agreement <code>${view.done?.agreement}</code>`)}
${buyer?.suspended === true ? notice("warn", "This account is suspended", "AWS does not bill it: usage is refused as CustomerNotSubscribed until the suspension is lifted.") : ""}
${open.length === 0 ? notice("info", "You have no open agreement", html`Choose something from <a href="/marketplace">the products</a> and subscribe to it.`) : ""}
${byProduct(open).map(([code, group]) => productGroup(code, group, view))}
${
  ended.length === 0
    ? ""
    : html`<details class="ended"${open.length === 0 ? html` open` : ""}><summary>Ended agreements (${ended.length})</summary>
${ended.slice(0, shownMax).map((one) => agreementCard(one, view, "h2"))}
${ended.length > shownMax ? html`<p>The newest ${shownMax} are shown.</p>` : ""}</details>`
}`;
}

function byProduct(all: readonly SubscriptionFacts[]): readonly (readonly [string, readonly SubscriptionFacts[]])[] {
  return [...Map.groupBy(all, (one) => one.agreement.productCode)];
}

function productGroup(code: string, group: readonly SubscriptionFacts[], view: SubscriptionsView): Html {
  return html`<section class="group" id="${code}"><h2><a href="${productPath(code)}">${group[0]?.product?.title ?? code}</a></h2>
${group.slice(0, shownMax).map((one) => agreementCard(one, view, "h3"))}
${group.length > shownMax ? html`<p>The newest ${shownMax} of ${group.length} are shown.</p>` : ""}</section>`;
}

function agreementCard(facts: SubscriptionFacts, view: SubscriptionsView, level: "h2" | "h3"): Html {
  const { agreement, state, product } = facts;
  const title = html`${level === "h2" ? html`${product?.title ?? agreement.productCode} ` : ""}<code>${agreement.id}</code>`;
  return html`<article class="card agreement" aria-labelledby="${agreement.id}">
<div class="agreement-head">${level === "h2" ? html`<h2 id="${agreement.id}">${title}</h2>` : html`<h3 id="${agreement.id}">${title}</h3>`}
<p>${stateBadge(state)}${agreement.freeTrial ? html` <span class="badge trial">free trial</span>` : ""}${agreement.privateOffer ? html` <span class="badge private">private offer</span>` : ""}</p></div>
${stateLine(facts, view)}
<dl class="facts">${times(agreement, view)}
${row("Licence", agreement.licenseArn === undefined ? "none until it starts" : html`<code>${agreement.licenseArn}</code>`, "wide")}
${agreement.offerId === undefined ? "" : row("Offer", html`<code>${agreement.offerId}</code>`)}
${agreement.previousAgreementId === undefined ? "" : row("Follows on", html`<code>${agreement.previousAgreementId}</code>`)}
${facts.entitlements.length === 0 ? "" : row("Entitlements", facts.entitlements.map((one) => `${one.dimension} = ${shownValue(one)}`).join(", "))}
</dl>
${actions(facts, view)}
</article>`;
}

function row(name: string, value: unknown, look = ""): Html {
  return html`<div class="${look}"><dt>${name}</dt><dd>${value}</dd></div>`;
}

function shownValue({ value }: Entitlement): string {
  return Object.values(value).join();
}

function times(agreement: Agreement, view: SubscriptionsView): Html {
  const { acceptedAt, startedAt, endsAt, endedAt, failedAt } = agreement;
  const end = endOf(agreement, view.finalHourMs);
  return html`${acceptedAt === startedAt ? "" : row("Accepted", timeOf(acceptedAt))}
${startedAt === undefined ? "" : row("Start", timeOf(startedAt))}
${failedAt === undefined || startedAt !== undefined ? "" : row("Payment failed", timeOf(failedAt))}
${end === undefined ? "" : row(endedAt === undefined ? "Final hour until" : "End", timeOf(end))}
${end !== undefined || endsAt === undefined ? "" : row(agreement.autoRenew === true ? "Renews" : "End of term", timeOf(endsAt))}`;
}

/** When the last usage is or was accepted. */
function endOf({ endedAt, endingAt }: Agreement, finalHourMs: number): number | undefined {
  return endedAt ?? (endingAt === undefined ? undefined : endingAt + finalHourMs);
}

function stateLine({ state, agreement }: SubscriptionFacts, { now, finalHourMs }: SubscriptionsView): Html {
  if (state === "final-hour") {
    const left = (endOf(agreement, finalHourMs) ?? now) - now;
    return html`<p>Cancelled. <strong>${showSpan(Math.ceil(left / secondMs) * secondMs)} left</strong> for the seller’s last usage records.</p>`;
  }
  if (state === "pending") return html`<p>Accepted; waiting for the payment. Usage is refused until it starts.</p>`;
  if (state === "payment-failed") return html`<p>The payment failed, so the agreement never started.</p>`;
  return html``;
}

function actions(facts: SubscriptionFacts, { visitor }: SubscriptionsView): Html {
  const { agreement, product, state, canStartAgain } = facts;
  const path = `/marketplace/subscriptions/${encodeURIComponent(agreement.id)}`;
  // The text alone would be the same on every card.
  const button = (action: AgreementAction, text: string, look = "quiet"): Html =>
    html`<form method="post" action="${path}/${action}">${formKey(visitor)}<button class="${look}" aria-describedby="${agreement.id}">${text}</button></form>`;
  const isOpen = state === "active" || state === "final-hour" || state === "pending";
  const sells = product !== undefined && isSaas(product.type);
  const hasTerm = agreement.endsAt !== undefined || (product !== undefined && isContract(product.type));
  return html`<div class="actions">
${sells && (isOpen || state === "payment-failed") ? button("setup", "Set up your account", "") : ""}
${state === "pending" ? html`${button("activate", "Settle the payment")}${button("fail-payment", "Fail the payment", "danger")}` : ""}
${state === "payment-failed" ? button("activate", "Pay again") : ""}
${hasTerm && (state === "active" || state === "final-hour") ? button("renew", "Renew") : ""}
${state === "final-hour" || (state === "ended" && canStartAgain && product !== undefined) ? button("resubscribe", "Resubscribe") : ""}
${state === "active" ? button("cancel", "Cancel", "danger") : ""}
${state === "final-hour" ? button("complete", "Complete the cancellation", "danger") : ""}
</div>
${state === "active" && product !== undefined ? changeForm(facts, product, path, visitor) : ""}`;
}

function changeForm(
  { agreement, offers, entitlements }: SubscriptionFacts,
  product: Product,
  path: string,
  visitor: Visitor,
): Html {
  const granted = product.dimensions.filter((one) => one.kind === "entitlement");
  if (offers.length === 0 && granted.length === 0 && agreement.endsAt === undefined) return html``;
  const id = (name: string): string => `${agreement.id}-${name}`;
  const valueFor = (dimension: Dimension): string => {
    const found = entitlements.find((one) => one.dimension === dimension.name);
    return found === undefined ? "" : shownValue(found);
  };
  return html`<details class="change"><summary>Change</summary>
<form method="post" action="${path}/change" class="fields">${formKey(visitor)}
${
  offers.length === 0
    ? ""
    : html`<p><label for="${id("offer")}">Offer</label> <select id="${id("offer")}" name="offer"><option value="">Keep the present terms</option>
${offers.map((one) => html`<option value="${one.id}">${one.title ?? one.id}: ${termsOf(one)}</option>`)}</select></p>`
}
${granted.map(
  (one) => html`<p><label for="${id(one.name)}">${one.description ?? one.name} <code>${one.name}</code></label>
<input id="${id(one.name)}" name="entitlement.${one.name}" value="${valueFor(one)}" autocomplete="off"></p>`,
)}
<p><label for="${id("ends")}">End of the term (UTC)</label> <input id="${id("ends")}" name="endsAt" type="datetime-local" value="${localInput(agreement.endsAt)}"></p>
<p><label for="${id("renew")}">At its end</label> <select id="${id("renew")}" name="autoRenew">
<option value="no"${agreement.autoRenew === true ? "" : html` selected`}>it ends</option>
<option value="yes"${agreement.autoRenew === true ? html` selected` : ""}>it renews</option></select></p>
<p><button class="quiet">Save the change</button></p>
</form></details>`;
}

/** The form that `datetime-local` takes. */
function localInput(at: number | undefined): string {
  return at === undefined ? "" : new Date(at).toISOString().slice(0, 16);
}
