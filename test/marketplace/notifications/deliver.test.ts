import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { NotificationTarget } from "../../../src/api/types.ts";
import {
  createDeliveryWorker,
  type DeliveryWorker,
  type DeliveryWorkerOptions,
} from "../../../src/marketplace/notifications/deliver.ts";
import type { SnsSigner } from "../../../src/marketplace/notifications/sns.ts";
import { MemoryOutbox, MemoryTargets } from "../../support/memoryOutbox.ts";
import { at, busNotification, httpTarget, type Receiver, snsNotification, startReceiver, until } from "./facts.ts";

/** Signs nothing: what a signature is worth is shown elsewhere. */
const signer: SnsSigner = {
  certUrl: "https://host/a.pem",
  certificatePem: "",
  notification: ({ id, body, topicArn = "" }, unsubscribeUrl) => ({
    body: JSON.stringify({ Type: "Notification", MessageId: id, Message: body, UnsubscribeURL: unsubscribeUrl }),
    headers: {
      "x-amz-sns-message-type": "Notification",
      "x-amz-sns-message-id": id,
      "x-amz-sns-topic-arn": topicArn,
    },
  }),
  confirmation: ({ token, subscribeUrl, topicArn }) => ({
    body: JSON.stringify({ Type: "SubscriptionConfirmation", Token: token, SubscribeURL: subscribeUrl }),
    headers: { "x-amz-sns-message-type": "SubscriptionConfirmation", "x-amz-sns-topic-arn": topicArn },
  }),
};
const log = { debug: () => {}, warn: () => {}, error: () => {} };

let receiver: Receiver;
let outbox: MemoryOutbox;
let workers: DeliveryWorker[];
/** What the wall clock is ahead, so that no test waits for a back-off. */
let aheadMs: number;

beforeEach(async () => {
  receiver = await startReceiver();
  outbox = new MemoryOutbox();
  workers = [];
  aheadMs = 0;
});

afterEach(async () => {
  await Promise.all(workers.map((worker) => worker.stop()));
  await receiver.close();
});

function startWorker(
  catalog: MemoryTargets,
  change: Partial<DeliveryWorkerOptions> & { readonly isIdle?: boolean } = {},
): DeliveryWorker {
  const worker = createDeliveryWorker({
    ...{ outbox, catalog, signer: async () => signer, log },
    wallClock: () => Date.now() + aheadMs,
    businessClock: () => at,
    baseUrl: () => "http://meterhouse",
    random: () => 0,
    ...change,
  });
  workers.push(worker);
  if (change.isIdle !== true) worker.start();
  return worker;
}

const target = (id: string, change: Partial<NotificationTarget> = {}) =>
  httpTarget(id, `${receiver.url}/${id}`, change);
const states = (targetId: string, ids: readonly string[]) => ids.map((id) => outbox.delivery(id, targetId).state);

describe("forms", () => {
  test("an SNS message in its envelope", async () => {
    startWorker(new MemoryTargets(target("t")));
    outbox.publish(snsNotification("n1"), ["t"]);
    await until(() => outbox.delivery("n1", "t").state === "delivered");
    const [received] = receiver.received;
    expect(received).toMatchObject({
      path: "/t",
      headers: {
        "content-type": "text/plain; charset=UTF-8",
        "user-agent": "Amazon Simple Notification Service Agent",
        "x-amz-sns-message-type": "Notification",
        "x-amz-sns-message-id": "n1",
        "x-amz-sns-topic-arn": snsNotification("n1").topicArn,
      },
    });
    expect(received?.headers["x-amz-sns-rawdelivery"]).toBeUndefined();
    expect(JSON.parse(received?.body ?? "")).toMatchObject({
      Message: snsNotification("n1").body,
      UnsubscribeURL: "http://meterhouse/sns/unsubscribe?token=token-of-t",
    });
    expect(outbox.delivery("n1", "t").attempts).toEqual([{ at: expect.any(Number), status: 200 }]);
  });

  test("an SNS message raw: only what is inside", async () => {
    startWorker(new MemoryTargets(target("t", { rawDelivery: true })));
    outbox.publish(snsNotification("n1"), ["t"]);
    await until(() => receiver.received.length === 1);
    expect(receiver.received[0]).toMatchObject({
      body: snsNotification("n1").body,
      headers: { "x-amz-sns-rawdelivery": "true", "x-amz-sns-message-id": "n1" },
    });
  });

  test("an EventBridge event as JSON", async () => {
    startWorker(new MemoryTargets(target("t")));
    outbox.publish(busNotification("e1"), ["t"]);
    await until(() => receiver.received.length === 1);
    expect(receiver.received[0]).toMatchObject({
      body: busNotification("e1").body,
      headers: { "content-type": "application/json" },
    });
  });
});

