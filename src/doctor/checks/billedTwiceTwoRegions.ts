/**
 * One usage that was accepted in two Regions, of which each keeps its own keys (K-8, B-60, L-3). A program that meters
 * each Region's own usage there is right, as Regions add up, and has the same quantity in both now and then: only where
 * half of what both Regions have is the same was it sent twice.
 */
import type { Check, Knowledge, Look } from "../observed.ts";
import { billedTwice } from "./billedTwice.ts";
import { bookOf, claimOf } from "./book.ts";
import { createTally, sightOf } from "./tally.ts";
import { placeOf } from "./usage.ts";
import { type UsageKey, usageOf } from "./usageKeys.ts";

export const billedTwiceTwoRegions: Check = {
  name: "billed-twice-two-regions",
  about: "The same usage that was accepted in two Regions, as after a fail-over: two bills.",
  look,
};

function look(known: Knowledge): Look {
  const book = bookOf(known);
  const tally = createTally();
  const shared = new Map<string, number>();
  return {
    see: (call) => {
      book.see(call);
      if (call.operation !== "BatchMeterUsage") return;
      const seen = new Set<UsageKey>();
      for (const record of call.records) {
        if (record.status !== "Success" || record.quantity === 0) continue;
        const { key } = usageOf(call, record, known);
        const claim = claimOf(book, key, call);
        const others = book.heldAll(key).filter(({ region, quantity }) => region !== call.region && quantity > 0);
        if (claim === undefined || others.length === 0 || seen.has(key)) continue;
        seen.add(key);
        const place = placeOf(call, record, known);
        const { productCode } = place;
        shared.set(productCode, (shared.get(productCode) ?? 0) + 1);
        const same = others.find(({ quantity }) => quantity === claim.quantity);
        if (same === undefined) continue;
        tally.add(place, { dimension: record.dimension, quantity: claim.quantity, sights: [same, sightOf(call)] });
      }
    },
    findings: () => {
      const groups = tally.groups();
      const sameIn = (productCode: string): number =>
        groups.filter((one) => one.productCode === productCode).reduce((sum, { count }) => sum + count, 0);
      return groups
        .filter(({ productCode }) => sameIn(productCode) >= (shared.get(productCode) ?? 0) / 2)
        .map((group) =>
          billedTwice(group, {
            check: "billed-twice-two-regions",
            how: "in two Regions",
            fix: "Meter a product in one Region. After a fail-over send only what the first Region is known not to have.",
            rules: ["K-8", "L-3", "B-60"],
          }),
        );
    },
  };
}
