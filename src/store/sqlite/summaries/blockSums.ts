/** A block of usage on disk: the newest call that stored something of it, then id, quantity and records of each sum. */

export interface UsageSum {
  quantity: number;
  records: number;
}

/** By id of the dimension, or of the subject. */
export type UsageSums = Map<number, UsageSum>;

export interface UsageBlock {
  /** Number of the call: sums as of an earlier one cannot be taken from the block. */
  readonly lastCall: number;
  readonly sums: UsageSums;
}

/**
 * Totals of the ledger are exact, and doubles are up to 2^53: two that are not above this can be added. No block holds a
 * larger sum, and sums of blocks that came to more are not added to any further.
 */
export const exactMax = 2 ** 52;

/** Returns the sum's quantity. */
export function addTo<Key>(sums: Map<Key, UsageSum>, key: Key, quantity: number, records: number): number {
  const sum = sums.get(key);
  if (sum === undefined) {
    sums.set(key, { quantity, records });
    return quantity;
  }
  sum.quantity += quantity;
  sum.records += records;
  return sum.quantity;
}

export function isExact(sums: UsageSums): boolean {
  return [...sums.values()].every(({ quantity }) => quantity <= exactMax);
}

const bytesPerNumber = 8;
const numbersPerSum = 3;

/** Doubles, the low byte first: whole numbers up to 2^53 are exact. */
export function encodedSums({ lastCall, sums }: UsageBlock): Uint8Array {
  const view = new DataView(new ArrayBuffer((1 + sums.size * numbersPerSum) * bytesPerNumber));
  let place = 0;
  const put = (value: number): void => {
    view.setFloat64(place, value, true);
    place += bytesPerNumber;
  };
  put(lastCall);
  for (const [id, { quantity, records }] of sums) for (const value of [id, quantity, records]) put(value);
  return new Uint8Array(view.buffer);
}

export function lastCallOf(content: Uint8Array): number {
  return new DataView(content.buffer, content.byteOffset, content.byteLength).getFloat64(0, true);
}

/** Adds the sums of a block to others; returns how many they were, and the largest quantity that it came to. */
export function addBlock(into: UsageSums, content: Uint8Array): { readonly count: number; readonly largest: number } {
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  const at = (place: number): number => view.getFloat64(place * bytesPerNumber, true);
  const count = (content.byteLength / bytesPerNumber - 1) / numbersPerSum;
  let largest = 0;
  for (let place = 1; place < count * numbersPerSum; place += numbersPerSum) {
    largest = Math.max(largest, addTo(into, at(place), at(place + 1), at(place + 2)));
  }
  return { count, largest };
}
