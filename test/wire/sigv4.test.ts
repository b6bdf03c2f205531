/** Signature Version 4: every row of SPEC B's failure table with AWS's literal text, and their order. */
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { SignOptions } from "../support/signer.ts";
import {
  adding,
  fault,
  header,
  longTerm,
  now,
  plain,
  refused,
  seller,
  signed,
  temporary,
  verifier,
  withHeader,
} from "../support/sigv4.ts";

describe("S-20: no signature", () => {
  const text = "Missing Authentication Token";
  test.each(["", "Bearer abc", "aws4-hmac-sha256 Credential=a", "AWS3-HTTPS AWSAccessKeyId=a", "Basic AWS4-"])(
    "Authorization %j",
    (authorization) => {
      refused(
        adding(signed({ form: "none" }), "Authorization", authorization),
        "MissingAuthenticationTokenException",
        text,
      );
    },
  );
  test("nothing at all", () => {
    refused(signed({ form: "none" }), "MissingAuthenticationTokenException", text);
    refused(
      { method: "POST", url: "", rawHeaders: [], body: Buffer.alloc(0) },
      "MissingAuthenticationTokenException",
      text,
    );
  });
});

test("S-21: header and query at once", () => {
  const text = "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.";
  refused(signed({ form: "both" }), "InvalidSignatureException", text);
  refused({ ...signed(), url: "/?X-Amz-Algorithm" }, "InvalidSignatureException", text);
  refused(adding(signed({ form: "query" }), "Authorization", "Bearer x"), "InvalidSignatureException", text);
});

describe("S-22: header form lacks a part", () => {
  const needs = (part: string) => `Authorization header requires '${part}' parameter. `;
  const needsDate = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ";

  test.each(["Credential", "Signature", "SignedHeaders"])("%s", (omit) => {
    const request = signed({ omit });
    refused(request, "IncompleteSignatureException", `${needs(omit)}Authorization=${header(request, "authorization")}`);
  });

  test("any date", () => {
    const request = signed({ omit: "x-amz-date" });
    refused(request, "IncompleteSignatureException", `${needsDate}Authorization=${header(request, "authorization")}`);
  });

  test.each([
    "AWS4-",
    "AWS4-HMAC-SHA256",
    "AWS4-HMAC-SHA256 Credential Signature SignedHeaders",
    "AWS4-HMAC-SHA256 Credential=, Signature=, SignedHeaders=",
    "AWS4-HMAC-SHA256 credential=a =b",
  ])("all of it: %j", (authorization) => {
    const request = adding(signed({ form: "none" }), "Authorization", authorization);
    const sentences = `${needs("Credential")}${needs("Signature")}${needs("SignedHeaders")}${needsDate}`;
    refused(request, "IncompleteSignatureException", `${sentences}Authorization=${authorization}`);
  });
});

describe("S-23: query form lacks a part", () => {
  const needs = (member: string) => `AWS query-string parameters must include '${member}'. `;
  const members = ["X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date"];

  test.each(members)("%s", (omit) => {
    const text = `${needs(omit)}Re-examine the query-string parameters.`;
    refused(signed({ form: "query", omit }), "IncompleteSignatureException", text);
  });

  test("all of it", () => {
    const sentences = ["X-Amz-Algorithm", ...members].map(needs).join("");
    const text = `${sentences}Re-examine the query-string parameters.`;
    refused({ ...signed({ form: "none" }), url: "/?X-Amz-Algorithm" }, "IncompleteSignatureException", text);
  });

  test.each(["0", "-1", "604801", "1.5", "1e3", "", "x", " 60", "9".repeat(400)])(
    "X-Amz-Expires %j",
    (expiresSeconds) => {
      const request = signed({ form: "query", expiresSeconds });
      refused(
        request,
        "IncompleteSignatureException",
        "'X-Amz-Expires' must be a whole number of seconds from 1 to 604800",
      );
    },
  );
});

