/** Workloads as the control plane shows them. */
import type { WorkloadKind } from "../../../api/types.ts";

export interface RegistrationView {
  readonly product: string;
  readonly operation: "RegisterUsage" | "MeterUsage";
  readonly firstCallAt: string;
  readonly registeredSeconds?: number;
  readonly meteredSeconds?: number;
  readonly isMetered: boolean;
}

export interface WorkloadView {
  readonly id: string;
  readonly kind: WorkloadKind;
  readonly account: string;
  readonly region: string;
  readonly role: string;
  readonly resource: string;
  /** Absent: any. */
  readonly products?: readonly string[];
  readonly allow: readonly string[];
  readonly cluster?: string;
  readonly namespace?: string;
  readonly serviceAccount?: string;
  readonly state: "running" | "stopped";
  readonly launchedAt: string;
  readonly stoppedAt?: string;
  readonly createdAt: string;
  readonly registrations: readonly RegistrationView[];
}

export const kinds: Readonly<Record<WorkloadKind, { readonly name: string; readonly what: string }>> = {
  ecs: { name: "Amazon ECS", what: "A task on EC2 instances" },
  fargate: { name: "AWS Fargate", what: "An ECS task without instances" },
  eks: { name: "Amazon EKS", what: "A pod with an IAM role for its service account" },
  ec2: { name: "Amazon EC2", what: "An instance with an instance profile" },
  agentcore: { name: "Bedrock AgentCore", what: "An agent runtime" },
};

export const kindOptions = (Object.keys(kinds) as readonly WorkloadKind[]).map((value) => ({
  value,
  label: kinds[value].name,
  description: kinds[value].what,
}));

export function workloadPath(id: string): string {
  return `/workloads/${encodeURIComponent(id)}`;
}

const hourSec = 3_600;

/** `1 h 20 min 5 s`, with the whole number of seconds. */
export function secondsText(seconds: number): string {
  const hours = Math.floor(seconds / hourSec);
  const minutes = Math.floor((seconds % hourSec) / 60);
  const parts = [
    ...(hours > 0 ? [`${hours} h`] : []),
    ...(hours > 0 || minutes > 0 ? [`${minutes} min`] : []),
    `${seconds % 60} s`,
  ];
  return `${seconds.toLocaleString("en-GB")} (${parts.join(" ")})`;
}

/** Over all products that it registered for. */
export function registeredSecondsOf({ registrations }: WorkloadView): number | undefined {
  const seconds = registrations.flatMap(({ registeredSeconds }) => registeredSeconds ?? []);
  return seconds.length === 0 ? undefined : seconds.reduce((sum, one) => sum + one, 0);
}
