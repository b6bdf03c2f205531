/** Subscribes a buyer to a product on the terms that the form names. */
import type { Account, Agreement, Product } from "../../api/types.ts";
import type { Purchase } from "../agreements.ts";
import { type MarketplacePagesOptions, PageError, standingAgreement, subscriptionsOf } from "./options.ts";

/** Throws PageError where the buyer has the product already, MarketplaceError where an offer cannot be taken. */
export async function subscribe(
  options: MarketplacePagesOptions,
  product: Product,
  buyer: Account,
  form: URLSearchParams,
): Promise<Agreement> {
  const now = options.clock.now();
  const own = subscriptionsOf(options, buyer);
  const standing = standingAgreement(product, own);
  if (standing !== undefined) {
    throw new PageError(
      409,
      "You are subscribed already",
      `The agreement ${standing.id} is active, and a product from before concurrent agreements takes one agreement a buyer.`,
    );
  }
  const terms = form.get("terms") ?? "public";
  const paymentFails = form.has("paymentFails");
  const purchase: Purchase = { product: product.code, customer: buyer.id, ...termsOf(terms), paymentFails };
  const ending = own.find((one) => one.agreement.productCode === product.code && one.state === "final-hour");
  // N-10: who subscribes again within the final hour goes on with the agreement that was ending.
  if (ending !== undefined && terms === "public" && !paymentFails && !product.concurrentAgreementsOnly) {
    return options.agreements.subscribeSuccess({ agreement: ending.agreement.id }, now);
  }
  return options.agreements.purchase(purchase, now);
}

function termsOf(terms: string): Partial<Purchase> {
  if (terms === "public") return {};
  if (terms === "free-trial") return { freeTrial: true };
  if (terms === "private") return { privateOffer: true };
  if (terms.startsWith("offer:")) return { offer: terms.slice("offer:".length) };
  throw new PageError(400, "No such terms", `The form names terms that there are not: '${terms}'.`);
}
