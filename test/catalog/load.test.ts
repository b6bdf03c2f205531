import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from "node:crypto";
import { beforeEach, describe, expect, test } from "vitest";
import { defaultSettings } from "../../src/api/settings.ts";
import type { Agreement } from "../../src/api/types.ts";
import { catalogChange, checkCatalog } from "../../src/catalog/file.ts";
import { dueOf } from "../../src/marketplace/agreementDue.ts";
import { MemoryCatalog } from "../support/memoryCatalog.ts";
import { LICENSE, loadInto } from "./documents.ts";

const NOW = Date.parse("2026-08-15T10:20:00Z");
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const seller = "111122223333";
const buyer = "444455556666";

let catalog: MemoryCatalog;
beforeEach(() => {
  catalog = new MemoryCatalog();
});

const load = (document: object, now = NOW): ReturnType<typeof loadInto> => loadInto(catalog, document, now);

const product = (rest: object = {}): object => ({ code: "p1", seller, type: "saas-subscription", ...rest });
const withAgreement = (entry: object): object => ({
  products: [product()],
  agreements: [{ product: "p1", buyer, ...entry }],
});
const only = (): Agreement => {
  const rows = catalog.agreements("p1", buyer);
  expect(rows).toHaveLength(1);
  return rows[0]!;
};

describe("accounts", () => {
  test("ids that are only used become accounts", async () => {
    await load({
      accounts: [{ id: seller, name: "Harbor" }],
      products: [product({ entitlementDimensions: ["users"] })],
      agreements: [{ product: "p1", buyer: "200000000001", state: "pending" }],
      tokens: [{ value: "t", product: "p1", buyer: "200000000002" }],
      entitlements: [{ product: "p1", buyer: "200000000003", dimension: "users", value: 1, expires: "now+1d" }],
      credentials: [{ account: "200000000004", kind: "iam-user" }],
    });
    expect(catalog.all().accounts.map(({ id }) => id)).toEqual([
      seller,
      "200000000004",
      "200000000001",
      "200000000002",
      "200000000003",
    ]);
    expect(catalog.account(seller)).toEqual({
      id: seller,
      name: "Harbor",
      customerIdentifier: "2RPui9VSAvD",
      suspended: false,
    });
    expect(catalog.account("200000000001")?.customerIdentifier).toMatch(/^[A-Za-z0-9]{11}$/);
  });

  test("what the document leaves out stays", async () => {
    await load({ accounts: [{ id: buyer, customerIdentifier: "aB3dE5fG7h1", suspended: true, partition: "aws-cn" }] });
    expect(await load({ accounts: [{ id: buyer, name: "Example" }] })).toEqual({
      accounts: [
        { id: buyer, name: "Example", customerIdentifier: "aB3dE5fG7h1", suspended: true, partition: "aws-cn" },
      ],
    });
  });

  test("a CustomerIdentifier of another account", async () => {
    await load({ accounts: [{ id: buyer, customerIdentifier: "taken" }] });
    await expect(load({ accounts: [{ id: seller, customerIdentifier: "taken" }] })).rejects.toThrow(
      "catalog accounts[0].customerIdentifier: the catalogue has taken for account 444455556666",
    );
  });
});

