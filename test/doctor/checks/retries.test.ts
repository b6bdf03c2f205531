/** Retry storms and loops: what an SDK does by itself, and what is more than that. */
import { describe, expect, test } from "vitest";
import { entitlementLoop } from "../../../src/doctor/checks/entitlementLoop.ts";
import { retryStorm } from "../../../src/doctor/checks/retryStorm.ts";
import {
  lookAt,
  noon,
  observedBatch,
  observedEntitlements,
  observedMeter,
  observedRegister,
  observedResolve,
  sellerCaller,
  untracedCall,
} from "../support.ts";

const times = (count: number) => Array.from({ length: count }, (_, index) => index);
const second = 1_000;

describe("retry-storm", () => {
  const throttled = (count: number, apartMs: number, more: Parameters<typeof untracedCall>[0] = {}) =>
    times(count).map((index) => untracedCall({ ...more, at: noon + index * apartMs }));

  test("one throttled call became 12 requests: four rounds of an SDK's three attempts", () => {
    const untraced = throttled(12, 2 * second);
    const [finding, ...others] = lookAt(retryStorm, [observedBatch()], {}, untraced);
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ severity: "risk", count: 1, caller: sellerCaller });
    expect(finding?.title).toContain("BatchMeterUsage request was refused with ThrottlingException 12 times");
    expect(finding?.evidence).toEqual(untraced.slice(0, 10).map(({ requestId }) => requestId));
  });

  test.each([
    ["five attempts of boto3's legacy mode", throttled(5, 3 * second)],
    ["two rounds of JavaScript's three attempts", throttled(6, second)],
    [
      "back-off outside the SDK, over half an hour",
      times(20).flatMap((round) => throttled(1, 0).map((call) => ({ ...call, at: noon + round * 90 * second }))),
    ],
    ["other requests, each once", times(12).map((index) => untracedCall({ bodyHash: String(index).repeat(8) }))],
    ["the same request by other keys", times(12).map((index) => untracedCall({ accessKeyId: `AKIA${index}` }))],
    ["unsigned noise", throttled(12, second, { outcome: "MissingAuthenticationTokenException" })],
    ["a look-up of entitlements, which is the loop's", throttled(12, second, { operation: "GetEntitlements" })],
  ])("nothing: %s", (_, untraced) => {
    expect(lookAt(retryStorm, [], {}, untraced)).toEqual([]);
  });

  test("CloudTrail's files have throttled and failed calls with their records", () => {
    const record = { quantity: 3, timestamp: noon - 3_600_000 };
    const calls = times(9).map((index) =>
      observedBatch({ at: noon + index * second, outcome: "InternalServiceErrorException", records: [record] }),
    );
    expect(lookAt(retryStorm, calls)).toMatchObject([{ count: 1, productCode: calls[0]?.productCode }]);
    const others = calls.map((call, quantity) => ({
      ...call,
      records: call.records.map((one) => ({ ...one, quantity })),
    }));
    expect(lookAt(retryStorm, others)).toEqual([]);
  });

  test("each retry outside an SDK has a ClientToken of its own", () => {
    const calls = times(9).map((index) =>
      observedMeter({
        at: noon + index * second,
        outcome: "ThrottlingException",
        records: [{ timestamp: noon }],
        request: { ClientToken: `token-${index}` },
      }),
    );
    expect(lookAt(retryStorm, calls)).toHaveLength(1);
  });

  test("nothing where CloudTrail kept nothing of the requests", () => {
    const calls = times(20).map((index) =>
      observedBatch({ at: noon + index, outcome: "ThrottlingException", records: [] }),
    );
    expect(lookAt(retryStorm, calls)).toEqual([]);
  });

  test("tasks that start at once are callers of their own", () => {
    const calls = times(12).map((index) =>
      observedRegister({
        outcome: "ThrottlingException",
        caller: `arn:aws:sts::444455556666:assumed-role/task/${index}`,
        request: { PublicKeyVersion: 1 },
      }),
    );
    expect(lookAt(retryStorm, calls)).toEqual([]);
  });

  test("two storms of a caller are one finding", () => {
    const untraced = [...throttled(8, second), ...throttled(10, second, { bodyHash: "f".repeat(64) })];
    expect(lookAt(retryStorm, [], {}, untraced)).toMatchObject([
      { count: 2, title: expect.stringContaining("10 times within a minute") },
    ]);
  });
});

describe("entitlement-loop", () => {
  const filter = { Filter: { CUSTOMER_AWS_ACCOUNT_ID: ["444455556666"] } };

  test("the same question 20 times within a minute", () => {
    const calls = times(20).map((index) => observedEntitlements({ at: noon + index * second, request: filter }));
    expect(lookAt(entitlementLoop, calls)).toMatchObject([{ severity: "advice", count: 1 }]);
  });

  test("throttled as well: a risk", () => {
    const calls = times(25).map((index) => observedEntitlements({ at: noon + index, request: filter }));
    const untraced = [untracedCall({ operation: "GetEntitlements" })];
    expect(lookAt(entitlementLoop, calls, {}, untraced)).toMatchObject([
      { severity: "risk", title: expect.stringContaining("1 call of the caller was throttled") },
    ]);
  });

  test("ResolveCustomer of one token", () => {
    const calls = times(20).map((index) =>
      observedResolve({ at: noon + index, request: { TokenFingerprint: "ab12" } }),
    );
    expect(lookAt(entitlementLoop, calls)).toMatchObject([{ title: expect.stringContaining("ResolveCustomer") }]);
  });

  test.each([
    ["19 times", times(19).map((index) => observedEntitlements({ at: noon + index, request: filter }))],
    [
      "every buyer once",
      times(50).map((index) =>
        observedEntitlements({ at: noon + index, request: { Filter: { CUSTOMER_AWS_ACCOUNT_ID: [`${index}`] } } }),
      ),
    ],
    [
      "pages",
      times(50).map((index) => observedEntitlements({ at: noon + index, request: { ...filter, NextToken: "n" } })),
    ],
    [
      "every five seconds",
      times(50).map((index) => observedEntitlements({ at: noon + index * 5 * second, request: filter })),
    ],
    [
      "50 buyers who register",
      times(50).map((index) => observedResolve({ at: noon + index, request: { TokenFingerprint: `${index}` } })),
    ],
  ])("nothing: %s", (_, calls) => {
    expect(lookAt(entitlementLoop, calls)).toEqual([]);
  });
});
