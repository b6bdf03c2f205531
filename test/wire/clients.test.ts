/**
 * What AWS's clients need from the wire, as it was measured on them, one by one; and the mistakes by which integrations
 * lose usage. The clients other than the JavaScript SDK are played by the signing client, in the forms they were seen to send.
 */
import * as sdk from "@aws-sdk/client-marketplace-metering";
import { decodeJwt } from "jose";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { buyers, type KeyName, keyRotatedAt, keys, licenses, products, startAt, startSec } from "../support/catalog.ts";
import { expectError, resultsOf, startWire, statusesOf, type Wire, type WireCall } from "../support/wireClient.ts";

let wire: Wire;
beforeAll(async () => {
  wire = await startWire({ rateClock: "business" });
});
afterAll(() => wire.close());
beforeEach(() => wire.reset());

function client(
  key: KeyName = "seller",
  options: Partial<sdk.MarketplaceMeteringClientConfig> = {},
): sdk.MarketplaceMeteringClient {
  const credential = wire.meterhouse.credentials[keys[key]];
  if (credential === undefined) throw new Error(`no key ${key}`);
  const { accessKeyId, secretAccessKey, sessionToken } = credential;
  return new sdk.MarketplaceMeteringClient({
    endpoint: wire.meterhouse.endpoint,
    region: "us-east-1",
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) },
    ...options,
  });
}

const now = new Date(startAt);
const batch = (fields: Partial<sdk.UsageRecord> = {}) =>
  new sdk.BatchMeterUsageCommand({
    ProductCode: products.logs,
    UsageRecords: [
      { Timestamp: now, CustomerAWSAccountId: buyers.alder.account, Dimension: "searches", Quantity: 1, ...fields },
    ],
  });
const meter = (fields: Partial<sdk.MeterUsageCommandInput> = {}) =>
  new sdk.MeterUsageCommand({
    ProductCode: products.ami,
    Timestamp: now,
    UsageDimension: "hosts",
    UsageQuantity: 1,
    ...fields,
  });
const record = { Timestamp: startSec, CustomerIdentifier: buyers.alder.identifier, Dimension: "searches", Quantity: 1 };
const send = (call: WireCall = {}, records: readonly object[] = [record]) =>
  wire.call({ request: { ProductCode: products.logs, UsageRecords: records }, ...call });

interface Failure {
  readonly name: string;
  readonly attempts: number;
}
async function failure(calling: Promise<unknown>): Promise<Failure> {
  try {
    await calling;
  } catch (error) {
    if (!(error instanceof sdk.MarketplaceMeteringServiceException)) throw error;
    return { name: error.name, attempts: error.$metadata.attempts ?? 0 };
  }
  throw new Error("no error");
}

