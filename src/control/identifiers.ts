/** Identifiers that a request may leave out, drawn at random in AWS's forms. */
import { randomInt } from "node:crypto";
import type { CredentialKind } from "../api/types.ts";

const base32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const lowerAlphanumeric = "abcdefghijklmnopqrstuvwxyz0123456789";
const digits = "0123456789";

function randomText(alphabet: string, length: number): string {
  return Array.from({ length }, () => alphabet.charAt(randomInt(alphabet.length))).join("");
}

/** 12 digits, the first not 0. */
export function newAccountId(): string {
  return `${randomInt(1, 10)}${randomText(digits, 11)}`;
}

/** AKIA… for the long-term key of a user, ASIA… for the temporary keys of every role. */
export function newAccessKeyId(kind: CredentialKind): string {
  return `${kind === "iam-user" ? "AKIA" : "ASIA"}${randomText(base32, 16)}`;
}

/** 25 lower-case letters and digits (SPEC N-2). */
export function newProductCode(): string {
  return randomText(lowerAlphanumeric, 25);
}
