import { describe, expect, test } from "vitest";
import type { Notification, Offer, ProductType } from "../../../src/api/types.ts";
import { composeForBuyer } from "../../../src/marketplace/notifications/acceptor.ts";
import { composeNotification, topicArn } from "../../../src/marketplace/notifications/compose.ts";
import type { LifecycleEvent } from "../../../src/marketplace/notifications/events.ts";
import { agreement, at, facts, licenseArn, product } from "./facts.ts";

function composed(event: LifecycleEvent, change: Parameters<typeof facts>[0] = {}): Notification {
  const notification = composeNotification(event, facts(change));
  if (notification === undefined) throw new Error(`${event.kind} is not sent`);
  return notification;
}

const detailOf = (event: LifecycleEvent, change: Parameters<typeof facts>[0] = {}): unknown => {
  const { detail } = JSON.parse(composed(event, change).body);
  const { requestId, catalog, ...rest } = detail;
  expect({ requestId, catalog }).toEqual({
    requestId: "22222222-2222-4222-8222-222222222222",
    catalog: "AWSMarketplace",
  });
  return rest;
};

const subscription = `arn:aws:sns:us-east-1:287250355862:aws-mp-subscription-notification-${product.code}`;
const entitlement = `arn:aws:sns:us-east-1:287250355862:aws-mp-entitlement-notification-${product.code}`;
const acceptor = { accountId: "310000000001" };
const proposer = { accountId: "210000000001" };
const namedProposer = { name: "Quayside Software", accountId: "210000000001" };
const offer = { id: "offer-abc1234567890" };
const titled = { id: "prod-quaydesk00001", title: "Quay Desk" };
const term = {
  status: "ACTIVE",
  acceptanceTime: "2026-08-01T00:00:00Z",
  startTime: "2026-08-02T00:00:00Z",
  endTime: "2027-08-01T00:00:00Z",
};

describe("SNS messages (D.3)", () => {
  test.each(["subscribe-success", "subscribe-fail", "unsubscribe-pending", "unsubscribe-success"] as const)(
    "%s, exactly (N-3, N-4, N-6)",
    (kind) => {
      expect(composed({ kind })).toEqual({
        id: "11111111-1111-4111-8111-111111111111",
        at,
        form: "sns",
        sellerAccountId: "210000000001",
        productCode: product.code,
        agreementId: agreement.id,
        topicArn: subscription,
        name: kind,
        body: `{"action":"${kind}","customer-identifier":"aLd3rQ7wE1z","product-code":"${product.code}","isFreeTrialTermPresent":"false"}`,
      });
    },
  );

  test("N-3: a private offer is named, a free trial is the text true", () => {
    const { body } = composed({ kind: "subscribe-success" }, { agreement: { privateOffer: true, freeTrial: true } });
    expect(body).toBe(
      `{"action":"subscribe-success","customer-identifier":"aLd3rQ7wE1z","product-code":"${product.code}",` +
        '"offer-identifier":"offer-abc1234567890","isFreeTrialTermPresent":"true"}',
    );
  });

  test("N-5: entitlement-updated, on its own topic", () => {
    const { body, topicArn: topic } = composed({ kind: "entitlement-updated" });
    expect(topic).toBe(entitlement);
    expect(topic).toBe(topicArn("entitlement", product.code));
    expect(body).toBe(
      `{"action":"entitlement-updated","customer-identifier":"aLd3rQ7wE1z","product-code":"${product.code}"}`,
    );
  });

  test.each<[ProductType, boolean, boolean]>([
    ["saas-subscription", true, false],
    ["saas-contract", true, true],
    ["saas-contract-with-consumption", true, true],
    ["container-hourly", false, false],
    ["ami-fcp", false, false],
    ["agentcore-fcp", false, false],
  ])("N-1: %s: subscription topic %s, entitlement topic %s", (type, hasSubscription, hasEntitlement) => {
    const change = { product: { type } };
    expect(composeNotification({ kind: "subscribe-success" }, facts(change)) !== undefined).toBe(hasSubscription);
    expect(composeNotification({ kind: "entitlement-updated" }, facts(change)) !== undefined).toBe(hasEntitlement);
  });

  test("N-26: products with concurrent agreements send none, unless told to", () => {
    const isSent = (change: Parameters<typeof facts>[0]["product"]) =>
      composeNotification({ kind: "subscribe-success" }, facts(change === undefined ? {} : { product: change })) !==
      undefined;
    expect(isSent({ concurrentAgreementsOnly: true })).toBe(false);
    expect(isSent({ concurrentAgreementsOnly: true, sendsSns: true })).toBe(true);
    expect(isSent({ sendsSns: false })).toBe(false);
  });
});

