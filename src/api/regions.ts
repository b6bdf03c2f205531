/**
 * Partitions, Regions, host names, and where each operation is offered. AWS's lists grow, so they are plain data
 * (L-6); the switch `enforceRegions: false` skips them, and whoever asks these functions looks at the switch.
 * Source: SPEC G, W-2 to W-5; the partition table of the AWS SDKs.
 */
import type { CredentialKind, OperationName, Revision } from "./types.ts";

interface Partition {
  readonly regions: readonly string[];
  readonly dnsSuffix: string; // W-4
  readonly dualStackSuffix: string; // W-3
  /** W-3, W-4: which of its hosts joins service and `marketplace` by a hyphen instead of a dot. */
  readonly hyphenated: "none" | "dual-stack" | "standard";
}

/** Splits a list of names at white space: thirty Regions a glance instead of thirty lines. */
const names = (text: string): readonly string[] => text.trim().split(/\s+/);

/** Every Region an AWS credential scope may name. Partitions share no accounts, products or keys (L-4). */
export const partitions: Readonly<Record<string, Partition>> = {
  aws: {
    regions: names(`
      us-east-1 us-east-2 us-west-1 us-west-2 ca-central-1 ca-west-1 mx-central-1
      sa-east-1 sa-west-1 af-south-1 il-central-1 me-central-1 me-south-1 me-west-1
      eu-central-1 eu-central-2 eu-north-1 eu-south-1 eu-south-2
      eu-west-1 eu-west-2 eu-west-3
      ap-east-1 ap-east-2 ap-south-1 ap-south-2
      ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-southeast-1 ap-southeast-2 ap-southeast-3
      ap-southeast-4 ap-southeast-5 ap-southeast-6 ap-southeast-7
    `),
    dnsSuffix: "amazonaws.com",
    dualStackSuffix: "api.aws",
    hyphenated: "dual-stack",
  },
  "aws-cn": {
    regions: ["cn-north-1", "cn-northwest-1"],
    dnsSuffix: "amazonaws.com.cn",
    dualStackSuffix: "api.amazonwebservices.com.cn",
    hyphenated: "dual-stack",
  },
  "aws-us-gov": {
    regions: ["us-gov-east-1", "us-gov-west-1"],
    dnsSuffix: "amazonaws.com",
    dualStackSuffix: "api.aws",
    hyphenated: "dual-stack",
  },
  "aws-eusc": {
    regions: ["eusc-de-east-1"],
    dnsSuffix: "amazonaws.eu",
    dualStackSuffix: "api.amazonwebservices.eu",
    hyphenated: "standard",
  },
  "aws-iso": {
    regions: ["us-iso-east-1", "us-iso-west-1"],
    dnsSuffix: "c2s.ic.gov",
    dualStackSuffix: "api.aws.ic.gov",
    hyphenated: "none",
  },
  "aws-iso-b": {
    regions: ["us-isob-east-1", "us-isob-west-1"],
    dnsSuffix: "sc2s.sgov.gov",
    dualStackSuffix: "api.aws.scloud",
    hyphenated: "none",
  },
  "aws-iso-e": {
    regions: ["eu-isoe-west-1"],
    dnsSuffix: "cloud.adc-e.uk",
    dualStackSuffix: "api.cloud-aws.adc-e.uk",
    hyphenated: "none",
  },
  "aws-iso-f": {
    regions: ["us-isof-east-1", "us-isof-south-1"],
    dnsSuffix: "csp.hci.ic.gov",
    dualStackSuffix: "api.aws.hci.ic.gov",
    hyphenated: "none",
  },
};

/** SPEC G, "the 28". */
const commercial: readonly string[] = names(`
  us-east-1 us-east-2 us-west-1 us-west-2 ca-central-1 sa-east-1
  eu-west-1 eu-west-2 eu-west-3 eu-central-1 eu-central-2 eu-north-1 eu-south-1 eu-south-2
  me-south-1 me-central-1 il-central-1 af-south-1
  ap-east-1 ap-south-1 ap-south-2 ap-northeast-1 ap-northeast-2 ap-northeast-3
  ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-4
`);

