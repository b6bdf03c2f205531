/** What events of EventBridge say in their `detail`, from plain facts (SPEC N-21, N-22): the parts, and the proposer's forms. */
import type { Account, Agreement, Offer, Product } from "../../api/types.ts";
import type { BillingAdjustment, CancellationKind, CancellationRequest, EndedStatus } from "./events.ts";

export interface NotificationFacts {
  readonly product: Product;
  /** As it is after the change. */
  readonly agreement: Agreement;
  readonly buyer: Account;
  readonly seller: Account;
  readonly offer?: Offer;
  /** Business time of publication (SPEC A.5). */
  readonly at: number;
  /** UUID of the notification. */
  readonly id: string;
  /** UUID. */
  readonly requestId: string;
}

export interface EventContent {
  /** All of `detail` but requestId and catalog. */
  readonly detail: Readonly<Record<string, unknown>>;
  /** Cancellations and adjustments name none. */
  readonly hasResource?: boolean;
}

export function createdDetail({ agreement, product, buyer, seller, offer }: NotificationFacts) {
  const { intent = "NEW", previousAgreementId } = agreement;
  const previous = previousAgreementId === undefined ? {} : { previousAgreementId };
  return {
    agreement: { id: agreement.id, intent, ...termOf(agreement), ...previous },
    resaleAuthorization: null,
    product: titled(product),
    ...partiesNamed(buyer, seller),
    ...offerOf(agreement, offer),
  };
}

export function amendedDetail({ agreement, product, buyer, seller, offer }: NotificationFacts) {
  const autoRenewalEnabled = agreement.autoRenew === true;
  return {
    agreement: { id: agreement.id, intent: "AMEND", ...termOf(agreement), autoRenewalEnabled },
    renewalSummary: renewalSummary(agreement),
    product: titled(product),
    resaleAuthorization: null,
    ...partiesNamed(buyer, seller),
    ...offerOf(agreement, offer),
  };
}

export function endedDetail(
  given: EndedStatus | undefined,
  { agreement, buyer, seller, offer, at }: NotificationFacts,
) {
  const isExpired = agreement.endsAt !== undefined && at >= agreement.endsAt;
  return {
    agreement: { id: agreement.id, status: given ?? (isExpired ? "EXPIRED" : "CANCELLED") },
    resaleAuthorization: null,
    ...partiesNamed(buyer, seller),
    ...offerOf(agreement, offer),
  };
}

export function endingDetail(
  daysBeforeEndTime: number,
  { agreement, product, buyer, seller, offer }: NotificationFacts,
) {
  const { startTime, endTime } = termOf(agreement);
  const autoRenewalEnabled = agreement.autoRenew === true;
  return {
    agreement: { id: agreement.id, startTime, endTime, status: "ACTIVE", daysBeforeEndTime, autoRenewalEnabled },
    renewalSummary: renewalSummary(agreement),
    product: titled(product),
    ...partiesNamed(buyer, seller),
    ...offerOf(agreement, offer),
  };
}

export function renewalDetail(
  kind: "agreement-renewal-terms-finalized" | "agreement-renewal-upcoming",
  tcv: string,
  { agreement, product, buyer, seller, at }: NotificationFacts,
) {
  const { startTime, endTime } = termOf(agreement);
  // Renewal terms have no lock-out period here, which AWS spells null.
  const renewalSummary =
    kind === "agreement-renewal-terms-finalized"
      ? { tcv, currency: "USD", termsFinalizedTime: isoSeconds(at), lockoutReached: null, lockoutStartTime: null }
      : { lockoutReached: true, tcv, currency: "USD" };
  return {
    agreement: { id: agreement.id, startTime, endTime },
    renewalSummary,
    product: titled(product),
    ...partiesNamed(buyer, seller),
  };
}

/** SPEC N-22. The ARN is whole, as the API takes it; AWS's samples leave parts of it out (SPEC B-33). */
export function licenseContent({
  agreement,
  product,
  buyer,
  seller,
  offer,
}: NotificationFacts): EventContent | undefined {
  if (agreement.licenseArn === undefined) return undefined;
  return {
    detail: {
      agreement: { id: agreement.id },
      product: { code: product.code, id: product.entityId },
      license: { arn: agreement.licenseArn },
      ...parties(buyer, seller),
      ...offerOf(agreement, offer),
    },
  };
}

export function cancellationDetail(
  kind: CancellationKind,
  request: CancellationRequest,
  { agreement, product, buyer, at, offer }: NotificationFacts,
) {
  const offerId = offer?.id ?? agreement.offerId;
  return {
    agreement: {
      id: agreement.id,
      acceptorId: buyer.id,
      productId: product.entityId,
      ...(offerId === undefined ? {} : { offerId }),
    },
    agreementCancellationRequest: {
      id: request.id,
      reasonCode: request.reasonCode,
      reasonMessage: request.reasonMessage ?? "",
      statusCode: cancellationStates[kind],
      statusMessage: request.statusMessage ?? "",
      createdAt: isoSeconds(request.createdAt),
      updatedAt: isoSeconds(at),
    },
  };
}

const cancellationStates = {
  "cancellation-requested": "PENDING_APPROVAL",
  "cancellation-approved": "APPROVED",
  "cancellation-rejected": "REJECTED",
  "cancellation-cancelled": "CANCELLED",
  "cancellation-validation-failed": "VALIDATION_FAILED",
} as const satisfies Record<CancellationKind, string>;

export function adjustmentDetail(
  { id, amount, reasonCode, originalInvoiceId }: BillingAdjustment,
  { agreement }: NotificationFacts,
) {
  return {
    agreement: { id: agreement.id },
    billingAdjustmentRequest: {
      id,
      adjustmentAmount: amount,
      currencyCode: "USD",
      adjustmentReasonCode: reasonCode,
    },
    invoice: { originalInvoiceId },
  };
}

/** What events to the maker share. */
export function makerDetail({ agreement, product, buyer, seller, offer }: NotificationFacts) {
  return {
    agreement: { id: agreement.id },
    product: { id: product.entityId },
    ...parties(buyer, seller),
    ...offerOf(agreement, offer),
  };
}

export function parties(buyer: Account, seller: Account) {
  return { acceptor: { accountId: buyer.id }, proposer: { accountId: seller.id } };
}

export function partiesNamed(buyer: Account, seller: Account) {
  const named = seller.name === undefined ? {} : { name: seller.name };
  return { acceptor: { accountId: buyer.id }, proposer: { ...named, accountId: seller.id } };
}

export function offerOf(agreement: Agreement, offer: Offer | undefined) {
  const id = offer?.id ?? agreement.offerId;
  return id === undefined ? {} : { offer: { id } };
}

export function titled({ entityId, title }: Product) {
  return { id: entityId, title };
}

/** An agreement until cancelled has no end, and then no `endTime`. */
export function termOf({ acceptedAt, startedAt, endsAt }: Agreement) {
  return {
    status: "ACTIVE",
    acceptanceTime: isoSeconds(acceptedAt),
    startTime: isoSeconds(startedAt ?? acceptedAt),
    ...(endsAt === undefined ? {} : { endTime: isoSeconds(endsAt) }),
  };
}

/** `disabledBy` is null also where there are no renewal terms to disable. */
export function renewalSummary({ autoRenew }: Agreement) {
  return { lockoutStartTime: null, disabledBy: autoRenew === false ? "ACCEPTOR" : null };
}

/** Events carry whole seconds. */
export function isoSeconds(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
