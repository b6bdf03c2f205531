/** Tokens that a seller's registration page must survive (SPEC T-2 to T-7), each made and posted at the press of a button. */
import { html } from "hono/html";
import { registrationTokenHash } from "../../api/identifiers.ts";
import { secondMs } from "../../api/limits.ts";
import type { Account, Agreement, Product } from "../../api/types.ts";
import { newRegistrationToken } from "../identifiers.ts";
import { formKey, type Html, productPath } from "./layout.ts";
import { type MarketplacePagesOptions, PageError, subscriptionsOf } from "./options.ts";
import type { SellerCalls } from "./resolve.ts";
import type { Visitor } from "./session.ts";

export type RegistrationCase = "expired" | "foreign" | "encoded" | "re-sent" | "unknown";

interface CaseText {
  readonly button: string;
  readonly what: string;
  readonly expect: string;
}

export const registrationCases: Readonly<Record<RegistrationCase, CaseText>> = {
  expired: {
    button: "Expired token",
    what: "A token that was issued longer ago than tokens live.",
    expect: "ExpiredTokenException. Tell the buyer to use “Set up your account” again.",
  },
  foreign: {
    button: "Another seller’s token",
    what: "A good token, but for a product that another account publishes.",
    expect: "InvalidTokenException. Do not make an account.",
  },
  encoded: {
    button: "Doubly encoded token",
    what: "A good token that was URL-encoded once too often, so that it is still encoded after the form is decoded.",
    expect: "InvalidTokenException.",
  },
  "re-sent": {
    button: "Re-sent token",
    what: "A token that was resolved once already, as after a reload or a double click.",
    expect: "The same customer again (with the switch token.singleUse: ExpiredTokenException). Make no second account.",
  },
  unknown: {
    button: "Unknown token",
    what: "Text of the right form that this marketplace never issued.",
    expect: "InvalidTokenException. Do not make an account.",
  },
};

export function isRegistrationCase(name: string): name is RegistrationCase {
  return Object.hasOwn(registrationCases, name);
}

/** The buttons; without a session of ours, the way to them. */
export function casesSection(product: Product, visitor: Visitor): Html {
  const head = html`<h2 id="cases">Try what must not go wrong</h2>`;
  if (visitor.csrfToken === undefined || visitor.buyer === undefined) {
    return html`<section aria-labelledby="cases">${head}<p>Open the <a href="${productPath(product.code)}#cases">product page</a> as a buyer to post expired, foreign and other bad tokens.</p></section>`;
  }
  return html`<section aria-labelledby="cases">${head}
<p>Each button makes such a token and has your browser post it to ${product.registrationUrl === undefined ? "the sample page" : "the seller’s page"}.</p>
<ul class="cases">${Object.entries(registrationCases).map(
    ([
      name,
      one,
    ]) => html`<li><form method="post" action="${productPath(product.code)}/registration-cases/${name}">${formKey(visitor)}
<button class="quiet">${one.button}</button></form><p>${one.what} <small>Expect: ${one.expect}</small></p></li>`,
  )}</ul></section>`;
}

/** The value that the browser is to post. */
export async function badToken(
  options: MarketplacePagesOptions,
  seller: SellerCalls,
  kind: RegistrationCase,
  product: Product,
  buyer: Account,
): Promise<string> {
  const now = options.clock.now();
  if (kind === "unknown") return newRegistrationToken();
  if (kind === "foreign") return foreignToken(options, product, buyer);
  const agreement = agreementOf(options, product, buyer);
  if (kind === "expired") {
    const ttlMs = options.settings()["token.ttlSec"] * secondMs;
    return options.agreements.issueToken({ agreement: agreement.id }, now - ttlMs - secondMs);
  }
  const token = await options.agreements.issueToken({ agreement: agreement.id }, now);
  if (kind === "encoded") return encodeURIComponent(token);
  const first = await seller.resolve(product, token);
  if (first.kind === "resolved") return token;
  throw new PageError(409, "The token could not be resolved a first time", first.message);
}

function agreementOf(options: MarketplacePagesOptions, product: Product, buyer: Account): Agreement {
  const all = subscriptionsOf(options, buyer).filter((one) => one.agreement.productCode === product.code);
  const found = all.find((one) => one.state !== "ended") ?? all[0];
  if (found !== undefined) return found.agreement;
  throw new PageError(409, "Subscribe first", `The buyer has no agreement for ${product.title} to issue a token for.`);
}

async function foreignToken(options: MarketplacePagesOptions, product: Product, buyer: Account): Promise<string> {
  const { catalog } = options.store;
  const now = options.clock.now();
  const other = catalog.all().agreements.find((one) => {
    const seller = catalog.product(one.productCode)?.sellerAccountId;
    return seller !== undefined && seller !== product.sellerAccountId;
  });
  if (other !== undefined) return options.agreements.issueToken({ agreement: other.id }, now);
  // With a single seller in the catalogue: the token of a product that nobody here publishes is refused the same way.
  const value = newRegistrationToken();
  const token = {
    hash: registrationTokenHash(value),
    productCode: "aproductofanotherseller00",
    buyerAccountId: buyer.id,
    issuedAt: now,
  };
  await catalog.apply({ tokens: [token] });
  return value;
}
