/** MeterUsage over the wire: how it is written, what its members may hold, and what it does (SPEC C.1, F). */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { SettingsInput } from "../../src/api/settings.ts";
import type { Revision } from "../../src/api/types.ts";
import { buyers, type KeyName, launchedAt, logsEntityId, products, startSec } from "../support/catalog.ts";
import { constraintPath, membersOf, refusedValues, typePath, withValue, wrongValues } from "../support/shapes.ts";
import { expectError, startWire, uuid4, type Wire, type WireCall, type WireReply } from "../support/wireClient.ts";

let wire: Wire;
beforeAll(async () => {
  wire = await startWire();
});
afterAll(() => wire.close());
beforeEach(() => wire.reset());

const revisions: readonly Revision[] = ["2026", "2024", "2021"];
const hour = 3_600;

type Fields = Readonly<Record<string, unknown>>;
const usage = (fields: Fields = {}): Fields => ({
  ProductCode: products.ami,
  Timestamp: startSec,
  UsageDimension: "hosts",
  UsageQuantity: 1,
  ...fields,
});
const ofContainer = (fields: Fields = {}): Fields =>
  usage({ ProductCode: products.container, UsageDimension: "vcpu", ...fields });
const ofAgent = (fields: Fields = {}): Fields =>
  usage({ ProductCode: products.agent, UsageDimension: "calls", ClientToken: "t-1", ...fields });

const meter = (request: unknown, call: WireCall = {}): Promise<WireReply> =>
  wire.call({ operation: "MeterUsage", key: "ec2", request, ...call });
const byTask = (request: unknown, call: WireCall = {}): Promise<WireReply> => meter(request, { key: "ecs", ...call });
const byAgent = (request: unknown, call: WireCall = {}): Promise<WireReply> =>
  meter(request, { key: "agent", ...call });

/** Expects success and returns the id. */
async function idOf(reply: Promise<WireReply>): Promise<string> {
  const { status, text, json } = await reply;
  expect(status, text).toBe(200);
  return String(json.MeteringRecordId);
}
const stored = async (): Promise<number> => (await wire.meterhouse.records()).length;
const seconds = (iso: string): number => Date.parse(iso) / 1_000;

describe("serialisation", () => {
  test("W-30, W-32: the answer is the record's id, alone", async () => {
    const reply = await meter(usage());
    expect(reply.json).toEqual({ MeteringRecordId: expect.stringMatching(uuid4) });
    expect(await wire.meterhouse.records()).toMatchObject([
      {
        meteringRecordId: reply.json.MeteringRecordId,
        path: "resource",
        productCode: products.ami,
        accountId: buyers.alder.account,
        resource: "i-0aaaaaaaaaaaaaaa1",
        dimension: "hosts",
        quantity: 1,
        region: "us-east-1",
        timestampAt: startSec * 1_000,
        requestId: reply.headers["x-amzn-requestid"],
      },
    ]);
  });

  test("M-8: an absent or null UsageQuantity is zero, DryRun false", async () => {
    const { UsageQuantity: _, ...absent } = usage();
    const id = await idOf(meter({ ...absent, DryRun: null, UsageAllocations: null, ClientToken: null }));
    expect(await idOf(meter(usage({ UsageQuantity: 0, DryRun: false })))).toBe(id);
    expect(await wire.meterhouse.records()).toMatchObject([{ quantity: 0 }]);
  });

  describe.each(revisions)("W-56: wrong types, revision %s", (revision) => {
    const request = usage({ UsageAllocations: [{ AllocatedUsageQuantity: 1, Tags: [{ Key: "a", Value: "b" }] }] });
    test.each(membersOf("MeterUsage", revision).map((member) => [typePath(member.path), member] as const))(
      "%s",
      async (path, member) => {
        await wire.reset({ revision });
        for (const [value, words] of wrongValues(member.shape)) {
          expectError(await meter(withValue(request, member.path, value)), "SerializationException", words, path);
        }
      },
    );
  });
});

