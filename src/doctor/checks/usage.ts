/**
 * What the checks about usage share: by which key a record is counted once, which records hold a key, and state that is
 * let go when nothing can happen to it any more.
 */
import { licenseTail } from "../../api/identifiers.ts";
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

/** Whose usage it is, as the service counts it (B-24, B-60, M-20): a licence's, a buyer's, or a workload's. */
export function holderOf(call: ObservedCall, record: ObservedRecord, known: Knowledge): string {
  if (call.operation === "MeterUsage") return `workload ${productOf(call, record, known)} ${call.caller}`;
  if (record.licenseArn !== undefined) return `licence ${licenseTail(record.licenseArn)}`;
  return buyerHolder(call.productCode ?? "", known.accountOf(record) ?? record.customerIdentifier ?? "");
}

export function buyerHolder(productCode: string, accountId: string): string {
  return `buyer ${productCode} ${accountId}`;
}

export function keyOf(holder: string, { dimension, hourAt }: Pick<ObservedRecord, "dimension" | "hourAt">): string {
  return `${holder}\n${dimension}\n${hourAt}`;
}

/** The key under which usage is counted once in a Region (B-60, M-20); Regions do not see each other's. */
export function usageKey(call: ObservedCall, record: ObservedRecord, known: Knowledge): string {
  return keyOf(holderOf(call, record, known), record);
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
export interface Recent<T> {
  get(key: string): T | undefined;
  /** `at`: of the call; of a key that is there, the first one stays. */
  set(key: string, value: T, at: number): void;
  delete(key: string): void;
  /** Lets go of what was first seen `keptMs` before `now`, and tells of it. */
  expire(now: number): void;
  /** Lets go of everything, and tells of it. */
  drain(): void;
}

export function createRecent<T>(onGone: (value: T) => void = () => undefined): Recent<T> {
  const entries = new Map<string, { readonly at: number; value: T }>();
  const dropWhile = (isOver: (at: number) => boolean): void => {
    for (const [key, { at, value }] of entries) {
      if (!isOver(at)) return;
      entries.delete(key);
      onGone(value);
    }
  };
  return {
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

/** The first record that was accepted under a key, or what is known of it by a replay. */
export interface Held {
  readonly region: string;
  readonly quantity: number;
  /** Of the call. */
  readonly at: number;
  readonly requestId: string;
}

/** Which records hold which keys, of the last `keptMs`. */
export interface Book {
  /** Idempotent for the call that came last, as every check shows it every call. */
  see(call: ObservedCall): void;
  /** One for each Region, in order of time. */
  heldAll(key: string): readonly Held[];
  held(key: string, region: string): Held | undefined;
}

const books = new WeakMap<Knowledge, Book>();

/**
 * One book for all the checks of a diagnosis, which share its `Knowledge`: it is by far the largest thing that they keep.
 */
export function bookOf(known: Knowledge): Book {
  const book = books.get(known) ?? createBook(known);
  books.set(known, book);
  return book;
}

const none: readonly Held[] = [];

function createBook(known: Knowledge): Book {
  let keys = createRecent<readonly Held[]>();
  let last: ObservedCall | undefined;
  const heldAll = (key: string): readonly Held[] => keys.get(key) ?? none;
  return {
    see: (call) => {
      if (call === last) return;
      // Oldest first: an earlier call begins another look.
      if (last !== undefined && call.at < last.at) keys = createRecent();
      last = call;
      keys.expire(call.at);
      const { region, at, requestId } = call;
      for (const record of call.records) {
        if (!isAccepted(record)) continue;
        const key = usageKey(call, record, known);
        const held = heldAll(key);
        if (held.some((one) => one.region === region)) continue;
        keys.set(key, [...held, { region, quantity: record.quantity, at, requestId }], at);
      }
    },
    heldAll,
    held: (key, region) => heldAll(key).find((one) => one.region === region),
  };
}

/** Of all Regions: what counts of this usage, at most. */
export function quantityHeld(book: Book, key: string): number | undefined {
  const held = book.heldAll(key);
  return held.length === 0 ? undefined : Math.max(...held.map(({ quantity }) => quantity));
}

/**
 * M-22, K-1: a record of nothing that was there before its hour was over. The two checks that look at duplicates divide
 * them by this.
 */
export function isHeartbeat({ quantity, at }: Held, { hourAt }: ObservedRecord): boolean {
  return quantity === 0 && at < hourAt + hourMs;
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
