/**
 * Issue 7: a signed request of which one part was changed is refused, whichever part it is, and leaves nothing behind:
 */
import { createHash } from "node:crypto";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sameBytes } from "../../src/protocol/sigv4Keys.ts";
import { buyers, keys, products, startSec } from "../support/catalog.ts";
import { adding, header, plain, refused, signed, temporary, withHeader } from "../support/sigv4.ts";
import { answersIn, rawExchange, startWire, type Wire, type WireCall, type WireReply } from "../support/wireClient.ts";

let wire: Wire;
beforeAll(async () => {
  wire = await startWire();
});
afterAll(() => wire.close());

const record = { Timestamp: startSec, CustomerAWSAccountId: buyers.alder.account, Dimension: "searches", Quantity: 1 };
const batch = { ProductCode: products.logs, UsageRecords: [record] };

async function sendBytes(bytes: string | Buffer): Promise<WireReply> {
  const { text } = await rawExchange(wire.meterhouse.endpoint, [bytes], { until: /\r\n\r\n[{<].*[}>]\s*$/s });
  const [reply] = answersIn(text);
  if (reply === undefined) throw new Error("no answer");
  return reply;
}

/** The parts of a request as it goes over the wire. */
interface Message {
  method: string;
  target: string;
  readonly headers: [name: string, value: string][];
  body: string;
}

function messageOf(call: WireCall): Message {
  const [head = "", body = ""] = wire.bytes(call).toString("latin1").split("\r\n\r\n");
  const [first = "", ...lines] = head.split("\r\n");
  const [method = "", target = ""] = first.split(" ");
  return {
    method,
    target,
    body,
    headers: lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]),
  };
}

function bytesOf({ method, target, headers, body }: Message): string {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return `${method} ${target} HTTP/1.1\r\n${lines}\r\n${body}`;
}

const changed = (call: WireCall, change: (message: Message) => void): string => {
  const message = messageOf(call);
  change(message);
  return bytesOf(message);
};

function setHeader({ headers }: Message, name: string, change: (value: string) => string): void {
  const found = headers.find((one) => one[0] === name);
  if (found === undefined) throw new Error(`no header ${name}`);
  found[1] = change(found[1]);
}
const authorization = (change: (value: string) => string) => (message: Message) =>
  setHeader(message, "authorization", change);
const scope = (at: number, value: string) =>
  authorization((old) =>
    old.replace(/(?<=Credential=)[^,]+/, (credential) => credential.split("/").with(at, value).join("/")),
  );

const call: WireCall = { request: batch, key: "sellerSession" };
const mismatch = "InvalidSignatureException";
const incomplete = "IncompleteSignatureException";
const unknown = "UnrecognizedClientException";
/** The ladder asks first whether there is anything to be called (W-60). */
const nowhere = "UnknownOperationException";

