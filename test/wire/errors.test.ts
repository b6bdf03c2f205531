/**
 * The nineteen exceptions of the model, each raised for a real cause and met as a user meets it: through the official
 * SDK, as the class that it exports. The text must name what was sent, what is allowed, and what to do.
 */
import * as sdk from "@aws-sdk/client-marketplace-metering";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { modelledErrors } from "../../src/api/errors.ts";
import type { SettingsInput } from "../../src/api/settings.ts";
import { buyers, type KeyName, keys, licenses, products, sellers, startAt, tokens } from "../support/catalog.ts";
import { startWire, uuid, type Wire } from "../support/wireClient.ts";

let wire: Wire;
beforeAll(async () => {
  wire = await startWire({ rateClock: "business" });
});
afterAll(() => wire.close());
beforeEach(() => wire.reset());

function client(key: KeyName, region = "us-east-1"): sdk.MarketplaceMeteringClient {
  const credential = wire.meterhouse.credentials[keys[key]];
  if (credential === undefined) throw new Error(`no key ${key}`);
  const { accessKeyId, secretAccessKey, sessionToken } = credential;
  return new sdk.MarketplaceMeteringClient({
    endpoint: wire.meterhouse.endpoint,
    region,
    maxAttempts: 1,
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) },
  });
}

const now = new Date(startAt);
const before = (hours: number): Date => new Date(now.getTime() - hours * 3_600_000);
const record = {
  Timestamp: now,
  CustomerAWSAccountId: buyers.alder.account,
  Dimension: "searches",
  Quantity: 1,
} satisfies sdk.UsageRecord;

type Send = () => Promise<unknown>;
const batch =
  (
    fields: Partial<sdk.UsageRecord> = {},
    request: Partial<sdk.BatchMeterUsageCommandInput> = {},
    region?: string,
  ): Send =>
  () =>
    client("seller", region).send(
      new sdk.BatchMeterUsageCommand({
        ProductCode: products.logs,
        UsageRecords: [{ ...record, ...fields }],
        ...request,
      }),
    );
const licensed = (fields: Partial<sdk.UsageRecord>): Send =>
  batch({ LicenseArn: licenses.logs, ...fields }, { ProductCode: undefined });
const meter =
  (fields: Partial<sdk.MeterUsageCommandInput> = {}, key: KeyName = "ec2", region?: string): Send =>
  () =>
    client(key, region).send(
      new sdk.MeterUsageCommand({
        ProductCode: products.ami,
        Timestamp: now,
        UsageDimension: "hosts",
        UsageQuantity: 1,
        ...fields,
      }),
    );
const register =
  (fields: Partial<sdk.RegisterUsageCommandInput> = {}, key: KeyName = "ecs", region?: string): Send =>
  () =>
    client(key, region).send(
      new sdk.RegisterUsageCommand({ ProductCode: products.containerHourly, PublicKeyVersion: 2, ...fields }),
    );
const resolve =
  (RegistrationToken: string, key: KeyName = "seller", region?: string): Send =>
  () =>
    client(key, region).send(new sdk.ResolveCustomerCommand({ RegistrationToken }));
const tagged = (Key: string, Value: string): sdk.UsageAllocation[] => [
  { AllocatedUsageQuantity: 1, Tags: [{ Key, Value }] },
];

interface Case {
  readonly cause: string;
  readonly send: Send;
  /** What the text must say, in these words. */
  readonly says: readonly string[];
  readonly settings?: Partial<SettingsInput>;
  /** What must have happened before. */
  readonly after?: Send;
}

