/** The ring of exact bodies: bounded in bytes, oldest out first, with a small share for strangers. */
import { describe, expect, test, vi } from "vitest";
import { createExchanges } from "../../src/protocol/exchanges.ts";
import type { WireAnswer, WireRequest } from "../../src/protocol/wire.ts";

function request(bytes: number): WireRequest {
  return {
    method: "POST",
    url: "/",
    rawHeaders: ["Host", "localhost", "AUTHORIZATION", "AWS4 secret", "X-Amz-Security-Token", "session secret"],
    body: Buffer.alloc(bytes, "a"),
    isTooLarge: false,
    remoteAddress: undefined,
  };
}

const fine: WireAnswer = { status: 200, headers: {}, body: "{}" };
const refused = (name: string): WireAnswer => ({ status: 400, headers: { "x-amzn-ErrorType": name }, body: "{}" });

describe("the ring", () => {
  test("stays under its bound, lets go of the oldest, and of what is larger than itself", () => {
    const exchanges = createExchanges(160_000);
    for (let n = 0; n < 100; n += 1) {
      exchanges.keep(`r${n}`, request(10_000), fine, true);
      expect(exchanges.bytes).toBeLessThanOrEqual(160_000);
    }
    expect(exchanges.find("r99")?.request.body).toHaveLength(10_000);
    expect(exchanges.find("r80")).toBeUndefined();
    exchanges.keep("huge", request(500_000), fine, true);
    expect(exchanges.find("huge")).toBeUndefined();
    expect(exchanges.find("r99")).toBeDefined();
    exchanges.clear();
    expect([exchanges.bytes, exchanges.find("r99")]).toEqual([0, undefined]);
  });

  test("is compressed behind the calls: what it holds is found before, meanwhile and after, byte for byte", async () => {
    const exchanges = createExchanges(1_600_000);
    const answer = (n: number): WireAnswer => ({ ...fine, headers: { n: String(n) }, body: `{"é€😀":${n}}` });
    const held = Array.from({ length: 300 }, (_, n) => n);
    const check = (): void => {
      for (const n of held) {
        const found = exchanges.find(`r${n}`);
        expect(found?.request.body).toBe(body(n).toString("utf8"));
        expect(found?.response).toEqual({ status: 200, headers: { n: String(n) }, body: answer(n).body });
      }
    };
    const body = (n: number): Buffer => Buffer.from(JSON.stringify({ n, text: "ü".repeat(1_000 + n) }));
    for (const n of held) exchanges.keep(`r${n}`, { ...request(0), body: body(n) }, answer(n), true);
    const before = exchanges.bytes;
    check();
    await vi.waitFor(() => expect(exchanges.bytes).toBeLessThan(before / 4), { timeout: 20_000, interval: 5 });
    check();
    // Memory of blocks that are compressed takes later entries.
    for (const n of held) exchanges.keep(`later${n}`, request(1_000), answer(-n), true);
    check();
    exchanges.keep("r7", request(3), answer(8), true);
    expect(exchanges.find("r7")?.response.headers).toEqual({ n: "8" });
    for (let n = 0; n < 3_000; n += 1) exchanges.keep(`last${n}`, request(1_000), fine, true);
    expect(exchanges.find("r8")).toBeUndefined();
    expect(exchanges.find("last2999")).toBeDefined();
    exchanges.clear();
    expect([exchanges.bytes, exchanges.find("last2999")]).toEqual([0, undefined]);
  });

  test("strangers push out strangers alone", () => {
    const exchanges = createExchanges(160_000);
    exchanges.keep("caller", request(10), fine, true);
    for (let n = 0; n < 100; n += 1)
      exchanges.keep(`s${n}`, request(1_000), refused("InvalidSignatureException"), false);
    expect(exchanges.find("caller")).toBeDefined();
    expect(exchanges.find("s99")).toBeDefined();
    expect(exchanges.find("s0")).toBeUndefined();
  });

  test("headers that are secrets are hidden, whatever their case", () => {
    const exchanges = createExchanges();
    exchanges.keep("one", request(1), fine, true);
    expect(JSON.stringify(exchanges.find("one"))).not.toContain('secret"');
    expect(exchanges.find("one")?.request.headers[0]).toEqual(["Host", "localhost"]);
  });

  test("what is in no trail is counted", () => {
    const exchanges = createExchanges();
    exchanges.keep("a", request(1), refused("InvalidSignatureException"), false);
    exchanges.keep("b", request(1), refused("ThrottlingException"), true);
    exchanges.keep("c", request(1), refused("ThrottlingException"), true);
    exchanges.keep("d", request(1), refused("ValidationException"), true);
    expect([...exchanges.withoutTrail]).toEqual([
      ["InvalidSignatureException", 1],
      ["ThrottlingException", 2],
    ]);
  });
});

test("what is kept comes back as it was, across the blocks that hold it", () => {
  const exchanges = createExchanges(200_000);
  const body = (n: number): Buffer => Buffer.from(`{"Dimension":"größe ${n} ${"é".repeat((n * 37) % 900)}"}`);
  const answer = (n: number): WireAnswer => ({
    status: 200 + (n % 2),
    headers: { "x-amzn-RequestId": `r${n}`, "Content-Type": "application/x-amz-json-1.1" },
    body: `{"Results":["\u{1f30a}${"x".repeat(n)}"]}`,
  });
  for (let n = 0; n < 300; n += 1) {
    exchanges.keep(`r${n}`, { ...request(0), url: `/?n=${n}`, body: body(n) }, answer(n), true);
    const oldest = Math.max(0, n - 30);
    for (const one of [n, oldest]) {
      expect(exchanges.find(`r${one}`)).toEqual({
        request: {
          method: "POST",
          url: `/?n=${one}`,
          headers: [
            ["Host", "localhost"],
            ["AUTHORIZATION", expect.any(String)],
            ["X-Amz-Security-Token", expect.any(String)],
          ],
          body: body(one).toString("utf8"),
        },
        response: answer(one),
      });
    }
  }
  expect(exchanges.find("r0")).toBeUndefined();
});
