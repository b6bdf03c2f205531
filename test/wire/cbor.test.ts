/** The Entitlement Service in Smithy RPC v2 CBOR, as its newest SDKs speak it (W-42). */
import { decode, encode } from "cborg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Meterhouse, startMeterhouse } from "../../src/index.ts";
import { signRequest } from "../support/signer.ts";

const keys = { accessKeyId: "AKSELLER", secretAccessKey: "seller-secret" };
const catalog = {
  accounts: [{ id: "333333333333", customerIdentifier: "buyerOne001" }],
  credentials: [{ ...keys, account: "111111111111", kind: "iam-user" }],
  products: [
    {
      code: "contract",
      seller: "111111111111",
      type: "saas-contract",
      createdAt: "2024-01-01T00:00:00Z",
      entitlementDimensions: ["users", "ratio"],
    },
  ],
  entitlements: [
    { product: "contract", buyer: "333333333333", dimension: "users", value: 10, expires: "2027-01-01T00:00:00Z" },
    {
      product: "contract",
      buyer: "333333333333",
      dimension: "ratio",
      value: { DoubleValue: 2 },
      expires: "2027-01-01T00:00:00Z",
    },
  ],
};
let meterhouse: Meterhouse;

beforeAll(async () => {
  meterhouse = await startMeterhouse({ now: "2026-08-15T10:20:00Z", catalog });
});
afterAll(() => meterhouse.close());

interface Sent {
  readonly operation?: string;
  readonly body?: Buffer;
  readonly wrongSecret?: boolean;
}

// biome-ignore lint/suspicious/noExplicitAny: the wire has no types
async function call({ operation = "GetEntitlements", body, wrongSecret = false }: Sent): Promise<any> {
  const bytes = body ?? Buffer.from(encode({ ProductCode: "contract" }));
  const path = `/service/AWSMPEntitlementService/operation/${operation}`;
  const { headers } = signRequest({
    ...keys,
    host: new URL(meterhouse.endpoint).host,
    path,
    headers: { "content-type": "application/cbor", "smithy-protocol": "rpc-v2-cbor", accept: "application/cbor" },
    body: bytes,
    wrongSecret,
  });
  const { host: _, ...sent } = headers;
  const answer = await fetch(meterhouse.endpoint + path, {
    method: "POST",
    headers: sent,
    body: new Uint8Array(bytes),
  });
  const raw = Buffer.from(await answer.arrayBuffer());
  return { status: answer.status, headers: answer.headers, raw, body: decode(raw, { tags: { 1: (read) => read() } }) };
}

test("entitlements, with tagged timestamps and doubles that stay floats", async () => {
  const { status, headers, raw, body } = await call({});
  expect(status).toBe(200);
  expect(headers.get("smithy-protocol")).toBe("rpc-v2-cbor");
  expect(headers.get("content-type")).toBe("application/cbor");
  expect(headers.get("x-amzn-requestid")).toMatch(/^[0-9a-f-]{36}$/);
  expect(body.Entitlements).toMatchObject([
    { Dimension: "users", Value: { IntegerValue: 10 }, ExpirationDate: Date.parse("2027-01-01T00:00:00Z") / 1_000 },
    { Dimension: "ratio", Value: { DoubleValue: 2 } },
  ]);
  // c1: tag 1; f9 4000: the half-precision float 2.0.
  expect(raw.indexOf(Buffer.concat([Buffer.from("ExpirationDate"), Buffer.from([0xc1])]))).toBeGreaterThan(0);
  expect(raw.indexOf(Buffer.concat([Buffer.from("DoubleValue"), Buffer.from([0xf9, 0x40, 0x00])]))).toBeGreaterThan(0);
});

test("a map of indefinite length, as SDKs write it", async () => {
  const body = Buffer.concat([
    Buffer.from([0xbf]),
    encode("ProductCode"),
    encode("contract"),
    encode("MaxResults"),
    encode(1),
    Buffer.from([0xff]),
  ]);
  const answered = await call({ body });
  expect(answered.body.Entitlements).toHaveLength(1);
  expect(answered.body.NextToken).toEqual(expect.any(String));
});

test.each([
  ["a product of nobody", { body: Buffer.from(encode({ ProductCode: "nosuch" })) }, "InvalidParameterException"],
  ["a wrong secret", { wrongSecret: true }, "InvalidSignatureException"],
  ["another operation", { operation: "NoSuchOperation" }, "UnknownOperationException"],
  ["what is no CBOR", { body: Buffer.from([0xff, 0x00]) }, "SerializationException"],
  ["a list", { body: Buffer.from(encode([1])) }, "SerializationException"],
])("errors are CBOR too: %s", async (_name, sent: Sent, error) => {
  const { status, body } = await call(sent);
  expect(status).toBe(400);
  expect(body.__type).toBe(`com.amazonaws.marketplaceentitlementservice#${error}`);
  expect(body.message).toEqual(expect.any(String));
});
