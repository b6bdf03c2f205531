/** What the two checks of usage that was billed twice share (K-8): keys that do not see each other. */
import type { Finding, ObservedCall } from "../observed.ts";
import type { Book } from "./book.ts";
import type { Held } from "./heldHour.ts";
import { findingOf, type Group, plural, showUnits } from "./tally.ts";
import type { UsageKey } from "./usageKeys.ts";

/** The call's own claim of the key, where this call was the first in its Region. */
export function claimOf(book: Book, key: UsageKey, call: ObservedCall): Held | undefined {
  const held = book.held(key, call.region);
  return held?.requestId === call.requestId ? held : undefined;
}

export function billedTwice(
  group: Group,
  said: Pick<Finding, "check" | "fix" | "rules"> & { readonly how: string },
): Finding {
  const { how, ...rest } = said;
  return findingOf(group, {
    ...rest,
    severity: "double-billing",
    title: `Usage of ${plural(group.count, "hour")} was accepted ${how}: ${showUnits(group.quantities)} billed twice.`,
  });
}
