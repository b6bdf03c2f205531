/** CloudTrail's event history through the official SDK, and by the AWS CLI's form of the target. */
import {
  CloudTrailClient,
  type LookupAttribute,
  LookupEventsCommand,
  type LookupEventsCommandInput,
  paginateLookupEvents,
} from "@aws-sdk/client-cloudtrail";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { keys, sellers, startSec, tokens } from "../support/catalog.ts";
import { type SignOptions, signRequest } from "../support/signer.ts";
import { startWire, type Wire } from "../support/wireClient.ts";

let wire: Wire;
beforeAll(async () => {
  wire = await startWire();
});
beforeEach(() => wire.reset());
afterAll(() => wire.close());

function client(key: keyof typeof keys = "allowsAll", region = "us-east-1"): CloudTrailClient {
  const { accessKeyId, secretAccessKey } = wire.meterhouse.credentials[keys[key]] ?? expect.fail("no key");
  const { endpoint } = wire.meterhouse;
  return new CloudTrailClient({ endpoint, region, credentials: { accessKeyId, secretAccessKey }, maxAttempts: 1 });
}

const lookup = (input: LookupEventsCommandInput = {}, as = client()) => as.send(new LookupEventsCommand(input));

async function refusal(input: LookupEventsCommandInput, as = client()): Promise<Error> {
  return lookup(input, as).then(
    () => expect.fail("the call was to be refused"),
    (error: Error) => error,
  );
}

const resolve = (more: object = {}) =>
  wire.call({ operation: "ResolveCustomer", request: { RegistrationToken: tokens.legacy }, ...more });

test("an event with its record", async () => {
  const reply = await resolve();
  const { Events: events = [], NextToken: next } = await lookup();
  expect(next).toBeUndefined();
  expect(events).toHaveLength(1);
  const [event] = events;
  const [record] = await wire.meterhouse.cloudTrail();
  expect(event).toMatchObject({
    EventId: record?.eventID,
    EventName: "ResolveCustomer",
    ReadOnly: "false",
    AccessKeyId: keys.seller,
    EventTime: new Date(startSec * 1_000),
    EventSource: "metering-marketplace.amazonaws.com",
    Username: "metering",
    Resources: [],
  });
  expect(JSON.parse(event?.CloudTrailEvent ?? "")).toEqual(record);
  expect(record?.requestID).toBe(reply.headers["x-amzn-requestid"]);
});

test("only of the caller's account, in the Region of the call, of the last 90 days", async () => {
  await resolve();
  await resolve({ key: "rival" });
  await resolve({ region: "eu-west-1" });
  const accountsOf = async (as: CloudTrailClient) =>
    ((await lookup({}, as)).Events ?? []).map((one) => JSON.parse(one.CloudTrailEvent ?? "").recipientAccountId);
  expect(await accountsOf(client())).toEqual([sellers.quayside]);
  expect(await accountsOf(client("allowsAll", "eu-west-1"))).toEqual([sellers.quayside]);
  expect(await accountsOf(client("allowsAll", "eu-central-1"))).toEqual([]);
  await wire.meterhouse.clock.advance("90d");
  expect(await accountsOf(client())).toHaveLength(1);
  await wire.meterhouse.clock.advance("1s");
  expect(await accountsOf(client())).toEqual([]);
});

describe("filters", () => {
  const names = async (input: LookupEventsCommandInput) =>
    ((await lookup(input)).Events ?? []).map((event) => event.EventName);
  const by = (AttributeKey: LookupAttribute["AttributeKey"], AttributeValue: string) =>
    names({ LookupAttributes: [{ AttributeKey, AttributeValue }] });

  beforeEach(async () => {
    await resolve();
    await wire.meterhouse.clock.advance("1h");
    await wire.call({
      operation: "GetEntitlements",
      target: "AWSMPEntitlementService.GetEntitlements",
      key: "allowsAll",
      request: { ProductCode: "unknown" },
    });
  });

  test("each attribute", async () => {
    const [newest] = (await lookup()).Events ?? [];
    expect(await names({})).toEqual(["GetEntitlements", "ResolveCustomer"]);
    expect(await by("EventId", newest?.EventId ?? "")).toEqual(["GetEntitlements"]);
    expect(await by("EventId", "nothing")).toEqual([]);
    expect(await by("EventName", "ResolveCustomer")).toEqual(["ResolveCustomer"]);
    expect(await by("EventName", "ConsoleLogin")).toEqual([]);
    expect(await by("ReadOnly", "true")).toEqual(["GetEntitlements"]);
    expect(await by("ReadOnly", "false")).toEqual(["ResolveCustomer"]);
    expect(await by("Username", "metering")).toEqual(["ResolveCustomer"]);
    expect(await by("Username", "all")).toEqual(["GetEntitlements"]);
    expect(await by("EventSource", "metering-marketplace.amazonaws.com")).toEqual(["ResolveCustomer"]);
    expect(await by("EventSource", "s3.amazonaws.com")).toEqual([]);
    expect(await by("AccessKeyId", keys.allowsAll)).toEqual(["GetEntitlements"]);
    expect(await by("ResourceType", "AWS::S3::Bucket")).toEqual([]);
    expect(await by("ResourceName", "bucket")).toEqual([]);
  });

  test("the time range, both ends in it", async () => {
    const start = new Date(startSec * 1_000);
    const later = new Date(startSec * 1_000 + 3_600_000);
    expect(await names({ StartTime: start, EndTime: start })).toEqual(["ResolveCustomer"]);
    expect(await names({ StartTime: later })).toEqual(["GetEntitlements"]);
    expect(await names({ EndTime: later })).toEqual(["GetEntitlements", "ResolveCustomer"]);
    expect(await names({ EventCategory: "insight" })).toEqual([]);
  });
});

