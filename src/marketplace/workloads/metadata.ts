/**
 * The instance metadata service, version 2: a token first, then everything by that token.
 * Source: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-categories.html
 */
import { createHmac } from "node:crypto";
import { partitionOf } from "../../api/regions.ts";
import type { Credential, Workload } from "../../api/types.ts";
import { sameBytes } from "../../protocol/sigv4Keys.ts";
import { roleArnOf } from "./identity.ts";
import { type WorkloadKeys, WorkloadStopped } from "./keys.ts";

const tokenHeader = "x-aws-ec2-metadata-token";
const lifeHeader = "x-aws-ec2-metadata-token-ttl-seconds";
const lifeMaxSec = 21_600;
const timeBytes = 8;

export interface MetadataOptions {
  readonly workload: (id: string) => Workload | undefined;
  readonly keys: WorkloadKeys;
  readonly wallClock: () => number;
}

/** Answers for one instance. `path` begins at `/latest`. */
export type Metadata = (workloadId: string, path: string, request: Request) => Promise<Response>;

export function createMetadata({ workload: find, keys, wallClock }: MetadataOptions): Metadata {
  return async (workloadId, path, request) => {
    const workload = find(workloadId);
    if (workload?.kind !== "ec2")
      return text(404, `There is no instance '${workloadId}'; 'meterhouse workload run ec2' makes one.`);
    if (workload.stoppedAt !== undefined) return text(404, `The instance ${workloadId} is stopped.`);
    if (path === "/latest/api/token") return tokenAnswer(workload, request, wallClock());
    if (request.method !== "GET" && request.method !== "HEAD") return text(405, "The metadata is read with GET.");
    if (!isToken(workload, request.headers.get(tokenHeader), wallClock())) {
      return text(
        401,
        `Unauthorized: this instance speaks version 2 of the metadata service. PUT /latest/api/token with the header ${lifeHeader}, and send what it answers as ${tokenHeader}.`,
      );
    }
    try {
      const found = await lookup(workload, path.replace(/\/$/, ""), keys);
      if (found === undefined) return text(404, `Nothing is served at ${path}.`);
      return typeof found === "string" ? text(200, found) : Response.json(found, { headers: noStore });
    } catch (error) {
      if (error instanceof WorkloadStopped) return text(404, error.message);
      throw error;
    }
  };
}

const noStore = { "Cache-Control": "no-store" };

function text(status: number, body: string, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(body, { status, headers: { "Content-Type": "text/plain", ...noStore, ...headers } });
}

function tokenAnswer(workload: Workload, request: Request, now: number): Response {
  if (request.method !== "PUT") return text(405, "A token is asked for with PUT.", { Allow: "PUT" });
  // What a forwarding proxy adds; AWS refuses it too, so that a proxy that is open to all hands out no keys.
  if (request.headers.has("x-forwarded-for")) return text(403, "Forbidden: the request came through a proxy.");
  const given = request.headers.get(lifeHeader) ?? "";
  const seconds = Number(given);
  if (!/^\d{1,5}$/.test(given) || seconds < 1 || seconds > lifeMaxSec) {
    return text(400, `Bad Request: ${lifeHeader} must be a number of seconds from 1 to ${lifeMaxSec}.`);
  }
  return text(200, tokenFor(workload, now + seconds * 1_000), { [lifeHeader]: given });
}

/** Nothing is kept: the token carries its end, and proves itself under the workload's secret, over restarts too. */
function tokenFor(workload: Workload, endsAt: number): string {
  const time = Buffer.alloc(timeBytes);
  time.writeBigUInt64BE(BigInt(endsAt));
  const { id, launchedAt, authorizationToken } = workload;
  const proof = createHmac("sha256", authorizationToken).update(`imds ${id} ${launchedAt} `).update(time).digest();
  return Buffer.concat([time, proof]).toString("base64");
}

