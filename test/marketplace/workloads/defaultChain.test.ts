/** The official JavaScript SDK's own default chain finds each workload's credentials, by AWS's environment variables alone. */
import { createPublicKey } from "node:crypto";
import { createRemoteJWKSet, decodeJwt, importSPKI, jwtVerify } from "jose";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { WorkloadKind } from "../../../src/api/types.ts";
import {
  buyer,
  endPrograms,
  longTerm,
  products,
  type Site,
  startProgram,
  startSite,
  stranger,
  usageOf,
} from "./site.ts";

let site: Site;
beforeAll(async () => {
  site = await startSite();
});
afterEach(endPrograms);
afterAll(() => site.close());

const run = (kind: WorkloadKind, product?: string, more: { account?: string; region?: string } = {}) =>
  site.meterhouse.runWorkload({ kind, account: buyer, ...(product === undefined ? {} : { product }), ...more });

const metered: readonly (readonly [WorkloadKind, string, string])[] = [
  ["ecs", products.usage, "requests"],
  ["fargate", products.usage, "requests"],
  ["eks", products.usage, "requests"],
  ["ec2", products.ami, "hosts"],
  ["agentcore", products.agent, "calls"],
];

test.each(metered)("M-1: MeterUsage by %s", async (kind, product, dimension) => {
  const workload = await run(kind, product);
  const answer = await startProgram(workload.environment).ask("MeterUsage", usageOf(product, dimension));
  expect(answer.message).toBeUndefined();
  const records = await site.meterhouse.records({ productCode: product });
  expect(records.find((row) => row.meteringRecordId === answer.MeteringRecordId)).toMatchObject({
    accountId: buyer,
    region: "us-east-1",
    path: kind === "agentcore" ? "agentcore" : "resource",
    ...(kind === "agentcore" ? {} : { resource: workload.resource }),
  });
});

test.each(["ecs", "fargate", "eks"] as const)("R-1: RegisterUsage by %s", async (kind) => {
  const workload = await run(kind, products.hourly);
  const answer = await startProgram(workload.environment).ask("RegisterUsage", {
    ProductCode: products.hourly,
    PublicKeyVersion: 1,
    Nonce: "a-nonce",
  });
  expect(answer.message).toBeUndefined();
  const pem = site.meterhouse.publicKey(products.hourly, 1);
  const { payload } = await jwtVerify(answer.Signature ?? "", await importSPKI(pem, "PS256"));
  expect(payload).toMatchObject({ productCode: products.hourly, nonce: "a-nonce" });
  expect(createPublicKey(pem).asymmetricKeyType).toBe("rsa");
  expect(site.meterhouse.workloads({ resource: workload.resource })).toMatchObject([{ operation: "RegisterUsage" }]);
});

test("SPEC M-20: two instances of one buyer do not clash; one and the same does", async () => {
  const programs = await Promise.all(
    [0, 1].map(async () => startProgram((await run("ec2", products.ami)).environment)),
  );
  const answers = await Promise.all(
    programs.map((program, n) => program.ask("MeterUsage", usageOf(products.ami, "hosts", n + 1))),
  );
  expect(new Set(answers.map((one) => one.MeteringRecordId)).size).toBe(2);
  const other = await programs[0]?.ask("MeterUsage", usageOf(products.ami, "hosts", 7));
  expect(other?.error).toBe("DuplicateRequestException");
});

describe("what is wrong has its own error, which says what to change", () => {
  const meter = (product: string, dimension: string) => ["MeterUsage", usageOf(product, dimension)] as const;
  const register = ["RegisterUsage", { ProductCode: products.hourly, PublicKeyVersion: 1 }] as const;

  test("M-4, R-3: the endpoint's Region is not the workload's", async () => {
    const { environment } = await run("ecs", undefined, { region: "eu-west-1" });
    const program = startProgram(environment);
    const metering = await program.ask(...meter(products.usage, "requests"), "us-east-1");
    expect(metering.error).toBe("InvalidEndpointRegionException");
    expect(metering.message).toMatch(/runs in eu-west-1.*Call the endpoint of eu-west-1/);
    const registering = await program.ask(...register, "us-east-1");
    expect(registering.error).toBe("InvalidRegionException");
    expect((await program.ask(...meter(products.usage, "requests"))).MeteringRecordId).toBeDefined();
  });

  test("M-2, R-2: an instance's role (a node's) for a container product", async () => {
    const program = startProgram((await run("ec2")).environment);
    const metering = await program.ask(...meter(products.usage, "requests"));
    expect(metering.error).toBe("CustomerNotEntitledException");
    expect(metering.message).toMatch(/EC2 instance role.*ECS task role or an EKS pod's IAM role/);
    const registering = await program.ask(...register);
    expect(registering.error).toBe("PlatformNotSupportedException");
    expect(registering.message).toContain("with its task role");
  });

  test("M-1, R-2: long-term keys, which hide the task's own", async () => {
    const { environment } = await run("ecs");
    const program = startProgram({
      ...environment,
      AWS_ACCESS_KEY_ID: longTerm.accessKeyId,
      AWS_SECRET_ACCESS_KEY: longTerm.secretAccessKey,
    });
    const metering = await program.ask(...meter(products.usage, "requests"));
    expect(metering.error).toBe("CustomerNotEntitledException");
    expect(metering.message).toMatch(/long-term keys of an IAM user.*Let the SDK find the workload's own/);
    expect((await program.ask(...register)).error).toBe("PlatformNotSupportedException");
  });

  test("M-1: a task's role for a machine image", async () => {
    const answer = await startProgram((await run("fargate")).environment).ask(...meter(products.ami, "hosts"));
    expect(answer.error).toBe("CustomerNotEntitledException");
    expect(answer.message).toMatch(/ECS task role.*EC2 instance role/);
  });

  test("R-7: the image is of another product", async () => {
    const answer = await startProgram((await run("ecs", products.usage)).environment).ask(...register);
    expect(answer.error).toBe("InvalidProductCodeException");
    expect(answer.message).toContain("runs an image of usageproduct");
  });

  test("R-4: the account has not subscribed", async () => {
    const { environment } = await run("ecs", products.hourly, { account: stranger });
    const answer = await startProgram(environment).ask(...register);
    expect(answer.error).toBe("CustomerNotEntitledException");
    expect(answer.message).toContain("Subscribe the account");
  });
});

test("M-3: an EKS token is one of its cluster's OIDC issuer", async () => {
  const { environment } = await run("eks");
  const { readFileSync } = await import("node:fs");
  const token = readFileSync(environment.AWS_WEB_IDENTITY_TOKEN_FILE ?? "", "utf8");
  const { iss = "" } = decodeJwt(token);
  const configuration = (await (await fetch(`${iss}/.well-known/openid-configuration`)).json()) as Record<
    string,
    string
  >;
  expect(configuration.issuer).toBe(iss);
  const keys = createRemoteJWKSet(new URL(configuration.jwks_uri ?? ""));
  const { payload } = await jwtVerify(token, keys, { issuer: iss, audience: "sts.amazonaws.com" });
  expect(payload).toMatchObject({
    sub: "system:serviceaccount:default:default",
    "kubernetes.io": { namespace: "default", pod: { uid: expect.any(String) } },
  });
});