describe("what the JavaScript SDK reads", () => {
  test("W-33: timestamps come back as dates, to the millisecond", async () => {
    const sent = new Date("2026-08-15T09:49:14.499Z");
    const answer = await client().send(batch({ Timestamp: sent }));
    expect(answer.Results?.[0]?.UsageRecord?.Timestamp).toEqual(sent);
    const registered = await client("ecs").send(
      new sdk.RegisterUsageCommand({ ProductCode: products.containerHourly, PublicKeyVersion: 1 }),
    );
    expect(registered.PublicKeyRotationTimestamp).toEqual(new Date(keyRotatedAt));
  });

  test("all four operations, one after another", async () => {
    const seller = client();
    const buyer = await seller.send(new sdk.ResolveCustomerCommand({ RegistrationToken: "bG9ncyt0b2tlbg/alder+1==" }));
    expect(buyer).toMatchObject({ CustomerIdentifier: buyers.alder.identifier, LicenseArn: licenses.logs });
    const { Results, UnprocessedRecords } = await seller.send(batch());
    expect(Results?.[0]?.Status).toBe("Success");
    expect(UnprocessedRecords).toEqual([]);
    expect((await client("ec2").send(meter())).MeteringRecordId).toMatch(/^[0-9a-f-]{36}$/);
    const { Signature = "" } = await client("ecs").send(
      new sdk.RegisterUsageCommand({
        ProductCode: products.containerHourly,
        PublicKeyVersion: 2,
        Nonce: "n".repeat(255),
      }),
    );
    // NGINX's controller refuses anything else: names, a numeric version, the whole nonce.
    expect(decodeJwt(Signature)).toMatchObject({
      productCode: products.containerHourly,
      publicKeyVersion: 2,
      nonce: "n".repeat(255),
    });
  });

  test.each([-3, 3])(
    "W-41: a client whose clock is %i h off adopts the wall clock from Date, wherever the business clock is",
    async (hours) => {
      const skewed = await startWire({ wallClock: () => Date.now() - hours * 3_600_000, now: "2001-01-01T00:00:00Z" });
      try {
        const late = client("seller", { endpoint: skewed.meterhouse.endpoint });
        const answer = await late.send(new sdk.BatchMeterUsageCommand({ UsageRecords: [] }));
        expect(answer.$metadata.attempts).toBe(2);
        expect(Math.abs(late.config.systemClockOffset + hours * 3_600_000)).toBeLessThan(10_000);
        // It has learned.
        expect((await late.send(new sdk.BatchMeterUsageCommand({ UsageRecords: [] }))).$metadata.attempts).toBe(1);
      } finally {
        await skewed.close();
      }
    },
  );
});

