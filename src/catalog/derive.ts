/**
 * Identifiers that a document leaves out. They are computed from the natural key of the row, so that loading the same
 * document anywhere, any number of times, gives the same ids; secrets are random.
 */
import { createHash, randomBytes } from "node:crypto";
import { licenseIssuerAccountId, licenseTail } from "../api/identifiers.ts";
import type { CredentialKind } from "../api/types.ts";
import type { AgreementEntry, CatalogDocument } from "./schema.ts";

const LOWER = "abcdefghijklmnopqrstuvwxyz0123456789";
const MIXED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
export function sha256Hex(text: string): string {
  return createHash("sha256").update(text, "utf8").digest("hex");
}

/** `length` characters of `alphabet` that depend on nothing but `key`. */
function derived(alphabet: string, length: number, ...key: readonly string[]): string {
  let number = BigInt(`0x${sha256Hex(JSON.stringify(key))}`);
  const base = BigInt(alphabet.length);
  let text = "";
  while (text.length < length) {
    text += alphabet.charAt(Number(number % base));
    number /= base;
  }
  return text;
}

/** T-11: 11 mixed-case letters and digits, one value per buyer. */
export function customerIdentifierFor(accountId: string): string {
  return derived(MIXED, 11, "customer", accountId);
}

/** Its 13 characters after `prod-` are those of AWS's catalogue ids. */
export function entityIdFor(productCode: string): string {
  return `prod-${derived(LOWER, 13, "product", productCode)}`;
}

export function defaultCredentialName(kind: CredentialKind): string {
  return kind === "iam-user" ? "user" : "role";
}

/** AKIA… for the long-term key of a user, ASIA… for the temporary keys of every role. */
export function accessKeyIdFor(credential: {
  readonly account: string;
  readonly kind: CredentialKind;
  readonly name?: string | undefined;
}): string {
  const { account, kind, name = defaultCredentialName(kind) } = credential;
  return `${kind === "iam-user" ? "AKIA" : "ASIA"}${derived(BASE32, 16, "credential", account, kind, name)}`;
}

/** 40 characters, as AWS's. */
export function newSecretAccessKey(): string {
  return randomBytes(30).toString("base64");
}

/** Opaque to clients; the head is that of AWS's tokens, so that people recognise what they look at. */
export function newSessionToken(): string {
  return `IQoJb3JpZ2luX2Vj${randomBytes(150).toString("base64")}`;
}

/** `key`: whose target it is, of what, and where it is. */
export function targetIdFor(...key: readonly string[]): string {
  return `target-${derived(LOWER, 20, "notification target", ...key)}`;
}

export function licenseArnFor(agreementId: string): string {
  return `arn:aws:license-manager::${licenseIssuerAccountId}:license:l-${sha256Hex(JSON.stringify(["license", agreementId])).slice(0, 32)}`;
}

export interface AgreementIdentity {
  readonly id: string;
  /** Absent while nothing was activated (pending, or the payment failed) and the document names none. */
  readonly licenseArn?: string;
}

/**
 * Ids of a document's agreements, in its order. An agreement without an id gets one from product, buyer and its place
 * among the agreements of the two: an agreement with an id takes a place too, so that writing down the generated id of
 * one does not change that of the next.
 */
export function agreementIdentities(document: CatalogDocument): AgreementIdentity[] {
  const counts = new Map<string, number>();
  return (document.agreements ?? []).map((entry) => {
    const pair = pairKey(entry);
    const place = (counts.get(pair) ?? 0) + 1;
    counts.set(pair, place);
    const id = entry.id ?? `agmt-${derived(LOWER, 25, "agreement", entry.product, entry.buyer, String(place))}`;
    const licenseArn = entry.license ?? (isActivated(entry) ? licenseArnFor(id) : undefined);
    return licenseArn === undefined ? { id } : { id, licenseArn };
  });
}

/** Where a document's agreements are, for those who refer to them. Made once: documents can be large. */
export interface AgreementIndex {
  readonly identities: readonly AgreementIdentity[];
  /** Places in the document. */
  readonly byId: ReadonlyMap<string, number>;
  /** By the `l-…` tail; of several (a renewal that kept its licence) the last. */
  readonly byLicense: ReadonlyMap<string, number>;
  /** By `pairKey`. */
  readonly byPair: ReadonlyMap<string, readonly number[]>;
}

export function indexAgreements(document: CatalogDocument, identities: readonly AgreementIdentity[]): AgreementIndex {
  const byId = new Map<string, number>();
  const byLicense = new Map<string, number>();
  for (const [place, { id, licenseArn }] of identities.entries()) {
    byId.set(id, place);
    if (licenseArn !== undefined) byLicense.set(licenseTail(licenseArn), place);
  }
  const places = [...(document.agreements ?? []).keys()];
  const byPair = Map.groupBy(places, (place) => {
    const entry = document.agreements?.[place];
    return entry ? pairKey(entry) : "";
  });
  return { identities, byId, byLicense, byPair };
}

export function pairKey(entry: { readonly product: string; readonly buyer: string }): string {
  return `${entry.buyer} ${entry.product}`;
}

export function isActivated(entry: AgreementEntry): boolean {
  return entry.state !== "pending" && entry.state !== "payment-failed";
}
