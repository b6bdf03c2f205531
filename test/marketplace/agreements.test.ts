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
    meterhouse.clock.set("2026-08-15T10:59:59.999Z");
    expect(await meter()).toBe("Success");
    expect(await told("sns")).toEqual(["subscribe-success", "unsubscribe-pending"]);
    meterhouse.clock.set("2026-08-15T11:00:00Z");
    expect(await meter()).toBe("CustomerNotSubscribed");
    const last = (await meterhouse.notifications({ form: "sns" })).at(-1);
    expect(last?.name).toBe("unsubscribe-success");
    expect(new Date(last?.at ?? 0).toISOString()).toBe("2026-08-15T11:00:00.000Z");
  });

  test("N-10: re-subscription inside the hour; unsubscribe-success is never sent", async () => {
    const first = await meterhouse.subscribe(legacy);
    await meterhouse.marketplace.cancel(legacy);
    meterhouse.clock.advance("30m");
    const again = await meterhouse.marketplace.subscribeSuccess(legacy);
    expect(again.id).toBe(first.id);
    meterhouse.clock.advance("2h");
    expect(await meter()).toBe("Success");
    expect(await told("sns")).toEqual(["subscribe-success", "unsubscribe-pending", "subscribe-success"]);
  });

  test("N-10: so does a purchase inside the hour, with the terms of the new offer", async () => {
    const first = await meterhouse.subscribe(legacy);
    await meterhouse.marketplace.cancel(legacy);
    meterhouse.clock.advance("30m");
    const again = await meterhouse.marketplace.purchase({ ...legacy, privateOffer: "offer-second" });
    expect(again).toMatchObject({ id: first.id, licenseArn: first.licenseArn, offerId: "offer-second" });
    meterhouse.clock.advance("2h");
    expect(await meter()).toBe("Success");
    expect(await told("sns")).not.toContain("unsubscribe-success");
  });

  test("B-87: after the end a new agreement starts, with the same CustomerIdentifier", async () => {
    const first = await meterhouse.subscribe(legacy);
    await meterhouse.marketplace.unsubscribeSuccess(legacy);
    meterhouse.clock.advance("1d");
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
    meterhouse.clock.advance("2h");
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
    meterhouse.clock.advance("61m");
    expect(await meter({ LicenseArn: first.licenseArn ?? "" })).toBe("CustomerNotSubscribed");
    expect(await meter({ LicenseArn: second.licenseArn ?? "" })).toBe("Success");
    expect(await told("sns")).toEqual([]); // N-26
  });

  test("N-24: Purchase Agreement Ended alone changes nothing", async () => {
    const agreement = await meterhouse.subscribe({ product: "modern", customer: buyer });
    await meterhouse.marketplace.endPurchaseAgreement({ agreement: agreement.id });
    meterhouse.clock.advance("5h");
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
    meterhouse.clock.advance("3d");
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
    meterhouse.clock.advance("2h");
    expect(await meter({ LicenseArn: first.licenseArn ?? "" })).toBe(isKept ? "Success" : "CustomerNotSubscribed");
  });
});

describe("fixed terms", () => {
  test("countdown, end, final hour and expiry come in order when the clock is turned over all of them", async () => {
    const agreement = await meterhouse.subscribe({ product: "contract", customer: buyer });
    const endsAt = meterhouse.clock.now().getTime() + 100 * 86_400_000;
    await meterhouse.marketplace.amend({ agreement: agreement.id, endsAt });
    meterhouse.clock.advance("200d");
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

  test("with autoRenew a new agreement follows at the end", async () => {
    const agreement = await meterhouse.subscribe({ product: "contract", customer: buyer });
    const endsAt = meterhouse.clock.now().getTime() + 10 * 86_400_000;
    await meterhouse.marketplace.amend({ agreement: agreement.id, endsAt, autoRenew: true });
    meterhouse.clock.advance("15d");
    await meterhouse.notifications();
    expect(await meter({ ProductCode: "contract" }, "extra")).toBe("Success");
    expect((await told("eventbridge")).filter((name) => name === "Purchase Agreement Created - Proposer")).toHaveLength(
      2,
    );
  });
});
