/** GetEntitlements through the official Entitlement SDK (SPEC D.5). */
import {
  GetEntitlementsCommand,
  type GetEntitlementsCommandInput,
  InvalidParameterException,
  MarketplaceEntitlementServiceClient,
  paginateGetEntitlements,
} from "@aws-sdk/client-marketplace-entitlement-service";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Meterhouse, startMeterhouse } from "../../src/index.ts";

const licenseArn = "arn:aws:license-manager::123456789012:license:l-00000000000000000000000000000abc";
const keys = {
  seller: { accessKeyId: "AKSELLER", secretAccessKey: "seller-secret" },
  other: { accessKeyId: "AKOTHER", secretAccessKey: "other-secret" },
};
const catalog = {
  accounts: [
    { id: "333333333333", customerIdentifier: "buyerOne001" },
    { id: "444444444444", customerIdentifier: "buyerTwo002" },
  ],
  credentials: [
    { ...keys.seller, account: "111111111111", kind: "iam-user" },
    { ...keys.other, account: "222222222222", kind: "iam-user" },
  ],
  products: [
    {
      code: "contract",
      seller: "111111111111",
      type: "saas-contract",
      createdAt: "2024-01-01T00:00:00Z",
      entitlementDimensions: ["users", "tier", "sso", "ratio"],
    },
    {
      code: "newcontract",
      seller: "111111111111",
      type: "saas-contract",
      createdAt: "2026-07-01T00:00:00Z",
      entitlementDimensions: ["users"],
    },
    { code: "usage", seller: "111111111111", type: "saas-subscription", dimensions: ["requests"] },
  ],
  entitlements: [
    { product: "contract", buyer: "333333333333", dimension: "users", value: 10, expires: "2027-01-01T00:00:00Z" },
    { product: "contract", buyer: "333333333333", dimension: "tier", value: "gold", expires: "2027-01-01T00:00:00Z" },
    { product: "contract", buyer: "333333333333", dimension: "sso", value: true, expires: "2027-01-01T00:00:00Z" },
    { product: "contract", buyer: "333333333333", dimension: "ratio", value: 1.5, expires: "2027-01-01T00:00:00Z" },
    {
      product: "contract",
      buyer: "444444444444",
      dimension: "users",
      value: 5,
      expires: "2026-09-01T00:00:00Z",
      license: licenseArn,
    },
    { product: "newcontract", buyer: "333333333333", dimension: "users", value: 1, expires: "2027-01-01T00:00:00Z" },
  ],
};

let meterhouse: Meterhouse;
beforeAll(async () => {
  meterhouse = await startMeterhouse({ catalog, now: "2026-08-15T10:20:00Z", settings: { quotas: "off" } });
});
beforeEach(() => meterhouse.reset());
afterAll(() => meterhouse.close());

function client(credentials = keys.seller, region = "us-east-1"): MarketplaceEntitlementServiceClient {
  return new MarketplaceEntitlementServiceClient({
    endpoint: meterhouse.endpoint,
    region,
    credentials: { ...credentials }, // A copy: the SDK marks the object that it is given.
    maxAttempts: 1,
  });
}
async function ask(input: Partial<GetEntitlementsCommandInput>, as = client()) {
  return as.send(new GetEntitlementsCommand({ ProductCode: "contract", ...input }));
}
async function refusal(input: Partial<GetEntitlementsCommandInput>, as = client()): Promise<Error> {
  return ask(input, as).then(
    () => expect.fail("the call was to be refused"),
    (error: Error) => error,
  );
}

