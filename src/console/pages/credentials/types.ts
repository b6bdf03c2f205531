/** Credentials as the control plane shows them, and what their kinds mean. */
import type { CredentialKind } from "../../../api/types.ts";

export interface CredentialView {
  readonly accessKeyId: string;
  readonly account: string;
  readonly kind: CredentialKind;
  readonly name: string;
  readonly allow: readonly string[];
  readonly isTemporary: boolean;
  readonly expiresAt?: string;
  readonly resource?: string;
  readonly region?: string;
  readonly products?: readonly string[];
  readonly createdAt: string;
}

export interface NewCredentialView extends CredentialView {
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

interface KindWords {
  readonly name: string;
  readonly meaning: string;
  /** What the resource is called; absent: it runs nowhere in particular. */
  readonly resource?: string;
  readonly example?: string;
}

export const credentialKinds: Readonly<Record<CredentialKind, KindWords>> = {
  "iam-user": {
    name: "IAM user",
    meaning:
      "A long-term key, as sellers’ software outside of AWS has it: BatchMeterUsage, ResolveCustomer, GetEntitlements.",
  },
  "assumed-role": {
    name: "Assumed role",
    meaning: "Temporary keys of a role, as sellers’ software on AWS has them. For the same operations.",
  },
  ec2: {
    name: "EC2 instance",
    meaning: "The role of a buyer’s instance: MeterUsage of AMI products.",
    resource: "Instance id",
    example: "i-0123456789abcdef0",
  },
  "ecs-task": {
    name: "ECS or Fargate task",
    meaning: "The role of a buyer’s task: MeterUsage and RegisterUsage of container products.",
    resource: "Task ARN",
    example: "arn:aws:ecs:us-east-1:444455556666:task/demo/0123456789abcdef0123456789abcdef",
  },
  "eks-irsa": {
    name: "EKS pod, IRSA",
    meaning: "A pod with an IAM role for its service account: MeterUsage and RegisterUsage of container products.",
    resource: "Pod",
    example: "demo/default/worker-0",
  },
  "eks-pod-identity": {
    name: "EKS pod, Pod Identity",
    meaning: "A pod with EKS Pod Identity, which the Metering Service does not take: to see the refusal.",
    resource: "Pod",
    example: "demo/default/worker-0",
  },
  agentcore: {
    name: "AgentCore runtime",
    meaning: "An agent on Bedrock AgentCore: MeterUsage with a ClientToken.",
    resource: "Runtime ARN",
    example: "arn:aws:bedrock-agentcore:us-east-1:444455556666:runtime/agent-a1b2c3d4e5",
  },
};

export const credentialKindNames = Object.keys(credentialKinds) as readonly CredentialKind[];
