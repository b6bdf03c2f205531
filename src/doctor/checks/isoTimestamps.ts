/** K-10: timestamps as text. The whole call is refused before anything of it is looked at. */
import type { Check, Finding, ObservedCall } from "../observed.ts";
import { about, Evidence, entryOf, principalOf } from "./evidence.ts";
import { plural } from "./tally.ts";

interface Refused {
  readonly productCode: string | undefined;
  readonly caller: string;
  readonly operation: string;
  readonly evidence: Evidence;
  records: number;
}

class IsoLook {
  readonly #refused = new Map<string, Refused>();

  see(call: ObservedCall): void {
    const { outcome, errorMessage = "", productCode, operation, records } = call;
    if (outcome !== "SerializationException" || !textAsTimestamp.test(errorMessage)) return;
    const caller = principalOf(call.caller);
    const make = () => ({ productCode, caller, operation, evidence: new Evidence(), records: 0 });
    const refused = entryOf(this.#refused, `${operation} ${productCode} ${caller}`, make);
    refused.evidence.add(call.requestId);
    refused.records += records.length;
  }

  findings(): readonly Finding[] {
    return [...this.#refused.values()].map(({ productCode, caller, operation, evidence, records }) => ({
      check: isoTimestamps.name,
      severity: "risk",
      ...about(productCode, caller),
      title: `${plural(evidence.count, `${operation} call`)}${records === 0 ? "" : ` with ${plural(records, "usage record")}`} sent a timestamp as text and ${evidence.count === 1 ? "was" : "were"} refused.`,
      fix: "Give the SDK a date object (new Date(…) in JavaScript); on the wire a timestamp is a JSON number of epoch seconds.",
      rules: ["K-10", "W-14"],
      evidence: evidence.requestIds,
      count: evidence.count,
    }));
  }
}

/** W-56. Jackson writes `can not` in some versions. */
const textAsTimestamp = /^STRING_VALUE can ?not be converted to (?:Timestamp|Date)/;

export const isoTimestamps: Check = {
  name: "iso-timestamps",
  about: "Timestamps are sent as text, which refuses the whole call.",
  look: () => new IsoLook(),
};
