/**
 * Calls and usage added up over time, for whoever looks at a chart: cheap to ask again and again, however long the trail
 * and the ledger are. A port: engines decide what they keep for it.
 */

/** Buckets of equal length, aligned to the epoch: `bucketHours` divides both ends. */
export interface SummarySpan {
  /** Hour of the first bucket's start (floor of epoch seconds / 3600). */
  readonly fromHour: number;
  /** Exclusive. */
  readonly toHour: number;
  readonly bucketHours: number;
}

/** Calls of one outcome in one bucket, by business time; calls that the server made by itself are not counted. */
export interface CallCount {
  readonly bucket: number;
  /** `Success`, or the exception's name. */
  readonly outcome: string;
  readonly calls: number;
  readonly records: RecordCount;
}

/** What became of the records of accepted calls. */
export interface RecordCount {
  readonly stored: number;
  readonly replayed: number;
  readonly duplicate: number;
  readonly notSubscribed: number;
  readonly unprocessed: number;
}

export type SeriesMember = "dimension" | "customer";
export type SeriesMeasure = "quantity" | "records";

/** Accepted usage by the hour that it is of: one value a bucket. */
export interface UsageSeries {
  /** The product's, of dimensions. */
  readonly productCode?: string;
  readonly dimension?: string;
  /** The buyer's, of customers. */
  readonly accountId?: string;
  readonly values: readonly number[];
  readonly total: number;
}

export interface UsageSeriesInput extends SummarySpan {
  readonly by: SeriesMember;
  readonly measure: SeriesMeasure;
  /** The largest of them, by total, have a series of their own. */
  readonly top: number;
}

export interface Summaries {
  /** In order of buckets; a bucket without calls is absent. */
  calls(span: SummarySpan): Promise<readonly CallCount[]>;
  /** The largest first. `rest` is the sum of all others, `others` says how many they are. */
  usage(
    input: UsageSeriesInput,
  ): Promise<{ readonly series: readonly UsageSeries[]; readonly others: number; readonly rest: readonly number[] }>;
}
