import { describe, expect, test } from "vitest";
import type { Settings } from "../../src/api/settings.ts";
import type { Credential, Product } from "../../src/api/types.ts";
import { decideMeterUsage, type MeterFacts, type MeterRequest } from "../../src/rules/meterUsage.ts";
import {
  account,
  agreement,
  dayMs,
  hourMs,
  now,
  nowSec,
  product,
  productCode,
  refusal,
  sellerId,
  settings,
  without,
} from "./facts.ts";
import { expectOrder, type OrderedFault, task, workload, workloadFacts } from "./workloadFacts.ts";

const request: MeterRequest = {
  ProductCode: productCode,
  Timestamp: nowSec - 600,
  UsageDimension: "searches",
  UsageQuantity: 1,
};

function facts(type: Product["type"] = "ami-fcp", kind: Credential["kind"] = "ec2"): MeterFacts {
  return { ...workloadFacts(type, kind), isRunning: false };
}
function decide(given: MeterFacts, changed: Partial<MeterRequest> = {}, overrides: Partial<Settings> = {}) {
  return decideMeterUsage({ ...request, ...changed }, given, settings(overrides), now);
}
function errorOf(given: MeterFacts, changed: Partial<MeterRequest> = {}, overrides: Partial<Settings> = {}) {
  return refusal(() => decide(given, changed, overrides))?.name;
}

type Fault = OrderedFault<MeterRequest, MeterFacts>;
const noToken: Fault = {
  rule: "M-30",
  error: "ValidationException",
  spoil: () => ({ omit: "ClientToken" }),
};
const platform: Fault = {
  rule: "M-2",
  error: "CustomerNotEntitledException",
  spoil: (_, { credential }) => ({ facts: { credential: { ...credential, kind: "assumed-role" } } }),
};
/** M-5, in its order. */
const faults: readonly Fault[] = [
  { rule: "unknown product", error: "InvalidProductCodeException", spoil: () => ({ facts: { product: undefined } }) },
  {
    rule: "M-4",
    error: "InvalidEndpointRegionException",
    spoil: (_, { credential }) => ({ facts: { credential: { ...credential, region: "eu-west-1" } } }),
  },
  { rule: "M-6", error: "CustomerNotEntitledException", spoil: () => ({ facts: { agreements: [] } }) },
  { rule: "B-40", error: "InvalidUsageDimensionException", spoil: () => ({ request: { UsageDimension: "Searches" } }) },
  {
    rule: "M-9",
    error: "TimestampOutOfBoundsException",
    spoil: () => ({ request: { Timestamp: nowSec - 6 * 3_600 - 1 } }),
  },
  {
    rule: "B-73",
    error: "InvalidTagException",
    spoil: ({ UsageAllocations = [] }) => ({
      request: {
        UsageAllocations: [...UsageAllocations, { AllocatedUsageQuantity: 1, Tags: [{ Key: "k", Value: "~" }] }],
      },
    }),
  },
  {
    rule: "B-70",
    error: "InvalidUsageAllocationsException",
    spoil: () => ({ request: { UsageAllocations: [{ AllocatedUsageQuantity: 2 }] } }),
  },
];

describe("order of errors (M-5)", () => {
  const errorIn = (asked: MeterRequest, given: MeterFacts) =>
    refusal(() => decideMeterUsage(asked, given, settings(), now))?.name;

  test("M-5: AMI", () => {
    expectOrder(request, facts(), [...faults.slice(0, 2), platform, ...faults.slice(2)], errorIn);
  });

  test("M-5: container", () => {
    expectOrder(
      request,
      facts("container-fcp", "ecs-task"),
      [...faults.slice(0, 2), platform, ...faults.slice(2)],
      errorIn,
    );
  });

  test("M-5, M-30: AgentCore, where a missing ClientToken is a constraint and comes first", () => {
    const agent = facts("agentcore-fcp", "agentcore");
    const withToken = { ...request, ClientToken: "t-1" };
    expectOrder(withToken, agent, [noToken, ...faults], errorIn);
  });
});

describe("who may meter (M-1, M-2)", () => {
  const table: Readonly<Partial<Record<Product["type"], readonly Credential["kind"][]>>> = {
    "ami-fcp": ["ec2"],
    "container-fcp": ["ecs-task", "eks-irsa"],
    "agentcore-fcp": ["agentcore"],
  };
  const kinds = ["iam-user", "assumed-role", "ec2", "ecs-task", "eks-irsa", "eks-pod-identity", "agentcore"] as const;
  const cases = Object.entries(table).flatMap(([type, allowed]) =>
    kinds.map((kind) => ({ type: type as Product["type"], kind, isAllowed: allowed.includes(kind) })),
  );
  test.each(cases)("M-1: $type on $kind: $isAllowed", ({ type, kind, isAllowed }) => {
    const found = refusal(() => decide(facts(type, kind), { ClientToken: "t-1" }));
    expect(found?.name).toBe(isAllowed ? undefined : "CustomerNotEntitledException");
    // M-2: the only entitlement error of the model; its text names the cause.
    if (!isAllowed) expect(found?.message).toContain("signed with");
  });

  test("M-1: a workload key without a workload is none", () => {
    const given = { ...facts(), credential: without(workload("ec2"), "resource") };
    expect(errorOf(given)).toBe("CustomerNotEntitledException");
  });

  test("M-4: long-term keys have no Region to be wrong; the platform is what is refused", () => {
    const keys = without(without(workload("iam-user"), "region"), "resource");
    expect(errorOf({ ...facts(), credential: keys })).toBe("CustomerNotEntitledException");
  });
});

