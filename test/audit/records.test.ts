/** Every operation, accepted and refused, as the CloudTrail record that AWS would write of it (SPEC H.1). */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { callerArn } from "../../src/protocol/authorise.ts";
import { buyers, keys, licenses, products, sellers, startSec, tokens } from "../support/catalog.ts";
import { resultsOf, startWire, uuid4, type Wire, type WireCall, type WireReply } from "../support/wireClient.ts";

let wire: Wire;
beforeAll(async () => {
  wire = await startWire();
});
beforeEach(() => wire.reset());
afterAll(() => wire.close());

const usageSec = startSec - 3_850; // 9:15:50
const usageText = "Aug 15, 2026 9:15:50 AM";
const headers = { "user-agent": "records-test/1.0" };
const { alder, cedar } = buyers;

async function recordOf(call: WireCall) {
  const reply = await wire.call({ ...call, headers });
  const [record, ...others] = await wire.meterhouse.cloudTrail();
  expect(others).toEqual([]);
  expect(record?.requestID).toBe(reply.headers["x-amzn-requestid"]);
  return { reply, record: record ?? expect.fail("no record") };
}

const sellerIdentity = {
  type: "IAMUser",
  principalId: expect.stringMatching(/^AIDA[0-9A-F]{17}$/),
  arn: `arn:aws:iam::${sellers.quayside}:user/metering`,
  accountId: sellers.quayside,
  accessKeyId: keys.seller,
  userName: "metering",
};

function common(eventName: string, reply: WireReply) {
  return {
    eventVersion: "1.05",
    eventTime: "2026-08-15T10:20:00Z",
    eventSource: "metering-marketplace.amazonaws.com",
    eventName,
    awsRegion: "us-east-1",
    sourceIPAddress: "127.0.0.1",
    userAgent: "records-test/1.0",
    requestID: reply.headers["x-amzn-requestid"],
    eventID: expect.stringMatching(uuid4),
    readOnly: false,
    eventType: "AwsApiCall",
    managementEvent: true,
  };
}