describe("credentials", () => {
  test("generated ids are stable and tell the kind; secrets are random and kept", async () => {
    const document = {
      credentials: [
        { account: seller, kind: "iam-user" },
        { account: buyer, kind: "ec2", resource: "i-1", region: "us-east-1" },
      ],
    };
    await load(document);
    const [user, role] = catalog.all().credentials;
    expect(user).toMatchObject({ accessKeyId: "AKIAP2RE6QPOLD5OWPZC", name: "user", allow: ["aws-marketplace:*"] });
    expect(user?.secretAccessKey).toMatch(/^[A-Za-z0-9+/]{40}$/);
    expect(user).not.toHaveProperty("sessionToken");
    expect(role).toMatchObject({ accessKeyId: "ASIA6JLNH4Y7CE2J6X2U", name: "role", createdAt: NOW });
    expect(role?.sessionToken).toMatch(/^IQoJb3JpZ2luX2Vj[A-Za-z0-9+/]{200}$/);
    expect(await load(document, NOW + DAY)).toEqual({});

    const elsewhere = new MemoryCatalog();
    const change = await catalogChange(checkCatalog(document, "doc"), { existing: elsewhere, now: NOW });
    expect(change.credentials?.map(({ accessKeyId }) => accessKeyId)).toEqual([user?.accessKeyId, role?.accessKeyId]);
    expect(change.credentials?.[0]?.secretAccessKey).not.toBe(user?.secretAccessKey);
  });

  test("a role's key whose id is not temporary has no session token", async () => {
    await load({
      credentials: [
        { accessKeyId: "AKEC2A", account: buyer, kind: "ec2", resource: "i-1", region: "us-east-1" },
        { accessKeyId: "AKTMP", account: seller, kind: "assumed-role", sessionToken: "ok", allow: [] },
      ],
    });
    expect(catalog.credential("AKEC2A")).not.toHaveProperty("sessionToken");
    expect(catalog.credential("AKTMP")).toMatchObject({ sessionToken: "ok", allow: [] });
  });

  test("a given secret replaces the kept one, and expiry goes by the wall clock", async () => {
    const key = { accessKeyId: "AK1", account: seller, kind: "iam-user", expiresAt: "now+1h" };
    await load({ credentials: [key] });
    await load({ credentials: [{ ...key, secretAccessKey: "given" }] }, NOW + DAY);
    expect(catalog.credential("AK1")).toMatchObject({ secretAccessKey: "given", expiresAt: NOW + 7 + HOUR });
  });

  test("a key id of another account", async () => {
    await load({ credentials: [{ accessKeyId: "AK1", account: seller, kind: "iam-user" }] });
    await expect(load({ credentials: [{ accessKeyId: "AK1", account: buyer, kind: "iam-user" }] })).rejects.toThrow(
      "catalog credentials[0].accessKeyId: the catalogue has AK1 for account 111122223333",
    );
  });
});

describe("products", () => {
  test("defaults", async () => {
    await load({ products: [product({ dimensions: ["a", { name: "b", unit: "GB", price: 0.1 }] })] });
    expect(catalog.product("p1")).toEqual({
      code: "p1",
      entityId: "prod-zsg97hgk3poxd",
      title: "p1",
      sellerAccountId: seller,
      type: "saas-subscription",
      createdAt: NOW,
      concurrentAgreementsOnly: true,
      dimensions: [
        { name: "a", kind: "metered", addedAt: NOW },
        { name: "b", kind: "metered", unit: "GB", price: "0.1", addedAt: NOW },
      ],
      enabledRegions: ["us-east-1"],
      keyVersions: [],
    });
  });

  test.each([
    ["2026-05-31T23:59:59.999Z", false],
    ["2026-06-01T00:00:00Z", true],
    ["2026-06-01T01:00:00+02:00", false],
    [Date.UTC(2026, 5, 1), true],
  ])("created at %s: concurrent agreements only: %s", async (createdAt, expected) => {
    await load({ products: [product({ createdAt })] });
    expect(catalog.product("p1")?.concurrentAgreementsOnly).toBe(expected);
  });

  test("dimensions never go away, and later ones are added now", async () => {
    await load({ products: [product({ createdAt: "now-9d", dimensions: ["a", "b"] })] });
    await load({ products: [product({ dimensions: ["c", "a"] })] }, NOW + DAY);
    expect(catalog.product("p1")?.dimensions.map(({ name, addedAt }) => [name, addedAt])).toEqual([
      ["c", NOW + DAY],
      ["a", NOW - 9 * DAY],
      ["b", NOW - 9 * DAY],
    ]);
    const many = Array.from({ length: 22 }, (_, index) => `d${index}`);
    await expect(load({ products: [product({ dimensions: many })] })).rejects.toThrow(
      "catalog products[0].dimensions: with those it has already the product would have 25 dimensions, at most 24 are allowed",
    );
  });

  test("dimensions of a new product are as old as its first agreement", async () => {
    await load({
      products: [product({ dimensions: ["a"] })],
      agreements: [{ product: "p1", buyer, state: "active", since: "now-9d", privateOffer: true }],
    });
    expect(catalog.product("p1")?.dimensions[0]?.addedAt).toBe(NOW - 9 * DAY);
    expect(only().acceptedAt).toBe(NOW - 9 * DAY);
  });

  test("key versions are generated, kept and never dropped", async () => {
    const document = { products: [product({ type: "container-hourly" })] };
    await load(document);
    const first = catalog.product("p1")?.keyVersions[0];
    expect(first?.version).toBe(1);
    const data = Buffer.from("signed");
    const signature = sign("sha256", data, first?.privateKeyPem ?? "");
    expect(verify("sha256", data, first?.publicKeyPem ?? "", signature)).toBe(true);
    expect(createPublicKey(first?.publicKeyPem ?? "").asymmetricKeyDetails?.modulusLength).toBe(2048);
    expect(await load(document, NOW + DAY)).toEqual({});

    const rotated = { version: 1, rotatedAt: "now-1h" };
    await load({ products: [product({ type: "container-hourly", publicKeys: [rotated, { version: 2 }] })] });
    expect(catalog.product("p1")?.keyVersions).toMatchObject([{ ...first, rotatedAt: NOW - HOUR }, { version: 2 }]);
    await load({ products: [product({ type: "container-hourly", publicKeys: [{ version: 3 }] })] });
    expect(catalog.product("p1")?.keyVersions.map(({ version }) => version)).toEqual([1, 2, 3]);
  });

  test("a given private key, in PKCS#1 too", async () => {
    const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const pem = privateKey.export({ type: "pkcs1", format: "pem" }).toString();
    const document = { products: [product({ publicKeys: [{ version: 4, privateKeyPem: pem }] })] };
    await load(document);
    const [key] = catalog.product("p1")?.keyVersions ?? [];
    expect(key?.publicKeyPem).toBe(publicKey.export({ type: "spki", format: "pem" }));
    expect(createPrivateKey(key?.privateKeyPem ?? "").equals(privateKey)).toBe(true);
    expect(key?.privateKeyPem).toContain("BEGIN PRIVATE KEY");
    expect(await load(document)).toEqual({});
  });
});

