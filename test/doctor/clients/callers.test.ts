/** Clients that are set up wrongly, played by AWS's own SDK against a server: each gives its one finding and no other. */
import * as entitlement from "@aws-sdk/client-marketplace-entitlement-service";
import * as sdk from "@aws-sdk/client-marketplace-metering";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Diagnosis } from "../../../src/doctor/diagnose.ts";
import {
  buyers,
  type KeyName,
  keys,
  licenses,
  logsEntityId,
  products,
  startAt,
  startSec,
} from "../../support/catalog.ts";
import { startWire, type Wire } from "../../support/wireClient.ts";

let wire: Wire;
beforeAll(async () => {
  wire = await startWire({ rateClock: "business" });
});
beforeEach(() => wire.reset());
afterAll(() => wire.close());

const hourMs = 3_600_000;

function configOf(key: KeyName) {
  const credential = wire.meterhouse.credentials[keys[key]] ?? expect.fail(`no key ${key}`);
  const { accessKeyId, secretAccessKey, sessionToken } = credential;
  return {
    endpoint: wire.meterhouse.endpoint,
    region: "us-east-1",
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) },
  };
}

type Options = Partial<sdk.MarketplaceMeteringClientConfig>;
const clientOf = (key: KeyName = "seller", options: Options = {}): sdk.MarketplaceMeteringClient =>
  new sdk.MarketplaceMeteringClient({ ...configOf(key), ...options });

/** Of the hour that is over, at the server's business time. */
const usage = (more: Partial<sdk.UsageRecord> = {}): sdk.UsageRecord => ({
  Timestamp: new Date(startSec * 1_000 - hourMs),
  CustomerAWSAccountId: buyers.alder.account,
  Dimension: "searches",
  Quantity: 3,
  ...more,
});

const batch = (records: sdk.UsageRecord[] = [usage()], ProductCode: string = products.logs) =>
  new sdk.BatchMeterUsageCommand({ ProductCode, UsageRecords: records });

/** What the SDK was told of a call, whether it was accepted or refused; the last attempt's. */
async function requestIdOf(calling: Promise<{ readonly $metadata: { readonly requestId?: string | undefined } }>) {
  try {
    return (await calling).$metadata.requestId;
  } catch (error) {
    if (error instanceof sdk.MarketplaceMeteringServiceException) return error.$metadata.requestId;
    throw error;
  }
}

/** The one finding there is, of every check that there is. */
function only({ findings }: Diagnosis) {
  expect(findings.map(({ check }) => check)).toHaveLength(1);
  return findings[0];
}

describe("a client that does it right", () => {
  test("has no finding, and its rows of the checklist", async () => {
    const client = clientOf();
    const token = await wire.meterhouse.issueToken({ product: products.logs, customer: buyers.alder.account });
    const resolved = await client.send(new sdk.ResolveCustomerCommand({ RegistrationToken: token }));
    expect(resolved.ProductCode).toBe(products.logs);
    for (let hour = 0; hour < 3; hour += 1) {
      const Timestamp = new Date(startSec * 1_000 + (hour - 1) * hourMs);
      await client.send(batch([usage({ Timestamp }), usage({ Timestamp, Dimension: "gb", Quantity: 1 })]));
      await wire.meterhouse.clock.advance(hourMs);
    }
    await clientOf("ecs").send(
      new sdk.RegisterUsageCommand({ ProductCode: products.containerHourly, PublicKeyVersion: 2 }),
    );
    const asking = new entitlement.MarketplaceEntitlementServiceClient(configOf("seller"));
    for (let time = 0; time < 3; time += 1) {
      await asking.send(new entitlement.GetEntitlementsCommand({ ProductCode: products.contract }));
    }
    const diagnosis = await wire.meterhouse.doctor();
    expect(diagnosis.findings).toEqual([]);
    const states = new Map(diagnosis.checklist.map(({ id, state }) => [id, state]));
    for (const id of [
      ...["token-resolved-at-once", "identity-from-resolve-customer", "caller-is-seller", "usage-accepted"],
      ...["quantities-from-get-entitlements", "register-usage-at-start", "no-root-keys"],
    ]) {
      expect(states.get(id), id).toBe("exercised");
    }
    expect(states.get("roles-instead-of-users")).toBe("never");
    expect(states.get("every-dimension-metered")).toBe("never");
  });
});

