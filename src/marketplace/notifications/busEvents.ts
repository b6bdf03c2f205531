/** The envelope that all events of EventBridge have in common (SPEC N-20). */
import type { Notification } from "../../api/types.ts";
import { type EventContent, isoSeconds, type NotificationFacts } from "./details.ts";

/** SNS topics and events live in this Region only (SPEC N-1, D.4). */
export const notificationRegion = "us-east-1";

/** On the bus of the seller's account, or of the buyer's. */
export function busNotification(
  detailType: string,
  { detail, hasResource = true }: EventContent,
  { product, agreement, at, id, requestId }: NotificationFacts,
  buyerAccountId?: string,
): Notification {
  const { sellerAccountId, code: productCode } = product;
  const body = JSON.stringify({
    version: "0",
    id,
    "detail-type": detailType,
    source: "aws.agreement-marketplace",
    account: buyerAccountId ?? sellerAccountId,
    time: isoSeconds(at),
    region: notificationRegion,
    resources: hasResource ? [`arn:aws:aws-marketplace::aws:agreement:${agreement.id}`] : [],
    detail: { requestId, catalog: "AWSMarketplace", ...detail },
  });
  return {
    ...{ id, at, form: "eventbridge", sellerAccountId, productCode, agreementId: agreement.id },
    ...(buyerAccountId === undefined ? {} : { buyerAccountId }),
    ...{ name: detailType, body },
  };
}
