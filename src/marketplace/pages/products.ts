/** The catalogue, and one product with its dimensions, offers and the form to subscribe. */
import { html } from "hono/html";
import type { Account, Dimension, Offer, Product, ProductType } from "../../api/types.ts";
import { buyerForm } from "./buyers.ts";
import { formKey, type Html, notice, priceOf, productPath, stateBadge, timeOf } from "./layout.ts";
import { isContract, isSaas, type Subscription } from "./options.ts";
import { casesSection } from "./registrationCases.ts";
import type { Visitor } from "./session.ts";

export interface ListedProduct {
  readonly product: Product;
  readonly seller: string;
  /** Agreements of the visitor that take usage or are about to. */
  readonly open: number;
}

export interface ProductFacts {
  readonly product: Product;
  readonly seller: string;
  readonly visitor: Visitor;
  readonly buyers: readonly Account[];
  readonly offers: readonly Offer[];
  /** Of this buyer and product. */
  readonly subscriptions: readonly Subscription[];
  /** The agreement that stands in the way of another one. */
  readonly standingId: string | undefined;
}

const typeNames: Readonly<Record<ProductType, string>> = {
  "saas-subscription": "SaaS, pay as you go",
  "saas-contract": "SaaS contract",
  "saas-contract-with-consumption": "SaaS contract with consumption",
  "ami-fcp": "Machine image (AMI), custom metering",
  "ami-hourly": "Machine image (AMI), hourly",
  "container-fcp": "Container, custom metering",
  "container-hourly": "Container, hourly",
  "container-byol": "Container, bring your own licence",
  "agentcore-fcp": "AI agent (AgentCore)",
};

const shownMax = 100;

export function productListPage(
  listed: readonly ListedProduct[],
  total: number,
  query: string,
  buyers: readonly Account[],
  visitor: Visitor,
): Html {
  return html`<h1>Products</h1>
${
  visitor.buyer === undefined
    ? html`<section class="panel" aria-labelledby="who"><h2 id="who">First, choose who you are</h2>${buyerForm(buyers, visitor, "/marketplace")}</section>`
    : ""
}
${
  total === 0
    ? notice(
        "info",
        "There is no product yet",
        "Add products to the catalogue (meterhouse serve --catalog FILE), or start the server with --demo for a ready-made set.",
      )
    : html`<form class="search" role="search" method="get" action="/marketplace">
<label for="q">Search the products</label>
<input id="q" name="q" type="search" value="${query}"> <button class="quiet">Search</button>
</form>
${listed.length === 0 ? notice("info", `No product matches “${query}”`, html`<a href="/marketplace">Show all products</a>`) : ""}
<ul class="cards">${listed.slice(0, shownMax).map(card)}</ul>
${listed.length > shownMax ? html`<p>The first ${shownMax} of ${listed.length} are shown; search for the others.</p>` : ""}`
}`;
}

function card({ product, seller, open }: ListedProduct): Html {
  return html`<li class="card">
<h2><a href="${productPath(product.code)}">${product.title}</a></h2>
<p class="by">by ${seller}</p>
<p class="type">${typeNames[product.type]}</p>
<p class="price">${cheapest(product.dimensions)}${open > 0 ? html` <span class="badge active">${open === 1 ? "Subscribed" : `${open} agreements`}</span>` : ""}</p>
</li>`;
}

function cheapest(dimensions: readonly Dimension[]): string {
  const priced = dimensions.filter((one) => one.price !== undefined);
  const [first, ...others] = priced.toSorted((a, b) => Number(a.price) - Number(b.price));
  if (first === undefined) return "No price listed";
  return others.length === 0 ? priceOf(first) : `from ${priceOf(first)}`;
}

