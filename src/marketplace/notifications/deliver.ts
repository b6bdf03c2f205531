/**
 * Brings the outbox to its targets, at least once: what was sent is saved after it was sent, so that a kill in between
 * sends it again. Wall clock throughout (SPEC A.5).
 */
import { hash, randomBytes, timingSafeEqual } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import type { Delivery, Notification, NotificationTarget } from "../../api/types.ts";
import type { Catalog } from "../../store/catalog.ts";
import type { Outbox } from "../../store/outbox.ts";
import { topicArn } from "./compose.ts";
import { type Attempt, createQueueSender, postHttp } from "./send.ts";
import { type SnsSigner, snsHeaders } from "./sns.ts";

export interface DeliveryTimes {
  /** Wait after the first failed attempt; it doubles with every further one. */
  readonly retryFirstMs: number;
  readonly retryMaxMs: number;
  /** For one attempt. */
  readonly attemptMaxMs: number;
  /** How long `stop()` waits for attempts under way before it cuts them off. */
  readonly stopMaxMs: number;
}

export interface DeliveryWorkerOptions {
  readonly outbox: Outbox;
  readonly catalog: Pick<Catalog, "target" | "all" | "apply">;
  /** Asked when the first SNS message is to be sent: its certificate takes a moment to make. */
  readonly signer: () => Promise<SnsSigner>;
  readonly wallClock: () => number;
  /** Business clock, for the Timestamp of a confirmation request. */
  readonly businessClock: () => number;
  readonly log: Pick<Logger, "debug" | "warn" | "error">;
  /** Where sellers reach this server, without a slash at the end: asked when a message is sent. */
  readonly baseUrl: () => string;
  /** Of several nodes over one outbox, one sends: is it this one? Default: it is. Kick the worker when that changes. */
  readonly leads?: () => boolean;
  readonly times?: Partial<DeliveryTimes>;
  /** 0 to 1; spreads the retries. Default Math.random. */
  readonly random?: () => number;
}

export interface DeliveryWorker {
  start(): void;
  /** Waits for what is under way, for a bounded time; what is cut off is sent again at the next start. */
  stop(): Promise<void>;
  /** Looks at the outbox at once: there may be something new. */
  kick(): void;
  /** Asks the endpoint of an HTTP target to confirm. Rejects when there is no such target. */
  sendConfirmation(targetId: string): Promise<Attempt>;
  /** The owner visited the SubscribeURL. Undefined when the token is not known. */
  confirm(token: string): Promise<NotificationTarget | undefined>;
  /** The owner visited the UnsubscribeURL: SNS messages stop until they confirm anew. */
  unsubscribe(token: string): Promise<NotificationTarget | undefined>;
  /** To one target, or to all that it went to. Answers how many deliveries are under way again. */
  resend(notificationId: string, targetId?: string): Promise<number>;
}

const serviceTimes: DeliveryTimes = {
  retryFirstMs: 1_000,
  retryMaxMs: 300_000,
  attemptMaxMs: 10_000,
  stopMaxMs: 12_000,
};
const lanesMax = 8;
/** After so many failures in a row a delivery is dead, until somebody resends it. */
const attemptsMax = 12;
/** Fewer than the store keeps. The oldest go by attemptsMax at a time, so that the count of failures goes on. */
const keptAttemptsMax = 19;
const dueFirst = 256;
const dueMax = 65_536;
/** A wall clock that was put forward is noticed after this at the latest. */
const sleepMaxMs = 60_000;
const restMs = 20;
const busyRestMs = 250;
const afterErrorMs = 5_000;

