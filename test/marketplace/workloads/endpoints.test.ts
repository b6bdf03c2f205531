/** What the endpoints hand out, to whom, for how long; and what happens when a workload stops. */
import { setTimeout as sleep } from "node:timers/promises";
import { MarketplaceMeteringClient, MeterUsageCommand } from "@aws-sdk/client-marketplace-metering";
import { AssumeRoleWithWebIdentityCommand, GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { WorkloadKind } from "../../../src/api/types.ts";
import type { RunningWorkload } from "../../../src/index.ts";
import { buyer, endPrograms, products, type Site, startProgram, startSite, usageOf } from "./site.ts";

let site: Site;
beforeAll(async () => {
  site = await startSite();
});
afterEach(endPrograms);
afterAll(() => site.close());

const run = (kind: WorkloadKind) => site.meterhouse.runWorkload({ kind, account: buyer });
const tokenLife = "x-aws-ec2-metadata-token-ttl-seconds";

interface HandedOut {
  readonly AccessKeyId: string;
  readonly SecretAccessKey: string;
  readonly Token: string;
  readonly Expiration: string;
}

async function fetchKeys({ environment }: RunningWorkload): Promise<HandedOut> {
  const answer = await fetch(environment.AWS_CONTAINER_CREDENTIALS_FULL_URI ?? "", {
    headers: { authorization: environment.AWS_CONTAINER_AUTHORIZATION_TOKEN ?? "" },
  });
  expect(answer.status).toBe(200);
  expect(answer.headers.get("cache-control")).toBe("no-store");
  return (await answer.json()) as HandedOut;
}

describe("container credentials", () => {
  test("the authorization token is needed, whole", async () => {
    const { environment } = await run("ecs");
    const uri = environment.AWS_CONTAINER_CREDENTIALS_FULL_URI ?? "";
    const token = environment.AWS_CONTAINER_AUTHORIZATION_TOKEN ?? "";
    for (const authorization of [undefined, "", token.slice(1), `${token}x`, `Bearer ${token}`]) {
      const answer = await fetch(uri, authorization === undefined ? {} : { headers: { authorization } });
      expect(answer.status).toBe(401);
      expect(await answer.json()).toEqual({ Code: "AccessDenied", Message: expect.stringContaining("workload env") });
    }
    expect((await fetch(uri, { headers: { authorization: token } })).status).toBe(200);
    const denied = await startProgram({ ...environment, AWS_CONTAINER_AUTHORIZATION_TOKEN: "wrong" }).ask(
      "MeterUsage",
      usageOf(products.usage, "requests"),
    );
    expect(denied.error).toBe("CredentialsProviderError");
  });

  test("one task's token opens no other task, and no instance", async () => {
    const [one, other, instance] = [await run("ecs"), await run("fargate"), await run("ec2")];
    const headers = { authorization: one.environment.AWS_CONTAINER_AUTHORIZATION_TOKEN ?? "" };
    const statusOf = async (id: string): Promise<number> =>
      (await fetch(`${site.meterhouse.endpoint}/workloads/${id}/ecs/credentials`, { headers })).status;
    expect([await statusOf(other.id), await statusOf(instance.id), await statusOf("nobody")]).toEqual([401, 404, 404]);
  });

  test("the same keys for all who ask, an hour long", async () => {
    const workload = await run("ecs");
    const answers = await Promise.all([1, 2, 3].map(() => fetchKeys(workload)));
    expect(new Set(answers.map((one) => one.AccessKeyId)).size).toBe(1);
    const left = Date.parse(answers[0]?.Expiration ?? "") - Date.now();
    expect(left).toBeGreaterThan(59 * 60_000);
    expect(left).toBeLessThanOrEqual(60 * 60_000);
  });

  test("task metadata says where the task runs", async () => {
    const { environment, resource } = await run("fargate");
    const uri = environment.ECS_CONTAINER_METADATA_URI_V4 ?? "";
    expect(await (await fetch(`${uri}/task`)).json()).toMatchObject({
      TaskARN: resource,
      LaunchType: "FARGATE",
      KnownStatus: "RUNNING",
      AvailabilityZone: "us-east-1a",
    });
    expect(await (await fetch(uri)).json()).toMatchObject({ Labels: { "com.amazonaws.ecs.task-arn": resource } });
  });
});

describe("instance metadata, version 2", () => {
  test.each(["port", "path"])("token, role, keys, identity document, Region: by its own %s", async (form) => {
    const { environment, resource, id } = await run("ec2");
    const base =
      form === "port"
        ? (environment.AWS_EC2_METADATA_SERVICE_ENDPOINT ?? "")
        : `${site.meterhouse.endpoint}/workloads/${id}/imds`;
    const put = (headers: Record<string, string>) => fetch(`${base}/latest/api/token`, { method: "PUT", headers });
    for (const life of ["0", "21601", "an hour", ""]) expect((await put({ [tokenLife]: life })).status).toBe(400);
    expect((await put({})).status).toBe(400);
    expect((await put({ [tokenLife]: "60", "x-forwarded-for": "10.1.2.3" })).status).toBe(403);
    expect((await fetch(`${base}/latest/api/token`)).status).toBe(405);
    const granted = await put({ [tokenLife]: "60" });
    expect(granted.headers.get(tokenLife)).toBe("60");
    const token = await granted.text();
    expect(token).toMatch(/^[A-Za-z0-9+/]{54}==$|^[A-Za-z0-9+/]{55}=$|^[A-Za-z0-9+/]{56}$/);
    const get = async (path: string) => {
      const answer = await fetch(`${base}${path}`, { headers: { "x-aws-ec2-metadata-token": token } });
      expect(answer.status, path).toBe(200);
      return answer.text();
    };
    const roles = "/latest/meta-data/iam/security-credentials/";
    expect(await get(roles)).toBe("workload-role");
    expect(JSON.parse(await get(`${roles}workload-role`))).toMatchObject({ Code: "Success", Type: "AWS-HMAC" });
    expect(await get("/latest/meta-data/placement/region")).toBe("us-east-1");
    expect(await get("/latest/meta-data/instance-id")).toBe(resource);
    expect(JSON.parse(await get("/latest/dynamic/instance-identity/document"))).toMatchObject({
      instanceId: resource,
      region: "us-east-1",
      accountId: buyer,
    });
  });

  test("a name that was turned to this address is refused", async () => {
    const { environment, id } = await run("ec2");
    const { request } = await import("node:http");
    const statusOf = (url: string): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        const headers = { host: "rebound.example", [tokenLife]: "60" };
        const call = request(url, { method: "PUT", headers }, (answer) => {
          answer.resume();
          resolve(answer.statusCode);
        });
        call.on("error", reject).end();
      });
    expect(await statusOf(`${environment.AWS_EC2_METADATA_SERVICE_ENDPOINT}/latest/api/token`)).toBe(421);
    expect(await statusOf(`${site.meterhouse.endpoint}/workloads/${id}/imds/latest/api/token`)).toBe(421);
  });

  test("without a token, with a changed, a foreign or an expired one: 401, and the SDK finds no credentials", async () => {
    const [one, other] = [await run("ec2"), await run("ec2")];
    const base = one.environment.AWS_EC2_METADATA_SERVICE_ENDPOINT ?? "";
    const tokenOf = async (at: RunningWorkload, life: string): Promise<string> =>
      (
        await fetch(`${at.environment.AWS_EC2_METADATA_SERVICE_ENDPOINT}/latest/api/token`, {
          method: "PUT",
          headers: { [tokenLife]: life },
        })
      ).text();
    const statusOf = async (token?: string): Promise<number> =>
      (
        await fetch(
          `${base}/latest/meta-data/instance-id`,
          token === undefined ? {} : { headers: { "x-aws-ec2-metadata-token": token } },
        )
      ).status;
    const short = await tokenOf(one, "1");
    expect(await statusOf(short)).toBe(200);
    const foreign = await tokenOf(other, "60");
    for (const token of [undefined, "", "AAAA", `B${short.slice(1)}`, foreign]) expect(await statusOf(token)).toBe(401);
    await sleep(1_100);
    expect(await statusOf(short)).toBe(401);
  });
});

