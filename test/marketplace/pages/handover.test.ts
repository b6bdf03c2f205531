/** The console's way to a seller's registration page, by HTTP. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { buyer, formsOf, products, type Site, startAt, startSite, Visitor } from "./site.ts";

let site: Site;
beforeAll(async () => {
  site = await startSite();
  await site.reset();
});
afterAll(() => site.close());

const post = (token: string) =>
  new Visitor(site).open("/marketplace/handover", {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams({ "x-amzn-marketplace-token": token }).toString(),
  });

test("a token of ours goes on to its product's page with the offer's type; others go nowhere", async () => {
  const { agreements } = site.service;
  const made = await agreements.purchase({ product: products.legacy, customer: buyer, freeTrial: true }, startAt);
  const token = await agreements.issueToken({ agreement: made.id }, startAt);
  const page = await post(token);
  expect(page.status).toBe(200);
  const [form] = formsOf(page);
  expect(form?.action).toMatch(/^(\/sample-registration\/|https?:)/);
  expect(form?.fields).toEqual({
    "x-amzn-marketplace-token": token,
    "x-amzn-marketplace-offer-type": "free-trial",
  });
  // No session of a buyer is begun for whoever runs the simulation.
  expect(page.headers.get("set-cookie")).toBeNull();

  const unknown = await post("not-a-token");
  expect(unknown.status).toBe(404);
  expect(unknown.text).not.toContain("not-a-token");
  expect((await new Visitor(site).open("/marketplace/handover", { method: "POST", body: "{}" })).status).toBe(415);
});
