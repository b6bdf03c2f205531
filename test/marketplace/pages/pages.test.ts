import { request } from "node:http";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { agreementState } from "../../../src/rules/agreements.ts";
import {
  buyer,
  formsOf,
  formTo,
  hostile,
  otherBuyer,
  products,
  type Site,
  seller,
  startAt,
  startSite,
  suspended,
  Visitor,
} from "./site.ts";

let site: Site;
let visitor: Visitor;

beforeAll(async () => {
  site = await startSite();
});
beforeEach(async () => {
  await site.reset();
  visitor = new Visitor(site);
});
afterAll(() => site.close());

const tokenField = "x-amzn-marketplace-token";
const offerType = "x-amzn-marketplace-offer-type";
const sample = (code: string): string => `/sample-registration/${encodeURIComponent(code)}`;
const ofBuyer = (code: string, account = buyer) => site.service.store.catalog.agreements(code, account);
const stateOf = (code: string, account = buyer) => {
  const agreement = ofBuyer(code, account).at(-1);
  return agreement && agreementState(agreement, site.clock.now(), site.service.settings());
};

describe("products", () => {
  test("are listed with title, seller, type and price", async () => {
    const { text, status } = await visitor.open("/marketplace");
    expect(status).toBe(200);
    expect(text).toContain(`<a href="/marketplace/${products.legacy}">Legacy</a>`);
    expect(text).toContain("by Harbor Software");
    expect(text).toContain("SaaS contract with consumption");
    expect(text).toContain("from $0.25 / requests");
  });

  test("can be searched", async () => {
    const found = await visitor.open("/marketplace?q=ami+scan");
    expect(found.text).toContain("Scan");
    expect(found.text).not.toContain("Vault");
    expect((await visitor.open(`/marketplace?q=${encodeURIComponent(hostile)}x`)).text).toContain("No product matches");
  });

  test("show dimensions, and the offers that the buyer may take", async () => {
    await visitor.choose(buyer);
    const { text } = await visitor.open(`/marketplace/${products.legacy}`);
    expect(text).toContain("<code>requests</code>");
    expect(text).toContain("Try it");
    expect(text).toContain("Only yours");
    expect(text).not.toContain("Not yours");
    expect(text).not.toContain("Gone");
    expect((await new Visitor(site).open(`/marketplace/${products.legacy}`)).text).not.toContain("Only yours");
  });

  test.each([
    "/marketplace/nope",
    "/marketplace/a/b/c",
    "/sample-registration/nope",
    "/marketplace/subscriptions/x/cancel",
  ])("%s is a page that says so", async (path) => {
    const { status, text, headers } = await visitor.open(path);
    expect(status).toBe(404);
    expect(text).toContain("<h1>No such");
    expect(headers.get("content-type")).toContain("text/html");
  });

  test("an empty catalogue says what to do first", async () => {
    await site.load({});
    const { text } = await visitor.open("/marketplace");
    expect(text).toContain("There is no product yet");
    expect(text).toContain("There is no buyer account yet");
    expect((await visitor.open("/marketplace/subscriptions")).text).toContain("There is no buyer account yet");
  });
});

