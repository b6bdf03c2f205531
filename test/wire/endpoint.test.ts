/** What all operations share: the malformed calls of A.4, the one order of checks (W-60), headers, lenient switches. */
import { request as httpRequest } from "node:http";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { requestBodyMaxBytes } from "../../src/api/limits.ts";
import type { SettingsInput } from "../../src/api/settings.ts";
import { buyers, keys, licenses, products, sellers, startSec, tokens } from "../support/catalog.ts";
import {
  expectError,
  rawExchange,
  resultsOf,
  startWire,
  statusesOf,
  uuid,
  uuid4,
  type Wire,
  type WireCall,
} from "../support/wireClient.ts";

let wire: Wire;
beforeAll(async () => {
  // The rate buckets go by the business clock, so that nothing refills while a test calls.
  wire = await startWire({ rateClock: "business" });
});
afterAll(() => wire.close());
beforeEach(() => wire.reset());

const record = {
  Timestamp: startSec,
  CustomerAWSAccountId: buyers.alder.account,
  Dimension: "searches",
  Quantity: 1,
};
const batch = { ProductCode: products.logs, UsageRecords: [record] };

const storedCount = async (): Promise<number> => (await wire.meterhouse.records()).length;

describe("A.2, A.4: which call is which", () => {
  test.each([
    ["BatchMeterUsage", "Results", { UsageRecords: [] }, "seller"],
    [
      "MeterUsage",
      "MeteringRecordId",
      { ProductCode: products.ami, Timestamp: startSec, UsageDimension: "hosts" },
      "ec2",
    ],
    ["RegisterUsage", "Signature", { ProductCode: products.containerHourly, PublicKeyVersion: 2 }, "ecs"],
    ["ResolveCustomer", "ProductCode", { RegistrationToken: tokens.legacy }, "seller"],
  ] as const)("W-10: X-Amz-Target alone selects %s", async (operation, member, request, key) => {
    const reply = await wire.call({ operation, request, key });
    expect(reply.status, reply.text).toBe(200);
    expect(reply.json).toHaveProperty(member);
  });

  test.each(["GET", "PUT", "PATCH", "DELETE", "HEAD", "TRACE", "PROPFIND", "OPTIONS"])(
    "W-50: %s with a target names no operation",
    async (method) => {
      const { hostname, port } = new URL(wire.meterhouse.endpoint);
      const reply = await rawExchange(wire.meterhouse.endpoint, [
        `${method} / HTTP/1.1\r\nHost: ${hostname}:${port}\r\nX-Amz-Target: AWSMPMeteringService.MeterUsage\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
      ]);
      expect(reply.text).toMatch(/^HTTP\/1\.1 404 /);
      if (method === "HEAD") expect(reply.text).toContain("x-amzn-ErrorType: UnknownOperationException");
      else expect(reply.text).toContain(`"message":"The method ${method} is not used; send POST."`);
    },
  );

  test("W-10: a path other than / with a target is told so in a form that SDKs read", async () => {
    const answer = await fetch(`${wire.meterhouse.endpoint}/metering`, {
      method: "POST",
      headers: { "X-Amz-Target": "AWSMPMeteringService.MeterUsage", "Content-Type": "application/x-amz-json-1.1" },
      body: "{}",
    });
    expect(answer.status).toBe(404);
    expect(await answer.json()).toEqual({
      __type: "UnknownOperationException",
      message: "The path '/metering' is not used; give SDKs an endpoint without a path.",
    });
  });

  test("W-50: CONNECT, as a client with a wrong proxy sends it, hears so too", async () => {
    const reply = await rawExchange(wire.meterhouse.endpoint, [
      "CONNECT localhost:443 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ]);
    expect(reply.text).toMatch(/^HTTP\/1\.1 404 .*"__type":"UnknownOperationException"/s);
    expect(reply.isClosed).toBe(true);
  });

  test("W-50: GET / without a target is the health page; with one it is a call", async () => {
    const page = await fetch(wire.meterhouse.endpoint);
    expect(page.status).toBe(200);
    expect(page.headers.get("content-type")).toContain("text/plain");
    expect(await page.text()).toContain("Meterhouse");
    const call = await fetch(wire.meterhouse.endpoint, {
      headers: { "X-Amz-Target": "AWSMPMeteringService.MeterUsage" },
    });
    expect(call.status).toBe(404);
    expect(await call.json()).toMatchObject({ __type: "UnknownOperationException" });
  });

  test.each(["text/plain", "text/xml", "application/x-www-form-urlencoded", "application/x-amz-json-2.0", "", null])(
    "W-51: a body of content type %j",
    async (contentType) => {
      const reply = await wire.call({ request: batch, contentType });
      expectError(reply, "UnknownOperationException", `'${contentType ?? ""}'`, "application/x-amz-json-1.1");
      expect(reply.status).toBe(404);
    },
  );

  test.each([
    "application/x-amz-json-1.1; charset=utf-8",
    "application/x-amz-json-1.1;charset=UTF-8;x=y",
    "APPLICATION/X-AMZ-JSON-1.1",
    " application/x-amz-json-1.1 ",
  ])("W-11: content type %j is the one spoken here", async (contentType) => {
    expect(statusesOf(await wire.call({ request: batch, contentType }))).toEqual(["Success"]);
  });

  test.each(["application/json", "application/x-amz-json-1.0"])(
    "W-52: %s is refused, and accepted with lenientContentType",
    async (contentType) => {
      const refused = await wire.call({ request: batch, contentType });
      expectError(refused, "UnknownOperationException", `'${contentType}'`);
      expect(refused.status).toBe(404);
      await wire.reset({ lenientContentType: true });
      const accepted = await wire.call({ request: batch, contentType: `${contentType}; charset=utf-8` });
      expect(statusesOf(accepted)).toEqual(["Success"]);
      expect(accepted.headers["content-type"]).toBe("application/x-amz-json-1.1");
      expectError(await wire.call({ request: batch, contentType: "text/plain" }), "UnknownOperationException");
    },
  );

  test.each([
    null,
    "",
    "BatchMeterUsage",
    "AWSMPMeteringService",
    "AWSMPMeteringService.",
    "AWSMPMeteringService.batchMeterUsage",
    "AWSMPMeteringService.GetEntitlements",
    "awsmpmeteringservice.BatchMeterUsage",
    "AWSMPMeteringService.BatchMeterUsage.X",
    "AWSMPMeteringService.toString",
    "AWSMPMeteringService.__proto__",
    "AWSMPMeteringService.constructor",
    "DynamoDB_20120810.ListTables",
  ])("W-53: target %j is no operation", async (target) => {
    const reply = await wire.call({ request: batch, target });
    expectError(
      reply,
      "UnknownOperationException",
      `'${target ?? ""}'`,
      "it is one of AWSMPMeteringService.BatchMeterUsage",
      "ResolveCustomer",
    );
    expect(reply.status).toBe(400);
  });

  test("W-54: an empty body, with a target and without", async () => {
    expectError(await wire.call({ body: "" }), "SerializationException", "empty", "{}");
    expectError(await wire.call({ body: "", contentType: null }), "SerializationException", "empty");
    const reply = await wire.call({ body: "", target: "AWSMPMeteringService.Nothing" });
    expectError(reply, "UnknownOperationException");
    expect(reply.status).toBe(400);
  });

  test.each([
    ["{", /JSON/],
    ['{"a":1,}', /JSON/],
    ["{'a':1}", /JSON/],
    ["<xml/>", /JSON/],
    ["{} {}", /JSON/],
    ["\ufeff{}", /JSON/],
    ["NaN", /JSON/],
    ['{"Timestamp":NaN}', /JSON/],
    ['{"Timestamp":Infinity}', /JSON/],
    ['{"Timestamp":01}', /JSON/],
    ['{"Timestamp":0x10}', /JSON/],
    ['{"a":"\t"}', /JSON/],
    [" ", /JSON/],
    ["[]", /an array; send a JSON object/],
    ["null", /null; send a JSON object/],
    ['"text"', /a string; send a JSON object/],
    ["1", /a number; send a JSON object/],
    ["true", /a boolean; send a JSON object/],
  ])("W-55: the body %j is no JSON object", async (body, words) => {
    const reply = await wire.call({ body });
    expectError(reply, "SerializationException", words);
    expect(reply.status).toBe(400);
    expect(reply.message.length).toBeLessThan(300);
  });

  test("W-55: a body that is not UTF-8", async () => {
    for (const bytes of [
      [0xff, 0xfe, 0x7b, 0x7d],
      [0x7b, 0x22, 0xc3, 0x28, 0x22, 0x3a, 0x31, 0x7d],
      [0x1f, 0x8b, 8, 0],
    ]) {
      expectError(await wire.call({ body: Buffer.from(bytes) }), "SerializationException", "UTF-8");
    }
  });
});

describe("W-60: of two faults the earlier in the ladder is told", () => {
  /** A call that grows faulty step by step. */
  interface Draft {
    key: NonNullable<WireCall["key"]>;
    region: string;
    method: string;
    contentType: string;
    target: string | undefined;
    sign: Record<string, unknown>;
    request: { ProductCode: unknown; UsageRecords: unknown[] } & Record<string, unknown>;
    isTruncated: boolean;
    isOversized: boolean;
    settings: Partial<SettingsInput>;
    isRateSpent: boolean;
  }
  interface Fault {
    readonly step: string;
    readonly error: string;
    readonly words: string | RegExp;
    /** Where the body cannot be broken in two ways at once, what comes of both; absent: any two go together. */
    readonly add: (draft: Draft) => void;
  }
  const inFront = (draft: Draft, fault: object): void => {
    draft.request.UsageRecords.unshift({ ...record, ...fault });
  };
  const ladder: readonly Fault[] = [
    {
      step: "size",
      error: "RequestEntityTooLargeException",
      words: "1048576 bytes",
      add: (draft) => {
        draft.isOversized = true;
      },
    },
    {
      step: "method",
      error: "UnknownOperationException",
      words: "The method PUT",
      add: (draft) => {
        draft.method = "PUT";
      },
    },
    {
      step: "content type",
      error: "UnknownOperationException",
      words: "The content type 'text/plain'",
      add: (draft) => {
        draft.contentType = "text/plain";
      },
    },
    {
      step: "target",
      error: "UnknownOperationException",
      words: "X-Amz-Target",
      add: (draft) => {
        draft.target = "AWSMPMeteringService.Nothing";
      },
    },
    {
      step: "JSON",
      error: "SerializationException",
      words: "not JSON",
      add: (draft) => {
        draft.isTruncated = true;
      },
    },
    {
      step: "form of the signature",
      error: "IncompleteSignatureException",
      words: "Authorization header requires 'Signature' parameter",
      add: (draft) => {
        draft.sign.omit = "Signature";
      },
    },
    {
      step: "date",
      error: "InvalidSignatureException",
      words: "Signature expired",
      add: (draft) => {
        draft.sign.skewSeconds = -1_000;
      },
    },
    {
      step: "credential scope",
      error: "InvalidSignatureException",
      words: "Credential should be scoped to correct service",
      add: (draft) => {
        draft.sign.service = "s3";
      },
    },
    {
      step: "key",
      error: "UnrecognizedClientException",
      words: "the access key id 'AKIANOBODY' is not known",
      add: (draft) => {
        draft.sign.accessKeyId = "AKIANOBODY";
      },
    },
    {
      step: "signature",
      error: "InvalidSignatureException",
      words: "does not match the signature you provided",
      add: (draft) => {
        draft.sign.wrongSecret = true;
      },
    },
    {
      step: "session token",
      error: "UnrecognizedClientException",
      words: "the session token is not the one",
      add: (draft) => {
        draft.sign.sessionToken = "another";
      },
    },
    {
      step: "IAM",
      error: "AccessDeniedException",
      words: "is not authorized to perform: aws-marketplace:BatchMeterUsage",
      add: (draft) => {
        draft.key = "allowsNothingSession";
      },
    },
    {
      step: "member types",
      error: "SerializationException",
      words: "STRING_VALUE cannot be converted to Timestamp",
      add: (draft) => inFront(draft, { Timestamp: "2026-08-15" }),
    },
    {
      step: "constraints",
      error: "ValidationException",
      words: "Member must have length less than or equal to 255",
      add: (draft) => inFront(draft, { Dimension: "d".repeat(256) }),
    },
    {
      step: "Region",
      error: "DisabledApiException",
      words: "ca-west-1",
      add: (draft) => {
        draft.region = "ca-west-1";
      },
    },
    {
      step: "rate",
      error: "ThrottlingException",
      words: "Rate exceeded",
      add: (draft) => {
        draft.isRateSpent = true;
      },
    },
    {
      step: "identities (B-13)",
      error: "ValidationException",
      words: "neither CustomerIdentifier nor CustomerAWSAccountId",
      add: (draft) => inFront(draft, { CustomerAWSAccountId: undefined }),
    },
    {
      step: "product code (C-19, C-20)",
      error: "InvalidProductCodeException",
      words: "'nothing'",
      add: (draft) => {
        draft.request.ProductCode = "nothing";
      },
    },
    {
      step: "licence (B-31)",
      error: "InvalidLicenseException",
      words: licenses.unknown,
      add: (draft) => inFront(draft, { LicenseArn: licenses.unknown }),
    },
    {
      step: "customer (B-20)",
      error: "InvalidCustomerIdentifierException",
      words: "nobody",
      add: (draft) => {
        draft.settings = { ...draft.settings, unknownCustomer: "exception" };
        inFront(draft, { CustomerAWSAccountId: undefined, CustomerIdentifier: "nobody" });
      },
    },
    {
      step: "dimension (B-40)",
      error: "InvalidUsageDimensionException",
      words: "usageDimension: nope",
      add: (draft) => inFront(draft, { Dimension: "nope" }),
    },
    {
      step: "time window (B-50)",
      error: "TimestampOutOfBoundsException",
      words: "out of bounds",
      add: (draft) => inFront(draft, { Timestamp: startSec - 90_000 }),
    },
    {
      step: "tags (B-73)",
      error: "InvalidTagException",
      words: "'~'",
      add: (draft) =>
        inFront(draft, { UsageAllocations: [{ AllocatedUsageQuantity: 1, Tags: [{ Key: "a", Value: "~" }] }] }),
    },
    {
      step: "allocations (B-70)",
      error: "InvalidUsageAllocationsException",
      words: "add up to 7",
      add: (draft) => inFront(draft, { UsageAllocations: [{ AllocatedUsageQuantity: 7 }] }),
    },
  ];

  const send = async (faults: readonly Fault[]) => {
    const draft: Draft = {
      key: "sellerSession",
      region: "us-east-1",
      method: "POST",
      contentType: "application/x-amz-json-1.1",
      target: undefined,
      sign: {},
      request: { ...batch, UsageRecords: [record] },
      isTruncated: false,
      isOversized: false,
      settings: {},
      isRateSpent: false,
    };
    for (const fault of faults) fault.add(draft);
    if (draft.isRateSpent) draft.settings = { ...draft.settings, quotas: { default: { BatchMeterUsage: 1 } } };
    if (Object.keys(draft.settings).length > 0) await wire.reset(draft.settings);
    if (draft.isRateSpent) await wire.call({ request: { UsageRecords: [] } });
    let body = JSON.stringify(draft.request);
    if (draft.isTruncated) body = body.slice(0, -1);
    if (draft.isOversized) body += " ".repeat(requestBodyMaxBytes - body.length);
    const { key, region, method, contentType, target, sign } = draft;
    return wire.call({ key, region, method, contentType, target, sign, body });
  };

  test("the call without a fault is accepted", async () => {
    expect(statusesOf(await send([]))).toEqual(["Success"]);
  });

  test.each(ladder.map((fault, place) => [fault.step, place] as const))(
    "%s, alone and with every later one",
    async (_, place) => {
      const fault = ladder[place] as Fault;
      const later = ladder.slice(place + 1);
      expectError(await send([fault]), fault.error, fault.words);
      await wire.reset();
      for (const other of later) {
        // Faults of records stand in front of those that were there: the kind decides, not the place in the list.
        for (const both of [
          [fault, other],
          [other, fault],
        ]) {
          const reply = await send(both);
          expect([other.step, reply.error, reply.message]).toEqual([
            other.step,
            fault.error,
            expect.stringContaining(String(fault.words)),
          ]);
          if (both.some((one) => one.step === "rate" || one.step.startsWith("customer"))) await wire.reset();
        }
      }
      expect(await storedCount()).toBe(0);
    },
  );
});

describe("members", () => {
  test("W-16: null is absent, at every depth", async () => {
    const reply = await wire.call({
      request: {
        ProductCode: products.logs,
        Extra: null,
        UsageRecords: [
          { ...record, CustomerIdentifier: null, LicenseArn: null, UsageAllocations: null },
          { ...record, Timestamp: startSec - 3_600, Quantity: null },
          {
            ...record,
            Timestamp: startSec - 7_200,
            UsageAllocations: [{ AllocatedUsageQuantity: 1, Tags: null }],
          },
        ],
      },
    });
    expect(statusesOf(reply)).toEqual(["Success", "Success", "Success"]);
    const echoed = resultsOf(reply).map((result) => result.UsageRecord);
    expect(echoed[0]).toEqual(record);
    expect(echoed[1]).not.toHaveProperty("Quantity");
    expect(echoed[2]?.UsageAllocations).toEqual([{ AllocatedUsageQuantity: 1 }]);
  });

  test("W-16: a required member that is null is missing", async () => {
    const reply = await wire.call({ request: { ProductCode: products.logs, UsageRecords: null } });
    expectError(
      reply,
      "ValidationException",
      "Value null at 'usageRecords' failed to satisfy constraint: Member must not be null",
    );
  });

  test("W-16: unknown members are ignored at every depth, and not echoed", async () => {
    const odd = { Anything: [{ deep: { deeper: [1, "x", null] } }], timestamp: "x", "": 1, "Usage Records": 2 };
    const reply = await wire.call({
      request: {
        ...odd,
        ...batch,
        UsageRecords: [
          {
            ...odd,
            ...record,
            UsageAllocations: [{ ...odd, AllocatedUsageQuantity: 1, Tags: [{ ...odd, Key: "a", Value: "b" }] }],
          },
        ],
      },
    });
    expect(resultsOf(reply)[0]?.UsageRecord).toEqual({
      ...record,
      UsageAllocations: [{ AllocatedUsageQuantity: 1, Tags: [{ Key: "a", Value: "b" }] }],
    });
  });

  test("W-16: member names are case-sensitive", async () => {
    const reply = await wire.call({ request: { productCode: products.logs, usageRecords: [] } });
    expectError(reply, "ValidationException", "'usageRecords'");
  });

  test("W-55: of a member that is there twice the last counts", async () => {
    const body = `{"UsageRecords":[{}],"UsageRecords":[]}`;
    expect((await wire.call({ body })).json).toEqual({ Results: [], UnprocessedRecords: [] });
  });

  test.each([
    ["2.7", 2],
    ["2.999999999", 2],
    ["0.5", 0],
  ])("W-57: quantity %s is refused, and floored with lenientNumbers", async (quantity, floored) => {
    const body = JSON.stringify(batch).replace('"Quantity":1', `"Quantity":${quantity}`);
    expectError(
      await wire.call({ body }),
      "SerializationException",
      "DECIMAL_VALUE cannot be converted to Integer",
      quantity,
    );
    expect(await storedCount()).toBe(0);
    await wire.reset({ lenientNumbers: true });
    expect(statusesOf(await wire.call({ body }))).toEqual(["Success"]);
    expect((await wire.meterhouse.records())[0]?.quantity).toBe(floored);
  });

  test("W-57: whole numbers in other spellings are whole; text is never a number", async () => {
    const body = (quantity: string) => JSON.stringify(batch).replace('"Quantity":1', `"Quantity":${quantity}`);
    expect(statusesOf(await wire.call({ body: body("3.0") }))).toEqual(["Success"]);
    expect(statusesOf(await wire.call({ body: body("3e0") }))).toEqual(["Success"]);
    await wire.reset({ lenientNumbers: true });
    expectError(
      await wire.call({ body: body('"3"') }),
      "SerializationException",
      "STRING_VALUE cannot be converted to Integer",
    );
    expectError(await wire.call({ body: body("-0.5") }), "ValidationException", "greater than or equal to 0");
  });
});

describe("answers", () => {
  test("W-31, W-32: every call has a request id of its own, every record an id of version 4", async () => {
    const replies = await Promise.all(
      [0, 1, 2, 3, 4].map((hour) =>
        wire.call({ request: { ...batch, UsageRecords: [{ ...record, Timestamp: startSec - hour * 3_600 }] } }),
      ),
    );
    const requestIds = replies.map((reply) => reply.headers["x-amzn-requestid"]);
    for (const id of requestIds) expect(id).toMatch(uuid);
    expect(new Set(requestIds).size).toBe(5);
    const recordIds = replies.map((reply) => resultsOf(reply)[0]?.MeteringRecordId);
    for (const id of recordIds) expect(id).toMatch(uuid4);
    expect(new Set(recordIds).size).toBe(5);
  });

  test("W-36, W-37, W-56: __type, x-amzn-ErrorType and message agree; serialisation faults carry Message too", async () => {
    const validation = await wire.call({ request: {} });
    expect(validation.json).toEqual({ __type: "ValidationException", message: validation.message });
    expect(validation.headers["x-amzn-errortype"]).toBe("ValidationException");
    const serialisation = await wire.call({ request: { UsageRecords: {} } });
    expect(serialisation.json).toEqual({
      __type: "SerializationException",
      message: serialisation.message,
      Message: serialisation.message,
    });
  });

  test("W-41, A.5: Date is the wall clock and so is the skew of signatures, wherever the business clock is", async () => {
    for (const now of ["2001-01-01T00:00:00Z", "2099-12-31T23:59:59Z"]) {
      await wire.reset({}, now);
      // The wall clock is compared in every answer; a skew of the business clock would refuse the signature.
      expect((await wire.call({ request: { UsageRecords: [] } })).status).toBe(200);
      const page = await fetch(`${wire.meterhouse.endpoint}/healthz`);
      expect(Math.abs(Date.parse(page.headers.get("date") ?? "") - Date.now())).toBeLessThan(5_000);
    }
  });

  test("W-7: the Region is that of the credential scope, whatever the host says", async () => {
    await wire.call({
      request: batch,
      region: "eu-west-1",
      headers: { "x-forwarded-host": "metering.marketplace.us-east-1.amazonaws.com" },
    });
    expect(await wire.meterhouse.records()).toMatchObject([{ region: "eu-west-1" }]);
  });

  test("clients that ask for gzip get plain text", async () => {
    const reply = await wire.call({ request: batch, headers: { "accept-encoding": "gzip, deflate, br" } });
    expect(statusesOf(reply)).toEqual(["Success"]);
    expect(reply.headers.vary).toBeUndefined();
  });
});

describe("W-59: OPTIONS with Origin", () => {
  const preflight = (headers: Record<string, string>) =>
    new Promise<{ status: number; headers: Record<string, unknown>; body: string }>((resolve, reject) => {
      const outgoing = httpRequest(wire.meterhouse.endpoint, { method: "OPTIONS", headers }, (response) => {
        let body = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          body += chunk;
        });
        response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
      });
      outgoing.on("error", reject);
      outgoing.end();
    });

  test("echoes what the browser asks for", async () => {
    const reply = await preflight({
      Origin: "https://app.example",
      "Access-Control-Request-Method": "POST",
      "Access-Control-Request-Headers": "authorization,x-amz-date,x-amz-target",
    });
    expect(reply).toMatchObject({
      status: 200,
      body: "",
      headers: {
        "access-control-allow-origin": "*",
        "access-control-allow-methods": "POST",
        "access-control-allow-headers": "authorization,x-amz-date,x-amz-target",
        "access-control-max-age": "172800",
      },
    });
  });

  test("echoes nothing that was not asked; no credentials", async () => {
    const { headers } = await preflight({ Origin: "https://app.example" });
    expect(headers["access-control-allow-origin"]).toBe("*");
    for (const name of ["methods", "headers", "credentials"])
      expect(headers[`access-control-allow-${name}`]).toBeUndefined();
  });
});

describe("IAM (S-33, S-34)", () => {
  const register = { operation: "RegisterUsage", request: { ProductCode: "x", PublicKeyVersion: 1 } };
  const resolve = { operation: "ResolveCustomer", request: { RegistrationToken: tokens.legacy } };

  test("S-33: a denied call names the caller and the action, with status 400", async () => {
    const user = await wire.call({ request: batch, key: "allowsNothing" });
    expectError(user, "AccessDeniedException");
    expect(user.status).toBe(400);
    expect(user.message).toBe(
      `User: arn:aws:iam::${sellers.quayside}:user/nothing is not authorized to perform: aws-marketplace:BatchMeterUsage because no identity-based policy allows the aws-marketplace:BatchMeterUsage action`,
    );
    expectError(
      await wire.call({ request: batch, key: "allowsNothingSession" }),
      "AccessDeniedException",
      `User: arn:aws:sts::${sellers.quayside}:assumed-role/nothing-role/nothing-role is not`,
    );
    const meter = {
      operation: "MeterUsage",
      request: { ProductCode: products.ami, Timestamp: startSec, UsageDimension: "hosts" },
    };
    expectError(
      await wire.call({ ...meter, key: "ec2Denied" }),
      "AccessDeniedException",
      // M-3: the session of an instance is its id.
      `User: arn:aws:sts::${buyers.alder.account}:assumed-role/instance/i-0aaaaaaaaaaaaaaa3 is not`,
    );
  });

  test("S-34: meteringmarketplace:* grants nothing", async () => {
    for (const call of [{ request: batch }, resolve, register]) {
      expectError(await wire.call({ ...call, key: "allowsOldNamespace" }), "AccessDeniedException", "aws-marketplace:");
    }
  });

  test("S-34: one action grants that action only", async () => {
    expect(statusesOf(await wire.call({ request: batch, key: "allowsBatchOnly" }))).toEqual(["Success"]);
    expectError(
      await wire.call({ ...resolve, key: "allowsBatchOnly" }),
      "AccessDeniedException",
      "aws-marketplace:ResolveCustomer",
    );
  });

  test("S-34: patterns with * and ?, without case", async () => {
    expect((await wire.call({ ...resolve, key: "allowsByPattern" })).status).toBe(200);
    expectError(await wire.call({ ...register, key: "allowsByPattern" }), "AccessDeniedException", "RegisterUsage");
    expect(statusesOf(await wire.call({ request: batch, key: "allowsAll" }))).toEqual(["Success"]);
  });
});

describe("partitions and Regions", () => {
  test("L-4: keys of an account in aws-cn are known there only", async () => {
    const request = {
      ProductCode: products.china,
      UsageRecords: [{ ...record, CustomerAWSAccountId: buyers.kapok.account }],
    };
    expect(statusesOf(await wire.call({ request, key: "china", region: "cn-northwest-1" }))).toEqual(["Success"]);
    const reply = await wire.call({ request, key: "china", region: "us-east-1" });
    expectError(reply, "UnrecognizedClientException", keys.china, "partition aws");
  });

  test("L-4: an account without a partition is at home in all, and its ARN follows the Region", async () => {
    const reply = await wire.call({ request: batch, key: "allowsNothing", region: "cn-northwest-1" });
    expectError(reply, "AccessDeniedException", "arn:aws-cn:iam::");
  });

  test("S-29, L-6: a Region nobody knows is refused, and accepted with enforceRegions false", async () => {
    for (const region of ["0", "mars-north-1"]) {
      const refused = await wire.call({ request: batch, region });
      expectError(
        refused,
        "InvalidSignatureException",
        `Credential should be scoped to a valid region, not '${region}'.`,
      );
    }
    await wire.reset({ enforceRegions: false });
    for (const region of ["0", "mars-north-1", "us-gov-west-1"]) {
      expect(statusesOf(await wire.call({ request: batch, region }))).toEqual(["Success"]);
    }
    expect((await wire.meterhouse.records()).map((row) => row.region).sort()).toEqual([
      "0",
      "mars-north-1",
      "us-gov-west-1",
    ]);
  });
});

describe("rates (C-30 to C-33)", () => {
  const empty = { request: { UsageRecords: [] } };
  const spend = async (call: WireCall, times: number): Promise<readonly string[]> => {
    const errors: string[] = [];
    for (let count = 0; count < times; count += 1) errors.push((await wire.call(call)).error);
    return errors;
  };
  const accepted = (errors: readonly string[]): number =>
    errors.filter((error) => error !== "ThrottlingException").length;

  test.each([
    ["BatchMeterUsage", 10, empty],
    [
      "MeterUsage",
      10,
      { operation: "MeterUsage", key: "ec2", request: { ProductCode: "x", Timestamp: 0, UsageDimension: "x" } },
    ],
    [
      "RegisterUsage",
      5,
      { operation: "RegisterUsage", key: "ecs", request: { ProductCode: "x", PublicKeyVersion: 1 } },
    ],
    ["ResolveCustomer", 10, { operation: "ResolveCustomer", request: { RegistrationToken: "x" } }],
  ] as const)("C-30: %s, %i a second by AWS's rates", async (operation, rate, call) => {
    await wire.reset({ quotas: "aws" });
    const errors = await spend(call, rate + 3);
    expect(errors.slice(rate)).toEqual(Array(3).fill("ThrottlingException"));
    expect(accepted(errors)).toBe(rate);
    const reply = await wire.call(call);
    expect(reply.status).toBe(400);
    expectError(reply, "ThrottlingException", /^Rate exceeded/, operation, `${rate} times a second`, "us-east-1");
  });

  test("C-31: the bucket refills with its clock, up to one second's worth", async () => {
    await wire.reset({ quotas: "aws" });
    expect(accepted(await spend(empty, 12))).toBe(10);
    await wire.meterhouse.clock.advance("100ms");
    expect(accepted(await spend(empty, 3))).toBe(1);
    await wire.meterhouse.clock.advance("350ms");
    expect(accepted(await spend(empty, 5))).toBe(3);
    await wire.meterhouse.clock.advance("50ms");
    expect(accepted(await spend(empty, 2))).toBe(1);
    await wire.meterhouse.clock.advance("1h");
    expect(accepted(await spend(empty, 15))).toBe(10);
  });

  test("C-31: a clock that goes back neither fills nor locks the bucket", async () => {
    await wire.reset({ quotas: "aws" });
    await spend(empty, 10);
    await wire.meterhouse.clock.set("2020-01-01T00:00:00Z");
    expect(accepted(await spend(empty, 2))).toBe(0);
    await wire.meterhouse.clock.advance("1s");
    expect(accepted(await spend(empty, 12))).toBe(10);
  });

  test("C-30: accounts, Regions and operations have buckets of their own; keys of one account share", async () => {
    await wire.reset({ quotas: "aws" });
    await spend(empty, 10);
    expect(accepted(await spend(empty, 1))).toBe(0);
    expect(accepted(await spend({ ...empty, key: "sellerSession" }, 1))).toBe(0);
    expect(accepted(await spend({ ...empty, region: "eu-west-1" }, 1))).toBe(1);
    expect(accepted(await spend({ ...empty, key: "rival" }, 1))).toBe(1);
    expect(
      (await wire.call({ operation: "ResolveCustomer", request: { RegistrationToken: tokens.legacy } })).status,
    ).toBe(200);
  });

  test("C-30, C-33: own rates, for everybody and for one account; other operations keep AWS's", async () => {
    await wire.reset({
      quotas: { default: { BatchMeterUsage: 2 }, accounts: { [sellers.rival]: { BatchMeterUsage: 4 } } },
    });
    expect(accepted(await spend(empty, 6))).toBe(2);
    expect(accepted(await spend({ ...empty, key: "rival" }, 6))).toBe(4);
    const resolve = { operation: "ResolveCustomer", request: { RegistrationToken: "x" } };
    expect(accepted(await spend(resolve, 12))).toBe(10);
  });

  test("C-31: less than one call a second still lets one through", async () => {
    await wire.reset({ quotas: { default: { BatchMeterUsage: 0.5 } } });
    expect(accepted(await spend(empty, 3))).toBe(1);
    await wire.meterhouse.clock.advance("1s");
    expect(accepted(await spend(empty, 1))).toBe(0);
    await wire.meterhouse.clock.advance("1s");
    expect(accepted(await spend(empty, 2))).toBe(1);
  });

  test("C-30: off", async () => {
    expect(accepted(await spend(empty, 40))).toBe(40);
  });

  test("C-31: a throttled call stores nothing and takes no part in idempotency", async () => {
    await wire.reset({ quotas: { default: { BatchMeterUsage: 1, MeterUsage: 1 } } });
    await spend(empty, 1);
    expectError(await wire.call({ request: batch }), "ThrottlingException");
    const meter = {
      ProductCode: products.ami,
      Timestamp: startSec,
      UsageDimension: "hosts",
      UsageQuantity: 3,
      ClientToken: "t-1",
    };
    const dryRun = { operation: "MeterUsage", key: "ec2", request: { ...meter, DryRun: true } } as const;
    await wire.call(dryRun);
    expectError(await wire.call({ ...dryRun, request: meter }), "ThrottlingException");
    expect(await storedCount()).toBe(0);
    await wire.meterhouse.clock.advance("1s");
    // The same token with other parameters: free, since the throttled call did not take it.
    const reply = await wire.call({ ...dryRun, request: { ...meter, UsageQuantity: 4 } });
    expect(reply.status, reply.text).toBe(200);
    expect(await wire.meterhouse.records()).toMatchObject([{ quantity: 4 }]);
  });

  test("C-31: a refused call before the rate takes nothing from the bucket", async () => {
    await wire.reset({ quotas: { default: { BatchMeterUsage: 1 } } });
    for (let count = 0; count < 5; count += 1) expectError(await wire.call({ request: {} }), "ValidationException");
    expect(accepted(await spend(empty, 2))).toBe(1);
  });

  test("C-32: records are not counted: ten calls of 25 pass", async () => {
    await wire.reset({ quotas: "aws" });
    const calls = Array.from({ length: 10 }, (_, call) => ({
      ProductCode: products.logs,
      UsageRecords: Array.from({ length: 25 }, (_, index) => ({
        ...record,
        Timestamp: startSec - (index % 24) * 3_600 + 300,
        Dimension: index < 24 ? "searches" : "gb",
        Quantity: call,
      })),
    }));
    for (const request of calls) expect(statusesOf(await wire.call({ request }))).toHaveLength(25);
    expectError(await wire.call({ request: calls[0] }), "ThrottlingException", "Records are not counted");
  });
});