/** By what is changed: the change, and the error. */
const changes: readonly (readonly [string, (message: Message) => void, string])[] = [
  ["method", (message) => Object.assign(message, { method: "PUT" }), nowhere],
  ["path", (message) => Object.assign(message, { target: "/metering" }), nowhere],
  ["path, encoded", (message) => Object.assign(message, { target: "/%41" }), nowhere],
  ["query added", (message) => Object.assign(message, { target: "/?a" }), mismatch],
  [
    "body, one byte",
    (message) => Object.assign(message, { body: message.body.replace('"Quantity":1', '"Quantity":9') }),
    mismatch,
  ],
  [
    "body, a space for a space's escape",
    (message) => Object.assign(message, { body: message.body.replace("searches", "searche ") }),
    mismatch,
  ],
  ["target", (message) => setHeader(message, "x-amz-target", () => "AWSMPMeteringService.MeterUsage"), mismatch],
  ["target, its case", (message) => setHeader(message, "x-amz-target", (old) => old.toUpperCase()), nowhere],
  ["content type", (message) => setHeader(message, "content-type", () => "application/json"), nowhere],
  [
    "content type, a parameter more",
    (message) => setHeader(message, "content-type", (old) => `${old}; charset=utf-8`),
    mismatch,
  ],
  [
    "content type, white space inside",
    (message) => setHeader(message, "content-type", (old) => old.replace("/", "/ ")),
    nowhere,
  ],
  ["host", (message) => setHeader(message, "host", () => "127.0.0.1:1"), mismatch],
  ["host, other name", (message) => setHeader(message, "host", () => "metering.example"), mismatch],
  [
    "hash of the body",
    (message) =>
      setHeader(message, "x-amz-content-sha256", (old) => old.replace(/^./, (one) => (one === "0" ? "1" : "0"))),
    mismatch,
  ],
  [
    "hash of the body, unsigned payload",
    (message) => setHeader(message, "x-amz-content-sha256", () => "UNSIGNED-PAYLOAD"),
    mismatch,
  ],
  [
    "date, one second",
    (message) =>
      setHeader(message, "x-amz-date", (old) => old.replace(/.(?=Z)/, (one) => String((Number(one) + 1) % 10))),
    mismatch,
  ],
  ["date, its form", (message) => setHeader(message, "x-amz-date", (old) => old.toLowerCase()), incomplete],
  ["date, the day", (message) => setHeader(message, "x-amz-date", (old) => `2020${old.slice(4)}`), mismatch],
  [
    "name of a signed header",
    (message) => {
      const found = message.headers.find(([name]) => name === "x-amz-target");
      if (found !== undefined) found[0] = "x-amz-targets";
    },
    nowhere,
  ],
  [
    "a signed header taken away",
    (message) =>
      message.headers.splice(
        message.headers.findIndex(([name]) => name === "x-amz-content-sha256"),
        1,
      ),
    mismatch,
  ],
  [
    "a signed header twice",
    (message) => message.headers.push(["x-amz-target", "AWSMPMeteringService.BatchMeterUsage"]),
    mismatch,
  ],
  ["scope: date", scope(1, "20200101"), mismatch],
  ["scope: Region", scope(2, "eu-west-1"), mismatch],
  ["scope: Region nobody knows", scope(2, "us-east-9"), mismatch],
  ["scope: service", scope(3, "sts"), mismatch],
  ["scope: terminator", scope(4, "aws4_requests"), mismatch],
  ["scope: one element more", scope(4, "aws4_request/x"), incomplete],
  ["key: another of the same account", scope(0, keys.seller), mismatch],
  ["key: another account's", scope(0, keys.rival), mismatch],
  ["key: unknown", scope(0, "AKIANOBODY0000000001"), unknown],
  ["key: other case", scope(0, keys.sellerSession.toLowerCase()), unknown],
  ["signed headers: one left out", authorization((old) => old.replace(";x-amz-target", "")), mismatch],
  ["signed headers: Host left out", authorization((old) => old.replace("host;", "")), mismatch],
  ["signed headers: one more", authorization((old) => old.replace(";x-amz-target", ";x-amz-target;x-extra")), mismatch],
  [
    "signed headers: other order",
    authorization((old) => old.replace(/(?<=SignedHeaders=)[^,]+/, (names) => names.split(";").reverse().join(";"))),
    mismatch,
  ],
  [
    "signature: capitals",
    authorization((old) => old.replace(/(?<=Signature=)\w+/, (hex) => hex.toUpperCase())),
    mismatch,
  ],
  ["signature: cut", authorization((old) => old.slice(0, -1)), mismatch],
  ["signature: longer", authorization((old) => `${old}0`), mismatch],
  ["signature: none", authorization((old) => old.replace(/(?<=Signature=)\w+/, "")), incomplete],
  ["algorithm", authorization((old) => old.replace("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1")), incomplete],
  [
    "algorithm, another scheme",
    authorization((old) => old.replace("AWS4-HMAC-SHA256", "AWS5")),
    "MissingAuthenticationTokenException",
  ],
  [
    "both forms at once",
    (message) => Object.assign(message, { target: "/?X-Amz-Algorithm=AWS4-HMAC-SHA256" }),
    mismatch,
  ],
  // It is signed: any other one first fails as a header that was changed.
  [
    "session token of another session",
    (message) => setHeader(message, "x-amz-security-token", () => sessionTokenOf("allowsNothingSession")),
    mismatch,
  ],
  [
    "session token taken away",
    (message) =>
      message.headers.splice(
        message.headers.findIndex(([name]) => name === "x-amz-security-token"),
        1,
      ),
    mismatch,
  ],
];