describe("BatchMeterUsage", () => {
  const batch = (records: readonly object[], more: object = {}): WireCall => ({
    request: { ProductCode: products.logs, UsageRecords: records, ...more },
  });
  const one = { Timestamp: usageSec, Dimension: "searches", CustomerIdentifier: alder.identifier, Quantity: 5 };

  test("accepted: H-1 to H-7, whole", async () => {
    const { reply, record } = await recordOf(batch([one]));
    const usageRecord = {
      timestamp: usageText,
      customerIdentifier: alder.identifier,
      dimension: "searches",
      quantity: 5,
    };
    const [result] = resultsOf(reply);
    expect(record).toEqual({
      ...common("BatchMeterUsage", reply),
      userIdentity: sellerIdentity,
      requestParameters: { usageRecords: [usageRecord], productCode: products.logs },
      responseElements: {
        results: [{ usageRecord, meteringRecordId: result?.MeteringRecordId, status: "Success" }],
        unprocessedRecords: [],
      },
      recipientAccountId: sellers.quayside,
    });
    expect(record.eventID).not.toBe(record.requestID);
    // Stable: read again, and again after other calls.
    expect((await wire.meterhouse.cloudTrail())[0]).toEqual(record);
  });

  test("each status of a record, and what is back in UnprocessedRecords; H-9: no errorCode", async () => {
    const allocations = [{ AllocatedUsageQuantity: 7, Tags: [{ Key: "team", Value: "blue" }] }];
    const other = { Timestamp: usageSec, Dimension: "gb", CustomerAWSAccountId: alder.account, Quantity: 7 };
    await wire.call(batch([one, other]));
    wire.meterhouse.plan({ kind: "unprocessed", records: [4] });
    const bare = { Timestamp: usageSec - 3_600.25, Dimension: "searches", CustomerAWSAccountId: alder.account };
    const sent = [
      one,
      { ...other, Quantity: 8 },
      { ...one, CustomerIdentifier: cedar.identifier },
      bare,
      { ...one, Dimension: "gb", Timestamp: usageSec - 7_200 },
      { ...other, Timestamp: usageSec - 7_200, UsageAllocations: allocations },
    ];
    const reply = await wire.call({ ...batch(sent), headers });
    const results = resultsOf(reply);
    const [record] = await wire.meterhouse.cloudTrail();
    const shown = [
      { timestamp: usageText, customerIdentifier: alder.identifier, dimension: "searches", quantity: 5 },
      { timestamp: usageText, customerAWSAccountId: alder.account, dimension: "gb", quantity: 8 },
      { timestamp: usageText, customerIdentifier: cedar.identifier, dimension: "searches", quantity: 5 },
      { timestamp: "Aug 15, 2026 8:15:49 AM", customerAWSAccountId: alder.account, dimension: "searches" },
      { timestamp: "Aug 15, 2026 7:15:50 AM", customerIdentifier: alder.identifier, dimension: "gb", quantity: 5 },
      {
        timestamp: "Aug 15, 2026 7:15:50 AM",
        customerAWSAccountId: alder.account,
        dimension: "gb",
        quantity: 7,
        usageAllocations: [{ allocatedUsageQuantity: 7, tags: [{ key: "team", value: "blue" }] }],
      },
    ];
    expect(record?.requestParameters).toEqual({ usageRecords: shown, productCode: products.logs });
    const ids = results.map((result) => result.MeteringRecordId);
    expect(record?.responseElements).toEqual({
      results: [
        { usageRecord: shown[0], meteringRecordId: ids[0], status: "Success" },
        { usageRecord: shown[1], status: "DuplicateRecord" },
        { usageRecord: shown[2], status: "CustomerNotSubscribed" },
        { usageRecord: shown[3], meteringRecordId: ids[3], status: "Success" },
        { usageRecord: shown[5], meteringRecordId: ids[4], status: "Success" },
      ],
      unprocessedRecords: [shown[4]],
    });
    expect(record).not.toHaveProperty("errorCode");
  });

  test("by licence alone: no productCode where none was sent", async () => {
    const { reply, record } = await recordOf({
      request: {
        UsageRecords: [
          {
            Timestamp: usageSec,
            Dimension: "secrets",
            CustomerAWSAccountId: alder.account,
            LicenseArn: licenses.vault1,
            Quantity: 0,
          },
        ],
      },
    });
    resultsOf(reply);
    expect(record.requestParameters).toEqual({
      usageRecords: [
        {
          timestamp: usageText,
          dimension: "secrets",
          customerAWSAccountId: alder.account,
          licenseArn: licenses.vault1,
          quantity: 0,
        },
      ],
    });
  });

  test("refused: H-8", async () => {
    const { reply, record } = await recordOf(batch([{ ...one, Dimension: "nope" }]));
    expect(record).toEqual({
      ...common("BatchMeterUsage", reply),
      userIdentity: sellerIdentity,
      errorCode: "InvalidUsageDimensionException",
      errorMessage: reply.message,
      requestParameters: {
        productCode: products.logs,
        usageRecords: [{ timestamp: usageText, dimension: "nope", customerIdentifier: alder.identifier, quantity: 5 }],
      },
      responseElements: null,
      recipientAccountId: sellers.quayside,
    });
  });

  test("of a refused request that is large, the first records are kept, and what is left out is counted", async () => {
    const many = Array.from({ length: 2_000 }, (_, n) => ({ ...one, Dimension: `d${n}` }));
    const { record } = await recordOf(batch(many));
    expect(record.errorCode).toBe("ValidationException");
    const { usageRecords, omitted, originalSize } = record.requestParameters ?? {};
    expect(omitted).toBe(true);
    expect(originalSize).toBeGreaterThan(150_000);
    expect((usageRecords as readonly unknown[]).length).toBeGreaterThan(100);
    expect(JSON.stringify(record).length).toBeLessThan(24_000);
  });

  test.each([
    ["wrong types", { UsageRecords: [{ Timestamp: "noon" }], ProductCode: 7 }],
    ["not a list", { UsageRecords: { a: 1 } }],
    ["nothing", {}],
    ["members of other names", { __proto__x: 1, usageRecords: [], Secret: "kept nowhere" }],
  ])("refused before it could be read: %s", async (_, request) => {
    const { record } = await recordOf({ request });
    expect(record.errorCode).toMatch(/Exception$/);
    expect(record.responseElements).toBeNull();
    expect(JSON.stringify(record)).not.toContain("kept nowhere");
  });

  test("nested deeper than one would walk", async () => {
    const deep = `${"[".repeat(6_000)}${"]".repeat(6_000)}`;
    const { record } = await recordOf({ body: `{"UsageRecords":[${deep}],"ProductCode":"x"}` });
    expect(record.errorCode).toBe("SerializationException");
    expect(JSON.stringify(record).length).toBeLessThan(24_000);
  });

  test("strangers and throttled calls are in no trail", async () => {
    await wire.reset({ quotas: "aws" });
    await wire.call({ ...batch([one]), sign: { wrongSecret: true } });
    await wire.call({ ...batch([one]), sign: { form: "none" } });
    const replies = await Promise.all(Array.from({ length: 30 }, () => wire.call(batch([one]))));
    const throttled = replies.filter((reply) => reply.error === "ThrottlingException");
    expect(throttled.length).toBeGreaterThan(0);
    expect(await wire.meterhouse.cloudTrail()).toHaveLength(30 - throttled.length);
  });
});

