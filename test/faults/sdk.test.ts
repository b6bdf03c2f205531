/** Each kind of fault as a user of the official JavaScript SDK meets it: error, attempts, and what the ledger holds (B-92). */
import * as sdk from "@aws-sdk/client-marketplace-metering";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { buyers, products, startAt, tokens } from "../support/catalog.ts";
import { startWire, type Wire } from "../support/wireClient.ts";
import { batch, failureOf, sdkClient, trailOf } from "./support.ts";

let wire: Wire;
let client: sdk.MarketplaceMeteringClient;
beforeAll(async () => {
  wire = await startWire();
  client = sdkClient(wire);
});
afterAll(() => wire.close());
beforeEach(() => wire.reset());

/** Sent once more without a fault, the record is the one that is there. */
async function expectOneRecord(answer: sdk.BatchMeterUsageCommandOutput): Promise<void> {
  const records = await wire.meterhouse.records();
  expect(records.map(({ meteringRecordId }) => meteringRecordId)).toEqual([answer.Results?.[0]?.MeteringRecordId]);
  const again = await client.send(batch());
  expect(again.Results).toMatchObject([{ Status: "Success", MeteringRecordId: records[0]?.meteringRecordId }]);
  expect(await wire.meterhouse.records()).toHaveLength(1);
}

describe("an answer that is lost after the commit: the SDK retries and one record is left", () => {
  test.each(["error", "cut"] as const)("%s", async (kind) => {
    wire.meterhouse.plan({ kind, phase: "after-commit", times: 2 });
    const answer = await client.send(batch());
    expect(answer.$metadata.attempts).toBe(3);
    expect(await trailOf(wire)).toEqual([`Success ${kind}/after-commit`, `Success ${kind}/after-commit`, "Success"]);
    await expectOneRecord(answer);
  });

  test.each(["error", "cut"] as const)("MeterUsage, %s: the token that the SDK made finds the record", async (kind) => {
    wire.meterhouse.plan({ kind, phase: "after-commit" });
    const usage = { ProductCode: products.agent, UsageDimension: "calls", UsageQuantity: 2 };
    const answer = await sdkClient(wire, "agent").send(
      new sdk.MeterUsageCommand({ ...usage, Timestamp: new Date(startAt) }),
    );
    expect(answer.$metadata.attempts).toBe(2);
    expect(await wire.meterhouse.records()).toMatchObject([{ meteringRecordId: answer.MeteringRecordId, quantity: 2 }]);
  });

  test.each(["error", "cut"] as const)(
    "%s on every attempt: an error for the user, one record in the ledger",
    async (kind) => {
      wire.meterhouse.plan({ kind, phase: "after-commit", untilRemoved: true });
      expect(await failureOf(client.send(batch()))).toMatchObject({ attempts: 3 });
      expect(await wire.meterhouse.records()).toHaveLength(1);
      expect(wire.meterhouse.plannedFaults()).toMatchObject([{ matched: 3, hits: 3 }]);
    },
  );
});

describe("before the commit nothing is kept", () => {
  test("cut: the connection is reset, the SDK retries", async () => {
    wire.meterhouse.plan({ kind: "cut", times: 3 });
    const failure = await failureOf(client.send(batch()));
    expect(failure).toMatchObject({ name: "TimeoutError", code: "ECONNRESET", attempts: 3, status: undefined });
    expect(await wire.meterhouse.records()).toEqual([]);
    expect(await trailOf(wire)).toEqual(Array(3).fill("ConnectionCut cut"));
    wire.meterhouse.plan({ kind: "cut" });
    const answer = await client.send(batch());
    expect(answer.$metadata.attempts).toBe(2);
    await expectOneRecord(answer);
  });

  test("error", async () => {
    wire.meterhouse.plan({ kind: "error", times: 3, status: 503 });
    const failure = await failureOf(client.send(batch()));
    expect(failure).toMatchObject({ name: "InternalServiceErrorException", attempts: 3, status: 503 });
    expect(await wire.meterhouse.records()).toEqual([]);
    expect(await trailOf(wire)).toEqual(Array(3).fill("InternalServiceErrorException error"));
  });

  test("throttle", async () => {
    wire.meterhouse.plan({ kind: "throttle", times: 1 });
    const answer = await client.send(batch());
    expect(answer.$metadata.attempts).toBe(2);
    expect(await trailOf(wire)).toEqual(["ThrottlingException throttle", "Success"]);
  });
});