describe("agreements", () => {
  const at = (offset: number): number => NOW + offset;
  test.each<[object, object]>([
    [{ state: "pending" }, { acceptedAt: NOW }],
    [{ state: "active" }, { acceptedAt: NOW, startedAt: NOW }],
    [
      { state: "active", acceptedAt: "now-2d" },
      { acceptedAt: at(-2 * DAY), startedAt: at(-2 * DAY) },
    ],
    [
      { state: "active", since: "now-2d" },
      { acceptedAt: at(-2 * DAY), startedAt: at(-2 * DAY) },
    ],
    [
      { state: "unsubscribe-pending", since: "now-2d" },
      { acceptedAt: at(-2 * DAY), startedAt: at(-2 * DAY), endingAt: NOW },
    ],
    [
      { state: "unsubscribe-pending", acceptedAt: "now-3d", since: "now-2d", pendingAt: "2026-08-15T10:00:00Z" },
      { acceptedAt: at(-3 * DAY), startedAt: at(-2 * DAY), endingAt: Date.parse("2026-08-15T10:00:00Z") },
    ],
    [
      { state: "ended", acceptedAt: "now-3d" },
      { acceptedAt: at(-3 * DAY), startedAt: at(-3 * DAY), endedAt: NOW },
    ],
    [
      { state: "ended", endedAt: "now-1d", agreementEndedAt: "now-25h" },
      { acceptedAt: at(-DAY), startedAt: at(-DAY), endedAt: at(-DAY), agreementEndedAt: at(-25 * HOUR) },
    ],
    [{ state: "payment-failed" }, { acceptedAt: NOW, failedAt: NOW }],
    [
      { state: "payment-failed", failedAt: "now-1h" },
      { acceptedAt: at(-HOUR), failedAt: at(-HOUR) },
    ],
  ])("%j", async (entry, times) => {
    await load(withAgreement(entry));
    const { id, productCode, buyerAccountId, version, licenseArn, privateOffer, freeTrial, ...rest } = only();
    expect(rest).toEqual(times);
    expect({ id, productCode, buyerAccountId, version, privateOffer, freeTrial }).toEqual({
      id: "agmt-tkozdx46rhmnognks2eo0qghd",
      productCode: "p1",
      buyerAccountId: buyer,
      version: 1,
      privateOffer: false,
      freeTrial: false,
    });
    const activated = "startedAt" in times;
    expect(licenseArn).toBe(
      activated ? "arn:aws:license-manager::294406891311:license:l-a3651f2a19ca5b74d3164bb61e1e8d7c" : undefined,
    );
  });

  test("several of a pair have ids by their place, whether or not the first is written down", async () => {
    const entry = { product: "p1", buyer, state: "active" };
    await load({ products: [product()], agreements: [entry, entry] });
    const [first, second] = catalog.all().agreements;
    expect(first?.id).not.toBe(second?.id);
    expect(first?.licenseArn).not.toBe(second?.licenseArn);
    expect(await load({ products: [product()], agreements: [{ ...entry, id: first?.id }, entry] })).toEqual({});
  });

  test("an agreement that the marketplace made is known by its licence", async () => {
    await load(withAgreement({ id: "agmt-made", state: "active", license: LICENSE }));
    expect(await load(withAgreement({ state: "active", license: LICENSE, freeTrial: true }))).toMatchObject({
      agreements: [{ id: "agmt-made", freeTrial: true, version: 2 }],
    });
  });

  test("it is never taken back, but a later state moves it on", async () => {
    const document = withAgreement({ state: "pending", acceptedAt: "2026-08-01T00:00:00Z" });
    await load(document);
    const moved: Agreement = { ...only(), startedAt: NOW, licenseArn: LICENSE, version: 2 };
    await catalog.apply({ agreements: [moved] });
    expect(await load(document)).toEqual({});
    await catalog.apply({ agreements: [{ ...moved, endingAt: NOW + HOUR, version: 3 }] });
    expect(await load(withAgreement({ state: "active", since: "2026-08-02T00:00:00Z" }))).toEqual({});
    await load(withAgreement({ state: "ended" }), NOW + DAY);
    expect(only()).toMatchObject({ startedAt: NOW, endedAt: NOW + DAY, licenseArn: LICENSE, version: 4 });
  });

  test("absolute times of the document win within a state", async () => {
    await load(withAgreement({ state: "active", since: "now-2d" }));
    await load(withAgreement({ state: "active", since: "2026-08-02T00:00:00Z" }));
    expect(only()).toMatchObject({ startedAt: Date.parse("2026-08-02T00:00:00Z"), version: 2 });
  });

  test("a renewal that kept the licence does not stop the next start", async () => {
    const document = withAgreement({ state: "active", since: "2026-08-02T00:00:00Z", license: LICENSE });
    await load(document);
    const renewal: Agreement = { ...only(), id: "agmt-renewed", acceptedAt: NOW, startedAt: NOW };
    await catalog.apply({ agreements: [{ ...only(), agreementEndedAt: NOW, version: 2 }, renewal] });
    expect(await load(document)).toEqual({});
  });

  test("ids and licences of others", async () => {
    await load(withAgreement({ id: "agmt-1", state: "active", license: LICENSE }));
    const other = { product: "p1", buyer: seller, state: "active" };
    await expect(load({ products: [product()], agreements: [{ ...other, id: "agmt-1" }] })).rejects.toThrow(
      "catalog agreements[0].id: the catalogue has agmt-1 for product p1 and buyer 444455556666",
    );
    await expect(load({ products: [product()], agreements: [{ ...other, license: LICENSE }] })).rejects.toThrow(
      "catalog agreements[0].license: the catalogue has this licence for agreement agmt-1 of buyer 444455556666",
    );
  });
});