describe("S-24: dates", () => {
  test.each([
    "201",
    "2026-08-15T10:20:00Z",
    "20260815T102000",
    "20260815T102000z",
    "20260815T102000.000Z",
    "20260815",
    "20261301T102000Z",
    "20260230T102000Z",
    "20260815T242000Z",
    "20260815T102060Z",
    "00010101T000000Z",
    "Sat, 15 Aug 2026 10:20:00 GMT", // right in Date, not in X-Amz-Date
    "1786789200",
    "\u0660".repeat(8),
  ])("%j", (date) => {
    const text = `Date must be in ISO-8601 'basic format'. Got '${date}'. See http://en.wikipedia.org/wiki/ISO_8601`;
    refused(signed({ date }), "IncompleteSignatureException", text);
    refused(
      signed({ date: encodeURIComponent(date) === date ? date : "x y", form: "query" }),
      "IncompleteSignatureException",
      "Date must be in ISO-8601 'basic format'. Got '",
    );
  });

  test.each([
    "Sat, 15 Aug 2026 10:20:00 UTC",
    "Sun, 15 Aug 2026 10:20:00 GMT",
    "Sat Aug 15 2026 10:20:00",
    "x".repeat(29),
  ])("Date: %s", (date) => {
    const text = `Date must be in ISO-8601 'basic format'. Got '${date}'.`;
    refused(adding(signed({ omit: "x-amz-date" }), "Date", date), "IncompleteSignatureException", text);
  });

  test("sent twice", () => {
    const text = "Date must be in ISO-8601 'basic format'. Got '20260815T102000Z,20260815T102000Z'.";
    refused(adding(signed(), "X-Amz-Date", "20260815T102000Z"), "IncompleteSignatureException", text);
  });
});

test("S-25: expired", () => {
  const text = "Signature expired: 20260815T100400Z is now earlier than 20260815T100500Z (20260815T102000Z - 15 min.)";
  refused(signed({ skewSeconds: -960 }), "InvalidSignatureException", text);
  refused(signed({ skewSeconds: -960, form: "query" }), "InvalidSignatureException", text);
  refused(signed({ skewSeconds: -901 }), "InvalidSignatureException", "Signature expired: 20260815T100459Z is now");
});

test("S-25: a presigned request at the end of its lifetime", () => {
  const text = "Signature expired: 20260815T101859Z is now earlier than 20260815T101900Z (20260815T102000Z - 1 min.)";
  refused(signed({ form: "query", expiresSeconds: 60, skewSeconds: -61 }), "InvalidSignatureException", text);
  const seconds =
    "Signature expired: 20260815T101829Z is now earlier than 20260815T101830Z (20260815T102000Z - 90 sec.)";
  refused(signed({ form: "query", expiresSeconds: 90, skewSeconds: -91 }), "InvalidSignatureException", seconds);
});

test("S-26: not yet current", () => {
  const text =
    "Signature not yet current: 20260815T103600Z is still later than 20260815T103500Z (20260815T102000Z + 15 min.)";
  refused(signed({ skewSeconds: 960 }), "InvalidSignatureException", text);
  refused(signed({ skewSeconds: 960, form: "query", expiresSeconds: 604_800 }), "InvalidSignatureException", text);
  refused(signed({ skewSeconds: 901 }), "InvalidSignatureException", "Signature not yet current: 20260815T103501Z is");
});

test.each(["AWS4-HMAC-SHA512", "AWS4-HMAC-SHA25", "AWS4-", "AWS4-ECDSA-P256-SHA256"])(
  "S-27: algorithm %s",
  (algorithm) => {
    const text = `Unsupported AWS 'algorithm': '${algorithm}' (only AWS4-HMAC-SHA256 for now). `;
    refused(signed({ algorithm }), "IncompleteSignatureException", text);
    refused(signed({ algorithm, form: "query" }), "IncompleteSignatureException", text);
  },
);

test.each(["a", "a/b/c/d", "a/b/c/d/", "a/b/c/d/e/f", "a//////b", "////"])("S-28: credential %s", (credential) => {
  const text = `Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '${credential}'`;
  refused(signed({ credential }), "IncompleteSignatureException", text);
  refused(signed({ credential, form: "query" }), "IncompleteSignatureException", text);
});

test.each(["accessKeyId", "date", "region", "service", "terminator"])("S-28: credential without %s", (omit) => {
  refused(
    signed({ omit }),
    "IncompleteSignatureException",
    "Credential must have exactly 5 slash-delimited elements, ",
  );
});