describe("retry-storm", () => {
  const one = { quotas: { default: { BatchMeterUsage: 1 } } } as const;

  test("four rounds outside the SDK's three attempts: twelve requests", async () => {
    await wire.reset(one);
    const client = clientOf();
    await client.send(batch([usage({ Dimension: "gb" })])); // Takes what the rate allows.
    const ids: (string | undefined)[] = [];
    for (let round = 0; round < 4; round += 1) ids.push(await requestIdOf(client.send(batch())));
    await wire.meterhouse.clock.advance(2_000);
    await client.send(batch());
    const finding = only(await wire.meterhouse.doctor());
    expect(finding).toMatchObject({
      check: "retry-storm",
      severity: "risk",
      count: 1,
      title: expect.stringContaining("12 times within a minute"),
    });
    expect(finding?.caller).toMatch(/user\/metering$/);
    // Every attempt is a request of its own; the SDK tells of the last one of each round.
    expect(finding?.evidence).toHaveLength(10);
    expect(finding?.evidence).toEqual(expect.arrayContaining(ids.slice(0, 3)));
  }, 60_000);

  test("planned faults of a server that is down: the trail has them", async () => {
    wire.meterhouse.plan({ kind: "error", operation: "BatchMeterUsage", times: 9 });
    const client = clientOf("seller", { maxAttempts: 1 });
    const ids: (string | undefined)[] = [];
    for (let attempt = 0; attempt < 9; attempt += 1) ids.push(await requestIdOf(client.send(batch())));
    await client.send(batch());
    expect(only(await wire.meterhouse.doctor())).toMatchObject({
      check: "retry-storm",
      productCode: products.logs,
      evidence: ids,
      title: expect.stringContaining("InternalServiceErrorException 9 times"),
    });
  });

  test("the SDK alone: nothing", async () => {
    await wire.reset(one);
    const client = clientOf();
    await client.send(batch([usage({ Dimension: "gb" })]));
    await requestIdOf(client.send(batch()));
    await wire.meterhouse.clock.advance(2_000);
    await client.send(batch());
    expect((await wire.meterhouse.doctor()).findings).toEqual([]);
  });
});

describe("registration tokens", () => {
  const issue = () => wire.meterhouse.issueToken({ product: products.logs, customer: buyers.alder.account });
  const resolve = (RegistrationToken: string) =>
    requestIdOf(clientOf().send(new sdk.ResolveCustomerCommand({ RegistrationToken })));

  test("token-resolved-late", async () => {
    const token = await issue();
    await wire.meterhouse.clock.advance(3 * hourMs);
    const id = await resolve(token);
    expect(only(await wire.meterhouse.doctor())).toMatchObject({
      check: "token-resolved-late",
      severity: "risk",
      productCode: products.logs,
      count: 1,
      evidence: [id],
      title: expect.stringContaining("3 h 0 min"),
    });
  });

  test("token-resolved-late: expired", async () => {
    const token = await issue();
    await wire.meterhouse.clock.advance(4 * hourMs);
    const id = await resolve(token);
    expect(only(await wire.meterhouse.doctor())).toMatchObject({ check: "token-resolved-late", evidence: [id] });
  });

  test("token-resolved-twice", async () => {
    const token = await issue();
    const first = await resolve(token);
    await wire.meterhouse.clock.advance(20 * 60_000);
    const second = await resolve(token);
    expect(only(await wire.meterhouse.doctor())).toMatchObject({
      check: "token-resolved-twice",
      severity: "risk",
      count: 1,
      evidence: [first, second],
    });
  });

  test("a buyer who comes back with a new token: nothing", async () => {
    await resolve(await issue());
    await wire.meterhouse.clock.advance(5 * 60_000);
    await resolve(await issue());
    expect((await wire.meterhouse.doctor()).findings).toEqual([]);
  });

  test("an SDK that repeats a call whose answer was lost: nothing", async () => {
    wire.meterhouse.plan({ kind: "error", phase: "after-commit", operation: "ResolveCustomer" });
    await resolve(await issue());
    const { findings, calls } = await wire.meterhouse.doctor();
    expect(calls).toBeGreaterThan(1);
    expect(findings).toEqual([]);
  });

  test.each([
    ["still encoded", encodeURIComponent, "still URL-encoded"],
    ["decoded twice", (token: string) => decodeURIComponent(token.replaceAll("+", " ")), "URL-decoded twice"],
  ])("token-doubly-encoded: %s", async (_, spoil, title) => {
    const spoilt = spoil(await issue());
    const ids = [await resolve(spoilt), await resolve(spoilt)];
    const finding = only(await wire.meterhouse.doctor());
    expect(finding).toMatchObject({ check: "token-doubly-encoded", severity: "risk", count: 2, evidence: ids });
    expect(finding?.title).toContain(title);
    expect(JSON.stringify(finding)).not.toContain(spoilt);
  });
});

describe("workloads", () => {
  test("hard-coded-region: an instance in Ireland that meters in Virginia", async () => {
    const metering = new sdk.MeterUsageCommand({
      ProductCode: products.ami,
      Timestamp: new Date(startAt),
      UsageDimension: "hosts",
      UsageQuantity: 1,
    });
    const id = await requestIdOf(clientOf("ec2Ireland").send(metering));
    const diagnosis = await wire.meterhouse.doctor();
    expect(only(diagnosis)).toMatchObject({ check: "hard-coded-region", count: 1, evidence: [id] });
    expect(diagnosis.checklist.find((item) => item.id === "region-from-task")?.state).toBe("never");
  });
});

