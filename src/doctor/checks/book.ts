/** Which records hold which keys of usage, of the last day and a half: what most checks ask, and the most that they keep. */
import { hourMs } from "../../api/limits.ts";
import type { Knowledge, ObservedCall, ObservedRecord } from "../observed.ts";
import { type Held, HeldHour } from "./heldHour.ts";
import { plural } from "./tally.ts";
import { TooManyRecordsError } from "./tooMany.ts";
import { isAccepted, keptMs } from "./usage.ts";
import { hourOf, keysOf, seriesOf, type UsageKey } from "./usageKeys.ts";

/** Of the last `keptMs` at least. */
export interface Book {
  /** Idempotent for the call that came last, as every check shows it every call. Throws TooManyRecordsError. */
  see(call: ObservedCall): void;
  /** One for each Region, in order of time. */
  heldAll(key: UsageKey): readonly Held[];
  held(key: UsageKey, region: string): Held | undefined;
}

/** Some 40 bytes each. */
const defaultRecordsMax = 4_000_000;

const books = new WeakMap<Knowledge, Book>();

/**
 * One book for all the checks of a diagnosis, which share its `Knowledge`: it is by far the largest thing that they keep.
 */
export function bookOf(known: Knowledge): Book {
  const book = books.get(known) ?? createBook(known);
  books.set(known, book);
  return book;
}

export function createBook(known: Knowledge, recordsMax = defaultRecordsMax): Book {
  const keys = keysOf(known);
  const regions: string[] = [];
  let hours = new Map<number, HeldHour>();
  let size = 0;
  let last: ObservedCall | undefined;

  const dropOver = (now: number): void => {
    for (const [hour, held] of hours) {
      if (held.newestAt >= now - keptMs) continue;
      hours.delete(hour);
      size -= held.size;
    }
  };
  const add = (key: UsageKey, call: ObservedCall, quantity: number): void => {
    let hour = hours.get(hourOf(key));
    if (hour === undefined) {
      hour = new HeldHour(regions);
      hours.set(hourOf(key), hour);
    }
    const { region, at, requestId } = call;
    if (!hour.add(seriesOf(key), { region, quantity, at, requestId })) return;
    size += 1;
    if (size > recordsMax) throw new TooManyRecordsError(`${plural(recordsMax, "record")} of a day and a half`);
  };

  return {
    see: (call) => {
      if (call === last) return;
      // Oldest first: an earlier call begins another look.
      if (last !== undefined && call.at < last.at) {
        hours = new Map();
        size = 0;
      }
      if (Math.floor(call.at / hourMs) !== Math.floor((last?.at ?? 0) / hourMs)) dropOver(call.at);
      last = call;
      for (const record of call.records) {
        if (isAccepted(record)) add(keys.of(call, record).key, call, record.quantity);
      }
    },
    heldAll: (key) => hours.get(hourOf(key))?.all(seriesOf(key)) ?? none,
    held: (key, region) => hours.get(hourOf(key))?.of(seriesOf(key), region),
  };
}

const none: readonly Held[] = [];

/** The call's own claim of the key, where this call was the first in its Region. */
export function claimOf(book: Book, key: UsageKey, { region, requestId }: ObservedCall): Held | undefined {
  const held = book.held(key, region);
  return held?.requestId === requestId ? held : undefined;
}

/** Of all Regions: what counts of this usage, at most. */
export function quantityHeld(book: Book, key: UsageKey): number | undefined {
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
