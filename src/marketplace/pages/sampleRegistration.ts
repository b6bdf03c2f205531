/** The built-in sample of a seller's registration page: what was posted, what ResolveCustomer said of it, what to do. */
import { html } from "hono/html";
import type { Product } from "../../api/types.ts";
import { type Html, notice, productPath } from "./layout.ts";
import { offerTypeField, tokenField } from "./registration.ts";
import type { CallFacts, Refused, Resolved } from "./resolve.ts";

/** What to do about an error, by its name. */
const advice: Readonly<Record<string, string>> = {
  InvalidTokenException:
    "The token is not one that this seller can resolve. Check that the form field is URL-decoded exactly once, and that the call is signed by the account that publishes the product. Make no account for this visitor.",
  ExpiredTokenException:
    "Tell the buyer to open their subscriptions and choose “Set up your account”: that makes a new token. Resolve tokens as soon as they arrive.",
  DisabledApiException: "Call ResolveCustomer in a Region that offers it, such as us-east-1.",
  ThrottlingException: "Wait and send the same call again; SDKs do so by themselves.",
  InternalServiceErrorException: "Send the same call again: the token stays good for its whole lifetime.",
  AccessDeniedException: "Allow the action aws-marketplace:ResolveCustomer to the key’s user or role.",
  ExpiredTokenError: "The key’s session has expired; give the page a newer one.",
  UnrecognizedClientException: "The key is not known here; look at the credentials of the catalogue.",
  ValidationException: "The field was empty or missing, so there was nothing to resolve.",
  TimeoutError: "No answer came in time; send the same call again.",
};
const otherAdvice = "Look at the message and, with the request id, into the server’s log.";

export function sampleHead(product: Product): Html {
  return html`<p class="sample-label"><strong>This is a built-in sample of the page that a seller writes.</strong>
It stands where the registration page of ${product.title} would be, and does what that page must do.</p>
<h1>Register for ${product.title}</h1>`;
}

/** T-22: buyers come back later, without a token. */
export function withoutToken(product: Product): Html {
  return html`${sampleHead(product)}
${notice(
  "info",
  "No registration token came with this visit",
  html`A registration page is reached by a POST from the marketplace. Buyers also come back by a bookmark, without a token: let those with an account sign in, and send the others to <a href="/marketplace/subscriptions">their subscriptions</a>, where “Set up your account” makes a new token.`,
)}
<p>Not subscribed yet? See <a href="${productPath(product.code)}">${product.title} in the marketplace</a>.</p>`;
}

/** A POST whose form has no token in it. */
export function emptyPost(product: Product): Html {
  return html`${sampleHead(product)}
${notice("bad", `The form has no field ${tokenField}`, "A post without a token is not from the marketplace. A seller’s page must not make an account for it.")}`;
}

export function resolvedPage(
  product: Product,
  form: URLSearchParams,
  answer: Resolved,
  timestamp: string,
  cases: Html,
): Html {
  const { customer } = answer;
  const isOther = customer.ProductCode !== product.code;
  return html`${sampleHead(product)}
${notice("good", "The customer was resolved", "The visitor comes from the marketplace. Whether the subscription is active is another question: wait for subscribe-success, or the licence’s event, before metering.")}
${answer.seenBefore ? notice("warn", "This page has seen the same token before", "Show the account that is there; make no second one.") : ""}
${isOther ? notice("warn", "The token is for another product of this seller", `It resolves to ${customer.ProductCode}, and this is the page of ${product.code}. Look at ProductCode in the answer.`) : ""}
<section><h2>The answer</h2>
<dl class="facts" id="resolved">
${fact("CustomerAWSAccountId", customer.CustomerAWSAccountId)}
${fact("CustomerIdentifier", customer.CustomerIdentifier, "absent: this product has concurrent agreements only")}
${fact("ProductCode", customer.ProductCode)}
${fact("LicenseArn", customer.LicenseArn, "absent: the agreement has not started yet")}
${fact("Offer type", form.get(offerTypeField) ?? undefined, "absent: not a free trial")}
${fact("Request id", answer.requestId)}
</dl></section>
${posted(form)}${callSection(answer.call)}
${nextSteps(product, answer, timestamp)}
${cases}`;
}

export function refusedPage(product: Product, form: URLSearchParams, answer: Refused, cases: Html): Html {
  const { name, message, status, requestId } = answer;
  return html`${sampleHead(product)}
${notice("bad", name === undefined ? "The token could not be resolved" : `The token was refused: ${name}`, message)}
<section><h2>What went wrong</h2>
<dl class="facts" id="refused">
${fact("Error", name, "no call was made")}
<div><dt>Message</dt><dd>${message}</dd></div>
${fact("HTTP status", status === undefined ? undefined : String(status))}
${fact("Request id", requestId)}
${name === undefined ? "" : html`<div><dt>What to do</dt><dd>${advice[name] ?? otherAdvice}</dd></div>`}
</dl></section>
${posted(form)}${answer.call === undefined ? "" : callSection(answer.call)}
${cases}`;
}

function fact(name: string, value: string | undefined, absent = "–"): Html {
  return html`<div><dt>${name}</dt><dd>${value === undefined ? html`<em>${absent}</em>` : html`<code>${value}</code>`}</dd></div>`;
}

function posted(form: URLSearchParams): Html {
  return html`<section><h2>What the browser posted</h2>
<div class="scroll" role="region" aria-label="Posted form" tabindex="0"><table>
<caption>Form fields after one URL decoding</caption>
<thead><tr><th scope="col">Field</th><th scope="col">Value</th></tr></thead>
<tbody>${[...form].map(([name, value]) => html`<tr><th scope="row"><code>${name}</code></th><td><code>${value}</code></td></tr>`)}</tbody>
</table></div></section>`;
}

function callSection({ endpoint, region, accessKeyId, attempts }: CallFacts): Html {
  return html`<section><h2>The call</h2>
<p><code>ResolveCustomer</code> by the official SDK to <code>${endpoint}</code>, signed for ${region} by <code>${accessKeyId}</code>${attempts === undefined || attempts === 1 ? "" : html`, ${attempts} attempts`}.</p></section>`;
}

function nextSteps(product: Product, { customer, call }: Resolved, timestamp: string): Html {
  const dimension = product.dimensions.find((one) => one.kind === "metered")?.name;
  const isMetered = product.type !== "saas-contract" && dimension !== undefined;
  const byLicense = product.concurrentAgreementsOnly && customer.LicenseArn !== undefined;
  const record = [
    `Timestamp=${timestamp}`,
    `CustomerAWSAccountId=${customer.CustomerAWSAccountId ?? ""}`,
    ...(byLicense ? [`LicenseArn=${customer.LicenseArn}`] : []),
    `Dimension=${dimension ?? ""}`,
    "Quantity=1",
  ].join(",");
  const command = [
    "aws meteringmarketplace batch-meter-usage",
    `--endpoint-url ${call.endpoint} --region ${call.region}`,
    ...(byLicense ? [] : [`--product-code ${product.code}`]),
    `--usage-records "${record}"`,
  ].join(" \\\n  ");
  return html`<section><h2>What a seller’s page does next</h2>
<ol>
<li>Keeps the account id and the licence with the account that the visitor makes or signs in to.</li>
<li>Waits until the subscription is active before it meters.</li>
<li>${isMetered ? "Sends usage every hour:" : "Reads what the contract grants with GetEntitlements."}</li>
</ol>
${isMetered ? html`<pre tabindex="0">${command}</pre>` : ""}</section>`;
}
