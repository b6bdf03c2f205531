/**
 * RegisterUsage — https://docs.aws.amazon.com/marketplace/latest/APIReference/API_marketplace-metering_RegisterUsage.html
 *
 * A paid container says that it runs; it is metered by the second from then on. Errors in order of precedence
 * (R-6):
 *   DisabledApiException                  the Region does not offer the operation
 *   ThrottlingException                   more than 5 calls a second per account and Region
 *   InvalidProductCodeException           unknown, of another type, or not the product of the running image
 *   InvalidRegionException                the endpoint's Region is not the task's
 *   PlatformNotSupportedException         not an ECS task or an EKS pod with IRSA
 *   InvalidPublicKeyVersionException
 *   CustomerNotEntitledException          on the first call of a task or pod only
 */
import { importPKCS8, SignJWT } from "jose";
import { ServiceError } from "../api/errors.ts";
import { offersOperation, regionListOf } from "../api/regions.ts";
import type { KeyVersion, MeteringWorkload } from "../api/types.ts";
import { decideRegisterUsage, type RegisterRequest, registrationClaims, rotatedAt } from "../rules/registerUsage.ts";
import { StoreFailure } from "../store/ledger.ts";
import type { Store } from "../store/store.ts";
import { requestDetail } from "./auditDetail.ts";
import { decideAndClaim, storeFailed } from "./claiming.ts";
import { auditEvent, type Call, type Operation } from "./operation.ts";

export interface RegisterUsageResult {
  readonly PublicKeyRotationTimestamp?: number;
  readonly Signature: string;
}

export const RegisterUsage: Operation = {
  requireRegion: (_input, call) => {
    const { revision, enforceRegions } = call.settings;
    if (!enforceRegions || offersOperation("RegisterUsage", call.region, { revision })) return;
    throw new ServiceError(
      "DisabledApiException", // L-1
      `The API is disabled in the Region: RegisterUsage is not offered in ${call.region}. It is offered in ${regionListOf("RegisterUsage", { revision }).join(", ")}.`,
    );
  },

  handle: async (input, call, store): Promise<RegisterUsageResult> => {
    const request = input as RegisterRequest;
    try {
      const { result } = await decideAndClaim(store, () => decide(request, call, store));
      return result;
    } catch (error) {
      throw error instanceof StoreFailure ? storeFailed(error) : error;
    }
  },
};

/** Signs before the claim: a PS256 signature cannot be made again, and the audit trail shows the one that was sent. */
async function decide(request: RegisterRequest, call: Call, store: Store) {
  const { credential, region } = call;
  const product = store.catalog.product(request.ProductCode);
  const registered = store.ledger.workloads({
    productCode: request.ProductCode,
    ...(credential.resource === undefined ? {} : { resource: credential.resource }),
  });
  const decision = decideRegisterUsage(
    request,
    {
      credential,
      region,
      product,
      buyer: store.catalog.account(credential.accountId),
      agreements: product ? store.catalog.agreements(product.code, credential.accountId) : [],
      isRegistered: credential.resource !== undefined && registered.some((one) => one.operation === "RegisterUsage"),
    },
    call.settings,
    call.now,
  );
  // A task that was stopped after the call was authenticated: its registration must not run for ever.
  const { workloadId } = credential;
  const stoppedAt =
    credential.stoppedAt ?? (workloadId === undefined ? undefined : store.catalog.workload(workloadId)?.stoppedAt);
  const workload: MeteringWorkload = {
    productCode: decision.product.code,
    resource: decision.resource,
    accountId: credential.accountId,
    region,
    operation: "RegisterUsage",
    accessKeyId: credential.accessKeyId,
    ...(credential.launchedAt === undefined ? {} : { launchedAt: credential.launchedAt }),
    startedAt: call.now,
    // Where the stop was known before the call, nobody will tell of it again.
    ...(stoppedAt === undefined ? {} : { stoppedAt }),
  };
  const { keyVersion } = decision;
  const rotated = rotatedAt(keyVersion, call.now);
  const result: RegisterUsageResult = {
    ...(rotated === undefined ? {} : { PublicKeyRotationTimestamp: rotated / 1_000 }),
    Signature: await sign(registrationClaims(request, keyVersion, call.settings, call.now), keyVersion),
  };
  const audit = () =>
    auditEvent(call, "Success", {
      productCode: decision.product.code,
      ...requestDetail("RegisterUsage", request),
      response: { ...result },
    });
  return { result, unit: { records: [], workload, audit } };
}

const signingKeys = new WeakMap<KeyVersion, Awaited<ReturnType<typeof importPKCS8>>>();

/** A compact JWS, PS256, `alg` first in the header. */
async function sign(claims: Record<string, string | number>, keyVersion: KeyVersion): Promise<string> {
  let key = signingKeys.get(keyVersion);
  if (key === undefined) {
    key = await importPKCS8(keyVersion.privateKeyPem, "PS256");
    signingKeys.set(keyVersion, key);
  }
  return new SignJWT(claims).setProtectedHeader({ alg: "PS256", typ: "JWT" }).sign(key);
}
