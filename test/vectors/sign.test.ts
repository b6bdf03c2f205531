import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { headerValue, readSignOptions, type SignedRequest, type SignOptions, sign } from "../../vectors/sign.ts";
import type { Json } from "../../vectors/values.ts";

/** 2026-08-15T10:20:00Z */
const NOW_MS = Date.UTC(2026, 7, 15, 10, 20);
const BODY = '{"ProductCode":"abc","N":9}';

function signed(options: Partial<SignOptions> = {}, token?: string, headers: [string, string][] = []): SignedRequest {
  return sign({
    method: "POST",
    target: "/",
    headers: [
      ["host", "127.0.0.1:1"],
      ["content-type", "application/x-amz-json-1.1"],
      ["x-amz-target", "T.Op"],
      ...headers,
    ],
    body: Buffer.from(BODY),
    key: { accessKeyId: "AKX", secretAccessKey: "secret", ...(token === undefined ? {} : { sessionToken: token }) },
    region: "eu-west-1",
    nowMs: NOW_MS,
    options: { form: "header", ...options },
  });
}

function header(request: SignedRequest, name: string): string | undefined {
  return headerValue(request.headers, name);
}

function query(request: SignedRequest): URLSearchParams {
  return new URL(request.target, "http://x").searchParams;
}

