/**
 * Web identity: the tokens that EKS projects into a pod, and the check that STS makes of them. Each cluster is an OIDC
 * issuer of its own; one key signs for all of them.
 * Source: https://docs.aws.amazon.com/eks/latest/userguide/iam-roles-for-service-accounts.html
 */
import { createHash, generateKeyPair } from "node:crypto";
import { promisify } from "node:util";
import { calculateJwkThumbprint, errors, exportJWK, importPKCS8, type JWK, jwtVerify, SignJWT } from "jose";
import { partitionOf } from "../../api/regions.ts";
import type { Workload } from "../../api/types.ts";
import type { WebIdentity } from "../../protocol/sts.ts";
import { parameterFault, QueryError } from "../../protocol/stsParameters.ts";
import type { Catalog } from "../../store/catalog.ts";
import type { KeyStore } from "../notifications/certificates.ts";
import { type WorkloadKeys, WorkloadStopped } from "./keys.ts";

const algorithm = "RS256";
const audience = "sts.amazonaws.com";
const storedName = "workload-identity";
/** Nobody renews the file, as a kubelet would every day; what ends the token's use is that its pod is stopped. */
const tokenLifeSec = 30 * 86_400;
const sessionMinSec = 900;
const sessionMaxSec = 43_200;

const makeKeys = promisify(generateKeyPair);

export interface IdentityOptions {
  readonly catalog: Catalog;
  readonly keys: WorkloadKeys;
  readonly keyStore: KeyStore;
  readonly wallClock: () => number;
  readonly publicUrl: () => string;
}

export interface Identity {
  /** The content of AWS_WEB_IDENTITY_TOKEN_FILE. */
  issueToken(workload: Workload): Promise<string>;
  /** `.well-known/openid-configuration` of a cluster; undefined for one that no workload is in. */
  configuration(clusterId: string): object | undefined;
  jwks(): Promise<{ readonly keys: readonly JWK[] }>;
  readonly webIdentity: WebIdentity;
}

interface SigningKey {
  readonly key: Awaited<ReturnType<typeof importPKCS8>>;
  readonly jwk: JWK;
}

export function roleArnOf({
  accountId,
  region,
  roleName,
}: Pick<Workload, "accountId" | "region" | "roleName">): string {
  return `arn:${partitionOf(region) ?? "aws"}:iam::${accountId}:role/${roleName}`;
}

export function createIdentity(options: IdentityOptions): Identity {
  const { catalog, publicUrl, wallClock } = options;
  let signing: Promise<SigningKey> | undefined;
  // Most runs have no pod: the key is made for the first one.
  const signingKey = (): Promise<SigningKey> => {
    signing ??= loadKey(options.keyStore).catch((error: unknown) => {
      // The database was away, say: the next pod tries again.
      signing = undefined;
      throw error;
    });
    return signing;
  };
  const pods = (): readonly Workload[] => catalog.all().workloads.filter((one) => one.kind === "eks");
  const issuer = (clusterId: string): string => `${publicUrl()}${issuerPath(clusterId)}`;

  const issueToken = async (workload: Workload): Promise<string> => {
    const { key, jwk } = await signingKey();
    const { namespace, name } = serviceAccountOf(workload);
    const now = Math.floor(wallClock() / 1_000);
    return new SignJWT({
      "kubernetes.io": {
        namespace,
        pod: { name: podName(workload), uid: uidOf(workload.resource) },
        serviceaccount: { name, uid: uidOf(`${namespace}/${name}`) },
      },
    })
      .setProtectedHeader({ alg: algorithm, kid: jwk.kid ?? "" })
      .setIssuer(issuer(clusterIdOf(workload)))
      .setSubject(subjectOf(workload))
      .setAudience([audience])
      .setIssuedAt(now)
      .setNotBefore(now)
      .setExpirationTime(now + tokenLifeSec)
      .sign(key);
  };

  const podOf = async (token: string): Promise<Workload> => {
    const { jwk } = await signingKey();
    const { payload } = await jwtVerify(token, jwk, {
      algorithms: [algorithm],
      audience,
      currentDate: new Date(wallClock()),
    }).catch((error: unknown) => {
      throw tokenFault(error);
    });
    // The path alone: the address may be another one after a restart, and the signature says that the token is ours.
    const path = URL.canParse(payload.iss ?? "") ? new URL(payload.iss ?? "").pathname : "";
    const { pod } = (payload["kubernetes.io"] ?? {}) as { readonly pod?: { readonly uid?: unknown } };
    const found = pods().find(
      (one) =>
        issuerPath(clusterIdOf(one)) === path && subjectOf(one) === payload.sub && uidOf(one.resource) === pod?.uid,
    );
    if (found !== undefined) return found;
    throw new QueryError("InvalidIdentityToken", `The pod of the token is gone (subject ${payload.sub ?? "none"}).`);
  };

  const webIdentity: WebIdentity = async ({ token, roleArn, sessionName, durationSec }) => {
    if (durationSec !== undefined && (durationSec < sessionMinSec || durationSec > sessionMaxSec)) {
      const bound =
        durationSec < sessionMinSec
          ? `greater than or equal to ${sessionMinSec}`
          : `less than or equal to ${sessionMaxSec}`;
      throw parameterFault("durationSeconds", String(durationSec), `have value ${bound}`);
    }
    const workload = await podOf(token);
    const expected = roleArnOf(workload);
    if (roleArn !== expected) {
      throw new QueryError(
        "AccessDenied",
        `Not authorized to perform sts:AssumeRoleWithWebIdentity (the service account ${subjectOf(workload)} may assume ${expected}, not ${roleArn}; set AWS_ROLE_ARN to it)`,
        403,
      );
    }
    const lifeMs = durationSec === undefined ? {} : { lifeMs: durationSec * 1_000 };
    const credential = await options.keys.issue(workload, { sessionName, ...lifeMs }).catch((error: unknown) => {
      if (!(error instanceof WorkloadStopped)) throw error;
      throw new QueryError(
        "AccessDenied",
        `Not authorized to perform sts:AssumeRoleWithWebIdentity (${error.message})`,
        403,
      );
    });
    const host = new URL(publicUrl()).host;
    const { accountId, region } = workload;
    const provider = `arn:${partitionOf(region) ?? "aws"}:iam::${accountId}:oidc-provider/${host}${issuerPath(clusterIdOf(workload))}`;
    return { credential, subject: subjectOf(workload), audience, provider };
  };

  return {
    issueToken,
    webIdentity,
    jwks: async () => ({ keys: [(await signingKey()).jwk] }),
    configuration: (clusterId) =>
      pods().some((one) => clusterIdOf(one) === clusterId)
        ? {
            issuer: issuer(clusterId),
            jwks_uri: `${issuer(clusterId)}/keys`,
            authorization_endpoint: "urn:kubernetes:programmatic_authorization",
            response_types_supported: ["id_token"],
            subject_types_supported: ["public"],
            id_token_signing_alg_values_supported: [algorithm],
            claims_supported: ["sub", "iss"],
          }
        : undefined,
  };
}

