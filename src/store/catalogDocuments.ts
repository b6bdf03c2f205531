/**
 * Catalogue rows as the text that engines keep. Secrets are sealed on the way in and unsealed on the way out, each
 * under a context of its own, so that a sealed secret copied into another row does not unseal there.
 */
import type { Credential, NotificationTarget, Product, Workload } from "../api/types.ts";
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

/** JSON of a notification target: `sqs.secretAccessKey` sealed. */
export function targetDocument(sealer: Sealer, target: NotificationTarget): string {
  const seal = (secret: string): string => sealer.seal(secret, targetContext(target.id));
  return JSON.stringify(withSecret(target, seal));
}

/** The inverse of `targetDocument`. Throws when the sealer's key does not fit. */
export function targetOf(sealer: Sealer, document: string): NotificationTarget {
  const sealed = JSON.parse(document) as NotificationTarget;
  return withSecret(sealed, (secret) => sealer.unseal(secret, targetContext(sealed.id)));
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