describe("EventBridge events (D.4)", () => {
  test("N-20: the whole event", () => {
    const notification = composed({ kind: "license-updated" });
    expect(notification).toMatchObject({ form: "eventbridge", name: "License Updated - Manufacturer", at });
    expect(notification.topicArn).toBeUndefined();
    expect(JSON.parse(notification.body)).toEqual({
      version: "0",
      id: "11111111-1111-4111-8111-111111111111",
      "detail-type": "License Updated - Manufacturer",
      source: "aws.agreement-marketplace",
      account: "210000000001",
      time: "2026-08-15T10:20:30Z",
      region: "us-east-1",
      resources: ["arn:aws:aws-marketplace::aws:agreement:agmt-aaaaaaaaaaaaaaaaaaaaaaaaa"],
      detail: {
        requestId: "22222222-2222-4222-8222-222222222222",
        catalog: "AWSMarketplace",
        agreement: { id: agreement.id },
        product: { code: product.code, id: "prod-quaydesk00001" },
        license: { arn: licenseArn },
        acceptor,
        proposer,
        offer,
      },
    });
  });

  test.each<[LifecycleEvent, string]>([
    [{ kind: "agreement-created" }, "Purchase Agreement Created - Proposer"],
    [{ kind: "agreement-amended" }, "Purchase Agreement Amended - Proposer"],
    [{ kind: "agreement-ended" }, "Purchase Agreement Ended - Proposer"],
    [{ kind: "agreement-ending", daysBeforeEndTime: 30 }, "Purchase Agreement Ending - Proposer"],
    [
      { kind: "agreement-renewal-terms-finalized", tcv: "1.00" },
      "Purchase Agreement Renewal Terms Finalized - Proposer",
    ],
    [{ kind: "agreement-renewal-upcoming", tcv: "1.00" }, "Purchase Agreement Renewal Upcoming - Proposer"],
    [{ kind: "advisory-issued" }, "Purchase Agreement Advisory Issued - Manufacturer"],
    [{ kind: "advisory-resolved" }, "Purchase Agreement Advisory Resolved - Manufacturer"],
    [{ kind: "license-updated" }, "License Updated - Manufacturer"],
    [{ kind: "license-deprovisioned" }, "License Deprovisioned - Manufacturer"],
    [{ kind: "spend-threshold-reached" }, "Spend Threshold Reached - Manufacturer"],
    [{ kind: "vet-succeeded" }, "Spend Threshold Vet Succeeded - Manufacturer"],
    [{ kind: "vet-failed" }, "Spend Threshold Vet Failed - Manufacturer"],
  ])("$kind", (event, detailType) => {
    const { name, body } = composed(event);
    expect(name).toBe(detailType);
    expect(JSON.parse(body)).toMatchObject({ "detail-type": detailType, resources: [expect.any(String)] });
  });

  test("N-21: created, and created by renewal", () => {
    const created = {
      agreement: { id: agreement.id, intent: "NEW", ...term },
      resaleAuthorization: null,
      product: titled,
      acceptor,
      proposer: namedProposer,
      offer,
    };
    expect(detailOf({ kind: "agreement-created" })).toEqual(created);
    const renewed = { intent: "RENEW", previousAgreementId: "agmt-b" } as const;
    expect(detailOf({ kind: "agreement-created" }, { agreement: renewed })).toEqual({
      ...created,
      agreement: { ...created.agreement, ...renewed },
    });
  });

  test("an agreement until cancelled has no endTime", () => {
    const { endsAt: _ends, ...open } = agreement;
    const notification = composeNotification({ kind: "agreement-created" }, { ...facts({}), agreement: open });
    expect(JSON.parse(notification?.body ?? "").detail.agreement).toEqual({
      id: agreement.id,
      intent: "NEW",
      status: "ACTIVE",
      acceptanceTime: "2026-08-01T00:00:00Z",
      startTime: "2026-08-02T00:00:00Z",
    });
  });

  test.each([
    [true, true, null],
    [false, false, "ACCEPTOR"],
    [undefined, false, null],
  ])("amended, with auto-renewal %s", (autoRenew, autoRenewalEnabled, disabledBy) => {
    const change = autoRenew === undefined ? {} : { agreement: { autoRenew } };
    expect(detailOf({ kind: "agreement-amended" }, change)).toEqual({
      agreement: { id: agreement.id, intent: "AMEND", ...term, autoRenewalEnabled },
      renewalSummary: { lockoutStartTime: null, disabledBy },
      product: titled,
      resaleAuthorization: null,
      acceptor,
      proposer: namedProposer,
      offer,
    });
  });

  test.each<[string, LifecycleEvent, number]>([
    ["CANCELLED", { kind: "agreement-ended" }, at],
    ["EXPIRED", { kind: "agreement-ended" }, Date.parse("2027-08-01T00:00:00Z")],
    ["RENEWED", { kind: "agreement-ended", status: "RENEWED" }, at],
  ])("ended: %s", (status, event, when) => {
    expect(detailOf(event, { at: when })).toEqual({
      agreement: { id: agreement.id, status },
      resaleAuthorization: null,
      acceptor,
      proposer: namedProposer,
      offer,
    });
  });

  test("ending", () => {
    expect(detailOf({ kind: "agreement-ending", daysBeforeEndTime: 90 }, { agreement: { autoRenew: true } })).toEqual({
      agreement: {
        id: agreement.id,
        startTime: term.startTime,
        endTime: term.endTime,
        status: "ACTIVE",
        daysBeforeEndTime: 90,
        autoRenewalEnabled: true,
      },
      renewalSummary: { lockoutStartTime: null, disabledBy: null },
      product: titled,
      acceptor,
      proposer: namedProposer,
      offer,
    });
  });

  test("renewal", () => {
    const common = {
      agreement: { id: agreement.id, startTime: term.startTime, endTime: term.endTime },
      product: titled,
      acceptor,
      proposer: namedProposer,
    };
    expect(detailOf({ kind: "agreement-renewal-terms-finalized", tcv: "105000.00" })).toEqual({
      ...common,
      renewalSummary: {
        tcv: "105000.00",
        currency: "USD",
        termsFinalizedTime: "2026-08-15T10:20:30Z",
        lockoutReached: null,
        lockoutStartTime: null,
      },
    });
    expect(detailOf({ kind: "agreement-renewal-upcoming", tcv: "105000.00" })).toEqual({
      ...common,
      renewalSummary: { lockoutReached: true, tcv: "105000.00", currency: "USD" },
    });
  });

  test("advisories and trust checks, to the maker", () => {
    const maker = {
      agreement: { id: agreement.id },
      product: { id: "prod-quaydesk00001" },
      acceptor,
      proposer,
      offer,
    };
    expect(detailOf({ kind: "advisory-issued", issuedAt: at - 120_000 })).toEqual({
      ...maker,
      advisory: { issuedAt: "2026-08-15T10:18:30Z" },
    });
    expect(detailOf({ kind: "advisory-resolved" })).toEqual({
      ...maker,
      advisory: { resolvedAt: "2026-08-15T10:20:30Z" },
    });
    expect(detailOf({ kind: "vet-failed" })).toEqual(maker);
    expect(composeNotification({ kind: "vet-failed" }, facts({ product: { type: "saas-contract" } }))).toBeUndefined();
  });

  test("N-22: no licence, no licence event; the ARN is whole", () => {
    const { licenseArn: _arn, ...bare } = agreement;
    expect(composeNotification({ kind: "license-updated" }, { ...facts({}), agreement: bare })).toBeUndefined();
    expect(detailOf({ kind: "license-deprovisioned" })).toMatchObject({ license: { arn: licenseArn } });
  });

  test.each([
    ["cancellation-requested", "Pending Approval", "PENDING_APPROVAL"],
    ["cancellation-approved", "Approved", "APPROVED"],
    ["cancellation-rejected", "Rejected", "REJECTED"],
    ["cancellation-cancelled", "Cancelled", "CANCELLED"],
    ["cancellation-validation-failed", "Validation Failed", "VALIDATION_FAILED"],
  ] as const)("%s", (kind, title, statusCode) => {
    const request = { id: "acr-1", reasonCode: "TEST_AGREEMENT", createdAt: at - 60_000 };
    const { name, body } = composed({ kind, request });
    expect(name).toBe(`Agreement Cancellation Request ${title} - Proposer`);
    expect(JSON.parse(body)).toMatchObject({ resources: [] });
    expect(detailOf({ kind, request })).toEqual({
      agreement: {
        id: agreement.id,
        acceptorId: "310000000001",
        productId: "prod-quaydesk00001",
        offerId: "offer-abc1234567890",
      },
      agreementCancellationRequest: {
        id: "acr-1",
        reasonCode: "TEST_AGREEMENT",
        reasonMessage: "",
        statusCode,
        statusMessage: "",
        createdAt: "2026-08-15T10:19:30Z",
        updatedAt: "2026-08-15T10:20:30Z",
      },
    });
  });

  test.each([
    ["billing-adjustment-completed", "Completed"],
    ["billing-adjustment-failed", "Failed"],
  ] as const)("%s", (kind, outcome) => {
    const adjustment = { id: "ba-1", amount: "-100.00", reasonCode: "OTHER", originalInvoiceId: "2028746221" };
    expect(composed({ kind, adjustment }).name).toBe(`Purchase Agreement Billing Adjustment ${outcome} - Proposer`);
    expect(detailOf({ kind, adjustment })).toEqual({
      agreement: { id: agreement.id },
      billingAdjustmentRequest: {
        id: "ba-1",
        adjustmentAmount: "-100.00",
        currencyCode: "USD",
        adjustmentReasonCode: "OTHER",
      },
      invoice: { originalInvoiceId: "2028746221" },
    });
  });

  test("products of every type send events, and no seller's name is made up", () => {
    const change = facts({ product: { type: "container-hourly" } });
    const { name: _name, ...seller } = change.seller;
    const notification = composeNotification({ kind: "agreement-created" }, { ...change, seller });
    expect(JSON.parse(notification?.body ?? "").detail.proposer).toEqual(proposer);
  });
});

