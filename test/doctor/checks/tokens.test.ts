/** Registration tokens: resolved late, twice, or not decoded once. */
import { describe, expect, test } from "vitest";
import { settingsSchema } from "../../../src/api/settings.ts";
import { tokenDoublyEncoded } from "../../../src/doctor/checks/tokenDoublyEncoded.ts";
import { tokenResolvedLate } from "../../../src/doctor/checks/tokenResolvedLate.ts";
import { tokenResolvedTwice } from "../../../src/doctor/checks/tokenResolvedTwice.ts";
import { alreadyResolved, requireToken, type TokenMistake } from "../../../src/rules/registrationTokens.ts";
import { buyerAccount, hour, lookAt, noon, observedResolve, productCode, sellerCaller } from "../support.ts";

const minute = 60_000;
const settings = settingsSchema.parse({});

/** What the service itself says of such a token. */
function messageOf(mistake: TokenMistake | undefined): string {
  try {
    requireToken({ callerAccountId: "1", value: "x", token: undefined, mistake, product: undefined }, settings, noon);
  } catch (error) {
    if (error instanceof Error) return error.message;
  }
  return expect.fail("no error");
}

describe("token-resolved-late", () => {
  const token = (ageMs: number) => ({
    productCode,
    buyerAccountId: buyerAccount,
    issuedAt: noon - ageMs,
    resolvedAt: noon,
  });

  test("resolved three hours after it was issued", () => {
    const call = observedResolve();
    expect(lookAt(tokenResolvedLate, [call], { tokens: [token(3 * hour + 5 * minute)] })).toMatchObject([
      {
        severity: "risk",
        productCode,
        caller: sellerCaller,
        count: 1,
        evidence: [call.requestId],
        title: expect.stringContaining("3 h 5 min"),
      },
    ]);
  });

  test.each([
    ["at once", [token(20_000)]],
    ["after exactly an hour", [token(hour)]],
    ["another buyer's was late", [{ ...token(3 * hour), buyerAccountId: "999988887777" }]],
    ["never resolved", [{ productCode, buyerAccountId: buyerAccount, issuedAt: 0 }]],
    ["not known", []],
  ])("nothing: %s", (_, tokens) => {
    expect(lookAt(tokenResolvedLate, [observedResolve()], { tokens })).toEqual([]);
  });

  const expired = "The submitted registration token has expired: it was issued at 2026-08-15T06:00:00Z";
  test("expired", () => {
    const { productCode: _, ...call } = observedResolve({ outcome: "ExpiredTokenException", errorMessage: expired });
    expect(lookAt(tokenResolvedLate, [call])).toMatchObject([{ severity: "risk", evidence: [call.requestId] }]);
  });

  test.each([
    ["an expired session", "The security token included in the request is expired"],
    ["a token of single use", alreadyResolved(noon).message],
  ])("nothing: %s", (_, errorMessage) => {
    expect(lookAt(tokenResolvedLate, [observedResolve({ outcome: "ExpiredTokenException", errorMessage })])).toEqual(
      [],
    );
  });
});

describe("token-resolved-twice", () => {
  const resolve = (fingerprint: string, at: number) =>
    observedResolve({ at, request: { TokenFingerprint: fingerprint } });

  test("the same token, hours apart", () => {
    const calls = [resolve("aa", noon), resolve("bb", noon + minute), resolve("aa", noon + 3 * hour)];
    expect(lookAt(tokenResolvedTwice, calls)).toMatchObject([
      { severity: "risk", count: 1, evidence: [calls[0]?.requestId, calls[2]?.requestId] },
    ]);
  });

  test("refused where tokens are for single use", () => {
    const call = observedResolve({ outcome: "ExpiredTokenException", errorMessage: alreadyResolved(noon).message });
    expect(lookAt(tokenResolvedTwice, [call])).toMatchObject([{ severity: "risk", count: 1 }]);
  });

  test.each([
    ["an SDK's retry of a call whose answer was lost", [resolve("aa", noon), resolve("aa", noon + 20_000)]],
    ["a buyer who comes back with a new token", [resolve("aa", noon), resolve("bb", noon + 5 * minute)]],
  ])("nothing: %s", (_, calls) => {
    expect(lookAt(tokenResolvedTwice, calls)).toEqual([]);
  });

  describe("of CloudTrail's files, which have nothing of a token", () => {
    test("the same buyer again within minutes: no more than advice", () => {
      const calls = [observedResolve({ at: noon }), observedResolve({ at: noon + 4 * minute })];
      expect(lookAt(tokenResolvedTwice, calls)).toMatchObject([{ severity: "advice", count: 1 }]);
    });

    test.each([
      ["another buyer", { resolved: { accountId: "999988887777" } }],
      [
        "another agreement",
        { resolved: { accountId: buyerAccount, licenseArn: "arn:aws:license-manager::1:license:l-2" } },
      ],
      ["another product", { productCode: "another0product0000000001" }],
      ["another caller", { caller: `${sellerCaller}-2` }],
      ["half an hour later", { at: noon + 30 * minute }],
      ["at once, as retries come", { at: noon + 10_000 }],
    ])("nothing: %s", (_, other) => {
      const calls = [observedResolve({ at: noon }), observedResolve({ at: noon + 4 * minute, ...other })];
      expect(lookAt(tokenResolvedTwice, calls)).toEqual([]);
    });
  });
});

describe("token-doubly-encoded", () => {
  const refused = (errorMessage: string) => observedResolve({ outcome: "InvalidTokenException", errorMessage });

  test.each<[TokenMistake, string]>([
    ["not decoded", "still URL-encoded"],
    ["decoded twice", "URL-decoded twice"],
  ])("%s", (mistake, title) => {
    const calls = [refused(messageOf(mistake)), refused(messageOf(mistake))];
    expect(lookAt(tokenDoublyEncoded, calls)).toMatchObject([
      { severity: "risk", count: 2, caller: sellerCaller, title: expect.stringContaining(title) },
    ]);
  });

  test("nothing of tokens that are unknown, or of another seller, or of AWS's own words", () => {
    const calls = [
      messageOf(undefined),
      "Registration token is invalid",
      "Registration token is invalid. It is not for a product of account 1.",
    ];
    expect(lookAt(tokenDoublyEncoded, calls.map(refused))).toEqual([]);
  });
});