// The examples of AWS's Signature Version 4 test suite.
test.each([
  ["get-vanilla", "GET", "/", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"],
  ["post-vanilla", "POST", "/", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"],
  [
    "get-vanilla-query-order-key-case",
    "GET",
    "/?Param2=value2&Param1=value1",
    "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
  ],
  ["get-utf8", "GET", "/ሴ", "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"],
  [
    "normalize-path/get-relative",
    "GET",
    "/example/..",
    "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
  ],
])("%s of AWS's test suite", (_name, method, target, signature) => {
  const request = sign({
    method,
    target,
    headers: [["Host", "example.amazonaws.com"]],
    body: Buffer.alloc(0),
    key: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" },
    region: "us-east-1",
    nowMs: NOW_MS,
    options: { form: "header", omit: "x-amz-content-sha256", service: "service", date: "20150830T123600Z" },
  });
  expect(header(request, "authorization")).toBe(
    `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature=${signature}`,
  );
});

describe("header form", () => {
  test("signs what steers the call", () => {
    const request = signed({}, "tok");
    expect(header(request, "authorization")).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AKX\/20260815\/eu-west-1\/aws-marketplace\/aws4_request, SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date;x-amz-security-token;x-amz-target, Signature=[0-9a-f]{64}$/,
    );
    expect(header(request, "x-amz-date")).toBe("20260815T102000Z");
    expect(header(request, "x-amz-security-token")).toBe("tok");
    expect(header(request, "x-amz-content-sha256")).toBe(createHash("sha256").update(BODY).digest("hex"));
  });

  test.each(["Credential", "SignedHeaders", "Signature"])("omit %s: the others stay", (part) => {
    const authorization = header(signed({ omit: part }), "authorization") ?? "";
    const parts = ["Credential", "SignedHeaders", "Signature"].filter((name) => authorization.includes(`${name}=`));
    expect(parts).toEqual(["Credential", "SignedHeaders", "Signature"].filter((name) => name !== part));
    expect(authorization).not.toMatch(/, $|, ,/);
  });

  test.each(["X-Amz-Date", "x-amz-content-sha256", "X-Amz-Security-Token", "Host", "X-Amz-Target", "Content-Type"])(
    "omit %s: neither sent nor signed",
    (name) => {
      const request = signed({ omit: name }, "tok");
      expect(header(request, name.toLowerCase())).toBeUndefined();
      expect(header(request, "authorization")).not.toContain(name.toLowerCase());
    },
  );

  test.each([
    ["date", "AKX/eu-west-1/aws-marketplace/aws4_request"],
    ["terminator", "AKX/20260815/eu-west-1/aws-marketplace"],
    ["accessKeyId", "20260815/eu-west-1/aws-marketplace/aws4_request"],
  ])("omit %s of the credential", (part, credential) => {
    expect(header(signed({ omit: part }), "authorization")).toContain(`Credential=${credential}, `);
  });

  test("omit of the token is no change for a key that has none; omit of an unknown part is an error", () => {
    expect(header(signed({ omit: "X-Amz-Security-Token" }), "authorization")).toBe(header(signed(), "authorization"));
    expect(() => signed({ omit: "X-Nope" })).toThrow('omit: "X-Nope" is not a part');
    expect(header(signed({ omit: "Authorization" }), "authorization")).toBeUndefined();
  });

  test.each<[Partial<SignOptions>, string]>([
    [{ algorithm: "AWS4-HMAC-SHA512" }, "AWS4-HMAC-SHA512 Credential="],
    [{ terminator: "aws3_request" }, "/aws-marketplace/aws3_request, "],
    [{ scopeDateOffsetDays: -1 }, "AKX/20260814/"],
    [{ scopeDateOffsetDays: 17 }, "AKX/20260901/"],
    [{ service: "s3" }, "/eu-west-1/s3/aws4_request"],
    [{ accessKeyId: "AKNOBODY" }, "Credential=AKNOBODY/2026"],
    [{ credential: "a/b/c" }, "Credential=a/b/c, "],
    [{ unsigned: ["Host", "x-amz-date"] }, "SignedHeaders=content-type;x-amz-content-sha256;x-amz-target"],
    [{ date: "2026-08-15T10:20:00Z" }, "Credential=AKX/20260815/"],
  ])("%j", (options, text) => {
    expect(header(signed(options), "authorization")).toContain(text);
  });

  test("the date moves by skewSeconds, or is the given one, and the signature is by that date", () => {
    expect(header(signed({ skewSeconds: -960 }), "x-amz-date")).toBe("20260815T100400Z");
    expect(header(signed({ date: "nonsense" }), "x-amz-date")).toBe("nonsense");
    const early = signed({ skewSeconds: 1 });
    expect(header(early, "authorization")).not.toBe(header(signed(), "authorization"));
  });

  test("wrong secret, wrong token, changed body", () => {
    expect(header(signed({ wrongSecret: true }), "authorization")).not.toBe(header(signed(), "authorization"));
    expect(header(signed({ sessionToken: "wrong" }, "tok"), "x-amz-security-token")).toBe("wrong");
    const changed = signed({ tamperBody: true });
    expect(changed.body.toString()).toBe('{"ProductCode":"abc","N":8}');
    expect(header(changed, "authorization")).toBe(header(signed(), "authorization"));
    expect(() => readSignOptions({ form: "header", wrongSecret: "yes" }, "sign")).toThrow("expected true or false");
  });

  test("headers that the case gives win", () => {
    const request = signed({}, undefined, [
      ["X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD"],
      ["Authorization", "Bearer abc"],
      ["Origin", "x"],
    ]);
    expect(header(request, "x-amz-content-sha256")).toBe("UNSIGNED-PAYLOAD");
    expect(header(request, "authorization")).toBe("Bearer abc");
  });
});

describe("query form", () => {
  test("everything but the headers that are signed is in the query", () => {
    const request = signed({ form: "query" }, "tok/+=");
    expect(header(request, "authorization")).toBeUndefined();
    expect(header(request, "x-amz-date")).toBeUndefined();
    expect(header(request, "x-amz-security-token")).toBeUndefined();
    expect([...query(request).keys()]).toEqual([
      "X-Amz-Algorithm",
      "X-Amz-Credential",
      "X-Amz-Date",
      "X-Amz-SignedHeaders",
      "X-Amz-Security-Token",
      "X-Amz-Signature",
    ]);
    expect(query(request).get("X-Amz-Credential")).toBe("AKX/20260815/eu-west-1/aws-marketplace/aws4_request");
    expect(query(request).get("X-Amz-Security-Token")).toBe("tok/+=");
  });

  test.each([
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-SignedHeaders",
    "X-Amz-Security-Token",
    "X-Amz-Signature",
  ])("omit %s", (name) => {
    expect(query(signed({ form: "query", omit: name }, "tok")).has(name)).toBe(false);
  });

  test("omit takes the names of the header form, too", () => {
    expect(query(signed({ form: "query", omit: "Signature" })).has("X-Amz-Signature")).toBe(false);
  });

  test("both: header and query; none: neither", () => {
    const both = signed({ form: "both" });
    expect(header(both, "authorization")).toMatch(/^AWS4/);
    expect(query(both).has("X-Amz-Signature")).toBe(true);
    const none = signed({ form: "none" });
    expect(none.target).toBe("/");
    expect(none.headers.map(([name]) => name)).toEqual(["host", "content-type", "x-amz-target"]);
  });
});

test.each<[Json, string]>([
  [{ form: "cookie" }, "expected header, query, none or both"],
  [{ form: "header", nope: 1 }, 'unknown key "nope"'],
  [{ form: "header", omit: "Signature", skewSeconds: 1 }, "at most one change"],
  [{ form: "none", omit: "Signature" }, "form none signs nothing"],
  [{ form: "header", skewSeconds: "1" }, "expected a number"],
  ["header", "expected an object"],
])("%j is refused", (options, problem) => {
  expect(() => readSignOptions(options, "sign")).toThrow(problem);
});