function sessionTokenOf(name: keyof typeof keys): string {
  return wire.meterhouse.credentials[keys[name]]?.sessionToken ?? "";
}

describe("each part of a signed request", () => {
  test("as it was signed it is stored; the changes below are of a request that is right", async () => {
    const reply = await sendBytes(bytesOf(messageOf({ ...call, request: { ...batch, UsageRecords: [] } })));
    expect(reply.status).toBe(200);
  });

  test("changed alone it is refused with the right error, stored nowhere and in no trail", async () => {
    const before = (await wire.meterhouse.cloudTrail()).length;
    const found: string[] = [];
    for (const [what, change] of changes) {
      const bytes = changed(call, change);
      expect(bytes, what).not.toBe(bytesOf(messageOf(call)));
      const reply = await sendBytes(bytes);
      expect([400, 404]).toContain(reply.status);
      found.push(`${what}: ${reply.error}`);
    }
    const wanted = changes.map(([what, , error]) => `${what}: ${error}`);
    expect(found).toEqual(wanted);
    expect(await wire.meterhouse.records()).toEqual([]);
    expect(await wire.meterhouse.cloudTrail()).toHaveLength(before);
  });

  test("of the query form too", async () => {
    const before = (await wire.meterhouse.cloudTrail()).length;
    const presigned: WireCall = { ...call, sign: { form: "query", expiresSeconds: 60 } };
    const query = (name: string, change: (value: string) => string) => (message: Message) => {
      const url = new URL(message.target, "http://x");
      url.searchParams.set(name, change(url.searchParams.get(name) ?? ""));
      message.target = `${url.pathname}${url.search}`;
    };
    for (const [what, change, error] of [
      ["X-Amz-Expires", query("X-Amz-Expires", () => "604800"), mismatch],
      [
        "X-Amz-Date",
        query("X-Amz-Date", (old) => old.replace(/.(?=Z)/, (one) => String((Number(one) + 1) % 10))),
        mismatch,
      ],
      ["X-Amz-Credential", query("X-Amz-Credential", (old) => old.replace("us-east-1", "eu-west-1")), mismatch],
      ["X-Amz-SignedHeaders", query("X-Amz-SignedHeaders", (old) => old.replace(";x-amz-target", "")), mismatch],
      [
        "X-Amz-Signature",
        query("X-Amz-Signature", (old) => old.replace(/^./, (one) => (one === "0" ? "1" : "0"))),
        mismatch,
      ],
      ["X-Amz-Security-Token", query("X-Amz-Security-Token", () => sessionTokenOf("allowsNothingSession")), mismatch],
      ["X-Amz-Algorithm", query("X-Amz-Algorithm", () => "AWS4-HMAC-SHA512"), incomplete],
      ["a member more", (message: Message) => Object.assign(message, { target: `${message.target}&a=b` }), mismatch],
      [
        "a header beside it",
        (message: Message) => message.headers.push(["authorization", "AWS4-HMAC-SHA256 Credential=a"]),
        mismatch,
      ],
    ] as const) {
      const reply = await sendBytes(changed(presigned, change));
      expect([what, reply.status, reply.error]).toEqual([what, 400, error]);
    }
    expect(await wire.meterhouse.records()).toEqual([]);
    expect(await wire.meterhouse.cloudTrail()).toHaveLength(before);
  });

  test("S-5: a session token signed for, but of another session", async () => {
    const reply = await wire.call({ ...call, sign: { sessionToken: sessionTokenOf("allowsNothingSession") } });
    expect([reply.status, reply.error]).toEqual([400, unknown]);
    expect(await wire.meterhouse.records()).toEqual([]);
  });

  test("STS and CloudTrail, which share the address, take no signature that was made for the other", async () => {
    const form = { "content-type": "application/x-www-form-urlencoded" };
    const body = "Action=GetCallerIdentity&Version=2011-06-15";
    const sts = await rawExchange(
      wire.meterhouse.endpoint,
      [wire.bytes({ target: null, contentType: form["content-type"], body })],
      { until: /<\/ErrorResponse>/ },
    );
    expect(sts.text).toMatch(/^HTTP\/1\.1 403 .*<Code>SignatureDoesNotMatch<\/Code>/s);
    const trail = await sendBytes(wire.bytes({ target: "CloudTrail_20131101.LookupEvents", sign: { service: "sts" } }));
    expect([trail.status, trail.error]).toEqual([400, mismatch]);
    expect((await wire.call({ ...call, sign: { service: "cloudtrail" } })).error).toBe(mismatch);
  });
});

