/**
 * What others than the buyer and the clock bring about, and the marketplace only passes on: payment trouble, trust
 * checks, requests to give an agreement up, refunds (SPEC D.4).
 */
import { newBillingAdjustmentId, newCancellationRequestId } from "./identifiers.ts";
import { type BusEvent, type CancellationKind, cancellationKinds } from "./notifications/events.ts";

export const spendKinds = ["spend-threshold-reached", "vet-succeeded", "vet-failed"] as const;
export const adjustmentKinds = ["billing-adjustment-completed", "billing-adjustment-failed"] as const;

/** Instants are business times and default to that of the announcement. */
export type Announcement =
  | { readonly kind: "advisory-issued"; readonly issuedAt?: number }
  | { readonly kind: "advisory-resolved"; readonly resolvedAt?: number }
  | { readonly kind: (typeof spendKinds)[number] }
  | {
      readonly kind: CancellationKind;
      /** `acr-…`, of a request that was announced before; default: a new one. */
      readonly id?: string;
      readonly reasonCode: string;
      readonly reasonMessage?: string;
      readonly statusMessage?: string;
      readonly createdAt?: number;
    }
  | {
      readonly kind: (typeof adjustmentKinds)[number];
      /** `ba-…`; default: a new one. */
      readonly id?: string;
      /** USD, decimal text, negative for a refund. */
      readonly amount: string;
      readonly reasonCode: string;
      readonly originalInvoiceId: string;
    };

export const announcementKinds: readonly Announcement["kind"][] = [
  "advisory-issued",
  "advisory-resolved",
  ...spendKinds,
  ...cancellationKinds,
  ...adjustmentKinds,
];

export function eventOf(announcement: Announcement, at: number): BusEvent {
  switch (announcement.kind) {
    case "advisory-issued":
    case "advisory-resolved":
    case "spend-threshold-reached":
    case "vet-succeeded":
    case "vet-failed":
      return announcement;
    case "billing-adjustment-completed":
    case "billing-adjustment-failed": {
      const { kind, id = newBillingAdjustmentId(), amount, reasonCode, originalInvoiceId } = announcement;
      return { kind, adjustment: { id, amount, reasonCode, originalInvoiceId } };
    }
    default: {
      const { kind, id = newCancellationRequestId(), createdAt = at, ...request } = announcement;
      return { kind, request: { ...request, id, createdAt } };
    }
  }
}
