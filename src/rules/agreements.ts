/** The state of an agreement at an instant, from its times alone (B-80 to B-87). */
import { secondMs } from "../api/limits.ts";
import type { Settings } from "../api/settings.ts";
import type { Account, Agreement, Product } from "../api/types.ts";

export type AgreementState = "pending" | "active" | "final-hour" | "ended" | "payment-failed";

export function agreementState(agreement: Agreement, now: number, settings: Settings): AgreementState {
  const { startedAt, endedAt, failedAt, autoRenew, endsAt } = agreement;
  // B-86: the end of a fixed term ends it even before anybody has written that down; a renewal is written first.
  const endingAt = agreement.endingAt ?? (autoRenew === true ? undefined : endsAt);
  const isStarted = startedAt !== undefined && now >= startedAt;
  if (endedAt !== undefined && now >= endedAt) return "ended"; // B-83
  if (endingAt !== undefined && now >= endingAt) {
    // B-82, B-84, B-86: about one hour for the final records; none of what was cancelled before it started (B-80).
    return isStarted && now < endingAt + settings.finalHourSec * secondMs ? "final-hour" : "ended";
  }
  if (isStarted) return "active"; // B-81
  return failedAt !== undefined && now >= failedAt ? "payment-failed" : "pending"; // N-9, B-80
}

/** Whether usage is accepted now. */
export function isMeterable(agreement: Agreement, now: number, settings: Settings): boolean {
  const state = agreementState(agreement, now, settings);
  return state === "active" || state === "final-hour";
}

/** A buyer who may use the product now: some agreement takes usage and the account is not suspended (B-85). */
export function isEntitled(
  buyer: Account | undefined,
  agreements: readonly Agreement[],
  now: number,
  settings: Settings,
): boolean {
  return buyer !== undefined && !buyer.suspended && agreements.some((one) => isMeterable(one, now, settings));
}

/** B-42: a dimension that was added after a private offer was signed is accepted but not billed. */
export function isBillable(agreement: Agreement, dimension: string, product: Product): boolean {
  if (!agreement.privateOffer) return true;
  const found = product.dimensions.find((one) => one.name === dimension);
  return found === undefined || found.addedAt <= agreement.acceptedAt;
}
