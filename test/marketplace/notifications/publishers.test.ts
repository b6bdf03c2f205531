/**
 * Every message and event that sellers and buyers can be told (SPEC D.3, D.4), brought about by an action of the control
 * plane or by the clock, and read where it arrives: at the seller's endpoint and at the buyer's. A kind without a
 * publisher fails here.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Meterhouse, startMeterhouse } from "../../../src/index.ts";
import { announcementKinds } from "../../../src/marketplace/agreementAnnouncements.ts";
import {
  type AcceptorKind,
  acceptorDetailTypes,
  detailTypes,
  type LifecycleEvent,
  snsActions,
} from "../../../src/marketplace/notifications/events.ts";
import { type Receiver, startReceiver, until } from "./facts.ts";

type Kind = LifecycleEvent["kind"];
// biome-ignore lint/suspicious/noExplicitAny: the wire has no types
type Json = any;

const kinds: readonly Kind[] = [...snsActions, ...(Object.keys(detailTypes) as (keyof typeof detailTypes)[])];
const seller = { id: "111111111111", name: "Quayside" };
const product = "contractwithconsumption01";
const dayMs = 86_400_000;
/** Each kind has a buyer of its own, and no clock that is turned for one tells anything of another. */
const buyerOf = (kind: Kind): string => String(300_000_000_000 + kinds.indexOf(kind));
const customerOf = (kind: Kind): string => `customer${String(kinds.indexOf(kind)).padStart(2, "0")}`;

const catalog = {
  accounts: [seller, ...kinds.map((kind) => ({ id: buyerOf(kind), customerIdentifier: customerOf(kind) }))],
  products: [
    {
      code: product,
      seller: seller.id,
      title: "Quay Desk",
      type: "saas-contract-with-consumption",
      createdAt: "2024-01-01T00:00:00Z",
      dimensions: ["requests"],
      entitlementDimensions: [{ name: "seats", price: "12.5" }, { name: "sso", price: "0.125" }, "tier"],
    },
  ],
  offers: [
    {
      ...{ id: "offer-year", product, title: "A year", termDays: 365, autoRenew: true },
      entitlements: { seats: 10, sso: true, tier: "gold" },
    },
  ],
};

let meterhouse: Meterhouse;
let receiver: Receiver;
/** Where each buyer's own event bus leads. */
let buyers: Receiver;
let entityId: string;
beforeAll(async () => {
  receiver = await startReceiver();
  meterhouse = await startMeterhouse({ catalog, now: "2026-08-15T10:20:30.400Z" });
  entityId = (await control("GET", `/products/${product}`)).entityId;
  const target = { seller: seller.id, forms: ["sns", "eventbridge"], kind: "http", url: receiver.url };
  await control("POST", "/notification-targets", target);
  await until(() => receiver.received.length === 1, "the request to confirm");
  const { SubscribeURL } = JSON.parse(receiver.received[0]?.body ?? "{}");
  expect((await fetch(SubscribeURL)).status).toBe(200);
  buyers = await startReceiver();
  for (const kind of kinds) {
    await control("POST", "/notification-targets", { buyer: buyerOf(kind), kind: "http", url: buyers.url });
  }
});
afterAll(async () => {
  await meterhouse?.close();
  await receiver?.close();
  await buyers?.close();
});

