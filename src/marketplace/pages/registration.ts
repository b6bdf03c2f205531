/** The registration post (SPEC D.2): the page whose form the buyer's browser submits by itself. */
import { html } from "hono/html";
import type { Agreement, Product } from "../../api/types.ts";
import type { Html } from "./layout.ts";

export const tokenField = "x-amzn-marketplace-token";
export const offerTypeField = "x-amzn-marketplace-offer-type";

export interface RegistrationPost {
  /** Absolute, or a path of this server. */
  readonly url: string;
  readonly isSample: boolean;
  readonly fields: Readonly<Record<string, string>>;
}

/** T-20, T-21: the offer type is sent for free trials only. */
export function registrationPost(product: Product, token: string, agreement?: Agreement): RegistrationPost {
  return {
    // A path and not our URL: the browser may know this server under another name than we do.
    url: product.registrationUrl ?? samplePath(product),
    isSample: product.registrationUrl === undefined,
    fields: { [tokenField]: token, ...(agreement?.freeTrial === true ? { [offerTypeField]: "free-trial" } : {}) },
  };
}

export function samplePath(product: Product): string {
  return `/sample-registration/${encodeURIComponent(product.code)}`;
}

/** The button is for browsers without scripts, and where someone wants to look before the post. */
export function postingPage(product: Product, post: RegistrationPost, nonce: string, text: Html): Html {
  const to = post.isSample ? "the sample registration page" : new URL(post.url).host;
  return html`<h1>On to the seller of ${product.title}</h1>
${text}
<p>Your browser is being sent to ${post.isSample ? to : html`<code>${post.url}</code>`}.</p>
<form id="registration" method="post" action="${post.url}">
${Object.entries(post.fields).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}
<button>Continue to ${to}</button>
</form>
<script nonce="${nonce}">document.getElementById("registration").submit();</script>`;
}
