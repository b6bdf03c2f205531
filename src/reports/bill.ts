/**
 * The lines of an estimated invoice: usage by customer, product, licence or agreement, and dimension, at the product's
 * prices. Read from the ledger in sums, product by product, so that a bill of any length needs little memory.
 */
import type { Big } from "big.js";
import { licenseTail } from "../api/identifiers.ts";
import { secondMs } from "../api/limits.ts";
import type { Settings } from "../api/settings.ts";
import type { Agreement, Product } from "../api/types.ts";
import type { Catalog } from "../store/catalog.ts";
import type { Ledger, UsageFilter } from "../store/ledger.ts";
import type { UsageMember, UsageTotal } from "../store/usageTotals.ts";
import { exactAmount, lineAmount, type Price, priceOf } from "./amounts.ts";
import type { Range } from "./months.ts";
import { type Segment, segmentsOf } from "./segments.ts";

/** Why a line has its amount: a price, nothing to pay (B-89, B-42), or no price in the catalogue. */
export const lineStatuses = ["charged", "free-trial", "not-billable", "no-price"] as const;
export type LineStatus = (typeof lineStatuses)[number];

export interface BillLine {
  readonly productCode: string;
  readonly product: Product | undefined;
  readonly accountId: string;
  readonly licenseArn: string | undefined;
  readonly agreement: Agreement | undefined;
  readonly dimension: string;
  readonly status: LineStatus;
  /** As metered; what `RegisterUsage` meters are seconds. */
  readonly quantity: bigint;
  readonly records: number;
  readonly price: Price | undefined;
  /** USD, not rounded; undefined without a price. */
  readonly exact: Big | undefined;
  /** USD, rounded to cents; "0.00" where nothing is charged, undefined where it is not known. */
  readonly amount: string | undefined;
}

export interface BillParts {
  readonly catalog: Catalog;
  readonly ledger: Pick<Ledger, "totals" | "mark">;
  readonly settings: () => Settings;
}

export interface BillFilter {
  readonly productCode?: string;
  readonly accountId?: string;
  readonly sellerAccountId?: string;
}

const billed: readonly UsageMember[] = ["product", "customer", "license", "dimension", "status"];

/** In order of product, customer, licence, dimension, agreement, status; what belongs to one licence comes together. */
export async function* billLines(parts: BillParts, range: Range, filter: BillFilter): AsyncGenerator<BillLine[]> {
  const { sellerAccountId, ...wanted } = filter;
  // All sums of one moment, also those that are asked for in parts.
  const usage = { ...wanted, fromHourAt: range.fromAt, toHourAt: range.toAt, asOf: await parts.ledger.mark() };
  for await (const totals of bySubscription(parts.ledger.totals(usage, { members: billed }))) {
    const [first] = totals;
    const product = parts.catalog.product(first?.productCode ?? "");
    if (sellerAccountId !== undefined && product?.sellerAccountId !== sellerAccountId) continue;
    yield await linesOf(parts, usage, totals, product);
  }
}

/** The sums of one customer's licence, or of what the customer used without one. */
async function* bySubscription(batches: AsyncIterable<readonly UsageTotal[]>): AsyncGenerator<readonly UsageTotal[]> {
  let pending: UsageTotal[] = [];
  for await (const batch of batches) {
    for (const total of batch) {
      const [first] = pending;
      if (first !== undefined && !isSameSubscription(first, total)) {
        yield pending;
        pending = [];
      }
      pending.push(total);
    }
  }
  if (pending.length > 0) yield pending;
}

function isSameSubscription(a: UsageTotal, b: UsageTotal): boolean {
  return a.productCode === b.productCode && a.accountId === b.accountId && a.licenseArn === b.licenseArn;
}

type BilledUsage = UsageFilter & { readonly fromHourAt: number; readonly toHourAt: number };

