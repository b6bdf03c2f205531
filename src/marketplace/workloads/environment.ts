/** The environment variables by which AWS's SDKs find a workload's credentials, its Region and this server. */
import type { Workload } from "../../api/types.ts";
import { roleArnOf } from "./identity.ts";

export type Variables = Readonly<Record<string, string>>;

/** Where EKS mounts the token. Whoever runs a pod elsewhere writes it to a file of their own, and says so. */
export const tokenFileDefault = "/var/run/secrets/eks.amazonaws.com/serviceaccount/token";

export interface Addresses {
  /** Of this server, as the workload reaches it; without a slash at its end. */
  readonly baseUrl: string;
  /** EC2: where its metadata service listens. */
  readonly metadataPort: number | undefined;
}

export function variablesOf(workload: Workload, { baseUrl, metadataPort }: Addresses): Variables {
  const { kind, region } = workload;
  const common = {
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_ENDPOINT_URL_MARKETPLACE_METERING: baseUrl,
    AWS_ENDPOINT_URL_STS: baseUrl,
  };
  if (kind === "ec2") {
    const url = new URL(baseUrl);
    return { ...common, AWS_EC2_METADATA_SERVICE_ENDPOINT: `http://${url.hostname}:${metadataPort ?? 80}` };
  }
  if (kind === "eks") {
    return {
      ...common,
      AWS_ROLE_ARN: roleArnOf(workload),
      AWS_WEB_IDENTITY_TOKEN_FILE: tokenFileDefault,
      AWS_STS_REGIONAL_ENDPOINTS: "regional",
    };
  }
  const inside = `${baseUrl}/workloads/${workload.id}/ecs`;
  const container = {
    ...common,
    AWS_CONTAINER_CREDENTIALS_FULL_URI: `${inside}/credentials`,
    AWS_CONTAINER_AUTHORIZATION_TOKEN: workload.authorizationToken,
  };
  if (kind === "agentcore") return container;
  return {
    ...container,
    ECS_CONTAINER_METADATA_URI_V4: `${inside}/metadata`,
    AWS_EXECUTION_ENV: kind === "fargate" ? "AWS_ECS_FARGATE" : "AWS_ECS_EC2",
  };
}

/** SDKs send container credentials' requests over HTTP to loopback names only: no address that means "all of them". */
export function reachable(publicUrl: string): string {
  return publicUrl.replace("//0.0.0.0", "//127.0.0.1").replace("//[::]", "//[::1]");
}