const cases: Readonly<Record<keyof typeof modelledErrors, readonly Case[]>> = {
  InternalServiceErrorException: [
    {
      cause: "a fault of the service",
      send: batch(),
      after: async () => wire.meterhouse.plan({ kind: "error" }),
      says: ["An internal error has occurred", "Send the request again unchanged"],
    },
  ],
  ThrottlingException: [
    {
      cause: "more batches than allowed",
      send: batch(),
      settings: { quotas: { default: { BatchMeterUsage: 1 } } },
      after: batch({ Dimension: "gb" }),
      says: [
        "Rate exceeded",
        sellers.quayside,
        "BatchMeterUsage 1 times a second",
        "wait and send it again unchanged",
        "fill batches up to 25",
      ],
    },
    {
      cause: "more tokens resolved than allowed",
      send: resolve(tokens.legacy),
      settings: { quotas: { default: { ResolveCustomer: 1 } } },
      after: resolve(tokens.legacy),
      says: ["Rate exceeded", "ResolveCustomer 1 times a second", "keep the answer"],
    },
  ],
  InvalidProductCodeException: [
    {
      cause: "an unknown code",
      send: batch({}, { ProductCode: "quaylogz" }),
      says: ["'quaylogz'", `no product of account ${sellers.quayside} has this code`, "check it"],
    },
    {
      cause: "a catalogue id",
      send: batch({}, { ProductCode: "prod-quaylogs00001" }),
      says: ["'prod-quaylogs00001'", "that is a catalogue id", "send the product code"],
    },
    {
      cause: "a product that does not meter so",
      send: batch({}, { ProductCode: products.ami }),
      says: [products.ami, "products of type ami-fcp use MeterUsage"],
    },
    {
      cause: "an image of another product",
      send: register({}, "ecsToll"),
      says: [
        products.containerHourly,
        "runs an image of",
        products.otherHourly,
        "Send the code of the product whose image runs",
      ],
    },
  ],
  InvalidUsageDimensionException: [
    {
      cause: "a dimension in the wrong case",
      send: batch({ Dimension: "Searches" }),
      says: [
        "usageDimension: Searches",
        "UsageRecords[0]",
        "the product has no such dimension",
        "searches, gb, alerts",
        "case-sensitive",
      ],
    },
    {
      cause: "what a contract grants",
      send: batch({ Dimension: "users" }, { ProductCode: products.consumption }),
      says: ["usageDimension: users", "entitlement dimension", "extra_users"],
    },
    {
      cause: "a dimension of another product",
      send: meter({ UsageDimension: "vcpu" }),
      says: ["usageDimension: vcpu", "hosts, gb, alerts"],
    },
  ],
  InvalidTagException: [
    {
      cause: "a character that is not allowed",
      send: batch({ UsageAllocations: tagged("City", "Zürich") }),
      says: [
        "UsageRecords[0].UsageAllocations[0].Tags[0]",
        "Value 'Zürich'",
        "the character 'ü'",
        "letters without accents",
      ],
    },
    {
      cause: "a key that is too long",
      send: meter({ UsageAllocations: tagged("k".repeat(101), "v") }),
      says: ["UsageAllocations[0].Tags[0]", "Key has 101 characters", "at most 100"],
    },
    {
      cause: "six different keys",
      send: batch({
        Quantity: 6,
        UsageAllocations: Array.from({ length: 6 }, (_, index) => ({
          AllocatedUsageQuantity: 1,
          Tags: [{ Key: `k${index}`, Value: "v" }],
        })),
      }),
      says: ["6 different keys", "at most 5", "Use the same few keys"],
    },
  ],
  InvalidUsageAllocationsException: [
    {
      cause: "a sum that is not the quantity",
      send: batch({ Quantity: 10, UsageAllocations: tagged("a", "b") }),
      says: ["UsageRecords[0].UsageAllocations", "add up to 1", "is 10", "make them equal"],
    },
    {
      cause: "the same tags twice",
      send: meter({ UsageQuantity: 2, UsageAllocations: [...tagged("a", "b"), ...tagged("a", "b")] }),
      says: ["entries 0 and 1 have the same tags", "into one entry"],
    },
  ],
  InvalidCustomerIdentifierException: [
    {
      cause: "an unknown identifier",
      send: batch({ CustomerAWSAccountId: undefined, CustomerIdentifier: "nobody" }),
      settings: { unknownCustomer: "exception" },
      says: ["'nobody'", "UsageRecords[0]", "does not exist", "that ResolveCustomer returned"],
    },
    {
      cause: "an unknown account",
      send: batch({ CustomerAWSAccountId: "999999999999" }),
      settings: { unknownCustomer: "exception" },
      says: ["account '999999999999'", "does not exist", "that ResolveCustomer returned"],
    },
    {
      cause: "an identifier for a product that has none",
      send: batch(
        { CustomerAWSAccountId: undefined, CustomerIdentifier: buyers.alder.identifier },
        { ProductCode: products.vault },
      ),
      says: [buyers.alder.identifier, products.vault, "send CustomerAWSAccountId and LicenseArn"],
    },
  ],
  InvalidLicenseException: [
    {
      cause: "an unknown licence",
      send: licensed({ LicenseArn: licenses.unknown }),
      says: [
        licenses.unknown,
        "UsageRecords[0]",
        "has such a license",
        "that ResolveCustomer returned",
        "Nothing of the batch was metered",
      ],
    },
    {
      cause: "another buyer's",
      send: licensed({ LicenseArn: licenses.birch }),
      says: [licenses.birch, `it does not belong to account ${buyers.alder.account}`, "of the same agreement"],
    },
    {
      cause: "usage from before its activation",
      send: licensed({
        LicenseArn: licenses.fir,
        CustomerAWSAccountId: buyers.fir.account,
        Dimension: "secrets",
        Timestamp: before(3),
      }),
      says: ["2026-08-15T07:20:00Z", "before its activation at 2026-08-15T08:30:00Z"],
    },
  ],
  TimestampOutOfBoundsException: [
    {
      cause: "old usage",
      send: batch({ Timestamp: before(30) }),
      says: [
        "2026-08-14T04:20:00Z",
        "UsageRecords[0].Timestamp",
        "30 h 0 min old",
        "less than 24 h 0 min",
        "send the others without it",
      ],
    },
    {
      cause: "usage of the future",
      send: batch({ Timestamp: before(-2) }),
      says: ["2026-08-15T12:20:00Z", "in the future by 2 h 0 min", "300 s ahead", "local time is not sent as UTC"],
    },
    {
      cause: "usage from before the subscription",
      send: batch({ CustomerAWSAccountId: buyers.fir.account, Timestamp: before(3) }),
      says: ["2026-08-15T07:20:00Z", "began only at 2026-08-15T08:30:00Z", "from then on"],
    },
    {
      cause: "old usage of a workload",
      send: meter({ Timestamp: before(7) }),
      says: ["2026-08-15T03:20:00Z", "7 h 0 min old", "up to 6 h 0 min"],
    },
    {
      cause: "usage from before the launch",
      send: meter({ ProductCode: products.container, UsageDimension: "vcpu", Timestamp: before(3) }, "ecs"),
      says: ["launched only at 2026-08-15T09:10:00Z", "from then on"],
    },
  ],
  DisabledApiException: [
    {
      cause: "a Region without the operation",
      send: resolve(tokens.legacy, "seller", "us-gov-west-1"),
      says: ["ResolveCustomer is not offered in us-gov-west-1", "It is offered in us-east-1, "],
    },
    {
      cause: "a Region without the product",
      send: batch({}, {}, "eu-west-2"),
      says: [products.logs, "not enabled in eu-west-2", "only in us-east-1, eu-west-1. Call one of those"],
    },
    {
      cause: "a Region without containers",
      send: register({}, "ecs", "eu-central-2"),
      says: ["RegisterUsage is not offered in eu-central-2", "It is offered in us-east-1, "],
    },
  ],
  InvalidEndpointRegionException: [
    {
      cause: "another Region's endpoint",
      send: meter({}, "ec2", "eu-west-1"),
      says: ["eu-west-1", "runs in us-east-1", "Call the endpoint of us-east-1", "metadata"],
    },
    {
      cause: "a Region without the operation",
      send: meter({}, "ec2", "cn-north-1"),
      says: ["MeterUsage is not offered in cn-north-1 for ec2", "It is offered in us-east-1, "],
    },
  ],
  DuplicateRequestException: [
    {
      cause: "another quantity for the hour",
      send: meter({ UsageQuantity: 7 }),
      after: meter(),
      says: [
        "usageDimension: hosts",
        "the hour of 2026-08-15T10:00:00Z",
        "with quantity 1",
        "7 is not added",
        "Meter each hour once, after it is over",
      ],
    },
  ],
  IdempotencyConflictException: [
    {
      cause: "a token used twice",
      send: meter({ UsageQuantity: 7, ClientToken: "job-17" }),
      after: meter({ ClientToken: "job-17" }),
      says: ["'job-17'", "other parameters", "a new request with a new token"],
    },
  ],
  CustomerNotEntitledException: [
    {
      cause: "no subscription",
      send: meter({}, "ec2Hazel"),
      says: [
        buyers.hazel.account,
        products.ami,
        "no agreement of this account takes usage now",
        "Subscribe the account",
      ],
    },
    {
      cause: "a suspended account",
      send: meter({}, "ec2Dogwood"),
      says: [buyers.dogwood.account, "the account is suspended", "once its suspension is lifted"],
    },
    {
      cause: "a developer's keys",
      send: meter({}, "laptop"),
      says: ["long-term keys of an IAM user", "metered with an EC2 instance role", "instead of configuring keys"],
    },
    {
      cause: "a container without a subscription",
      send: register({}, "ecsHazel"),
      says: [buyers.hazel.account, products.containerHourly, "The container should exit"],
    },
  ],
  InvalidRegionException: [
    {
      cause: "another Region's endpoint",
      send: register({}, "ecs", "eu-west-1"),
      says: ["runs in us-east-1", "the endpoint is in eu-west-1", "metadata"],
    },
  ],
  InvalidPublicKeyVersionException: [
    {
      cause: "an unknown version",
      send: register({ PublicKeyVersion: 9 }),
      says: ["9", products.containerHourly, "its versions are: 1, 2", "Send one of them"],
    },
  ],
  PlatformNotSupportedException: [
    { cause: "an instance", send: register({}, "ec2"), says: ["(ec2)", "ECS task (Fargate too)", "EKS pod"] },
    { cause: "a developer's keys", send: register({}, "laptop"), says: ["(iam-user)", "ECS task (Fargate too)"] },
  ],
  InvalidTokenException: [
    {
      cause: "an unknown token",
      send: resolve("nothing"),
      says: ["Registration token is invalid", "not about your AWS credentials"],
    },
    {
      cause: "a token that was not decoded",
      send: resolve(encodeURIComponent(tokens.legacy)),
      says: ["Registration token is invalid", "still URL-encoded", "exactly once"],
    },
    {
      cause: "a token decoded twice",
      send: resolve(tokens.legacy.replaceAll("+", " ")),
      says: ["Registration token is invalid", "spaces where the token has '+'", "exactly once"],
    },
    {
      cause: "another seller's token",
      send: resolve(tokens.rival),
      says: ["Registration token is invalid", sellers.quayside, "of the account that publishes the product"],
    },
  ],
  ExpiredTokenException: [
    {
      cause: "a token of hours ago",
      send: resolve(tokens.legacy),
      settings: { "token.ttlSec": 600 },
      says: [
        "issued at 2026-08-15T10:00:00Z",
        "expired at 2026-08-15T10:10:00Z",
        "as soon as the buyer arrives",
        "Set up your account",
      ],
    },
    {
      cause: "a token of single use",
      send: resolve(tokens.legacy),
      settings: { "token.singleUse": true },
      after: resolve(tokens.legacy),
      says: [`resolved at ${startAt}`, "single use", "Keep what the first call returned"],
    },
  ],
};

