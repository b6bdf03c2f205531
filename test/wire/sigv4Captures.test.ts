/** Signature Version 4: the requests of real clients as they are, with any signed byte changed, and input made to hurt. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { ServiceError } from "../../src/api/errors.ts";
import type { Authenticated, SignedRequest, Verifier } from "../../src/protocol/sigv4.ts";
import { adding, fault, header, longTerm, plain, signed, verifier, withHeader } from "../support/sigv4.ts";

describe("requests of real clients", () => {
  const folder = new URL("../fixtures/captures/", import.meta.url);
  const captures = readdirSync(folder)
    .filter((name) => name.endsWith(".http"))
    .map((name) => ({ name, request: readCapture(readFileSync(new URL(name, folder))) }));

  test("all are here", () => {
    expect(captures).toHaveLength(42);
  });

  test.each(captures)("$name verifies", ({ request }) => {
    const result: Authenticated = captureVerifier(request).verify(request);
    expect(result.credential.accessKeyId).toBe("AKIDEXAMPLE");
    expect(result.region).toBe("us-east-1");
    expect(result.signedAt).toBe(captureDate(request));
  });

  test.each(captures)("$name fails with any signed byte changed", ({ request }) => {
    const by = captureVerifier(request);
    by.verify(request); // the signing key is cached from here on
    const changed = [...changedHeaders(request), ...changedBodies(request)];
    expect(changed.length).toBeGreaterThan(500);
    for (const { what, request: other } of changed) {
      try {
        by.verify(other);
      } catch (error) {
        if (error instanceof ServiceError) continue;
        throw error;
      }
      expect.unreachable(`verified with ${what} changed`);
    }
    by.verify(request);
  });
});

function readCapture(bytes: Buffer): SignedRequest {
  const end = bytes.indexOf("\r\n\r\n");
  const [first = "", ...lines] = bytes.subarray(0, end).toString("latin1").split("\r\n");
  const [method = "", url = ""] = first.split(" ");
  const rawHeaders = lines.flatMap((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
  return { method, url, rawHeaders, body: bytes.subarray(end + 4) };
}

function captureDate(request: SignedRequest): number {
  const [, ...digits] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(header(request, "x-amz-date") ?? "") ?? [];
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = digits.map(Number);
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

function captureVerifier(request: SignedRequest): Verifier {
  const sessionToken = header(request, "x-amz-security-token");
  const credential = sessionToken === undefined ? longTerm : { ...longTerm, sessionToken: "FAKESESSIONTOKEN" };
  return verifier({ credentials: [credential], clock: captureDate(request) });
}

const bits = [1, 2, 4, 8, 16, 32, 64, 128];
const caseBit = 32;

/** Every byte of every signed header value, and of the Authorization header, with one bit turned over. */
function* changedHeaders(request: SignedRequest) {
  const authorization = header(request, "authorization") ?? "";
  const signedNames = /SignedHeaders=([^,]*)/.exec(authorization)?.[1]?.split(";") ?? [];
  for (const name of [...signedNames, "authorization"]) {
    const value = header(request, name)!;
    for (let i = 0; i < value.length; i += 1) {
      // Letters' case means nothing in SignedHeaders, so Authorization never has that bit turned over.
      for (const bit of name === "authorization" ? bits.filter((each) => each !== caseBit) : bits) {
        const turned = value.slice(0, i) + String.fromCharCode(value.charCodeAt(i) ^ bit) + value.slice(i + 1);
        yield { what: `${name}[${i}]^${bit}`, request: withHeader(request, name, () => turned) };
      }
    }
  }
}

function* changedBodies(request: SignedRequest) {
  for (let i = 0; i < request.body.length; i += 1) {
    const other = Buffer.from(request.body);
    other[i] = other[i]! ^ (1 << (i % 8));
    yield { what: `body[${i}]`, request: { ...request, body: other } };
  }
  yield { what: "body's length", request: { ...request, body: Buffer.concat([request.body, Buffer.from(" ")]) } };
  yield { what: "body's length", request: { ...request, body: request.body.subarray(0, -1) } };
}

describe("input made to hurt", () => {
  const soon = 500;
  const odd = [
    "/?%zz",
    "/?%zz=%zz&%&=&==&%E0%A4%A",
    "/?X-Amz-Algorithm=%zz&X-Amz-Credential=%&X-Amz-Signature=%f&X-Amz-SignedHeaders=host%3B%00&X-Amz-Date=%zz",
    "?",
    "//",
    "*",
    "/../../..",
    "/%2e%2e/%zz/%",
    "http://",
    "http://[::1/?x",
    "/\u00ff\u0000?\u00ff=\u0000",
    `/?${"&".repeat(16_000)}`,
    `/?${"a=%41&".repeat(2_700)}`,
    `/${"../".repeat(5_000)}`,
    `/?${"X-Amz-Algorithm&".repeat(1_000)}`,
  ];
  test.each(odd)("target %#", (url) => {
    try {
      verifier().verify({ ...signed(), url }); // some of these do mean "/"
    } catch (error) {
      expect(error).toBeInstanceOf(ServiceError);
    }
    fault({ ...signed({ form: "none" }), url });
  });

  test.each([
    ["a long Authorization", `AWS4-${"x".repeat(16_000)}`],
    ["commas and spaces", `AWS4-HMAC-SHA256${" ,".repeat(8_000)}`],
    ["equal signs", `AWS4-HMAC-SHA256 ${"=".repeat(16_000)}`],
    ["a credential of slashes", `AWS4-HMAC-SHA256 Credential=${"/".repeat(15_000)}x Signature=a SignedHeaders=host`],
    ["header names of no request", `AWS4-HMAC-SHA256 Credential=a Signature=a SignedHeaders=${";".repeat(15_000)}`],
    ["names of Object.prototype", "AWS4-HMAC-SHA256 __proto__=a constructor=b toString=c"],
  ])("%s", (_, authorization) => {
    const started = performance.now();
    const error = fault(withHeader(signed(), "authorization", () => authorization));
    expect(error.message.length).toBeLessThan(8_000);
    expect(performance.now() - started).toBeLessThan(soon);
  });

  test("one long header named as signed ten thousand times", () => {
    const request = withHeader(adding(signed(), "a", "x".repeat(8_000)), "authorization", (old) =>
      old.replace("SignedHeaders=", `SignedHeaders=${"a;".repeat(10_000)}`),
    );
    const started = performance.now();
    fault(request);
    expect(performance.now() - started).toBeLessThan(soon);
  });

  test("a header of white space", () => {
    const started = performance.now();
    fault(adding(signed({ headers: { ...plain.headers, "x-note": "a" } }), "x-note", `${" \t".repeat(100_000)}x`));
    expect(performance.now() - started).toBeLessThan(soon);
  });

  test("a list of headers with a name but no value", () => {
    fault({ ...signed(), rawHeaders: ["authorization"] });
  });
});
