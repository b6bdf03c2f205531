/** Both readers: this server's store, and CloudTrail's files in every form that AWS writes. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { settingsSchema } from "../../src/api/settings.ts";
import type { Agreement } from "../../src/api/types.ts";
import { observedCall, timestampOf } from "../../src/doctor/cloudTrailCall.ts";
import { diagnose } from "../../src/doctor/diagnose.ts";
import { catalogKnowledge, meteredPeriod } from "../../src/doctor/knowledge.ts";
import { diagnoseFiles, LogFileError, readLogFiles } from "../../src/doctor/logFiles.ts";
import type { ObservedCall } from "../../src/doctor/observed.ts";
import { type CallFilter, storedCalls } from "../../src/doctor/stored.ts";
import { showTimestamp } from "../../src/operations/cloudTrail.ts";
import { createSealer, loadMasterKey } from "../../src/secrets.ts";
import { openSqliteStore } from "../../src/store/sqlite/open.ts";
import type { Store } from "../../src/store/store.ts";
import { buyers, keys, licenses, products, sellers, startSec, tokens } from "../support/catalog.ts";
import { startWire, type WireCall } from "../support/wireClient.ts";
import { observedRecord } from "./support.ts";

const folder = mkdtempSync(join(tmpdir(), "meterhouse-doctor-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function written(name: string, content: string | Buffer): string {
  const file = join(folder, name);
  mkdirSync(join(file, ".."), { recursive: true });
  writeFileSync(file, content);
  return file;
}

/** The shape of a delivered record, with values of our own. */
function batchEvent(n: number, more: object = {}): Record<string, unknown> {
  const usageRecord = {
    timestamp: "Aug 15, 2026 9:15:50 AM",
    customerAWSAccountId: "444455556666",
    dimension: "searches",
    quantity: 5,
  };
  return {
    eventVersion: "1.09",
    userIdentity: {
      type: "AssumedRole",
      principalId: "AROAEXAMPLEEXAMPLE001:metering",
      arn: "arn:aws:sts::111122223333:assumed-role/metering/metering",
      accountId: "111122223333",
      accessKeyId: "ASIAEXAMPLE000000001",
    },
    eventTime: `2026-08-15T10:${String(20 + n).padStart(2, "0")}:00Z`,
    eventSource: "metering-marketplace.amazonaws.com",
    eventName: "BatchMeterUsage",
    awsRegion: "us-east-1",
    sourceIPAddress: "203.0.113.7",
    userAgent: "Boto3/1.43.11",
    requestParameters: { usageRecords: [usageRecord], productCode: "logs" },
    responseElements: {
      results: [{ usageRecord, meteringRecordId: `m${n}`, status: "Success" }],
      unprocessedRecords: [],
    },
    requestID: `r${n}`,
    eventID: `e${n}`,
    readOnly: false,
    eventType: "AwsApiCall",
    managementEvent: true,
    recipientAccountId: "111122223333",
    eventCategory: "Management",
    tlsDetails: { tlsVersion: "TLSv1.3" },
    ...more,
  };
}

const delivered = (...events: readonly object[]): string => JSON.stringify({ Records: events });
const looked = (...events: readonly object[]): string =>
  JSON.stringify({
    Events: events.map((event) => ({ EventId: "x", CloudTrailEvent: JSON.stringify(event) })),
    NextToken: "more",
  });
const stranger = batchEvent(0, { eventSource: "s3.amazonaws.com", eventName: "PutObject", eventID: "other" });
const idsOf = async (...paths: readonly string[]): Promise<readonly string[]> =>
  (await readLogFiles({ paths })).calls.map(({ requestId }) => requestId);

