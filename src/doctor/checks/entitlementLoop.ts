/** K-14: GetEntitlements and ResolveCustomer in loops, where one answer would do for a while. */
import { minuteMs } from "../../api/limits.ts";
import type { Check, Finding, Knowledge, ObservedCall, UntracedCall } from "../observed.ts";
import { about, Evidence, entryOf } from "./evidence.ts";
import { plural } from "./tally.ts";

/** The same question so often within a minute is a loop: entitlements change by the day, a token's buyer never. */
const loopMin = 20;
const loopMs = minuteMs;
const questionsMax = 20_000;

interface Burst {
  readonly firstAt: number;
  count: number;
  readonly evidence: Evidence;
}

interface Loops {
  readonly operation: string;
  readonly caller: string;
  readonly productCode: string | undefined;
  readonly bursts: Set<Burst>;
}

class LoopLook {
  readonly #bursts = new Map<string, Burst>();
  readonly #loops = new Map<string, Loops>();
  readonly #callers = new Map<string, string>();
  readonly #throttled = new Map<string, Evidence>();

  see(call: ObservedCall): void {
    const { operation, caller, productCode, at, requestId, accessKeyId } = call;
    const question = questionOf(call);
    if (question === undefined) return;
    this.#callers.set(accessKeyId, caller);
    if (call.outcome === "ThrottlingException") this.#throttle(operation, caller, requestId);
    const key = `${operation} ${caller} ${question}`;
    let burst = this.#bursts.get(key);
    if (burst === undefined || at - burst.firstAt >= loopMs) {
      if (this.#bursts.size >= questionsMax) this.#forget(at);
      burst = { firstAt: at, count: 0, evidence: new Evidence() };
      this.#bursts.set(key, burst);
    }
    burst.count += 1;
    burst.evidence.add(requestId);
    if (burst.count < loopMin) return;
    const make = () => ({ operation, caller, productCode, bursts: new Set<Burst>() });
    entryOf(this.#loops, `${operation} ${caller} ${productCode}`, make).bursts.add(burst);
  }

  seeUntraced({ operation, outcome, accessKeyId, requestId }: UntracedCall): void {
    if (outcome !== "ThrottlingException" || accessKeyId === undefined) return;
    if (operation !== "GetEntitlements" && operation !== "ResolveCustomer") return;
    const caller = this.#callers.get(accessKeyId);
    if (caller !== undefined) this.#throttle(operation, caller, requestId);
  }

  #throttle(operation: string, caller: string, requestId: string): void {
    entryOf(this.#throttled, `${operation} ${caller}`, () => new Evidence()).add(requestId);
  }

  #forget(now: number): void {
    for (const [key, { firstAt }] of this.#bursts) {
      if (now - firstAt >= loopMs || this.#bursts.size >= questionsMax) this.#bursts.delete(key);
    }
  }

  findings(): readonly Finding[] {
    return [...this.#loops.values()].map(({ operation, caller, productCode, bursts }) => {
      const throttled = this.#throttled.get(`${operation} ${caller}`)?.count ?? 0;
      const most = Math.max(...[...bursts].map(({ count }) => count));
      const shown = new Evidence();
      for (const { evidence } of bursts) for (const id of evidence.requestIds) shown.add(id);
      return {
        check: entitlementLoop.name,
        severity: throttled === 0 ? "advice" : "risk",
        ...about(productCode, caller),
        title: `The same ${operation} was called ${most} times within a minute${throttled === 0 ? "" : `, and ${plural(throttled, "call")} of the caller ${throttled === 1 ? "was" : "were"} throttled`}.`,
        fix:
          operation === "GetEntitlements"
            ? "Keep the entitlements of a buyer and ask again when a notification says that they changed, or by the hour."
            : "Resolve a token once, when the buyer arrives, and keep the answer.",
        rules: ["K-14", "C-30"],
        evidence: shown.requestIds,
        count: bursts.size,
      };
    });
  }
}

/** What was asked; undefined where that cannot be told, and of further pages, which are no repetition. */
function questionOf({ operation, productCode, request, resolved }: ObservedCall): string | undefined {
  if (operation === "GetEntitlements") {
    if (request.NextToken !== undefined) return undefined;
    return JSON.stringify([productCode, request.Filter]);
  }
  if (operation !== "ResolveCustomer") return undefined;
  if (typeof request.TokenFingerprint === "string") return request.TokenFingerprint;
  return resolved === undefined ? undefined : JSON.stringify([productCode, resolved]);
}

export const entitlementLoop: Check = {
  name: "entitlement-loop",
  about: "GetEntitlements or ResolveCustomer is called over and over with the same question.",
  look: (_known: Knowledge) => new LoopLook(),
};
