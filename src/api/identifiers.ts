/** How identifiers that travel in several spellings are compared. */
import { hash } from "node:crypto";

/** The account in the ARN of every licence: the one that issues them, the same for all sellers and buyers. */
export const licenseIssuerAccountId = "294406891311";

/**
 * The dimension under which the ledger keeps what RegisterUsage meters by itself (SPEC R-10): a quantity of seconds.
 * Sellers cannot send it: products that register do not meter (SPEC C-15, C-19).
 */
export const registeredDimension = "RegisteredSeconds";

/** Outcome of the audit events under which those records are kept. No call has it: whoever lists calls leaves it out. */
export const meteredOutcome = "Metered";

/** Whether the text is the ARN of a licence, and not of something else (SPEC B-30). */
export function isLicenseArn(text: string): boolean {
  return /^arn:aws[a-zA-Z-]*:license-manager:.*l-[0-9a-f]{32}$/.test(text);
}

/**
 * What licences are compared by (SPEC B-33): the `l-…` tail, since events print the ARN without `arn:` and without
 * `license:`. Of another text, what follows the last `:` or `/`.
 */
export function licenseTail(licenseArn: string): string {
  return /l-[0-9a-f]{32}$/.exec(licenseArn)?.[0] ?? licenseArn.slice(licenseArn.search(/[^:/]*$/));
}

/** Registration tokens are kept by this, never by their value. Lower-case hex SHA-256. */
export function registrationTokenHash(value: string): string {
  return hash("sha256", value, "hex");
}
