/** Every number of the contract, once, with the rule it comes from. Units come last in the names. */
import type { Revision } from "./types.ts";

export const secondMs = 1_000;
export const minuteMs = 60_000;
export const hourMs = 3_600_000;
export const dayMs = 86_400_000;

/** Bodies of this size and more are refused (W-18, W-19). */
export const requestBodyMaxBytes = 1_048_576;

/** SigV4 skew either way (S-4). */
export const clockSkewMaxMs = 15 * minuteMs;

/** B-50, B-51: 2026 refuses at the limit, the older revisions refuse beyond it. */
export const batchUsageAgeMaxMs: Readonly<Record<Revision, number>> = {
  "2026": 24 * hourMs,
  "2024": 6 * hourMs,
  "2021": 1 * hourMs,
};

/** M-9: not raised to 24 h in 2026. */
export const meterUsageAgeMaxMs: Readonly<Record<Revision, number>> = {
  "2026": 6 * hourMs,
  "2024": 6 * hourMs,
  "2021": 1 * hourMs,
};

/** On day 1 of a month, the previous month is closed from this time of day on (B-53). */
export const monthEndGraceMs = 6 * hourMs;

/** B-72. */
export const tagsPerAllocationMax = 5;
export const tagKeysPerRecordMax = 5;

/** a task is billed for at least a minute of its life. */
export const taskBilledMinSeconds = 60;

/** registered within this time of launch = billed from launch. */
export const registrationDelayMaxMs = 6 * hourMs;

/** Calls a second per account and Region; the burst equals the rate (C-30, C-31). */
export const awsRatesPerSecond = {
  BatchMeterUsage: 10,
  MeterUsage: 10,
  RegisterUsage: 5,
  ResolveCustomer: 10,
  GetEntitlements: 10,
} as const;

/** From this day on new products meter by licence only (B-21, T-10, J-18). */
export const concurrentAgreementsSince = Date.UTC(2026, 5, 1);

/** G-2: entitlements on one page. */
export const entitlementsPageMax = 25;
