/** What a change of an agreement tells the seller and the buyer, in the order it is told. */
import { randomUUID } from "node:crypto";
import type { Agreement, Notification } from "../../api/types.ts";
import type { Catalog } from "../../store/catalog.ts";
import { composeForBuyer } from "./acceptor.ts";
import { composeNotification } from "./compose.ts";
import type { LifecycleEvent } from "./events.ts";

/**
 * For each event the notification of the seller, if the agreement's product sends it (SPEC N-26), then that of the buyer,
 * if there is one (D.4); `at` is business time.
 */
export function announce(
  events: readonly LifecycleEvent[],
  agreement: Agreement,
  at: number,
  catalog: Catalog,
): readonly Notification[] {
  const product = catalog.product(agreement.productCode);
  const buyer = catalog.account(agreement.buyerAccountId);
  const seller = product && catalog.account(product.sellerAccountId);
  if (product === undefined || buyer === undefined || seller === undefined) return [];
  const offer = agreement.offerId === undefined ? undefined : catalog.offer(agreement.offerId);
  return events.flatMap((event) =>
    [composeNotification, composeForBuyer].flatMap((compose) => {
      const ids = { id: randomUUID(), requestId: randomUUID() };
      const facts = { product, agreement, buyer, seller, at, ...ids, ...(offer === undefined ? {} : { offer }) };
      return compose(event, facts) ?? [];
    }),
  );
}
