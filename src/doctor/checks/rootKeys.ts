/** Calls with keys of an account's root user, which can do everything and cannot be limited. */
import type { Check, Finding, ObservedCall } from "../observed.ts";
import { about, Evidence, entryOf } from "./evidence.ts";
import { pluralWas } from "./tally.ts";

class RootLook {
  readonly #calls = new Map<string, Evidence>();

  see({ caller, requestId }: ObservedCall): void {
    if (isRoot(caller)) entryOf(this.#calls, caller, () => new Evidence()).add(requestId);
  }

  findings(): readonly Finding[] {
    return [...this.#calls].map(([caller, { count, requestIds }]) => ({
      check: rootKeys.name,
      severity: "risk",
      ...about(undefined, caller),
      title: `${pluralWas(count, "call")} signed with keys of the account's root user.`,
      fix: "Delete the root user's access keys and call with a role that allows only the aws-marketplace actions in use.",
      // The checklist's row on security has no id of its own.
      rules: ["I.1 Security", "S-34"],
      evidence: requestIds,
      count,
    }));
  }
}

/** `arn:aws:iam::111122223333:root`. */
export function isRoot(caller: string): boolean {
  return /^arn:[\w-]+:iam::\d{12}:root$/.test(caller);
}

export const rootKeys: Check = {
  name: "root-or-user-keys",
  about: "Calls are signed with keys of an account's root user.",
  look: () => new RootLook(),
};
