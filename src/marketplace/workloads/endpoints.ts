/**
 * What AWS serves to compute from inside, under `/workloads`: container credentials and task metadata, the instance
 * metadata service, and the OIDC issuer of each cluster.
 * Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
 */
import { createHash } from "node:crypto";
import { type Context, Hono } from "hono";
import type { Credential, Workload } from "../../api/types.ts";
import { sameBytes } from "../../protocol/sigv4Keys.ts";
import { type Identity, roleArnOf } from "./identity.ts";
import { type WorkloadKeys, WorkloadStopped } from "./keys.ts";
import { isoSeconds, type Metadata } from "./metadata.ts";

export interface WorkloadEndpointsOptions {
  readonly workload: (id: string) => Workload | undefined;
  readonly keys: WorkloadKeys;
  readonly metadata: Metadata;
  readonly identity: Identity;
}

export function createWorkloadEndpoints(options: WorkloadEndpointsOptions): Hono {
  const { identity, metadata } = options;
  const app = new Hono();
  app.use("/workloads/*", async (context, next) => {
    await next();
    context.header("Cache-Control", "no-store");
  });
  app.get("/workloads/oidc/id/:cluster/.well-known/openid-configuration", (context) => {
    const found = identity.configuration(context.req.param("cluster"));
    return found === undefined
      ? refusal(context, 404, "NotFound", "No pod runs in such a cluster.")
      : context.json(found);
  });
  app.get("/workloads/oidc/id/:cluster/keys", async (context) => {
    const found = identity.configuration(context.req.param("cluster"));
    return found === undefined
      ? refusal(context, 404, "NotFound", "No pod runs in such a cluster.")
      : context.json(await identity.jwks());
  });
  app.all("/workloads/:id/imds/*", (context) => {
    const { id } = context.req.param();
    return metadata(id, context.req.path.slice(`/workloads/${id}/imds`.length), context.req.raw);
  });
  addContainerEndpoints(app, options);
  return app;
}

/** ECS and Fargate tasks, and AgentCore runtimes, which get their keys the same way. */
function addContainerEndpoints(app: Hono, { workload: find, keys }: WorkloadEndpointsOptions): void {
  const findContainer = (id: string): Workload | undefined => {
    const found = find(id);
    return found?.kind === "ecs" || found?.kind === "fargate" || found?.kind === "agentcore" ? found : undefined;
  };
  const unknown = (context: Context): Response =>
    refusal(
      context,
      404,
      "NotFound",
      `There is no container workload '${context.req.param("id") ?? ""}'; 'meterhouse workload run' makes one.`,
    );

  app.get("/workloads/:id/ecs/credentials", async (context) => {
    const workload = findContainer(context.req.param("id"));
    if (workload === undefined) return unknown(context);
    if (!isSecret(context.req.header("authorization") ?? "", workload.authorizationToken)) {
      return refusal(
        context,
        401,
        "AccessDenied",
        "The Authorization header is not the workload's token; set AWS_CONTAINER_AUTHORIZATION_TOKEN to the one that 'meterhouse workload env' prints.",
      );
    }
    try {
      return context.json(keysAnswer(workload, await keys.current(workload)));
    } catch (error) {
      if (!(error instanceof WorkloadStopped)) throw error;
      return refusal(context, 404, "WorkloadStopped", `${error.message} It has no credentials any more.`);
    }
  });
  // As on AWS, whoever is inside may ask: there is no secret in it.
  app.get("/workloads/:id/ecs/metadata", (context) => {
    const workload = findContainer(context.req.param("id"));
    return workload === undefined ? unknown(context) : context.json(containerOf(workload));
  });
  app.get("/workloads/:id/ecs/metadata/task", (context) => {
    const workload = findContainer(context.req.param("id"));
    return workload === undefined ? unknown(context) : context.json(taskOf(workload));
  });
}

function refusal(context: Context, status: 401 | 404, code: string, message: string): Response {
  return context.json({ Code: code, Message: message }, status);
}

/** Of digests, so that not even the length can be measured. */
function isSecret(given: string, secret: string): boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return sameBytes(digest(given), digest(secret));
}

function keysAnswer(workload: Workload, row: Credential): object {
  return {
    RoleArn: roleArnOf(workload),
    AccessKeyId: row.accessKeyId,
    SecretAccessKey: row.secretAccessKey,
    Token: row.sessionToken,
    Expiration: isoSeconds(row.expiresAt ?? 0),
  };
}

function containerOf(workload: Workload): object {
  const { resource, launchedAt } = workload;
  const docker = createHash("sha256").update(resource).digest("hex");
  const startedAt = new Date(launchedAt).toISOString();
  return {
    DockerId: docker,
    Name: "app",
    DockerName: "app",
    Image: "app:latest",
    ImageID: `sha256:${docker}`,
    Labels: { "com.amazonaws.ecs.task-arn": resource, "com.amazonaws.ecs.cluster": clusterOf(workload) },
    DesiredStatus: statusOf(workload),
    KnownStatus: statusOf(workload),
    Limits: { CPU: 0 },
    CreatedAt: startedAt,
    StartedAt: startedAt,
    Type: "NORMAL",
  };
}

/** https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4-response.html */
function taskOf(workload: Workload): object {
  return {
    Cluster: clusterOf(workload),
    TaskARN: workload.resource,
    Family: "app",
    Revision: "1",
    DesiredStatus: statusOf(workload),
    KnownStatus: statusOf(workload),
    PullStartedAt: new Date(workload.launchedAt).toISOString(),
    AvailabilityZone: `${workload.region}a`,
    LaunchType: workload.kind === "fargate" ? "FARGATE" : "EC2",
    Containers: [containerOf(workload)],
  };
}

function statusOf({ stoppedAt }: Workload): string {
  return stoppedAt === undefined ? "RUNNING" : "STOPPED";
}

function clusterOf({ resource }: Workload): string {
  return resource.split("/")[1] ?? "default";
}
