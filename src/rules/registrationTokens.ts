/** Whether a registration token resolves (SPEC D.1). */
import { ServiceError } from "../api/errors.ts";
import { secondMs } from "../api/limits.ts";
import type { Settings } from "../api/settings.ts";
import type { Product, RegistrationToken } from "../api/types.ts";
import { showTime } from "./times.ts";

/** What a client did to a token that exists (T-1, T-5). */
export type TokenMistake = "not decoded" | "decoded twice";

export interface TokenFacts {
  readonly callerAccountId: string;
  readonly value: string;
  readonly token: RegistrationToken | undefined;
  /** Tells the client what it did wrong. */
  readonly mistake: TokenMistake | undefined;
  readonly product: Product | undefined;
}

const mistakeTexts: Readonly<Record<TokenMistake, string>> = {
  "not decoded": "It is still URL-encoded",
  "decoded twice": "It has spaces where the token has '+', as after decoding twice",
};

/** The mistake that an InvalidTokenException's message tells of. */
export function tokenMistakeIn(message: string): TokenMistake | undefined {
  const mistakes: readonly TokenMistake[] = ["not decoded", "decoded twice"];
  return mistakes.find((mistake) => message.includes(mistakeTexts[mistake]));
}

/** Throws InvalidTokenException or ExpiredTokenException. AWS's own text comes first (C-2). */
export function requireToken(
  facts: TokenFacts,
  settings: Settings,
  now: number,
): { readonly token: RegistrationToken; readonly product: Product } {
  const { token, product } = facts;
  if (token === undefined) {
    throw new ServiceError(
      "InvalidTokenException",
      `Registration token is invalid. ${
        facts.mistake === undefined
          ? "It is not a token of this marketplace, or it was cut or changed on the way. This is about the buyer's token, not about your AWS credentials."
          : `${mistakeTexts[facts.mistake]}: decode the form field x-amzn-marketplace-token exactly once before the call.`
      }`,
    );
  }
  if (product === undefined || product.sellerAccountId !== facts.callerAccountId) {
    throw new ServiceError(
      "InvalidTokenException", // C-20, T-7
      `Registration token is invalid. It is not for a product of account ${facts.callerAccountId}; call with credentials of the account that publishes the product.`,
    );
  }
  const expiresAt = token.issuedAt + settings["token.ttlSec"] * secondMs;
  if (now >= expiresAt) {
    throw new ServiceError(
      "ExpiredTokenException", // T-2, T-4
      `The submitted registration token has expired: it was issued at ${showTime(token.issuedAt)} and expired at ${showTime(expiresAt)}. Resolve a token as soon as the buyer arrives; the buyer gets a new one with "Set up your account".`,
    );
  }
  if (settings["token.singleUse"] && token.resolvedAt !== undefined) throw alreadyResolved(token.resolvedAt);
  return { token, product };
}

/** T-4 with token.singleUse. */
export function alreadyResolved(resolvedAt: number): ServiceError {
  return new ServiceError(
    "ExpiredTokenException",
    `The submitted registration token has expired: it was resolved at ${showTime(resolvedAt)} and tokens are for single use here (token.singleUse). Keep what the first call returned; the buyer gets a new one with "Set up your account".`,
  );
}
