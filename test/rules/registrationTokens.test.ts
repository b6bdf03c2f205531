import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { RegistrationToken } from "../../src/api/types.ts";
import { requireToken, type TokenFacts } from "../../src/rules/registrationTokens.ts";
import { buyerId, hourMs, now, product, productCode, refusal, rivalId, sellerId, settings } from "./facts.ts";
import { expectOrder } from "./workloadFacts.ts";

const token: RegistrationToken = {
  hash: "ab".repeat(32),
  productCode,
  buyerAccountId: buyerId,
  issuedAt: now - hourMs,
};
const facts: TokenFacts = {
  callerAccountId: sellerId,
  value: "dG9r+/ZW4=",
  token,
  mistake: undefined,
  product: product(),
};

function found(given: Partial<TokenFacts>, overrides: Parameters<typeof settings>[0] = {}, at = now) {
  return refusal(() => requireToken({ ...facts, ...given }, settings(overrides), at));
}

describe("whether a registration token resolves (D.1)", () => {
  test("T-3: it does, as often as it is asked within its life", () => {
    expect(requireToken({ ...facts, token: { ...token, resolvedAt: now - 1 } }, settings(), now)).toEqual({
      token: { ...token, resolvedAt: now - 1 },
      product: facts.product,
    });
  });

  test("T-5, T-7, T-4: unknown before another seller's, before expired", () => {
    const faults = [
      { rule: "T-5", error: "InvalidTokenException", spoil: () => ({ facts: { token: undefined } }) },
      { rule: "T-7", error: "InvalidTokenException", spoil: () => ({ facts: { callerAccountId: rivalId } }) },
      { rule: "T-2", error: "ExpiredTokenException", spoil: () => ({ facts: { token: { ...token, issuedAt: 0 } } }) },
    ];
    expectOrder({}, facts, faults, (_, given) => found(given)?.name);
  });

  test("T-5, C-2: the text that AWS gives comes first; help follows, and no word about AWS credentials being wrong", () => {
    for (const given of [
      { token: undefined },
      { token: undefined, mistake: "not decoded" as const },
      { product: undefined },
    ]) {
      const refused = found(given);
      expect(refused?.name).toBe("InvalidTokenException");
      expect(refused?.message).toMatch(/^Registration token is invalid/);
    }
    for (const mistake of ["not decoded", "decoded twice"] as const) {
      expect(found({ token: undefined, mistake })?.message).toContain("exactly once"); // T-1
    }
    expect(found({ token: undefined })?.message).toContain("not about your AWS credentials");
  });

  test("T-7, C-20: another seller learns nothing about whose token it is", () => {
    const refused = found({ callerAccountId: rivalId });
    expect(refused?.name).toBe("InvalidTokenException");
    expect(refused?.message).not.toContain(sellerId);
    expect(refused?.message).not.toContain(productCode);
    // Not even that it was one that is over.
    expect(found({ callerAccountId: rivalId, token: { ...token, issuedAt: 0 } })?.name).toBe("InvalidTokenException");
  });

  test("T-2, T-4: it lives for token.ttlSec, to the millisecond", () => {
    const ttl = fc.oneof(fc.integer({ min: 1, max: 31_536_000 }), fc.constantFrom(14_400, 0.5));
    fc.assert(
      fc.property(ttl, fc.integer({ min: -3, max: 3 }), (seconds, off) => {
        const at = token.issuedAt + Math.ceil(seconds * 1_000) + off;
        const name = found({}, { "token.ttlSec": seconds }, at)?.name;
        expect(name).toBe(at - token.issuedAt >= seconds * 1_000 ? "ExpiredTokenException" : undefined);
      }),
    );
    expect(found({}, {}, token.issuedAt + 4 * hourMs - 1)).toBeUndefined();
    expect(found({}, {}, token.issuedAt + 4 * hourMs)?.name).toBe("ExpiredTokenException");
  });

  test("T-4, J-31: with token.singleUse the second resolution finds it expired", () => {
    const once = { "token.singleUse": true } as const;
    expect(found({}, once)).toBeUndefined();
    const again = found({ token: { ...token, resolvedAt: now - 60_000 } }, once);
    expect(again?.name).toBe("ExpiredTokenException");
    expect(again?.message).toContain("single use");
  });
});