describe("proxy-503", () => {
  test("once: retried by its status", async () => {
    wire.meterhouse.plan({ kind: "proxy-503" });
    const answer = await client.send(batch());
    expect(answer.$metadata.attempts).toBe(2);
    expect(await trailOf(wire)).toEqual(["ServiceUnavailable proxy-503", "Success"]);
    await expectOneRecord(answer);
  });

  test("W-39: on every attempt the SDK's error is a SyntaxError over the HTML", async () => {
    wire.meterhouse.plan({ kind: "proxy-503", times: 3 });
    const failure = await failureOf(client.send(batch()));
    expect(failure).toMatchObject({ name: "SyntaxError", attempts: 3, status: 503 });
    expect(failure.message).toContain("<html>");
    expect(await wire.meterhouse.records()).toEqual([]);
  });

  test("has nothing of AWS in it", async () => {
    wire.meterhouse.plan({ kind: "proxy-503" });
    const heads: Readonly<Record<string, string>>[] = [];
    const once = sdkClient(wire, "seller", { maxAttempts: 1 });
    once.middlewareStack.add(
      (next) => async (args) => {
        const result = await next(args);
        heads.push((result.response as { readonly headers: Readonly<Record<string, string>> }).headers);
        return result;
      },
      { step: "deserialize", priority: "low" },
    );
    expect(await failureOf(once.send(batch()))).toMatchObject({ status: 503, attempts: 1 });
    expect(heads).toHaveLength(1);
    expect(heads[0]?.["content-type"]).toBe("text/html");
    expect(Object.keys(heads[0] ?? {}).filter((name) => name.startsWith("x-amz"))).toEqual([]);
  });
});

describe("what takes its time", () => {
  test.each(["before-commit", "after-commit"] as const)("delay %s", async (phase) => {
    wire.meterhouse.plan({ kind: "delay", ms: 60, phase });
    const answer = await client.send(batch());
    expect(answer.$metadata.attempts).toBe(1);
    expect(await trailOf(wire)).toEqual([`Success delay/${phase}`]);
    await expectOneRecord(answer);
  });

  test("a delay beyond the client's timeout: the retry finds the record", async () => {
    wire.meterhouse.plan({ kind: "delay", ms: 600_000, phase: "after-commit" });
    const hasty = sdkClient(wire, "seller", { requestHandler: { requestTimeout: 400, throwOnRequestTimeout: true } });
    const answer = await hasty.send(batch());
    expect(answer.$metadata.attempts).toBeGreaterThan(1);
    await expectOneRecord(answer);
  });

  test("a slow body arrives whole", async () => {
    wire.meterhouse.plan({ kind: "slow-body", ms: 80, bytes: 10 });
    const answer = await client.send(batch());
    expect(answer).toMatchObject({ Results: [{ Status: "Success" }], UnprocessedRecords: [] });
    expect(answer.$metadata.attempts).toBe(1);
    expect(await trailOf(wire)).toEqual(["Success slow-body"]);
    await expectOneRecord(answer);
  });

  test("errors have slow bodies, too, and are marked", async () => {
    wire.meterhouse.plan({ kind: "slow-body", ms: 40 });
    const failure = await failureOf(client.send(batch({ Dimension: "nope" })));
    expect(failure).toMatchObject({ name: "InvalidUsageDimensionException", attempts: 1, status: 400 });
    expect(await trailOf(wire)).toEqual(["InvalidUsageDimensionException slow-body"]);
  });
});

