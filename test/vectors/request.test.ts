import { Agent, createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Answer } from "../../vectors/match.ts";
import { errorTypeOf, readCall, sendCall } from "../../vectors/request.ts";
import type { Json } from "../../vectors/values.ts";

/** What came over the wire, before anything interprets it. */
interface Received {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly rawHeaders: readonly string[];
  readonly body: string;
}

const agent = new Agent({ keepAlive: true });
let server: Server;
let received: Received[] = [];
let respond: { status: number; headers: Record<string, string | string[]>; body: string };

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

beforeAll(async () => {
  server = createServer(async (request, response) => {
    const { method, url, rawHeaders } = request;
    received.push({ method, url, rawHeaders, body: await bodyOf(request) });
    response.writeHead(respond.status, respond.headers).end(respond.body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});

beforeEach(() => {
  received = [];
  respond = { status: 200, headers: { "Content-Type": "application/json", "X-Amzn-RequestId": "r" }, body: "{}" };
});

afterAll(() => {
  agent.destroy();
  server.close();
});

async function send(call: Json, previous: readonly Answer[] = []): Promise<Answer> {
  return await sendCall(readCall(call, "call", { creds: "AK", region: "us-east-1" }), {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    agent,
    key: { accessKeyId: "AK", secretAccessKey: "s", sessionToken: "t" },
    nowMs: Date.now(),
    context: { previous },
  });
}

/** Names as sent. */
function names(): readonly string[] {
  return (received[0]?.rawHeaders ?? []).filter((_, index) => index % 2 === 0);
}

function sent(name: string): string | undefined {
  const headers = received[0]?.rawHeaders ?? [];
  return headers[headers.findIndex((text, index) => index % 2 === 0 && text.toLowerCase() === name) + 1];
}

describe("a call on the wire", () => {
  test("as the JS SDK sends it", async () => {
    await send({ operation: "MeterUsage", request: { ProductCode: "ü", N: 1.5 } });
    expect(received).toMatchObject([{ method: "POST", url: "/", body: '{"ProductCode":"ü","N":1.5}' }]);
    expect(names().filter((name) => name !== "Connection")).toEqual([
      "host",
      "content-type",
      "x-amz-target",
      "content-length",
      "x-amz-date",
      "x-amz-content-sha256",
      "x-amz-security-token",
      "authorization",
    ]);
    expect(sent("x-amz-target")).toBe("AWSMPMeteringService.MeterUsage");
    expect(sent("content-type")).toBe("application/x-amz-json-1.1");
    expect(sent("content-length")).toBe("28");
    expect(sent("authorization")).toContain("Credential=AK/");
  });

  test("GetEntitlements goes to the sibling service; the Region goes into the credential", async () => {
    await send({ operation: "GetEntitlements", region: "eu-west-1", request: {} });
    expect(sent("x-amz-target")).toBe("AWSMPEntitlementService.GetEntitlements");
    expect(sent("authorization")).toContain("/eu-west-1/aws-marketplace/aws4_request");
  });

  test("method, path, target, content type, body and headers as the case spells them", async () => {
    await send({
      operation: "MeterUsage",
      request: { ignored: true },
      raw: {
        method: "PUT",
        path: "/a%20b/../c?x=1&y",
        target: "X.Y",
        contentType: "text/plain",
        bodyText: "{not JSON",
        headers: { "X-AMZ-Meta": "A", "x-two": ["1", "2"], HOST: "elsewhere" },
      },
    });
    expect(received).toMatchObject([{ method: "PUT", url: "/a%20b/../c?x=1&y", body: "{not JSON" }]);
    expect(sent("x-amz-target")).toBe("X.Y");
    expect(sent("content-type")).toBe("text/plain");
    expect(sent("host")).toBe("elsewhere");
    expect(names()).toEqual(expect.arrayContaining(["X-AMZ-Meta", "HOST"]));
    expect(names().filter((name) => name === "x-two")).toHaveLength(2);
    expect(names()).not.toContain("host");
    expect(sent("authorization")).toContain("x-amz-meta");
  });

  test("null = the header is absent", async () => {
    await send({
      operation: "MeterUsage",
      request: {},
      raw: { target: null, contentType: null, headers: { Host: "x" } },
    });
    expect(names().map((name) => name.toLowerCase())).not.toEqual(expect.arrayContaining(["x-amz-target"]));
    expect(names().map((name) => name.toLowerCase())).not.toEqual(expect.arrayContaining(["content-type"]));
    expect(sent("authorization")).not.toContain("x-amz-target");
  });

  test("no request, no body: a POST says that it is empty, a GET says nothing", async () => {
    await send({ operation: "MeterUsage" });
    expect(received[0]?.body).toBe("");
    expect(sent("content-length")).toBe("0");
    received = [];
    await send({ operation: "MeterUsage", raw: { method: "GET" } });
    expect(received[0]?.method).toBe("GET");
    expect(names()).not.toContain("content-length");
    expect(names().map((name) => name.toLowerCase())).not.toContain("transfer-encoding");
  });

  test("a content-length that is left out makes the body chunked", async () => {
    await send({
      operation: "MeterUsage",
      request: { a: 1 },
      raw: { sign: { form: "header", omit: "Content-Length" } },
    });
    expect(sent("transfer-encoding")).toBe("chunked");
    expect(received[0]?.body).toBe('{"a":1}');
  });

  test("the query form signs in the path", async () => {
    await send({ operation: "MeterUsage", request: {}, raw: { path: "/?z=1", sign: { form: "query" } } });
    expect(received[0]?.url).toMatch(/^\/\?z=1&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AK%2F/);
    expect(names()).not.toContain("authorization");
  });

  test("macros in the request and in the overrides", async () => {
    const previous = [{ status: 200, headers: {}, text: "", body: { NextToken: "n" } }];
    await send(
      {
        operation: "MeterUsage",
        request: { L: { $repeat: { count: 2, item: "{i}" } }, N: { $fromPrevious: "previous[0].body.NextToken" } },
        raw: { headers: { "x-long": { $string: { char: "h", length: 5 } } } },
      },
      previous,
    );
    expect(received[0]?.body).toBe('{"L":["1","2"],"N":"n"}');
    expect(sent("x-long")).toBe("hhhhh");
  });
});

describe("the answer", () => {
  test("headers by lower-case name, repeated ones joined; body parsed; request kept", async () => {
    respond = { status: 400, headers: { "X-Two": ["1", "2"] }, body: '{"__type":"com.amazon#NopeException"}' };
    const answer = await send({ operation: "MeterUsage", request: { a: 1 } });
    expect(answer).toMatchObject({ status: 400, body: { __type: "com.amazon#NopeException" }, request: { a: 1 } });
    expect(answer.headers["x-two"]).toBe("1, 2");
    expect(errorTypeOf(answer)).toBe("NopeException");
  });

  test("an empty body is no body, and text is a problem", async () => {
    respond = { status: 200, headers: {}, body: "" };
    const empty = await send({ operation: "MeterUsage", request: {} });
    expect([empty.body, empty.bodyProblem]).toEqual([undefined, undefined]);
    respond = { status: 404, headers: {}, body: "<UnknownOperationException/>" };
    const text = await send({ operation: "MeterUsage", request: {} });
    expect(text.bodyProblem).toBe('the body is not JSON: "<UnknownOperationException/>"');
    expect(errorTypeOf(text)).toBeUndefined();
  });

  test("a server that cannot be reached is a problem of the case", async () => {
    const call = readCall({ operation: "MeterUsage" }, "call", { creds: "AK", region: "us-east-1" });
    const input = { agent, key: { accessKeyId: "AK", secretAccessKey: "s" }, nowMs: 0, context: { previous: [] } };
    await expect(sendCall(call, { ...input, endpoint: "http://127.0.0.1:1" })).rejects.toThrow("no answer: ");
  });
});

test.each<[Json, string]>([
  [{ operation: "X", nope: 1 }, 'call: unknown key "nope"'],
  [{}, "operation is missing"],
  [{ operation: "X", raw: { verb: "GET" } }, 'call.raw: unknown key "verb"'],
  [{ operation: "X", raw: { sign: { form: "header", skew: 1 } } }, 'call.raw.sign: unknown key "skew"'],
  [{ operation: "X", faults: [{ kind: "explode" }] }, 'call.faults[0]: unknown kind "explode"'],
  [{ operation: "X", faults: [{ kind: "error", records: [1] }] }, 'call.faults[0]: unknown key "records"'],
  [{ operation: "X", faults: [{ kind: "error", phase: "later" }] }, "phase: expected before-commit or after-commit"],
  [{ operation: "X", faults: [{ kind: "unprocessed", records: [-1] }] }, "expected positions from 0"],
  [{ operation: "X", faults: [{ kind: "unprocessed" }] }, "records is missing"],
])("%j is refused", (call, problem) => {
  expect(() => readCall(call, "call", { creds: "AK", region: "us-east-1" })).toThrow(problem);
});

test("faults are for one call of the operation", () => {
  const faults: Json = [
    { kind: "unprocessed", records: [1] },
    { kind: "error", status: 500, phase: "after-commit" },
    { kind: "throttle" },
    { kind: "delay", ms: 5 },
  ];
  expect(readCall({ operation: "X", faults }, "call", { creds: "AK", region: "us-east-1" }).faults).toEqual([
    { kind: "unprocessed", records: [1], operation: "X", times: 1 },
    { kind: "error", status: 500, phase: "after-commit", operation: "X", times: 1 },
    { kind: "throttle", operation: "X", times: 1 },
    { kind: "delay", ms: 5, operation: "X", times: 1 },
  ]);
});
