/** The life cycle of agreements as sellers and the ledger see it (SPEC B-80 to B-87, N-9, N-10, N-24, N-25). */
import {
  BatchMeterUsageCommand,
  MarketplaceMeteringClient,
  ResolveCustomerCommand,
} from "@aws-sdk/client-marketplace-metering";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Meterhouse, startMeterhouse } from "../../src/index.ts";

const seller = { accessKeyId: "AKSELLER", secretAccessKey: "seller-secret" };
const buyer = "333333333333";
const catalog = {
  accounts: [{ id: buyer, customerIdentifier: "buyerOne001" }],
  credentials: [{ ...seller, account: "111111111111", kind: "iam-user" }],
  products: [
    {
      code: "legacy",
      seller: "111111111111",
      type: "saas-subscription",
      createdAt: "2024-01-01T00:00:00Z",
      dimensions: ["requests"],
    },
    {
      code: "modern",
      seller: "111111111111",
      type: "saas-subscription",
      createdAt: "2026-07-01T00:00:00Z",
      dimensions: ["requests"],
    },
    {
      code: "contract",
      seller: "111111111111",
      type: "saas-contract-with-consumption",
      createdAt: "2024-01-01T00:00:00Z",
      dimensions: ["extra"],
      entitlementDimensions: ["users"],
    },
  ],
};

let meterhouse: Meterhouse;
let client: MarketplaceMeteringClient;
beforeAll(async () => {
  meterhouse = await startMeterhouse({ catalog, now: "2026-08-15T10:00:00Z", settings: { quotas: "off" } });
  client = new MarketplaceMeteringClient({
    endpoint: meterhouse.endpoint,
    region: "us-east-1",
    credentials: { ...seller },
  });
});
beforeEach(() => meterhouse.reset());
afterAll(() => meterhouse.close());

const legacy = { product: "legacy", customer: buyer };

let quantity = 0;
async function meter(
  identity: { LicenseArn?: string; ProductCode?: string } = { ProductCode: "legacy" },
  dimension = "requests",
) {
  quantity += 1;
  const { LicenseArn, ProductCode } = identity;
  const answer = await client.send(
    new BatchMeterUsageCommand({
      ...(ProductCode === undefined ? {} : { ProductCode }),
      UsageRecords: [
        {
          Timestamp: meterhouse.clock.now(),
          CustomerAWSAccountId: buyer,
          ...(LicenseArn === undefined ? {} : { LicenseArn }),
          Dimension: dimension,
          Quantity: quantity,
        },
      ],
    }),
  );
  return answer.Results?.[0]?.Status;
}

async function told(form: "sns" | "eventbridge"): Promise<string[]> {
  return (await meterhouse.notifications({ form })).map((one) => one.name);
}