describe("unprocessed", () => {
  test("by position, sent again as AWS asks", async () => {
    wire.meterhouse.plan({ kind: "unprocessed", records: [1] });
    const answer = await client.send(batch({}, [{ Dimension: "gb" }]));
    expect(answer).toMatchObject({ Results: [{ Status: "Success" }], UnprocessedRecords: [{ Dimension: "gb" }] });
    const rest = await client.send(
      new sdk.BatchMeterUsageCommand({ ProductCode: products.logs, UsageRecords: answer.UnprocessedRecords }),
    );
    expect(rest).toMatchObject({ Results: [{ Status: "Success" }], UnprocessedRecords: [] });
    expect(await wire.meterhouse.records()).toHaveLength(2);
    expect(await trailOf(wire)).toEqual(["Success unprocessed", "Success"]);
  });

  test("by a share of the records: the same seed leaves the same ones over", async () => {
    const rounds: (string | undefined)[][] = [];
    for (const _ of [1, 2]) {
      await wire.reset();
      wire.meterhouse.plan({ kind: "unprocessed", recordShare: 0.5, seed: 11 });
      const others = Array.from({ length: 9 }, (_unused, hour) => ({
        Dimension: "searches",
        Timestamp: new Date(Date.parse(startAt) - (hour + 1) * 3_600_000),
      }));
      const answer = await client.send(batch({}, others));
      rounds.push((answer.UnprocessedRecords ?? []).map(({ Timestamp }) => Timestamp?.toISOString()));
      expect((answer.Results?.length ?? 0) + (answer.UnprocessedRecords?.length ?? 0)).toBe(10);
    }
    expect(rounds[0]?.length).toBeGreaterThan(0);
    expect(rounds[0]?.length).toBeLessThan(10);
    expect(rounds[1]).toEqual(rounds[0]);
  });
});

describe("a share of the calls", () => {
  test("is reproducible", async () => {
    const once = sdkClient(wire, "seller", { maxAttempts: 1 });
    const round = async (seed: number): Promise<readonly boolean[]> => {
      await wire.reset();
      wire.meterhouse.plan({ kind: "error", share: 0.5, seed });
      const answered: boolean[] = [];
      for (let count = 0; count < 24; count += 1) {
        answered.push(
          await once.send(batch()).then(
            () => true,
            () => false,
          ),
        );
      }
      expect(wire.meterhouse.plannedFaults()).toMatchObject([
        { matched: 24, hits: answered.filter((one) => !one).length },
      ]);
      return answered;
    };
    const first = await round(5);
    expect(new Set(first).size).toBe(2);
    expect(await round(5)).toEqual(first);
    expect(await round(6)).not.toEqual(first);
  });
});

describe("what is used up", () => {
  test("a fault after the commit waits for a call that commits", async () => {
    wire.meterhouse.plan({ kind: "cut", phase: "after-commit" });
    expect(await failureOf(client.send(batch({ Dimension: "nope" })))).toMatchObject({
      name: "InvalidUsageDimensionException",
    });
    const unknown = { RegistrationToken: "nobodys" };
    await failureOf(client.send(new sdk.ResolveCustomerCommand(unknown)));
    expect(wire.meterhouse.plannedFaults()).toMatchObject([{ left: 1, hits: 0, matched: 2 }]);
    expect(await trailOf(wire)).toEqual(["InvalidUsageDimensionException", "InvalidTokenException"]);
    const resolved = await client.send(new sdk.ResolveCustomerCommand({ RegistrationToken: tokens.legacy }));
    expect(resolved).toMatchObject({ CustomerAWSAccountId: buyers.alder.account, $metadata: { attempts: 2 } });
    expect(wire.meterhouse.plannedFaults()).toEqual([]);
  });

  test("two faults that end the call hit one attempt after the other", async () => {
    wire.meterhouse.plan({ kind: "cut" });
    wire.meterhouse.plan({ kind: "delay", ms: 5 });
    wire.meterhouse.plan({ kind: "error" });
    const answer = await client.send(batch());
    expect(answer.$metadata.attempts).toBe(3);
    expect(await trailOf(wire)).toEqual(["ConnectionCut cut", "InternalServiceErrorException delay error", "Success"]);
  });

  test("strangers use none up", async () => {
    wire.meterhouse.plan({ kind: "proxy-503" });
    const stranger = sdkClient(wire, "seller", {
      credentials: { accessKeyId: "AKIANOBODY0000000000", secretAccessKey: "x" },
    });
    expect(await failureOf(stranger.send(batch()))).toMatchObject({ name: "UnrecognizedClientException" });
    expect(wire.meterhouse.plannedFaults()).toMatchObject([{ matched: 0, left: 1 }]);
    expect(await wire.meterhouse.cloudTrail()).toEqual([]);
  });
});
