/** What callers are set up with: Regions, clocks, keys, codes, forms of a timestamp. */
import { describe, expect, test } from "vitest";
import { clockDrift } from "../../../src/doctor/checks/clockDrift.ts";
import { hardCodedRegion } from "../../../src/doctor/checks/hardCodedRegion.ts";
import { isoTimestamps } from "../../../src/doctor/checks/isoTimestamps.ts";
import { productIdAsCode } from "../../../src/doctor/checks/productIdAsCode.ts";
import { rootKeys } from "../../../src/doctor/checks/rootKeys.ts";
import {
  lookAt,
  noon,
  observedBatch,
  observedEntitlements,
  observedMeter,
  observedRegister,
  sellerAccount,
  sellerCaller,
  untracedCall,
} from "../support.ts";

const minute = 60_000;
const times = (count: number) => Array.from({ length: count }, (_, index) => index);

describe("hard-coded-region", () => {
  const task = (session: string) => `arn:aws:sts::444455556666:assumed-role/gate/${session}`;

  test("RegisterUsage: tasks of one role are one finding", () => {
    const calls = ["a", "b"].map((session) =>
      observedRegister({ outcome: "InvalidRegionException", caller: task(session), region: "us-east-1" }),
    );
    expect(lookAt(hardCodedRegion, calls)).toMatchObject([
      {
        severity: "risk",
        count: 2,
        caller: "arn:aws:sts::444455556666:assumed-role/gate",
        evidence: calls.map(({ requestId }) => requestId),
        title: expect.stringContaining("us-east-1"),
      },
    ]);
  });

  test("MeterUsage", () => {
    const errorMessage = "The endpoint's Region us-east-1 is not the Region of the workload: i-0 runs in eu-west-1.";
    const call = observedMeter({ outcome: "InvalidEndpointRegionException", errorMessage });
    expect(lookAt(hardCodedRegion, [call])).toMatchObject([{ count: 1, rules: ["M-4"] }]);
  });

  test.each([
    ["accepted", observedRegister()],
    [
      "a Region that does not offer MeterUsage",
      observedMeter({
        outcome: "InvalidEndpointRegionException",
        errorMessage: "The endpoint's Region is not supported: MeterUsage is not offered in ap-south-2 for ecs-task.",
      }),
    ],
    ["another refusal", observedRegister({ outcome: "PlatformNotSupportedException" })],
  ])("nothing: %s", (_, call) => {
    expect(lookAt(hardCodedRegion, [call])).toEqual([]);
  });
});

describe("clock-drift", () => {
  const skewed = (skewMs: number) =>
    untracedCall({
      outcome: "InvalidSignatureException",
      errorMessage:
        skewMs < 0 ? "Signature expired: 1 is now earlier than 2" : "Signature not yet current: 2 is still later",
      skewMs,
    });

  test.each([
    [-(17 * minute + 30_000), "17 min 30 s behind"],
    [3 * 60 * minute + 2 * minute, "3 h 2 min ahead"],
  ])("signatures %i ms off", (skewMs, drift) => {
    const untraced = [skewed(skewMs - 1_000), skewed(skewMs), skewed(skewMs + 1_000)];
    expect(lookAt(clockDrift, [observedBatch()], {}, untraced)).toMatchObject([
      { severity: "risk", count: 3, caller: sellerCaller, title: expect.stringContaining(drift) },
    ]);
  });

  test.each([
    ["another reason", { ...skewed(20 * minute), errorMessage: "The request signature we calculated does not match" }],
    [
      "a date that could not be read",
      untracedCall({ outcome: "IncompleteSignatureException", errorMessage: "Date must be" }),
    ],
    ["no key", { ...skewed(20 * minute), accessKeyId: undefined }],
  ])("nothing: %s", (_, call) => {
    expect(lookAt(clockDrift, [], {}, [call])).toEqual([]);
  });

  const stamped = (count: number, lead: (index: number) => number) =>
    times(count).map((index) => {
      const at = noon + index * 60 * minute;
      return observedMeter({ at, records: [{ timestamp: at + lead(index) }] });
    });

  test("usage that is always stamped four minutes ahead", () => {
    const calls = stamped(6, (index) => 4 * minute + index * 1_000);
    expect(lookAt(clockDrift, calls)).toMatchObject([
      { severity: "risk", count: 6, title: expect.stringContaining("4 min 3 s ahead") },
    ]);
  });

  test.each([
    ["a correct clock", stamped(8, () => -40)],
    ["hours that are over", stamped(8, () => -70 * minute)],
    ["too few calls", stamped(4, () => 4 * minute)],
    ["no steady distance", stamped(8, (index) => (index + 1) * minute)],
    ["one call in time among others", stamped(8, (index) => (index === 5 ? 0 : 4 * minute))],
    ["the coming hour by its start", stamped(8, () => 30 * minute)],
    ["another time zone", stamped(8, () => 5 * 60 * minute + 7)],
  ])("nothing: %s", (_, calls) => {
    expect(lookAt(clockDrift, calls)).toEqual([]);
  });

  test("nothing: the full hour that is about to begin", () => {
    const calls = times(8).map((index) => {
      const full = Date.parse("2026-08-15T13:00:00Z") + index * 60 * minute;
      return observedMeter({ at: full - 5 * minute, records: [{ timestamp: full }] });
    });
    expect(lookAt(clockDrift, calls)).toEqual([]);
  });
});

