/**
 * What AWS Marketplace tells a buyer, who is the acceptor of the agreement: events on the bus of the buyer's own account
 * (SPEC D.4). Their `detail` is near that of the proposer's events; where they differ, AWS's guide for buyers says so:
 * https://docs.aws.amazon.com/marketplace/latest/buyerguide/agreement-eventbridge.html and
 * https://docs.aws.amazon.com/marketplace/latest/buyerguide/cancellation-adjustment-eventbridge.html
 */
import type { Notification } from "../../api/types.ts";
import { busNotification } from "./busEvents.ts";
import {
  adjustmentDetail,
  amendedDetail,
  cancellationDetail,
  createdDetail,
  type EventContent,
  endedDetail,
  endingDetail,
  type NotificationFacts,
  parties,
  renewalDetail,
} from "./details.ts";
import { type AcceptorEvent, acceptorDetailTypes, type LifecycleEvent } from "./events.ts";

/** Undefined when buyers are not told of it. */
export function composeForBuyer(event: LifecycleEvent, facts: NotificationFacts): Notification | undefined {
  if (!isAcceptorEvent(event)) return undefined;
  return busNotification(acceptorDetailTypes[event.kind], contentOf(event, facts), facts, facts.buyer.id);
}

function isAcceptorEvent(event: LifecycleEvent): event is AcceptorEvent {
  return event.kind in acceptorDetailTypes;
}

function contentOf(event: AcceptorEvent, facts: NotificationFacts): EventContent {
  switch (event.kind) {
    case "agreement-created":
      return { detail: facts.agreement.intent === "RENEW" ? renewedDetail(facts) : newDetail(facts) };
    case "agreement-amended": {
      const { resaleAuthorization: _resale, ...detail } = amendedDetail(facts);
      return { detail: { ...detail, ...parties(facts.buyer, facts.seller), ...offerNamed(facts) } };
    }
    case "agreement-ended": {
      const { resaleAuthorization: _resale, ...detail } = endedDetail(event.status, facts);
      return { detail: { ...detail, ...parties(facts.buyer, facts.seller) } };
    }
    case "agreement-ending":
      return { detail: { ...endingDetail(event.daysBeforeEndTime, facts), ...offerNamed(facts) } };
    case "agreement-renewal-terms-finalized":
    case "agreement-renewal-upcoming":
      return { detail: renewalDetail(event.kind, event.tcv, facts) };
    case "billing-adjustment-completed":
      return { detail: adjustmentDetail(event.adjustment, facts), hasResource: false };
    default: {
      const { agreement, ...detail } = cancellationDetail(event.kind, event.request, facts);
      const { acceptorId: _acceptor, id, ...rest } = agreement;
      // Each side is told who the other is.
      return { detail: { agreement: { id, proposerId: facts.seller.id, ...rest }, ...detail }, hasResource: false };
    }
  }
}

/** A new purchase has neither the product nor any names; a renewal has. */
function newDetail(facts: NotificationFacts) {
  const { resaleAuthorization: _resale, product: _product, ...detail } = createdDetail(facts);
  return { ...detail, ...parties(facts.buyer, facts.seller) };
}

function renewedDetail(facts: NotificationFacts) {
  const { resaleAuthorization: _resale, ...detail } = createdDetail(facts);
  return { ...detail, ...offerNamed(facts) };
}

function offerNamed({ agreement, offer }: NotificationFacts) {
  const id = offer?.id ?? agreement.offerId;
  const name = offer?.title === undefined ? {} : { name: offer.title };
  return id === undefined ? {} : { offer: { id, ...name } };
}