describe("events to the buyer (D.4)", () => {
  const toBuyer = (event: LifecycleEvent, change: Parameters<typeof facts>[0] = {}) =>
    composeForBuyer(event, { ...facts(change), offer: { id: offer.id, title: "A year" } as Offer });

  test("the whole event: on the buyer's bus, and for the buyer", () => {
    const notification = toBuyer({ kind: "agreement-ended" });
    expect(notification).toMatchObject({
      ...{ form: "eventbridge", name: "Purchase Agreement Ended - Acceptor", at, agreementId: agreement.id },
      ...{ sellerAccountId: proposer.accountId, buyerAccountId: acceptor.accountId, productCode: product.code },
    });
    expect(JSON.parse(notification?.body ?? "")).toEqual({
      version: "0",
      id: "11111111-1111-4111-8111-111111111111",
      "detail-type": "Purchase Agreement Ended - Acceptor",
      source: "aws.agreement-marketplace",
      account: acceptor.accountId,
      time: "2026-08-15T10:20:30Z",
      region: "us-east-1",
      resources: ["arn:aws:aws-marketplace::aws:agreement:agmt-aaaaaaaaaaaaaaaaaaaaaaaaa"],
      detail: {
        requestId: "22222222-2222-4222-8222-222222222222",
        catalog: "AWSMarketplace",
        agreement: { id: agreement.id, status: "CANCELLED" },
        acceptor,
        proposer,
        offer,
      },
    });
  });

  test("a renewal names product, seller and offer", () => {
    const renewed = { intent: "RENEW", previousAgreementId: "agmt-b" } as const;
    const { detail } = JSON.parse(toBuyer({ kind: "agreement-created" }, { agreement: renewed })?.body ?? "");
    expect(detail).toEqual({
      ...{ requestId: expect.any(String), catalog: "AWSMarketplace" },
      agreement: { id: agreement.id, ...renewed, ...term },
      product: titled,
      acceptor,
      proposer: namedProposer,
      offer: { ...offer, name: "A year" },
    });
  });

  test.each([
    "subscribe-success",
    "license-updated",
    "license-deprovisioned",
    "advisory-issued",
    "spend-threshold-reached",
    "vet-failed",
  ] as const)("%s is the seller's alone", (kind) => {
    expect(composeNotification({ kind }, facts({}))).toBeDefined();
    expect(toBuyer({ kind })).toBeUndefined();
  });
});