describe("clock-drift", () => {
  test("a client that is 20 minutes ahead", async () => {
    const id = await requestIdOf(clientOf("seller", { systemClockOffset: 20 * 60_000, maxAttempts: 1 }).send(batch()));
    const finding = only(await wire.meterhouse.doctor());
    expect(finding).toMatchObject({ check: "clock-drift", severity: "risk", count: 1, evidence: [id] });
    expect(finding?.title).toMatch(/(?:20 min 0|19 min 59) s ahead/);
  });

  test("a reset forgets what only memory held", async () => {
    await requestIdOf(clientOf("seller", { systemClockOffset: 20 * 60_000, maxAttempts: 1 }).send(batch()));
    await wire.reset();
    expect((await wire.meterhouse.doctor()).findings).toEqual([]);
  });

  test("a client that is 10 minutes behind: nothing, as AWS takes it", async () => {
    await clientOf("seller", { systemClockOffset: -10 * 60_000 }).send(batch());
    expect((await wire.meterhouse.doctor()).findings).toEqual([]);
  });
});

describe("old-sdk-model", () => {
  /** As the old client sends it: the JavaScript SDK with another's name. */
  function clientAs(userAgent: string): sdk.MarketplaceMeteringClient {
    const client = clientOf();
    client.middlewareStack.add(
      (next) => (args) => {
        const { request } = args as { request: { headers: Record<string, string> } };
        request.headers["user-agent"] = userAgent;
        return next(args);
      },
      { step: "finalizeRequest", priority: "low" },
    );
    return client;
  }
  const boto3 = "Boto3/1.26.27 Python/3.11.2 Linux/6.18.44 awscrt/1.0.0.dev0 Botocore/1.29.27";
  const go =
    "aws-sdk-go-v2/1.17.1 os/linux lang/go/1.19.8 md/GOOS/linux md/GOARCH/amd64 api/marketplacemetering/1.13.21";
  const secrets = [usage({ Dimension: "secrets" })];

  test.each([
    [boto3, "botocore 1.29.27"],
    [go, "AWS SDK for Go 2 1.13.21"],
    ["aws-sdk-nodejs/2.1693.0 linux/v20.20.2 promise", "AWS SDK for JavaScript 2 2.1693.0"],
  ])("%s", async (agent, name) => {
    const id = await requestIdOf(clientAs(agent).send(batch(secrets, products.vault)));
    const finding = only(await wire.meterhouse.doctor());
    expect(finding).toMatchObject({
      check: "old-sdk-model",
      severity: "risk",
      productCode: products.vault,
      evidence: [id],
    });
    expect(finding?.title).toContain(name);
  });

  test("a legacy product needs no licence: nothing", async () => {
    await clientAs(boto3).send(batch());
    expect((await wire.meterhouse.doctor()).findings).toEqual([]);
  });

  test("this SDK is new enough, and sends the licence: nothing", async () => {
    const record = usage({ Dimension: "secrets", LicenseArn: licenses.vault1 });
    await clientOf().send(new sdk.BatchMeterUsageCommand({ UsageRecords: [record] }));
    expect((await wire.meterhouse.doctor()).findings).toEqual([]);
  });
});

describe("requests of a wrong form", () => {
  test("product-id-as-code", async () => {
    const id = await requestIdOf(clientOf().send(batch([usage()], logsEntityId)));
    expect(only(await wire.meterhouse.doctor())).toMatchObject({
      check: "product-id-as-code",
      productCode: logsEntityId,
      caller: expect.stringContaining("user/metering"),
      evidence: [id],
      title: expect.stringContaining("1 usage record"),
    });
  });

  test("iso-timestamps", async () => {
    const Timestamp = "2026-08-15T09:20:00Z" as unknown as Date;
    const id = await requestIdOf(clientOf().send(batch([usage({ Timestamp })])));
    expect(only(await wire.meterhouse.doctor())).toMatchObject({ check: "iso-timestamps", count: 1, evidence: [id] });
  });
});

test("entitlement-loop", async () => {
  const client = new entitlement.MarketplaceEntitlementServiceClient(configOf("seller"));
  for (let time = 0; time < 25; time += 1) {
    await client.send(new entitlement.GetEntitlementsCommand({ ProductCode: products.contract }));
  }
  const finding = only(await wire.meterhouse.doctor());
  expect(finding).toMatchObject({ check: "entitlement-loop", severity: "advice", count: 1 });
  expect(finding?.title).toContain("25 times within a minute");
});