export function createDeliveryWorker(options: DeliveryWorkerOptions): DeliveryWorker {
  const { outbox, catalog, wallClock } = options;
  const times = { ...serviceTimes, ...options.times };
  const loop = new DeliveryLoop(options, times);
  outbox.onDue(() => loop.kick());
  return {
    start: () => loop.start(),
    stop: () => loop.stop(),
    kick: () => loop.kick(),
    resend: async (notificationId, targetId) => {
      const known = await outbox.deliveries(notificationId);
      const rows = targetId === undefined ? known : known.filter((row) => row.targetId === targetId);
      const isNew = targetId !== undefined && rows.length === 0 && catalog.target(targetId) !== undefined;
      const fresh = { notificationId, targetId: targetId ?? "", attempts: [] };
      const all = isNew && (await outbox.notification(notificationId)) !== undefined ? [fresh] : rows;
      for (const row of all) await outbox.save({ ...row, state: "pending", nextAttemptAt: wallClock() });
      loop.kick();
      return all.length;
    },
    ...createSubscriptions(options, times),
  };
}

/** Sleeps until something is due, sends it, and sleeps again. */
class DeliveryLoop {
  readonly #options: DeliveryWorkerOptions;
  readonly #times: DeliveryTimes;
  readonly #sender: Sender;
  /** By target id. One at a time each, so that a target gets what is due in order. */
  readonly #lanes = new Map<string, Promise<void>>();
  #isRunning = false;
  /** Whether the outbox may have changed since it was last looked at. */
  #isKicked = false;
  #wake: () => void = () => {};
  #pumping: Promise<void> = Promise.resolve();
  /** `stop()` was called. */
  #stopping = new AbortController();
  /** What is under way is cut off. */
  #cutOff = new AbortController();

  constructor(options: DeliveryWorkerOptions, times: DeliveryTimes) {
    this.#options = options;
    this.#times = times;
    this.#sender = createSender(options, times);
  }

