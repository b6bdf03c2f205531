/** The outbox in SQLite. Nothing of it is in memory: what a change published is found again after any kind of end. */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Delivery, Notification, NotificationTarget } from "../../api/types.ts";
import type { NotificationFilter, Outbox } from "../outbox.ts";
import {
  atOnce,
  attemptsText,
  type DeliveryRow,
  defaultNotificationLimit,
  deliveryColumns,
  deliveryOf,
  isKept,
  type NotificationRow,
  notificationColumns,
  notificationOf,
  wants,
  withDelivery,
} from "../outboxRows.ts";
import type { GroupCommit } from "./groupCommit.ts";

export class SqliteOutbox implements Outbox {
  readonly #database: DatabaseSync;
  readonly #commits: GroupCommit;
  readonly #listeners: (() => void)[] = [];
  readonly #insertNotification: StatementSync;
  readonly #putDelivery: StatementSync;
  readonly #endDeliveries: StatementSync;
  readonly #seqOf: StatementSync;
  readonly #hasTarget: StatementSync;
  readonly #due: StatementSync;
  readonly #nextDueAt: StatementSync;

  constructor(database: DatabaseSync, commits: GroupCommit) {
    this.#database = database;
    this.#commits = commits;
    this.#insertNotification = database.prepare(
      `INSERT INTO notifications
         (id, at, form, seller_account_id, buyer_account_id, product_code, agreement_id, topic_arn, name, body)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
    );
    this.#putDelivery = database.prepare(
      `INSERT INTO deliveries (notification, target_id, state, next_attempt_at, attempts) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (notification, target_id) DO UPDATE SET
         state = excluded.state, next_attempt_at = excluded.next_attempt_at, attempts = excluded.attempts`,
    );
    this.#endDeliveries = database.prepare(
      "UPDATE deliveries SET state = 'dead' WHERE state = 'pending' AND target_id = ?",
    );
    this.#seqOf = database.prepare("SELECT seq FROM notifications WHERE id = ?");
    this.#hasTarget = database.prepare("SELECT 1 FROM notification_targets WHERE id = ?");
    // CROSS JOIN holds the order of the loops: what is due, then each one's notification.
    this.#due = database.prepare(
      `SELECT ${notificationColumns}, ${deliveryColumns}
       FROM deliveries d CROSS JOIN notifications n ON n.seq = d.notification
       WHERE d.state = 'pending' AND d.next_attempt_at <= ? ORDER BY d.next_attempt_at, d.notification LIMIT ?`,
    );
    this.#nextDueAt = database.prepare("SELECT min(next_attempt_at) AS at FROM deliveries WHERE state = 'pending'");
  }

  async notification(id: string): Promise<Notification | undefined> {
    this.#commits.settle();
    const row = this.#database.prepare(`SELECT ${notificationColumns} FROM notifications n WHERE n.id = ?`).get(id);
    return row === undefined ? undefined : notificationOf(row as NotificationRow);
  }

  async notifications(
    filter: NotificationFilter,
    page: { readonly limit?: number; readonly cursor?: string; readonly newestFirst?: boolean } = {},
  ): Promise<readonly Notification[]> {
    this.#commits.settle();
    const conditions: string[] = [];
    const values: (string | number)[] = [];
    const add = (condition: string, value: string | number | undefined): void => {
      if (value === undefined) return;
      conditions.push(condition);
      values.push(value);
    };
    add("n.buyer_account_id IS NULL AND n.seller_account_id = ?", filter.sellerAccountId);
    add("n.buyer_account_id = ?", filter.buyerAccountId);
    add("n.product_code = ?", filter.productCode);
    add("n.agreement_id = ?", filter.agreementId);
    add("n.form = ?", filter.form);
    add("n.name = ?", filter.name);
    if (filter.state !== undefined) conditions.push(withDelivery[filter.state]);
    const newestFirst = page.newestFirst === true;
    // Of an unknown id the subquery is NULL, which no seq is beyond.
    add(`n.seq ${newestFirst ? "<" : ">"} (SELECT seq FROM notifications WHERE id = ?)`, page.cursor);
    const where = conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`;
    const rows = this.#database
      .prepare(
        `SELECT ${notificationColumns} FROM notifications n ${where} ORDER BY n.seq ${newestFirst ? "DESC" : "ASC"} LIMIT ?`,
      )
      .all(...values, page.limit ?? defaultNotificationLimit) as NotificationRow[];
    return rows.map(notificationOf);
  }