describe("validation", () => {
  describe.each(revisions)("W-58, C.1: constraints, revision %s", (revision) => {
    const request = usage({ UsageAllocations: [{ AllocatedUsageQuantity: 1, Tags: [{ Key: "a", Value: "b" }] }] });

    test("the whole request passes", async () => {
      await wire.reset({ revision });
      await idOf(meter(request));
    });

    test.each(membersOf("MeterUsage", revision).map((member) => [typePath(member.path), member] as const))(
      "%s",
      async (_, member) => {
        await wire.reset({ revision });
        for (const [value, words] of refusedValues(member.shape)) {
          const reply = await meter(withValue(request, member.path, value));
          if (member.raises === undefined)
            expectError(reply, "ValidationException", words, `at '${constraintPath(member.path)}'`);
          else expectError(reply, member.raises, typePath(member.path.slice(0, -1)));
        }
        for (const nothing of [undefined, null]) {
          if (!member.isRequired) continue;
          const reply = await meter(withValue(request, member.path, nothing));
          if (member.raises === undefined)
            expectError(reply, "ValidationException", `Value null at '${constraintPath(member.path)}'`);
          else expectError(reply, member.raises, "is missing");
        }
        expect(await stored()).toBe(0);
      },
    );
  });

  test("C.1: which members each revision knows and requires", () => {
    const table = (revision: Revision) =>
      Object.fromEntries(
        membersOf("MeterUsage", revision)
          .filter((member) => member.path.length === 1)
          .map((member) => [typePath(member.path), member.isRequired]),
      );
    const common = {
      ProductCode: true,
      Timestamp: true,
      UsageDimension: true,
      UsageQuantity: false,
      DryRun: false,
      UsageAllocations: false,
    };
    expect(table("2021")).toEqual(common);
    expect(table("2024")).toEqual(common);
    expect(table("2026")).toEqual({ ...common, ClientToken: false });
  });

  test("C.1: older revisions ignore ClientToken, whatever it holds", async () => {
    for (const revision of ["2021", "2024"] as const) {
      await wire.reset({ revision });
      const id = await idOf(meter(usage({ ClientToken: 17 })));
      expect(await idOf(meter(usage({ ClientToken: "x".repeat(65) })))).toBe(id);
      expectError(await meter(usage({ ClientToken: "t", UsageQuantity: 2 })), "DuplicateRequestException");
      expect((await wire.meterhouse.records())[0]).not.toHaveProperty("clientToken");
    }
  });

  test("M-33: tokens of 1 to 64 characters, with case", async () => {
    expectError(
      await meter(usage({ ClientToken: "" })),
      "ValidationException",
      "'clientToken'",
      "greater than or equal to 1",
    );
    expectError(
      await meter(usage({ ClientToken: "x".repeat(65) })),
      "ValidationException",
      "'clientToken'",
      "less than or equal to 64",
    );
    await idOf(meter(usage({ ClientToken: "x".repeat(64) })));
    await idOf(byAgent(ofAgent({ ClientToken: "case" })));
    await idOf(byAgent(ofAgent({ ClientToken: "CASE", UsageQuantity: 2 })));
    expect(await stored()).toBe(3);
  });

  test("B-77, J-22: too many allocations, by revision", async () => {
    const parts = (count: number) =>
      usage({
        UsageQuantity: count,
        UsageAllocations: Array.from({ length: count }, (_, index) => ({
          AllocatedUsageQuantity: 1,
          Tags: [{ Key: "k", Value: `${index}` }],
        })),
      });
    for (const [revision, max, error] of [
      ["2026", 2_500, "ValidationException"],
      ["2024", 2_500, "ValidationException"],
      ["2021", 500, "InvalidUsageAllocationsException"],
    ] as const) {
      await wire.reset({ revision });
      expectError(await meter(parts(max + 1)), error, String(max));
      await idOf(meter(parts(max)));
    }
  });

  test("B-70 to B-75: tags and allocations as in a batch, placed without an index", async () => {
    const split = (UsageAllocations: unknown) => meter(usage({ UsageAllocations }));
    const tags = (...keys: readonly string[]) => [
      { AllocatedUsageQuantity: 1, Tags: keys.map((Key) => ({ Key, Value: "v" })) },
    ];
    expectError(
      await split([{ AllocatedUsageQuantity: 2 }]),
      "InvalidUsageAllocationsException",
      "(UsageAllocations)",
      "add up to 2",
      "is 1",
    );
    expectError(await split(tags("a>b")), "InvalidTagException", "(UsageAllocations[0].Tags[0])", "the character '>'");
    expectError(await split(tags("a", "a")), "InvalidTagException", "(UsageAllocations[0].Tags[1])", "there twice");
    expectError(await split(tags("a", "b", "c", "d", "e", "f")), "InvalidTagException", "6 tags");
    expectError(await split(tags()), "ValidationException", "'usageAllocations.1.member.tags'");
    expectError(await split([]), "ValidationException", "'usageAllocations'");
    expectError(
      await split([{ AllocatedUsageQuantity: 1 }, { AllocatedUsageQuantity: 0 }]),
      "InvalidUsageAllocationsException",
      "no tags",
    );
    const { UsageQuantity: _, ...absent } = usage({ UsageAllocations: [{ AllocatedUsageQuantity: 1 }] });
    expectError(await meter(absent), "InvalidUsageAllocationsException", "is 0");
    expect(await stored()).toBe(0);
  });
});

