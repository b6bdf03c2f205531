/** The decision of MeterUsage (SPEC F, order M-5). Pure: one error, or the usage to claim. */
import { ServiceError } from "../api/errors.ts";
import type { Settings } from "../api/settings.ts";
import type { Account, Agreement, Credential, Product, UsageAllocation } from "../api/types.ts";
import { isBillable, isEntitled, isMeterable } from "./agreements.ts";
import { platformsOfType, requireMeteredDimension, requireProduct } from "./products.ts";
import { timestampMs } from "./times.ts";
import { requireAllocations, requireTags } from "./usageAllocations.ts";
import { requireMeterWindow } from "./usageWindow.ts";

export interface MeterRequest {
  readonly ProductCode: string;
  readonly Timestamp: number;
  readonly UsageDimension: string;
  readonly UsageQuantity?: number;
  readonly DryRun?: boolean;
  readonly UsageAllocations?: readonly UsageAllocation[];
  readonly ClientToken?: string;
}

export interface MeterFacts {
  readonly credential: Credential;
  /** Of the endpoint, by the credential scope. */
  readonly region: string;
  readonly product: Product | undefined;
  readonly buyer: Account | undefined;
  /** The caller account's agreements on the product. */
  readonly agreements: readonly Agreement[];
  /** The workload's first accepted call is behind it (M-6). */
  readonly isRunning: boolean;
}

export interface MeterDecision {
  readonly product: Product;
  readonly resource: string;
  readonly path: "resource" | "agentcore";
  readonly billable: boolean;
}

export function decideMeterUsage(
  request: MeterRequest,
  facts: MeterFacts,
  settings: Settings,
  now: number,
): MeterDecision {
  const { credential } = facts;
  if (credential.kind === "agentcore" && settings.revision === "2026" && request.ClientToken === undefined) {
    throw new ServiceError(
      "ValidationException",
      "1 validation error detected: Value null at 'clientToken' failed to satisfy constraint: Member must not be null. AgentCore runtimes send a ClientToken with every MeterUsage call.", // M-30
    );
  }
  const product = requireProduct(facts.product, request.ProductCode, "MeterUsage", undefined);
  requireEndpointRegion(credential, facts.region);
  const resource = requireWorkload(credential, product);
  requireEntitlement(facts, product, settings, now);
  requireMeteredDimension(product, request.UsageDimension, "UsageDimension");
  requireMeterWindow(timestampMs(request.Timestamp), now, credential.launchedAt, settings, "Timestamp");
  if (request.UsageAllocations !== undefined) {
    requireTags(request.UsageAllocations, "");
    requireAllocations(request.UsageAllocations, request.UsageQuantity ?? 0, settings.revision, "");
  }
  const agreement = facts.agreements.find((one) => isMeterable(one, now, settings));
  return {
    product,
    resource,
    // Without a token (revisions that do not know it) there is nothing to sum by; the hour is the key then.
    path: credential.kind === "agentcore" && request.ClientToken !== undefined ? "agentcore" : "resource",
    billable: agreement === undefined || isBillable(agreement, request.UsageDimension, product),
  };
}

/** M-4. Long-term keys have no Region of their own; they fail at the next step. */
function requireEndpointRegion(credential: Credential, region: string): void {
  if (credential.region === undefined || credential.region === region) return;
  throw new ServiceError(
    "InvalidEndpointRegionException",
    `The endpoint's Region ${region} is not the Region of the workload: ${credential.resource} runs in ${credential.region}. Call the endpoint of ${credential.region}; take the Region from the workload's metadata instead of configuration.`,
  );
}

const platformNames: Readonly<Record<Credential["kind"], string>> = {
  "iam-user": "long-term keys of an IAM user",
  "assumed-role": "a role session outside of a workload",
  ec2: "an EC2 instance role",
  "ecs-task": "an ECS task role",
  "eks-irsa": "an EKS pod's IAM role for its service account",
  "eks-pod-identity": "EKS Pod Identity",
  agentcore: "an AgentCore execution role",
};

/** M-1, M-2: the only entitlement error of the model, with the cause in words. Returns the metered resource. */
function requireWorkload(credential: Credential, product: Product): string {
  const platforms = platformsOfType[product.type] ?? [];
  if (platforms.includes(credential.kind) && credential.resource !== undefined) return credential.resource;
  throw new ServiceError(
    "CustomerNotEntitledException",
    `The call is signed with ${platformNames[credential.kind]}, but products of type ${product.type} are metered with ${platforms
      .map((kind) => platformNames[kind])
      .join(" or ")}. Let the SDK find the workload's own credentials instead of configuring keys.`,
  );
}

/** M-6, M-7. */
function requireEntitlement(facts: MeterFacts, product: Product, settings: Settings, now: number): void {
  if (facts.credential.accountId === product.sellerAccountId) return; // M-7: preview before publishing.
  const isContainer = facts.credential.kind === "ecs-task" || facts.credential.kind === "eks-irsa";
  if (isContainer && facts.isRunning) return; // M-6: a running task keeps metering.
  if (isEntitled(facts.buyer, facts.agreements, now, settings)) return;
  throw new ServiceError(
    "CustomerNotEntitledException",
    notEntitledText(facts.credential.accountId, facts.buyer, product),
  );
}

export function notEntitledText(accountId: string, buyer: Account | undefined, product: Product): string {
  const why =
    buyer?.suspended === true
      ? "the account is suspended. It is served again once its suspension is lifted."
      : "no agreement of this account takes usage now. Subscribe the account to the product first.";
  return `Account ${accountId} is not entitled to product ${product.code}: ${why}`;
}
