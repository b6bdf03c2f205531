/** One registration token in several ResolveCustomer calls: AWS's texts do not agree that this works (T-3, J-31). */
import { minuteMs } from "../../api/limits.ts";
import type { Check, Finding, Knowledge, ObservedCall } from "../observed.ts";
import { about, Evidence, entryOf, principalOf } from "./evidence.ts";
import { plural } from "./tally.ts";

/** A call so soon after another may be the SDK's retry of one whose answer was lost. */
const retryMs = minuteMs;

/** Where the trail does not say which token it was: a buyer comes back with a new one later than that, as a rule. */
const sameVisitMs = 10 * minuteMs;

/** Tokens remembered at once; the oldest are forgotten first. */
const tokensMax = 100_000;

interface Last {
  at: number;
  requestId: string;
}

interface Repeats {
  readonly productCode: string | undefined;
  readonly caller: string;
  readonly isCertain: boolean;
  readonly evidence: Evidence;
  count: number;
}

class TwiceLook {
  readonly #last = new Map<string, Last>();
  readonly #repeats = new Map<string, Repeats>();

  see(call: ObservedCall): void {
    if (call.operation !== "ResolveCustomer") return;
    if (call.outcome === "ExpiredTokenException" && /single use/.test(call.errorMessage ?? "")) {
      const repeats = this.#repeatsOf(call, true);
      repeats.evidence.add(call.requestId, call.at);
      repeats.count += 1;
    }
    if (call.resolved === undefined) return;
    const fingerprint = call.request.TokenFingerprint;
    const isCertain = typeof fingerprint === "string";
    const { customerIdentifier, accountId, licenseArn } = call.resolved;
    const buyer = JSON.stringify([
      principalOf(call.caller),
      call.productCode,
      customerIdentifier,
      accountId,
      licenseArn,
    ]);
    const key = isCertain ? fingerprint : buyer;
    const last = this.#last.get(key);
    // Put at the end again: a Map's first is its oldest.
    this.#last.delete(key);
    this.#last.set(key, { at: call.at, requestId: call.requestId });
    if (last === undefined) {
      for (const oldest of this.#last.keys()) {
        if (this.#last.size <= tokensMax) break;
        this.#last.delete(oldest);
      }
      return;
    }
    const gap = call.at - last.at;
    if (gap < retryMs || (!isCertain && gap > sameVisitMs)) return;
    const repeats = this.#repeatsOf(call, isCertain);
    repeats.evidence.add(last.requestId, last.at);
    repeats.evidence.add(call.requestId, call.at);
    repeats.count += 1;
  }

  #repeatsOf({ productCode, caller: session }: ObservedCall, isCertain: boolean): Repeats {
    const caller = principalOf(session);
    const make = () => ({ productCode, caller, isCertain, evidence: new Evidence(), count: 0 });
    return entryOf(this.#repeats, `${productCode} ${caller} ${isCertain}`, make);
  }

  findings(): readonly Finding[] {
    return [...this.#repeats.values()].map(({ productCode, caller, isCertain, evidence, count }) => ({
      check: tokenResolvedTwice.name,
      severity: isCertain ? "risk" : "advice",
      ...about(productCode, caller),
      title: isCertain
        ? `${plural(count, "ResolveCustomer call")} sent a registration token that had been resolved before.`
        : `${plural(count, "ResolveCustomer call")} gave the same buyer of the same product again within 10 minutes: the token was resolved twice, or the buyer came back with a new one.`,
      fix: "Keep what the first ResolveCustomer returned and read it from there; AWS may refuse a token that was resolved before.",
      rules: ["T-3", "T-4", "J-31"],
      evidence: evidence.requestIds,
      count,
    }));
  }
}

export const tokenResolvedTwice: Check = {
  name: "token-resolved-twice",
  about: "The same registration token is resolved more than once.",
  look: (_known: Knowledge) => new TwiceLook(),
};