describe("behaviour: who may meter what", () => {
  const requests: Readonly<Record<string, Fields>> = {
    "ami-fcp": usage(),
    "container-fcp": ofContainer(),
    "agentcore-fcp": ofAgent(),
  };
  const platforms: readonly (readonly [KeyName, string, string])[] = [
    ["ec2", "ami-fcp", "an EC2 instance role"],
    ["ecs", "container-fcp", "an ECS task role"],
    ["eks", "container-fcp", "an EKS pod's IAM role"],
    ["agent", "agentcore-fcp", "an AgentCore execution role"],
    ["podIdentity", "none", "EKS Pod Identity"],
    ["laptop", "none", "long-term keys of an IAM user"],
    ["role", "none", "a role session outside of a workload"],
  ];
  test.each(platforms)("M-1, M-2: key %s meters products of type %s only", async (key, type, name) => {
    for (const [each, request] of Object.entries(requests)) {
      const withToken = { ...request, ClientToken: `${key}-${each}` };
      const reply = await meter(withToken, { key });
      if (each === type) expect(reply.status, reply.text).toBe(200);
      else
        expectError(
          reply,
          "CustomerNotEntitledException",
          name,
          each,
          "Let the SDK find the workload's own credentials",
        );
    }
    expect(await stored()).toBe(type === "none" ? 0 : 1);
  });

  test.each([
    ["saas-subscription", products.logs, "BatchMeterUsage"],
    ["saas-contract", products.contract, "GetEntitlements"],
    ["saas-contract-with-consumption", products.consumption, "BatchMeterUsage"],
    ["ami-hourly", products.amiHourly, "metered by AWS itself"],
    ["container-hourly", products.containerHourly, "RegisterUsage"],
    ["container-byol", products.byol, "RegisterUsage"],
  ])("C-10 to C-19: products of type %s are not metered so", async (type, ProductCode, words) => {
    expectError(
      await meter(usage({ ProductCode })),
      "InvalidProductCodeException",
      ProductCode,
      "MeterUsage",
      type === "saas-contract" ? "" : type,
      words,
    );
  });

  test("K-9, B-18: codes that are none", async () => {
    expectError(
      await meter(usage({ ProductCode: "nothing" })),
      "InvalidProductCodeException",
      "'nothing'",
      "no product has this code",
    );
    expectError(await meter(usage({ ProductCode: logsEntityId })), "InvalidProductCodeException", "catalogue id");
    expectError(await meter(usage({ ProductCode: "" })), "InvalidProductCodeException", "''");
  });

  test("M-4: the endpoint's Region is the workload's", async () => {
    const reply = await meter(usage(), { region: "eu-west-1" });
    expectError(
      reply,
      "InvalidEndpointRegionException",
      "eu-west-1",
      "i-0aaaaaaaaaaaaaaa1 runs in us-east-1",
      "metadata",
    );
    expectError(await meter(usage(), { key: "ec2Ireland" }), "InvalidEndpointRegionException", "runs in eu-west-1");
    await idOf(meter(usage(), { key: "ec2Ireland", region: "eu-west-1" }));
    // enforceRegions skips the lists, not the workload's own Region.
    await wire.reset({ enforceRegions: false });
    expectError(await meter(usage(), { region: "eu-west-1" }), "InvalidEndpointRegionException");
  });

  test("L-1, L-5, M-51: GovCloud has AMIs only; MeterUsage has no DisabledApiException", async () => {
    await idOf(meter(usage(), { key: "ec2GovCloud", region: "us-gov-west-1" }));
    const task = await byTask(ofContainer(), { key: "ecsGovCloud", region: "us-gov-west-1" });
    expectError(task, "InvalidEndpointRegionException", "not offered in us-gov-west-1 for ecs-task", "us-east-1");
    for (const region of ["cn-northwest-1", "ca-west-1", "eusc-de-east-1"]) {
      expectError(await meter(usage(), { region }), "InvalidEndpointRegionException", `not offered in ${region}`);
    }
    await wire.reset({ enforceRegions: false });
    await idOf(byTask(ofContainer(), { key: "ecsGovCloud", region: "us-gov-west-1" }));
  });

  test("J-21: ECS in eu-central-2, by revision; EKS never", async () => {
    const zurich = { region: "eu-central-2" };
    expectError(
      await byTask(ofContainer(), { ...zurich, key: "ecsZurich" }),
      "InvalidEndpointRegionException",
      "for ecs-task",
    );
    for (const revision of ["2024", "2021"] as const) {
      await wire.reset({ revision });
      await idOf(byTask(ofContainer(), { ...zurich, key: "ecsZurich" }));
      expectError(
        await byTask(ofContainer(), { ...zurich, key: "eksZurich" }),
        "InvalidEndpointRegionException",
        "for eks-irsa",
      );
    }
  });

  test("M-6: an instance without a subscription, and one of a suspended account", async () => {
    const none = await meter(usage(), { key: "ec2Hazel" });
    expectError(none, "CustomerNotEntitledException", buyers.hazel.account, products.ami, "no agreement", "Subscribe");
    const suspended = await meter(usage(), { key: "ec2Dogwood" });
    expectError(suspended, "CustomerNotEntitledException", buyers.dogwood.account, "suspended");
    expect(suspended.message).not.toContain("Subscribe the account");
    expect(await stored()).toBe(0);
  });

  test("M-6: an instance is asked each time; a task only the first time", async () => {
    const { marketplace, clock } = wire.meterhouse;
    await idOf(meter(usage()));
    await idOf(byTask(ofContainer()));
    for (const product of [products.ami, products.container]) {
      await marketplace.unsubscribeSuccess({ product, customer: buyers.alder.account });
    }
    await clock.advance("1h");
    const later = { Timestamp: startSec + hour };
    expectError(await meter(usage(later)), "CustomerNotEntitledException");
    await idOf(byTask(ofContainer(later)));
    // M-6, last part: parameters of the running task are still looked at.
    expectError(await byTask(ofContainer({ ...later, UsageDimension: "nope" })), "InvalidUsageDimensionException");
    expectError(await byTask(ofContainer({ Timestamp: startSec - 6 * hour })), "TimestampOutOfBoundsException");
    // Another task of the same image starts anew.
    expectError(await byTask(ofContainer(later), { key: "ecsOther" }), "CustomerNotEntitledException");
    expect(await stored()).toBe(3);
  });

  test("M-6: a pod is asked the first time only, too, and a suspension does not stop it", async () => {
    await idOf(meter(ofContainer(), { key: "eks" }));
    await wire.meterhouse.marketplace.suspendAccount({ account: buyers.alder.account });
    await idOf(meter(ofContainer({ UsageDimension: "gb" }), { key: "eks" }));
    expectError(await byTask(ofContainer()), "CustomerNotEntitledException", "suspended");
  });

  test("M-6, M-43: a first call that failed, or a dry run, is no first call", async () => {
    const { marketplace } = wire.meterhouse;
    expectError(await byTask(ofContainer({ UsageDimension: "nope" })), "InvalidUsageDimensionException");
    expect((await byTask(ofContainer({ DryRun: true }))).json).toEqual({ MeteringRecordId: "DryRunOperation" });
    await marketplace.unsubscribeSuccess({ product: products.container, customer: buyers.alder.account });
    expectError(await byTask(ofContainer()), "CustomerNotEntitledException");
    expect(wire.meterhouse.workloads()).toEqual([]);
  });

  test("M-7: the publisher's own account needs no subscription", async () => {
    await idOf(meter(usage(), { key: "ec2Seller" }));
    await idOf(byTask(ofContainer(), { key: "ecsSeller" }));
    expectError(await meter(usage({ UsageDimension: "nope" }), { key: "ec2Seller" }), "InvalidUsageDimensionException");
  });

  test("B-42: a dimension newer than the private offer is taken and not billed", async () => {
    await idOf(meter(usage({ UsageDimension: "alerts" }), { key: "ec2Juniper" }));
    await idOf(meter(usage(), { key: "ec2Juniper" }));
    const rows = (await wire.meterhouse.records()).map((row) => [row.dimension, row.billable]);
    expect(rows.sort()).toEqual([
      ["alerts", false],
      ["hosts", true],
    ]);
  });

  test("B-40, B-41: dimensions, byte for byte; the text is what AWS's container sample looks for", async () => {
    for (const UsageDimension of ["Hosts", "host", "vcpu", "hosts "]) {
      expectError(
        await meter(usage({ UsageDimension })),
        "InvalidUsageDimensionException",
        `usageDimension: ${UsageDimension} `,
        "hosts, gb, alerts",
        products.ami,
      );
    }
  });
});