describe("entitlement", () => {
  const ended = [agreement({ endedAt: now - 1 })];

  test("M-6: a running task or pod keeps metering after unsubscription, an instance does not", () => {
    const state = (kind: Credential["kind"], type: Product["type"], isRunning: boolean) =>
      errorOf({ ...facts(type, kind), agreements: ended, isRunning });
    expect(state("ecs-task", "container-fcp", false)).toBe("CustomerNotEntitledException");
    expect(state("ecs-task", "container-fcp", true)).toBeUndefined();
    expect(state("eks-irsa", "container-fcp", true)).toBeUndefined();
    expect(state("ec2", "ami-fcp", true)).toBe("CustomerNotEntitledException");
  });

  test("M-6: what is wrong with the parameters is refused on later calls too", () => {
    const running = { ...facts("container-fcp", "ecs-task"), agreements: ended, isRunning: true };
    expect(errorOf(running, { UsageDimension: "nope" })).toBe("InvalidUsageDimensionException");
  });

  test("M-7: the publisher's own workload passes without a subscription, but only on the product's platform", () => {
    const own = { ...facts(), agreements: [], buyer: undefined };
    expect(errorOf({ ...own, credential: workload("ec2", { accountId: sellerId }) })).toBeUndefined();
    expect(errorOf({ ...own, credential: workload("iam-user", { accountId: sellerId }) })).toBe(
      "CustomerNotEntitledException",
    );
  });

  test("B-85: a suspended account is not entitled", () => {
    expect(errorOf({ ...facts(), buyer: account({ suspended: true }) })).toBe("CustomerNotEntitledException");
  });

  test("B-80: nor is one whose agreement was cancelled before it started", () => {
    const never = without(agreement({ endingAt: now - 1 }), "startedAt");
    expect(errorOf({ ...facts(), agreements: [never] })).toBe("CustomerNotEntitledException");
  });

  test("B-82: in the final hour it is", () => {
    expect(errorOf({ ...facts(), agreements: [agreement({ endingAt: now - hourMs + 1 })] })).toBeUndefined();
    expect(errorOf({ ...facts(), agreements: [agreement({ endingAt: now - hourMs })] })).toBe(
      "CustomerNotEntitledException",
    );
  });
});

describe("the rest of the request", () => {
  test("M-10: not from before the launch, by the hour", () => {
    const launchedAt = Date.UTC(2026, 7, 15, 9, 40);
    const launched = { ...facts(), credential: workload("ec2", { launchedAt }) };
    const hour = Date.UTC(2026, 7, 15, 9) / 1_000;
    expect(errorOf(launched, { Timestamp: hour })).toBeUndefined();
    expect(errorOf(launched, { Timestamp: hour - 0.001 })).toBe("TimestampOutOfBoundsException");
  });

  test("M-8: an absent quantity is 0, for allocations too", () => {
    const asked = without(request, "UsageQuantity");
    const split = (AllocatedUsageQuantity: number) =>
      refusal(() =>
        decideMeterUsage({ ...asked, UsageAllocations: [{ AllocatedUsageQuantity }] }, facts(), settings(), now),
      )?.name;
    expect(split(0)).toBeUndefined();
    expect(split(1)).toBe("InvalidUsageAllocationsException");
  });

  test("M-43: a dry run is checked like any other call", () => {
    expect(errorOf(facts(), { DryRun: true, UsageDimension: "nope" })).toBe("InvalidUsageDimensionException");
    expect(errorOf(facts(), { DryRun: true })).toBeUndefined();
  });
});

describe("the decision", () => {
  test("M-20, M-31: the workload is what is metered; AgentCore's usage adds up by token", () => {
    expect(decide(facts())).toMatchObject({ resource: task, path: "resource", billable: true });
    const agent = facts("agentcore-fcp", "agentcore");
    expect(decide(agent, { ClientToken: "t-1" })).toMatchObject({ resource: task, path: "agentcore" });
    // M-23: new SDKs send a token from everywhere; it says nothing about the platform (W-15).
    expect(decide(facts(), { ClientToken: "t-1" }).path).toBe("resource");
  });

  test.each(["2024", "2021"] as const)("M-30: revision %s knows no ClientToken; the hour is the key", (revision) => {
    const agent = facts("agentcore-fcp", "agentcore");
    expect(decide(agent, {}, { revision }).path).toBe("resource");
    expect(errorOf(agent, {}, { revision: "2026" })).toBe("ValidationException");
  });

  test("B-42: billed unless the private offer came before the dimension; a preview is", () => {
    const grown = product({
      type: "ami-fcp",
      dimensions: [{ name: "searches", kind: "metered", addedAt: now - dayMs }],
    });
    const billable = (given: Partial<MeterFacts>) => decide({ ...facts(), product: grown, ...given }).billable;
    expect(billable({})).toBe(true);
    expect(billable({ agreements: [agreement({ privateOffer: true })] })).toBe(false);
    expect(billable({ agreements: [], credential: workload("ec2", { accountId: sellerId }) })).toBe(true);
  });
});
