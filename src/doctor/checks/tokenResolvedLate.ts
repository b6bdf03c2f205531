/** Registration tokens that lie about before they are resolved: they expire, and the buyer cannot register (T-2). */
import { hourMs, minuteMs } from "../../api/limits.ts";
import type { Check, Finding, Knowledge, ObservedCall } from "../observed.ts";
import { about, Evidence, entryOf, principalOf } from "./evidence.ts";
import { plural, pluralWas } from "./tally.ts";

/** AWS says 4 hours, and warns of about one on the same page (T-2): whoever resolves at once needs seconds. */
const lateMs = hourMs;

interface Late {
  readonly productCode: string | undefined;
  readonly caller: string;
  readonly evidence: Evidence;
  resolved: number;
  expired: number;
  longestMs: number;
}

class LateLook {
  readonly #late = new Map<string, Late>();
  /** Time between issue and first resolution of those that took long. */
  readonly #delays = new Map<string, number>();

  constructor(known: Knowledge) {
    for (const { productCode, buyerAccountId, issuedAt, resolvedAt } of known.tokens) {
      if (resolvedAt === undefined || resolvedAt - issuedAt <= lateMs) continue;
      this.#delays.set(keyOf(productCode, buyerAccountId, resolvedAt), resolvedAt - issuedAt);
    }
  }

  see(call: ObservedCall): void {
    if (call.operation !== "ResolveCustomer") return;
    if (isExpiry(call)) {
      const late = this.#lateOf(call);
      late.expired += 1;
      late.evidence.add(call.requestId);
    }
    const { productCode, resolved, at } = call;
    if (productCode === undefined || resolved?.accountId === undefined) return;
    const delay = this.#delays.get(keyOf(productCode, resolved.accountId, at));
    if (delay === undefined) return;
    const late = this.#lateOf(call);
    late.resolved += 1;
    late.evidence.add(call.requestId);
    late.longestMs = Math.max(late.longestMs, delay);
  }

  #lateOf({ productCode, caller: session }: ObservedCall): Late {
    const caller = principalOf(session);
    return entryOf(this.#late, `${productCode} ${caller}`, () => ({
      productCode,
      caller,
      evidence: new Evidence(),
      resolved: 0,
      expired: 0,
      longestMs: 0,
    }));
  }

  findings(): readonly Finding[] {
    return [...this.#late.values()].map(({ productCode, caller, evidence, resolved, expired, longestMs }) => {
      const sentences = [
        resolved === 0
          ? ""
          : `${pluralWas(resolved, "registration token")} resolved more than an hour after being issued, the slowest after ${spanText(longestMs)}.`,
        expired === 0
          ? ""
          : `${plural(expired, "call")} came with a registration token that had expired: those buyers could not register.`,
      ];
      return {
        check: tokenResolvedLate.name,
        severity: "risk",
        ...about(productCode, caller),
        title: sentences.filter((sentence) => sentence !== "").join(" "),
        fix: "Call ResolveCustomer in the handler of the registration POST, before the buyer fills in any form, and keep its answer instead of the token. Tokens expire after 4 hours.",
        rules: ["T-2", "T-4"],
        evidence: evidence.requestIds,
        count: resolved + expired,
      };
    });
  }
}

/** S-6: an expired session has the same name; T-4: so has a token of single use that was used. */
function isExpiry({ outcome, errorMessage = "" }: ObservedCall): boolean {
  return outcome === "ExpiredTokenException" && !/security token|single use/i.test(errorMessage);
}

function keyOf(productCode: string, accountId: string, resolvedAt: number): string {
  return `${productCode} ${accountId} ${resolvedAt}`;
}

function spanText(ms: number): string {
  const minutes = Math.floor(ms / minuteMs);
  return minutes < 120 ? `${minutes} minutes` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export const tokenResolvedLate: Check = {
  name: "token-resolved-late",
  about: "Registration tokens are resolved more than an hour after they were issued, or when they have expired.",
  look: (known) => new LateLook(known),
};
