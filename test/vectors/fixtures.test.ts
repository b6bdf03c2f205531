import { describe, expect, test } from "vitest";
import { readFixtures } from "../../vectors/fixtures.ts";
import type { Json, JsonObject } from "../../vectors/values.ts";
import publicFile from "./public.json" with { type: "json" };

const FIXTURES = publicFile.fixtures as unknown as JsonObject;

type Rows = Record<string, Record<string, unknown>[]>;

function catalogOf(changes: JsonObject = {}): Rows {
  return readFixtures({ ...FIXTURES, ...changes }).catalog as Rows;
}

function section(name: string): JsonObject {
  return FIXTURES[name] as JsonObject;
}

describe("the public fixtures as a catalogue document", () => {
  const catalog = catalogOf();

  test("accounts: names, identifiers and suspension of two sections are one account", () => {
    expect(catalog.accounts).toHaveLength(9);
    expect(catalog.accounts?.find(({ id }) => id === "666666666666")).toEqual({
      id: "666666666666",
      name: "C4",
      customerIdentifier: "dE6gH8iJ0k4",
      suspended: true,
    });
  });

  test("a licence becomes the agreement's, or an agreement of its own", () => {
    const arn = (last: string) => `arn:aws:license-manager::123456789012:license:l-0000000000000000000000000abc${last}`;
    const byLicense = (last: string) => catalog.agreements?.filter(({ license }) => license === arn(last));
    expect(catalog.agreements).toHaveLength(13 + 8);
    expect(byLicense("0001")).toEqual([
      {
        product: "saaslegacysub000000000000",
        buyer: "333333333333",
        state: "active",
        since: Date.UTC(2026, 6, 1),
        license: arn("0001"),
      },
    ]);
    expect(byLicense("0002")).toMatchObject([
      { id: "agmt-0000000000000000000000001", state: "active", since: Date.UTC(2026, 6, 5) },
    ]);
    expect(byLicense("0004")).toMatchObject([{ state: "unsubscribe-pending", pendingAt: Date.UTC(2026, 7, 15, 10) }]);
  });

  test("states", () => {
    const states = (product: string) =>
      catalog.agreements?.filter((row) => row.product === product).map(({ buyer, state }) => `${buyer} ${state}`);
    expect(states("saaslegacysub000000000000")).toEqual([
      "333333333333 active",
      "444444444444 unsubscribe-pending",
      "555555555555 ended",
      "666666666666 active",
      "777777777777 pending",
      "888888888888 active",
    ]);
  });

  test("keys: secrets are the runner's, sessions keep their token and end", () => {
    const { credential } = readFixtures(FIXTURES);
    expect(credential("AKSELLERTMP")).toMatchObject({ accessKeyId: "AKSELLERTMP", sessionToken: "session-token-ok" });
    expect(credential("AKSELLER").secretAccessKey).toHaveLength(40);
    expect(credential("AKSELLER").secretAccessKey).not.toBe(credential("AKDENY").secretAccessKey);
    expect(catalog.credentials?.find(({ accessKeyId }) => accessKeyId === "AKEXPIRED")).toMatchObject({
      expiresAt: Date.UTC(2020, 0, 1),
    });
  });

  test("key versions, tokens, entitlements", () => {
    const keys = catalog.products?.find(({ code }) => code === "containerhourly0000000000")?.publicKeys;
    expect(keys).toMatchObject([{ version: 1 }, { version: 2, rotatedAt: Date.UTC(2026, 5, 1) }]);
    expect(catalogOf().products?.find(({ code }) => code === "containerhourly0000000000")?.publicKeys).toEqual(keys);
    expect(catalog.tokens?.[0]).toMatchObject({ buyer: "333333333333", issuedAt: Date.UTC(2026, 7, 15, 10) });
    expect(catalog.entitlements?.[4]).toMatchObject({
      value: { IntegerValue: 5 },
      license: expect.stringMatching(/abc000a$/),
    });
  });

  test("look-ups by name; unknown names are errors", () => {
    const fixtures = readFixtures(FIXTURES);
    expect(fixtures.productCode("P_SAAS")).toBe("saaslegacysub000000000000");
    expect(["C1", "seller", "aB3dE5fG7h1"].map((name) => fixtures.accountId(name))).toEqual([
      "333333333333",
      "111111111111",
      "333333333333",
    ]);
    expect(fixtures.licenseArn("L9")).toMatch(/abc000a$/);
    expect(fixtures.license("L1")).toMatchObject({ product: "saasconcurrent00000000000", account: "333333333333" });
    expect(fixtures.entitlementHolder("tier")).toMatchObject({ product: "saascontract0000000000000" });
    expect(() => fixtures.entitlementHolder("users")).toThrow("3 entitlements have the dimension");
    expect(() => fixtures.productCode("P_NOPE")).toThrow('no product "P_NOPE"');
    expect(() => fixtures.accountId("C99")).toThrow("no customer or account");
    expect(() => fixtures.credential("AKNOPE")).toThrow("no credential");
  });
});

test.each<[string, JsonObject, string]>([
  ["section", { invoices: {} }, 'fixtures: unknown key "invoices"'],
  ["account", { accounts: { seller: 12 } }, "expected an account id"],
  [
    "product key",
    { products: { ...section("products"), P: { code: "x", seller: "1", type: "t", price: 1 } } },
    'unknown key "price"',
  ],
  ["customer key", { customers: { C: { accountId: "333333333333", email: "x" } } }, 'unknown key "email"'],
  ["subscription key", customer({ product: "P_SAAS", state: "active", until: "x" }), 'unknown key "until"'],
  ["subscription state", customer({ product: "P_SAAS", state: "paused" }), 'unknown state "paused"'],
  ["subscription product", customer({ product: "P_NOPE", state: "active" }), 'no product "P_NOPE"'],
  [
    "licence key",
    { licenses: { L: { arn: "a", product: "P_SAAS", customer: "C1", activeFrom: "2026-07-05T00:00:00Z", x: 1 } } },
    'unknown key "x"',
  ],
  [
    "licence time",
    { licenses: { L: { arn: "a", product: "P_SAAS", customer: "C1", activeFrom: "July" } } },
    "expected an ISO time",
  ],
  ["token key", { tokens: { T: { value: "v", product: "P_SAAS", customer: "C1", x: 1 } } }, 'unknown key "x"'],
  ["entitlement key", { entitlements: [{ product: "P_SAAS", x: 1 }] }, 'unknown key "x"'],
  [
    "credential key",
    { credentials: { AK: { account: "111111111111", kind: "ec2", allow: [], secret: "x" } } },
    'unknown key "secret"',
  ],
  [
    "key version",
    { products: { P: { code: "x", seller: "1", type: "t", publicKeys: [{ version: 1, pem: "x" }] } } },
    'unknown key "pem"',
  ],
])("unknown in the fixtures: %s", (_name, changes, problem) => {
  expect(() => catalogOf(changes)).toThrow(problem);
});

function customer(subscription: Json): JsonObject {
  return { customers: { C1: { accountId: "333333333333", subscriptions: [subscription] } }, licenses: {}, tokens: {} };
}

test("no fixtures at all", () => {
  expect(() => readFixtures(undefined)).toThrow("fixtures: expected an object, got nothing");
});
