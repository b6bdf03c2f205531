/** Notification targets: from a document's entries to rows, and back. */
import type { NotificationForm, NotificationTarget } from "../api/types.ts";
import { maskedUrl } from "../api/urls.ts";
import type { Catalog } from "../store/catalog.ts";
import { targetIdFor } from "./derive.ts";
import type { CatalogPath } from "./problems.ts";
import { defined } from "./rows.ts";
import { notificationForms, type TargetEntry } from "./schema.ts";

/** SPEC N-8: the topics are the seller's. */
export const buyersFormsFault = "a buyer's target takes eventbridge only; SNS messages are for sellers";

export function defaultForms(buyer: string | undefined): readonly NotificationForm[] {
  return buyer === undefined ? notificationForms : ["eventbridge"];
}

/** What tells targets apart that have no id. */
export function targetKey({ seller, buyer, product, kind, url }: TargetEntry): string {
  return JSON.stringify([seller ?? "", buyer ?? "", product ?? "", kind, maskedUrl(url)]);
}

/** The targets that a document's entries without an id may mean, by their key. Made once: it reads the whole catalogue. */
export function storedTargets(existing: Catalog): ReadonlyMap<string, NotificationTarget> {
  return new Map(existing.all().targets.map((row) => [targetKey(targetEntry(row, false)), row]));
}

export interface TargetContext {
  readonly existing: Catalog;
  /** Of `storedTargets`. */
  readonly known: ReadonlyMap<string, NotificationTarget>;
  /** Business milliseconds. */
  readonly now: number;
  /** Wall milliseconds, of a confirmation. */
  readonly wallNow: number;
  readonly report: (path: CatalogPath, message: string) => void;
}

export function targetRow(entry: TargetEntry, context: TargetContext): NotificationTarget {
  const key = targetKey(entry);
  const stored = entry.id === undefined ? context.known.get(key) : context.existing.target(entry.id);
  const id = entry.id ?? stored?.id ?? targetIdFor(key);
  const account = stored?.sellerAccountId ?? stored?.buyerAccountId;
  if (stored && (stored.sellerAccountId !== entry.seller || stored.buyerAccountId !== entry.buyer)) {
    context.report(["id"], `the catalogue has ${id} for account ${account}`);
  }
  // An export without secrets shows no password: imported again, it means the one that is known.
  const url = stored !== undefined && maskedUrl(stored.url) === entry.url ? stored.url : entry.url;
  // Another endpoint has confirmed nothing yet.
  const confirmedAt = stored?.url === url ? stored.confirmedAt : undefined;
  return defined({
    id,
    sellerAccountId: entry.seller,
    buyerAccountId: entry.buyer,
    productCode: entry.product ?? stored?.productCode,
    forms: entry.forms === undefined ? (stored?.forms ?? defaultForms(entry.buyer)) : [...new Set(entry.forms)],
    kind: entry.kind,
    url,
    rawDelivery: entry.rawDelivery ?? stored?.rawDelivery ?? false,
    sqs: entry.kind === "sqs" ? queueOf(entry.sqs, stored?.sqs) : undefined,
    confirmationToken: stored?.confirmationToken,
    confirmedAt: entry.confirmed === true ? (confirmedAt ?? context.wallNow) : confirmedAt,
    createdAt: stored?.createdAt ?? context.now,
  });
}

function queueOf(given: TargetEntry["sqs"], stored: NotificationTarget["sqs"]): NotificationTarget["sqs"] {
  if (given === undefined) return stored;
  const { accessKeyId = stored?.accessKeyId } = given;
  // The secret of another key is of no use.
  const secret = accessKeyId === stored?.accessKeyId ? stored?.secretAccessKey : undefined;
  return defined({
    endpoint: given.endpoint ?? stored?.endpoint,
    region: given.region ?? stored?.region,
    accessKeyId,
    secretAccessKey: given.secretAccessKey ?? secret,
  });
}

export function targetEntry(row: NotificationTarget, secrets: boolean): TargetEntry {
  const { id, kind, url, sqs } = row;
  return defined({
    id,
    seller: row.sellerAccountId,
    buyer: row.buyerAccountId,
    product: row.productCode,
    forms: [...row.forms],
    kind,
    url: secrets ? url : maskedUrl(url),
    rawDelivery: row.rawDelivery || undefined,
    confirmed: row.confirmedAt === undefined ? undefined : true,
    sqs: sqs && defined({ ...sqs, secretAccessKey: secrets ? sqs.secretAccessKey : undefined }),
  });
}
