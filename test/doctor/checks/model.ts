/**
 * A model of a client that does everything right, of a service that makes it hard, and of the trail that comes of both:
 * hourly totals of customers who come and go, lost answers, unprocessed records, throttling, outages, bad records.
 */
import type { Knowledge, ObservedCall } from "../../../src/doctor/observed.ts";
import { hour, observedBatch, productCode, type RecordInput } from "../support.ts";

export interface CleanClient {
  readonly seed: number;
  readonly customers: number;
  readonly hours: number;
  /** Sends a record of 0 for an hour without usage. */
  readonly zeros: boolean;
  /** Minutes after the hour at which it runs. */
  readonly lag: number;
  /** Where in its hour usage is stamped. */
  readonly stamp: "start" | "end" | "last-event";
  readonly identity: "account" | "identifier" | "licence";
  /** Unprocessed records go out again in the next run, and not at once. */
  readonly patient: boolean;
}

type Sent = RecordInput & { readonly timestamp: number; readonly quantity: number; readonly dimension: string };

const start = Date.parse("2026-08-10T00:00:00Z");
const minute = 60_000;
const dimensions = ["requests", "storage"] as const;

/** mulberry32: the same seed makes the same trail. */
function dice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export function cleanTrail(client: CleanClient): {
  readonly calls: readonly ObservedCall[];
  readonly known: Partial<Knowledge>;
} {
  const roll = dice(client.seed);
  const chance = (share: number): boolean => roll() < share;
  const buyers = Array.from({ length: client.customers }, (_, index) => {
    const joins = chance(0.2) ? Math.floor(roll() * client.hours) : -10;
    const leaves = chance(0.2) ? Math.floor(joins + 2 + roll() * client.hours) : Number.POSITIVE_INFINITY;
    return {
      account: String(444_400_000_000 + index),
      joins: start + joins * hour,
      leaves: start + leaves * hour,
      index,
    };
  });
  const calls: ObservedCall[] = [];
  const stored = new Map<string, number>();
  let now = start;

  const identify = (account: string): RecordInput =>
    client.identity === "account"
      ? { customerAccountId: account }
      : client.identity === "identifier"
        ? { customerIdentifier: `id-${account}` }
        : {
            customerAccountId: account,
            licenseArn: `arn:aws:license-manager::294406891311:license:l-${account.padStart(32, "0")}`,
          };
  const send = (records: readonly RecordInput[], outcome = "Success"): void => {
    now += 50 + Math.floor(roll() * 400);
    calls.push(observedBatch({ at: now, outcome, records }));
  };
  const keyOf = (record: Sent): string =>
    [
      record.customerAccountId ?? record.customerIdentifier,
      record.dimension,
      Math.floor(record.timestamp / hour),
    ].join();

  /** One call as the service answers it; what came back. */
  const deliver = (records: readonly Sent[], isLucky: boolean): readonly Sent[] => {
    const back = new Set(isLucky || !chance(0.15) ? [] : records.filter(() => chance(0.3)));
    const answered = records.map((record) => {
      if (back.has(record)) return { ...record, status: "Unprocessed" as const };
      const key = keyOf(record);
      const isReplay = stored.has(key);
      if (isReplay && stored.get(key) !== record.quantity) throw new Error("the model client sent another quantity");
      stored.set(key, record.quantity);
      return { ...record, status: isReplay ? ("Replayed" as const) : ("Success" as const) };
    });
    send(answered);
    return [...back];
  };

  const sendBatch = (batch: readonly Sent[]): readonly Sent[] => {
    if (chance(0.1)) send(batch, chance(0.5) ? "ThrottlingException" : "InternalServiceErrorException");
    if (chance(0.05) && batch.length < 25) {
      const bad = { ...batch[0], dimension: "reqests" };
      // Found at once, or by halves.
      send([...batch, bad], "InvalidUsageDimensionException");
      if (chance(0.5)) return deliver(batch, false);
      const half = Math.ceil(batch.length / 2);
      const left = deliver(batch.slice(0, half), false);
      send([...batch.slice(half), bad], "InvalidUsageDimensionException");
      send([bad], "InvalidUsageDimensionException");
      return batch.length > half ? [...left, ...deliver(batch.slice(half), false)] : left;
    }
    const back = deliver(batch, false);
    // The answer was lost: the same again.
    return chance(0.1) && back.length === 0 ? deliver(batch, true) : back;
  };

  let queue: Sent[] = [];
  let down = 0;
  for (let index = 0; index < client.hours; index += 1) {
    const hourAt = start + index * hour;
    for (const buyer of buyers) {
      if (hourAt < buyer.joins || hourAt >= buyer.leaves) continue;
      for (const [at, dimension] of dimensions.entries()) {
        const grows = buyer.index % 5 === 0 ? 500 + index : Math.floor(roll() * 100);
        const quantity = chance(0.2) && grows < 500 ? 0 : grows + at;
        if (quantity === 0 && !client.zeros) continue;
        const into = client.stamp === "start" ? 0 : client.stamp === "end" ? hour - 1_000 : Math.floor(roll() * hour);
        queue.push({ ...identify(buyer.account), timestamp: hourAt + into, dimension, quantity });
      }
    }
    now = hourAt + hour + client.lag * minute;
    if (down === 0 && chance(0.05)) down = 1 + Math.floor(roll() * 8);
    const isLast = index === client.hours - 1;
    if (down > 0 && !isLast) {
      down -= 1;
      continue;
    }
    const inFinalHour = queue;
    queue = [];
    let left: readonly Sent[] = inFinalHour;
    do {
      const back: Sent[] = [];
      for (let from = 0; from < left.length; from += 25) back.push(...sendBatch(left.slice(from, from + 25)));
      left = back;
    } while (left.length > 0 && !client.patient);
    queue.push(...left);
  }
  const arrivals = buyers.map((buyer) => ({
    ...{ productCode, buyerAccountId: buyer.account, from: buyer.joins },
    ...(Number.isFinite(buyer.leaves) ? { to: buyer.leaves + hour } : {}),
  }));
  const known: Partial<Knowledge> = {
    now: now + 5 * minute,
    accountOf: (record) => record.customerAccountId ?? record.customerIdentifier?.slice("id-".length),
    metered: arrivals,
    dimensionsOf: () => dimensions,
    productOfLicense: () => productCode,
  };
  return { calls, known };
}