async function loadKey(store: KeyStore): Promise<SigningKey> {
  let pem = await store.read(storedName);
  if (pem === undefined) {
    const { privateKey } = await makeKeys("rsa", { modulusLength: 2_048 });
    pem = await store.keep(storedName, privateKey.export({ type: "pkcs8", format: "pem" }).toString(), undefined);
  }
  const key = await importPKCS8(pem, algorithm, { extractable: true });
  const { kty, n, e } = await exportJWK(key);
  const jwk: JWK = { ...(kty && { kty }), ...(n && { n }), ...(e && { e }), alg: algorithm, use: "sig" };
  return { key, jwk: { ...jwk, kid: await calculateJwkThumbprint(jwk) } };
}

function tokenFault(error: unknown): QueryError {
  if (error instanceof errors.JWTExpired) {
    return new QueryError(
      "ExpiredTokenException",
      "Token expired: write a new one into the file of AWS_WEB_IDENTITY_TOKEN_FILE (meterhouse workload env)",
    );
  }
  if (error instanceof errors.JWTClaimValidationFailed && error.claim === "aud") {
    return new QueryError("InvalidIdentityToken", `Incorrect token audience (it must be ${audience})`);
  }
  const why = error instanceof errors.JOSEError ? error.message : "it cannot be read";
  return new QueryError("InvalidIdentityToken", `The web identity token could not be validated (${why})`);
}

function serviceAccountOf({ serviceAccount }: Workload): NonNullable<Workload["serviceAccount"]> {
  return serviceAccount ?? { cluster: "demo", namespace: "default", name: "default" };
}

function subjectOf(workload: Workload): string {
  const { namespace, name } = serviceAccountOf(workload);
  return `system:serviceaccount:${namespace}:${name}`;
}

function podName({ resource }: Workload): string {
  return resource.split("/").at(-1) ?? resource;
}

/** EKS names an issuer by 32 upper-case hex digits. */
function clusterIdOf(workload: Workload): string {
  const { accountId, region } = workload;
  const key = `cluster ${accountId} ${region} ${serviceAccountOf(workload).cluster}`;
  return createHash("sha256").update(key).digest("hex").slice(0, 32).toUpperCase();
}

function issuerPath(clusterId: string): string {
  return `/workloads/oidc/id/${clusterId}`;
}

/** A UUID that depends on nothing but the text. */
function uidOf(text: string): string {
  const hex = createHash("sha256").update(text).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
