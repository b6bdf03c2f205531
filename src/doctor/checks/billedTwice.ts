/** What the two checks of usage that was billed twice share (K-8): keys that do not see each other. */
import type { Finding } from "../observed.ts";
import { findingOf, type Group, plural, showUnits } from "./tally.ts";

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
