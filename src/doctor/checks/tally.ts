/** What checks count, by product and caller, and the findings that come of it. */
import type { Finding, ObservedCall } from "../observed.ts";
import { evidenceMax } from "../observed.ts";

/** Where something was seen: one finding each. */
export interface Place {
  readonly productCode: string;
  readonly caller: string;
}

export function placeKey({ productCode, caller }: Place): string {
  return `${productCode}\n${caller}`;
}

export interface Sight {
  readonly at: number;
  readonly requestId: string;
}

export interface Group extends Place {
  count: number;
  /** Units by dimension. */
  readonly quantities: Record<string, number>;
  /** Whatever else a check counts, by its own names. */
  readonly figures: Record<string, number>;
  readonly sights: Sight[];
}

/** Members left out count nothing. */
export interface Entry {
  readonly count?: number;
  readonly dimension?: string;
  readonly quantity?: number;
  readonly figures?: Readonly<Record<string, number>>;
  readonly sights?: readonly Sight[];
}

export interface Tally {
  add(place: Place, entry: Entry): void;
  groups(): readonly Group[];
}

/** More than a finding shows, as they are not always met in order of time. */
const sightsMax = 5 * evidenceMax;

export function createTally(): Tally {
  const groups = new Map<string, Group>();
  return {
    add: ({ productCode, caller }, { count = 1, dimension, quantity = 0, figures = {}, sights = [] }) => {
      const key = placeKey({ productCode, caller });
      const group = groups.get(key) ?? { productCode, caller, count: 0, quantities: {}, figures: {}, sights: [] };
      groups.set(key, group);
      group.count += count;
      if (dimension !== undefined && quantity > 0) addTo(group.quantities, dimension, quantity);
      for (const [name, figure] of Object.entries(figures)) addTo(group.figures, name, figure);
      for (const sight of sights) {
        const isNew = group.sights.length < sightsMax && !group.sights.some((one) => one.requestId === sight.requestId);
        if (isNew) group.sights.push({ at: sight.at, requestId: sight.requestId });
      }
    },
    groups: () => [...groups.values()],
  };
}

function addTo(sums: Record<string, number>, name: string, amount: number): void {
  // Dimensions are sellers' names: `constructor` may be one.
  sums[name] = (Object.hasOwn(sums, name) ? (sums[name] ?? 0) : 0) + amount;
}

export function sightOf({ at, requestId }: ObservedCall): Sight {
  return { at, requestId };
}

/** What a finding says beyond its group. */
export function findingOf(
  group: Group,
  said: Pick<Finding, "check" | "severity" | "title" | "fix" | "rules">,
): Finding {
  const { productCode, caller, count, quantities, sights } = group;
  const evidence = sights.toSorted((a, b) => a.at - b.at).map(({ requestId }) => requestId);
  return {
    ...said,
    ...(productCode === "" ? {} : { productCode }),
    caller,
    evidence: evidence.slice(0, evidenceMax),
    count,
    ...(hasUnits(group) ? { quantities: { ...quantities } } : {}),
  };
}

export function hasUnits({ quantities }: Group): boolean {
  return Object.keys(quantities).length > 0;
}

const namesMax = 3;

/** "40 units of requests and 3 of storage". */
export function showUnits(quantities: Readonly<Record<string, number>>): string {
  const parts = Object.entries(quantities).map(([dimension, quantity], index) =>
    index === 0 ? `${plural(quantity, "unit")} of ${dimension}` : `${showNumber(quantity)} of ${dimension}`,
  );
  const left = parts.length - namesMax;
  const shown = left > 0 ? [...parts.slice(0, namesMax), plural(left, "more dimension")] : parts;
  return shown.length < 2 ? shown.join("") : `${shown.slice(0, -1).join(", ")} and ${shown.at(-1)}`;
}

/** "1 record", "1,200 records". */
export function plural(count: number, noun: string): string {
  return `${showNumber(count)} ${noun}${count === 1 ? "" : "s"}`;
}

function showNumber(value: number): string {
  return value.toLocaleString("en-US");
}

/** "1 record was", "2 records were". */
export function pluralWas(count: number, noun: string): string {
  return `${plural(count, noun)} ${count === 1 ? "was" : "were"}`;
}
