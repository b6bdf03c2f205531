/**
 * What AWS Marketplace tells a seller, built from plain facts: messages of the SNS topics (SPEC D.3) and events of
 * EventBridge (SPEC D.4), with exactly the members that AWS documents.
 */
import type { Notification, ProductType } from "../../api/types.ts";
import { busNotification, notificationRegion } from "./busEvents.ts";
import {
  adjustmentDetail,
  amendedDetail,
  cancellationDetail,
  createdDetail,
  type EventContent,
  endedDetail,
  endingDetail,
  isoSeconds,
  licenseContent,
  makerDetail,
  type NotificationFacts,
  renewalDetail,
} from "./details.ts";
import { type BusEvent, detailTypes, type LifecycleEvent } from "./events.ts";

/** The account that owns the topics (SPEC N-2). */
const topicOwnerAccountId = "287250355862";

/** The topic that tells of a product's subscriptions, or of its entitlements (SPEC N-1). */
export function topicArn(kind: "subscription" | "entitlement", productCode: string): string {
  return `arn:aws:sns:${notificationRegion}:${topicOwnerAccountId}:aws-mp-${kind}-notification-${productCode}`;
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
      return content && busNotification(detailTypes[event.kind], content, facts);
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
