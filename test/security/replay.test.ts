/** A signed request that somebody recorded: harmless while it counts, and refused when it comes back too late (S-4, S-25). */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buyers, products, startSec } from "../support/catalog.ts";
import { answersIn, rawExchange, startWire, type Wire, type WireCall, type WireReply } from "../support/wireClient.ts";

/** Of this server alone: the wall clock that signatures are held against. */
let skewMs = 0;
let wire: Wire;
beforeAll(async () => {
  wire = await startWire({ wallClock: () => Date.now() + skewMs });
});
afterAll(() => wire.close());

const record = { Timestamp: startSec, CustomerAWSAccountId: buyers.alder.account, Dimension: "searches", Quantity: 1 };
const batch = { ProductCode: products.logs, UsageRecords: [record] };
const call: WireCall = { request: batch, key: "sellerSession" };
const mismatch = "InvalidSignatureException";

async function sendBytes(bytes: Buffer): Promise<WireReply> {
  const { text } = await rawExchange(wire.meterhouse.endpoint, [bytes], { until: /\r\n\r\n\{.*\}$/s });
  const [reply] = answersIn(text);
  if (reply === undefined) throw new Error("no answer");
  return reply;
}

describe("a request that somebody recorded", () => {
  const later = async <T>(ms: number, body: () => Promise<T>): Promise<T> => {
    skewMs = ms;
    try {
      return await body();
    } finally {
      skewMs = 0;
    }
  };
  const minute = 60_000;

  test("within 15 minutes it is answered from the ledger; there is one record, as of a client that tries again", async () => {
    const bytes = wire.bytes(call);
    const first = await sendBytes(bytes);
    expect(first.status).toBe(200);
    for (const ms of [0, 5 * minute, 15 * minute - 5_000, -15 * minute + 5_000]) {
      const again = await later(ms, () => sendBytes(bytes));
      expect(again.json.Results).toEqual(first.json.Results);
    }
    expect(await wire.meterhouse.records()).toHaveLength(1);
    await wire.reset();
  });

  test("S-25, S-26: outside of them it is refused, writes nothing, and is refused for ever", async () => {
    const bytes = wire.bytes(call);
    for (const [ms, text] of [
      [15 * minute + 2_000, "Signature expired"],
      [3_600_000, "Signature expired"],
      [30 * 86_400_000, "Signature expired"],
      [-15 * minute - 2_000, "Signature not yet current"],
    ] as const) {
      const reply = await later(ms, () => sendBytes(bytes));
      expect([ms, reply.error]).toEqual([ms, mismatch]);
      expect(reply.message).toContain(text);
    }
    expect(await wire.meterhouse.records()).toEqual([]);
    expect(await wire.meterhouse.cloudTrail()).toEqual([]);
  });

  test("a presigned one ends when it says, sooner or later than 15 minutes", async () => {
    for (const [seconds, lives, dies] of [
      [60, 55_000, 62_000],
      [3_600, 3_590_000, 3_602_000],
    ] as const) {
      const empty = { ...call, request: { ...batch, UsageRecords: [] } };
      const bytes = wire.bytes({ ...empty, sign: { form: "query", expiresSeconds: seconds } });
      expect((await later(lives, () => sendBytes(bytes))).status).toBe(200);
      const reply = await later(dies, () => sendBytes(bytes));
      expect([reply.status, reply.error]).toEqual([400, mismatch]);
      expect(reply.message).toContain("Signature expired");
    }
  });

  test("the business clock opens no window: it may stand anywhere", async () => {
    const bytes = wire.bytes(call);
    await later(3_600_000, async () => {
      await wire.meterhouse.clock.set(new Date());
      expect((await sendBytes(bytes)).message).toContain("Signature expired");
    });
  });
});