describe("subscribing", () => {
  beforeEach(() => visitor.choose(buyer));

  test("makes the browser post the token to the sample page", async () => {
    const answer = await visitor.subscribe(products.vault, { terms: "public" });
    const [form] = formsOf(answer);
    expect(form?.action).toBe(sample(products.vault));
    expect(Object.keys(form?.fields ?? {})).toEqual([tokenField]);
    expect(answer.text).toMatch(/<button>Continue to /);
    expect(stateOf(products.vault)).toBe("active");
  });

  test("escapes the seller's own URL, and is not held to its origin when it redirects", async () => {
    const answer = await visitor.subscribe(products.hostile);
    expect(formsOf(answer)[0]?.action).toBe(`https://seller.example/register?a=1&b="'`);
    const policy = answer.headers.get("content-security-policy") ?? "";
    const nonce = /script-src 'nonce-([^']+)'/.exec(policy)?.[1];
    expect(answer.text).toContain(`<script nonce="${nonce}">`);
    expect(policy).toContain("form-action http: https:");
    const again = await visitor.subscribe(products.hostile);
    expect(again.headers.get("content-security-policy")).not.toBe(policy);
  });

  test.each([
    [{ terms: "free-trial" }, { freeTrial: true, privateOffer: false }, "free-trial"],
    [{ terms: "private" }, { freeTrial: false, privateOffer: true }, undefined],
    [{ terms: "public" }, { freeTrial: false, privateOffer: false }, undefined],
  ])("on %j", async (fields, agreement, type) => {
    const [form] = formsOf(await visitor.subscribe(products.vault, fields));
    expect(form?.fields[offerType]).toBe(type);
    expect(ofBuyer(products.vault).at(-1)).toMatchObject(agreement);
  });

  test("an offer of the catalogue", async () => {
    const [form] = formsOf(await visitor.subscribe(products.legacy, { terms: "offer:offer-trial0000001" }));
    expect(form?.fields[offerType]).toBe("free-trial");
    expect(ofBuyer(products.legacy).at(-1)).toMatchObject({ offerId: "offer-trial0000001", freeTrial: true });
  });

  test.each(["offer:offer-other0000001", "offer:offer-gone00000001", "offer:offer-nope"])(
    "%s is refused in words",
    async (terms) => {
      const { status, text } = await visitor.subscribe(products.legacy, { terms });
      expect(status).toBe(409);
      expect(text).toContain("That cannot be done");
      expect(ofBuyer(products.legacy)).toEqual([]);
    },
  );

  test("terms that there are not", async () => {
    expect((await visitor.subscribe(products.legacy, { terms: hostile })).status).toBe(400);
  });

  test("with a payment that fails", async () => {
    const answer = await visitor.subscribe(products.legacy, { paymentFails: "yes" });
    expect(formsOf(answer)[0]?.fields[tokenField]).toBeDefined();
    expect(stateOf(products.legacy)).toBe("payment-failed");
    await visitor.act(ofBuyer(products.legacy).at(-1)?.id ?? "", "activate");
    expect(stateOf(products.legacy)).toBe("active");
  });

  test("once for a legacy product, any number of times with concurrent agreements", async () => {
    await visitor.subscribe(products.legacy);
    const page = await visitor.open(`/marketplace/${products.legacy}`);
    expect(page.text).toContain("You are subscribed");
    const { csrf = "" } = formsOf(page).at(-1)?.fields ?? {};
    expect((await visitor.post(`/marketplace/${products.legacy}/subscribe`, { csrf })).status).toBe(409);
    await visitor.subscribe(products.vault);
    await visitor.subscribe(products.vault);
    const licenses = ofBuyer(products.vault).map((one) => one.licenseArn);
    expect(new Set(licenses).size).toBe(2);
  });

  test("completes a pending agreement", async () => {
    const pending = await site.service.agreements.create({ product: products.legacy, customer: buyer }, startAt);
    await visitor.subscribe(products.legacy);
    expect(ofBuyer(products.legacy)).toMatchObject([{ id: pending.id, startedAt: startAt }]);
  });

  test("has no registration post for a product that runs in the buyer's account", async () => {
    const answer = await visitor.subscribe(products.ami);
    expect(answer.path).toContain("/marketplace/subscriptions?done=subscribed");
    expect(answer.text).toContain("no registration page follows");
    expect(stateOf(products.ami)).toBe("active");
    expect(answer.text).not.toContain("Set up your account</button>");
  });

  test("is kept as a deed of the buyer", async () => {
    await visitor.subscribe(products.legacy);
    const events = await site.service.store.catalog.controlEvents();
    expect(events.filter((one) => one.target === ofBuyer(products.legacy)[0]?.id)).toMatchObject([
      { actor: "buyer", action: "registration-token.issue", summary: `account ${buyer}, in the browser` },
      { actor: "buyer", action: "agreement.change" },
    ]);
  });

  test("a suspended account is told", async () => {
    await visitor.choose(suspended);
    expect((await visitor.open(`/marketplace/${products.legacy}`)).text).toContain("This account is suspended");
  });
});

