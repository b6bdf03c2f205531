/** What can happen to an agreement that sellers and buyers are told of (SPEC D.3, D.4), and how AWS calls each. */

/** How an agreement came to its end. */
export type EndedStatus = "CANCELLED" | "EXPIRED" | "RENEWED" | "REPLACED" | "TERMINATED";

/** A seller's request to the buyer to give an agreement up. */
export interface CancellationRequest {
  /** `acr-…`. */
  readonly id: string;
  readonly reasonCode: string;
  readonly reasonMessage?: string;
  readonly statusMessage?: string;
  /** Business time. */
  readonly createdAt: number;
}

/** A refund on an invoice. */
export interface BillingAdjustment {
  /** `ba-…`. */
  readonly id: string;
  /** Decimal text, negative for a refund. */
  readonly amount: string;
  readonly reasonCode: string;
  readonly originalInvoiceId: string;
}

export const cancellationKinds = [
  "cancellation-requested",
  "cancellation-approved",
  "cancellation-rejected",
  "cancellation-cancelled",
  "cancellation-validation-failed",
] as const;
export type CancellationKind = (typeof cancellationKinds)[number];

/** SPEC N-4, N-5. */
export const snsActions = [
  "subscribe-success",
  "subscribe-fail",
  "unsubscribe-pending",
  "unsubscribe-success",
  "entitlement-updated",
] as const;
export type SnsAction = (typeof snsActions)[number];

export type LifecycleEvent =
  | { readonly kind: SnsAction }
  | { readonly kind: "agreement-created" | "agreement-amended" }
  /** Without a status: EXPIRED at or after the end of its term, else CANCELLED. */
  | { readonly kind: "agreement-ended"; readonly status?: EndedStatus }
  | { readonly kind: "agreement-ending"; readonly daysBeforeEndTime: number }
  /** `tcv`: the value of the next term in USD, decimal text. */
  | { readonly kind: "agreement-renewal-terms-finalized" | "agreement-renewal-upcoming"; readonly tcv: string }
  /** Business times; default: that of the event. */
  | { readonly kind: "advisory-issued"; readonly issuedAt?: number }
  | { readonly kind: "advisory-resolved"; readonly resolvedAt?: number }
  | { readonly kind: "license-updated" | "license-deprovisioned" }
  | { readonly kind: "spend-threshold-reached" | "vet-succeeded" | "vet-failed" }
  | { readonly kind: CancellationKind; readonly request: CancellationRequest }
  | {
      readonly kind: "billing-adjustment-completed" | "billing-adjustment-failed";
      readonly adjustment: BillingAdjustment;
    };

/** Those of the event bus; the others are messages of a topic. */
export type BusEvent = Exclude<LifecycleEvent, { readonly kind: SnsAction }>;

/** SPEC D.4. Why some are for the proposer and some for the manufacturer: `eventContent`. */
export const detailTypes = {
  "agreement-created": "Purchase Agreement Created - Proposer",
  "agreement-amended": "Purchase Agreement Amended - Proposer",
  "agreement-ended": "Purchase Agreement Ended - Proposer",
  "agreement-ending": "Purchase Agreement Ending - Proposer",
  "agreement-renewal-terms-finalized": "Purchase Agreement Renewal Terms Finalized - Proposer",
  "agreement-renewal-upcoming": "Purchase Agreement Renewal Upcoming - Proposer",
  "advisory-issued": "Purchase Agreement Advisory Issued - Manufacturer",
  "advisory-resolved": "Purchase Agreement Advisory Resolved - Manufacturer",
  "license-updated": "License Updated - Manufacturer",
  "license-deprovisioned": "License Deprovisioned - Manufacturer",
  "spend-threshold-reached": "Spend Threshold Reached - Manufacturer",
  "vet-succeeded": "Spend Threshold Vet Succeeded - Manufacturer",
  "vet-failed": "Spend Threshold Vet Failed - Manufacturer",
  "cancellation-requested": "Agreement Cancellation Request Pending Approval - Proposer",
  "cancellation-approved": "Agreement Cancellation Request Approved - Proposer",
  "cancellation-rejected": "Agreement Cancellation Request Rejected - Proposer",
  "cancellation-cancelled": "Agreement Cancellation Request Cancelled - Proposer",
  "cancellation-validation-failed": "Agreement Cancellation Request Validation Failed - Proposer",
  "billing-adjustment-completed": "Purchase Agreement Billing Adjustment Completed - Proposer",
  "billing-adjustment-failed": "Purchase Agreement Billing Adjustment Failed - Proposer",
} as const satisfies Record<BusEvent["kind"], string>;

/** Of what the buyer is told too (SPEC D.4): not of licences, advisories and trust checks, nor of what failed. */
export const acceptorDetailTypes = {
  "agreement-created": "Purchase Agreement Created - Acceptor",
  "agreement-amended": "Purchase Agreement Amended - Acceptor",
  "agreement-ended": "Purchase Agreement Ended - Acceptor",
  "agreement-ending": "Purchase Agreement Ending - Acceptor",
  "agreement-renewal-terms-finalized": "Purchase Agreement Renewal Terms Finalized - Acceptor",
  "agreement-renewal-upcoming": "Purchase Agreement Renewal Upcoming - Acceptor",
  "cancellation-requested": "Agreement Cancellation Request Pending Approval - Acceptor",
  "cancellation-approved": "Agreement Cancellation Request Approved - Acceptor",
  "cancellation-rejected": "Agreement Cancellation Request Rejected - Acceptor",
  "cancellation-cancelled": "Agreement Cancellation Request Cancelled - Acceptor",
  "billing-adjustment-completed": "Purchase Agreement Billing Adjustment Completed - Acceptor",
} as const satisfies Partial<Record<BusEvent["kind"], string>>;

export type AcceptorKind = keyof typeof acceptorDetailTypes;
export type AcceptorEvent = BusEvent & { readonly kind: AcceptorKind };