async function linesOf(
  parts: BillParts,
  usage: BilledUsage,
  totals: readonly UsageTotal[],
  product: Product | undefined,
): Promise<BillLine[]> {
  const [first] = totals;
  if (first === undefined) return [];
  const segments = segmentsFor(parts, usage, first);
  const lines = new Map<string, BillLine>();
  for (const segment of segments) {
    const own = segments.length === 1 ? totals : await segmentTotals(parts, usage, segment, first);
    for (const total of own) {
      const line = lineOf(total, segment, product);
      const key = [line.dimension, line.agreement?.id, line.status].join("/");
      lines.set(key, merged(lines.get(key), line));
    }
  }
  return [...lines.values()].map(priced).sort(inOrder);
}

function segmentsFor({ catalog, settings }: BillParts, usage: BilledUsage, total: UsageTotal): readonly Segment[] {
  const { licenseArn, productCode = "", accountId = "" } = total;
  const range = { fromAt: usage.fromHourAt, toAt: usage.toHourAt };
  const all = catalog.agreements(productCode, accountId);
  // A renewal is another agreement with the same licence.
  const agreements =
    licenseArn === undefined ? all : all.filter((one) => licenseTail(one.licenseArn ?? "") === licenseTail(licenseArn));
  return segmentsOf(agreements, (id) => catalog.offer(id), settings().finalHourSec * secondMs, range);
}

/** Only where a month is not all of one agreement, or a trial ends in it: those few are summed once more, in parts. */
async function segmentTotals(
  { ledger }: BillParts,
  usage: BilledUsage,
  segment: Segment,
  first: UsageTotal,
): Promise<readonly UsageTotal[]> {
  const { productCode, accountId, licenseArn } = first;
  const filter = {
    ...usage,
    ...(productCode === undefined ? {} : { productCode }),
    ...(accountId === undefined ? {} : { accountId }),
    ...(licenseArn === undefined ? {} : { licenseArn }),
    fromHourAt: segment.fromAt,
    toHourAt: segment.toAt,
  };
  const found: UsageTotal[] = [];
  for await (const batch of ledger.totals(filter, { members: billed })) {
    // A filter cannot ask for usage without a licence.
    found.push(...batch.filter((total) => isSameSubscription(first, total)));
  }
  return found;
}

function lineOf(total: UsageTotal, { agreement, isTrial }: Segment, product: Product | undefined): BillLine {
  const { productCode = "", accountId = "", licenseArn, dimension = "", quantity, records } = total;
  const price = priceOf(product, dimension);
  const own = { productCode, product, accountId, licenseArn, agreement, dimension, quantity, records, price };
  const status = statusOf(total.billable === true, isTrial, price);
  return { ...own, status, exact: undefined, amount: undefined };
}

function statusOf(isBillable: boolean, isTrial: boolean, price: Price | undefined): LineStatus {
  if (!isBillable) return "not-billable";
  if (isTrial) return "free-trial";
  return price === undefined ? "no-price" : "charged";
}

function merged(known: BillLine | undefined, line: BillLine): BillLine {
  if (known === undefined) return line;
  return { ...line, quantity: known.quantity + line.quantity, records: known.records + line.records };
}

/** Rounded here and nowhere before, once all of the line is known. */
function priced(line: BillLine): BillLine {
  if (line.status === "no-price") return line;
  if (line.status !== "charged" || line.price === undefined) return { ...line, amount: "0.00" };
  const exact = exactAmount(line.quantity, line.price);
  return { ...line, exact, amount: lineAmount(exact) };
}

/** Of lines, and of the place in them where a page ended. */
export function lineKey(line: BillLine): readonly string[] {
  const { productCode, accountId, licenseArn = "", dimension, agreement, status } = line;
  return [productCode, accountId, licenseArn, dimension, agreement?.id ?? "", status];
}

export function compareKeys(a: readonly string[], b: readonly string[]): number {
  for (const [place, text] of a.entries()) {
    const other = b[place] ?? "";
    if (text !== other) return text < other ? -1 : 1;
  }
  return 0;
}

function inOrder(a: BillLine, b: BillLine): number {
  return compareKeys(lineKey(a), lineKey(b));
}
