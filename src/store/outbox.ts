/**
 * The outbox's port: notifications, written with the change that caused them (`CatalogChange.notifications`), and their
 * way to each target. A delivery row is made for every target that wants the notification, in the same transaction.
 */
import type { Delivery, Notification, NotificationForm } from "../api/types.ts";

export interface NotificationFilter {
  /** Told to this seller. */
  readonly sellerAccountId?: string;
  /** Told to this buyer. */
  readonly buyerAccountId?: string;
  readonly productCode?: string;
  readonly agreementId?: string;
  readonly form?: NotificationForm;
  readonly name?: string;
  /** Only those with a delivery in this state. */
  readonly state?: Delivery["state"];
}

export interface Outbox {
  notification(id: string): Promise<Notification | undefined>;
  /** In order of publication; after `cursor` (a notification's id; unknown = nothing), at most `limit` (default 100). */
  notifications(
    filter: NotificationFilter,
    page?: { readonly limit?: number; readonly cursor?: string; readonly newestFirst?: boolean },
  ): Promise<readonly Notification[]>;
  deliveries(notificationId: string): Promise<readonly Delivery[]>;
  /** Pending deliveries whose next attempt is due, oldest first. Wall clock. */
  due(
    wallNow: number,
    limit: number,
  ): Promise<readonly { readonly delivery: Delivery; readonly notification: Notification }[]>;
  /** When the next pending delivery is due; undefined = none is pending. */
  nextDueAt(): Promise<number | undefined>;
  /**
   * Replaces the row: after an attempt, or to send again what was delivered or is dead. Makes it if there is none. The
   * last 20 attempts are kept. What was taken away during an attempt stays away: a notification that is gone takes no
   * row, and a pending delivery to a target that is gone is dead.
   */
  save(delivery: Delivery): Promise<void>;
  /** Calls the listener after each commit that made a delivery or queued one again. It must not throw. */
  onDue(listener: () => void): void;
}