describe("retries", () => {
  test("come after 1 s, 2 s, 4 s …, at most 5 min, and the twelfth failure is the last", async () => {
    receiver.answers.push(...new Array<number>(12).fill(503));
    startWorker(new MemoryTargets(target("t")));
    outbox.publish(snsNotification("n1"), ["t"]);
    const waits: number[] = [];
    for (let count = 1; count <= 12; count += 1) {
      await until(() => outbox.saved.length === count, `attempt ${count}`);
      const { attempts, nextAttemptAt } = outbox.delivery("n1", "t");
      expect(attempts).toHaveLength(count);
      waits.push(Math.round((nextAttemptAt - (attempts.at(-1)?.at ?? 0)) / 1_000));
      aheadMs = nextAttemptAt - Date.now();
      workers[0]?.kick();
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 0]);
    expect(outbox.delivery("n1", "t")).toMatchObject({ state: "dead" });
    expect(outbox.delivery("n1", "t").attempts[0]).toMatchObject({ status: 503, error: "The endpoint answered 503" });
    expect(receiver.received).toHaveLength(12);
  });

  test("are spread", async () => {
    receiver.answers.push(500);
    startWorker(new MemoryTargets(target("t")), { random: () => 1, times: { retryFirstMs: 40_000 } });
    outbox.publish(snsNotification("n1"), ["t"]);
    await until(() => outbox.saved.length === 1);
    const { attempts, nextAttemptAt } = outbox.delivery("n1", "t");
    expect(Math.round((nextAttemptAt - (attempts[0]?.at ?? 0)) / 1_000)).toBe(30);
  });

  test("happen by themselves", async () => {
    receiver.answers.push(500, 404);
    startWorker(new MemoryTargets(target("t")), { times: { retryFirstMs: 20 } });
    outbox.publish(snsNotification("n1"), ["t"]);
    await until(() => outbox.delivery("n1", "t").state === "delivered");
    expect(outbox.delivery("n1", "t").attempts.map((one) => one.status)).toEqual([500, 404, 200]);
  });

  test("a redirect is not followed", async () => {
    receiver.answers.push(302);
    startWorker(new MemoryTargets(target("t")));
    outbox.publish(snsNotification("n1"), ["t"]);
    await until(() => outbox.saved.length === 1);
    expect(outbox.delivery("n1", "t").attempts).toMatchObject([
      { status: 302, error: "The endpoint answered 302 to /elsewhere; redirects are not followed" },
    ]);
    expect(receiver.received.map((one) => one.path)).toEqual(["/t"]);
  });

  test("an endpoint that does not answer, and one that is not there", async () => {
    receiver.answers.push("hang");
    const gone = await startReceiver();
    await gone.close();
    const targets = new MemoryTargets(target("t"), httpTarget("gone", gone.url), httpTarget("bad", "no url"));
    startWorker(targets, { times: { attemptMaxMs: 80 } });
    outbox.publish(snsNotification("n1"), ["t", "gone", "bad"]);
    await until(() => outbox.saved.length >= 3);
    expect(outbox.delivery("n1", "t").attempts[0]?.error).toBe("No answer within 0.08 s");
    expect(outbox.delivery("n1", "gone").attempts[0]?.error).toContain("ECONNREFUSED");
    expect(outbox.delivery("n1", "bad").attempts[0]?.error).toContain("Invalid URL");
  });
});