describe("subscriptions", () => {
  const only = (code: string): string => ofBuyer(code).at(-1)?.id ?? "";
  beforeEach(() => visitor.choose(buyer));

  test("none yet", async () => {
    expect((await visitor.open("/marketplace/subscriptions")).text).toContain("You have no open agreement");
  });

  test("the whole life: active, final hour with its time left, resumed, ended, begun anew", async () => {
    await visitor.subscribe(products.legacy);
    const id = only(products.legacy);
    const cancelled = await visitor.act(id, "cancel");
    expect(cancelled.text).toContain("1 h 0 min left");
    site.clock.advance(20 * 60_000);
    const later = await visitor.open("/marketplace/subscriptions");
    expect(later.text).toContain("0 h 40 min left");
    expect(later.text).toContain('<time datetime="2026-08-15T11:20:00Z">15 Aug 2026, 11:20 UTC</time>');
    await visitor.act(id, "resubscribe");
    expect(stateOf(products.legacy)).toBe("active");
    await visitor.act(id, "cancel");
    await visitor.act(id, "complete");
    expect(stateOf(products.legacy)).toBe("ended");
    expect((await visitor.open("/marketplace/subscriptions")).text).toContain("Ended agreements (1)");
    const [form] = formsOf(await visitor.act(id, "resubscribe"));
    expect(form?.fields[tokenField]).toBeDefined();
    expect(ofBuyer(products.legacy)).toHaveLength(2);
    // The ended one has no button any more: the product takes one agreement a buyer.
    await expect(visitor.act(id, "resubscribe")).rejects.toThrow("no form");
  });

  test("set up your account: a new token each time", async () => {
    await visitor.subscribe(products.vault);
    const id = only(products.vault);
    const tokens = [await visitor.act(id, "setup"), await visitor.act(id, "setup")].map(
      (one) => formsOf(one)[0]?.fields[tokenField],
    );
    expect(new Set(tokens).size).toBe(2);
    expect(tokens[0]).toMatch(/\+.*\/.*=/);
  });

  test("change: offer, entitlements, term", async () => {
    await visitor.subscribe(products.contract);
    const id = only(products.contract);
    const text = (await visitor.act(id, "change", { offer: "offer-fifty0000001", "entitlement.sso": "true" })).text;
    expect(text).toContain("users = 50, sso = true");
    await visitor.act(id, "change", {
      "entitlement.users": "60",
      "entitlement.sso": "true",
      autoRenew: "yes",
      endsAt: "2027-01-31T12:00",
    });
    expect(site.service.store.catalog.entitlements(products.contract)).toMatchObject([
      { dimension: "users", value: { IntegerValue: 60 } },
      { dimension: "sso", value: { BooleanValue: true } },
    ]);
    expect(ofBuyer(products.contract).at(-1)).toMatchObject({
      autoRenew: true,
      endsAt: Date.parse("2027-01-31T12:00Z"),
    });
  });

  test.each([
    [{ "entitlement.users": "many" }, "is not a value of its kind"],
    [{ endsAt: "tomorrow" }, "is not a time"],
    [{ autoRenew: "no" }, "Nothing was changed"],
  ])("a change that cannot be: %j", async (fields, problem) => {
    await visitor.subscribe(products.contract, { terms: "offer:offer-fifty0000001" });
    const { status, text } = await visitor.act(only(products.contract), "change", fields);
    expect(status).toBe(400);
    expect(text).toContain(problem);
  });

  test("renew", async () => {
    await visitor.subscribe(products.contract, { terms: "offer:offer-fifty0000001" });
    const id = only(products.contract);
    const { text } = await visitor.act(id, "renew");
    expect(text).toContain("was renewed");
    expect(ofBuyer(products.contract).at(-1)).toMatchObject({ intent: "RENEW", previousAgreementId: id });
  });

  test("pending: the payment can be settled or fail", async () => {
    const { id } = await site.service.agreements.create({ product: products.legacy, customer: buyer }, startAt);
    await visitor.act(id, "fail-payment");
    expect(stateOf(products.legacy)).toBe("payment-failed");
  });

  test("another buyer's agreement is not there", async () => {
    await visitor.subscribe(products.legacy);
    const id = only(products.legacy);
    const form = formTo(await visitor.open("/marketplace/subscriptions"), `/marketplace/subscriptions/${id}/cancel`);
    await visitor.choose(otherBuyer);
    expect((await visitor.submit(form)).status).toBe(404);
    expect(stateOf(products.legacy)).toBe("active");
  });

  test("what cannot be done any more is said in words", async () => {
    await visitor.subscribe(products.legacy);
    const id = only(products.legacy);
    const form = formTo(await visitor.open("/marketplace/subscriptions"), `/marketplace/subscriptions/${id}/cancel`);
    await visitor.submit(form);
    const { status, text } = await visitor.submit(form);
    expect(status).toBe(409);
    expect(text).toContain("is final-hour");
  });
});

