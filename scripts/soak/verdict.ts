/** Whether what was measured over time stays level: by the slope of its second half, when everything is warm. */

export interface Series {
  readonly name: string;
  readonly unit: string;
  readonly values: readonly number[];
  /** What it may grow by over the second half: so much, or this share of its median, whichever is more. */
  readonly growthMax: number;
  readonly growthShareMax: number;
}

export interface Verdict {
  readonly name: string;
  readonly unit: string;
  readonly first: number;
  readonly median: number;
  readonly highest: number;
  readonly last: number;
  /** Over the whole second half, by its slope; below 0 it shrinks. */
  readonly growth: number;
  readonly growthMax: number;
  readonly isLevel: boolean;
}

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [below = 0, above = 0] = [sorted[sorted.length % 2 === 0 ? middle - 1 : middle], sorted[middle]];
  return (below + above) / 2;
}

/** The median of the slopes between all pairs: what comes and goes, such as an export's thread, does not tilt it. */
export function slopeOf(values: readonly number[]): number {
  const slopes: number[] = [];
  for (const [from, before] of values.entries()) {
    for (const [offset, after] of values.slice(from + 1).entries()) slopes.push((after - before) / (offset + 1));
  }
  return slopes.length === 0 ? 0 : medianOf(slopes);
}

/** `values` are taken at even times. Throws where there are too few to tell. */
export function verdictOf({ name, unit, values, growthMax, growthShareMax }: Series): Verdict {
  const half = values.slice(Math.floor(values.length / 2));
  if (half.length < 3) throw new Error(`${values.length} samples of ${name} are too few to tell whether it is level.`);
  const median = medianOf(half);
  const growth = slopeOf(half) * (half.length - 1);
  const allowed = Math.max(growthMax, growthShareMax * median);
  return {
    ...{ name, unit, median, growth, growthMax: allowed },
    first: values[0] ?? 0,
    highest: Math.max(...values),
    last: values.at(-1) ?? 0,
    isLevel: growth <= allowed,
  };
}
