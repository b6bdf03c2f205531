/** What the buyer's pages are built from, and the facts that several of them look up. */
import type { Logger } from "pino";
import type { Settings } from "../../api/settings.ts";
import type { Account, Agreement, Offer, Product, ProductType } from "../../api/types.ts";
import type { Clock } from "../../clock.ts";
import { type AgreementState, agreementState } from "../../rules/agreements.ts";
import type { Catalog } from "../../store/catalog.ts";
import type { Agreements } from "../agreements.ts";

export interface MarketplacePagesOptions {
  readonly store: { readonly catalog: Catalog };
  readonly agreements: Agreements;
  readonly clock: Clock;
  readonly settings: () => Settings;
  /** Epoch milliseconds; signs the sample page's call. */
  readonly wallClock: () => number;
  readonly log: Logger;
  /** Where this server answers, such as http://127.0.0.1:4016; known once it listens. */
  readonly publicUrl: () => string;
  /** Signs forms; nodes behind one address share it. Default: one of this process alone. */
  readonly formKey?: string | undefined;
}

/** An agreement and what follows from it at this instant. */
export interface Subscription {
  readonly agreement: Agreement;
  readonly product: Product | undefined;
  readonly state: AgreementState;
}

/** What a page says when it cannot do what was asked. */
export class PageError extends Error {
  override readonly name = "PageError";
  readonly status: 400 | 403 | 404 | 409 | 413 | 415;
  readonly title: string;

  constructor(status: PageError["status"], title: string, message: string) {
    super(message);
    this.status = status;
    this.title = title;
  }
}

/** Only buyers of SaaS products are sent to a registration page; the others run the product in their own account. */
export function isSaas(type: ProductType): boolean {
  return type === "saas-subscription" || type === "saas-contract" || type === "saas-contract-with-consumption";
}

export function isContract(type: ProductType): boolean {
  return type === "saas-contract" || type === "saas-contract-with-consumption";
}

export function productOf(options: MarketplacePagesOptions, code: string): Product {
  const product = options.store.catalog.product(code);
  if (product !== undefined) return product;
  throw new PageError(404, "No such product", `There is no product with the code '${code}'.`);
}

/** Newest first. */
export function subscriptionsOf(options: MarketplacePagesOptions, buyer: Account): readonly Subscription[] {
  const { catalog } = options.store;
  const now = options.clock.now();
  const settings = options.settings();
  return catalog
    .all()
    .agreements.filter((one) => one.buyerAccountId === buyer.id)
    .map((agreement) => ({
      agreement,
      product: catalog.product(agreement.productCode),
      state: agreementState(agreement, now, settings),
    }))
    .sort((a, b) => b.agreement.acceptedAt - a.agreement.acceptedAt);
}

/** What this buyer may take now: public offers, and the private ones that name the buyer. */
export function offersFor(
  options: MarketplacePagesOptions,
  productCode: string,
  buyer: Account | undefined,
): readonly Offer[] {
  const now = options.clock.now();
  return options.store.catalog
    .all()
    .offers.filter(
      (one) =>
        one.productCode === productCode &&
        (one.expiresAt === undefined || now < one.expiresAt) &&
        (one.buyerAccountIds === undefined || (buyer !== undefined && one.buyerAccountIds.includes(buyer.id))),
    );
}

/**
 * Products from before concurrent agreements are subscribed to once a buyer; the agreement that stands in the way of
 * another one, if any.
 */
export function standingAgreement(product: Product, subscriptions: readonly Subscription[]): Agreement | undefined {
  if (product.concurrentAgreementsOnly) return undefined;
  return subscriptions.find((one) => one.agreement.productCode === product.code && one.state === "active")?.agreement;
}

/** Accounts that can act as a buyer: all but those that only sell. */
export function buyersOf({ store }: MarketplacePagesOptions): readonly Account[] {
  const { accounts, products, agreements } = store.catalog.all();
  const sellers = new Set(products.map((one) => one.sellerAccountId));
  const buying = new Set(agreements.map((one) => one.buyerAccountId));
  return accounts.filter((one) => !sellers.has(one.id) || buying.has(one.id));
}

export function sellerName({ store }: MarketplacePagesOptions, product: Product): string {
  return store.catalog.account(product.sellerAccountId)?.name ?? `Account ${product.sellerAccountId}`;
}