describe("byte by byte", () => {
  const session = {
    accessKeyId: temporary.accessKeyId,
    secretAccessKey: temporary.secretAccessKey,
    sessionToken: temporary.sessionToken,
  };

  test("every digit of the signature counts, whichever it becomes", () => {
    for (const form of ["header", "query"] as const) {
      const request = signed({ ...session, form });
      const text = form === "header" ? (header(request, "authorization") ?? "") : request.url;
      const start = text.lastIndexOf("Signature=") + "Signature=".length;
      for (let at = start; at < start + 64; at += 1) {
        for (const digit of "0123456789abcdefABCDEF g") {
          if (digit === text[at]) continue;
          const other = text.slice(0, at) + digit + text.slice(at + 1);
          const sent =
            form === "header" ? withHeader(request, "authorization", () => other) : { ...request, url: other };
          // A space ends the signature: what stands before it is too short.
          if (digit === " " && at === start) continue;
          refused(sent, mismatch, "The request signature we calculated does not match");
        }
      }
    }
  });

  test("every bit of the body counts", () => {
    const request = signed({
      ...session,
      headers: { "content-type": "x", "x-amz-content-sha256": hashOf(plain.body) },
    });
    fc.assert(
      fc.property(fc.nat(plain.body.length - 1), fc.integer({ min: 0, max: 7 }), (at, bit) => {
        const body = Buffer.from(plain.body);
        body[at] = (body[at] ?? 0) ^ (1 << bit);
        refused({ ...request, body }, mismatch, "The request signature we calculated does not match");
      }),
      { numRuns: 300 },
    );
  });

  test("any character of any signed header, but for white space around it, counts", () => {
    const request = signed({ ...session, headers: { ...plain.headers, "x-note": "some note with spaces" } });
    const names = ["content-type", "host", "x-amz-content-sha256", "x-amz-security-token", "x-amz-target", "x-note"];
    fc.assert(
      fc.property(
        fc.constantFrom(...names),
        fc.nat(10_000),
        fc.integer({ min: 0x21, max: 0xff }),
        (name, place, code) => {
          const old = header(request, name) ?? "";
          const at = place % old.length;
          fc.pre(old.charCodeAt(at) !== code);
          const value = old.slice(0, at) + String.fromCharCode(code) + old.slice(at + 1);
          refused(
            withHeader(request, name, () => value),
            mismatch,
            "The request signature we calculated does not match",
          );
          refused(
            withHeader(request, name, () => old.slice(0, at) + old.slice(at + 1)),
            mismatch,
            "",
          );
          refused(adding(request, name, old), mismatch, "");
        },
      ),
      { numRuns: 300 },
    );
  });
});

const hashOf = (text: string): string => createHash("sha256").update(text).digest("hex");

describe("the comparison", () => {
  test("is of all bytes, and of nothing where the lengths differ", () => {
    const expected = Buffer.from("a".repeat(64));
    expect(sameBytes(expected, Buffer.from("a".repeat(64)))).toBe(true);
    for (let at = 0; at < 64; at += 1) {
      const given = Buffer.from(expected);
      given[at] = 0x62;
      expect(sameBytes(expected, given)).toBe(false);
    }
    for (const length of [0, 1, 63, 65, 6_400]) expect(sameBytes(expected, Buffer.alloc(length, "a"))).toBe(false);
  });
});
