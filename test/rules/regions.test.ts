import { describe, expect, test } from "vitest";
import {
  endpointHosts,
  isKnownRegion,
  type Offer,
  offersOperation,
  partitionOf,
  partitions,
  regionListOf,
} from "../../src/api/regions.ts";

const now: Offer = { revision: "2026" };

describe("partitions", () => {
  test("every Region lies in one partition", () => {
    const all = Object.values(partitions).flatMap(({ regions }) => regions);
    expect(new Set(all).size).toBe(all.length);
    for (const [name, { regions }] of Object.entries(partitions))
      for (const region of regions) expect(partitionOf(region)).toBe(name);
  });

  test.each([
    ["us-east-1", "aws"],
    ["cn-northwest-1", "aws-cn"],
    ["us-gov-west-1", "aws-us-gov"],
    ["eusc-de-east-1", "aws-eusc"],
    ["us-iso-east-1", "aws-iso"],
    ["us-isob-east-1", "aws-iso-b"],
    ["eu-isoe-west-1", "aws-iso-e"],
    ["us-isof-south-1", "aws-iso-f"],
  ])("%s lies in %s", (region, partition) => {
    expect(partitionOf(region)).toBe(partition);
    expect(isKnownRegion(region)).toBe(true);
  });

  test.each(["", "0", "US-EAST-1", "us-east-9", "aws-global", "us-east-1 ", "__proto__", "constructor"])(
    "%j is no Region",
    (region) => {
      expect(isKnownRegion(region)).toBe(false);
      expect(partitionOf(region)).toBeUndefined();
      expect(endpointHosts(region)).toBeUndefined();
      expect(offersOperation("MeterUsage", region, now)).toBe(false);
    },
  );
});

describe("where an operation is offered (SPEC G)", () => {
  test.each([
    ["BatchMeterUsage", now, 29],
    ["ResolveCustomer", now, 29],
    ["RegisterUsage", now, 17],
    ["GetEntitlements", now, 3],
    ["MeterUsage", now, 30],
    ["MeterUsage", { revision: "2026", platform: "ec2" }, 30],
    ["MeterUsage", { revision: "2026", platform: "iam-user" }, 30],
    ["MeterUsage", { revision: "2026", platform: "assumed-role" }, 30],
    ["MeterUsage", { revision: "2026", platform: "eks-pod-identity" }, 30],
    ["MeterUsage", { revision: "2026", platform: "agentcore" }, 28],
    ["MeterUsage", { revision: "2026", platform: "eks-irsa" }, 17],
    ["MeterUsage", { revision: "2021", platform: "eks-irsa" }, 17],
    ["MeterUsage", { revision: "2026", platform: "ecs-task" }, 17], // J-21
    ["MeterUsage", { revision: "2024", platform: "ecs-task" }, 28],
    ["MeterUsage", { revision: "2021", platform: "ecs-task" }, 28],
  ] as const)("%s with %j: %i Regions, all known", (operation, offer, count) => {
    const list = regionListOf(operation, offer);
    expect(new Set(list).size).toBe(count);
    expect(list).toHaveLength(count);
    for (const region of list) {
      expect(isKnownRegion(region)).toBe(true);
      expect(offersOperation(operation, region, offer)).toBe(true);
    }
  });

  test.each([
    ["BatchMeterUsage", "cn-northwest-1", true],
    ["BatchMeterUsage", "cn-north-1", false],
    ["ResolveCustomer", "us-gov-west-1", false], // L-5
    ["RegisterUsage", "us-gov-west-1", false],
    ["RegisterUsage", "eu-south-1", false],
    ["MeterUsage", "us-gov-east-1", true],
    ["MeterUsage", "cn-northwest-1", false],
    ["MeterUsage", "ca-west-1", false],
    ["GetEntitlements", "eu-west-1", false], // G-14
    ["GetEntitlements", "eusc-de-east-1", true],
  ] as const)("%s in %s: %s", (operation, region, offered) => {
    expect(offersOperation(operation, region, now)).toBe(offered);
  });
});

describe("host names (W-2 to W-5)", () => {
  test.each([
    [
      "us-east-1",
      "metering.marketplace.us-east-1.amazonaws.com",
      "metering.marketplace-fips.us-east-1.amazonaws.com",
      "metering-marketplace.us-east-1.api.aws",
      "metering.marketplace-fips.us-east-1.api.aws",
    ],
    [
      "cn-northwest-1",
      "metering.marketplace.cn-northwest-1.amazonaws.com.cn",
      "metering.marketplace-fips.cn-northwest-1.amazonaws.com.cn",
      "metering-marketplace.cn-northwest-1.api.amazonwebservices.com.cn",
      "metering.marketplace-fips.cn-northwest-1.api.amazonwebservices.com.cn",
    ],
  ])("%s", (region, ...hosts) => {
    expect(endpointHosts(region)).toEqual(hosts);
  });

  test("the sovereign cloud hyphenates its standard host instead, the isolated partitions none", () => {
    expect(endpointHosts("eusc-de-east-1")?.[0]).toBe("metering-marketplace.eusc-de-east-1.amazonaws.eu");
    expect(endpointHosts("eusc-de-east-1")?.[2]).toBe("metering.marketplace.eusc-de-east-1.api.amazonwebservices.eu");
    expect(endpointHosts("us-iso-east-1")?.[0]).toBe("metering.marketplace.us-iso-east-1.c2s.ic.gov");
    expect(endpointHosts("us-east-1", "entitlement")?.[2]).toBe("entitlement-marketplace.us-east-1.api.aws");
  });
});
