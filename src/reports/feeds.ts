/**
 * Data feeds (SPEC H.2, H-20): the file of a month holds the rows that came in that month. Their columns are AWS's; what
 * the catalogue does not know is empty. Ids are made from what they stand for, so they are the same at each run.
 */
import { hash } from "node:crypto";
import { secondMs } from "../api/limits.ts";
import type { Account, Agreement, Product } from "../api/types.ts";
import { type BillLine, lineKey } from "./bill.ts";
import { invoicedAt, type Range, secondText } from "./months.ts";

export const feedNames = ["billing_event", "account"] as const;
export type FeedName = (typeof feedNames)[number];

const historyColumns = ["valid_from", "insert_date", "update_date", "delete_date"] as const;

export const feedColumns = {
  billing_event: [
    "billing_event_id",
    "from_account_id",
    "to_account_id",
    "end_user_account_id",
    "product_id",
    "action",
    "transaction_type",
    "parent_billing_event_id",
    "disbursement_billing_event_id",
    "amount",
    "currency",
    "balance_impacting",
    "invoice_date",
    "payment_due_date",
    "usage_period_start_date",
    "usage_period_end_date",
    "invoice_id",
    "billing_address_id",
    "transaction_reference_id",
    "bank_trace_id",
    "broker_id",
    ...historyColumns,
  ],
  account: [
    "account_id",
    "aws_account_id",
    "encrypted_account_id",
    "mailing_address_id",
    "tax_address_id",
    "tax_registration_number",
    "tax_legal_name",
    ...historyColumns,
  ],
} as const satisfies Record<FeedName, readonly string[]>;

type Row<Name extends FeedName> = Partial<Record<(typeof feedColumns)[Name][number], string | undefined>>;

/** Under the bucket: `billing_event_v1/year=2026/month=08/data.csv`. */
export function feedPath(feed: FeedName, month: string): string {
  const [year, number] = month.split("-");
  return `${feed}_v1/year=${year}/month=${number}/data.csv`;
}

/** The invoice of what was used in `month`. undefined: nothing is charged for the line, or there is no price. */
export function billingEventRow(line: BillLine, month: Range): readonly string[] | undefined {
  const { product, amount, status } = line;
  if (status !== "charged" || amount === undefined || amount === "0.00" || product === undefined) return undefined;
  const buyer = accountGuid(line.accountId);
  const at = secondText(invoicedAt(month));
  return rowOf("billing_event", {
    billing_event_id: guid("billing_event", secondText(month.fromAt), ...lineKey(line)),
    from_account_id: buyer,
    to_account_id: accountGuid(product.sellerAccountId),
    end_user_account_id: buyer,
    product_id: product.entityId,
    action: "INVOICED",
    transaction_type: "SELLER_REV_SHARE",
    amount,
    currency: "USD",
    balance_impacting: "1",
    invoice_date: at,
    usage_period_start_date: secondText(month.fromAt),
    // Ends of periods are part of them.
    usage_period_end_date: secondText(month.toAt - secondMs),
    ...history(at),
  });
}

/** An account that buyers' agreements brought into the feed, and when. */
export interface KnownAccount {
  readonly account: Account;
  readonly since: number;
}

/** Buyers and sellers from their first agreement on, in order of time, then of id. */
export function knownAccounts(
  agreements: readonly Agreement[],
  productOf: (code: string) => Product | undefined,
  accountOf: (id: string) => Account | undefined,
  sellerAccountId?: string,
): readonly KnownAccount[] {
  const since = new Map<string, number>();
  for (const { productCode, buyerAccountId, acceptedAt } of agreements) {
    const seller = productOf(productCode)?.sellerAccountId;
    if (seller === undefined || (sellerAccountId !== undefined && seller !== sellerAccountId)) continue;
    for (const id of [buyerAccountId, seller]) since.set(id, Math.min(since.get(id) ?? acceptedAt, acceptedAt));
  }
  return [...since]
    .flatMap(([id, at]) => {
      const account = accountOf(id);
      return account === undefined ? [] : [{ account, since: at }];
    })
    .sort((a, b) => a.since - b.since || (a.account.id < b.account.id ? -1 : 1));
}

export function accountRow({ account, since }: KnownAccount): readonly string[] {
  return rowOf("account", {
    account_id: accountGuid(account.id),
    aws_account_id: account.id,
    // H-23: what sellers know as CustomerIdentifier.
    encrypted_account_id: account.customerIdentifier,
    ...history(secondText(since)),
  });
}

function history(at: string) {
  return { valid_from: at, insert_date: at, update_date: at };
}

function rowOf<Name extends FeedName>(feed: Name, row: Row<Name>): readonly string[] {
  const values: Readonly<Record<string, string | undefined>> = row;
  return feedColumns[feed].map((column) => values[column] ?? "");
}

/** The feeds' own id of an account, which is not its number. */
export function accountGuid(accountId: string): string {
  return guid("account", accountId);
}

function guid(...parts: readonly string[]): string {
  return hash("sha256", JSON.stringify(parts), "base64url");
}
