/** Who AWS would say is calling: the ARNs and unique ids of users, roles and their sessions. */
import { hash } from "node:crypto";
import { partitionOf } from "./regions.ts";
import type { Credential } from "./types.ts";

/** What of a key says who it belongs to; never its secrets. */
export type CallerIdentity = Pick<
  Credential,
  "kind" | "name" | "sessionName" | "resource" | "launchedAt" | "createdAt"
>;

/** M-3: the session of an instance is named after the instance; those of tasks and pods after their last part. */
export function sessionNameOf({ sessionName, resource, name }: CallerIdentity): string {
  return sessionName ?? resource?.split("/").at(-1) ?? name;
}

/** The name that CloudTrail finds a caller by. */
export function userNameOf(identity: CallerIdentity): string {
  return identity.kind === "iam-user" ? identity.name : sessionNameOf(identity);
}

export function callerArn(identity: CallerIdentity, accountId: string, region: string): string {
  const partition = partitionOf(region) ?? "aws";
  const { kind, name } = identity;
  if (kind === "iam-user") return `arn:${partition}:iam::${accountId}:user/${name}`;
  return `arn:${partition}:sts::${accountId}:assumed-role/${name}/${sessionNameOf(identity)}`;
}

/** AWS's unique id of a user or role: opaque, stable for a principal. */
export function principalId({ kind, name }: CallerIdentity, accountId: string): string {
  const unique = hash("sha256", `${accountId}/${name}`, "hex").slice(0, 17).toUpperCase();
  return `${kind === "iam-user" ? "AIDA" : "AROA"}${unique}`;
}