describe("M-5: of two faults the earlier is told", () => {
  const steps: readonly (readonly [string, string, Fields, WireCall])[] = [
    ["constraints", "ValidationException", { UsageQuantity: -1 }, {}],
    ["product code", "InvalidProductCodeException", { ProductCode: "nothing" }, {}],
    // eu-west-1 offers the operation, so that it is the workload's Region that is wrong.
    ["Region", "InvalidEndpointRegionException", {}, { region: "eu-west-1" }],
    ["entitlement", "CustomerNotEntitledException", {}, { key: "ec2Hazel" }],
    ["dimension", "InvalidUsageDimensionException", { UsageDimension: "nope" }, {}],
    ["timestamp", "TimestampOutOfBoundsException", { Timestamp: 0 }, {}],
    [
      "tags",
      "InvalidTagException",
      { UsageAllocations: [{ AllocatedUsageQuantity: 9, Tags: [{ Key: "~", Value: "v" }] }] },
      {},
    ],
    ["allocations", "InvalidUsageAllocationsException", { UsageAllocations: [{ AllocatedUsageQuantity: 9 }] }, {}],
    ["dry run", "DryRunOperation", { DryRun: true }, {}],
    ["token", "IdempotencyConflictException", { ClientToken: "taken" }, {}],
    ["duplicate", "DuplicateRequestException", { UsageQuantity: 7 }, {}],
  ];

  test.each(steps.map(([name], place) => [name, place] as const))(
    "%s, alone and with every later one",
    async (_, place) => {
      const [, error, fields, call] = steps[place] as (typeof steps)[number];
      await wire.reset({ dryRun: "error" });
      await idOf(meter(usage()));
      // The token is of another hour, so that it and the hour's key are two things.
      await idOf(meter(usage({ Timestamp: startSec - hour, ClientToken: "taken" })));
      expectError(await meter(usage(fields), call), error);
      for (const [later, , laterFields, laterCall] of steps.slice(place + 1)) {
        const reply = await meter(usage({ ...laterFields, ...fields }), { ...laterCall, ...call });
        expect([later, reply.error]).toEqual([later, error]);
      }
      expect(await stored()).toBe(2);
    },
  );

  test("M-30: the agent's missing token before its product code", async () => {
    const { ClientToken: _, ...request } = ofAgent({ ProductCode: "nothing" });
    expectError(await byAgent(request), "ValidationException", "clientToken");
  });
});