describe("answers", () => {
  test("G-6: one value of each kind, with both identifiers and an expiry that is a date", async () => {
    const { Entitlements } = await ask({ Filter: { CUSTOMER_IDENTIFIER: ["buyerOne001"] } });
    expect(Entitlements?.map((one) => one.Value)).toEqual([
      { IntegerValue: 10 },
      { StringValue: "gold" },
      { BooleanValue: true },
      { DoubleValue: 1.5 },
    ]);
    expect(Entitlements?.[0]).toEqual({
      ProductCode: "contract",
      Dimension: "users",
      CustomerIdentifier: "buyerOne001",
      CustomerAWSAccountId: "333333333333",
      Value: { IntegerValue: 10 },
      ExpirationDate: new Date("2027-01-01T00:00:00Z"),
    });
  });

  test("G-3: values of a key are OR, keys are AND", async () => {
    const both = await ask({
      Filter: { DIMENSION: ["users"], CUSTOMER_AWS_ACCOUNT_ID: ["333333333333", "444444444444"] },
    });
    expect(both.Entitlements?.map((one) => one.CustomerAWSAccountId)).toEqual(["333333333333", "444444444444"]);
    const licensed = await ask({ Filter: { LICENSE_ARN: [licenseArn], DIMENSION: ["users", "tier"] } });
    expect(licensed.Entitlements).toMatchObject([{ LicenseArn: licenseArn, Value: { IntegerValue: 5 } }]);
  });

  test("G-8: nothing found is an answer without members, for a product without contracts too (C-10)", async () => {
    expect((await ask({ Filter: { DIMENSION: ["none"] } })).Entitlements).toBeUndefined();
    expect((await ask({ ProductCode: "usage" })).Entitlements).toBeUndefined();
  });

  test("G-11: what has expired on the business clock is not returned", async () => {
    expect((await ask({ Filter: { CUSTOMER_IDENTIFIER: ["buyerTwo002"] } })).Entitlements).toHaveLength(1);
    await meterhouse.clock.set("2026-09-01T00:00:00Z");
    expect((await ask({ Filter: { CUSTOMER_IDENTIFIER: ["buyerTwo002"] } })).Entitlements).toBeUndefined();
  });

  test("T-10: a new product's entitlements carry no CustomerIdentifier", async () => {
    const { Entitlements } = await ask({ ProductCode: "newcontract" });
    expect(Entitlements).toHaveLength(1);
    expect(Entitlements?.[0]?.CustomerIdentifier).toBeUndefined();
  });

  test("G-12: a changed entitlement is read at once", async () => {
    await meterhouse.marketplace.amendEntitlement({
      product: "contract",
      customer: "333333333333",
      dimension: "users",
      value: 25,
    });
    const { Entitlements } = await ask({ Filter: { DIMENSION: ["users"], CUSTOMER_IDENTIFIER: ["buyerOne001"] } });
    expect(Entitlements?.[0]?.Value).toEqual({ IntegerValue: 25 });
  });

  test("G-9: the SDK's paginator reads all pages in the catalogue's order", async () => {
    const dimensions: string[] = [];
    let pages = 0;
    const input = { ProductCode: "contract", MaxResults: 2 };
    for await (const page of paginateGetEntitlements({ client: client() }, input)) {
      pages += 1;
      dimensions.push(...(page.Entitlements ?? []).map((one) => String(one.Dimension)));
    }
    expect(pages).toBe(3);
    expect(dimensions).toEqual(["users", "tier", "sso", "ratio", "users"]);
  });
});

describe("refusals", () => {
  test.each([
    [
      "G-4: both identifiers",
      { Filter: { CUSTOMER_IDENTIFIER: ["a"], CUSTOMER_AWS_ACCOUNT_ID: ["1"] } },
      /mutually exclusive/,
    ],
    ["G-5: an unknown key", { Filter: { COLOUR: ["red"] } as never }, /'COLOUR' is not valid; the keys are/],
    ["G-10: an unknown product", { ProductCode: "nope" }, /'nope' is not valid/],
    ["a paging token of nobody", { NextToken: "abc" }, /NextToken is not valid/],
  ])("%s → InvalidParameterException", async (_title, input, message) => {
    const error = await refusal(input);
    expect(error).toBeInstanceOf(InvalidParameterException);
    expect(error.message).toMatch(message);
  });

  test("C-20: another seller's product → InvalidParameterException", async () => {
    expect(await refusal({}, client(keys.other))).toBeInstanceOf(InvalidParameterException);
  });

  test("a paging token goes with its question only", async () => {
    const { NextToken } = await ask({ MaxResults: 1 });
    expect(await refusal({ NextToken, MaxResults: 1, Filter: { DIMENSION: ["users"] } })).toBeInstanceOf(
      InvalidParameterException,
    );
  });

  test("G-14: another Region than the service's → InvalidParameterException that names them", async () => {
    expect((await refusal({}, client(keys.seller, "eu-west-1"))).message).toMatch(/offered in us-east-1/);
  });

  test.each([
    ["MaxResults above 25", { MaxResults: 26 }, "less than or equal to 25"],
    ["MaxResults 0", { MaxResults: 0 }, "greater than or equal to 1"],
    ["an empty filter list", { Filter: { DIMENSION: [] } }, "length greater than or equal to 1"],
    ["an empty product code", { ProductCode: "" }, "length greater than or equal to 1"],
  ])("G-2: %s → ValidationException", async (_title, input, message) => {
    const error = await refusal(input);
    expect(error.name).toBe("ValidationException");
    expect(error.message).toContain(message);
  });

  test("S-33: the action is aws-marketplace:GetEntitlements", async () => {
    await meterhouse.reset({
      catalog: {
        ...catalog,
        credentials: [
          { ...keys.seller, account: "111111111111", kind: "iam-user", allow: ["aws-marketplace:BatchMeterUsage"] },
        ],
      },
    });
    expect((await refusal({})).message).toMatch(/not authorized to perform: aws-marketplace:GetEntitlements/);
  });
});
