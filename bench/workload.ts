/**
 * What the benchmark meters: one seller, one product, many buyers, and usage keys that never repeat. Both the fill and
 * the load client draw from it, so history and load differ in their hours only.
 */
import type { CatalogDocument } from "../src/catalog/file.ts";

const hourSec = 3_600;
const daySec = 86_400;
/** Usage is accepted for less than 24 hours: 23 whole hours leave an hour for the run itself. */
const openHoursMax = 23;
/** On day 1 the month before closes at 06:00 UTC; a run that starts up to an hour earlier must not cross that. */
const monthCloseSec = 6 * hourSec;
const dimensionsMax = 24;
/** Records of one hour of history: five million records then are six weeks, in two or three month tables. */
export const recordsPerPastHour = 5_000;
export const recordsPerRequest = 25;

export const region = "us-east-1";
export const seller = {
  account: "111122223333",
  accessKeyId: "AKIABENCHSELLER00000",
  secretAccessKey: "bench/not-a-secret/bench/not-a-secret/00",
} as const;
export const productCode = "benchproduct4q7x2m9k1t8v5";

export interface Workload {
  readonly buyers: number;
  readonly dimensions: number;
  /** Epoch hours that load may use, oldest first; the last one is running. */
  readonly openHours: readonly number[];
  /** Epoch seconds: no record of the load is newer. */
  readonly untilSec: number;
}

/** Enough keys for some minutes of load: about 115 a buyer, whatever day of the month it is. */
export function createWorkload(buyers: number, nowMs: number): Workload {
  const untilSec = Math.floor(nowMs / 1_000);
  const lastHour = Math.floor(untilSec / hourSec);
  const now = new Date(nowMs);
  const monthStartSec = Date.UTC(now.getUTCFullYear(), now.getUTCMonth()) / 1_000;
  const sinceMonthStart = untilSec - monthStartSec;
  const isPastClosing = sinceMonthStart > monthCloseSec - hourSec && sinceMonthStart < daySec;
  const firstHour = Math.max(lastHour - openHoursMax + 1, isPastClosing ? monthStartSec / hourSec : 0);
  const openHours = Array.from({ length: lastHour - firstHour + 1 }, (_, index) => firstHour + index);
  const dimensions = Math.min(dimensionsMax, Math.ceil((openHoursMax * 5) / openHours.length));
  return { buyers, dimensions, openHours, untilSec };
}

export function buyerAccount(buyer: number): string {
  return String(200_000_000_000 + buyer);
}

export function dimensionName(dimension: number): string {
  return `dimension_${dimension}`;
}

export function catalogOf({ buyers, dimensions }: Workload): CatalogDocument {
  return {
    credentials: [
      {
        account: seller.account,
        accessKeyId: seller.accessKeyId,
        secretAccessKey: seller.secretAccessKey,
        kind: "iam-user",
        name: "bench",
      },
    ],
    products: [
      {
        code: productCode,
        seller: seller.account,
        type: "saas-subscription",
        createdAt: "now-900d",
        concurrentAgreementsOnly: false,
        dimensions: Array.from({ length: dimensions }, (_, index) => dimensionName(index)),
      },
    ],
    agreements: Array.from({ length: buyers }, (_, index) => ({
      product: productCode,
      buyer: buyerAccount(index),
      state: "active" as const,
      since: "now-800d",
    })),
    settings: { quotas: "off" },
  };
}

export interface UsageKey {
  readonly buyer: number;
  readonly dimension: number;
  /** Epoch hours. */
  readonly hour: number;
}

/**
 * Every (buyer, dimension) of the first hour in random order, then those of the next hour: as usage arrives in life. With
 * `mixedHours` all hours at once, as after a day of outage, which is the hardest order for a store.
 */
export function* usageKeys(workload: Workload, mixedHours = false): Generator<UsageKey, void> {
  const { openHours } = workload;
  const pairs = workload.buyers * workload.dimensions;
  const rounds = mixedHours ? [openHours] : openHours.map((hour) => [hour]);
  for (const hours of rounds) {
    const order = createOrder(pairs * hours.length, hours[0] ?? 0);
    for (let place = 0; place < pairs * hours.length; place += 1) {
      const drawn = order.draw(place);
      yield keyOf(workload, drawn % pairs, hours[Math.floor(drawn / pairs)] ?? 0);
    }
  }
}

function keyOf({ dimensions }: Workload, pair: number, hour: number): UsageKey {
  return { buyer: Math.floor(pair / dimensions), dimension: pair % dimensions, hour };
}

/** Random, each pair at most once, for one hour of history. */
export function pastKeys(workload: Workload, hour: number, count: number): readonly UsageKey[] {
  const pairs = workload.buyers * workload.dimensions;
  const order = createOrder(pairs, hour);
  return Array.from({ length: Math.min(count, pairs) }, (_, place) => keyOf(workload, order.draw(place), hour));
}

/** A shuffle that is made as it is drawn; the same seed gives the same order. */
function createOrder(size: number, seed: number): { draw(place: number): number } {
  const values = Uint32Array.from({ length: size }, (_, index) => index);
  const random = createRandom(seed);
  return {
    draw: (place) => {
      const other = place + Math.floor(random() * (size - place));
      const drawn = values[other] ?? 0;
      values[other] = values[place] ?? 0;
      values[place] = drawn;
      return drawn;
    },
  };
}

/** Mulberry32: runs must repeat, and Math.random cannot be seeded. */
function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Epoch seconds within the key's hour, never in the future. */
export function timestampOf({ buyer, hour }: UsageKey, untilSec: number): number {
  const startSec = hour * hourSec;
  return startSec + ((buyer * 7) % Math.max(1, Math.min(hourSec, untilSec - startSec)));
}

export function quantityOf({ buyer, dimension }: UsageKey): number {
  return 1 + ((buyer + dimension) % 99);
}

/** One UsageRecord, its members in the order in which the server gives them back. */
function recordText(key: UsageKey, untilSec: number, member: CustomerMember = "CustomerAWSAccountId"): string {
  return (
    `{"Timestamp":${timestampOf(key, untilSec)},"Dimension":"${dimensionName(key.dimension)}",` +
    `"${member}":"${buyerAccount(key.buyer)}","Quantity":${quantityOf(key)}}`
  );
}

/** Which member names the customer; both texts are of the same length but for the name. */
export type CustomerMember = "CustomerAWSAccountId" | "CustomerIdentifier";

export function requestBody(keys: readonly UsageKey[], untilSec: number, member?: CustomerMember): string {
  const records = keys.map((key) => recordText(key, untilSec, member));
  return `{"ProductCode":"${productCode}","UsageRecords":[${records.join(",")}]}`;
}

/** An answer of the size that Meterhouse gives, for the server that does nothing else. */
export function sampleAnswer(workload: Workload): string {
  const results: string[] = [];
  for (const key of usageKeys(workload)) {
    results.push(
      `{"UsageRecord":${recordText(key, workload.untilSec)},"MeteringRecordId":"00000000-0000-4000-8000-000000000000","Status":"Success"}`,
    );
    if (results.length === recordsPerRequest) break;
  }
  return `{"Results":[${results.join(",")}],"UnprocessedRecords":[]}`;
}