test("pages, newest first, each event once", async () => {
  for (let n = 0; n < 7; n += 1) {
    await wire.meterhouse.clock.advance("1m");
    await resolve();
  }
  const pages: number[] = [];
  const times: (number | undefined)[] = [];
  for await (const { Events: events = [] } of paginateLookupEvents({ client: client() }, { MaxResults: 3 })) {
    pages.push(events.length);
    times.push(...events.map((event) => event.EventTime?.getTime()));
  }
  expect(pages).toEqual([3, 3, 1]);
  expect(times).toEqual(Array.from({ length: 7 }, (_, n) => startSec * 1_000 + (7 - n) * 60_000));
});

test.each<[string, LookupEventsCommandInput]>([
  ["InvalidTimeRangeException", { StartTime: new Date(2_000), EndTime: new Date(1_000) }],
  ["InvalidMaxResultsException", { MaxResults: 0 }],
  ["InvalidMaxResultsException", { MaxResults: 51 }],
  ["InvalidNextTokenException", { NextToken: "nonsense" }],
  ["InvalidLookupAttributesException", { LookupAttributes: [{ AttributeKey: "EventName", AttributeValue: "" }] }],
  [
    "InvalidLookupAttributesException",
    {
      LookupAttributes: [
        { AttributeKey: "EventName", AttributeValue: "a" },
        { AttributeKey: "Username", AttributeValue: "b" },
      ],
    },
  ],
  [
    "InvalidLookupAttributesException",
    { LookupAttributes: [{ AttributeKey: "Colour" as "EventName", AttributeValue: "red" }] },
  ],
])("%s", async (name, input) => {
  const error = await refusal(input);
  expect(error.name).toBe(name);
  expect(error.message).toMatch(/^[A-Z].{10,}\.$/);
});

test("needs a signature for cloudtrail, and cloudtrail:LookupEvents", async () => {
  expect(await refusal({}, client("seller"))).toMatchObject({
    name: "AccessDeniedException",
    message: expect.stringContaining("is not authorized to perform: cloudtrail:LookupEvents"),
  });
  expect((await raw("LookupEvents", { service: "aws-marketplace" })).__type).toBe("InvalidSignatureException");
  expect((await raw("LookupEvents", { form: "none" })).__type).toBe("MissingAuthenticationTokenException");
});

test("the AWS CLI's form of the target, and no other operation", async () => {
  await resolve();
  expect((await raw("LookupEvents")).Events).toHaveLength(1);
  const refused = await raw("CreateTrail");
  // CloudTrail's exceptions have a capital Message.
  expect(refused).toMatchObject({ __type: "UnknownOperationException", Message: refused.message });
});

/** A call as botocore makes it. */
async function raw(name: string, sign: Partial<SignOptions> = {}): Promise<Record<string, unknown>> {
  const { endpoint, credentials } = wire.meterhouse;
  const { accessKeyId, secretAccessKey } = credentials[keys.allowsAll] ?? expect.fail("no key");
  const { headers } = signRequest({
    host: new URL(endpoint).host,
    headers: {
      "content-type": "application/x-amz-json-1.1",
      "x-amz-target": `com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.${name}`,
    },
    body: "{}",
    accessKeyId,
    secretAccessKey,
    service: "cloudtrail",
    ...sign,
  });
  const reply = await fetch(endpoint, { method: "POST", headers, body: "{}" });
  return JSON.parse(await reply.text());
}