describe("web identity", () => {
  const sts = () =>
    new STSClient({
      endpoint: site.meterhouse.endpoint,
      region: "us-east-1",
      credentials: { accessKeyId: "x", secretAccessKey: "x" },
    });
  const assume = async (pod: RunningWorkload, more: object = {}) => {
    const { readFileSync } = await import("node:fs");
    return sts().send(
      new AssumeRoleWithWebIdentityCommand({
        RoleArn: pod.environment.AWS_ROLE_ARN,
        RoleSessionName: "session-1",
        WebIdentityToken: readFileSync(pod.environment.AWS_WEB_IDENTITY_TOKEN_FILE ?? "", "utf8"),
        ...more,
      }),
    );
  };
  const refusal = (pod: RunningWorkload, more: object) =>
    assume(pod, more).then(
      () => undefined,
      (error: Error) => ({ name: error.name, message: error.message }),
    );

  test("a session of the role, in its own name", async () => {
    const answer = await assume(await run("eks"), { DurationSeconds: 900 });
    expect(answer).toMatchObject({
      SubjectFromWebIdentityToken: "system:serviceaccount:default:default",
      Audience: "sts.amazonaws.com",
      AssumedRoleUser: { Arn: `arn:aws:sts::${buyer}:assumed-role/workload-role/session-1` },
    });
    const { AccessKeyId = "", SecretAccessKey = "", SessionToken = "", Expiration } = answer.Credentials ?? {};
    expect((Expiration?.getTime() ?? 0) - Date.now()).toBeLessThanOrEqual(900_000);
    const client = new STSClient({
      endpoint: site.meterhouse.endpoint,
      region: "us-east-1",
      credentials: { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken },
    });
    expect((await client.send(new GetCallerIdentityCommand({}))).Account).toBe(buyer);
  });

  test("another role, a token of no one's, an altered one, a stopped pod", async () => {
    const pod = await run("eks");
    const otherRole = `arn:aws:iam::${buyer}:role/other`;
    expect(await refusal(pod, { RoleArn: otherRole })).toMatchObject({
      name: "AccessDenied",
      message: expect.stringContaining("set AWS_ROLE_ARN to it"),
    });
    expect((await refusal(pod, { WebIdentityToken: "no.token.atall" }))?.name).toBe("InvalidIdentityTokenException");
    expect((await refusal(pod, { DurationSeconds: 60 }))?.name).toBe("ValidationError");
    await pod.stop();
    expect(await refusal(pod, {})).toMatchObject({ message: expect.stringContaining("is stopped") });
  });
});