describe("tokens, entitlements, settings", () => {
  test("tokens by hash, with the agreement they belong to", async () => {
    const token = { product: "p1", buyer };
    const agreements = [
      { ...token, id: "agmt-1", state: "active", license: LICENSE },
      { ...token, id: "agmt-2", state: "pending" },
      { product: "p1", buyer: seller, id: "agmt-3", state: "pending" },
    ];
    const document = {
      products: [product()],
      agreements,
      tokens: [
        { ...token, value: "a+/=", license: LICENSE, issuedAt: "now-5m" },
        { ...token, value: "b", agreement: "agmt-2" },
        { ...token, value: "c" },
        { product: "p1", buyer: seller, value: "d" },
      ],
    };
    await load(document);
    const hash = createHash("sha256").update("a+/=").digest("hex");
    const common = { productCode: "p1", buyerAccountId: buyer };
    const [a, b, c, d] = [...catalog.tokens.values()];
    expect(a).toEqual({ ...common, hash, agreementId: "agmt-1", licenseArn: LICENSE, issuedAt: NOW - 300_000 });
    expect(b).toMatchObject({ agreementId: "agmt-2", issuedAt: NOW });
    expect(c).not.toHaveProperty("agreementId");
    expect(d).toMatchObject({ agreementId: "agmt-3" });
    await catalog.apply({ tokens: [{ ...a!, resolvedAt: NOW }] });
    expect(await load(document, NOW + DAY)).toEqual({});
  });

  test.each([
    [10, { IntegerValue: 10 }],
    [1.5, { DoubleValue: 1.5 }],
    [true, { BooleanValue: true }],
    ["gold", { StringValue: "gold" }],
    [{ DoubleValue: 2 }, { DoubleValue: 2 }],
  ])("entitlement value %j", async (value, expected) => {
    const entitlement = { product: "p1", buyer, dimension: "users", value, expires: "now+1d" };
    const document = { products: [product({ entitlementDimensions: ["users"] })], entitlements: [entitlement] };
    await load(document);
    const row = { productCode: "p1", buyerAccountId: buyer, dimension: "users", value: expected, expiresAt: NOW + DAY };
    expect(catalog.entitlements("p1")).toEqual([row]);
    expect(await load(document, NOW + DAY)).toEqual({});
    await load({ ...document, entitlements: [{ ...entitlement, value: 11 }] }, NOW + DAY);
    expect(catalog.entitlements("p1")).toEqual([{ ...row, value: { IntegerValue: 11 } }]);
  });

  test("switches are added to those that are set; defaults are not kept", async () => {
    expect(await load({ settings: { dryRun: "error", strictIdentifiers: false, quotas: "off" } })).toEqual({
      settings: { dryRun: "error", quotas: "off" },
    });
    expect(await load({ settings: { dryRun: "ok", "token.singleUse": true } })).toEqual({
      settings: { quotas: "off", "token.singleUse": true },
    });
    expect(await load({ settings: { quotas: "off" } })).toEqual({});
    expect(await load({})).toEqual({});
  });
});