describe("behaviour: time", () => {
  const ms = 0.001;

  test.each([
    ["2026", 6 * hour],
    ["2024", 6 * hour],
    ["2021", hour],
  ] as const)("M-9, J-1: revision %s takes usage exactly %i s old, and no older", async (revision, limit) => {
    await wire.reset({ revision });
    await idOf(meter(usage({ Timestamp: startSec - limit })));
    const reply = await meter(usage({ Timestamp: startSec - limit - ms }));
    expectError(reply, "TimestampOutOfBoundsException", `up to ${limit / hour} h 0 min`, "2026-08-15T10:20:00Z");
    // J-2, B-52: the rounding is BatchMeterUsage's.
    await wire.reset({ revision, windowRounding: "hour" });
    expectError(await meter(usage({ Timestamp: startSec - limit - ms })), "TimestampOutOfBoundsException");
  });

  test("M-10: the future, by futureToleranceSec", async () => {
    await idOf(meter(usage({ Timestamp: startSec + 300 })));
    expectError(
      await meter(usage({ Timestamp: startSec + 300 + ms })),
      "TimestampOutOfBoundsException",
      "in the future",
    );
    await wire.reset({ futureToleranceSec: 0 });
    expectError(await meter(usage({ Timestamp: startSec + ms })), "TimestampOutOfBoundsException");
  });

  test("M-10: not before the hour in which the software was launched", async () => {
    expect(launchedAt).toBe("2026-08-15T09:10:00Z");
    await idOf(byTask(ofContainer({ Timestamp: seconds("2026-08-15T09:00:00Z") })));
    const reply = await byTask(ofContainer({ Timestamp: seconds("2026-08-15T08:59:59.999Z") }));
    expectError(reply, "TimestampOutOfBoundsException", "launched only at 2026-08-15T09:10:00Z");
    // A workload that nobody gave a launch time has none to be compared with.
    await idOf(meter(usage({ Timestamp: seconds("2026-08-15T05:00:00Z") })));
    await wire.meterhouse.marketplace.launchWorkload({ accessKeyId: "ASIAEC2ALDER00000001" });
    expectError(await meter(usage({ Timestamp: seconds("2026-08-15T09:59:59Z") })), "TimestampOutOfBoundsException");
    await idOf(meter(usage({ Timestamp: seconds("2026-08-15T10:00:00Z") })));
  });

  test("M-11: no rule of month ends: six hours are six hours", async () => {
    await wire.reset({}, "2026-09-01T06:00:00Z");
    await idOf(meter(usage({ Timestamp: seconds("2026-09-01T00:00:00Z") })));
    expectError(
      await meter(usage({ Timestamp: seconds("2026-08-31T23:59:59.999Z") })),
      "TimestampOutOfBoundsException",
      "6 h",
    );
    await wire.reset({ monthEndGrace: "extend" }, "2026-09-01T05:59:59Z");
    expectError(await meter(usage({ Timestamp: seconds("2026-08-31T12:00:00Z") })), "TimestampOutOfBoundsException");
  });
});

