/** Which actions a key may call (S-33, S-34). */
import { ServiceError } from "../api/errors.ts";
import { callerArn as arnOfCaller } from "../api/identity.ts";
import type { Credential, OperationName } from "../api/types.ts";

/** IAM patterns: `*` any text, `?` one character; actions compare without case. */
function matches(pattern: string, action: string): boolean {
  const expression = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${expression}$`, "i").test(action);
}

const allowedByList = new WeakMap<readonly string[], Map<string, boolean>>();

/** Patterns are compiled once a list and action: the lists are rows of the catalogue and never change in place. */
export function isAllowed(allow: readonly string[], action: string): boolean {
  let known = allowedByList.get(allow);
  if (known === undefined) {
    known = new Map();
    allowedByList.set(allow, known);
  }
  let allowed = known.get(action);
  if (allowed === undefined) {
    allowed = allow.some((pattern) => matches(pattern, action));
    known.set(action, allowed);
  }
  return allowed;
}

/** Who AWS would say is calling. */
export function callerArn(credential: Credential, region: string): string {
  return arnOfCaller(credential, credential.accountId, region);
}

/** Throws AccessDeniedException, or UnauthorizedException for a denied dry run (M-42). */
export function requireAllowed(
  credential: Credential,
  region: string,
  operation: OperationName,
  isDryRun: boolean,
): void {
  const action = `aws-marketplace:${operation}`;
  if (isAllowed(credential.allow, action)) return;
  throw new ServiceError(
    isDryRun ? "UnauthorizedException" : "AccessDeniedException",
    `User: ${callerArn(credential, region)} is not authorized to perform: ${action} because no identity-based policy allows the ${action} action`,
  );
}