describe("retries of the JavaScript SDK", () => {
  test("W-40, B-92: an answer lost after the commit is replayed by the SDK itself: one record, its id", async () => {
    wire.meterhouse.plan({ kind: "error", phase: "after-commit" });
    const answer = await client().send(batch());
    expect(answer.$metadata.attempts).toBe(2);
    expect(await wire.meterhouse.records()).toMatchObject([
      { meteringRecordId: answer.Results?.[0]?.MeteringRecordId },
    ]);
  });

  test("W-15, M-23: the SDK's own ClientToken is kept across its retries", async () => {
    wire.meterhouse.plan({ kind: "error", phase: "after-commit", times: 2 });
    const answer = await client("ec2").send(meter());
    expect(answer.$metadata.attempts).toBe(3);
    const [kept] = await wire.meterhouse.records();
    expect(kept).toMatchObject({
      meteringRecordId: answer.MeteringRecordId,
      clientToken: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    // An agent's usage adds up: only the token keeps a retry from counting twice (M-32).
    wire.meterhouse.plan({ kind: "error", phase: "after-commit" });
    const agent = meter({ ProductCode: products.agent, UsageDimension: "calls" });
    await client("agent").send(agent);
    expect(await wire.meterhouse.records({ productCode: products.agent })).toHaveLength(1);
  });

  test("W-40: throttling and faults are retried by name, up to three attempts", async () => {
    wire.meterhouse.plan({ kind: "throttle", times: 2 });
    expect((await client().send(batch())).$metadata.attempts).toBe(3);
    wire.meterhouse.plan({ kind: "throttle", times: 3 });
    expect(await failure(client().send(batch()))).toEqual({ name: "ThrottlingException", attempts: 3 });
    wire.meterhouse.plan({ kind: "error", times: 3, status: 503 });
    expect(await failure(client().send(batch()))).toEqual({ name: "InternalServiceErrorException", attempts: 3 });
  });

  test("W-40: mistakes are not: one attempt each", async () => {
    expect(await failure(client().send(batch({ Dimension: "nope" })))).toEqual({
      name: "InvalidUsageDimensionException",
      attempts: 1,
    });
    const ec2 = client("ec2");
    await ec2.send(meter({ ClientToken: "t" }));
    expect(await failure(ec2.send(meter({ ClientToken: "t", UsageQuantity: 2 })))).toEqual({
      name: "IdempotencyConflictException",
      attempts: 1,
    });
    expect(await failure(ec2.send(meter({ UsageQuantity: 2 })))).toEqual({
      name: "DuplicateRequestException",
      attempts: 1,
    });
    expect(await failure(client("expired").send(batch()))).toEqual({ name: "ExpiredTokenException", attempts: 1 });
  });

  test("W-41: a denial is retried once the clocks were compared, and stays one", async () => {
    const denied = await failure(client("allowsNothing").send(batch()));
    expect(denied.name).toBe("AccessDeniedException");
  });
});

describe("requests as the clients were seen to sign them", () => {
  test.each<readonly [string, WireCall]>([
    ["content-length signed (Go, JavaScript v3)", { headers: { "content-length": "LENGTH" } }],
    ["content-type not signed (JavaScript v2)", { sign: { unsigned: ["content-type"] } }],
    ["no x-amz-content-sha256 (botocore)", { sign: { omit: "x-amz-content-sha256" } }],
    ["x-amz-content-sha256 sent and signed (JavaScript, Ruby, erlcloud)", {}],
    ["x-amz-content-sha256 sent and not signed", { sign: { unsigned: ["x-amz-content-sha256"] } }],
    ["Connection: close (JavaScript v2)", { headers: { connection: "close" }, sign: { unsigned: ["connection"] } }],
    ["an empty Accept-Encoding, signed (Ruby)", { headers: { "accept-encoding": "" } }],
    ["gzip asked for (Go)", { headers: { "accept-encoding": "gzip" }, sign: { unsigned: ["accept-encoding"] } }],
    ["Host without the port (erlcloud)", { sign: { host: "127.0.0.1" } }],
    ["Host of AWS, behind a proxy", { sign: { host: "metering.marketplace.us-east-1.amazonaws.com" } }],
    ["a session token", { key: "sellerSession" }],
    [
      "amz-sdk headers (JavaScript v3)",
      { headers: { "amz-sdk-invocation-id": "0b1", "amz-sdk-request": "attempt=1; max=3" } },
    ],
    ["content type with a charset", { contentType: "application/x-amz-json-1.1; charset=utf-8" }],
  ])("%s", async (_, call) => {
    const body = JSON.stringify({ ProductCode: products.logs, UsageRecords: [record] });
    const headers = Object.fromEntries(
      Object.entries(call.headers ?? {}).map(([name, value]) => [name, value.replace("LENGTH", String(body.length))]),
    );
    const reply = await send({ ...call, headers, body });
    expect(statusesOf(reply)).toEqual(["Success"]);
    if (headers.connection === "close") expect(reply.headers.connection).toBe("close");
  });

  test("S-29: a scope of Region 0 (erlcloud unless configured) is refused as AWS refuses it", async () => {
    expectError(
      await send({ region: "0", sign: { host: "127.0.0.1" } }),
      "InvalidSignatureException",
      "not '0'",
      "us-east-1",
    );
  });

  test("CLI 2.9, boto3 1.26: ProductCode and CustomerIdentifier, whole seconds", async () => {
    const reply = await send();
    expect(resultsOf(reply)).toEqual([
      { UsageRecord: record, MeteringRecordId: expect.any(String), Status: "Success" },
    ]);
  });

  test.each([
    ["26 records", Array.from({ length: 26 }, () => record), "ValidationException", "less than or equal to 25"],
    ["quantity 1.5", [{ ...record, Quantity: 1.5 }], "SerializationException", "'1.5'"],
    ['quantity "3"', [{ ...record, Quantity: "3" }], "SerializationException", "without quotes"],
    [
      "milliseconds",
      [{ ...record, Timestamp: startSec * 1_000 }],
      "TimestampOutOfBoundsException",
      "looks like milliseconds",
    ],
    [
      "local time labelled UTC, ahead",
      [{ ...record, Timestamp: startSec + 5 * 3_600 }],
      "TimestampOutOfBoundsException",
      "local time",
    ],
    [
      "ISO text for a date (JavaScript)",
      [{ ...record, Timestamp: startAt }],
      "SerializationException",
      "epoch seconds",
    ],
  ])("what no client checks: %s", async (_, records, error, words) => {
    expectError(await send({}, records), error, words);
    expect(await wire.meterhouse.records()).toEqual([]);
  });
});

describe("what clients look for in answers", () => {
  test("AWS's container sample: usageDimension: NAME in the text", async () => {
    const reply = await wire.call({
      operation: "MeterUsage",
      key: "ec2",
      request: {
        ProductCode: products.ami,
        Timestamp: startSec,
        UsageDimension: "Nodes",
        UsageQuantity: 1,
        DryRun: true,
      },
    });
    expectError(reply, "InvalidUsageDimensionException", "usageDimension: Nodes");
  });

  test("evon-hub and AWS's container sample: a permitted dry run is 200 with its name for an id", async () => {
    const answer = await client("ec2").send(meter({ DryRun: true }));
    expect(answer.MeteringRecordId).toBe("DryRunOperation");
    expect(await failure(client("ec2Denied").send(meter({ DryRun: true })))).toMatchObject({
      name: "UnauthorizedException",
    });
  });

  test("flexprice: Results is never empty for records that were processed", async () => {
    const reply = await send({}, [{ ...record, CustomerIdentifier: "nobody" }]);
    expect(resultsOf(reply)).toHaveLength(1);
  });

  test("SUSE's adapter: results are matched by what was sent", async () => {
    const sent = [
      record,
      { ...record, CustomerIdentifier: "nobody" },
      { ...record, Dimension: "gb", Timestamp: startSec - 0.75 },
    ];
    expect(resultsOf(await send({}, sent)).map((result) => result.UsageRecord)).toEqual(sent);
  });
});

describe("how integrations lose usage", () => {
  test("1, 2: 200 does not mean billed: every record is in one list, with its status", async () => {
    await send();
    wire.meterhouse.plan({ kind: "unprocessed", records: [0] });
    const reply = await send({}, [
      { ...record, Dimension: "gb" },
      { ...record, Quantity: 2 },
      { ...record, CustomerIdentifier: buyers.cedar.identifier },
    ]);
    expect(statusesOf(reply)).toEqual(["DuplicateRecord", "CustomerNotSubscribed"]);
    expect(reply.json.UnprocessedRecords).toEqual([{ ...record, Dimension: "gb" }]);
  });

  test("3: a zero heartbeat locks the hour; 7: a retry with a new quantity is a duplicate", async () => {
    await send({}, [{ ...record, Quantity: 0 }]);
    expect(statusesOf(await send({}, [{ ...record, Quantity: 12 }]))).toEqual(["DuplicateRecord"]);
  });

  test("4: product code and licence for one hour are two bills", async () => {
    await send();
    const { CustomerIdentifier: _, ...rest } = record;
    const licensed = { ...rest, CustomerAWSAccountId: buyers.alder.account, LicenseArn: licenses.logs };
    await wire.call({ request: { UsageRecords: [licensed] } });
    expect((await wire.meterhouse.records()).map((row) => row.quantity)).toEqual([1, 1]);
  });

  test("5: retries around the SDK's retries: each attempt meets the rate and none stores", async () => {
    await wire.reset({ quotas: { default: { BatchMeterUsage: 1 } } });
    await client().send(batch());
    expect(await failure(client().send(batch({ Dimension: "gb" })))).toEqual({
      name: "ThrottlingException",
      attempts: 3,
    });
    expect(await wire.meterhouse.records()).toHaveLength(1);
  });

  test("8: one bad record loses the other 24, and the text says which it is", async () => {
    const records = Array.from({ length: 25 }, (_, index) => ({
      ...record,
      Timestamp: startSec - (index % 24) * 3_600 + 60,
      Dimension: index === 17 ? "typo" : "searches",
    }));
    expectError(await send({}, records), "InvalidUsageDimensionException", "UsageRecords[17]", "typo");
    expect(await wire.meterhouse.records()).toEqual([]);
  });
});
