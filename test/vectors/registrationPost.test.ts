import { afterAll, beforeAll, expect, test } from "vitest";
import type { Json } from "../../vectors/values.ts";
import { changed, type Harness, publicCase, startHarness } from "./harness.ts";

let harness: Harness;

beforeAll(async () => {
  harness = await startHarness();
});

afterAll(async () => {
  await harness.close();
});

const check = ["steps", 1, "check", "registrationPost"] as const;

test.each<readonly [id: string, path: readonly (string | number)[], value: Json, problem: string]>([
  ["life-011", [...check, "contentType"], "text/plain", 'contentType: expected "text/plain", got "application/x-www-'],
  [
    "life-011",
    [...check, "fields", "x-amzn-marketplace-token"],
    { $absent: true },
    "registrationPost: fields.x-amzn-marketplace-token: expected no such member, got",
  ],
  ["life-012", [...check, "fields", "x-amzn-marketplace-offer-type"], "none", 'expected "none", got "free-trial"'],
  ["life-012", ["steps", 0, "event", "visit"], false, "expected a post to the registration URL, got nothing"],
  ["life-012", [...check, "nope"], 1, 'unknown key "nope"'],
])("a wrong expectation of the registration post fails %s: %j = %j", async (id, path, value, problem) => {
  const original = publicCase(id);
  expect((await harness.run(original)).problem).toBeUndefined();
  expect((await harness.run(changed(original, path, value))).problem).toContain(problem);
});

test("the next case has its own registration URLs again", async () => {
  await harness.run(publicCase("life-011"));
  expect((await harness.run(publicCase("wire-001"))).problem).toBeUndefined();
});
