/** Which calls a fault hits, by what they name: product, buyer over each of its names, key (B-92). */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { FaultMatch } from "../../src/faults.ts";
import { buyers, keys, licenses, products, startSec, tokens } from "../support/catalog.ts";
import { startWire, type Wire, type WireCall } from "../support/wireClient.ts";

let wire: Wire;
beforeAll(async () => {
  wire = await startWire();
});
afterAll(() => wire.close());
beforeEach(() => wire.reset());

const usage = { Timestamp: startSec, Quantity: 1 };
const ofLogs = (...records: readonly object[]): WireCall => ({
  request: {
    ProductCode: products.logs,
    UsageRecords: records.map((one) => ({ ...usage, Dimension: "searches", ...one })),
  },
});
const ofVault = (license: string): WireCall => ({
  request: {
    UsageRecords: [{ ...usage, Dimension: "secrets", CustomerAWSAccountId: buyers.alder.account, LicenseArn: license }],
  },
});
const { alder, fir } = buyers;
const calls = {
  byAccount: ofLogs({ CustomerAWSAccountId: alder.account }),
  byIdentifier: ofLogs({ CustomerIdentifier: alder.identifier }),
  byLicense: ofVault(licenses.vault1),
  second: ofLogs({ CustomerAWSAccountId: fir.account }, { CustomerAWSAccountId: alder.account }),
  other: ofLogs({ CustomerAWSAccountId: fir.account }),
  otherIdentifier: ofLogs({ CustomerIdentifier: fir.identifier }),
  resolve: { operation: "ResolveCustomer", request: { RegistrationToken: tokens.legacy } },
  resolveOther: { operation: "ResolveCustomer", request: { RegistrationToken: tokens.pending } },
  meter: {
    operation: "MeterUsage",
    key: "ec2",
    request: { ...{ ProductCode: products.ami, Timestamp: startSec }, UsageDimension: "hosts", UsageQuantity: 1 },
  },
  register: {
    operation: "RegisterUsage",
    key: "ecs",
    request: { ProductCode: products.containerHourly, PublicKeyVersion: 1 },
  },
  entitlements: {
    target: "AWSMPEntitlementService.GetEntitlements",
    request: { ProductCode: products.contract, Filter: { CUSTOMER_AWS_ACCOUNT_ID: [alder.account] } },
  },
  entitlementsOther: {
    target: "AWSMPEntitlementService.GetEntitlements",
    request: { ProductCode: products.contract, Filter: { CUSTOMER_IDENTIFIER: [fir.identifier] } },
  },
  session: { ...ofLogs({ CustomerAWSAccountId: alder.account }), key: "sellerSession" },
} as const satisfies Readonly<Record<string, WireCall>>;
type CallName = keyof typeof calls;
const names = Object.keys(calls) as CallName[];

/** Those of the calls that the fault hits. Throttling changes nothing, so each call meets the same state. */
async function hitBy(match: FaultMatch): Promise<readonly string[]> {
  wire.meterhouse.plan({ ...match, kind: "throttle", untilRemoved: true });
  const hit: string[] = [];
  for (const name of names) {
    const reply = await wire.call(calls[name]);
    if (reply.error === "ThrottlingException") hit.push(name);
    else expect(reply.status, `${name}: ${reply.text}`).toBe(200);
  }
  expect(wire.meterhouse.plannedFaults()).toMatchObject([{ matched: hit.length, hits: hit.length }]);
  return hit;
}

const ofAlder = [
  ...["byAccount", "byIdentifier", "byLicense", "second", "resolve", "meter", "register", "entitlements", "session"],
];

describe("a buyer is hit under each of its names, whichever of them the fault has", () => {
  test.each([
    ["account id", alder.account],
    ["CustomerIdentifier", alder.identifier],
    ["licence ARN", licenses.vault1],
    ["another licence of the buyer", licenses.vault2],
  ])("%s", async (_, customer) => {
    expect(await hitBy({ customer })).toEqual(ofAlder);
  });

  test("a name that the catalogue does not know stands for itself", async () => {
    expect(await hitBy({ customer: "999999999999" })).toEqual([]);
    await wire.reset();
    wire.meterhouse.plan({ kind: "throttle", customer: licenses.unknown });
    expect((await wire.call(ofVault(licenses.unknown))).error).toBe("ThrottlingException");
  });
});

test("a product is hit by its code, by a licence and by a token", async () => {
  expect(await hitBy({ product: products.vault })).toEqual(["byLicense"]);
  await wire.reset();
  const ofLogsNames = ["byAccount", "byIdentifier", "second", "other", "otherIdentifier", "resolve", "resolveOther"];
  expect(await hitBy({ product: products.logs })).toEqual([...ofLogsNames, "session"]);
});

test("a key", async () => {
  expect(await hitBy({ accessKeyId: keys.sellerSession })).toEqual(["session"]);
});

test("an operation", async () => {
  expect(await hitBy({ operation: "GetEntitlements" })).toEqual(["entitlements", "entitlementsOther"]);
});

test("all together", async () => {
  const match = { operation: "BatchMeterUsage", product: products.logs, customer: alder.identifier };
  expect(await hitBy({ ...match, accessKeyId: keys.seller })).toEqual(["byAccount", "byIdentifier", "second"]);
});

test("a body that is not what it should be is matched as far as it goes", async () => {
  wire.meterhouse.plan({
    kind: "slow-body",
    ms: 0,
    customer: alder.account,
    product: products.logs,
    untilRemoved: true,
  });
  for (const request of [
    { ProductCode: 7, UsageRecords: "none" },
    { ProductCode: products.logs, UsageRecords: [null, 1, [], { CustomerAWSAccountId: 5 }] },
    { Filter: [alder.account], RegistrationToken: {} },
  ]) {
    expect((await wire.call({ request })).status).toBe(400);
  }
  expect(wire.meterhouse.plannedFaults()).toMatchObject([{ matched: 0 }]);
  const refused = {
    ProductCode: products.logs,
    UsageRecords: [{ CustomerIdentifier: alder.identifier, Timestamp: "x" }],
  };
  expect((await wire.call({ request: refused })).error).toBe("SerializationException");
  expect(wire.meterhouse.plannedFaults()).toMatchObject([{ matched: 1, hits: 1 }]);
});