describe("MeterUsage", () => {
  const request = { ProductCode: products.ami, Timestamp: usageSec, UsageDimension: "hosts", UsageQuantity: 4 };
  const meter = (more: object = {}, key: WireCall["key"] = "ec2"): WireCall => ({
    operation: "MeterUsage",
    key,
    request: { ...request, ...more },
  });
  const parameters = {
    productCode: products.ami,
    timestamp: usageText,
    usageDimension: "hosts",
    usageQuantity: 4,
  };

  test("accepted: H-4, H-6, H-7 of an instance", async () => {
    const { reply, record } = await recordOf(meter());
    expect(record).toEqual({
      ...common("MeterUsage", reply),
      userIdentity: {
        type: "AssumedRole",
        principalId: expect.stringMatching(/^AROA[0-9A-F]{17}:i-0aaaaaaaaaaaaaaa1$/),
        arn: `arn:aws:sts::${alder.account}:assumed-role/instance/i-0aaaaaaaaaaaaaaa1`,
        accountId: alder.account,
        accessKeyId: keys.ec2,
        sessionContext: {
          sessionIssuer: {
            type: "Role",
            principalId: expect.stringMatching(/^AROA[0-9A-F]{17}$/),
            arn: `arn:aws:iam::${alder.account}:role/instance`,
            accountId: alder.account,
            userName: "instance",
          },
          webIdFederationData: {},
          attributes: { mfaAuthenticated: "false", creationDate: expect.stringMatching(/^\d{4}-.*:\d\dZ$/) },
          ec2RoleDelivery: "2.0",
        },
      },
      requestParameters: parameters,
      responseElements: { meteringRecordId: reply.json.MeteringRecordId },
      recipientAccountId: alder.account,
    });
  });

  test("dryRun only when sent; a dry run stores nothing and is told", async () => {
    const { record } = await recordOf(meter({ DryRun: false }));
    expect(record.requestParameters).toEqual({ ...parameters, dryRun: false });
    await wire.call(meter({ DryRun: true }));
    const [dry] = await wire.meterhouse.cloudTrail();
    expect(dry?.requestParameters).toEqual({ ...parameters, dryRun: true });
    expect(dry?.responseElements).toEqual({ meteringRecordId: "DryRunOperation" });
  });

  test("with allocations and a token, without a quantity; sent again the record is the same", async () => {
    const allocations = [{ AllocatedUsageQuantity: 0, Tags: [{ Key: "team", Value: "blue" }] }];
    const call = meter({ UsageQuantity: undefined, UsageAllocations: allocations, ClientToken: "token-1" });
    const { reply, record } = await recordOf(call);
    expect(reply.status, reply.text).toBe(200);
    const { usageQuantity, ...rest } = parameters;
    expect(record.requestParameters).toEqual({
      ...rest,
      usageAllocations: [{ allocatedUsageQuantity: 0, tags: [{ key: "team", value: "blue" }] }],
      clientToken: "token-1",
    });
    await wire.call(call);
    const [again] = await wire.meterhouse.cloudTrail();
    expect(again?.requestParameters).toEqual(record.requestParameters);
    expect(again?.responseElements).toEqual(record.responseElements);
    expect(again?.requestID).not.toBe(record.requestID);
  });

  test("refused on what the ledger holds", async () => {
    await wire.call(meter());
    const reply = await wire.call(meter({ UsageQuantity: 9 }));
    const [record] = await wire.meterhouse.cloudTrail();
    expect(record).toMatchObject({
      errorCode: "DuplicateRequestException",
      errorMessage: reply.message,
      requestParameters: { ...parameters, usageQuantity: 9 },
      responseElements: null,
    });
  });

  test("not allowed", async () => {
    const { record } = await recordOf(meter({}, "ec2Denied"));
    expect(record).toMatchObject({ errorCode: "AccessDeniedException", requestParameters: parameters });
  });

  test("of an agent, whose records have entries of their own", async () => {
    const call = (token: string) =>
      wire.call({
        operation: "MeterUsage",
        key: "agent",
        request: {
          ProductCode: products.agent,
          Timestamp: usageSec,
          UsageDimension: "calls",
          UsageQuantity: 1,
          ClientToken: token,
        },
      });
    const ids = [await call("one"), await call("two")].map((reply) => reply.json.MeteringRecordId);
    const records = await wire.meterhouse.cloudTrail();
    expect(records.map((record) => record.responseElements)).toEqual([
      { meteringRecordId: ids[1] },
      { meteringRecordId: ids[0] },
    ]);
    expect(records[0]?.requestParameters).toMatchObject({ clientToken: "two" });
  });
});