describe("root-or-user-keys", () => {
  test("the root user's keys", () => {
    const caller = `arn:aws:iam::${sellerAccount}:root`;
    const calls = [observedBatch({ caller }), observedEntitlements({ caller })];
    expect(lookAt(rootKeys, calls)).toMatchObject([{ severity: "risk", caller, count: 2 }]);
  });

  test.each([
    sellerCaller,
    `arn:aws:iam::${sellerAccount}:user/root`,
    `arn:aws:sts::${sellerAccount}:assumed-role/root/root`,
    "AKIAMETERING00000001",
  ])("nothing: %s", (caller) => {
    expect(lookAt(rootKeys, [observedBatch({ caller })])).toEqual([]);
  });
});

describe("product-id-as-code", () => {
  const wrong = { productCode: "prod-abcdefghijklm", outcome: "InvalidProductCodeException" };

  test("refused with its records", () => {
    const calls = [observedBatch({ ...wrong, records: [{}, { quantity: 2 }] }), observedBatch(wrong)];
    expect(lookAt(productIdAsCode, calls)).toMatchObject([
      {
        severity: "risk",
        count: 2,
        productCode: wrong.productCode,
        title: expect.stringContaining("with 3 usage records"),
      },
    ]);
  });

  test("GetEntitlements", () => {
    expect(
      lookAt(productIdAsCode, [observedEntitlements({ ...wrong, outcome: "InvalidParameterException" })]),
    ).toHaveLength(1);
  });

  test("nothing: a code that is unknown, and an id that is refused for another reason", () => {
    const calls = [
      observedBatch({ ...wrong, productCode: "unknown0product0000000001" }),
      observedBatch({ ...wrong, outcome: "AccessDeniedException" }),
    ];
    expect(lookAt(productIdAsCode, calls)).toEqual([]);
  });
});

describe("iso-timestamps", () => {
  const refused = (errorMessage: string) => observedBatch({ outcome: "SerializationException", errorMessage });

  test("a text in the place of a timestamp", () => {
    const call = refused("STRING_VALUE cannot be converted to Timestamp (UsageRecords.1.member.Timestamp: got '2026')");
    expect(lookAt(isoTimestamps, [call])).toMatchObject([{ severity: "risk", count: 1, evidence: [call.requestId] }]);
  });

  test("nothing: other members, and other faults", () => {
    const calls = [
      refused("STRING_VALUE cannot be converted to Integer (UsageRecords.1.member.Quantity: got '3')"),
      refused("The body is not JSON"),
      observedBatch({ outcome: "TimestampOutOfBoundsException" }),
    ];
    expect(lookAt(isoTimestamps, calls)).toEqual([]);
  });
});
