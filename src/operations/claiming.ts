/** Decide and claim, again when the facts moved in between. */
import { ServiceError } from "../api/errors.ts";
import { type ClaimOutcome, type ClaimUnit, StaleFactsError, type StoreFailure } from "../store/ledger.ts";
import type { Store } from "../store/store.ts";

/** A decision rests on one version of the catalogue; this many changes in a row under one call are not to be expected. */
const decisionsMax = 20;

/**
 * Runs `decide` and claims what it answers. The catalogue's version travels with the claim, so that usage cannot be
 * accepted for an agreement that ended between the decision and the commit.
 */
export async function decideAndClaim<T extends { readonly unit: Omit<ClaimUnit, "factsVersion"> }>(
  store: Store,
  decide: () => T | Promise<T>,
): Promise<T & { readonly outcome: ClaimOutcome }> {
  for (let attempt = 1; ; attempt += 1) {
    const factsVersion = store.catalog.version;
    const deciding = decide();
    // Only what has to wait does: a turn of the queue for each batch would be felt.
    const decision = deciding instanceof Promise ? await deciding : deciding;
    try {
      return { ...decision, outcome: await store.ledger.claim({ ...decision.unit, factsVersion }) };
    } catch (error) {
      if (!(error instanceof StaleFactsError) || attempt === decisionsMax) throw error;
    }
  }
}

/** What a caller is told when the store failed: retry, unchanged. */
export function storeFailed(failure: StoreFailure): ServiceError {
  const error = new ServiceError(
    "InternalServiceErrorException",
    failure.stored === "no"
      ? "The service could not store the request; nothing of it was kept. Send it again unchanged."
      : "The service cannot tell whether the request was stored. Send it again unchanged: what was kept is not kept twice.",
  );
  error.cause = failure; // For the log.
  return error;
}
