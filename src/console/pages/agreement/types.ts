/** Agreements as the control plane shows them, and what their states mean, in words. */
import type { StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import type { ProductView } from "../product/types.ts";

export type AgreementState = "pending" | "active" | "final-hour" | "ended" | "payment-failed";

export interface AgreementView {
  readonly id: string;
  readonly product: string;
  readonly productTitle?: string;
  readonly buyer: string;
  readonly buyerName?: string;
  readonly state: AgreementState;
  readonly acceptedAt: string;
  readonly startedAt?: string;
  readonly endingAt?: string;
  readonly endedAt?: string;
  readonly agreementEndedAt?: string;
  readonly failedAt?: string;
  readonly endsAt?: string;
  readonly autoRenew?: boolean;
  readonly license?: string;
  readonly offer?: string;
  readonly privateOffer: boolean;
  readonly freeTrial: boolean;
  readonly intent: "NEW" | "RENEW" | "AMEND";
  readonly previousAgreement?: string;
  readonly version: number;
}

interface StateWords {
  readonly name: string;
  readonly type: StatusIndicatorProps.Type;
  /** For products whose usage sellers report by BatchMeterUsage. */
  readonly saas: string;
  /** For software that meters on the buyer's own compute. */
  readonly compute: string;
}

export const states: Readonly<Record<AgreementState, StateWords>> = {
  pending: {
    name: "Pending",
    type: "pending",
    saas: "Accepted, not paid yet. BatchMeterUsage answers CustomerNotSubscribed.",
    compute: "Accepted, not paid yet. A first MeterUsage or RegisterUsage is refused: CustomerNotEntitledException.",
  },
  active: {
    name: "Active",
    type: "success",
    saas: "Usage is accepted and billed.",
    compute: "Usage is accepted and billed.",
  },
  "final-hour": {
    name: "Final hour",
    type: "warning",
    saas: "Cancelled. The last usage is accepted until the hour is over; then BatchMeterUsage answers CustomerNotSubscribed.",
    compute: "Cancelled. Usage is accepted until the hour is over; then no new task or instance can register or meter.",
  },
  ended: {
    name: "Ended",
    type: "stopped",
    saas: "No usage is accepted: BatchMeterUsage answers CustomerNotSubscribed.",
    compute:
      "A first MeterUsage or RegisterUsage is refused: CustomerNotEntitledException. What registered before is metered on.",
  },
  "payment-failed": {
    name: "Payment failed",
    type: "error",
    saas: "It never started. BatchMeterUsage answers CustomerNotSubscribed.",
    compute: "It never started. A first MeterUsage or RegisterUsage is refused: CustomerNotEntitledException.",
  },
};

export const stateNames = Object.keys(states) as readonly AgreementState[];

export function agreementPath(id: string): string {
  return `/agreements/${encodeURIComponent(id)}`;
}

export function customerPath(account: string): string {
  return `/customers/${encodeURIComponent(account)}`;
}

export function productPath(code: string): string {
  return `/products/${encodeURIComponent(code)}`;
}

export function isContract({ type }: Pick<ProductView, "type">): boolean {
  return type === "saas-contract" || type === "saas-contract-with-consumption";
}