/** SPEC G, "the 17": the Regions where containers register and where EKS pods meter. */
const container: readonly string[] = names(`
  us-east-1 us-east-2 us-west-1 us-west-2 ca-central-1 sa-east-1
  eu-west-1 eu-west-2 eu-west-3 eu-central-1 eu-north-1
  ap-east-1 ap-south-1 ap-northeast-1 ap-northeast-2 ap-southeast-1 ap-southeast-2
`);

const seller: readonly string[] = [...commercial, "cn-northwest-1"]; // SPEC G
const instance: readonly string[] = [...commercial, "us-gov-east-1", "us-gov-west-1"]; // SPEC G, L-5
const entitlement: readonly string[] = ["us-east-1", "cn-northwest-1", "eusc-de-east-1"]; // G-14

const partitionByRegion = new Map(
  Object.entries(partitions).flatMap(([name, { regions }]) => regions.map((region) => [region, name] as const)),
);
const sets = new Map([commercial, container, seller, instance, entitlement].map((list) => [list, new Set(list)]));

/** Who calls, and which revision of the API is served: both change where MeterUsage is offered. */
export interface Offer {
  /** Absent or a kind that cannot meter at all: the widest list, so that the caller hears of the kind, not of the Region. */
  readonly platform?: CredentialKind | undefined;
  readonly revision: Revision;
}

/** The partition a Region lies in, such as `aws-cn`; undefined for a Region nobody knows. */
export function partitionOf(region: string): string | undefined {
  return partitionByRegion.get(region);
}

/** Whether AWS has a Region of that name, in any partition (S-29). */
export function isKnownRegion(region: string): boolean {
  return partitionByRegion.has(region);
}

/** The Regions where an operation is offered to such a caller, in AWS's order, so that an error text can name them. */
export function regionListOf(operation: OperationName, offer: Offer): readonly string[] {
  switch (operation) {
    case "BatchMeterUsage":
    case "ResolveCustomer":
      return seller;
    case "RegisterUsage":
      return container;
    case "GetEntitlements":
      return entitlement;
    case "MeterUsage":
      return meterUsageRegions(offer);
  }
}

/** Whether an operation is offered to such a caller in that Region (L-1). */
export function offersOperation(operation: OperationName, region: string, offer: Offer): boolean {
  return sets.get(regionListOf(operation, offer))?.has(region) ?? false;
}

/**
 * The host names AWS serves a Region under: standard, FIPS, dual-stack, FIPS with dual-stack (W-2 to W-5).
 * Undefined for a Region nobody knows.
 */
export function endpointHosts(
  region: string,
  service: "metering" | "entitlement" = "metering",
): readonly [string, string, string, string] | undefined {
  const partition = partitions[partitionOf(region) ?? ""];
  if (partition === undefined) return undefined;
  const { dnsSuffix, dualStackSuffix, hyphenated } = partition;
  const standard = hyphenated === "standard" ? "-" : ".";
  const dualStack = hyphenated === "dual-stack" ? "-" : ".";
  return [
    `${service}${standard}marketplace.${region}.${dnsSuffix}`,
    `${service}.marketplace-fips.${region}.${dnsSuffix}`,
    `${service}${dualStack}marketplace.${region}.${dualStackSuffix}`,
    `${service}.marketplace-fips.${region}.${dualStackSuffix}`,
  ];
}

function meterUsageRegions({ platform, revision }: Offer): readonly string[] {
  switch (platform) {
    case "ecs-task":
      return revision === "2026" ? container : commercial; // J-21
    case "eks-irsa":
      return container; // SPEC G
    case "agentcore":
      return commercial; // SPEC G
    default:
      return instance; // SPEC G
  }
}
