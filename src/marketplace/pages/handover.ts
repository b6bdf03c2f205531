/**
 * The console's way to a registration page: it issued a token and posts it here, in a new tab; from here the browser
 * takes it to the seller as it does for a buyer. The console's own policy lets its forms go nowhere else.
 */
import type { Hono } from "hono";
import { html } from "hono/html";
import { registrationTokenHash } from "../../api/identifiers.ts";
import { readForm } from "./forms.ts";
import { newNonce, sendPage } from "./layout.ts";
import { type MarketplacePagesOptions, PageError, productOf } from "./options.ts";
import { postingPage, registrationPost, tokenField } from "./registration.ts";

export const handoverPath = "/marketplace/handover";

/** Nothing is changed here: a token that is known is passed on. */
export function handoverRoute(app: Hono, options: MarketplacePagesOptions): void {
  app.post(handoverPath, async (context) => {
    const token = (await readForm(context)).get(tokenField) ?? "";
    const row = options.store.catalog.token(registrationTokenHash(token));
    if (row === undefined) {
      throw new PageError(
        404,
        "No such registration token",
        "The form holds no token of this server. Issue one for the agreement, and open the registration page again.",
      );
    }
    const product = productOf(options, row.productCode);
    const agreement = row.agreementId === undefined ? undefined : options.store.catalog.agreement(row.agreementId);
    const nonce = newNonce();
    const text = html`<p class="lead">Account <code>${row.buyerAccountId}</code> is to be set up with the seller. Agreement <code>${row.agreementId ?? "unknown"}</code></p>`;
    return sendPage(context, {
      title: "On to the seller",
      part: "products",
      body: postingPage(product, registrationPost(product, token, agreement), nonce, text),
      // Of nobody: whoever runs the simulation sends the browser, and no session of theirs is needed or begun.
      visitor: { buyer: undefined, csrfToken: undefined },
      at: options.clock.now(),
      posts: { nonce },
    });
  });
}
