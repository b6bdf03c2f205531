/** ResolveCustomer over the wire: how it is written, what its member may hold, and what it does (SPEC C.1, D.1). */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Revision } from "../../src/api/types.ts";
import { buyers, licenses, products, sellers, tokenIssuedAt, tokens } from "../support/catalog.ts";
import { membersOf, typePath, wrongValues } from "../support/shapes.ts";
import { expectError, startWire, type Wire, type WireCall, type WireReply } from "../support/wireClient.ts";

let wire: Wire;
beforeAll(async () => {
  wire = await startWire();
});
afterAll(() => wire.close());
beforeEach(() => wire.reset());

const revisions: readonly Revision[] = ["2026", "2024", "2021"];
const resolve = (RegistrationToken: unknown, call: WireCall = {}): Promise<WireReply> =>
  wire.call({ operation: "ResolveCustomer", request: { RegistrationToken }, ...call });
const legacyAnswer = {
  CustomerIdentifier: buyers.alder.identifier,
  CustomerAWSAccountId: buyers.alder.account,
  ProductCode: products.logs,
  LicenseArn: licenses.logs,
};
const issued = Date.parse(tokenIssuedAt);

describe("serialisation", () => {
  test.each([
    ["2026", legacyAnswer],
    [
      "2024",
      {
        CustomerIdentifier: buyers.alder.identifier,
        CustomerAWSAccountId: buyers.alder.account,
        ProductCode: products.logs,
      },
    ],
    ["2021", { CustomerIdentifier: buyers.alder.identifier, ProductCode: products.logs }],
  ] as const)("T-10, C.1: the answer for a product from before June 2026, revision %s", async (revision, answer) => {
    await wire.reset({ revision });
    expect((await resolve(tokens.legacy)).json).toEqual(answer);
  });

  test.each([
    ["2026", { CustomerAWSAccountId: buyers.alder.account, ProductCode: products.vault, LicenseArn: licenses.vault1 }],
    // Revisions that know neither licences nor products without CustomerIdentifier have nothing else to answer.
    [
      "2024",
      {
        CustomerIdentifier: buyers.alder.identifier,
        CustomerAWSAccountId: buyers.alder.account,
        ProductCode: products.vault,
      },
    ],
    ["2021", { CustomerIdentifier: buyers.alder.identifier, ProductCode: products.vault }],
  ] as const)("T-10: the answer for a product of concurrent agreements, revision %s", async (revision, answer) => {
    await wire.reset({ revision });
    expect((await resolve(tokens.vault1)).json).toEqual(answer);
  });

  test("T-12: each agreement has its licence, the account repeats", async () => {
    const [first, second] = [await resolve(tokens.vault1), await resolve(tokens.vault2)];
    expect(first.json).toMatchObject({ LicenseArn: licenses.vault1, CustomerAWSAccountId: buyers.alder.account });
    expect(second.json).toMatchObject({ LicenseArn: licenses.vault2, CustomerAWSAccountId: buyers.alder.account });
  });

  test("T-11: one CustomerIdentifier a buyer, for all products and sellers", async () => {
    const ours = await resolve(tokens.legacy);
    const theirs = await resolve(tokens.rival, { key: "rival" });
    expect(theirs.json).toMatchObject({
      CustomerIdentifier: ours.json.CustomerIdentifier,
      ProductCode: products.rival,
    });
  });

  test("T-9, B-80: a buyer whose subscription is not active yet resolves, without a licence", async () => {
    expect((await resolve(tokens.pending)).json).toEqual({
      CustomerIdentifier: buyers.elm.identifier,
      CustomerAWSAccountId: buyers.elm.account,
      ProductCode: products.logs,
    });
  });

  test("T-9: a buyer without any agreement resolves too; a licence that came since is told", async () => {
    expect((await resolve(tokens.bare)).json).not.toHaveProperty("LicenseArn");
    const agreement = await wire.meterhouse.marketplace.subscribeSuccess({
      product: products.logs,
      customer: buyers.elm.account,
    });
    expect((await resolve(tokens.pending)).json.LicenseArn).toBe(agreement.licenseArn);
  });

  test.each(revisions)("W-56: wrong types, revision %s", async (revision) => {
    await wire.reset({ revision });
    const [member] = membersOf("ResolveCustomer", revision);
    expect(membersOf("ResolveCustomer", revision).map(({ path, isRequired }) => [typePath(path), isRequired])).toEqual([
      ["RegistrationToken", true],
    ]);
    for (const [value, words] of member === undefined ? [] : wrongValues(member.shape)) {
      expectError(await resolve(value), "SerializationException", words, "RegistrationToken");
    }
  });
});