describe("a subscription by product code", () => {
  test("B-80, B-81: nothing is metered until the payment went through", async () => {
    await meterhouse.marketplace.purchase({ ...legacy, paymentFails: true });
    expect(await meter()).toBe("CustomerNotSubscribed");
    expect(await told("sns")).toEqual(["subscribe-fail"]);
    await meterhouse.marketplace.subscribeSuccess(legacy);
    expect(await meter()).toBe("Success");
  });

  test("B-82, B-83: the final hour to the millisecond, announced when it is over", async () => {
    await meterhouse.subscribe(legacy);
    await meterhouse.marketplace.cancel(legacy);
    await meterhouse.clock.set("2026-08-15T10:59:59.999Z");
    expect(await meter()).toBe("Success");
    expect(await told("sns")).toEqual(["subscribe-success", "unsubscribe-pending"]);
    await meterhouse.clock.set("2026-08-15T11:00:00Z");
    expect(await meter()).toBe("CustomerNotSubscribed");
    const last = (await meterhouse.notifications({ form: "sns" })).at(-1);
    expect(last?.name).toBe("unsubscribe-success");
    expect(new Date(last?.at ?? 0).toISOString()).toBe("2026-08-15T11:00:00.000Z");
  });

  test("N-10: re-subscription inside the hour; unsubscribe-success is never sent", async () => {
    const first = await meterhouse.subscribe(legacy);
    await meterhouse.marketplace.cancel(legacy);
    await meterhouse.clock.advance("30m");
    const again = await meterhouse.marketplace.subscribeSuccess(legacy);
    expect(again.id).toBe(first.id);
    await meterhouse.clock.advance("2h");
    expect(await meter()).toBe("Success");
    expect(await told("sns")).toEqual(["subscribe-success", "unsubscribe-pending", "subscribe-success"]);
  });

  test("N-10: so does a purchase inside the hour, with the terms of the new offer", async () => {
    const first = await meterhouse.subscribe(legacy);
    await meterhouse.marketplace.cancel(legacy);
    await meterhouse.clock.advance("30m");
    const again = await meterhouse.marketplace.purchase({ ...legacy, privateOffer: "offer-second" });
    expect(again).toMatchObject({ id: first.id, licenseArn: first.licenseArn, offerId: "offer-second" });
    await meterhouse.clock.advance("2h");
    expect(await meter()).toBe("Success");
    expect(await told("sns")).not.toContain("unsubscribe-success");
  });

  test("B-87: after the end a new agreement starts, with the same CustomerIdentifier", async () => {
    const first = await meterhouse.subscribe(legacy);
    await meterhouse.marketplace.unsubscribeSuccess(legacy);
    await meterhouse.clock.advance("1d");
    const second = await meterhouse.marketplace.subscribeSuccess(legacy);
    expect(second.id).not.toBe(first.id);
    const token = await meterhouse.issueToken(legacy);
    const customer = await client.send(new ResolveCustomerCommand({ RegistrationToken: token }));
    expect(customer).toMatchObject({ CustomerIdentifier: "buyerOne001", LicenseArn: second.licenseArn });
    expect(await meter()).toBe("Success");
  });

  test("B-85: a suspended account, and back", async () => {
    await meterhouse.subscribe(legacy);
    await meterhouse.marketplace.suspendAccount({ account: buyer });
    expect(await meter()).toBe("CustomerNotSubscribed");
    await meterhouse.marketplace.suspendAccount({ account: buyer, suspended: false });
    expect(await meter()).toBe("Success");
  });

  test("what a state does not allow is refused in words", async () => {
    await expect(meterhouse.marketplace.cancel(legacy)).rejects.toThrow(/There is no agreement/);
    await meterhouse.subscribe(legacy);
    await meterhouse.marketplace.cancel(legacy);
    await expect(meterhouse.marketplace.cancel(legacy)).rejects.toThrow(
      /is final-hour; to cancel it needs it to be active/,
    );
    await meterhouse.clock.advance("2h");
    await expect(meterhouse.marketplace.unsubscribeSuccess(legacy)).rejects.toThrow(/is ended/);
  });

  test("two cancellations at once end in one", async () => {
    await meterhouse.subscribe(legacy);
    const both = await Promise.allSettled([
      meterhouse.marketplace.cancel(legacy),
      meterhouse.marketplace.cancel(legacy),
    ]);
    expect(both.map((one) => one.status).sort()).toEqual(["fulfilled", "rejected"]);
    expect((await told("sns")).filter((name) => name === "unsubscribe-pending")).toHaveLength(1);
  });
});

describe("concurrent agreements", () => {
  test("T-12, B-84: each purchase has a licence of its own and ends by itself", async () => {
    const first = await meterhouse.subscribe({ product: "modern", customer: buyer });
    const second = await meterhouse.subscribe({ product: "modern", customer: buyer });
    expect(first.licenseArn).not.toBe(second.licenseArn);
    await meterhouse.marketplace.cancel({ license: first.licenseArn ?? "" });
    await meterhouse.clock.advance("61m");
    expect(await meter({ LicenseArn: first.licenseArn ?? "" })).toBe("CustomerNotSubscribed");
    expect(await meter({ LicenseArn: second.licenseArn ?? "" })).toBe("Success");
    expect(await told("sns")).toEqual([]); // N-26
  });

  test("N-24: Purchase Agreement Ended alone changes nothing", async () => {
    const agreement = await meterhouse.subscribe({ product: "modern", customer: buyer });
    await meterhouse.marketplace.endPurchaseAgreement({ agreement: agreement.id });
    await meterhouse.clock.advance("5h");
    expect(await meter({ LicenseArn: agreement.licenseArn ?? "" })).toBe("Success");
    expect((await told("eventbridge")).at(-1)).toBe("Purchase Agreement Ended - Proposer");
  });
});