  start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#stopping = new AbortController();
    this.#cutOff = new AbortController();
    this.#pumping = this.#pump();
  }

  async stop(): Promise<void> {
    this.#isRunning = false;
    this.#stopping.abort();
    this.kick();
    await this.#pumping;
    const timer = setTimeout(() => this.#cutOff.abort(), this.#times.stopMaxMs);
    await Promise.all(this.#lanes.values());
    clearTimeout(timer);
    this.#sender.close();
  }

  kick(): void {
    this.#isKicked = true;
    this.#wake();
  }

  #leads(): boolean {
    return this.#options.leads?.() ?? true;
  }

  async #pump(): Promise<void> {
    const { outbox, wallClock, log } = this.#options;
    while (this.#isRunning) {
      this.#isKicked = false;
      if (!this.#leads()) {
        await this.#sleep(sleepMaxMs);
        continue;
      }
      try {
        await this.#startDue();
        const dueAt = await outbox.nextDueAt();
        const waitMs = dueAt === undefined ? sleepMaxMs : dueAt - wallClock();
        // What is due by now waits for a target that is busy, or came to be due since it was asked for.
        const leastMs = this.#lanes.size === 0 ? restMs : busyRestMs;
        await this.#sleep(Math.min(Math.max(waitMs, leastMs), sleepMaxMs));
      } catch (error) {
        log.error({ err: error }, "the outbox cannot be read");
        await this.#sleep(afterErrorMs);
      }
    }
  }

  async #sleep(ms: number): Promise<void> {
    if (this.#isKicked || !this.#isRunning) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = () => {};
  }

  /** Starts what is due; where that is due to busy targets only, also what stands behind it. */
  async #startDue(): Promise<void> {
    const { outbox, wallClock } = this.#options;
    for (let limit = dueFirst; limit <= dueMax; limit *= 4) {
      const rows = await outbox.due(wallClock(), limit);
      if (!this.#isRunning) return;
      for (const [targetId, own] of Map.groupBy(rows, (row) => row.delivery.targetId)) {
        if (this.#lanes.size >= lanesMax) return;
        if (!this.#lanes.has(targetId)) this.#startLane(targetId, own);
      }
      if (rows.length < limit) return;
    }
  }

  #startLane(targetId: string, rows: Due): void {
    const lane = this.#runLane(rows).finally(() => {
      this.#lanes.delete(targetId);
      this.kick();
    });
    this.#lanes.set(targetId, lane);
  }

  async #runLane(rows: Due): Promise<void> {
    try {
      for (const { delivery, notification } of rows) {
        if (!this.#isRunning || !this.#leads()) return;
        await this.#attempt(delivery, notification);
      }
    } catch (error) {
      this.#options.log.error({ err: error }, "the outbox cannot be written");
      // Else the same rows would be sent over and over.
      await delay(afterErrorMs, undefined, { signal: this.#stopping.signal }).catch(() => {});
    }
  }

  async #attempt(delivery: Delivery, notification: Notification): Promise<void> {
    const { outbox, catalog, wallClock, log, random = Math.random } = this.#options;
    const target = catalog.target(delivery.targetId);
    const at = wallClock();
    const signal = this.#cutOff.signal;
    const result = target === undefined ? removed : await this.#sender.send(target, notification, signal);
    // Cut off by stop(): it stays due.
    if (signal.aborted) return;
    const next = afterAttempt(delivery, result, { at, now: wallClock() }, this.#times, random);
    await outbox.save(next);
    const facts = { notification: notification.id, target: delivery.targetId, name: notification.name, ...result };
    if (next.state === "dead") log.warn(facts, "notification is dead; it can be resent");
    else log.debug(facts, next.state === "delivered" ? "notification delivered" : "notification not delivered");
  }
}

type Due = Awaited<ReturnType<Outbox["due"]>>;

const removed: Outcome = { error: "The target was removed", isFinal: true };

/** The row as it is after an attempt. */
function afterAttempt(
  delivery: Delivery,
  { isFinal = false, ...result }: Outcome,
  { at, now }: { readonly at: number; readonly now: number },
  { retryFirstMs, retryMaxMs }: DeliveryTimes,
  random: () => number,
): Delivery {
  const made = [...delivery.attempts, { at, ...result }];
  const attempts = made.length > keptAttemptsMax ? made.slice(attemptsMax) : made;
  if (result.error === undefined) return { ...delivery, state: "delivered", attempts, nextAttemptAt: now };
  // After a resend the count begins anew.
  const failures = (made.length - 1 - made.findLastIndex((one) => one.error === undefined)) % attemptsMax;
  if (isFinal || failures === 0) return { ...delivery, state: "dead", attempts, nextAttemptAt: now };
  const wait = Math.min(retryFirstMs * 2 ** (failures - 1), retryMaxMs);
  // Up to a quarter less, so that what failed together does not come back together.
  return { ...delivery, state: "pending", attempts, nextAttemptAt: now + Math.round(wait * (1 - random() / 4)) };
}

/** `isFinal`: no use in trying again by itself. */
type Outcome = Attempt & { readonly isFinal?: boolean };

interface Sender {
  send(target: NotificationTarget, notification: Notification, signal: AbortSignal): Promise<Outcome>;
  close(): void;
}

function createSender({ signer, baseUrl }: DeliveryWorkerOptions, { attemptMaxMs }: DeliveryTimes): Sender {
  const queues = createQueueSender();
  const send: Sender["send"] = async (target, notification, signal) => {
    const { id, form, body, topicArn: topic = "" } = notification;
    const isHttp = target.kind === "http";
    // As SNS does it: an endpoint gets nothing before its owner asked for it.
    if (isHttp && form === "sns" && target.confirmedAt === undefined) return unconfirmed;
    const isEnveloped = form === "sns" && !target.rawDelivery;
    const post = isEnveloped
      ? (await signer()).notification(notification, unsubscribeUrl(baseUrl(), target))
      : undefined;
    const text = post?.body ?? body;
    if (!isHttp) {
      const message = {
        body: text,
        groupId: notification.agreementId ?? notification.productCode,
        deduplicationId: id,
      };
      return queues.send(target, message, attemptMaxMs, signal);
    }
    if (form === "eventbridge") {
      const headers = { "Content-Type": "application/json", "User-Agent": "Amazon/EventBridge/ApiDestinations" };
      return postHttp({ url: target.url, body: text, headers }, attemptMaxMs, signal);
    }
    const raw = target.rawDelivery ? { "x-amz-sns-rawdelivery": "true" } : {};
    const headers = { ...plainText, ...(post?.headers ?? snsHeaders("Notification", id, topic)), ...raw };
    return postHttp({ url: target.url, body: text, headers }, attemptMaxMs, signal);
  };
  return { send, close: queues.close };
}

const plainText = {
  "Content-Type": "text/plain; charset=UTF-8",
  "User-Agent": "Amazon Simple Notification Service Agent",
};
const unconfirmed = {
  error: "The subscription is not confirmed: confirm it, then resend",
  isFinal: true,
} as const;

/** Whoever knows a token ends its subscription: digests are compared, so that the time tells nothing, not even the length. */
function digestOf(token: string): Buffer {
  return hash("sha256", token, "buffer");
}

type Subscriptions = Pick<DeliveryWorker, "sendConfirmation" | "confirm" | "unsubscribe">;

function createSubscriptions(
  { catalog, signer, wallClock, businessClock, baseUrl }: DeliveryWorkerOptions,
  { attemptMaxMs }: DeliveryTimes,
): Subscriptions {
  const byToken = (token: string): NotificationTarget | undefined => {
    const given = digestOf(token);
    return catalog
      .all()
      .targets.find(
        ({ confirmationToken: own }) => own !== undefined && own !== "" && timingSafeEqual(digestOf(own), given),
      );
  };

  const topicOf = ({ productCode, sellerAccountId }: NotificationTarget): string => {
    const code =
      productCode ?? catalog.all().products.find((one) => one.sellerAccountId === sellerAccountId)?.code ?? "any";
    return topicArn("subscription", code);
  };

  return {
    sendConfirmation: async (targetId) => {
      const target = catalog.target(targetId);
      if (target === undefined) throw new Error(`There is no notification target '${targetId}'.`);
      if (target.kind !== "http") return { error: "Only HTTP targets confirm a subscription" };
      const token = target.confirmationToken ?? randomBytes(64).toString("hex");
      if (target.confirmationToken === undefined) {
        await catalog.apply({ targets: [{ ...target, confirmationToken: token }] });
      }
      const subscribeUrl = `${baseUrl()}/sns/confirm?token=${token}`;
      const { body, headers } = (await signer()).confirmation({
        ...{ topicArn: topicOf(target), token, subscribeUrl },
        at: businessClock(),
      });
      return postHttp({ url: target.url, body, headers: { ...plainText, ...headers } }, attemptMaxMs);
    },
    confirm: async (token) => {
      const target = byToken(token);
      // SubscribeURLs are visited more than once; the first visit counts.
      if (target === undefined || target.confirmedAt !== undefined) return target;
      const confirmed = { ...target, confirmedAt: wallClock() };
      await catalog.apply({ targets: [confirmed] });
      return confirmed;
    },
    unsubscribe: async (token) => {
      const target = byToken(token);
      if (target === undefined) return undefined;
      const { confirmedAt: _confirmed, ...rest } = target;
      await catalog.apply({ targets: [rest] });
      return rest;
    },
  };
}

/** A target that was never asked to confirm has no token, and a URL that leads nowhere, as the envelope must have one. */
function unsubscribeUrl(baseUrl: string, { confirmationToken, id }: NotificationTarget): string {
  return confirmationToken === undefined
    ? `${baseUrl}/sns/unsubscribe?target=${encodeURIComponent(id)}`
    : `${baseUrl}/sns/unsubscribe?token=${confirmationToken}`;
}
