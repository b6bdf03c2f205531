/** Signature Version 4: what verifies, the cache of signing keys, and the comparison of secrets. */
import { describe, expect, test, vi } from "vitest";
import { createVerifier, type SignedRequest } from "../../src/protocol/sigv4.ts";
import {
  adding,
  fault,
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

const compared = vi.hoisted(() => ({ count: 0 }));
vi.mock("node:crypto", async (importOriginal) => {
  const actual = await importOriginal<typeof import("node:crypto")>();
  const timingSafeEqual: typeof actual.timingSafeEqual = (a, b) => {
    compared.count += 1;
    return actual.timingSafeEqual(a, b);
  };
  return { ...actual, timingSafeEqual };
});

describe("what verifies", () => {
  const verified = (request: SignedRequest, by = verifier()) => by.verify(request);

  test("header form, with the time it was signed", () => {
    expect(verified(signed({ region: "eu-west-1", skewSeconds: -60 }))).toEqual({
      credential: longTerm,
      region: "eu-west-1",
      signedAt: now - 60_000,
    });
  });

  test.each([
    ["commas alone", (text: string) => text.replaceAll(", ", ",")],
    ["spaces alone", (text: string) => text.replaceAll(", ", " ")],
    ["many of both", (text: string) => text.replaceAll(", ", " ,,  , ")],
    ["a tab", (text: string) => text.replaceAll(", ", ",\t")],
    [
      "another order",
      (text: string) => text.replace(/^(\S+) (\S+), (\S+), (\S+)$/, (_, scheme, a, b, c) => `${scheme} ${c},${a} ${b}`),
    ],
    ["a slash after the credential", (text: string) => text.replace("aws4_request", "aws4_request/")],
    ["header names in capitals", (text: string) => text.replace("host;", "Host;")],
  ])("S-2: parts separated by %s", (_, change) => {
    verified(withHeader(signed(), "authorization", change));
  });

  test("S-3: query form, with and without a lifetime, with members of its own", () => {
    verified(signed({ form: "query" }));
    verified(signed({ form: "query", path: "/?b=2&a=%7e&a=1&empty&x=a%2Fb+c&X-Amz-Meta=%2B&tab=%09" }));
    verified(signed({ form: "query", expiresSeconds: 3_600, skewSeconds: -3_600 }));
    verified(signed({ form: "query", expiresSeconds: 604_800, skewSeconds: -604_800 }));
    verified(signed({ form: "query", expiresSeconds: 1, skewSeconds: 900 }));
    const presigned = signed({ form: "query" });
    verified({ ...presigned, url: `${presigned.url}&X-Amz-Signature=0` }); // the first of its name counts
  });

  test("paths and queries of the header form", () => {
    verified(signed({ path: "/stage/v1/" }));
    verified(signed({ path: "/a%20b/c~d/%C3%A9" }));
    verified(signed({ path: "/?B=1&a=2&A=3&%C3%A9=%F0%9F%98%80" }));
    const proxied = signed({ path: "/x?y=1" });
    verified({ ...proxied, url: `http://127.0.0.1:8080${proxied.url}` });
    verified({ ...signed({ path: "/b" }), url: "/a/.././/b" });
  });

  test.each([-900, -1, 0, 1, 900])("S-4: signed %i s beside the clock", (skewSeconds) => {
    verified(signed({ skewSeconds }));
    verified(signed({ skewSeconds, form: "query" }));
  });

  test("S-25: parts of a second do not count", () => {
    verified(signed({ skewSeconds: -900 }), verifier({ clock: now + 999 }));
  });

  test("a Date header instead of X-Amz-Date, in HTTP's format and in ISO's", () => {
    const request = signed({ unsigned: ["x-amz-date"] });
    const http = new Date(now).toUTCString();
    verified(
      adding(
        withHeader(request, "x-amz-date", () => undefined),
        "Date",
        http,
      ),
    );
    verified(
      adding(
        withHeader(request, "x-amz-date", () => undefined),
        "date",
        "20260815T102000Z",
      ),
    );
    verified(adding(signed(), "Date", "what ever")); // X-Amz-Date goes first
  });

  test("W-12: no x-amz-content-sha256, and one that is not signed, whatever it says", () => {
    verified(signed({ omit: "x-amz-content-sha256" }));
    const headers = { ...plain.headers, "x-amz-content-sha256": "wrong" };
    verified(signed({ headers, unsigned: ["x-amz-content-sha256"] }));
  });

  test("S-3: UNSIGNED-PAYLOAD if the header is signed", () => {
    const headers = { ...plain.headers, "x-amz-content-sha256": "UNSIGNED-PAYLOAD" };
    verified({ ...signed({ headers }), body: Buffer.from("any") });
    verified({ ...signed({ headers, form: "query" }), body: Buffer.from("any") });
  });

  test("white space in header values, and repeated headers", () => {
    const headers = { ...plain.headers, "x-note": "one two", "x-list": "a,b" };
    const request = signed({ headers });
    verified(withHeader(request, "x-note", () => "  one \t  two "));
    verified(
      adding(
        withHeader(request, "x-list", () => "a"),
        "X-List",
        " b ",
      ),
    );
    refused(
      adding(
        withHeader(request, "x-list", () => "b"),
        "X-List",
        "a",
      ),
      "InvalidSignatureException",
      "The request",
    );
  });

  test("more headers than are looked for one by one", () => {
    const many = Array.from({ length: 90 }, (_, index) => [`x-n${index}`, `value ${index}`] as const);
    const headers = { ...plain.headers, ...Object.fromEntries(many), "x-z-list": "a,b" };
    const request = adding(
      withHeader(signed({ headers }), "x-z-list", () => " a"),
      "X-Z-List",
      "b",
    );
    verified(withHeader(request, "x-n80", () => "  value \t80 "));
    for (const name of ["x-n3", "x-n80"]) {
      refused(
        withHeader(request, name, () => "another"),
        "InvalidSignatureException",
        "The request",
      );
    }
  });

  test("bytes that are no ASCII, in headers and bodies", () => {
    const note = "caffè à la carte, 東京"; // the second byte of à is latin1's no-break space
    const request = signed({ headers: { ...plain.headers, "x-note": `${note} à` }, body: '{"ProductCode":"é"}' });
    verified(withHeader(request, "x-note", (value) => Buffer.from(value).toString("latin1")));
  });

  test("an empty body", () => {
    verified(signed({ body: "" }));
  });

  test("S-5: temporary keys with their token: as header, unsigned, as query member, as header of the query form", () => {
    const keys = {
      accessKeyId: temporary.accessKeyId,
      secretAccessKey: temporary.secretAccessKey,
      sessionToken: "FAKESESSIONTOKEN",
    };
    expect(verified(signed(keys)).credential).toBe(temporary);
    verified(signed({ ...keys, unsigned: ["x-amz-security-token"] }));
    verified(signed({ ...keys, form: "query" }));
    verified(
      adding(signed({ ...keys, form: "query", sessionToken: undefined }), "X-Amz-Security-Token", "FAKESESSIONTOKEN"),
    );
  });

  test("an empty session token is none", () => {
    verified(adding(signed(), "X-Amz-Security-Token", ""));
  });

  test("L-6: scope Regions nobody knows, with enforceRegions off", () => {
    const lenient = verifier({ enforceRegions: false });
    expect(verified(signed({ region: "0" }), lenient).region).toBe("0"); // erlcloud
    refused(
      signed({ region: "" }),
      "InvalidSignatureException",
      "Credential should be scoped to a valid region, not ''. ",
      lenient,
    );
    refused(signed({ region: "x".repeat(65) }), "InvalidSignatureException", "Credential should be scoped", lenient);
  });

  test("L-4: an account of a partition, in its Regions", () => {
    const account = { ...seller, partition: "aws-cn" };
    verified(signed({ region: "cn-northwest-1" }), verifier({ account }));
    verified(signed({ region: "0" }), verifier({ account, enforceRegions: false }));
  });
});

describe("signing keys and comparison", () => {
  test("a changed secret counts at once, and so does changing it back", () => {
    let current = longTerm;
    const by = createVerifier({
      credential: () => current,
      account: () => seller,
      wallClock: () => now,
      enforceRegions: () => true,
    });
    by.verify(signed());
    current = { ...longTerm, secretAccessKey: "another" };
    refused(signed(), "InvalidSignatureException", "The request signature", by);
    by.verify(signed({ secretAccessKey: "another" }));
    by.verify(signed({ secretAccessKey: "another" }));
    current = longTerm;
    refused(signed({ secretAccessKey: "another" }), "InvalidSignatureException", "The request signature", by);
    by.verify(signed());
  });

  test("keys of Regions, days and accounts stay apart, over more of them than are kept", () => {
    const by = verifier({ enforceRegions: false });
    for (let i = 0; i < 1_100; i += 1) by.verify(signed({ region: `r-${i}` }));
    by.verify(signed({ region: "r-0" }));
    refused(signed({ region: "r-0", wrongSecret: true }), "InvalidSignatureException", "The request signature", by);
    by.verify(signed({ accessKeyId: temporary.accessKeyId, sessionToken: "FAKESESSIONTOKEN" }));
  });

  test("a secret longer than a block of SHA-256, and one that is no ASCII", () => {
    for (const secretAccessKey of ["s".repeat(200), "schlüssel", ""]) {
      const by = verifier({ credentials: [{ ...longTerm, secretAccessKey }] });
      by.verify(signed({ secretAccessKey }));
    }
  });

  test("signature and session token are compared in constant time", () => {
    const by = verifier();
    const keys = { accessKeyId: temporary.accessKeyId, secretAccessKey: temporary.secretAccessKey };
    compared.count = 0;
    by.verify(signed());
    expect(compared.count).toBe(1);
    fault(signed({ wrongSecret: true }), by);
    expect(compared.count).toBe(2);
    by.verify(signed({ ...keys, sessionToken: "FAKESESSIONTOKEN" }));
    expect(compared.count).toBe(4);
    fault(signed({ ...keys, sessionToken: "FAKESESSIONTOKEM" }), by);
    expect(compared.count).toBe(6);
  });
});