describe("S-29: scope", () => {
  const service = "Credential should be scoped to correct service: 'aws-marketplace'. ";

  test.each(["0", "us-east-9", "US-EAST-1", "aws-global", "", "us-east-1 "])("region %j", (region) => {
    const text = `Credential should be scoped to a valid region, not '${region}'. `;
    refused(
      signed({ credential: `AKIDEXAMPLE/20260815/${region}/aws-marketplace/aws4_request`, form: "query" }),
      "InvalidSignatureException",
      text,
    );
  });

  test.each(["metering.marketplace", "AWS-Marketplace", "execute-api", ""])("service %j", (name) => {
    refused(signed({ service: name }), "InvalidSignatureException", service);
    refused(signed({ service: name }), "InvalidSignatureException", service, verifier({ enforceRegions: false }));
  });

  test("terminator", () => {
    const text = "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws3_request'. ";
    refused(signed({ terminator: "aws3_request" }), "InvalidSignatureException", text);
  });

  test("date", () => {
    const text =
      "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20260814' != '20260815', from '20260815T102000Z'.";
    refused(signed({ scopeDateOffsetDays: -1 }), "InvalidSignatureException", text);
  });

  test("all at once, in AWS's order", () => {
    const text = `Credential should be scoped to a valid region, not 'c'. ${service}Credential should be scoped with a valid terminator: 'aws4_request', not 'e'. Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: 'b' != '20260815', from '20260815T102000Z'.`;
    refused(signed({ credential: "a/b/c/d/e" }), "InvalidSignatureException", text);
  });
});

test("S-30: Host unsigned", () => {
  const text = "'Host' must be a 'SignedHeader' in the AWS Authorization.";
  refused(signed({ unsigned: ["host"] }), "InvalidSignatureException", text);
  refused(
    signed({ unsigned: ["host", "content-type", "x-amz-target"], form: "query", headers: { x: "1" } }),
    "InvalidSignatureException",
    text,
  );
});

describe("S-31: keys and session tokens", () => {
  const name = "UnrecognizedClientException";
  const key = "The security token included in the request is invalid.";
  const token = "The security token included in the request is invalid (";
  const keys = { accessKeyId: temporary.accessKeyId, secretAccessKey: temporary.secretAccessKey };

  test("unknown key", () => {
    refused(signed({ accessKeyId: "AKUNKNOWN" }), name, key);
    refused(signed({ accessKeyId: "AKUNKNOWN", form: "query" }), name, key);
    refused(signed({ credential: "/20260815/us-east-1/aws-marketplace/aws4_request" }), name, key);
    refused(signed({ accessKeyId: "__proto__" }), name, key);
  });

  test("L-4: key of another partition", () => {
    const chinese = verifier({ account: { ...seller, partition: "aws-cn" } });
    refused(signed(), name, key, chinese);
    refused(signed({ wrongSecret: true }), name, key, chinese);
    refused(signed({ region: "us-gov-west-1" }), name, key, verifier({ account: { ...seller, partition: "aws" } }));
  });

  test.each(["header", "query"] as const)("S-5: %s form, token absent, wrong, longer, shorter, other case", (form) => {
    for (const sessionToken of [undefined, "wrong", "FAKESESSIONTOKENS", "FAKESESSIONTOKE", "fakesessiontoken"])
      refused(signed({ ...keys, form, sessionToken }), name, token);
  });

  test("a session token with a long-term key", () => {
    refused(signed({ sessionToken: "FAKESESSIONTOKEN" }), name, token);
    refused(signed({ sessionToken: "x", form: "query" }), name, token);
  });

  test("S-5, S-6: expired session, by the wall clock", () => {
    const options = { ...keys, sessionToken: "FAKESESSIONTOKEN" };
    const text = "The security token included in the request is expired";
    const ending = (expiresAt: number) => verifier({ credentials: [{ ...temporary, expiresAt }] });
    refused(signed(options), "ExpiredTokenException", text, ending(now));
    refused(signed({ ...options, sessionToken: "wrong" }), name, token, ending(now));
    expect(ending(now + 1).verify(signed(options)).region).toBe("us-east-1");
  });

  test("texts say which credentials they speak of", () => {
    for (const request of [signed({ accessKeyId: "AKUNKNOWN" }), signed(keys), signed({ form: "none" })])
      expect(fault(request).message).toContain("not about a registration token");
  });
});

