/** What the format offers and no public case uses, against the real server. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Json, JsonObject } from "../../vectors/values.ts";
import { type Harness, startHarness } from "./harness.ts";

let harness: Harness;

beforeAll(async () => {
  harness = await startHarness();
});

afterAll(async () => {
  await harness.close();
});

/** 2026-08-15T09:15:00Z, the usage time of the public cases. */
const USAGE_AT = 1786785300;
const L1 = "arn:aws:license-manager::123456789012:license:l-0000000000000000000000000abc0002";
const BUYERS: Readonly<Record<string, string>> = { C1: "aB3dE5fG7h1", C2: "bC4eF6gH8i2", C5: "eF7hI9jK1l5" };

/** A BatchMeterUsage of one record and the status it must get. */
function usage(customer: string, status: string, timestamp: Json = USAGE_AT): JsonObject {
  return {
    call: {
      operation: "BatchMeterUsage",
      request: {
        ProductCode: "saaslegacysub000000000000",
        UsageRecords: [
          { Timestamp: timestamp, Dimension: "requests", CustomerIdentifier: BUYERS[customer] ?? "", Quantity: 5 },
        ],
      },
    },
    expect: { status: 200, body: { Results: [{ Status: status }] } },
  };
}

function licensed(status: string, timestamp: number): JsonObject {
  const record = {
    Timestamp: timestamp,
    Dimension: "requests",
    CustomerAWSAccountId: "333333333333",
    LicenseArn: L1,
    Quantity: 1,
  };
  return {
    call: { operation: "BatchMeterUsage", request: { UsageRecords: [record] } },
    expect: { status: 200, body: { Results: [{ Status: status }] } },
  };
}

/** A good call with one thing wrong about its transport. */
function spoilt(raw: Json, expected: Json, members: JsonObject = {}): JsonObject {
  const { call } = usage("C1", "Success") as { call: JsonObject };
  return { call: { ...call, ...members, raw }, expect: expected };
}

const FINE: Json = { status: 200, body: { Results: [{ Status: "Success" }] } };

function refused(errorType: string): Json {
  return { status: 400, errorType };
}

describe("signatures", () => {
  test.each<[Json, Json, JsonObject?]>([
    [{ sign: { form: "header" } }, FINE],
    [{ sign: {} }, FINE],
    [{ sign: { form: "query" } }, FINE],
    [{ sign: { form: "query" } }, FINE, { creds: "AKSELLERTMP" }],
    [{ sign: { form: "query", skewSeconds: -840 } }, FINE],
    [{ sign: { form: "query", omit: "x-amz-content-sha256" } }, FINE],
    [{ sign: { form: "header", unsigned: ["Content-Type", "X-Amz-Content-Sha256"] } }, FINE],
    [{ sign: { form: "query", skewSeconds: -960 } }, refused("InvalidSignatureException")],
    [{ sign: { form: "query", wrongSecret: true } }, refused("InvalidSignatureException")],
    [{ sign: { form: "query", tamperBody: true } }, refused("InvalidSignatureException")],
    [{ sign: { form: "query", omit: "X-Amz-Signature" } }, refused("IncompleteSignatureException")],
    [{ sign: { form: "query", omit: "X-Amz-Credential" } }, refused("IncompleteSignatureException")],
    [{ sign: { form: "query", omit: "X-Amz-SignedHeaders" } }, refused("IncompleteSignatureException")],
    [{ sign: { form: "query", omit: "X-Amz-Date" } }, refused("IncompleteSignatureException")],
    [
      { sign: { form: "query", omit: "X-Amz-Security-Token" } },
      refused("UnrecognizedClientException"),
      { creds: "AKSELLERTMP" },
    ],
    [
      { sign: { form: "header", omit: "X-Amz-Security-Token" } },
      refused("UnrecognizedClientException"),
      { creds: "AKSELLERTMP" },
    ],
    [{ sign: { form: "header", omit: "Credential" } }, refused("IncompleteSignatureException")],
    [{ sign: { form: "header", omit: "X-Amz-Date" } }, refused("IncompleteSignatureException")],
    [{ sign: { form: "header", omit: "Authorization" } }, refused("MissingAuthenticationTokenException")],
    [{ sign: { form: "header", omit: "terminator" } }, refused("IncompleteSignatureException")],
    [{ sign: { form: "header", credential: "AKSELLER/20260815/us-east-1" } }, refused("IncompleteSignatureException")],
    [{ sign: { form: "header", date: "Sat, 15 Aug 2026 10:20:00 GMT" } }, refused("IncompleteSignatureException")],
    [{ sign: { form: "header", service: "s3" } }, refused("InvalidSignatureException")],
    [{ sign: { form: "header", accessKeyId: "AKNOBODY" } }, refused("UnrecognizedClientException")],
    [{ sign: { form: "header", sessionToken: "wrong" } }, refused("UnrecognizedClientException")],
    [{}, refused("InvalidSignatureException"), { region: "mars-north-1" }],
  ])("%j", async (raw, expected, members) => {
    expect(await harness.problemOf([spoilt(raw, expected, members)])).toBeUndefined();
  });
});

