/** One sale to write notifications about, and a receiver for them. */
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Agreement, Notification, NotificationTarget, Product } from "../../../src/api/types.ts";
import type { NotificationFacts } from "../../../src/marketplace/notifications/details.ts";

export const at = Date.parse("2026-08-15T10:20:30.400Z");
export const licenseArn = `arn:aws:license-manager::294406891311:license:l-${"0a".repeat(16)}`;

export const product: Product = {
  code: "quaydesk00000000000000000",
  entityId: "prod-quaydesk00001",
  title: "Quay Desk",
  sellerAccountId: "210000000001",
  type: "saas-contract-with-consumption",
  createdAt: 0,
  concurrentAgreementsOnly: false,
  dimensions: [],
  enabledRegions: ["us-east-1"],
  keyVersions: [],
};

export const agreement: Agreement = {
  id: "agmt-aaaaaaaaaaaaaaaaaaaaaaaaa",
  productCode: product.code,
  buyerAccountId: "310000000001",
  version: 1,
  acceptedAt: Date.parse("2026-08-01T00:00:00Z"),
  startedAt: Date.parse("2026-08-02T00:00:00Z"),
  endsAt: Date.parse("2027-08-01T00:00:00Z"),
  licenseArn,
  offerId: "offer-abc1234567890",
  privateOffer: false,
  freeTrial: false,
};

export function facts(change: {
  readonly product?: Partial<Product>;
  readonly agreement?: Partial<Agreement>;
  readonly at?: number;
}): NotificationFacts {
  return {
    product: { ...product, ...change.product },
    agreement: { ...agreement, ...change.agreement },
    buyer: { id: "310000000001", customerIdentifier: "aLd3rQ7wE1z", suspended: false },
    seller: { id: "210000000001", name: "Quayside Software", customerIdentifier: "qUaY", suspended: false },
    at: change.at ?? at,
    id: "11111111-1111-4111-8111-111111111111",
    requestId: "22222222-2222-4222-8222-222222222222",
  };
}

export function snsNotification(id: string, body = `{"action":"subscribe-success","n":"${id}"}`): Notification {
  return {
    id,
    at,
    form: "sns",
    sellerAccountId: product.sellerAccountId,
    productCode: product.code,
    topicArn: `arn:aws:sns:us-east-1:287250355862:aws-mp-subscription-notification-${product.code}`,
    name: "subscribe-success",
    body,
  };
}

export function busNotification(id: string): Notification {
  const { topicArn: _topic, ...rest } = snsNotification(id);
  return { ...rest, form: "eventbridge", name: "License Updated - Manufacturer", body: `{"version":"0","id":"${id}"}` };
}

export function httpTarget(id: string, url: string, change: Partial<NotificationTarget> = {}): NotificationTarget {
  return {
    ...{ id, url, sellerAccountId: product.sellerAccountId, forms: ["sns", "eventbridge"], kind: "http" },
    ...{ rawDelivery: false, confirmedAt: 1, createdAt: 1, confirmationToken: `token-of-${id}` },
    ...change,
  };
}

export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Receiver {
  readonly url: string;
  readonly received: Received[];
  /** The answers to come, in turn; then 200. A number is a status, nothing hangs. */
  readonly answers: (number | "hang")[];
  close(): Promise<void>;
}

/** A seller's endpoint. */
export async function startReceiver(): Promise<Receiver> {
  const received: Received[] = [];
  const answers: (number | "hang")[] = [];
  const server: Server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8");
    request.on("data", (text: string) => {
      body += text;
    });
    request.on("end", () => {
      received.push({ path: request.url ?? "", headers: request.headers, body });
      const answer = answers.shift() ?? 200;
      if (answer === "hang") return;
      response.writeHead(answer, answer >= 300 && answer < 400 ? { Location: "/elsewhere" } : {});
      response.end("thanks");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    answers,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Waits until it holds, for at most five seconds. */
export async function until(holds: () => boolean, what = "the condition"): Promise<void> {
  const end = performance.now() + 5_000;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`${what} did not come to hold within 5 s`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