describe("the other operations", () => {
  test("RegisterUsage of a pod: the signature that was sent, and the federation", async () => {
    const { reply, record } = await recordOf({
      operation: "RegisterUsage",
      key: "eks",
      request: { ProductCode: products.containerHourly, PublicKeyVersion: 1, Nonce: "once" },
    });
    expect(reply.status, reply.text).toBe(200);
    expect(record).toMatchObject({
      ...common("RegisterUsage", reply),
      recipientAccountId: alder.account,
      requestParameters: { productCode: products.containerHourly, publicKeyVersion: 1, nonce: "once" },
      responseElements: { signature: reply.json.Signature },
    });
    expect(record.responseElements?.publicKeyRotationTimestamp).toMatch(
      /^[A-Z][a-z]{2} \d+, \d{4} \d+:\d\d:\d\d [AP]M$/,
    );
    const { sessionContext } = record.userIdentity as { readonly sessionContext: Record<string, unknown> };
    expect(sessionContext.webIdFederationData).toEqual({
      federatedProvider: `arn:aws:iam::${alder.account}:oidc-provider/oidc.eks.us-east-1.amazonaws.com/id/c1`,
      attributes: {},
    });
    expect(sessionContext).not.toHaveProperty("ec2RoleDelivery");
  });

  test("RegisterUsage refused", async () => {
    const { record } = await recordOf({
      operation: "RegisterUsage",
      key: "ecs",
      request: { ProductCode: products.containerHourly, PublicKeyVersion: 99 },
    });
    expect(record).toMatchObject({ errorCode: "InvalidPublicKeyVersionException", responseElements: null });
    expect(record.requestParameters).toEqual({ productCode: products.containerHourly, publicKeyVersion: 99 });
  });

  test("ResolveCustomer: the answer, and never the token", async () => {
    const { reply, record } = await recordOf({
      operation: "ResolveCustomer",
      request: { RegistrationToken: tokens.legacy },
    });
    expect(record).toEqual({
      ...common("ResolveCustomer", reply),
      userIdentity: sellerIdentity,
      requestParameters: {
        registrationToken: "HIDDEN_DUE_TO_SECURITY_REASONS",
        productCode: products.logs,
      },
      responseElements: {
        customerIdentifier: alder.identifier,
        customerAWSAccountId: alder.account,
        productCode: products.logs,
        ...(reply.json.LicenseArn === undefined ? {} : { licenseArn: reply.json.LicenseArn }),
      },
      recipientAccountId: sellers.quayside,
    });
  });

  test("GetEntitlements reads: readOnly, no response elements, keys of the filter as they are", async () => {
    const { record } = await recordOf({
      operation: "GetEntitlements",
      target: "AWSMPEntitlementService.GetEntitlements",
      request: { ProductCode: products.contract, Filter: { DIMENSION: ["users"] }, MaxResults: 5 },
    });
    expect(record).toMatchObject({
      eventSource: "entitlement-marketplace.amazonaws.com",
      eventName: "GetEntitlements",
      readOnly: true,
      responseElements: null,
    });
    expect(record.requestParameters).toEqual({
      productCode: products.contract,
      filter: { DIMENSION: ["users"] },
      maxResults: 5,
    });
  });
});

