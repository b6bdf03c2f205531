/** The outbox's port over plain lists, and targets beside it: what tests of the delivery need, without an engine. */
import type { Delivery, Notification, NotificationTarget } from "../../src/api/types.ts";
import type { Catalog, CatalogChange } from "../../src/store/catalog.ts";
import type { NotificationFilter, Outbox } from "../../src/store/outbox.ts";

export class MemoryOutbox implements Outbox {
  readonly saved: Delivery[] = [];
  readonly #notifications = new Map<string, Notification>();
  readonly #deliveries = new Map<string, Delivery>();
  readonly #listeners: (() => void)[] = [];
  /** Thrown by the next `save`. */
  failure: Error | undefined;

  /** As a commit does it: the notification, and a delivery for each target. */
  publish(notification: Notification, targetIds: readonly string[], wallNow = Date.now()): void {
    this.#notifications.set(notification.id, notification);
    for (const targetId of targetIds) {
      this.#put({ notificationId: notification.id, targetId, state: "pending", attempts: [], nextAttemptAt: wallNow });
    }
    for (const listener of this.#listeners) listener();
  }

  delivery(notificationId: string, targetId: string): Delivery {
    const found = this.#deliveries.get(`${notificationId} ${targetId}`);
    if (found === undefined) throw new Error(`no delivery of ${notificationId} to ${targetId}`);
    return found;
  }

  async notification(id: string): Promise<Notification | undefined> {
    return this.#notifications.get(id);
  }

  async notifications(filter: NotificationFilter): Promise<readonly Notification[]> {
    return [...this.#notifications.values()].filter((one) => filter.form === undefined || one.form === filter.form);
  }

  async deliveries(notificationId: string): Promise<readonly Delivery[]> {
    return [...this.#deliveries.values()].filter((one) => one.notificationId === notificationId);
  }

  async due(wallNow: number, limit: number): ReturnType<Outbox["due"]> {
    return [...this.#deliveries.values()]
      .filter((one) => one.state === "pending" && one.nextAttemptAt <= wallNow)
      .toSorted((a, b) => a.nextAttemptAt - b.nextAttemptAt)
      .slice(0, limit)
      .map((delivery) => ({ delivery, notification: this.#notifications.get(delivery.notificationId)! }));
  }

  async nextDueAt(): Promise<number | undefined> {
    const pending = [...this.#deliveries.values()].filter((one) => one.state === "pending");
    return pending.length === 0 ? undefined : Math.min(...pending.map((one) => one.nextAttemptAt));
  }

  async save(delivery: Delivery): Promise<void> {
    const { failure } = this;
    this.failure = undefined;
    if (failure !== undefined) throw failure;
    this.saved.push(delivery);
    this.#put(delivery);
    if (delivery.state === "pending") for (const listener of this.#listeners) listener();
  }

  onDue(listener: () => void): void {
    this.#listeners.push(listener);
  }

  #put(delivery: Delivery): void {
    // As the store does it: rows come back as fresh objects, with their last 20 attempts.
    const row: Delivery = JSON.parse(JSON.stringify({ ...delivery, attempts: delivery.attempts.slice(-20) }));
    this.#deliveries.set(`${row.notificationId} ${row.targetId}`, row);
  }
}

/** What the delivery asks of the catalogue. */
export class MemoryTargets implements Pick<Catalog, "target" | "all" | "apply"> {
  readonly #targets = new Map<string, NotificationTarget>();

  constructor(...targets: readonly NotificationTarget[]) {
    for (const target of targets) this.#targets.set(target.id, target);
  }

  target(id: string): NotificationTarget | undefined {
    return this.#targets.get(id);
  }

  all(): ReturnType<Catalog["all"]> {
    const none = {
      accounts: [],
      credentials: [],
      products: [],
      agreements: [],
      entitlements: [],
      offers: [],
      roles: [],
      workloads: [],
    };
    return { ...none, targets: [...this.#targets.values()] };
  }

  async apply(change: CatalogChange): Promise<void> {
    for (const id of change.remove?.targets ?? []) this.#targets.delete(id);
    for (const target of change.targets ?? []) this.#targets.set(target.id, target);
  }
}
