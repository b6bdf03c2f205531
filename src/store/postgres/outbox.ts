/** The outbox in PostgreSQL. Nothing of it is in memory: whichever node sends finds what any of them published. */
import { randomUUID } from "node:crypto";
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
import type { Connections, Sql } from "./connection.ts";
import { failureOf } from "./failures.ts";

/** What is told under it: which node made a delivery, or queued one again. */
export const outboxChannel = "meterhouse_outbox";

export interface OutboxParts {
  readonly connections: Connections;
  /** Memory is brought to what is committed: a delivery may be to a target of another node's making. */
  readonly catchUp: () => Promise<void>;
}

export class PostgresOutbox implements Outbox {
  readonly #connections: Connections;
  readonly #catchUp: () => Promise<void>;
  readonly #listeners: (() => void)[] = [];
  readonly #node = randomUUID();

  constructor({ connections, catchUp }: OutboxParts) {
    this.#connections = connections;
    this.#catchUp = catchUp;
  }

  async notification(id: string): Promise<Notification | undefined> {
    const [row] = await this.#connections.query<NotificationRow>(
      `SELECT ${notificationColumns} FROM notifications n WHERE n.id = $1`,
      [id],
    );
    return row && notificationOf(row);
  }

  async notifications(
    filter: NotificationFilter,
    page: { readonly limit?: number; readonly cursor?: string; readonly newestFirst?: boolean } = {},
  ): Promise<readonly Notification[]> {
    const conditions: string[] = [];
    const values: (string | number)[] = [];
    const add = (condition: (parameter: string) => string, value: string | undefined): void => {
      if (value === undefined) return;
      values.push(value);
      conditions.push(condition(`$${values.length}`));
    };
    add((p) => `n.buyer_account_id IS NULL AND n.seller_account_id = ${p}`, filter.sellerAccountId);
    add((p) => `n.buyer_account_id = ${p}`, filter.buyerAccountId);
    add((p) => `n.product_code = ${p}`, filter.productCode);
    add((p) => `n.agreement_id = ${p}`, filter.agreementId);
    add((p) => `n.form = ${p}`, filter.form);
    add((p) => `n.name = ${p}`, filter.name);
    if (filter.state !== undefined) conditions.push(withDelivery[filter.state]);
    const [beyond, order] = page.newestFirst === true ? ["<", "DESC"] : [">", "ASC"];
    // Of an unknown id the subquery is NULL, which no seq is beyond.
    add((p) => `n.seq ${beyond} (SELECT seq FROM notifications WHERE id = ${p})`, page.cursor);
    const where = conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`;
    values.push(page.limit ?? defaultNotificationLimit);
    const rows = await this.#connections.query<NotificationRow>(
      `SELECT ${notificationColumns} FROM notifications n ${where} ORDER BY n.seq ${order} LIMIT $${values.length}`,
      values,
    );
    return rows.map(notificationOf);
  }

  async deliveries(notificationId: string): Promise<readonly Delivery[]> {
    const rows = await this.#connections.query<DeliveryRow>(
      `SELECT ${deliveryColumns} FROM deliveries d
       WHERE d.notification = (SELECT seq FROM notifications WHERE id = $1) ORDER BY d.target_id`,
      [notificationId],
    );
    return rows.map((row) => deliveryOf(notificationId, row));
  }

  async due(
    wallNow: number,
    limit: number,
  ): Promise<readonly { readonly delivery: Delivery; readonly notification: Notification }[]> {
    const rows = await this.#connections.query<NotificationRow & DeliveryRow>(
      `SELECT ${notificationColumns}, ${deliveryColumns} FROM deliveries d JOIN notifications n ON n.seq = d.notification
       WHERE d.state = 'pending' AND d.next_attempt_at <= $1 ORDER BY d.next_attempt_at, d.notification LIMIT $2`,
      [Math.floor(wallNow), limit],
    );
    // After the rows: a target that is not in memory then was removed, and is not merely unknown yet.
    if (rows.length > 0) await this.#catchUp();
    return rows.map((row) => ({ delivery: deliveryOf(row.id, row), notification: notificationOf(row) }));
  }

  async nextDueAt(): Promise<number | undefined> {
    const [row] = await this.#connections.query<{ at: number | null }>(
      "SELECT min(next_attempt_at) AS at FROM deliveries WHERE state = 'pending'",
    );
    return row?.at ?? undefined;
  }

  async save({ notificationId, targetId, state, attempts, nextAttemptAt }: Delivery): Promise<void> {
    let saved: readonly { readonly state: string }[];
    try {
      // The lock keeps a removal of the target before or after this: in between it would leave a pending delivery.
      saved = await this.#connections.query(
        `WITH target AS (
           SELECT FROM catalog_rows WHERE kind = 'targets' AND key = $2 AND document IS NOT NULL FOR SHARE
         )
         INSERT INTO deliveries (notification, target_id, state, next_attempt_at, attempts)
         SELECT n.seq, $2, CASE WHEN $3 = 'pending' AND NOT EXISTS (SELECT FROM target) THEN 'dead' ELSE $3 END, $4, $5
         FROM notifications n WHERE n.id = $1
         ON CONFLICT (notification, target_id) DO UPDATE SET
           state = excluded.state, next_attempt_at = excluded.next_attempt_at, attempts = excluded.attempts
         RETURNING state, CASE WHEN state = 'pending' THEN pg_notify($6, $7) END`,
        // Whole milliseconds: a delay with jitter gives fractions, which the column does not take.
        [notificationId, targetId, state, Math.ceil(nextAttemptAt), attemptsText(attempts), outboxChannel, this.#node],
      );
    } catch (error) {
      throw failureOf(error);
    }
    if (saved[0]?.state === "pending") this.wake();
  }

  onDue(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Tells the listeners. Follows the commit of what `publish` made. */
  wake(): void {
    for (const listener of this.#listeners) listener();
  }

  /** What a node told under `outboxChannel`. */
  told(node: string): void {
    if (node !== this.#node) this.wake();
  }

  /** Keeps the notifications, with a delivery to each target that wants one: was any made? Called inside a transaction. */
  async publish(
    sql: Sql,
    announced: readonly Notification[],
    targets: readonly NotificationTarget[],
  ): Promise<boolean> {
    const notifications = announced.filter((one) => isKept(one, targets));
    if (notifications.length === 0) return false;
    // Known already: a change whose commit was in doubt is tried again, and must not send twice.
    const fresh = await sql.query<{ seq: number; id: string }>(
      `INSERT INTO notifications
         (id, at, form, seller_account_id, buyer_account_id, product_code, agreement_id, topic_arn, name, body)
       SELECT id, at, form, seller, buyer, product, agreement, topic, name, body
       FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
         $9::text[], $10::text[])
         WITH ORDINALITY AS k (id, at, form, seller, buyer, product, agreement, topic, name, body, ord)
       ORDER BY ord ON CONFLICT (id) DO NOTHING RETURNING seq, id`,
      [
        notifications.map(({ id }) => id),
        notifications.map(({ at }) => at),
        notifications.map(({ form }) => form),
        notifications.map(({ sellerAccountId }) => sellerAccountId),
        notifications.map(({ buyerAccountId }) => buyerAccountId ?? null),
        notifications.map(({ productCode }) => productCode),
        notifications.map(({ agreementId }) => agreementId ?? null),
        notifications.map(({ topicArn }) => topicArn ?? null),
        notifications.map(({ name }) => name),
        notifications.map(({ body }) => body),
      ],
    );
    const byId = new Map(notifications.map((one) => [one.id, one]));
    const made = fresh.flatMap(({ seq, id }) => {
      const notification = byId.get(id);
      return notification === undefined
        ? []
        : targets.filter((target) => wants(target, notification)).map((target) => ({ seq, targetId: target.id }));
    });
    if (made.length === 0) return false;
    await sql.query(
      `INSERT INTO deliveries (notification, target_id, state, next_attempt_at, attempts)
       SELECT seq, target_id, 'pending', $3::bigint, '[]' FROM unnest($1::bigint[], $2::text[]) AS k (seq, target_id)`,
      [made.map(({ seq }) => seq), made.map(({ targetId }) => targetId), atOnce],
    );
    await sql.query("SELECT pg_notify($1, $2)", [outboxChannel, this.#node]);
    return true;
  }

  /** What is pending to targets that go away is dead. Called inside a transaction, after their removal. */
  async endDeliveries(sql: Sql, targetIds: readonly string[]): Promise<void> {
    if (targetIds.length === 0) return;
    await sql.query("UPDATE deliveries SET state = 'dead' WHERE state = 'pending' AND target_id = ANY($1)", [
      targetIds,
    ]);
  }

  /** Called inside a transaction. */
  async clear(sql: Sql): Promise<void> {
    await sql.query("DELETE FROM deliveries");
    await sql.query("DELETE FROM notifications");
  }
}
