/**
 * Catalogue rows as the text that engines keep. Secrets are sealed on the way in and unsealed on the way out, each
 * under a context of its own, so that a sealed secret copied into another row does not unseal there.
 */
import type { Credential, NotificationTarget, Product, Workload } from "../api/types.ts";
import { maskedUrl } from "../api/urls.ts";
import type { Sealer } from "./sealer.ts";

/** JSON of a credential: `secretAccessKey` and `sessionToken` sealed. */
export function credentialDocument(sealer: Sealer, credential: Credential): string {
  const { accessKeyId, secretAccessKey, sessionToken } = credential;
  return JSON.stringify({
    ...credential,
    secretAccessKey: sealer.seal(secretAccessKey, secretContext(accessKeyId)),
    ...(sessionToken === undefined ? {} : { sessionToken: sealer.seal(sessionToken, sessionContext(accessKeyId)) }),
  });
}

/** The inverse of `credentialDocument`. Throws when the sealer's key does not fit. */
export function credentialOf(sealer: Sealer, document: string): Credential {
  const sealed = JSON.parse(document) as Credential;
  const { accessKeyId, secretAccessKey, sessionToken } = sealed;
  return {
    ...sealed,
    secretAccessKey: sealer.unseal(secretAccessKey, secretContext(accessKeyId)),
    ...(sessionToken === undefined ? {} : { sessionToken: sealer.unseal(sessionToken, sessionContext(accessKeyId)) }),
  };
}

/** JSON of a product: `privateKeyPem` of each key version sealed. */
export function productDocument(sealer: Sealer, product: Product): string {
  const keyVersions = product.keyVersions.map((key) => ({
    ...key,
    privateKeyPem: sealer.seal(key.privateKeyPem, keyContext(product.code, key.version)),
  }));
  return JSON.stringify({ ...product, keyVersions });
}

/** The inverse of `productDocument`. Throws when the sealer's key does not fit. */
export function productOf(sealer: Sealer, document: string): Product {
  const sealed = JSON.parse(document) as Product;
  const keyVersions = sealed.keyVersions.map((key) => ({
    ...key,
    privateKeyPem: sealer.unseal(key.privateKeyPem, keyContext(sealed.code, key.version)),
  }));
  return { ...sealed, keyVersions };
}

/** A notification target as it is kept. */
export interface SealedTarget extends NotificationTarget {
  /** Where the address has a password: the whole of it; `url` then shows none. */
  readonly sealedUrl?: string;
  /** Sealed, but for rows of versions before this one. */
  readonly confirmationToken?: string;
}

/** JSON of a notification target: `sqs.secretAccessKey`, `confirmationToken` and a password in `url` sealed. */
export function targetDocument(sealer: Sealer, target: NotificationTarget): string {
  const { id, url, confirmationToken } = target;
  const shownUrl = maskedUrl(url);
  const kept: SealedTarget = {
    ...withSecret(target, (secret) => sealer.seal(secret, targetContext(id))),
    ...(confirmationToken === undefined ? {} : { confirmationToken: sealer.seal(confirmationToken, tokenContext(id)) }),
    ...(shownUrl === url ? {} : { url: shownUrl, sealedUrl: sealer.seal(url, urlContext(id)) }),
  };
  return JSON.stringify(kept);
}

/** The inverse of `targetDocument`. Throws when the sealer's key does not fit. */
export function targetOf(sealer: Sealer, document: string): NotificationTarget {
  const { sealedUrl, confirmationToken: token, ...sealed } = JSON.parse(document) as SealedTarget;
  const { id } = sealed;
  return {
    ...withSecret(sealed, (secret) => sealer.unseal(secret, targetContext(id))),
    ...(token === undefined ? {} : { confirmationToken: openedToken(sealer, token, id) }),
    ...(sealedUrl === undefined ? {} : { url: sealer.unseal(sealedUrl, urlContext(id)) }),
  };
}

/** Tokens were kept as they are before they were sealed: in hex, as which no sealed text begins. */
function openedToken(sealer: Sealer, token: string, id: string): string {
  return /^[0-9a-f]+$/.test(token) ? token : sealer.unseal(token, tokenContext(id));
}

/** JSON of a workload: `authorizationToken` sealed. */
export function workloadDocument(sealer: Sealer, workload: Workload): string {
  const authorizationToken = sealer.seal(workload.authorizationToken, workloadContext(workload.id));
  return JSON.stringify({ ...workload, authorizationToken });
}

/** The inverse of `workloadDocument`. Throws when the sealer's key does not fit. */
export function workloadOf(sealer: Sealer, document: string): Workload {
  const sealed = JSON.parse(document) as Workload;
  return { ...sealed, authorizationToken: sealer.unseal(sealed.authorizationToken, workloadContext(sealed.id)) };
}

/** The same document under another key. Throws when the old one does not fit. */
export function resealedDocument(
  kind: "credentials" | "products" | "targets" | "workloads",
  document: string,
  { from, to }: { readonly from: Sealer; readonly to: Sealer },
): string {
  switch (kind) {
    case "credentials":
      return credentialDocument(to, credentialOf(from, document));
    case "products":
      return productDocument(to, productOf(from, document));
    case "targets":
      return targetDocument(to, targetOf(from, document));
    case "workloads":
      return workloadDocument(to, workloadOf(from, document));
  }
}

function withSecret(target: NotificationTarget, change: (secret: string) => string): NotificationTarget {
  const { sqs } = target;
  if (sqs?.secretAccessKey === undefined) return target;
  return { ...target, sqs: { ...sqs, secretAccessKey: change(sqs.secretAccessKey) } };
}

function secretContext(accessKeyId: string): string {
  return `credential:${accessKeyId}`;
}

function sessionContext(accessKeyId: string): string {
  return `session-token:${accessKeyId}`;
}

function keyContext(productCode: string, version: number): string {
  return `product-key:${productCode}:${version}`;
}

function workloadContext(id: string): string {
  return `workload:${id}`;
}

function targetContext(id: string): string {
  return `notification-target:${id}`;
}

function tokenContext(id: string): string {
  return `notification-target:${id}:token`;
}

function urlContext(id: string): string {
  return `notification-target:${id}:url`;
}