describe("order", () => {
  test("one at a time and in order for each target, targets side by side", async () => {
    const ids = Array.from({ length: 20 }, (_, index) => `n${index}`);
    const names = Array.from({ length: 12 }, (_, index) => `t${index}`);
    const worker = startWorker(new MemoryTargets(...names.map((name) => target(name))), { isIdle: true });
    for (const [index, id] of ids.entries()) outbox.publish(snsNotification(id), names, Date.now() - 100 + index);
    worker.start();
    await until(() => receiver.received.length === ids.length * names.length);
    for (const name of names) {
      const seen = receiver.received.filter((one) => one.path === `/${name}`);
      expect(seen.map((one) => one.headers["x-amz-sns-message-id"])).toEqual(ids);
    }
  });

  test("a target that hangs holds up nobody else", async () => {
    receiver.answers.push("hang");
    const worker = startWorker(new MemoryTargets(target("slow"), target("quick")), { times: { stopMaxMs: 10 } });
    const ids = Array.from({ length: 400 }, (_, index) => `n${index}`);
    for (const id of ids) outbox.publish(snsNotification(id), ["slow"], Date.now() - 1_000);
    await until(() => receiver.received.length === 1);
    outbox.publish(snsNotification("q"), ["quick"]);
    await until(() => outbox.delivery("q", "quick").state === "delivered");
    await worker.stop();
    expect(receiver.received.map((one) => one.path)).toEqual(["/slow", "/quick"]);
  });
});

describe("resending", () => {
  test("what is dead gets twelve attempts more", async () => {
    receiver.answers.push(...new Array<number>(23).fill(500));
    const worker = startWorker(new MemoryTargets(target("t")), { times: { retryFirstMs: 0 } });
    outbox.publish(snsNotification("n1"), ["t"]);
    await until(() => outbox.delivery("n1", "t").state === "dead");
    expect(receiver.received).toHaveLength(12);
    expect(await worker.resend("n1")).toBe(1);
    await until(() => outbox.delivery("n1", "t").state === "delivered");
    expect(receiver.received).toHaveLength(24);
    expect(outbox.delivery("n1", "t").attempts.at(-1)).toMatchObject({ status: 200 });
  });

  test("never ends in retrying for ever", async () => {
    receiver.answers.push(...new Array<number>(60).fill(500));
    const worker = startWorker(new MemoryTargets(target("t")), { times: { retryFirstMs: 0 } });
    outbox.publish(snsNotification("n1"), ["t"]);
    for (let round = 1; round <= 5; round += 1) {
      await until(() => outbox.delivery("n1", "t").state === "dead", `dead in round ${round}`);
      if (round < 5) await worker.resend("n1", "t");
    }
    expect(receiver.received).toHaveLength(60);
  });

  test("what was delivered goes out again, to one target or to all", async () => {
    const worker = startWorker(new MemoryTargets(target("a"), target("b"), target("new")));
    outbox.publish(snsNotification("n1"), ["a", "b"]);
    await until(() => receiver.received.length === 2);
    expect(await worker.resend("n1", "b")).toBe(1);
    await until(() => receiver.received.length === 3);
    expect(receiver.received[2]?.path).toBe("/b");
    await until(() => outbox.delivery("n1", "b").state === "delivered");
    expect(await worker.resend("n1")).toBe(2);
    await until(() => receiver.received.length === 5);
    expect(await worker.resend("n1", "new")).toBe(1);
    await until(() => receiver.received.length === 6);
    expect(await worker.resend("unknown")).toBe(0);
    expect(await worker.resend("unknown", "a")).toBe(0);
    expect(await worker.resend("n1", "nobody")).toBe(0);
  });
});