function isToken(workload: Workload, given: string | null, now: number): boolean {
  if (given === null) return false;
  const bytes = Buffer.from(given, "base64");
  if (bytes.length <= timeBytes) return false;
  const endsAt = Number(bytes.readBigUInt64BE());
  if (!Number.isSafeInteger(endsAt)) return false;
  return sameBytes(Buffer.from(tokenFor(workload, endsAt)), Buffer.from(given)) && now < endsAt;
}

type Found = string | object | undefined;

async function lookup(workload: Workload, path: string, keys: WorkloadKeys): Promise<Found> {
  const { region, roleName, resource } = workload;
  const roles = "/latest/meta-data/iam/security-credentials";
  if (path === `${roles}/${roleName}`) return keysAnswer(await keys.current(workload));
  const texts: Readonly<Record<string, string>> = {
    "/latest": "dynamic\nmeta-data",
    "/latest/meta-data":
      "ami-id\niam/\ninstance-id\ninstance-life-cycle\ninstance-type\nlocal-ipv4\nplacement/\nproduct-codes\nservices/",
    "/latest/meta-data/ami-id": imageId,
    "/latest/meta-data/iam": "info\nsecurity-credentials/",
    [roles]: roleName,
    "/latest/meta-data/instance-id": resource,
    "/latest/meta-data/instance-life-cycle": "on-demand",
    "/latest/meta-data/instance-type": instanceType,
    "/latest/meta-data/local-ipv4": privateIp,
    "/latest/meta-data/placement": "availability-zone\nregion",
    "/latest/meta-data/placement/availability-zone": `${region}a`,
    "/latest/meta-data/placement/region": region,
    "/latest/meta-data/services": "domain\npartition",
    "/latest/meta-data/services/domain": partitionOf(region) === "aws-cn" ? "amazonaws.com.cn" : "amazonaws.com",
    "/latest/meta-data/services/partition": partitionOf(region) ?? "aws",
    "/latest/dynamic": "instance-identity/",
    "/latest/dynamic/instance-identity": "document",
  };
  if (Object.hasOwn(texts, path)) return texts[path];
  if (path === "/latest/meta-data/product-codes") return workload.productCodes?.join("\n");
  if (path === "/latest/meta-data/iam/info") {
    const profile = roleArnOf(workload).replace(":role/", ":instance-profile/");
    return { Code: "Success", LastUpdated: isoSeconds(workload.launchedAt), InstanceProfileArn: profile };
  }
  return path === "/latest/dynamic/instance-identity/document" ? identityDocument(workload) : undefined;
}

const imageId = "ami-0123456789abcdef0";
const instanceType = "m7i.large";
const privateIp = "10.0.0.10";

/** SPEC M-3: what names the instance, its Region and its account. Unsigned: nobody checks it against AWS's certificate here. */
function identityDocument({ accountId, region, resource, productCodes, launchedAt }: Workload): object {
  return {
    accountId,
    architecture: "x86_64",
    availabilityZone: `${region}a`,
    billingProducts: null,
    devpayProductCodes: null,
    imageId,
    instanceId: resource,
    instanceType,
    kernelId: null,
    marketplaceProductCodes: productCodes ?? null,
    pendingTime: isoSeconds(launchedAt),
    privateIp,
    ramdiskId: null,
    region,
    version: "2017-09-30",
  };
}

function keysAnswer({ accessKeyId, secretAccessKey, sessionToken, expiresAt = 0, createdAt }: Credential): object {
  return {
    Code: "Success",
    LastUpdated: isoSeconds(createdAt),
    Type: "AWS-HMAC",
    AccessKeyId: accessKeyId,
    SecretAccessKey: secretAccessKey,
    Token: sessionToken,
    Expiration: isoSeconds(expiresAt),
  };
}

/** Whole seconds: some SDKs read no fraction. */
export function isoSeconds(at: number): string {
  return new Date(at).toISOString().replace(/\.\d+Z$/, "Z");
}
