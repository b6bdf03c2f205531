/** What the Usage page asks for, and how it is named. */

export interface RecordItem {
  /** MeteringRecordId */
  readonly id: string;
  readonly region: string;
  readonly path: "productCode" | "license" | "resource" | "agentcore";
  readonly product: string;
  readonly customer: string;
  readonly license?: string;
  readonly resource?: string;
  readonly dimension: string;
  readonly hour: string;
  readonly timestamp: string;
  readonly quantity: number;
  readonly allocations?: readonly Allocation[];
  readonly clientToken?: string;
  readonly requestId: string;
  readonly receivedAt: string;
  readonly status: "billable" | "not-billable";
}

export interface Allocation {
  readonly AllocatedUsageQuantity: number;
  readonly Tags?: readonly { readonly Key: string; readonly Value: string }[];
}

export interface Total {
  readonly period?: string;
  readonly product?: string;
  readonly customer?: string;
  readonly license?: string | null;
  readonly resource?: string | null;
  readonly dimension?: string;
  readonly region?: string;
  readonly status?: string;
  readonly tags?: Readonly<Record<string, string | null>>;
  readonly quantity: number;
  readonly records: number;
}

export interface HoursView {
  readonly from: string;
  readonly hours: number;
  readonly series: readonly HoursSeries[];
  readonly others: number;
}

export interface HoursSeries {
  readonly product: string;
  readonly customer: string;
  readonly dimension: string;
  readonly quantity: number;
  readonly records: number;
  /** One an hour; null: no record. */
  readonly quantities: readonly (number | null)[];
  /** One an hour: a record could have come. */
  readonly due: readonly boolean[];
}

export const filterNames = [
  ...(["product", "customer", "license", "resource", "dimension"] as const),
  ...(["region", "status", "from", "to"] as const),
] as const;
export type FilterName = (typeof filterNames)[number];
export type Filters = Readonly<Record<FilterName, string>>;
export const noFilters = Object.fromEntries(filterNames.map((name) => [name, ""])) as Record<FilterName, string>;

const digits = new Intl.NumberFormat("en-GB");
const compact = new Intl.NumberFormat("en-GB", { notation: "compact", maximumFractionDigits: 1 });

/** Sums are asked again after a while, not after every call: those of a large ledger take a second. */
export const totalsKind = "usage-totals";
export const totalsEveryMs = 15_000;

/** `1,234,567` */
export function numberText(value: number): string {
  return digits.format(value);
}

/** `1.2M` */
export function shortNumber(value: number): string {
  return compact.format(value);
}

/** The licence's last part: its ARN fills a screen. */
export function licenseName(arn: string): string {
  return arn.slice(arn.lastIndexOf(":") + 1);
}