describe("S-32: bad signature", () => {
  const name = "InvalidSignatureException";
  const text =
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.";
  const last = (authorization: string) => authorization.replace(/Signature=\w+/, "Signature=");

  test("wrong secret, either form", () => {
    refused(signed({ wrongSecret: true }), name, text);
    refused(signed({ wrongSecret: true, form: "query" }), name, text);
  });

  test("signatures of other lengths and in capitals do not throw anything else", () => {
    for (const signature of ["0", "0".repeat(63), "0".repeat(65), "0".repeat(6_000), "é".repeat(64)])
      refused(
        withHeader(signed(), "authorization", (old) => last(old) + signature),
        name,
        text,
      );
    const capitals = (old: string) => old.replace(/[^=]+$/, (hex) => hex.toUpperCase());
    refused(withHeader(signed(), "authorization", capitals), name, text);
  });

  test("method, path and query are signed", () => {
    refused({ ...signed(), method: "PUT" }, name, text);
    refused({ ...signed(), url: "/x" }, name, text);
    refused({ ...signed(), url: "/?x=1" }, name, text);
    refused({ ...signed({ path: "/?x=1" }), url: "/?x=2" }, name, text);
    const presigned = signed({ form: "query", expiresSeconds: 60 });
    refused({ ...presigned, url: presigned.url.replace("Expires=60", "Expires=61") }, name, text);
    refused({ ...presigned, url: presigned.url.replace("X-Amz-Expires=60&", "") }, name, text);
  });

  test("a signed header that was not sent", () => {
    refused(
      withHeader(signed(), "x-amz-target", () => undefined),
      name,
      text,
    );
    refused(
      withHeader(signed(), "host", () => undefined),
      name,
      text,
    );
    refused(
      withHeader(signed(), "x-amz-content-sha256", () => undefined),
      name,
      text,
    );
  });

  test("a signed header that was sent once more", () => {
    refused(adding(signed(), "X-Amz-Target", "AWSMPMeteringService.MeterUsage"), name, text);
    refused(adding(signed(), "Host", "elsewhere"), name, text);
  });

  test("x-amz-content-sha256 signed, but of another body", () => {
    const other = createHash("sha256").update("other").digest("hex");
    for (const hash of [other, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "", "unsigned-payload"])
      refused(signed({ headers: { ...plain.headers, "x-amz-content-sha256": hash } }), name, text);
    const hinted = fault({ ...signed(), body: Buffer.from("other") });
    expect(hinted.message).toContain(`but the body that arrived hashes to '${other}'`);
  });

  test("S-3: UNSIGNED-PAYLOAD unsigned", () => {
    const headers = { ...plain.headers, "x-amz-content-sha256": "UNSIGNED-PAYLOAD" };
    const request = signed({ headers, unsigned: ["x-amz-content-sha256"] });
    refused({ ...request, body: Buffer.from("any") }, name, text);
  });

  test("the text shows what to compare, shows no secret, and has an end", () => {
    const sessionToken = "TOKEN/WITH+SIGNS==";
    for (const form of ["header", "query"] as const) {
      const { message } = fault(signed({ wrongSecret: true, form, sessionToken, path: "/?a=1" }));
      expect(message).toContain("\n\nThe Canonical String for this request should have been\n'POST\n/\n");
      expect(message).toContain(
        "\n\nThe String-to-Sign should have been\n'AWS4-HMAC-SHA256\n20260815T102000Z\n20260815/us-east-1/aws-marketplace/aws4_request\n",
      );
      expect(message).not.toContain("TOKEN");
      expect(message).not.toContain(longTerm.secretAccessKey);
    }
    const headers = { ...plain.headers, "x-note": "n".repeat(15_000) };
    expect(fault(signed({ wrongSecret: true, headers })).message.length).toBeLessThan(8_000);
  });
});

describe("several faults at once (W-60)", () => {
  const order: ReadonlyArray<readonly [string, Partial<SignOptions>]> = [
    ["Authorization header requires 'Signature' parameter. ", { omit: "Signature" }],
    ["Signature expired", { skewSeconds: -960 }],
    ["'Host' must be a 'SignedHeader'", { unsigned: ["host"] }],
    ["Unsupported AWS 'algorithm'", { algorithm: "AWS4-X" }],
    ["Credential should be scoped to correct service", { service: "s3" }],
    ["The security token included in the request is invalid.", { accessKeyId: "AKUNKNOWN" }],
    ["The request signature we calculated", { wrongSecret: true }],
    ["The security token included in the request is invalid (", { sessionToken: "wrong" }],
  ];
  test.each(order.map(([text], i) => [text, i] as const))("%s", (text, i) => {
    const all = order.slice(i).map(([, options]) => options);
    expect(fault(signed(Object.assign({}, ...all.toReversed()))).message.startsWith(text)).toBe(true);
  });
});