describe("behaviour: once per hour (M-20 to M-25)", () => {
  test("M-20: product, workload, dimension and hour make the key", async () => {
    const ids = [
      await idOf(meter(usage())),
      await idOf(meter(usage(), { key: "ec2Other" })),
      await idOf(meter(usage({ UsageDimension: "gb" }))),
      await idOf(meter(usage({ Timestamp: startSec - hour }))),
      await idOf(byTask(ofContainer())),
      await idOf(byTask(ofContainer(), { key: "ecsOther" })),
      await idOf(byTask(ofContainer(), { key: "eks" })),
    ];
    expect(new Set(ids).size).toBe(7);
    expect(await stored()).toBe(7);
  });

  test("M-21, M-22: same quantity, same id; another is refused and the first stays", async () => {
    const id = await idOf(meter(usage({ UsageQuantity: 5 })));
    expect(await idOf(meter(usage({ UsageQuantity: 5 })))).toBe(id);
    const reply = await meter(usage({ UsageQuantity: 6 }));
    expectError(
      reply,
      "DuplicateRequestException",
      "i-0aaaaaaaaaaaaaaa1",
      "usageDimension: hosts",
      "the hour of 2026-08-15T10:00:00Z",
      "quantity 5",
      id,
      "6 is not added",
    );
    expect(reply.status).toBe(400);
    expect(await wire.meterhouse.records()).toMatchObject([{ quantity: 5 }]);
  });

  test("M-25: stamps of one hour are one record", async () => {
    const id = await idOf(meter(usage({ Timestamp: seconds("2026-08-15T09:05:00Z") })));
    expect(await idOf(meter(usage({ Timestamp: seconds("2026-08-15T09:40:00.999Z") })))).toBe(id);
    expect(await idOf(meter(usage({ Timestamp: seconds("2026-08-15T10:00:00Z") })))).not.toBe(id);
  });

  test("W-15, M-23: fresh tokens replay equal content, and do not change another quantity", async () => {
    const id = await idOf(meter(usage({ ClientToken: "a" })));
    expect(await idOf(meter(usage({ ClientToken: "b" })))).toBe(id);
    expect(await idOf(meter(usage()))).toBe(id);
    expectError(await meter(usage({ ClientToken: "c", UsageQuantity: 2 })), "DuplicateRequestException");
    // The refused call did not take its token.
    expect(await idOf(meter(usage({ ClientToken: "c" })))).toBe(id);
    expect(await stored()).toBe(1);
  });

  test.each([
    ["another quantity", { UsageQuantity: 2 }],
    ["another dimension", { UsageDimension: "gb" }],
    ["another hour", { Timestamp: startSec - hour }],
    ["another second of the hour (M-25)", { Timestamp: startSec - 1 }],
    ["another fraction", { Timestamp: startSec + 0.001 }],
    ["another split", { UsageAllocations: [{ AllocatedUsageQuantity: 1 }] }],
  ])("M-24: the same token with %s conflicts", async (_, fields) => {
    const id = await idOf(meter(usage({ ClientToken: "t" })));
    const reply = await meter(usage({ ClientToken: "t", ...fields }));
    expectError(reply, "IdempotencyConflictException", "'t'", "other parameters", "new token");
    expect(reply.status).toBe(409);
    expect(await stored()).toBe(1);
    expect(await idOf(meter(usage({ ClientToken: "t" })))).toBe(id);
  });

  test("J-6: idempotencyConflictStatus = 400", async () => {
    await wire.reset({ idempotencyConflictStatus: 400 });
    await idOf(meter(usage({ ClientToken: "t" })));
    const reply = await meter(usage({ ClientToken: "t", UsageQuantity: 2 }));
    expectError(reply, "IdempotencyConflictException");
    expect(reply.status).toBe(400);
  });

  test("M-24: the conflict is told before the hour's duplicate", async () => {
    await idOf(meter(usage({ ClientToken: "t" })));
    expectError(await meter(usage({ ClientToken: "t", UsageQuantity: 2 })), "IdempotencyConflictException");
    expectError(await meter(usage({ ClientToken: "u", UsageQuantity: 2 })), "DuplicateRequestException");
  });

  test("M-24: defaults written out are the same parameters", async () => {
    const { UsageQuantity: _, ...absent } = usage({ ClientToken: "t" });
    const id = await idOf(meter(absent));
    expect(await idOf(meter({ ...absent, UsageQuantity: 0, DryRun: false, Unknown: 1 }))).toBe(id);
  });

  test("M-24: tokens belong to an account and a Region, not to a workload", async () => {
    const request = usage({ ClientToken: "shared" });
    const id = await idOf(meter(request));
    // Another instance of the account with the same parameters: a replay; with others: a conflict.
    expect(await idOf(meter(request, { key: "ec2Other" }))).toBe(id);
    expectError(await meter({ ...request, UsageDimension: "gb" }, { key: "ec2Other" }), "IdempotencyConflictException");
    expect(await idOf(meter({ ...request, UsageQuantity: 3 }, { key: "ec2Juniper" }))).not.toBe(id);
    expect(await idOf(meter({ ...request, UsageQuantity: 4 }, { key: "ec2Ireland", region: "eu-west-1" }))).not.toBe(
      id,
    );
    expect(await stored()).toBe(3);
  });

  test("M-24: tokens compare with case, and odd ones are kept apart", async () => {
    const tokens = ["t", "T", " t", "t ", "t\u0000", "é", "e\u0301"];
    for (const [index, ClientToken] of tokens.entries()) {
      await idOf(
        meter(usage({ ClientToken, Timestamp: startSec - index * 60, UsageDimension: index % 2 ? "gb" : "hosts" })),
      );
    }
    for (const [index, ClientToken] of tokens.entries()) {
      expectError(
        await meter(usage({ ClientToken, Timestamp: startSec - index * 60 - 1 })),
        "IdempotencyConflictException",
      );
    }
  });

  test("M-33: a token is known a day later still", async () => {
    await idOf(meter(usage({ ClientToken: "t" })));
    await wire.meterhouse.clock.advance("24h");
    expectError(
      await meter(usage({ ClientToken: "t", Timestamp: startSec + 24 * hour })),
      "IdempotencyConflictException",
    );
  });

  test("of calls that race on one key exactly one stores", async () => {
    const replies = await Promise.all(
      Array.from({ length: 12 }, (_, index) => meter(usage({ UsageQuantity: index % 3 }))),
    );
    const [kept] = await wire.meterhouse.records();
    expect(await stored()).toBe(1);
    for (const [index, reply] of replies.entries()) {
      if (index % 3 === kept?.quantity) expect(reply.json.MeteringRecordId).toBe(kept?.meteringRecordId);
      else expectError(reply, "DuplicateRequestException");
    }
  });

  test("of calls that race on one token exactly one stores", async () => {
    const replies = await Promise.all(
      Array.from({ length: 8 }, (_, index) => byAgent(ofAgent({ UsageQuantity: index % 2 }))),
    );
    const [kept] = await wire.meterhouse.records();
    expect(await stored()).toBe(1);
    for (const [index, reply] of replies.entries()) {
      if (index % 2 === kept?.quantity) expect(reply.json.MeteringRecordId).toBe(kept?.meteringRecordId);
      else expectError(reply, "IdempotencyConflictException");
    }
  });

  test("B-92: a 500 after the commit, then the retry", async () => {
    wire.meterhouse.plan({ kind: "error", phase: "after-commit", operation: "MeterUsage" });
    expectError(await meter(usage({ ClientToken: "t" })), "InternalServiceErrorException");
    const [kept] = await wire.meterhouse.records();
    expect(await idOf(meter(usage({ ClientToken: "t" })))).toBe(kept?.meteringRecordId);
    wire.meterhouse.plan({ kind: "error", operation: "MeterUsage" });
    expectError(await meter(usage({ ClientToken: "u", UsageDimension: "gb" })), "InternalServiceErrorException");
    // Nothing was kept: the token is free for other parameters.
    await idOf(meter(usage({ ClientToken: "u", UsageDimension: "gb", UsageQuantity: 3 })));
  });
});