describe("transport", () => {
  test.each<[Json, Json]>([
    [{ target: null }, refused("UnknownOperationException")],
    [{ headers: { "X-Amz-Target": "Nope" } }, refused("UnknownOperationException")],
    [{ headers: { HOST: "metering.marketplace.us-east-1.amazonaws.com", "X-AMZ-Meta": " a   b " } }, FINE],
    [{ bodyText: "" }, refused("SerializationException")],
    [{ sign: { form: "header", omit: "Content-Length" } }, FINE],
    [
      { method: "OPTIONS", bodyText: "", sign: { form: "none" }, headers: { Origin: "http://x" } },
      {
        status: 200,
        body: { $absent: true },
        headers: { "access-control-allow-origin": "*", "ACCESS-CONTROL-MAX-AGE": "172800" },
      },
    ],
  ])("%j", async (raw, expected) => {
    expect(await harness.problemOf([spoilt(raw, expected)])).toBeUndefined();
  });
});

describe("events", () => {
  const pair = { product: "P_SAAS", customer: "C5" };

  test("purchase activates a pending agreement; a payment that fails does not", async () => {
    const purchase = (more: JsonObject) => ({
      event: { action: "purchase", ...pair, at: "2026-08-15T09:00:00Z", visit: true, ...more },
    });
    const steps = (more: JsonObject, status: string) => [
      purchase(more),
      { at: "2026-08-15T10:20:00Z" },
      usage("C5", status),
    ];
    expect(await harness.problemOf(steps({ privateOffer: true, freeTrial: false }, "Success"))).toBeUndefined();
    expect(await harness.problemOf(steps({ paymentFails: true }, "CustomerNotSubscribed"))).toBeUndefined();
  });

  test("subscribe-success and unsubscribe-success", async () => {
    const problem = await harness.problemOf([
      { event: { action: "subscribe-success", ...pair, at: "2026-08-15T09:00:00Z" } },
      { at: "2026-08-15T10:20:00Z" },
      usage("C5", "Success"),
      { event: { action: "unsubscribe-success", ...pair } },
      usage("C5", "CustomerNotSubscribed", 1786788900),
    ]);
    expect(problem).toBeUndefined();
  });

  test.each<[string, JsonObject]>([
    ["customer and product", { customer: "C1", product: "P_SAAS" }],
    ["licence", { license: "L_S1" }],
  ])("cancel by %s: the final hour, then the end", async (_name, reference) => {
    const problem = await harness.problemOf([
      { event: { action: "cancel", ...reference, at: "2026-08-15T10:00:00Z" } },
      { at: "2026-08-15T10:59:59Z" },
      usage("C1", "Success"),
      { at: "2026-08-15T11:00:01Z" },
      usage("C1", "CustomerNotSubscribed", 1786788300),
    ]);
    expect(problem).toBeUndefined();
  });

  test("purchase-agreement-ended changes nothing; cancel by agreement does", async () => {
    const agreement = "agmt-0000000000000000000000001";
    const problem = await harness.problemOf([
      { event: { action: "purchase-agreement-ended", agreement, at: "2026-08-15T08:00:00Z" } },
      { at: "2026-08-15T10:20:00Z" },
      licensed("Success", USAGE_AT),
      { event: { action: "cancel", agreement, at: "2026-08-15T09:00:00Z" } },
      licensed("CustomerNotSubscribed", 1786782600),
    ]);
    expect(problem).toBeUndefined();
  });

  test("amend-entitlement, with its holder or by a dimension that only one has", async () => {
    const problem = await harness.problemOf([
      {
        event: {
          action: "amend-entitlement",
          customer: "C1",
          product: "P_CONTRACT",
          dimension: "users",
          value: { IntegerValue: 12 },
        },
      },
      { event: { action: "amend-entitlement", dimension: "tier", value: "silver" } },
    ]);
    expect(problem).toBeUndefined();
    const ambiguous = [{ event: { action: "amend-entitlement", dimension: "users", value: 1 } }];
    expect(await harness.problemOf(ambiguous)).toContain("3 entitlements have the dimension");
  });

  test("a later event moves the clock, an earlier one does not", async () => {
    const cancel = (at: string) => ({ event: { action: "cancel", customer: "C1", product: "P_SAAS", at } });
    await harness.problemOf([{ wait: "1s" }, cancel("2026-08-15T12:00:00Z")]);
    expect(harness.server.clock.now().toISOString()).toBe("2026-08-15T12:00:00.000Z");
    await harness.problemOf([{ wait: "1s" }, cancel("2026-08-15T10:00:00Z")]);
    expect(harness.server.clock.now().toISOString()).toBe("2026-08-15T10:20:01.000Z");
  });
});

