/** Calls of a time, counted: what the figures and two charts are made of. */

export interface CallBucket {
  readonly at: string;
  readonly accepted: number;
  readonly refused: number;
  readonly records: Readonly<Record<RecordWord, number>>;
}

export interface CallSummary {
  readonly by: "hour" | "6-hours" | "day";
  readonly buckets: readonly CallBucket[];
  readonly outcomes: readonly { readonly outcome: string; readonly calls: number }[];
}

export type RecordWord = "stored" | "replayed" | "duplicate" | "notSubscribed" | "unprocessed";

export const recordWords = [
  { name: "stored", text: "Stored" },
  { name: "replayed", text: "Replayed" },
  { name: "duplicate", text: "Duplicate" },
  { name: "notSubscribed", text: "Not subscribed" },
  { name: "unprocessed", text: "Unprocessed" },
] as const satisfies readonly { readonly name: RecordWord; readonly text: string }[];

export function sumOf({ buckets }: CallSummary, of: (bucket: CallBucket) => number): number {
  return buckets.reduce((sum, bucket) => sum + of(bucket), 0);
}
