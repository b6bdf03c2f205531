/** A whole server with two sellers and hostile texts, and a browser in words: cookies, forms, redirects. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Offer } from "../../../src/api/types.ts";
import { checkCatalog } from "../../../src/catalog/file.ts";
import { createBusinessClock, type SettableClock } from "../../../src/clock.ts";
import { createLog } from "../../../src/log.ts";
import { type Service, startService } from "../../../src/service.ts";

export const startAt = Date.parse("2026-08-15T10:20:00Z");
export const seller = "111122223333";
export const rival = "222233334444";
export const buyer = "444455556666";
export const otherBuyer = "777788889999";
export const suspended = "888899990000";
export const hostile = `<script>alert("1")</script>'"&`;

export const products = {
  legacy: "legacysub0000000000000000",
  vault: "vaultsub00000000000000000",
  contract: "contract00000000000000000",
  ami: "amiproduct000000000000000",
  hostile: "hostile/code:with=signs",
  keyless: "keyless000000000000000000",
  rival: "rivalsub00000000000000000",
} as const;

export const offers: readonly Offer[] = [
  { id: "offer-trial0000001", productCode: products.legacy, title: "Try it", freeTrialDays: 14, createdAt: 0 },
  {
    id: "offer-mine00000001",
    productCode: products.legacy,
    title: "Only yours",
    buyerAccountIds: [buyer],
    createdAt: 0,
  },
  {
    id: "offer-other0000001",
    productCode: products.legacy,
    title: "Not yours",
    buyerAccountIds: [otherBuyer],
    createdAt: 0,
  },
  { id: "offer-gone00000001", productCode: products.legacy, title: "Gone", createdAt: 0, expiresAt: startAt },
  {
    id: "offer-fifty0000001",
    productCode: products.contract,
    title: "Fifty",
    termDays: 365,
    entitlements: { users: { IntegerValue: 50 } },
    createdAt: 0,
  },
];

const catalog = {
  accounts: [
    { id: seller, name: "Harbor Software" },
    { id: rival, name: "Rival Ltd." },
    { id: buyer, name: `Buyer ${hostile}` },
    { id: otherBuyer, name: "Other Buyer" },
    { id: suspended, name: "Suspended Buyer", suspended: true },
  ],
  credentials: [
    { accessKeyId: "AKIASELLERDENIED0000", account: seller, kind: "iam-user", name: "denied", allow: [] },
    { accessKeyId: "AKIASELLER0000000001", account: seller, kind: "iam-user", name: "page" },
  ],
  products: [
    product(products.legacy, "saas-subscription", "Legacy", seller, { concurrentAgreementsOnly: false }),
    product(products.vault, "saas-subscription", "Vault", seller, { concurrentAgreementsOnly: true }),
    product(products.contract, "saas-contract-with-consumption", "Desk", seller, {
      concurrentAgreementsOnly: false,
      entitlementDimensions: [{ name: "users", price: "12", unit: "users" }, { name: "sso" }],
    }),
    product(products.ami, "ami-fcp", "Scan", seller, { concurrentAgreementsOnly: false }),
    product(products.hostile, "saas-subscription", hostile, seller, {
      concurrentAgreementsOnly: true,
      registrationUrl: `https://seller.example/register?a=1&b="'`,
    }),
    product(products.keyless, "saas-subscription", "Keyless", rival, { concurrentAgreementsOnly: true }),
    product(products.rival, "saas-subscription", "Rival", rival, { concurrentAgreementsOnly: true }),
  ],
  agreements: [{ product: products.rival, buyer: otherBuyer, state: "active", acceptedAt: "2026-08-01T00:00:00Z" }],
};

function product(code: string, type: string, title: string, owner: string, more: Record<string, unknown>) {
  const dimensions = [{ name: "requests", unit: "requests", price: "0.25", description: `Requests ${hostile}` }];
  return { code, type, title, seller: owner, createdAt: "2024-01-01T00:00:00Z", dimensions, ...more };
}

export interface Site {
  readonly url: string;
  readonly service: Service;
  readonly clock: SettableClock;
  /** Another catalogue than the one of these tests. */
  load(document: Record<string, unknown>): Promise<void>;
  reset(): Promise<void>;
  close(): Promise<void>;
}