describe("faults", () => {
  const faulty = (fault: JsonObject, expected: Json) => {
    const { call } = usage("C1", "Success") as { call: JsonObject };
    return { call: { ...call, faults: [fault] }, expect: expected };
  };

  test("each kind hits its call and no other", async () => {
    const problem = await harness.problemOf([
      faulty({ kind: "throttle" }, refused("ThrottlingException")),
      faulty({ kind: "error", status: 503 }, { status: 503, errorType: "InternalServiceErrorException" }),
      faulty(
        { kind: "unprocessed", records: [0] },
        { status: 200, body: { Results: [], UnprocessedRecords: [{ Quantity: 5 }] } },
      ),
      { check: { ledger: { product: "P_SAAS", count: 0, quantity: 0 } } },
      faulty({ kind: "delay", ms: 5, phase: "before-commit" }, FINE),
      usage("C1", "Success"),
      { check: { ledger: { product: "saaslegacysub000000000000", customer: "333333333333", count: 1 } } },
    ]);
    expect(problem).toBeUndefined();
  });

  test("with repeat, each call has its own", async () => {
    const step = faulty({ kind: "throttle" }, refused("ThrottlingException"));
    expect(await harness.problemOf([{ ...step, repeat: 3 }, usage("C1", "Success")])).toBeUndefined();
  });
});

describe("clocks", () => {
  test("a wait passes on both clocks, and the next case starts without it", async () => {
    // Two hours are more than the 15 minutes between a signature and the server's wall clock (SPEC S-4).
    const steps = [{ wait: "2h" }, usage("C1", "Success")];
    expect(await harness.problemOf(steps)).toBeUndefined();
    expect(harness.server.clock.now().toISOString()).toBe("2026-08-15T12:20:00.000Z");
    expect(await harness.problemOf(steps.slice(1))).toBeUndefined();
    expect(harness.server.clock.now().toISOString()).toBe("2026-08-15T10:20:00.000Z");
  });

  test("a first step without a time starts at the default, an event at its own", async () => {
    await harness.problemOf([{ wait: "1ms" }]);
    expect(harness.server.clock.now().toISOString()).toBe("2026-08-15T10:20:00.001Z");
    await harness.problemOf([{ event: { action: "task-launched", creds: "AKECSA", at: "2026-08-15T06:00:00Z" } }]);
    expect(harness.server.clock.now().toISOString()).toBe("2026-08-15T06:00:00.000Z");
  });

  test("settings of one case do not reach the next", async () => {
    const steps = [spoilt({ contentType: "application/json" }, FINE)];
    expect(
      await harness.problemOf(steps, { settings: { lenientContentType: true }, revision: "2024" }),
    ).toBeUndefined();
    expect(await harness.problemOf(steps)).toContain("status: expected 200, got 404");
    expect(harness.server.settings.revision).toBe("2026");
  });
});

describe("paths and macros across calls", () => {
  test("every call of a repeat counts, and a request takes a value of an earlier answer", async () => {
    const again = usage("C1", "Success", { $fromPrevious: "previous[2].body.Results[0].UsageRecord.Timestamp" });
    const same = {
      status: 200,
      body: { Results: [{ MeteringRecordId: { $same: "previous[1].body.Results.0.MeteringRecordId" } }] },
    };
    expect(
      await harness.problemOf([
        { ...usage("C1", "Success"), repeat: 3 },
        { ...again, expect: same },
      ]),
    ).toBeUndefined();
    const tooFar = usage("C1", "Success", { $fromPrevious: "previous[3].body" });
    expect(await harness.problemOf([{ ...usage("C1", "Success"), repeat: 3 }, tooFar])).toContain(
      "only 3 calls were made before",
    );
  });

  test("a body that is not JSON fails an expectation of a body, and an empty expectation takes any answer", async () => {
    const get = (expected: Json) => ({
      call: { operation: "BatchMeterUsage", raw: { method: "HEAD" } },
      expect: expected,
    });
    expect(await harness.problemOf([get({})])).toBeUndefined();
    expect(await harness.problemOf([get({ body: { a: 1 } })])).toContain('body: expected {"a":1}, got nothing');
  });

  test("cloudTrail looks at the newest record, by subset, and says when there is none", async () => {
    const check = (cloudTrail: Json) => ({ check: { cloudTrail } });
    expect(await harness.problemOf([check({ eventName: "BatchMeterUsage" })])).toContain("got no record");
    const steps = [usage("C1", "Success"), usage("C2", "Success")];
    const record = { requestParameters: { usageRecords: [{ customerIdentifier: BUYERS.C2 ?? "" }] } };
    expect(await harness.problemOf([...steps, check(record)])).toBeUndefined();
    expect(await harness.problemOf([...steps, check({ errorCode: "X" })])).toContain("cloudTrail.errorCode");
    expect(await harness.problemOf([...steps, check([])])).toContain("expected an object");
  });
});