async function thrownBy(send: Send): Promise<sdk.MarketplaceMeteringServiceException> {
  const answer = await send().then(
    (result) => ({ result }),
    (error: unknown) => ({ error }),
  );
  if (!("error" in answer)) throw new Error(`no error: ${JSON.stringify(answer.result)}`);
  if (!(answer.error instanceof sdk.MarketplaceMeteringServiceException)) throw answer.error;
  return answer.error;
}

const classes: Readonly<Record<string, unknown>> = sdk;

test("C.2: these are all, and the SDK has a class for each", () => {
  expect(Object.keys(cases).sort()).toEqual(Object.keys(modelledErrors).sort());
  expect(Object.keys(cases)).toHaveLength(19);
  const modelled = Object.keys(classes).filter(
    (name) => name.endsWith("Exception") && name !== "MarketplaceMeteringServiceException",
  );
  expect(modelled.sort()).toEqual(Object.keys(cases).sort());
});

describe.each(Object.entries(cases))("C.2: %s", (name, ofName) => {
  test.each(ofName)("$cause", async ({ send, says, settings, after }) => {
    if (settings !== undefined) await wire.reset(settings);
    await after?.();
    const records = (await wire.meterhouse.records()).length;
    const error = await thrownBy(send);
    expect(error.name, error.message).toBe(name);
    expect(error).toBeInstanceOf(classes[name]);
    expect(error.$metadata.httpStatusCode).toBe(modelledErrors[name as keyof typeof modelledErrors].status);
    expect(error.$fault).toBe(name === "InternalServiceErrorException" ? "server" : "client");
    expect(error.$metadata.requestId).toMatch(uuid);
    for (const words of says) expect(error.message).toContain(words);
    // One or two sentences, ended; nothing of the program's inside shows.
    expect(error.message).toMatch(/^(?:[A-Z]|usageDimension: )[\s\S]*[.)]$/);
    expect(error.message.length).toBeLessThan(700);
    expect(error.message).not.toMatch(/undefined|NaN|\[object |null/);
    expect((await wire.meterhouse.records()).length).toBe(records);
  });
});