  async deliveries(notificationId: string): Promise<readonly Delivery[]> {
    this.#commits.settle();
    const rows = this.#database
      .prepare(
        `SELECT ${deliveryColumns} FROM deliveries d
         WHERE d.notification = (SELECT seq FROM notifications WHERE id = ?) ORDER BY d.target_id`,
      )
      .all(notificationId) as DeliveryRow[];
    return rows.map((row) => deliveryOf(notificationId, row));
  }

  async due(
    wallNow: number,
    limit: number,
  ): Promise<readonly { readonly delivery: Delivery; readonly notification: Notification }[]> {
    this.#commits.settle();
    const rows = this.#due.all(Math.floor(wallNow), limit) as (NotificationRow & DeliveryRow)[];
    return rows.map((row) => ({ delivery: deliveryOf(row.id, row), notification: notificationOf(row) }));
  }

  async nextDueAt(): Promise<number | undefined> {
    this.#commits.settle();
    const at = this.#nextDueAt.get()?.at;
    return typeof at === "number" ? at : undefined;
  }

  save(delivery: Delivery): Promise<void> {
    return this.#commits
      .enqueue({
        run: () => this.#save(delivery),
        committed: (isQueued) => {
          if (isQueued) this.wake();
        },
      })
      .then(() => {});
  }

  onDue(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Tells the listeners. Follows the commit of what `publish` made. */
  wake(): void {
    for (const listener of this.#listeners) listener();
  }

  /** Keeps the notifications, with a delivery to each target that wants one: was any made? Called inside a transaction. */
  publish(notifications: readonly Notification[], targets: readonly NotificationTarget[]): boolean {
    let made = false;
    for (const notification of notifications) {
      if (!isKept(notification, targets)) continue;
      const { id, at, form, sellerAccountId, productCode, agreementId, topicArn, name, body } = notification;
      const inserted = this.#insertNotification.run(
        id,
        at,
        form,
        sellerAccountId,
        notification.buyerAccountId ?? null,
        productCode,
        agreementId ?? null,
        topicArn ?? null,
        name,
        body,
      );
      // Known already: a change whose commit was in doubt is tried again, and must not send twice.
      if (inserted.changes === 0) continue;
      for (const target of targets) {
        if (!wants(target, notification)) continue;
        this.#putDelivery.run(inserted.lastInsertRowid, target.id, "pending", atOnce, "[]");
        made = true;
      }
    }
    return made;
  }

  /** What is pending to a target that goes away is dead. Called inside a transaction. */
  endDeliveries(targetId: string): void {
    this.#endDeliveries.run(targetId);
  }

  /** Called inside a transaction. */
  clear(): void {
    this.#database.exec("DELETE FROM notifications; DELETE FROM deliveries");
  }

  /** Is there a pending delivery now? */
  #save({ notificationId, targetId, state, attempts, nextAttemptAt }: Delivery): boolean {
    const seq = this.#seqOf.get(notificationId)?.seq;
    if (typeof seq !== "number") return false;
    const kept = state === "pending" && this.#hasTarget.get(targetId) === undefined ? "dead" : state;
    // Whole milliseconds: a delay with jitter gives fractions, which the column does not take.
    this.#putDelivery.run(seq, targetId, kept, Math.ceil(nextAttemptAt), attemptsText(attempts));
    return kept === "pending";
  }
}
