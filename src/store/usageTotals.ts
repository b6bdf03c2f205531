/** What usage can be added up by, and what such a sum looks like: part of the ledger's port. */

/** A UTC hour, day or month. */
export const usagePeriods = ["hour", "day", "month"] as const;
export type UsagePeriod = (typeof usagePeriods)[number];

/** In the order in which sums are sorted, after the period and before the tags. */
export const usageMembers = ["product", "customer", "license", "resource", "dimension", "region", "status"] as const;
export type UsageMember = (typeof usageMembers)[number];

/** As many as one record can carry (SPEC B-72). */
export const groupTagsMax = 5;

export interface UsageGrouping {
  readonly period?: UsagePeriod;
  readonly members?: readonly UsageMember[];
  /** Keys of tags, at most `groupTagsMax`: a record's quantity is split over its allocations. */
  readonly tags?: readonly string[];
}

/** One sum. Members that are not grouped by are absent. */
export interface UsageTotal {
  /** Start of the period, epoch milliseconds. */
  readonly periodAt?: number;
  readonly productCode?: string;
  readonly accountId?: string;
  /** Also absent for usage that was metered without a licence. */
  readonly licenseArn?: string;
  /** Also absent for usage that no workload metered. */
  readonly resource?: string;
  readonly dimension?: string;
  readonly region?: string;
  readonly billable?: boolean;
  /** In the order of the grouping's tags; undefined = allocated to no value of that key. */
  readonly tags?: readonly (string | undefined)[];
  readonly quantity: bigint;
  /** Records with a share in it: with tags, one record can be in several sums. */
  readonly records: number;
  /** Opaque; `Ledger.totals` of the same grouping goes on after it. */
  readonly position: string;
}
