/** Registration tokens that reach the call still encoded, or decoded twice (T-1, T-5). */
import { type TokenMistake, tokenMistakeIn } from "../../rules/registrationTokens.ts";
import type { Check, Finding, ObservedCall } from "../observed.ts";
import { about, Evidence, entryOf, principalOf } from "./evidence.ts";
import { plural } from "./tally.ts";

interface Mistakes {
  readonly caller: string;
  readonly mistake: TokenMistake;
  readonly evidence: Evidence;
}

class EncodingLook {
  readonly #mistakes = new Map<string, Mistakes>();

  see({ operation, outcome, errorMessage, requestId, caller: session }: ObservedCall): void {
    if (operation !== "ResolveCustomer" || outcome !== "InvalidTokenException") return;
    const mistake = tokenMistakeIn(errorMessage ?? "");
    if (mistake === undefined) return;
    const caller = principalOf(session);
    const make = () => ({ caller, mistake, evidence: new Evidence() });
    entryOf(this.#mistakes, `${mistake} ${caller}`, make).evidence.add(requestId);
  }

  findings(): readonly Finding[] {
    return [...this.#mistakes.values()].map(({ caller, mistake, evidence }) => ({
      check: tokenDoublyEncoded.name,
      severity: "risk",
      ...about(undefined, caller),
      title: `${plural(evidence.count, "ResolveCustomer call")} sent a registration token that ${mistake === "not decoded" ? "was still URL-encoded" : "had been URL-decoded twice"}: those buyers could not register.`,
      fix:
        mistake === "not decoded"
          ? "Decode the form field x-amzn-marketplace-token once before the call; a form parser of your framework does it."
          : "Decode the form field x-amzn-marketplace-token once only: your framework's form parser has already done it.",
      rules: ["T-1", "T-5"],
      evidence: evidence.requestIds,
      count: evidence.count,
    }));
  }
}

export const tokenDoublyEncoded: Check = {
  name: "token-doubly-encoded",
  about: "Registration tokens reach ResolveCustomer still URL-encoded, or decoded twice.",
  look: () => new EncodingLook(),
};
