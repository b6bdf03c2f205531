/**
 * The keys under which usage is counted once, as numbers: a dozen checks ask for the key of each record, and as texts they
 * would be most of what the doctor does and holds.
 */
import { licenseTail } from "../../api/identifiers.ts";
import { hourMs } from "../../api/limits.ts";
import type { Knowledge, ObservedCall, ObservedRecord } from "../observed.ts";
import type { Series } from "./heldHour.ts";
import { plural } from "./tally.ts";
import { TooManyRecordsError } from "./tooMany.ts";
import { productOf } from "./usage.ts";

/** Of a series and an hour; the same for the same usage within one diagnosis. */
export type UsageKey = number;

/** What a record is counted as. */
export interface Usage {
  readonly holder: string;
  readonly key: UsageKey;
}

/** Hours since 1970 take less than this until 2089. */
const hoursMax = 2 ** 20;
/** Their texts take some 100 bytes each. */
const defaultSeriesMax = 500_000;

/** Whose usage it is, as the service counts it (B-24, B-60, M-20): a licence's, a buyer's, or a workload's. */
function holderOf(call: ObservedCall, record: ObservedRecord, known: Knowledge): string {
  if (call.operation === "MeterUsage") return `workload ${productOf(call, record, known)} ${call.caller}`;
  if (record.licenseArn !== undefined) return licenceHolder(licenseTail(record.licenseArn));
  return buyerHolder(call.productCode ?? "", known.accountOf(record) ?? record.customerIdentifier ?? "");
}

export function buyerHolder(productCode: string, accountId: string): string {
  return `buyer ${productCode} ${accountId}`;
}

export function licenceHolder(tail: string): string {
  return `licence ${tail}`;
}

export class UsageKeys {
  readonly #known: Knowledge;
  readonly #seriesMax: number;
  readonly #series = new Map<string, Series>();
  /** Of the records of one call, which every check looks at before the next call comes. */
  readonly #usages = new Map<ObservedRecord, Usage>();
  #call: ObservedCall | undefined;

  constructor(known: Knowledge, seriesMax = defaultSeriesMax) {
    this.#known = known;
    this.#seriesMax = seriesMax;
  }

  /** Throws TooManyRecordsError. */
  of(call: ObservedCall, record: ObservedRecord): Usage {
    if (call !== this.#call) {
      this.#call = call;
      this.#usages.clear();
    }
    let usage = this.#usages.get(record);
    if (usage === undefined) {
      const holder = holderOf(call, record, this.#known);
      usage = { holder, key: this.keyOf(holder, record) };
      this.#usages.set(record, usage);
    }
    return usage;
  }

  /** B-60, M-20; Regions do not see each other's. Throws TooManyRecordsError. */
  keyOf(holder: string, { dimension, hourAt }: Pick<ObservedRecord, "dimension" | "hourAt">): UsageKey {
    const name = `${holder}\n${dimension}`;
    let series = this.#series.get(name);
    if (series === undefined) {
      series = this.#series.size;
      if (series >= this.#seriesMax) {
        throw new TooManyRecordsError(`${plural(this.#seriesMax, "pair")} of customer and dimension`);
      }
      this.#series.set(name, series);
    }
    // A stamp that makes no sense, in a call that was refused, has a key like any other.
    const hour = Math.floor(hourAt / hourMs) % hoursMax;
    return series * hoursMax + (hour < 0 ? hour + hoursMax : hour);
  }
}

export function seriesOf(key: UsageKey): Series {
  return Math.floor(key / hoursMax);
}

/** Hours since 1970. */
export function hourOf(key: UsageKey): number {
  return key % hoursMax;
}

const keysByKnowledge = new WeakMap<Knowledge, UsageKeys>();

/** The keys of a diagnosis, whose checks share its `Knowledge`. */
export function keysOf(known: Knowledge): UsageKeys {
  const keys = keysByKnowledge.get(known) ?? new UsageKeys(known);
  keysByKnowledge.set(known, keys);
  return keys;
}

/** What a record is counted as. Throws TooManyRecordsError. */
export function usageOf(call: ObservedCall, record: ObservedRecord, known: Knowledge): Usage {
  return keysOf(known).of(call, record);
}
