/** The checks of notifications: that they fail when they should. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Json } from "../../vectors/values.ts";
import { type Harness, startHarness } from "./harness.ts";

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
});
afterAll(() => harness.close());

const at = "2026-08-15T10:00:00Z";
const sale = { event: { action: "purchase", customer: "C5", product: "P_SAAS", at, freeTrial: true } };
const topic = "arn:aws:sns:us-east-1:{owner}:aws-mp-subscription-notification-saaslegacysub000000000000";
const success = { action: "subscribe-success" };
const created = { "detail-type": "Purchase Agreement Created - Proposer" };
const licensed = { "detail-type": "License Updated - Manufacturer", account: { $regex: "^\\d{12}$" } };

const problemOf = (...checks: Json[]) => harness.problemOf([sale, ...checks.map((check) => ({ check }))]);

test("what was published passes", async () => {
  expect(
    await problemOf(
      { sns: [{ topic, at, message: success }] },
      { snsNever: ["unsubscribe-success"] },
      { eventBridge: [created, licensed] },
    ),
  ).toBeUndefined();
});

test.each<[string, Json]>([
  ["another action", { sns: [{ message: { action: "subscribe-fail" } }] }],
  ["another topic", { sns: [{ topic: topic.replace("subscription", "entitlement"), message: success }] }],
  ["a topic by a pattern", { sns: [{ topic: topic.replace("saas", "...."), message: success }] }],
  ["another time", { sns: [{ at: "2026-08-15T10:00:01Z", message: success }] }],
  ["members that are not named", { sns: [{ message: success, noOtherMembers: true }] }],
  ["twice what came once", { sns: [{ message: success }, { message: success }] }],
  ["what never should come and did", { snsNever: ["subscribe-success"] }],
  ["the other order", { eventBridge: [licensed, created] }],
  ["an event that did not come", { eventBridge: [created, { "detail-type": "Purchase Agreement Ended - Proposer" }] }],
])("%s fails", async (_what, check) => {
  expect(await problemOf(check)).toMatch(/^step 2: (sns|snsNever|eventBridge)(\[\d\])?: expected .+, got .+/);
});

test.each<[string, Json]>([
  ["an empty list", { sns: [] }],
  ["no list", { eventBridge: {} }],
  ["an unknown key", { sns: [{ message: success, subject: "x" }] }],
  ["no message", { sns: [{ topic }] }],
  ["an action that is no text", { snsNever: [1] }],
])("%s is refused", async (_what, check) => {
  expect(await problemOf(check)).toMatch(/expected|unknown|missing/);
});