describe("an agreement whose end changes", () => {
  const ending = (rest: object): object => withAgreement({ id: "agmt-1", state: "active", since: "now-100d", ...rest });
  const due = () => dueOf(only(), defaultSettings);

  test("is announced anew, without what is past for the new end", async () => {
    const endsAt = "2026-09-04T10:20:00Z"; // in 20 days
    await load(ending({ endsAt, autoRenew: true }));
    await catalog.apply({ agreements: [{ ...only(), announcedDays: 30 }] });
    expect(due()).toMatchObject({ what: 7 });
    const later = NOW + 100 * DAY;
    await load(ending({ endsAt: new Date(later).toISOString(), autoRenew: true }));
    expect(only()).toMatchObject({ endsAt: later, announcedDays: 120, version: 2 });
    expect(due()).toMatchObject({ what: 90, at: later - 90 * DAY });
  });

  test("goes on from where it was when nothing of that changes", async () => {
    const endsAt = new Date(NOW + 100 * DAY).toISOString();
    await load(ending({ endsAt }));
    await catalog.apply({ agreements: [{ ...only(), announcedDays: 90 }] });
    await load(ending({ endsAt, freeTrial: true }), NOW + 15 * DAY);
    expect(only()).toMatchObject({ announcedDays: 90, freeTrial: true });
    expect(await load(ending({ endsAt, freeTrial: true }), NOW + 16 * DAY)).toEqual({});
  });
});