describe("stopping and starting", () => {
  test("what was sent but not saved is sent again by the next process", async () => {
    outbox.publish(snsNotification("n1"), ["t"]);
    outbox.failure = new Error("killed");
    const targets = new MemoryTargets(target("t"));
    const first = startWorker(targets);
    await until(() => receiver.received.length === 1);
    await first.stop();
    expect(states("t", ["n1"])).toEqual(["pending"]);
    startWorker(targets);
    await until(() => outbox.delivery("n1", "t").state === "delivered");
    expect(receiver.received.map((one) => one.headers["x-amz-sns-message-id"])).toEqual(["n1", "n1"]);
  });

  test("stop waits for what is under way, for a bounded time", async () => {
    receiver.answers.push("hang");
    const targets = new MemoryTargets(target("t"));
    const first = startWorker(targets, { times: { stopMaxMs: 50 } });
    outbox.publish(snsNotification("n1"), ["t"]);
    outbox.publish(snsNotification("n2"), ["t"]);
    await until(() => receiver.received.length === 1);
    const startedAt = performance.now();
    await first.stop();
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    expect(outbox.saved).toEqual([]);
    startWorker(targets);
    await until(() => states("t", ["n1", "n2"]).join() === "delivered,delivered");
  });

  test("a worker that never started sends nothing, and stops", async () => {
    const worker = startWorker(new MemoryTargets(target("t")), { isIdle: true });
    outbox.publish(snsNotification("n1"), ["t"]);
    await worker.stop();
    expect(receiver.received).toEqual([]);
  });

  test("a removed target takes nothing more", async () => {
    const targets = new MemoryTargets(target("t"));
    await targets.apply({ remove: { targets: ["t"] } });
    startWorker(targets);
    outbox.publish(snsNotification("n1"), ["t"]);
    await until(() => outbox.delivery("n1", "t").state === "dead");
    expect(outbox.delivery("n1", "t").attempts[0]?.error).toBe("The target was removed");
  });
});

describe("subscription", () => {
  const { confirmedAt: _confirmed, confirmationToken: _token, ...fresh } = httpTarget("t", "");

  test("an endpoint gets SNS messages once its owner confirmed, events at once", async () => {
    const targets = new MemoryTargets({ ...fresh, url: `${receiver.url}/t` });
    const worker = startWorker(targets);
    outbox.publish(snsNotification("n1"), ["t"]);
    outbox.publish(busNotification("e1"), ["t"]);
    await until(() => states("t", ["n1", "e1"]).join() === "dead,delivered");
    expect(outbox.delivery("n1", "t").attempts[0]?.error).toContain("not confirmed");

    expect(await worker.sendConfirmation("t")).toEqual({ status: 200 });
    const asked = receiver.received.at(-1);
    expect(asked?.headers).toMatchObject({
      "x-amz-sns-message-type": "SubscriptionConfirmation",
      "x-amz-sns-topic-arn": expect.stringContaining("aws-mp-subscription-notification-"),
    });
    const { Token: token, SubscribeURL: url } = JSON.parse(asked?.body ?? "");
    expect(url).toBe(`http://meterhouse/sns/confirm?token=${token}`);
    expect(token).toMatch(/^[0-9a-f]{128}$/);

    expect(await worker.confirm("another")).toBeUndefined();
    expect(await worker.confirm("")).toBeUndefined();
    const confirmed = await worker.confirm(token);
    expect(confirmed?.confirmedAt).toBeGreaterThan(0);
    expect(await worker.confirm(token)).toEqual(confirmed);
    await worker.resend("n1");
    await until(() => outbox.delivery("n1", "t").state === "delivered");

    expect((await worker.unsubscribe(token))?.confirmedAt).toBeUndefined();
    expect(targets.target("t")).not.toHaveProperty("confirmedAt");
    expect(await worker.unsubscribe("another")).toBeUndefined();
  });

  test("asking again keeps the token; a failure is told", async () => {
    const targets = new MemoryTargets({ ...fresh, url: `${receiver.url}/t` });
    const worker = startWorker(targets);
    receiver.answers.push(500);
    expect(await worker.sendConfirmation("t")).toEqual({ status: 500, error: "The endpoint answered 500" });
    await worker.sendConfirmation("t");
    const [first, second] = receiver.received.map((one) => JSON.parse(one.body).Token);
    expect(first).toBe(second);
    await expect(worker.sendConfirmation("nobody")).rejects.toThrow("no notification target 'nobody'");
  });
});