describe("validation", () => {
  test.each(revisions)("T-6: no token, null, an empty one, revision %s", async (revision) => {
    await wire.reset({ revision });
    for (const nothing of [undefined, null]) {
      expectError(
        await resolve(nothing),
        "ValidationException",
        "Value null at 'registrationToken'",
        "Member must not be null",
      );
    }
    expectError(
      await resolve(""),
      "ValidationException",
      "Value '' at 'registrationToken'",
      "regular expression pattern",
    );
  });

  test("T-5, C-2: a token that is none: AWS's text first, then help", async () => {
    for (const value of ["nothing", " ", "\n", "%", "%zz", "é😀", tokens.legacy.toLowerCase(), "x".repeat(100_000)]) {
      const reply = await resolve(value);
      expectError(
        reply,
        "InvalidTokenException",
        /^Registration token is invalid\. /,
        "not about your AWS credentials",
      );
      expect(reply.status).toBe(400);
      // Tokens are secrets of buyers: they do not come back in texts, which get logged.
      expect(reply.message).not.toContain(value.slice(0, 1_000).trim() || "not to be found");
    }
  });

  test("T-5: cut, or with something more, at either end", async () => {
    for (const value of [
      tokens.legacy.slice(1),
      tokens.legacy.slice(0, -1),
      `${tokens.legacy}=`,
      ` ${tokens.legacy}`,
      `${tokens.legacy}\n`,
    ]) {
      expectError(await resolve(value), "InvalidTokenException", "cut or changed on the way");
    }
  });

  test("T-1, T-5: not decoded, encoded twice, decoded twice: the text says which", async () => {
    const once = encodeURIComponent(tokens.legacy);
    expect(once).not.toBe(tokens.legacy);
    for (const value of [once, once.replace(/%../g, (pair) => pair.toLowerCase()), encodeURIComponent(once)]) {
      expectError(
        await resolve(value),
        "InvalidTokenException",
        /^Registration token is invalid\. It is still URL-encoded/,
        "x-amzn-marketplace-token exactly once",
      );
    }
    const twice = new URLSearchParams(`t=${tokens.legacy}`).get("t");
    expect(twice).toContain(" ");
    expectError(
      await resolve(twice),
      "InvalidTokenException",
      /^Registration token is invalid\. It has spaces/,
      "exactly once",
    );
  });
});

