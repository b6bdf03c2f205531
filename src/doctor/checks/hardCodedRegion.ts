/** Workloads that call another Region's endpoint than their own: the Region is in the configuration or the image. */
import type { Check, Finding, ObservedCall } from "../observed.ts";
import { about, Evidence, entryOf, principalOf } from "./evidence.ts";
import { plural } from "./tally.ts";

interface Misses {
  readonly operation: string;
  readonly productCode: string | undefined;
  readonly caller: string;
  readonly regions: Set<string>;
  readonly evidence: Evidence;
}

class RegionLook {
  readonly #misses = new Map<string, Misses>();

  see(call: ObservedCall): void {
    if (!isElsewhere(call)) return;
    const { operation, productCode, region } = call;
    const caller = principalOf(call.caller);
    const make = () => ({ operation, productCode, caller, regions: new Set<string>(), evidence: new Evidence() });
    const misses = entryOf(this.#misses, `${operation} ${productCode} ${caller}`, make);
    misses.regions.add(region);
    misses.evidence.add(call.requestId);
  }

  findings(): readonly Finding[] {
    return [...this.#misses.values()].map(({ operation, productCode, caller, regions, evidence }) => ({
      check: hardCodedRegion.name,
      severity: "risk",
      ...about(productCode, caller),
      title: `${plural(evidence.count, `${operation} call`)} went to ${[...regions].toSorted().join(", ")}, where the workload does not run, and ${evidence.count === 1 ? "was" : "were"} refused.`,
      fix: "Take the Region from the task's or instance's metadata, as the SDK's default does where AWS_REGION is set by the platform, and remove it from the code, the image and the configuration.",
      rules: operation === "RegisterUsage" ? ["R-3"] : ["M-4"],
      evidence: evidence.requestIds,
      count: evidence.count,
    }));
  }
}

/** L-1: a Region that does not offer the operation at all has the same error name; that is no matter of configuration. */
function isElsewhere({ operation, outcome, errorMessage = "" }: ObservedCall): boolean {
  if (operation === "RegisterUsage") return outcome === "InvalidRegionException";
  if (operation !== "MeterUsage" || outcome !== "InvalidEndpointRegionException") return false;
  return !/not offered|not supported/.test(errorMessage);
}

export const hardCodedRegion: Check = {
  name: "hard-coded-region",
  about: "Workloads call the endpoint of a Region in which they do not run.",
  look: () => new RegionLook(),
};
