/** What the checks about usage share: what a record is about, and state that is let go when nothing can happen to it any more. */
import { hourMs, minuteMs } from "../../api/limits.ts";
import type { Knowledge, ObservedCall, ObservedRecord } from "../observed.ts";
import { principalOf } from "./evidence.ts";
import type { Place } from "./tally.ts";

/**
 * So long something can still become of a record after it was first seen: its hour, the window of 24 hours (B-50) and the
 * six that a server may add at a month's end (B-53).
 */
export const keptMs = 32 * hourMs;

/** Of a licence's record that names no product, the product where it is known; otherwise empty. */
export function productOf(call: ObservedCall, record: ObservedRecord, known: Knowledge): string {
  return call.productCode ?? (record.licenseArn === undefined ? "" : (known.productOfLicense(record.licenseArn) ?? ""));
}

/** Where findings say that it happens: all sessions of a role are one caller. */
export function placeOf(call: ObservedCall, record: ObservedRecord, known: Knowledge): Place {
  return { productCode: productOf(call, record, known), caller: principalOf(call.caller) };
}

export function isAccepted({ status }: ObservedRecord): boolean {
  return status === "Success" || status === "Replayed";
}

/** Another quantity was sent than the one that holds the key: B-62 for batches, M-21 for MeterUsage. */
export function isDuplicate(call: ObservedCall, { status }: ObservedRecord): boolean {
  return (
    status === "DuplicateRecord" || (call.operation === "MeterUsage" && call.outcome === "DuplicateRequestException")
  );
}

/** State by key, in the order in which it was first seen, which is that of time. */
export interface Recent<K, T> {
  readonly isEmpty: boolean;
  get(key: K): T | undefined;
  /** `at`: of the call; of a key that is there, the first one stays. */
  set(key: K, value: T, at: number): void;
  delete(key: K): void;
  /** Lets go of what was first seen `keptMs` before `now`, and tells of it. */
  expire(now: number): void;
  /** Lets go of everything, and tells of it. */
  drain(): void;
}

export function createRecent<K, T>(onGone: (value: T) => void = () => undefined): Recent<K, T> {
  const entries = new Map<K, { readonly at: number; value: T }>();
  const dropWhile = (isOver: (at: number) => boolean): void => {
    for (const [key, { at, value }] of entries) {
      if (!isOver(at)) return;
      entries.delete(key);
      onGone(value);
    }
  };
  return {
    get isEmpty() {
      return entries.size === 0;
    },
    get: (key) => entries.get(key)?.value,
    set: (key, value, at) => {
      const entry = entries.get(key);
      if (entry === undefined) entries.set(key, { at, value });
      else entry.value = value;
    },
    delete: (key) => {
      entries.delete(key);
    },
    expire: (now) => dropWhile((at) => at < now - keptMs),
    drain: () => dropWhile(() => true),
  };
}

/** How long a client may take to send a record again before it counts as lost. */
export interface Patience {
  /** It took `caller` so long this time. */
  saw(caller: string, tookMs: number): void;
  isOver(caller: string, ageMs: number): boolean;
}

/** Enough for a program that sends again at the end of its run. */
const resendGraceMs = 15 * minuteMs;

/** Those that were seen to send again in their next run, be it an hour later, have the time for it. */
export function createPatience(): Patience {
  const slowest = new Map<string, number>();
  return {
    saw: (caller, tookMs) => {
      slowest.set(caller, Math.max(tookMs, slowest.get(caller) ?? 0));
    },
    isOver: (caller, ageMs) => ageMs >= Math.max(resendGraceMs, 1.5 * (slowest.get(caller) ?? 0)),
  };
}
