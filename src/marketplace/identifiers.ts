/** Identifiers of the marketplace, drawn at random in the forms that AWS uses. */
import { randomBytes, randomInt } from "node:crypto";
import { licenseIssuerAccountId } from "../api/identifiers.ts";

const lowerAlphanumeric = "abcdefghijklmnopqrstuvwxyz0123456789";

function randomText(alphabet: string, length: number): string {
  let text = "";
  for (let index = 0; index < length; index += 1) text += alphabet[randomInt(alphabet.length)];
  return text;
}

/** `agmt-` and 25 lower-case letters and digits (SPEC N-20). */
export function newAgreementId(): string {
  return `agmt-${randomText(lowerAlphanumeric, 25)}`;
}

/** SPEC B-33. */
export function newLicenseArn(): string {
  return `arn:aws:license-manager::${licenseIssuerAccountId}:license:l-${randomBytes(16).toString("hex")}`;
}

/** `offer-` and 13 lower-case letters and digits. */
export function newOfferId(): string {
  return `offer-${randomText(lowerAlphanumeric, 13)}`;
}

/** Of a cancellation request: `acr-` and 25 lower-case letters and digits. */
export function newCancellationRequestId(): string {
  return `acr-${randomText(lowerAlphanumeric, 25)}`;
}

/** Of a billing adjustment: `ba-` and 25 lower-case letters and digits. */
export function newBillingAdjustmentId(): string {
  return `ba-${randomText(lowerAlphanumeric, 25)}`;
}

/**
 * An opaque registration token. Base64 with `+`, `/` and `=` inside, so that a client that decodes it twice or not at
 * all gets a token that does not resolve (SPEC T-1).
 */
export function newRegistrationToken(): string {
  const first = randomBytes(48).toString("base64");
  return `${first.slice(0, 20)}+${first.slice(20, 40)}/${first.slice(40)}${randomBytes(16).toString("base64")}`;
}