describe("renewal (N-25, J-16)", () => {
  test.each([
    ["keep", true],
    ["new", false],
  ] as const)("licenseOnRenewal = %s", async (licenseOnRenewal, isKept) => {
    await meterhouse.reset({ settings: { quotas: "off", licenseOnRenewal } });
    const first = await meterhouse.subscribe({ product: "modern", customer: buyer });
    await meterhouse.clock.advance("3d");
    const second = await meterhouse.marketplace.renew({ agreement: first.id });
    expect(second).toMatchObject({ intent: "RENEW", previousAgreementId: first.id });
    const ended = (await meterhouse.notifications({ agreementId: first.id })).find(({ name }) =>
      name.includes("Ended"),
    );
    expect(JSON.parse(ended?.body ?? "{}")).toMatchObject({
      detail: { agreement: { id: first.id, status: "RENEWED" } },
    });
    expect(second.licenseArn === first.licenseArn).toBe(isKept);
    expect(await meter({ LicenseArn: second.licenseArn ?? "" })).toBe("Success");
    await meterhouse.clock.advance("2h");
    expect(await meter({ LicenseArn: first.licenseArn ?? "" })).toBe(isKept ? "Success" : "CustomerNotSubscribed");
  });
});

describe("fixed terms", () => {
  test("countdown, end, final hour and expiry come in order when the clock is turned over all of them", async () => {
    const agreement = await meterhouse.subscribe({ product: "contract", customer: buyer });
    const endsAt = meterhouse.clock.now().getTime() + 100 * 86_400_000;
    await meterhouse.marketplace.amend({ agreement: agreement.id, endsAt });
    await meterhouse.clock.advance("200d");
    const names = (await meterhouse.notifications({ form: "eventbridge" })).map((one) => [
      one.name,
      (one.at - endsAt) / 3_600_000,
    ]);
    const tail = names.slice(names.findIndex(([name]) => String(name).includes("Ending")));
    expect(tail).toEqual([
      ["Purchase Agreement Ending - Proposer", -90 * 24],
      ["Purchase Agreement Ending - Proposer", -60 * 24],
      ["Purchase Agreement Ending - Proposer", -30 * 24],
      ["Purchase Agreement Ended - Proposer", 0],
      ["License Deprovisioned - Manufacturer", 0],
    ]);
    expect((await told("sns")).at(-1)).toBe("unsubscribe-success");
    expect(await meter({ ProductCode: "contract" }, "extra")).toBe("CustomerNotSubscribed");
  });

  /** What was announced before the end of an agreement, with the days that were left. */
  async function announcedOf(agreementId: string, endsAt: number): Promise<(readonly [string, number])[]> {
    return (await meterhouse.notifications({ agreementId, form: "eventbridge" }))
      .filter(({ name }) => /Ending|Renewal/.test(name))
      .map(({ name, at }) => [name.replace(/^Purchase Agreement (.+) - Proposer$/, "$1"), (endsAt - at) / 86_400_000]);
  }

  test("a renewal is announced before each of its terms ends, once, with the value of the next term", async () => {
    const [legacyProduct, modern, contract] = catalog.products;
    const priced = { ...contract, entitlementDimensions: [{ name: "users", price: "12" }] };
    await meterhouse.reset({ catalog: { ...catalog, products: [legacyProduct, modern, priced] } });
    const first = await meterhouse.subscribe({ product: "contract", customer: buyer });
    const endsAt = meterhouse.clock.now().getTime() + 365 * 86_400_000;
    await meterhouse.marketplace.amend({
      ...{ agreement: first.id, endsAt, autoRenew: true },
      entitlements: { users: { IntegerValue: 75 } },
    });
    for (const by of ["335d", "23d", "1d"]) {
      await meterhouse.clock.advance(by);
      for (const _ of [1, 2]) await meterhouse.notifications();
    }
    const renewal = [
      ["Ending", 30],
      ["Renewal Terms Finalized", 30],
      ["Renewal Upcoming", 7],
    ];
    const countdown = [180, 120, 90, 60].map((days) => ["Ending", days]);
    expect(await announcedOf(first.id, endsAt)).toEqual([...countdown, ...renewal]);
    const told = await meterhouse.notifications({ agreementId: first.id });
    const values = told.filter(({ name }) => name.includes("Renewal")).map(({ body }) => JSON.parse(body).detail);
    expect(values.map(({ renewalSummary }) => renewalSummary.tcv)).toEqual(["900.00", "900.00"]);
    await meterhouse.clock.advance("364d");
    const second = (await meterhouse.notifications()).findLast(({ name }) => name.includes("Created"));
    expect(second?.agreementId).not.toBe(first.id);
    expect(await announcedOf(second?.agreementId ?? "", endsAt + 365 * 86_400_000)).toEqual([...countdown, ...renewal]);
  });

  test("a changed end is announced anew; what is past is not made up for, and nothing comes twice", async () => {
    const { id: agreement } = await meterhouse.subscribe({ product: "contract", customer: buyer });
    const day = 86_400_000;
    const startedAt = meterhouse.clock.now().getTime();
    const near = startedAt + 100 * day;
    await meterhouse.marketplace.amend({ agreement, endsAt: near, autoRenew: true });
    await meterhouse.clock.set(near - 20 * day);
    expect(await announcedOf(agreement, near)).toEqual([
      ["Ending", 90],
      ["Ending", 60],
      ["Ending", 30],
      ["Renewal Terms Finalized", 30],
    ]);
    await meterhouse.clock.set(near - 3 * day);
    await meterhouse.notifications();
    const before = await announcedOf(agreement, near);
    expect(before.at(-1)).toEqual(["Renewal Upcoming", 7]);
    // Off and on again: the renewal of this end was announced.
    for (const autoRenew of [false, true]) await meterhouse.marketplace.amend({ agreement, autoRenew });
    await meterhouse.clock.set(near - 2 * day);
    expect(await announcedOf(agreement, near)).toEqual(before);
    // A later end has its own countdown, and starts with what is still to come.
    const far = near + 98 * day;
    await meterhouse.marketplace.amend({ agreement, endsAt: far, autoRenew: false });
    await meterhouse.clock.set(far - day);
    expect((await announcedOf(agreement, far)).slice(before.length)).toEqual([
      ["Ending", 90],
      ["Ending", 60],
      ["Ending", 30],
    ]);
  });

  test("what is due before the end is done at its very instant, and not a millisecond before", async () => {
    const { id: agreement } = await meterhouse.subscribe({ product: "contract", customer: buyer });
    const endsAt = meterhouse.clock.now().getTime() + 10 * 86_400_000;
    await meterhouse.marketplace.amend({ agreement, endsAt, autoRenew: true });
    await meterhouse.clock.set(endsAt - 7 * 86_400_000 - 1);
    expect(await announcedOf(agreement, endsAt)).toEqual([]);
    await meterhouse.clock.set(endsAt - 7 * 86_400_000);
    // A term of ten days was never 30 days from its end.
    expect(await announcedOf(agreement, endsAt)).toEqual([["Renewal Upcoming", 7]]);
  });

  test("a cancelled agreement announces no renewal", async () => {
    const { id: agreement } = await meterhouse.subscribe({ product: "contract", customer: buyer });
    const endsAt = meterhouse.clock.now().getTime() + 10 * 86_400_000;
    await meterhouse.marketplace.amend({ agreement, endsAt, autoRenew: true });
    await meterhouse.marketplace.cancel({ agreement });
    await meterhouse.clock.set(endsAt);
    expect(await announcedOf(agreement, endsAt)).toEqual([]);
  });

  test("with autoRenew a new agreement follows at the end", async () => {
    const agreement = await meterhouse.subscribe({ product: "contract", customer: buyer });
    const endsAt = meterhouse.clock.now().getTime() + 10 * 86_400_000;
    await meterhouse.marketplace.amend({ agreement: agreement.id, endsAt, autoRenew: true });
    await meterhouse.clock.advance("15d");
    await meterhouse.notifications();
    expect(await meter({ ProductCode: "contract" }, "extra")).toBe("Success");
    expect((await told("eventbridge")).filter((name) => name === "Purchase Agreement Created - Proposer")).toHaveLength(
      2,
    );
  });
});