describe("the sample registration page", () => {
  const visit = async (code: string): Promise<ReturnType<Visitor["submit"]>> => {
    await visitor.choose(buyer);
    const [form] = formsOf(await visitor.subscribe(code));
    if (form === undefined) throw new Error("no form");
    return visitor.submit(form);
  };

  test("shows the customer of a legacy product", async () => {
    const { text, status } = await visit(products.legacy);
    expect(status).toBe(200);
    expect(text).toContain("The customer was resolved");
    expect(text).toContain(buyer);
    expect(text).toContain(site.service.store.catalog.account(buyer)?.customerIdentifier);
    expect(text).toContain(ofBuyer(products.legacy)[0]?.licenseArn);
    expect(text).toContain("signed for us-east-1 by <code>AKIASELLER0000000001</code>");
  });

  test("has no CustomerIdentifier for concurrent agreements", async () => {
    const { text } = await visit(products.vault);
    expect(text).toContain("absent: this product has concurrent agreements only");
    expect(text).not.toContain(site.service.store.catalog.account(buyer)?.customerIdentifier);
  });

  test("says what is missing when the seller has no key", async () => {
    const { text } = await visit(products.keyless);
    expect(text).toContain("The catalogue has no credential of account");
  });

  test("takes a post from another site, without cookies", async () => {
    await visitor.choose(buyer);
    const form = formsOf(await visitor.subscribe(products.legacy))[0];
    const stranger = new Visitor(site);
    stranger.postHeaders = { Origin: "https://elsewhere.example", "Sec-Fetch-Site": "cross-site" };
    const { text, headers } = await stranger.submit(form ?? { action: "", fields: {} });
    expect(text).toContain("The customer was resolved");
    expect(headers.getSetCookie()).toEqual([]);
  });

  test("a GET, without a token", async () => {
    const { text, status } = await visitor.open(sample(products.legacy));
    expect(status).toBe(200);
    expect(text).toContain("Set up your account");
  });

  test("a POST without a token, and one that is no form", async () => {
    expect((await visitor.post(sample(products.legacy), { [tokenField]: "" })).status).toBe(400);
    const json = { method: "POST", body: "{}", headers: { "Content-Type": "application/json" } };
    expect((await visitor.open(sample(products.legacy), json)).status).toBe(415);
    const large = await visitor.post(sample(products.legacy), { [tokenField]: "x".repeat(70_000) });
    expect(large.status).toBe(413);
  });

  test("a token of another product of the same seller is pointed out", async () => {
    await visitor.choose(buyer);
    const form = formsOf(await visitor.subscribe(products.vault))[0];
    const { text } = await visitor.post(sample(products.legacy), form?.fields ?? {});
    expect(text).toContain("The token is for another product of this seller");
  });

  test("hostile values come back as text", async () => {
    const { text } = await visitor.post(sample(products.legacy), { [tokenField]: hostile, [hostile]: hostile });
    expect(text).toContain("InvalidTokenException");
    expect(text).not.toContain("<script>");
  });
});

describe("bad tokens", () => {
  const press = async (kind: string) => {
    const page = `/marketplace/${products.legacy}`;
    const made = await visitor.submit(formTo(await visitor.open(page), `${page}/registration-cases/${kind}`));
    const [form] = formsOf(made);
    expect(form?.action).toBe(sample(products.legacy));
    return visitor.submit(form ?? { action: "", fields: {} });
  };
  beforeEach(async () => {
    await visitor.choose(buyer);
    await visitor.subscribe(products.legacy);
  });

  test.each([
    ["expired", "refused: ExpiredTokenException", "has expired"],
    ["foreign", "refused: InvalidTokenException", `It is not for a product of account ${seller}`],
    ["encoded", "refused: InvalidTokenException", "It is still URL-encoded"],
    ["unknown", "refused: InvalidTokenException", "It is not a token of this marketplace"],
    ["re-sent", "The customer was resolved", "This page has seen the same token before"],
  ])("%s", async (kind, title, problem) => {
    const { text } = await press(kind);
    expect(text).toContain(title);
    expect(text).toContain(problem);
  });

  test("a re-sent token of single use", async () => {
    await site.service.changeSettings({ "token.singleUse": true });
    expect((await press("re-sent")).text).toContain("tokens are for single use here");
  });

  test("a foreign token where the catalogue has one seller only", async () => {
    const agreement = await site.service.store.catalog
      .all()
      .agreements.find((one) => one.productCode === products.rival);
    await site.service.store.catalog.apply({
      products: [{ ...(site.service.store.catalog.product(products.rival) ?? never()), sellerAccountId: seller }],
    });
    expect(agreement).toBeDefined();
    expect((await press("foreign")).text).toContain(`It is not for a product of account ${seller}`);
  });

  test("an unknown case", async () => {
    const page = `/marketplace/${products.legacy}`;
    const form = formTo(await visitor.open(page), `${page}/registration-cases/expired`);
    expect((await visitor.post(`${page}/registration-cases/nope`, form.fields)).status).toBe(404);
  });
});

function never(): never {
  throw new Error("the fixture is not there");
}

