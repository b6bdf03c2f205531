/** Simulated compute: from a document's entries to rows, and back; and what AWS would call such a thing. */
import { createHash, randomBytes } from "node:crypto";
import { partitionOf } from "../api/regions.ts";
import type { Workload, WorkloadKind } from "../api/types.ts";
import type { Catalog } from "../store/catalog.ts";
import { defined } from "./rows.ts";
import type { WorkloadEntry } from "./schema.ts";
import { type CatalogTime, resolveTime } from "./times.ts";

export const workloadRegionDefault = "us-east-1";
export const workloadAllowDefault: readonly string[] = ["aws-marketplace:*"];
const roleDefault = "workload-role";
const clusterDefault = "demo";

export interface WorkloadContext {
  readonly existing: Catalog;
  /** Business milliseconds. */
  readonly now: number;
  readonly report: (path: readonly (string | number)[], message: string) => void;
}

/** What a document leaves out is computed from the id, so that loading it anywhere gives the same workload. */
export function workloadRow(entry: WorkloadEntry, { existing, now, report }: WorkloadContext): Workload {
  const stored = existing.workload(entry.id);
  if (stored !== undefined && (stored.kind !== entry.kind || stored.accountId !== entry.account)) {
    report(["id"], `the catalogue has a workload ${entry.id} of kind ${stored.kind} and account ${stored.accountId}`);
  }
  // Its keys and its metering would not hear of it.
  if (stored !== undefined && stored.stoppedAt === undefined && entry.stoppedAt !== undefined) {
    report(["stoppedAt"], `the workload ${entry.id} runs; stop it with 'meterhouse workload stop ${entry.id}'`);
  }
  const time = (given: CatalogTime | undefined, known: number | undefined): number | undefined =>
    given === undefined ? known : resolveTime(given, { now, stored: known });
  const made = newWorkload({
    id: entry.id,
    kind: entry.kind,
    accountId: entry.account,
    region: entry.region ?? stored?.region,
    roleName: entry.role ?? stored?.roleName,
    resource: entry.resource ?? stored?.resource,
    productCodes: entry.products ?? stored?.productCodes,
    allow: entry.allow ?? stored?.allow,
    cluster: entry.cluster ?? stored?.serviceAccount?.cluster,
    namespace: entry.namespace ?? stored?.serviceAccount?.namespace,
    serviceAccount: entry.serviceAccount ?? stored?.serviceAccount?.name,
    authorizationToken: entry.authorizationToken ?? stored?.authorizationToken,
    now: stored?.createdAt ?? now,
  });
  return defined({
    ...made,
    metadataPort: stored?.metadataPort,
    launchedAt: time(entry.launchedAt, stored?.launchedAt) ?? now,
    stoppedAt: time(entry.stoppedAt, stored?.stoppedAt),
  });
}

export function workloadEntry(row: Workload, secrets: boolean): WorkloadEntry {
  const { id, kind, region, resource, serviceAccount } = row;
  return defined({
    id,
    kind,
    account: row.accountId,
    region,
    role: row.roleName,
    resource,
    products: row.productCodes && [...row.productCodes],
    allow: [...row.allow],
    cluster: serviceAccount?.cluster,
    namespace: serviceAccount?.namespace,
    serviceAccount: serviceAccount?.name,
    authorizationToken: secrets ? row.authorizationToken : undefined,
    launchedAt: new Date(row.launchedAt).toISOString(),
    stoppedAt: row.stoppedAt === undefined ? undefined : new Date(row.stoppedAt).toISOString(),
  });
}

export interface NewWorkload {
  readonly id: string;
  readonly kind: WorkloadKind;
  readonly accountId: string;
  readonly region?: string | undefined;
  readonly roleName?: string | undefined;
  readonly resource?: string | undefined;
  readonly productCodes?: readonly string[] | undefined;
  readonly allow?: readonly string[] | undefined;
  readonly cluster?: string | undefined;
  readonly namespace?: string | undefined;
  readonly serviceAccount?: string | undefined;
  readonly authorizationToken?: string | undefined;
  /** Business milliseconds. */
  readonly now: number;
}

/** A workload that runs from now on. */
export function newWorkload(given: NewWorkload): Workload {
  const { id, kind, accountId, now } = given;
  const region = given.region ?? workloadRegionDefault;
  const cluster = given.cluster ?? clusterDefault;
  const namespace = given.namespace ?? "default";
  return defined({
    id,
    kind,
    accountId,
    region,
    roleName: given.roleName ?? roleDefault,
    resource: given.resource ?? resourceOf({ id, kind, accountId, region, cluster, namespace }),
    productCodes: given.productCodes,
    allow: given.allow ?? workloadAllowDefault,
    serviceAccount: kind === "eks" ? { cluster, namespace, name: given.serviceAccount ?? "default" } : undefined,
    authorizationToken: given.authorizationToken ?? randomBytes(32).toString("base64url"),
    launchedAt: now,
    createdAt: now,
  });
}

interface Place extends Pick<Workload, "id" | "kind" | "accountId" | "region"> {
  readonly cluster: string;
  readonly namespace: string;
}

/** In AWS's forms: the id of an instance, the ARN of anything else. */
function resourceOf({ id, kind, accountId, region, cluster, namespace }: Place): string {
  const hex = createHash("sha256").update(`workload ${accountId} ${region} ${id}`).digest("hex");
  const place = (service: string): string => `arn:${partitionOf(region) ?? "aws"}:${service}:${region}:${accountId}`;
  switch (kind) {
    case "ecs":
    case "fargate":
      return `${place("ecs")}:task/${cluster}/${hex.slice(0, 32)}`;
    case "eks":
      return `${place("eks")}:pod/${cluster}/${namespace}/${id}-${hex.slice(0, 10)}`;
    case "ec2":
      return `i-${hex.slice(0, 17)}`;
    case "agentcore":
      return `${place("bedrock-agentcore")}:runtime/${id.replaceAll("-", "_").slice(0, 48)}-${hex.slice(0, 10)}`;
  }
}
