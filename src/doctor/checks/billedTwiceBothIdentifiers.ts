/** One usage that was accepted by product code and by licence, which are two keys and two bills (K-8, B-34). */
import { licenseTail } from "../../api/identifiers.ts";
import type { Check, Knowledge, Look, ObservedCall, ObservedRecord } from "../observed.ts";
import { billedTwice } from "./billedTwice.ts";
import { bookOf, claimOf } from "./book.ts";
import { createTally, sightOf } from "./tally.ts";
import { placeOf, productOf } from "./usage.ts";
import { buyerHolder, keysOf, licenceHolder, type UsageKey } from "./usageKeys.ts";

export const billedTwiceBothIdentifiers: Check = {
  name: "billed-twice-both-identifiers",
  about: "An hour's usage of a customer that was accepted by product code and by licence: two bills.",
  look,
};

function look(known: Knowledge): Look {
  const book = bookOf(known);
  const keys = keysOf(known);
  const tally = createTally();
  /** By product and account: the licences that were metered. */
  const licenses = new Map<string, Set<string>>();

  /** Keys under which the same usage could have been counted by the other identifier. */
  const otherKeys = (call: ObservedCall, record: ObservedRecord): readonly UsageKey[] => {
    const productCode = productOf(call, record, known);
    const account = known.accountOf(record);
    if (productCode === "" || account === undefined) return [];
    const buyer = buyerHolder(productCode, account);
    if (record.licenseArn === undefined) {
      return [...(licenses.get(buyer) ?? [])].map((tail) => keys.keyOf(licenceHolder(tail), record));
    }
    const tails = licenses.get(buyer) ?? new Set<string>();
    licenses.set(buyer, tails.add(licenseTail(record.licenseArn)));
    return [keys.keyOf(buyer, record)];
  };

  return {
    see: (call) => {
      book.see(call);
      if (call.operation !== "BatchMeterUsage") return;
      const seen = new Set<UsageKey>();
      for (const record of call.records) {
        if (record.status !== "Success") continue;
        const others = otherKeys(call, record);
        const { key } = keys.of(call, record);
        const claim = claimOf(book, key, call);
        if (claim === undefined || seen.has(key)) continue;
        seen.add(key);
        for (const otherKey of others) {
          const other = book.held(otherKey, call.region);
          // Both of one call: told with the second of them.
          if (other === undefined || (other.requestId === call.requestId && !seen.has(otherKey))) continue;
          const twice = Math.min(claim.quantity, other.quantity);
          if (twice === 0) continue;
          const place = placeOf(call, record, known);
          tally.add(place, { dimension: record.dimension, quantity: twice, sights: [other, sightOf(call)] });
        }
      }
    },
    findings: () =>
      tally.groups().map((group) =>
        billedTwice(group, {
          check: "billed-twice-both-identifiers",
          how: "by product code and by licence",
          fix: "Meter a customer by one identifier; move from product code to licence between two hours, for hours that neither has been sent for.",
          rules: ["K-8", "B-34", "B-60"],
        }),
      ),
  };
}