export function productPage(facts: ProductFacts): Html {
  const { product, seller, subscriptions } = facts;
  const shown = subscriptions.filter((one) => one.state !== "ended");
  return html`<p class="crumb"><a href="/marketplace">Products</a></p>
<h1>${product.title}</h1>
<p class="lead">by ${seller} · ${typeNames[product.type]}</p>
<p>${product.description ?? "The seller gives no description."}</p>
<p class="codes">Product code <code>${product.code}</code> · Product id <code>${product.entityId}</code></p>
${
  shown.length > 0
    ? notice(
        "info",
        shown.length === 1 ? "You have an agreement for this product" : `You have ${shown.length} agreements here`,
        html`${shown.map((one) => html`${stateBadge(one.state)} `)}<a href="/marketplace/subscriptions#${product.code}">Your subscriptions</a>`,
      )
    : ""
}
${dimensionsTable(product)}
${offersTable(facts.offers)}
${subscribeSection(facts)}
${isSaas(product.type) ? registrationSection(facts) : ""}`;
}

function dimensionsTable({ dimensions }: Product): Html {
  if (dimensions.length === 0) {
    return html`<section><h2>Price</h2><p>This product has no dimensions of its own: AWS meters its running time.</p></section>`;
  }
  return html`<section><h2>Dimensions and prices</h2>
<div class="scroll" role="region" aria-label="Dimensions and prices" tabindex="0"><table>
<caption>What is counted, and what a unit of it costs</caption>
<thead><tr><th scope="col">Dimension</th><th scope="col" class="number">Price</th><th scope="col">Description</th><th scope="col">Kind</th></tr></thead>
<tbody>${dimensions.map(
    (one) => html`<tr><th scope="row"><code>${one.name}</code></th><td class="number">${priceOf(one)}</td>
<td>${one.description ?? "–"}</td><td>${one.kind === "metered" ? "metered usage" : "part of the contract"}</td></tr>`,
  )}</tbody></table></div></section>`;
}

function offersTable(offers: readonly Offer[]): Html {
  if (offers.length === 0) return html``;
  return html`<section><h2>Offers</h2>
<div class="scroll" role="region" aria-label="Offers" tabindex="0"><table>
<caption>Offers that you can accept now</caption>
<thead><tr><th scope="col">Offer</th><th scope="col">For</th><th scope="col">Terms</th><th scope="col">Until</th></tr></thead>
<tbody>${offers.map(
    (one) => html`<tr><th scope="row">${one.title ?? one.id}<br><code>${one.id}</code></th>
<td>${one.buyerAccountIds === undefined ? "everyone" : html`<span class="badge private">private: you</span>`}</td>
<td>${termsOf(one)}</td><td>${one.expiresAt === undefined ? "–" : timeOf(one.expiresAt)}</td></tr>`,
  )}</tbody></table></div></section>`;
}

/** "14 days free trial; term of 365 days, renews; grants users = 25" */
export function termsOf(offer: Offer): string {
  const terms: string[] = [];
  if (offer.freeTrialDays !== undefined) terms.push(`${offer.freeTrialDays} days free trial`);
  if (offer.termDays !== undefined) {
    terms.push(`term of ${offer.termDays} days${offer.autoRenew === true ? ", renews" : ""}`);
  }
  const granted = Object.entries(offer.entitlements ?? {});
  if (granted.length > 0) {
    terms.push(`grants ${granted.map(([name, value]) => `${name} = ${Object.values(value).join()}`).join(", ")}`);
  }
  return terms.length === 0 ? "list prices, until cancelled" : terms.join("; ");
}

