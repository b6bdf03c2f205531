/** A seller's endpoint against the whole server: asked to confirm, confirmed, notified, and every signature checked. */
import { globalAgent } from "node:https";
import MessageValidator from "sns-validator";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Meterhouse, startMeterhouse } from "../../../src/index.ts";
import { startReceiver, until } from "./facts.ts";

const catalog = {
  accounts: [{ id: "333333333333", customerIdentifier: "buyerOne001" }],
  products: [
    {
      code: "saas",
      seller: "111111111111",
      type: "saas-subscription",
      dimensions: ["requests"],
      createdAt: "2024-01-01T00:00:00Z",
    },
  ],
};

let meterhouse: Meterhouse;
const trusted = globalAgent.options.ca;
beforeAll(async () => {
  meterhouse = await startMeterhouse({ catalog });
  globalAgent.options.ca = await (await fetch(`${meterhouse.endpoint}/sns/authority.pem`)).text();
});
afterAll(async () => {
  if (trusted === undefined) delete globalAgent.options.ca;
  else globalAgent.options.ca = trusted;
  await meterhouse.close();
});

async function control(path: string, body: object): Promise<Record<string, unknown>> {
  const answer = await fetch(`${meterhouse.endpoint}/api/v1${path}`, {
    method: "POST",
    headers: { Authorization: `Bearer ${meterhouse.adminToken}`, "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  expect(answer.ok, await answer.clone().text()).toBe(true);
  return (await answer.json()) as Record<string, unknown>;
}

function validated(body: string): Promise<Record<string, unknown>> {
  const validator = new MessageValidator(/^127\.0\.0\.1(:\d+)?$/);
  return new Promise((resolve, reject) => {
    validator.validate(body, (error, message) => (error ? reject(error) : resolve(message ?? {})));
  });
}

test("confirmation, then the messages of a purchase and a cancellation, in order", async () => {
  const receiver = await startReceiver();
  try {
    // The endpoint is asked to confirm as soon as it is named.
    await control("/notification-targets", { seller: "111111111111", forms: ["sns"], kind: "http", url: receiver.url });
    await until(() => receiver.received.length === 1);
    const request = await validated(receiver.received[0]?.body ?? "");
    expect(request.Type).toBe("SubscriptionConfirmation");
    expect((await fetch(String(request.SubscribeURL))).status).toBe(200);

    await meterhouse.subscribe({ product: "saas", customer: "333333333333" });
    await meterhouse.marketplace.cancel({ product: "saas", customer: "333333333333" });
    await until(() => receiver.received.length === 3);
    const messages = await Promise.all(receiver.received.slice(1).map(({ body }) => validated(body)));
    expect(messages.map(({ Message }) => JSON.parse(String(Message)))).toEqual([
      expect.objectContaining({
        action: "subscribe-success",
        "customer-identifier": "buyerOne001",
        "product-code": "saas",
      }),
      expect.objectContaining({ action: "unsubscribe-pending" }),
    ]);
    const unknown = await fetch(`${meterhouse.endpoint}/sns/confirm?token=nobody`);
    expect(unknown.status).toBe(404);
  } finally {
    await receiver.close();
  }
});