describe("other sites are kept out", () => {
  const form = async () => {
    await visitor.choose(buyer);
    return formTo(await visitor.open(`/marketplace/${products.legacy}`), `/marketplace/${products.legacy}/subscribe`);
  };

  test.each([
    ["another origin", { Origin: "https://elsewhere.example" }],
    ["another port of this host", { Origin: "http://127.0.0.1:1" }],
    ["a page without an origin", { Origin: "null" }],
    ["a page of another site", { "Sec-Fetch-Site": "cross-site" }],
    ["a page of another port, as browsers see it", { "Sec-Fetch-Site": "same-site" }],
  ])("%s", async (_name, headers) => {
    const own = await form();
    visitor.postHeaders = { ...visitor.postHeaders, ...headers } as Record<string, string>;
    const { status, text } = await visitor.submit(own);
    expect(status).toBe(403);
    expect(text).toContain("This form was not accepted");
    expect(ofBuyer(products.legacy)).toEqual([]);
  });

  test("a wrong, missing or foreign form key", async () => {
    const own = await form();
    for (const csrf of ["", "0".repeat(64), "é".repeat(32)]) {
      expect((await visitor.post(own.action, { csrf })).status).toBe(403);
    }
    const stranger = new Visitor(site);
    await stranger.choose(buyer);
    expect((await stranger.submit(own)).status).toBe(403);
    visitor.cookies.delete("meterhouse_session");
    expect((await visitor.submit(own)).status).toBe(403);
  });

  test.each([
    "/marketplace/buyer",
    `/marketplace/${products.legacy}/subscribe`,
    `/marketplace/${products.legacy}/registration-cases/expired`,
    "/marketplace/subscriptions/agmt-x/cancel",
  ])("every form has a key: %s", async (path) => {
    await visitor.choose(buyer);
    expect((await visitor.post(path, { account: otherBuyer })).status).toBe(403);
  });

  test("the way back after choosing stays here", async () => {
    const choice = formTo(await visitor.open("/marketplace/buyer"), "/marketplace/buyer");
    for (const returnTo of ["https://elsewhere.example/", "//elsewhere.example", "/marketplace\\..", "javascript:x"]) {
      const answer = await visitor.submit(choice, { account: buyer, returnTo });
      expect(answer.path).toBe("/marketplace");
    }
    const back = `/marketplace/${products.legacy}`;
    expect((await visitor.submit(choice, { account: buyer, returnTo: back })).path).toBe(back);
  });

  test("names that could be rebound are refused", async () => {
    const status = await new Promise<number | undefined>((resolve, reject) => {
      request(`${site.url}/marketplace`, { headers: { Host: "evil.example" } }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on("error", reject)
        .end();
    });
    expect(status).toBe(421);
  });
});

describe("headers and escaping", () => {
  test.each([
    "/marketplace",
    "/marketplace/buyer",
    "/marketplace/subscriptions",
    `/marketplace/${products.legacy}`,
    `/marketplace/${encodeURIComponent(products.hostile)}`,
    sample(products.legacy),
    "/marketplace/nope",
  ])("%s", async (path) => {
    await visitor.choose(buyer);
    const { headers, text } = await visitor.open(path);
    const policy = headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).toContain("form-action 'self'");
    expect(policy).not.toContain("script-src");
    expect(headers.get("x-frame-options")).toBe("DENY");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("cache-control")).toBe("no-store");
    expect(text).not.toContain("<script");
    expect(text).not.toMatch(/(src|href)="(https?:)?\/\//);
    expect(text).toContain('<html lang="en">');
  });

  test("cookies hold an account id and a random number, out of reach of scripts", async () => {
    const first = await new Visitor(site).open("/marketplace");
    const [cookie = ""] = first.headers.getSetCookie();
    expect(cookie).toMatch(/^meterhouse_session=[0-9a-f]{32}; Path=\/; HttpOnly; SameSite=Lax$/);
    await visitor.choose(buyer);
    expect(visitor.cookies.get("meterhouse_buyer")).toBe(buyer);
  });

  test("an account that is not there is nobody", async () => {
    visitor.cookies.set("meterhouse_buyer", "999999999999");
    expect((await visitor.open("/marketplace")).text).toContain("No buyer chosen");
  });

  test("style and icon are served here", async () => {
    const style = await visitor.open("/marketplace/style.css");
    expect(style.headers.get("content-type")).toContain("text/css");
    expect(style.text).not.toMatch(/url\(|@import/);
    expect((await visitor.open("/marketplace/icon.svg")).headers.get("content-type")).toBe("image/svg+xml");
  });
});