function subscribeSection({ product, visitor, buyers, offers, subscriptions, standingId }: ProductFacts): Html {
  const { buyer } = visitor;
  const head = html`<h2 id="subscribe">Subscribe</h2>`;
  if (buyer === undefined) {
    return html`<section class="panel" aria-labelledby="subscribe">${head}<p>Choose the buyer who subscribes.</p>${buyerForm(buyers, visitor, productPath(product.code))}</section>`;
  }
  if (standingId !== undefined) {
    return html`<section class="panel" aria-labelledby="subscribe">${head}
<p>You are subscribed (<code>${standingId}</code>). A product from before concurrent agreements takes one agreement a buyer; change, renew or cancel it under <a href="/marketplace/subscriptions#${product.code}">Your subscriptions</a>.</p></section>`;
  }
  const pending = subscriptions.find((one) => one.state === "pending");
  return html`<section class="panel" aria-labelledby="subscribe">${head}
${buyer.suspended ? notice("warn", "This account is suspended", "AWS does not bill it: usage is refused as CustomerNotSubscribed whatever its agreements are.") : ""}
${pending === undefined ? "" : html`<p>Your agreement <code>${pending.agreement.id}</code>, accepted ${timeOf(pending.agreement.acceptedAt)}, waits for its payment. Subscribing completes it.</p>`}
<form method="post" action="${productPath(product.code)}/subscribe">${formKey(visitor)}
<fieldset><legend>Terms</legend>${termChoices(product, offers)}</fieldset>
<fieldset><legend>Simulate</legend>
<label class="option"><input type="checkbox" name="paymentFails" value="yes"> <span>The payment fails <small>the agreement never starts; the seller is told subscribe-fail</small></span></label>
</fieldset>
<button>Subscribe</button>
<p class="small">${whatFollows(product)}</p>
</form></section>`;
}

function termChoices(product: Product, offers: readonly Offer[]): Html {
  const choice = (value: string, text: string, note: string, isFirst = false): Html =>
    html`<label class="option"><input type="radio" name="terms" value="${value}"${isFirst ? html` checked` : ""}> <span>${text} <small>${note}</small></span></label>`;
  const note = isContract(product.type)
    ? "grants no entitlements by itself; set them afterwards with Change"
    : "list prices, until cancelled";
  return html`${choice("public", "Public offer", note, true)}
${offers.map((one) => choice(`offer:${one.id}`, one.title ?? one.id, termsOf(one)))}
${isSaas(product.type) && !offers.some((one) => one.freeTrialDays !== undefined) ? choice("free-trial", "Free trial", "a simulated trial without an offer of its own") : ""}
${offers.some((one) => one.buyerAccountIds !== undefined) ? "" : choice("private", "Private offer", "a simulated one at list prices, without an offer of its own")}`;
}

function whatFollows(product: Product): string {
  if (isSaas(product.type)) {
    return "Your browser is then sent to the seller’s registration page, with a registration token in the post.";
  }
  const how: Partial<Readonly<Record<ProductType, string>>> = {
    "ami-fcp":
      "you launch the image in your own account, and the software on it calls MeterUsage with the instance’s role",
    "ami-hourly": "you launch the image in your own account, and AWS meters its running time",
    "container-fcp": "you run the container in your own account, and it calls MeterUsage with its task or pod role",
    "container-hourly": "you run the container in your own account, and it calls RegisterUsage when it starts",
    "container-byol": "you run the container in your own account with the seller’s licence",
    "agentcore-fcp": "the agent runs in your own account and calls MeterUsage with a ClientToken",
  };
  return `No registration page follows: ${how[product.type] ?? "you run the product in your own account"}.`;
}

function registrationSection({ product, visitor, subscriptions }: ProductFacts): Html {
  const { registrationUrl } = product;
  const isInsecure = registrationUrl?.startsWith("http:") ?? false;
  return html`<section><h2>Registration page</h2>
<p>${
    registrationUrl === undefined
      ? html`The product has no registration URL, so a built-in <a href="/sample-registration/${encodeURIComponent(product.code)}">sample registration page</a> stands in for the seller’s. Set <code>registrationUrl</code> of the product in the catalogue to be sent to your own.`
      : html`Buyers are sent to <code>${registrationUrl}</code>.${isInsecure ? " AWS takes https only; http works here." : ""}`
  }</p>
${
  visitor.buyer === undefined || subscriptions.length === 0
    ? html`<p id="cases">Once you have subscribed, buttons here post expired, foreign and other bad tokens to the registration page.</p>`
    : casesSection(product, visitor)
}
</section>`;
}

/** Those with all words of the query in title, code or type. */
export function matching(products: readonly Product[], query: string): readonly Product[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  return products.filter((one) => {
    const text = `${one.title} ${one.code} ${typeNames[one.type]}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}