describe("behaviour: AgentCore (M-30 to M-33)", () => {
  test("M-30: a token is required of agents, in the revision that knows it", async () => {
    const { ClientToken: _, ...request } = ofAgent();
    expectError(
      await byAgent(request),
      "ValidationException",
      "Value null at 'clientToken'",
      "Member must not be null",
      "AgentCore",
    );
    expectError(await byAgent({ ...request, ClientToken: null }), "ValidationException", "clientToken");
    for (const revision of ["2024", "2021"] as const) {
      await wire.reset({ revision });
      const id = await idOf(byAgent(request));
      expect(await idOf(byAgent(request))).toBe(id);
    }
  });

  test("M-31: any number of records of an hour add up", async () => {
    const ids = new Set<string>();
    for (let index = 0; index < 5; index += 1)
      ids.add(await idOf(byAgent(ofAgent({ ClientToken: `t-${index}`, UsageQuantity: 2 }))));
    expect(ids.size).toBe(5);
    expect((await wire.meterhouse.records()).map((row) => [row.path, row.quantity])).toEqual(
      Array(5).fill(["agentcore", 2]),
    );
  });

  test("M-32: a token counts once", async () => {
    const id = await idOf(byAgent(ofAgent()));
    expect(await idOf(byAgent(ofAgent()))).toBe(id);
    expectError(await byAgent(ofAgent({ UsageQuantity: 2 })), "IdempotencyConflictException");
    // Of the account, not of the runtime.
    expect(await idOf(byAgent(ofAgent(), { key: "agentOther" }))).toBe(id);
    expect(await stored()).toBe(1);
  });

  test("the window and the entitlement hold for agents too", async () => {
    expectError(await byAgent(ofAgent({ Timestamp: startSec - 6 * hour - 1 })), "TimestampOutOfBoundsException");
    await wire.meterhouse.marketplace.unsubscribeSuccess({ product: products.agent, customer: buyers.alder.account });
    expectError(await byAgent(ofAgent()), "CustomerNotEntitledException");
  });
});