describe("behaviour", () => {
  test("T-3, J-31: a token resolves again within its life, with the same answer", async () => {
    const first = await resolve(tokens.legacy);
    await wire.meterhouse.clock.advance("3h");
    expect((await resolve(tokens.legacy)).json).toEqual(first.json);
  });

  test.each([
    [14_400, {}],
    [3_600, { "token.ttlSec": 3_600 }],
    [1, { "token.ttlSec": 1 }],
  ])("T-2, T-4, J-3: it lives %i s, to the millisecond", async (seconds, settings) => {
    await wire.reset(settings, issued + seconds * 1_000 - 1);
    expect((await resolve(tokens.legacy)).status).toBe(200);
    await wire.reset(settings, issued + seconds * 1_000);
    const reply = await resolve(tokens.legacy);
    expectError(
      reply,
      "ExpiredTokenException",
      "registration token has expired",
      `issued at ${tokenIssuedAt}`,
      "Set up your account",
    );
    expect(reply.status).toBe(400);
  });

  test("T-4: single use: the second call is told so, also after the clock moved", async () => {
    await wire.reset({ "token.singleUse": true });
    expect((await resolve(tokens.legacy)).json).toEqual(legacyAnswer);
    await wire.meterhouse.clock.advance("10m");
    expectError(
      await resolve(tokens.legacy),
      "ExpiredTokenException",
      "resolved at 2026-08-15T10:20:00Z",
      "single use",
      "Set up your account",
    );
    // Other tokens of the buyer are not touched.
    expect((await resolve(tokens.vault1)).status).toBe(200);
  });

  test("T-4: single use: of calls at the same time exactly one resolves", async () => {
    await wire.reset({ "token.singleUse": true });
    const replies = await Promise.all(Array.from({ length: 10 }, () => resolve(tokens.legacy)));
    expect(replies.filter((reply) => reply.status === 200)).toHaveLength(1);
    for (const reply of replies.filter((one) => one.status !== 200)) expectError(reply, "ExpiredTokenException");
  });

  test("T-4, B-92: single use: a call that failed before the commit did not use it; after it, it did", async () => {
    await wire.reset({ "token.singleUse": true });
    wire.meterhouse.plan({ kind: "error" });
    expectError(await resolve(tokens.legacy), "InternalServiceErrorException");
    expect((await resolve(tokens.legacy)).status).toBe(200);
    wire.meterhouse.plan({ kind: "error", phase: "after-commit" });
    expectError(await resolve(tokens.vault1), "InternalServiceErrorException");
    expectError(await resolve(tokens.vault1), "ExpiredTokenException");
  });

  test("T-4: single use: a refused call uses nothing up", async () => {
    await wire.reset({ "token.singleUse": true });
    expectError(await resolve(tokens.legacy, { key: "rival" }), "InvalidTokenException");
    expectError(await resolve(tokens.legacy, { region: "us-gov-west-1" }), "DisabledApiException");
    expectError(await resolve(encodeURIComponent(tokens.legacy)), "InvalidTokenException");
    expect((await resolve(tokens.legacy)).status).toBe(200);
  });

  test("T-7, C-20: the caller is the publishing account; another hears that the token is not for it", async () => {
    for (const [token, key, account] of [
      [tokens.legacy, "rival", sellers.rival],
      [tokens.rival, "seller", sellers.quayside],
      [tokens.legacy, "laptop", buyers.alder.account],
    ] as const) {
      const reply = await resolve(token, { key });
      expectError(reply, "InvalidTokenException", /^Registration token is invalid\./, account, "publishes the product");
    }
    // Nor does it hear whether the token has expired.
    await wire.reset({ "token.ttlSec": 1 });
    expectError(await resolve(tokens.legacy, { key: "rival" }), "InvalidTokenException");
  });

  test("S-6: an expired session and an expired token have one name and two texts", async () => {
    const session = await resolve(tokens.legacy, { key: "expired" });
    expectError(
      session,
      "ExpiredTokenException",
      /^The security token included in the request is expired/,
      "not about a registration token",
    );
    await wire.reset({ "token.ttlSec": 1 });
    const token = await resolve(tokens.legacy);
    expectError(token, "ExpiredTokenException", /^The submitted registration token has expired/);
  });

  test("T-8: the Region is the seller's choice, among those that offer it", async () => {
    for (const region of ["us-east-1", "eu-south-2", "ap-southeast-4", "cn-northwest-1"]) {
      // Where the product is enabled does not matter: that is about usage (L-2).
      expect((await resolve(tokens.legacy, { region })).json).toEqual(legacyAnswer);
    }
    for (const region of ["us-gov-east-1", "ca-west-1", "eusc-de-east-1"]) {
      expectError(
        await resolve(tokens.legacy, { region }),
        "DisabledApiException",
        `ResolveCustomer is not offered in ${region}`,
        "us-east-1",
      );
    }
    await wire.reset({ enforceRegions: false });
    expect((await resolve(tokens.legacy, { region: "us-gov-east-1" })).status).toBe(200);
  });

  test("T-13: a new visit, a new token; both resolve", async () => {
    const fresh = await wire.meterhouse.issueToken({ product: products.logs, customer: buyers.alder.account });
    expect(fresh).not.toBe(tokens.legacy);
    // T-1: made so that a wrong number of decodings shows.
    expect(fresh).toMatch(/\+.*\/.*=$|\/.*\+.*=$/);
    expect((await resolve(fresh)).json).toEqual(legacyAnswer);
    expect((await resolve(tokens.legacy)).json).toEqual(legacyAnswer);
    expectError(await resolve(encodeURIComponent(fresh)), "InvalidTokenException", "still URL-encoded");
    await wire.meterhouse.clock.advance("230m");
    expectError(await resolve(tokens.legacy), "ExpiredTokenException");
    expect((await resolve(fresh)).status).toBe(200);
  });

  test("T-9: what became of the subscription does not matter", async () => {
    const { marketplace } = wire.meterhouse;
    await marketplace.unsubscribeSuccess({ product: products.logs, customer: buyers.alder.account });
    await marketplace.suspendAccount({ account: buyers.alder.account });
    expect((await resolve(tokens.legacy)).json).toEqual(legacyAnswer);
  });
});