describe("refresh and end", () => {
  const kinds: readonly (readonly [WorkloadKind, string, string])[] = [
    ["ecs", products.usage, "requests"],
    ["eks", products.usage, "requests"],
    ["ec2", products.ami, "hosts"],
  ];

  test.each(kinds)(
    "S-5: %s: the SDK fetches new credentials before the old ones expire",
    async (kind, product, dimension) => {
      const short = await startSite({ workloadKeyLifeMs: 3_000 });
      try {
        const workload = await short.meterhouse.runWorkload({ kind, account: buyer });
        const program = startProgram(workload.environment);
        const first = await program.ask("credentials");
        await sleep(3_100);
        const answer = await program.ask("MeterUsage", usageOf(product, dimension));
        expect(answer.message).toBeUndefined();
        const second = await program.ask("credentials");
        expect(second.accessKeyId).not.toBe(first.accessKeyId);
      } finally {
        await short.close();
      }
    },
  );

  test("S-5: expired credentials are refused", async () => {
    const short = await startSite({ workloadKeyLifeMs: 1_000 });
    try {
      const { AccessKeyId, SecretAccessKey, Token } = await fetchKeys(
        await short.meterhouse.runWorkload({ kind: "ecs", account: buyer }),
      );
      const client = new MarketplaceMeteringClient({
        endpoint: short.meterhouse.endpoint,
        region: "us-east-1",
        credentials: { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: Token },
      });
      await sleep(1_100);
      const command = new MeterUsageCommand({
        ProductCode: products.usage,
        Timestamp: new Date(),
        UsageDimension: "requests",
      });
      await expect(client.send(command)).rejects.toMatchObject({ name: "ExpiredTokenException" });
    } finally {
      await short.close();
    }
  });

  test.each(kinds)(
    "%s: stopped, its credentials stop working at once and it gets no new ones",
    async (kind, product, dimension) => {
      const workload = await run(kind);
      const program = startProgram(workload.environment);
      expect((await program.ask("MeterUsage", usageOf(product, dimension))).MeteringRecordId).toBeDefined();
      await workload.stop();
      const after = await program.ask("MeterUsage", usageOf(product, dimension));
      expect(after.error).toBe("UnrecognizedClientException");
      expect(after.message).toMatch(/security token included in the request is invalid.*or its workload was stopped/);
      const later = await startProgram(workload.environment).ask("MeterUsage", usageOf(product, dimension));
      expect(later.MeteringRecordId).toBeUndefined();
      expect(later.error).toBeDefined();
    },
  );

  test("R-10: what a task registered for is metered until it stops", async () => {
    const task = await run("ecs");
    const answer = await startProgram(task.environment).ask("RegisterUsage", {
      ProductCode: products.hourly,
      PublicKeyVersion: 1,
    });
    expect(answer.message).toBeUndefined();
    await task.stop();
    expect(site.meterhouse.workloads({ resource: task.resource })).toMatchObject([{ stoppedAt: expect.any(Number) }]);
    const records = await site.meterhouse.records({ productCode: products.hourly });
    // SPEC R-13: the minimum of a minute.
    const seconds = records.filter((row) => row.resource === task.resource).reduce((sum, row) => sum + row.quantity, 0);
    expect(seconds).toBe(60);
  });
});