export async function startSite(): Promise<Site> {
  const dataDir = mkdtempSync(join(tmpdir(), "meterhouse-pages-"));
  const clock = createBusinessClock(Date.now, startAt);
  const service = await startService({
    dataDir,
    host: "127.0.0.1",
    port: 0,
    clock,
    wallClock: Date.now,
    rateClock: () => performance.now(),
    catalog: undefined,
    allowedHosts: [],
    env: process.env,
    log: createLog("silent"),
  });
  const load = async (document: Record<string, unknown>): Promise<void> => {
    clock.set(startAt);
    await service.store.reset();
    service.throttle.reset();
    await service.loadCatalog(checkCatalog(document, "catalog"));
  };
  return {
    url: service.url,
    service,
    clock,
    load,
    reset: async () => {
      await load(catalog);
      await service.store.catalog.apply({ offers });
    },
    close: async () => {
      await service.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

export interface Form {
  readonly action: string;
  readonly fields: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The page's path after redirects. */
  readonly path: string;
}

export class Visitor {
  readonly #site: Site;
  readonly cookies = new Map<string, string>();
  /** What a browser adds to its posts; tests take it away or change it. */
  postHeaders: Record<string, string>;

  constructor(site: Site) {
    this.#site = site;
    this.postHeaders = { Origin: site.url, "Sec-Fetch-Site": "same-origin" };
  }

  async open(path: string, init: RequestInit = {}): Promise<Answer> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const headers = { ...(cookie === "" ? {} : { Cookie: cookie }), ...(init.headers as Record<string, string>) };
    const response = await fetch(this.#site.url + path, { ...init, headers, redirect: "manual" });
    for (const line of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      this.cookies.set(name, value);
    }
    const text = await response.text();
    const location = response.headers.get("location");
    if (response.status === 303 && location !== null) return this.open(location);
    return { status: response.status, headers: response.headers, text, path };
  }

  post(path: string, fields: Readonly<Record<string, string>>): Promise<Answer> {
    const headers = { "Content-Type": "application/x-www-form-urlencoded", ...this.postHeaders };
    return this.open(path, { method: "POST", headers, body: new URLSearchParams(fields).toString() });
  }

  submit(form: Form, more: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return this.post(form.action, { ...form.fields, ...more });
  }

  async choose(account: string): Promise<void> {
    const answer = await this.submit(formTo(await this.open("/marketplace/buyer"), "/marketplace/buyer"), { account });
    if (answer.status !== 200) throw new Error(answer.text);
  }

  async subscribe(code: string, fields: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const path = `/marketplace/${encodeURIComponent(code)}`;
    return this.submit(formTo(await this.open(path), `${path}/subscribe`), fields);
  }

  /** Presses the button of an agreement. */
  async act(agreement: string, action: string, fields: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const list = await this.open("/marketplace/subscriptions");
    return this.submit(formTo(list, `/marketplace/subscriptions/${agreement}/${action}`), fields);
  }
}

/** All forms of a page, with the fields that are sent without anyone filling them in. */
export function formsOf({ text }: Answer): readonly Form[] {
  return [...text.matchAll(/<form\b([^>]*)>(.*?)<\/form>/gs)].map(([, head = "", body = ""]) => ({
    action: attribute(head, "action") ?? "",
    fields: Object.fromEntries(
      [...body.matchAll(/<input type="hidden"([^>]*)>/g)].map(([, text = ""]) => [
        attribute(text, "name") ?? "",
        attribute(text, "value") ?? "",
      ]),
    ),
  }));
}

export function formTo(answer: Answer, action: string): Form {
  const found = formsOf(answer).find((one) => one.action === action);
  if (found === undefined) throw new Error(`no form posts to ${action}: ${answer.text}`);
  return found;
}

function attribute(text: string, name: string): string | undefined {
  const value = new RegExp(`${name}="([^"]*)"`).exec(text)?.[1];
  return value
    ?.replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'")
    .replaceAll("&amp;", "&");
}
