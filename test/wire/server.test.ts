/**
 * Hostile and broken HTTP. After each test the server answers the next call, nothing was stored and no connection is
 * left; every answer on the way was JSON (W-39).
 */
import { request as httpRequest, type IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { requestBodyMaxBytes } from "../../src/api/limits.ts";
import { createLog } from "../../src/log.ts";
import { isAllowedHost } from "../../src/router.ts";
import { listen, type RunningServer, type ServerTimes } from "../../src/server.ts";
import { buyers, products, startSec } from "../support/catalog.ts";
import { membersOf } from "../support/shapes.ts";
import {
  answersIn,
  expectError,
  type RawOptions,
  type RawReply,
  rawExchange,
  resultsOf,
  startWire,
  statusesOf,
  type Wire,
} from "../support/wireClient.ts";

let wire: Wire;
beforeAll(async () => {
  wire = await startWire();
});
afterAll(() => wire.close());

const openSockets = (): number => process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap").length;

afterEach(async () => {
  expect((await wire.call({ request: { UsageRecords: [] } })).status).toBe(200);
  expect(await wire.meterhouse.records()).toEqual([]);
  wire.disconnect();
  await expect.poll(openSockets, { timeout: 5_000, interval: 5 }).toBe(0);
});

const record = { Timestamp: startSec, CustomerAWSAccountId: buyers.alder.account, Dimension: "searches", Quantity: 1 };
const batch = { ProductCode: products.logs, UsageRecords: [record] };
const host = (): string => `Host: ${new URL(wire.meterhouse.endpoint).host}\r\n`;
const raw = (parts: string | Buffer | readonly (string | Buffer)[], options: RawOptions = {}): Promise<RawReply> =>
  rawExchange(wire.meterhouse.endpoint, Array.isArray(parts) ? parts : [parts as string], options);
/** Stop at the end of the first JSON answer on a connection that stays open. */
const firstAnswer = { until: /\r\n\r\n\{.*\}$/s } as const;

/** One answer, JSON, after which the server closes the connection without breaking it. */
function expectClosing(reply: RawReply, status: number, error: string, words: string | RegExp): void {
  expect(reply.error).toBeUndefined();
  expect(reply.isClosed).toBe(true);
  const [answer, ...others] = answersIn(reply.text);
  expect(others).toEqual([]);
  expect(answer?.status).toBe(status);
  expect(answer?.headers).toMatchObject({
    "content-type": "application/x-amz-json-1.1",
    "x-amzn-errortype": error,
    connection: "close",
  });
  expect(answer?.headers["x-amzn-requestid"]).toMatch(/^[0-9a-f-]{36}$/);
  if (answer !== undefined) expectError(answer, error, words);
}

describe("bytes that are no request", () => {
  test.each([
    ["noise", Buffer.from([0, 1, 2, 255, 254, 13, 10, 13, 10])],
    ["a TLS hello", Buffer.from("16030100c8010000c40303", "hex")],
    ["the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
    ["a method in lower case", "post / HTTP/1.1\r\nHost: x\r\n\r\n"],
    ["another protocol", "SSH-2.0-OpenSSH_9.6\r\n"],
    ["HTTP of another version", "POST / HTTP/1.2\r\nHost: x\r\n\r\n"],
    ["bare line feeds", "POST / HTTP/1.1\nHost: x\n\n"],
    ["a NUL in a header", "POST / HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n"],
    ["a header without a colon", "POST / HTTP/1.1\r\nHost: x\r\nnonsense\r\n\r\n"],
    ["a space before the colon", "POST / HTTP/1.1\r\nHost : x\r\n\r\n"],
    ["a negative length", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -2\r\n\r\n{}"],
    ["a length beyond all numbers", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n{}"],
    ["two lengths", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} "],
    [
      "length and chunks at once",
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
    ["an encoding that is not chunked", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n{}"],
    ["a chunk of no size", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"],
  ])("%s", async (_, bytes) => {
    expectClosing(await raw(bytes), 400, "BadRequestException", "The request is not HTTP that can be read");
  });

  test("noise without an end", async () => {
    const noise = Array.from({ length: 40 }, () => Buffer.alloc(65_536, 7));
    const reply = await raw(noise, { end: true });
    expectClosing(reply, 400, "BadRequestException", "not HTTP");
  });

  test("a connection without a byte", async () => {
    expect((await raw("", { end: true })).text).toBe("");
    await raw("", { end: "reset" });
  });

  test("two hundred connections that say nothing", async () => {
    const sockets = await Promise.all(
      Array.from(
        { length: 200 },
        () =>
          new Promise<Socket>((resolve) => {
            const { hostname, port } = new URL(wire.meterhouse.endpoint);
            const socket: Socket = connect(Number(port), hostname, () => resolve(socket));
          }),
      ),
    );
    expect((await wire.call({ request: { UsageRecords: [] } })).status).toBe(200);
    for (const socket of sockets) socket.destroy();
  });
});

describe("headers", () => {
  const many = (count: number): string => Array.from({ length: count }, (_, index) => `x-${index}: 1\r\n`).join("");

  test("100 are read, more are refused", async () => {
    // Host and Content-Length are two of them.
    const refused = await raw(`POST / HTTP/1.1\r\n${host()}Content-Length: 2\r\n${many(99)}\r\n{}`);
    expectClosing(refused, 431, "RequestHeaderFieldsTooLargeException", "101 headers; at most 100");
    const read = await raw(`POST / HTTP/1.1\r\n${host()}Content-Length: 2\r\n${many(98)}\r\n{}`, firstAnswer);
    expect(read.text).toContain("UnknownOperationException");
  });

  test("5,000 headers", async () => {
    const reply = await raw(`POST / HTTP/1.1\r\n${host()}${many(5_000)}\r\n`);
    expectClosing(reply, 431, "RequestHeaderFieldsTooLargeException", "16384 bytes");
  });

  test("one header of a megabyte: the client may finish sending, and reads the answer", async () => {
    const reply = await raw(["POST / HTTP/1.1\r\n", host(), `X-Big: ${"a".repeat(1_048_576)}\r\n\r\n`], { end: true });
    expectClosing(reply, 431, "RequestHeaderFieldsTooLargeException", "16384 bytes");
  });

  test("a header of many spaces", async () => {
    const headers = { "x-wide": `a${" ".repeat(12_000)}b` };
    expect((await wire.call({ request: { UsageRecords: [] }, headers })).status).toBe(200);
  });

  test("S-7: a call without Host", async () => {
    const bytes = wire
      .bytes({ request: batch })
      .toString("latin1")
      .replace(/host: [^\r]*\r\n/, "");
    const reply = await raw(bytes, firstAnswer);
    expect(answersIn(reply.text)[0]?.error).toBe("InvalidSignatureException");
  });

  test("S-32: a signed header that is there twice no longer fits the signature", async () => {
    for (const line of [
      "x-amz-target: AWSMPMeteringService.MeterUsage",
      "host: evil.example",
      "x-amz-date: 20200101T000000Z",
    ]) {
      const bytes = wire.bytes({ request: batch }).toString("latin1").replace("\r\n\r\n", `\r\n${line}\r\n\r\n`);
      const [answer] = answersIn((await raw(bytes, firstAnswer)).text);
      expect(answer?.status).toBe(400);
      expect(answer?.error).toMatch(/^(InvalidSignature|IncompleteSignature)Exception$/);
    }
  });

  test("S-22: two Authorization headers are none that can be read, or do not match", async () => {
    const bytes = wire
      .bytes({ request: batch })
      .toString("latin1")
      .replace(
        "\r\n\r\n",
        "\r\nauthorization: AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=host, Signature=f\r\n\r\n",
      );
    const [answer] = answersIn((await raw(bytes, firstAnswer)).text);
    expect(answer?.status).toBe(400);
    expect(answer?.error).toMatch(/Exception$/);
  });

  test("an upgrade that was not asked for is no upgrade", async () => {
    const reply = await wire.call({
      request: { UsageRecords: [] },
      headers: { upgrade: "websocket" },
      sign: { unsigned: ["upgrade"] },
    });
    expect(reply.status).toBe(200);
  });
});

describe("Host of the other routes", () => {
  const get = (path: string, hostLine: string, version = "1.1"): Promise<RawReply> =>
    raw(`GET ${path} HTTP/${version}\r\n${hostLine}Connection: close\r\n\r\n`);

  test.each([
    "/",
    "/healthz",
    "/readyz",
    "/.well-known/jwks.json",
    `/keys/${products.containerHourly}/1.pem`,
    "/nothing",
  ])("%s under a foreign name is misdirected", async (path) => {
    const reply = await get(path, "Host: evil.example\r\n");
    expect(reply.text).toMatch(/^HTTP\/1\.1 421 .*"detail":"The host 'evil\.example' is not served here\./s);
    expect(reply.text).not.toContain("BEGIN PUBLIC KEY");
  });

  test("no Host, an empty one, one that is no host, two", async () => {
    for (const [line, status] of [
      ["", 400],
      ["Host: \r\n", 400],
      ["Host: a b/c\r\n", 400],
      ["Host: 1.2.3.4:99999999\r\n", 400],
      ["Host: localhost\r\nHost: evil.example\r\n", 421],
      ["Host: evil.example\r\nHost: localhost\r\n", 421],
      ["Host: localhost.evil.example\r\n", 421],
      ["Host: evil.localhost.example:80\r\n", 421],
    ] as const) {
      const [answer] = answersIn((await get("/healthz", line)).text);
      expect([line, answer?.status]).toEqual([line, status]);
      expect(answer?.json).toMatchObject({
        status,
        detail: expect.stringContaining("Use the address the server printed"),
      });
    }
    const old = await get("/healthz", "", "1.0");
    expect(answersIn(old.text)[0]?.status).toBe(400);
  });

  test("loopback names, addresses and allowed names are served", async () => {
    for (const name of ["localhost", "LOCALHOST:1234", "x.localhost", "127.0.0.1:80", "[::1]:8080", "10.1.2.3"]) {
      expect((await get("/healthz", `Host: ${name}\r\n`)).text).toMatch(/^HTTP\/1\.1 200 /);
    }
    expect(isAllowedHost("meter.internal:8080", ["meter.internal"])).toBe(true);
    expect(isAllowedHost("meter.internal.evil.example", ["meter.internal"])).toBe(false);
  });

  test("paths that make no sense", async () => {
    for (const path of [
      "/%zz",
      "/%ff%fe",
      "//",
      "/../../etc/passwd",
      "/keys/%2e%2e/1.pem",
      "/keys/x/__proto__.pem",
      "/keys/x/99999999999.pem",
      `/${"a".repeat(8_000)}`,
    ]) {
      const [answer] = answersIn((await get(path, host())).text);
      expect([path.slice(0, 20), answer?.status]).toEqual([path.slice(0, 20), 404]);
      expect(answer?.json).toMatchObject({ title: "Not Found", detail: expect.any(String) });
    }
    const [star] = answersIn((await raw(`OPTIONS * HTTP/1.1\r\n${host()}Connection: close\r\n\r\n`)).text);
    expect(star?.status).toBe(400);
  });

  test("the service plane does not mind the name: its calls are signed for it", async () => {
    const reply = await wire.call({
      request: { UsageRecords: [] },
      sign: { host: "metering.marketplace.us-east-1.amazonaws.com" },
    });
    expect(reply.status).toBe(200);
  });
});

describe("HTTP that is rare but right", () => {
  test("HTTP/1.0: answered, then closed", async () => {
    const bytes = wire
      .bytes({ request: { UsageRecords: [] } })
      .toString("latin1")
      .replace("HTTP/1.1", "HTTP/1.0");
    const reply = await raw(bytes);
    expect(reply.isClosed).toBe(true);
    expect(answersIn(reply.text)).toMatchObject([{ status: 200, json: { Results: [], UnprocessedRecords: [] } }]);
  });

  test("pipelined calls are answered in their order", async () => {
    const calls = [
      wire.bytes({ request: { UsageRecords: [] } }),
      wire.bytes({ operation: "ResolveCustomer", request: { RegistrationToken: "nothing" } }),
      wire.bytes({ request: {} }),
      wire.bytes({ target: "nothing" }),
      wire.bytes({ request: { UsageRecords: [] }, headers: { connection: "close" } }),
    ];
    const reply = await raw(Buffer.concat(calls));
    expect(answersIn(reply.text).map((answer) => answer.error || answer.status)).toEqual([
      200,
      "InvalidTokenException",
      "ValidationException",
      "UnknownOperationException",
      200,
    ]);
  });

  test("a call, then noise on the same connection", async () => {
    const reply = await raw([wire.bytes({ request: { UsageRecords: [] } }), "\0\0noise\r\n\r\n"], { pauseMs: 50 });
    expect(answersIn(reply.text).map((answer) => answer.error || answer.status)).toEqual([200, "BadRequestException"]);
  });

  test("a byte at a time", async () => {
    const bytes = wire.bytes({ request: { UsageRecords: [] } });
    const parts = Array.from(bytes, (_, at) => bytes.subarray(at, at + 1));
    const reply = await raw(parts, { ...firstAnswer, pauseMs: 0 });
    expect(answersIn(reply.text)[0]?.status).toBe(200);
  });

  test("chunks, with extensions and trailers", async () => {
    const body = '{"UsageRecords":[]}';
    const head = wire
      .bytes({ body })
      .toString("latin1")
      .split("\r\n\r\n")[0]
      ?.replace(/content-length: \d+/, "transfer-encoding: chunked");
    const reply = await raw(
      `${head}\r\n\r\n1;ext=1\r\n{\r\n12\r\n${body.slice(1)}\r\n0\r\nX-Trailer: 1\r\n\r\n`,
      firstAnswer,
    );
    expect(answersIn(reply.text)[0]?.status).toBe(200);
  });

  test("Expect: 100-continue", async () => {
    const [head = "", body = ""] = wire
      .bytes({ request: { UsageRecords: [] }, headers: { expect: "100-continue" } })
      .toString("latin1")
      .split("\r\n\r\n");
    const reply = await raw([`${head}\r\n\r\n`, body], { ...firstAnswer, pauseMs: 50 });
    expect(reply.text).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK/);
  });

  test.each(["200-ok", "nonsense"])("Expect: %s", async (expectation) => {
    const reply = await raw(`POST / HTTP/1.1\r\n${host()}Expect: ${expectation}\r\nContent-Length: 2\r\n\r\n{}`);
    expectClosing(reply, 417, "ExpectationFailedException", "100-continue");
  });

  test("a client that takes us for its proxy: POST http://host/", async () => {
    const bytes = wire.bytes({ request: { UsageRecords: [] } }).toString("latin1");
    const reply = await raw(bytes.replace("POST / ", `POST ${wire.meterhouse.endpoint}/ `), firstAnswer);
    expect(answersIn(reply.text)[0]?.status).toBe(200);
  });
});

describe("W-18, W-19: large bodies", () => {
  /** A valid batch, filled up to so many bytes by a member that nobody knows. */
  const filled = (bytes: number): string => {
    const body = JSON.stringify({ UsageRecords: [], Filling: "" });
    return body.replace('""', `"${"x".repeat(bytes - body.length)}"`);
  };

  test("1 MiB less one byte is read", async () => {
    const body = filled(requestBodyMaxBytes - 1);
    expect(Buffer.byteLength(body)).toBe(1_048_575);
    expect(resultsOf(await wire.call({ body }))).toEqual([]);
  });

  test.each([1_048_576, 1_048_577, 2_000_000])("%i bytes are refused, for every operation", async (bytes) => {
    for (const operation of ["BatchMeterUsage", "MeterUsage", "RegisterUsage", "ResolveCustomer"]) {
      const reply = await wire.call({ operation, body: filled(bytes) });
      expect(reply.status).toBe(413);
      expectError(reply, "RequestEntityTooLargeException", "1048576 bytes or more", "Send fewer records");
    }
  });

  const twentyMegabytes = Buffer.alloc(20_000_000, " ");
  const post = (
    headers: Record<string, string>,
    write: (outgoing: NodeJS.WritableStream) => void,
  ): Promise<{ status: number; body: string }> =>
    new Promise((resolve, reject) => {
      const outgoing = httpRequest(
        wire.meterhouse.endpoint,
        { method: "POST", headers },
        (response: IncomingMessage) => {
          let body = "";
          response.setEncoding("utf8");
          response.on("data", (chunk: string) => {
            body += chunk;
          });
          response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
        },
      );
      outgoing.on("error", reject);
      write(outgoing);
    });

  test("20 MB with a length: the client reads the answer", async () => {
    const reply = await post({ "Content-Length": String(twentyMegabytes.length) }, (outgoing) =>
      outgoing.end(twentyMegabytes),
    );
    expect(reply.status).toBe(413);
    expect(JSON.parse(reply.body)).toMatchObject({ __type: "RequestEntityTooLargeException" });
  });

  test("20 MB in chunks, without a length", async () => {
    const reply = await post({}, (outgoing) => {
      for (let at = 0; at < twentyMegabytes.length; at += 65_536)
        outgoing.write(twentyMegabytes.subarray(at, at + 65_536));
      outgoing.end();
    });
    expect(reply.status).toBe(413);
    expect(JSON.parse(reply.body)).toMatchObject({ __type: "RequestEntityTooLargeException" });
  });

  test("a client that reads only after all is written is not cut off", async () => {
    const reply = await raw([`POST / HTTP/1.1\r\n${host()}Content-Length: 20000000\r\n\r\n`, twentyMegabytes]);
    expectClosing(reply, 413, "RequestEntityTooLargeException", "1048576");
  });

  test("a client that says 20 MB, sends two and goes", async () => {
    const head = `POST / HTTP/1.1\r\n${host()}Content-Length: 20000000\r\n\r\n`;
    const reply = await raw([head, twentyMegabytes.subarray(0, 2_000_000)], { end: true });
    expect(answersIn(reply.text)[0]?.error).toBe("RequestEntityTooLargeException");
    await raw([head, twentyMegabytes.subarray(0, 2_000_000)], { end: "reset", pauseMs: 50 });
  });

  test("a body beyond what is thrown away ends the connection", async () => {
    const part = Buffer.alloc(8 * 1_048_576, " ");
    const reply = await raw([
      `POST / HTTP/1.1\r\n${host()}Content-Length: 200000000\r\n\r\n`,
      ...Array<Buffer>(12).fill(part),
    ]);
    expect(reply.isClosed).toBe(true);
    expect(reply.text).toContain("RequestEntityTooLargeException");
  });
});

describe("bodies that are cut off", () => {
  test.each([true, "reset"] as const)(
    "B-1: half a signed batch, then the connection ends (%s): nothing is kept",
    async (end) => {
      const bytes = wire.bytes({ request: batch });
      for (const length of [bytes.length - 1, bytes.length - 50, bytes.indexOf("\r\n\r\n") + 4, 200]) {
        const reply = await raw(bytes.subarray(0, length), { end, pauseMs: 20 });
        if (end === true) expectClosing(reply, 400, "BadRequestException", "ended before it was complete");
      }
    },
  );

  test("a length larger than the body: what is missing is waited for, not guessed", async () => {
    const bytes = wire
      .bytes({ request: batch })
      .toString("latin1")
      .replace(/content-length: (\d+)/, (_, length: string) => `content-length: ${Number(length) + 1}`);
    expect((await raw(bytes, { timeoutMs: 150 })).text).toBe("");
  });

  test("a length smaller than the body: what is over is no request", async () => {
    const bytes = wire
      .bytes({ request: batch })
      .toString("latin1")
      .replace(/content-length: (\d+)/, (_, length: string) => `content-length: ${Number(length) - 1}`);
    const answers = answersIn((await raw(bytes)).text);
    expect(answers.map((answer) => answer.error)).toEqual(["SerializationException", "BadRequestException"]);
  });

  test("clients that go before the answer comes", async () => {
    const bytes = wire.bytes({ operation: "ResolveCustomer", request: { RegistrationToken: "nothing" } });
    await Promise.all(Array.from({ length: 20 }, () => raw(bytes, { end: "reset" })));
  });
});

describe("slow clients", () => {
  const bodies: string[] = [];
  const start = (times: Partial<ServerTimes>): Promise<RunningServer> =>
    listen(
      {
        endpoint: async (request) => {
          bodies.push(request.body.toString());
          return { status: 200, headers: { "Content-Type": "application/x-amz-json-1.1" }, body: "{}" };
        },
        router: (_, response) => {
          response.end();
        },
        log: createLog("silent"),
        times: { checkEveryMs: 20, ...times },
      },
      "127.0.0.1",
      0,
    );
  let hasty: RunningServer;
  let patient: RunningServer;
  beforeAll(async () => {
    hasty = await start({ requestMaxMs: 400, headersMaxMs: 200, lingerMaxMs: 200 });
    patient = await start({ requestMaxMs: 10_000, headersMaxMs: 5_000 });
  });
  afterAll(async () => {
    await Promise.all([hasty.close(), patient.close()]);
  });
  afterEach(() => {
    bodies.length = 0;
  });

  const slow = (parts: readonly string[], pauseMs: number): Promise<RawReply> =>
    rawExchange(hasty.url, parts, { pauseMs });

  test("headers a byte at a time run out of time", async () => {
    const reply = await slow(["POST / HTTP/1.1\r\n", ..."Host: x\r\nX-Slow: abcdefghijklmnopqrstuvwxyz"], 20);
    expectClosing(reply, 408, "RequestTimeoutException", "within 0.4 s (its headers within 0.2 s)");
    expect(bodies).toEqual([]);
  });

  test("a body a byte at a time runs out of time", async () => {
    const head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n";
    const reply = await slow([head, ..."x".repeat(40)], 20);
    expectClosing(reply, 408, "RequestTimeoutException", "within 0.4 s");
    expect(bodies).toEqual([]);
  });

  test("a connection that says nothing runs out of time too", async () => {
    expectClosing(await slow([""], 0), 408, "RequestTimeoutException", "did not arrive");
  });

  test("a large body that is refused and then stops coming gets one answer and the end", async () => {
    const head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n";
    const reply = await slow([head, "x".repeat(2_000_000)], 0);
    expect(answersIn(reply.text)).toHaveLength(1);
    expect(reply.isClosed).toBe(true);
  });

  test("a slow call within the time is served", async () => {
    const parts = ["POST / HTTP/1.1\r\nHost: x\r\n", "Content-Length: 2\r\n\r\n", "{", "}"];
    const reply = await rawExchange(patient.url, parts, { ...firstAnswer, pauseMs: 40 });
    expect(answersIn(reply.text)[0]?.status).toBe(200);
    expect(bodies).toEqual(["{}"]);
  });

  test.each([
    ["noise", "\0noise\r\n\r\n"],
    ["CONNECT", "CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n"],
    ["too many bytes of headers", `GET / HTTP/1.1\r\nX: ${"a".repeat(20_000)}\r\n\r\n`],
    ["half a request", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n{"],
    ["nothing", ""],
  ])("a client that sends %s and never closes its side does not hold the connection", async (_, text) => {
    const { hostname, port } = new URL(hasty.url);
    const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
    const closed = new Promise((resolve) => socket.on("close", resolve));
    const ended = new Promise((resolve) => socket.on("end", resolve));
    socket.resume().on("error", () => {});
    socket.write(text);
    await ended;
    // What comes to a connection that was let go is answered with a reset; until then it is thrown away.
    const knocking = setInterval(() => socket.write("x"), 20);
    await closed;
    clearInterval(knocking);
    socket.destroy();
  });
});

describe("JSON made to hurt", () => {
  const deep = 100_000;
  const nested: readonly (readonly [string, string])[] = [
    ["lists", `${"[".repeat(deep)}${"]".repeat(deep)}`],
    ["objects", `${'{"a":'.repeat(deep)}1${"}".repeat(deep)}`],
  ];

  test.each(nested)("%s, 100,000 deep, as the whole body", async (_, value) => {
    expectError(
      await wire.call({ body: value }),
      value.startsWith("[") ? "SerializationException" : "ValidationException",
    );
    expectError(await wire.call({ body: value.slice(0, deep) }), "SerializationException", "JSON");
  });

  test.each(nested)("%s, 100,000 deep, in a member that nobody knows", async (_, value) => {
    expect(resultsOf(await wire.call({ body: `{"UsageRecords":[],"Odd":${value}}` }))).toEqual([]);
  });

  test.each(nested)("%s, 100,000 deep, in a member of every type", async (_, value) => {
    const bodies = {
      BatchMeterUsage: [
        `{"UsageRecords":${value}}`,
        `{"UsageRecords":[],"ProductCode":${value}}`,
        ...["Timestamp", "Dimension", "Quantity", "UsageAllocations", "LicenseArn"].map(
          (name) => `{"UsageRecords":[{"${name}":${value}}]}`,
        ),
        `{"UsageRecords":[{"UsageAllocations":[{"Tags":${value}}]}]}`,
        `{"UsageRecords":[{"UsageAllocations":[{"Tags":[{"Key":${value}}]}]}]}`,
      ],
      MeterUsage: [`{"DryRun":${value}}`, `{"ClientToken":${value}}`],
      RegisterUsage: [`{"PublicKeyVersion":${value}}`, `{"Nonce":${value}}`],
      ResolveCustomer: [`{"RegistrationToken":${value}}`],
    };
    for (const [operation, texts] of Object.entries(bodies)) {
      for (const body of texts) {
        const reply = await wire.call({ operation, body });
        expectError(reply, "SerializationException");
        expect(reply.status).toBe(400);
        expect(reply.message.length).toBeLessThan(1_000);
      }
    }
  });

  test("__proto__, constructor and their like are names as any other", async () => {
    const odd =
      '"__proto__":{"ProductCode":"x","UsageRecords":[],"DryRun":true,"isAdmin":true},"constructor":{"prototype":{"y":1}},"toString":1,"hasOwnProperty":null';
    expectError(await wire.call({ body: `{${odd}}` }), "ValidationException", "'usageRecords'");
    expect(resultsOf(await wire.call({ body: `{${odd},"UsageRecords":[]}` }))).toEqual([]);
    // A record whose members are all inherited has none.
    const reply = await wire.call({ body: `{"UsageRecords":[{"__proto__":${JSON.stringify(record)}}]}` });
    expectError(reply, "ValidationException", "'usageRecords.1.member.timestamp'", "'usageRecords.1.member.dimension'");
    // A dry run that is inherited is none: the denial is the ordinary one (M-42).
    expectError(
      await wire.call({ operation: "MeterUsage", key: "ec2Denied", body: '{"__proto__":{"DryRun":true}}' }),
      "AccessDeniedException",
    );
    expect(({} as Record<string, unknown>).isAdmin).toBeUndefined();
    for (const name of ["__proto__", "constructor", "toString"]) {
      expectError(
        await wire.call({ request: { ProductCode: name, UsageRecords: [record] } }),
        "InvalidProductCodeException",
        name,
      );
      expectError(
        await wire.call({ request: { ...batch, UsageRecords: [{ ...record, Dimension: name }] } }),
        "InvalidUsageDimensionException",
        name,
      );
      expectError(
        await wire.call({ operation: "ResolveCustomer", request: { RegistrationToken: name } }),
        "InvalidTokenException",
      );
      const unknown = { ...record, CustomerAWSAccountId: undefined, CustomerIdentifier: name };
      expect(statusesOf(await wire.call({ request: { ...batch, UsageRecords: [unknown] } }))).toEqual([
        "CustomerNotSubscribed",
      ]);
    }
  });

  test.each([
    ["1e400", "SerializationException"],
    ["-1e400", "SerializationException"],
    ["1e308", "TimestampOutOfBoundsException"],
    ["-1e308", "TimestampOutOfBoundsException"],
    ["1e303", "TimestampOutOfBoundsException"],
    ["1e20", "TimestampOutOfBoundsException"],
    ["-1e20", "TimestampOutOfBoundsException"],
    ["8640000000000", "TimestampOutOfBoundsException"],
    ["8640000000001", "TimestampOutOfBoundsException"],
    ["-8640000000001", "TimestampOutOfBoundsException"],
    ["9007199254740993", "TimestampOutOfBoundsException"],
    ["123456789012345678901234567890", "TimestampOutOfBoundsException"],
    ["0", "TimestampOutOfBoundsException"],
    ["-0", "TimestampOutOfBoundsException"],
    ["-1", "TimestampOutOfBoundsException"],
    ["5e-324", "TimestampOutOfBoundsException"],
    [String(startSec * 1_000), "TimestampOutOfBoundsException"],
    [String(startSec * 1_000_000), "TimestampOutOfBoundsException"],
  ])("B-50, B-55: timestamp %s", async (timestamp, error) => {
    const body = (request: object, name: string) =>
      JSON.stringify(request).replace(`"${name}":${startSec}`, `"${name}":${timestamp}`);
    const meter = { ProductCode: products.ami, Timestamp: startSec, UsageDimension: "hosts" };
    for (const reply of [
      await wire.call({ body: body(batch, "Timestamp") }),
      await wire.call({ operation: "MeterUsage", key: "ec2", body: body(meter, "Timestamp") }),
    ]) {
      expectError(reply, error);
      expect(reply.status).toBe(400);
      // The text shows what came, not what became of it.
      if (error === "SerializationException") expect(reply.message).not.toContain("null");
      if (timestamp === String(startSec * 1_000))
        expect(reply.message).toContain("It looks like milliseconds: send epoch seconds.");
    }
  });

  test.each([
    "1e400",
    "-1e400",
    "1e20",
    "2147483648",
    "-1",
    "9007199254740993",
    "99999999999999999999999999",
    "-2147483649",
  ])("C.1: quantity %s", async (quantity) => {
    const reply = await wire.call({ body: JSON.stringify(batch).replace('"Quantity":1', `"Quantity":${quantity}`) });
    expect(reply.status).toBe(400);
    expect(reply.error).toMatch(/^(Serialization|Validation)Exception$/);
    expect(reply.message).not.toContain("null");
    const register = `{"ProductCode":"${products.containerHourly}","PublicKeyVersion":${quantity}}`;
    const version = await wire.call({ operation: "RegisterUsage", key: "ecs", body: register });
    expect(version.status).toBe(400);
    expect(version.error).toMatch(/^(Serialization|Validation)Exception$/);
    expect(wire.meterhouse.workloads()).toEqual([]);
  });

  test.each([
    ["BatchMeterUsage", "seller"],
    ["MeterUsage", "ec2"],
    ["RegisterUsage", "ecs"],
    ["ResolveCustomer", "seller"],
  ] as const)("W-39: whatever JSON comes, %s answers or refuses; it never fails", async (operation, key) => {
    const anything = fc.oneof(fc.jsonValue(), fc.double(), fc.constantFrom("", [], {}, null, "\ud800"));
    const fields = (paths: readonly string[]) =>
      fc.record(Object.fromEntries(paths.map((name) => [name, anything])), { requiredKeys: [] });
    const names = membersOf(operation, "2026").map(({ path }) => String(path.at(-1)));
    const lists = fc.array(fields(names), { maxLength: 3 });
    const requests = fc
      .tuple(fields(names), fc.option(lists), fc.option(lists))
      .map(([request, records, allocations]) => ({
        ...request,
        ...(records === null ? {} : { UsageRecords: records }),
        ...(allocations === null ? {} : { UsageAllocations: allocations }),
      }));
    await fc.assert(
      fc.asyncProperty(requests, async (request) => {
        expect((await wire.call({ operation, key, request })).status).toBeLessThan(500);
      }),
      { numRuns: 150 },
    );
  });

  test("B-7: over-long lists and texts give short answers", async () => {
    const many = { ProductCode: products.logs, UsageRecords: Array.from({ length: 9_000 }, () => record) };
    const reply = await wire.call({ request: many });
    expectError(
      reply,
      "ValidationException",
      /^1 validation error detected: Value '.*' at 'usageRecords' failed to satisfy constraint: Member must have length less than or equal to 25$/s,
    );
    expect(reply.message.length).toBeLessThan(1_000);
    const long = await wire.call({ request: { ...batch, ProductCode: "a".repeat(1_000_000) } });
    expectError(long, "ValidationException", "'productCode'");
    expect(long.message.length).toBeLessThan(1_000);
    const faulty = {
      ...batch,
      UsageRecords: Array.from({ length: 25 }, () => ({
        ...record,
        Dimension: "",
        UsageAllocations: Array.from({ length: 400 }, () => ({})),
      })),
    };
    const counted = await wire.call({ request: faulty });
    expectError(counted, "ValidationException", /^10025 validation errors detected: /, "and 10015 more");
    expect(counted.message.length).toBeLessThan(10_000);
    const token = await wire.call({
      operation: "ResolveCustomer",
      request: { RegistrationToken: "%25".repeat(300_000) },
    });
    expectError(token, "InvalidTokenException");
    expect(token.message.length).toBeLessThan(1_000);
  });

  test("text that is legal JSON and nothing else: lone surrogates, NUL, every plane", async () => {
    for (const odd of ["\ud800", "\0", "\u2028", "😀", "a\u0301", "\uffff"]) {
      const request = { ...batch, UsageRecords: [{ ...record, Dimension: odd }] };
      expectError(await wire.call({ request }), "InvalidUsageDimensionException");
      const unknown = { ...record, CustomerAWSAccountId: undefined, CustomerIdentifier: odd };
      const [result] = resultsOf(await wire.call({ request: { ...batch, UsageRecords: [unknown] } }));
      expect(result).toMatchObject({ Status: "CustomerNotSubscribed", UsageRecord: { CustomerIdentifier: odd } });
    }
  });
});
