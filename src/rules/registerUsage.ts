/** The decision of RegisterUsage (SPEC E, order R-6). Pure: one error, or the key version to sign with. */
import { ServiceError } from "../api/errors.ts";
import type { Settings } from "../api/settings.ts";
import type { Account, Agreement, Credential, KeyVersion, Product } from "../api/types.ts";
import { isEntitled } from "./agreements.ts";
import { notEntitledText } from "./meterUsage.ts";
import { requireProduct } from "./products.ts";

export interface RegisterRequest {
  readonly ProductCode: string;
  readonly PublicKeyVersion: number;
  readonly Nonce?: string;
}

export interface RegisterFacts {
  readonly credential: Credential;
  readonly region: string;
  readonly product: Product | undefined;
  readonly buyer: Account | undefined;
  readonly agreements: readonly Agreement[];
  /** The task or pod registered before. */
  readonly isRegistered: boolean;
}

export interface RegisterDecision {
  readonly product: Product;
  readonly keyVersion: KeyVersion;
  readonly resource: string;
}

export function decideRegisterUsage(
  request: RegisterRequest,
  facts: RegisterFacts,
  settings: Settings,
  now: number,
): RegisterDecision {
  const { credential, region } = facts;
  const product = requireProduct(facts.product, request.ProductCode, "RegisterUsage", undefined);
  if (credential.productCodes !== undefined && !credential.productCodes.includes(product.code)) {
    throw new ServiceError(
      "InvalidProductCodeException",
      `The product code '${product.code}' is not valid here: ${credential.resource ?? "the caller"} runs an image of ${credential.productCodes.join(", ") || "no product"}. Send the code of the product whose image runs.`,
    );
  }
  if (credential.region !== undefined && credential.region !== region) {
    throw new ServiceError(
      "InvalidRegionException",
      `RegisterUsage must be called in the Region of the task: ${credential.resource} runs in ${credential.region}, the endpoint is in ${region}. Take the Region from the task's metadata instead of configuration.`,
    );
  }
  if ((credential.kind !== "ecs-task" && credential.kind !== "eks-irsa") || credential.resource === undefined) {
    throw new ServiceError(
      "PlatformNotSupportedException",
      `AWS Marketplace does not support metering usage from this platform (${credential.kind}). RegisterUsage is called by an ECS task (Fargate too) with its task role, or by an EKS pod with an IAM role for its service account.`,
    );
  }
  const keyVersion = product.keyVersions.find((one) => one.version === request.PublicKeyVersion);
  if (keyVersion === undefined) {
    throw new ServiceError(
      "InvalidPublicKeyVersionException",
      `The public key version ${request.PublicKeyVersion} is not valid for product ${product.code}; its versions are: ${product.keyVersions.map((one) => one.version).join(", ") || "none"}. Send one of them; /keys/${product.code}/<version>.pem has the public key.`,
    );
  }
  const isPreview = credential.accountId === product.sellerAccountId;
  // entitlement counts on the first call only.
  if (!isPreview && !facts.isRegistered && !isEntitled(facts.buyer, facts.agreements, now, settings)) {
    throw new ServiceError(
      "CustomerNotEntitledException",
      `${notEntitledText(credential.accountId, facts.buyer, product)} The container should exit.`,
    );
  }
  return { product, keyVersion, resource: credential.resource };
}

/** When the version was rotated out, if that is behind us (R-9, W-35). */
export function rotatedAt(keyVersion: KeyVersion, now: number): number | undefined {
  return keyVersion.rotatedAt !== undefined && keyVersion.rotatedAt <= now ? keyVersion.rotatedAt : undefined;
}

/** What the JWT says (R-21, R-22, K.4). */
export function registrationClaims(
  request: RegisterRequest,
  keyVersion: KeyVersion,
  settings: Settings,
  now: number,
): Record<string, string | number> {
  const rotated = rotatedAt(keyVersion, now);
  const claims: Record<string, string | number> = {
    productCode: request.ProductCode,
    publicKeyVersion: keyVersion.version,
    ...(request.Nonce === undefined ? {} : { nonce: request.Nonce }),
    ...(rotated === undefined ? {} : { publicKeyRotationTimestamp: Math.floor(rotated / 1_000) }),
    iat: Math.floor(now / 1_000),
  };
  if (settings.jwtClaims === "camel") return claims;
  const pascal = Object.entries(claims)
    .filter(([name]) => name !== "iat")
    .map(([name, value]) => [name.charAt(0).toUpperCase() + name.slice(1), value]);
  return { ...claims, ...Object.fromEntries(pascal) };
}