describe("events that others bring about (D.4)", () => {
  test("are announced by the library too, and leave the agreement as it is", async () => {
    const agreement = await meterhouse.subscribe(legacy);
    const told = await meterhouse.marketplace.announce({ ...legacy, kind: "spend-threshold-reached" });
    expect(told).toMatchObject({ name: "Spend Threshold Reached - Manufacturer", agreementId: agreement.id });
    expect((await meterhouse.notifications()).at(-1)).toEqual(told);
    expect(await meter()).toBe("Success");
  });

  test("requests and adjustments that are not named are new ones", async () => {
    await meterhouse.subscribe(legacy);
    const reasonCode = "OTHER";
    const request = await meterhouse.marketplace.announce({ ...legacy, kind: "cancellation-requested", reasonCode });
    expect(JSON.parse(request.body).detail.agreementCancellationRequest).toMatchObject({
      id: expect.stringMatching(/^acr-[a-z0-9]{25}$/),
      createdAt: "2026-08-15T10:00:00Z",
    });
    const refund = { ...legacy, amount: "-1", reasonCode, originalInvoiceId: "1" };
    const adjustment = await meterhouse.marketplace.announce({ ...refund, kind: "billing-adjustment-failed" });
    expect(JSON.parse(adjustment.body).detail.billingAdjustmentRequest.id).toMatch(/^ba-[a-z0-9]{25}$/);
  });
});
