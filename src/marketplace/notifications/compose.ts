/**
 * What AWS Marketplace tells a seller, built from plain facts: messages of the SNS topics (SPEC D.3) and events of
 * EventBridge (SPEC D.4), with exactly the members that AWS documents.
 */
import type { Account, Agreement, Notification, Offer, Product, ProductType } from "../../api/types.ts";
import {
  type BillingAdjustment,
  type BusEvent,
  type CancellationKind,
  type CancellationRequest,
  detailTypes,
  type EndedStatus,
  type LifecycleEvent,
} from "./events.ts";

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

/** The account that owns the topics (SPEC N-2). */
const topicOwnerAccountId = "287250355862";
/** SNS topics and events live in this Region only (SPEC N-1, D.4). */
const region = "us-east-1";

/** The topic that tells of a product's subscriptions, or of its entitlements (SPEC N-1). */
export function topicArn(kind: "subscription" | "entitlement", productCode: string): string {
  return `arn:aws:sns:${region}:${topicOwnerAccountId}:aws-mp-${kind}-notification-${productCode}`;
}

/** Undefined when the product does not send such a notification. */
export function composeNotification(event: LifecycleEvent, facts: NotificationFacts): Notification | undefined {
  switch (event.kind) {
    case "subscribe-success":
    case "subscribe-fail":
    case "unsubscribe-pending":
    case "unsubscribe-success":
    case "entitlement-updated":
      return snsMessage(event.kind, facts);
    default: {
      const content = eventContent(event, facts);
      return content && eventBridgeEvent(detailTypes[event.kind], content, facts);
    }
  }
}

/** Products that are bought by contract, whose buyers have entitlements (SPEC N-1). */
const contractTypes: readonly ProductType[] = ["saas-contract", "saas-contract-with-consumption"];

function snsMessage(action: string, { product, agreement, buyer, at, id, offer }: NotificationFacts) {
  // N-26: messages cannot tell concurrent agreements apart.
  const isSent = product.sendsSns ?? !product.concurrentAgreementsOnly;
  if (!isSent || !product.type.startsWith("saas-")) return undefined;
  const isEntitlement = action === "entitlement-updated";
  if (isEntitlement && !contractTypes.includes(product.type)) return undefined;
  const topic = topicArn(isEntitlement ? "entitlement" : "subscription", product.code);
  const offerId = offer?.id ?? agreement.offerId;
  const customer = { action, "customer-identifier": buyer.customerIdentifier, "product-code": product.code };
  const message = isEntitlement
    ? customer // N-5
    : {
        ...customer,
        ...(agreement.privateOffer && offerId !== undefined ? { "offer-identifier": offerId } : {}), // N-3
        isFreeTrialTermPresent: String(agreement.freeTrial), // N-3: text, not a boolean
      };
  const { sellerAccountId, code: productCode } = product;
  const body = JSON.stringify(message);
  return {
    ...{ id, at, form: "sns", sellerAccountId, productCode, agreementId: agreement.id, topicArn: topic },
    ...{ name: action, body },
  } satisfies Notification;
}

interface EventContent {
  /** All of `detail` but requestId and catalog. */
  readonly detail: Readonly<Record<string, unknown>>;
  /** Cancellations and adjustments name none. */
  readonly hasResource?: boolean;
}

/** SPEC N-20. */
function eventBridgeEvent(detailType: string, { detail, hasResource = true }: EventContent, facts: NotificationFacts) {
  const { product, agreement, at, id, requestId } = facts;
  const { sellerAccountId, code: productCode } = product;
  const body = JSON.stringify({
    version: "0",
    id,
    "detail-type": detailType,
    source: "aws.agreement-marketplace",
    account: sellerAccountId,
    time: isoSeconds(at),
    region,
    resources: hasResource ? [`arn:aws:aws-marketplace::aws:agreement:${agreement.id}`] : [],
    detail: { requestId, catalog: "AWSMarketplace", ...detail },
  });
  return {
    ...{ id, at, form: "eventbridge", sellerAccountId, productCode, agreementId: agreement.id },
    ...{ name: detailType, body },
  } satisfies Notification;
}