describe("behaviour: DryRun (M-40 to M-43)", () => {
  const dry = (fields: Fields = {}) => usage({ DryRun: true, ...fields });
  const answers: readonly (readonly [Partial<SettingsInput>, number, Fields])[] = [
    [{}, 200, { MeteringRecordId: "DryRunOperation" }],
    [{ dryRun: "error" }, 400, { __type: "DryRunOperation" }],
  ];

  test.each(answers)("M-40, M-41: permitted, %o", async (settings, status, body) => {
    await wire.reset(settings);
    const reply = await meter(dry());
    expect(reply.status).toBe(status);
    expect(reply.json).toMatchObject(body);
    if (status === 400) expectError(reply, "DryRunOperation", "would have succeeded");
    expect(await stored()).toBe(0);
  });

  test("M-42: denied, it is UnauthorizedException; without DryRun the ordinary denial", async () => {
    for (const settings of [{}, { dryRun: "error" } as const]) {
      await wire.reset(settings);
      const reply = await meter(dry(), { key: "ec2Denied" });
      expectError(reply, "UnauthorizedException", "is not authorized to perform: aws-marketplace:MeterUsage");
      expect(reply.status).toBe(400);
      for (const DryRun of [false, null, undefined, "true", 1]) {
        expectError(await meter(dry({ DryRun }), { key: "ec2Denied" }), "AccessDeniedException");
      }
    }
  });

  test("M-43: constraints and rules are checked, by either switch", async () => {
    for (const settings of [{}, { dryRun: "error" } as const]) {
      await wire.reset(settings);
      expectError(await meter(dry({ UsageQuantity: -1 })), "ValidationException");
      expectError(await meter(dry({ ProductCode: "nothing" })), "InvalidProductCodeException");
      expectError(await meter(dry(), { key: "ec2Hazel" }), "CustomerNotEntitledException");
      expectError(await meter(dry({ UsageDimension: "nope" })), "InvalidUsageDimensionException");
      expectError(await meter(dry({ Timestamp: 0 })), "TimestampOutOfBoundsException");
      expectError(
        await meter(dry({ UsageAllocations: [{ AllocatedUsageQuantity: 3 }] })),
        "InvalidUsageAllocationsException",
      );
    }
  });

  test("M-43: it stores nothing, takes no key and no token, and meets none", async () => {
    expect((await meter(dry({ ClientToken: "t", UsageQuantity: 9 }))).status).toBe(200);
    await idOf(meter(usage({ ClientToken: "t" })));
    // Neither the taken token nor the taken hour is looked at: M-5 answers a dry run before both.
    expect((await meter(dry({ ClientToken: "t", UsageQuantity: 9 }))).json).toEqual({
      MeteringRecordId: "DryRunOperation",
    });
    expect(await wire.meterhouse.records()).toMatchObject([{ quantity: 1 }]);
  });
});