test.each(["seller", "sellerSession", "ec2", "ecs", "eks", "podIdentity", "agent", "laptop", "role"] as const)(
  "H-7: the identity of %s is the one that errors name",
  async (key) => {
    const { record } = await recordOf({ operation: "ResolveCustomer", key, request: { RegistrationToken: "x" } });
    const credential = wire.meterhouse.credentials[keys[key]] ?? expect.fail("no key");
    const isUser = credential.kind === "iam-user";
    expect(record.userIdentity).toMatchObject({
      type: isUser ? "IAMUser" : "AssumedRole",
      arn: callerArn(credential, "us-east-1"),
      accountId: credential.accountId,
      accessKeyId: credential.accessKeyId,
    });
    expect("sessionContext" in record.userIdentity).toBe(!isUser);
  },
);

test("the identity is that of the time of the call: the key may be gone by now", async () => {
  await recordOf({ operation: "ResolveCustomer", request: { RegistrationToken: tokens.legacy } });
  const reply = await fetch(`${wire.meterhouse.endpoint}/api/v1/credentials/${keys.seller}`, {
    method: "DELETE",
    headers: { authorization: `Bearer ${wire.meterhouse.adminToken}` },
  });
  expect(reply.ok, await reply.text()).toBe(true);
  expect((await wire.meterhouse.cloudTrail())[0]?.userIdentity).toEqual(sellerIdentity);
});

test("the library's filters", async () => {
  await wire.call({ operation: "ResolveCustomer", request: { RegistrationToken: tokens.legacy } });
  await wire.meterhouse.clock.advance("1h");
  await wire.call({
    operation: "ResolveCustomer",
    key: "rival",
    region: "eu-west-1",
    request: { RegistrationToken: "x" },
  });
  const trail = async (filter: Parameters<typeof wire.meterhouse.cloudTrail>[0]) =>
    (await wire.meterhouse.cloudTrail(filter)).map((record) => record.recipientAccountId);
  expect(await trail({})).toEqual([sellers.rival, sellers.quayside]);
  expect(await trail({ limit: 1 })).toEqual([sellers.rival]);
  expect(await trail({ account: sellers.quayside })).toEqual([sellers.quayside]);
  expect(await trail({ accessKeyId: keys.rival })).toEqual([sellers.rival]);
  expect(await trail({ region: "eu-west-1" })).toEqual([sellers.rival]);
  expect(await trail({ operation: "MeterUsage" })).toEqual([]);
  expect(await trail({ from: "2026-08-15T10:30:00Z" })).toEqual([sellers.rival]);
  expect(await trail({ to: "2026-08-15T10:30:00Z" })).toEqual([sellers.quayside]);
  await wire.meterhouse.clock.advance("90d");
  expect(await trail({ from: "2026-01-01T00:00:00Z" })).toEqual([sellers.rival]);
});
