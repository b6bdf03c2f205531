/** How identifiers that travel in several spellings are compared. */
import { hash } from "node:crypto";

/**
 * What a licence ARN is known by: its `l-…` tail (SPEC B-33). undefined: it is the ARN of something else (B-30).
 * Events print the ARN without `arn:` and without `license:`, so only the tail is compared.
 */
export function licenseTail(licenseArn: string): string | undefined {
  return /^(?:arn:aws[a-zA-Z-]*:)?(?:aws:)?license-manager:.*?(l-[0-9a-f]{32})$/.exec(licenseArn)?.[1];
}

/** Registration tokens are kept by this, never by their value. Lower-case hex SHA-256. */
export function registrationTokenHash(value: string): string {
  return hash("sha256", value, "hex");
}
