/** The outbox's rows, which engines keep in the same columns. */
import type { Delivery, Notification, NotificationForm, NotificationTarget } from "../api/types.ts";

export const defaultNotificationLimit = 100;
/** A target that is down for weeks must not grow its rows without end. */
const maxKeptAttempts = 20;
/** Of a delivery's first attempt: before any wall clock, so that a clock that is set back does not hold it up. */
export const atOnce = 0;

export type NotificationRow = {
  readonly id: string;
  readonly at: number;
  readonly form: NotificationForm;
  readonly seller_account_id: string;
  readonly buyer_account_id: string | null;
  readonly product_code: string;
  readonly agreement_id: string | null;
  readonly topic_arn: string | null;
  readonly name: string;
  readonly body: string;
};

export type DeliveryRow = {
  readonly target_id: string;
  readonly state: Delivery["state"];
  readonly next_attempt_at: number;
  readonly attempts: string;
};

export const notificationColumns =
  "n.id, n.at, n.form, n.seller_account_id, n.buyer_account_id, n.product_code, n.agreement_id, n.topic_arn, n.name, n.body";
export const deliveryColumns = "d.target_id, d.state, d.next_attempt_at, d.attempts";

/**
 * Literals, or the partial indexes are not used. Few deliveries are pending or dead, so the search starts from them;
 * nearly all are delivered, so that is a check of each notification that is found otherwise.
 */
export const withDelivery: Readonly<Record<Delivery["state"], string>> = {
  pending: "n.seq IN (SELECT notification FROM deliveries WHERE state = 'pending')",
  dead: "n.seq IN (SELECT notification FROM deliveries WHERE state = 'dead')",
  delivered: "EXISTS (SELECT 1 FROM deliveries d WHERE d.notification = n.seq AND d.state = 'delivered')",
};

/** SNS asks the owner of an HTTP endpoint first; queues and event buses are subscribed by whoever owns both ends. */
export function wants(target: NotificationTarget, notification: Notification): boolean {
  const { form, sellerAccountId, buyerAccountId, productCode } = notification;
  const isOfAccount =
    buyerAccountId === undefined
      ? target.sellerAccountId === sellerAccountId
      : target.buyerAccountId === buyerAccountId;
  if (!isOfAccount || !target.forms.includes(form)) return false;
  if (target.productCode !== undefined && target.productCode !== productCode) return false;
  return target.kind !== "http" || form !== "sns" || target.confirmedAt !== undefined;
}

/**
 * Sellers may look at what they were told without a target, and send it on later. Buyers' events would only double that
 * list, so they are there for buyers who asked for them.
 */
export function isKept(notification: Notification, targets: readonly NotificationTarget[]): boolean {
  return notification.buyerAccountId === undefined || targets.some((target) => wants(target, notification));
}

/** JSON of the last of them. */
export function attemptsText(attempts: Delivery["attempts"]): string {
  return JSON.stringify(attempts.slice(-maxKeptAttempts));
}

export function notificationOf(row: NotificationRow): Notification {
  return {
    id: row.id,
    at: row.at,
    form: row.form,
    sellerAccountId: row.seller_account_id,
    ...(row.buyer_account_id === null ? {} : { buyerAccountId: row.buyer_account_id }),
    productCode: row.product_code,
    ...(row.agreement_id === null ? {} : { agreementId: row.agreement_id }),
    ...(row.topic_arn === null ? {} : { topicArn: row.topic_arn }),
    name: row.name,
    body: row.body,
  };
}

export function deliveryOf(notificationId: string, row: DeliveryRow): Delivery {
  return {
    notificationId,
    targetId: row.target_id,
    state: row.state,
    attempts: JSON.parse(row.attempts) as Delivery["attempts"],
    nextAttemptAt: row.next_attempt_at,
  };
}