async function control(method: string, path: string, body?: object): Promise<Json> {
  const answer = await fetch(`${meterhouse.endpoint}/api/v1${path}`, {
    method,
    headers: { Authorization: `Bearer ${meterhouse.adminToken}`, "Content-Type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  expect(answer.ok, `${method} ${path}: ${await answer.clone().text()}`).toBe(true);
  return answer.json();
}

const purchase = (kind: Kind, more: object = {}): Promise<Json> =>
  control("POST", "/agreements", { product, buyer: buyerOf(kind), offer: "offer-year", ...more });
const act = (id: string, action: string, body: object = {}): Promise<Json> =>
  control("POST", `/agreements/${id}/${action}`, body);
const turnTo = (at: number): Promise<Json> => control("POST", "/clock/set", { to: new Date(at).toISOString() });
const now = (): number => meterhouse.clock.now().getTime();

async function bought(kind: Kind, then: (made: Json) => Promise<unknown>): Promise<Json> {
  const made = await purchase(kind);
  await then(made);
  return made;
}
const daysBeforeEnd = (kind: Kind, days: number): Promise<Json> =>
  bought(kind, ({ endsAt }) => turnTo(Date.parse(endsAt) - days * dayMs));
const announced = (kind: Kind, members: object = {}): Promise<Json> =>
  bought(kind, ({ id }) => act(id, "announce", { kind, ...members }));

const iso = (at: number | string): string => `${new Date(at).toISOString().slice(0, 19)}Z`;
const acceptor = ({ buyer }: Json) => ({ accountId: buyer });
const maker = (made: Json) => ({
  agreement: { id: made.id },
  product: { id: entityId },
  acceptor: acceptor(made),
  proposer: { accountId: seller.id },
  offer: { id: "offer-year" },
});
const proposal = (made: Json) => ({
  acceptor: acceptor(made),
  proposer: { name: seller.name, accountId: seller.id },
});
const titled = () => ({ product: { id: entityId, title: "Quay Desk" } });
const offer = { offer: { id: "offer-year" } };
const times = ({ startedAt, endsAt }: Json) => ({ startTime: iso(startedAt), endTime: iso(endsAt) });
const whole = (made: Json) => ({ status: "ACTIVE", acceptanceTime: iso(made.acceptedAt), ...times(made) });
const licence = (made: Json) => ({
  ...maker(made),
  product: { code: product, id: entityId },
  license: { arn: made.license },
});
const request = {
  id: "acr-1",
  reasonCode: "TEST_AGREEMENT",
  reasonMessage: "A test",
  createdAt: "2026-08-15T10:00:00Z",
};
const requested = (statusCode: string) => (made: Json) => ({
  agreement: { id: made.id, acceptorId: made.buyer, productId: entityId, offerId: "offer-year" },
  agreementCancellationRequest: { ...request, statusCode, statusMessage: "", updatedAt: iso(now()) },
});
const refund = { id: "ba-1", amount: "-100.00", reasonCode: "OTHER", originalInvoiceId: "2028746221" };
const refunded = ({ id }: Json) => ({
  agreement: { id },
  billingAdjustmentRequest: {
    id: "ba-1",
    adjustmentAmount: "-100.00",
    currencyCode: "USD",
    adjustmentReasonCode: "OTHER",
  },
  invoice: { originalInvoiceId: "2028746221" },
});
/** 10 seats at 12.5 and a switch at 0.125, rounded to cents; the text has no price. */
const tcv = "125.13";

interface Publisher {
  /** Brings it about; resolves with the agreement as the purchase made it. */
  readonly publish: (kind: Kind) => Promise<Json>;
  /** Of events: `detail` without requestId and catalog. */
  readonly detail?: (made: Json) => object;
  /** Of events that name no resource. */
  readonly hasNoResource?: true;
}

const publishers: Readonly<Record<Kind, Publisher>> = {
  "subscribe-success": { publish: (kind) => purchase(kind) },
  "subscribe-fail": { publish: (kind) => purchase(kind, { paymentFails: true }) },
  "unsubscribe-pending": { publish: (kind) => bought(kind, ({ id }) => act(id, "cancel")) },
  "unsubscribe-success": { publish: (kind) => bought(kind, ({ id }) => act(id, "unsubscribe")) },
  "entitlement-updated": {
    publish: (kind) => bought(kind, ({ id }) => act(id, "amend", { entitlements: { seats: 5 } })),
  },
  "agreement-created": {
    publish: (kind) => purchase(kind),
    detail: (made) => ({
      agreement: { id: made.id, intent: "NEW", ...whole(made) },
      resaleAuthorization: null,
      ...titled(),
      ...proposal(made),
      ...offer,
    }),
  },
  "agreement-amended": {
    publish: (kind) => bought(kind, ({ id }) => act(id, "amend", { autoRenew: false })),
    detail: (made) => ({
      agreement: { id: made.id, intent: "AMEND", ...whole(made), autoRenewalEnabled: false },
      renewalSummary: { lockoutStartTime: null, disabledBy: "ACCEPTOR" },
      ...titled(),
      resaleAuthorization: null,
      ...proposal(made),
      ...offer,
    }),
  },
  "agreement-ended": {
    publish: (kind) => bought(kind, ({ id }) => act(id, "cancel")),
    detail: (made) => ({
      agreement: { id: made.id, status: "CANCELLED" },
      resaleAuthorization: null,
      ...proposal(made),
      ...offer,
    }),
  },
  "agreement-ending": {
    publish: (kind) => daysBeforeEnd(kind, 180),
    detail: (made) => ({
      agreement: { id: made.id, ...times(made), status: "ACTIVE", daysBeforeEndTime: 180, autoRenewalEnabled: true },
      renewalSummary: { lockoutStartTime: null, disabledBy: null },
      ...titled(),
      ...proposal(made),
      ...offer,
    }),
  },
  "agreement-renewal-terms-finalized": {
    publish: (kind) => daysBeforeEnd(kind, 30),
    detail: (made) => ({
      agreement: { id: made.id, ...times(made) },
      renewalSummary: {
        ...{ tcv, currency: "USD", termsFinalizedTime: iso(Date.parse(made.endsAt) - 30 * dayMs) },
        ...{ lockoutReached: null, lockoutStartTime: null },
      },
      ...titled(),
      ...proposal(made),
    }),
  },
  "agreement-renewal-upcoming": {
    publish: (kind) => daysBeforeEnd(kind, 7),
    detail: (made) => ({
      agreement: { id: made.id, ...times(made) },
      renewalSummary: { lockoutReached: true, tcv, currency: "USD" },
      ...titled(),
      ...proposal(made),
    }),
  },
  "advisory-issued": {
    publish: (kind) => announced(kind, { issuedAt: "2026-08-15T10:00:00Z" }),
    detail: (made) => ({ ...maker(made), advisory: { issuedAt: "2026-08-15T10:00:00Z" } }),
  },
  "advisory-resolved": {
    publish: (kind) => announced(kind),
    detail: (made) => ({ ...maker(made), advisory: { resolvedAt: iso(now()) } }),
  },
  "license-updated": { publish: (kind) => purchase(kind), detail: licence },
  "license-deprovisioned": { publish: (kind) => bought(kind, ({ id }) => act(id, "cancel")), detail: licence },
  "spend-threshold-reached": { publish: (kind) => announced(kind), detail: maker },
  "vet-succeeded": { publish: (kind) => announced(kind), detail: maker },
  "vet-failed": { publish: (kind) => announced(kind), detail: maker },
  "cancellation-requested": {
    publish: (kind) => announced(kind, request),
    detail: requested("PENDING_APPROVAL"),
    hasNoResource: true,
  },
  "cancellation-approved": {
    publish: (kind) => announced(kind, request),
    detail: requested("APPROVED"),
    hasNoResource: true,
  },
  "cancellation-rejected": {
    publish: (kind) => announced(kind, request),
    detail: requested("REJECTED"),
    hasNoResource: true,
  },
  "cancellation-cancelled": {
    publish: (kind) => announced(kind, request),
    detail: requested("CANCELLED"),
    hasNoResource: true,
  },
  "cancellation-validation-failed": {
    publish: (kind) => announced(kind, request),
    detail: requested("VALIDATION_FAILED"),
    hasNoResource: true,
  },
  "billing-adjustment-completed": { publish: (kind) => announced(kind, refund), detail: refunded, hasNoResource: true },
  "billing-adjustment-failed": { publish: (kind) => announced(kind, refund), detail: refunded, hasNoResource: true },
};

const parties = (made: Json) => ({ acceptor: acceptor(made), proposer: { accountId: seller.id } });
const offerNamed = { offer: { id: "offer-year", name: "A year" } };
const requestedOf = (statusCode: string) => (made: Json) => ({
  ...requested(statusCode)(made),
  agreement: { id: made.id, proposerId: seller.id, productId: entityId, offerId: "offer-year" },
});

/** What the buyer is told: `detail` without requestId and catalog, as AWS's guide for buyers prints it. */
const acceptorDetails: Readonly<Record<AcceptorKind, (made: Json) => object>> = {
  "agreement-created": (made) => ({
    agreement: { id: made.id, intent: "NEW", ...whole(made) },
    ...parties(made),
    ...offer,
  }),
  "agreement-amended": (made) => ({
    agreement: { id: made.id, intent: "AMEND", ...whole(made), autoRenewalEnabled: false },
    renewalSummary: { lockoutStartTime: null, disabledBy: "ACCEPTOR" },
    ...titled(),
    ...parties(made),
    ...offerNamed,
  }),
  "agreement-ended": (made) => ({ agreement: { id: made.id, status: "CANCELLED" }, ...parties(made), ...offer }),
  "agreement-ending": (made) => ({
    agreement: { id: made.id, ...times(made), status: "ACTIVE", daysBeforeEndTime: 180, autoRenewalEnabled: true },
    renewalSummary: { lockoutStartTime: null, disabledBy: null },
    ...titled(),
    ...proposal(made),
    ...offerNamed,
  }),
  "agreement-renewal-terms-finalized": (made) => ({
    agreement: { id: made.id, ...times(made) },
    renewalSummary: {
      ...{ tcv, currency: "USD", termsFinalizedTime: iso(Date.parse(made.endsAt) - 30 * dayMs) },
      ...{ lockoutReached: null, lockoutStartTime: null },
    },
    ...titled(),
    ...proposal(made),
  }),
  "agreement-renewal-upcoming": (made) => ({
    agreement: { id: made.id, ...times(made) },
    renewalSummary: { lockoutReached: true, tcv, currency: "USD" },
    ...titled(),
    ...proposal(made),
  }),
  "cancellation-requested": requestedOf("PENDING_APPROVAL"),
  "cancellation-approved": requestedOf("APPROVED"),
  "cancellation-rejected": requestedOf("REJECTED"),
  "cancellation-cancelled": requestedOf("CANCELLED"),
  "billing-adjustment-completed": refunded,
};
const isTold = (kind: Kind): kind is AcceptorKind => kind in acceptorDetails;

/** What arrived, parsed; the first body that is so, waited for. */
async function arrival(isIt: (body: Json) => boolean, at: Receiver = receiver): Promise<Json> {
  const found = (): Json => at.received.map(({ body }) => JSON.parse(body)).find(isIt);
  await until(() => found() !== undefined, "the arrival");
  return found();
}

describe("every kind has a publisher, and arrives as AWS sends it", () => {
  test("the table names them all", () => {
    expect(Object.keys(publishers).sort()).toEqual([...kinds].sort());
    expect(kinds).toHaveLength(25);
    expect(Object.keys(acceptorDetails).sort()).toEqual(Object.keys(acceptorDetailTypes).sort());
  });

  test.each([...snsActions])("SNS: %s (N-2 to N-7)", async (kind) => {
    await publishers[kind].publish(kind);
    const isIt = (message: Json): boolean =>
      message["customer-identifier"] === customerOf(kind) && message.action === kind;
    const envelope = await arrival(({ Type, Message }) => Type === "Notification" && isIt(JSON.parse(Message)));
    const isEntitlement = kind === "entitlement-updated";
    const topic = `aws-mp-${isEntitlement ? "entitlement" : "subscription"}-notification-${product}`;
    expect(envelope).toEqual({
      Type: "Notification",
      MessageId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      TopicArn: `arn:aws:sns:us-east-1:287250355862:${topic}`,
      Message: expect.any(String),
      Timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      SignatureVersion: expect.any(String),
      Signature: expect.any(String),
      SigningCertURL: expect.stringMatching(/^https:/),
      UnsubscribeURL: expect.any(String),
    });
    expect(JSON.parse(envelope.Message)).toEqual({
      action: kind,
      "customer-identifier": customerOf(kind),
      "product-code": product,
      ...(isEntitlement ? {} : { isFreeTrialTermPresent: "false" }),
    });
  });

  test.each(kinds.filter((kind) => kind in detailTypes) as (keyof typeof detailTypes)[])(
    "EventBridge: %s (N-20 to N-23), and to the buyer what is the buyer's",
    async (kind) => {
      const { publish, detail, hasNoResource } = publishers[kind];
      const made = await publish(kind);
      const event = await arrival(
        (body) => body["detail-type"] === detailTypes[kind] && body.detail.agreement.id === made.id,
      );
      const whole = (detailType: string, account: string, rest: object | undefined): object => ({
        version: "0",
        id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        "detail-type": detailType,
        source: "aws.agreement-marketplace",
        account,
        time: iso(now()),
        region: "us-east-1",
        resources: hasNoResource === true ? [] : [`arn:aws:aws-marketplace::aws:agreement:${made.id}`],
        detail: { requestId: expect.stringMatching(/^[0-9a-f-]{36}$/), catalog: "AWSMarketplace", ...rest },
      });
      expect(event).toEqual(whole(detailTypes[kind], seller.id, detail?.(made)));
      // Written in the transaction of the seller's, so what is not there by now never comes.
      const { items } = await control("GET", `/notifications?buyer=${buyerOf(kind)}&agreement=${made.id}&limit=1000`);
      const names: string[] = items.map(({ name }: Json) => name);
      expect(names.filter((name) => !name.endsWith(" - Acceptor"))).toEqual([]);
      const base = detailTypes[kind].replace(/ - \w+$/, "");
      if (!isTold(kind)) return expect(names.some((name) => name.startsWith(base))).toBe(false);
      const name = acceptorDetailTypes[kind];
      expect(name).toBe(`${base} - Acceptor`);
      const told = await arrival(
        (body) => body["detail-type"] === name && body.detail.agreement.id === made.id,
        buyers,
      );
      expect(told).toEqual(whole(name, made.buyer, acceptorDetails[kind](made)));
      expect([told.id, told.detail.requestId]).not.toEqual([event.id, event.detail.requestId]);
    },
  );

  test("what can be announced is what no other action publishes", () => {
    const ofItself = ["agreement-", "license-"];
    expect([...announcementKinds].sort()).toEqual(
      Object.keys(detailTypes)
        .filter((kind) => !ofItself.some((start) => kind.startsWith(start)))
        .sort(),
    );
  });
});
