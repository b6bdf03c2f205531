/** Rates per account, Region and operation: token buckets whose burst equals the rate (C-30 to C-32). */
import { ServiceError } from "../api/errors.ts";
import { awsRatesPerSecond } from "../api/limits.ts";
import type { Settings } from "../api/settings.ts";
import type { OperationName } from "../api/types.ts";

export interface Throttle {
  /**
   * Throws, or rejects with, ThrottlingException when the bucket is empty; a refused call takes nothing. A promise only
   * where the answer has to be fetched.
   */
  take(accountId: string, region: string, operation: OperationName, settings: Settings): void | Promise<void>;
  /** Full buckets again. */
  reset(): void | Promise<void>;
}

/** Buckets in memory: every answer is there at once. */
export interface LocalThrottle extends Throttle {
  take(accountId: string, region: string, operation: OperationName, settings: Settings): void;
  reset(): void;
}

interface Bucket {
  tokens: number;
  filledAt: number;
}

/** How to get by with fewer calls (C-32, K-14). */
const advice: Readonly<Partial<Record<OperationName, string>>> = {
  BatchMeterUsage: " Records are not counted: fill batches up to 25.",
  MeterUsage: " Sum usage up and send one record an hour and dimension.",
  ResolveCustomer: " Resolve a token once, when the buyer arrives, and keep the answer.",
};

/** Beyond this many buckets the full ones are dropped: an absent bucket is a full one. */
export const bucketsMax = 10_000;

/** Calls a second; undefined = no limit. */
export function rateOf(accountId: string, operation: OperationName, { quotas }: Settings): number | undefined {
  if (quotas === "off") return undefined;
  if (quotas === "aws") return awsRatesPerSecond[operation];
  return quotas.accounts?.[accountId]?.[operation] ?? quotas.default?.[operation] ?? awsRatesPerSecond[operation];
}

export function rateExceeded(accountId: string, region: string, operation: OperationName, rate: number): ServiceError {
  return new ServiceError(
    "ThrottlingException",
    `Rate exceeded. Account ${accountId} may call ${operation} ${rate} times a second in ${region}; wait and send it again unchanged.${advice[operation] ?? ""}`,
  );
}

/** `clock` in milliseconds: the wall clock in service, another one in tests (C-31). */
export function createThrottle(clock: () => number): LocalThrottle {
  const buckets = new Map<string, Bucket>();

  const refill = (bucket: Bucket, rate: number, now: number): void => {
    // A clock that was set back gives nothing and takes nothing.
    bucket.tokens = Math.min(Math.max(rate, 1), bucket.tokens + (Math.max(0, now - bucket.filledAt) * rate) / 1_000);
    bucket.filledAt = now;
  };

  const drop = (now: number): void => {
    for (const [key, bucket] of buckets) if (now - bucket.filledAt > 60_000) buckets.delete(key);
    if (buckets.size >= bucketsMax) buckets.clear();
  };

  return {
    take: (accountId, region, operation, settings) => {
      const rate = rateOf(accountId, operation, settings);
      if (rate === undefined) return;
      const now = clock();
      const key = `${accountId}/${region}/${operation}`;
      let bucket = buckets.get(key);
      if (bucket === undefined) {
        if (buckets.size >= bucketsMax) drop(now);
        bucket = { tokens: Math.max(rate, 1), filledAt: now };
        buckets.set(key, bucket);
      }
      refill(bucket, rate, now);
      // The smallest part of a token that rounding may have cost.
      if (bucket.tokens < 1 - 1e-9) throw rateExceeded(accountId, region, operation, rate);
      bucket.tokens -= 1;
    },
    reset: () => buckets.clear(),
  };
}
