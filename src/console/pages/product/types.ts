/** Products as the control plane shows them, and what their types mean, in words. */
import type { OperationName, ProductType } from "../../../api/types.ts";
import { usesOperation } from "../../../rules/products.ts";

export interface DimensionView {
  readonly name: string;
  readonly kind: "metered" | "entitlement";
  readonly description?: string;
  readonly unit?: string;
  readonly price?: string;
  readonly addedAt: string;
}

export interface ProductView {
  readonly code: string;
  readonly entityId: string;
  readonly title: string;
  readonly description?: string;
  readonly seller: string;
  readonly type: ProductType;
  readonly createdAt: string;
  readonly concurrentAgreementsOnly: boolean;
  readonly enabledRegions: readonly string[];
  readonly registrationUrl?: string;
  readonly sendsSns?: boolean;
  readonly dimensions: readonly DimensionView[];
  readonly keyVersions: readonly number[];
}

/** Whose targets: those that take a product's notifications, or those of a buyer, which take its events. */
export type TargetOwner = Pick<ProductView, "code" | "seller"> | { readonly buyer: string };

/** Where notifications go. */
export interface TargetView {
  readonly id: string;
  readonly buyer?: string;
  readonly product?: string;
  readonly forms: readonly ("sns" | "eventbridge")[];
  readonly kind: "http" | "sqs";
  readonly url: string;
  readonly rawDelivery: boolean;
  readonly state: "ready" | "unconfirmed";
  readonly createdAt: string;
}

interface TypeWords {
  readonly name: string;
  readonly meaning: string;
}

export const productTypes: Readonly<Record<ProductType, TypeWords>> = {
  "saas-subscription": {
    name: "SaaS subscription",
    meaning: "Runs at the seller's; buyers pay for what they used, which the seller reports by the hour.",
  },
  "saas-contract": {
    name: "SaaS contract",
    meaning: "Runs at the seller's; buyers pay for entitlements in advance. No usage is reported.",
  },
  "saas-contract-with-consumption": {
    name: "SaaS contract with consumption",
    meaning: "A contract with entitlements; usage beyond it is reported by the hour.",
  },
  "ami-fcp": {
    name: "AMI with custom metering",
    meaning: "Runs on the buyer's EC2 instances and reports its own usage.",
  },
  "ami-hourly": {
    name: "AMI, hourly, annual or free",
    meaning: "Runs on the buyer's EC2 instances; AWS itself meters it.",
  },
  "container-fcp": {
    name: "Container with custom metering",
    meaning: "Runs on the buyer's ECS or EKS and reports its own usage.",
  },
  "container-hourly": {
    name: "Container, hourly",
    meaning: "Registers when a task starts; AWS bills it for each hour that the task runs.",
  },
  "container-byol": {
    name: "Container, free or BYOL",
    meaning: "Runs on the buyer's ECS or EKS; registering checks the subscription, nothing is billed.",
  },
  "agentcore-fcp": {
    name: "AgentCore agent or tool",
    meaning: "Runs on Bedrock AgentCore and reports its own usage, each call with a ClientToken.",
  },
};

export const productTypeNames = Object.keys(productTypes) as readonly ProductType[];

export function typeName(type: ProductType): string {
  return productTypes[type].name;
}

const operations: readonly OperationName[] = [
  "ResolveCustomer",
  "BatchMeterUsage",
  "MeterUsage",
  "RegisterUsage",
  "GetEntitlements",
];

export function operationsOf(type: ProductType): readonly OperationName[] {
  return operations.filter((operation) => usesOperation(type, operation));
}

/** Which dimensions a product of the type can have a use for. */
export function dimensionKinds(type: ProductType): readonly DimensionView["kind"][] {
  const isMetered = usesOperation(type, "BatchMeterUsage") || usesOperation(type, "MeterUsage");
  const isContract = usesOperation(type, "GetEntitlements");
  return [...(isMetered ? ["metered" as const] : []), ...(isContract ? ["entitlement" as const] : [])];
}

/** Whether buyers come to the seller's own site with a registration token. */
export function isSaas(type: ProductType): boolean {
  return usesOperation(type, "ResolveCustomer");
}

/** Whether answers of RegisterUsage are signed with a key of the product. */
export function signs(type: ProductType): boolean {
  return usesOperation(type, "RegisterUsage");
}

/** `USD 0.25 / GB` */
export function priceText({ price, unit }: Pick<DimensionView, "price" | "unit">): string {
  if (price === undefined) return "–";
  return unit === undefined ? `USD ${price}` : `USD ${price} / ${unit}`;
}

/** C-22. */
export const dimensionsMax = 24;

/** Errors of members of the list's address: `dimensions/0/price`. */
export function dimensionMember(index: number, member: string): string {
  return `dimensions/${index}/${member}`;
}