/**
 * SPEC N-21 to N-23. The sellers of this marketplace make direct offers: they are maker and proposer in one, and get
 * agreement events in the Proposer form, licence events and advisories in the Manufacturer form.
 */
function eventContent(event: BusEvent, facts: NotificationFacts): EventContent | undefined {
  switch (event.kind) {
    case "agreement-created":
      return { detail: createdDetail(facts) };
    case "agreement-amended":
      return { detail: amendedDetail(facts) };
    case "agreement-ended":
      return { detail: endedDetail(event.status, facts) };
    case "agreement-ending":
      return { detail: endingDetail(event.daysBeforeEndTime, facts) };
    case "agreement-renewal-terms-finalized":
    case "agreement-renewal-upcoming":
      return { detail: renewalDetail(event.kind, event.tcv, facts) };
    case "advisory-issued":
      return { detail: { ...makerDetail(facts), advisory: { issuedAt: isoSeconds(event.issuedAt ?? facts.at) } } };
    case "advisory-resolved":
      return { detail: { ...makerDetail(facts), advisory: { resolvedAt: isoSeconds(event.resolvedAt ?? facts.at) } } };
    case "license-updated":
    case "license-deprovisioned":
      return licenseContent(facts);
    case "spend-threshold-reached":
    case "vet-succeeded":
    case "vet-failed":
      // Only usage is watched; a contract is paid up front.
      return facts.product.type === "saas-contract" ? undefined : { detail: makerDetail(facts) };
    case "billing-adjustment-completed":
    case "billing-adjustment-failed":
      return { detail: adjustmentDetail(event.adjustment, facts), hasResource: false };
    default:
      return { detail: cancellationDetail(event.kind, event.request, facts), hasResource: false };
  }
}

function createdDetail({ agreement, product, buyer, seller, offer }: NotificationFacts) {
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

function amendedDetail({ agreement, product, buyer, seller, offer }: NotificationFacts) {
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

function endedDetail(given: EndedStatus | undefined, { agreement, buyer, seller, offer, at }: NotificationFacts) {
  const isExpired = agreement.endsAt !== undefined && at >= agreement.endsAt;
  return {
    agreement: { id: agreement.id, status: given ?? (isExpired ? "EXPIRED" : "CANCELLED") },
    resaleAuthorization: null,
    ...partiesNamed(buyer, seller),
    ...offerOf(agreement, offer),
  };
}

function endingDetail(daysBeforeEndTime: number, { agreement, product, buyer, seller, offer }: NotificationFacts) {
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

function renewalDetail(
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
function licenseContent({ agreement, product, buyer, seller, offer }: NotificationFacts): EventContent | undefined {
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

function cancellationDetail(
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

function adjustmentDetail(
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
function makerDetail({ agreement, product, buyer, seller, offer }: NotificationFacts) {
  return {
    agreement: { id: agreement.id },
    product: { id: product.entityId },
    ...parties(buyer, seller),
    ...offerOf(agreement, offer),
  };
}

function parties(buyer: Account, seller: Account) {
  return { acceptor: { accountId: buyer.id }, proposer: { accountId: seller.id } };
}

function partiesNamed(buyer: Account, seller: Account) {
  const named = seller.name === undefined ? {} : { name: seller.name };
  return { acceptor: { accountId: buyer.id }, proposer: { ...named, accountId: seller.id } };
}

function offerOf(agreement: Agreement, offer: Offer | undefined) {
  const id = offer?.id ?? agreement.offerId;
  return id === undefined ? {} : { offer: { id } };
}

function titled({ entityId, title }: Product) {
  return { id: entityId, title };
}

/** An agreement until cancelled has no end, and then no `endTime`. */
function termOf({ acceptedAt, startedAt, endsAt }: Agreement) {
  return {
    status: "ACTIVE",
    acceptanceTime: isoSeconds(acceptedAt),
    startTime: isoSeconds(startedAt ?? acceptedAt),
    ...(endsAt === undefined ? {} : { endTime: isoSeconds(endsAt) }),
  };
}

/** `disabledBy` is null also where there are no renewal terms to disable. */
function renewalSummary({ autoRenew }: Agreement) {
  return { lockoutStartTime: null, disabledBy: autoRenew === false ? "ACCEPTOR" : null };
}

/** Events carry whole seconds. */
function isoSeconds(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
