/** Chance that repeats: the same seed gives the same run, on any machine. */

export type Random = () => number;

/** Mulberry32: 0 <= value < 1. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Either side of `value` with the right chance: sums of many stay true. */
export function rounded(value: number, random: Random): number {
  const whole = Math.floor(value);
  return random() < value - whole ? whole + 1 : whole;
}

/** Shares of the 1st, 2nd, … of `count`, which add up to 1. */
export function zipf(count: number, exponent: number): readonly number[] {
  const weights = Array.from({ length: count }, (_, index) => (index + 1) ** -exponent);
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

/** Where a key lands: a finaliser of murmur, as good as any for a model. */
export function place(key: number, places: number): number {
  let mixed = Math.imul(key ^ (key >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return ((mixed ^ (mixed >>> 16)) >>> 0) % places;
}