describe("files", () => {
  test("as delivered, plain and compressed, and as lookup-events prints them", async () => {
    const events = [batchEvent(1), stranger, batchEvent(0)];
    expect(await idsOf(written("plain.json", delivered(...events)))).toEqual(["r0", "r1"]);
    expect(await idsOf(written("packed.json.gz", gzipSync(delivered(...events))))).toEqual(["r0", "r1"]);
    expect(await idsOf(written("looked.json", looked(...events)))).toEqual(["r0", "r1"]);
    // What `--query Events` and `--query Events[].CloudTrailEvent` leave of it, and a client that decompressed.
    const list = JSON.parse(looked(...events)).Events as readonly { readonly CloudTrailEvent: string }[];
    expect(await idsOf(written("list.json", JSON.stringify(list)))).toEqual(["r0", "r1"]);
    const texts = list.map(({ CloudTrailEvent }) => CloudTrailEvent);
    expect(await idsOf(written("texts.json", `\ufeff${JSON.stringify(texts)}`))).toEqual(["r0", "r1"]);
    expect(await idsOf(written("unpacked.json.gz", delivered(...events)))).toEqual(["r0", "r1"]);
  });

  test("several files and a folder: each event once, in order of time, then of event id; digests are no logs", async () => {
    const first = written("trail/2026/a.json.gz", gzipSync(delivered(batchEvent(3), batchEvent(1))));
    written(
      "trail/2026/08/b.json",
      delivered(batchEvent(1), batchEvent(2), batchEvent(4, { eventID: "e0", ...sameTime })),
    );
    written("trail/CloudTrail-Digest/c.json.gz", gzipSync(JSON.stringify({ digestS3Object: "c", logFiles: [] })));
    written("trail/notes.txt", "no log");
    expect(await idsOf(join(folder, "trail"))).toEqual(["r1", "r2", "r4", "r3"]);
    expect(await idsOf(first, join(folder, "trail"))).toEqual(["r1", "r2", "r4", "r3"]);
  });
  const sameTime = { eventTime: "2026-08-15T10:23:00Z" };

  test.each([
    ["no such file", "gone.json", undefined, "there is no such file or folder"],
    ["empty", "empty.json", "", "it is empty"],
    ["cut short", "cut.json", '{"Records":[{', "it is no JSON"],
    [
      "cut short while compressed",
      "cut.json.gz",
      gzipSync(delivered(batchEvent(1))).subarray(0, 60),
      "cannot be decomp",
    ],
    ["of something else", "else.json", '{"Rows":[]}', "holds no CloudTrail events"],
    ["a text", "text.json", '"Records"', "holds no CloudTrail events"],
    ["an event that is no JSON", "event.json", '{"Events":[{"CloudTrailEvent":"{"}]}', "one of its events is no JSON"],
  ])("%s: an error that names the file and the reason", async (_, name, content, reason) => {
    const file = content === undefined ? join(folder, name) : written(name, content);
    const error: unknown = await readLogFiles({ paths: [file] }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(LogFileError);
    expect(String(error)).toContain(`${file}: `);
    expect(String(error)).toContain(reason);
  });

  test("a folder without logs", async () => {
    written("bare/notes.txt", "");
    await expect(readLogFiles({ paths: [join(folder, "bare")] })).rejects.toThrow("no .json and no .json.gz");
  });

  test("a small file that unpacks to a large one, a large file, and too many calls are refused", async () => {
    const limits = { fileMaxBytes: 1_048_576, callsMax: 2 };
    const bomb = written("bomb.json.gz", gzipSync(Buffer.alloc(8 * 1_048_576, " ")));
    await expect(readLogFiles({ paths: [bomb], limits })).rejects.toThrow(/bomb\.json\.gz: it is larger than 1 MiB/);
    const large = written("large.json", Buffer.alloc(2 * 1_048_576, " "));
    await expect(readLogFiles({ paths: [large], limits })).rejects.toThrow("it is larger than 1 MiB");
    const many = written("many.json", delivered(batchEvent(1), batchEvent(2), batchEvent(3)));
    await expect(readLogFiles({ paths: [many], limits })).rejects.toThrow("more than 2 calls");
    const fromAt = Date.parse("2026-08-15T10:22:00Z");
    expect((await readLogFiles({ paths: [many], limits, filter: { fromAt } })).calls).toHaveLength(2);
  });

  test("entries that are no events of ours are passed over", async () => {
    const odd = [
      null,
      7,
      "x",
      [],
      {},
      { eventSource: "metering-marketplace.amazonaws.com" },
      batchEvent(5, { eventTime: "?" }),
    ];
    const file = written("odd.json", JSON.stringify({ Records: [...odd.filter((one) => one !== "x"), batchEvent(1)] }));
    expect(await idsOf(file)).toEqual(["r1"]);
  });

  test("an id that was given out before is a replay, and now is the time of the last call", async () => {
    const again = batchEvent(2, { responseElements: batchEvent(1).responseElements });
    const { calls, known } = await readLogFiles({ paths: [written("again.json", delivered(again, batchEvent(1)))] });
    expect(calls.map(({ records }) => records[0]?.status)).toEqual(["Success", "Replayed"]);
    expect(known.now).toBe(Date.parse("2026-08-15T10:22:00Z"));
  });

  test("filters by time, account, caller and product, also where a licence alone names it", async () => {
    const license = "arn:aws:license-manager::294406891311:license:l-0123456789abcdef0123456789abcdef";
    const resolve = batchEvent(0, {
      eventName: "ResolveCustomer",
      requestParameters: { registrationToken: "HIDDEN_DUE_TO_SECURITY_REASONS" },
      responseElements: { productCode: "vault", customerAWSAccountId: "444455556666", licenseArn: license },
    });
    const usageRecord = { timestamp: "Aug 15, 2026 9:15:50 AM", licenseArn: license, dimension: "gb", quantity: 1 };
    const licensed = batchEvent(2, {
      requestParameters: { usageRecords: [usageRecord] },
      responseElements: {
        results: [{ usageRecord, meteringRecordId: "m", status: "Success" }],
        unprocessedRecords: [],
      },
    });
    const paths = [written("filters.json", delivered(resolve, batchEvent(1), licensed))];
    const ids = async (filter: object) =>
      (await readLogFiles({ paths, filter })).calls.map(({ requestId }) => requestId);
    expect(await ids({ productCode: "vault" })).toEqual(["r0", "r2"]);
    expect(await ids({ productCode: "logs" })).toEqual(["r1"]);
    expect(await ids({ accountId: "111122223333" })).toEqual(["r0", "r1", "r2"]);
    expect(await ids({ accountId: "444455556666" })).toEqual([]);
    // By session, and by role with all of its sessions, which is how findings name them.
    expect(await ids({ caller: "arn:aws:sts::111122223333:assumed-role/metering/metering" })).toHaveLength(3);
    expect(await ids({ caller: "arn:aws:sts::111122223333:assumed-role/metering" })).toHaveLength(3);
    expect(await ids({ caller: "arn:aws:sts::111122223333:assumed-role/meter" })).toHaveLength(0);
    const { known } = await readLogFiles({ paths });
    expect(known.accountOf({ licenseArn: license } as never)).toBe("444455556666");
    expect(known.productOfLicense(license)).toBe("vault");
  });
});

describe("one record", () => {
  test.each([
    [
      "IAMUser",
      { type: "IAMUser", arn: "arn:aws:iam::1:user/a", accountId: "1", accessKeyId: "AKIA1" },
      "arn:aws:iam::1:user/a",
    ],
    ["Root", { type: "Root", arn: "arn:aws:iam::1:root", accountId: "1" }, "arn:aws:iam::1:root"],
    [
      "FederatedUser",
      { type: "FederatedUser", arn: "arn:aws:sts::1:federated-user/b", accountId: "1" },
      "arn:aws:sts::1:federated-user/b",
    ],
    ["AWSService", { type: "AWSService", invokedBy: "ec2.amazonaws.com" }, "ec2.amazonaws.com"],
    ["AWSAccount", { type: "AWSAccount", accountId: "999900001111", principalId: "AIDA:x" }, "AIDA:x"],
    ["a key alone", { type: "Unknown", accountId: "1", accessKeyId: "AKIA1" }, "AKIA1"],
    ["nothing", undefined, "unknown"],
  ])("the caller of %s", (_, userIdentity, caller) => {
    expect(observedCall(batchEvent(1, { userIdentity }))?.caller).toBe(caller);
  });

  test("H-3, ISO text and numbers; what is no time is none", () => {
    const at = Date.parse("2018-04-19T16:32:50Z");
    for (const text of ["Apr 19, 2018 4:32:50 PM", "Apr 19, 2018, 4:32:50 PM", "Apr 19, 2018 4:32:50\u202fPM"])
      expect(timestampOf(text)).toBe(at);
    expect(timestampOf(at / 1_000)).toBe(at);
    expect(timestampOf(String(at / 1_000))).toBe(at);
    expect(timestampOf("2018-04-19T16:32:50Z")).toBe(at);
    for (const text of ["noon", "", "Foo 19, 2018 4:32:50 PM", null, undefined, {}])
      expect(timestampOf(text)).toBeUndefined();
    for (const hour of [0, 1, 11, 12, 13, 23]) {
      const sec = Date.UTC(2026, 1, 3, hour, 5, 9) / 1_000;
      expect(timestampOf(showTimestamp(sec))).toBe(sec * 1_000);
    }
  });

  test("a request too long for CloudTrail: the answer has the records", () => {
    const call = observedCall(
      batchEvent(1, { requestParameters: { omitted: true, originalSize: 200_000, reason: "long" } }),
    );
    expect(call?.records).toMatchObject([
      { dimension: "searches", quantity: 5, status: "Success", meteringRecordId: "m1" },
    ]);
    expect(call?.request).toEqual({});
  });

  test("what is left of the request goes by its wire names, and no token is there", () => {
    const meter = observedCall(
      batchEvent(1, {
        eventName: "MeterUsage",
        requestParameters: {
          ...{ productCode: "ami", timestamp: "Aug 15, 2026 9:15:50 AM", usageDimension: "hosts", usageQuantity: 4 },
          ...{ clientToken: "one", usageAllocations: [{ allocatedUsageQuantity: 4 }] },
        },
        responseElements: { meteringRecordId: "m1" },
      }),
    );
    expect(meter?.request).toEqual({ ClientToken: "one", UsageAllocations: [{ allocatedUsageQuantity: 4 }] });
    expect(meter?.records).toMatchObject([
      { dimension: "hosts", quantity: 4, status: "Success", meteringRecordId: "m1" },
    ]);
    const resolve = batchEvent(1, { eventName: "ResolveCustomer", requestParameters: { registrationToken: "secret" } });
    expect(JSON.stringify(observedCall(resolve))).not.toContain("secret");
  });

  test("of a dry run nothing was stored", () => {
    const dry = {
      eventName: "MeterUsage",
      requestParameters: {
        productCode: "ami",
        timestamp: "Aug 15, 2026 9:15:50 AM",
        usageDimension: "h",
        dryRun: true,
      },
      responseElements: { meteringRecordId: "DryRunOperation" },
    };
    expect(observedCall(batchEvent(1, dry))).toMatchObject({ records: [], request: { DryRun: true } });
  });
});

describe("the same traffic from the store and from files", () => {
  const { alder, cedar } = buyers;
  const at = startSec - 3_850;
  const one = { Timestamp: at, Dimension: "searches", CustomerIdentifier: alder.identifier, Quantity: 5 };
  const other = { Timestamp: at, Dimension: "gb", CustomerAWSAccountId: alder.account, Quantity: 7 };
  const licensed = { ...other, Dimension: "secrets", LicenseArn: licenses.vault1 };
  const meter = { ProductCode: products.ami, Timestamp: at, UsageDimension: "hosts", UsageQuantity: 4 };
  const batch = (records: readonly object[], request: object = { ProductCode: products.logs }): WireCall => ({
    request: { ...request, UsageRecords: records },
  });
  const traffic: readonly WireCall[] = [
    { operation: "ResolveCustomer", request: { RegistrationToken: tokens.vault1 } },
    batch([one, other]),
    batch([one, { ...other, Quantity: 8 }, { ...one, CustomerIdentifier: cedar.identifier }]),
    batch([licensed], {}),
    batch([{ ...one, Dimension: "nope" }]),
    { operation: "MeterUsage", key: "ec2", request: meter },
    { operation: "MeterUsage", key: "ec2", request: meter },
    { operation: "MeterUsage", key: "ec2", request: { ...meter, UsageQuantity: 9 } },
    { operation: "RegisterUsage", key: "ecs", request: { ProductCode: products.containerHourly, PublicKeyVersion: 2 } },
    { operation: "ResolveCustomer", request: { RegistrationToken: "nonsense" } },
    { target: "AWSMPEntitlementService.GetEntitlements", request: { ProductCode: products.contract } },
    batch([
      { ...one, Dimension: "gb", Timestamp: at - 3_600 },
      { ...other, Timestamp: at - 7_200 },
    ]),
  ];

  const dataDir = join(folder, "data");
  const exported = join(folder, "exported.json");
  let store: Store;
  beforeAll(async () => {
    const wire = await startWire({ dataDir });
    for (const call of traffic) {
      if (call === traffic.at(-1)) wire.meterhouse.plan({ kind: "unprocessed", records: [0] });
      await wire.call({ ...call, headers: { "user-agent": "readers-test/1.0" } });
      // CloudTrail tells seconds apart.
      await wire.meterhouse.clock.advance("1s");
    }
    writeFileSync(exported, JSON.stringify({ Records: await wire.meterhouse.cloudTrail() }));
    await wire.close();
    const sealer = createSealer(loadMasterKey({ dataDir, env: {} }));
    store = openSqliteStore({ file: join(dataDir, "meterhouse.db"), sealer });
  });
  afterAll(() => store?.close());

  const now = (startSec + traffic.length) * 1_000;
  const allOf = async (calls: AsyncIterable<ObservedCall>): Promise<readonly ObservedCall[]> => {
    const all: ObservedCall[] = [];
    for await (const call of calls) all.push(call);
    return all;
  };

  /** Of a token the files tell nothing. */
  const asInFiles = (call: ObservedCall): ObservedCall => {
    const { TokenFingerprint: _, ...request } = call.request;
    return { ...call, request };
  };

  async function* shown(calls: AsyncIterable<ObservedCall>): AsyncGenerator<ObservedCall> {
    for await (const call of calls) yield asInFiles(call);
  }

  test("calls are the same, replays too", async () => {
    const stored = await allOf(storedCalls(store, now, {}));
    expect(stored).toHaveLength(traffic.length);
    expect((await readLogFiles({ paths: [exported] })).calls).toEqual(stored.map(asInFiles));
    expect(stored.map(({ records }) => records.map(({ status }) => status).join(" "))).toEqual([
      ...["", "Success Success", "Replayed DuplicateRecord CustomerNotSubscribed", "Success", "Refused"],
      ...["Success", "Replayed", "Refused", "", "", "", "Unprocessed Success"],
    ]);
    expect(stored[0]?.resolved).toEqual({ accountId: alder.account, licenseArn: licenses.vault1 });
    expect(stored[1]?.records[0]).toEqual({
      ...{ timestampAt: at * 1_000, hourAt: at * 1_000 - (at % 3_600) * 1_000, customerIdentifier: alder.identifier },
      ...{ dimension: "searches", quantity: 5, status: "Success", meteringRecordId: expect.any(String) },
    });
    expect(stored[4]).toMatchObject({
      outcome: "InvalidUsageDimensionException",
      records: [{ dimension: "nope", quantity: 5 }],
      ...{ caller: `arn:aws:iam::${sellers.quayside}:user/metering`, accessKeyId: keys.seller },
      ...{ userAgent: "readers-test/1.0", sourceIp: "127.0.0.1", region: "us-east-1", accountId: sellers.quayside },
    });
  });

  test("findings are the same, of every check that needs nothing but the calls", async () => {
    const files = await diagnoseFiles({ paths: [exported] });
    const { known } = await readLogFiles({ paths: [exported] });
    const calls = shown(storedCalls(store, now, {}));
    const ofStore = await diagnose({ source: "cloudtrail-files", calls, known });
    expect(files).toEqual(ofStore);
    expect(files.calls).toBe(traffic.length);
  });

  test("the catalogue is known: the licence's product, the buyer by each identifier, tokens, dimensions", async () => {
    const known = catalogKnowledge(store.catalog, settingsSchema.parse({}), now);
    const record = observedRecord();
    const { customerAccountId: _, ...nobody } = record;
    expect(known.productOfLicense(licenses.vault1)).toBe(products.vault);
    expect(known.accountOf(record)).toBe(record.customerAccountId);
    expect(known.accountOf({ ...nobody, customerIdentifier: alder.identifier })).toBe(alder.account);
    expect(known.accountOf({ ...nobody, licenseArn: licenses.vault1 })).toBe(alder.account);
    expect(known.accountOf(nobody)).toBeUndefined();
    expect(known.tokens.filter(({ resolvedAt }) => resolvedAt !== undefined)).toEqual([
      {
        productCode: products.vault,
        buyerAccountId: alder.account,
        issuedAt: Date.parse("2026-08-15T10:00:00Z"),
        resolvedAt: startSec * 1_000,
      },
    ]);
    expect(known.dimensionsOf(products.logs)).toContain("searches");
    expect([known.needsLicense(products.vault), known.needsLicense(products.logs)]).toEqual([true, false]);
    expect(known.dimensionsOf("none")).toBeUndefined();
  });

  test("pages of the store, oldest first, with filters", async () => {
    const calls = async (filter: CallFilter) => (await allOf(storedCalls(store, now, filter))).length;
    expect(await calls({ productCode: products.vault })).toBe(2);
    expect(await calls({ accountId: alder.account })).toBe(4);
    expect(await calls({ caller: `arn:aws:iam::${sellers.quayside}:user/metering` })).toBe(8);
    expect(await calls({ fromAt: (startSec + 2) * 1_000, toAt: (startSec + 4) * 1_000 })).toBe(3);
    expect(await allOf(storedCalls(store, now + 91 * 86_400_000, {}))).toEqual([]);
    const newest = await store.audit.page({ isCall: true }, 100);
    const oldest: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await store.audit.page({ isCall: true }, 5, cursor, "oldest-first");
      oldest.push(...page.map(({ event }) => event.requestId));
      cursor = page.at(-1)?.position;
    } while (cursor !== undefined);
    expect(oldest).toEqual(newest.map(({ event }) => event.requestId).toReversed());
  });
});

describe("when an agreement takes usage", () => {
  const settings = settingsSchema.parse({});
  const agreement: Agreement = {
    ...{ id: "agmt-1", productCode: "logs", buyerAccountId: "444455556666", version: 1, acceptedAt: 0 },
    ...{ privateOffer: false, freeTrial: false },
  };
  const hour = 3_600_000;
  test.each<[string, Partial<Agreement>, object | undefined]>([
    ["pending", {}, undefined],
    ["active", { startedAt: 10 }, { from: 10 }],
    ["cancelled: the final hour too", { startedAt: 10, endingAt: 20 }, { from: 10, to: 20 + hour }],
    ["ended within it", { startedAt: 10, endingAt: 20, endedAt: 30 }, { from: 10, to: 30 }],
    ["a fixed term", { startedAt: 10, endsAt: 50 }, { from: 10, to: 50 + hour }],
    ["one that renews", { startedAt: 10, endsAt: 50, autoRenew: true }, { from: 10 }],
    ["cancelled while pending", { endingAt: 20 }, undefined],
  ])("%s", (_, times, period) => {
    expect(meteredPeriod({ ...agreement, ...times }, settings)).toEqual(period);
  });
});
