/** STS on the same endpoint, through the official SDK: who am I, and a role in another account. */
import { BatchMeterUsageCommand, MarketplaceMeteringClient } from "@aws-sdk/client-marketplace-metering";
import {
  AssumeRoleCommand,
  type AssumeRoleCommandInput,
  GetCallerIdentityCommand,
  STSClient,
} from "@aws-sdk/client-sts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Meterhouse, startMeterhouse } from "../../src/index.ts";

const keys = {
  /** In another account of the seller's. */
  worker: { accessKeyId: "AKWORKER", secretAccessKey: "worker-secret" },
  /** May not assume. */
  weak: { accessKeyId: "AKWEAK", secretAccessKey: "weak-secret" },
  stranger: { accessKeyId: "AKSTRANGER", secretAccessKey: "stranger-secret" },
};
const roleArn = "arn:aws:iam::111111111111:role/metering";
const catalog = {
  credentials: [
    { ...keys.worker, account: "222222222222", kind: "iam-user", name: "worker", allow: ["sts:AssumeRole"] },
    { ...keys.weak, account: "222222222222", kind: "iam-user", name: "weak", allow: ["aws-marketplace:*"] },
    { ...keys.stranger, account: "333333333333", kind: "iam-user", allow: ["*"] },
  ],
  roles: [
    {
      account: "111111111111",
      name: "metering",
      allow: ["aws-marketplace:*"],
      trusts: ["222222222222"],
      externalId: "ext-1",
      sessionMaxSec: 7200,
    },
  ],
  products: [
    {
      code: "saas",
      seller: "111111111111",
      type: "saas-subscription",
      createdAt: "2024-01-01T00:00:00Z",
      dimensions: ["requests"],
    },
  ],
  agreements: [{ product: "saas", buyer: "444444444444", state: "active", since: "now-1d" }],
};

let meterhouse: Meterhouse;
let skewMs = 0;
beforeAll(async () => {
  meterhouse = await startMeterhouse({ catalog, wallClock: () => Date.now() + skewMs });
});
afterAll(() => meterhouse.close());

function sts(credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string }): STSClient {
  return new STSClient({
    endpoint: meterhouse.endpoint,
    region: "us-east-1",
    credentials: { ...credentials },
    maxAttempts: 1,
  });
}
async function assume(input: Partial<AssumeRoleCommandInput> = {}, as: keyof typeof keys = "worker") {
  const command = new AssumeRoleCommand({
    RoleArn: roleArn,
    RoleSessionName: "nightly",
    ExternalId: "ext-1",
    ...input,
  });
  return sts(keys[as]).send(command);
}
async function refusal(input: Partial<AssumeRoleCommandInput>, as: keyof typeof keys = "worker"): Promise<Error> {
  return assume(input, as).then(
    () => expect.fail("the call was to be refused"),
    (error: Error) => error,
  );
}

test("GetCallerIdentity says who signed", async () => {
  expect(await sts(keys.worker).send(new GetCallerIdentityCommand({}))).toMatchObject({
    Account: "222222222222",
    Arn: "arn:aws:iam::222222222222:user/worker",
    UserId: expect.stringMatching(/^AIDA/),
  });
});

test("AssumeRole: keys of the role meter with their session token, say who they are, and expire", async () => {
  const { Credentials, AssumedRoleUser } = await assume({ DurationSeconds: 900 });
  expect(AssumedRoleUser?.Arn).toBe("arn:aws:sts::111111111111:assumed-role/metering/nightly");
  const session = {
    accessKeyId: Credentials?.AccessKeyId ?? "",
    secretAccessKey: Credentials?.SecretAccessKey ?? "",
    sessionToken: Credentials?.SessionToken ?? "",
  };
  expect(Credentials?.Expiration?.getTime()).toBeGreaterThan(Date.now() + 890_000);
  const meter = (credentials: Partial<typeof session>) =>
    new MarketplaceMeteringClient({
      endpoint: meterhouse.endpoint,
      region: "us-east-1",
      credentials: { ...session, ...credentials },
      maxAttempts: 1,
    }).send(
      new BatchMeterUsageCommand({
        ProductCode: "saas",
        UsageRecords: [
          { Timestamp: new Date(), CustomerAWSAccountId: "444444444444", Dimension: "requests", Quantity: 1 },
        ],
      }),
    );
  expect((await meter({})).Results?.[0]?.Status).toBe("Success");
  expect((await sts(session).send(new GetCallerIdentityCommand({}))).Arn).toBe(AssumedRoleUser?.Arn);
  await expect(meter({ sessionToken: "" })).rejects.toMatchObject({ name: "UnrecognizedClientException" });
  skewMs = 901_000;
  try {
    await expect(sts(session).send(new GetCallerIdentityCommand({}))).rejects.toThrow();
  } finally {
    skewMs = 0;
  }
});

test.each([
  ["a role that is not there", { RoleArn: "arn:aws:iam::111111111111:role/none" }, "worker", /no such role exists/],
  ["an ExternalId that is missing", { ExternalId: undefined }, "worker", /ExternalId is missing/],
  ["an account that is not trusted", {}, "stranger", /does not trust account 333333333333/],
  ["a key that may not assume", {}, "weak", /does not allow sts:AssumeRole/],
] as const)("AssumeRole refuses %s", async (_title, input, as, message) => {
  const error = await refusal(input as Partial<AssumeRoleCommandInput>, as);
  expect(error.name).toBe("AccessDenied");
  expect(error.message).toMatch(/is not authorized to perform: sts:AssumeRole on resource/);
  expect(error.message).toMatch(message);
});

test.each([
  [{ DurationSeconds: 60 }, /greater than or equal to 900/],
  [{ DurationSeconds: 43_200 }, /exceeds the MaxSessionDuration/],
  [{ RoleSessionName: "x" }, /roleSessionName/],
  [{ RoleArn: "not-an-arn" }, /roleArn/],
])("AssumeRole validates %j", async (input, message) => {
  const error = await refusal(input);
  expect(error.name).toBe("ValidationError");
  expect(error.message).toMatch(message);
});

test("a wrong secret, and an action that is not served, are XML errors that the SDK reads", async () => {
  const wrong = await sts({ ...keys.worker, secretAccessKey: "wrong" })
    .send(new GetCallerIdentityCommand({}))
    .catch((error: Error) => error);
  expect(wrong).toMatchObject({ name: "SignatureDoesNotMatch" });
  const body = "Action=GetSessionToken&Version=2011-06-15";
  const answer = await fetch(`${meterhouse.endpoint}/`, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body,
  });
  expect(answer.status).toBe(403);
  expect(await answer.text()).toContain("<Code>MissingAuthenticationToken</Code>");
});
