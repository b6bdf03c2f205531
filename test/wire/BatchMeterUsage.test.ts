/** BatchMeterUsage over the wire: how it is written, what its members may hold, and what it does (SPEC C.1, C.5). */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Revision } from "../../src/api/types.ts";
import { buyers, licenses, logsEntityId, products, sellers, startAt, startSec } from "../support/catalog.ts";
import { constraintPath, membersOf, refusedValues, typePath, withValue, wrongValues } from "../support/shapes.ts";
import {
  expectError,
  resultsOf,
  startWire,
  statusesOf,
  uuid4,
  type Wire,
  type WireCall,
  type WireReply,
} from "../support/wireClient.ts";

let wire: Wire;
beforeAll(async () => {
  wire = await startWire();
});
afterAll(() => wire.close());
beforeEach(() => wire.reset());

const revisions: readonly Revision[] = ["2026", "2024", "2021"];
const hour = 3_600;
const alder = buyers.alder;

type Fields = Readonly<Record<string, unknown>>;
/** A record of `logs` by the buyer's account. */
const byAccount = (fields: Fields = {}): Fields => ({
  Timestamp: startSec,
  CustomerAWSAccountId: alder.account,
  Dimension: "searches",
  Quantity: 1,
  ...fields,
});
/** The same by CustomerIdentifier, which all revisions know. */
const byIdentifier = (fields: Fields = {}): Fields => {
  const { CustomerAWSAccountId: _, ...rest } = byAccount();
  return { ...rest, CustomerIdentifier: alder.identifier, ...fields };
};
/** A record of `vault` by licence. */
const byLicense = (fields: Fields = {}): Fields =>
  byAccount({ LicenseArn: licenses.vault1, Dimension: "secrets", ...fields });

const send = (records: readonly Fields[], fields: Fields = {}, call: WireCall = {}): Promise<WireReply> =>
  wire.call({ request: { ProductCode: products.logs, UsageRecords: records, ...fields }, ...call });
const sendLicensed = (records: readonly Fields[], call: WireCall = {}): Promise<WireReply> =>
  wire.call({ request: { UsageRecords: records }, ...call });
const statusOf = async (reply: Promise<WireReply>): Promise<string | undefined> => statusesOf(await reply)[0];
const idOf = async (reply: Promise<WireReply>): Promise<string | undefined> =>
  resultsOf(await reply)[0]?.MeteringRecordId;
const stored = async (): Promise<number> => (await wire.meterhouse.records()).length;
const seconds = (iso: string): number => Date.parse(iso) / 1_000;

describe("serialisation", () => {
  test("W-30, W-34, B-4: the answer has these members and no others", async () => {
    const full = byAccount({
      Timestamp: startSec + 0.25,
      UsageAllocations: [{ AllocatedUsageQuantity: 1, Tags: [{ Key: "Dept", Value: "R&D" }] }],
    });
    const reply = await send([full, byAccount({ CustomerAWSAccountId: buyers.elm.account })]);
    expect(reply.json).toEqual({
      Results: [
        { UsageRecord: full, MeteringRecordId: expect.stringMatching(uuid4), Status: "Success" },
        { UsageRecord: byAccount({ CustomerAWSAccountId: buyers.elm.account }), Status: "CustomerNotSubscribed" },
      ],
      UnprocessedRecords: [],
    });
  });

  test("W-34, B-6: no records, two empty lists; with a ProductCode it must be right", async () => {
    expect((await sendLicensed([])).text).toBe('{"Results":[],"UnprocessedRecords":[]}');
    expect((await send([])).json).toEqual({ Results: [], UnprocessedRecords: [] });
    expectError(await send([], { ProductCode: "nothing" }), "InvalidProductCodeException");
  });

  test.each([
    ["whole seconds", "1786789200", 1_786_789_200],
    ["a trailing zero", "1786789200.0", 1_786_789_200],
    ["milliseconds, as JavaScript and Go send them", "1786789199.001", 1_786_789_199.001],
    ["microseconds", "1786789199.000001", 1_786_789_199.000001],
    ["an exponent", "1.7867892E9", 1_786_789_200],
  ])("W-13, W-33, B-58: a timestamp with %s is taken and echoed as a number", async (_, text, value) => {
    const body = JSON.stringify({ ProductCode: products.logs, UsageRecords: [byAccount({ Timestamp: 1 })] });
    const reply = await wire.call({ body: body.replace('"Timestamp":1', `"Timestamp":${text}`) });
    expect(resultsOf(reply)[0]).toMatchObject({ Status: "Success", UsageRecord: { Timestamp: value } });
    expect((await wire.meterhouse.records())[0]?.timestampAt).toBe(Math.round(value * 1_000));
  });

  test("B-3: results stand in the order of the request", async () => {
    const records = Array.from({ length: 25 }, (_, index) =>
      byAccount({ Timestamp: startSec - (24 - index) * hour + 60, Quantity: index }),
    );
    const results = resultsOf(await send(records));
    expect(results.map((result) => result.UsageRecord)).toEqual(records);
    expect(new Set(results.map((result) => result.MeteringRecordId)).size).toBe(25);
  });

  test("B-4: text is echoed whatever it holds", async () => {
    for (const text of ['quote " and \\ backslash', "line\nbreak\u0000\u001f", "\u2028 é 日本 😀", "</script>"]) {
      const [result] = resultsOf(await send([byIdentifier({ CustomerIdentifier: text })]));
      expect(result).toEqual({
        UsageRecord: byIdentifier({ CustomerIdentifier: text }),
        Status: "CustomerNotSubscribed",
      });
    }
  });

  test("B-5: only a Success has an id", async () => {
    await send([byAccount()]);
    const results = resultsOf(
      await send([byAccount(), byAccount({ Quantity: 2 }), byAccount({ CustomerAWSAccountId: "1" })]),
    );
    expect(results.map((result) => Object.keys(result).sort().join())).toEqual([
      "MeteringRecordId,Status,UsageRecord",
      "Status,UsageRecord",
      "Status,UsageRecord",
    ]);
  });

  describe.each(revisions)("W-56: wrong types, revision %s", (revision) => {
    const request = {
      ProductCode: products.logs,
      UsageRecords: [
        byIdentifier({ UsageAllocations: [{ AllocatedUsageQuantity: 1, Tags: [{ Key: "a", Value: "b" }] }] }),
      ],
    };
    test.each(membersOf("BatchMeterUsage", revision).map((member) => [typePath(member.path), member] as const))(
      "%s",
      async (path, member) => {
        await wire.reset({ revision });
        for (const [value, words] of wrongValues(member.shape)) {
          const reply = await wire.call({ request: withValue(request, member.path, value) });
          expectError(reply, "SerializationException", words, path);
          expect(reply.status).toBe(400);
        }
      },
    );
  });

  test("W-56: a list whose elements are no objects", async () => {
    for (const element of ["x", 1, true, null, [], [byAccount()]]) {
      expectError(
        await wire.call({ request: { UsageRecords: [element] } }),
        "SerializationException",
        "UsageRecords[0]",
      );
    }
  });

  test("W-56: the first wrong type is told, with its place", async () => {
    const reply = await send([byAccount(), byAccount(), byAccount({ Timestamp: "now", Quantity: "1" })]);
    expectError(
      reply,
      "SerializationException",
      "UsageRecords[2].Timestamp",
      "'now'",
      "epoch seconds as a JSON number",
    );
  });
});

describe("validation", () => {
  describe.each(revisions)("W-58, C.1: constraints, revision %s", (revision) => {
    const request = {
      ProductCode: products.logs,
      UsageRecords: [
        byIdentifier({ UsageAllocations: [{ AllocatedUsageQuantity: 1, Tags: [{ Key: "a", Value: "b" }] }] }),
      ],
    };
    const members = membersOf("BatchMeterUsage", revision);

    test("the whole request passes", async () => {
      await wire.reset({ revision });
      expect(statusesOf(await wire.call({ request }))).toEqual(["Success"]);
    });

    test.each(members.map((member) => [typePath(member.path), member] as const))("%s", async (_, member) => {
      await wire.reset({ revision });
      for (const [value, words] of refusedValues(member.shape)) {
        const reply = await wire.call({ request: withValue(request, member.path, value) });
        if (member.raises === undefined)
          expectError(reply, "ValidationException", words, `at '${constraintPath(member.path)}'`);
        else expectError(reply, member.raises, typePath(member.path.slice(0, -1)));
      }
      for (const nothing of [undefined, null]) {
        if (!member.isRequired) continue;
        const reply = await wire.call({ request: withValue(request, member.path, nothing) });
        if (member.raises === undefined) {
          expectError(
            reply,
            "ValidationException",
            `Value null at '${constraintPath(member.path)}'`,
            "Member must not be null",
          );
        } else expectError(reply, member.raises, "is missing");
      }
      expect(await stored()).toBe(0);
    });
  });

  test("C.1: which members each revision knows and requires", () => {
    const table = (revision: Revision) =>
      Object.fromEntries(
        membersOf("BatchMeterUsage", revision).map((member) => [typePath(member.path), member.isRequired]),
      );
    const common = {
      UsageRecords: true,
      "UsageRecords[0].Timestamp": true,
      "UsageRecords[0].Dimension": true,
      "UsageRecords[0].Quantity": false,
      "UsageRecords[0].UsageAllocations": false,
      "UsageRecords[0].UsageAllocations[0].AllocatedUsageQuantity": true,
      "UsageRecords[0].UsageAllocations[0].Tags": false,
      "UsageRecords[0].UsageAllocations[0].Tags[0].Key": true,
      "UsageRecords[0].UsageAllocations[0].Tags[0].Value": true,
    };
    const older = { ...common, ProductCode: true, "UsageRecords[0].CustomerIdentifier": true };
    expect(table("2021")).toEqual(older);
    expect(table("2024")).toEqual(older);
    expect(table("2026")).toEqual({
      ...common,
      ProductCode: false,
      "UsageRecords[0].CustomerIdentifier": false,
      "UsageRecords[0].CustomerAWSAccountId": false,
      "UsageRecords[0].LicenseArn": false,
    });
  });

  test.each(["2024", "2021"] as const)(
    "C.1: revision %s ignores CustomerAWSAccountId and LicenseArn",
    async (revision) => {
      await wire.reset({ revision });
      const reply = await send([byAccount()]);
      expectError(reply, "ValidationException", "'usageRecords.1.member.customerIdentifier'", "not be null");
      // Both identifiers, even of the wrong type: the newer one is not a member yet.
      const accepted = await send([byIdentifier({ CustomerAWSAccountId: 17, LicenseArn: ["x"] })]);
      expect(resultsOf(accepted)[0]?.UsageRecord).toEqual(byIdentifier());
      expectError(await send([byIdentifier()], { ProductCode: null }), "ValidationException", "'productCode'");
    },
  );

  test("C.1: the ProductCode of 2021 has no pattern, later ones do; only 2026 takes an empty one (B-18)", async () => {
    const odd = "a code with spaces";
    for (const [revision, spaced, empty] of [
      ["2021", "InvalidProductCodeException", "ValidationException"],
      ["2024", "ValidationException", "ValidationException"],
      ["2026", "ValidationException", "InvalidProductCodeException"],
    ] as const) {
      await wire.reset({ revision });
      expectError(await send([byIdentifier()], { ProductCode: odd }), spaced);
      expectError(await send([byIdentifier()], { ProductCode: "" }), empty);
    }
  });

  test("C.1, B-22: an empty CustomerIdentifier is too short before 2026, and absent since", async () => {
    for (const revision of ["2021", "2024"] as const) {
      await wire.reset({ revision });
      expectError(
        await send([byIdentifier({ CustomerIdentifier: "" })]),
        "ValidationException",
        "length greater than or equal to 1",
      );
    }
    await wire.reset();
    expectError(
      await send([byIdentifier({ CustomerIdentifier: "" })]),
      "ValidationException",
      "neither CustomerIdentifier nor",
    );
    expect(await statusOf(send([byAccount({ CustomerIdentifier: "" })]))).toBe("Success");
    const results = resultsOf(await sendLicensed([byLicense({ CustomerIdentifier: "" })]));
    expect(results[0]).toMatchObject({ Status: "Success", UsageRecord: { CustomerIdentifier: "" } });
  });

  test.each(revisions)("B-7: 25 records pass, 26 do not, revision %s", async (revision) => {
    await wire.reset({ revision });
    const many = (count: number) => Array.from({ length: count }, () => byIdentifier());
    expect(statusesOf(await send(many(25)))).toHaveLength(25);
    expectError(
      await send(many(26)),
      "ValidationException",
      /^1 validation error detected: Value '.*' at 'usageRecords' failed to satisfy constraint: Member must have length less than or equal to 25$/s,
    );
  });

  test("W-58: all violations are counted and joined", async () => {
    const reply = await send([byAccount({ Dimension: "", Quantity: -1 }), { CustomerAWSAccountId: "x" }], {
      ProductCode: "~",
    });
    expectError(
      reply,
      "ValidationException",
      /^6 validation errors detected: (Value .* at '.*' failed to satisfy constraint: Member must .*; ){5}Value /,
    );
    for (const path of [
      "productCode",
      "usageRecords.1.member.dimension",
      "usageRecords.1.member.quantity",
      "usageRecords.2.member.timestamp",
      "usageRecords.2.member.dimension",
      "usageRecords.2.member.customerAWSAccountId",
    ]) {
      expect(reply.message).toContain(`at '${path}'`);
    }
  });

  test("C.1: the largest quantity, and names of 255 characters", async () => {
    expect(await statusOf(send([byAccount({ Quantity: 2_147_483_647 })]))).toBe("Success");
    expect((await wire.meterhouse.records())[0]?.quantity).toBe(2_147_483_647);
    expectError(await send([byAccount({ Dimension: "d".repeat(255) })]), "InvalidUsageDimensionException");
    expect(await statusOf(send([byIdentifier({ CustomerIdentifier: "c".repeat(255) })]))).toBe("CustomerNotSubscribed");
    expect(await statusOf(send([byAccount({ CustomerAWSAccountId: "1".repeat(255) })]))).toBe("CustomerNotSubscribed");
  });

  test.each([
    ["no service", "arn:aws:::294406891311:license:l-1"],
    ["no partition of AWS", "arn:azure:license-manager::294406891311:license:l-1"],
    ["no arn: in front, as events print it", licenses.vault1.slice("arn:".length)],
    ["a line break behind", `${licenses.vault1}\n`],
    ["a blank in front", ` ${licenses.vault1}`],
    ["too long", `arn:aws:license-manager::294406891311:${"l".repeat(1_025)}`],
    ["nothing", ""],
  ])("B-30, C.1: a LicenseArn with %s fails the pattern", async (_, arn) => {
    expectError(
      await sendLicensed([byLicense({ LicenseArn: arn })]),
      "ValidationException",
      "'usageRecords.1.member.licenseArn'",
      "regular expression pattern",
    );
  });

  test.each([
    "arn:aws:s3:::bucket",
    "arn:aws:license-manager::294406891311:license",
    "arn:aws:license-manager::294406891311:license:l-1",
    "arn:aws:license-manager::294406891311:license:l-ABCDEF00000000000000000000000000",
    licenses.vault1.replace("license-manager", "other-manager"),
  ])("B-30: LicenseArn %s satisfies the pattern and is no licence", async (arn) => {
    expectError(await sendLicensed([byLicense({ LicenseArn: arn })]), "InvalidLicenseException", arn);
  });

  describe("tags and allocations", () => {
    const split = (UsageAllocations: unknown, Quantity = 1) => send([byAccount({ Quantity, UsageAllocations })]);
    const tagged = (...tags: readonly (readonly [unknown, unknown])[]) =>
      split([{ AllocatedUsageQuantity: 1, Tags: tags.map(([Key, Value]) => ({ Key, Value })) }]);
    const allowed = ` !"#$%&'()*+,-./0123456789:;<=@ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz`;

    test("C.1, B-73: every ASCII character, in key and value: the range from space to = is the trap", async () => {
      const characters = Array.from({ length: 0x7f - 0x20 }, (_, index) => String.fromCharCode(0x20 + index));
      const pairs = (character: string) => [[`k${character}`, "v"] as const, ["k", `${character}v`] as const];
      const good = characters.filter((character) => allowed.includes(character)).flatMap(pairs);
      expect(good).toHaveLength(2 * allowed.length);
      // An hour each, so that none is a duplicate of another.
      for (let first = 0; first < good.length; first += 24) {
        await wire.reset();
        const records = good.slice(first, first + 24).map(([Key, Value], index) =>
          byAccount({
            Timestamp: startSec - index * hour,
            UsageAllocations: [{ AllocatedUsageQuantity: 1, Tags: [{ Key, Value }] }],
          }),
        );
        expect(statusesOf(await send(records))).toEqual(records.map(() => "Success"));
      }
      for (const character of characters.filter((one) => !allowed.includes(one))) {
        for (const pair of pairs(character)) expectError(await tagged(pair), "InvalidTagException", `'${character}'`);
      }
    });

    test.each(["é", "日本", "😀", "\t", "\n", "\u0000", "a\u0301"])("B-73: %j is refused in words", async (text) => {
      const reply = await tagged(["Department", `x${text}`]);
      expectError(
        reply,
        "InvalidTagException",
        "UsageRecords[0].UsageAllocations[0].Tags[0]",
        "Value",
        "has the character",
      );
    });

    test("B-73, B-76: lengths of key and value", async () => {
      expect(statusesOf(await tagged(["k".repeat(100), "v".repeat(256)]))).toEqual(["Success"]);
      expectError(await tagged(["k".repeat(101), "v"]), "InvalidTagException", "Key has 101 characters; at most 100");
      expectError(await tagged(["k", "v".repeat(257)]), "InvalidTagException", "Value has 257 characters; at most 256");
      expectError(await tagged(["", "v"]), "InvalidTagException", "Key is empty");
      expectError(await tagged(["k", ""]), "InvalidTagException", "Value is empty");
      expectError(await tagged(["k", null]), "InvalidTagException", "Value is missing");
      expectError(await tagged([undefined, "v"]), "InvalidTagException", "Key is missing");
    });

    test("B-72, B-74, B-75: how many tags, and no key twice", async () => {
      const tags = (count: number) => Array.from({ length: count }, (_, index) => [`k${index}`, "v"] as const);
      expect(statusesOf(await tagged(...tags(5)))).toEqual(["Success"]);
      expectError(await tagged(...tags(6)), "InvalidTagException", "6 tags; at most 5");
      expectError(
        await tagged(),
        "ValidationException",
        "'usageRecords.1.member.usageAllocations.1.member.tags'",
        "length greater than or equal to 1",
      );
      expectError(await tagged(["a", "1"], ["a", "2"]), "InvalidTagException", "Key 'a' is there twice");
      expect(
        statusesOf(
          await send([
            byAccount({
              Timestamp: startSec - hour,
              UsageAllocations: [
                {
                  AllocatedUsageQuantity: 1,
                  Tags: [
                    { Key: "a", Value: "1" },
                    { Key: "A", Value: "1" },
                  ],
                },
              ],
            }),
          ]),
        ),
      ).toEqual(["Success"]);
    });

    test("B-72: five different keys over the whole record, with any number of values", async () => {
      const values = Array.from({ length: 50 }, (_, index) => ({
        AllocatedUsageQuantity: 1,
        Tags: [{ Key: `k${index % 5}`, Value: `v${index}` }],
      }));
      expect(statusesOf(await split(values, 50))).toEqual(["Success"]);
      const sixth = [...values, { AllocatedUsageQuantity: 1, Tags: [{ Key: "k5", Value: "v" }] }];
      expectError(await split(sixth, 51), "InvalidTagException", "6 different keys", "at most 5");
    });

    test("B-70, B-64, B-78: the sum is exact; zero parts are allowed; an absent quantity is zero", async () => {
      const parts = (...quantities: readonly number[]) =>
        quantities.map((AllocatedUsageQuantity, index) => ({
          AllocatedUsageQuantity,
          Tags: [{ Key: "k", Value: `${index}` }],
        }));
      expect(statusesOf(await split(parts(3, 0, 4), 7))).toEqual(["Success"]);
      expectError(await split(parts(3, 4), 8), "InvalidUsageAllocationsException", "add up to 7", "is 8");
      expectError(await split(parts(3, 4), 6), "InvalidUsageAllocationsException", "add up to 7", "is 6");
      // 2^31 − 1 twice is beyond 32 bits and not beyond the sum.
      expectError(
        await split(parts(2_147_483_647, 2_147_483_647), 2_147_483_646),
        "InvalidUsageAllocationsException",
        "4294967294",
      );
      const absent = { Timestamp: startSec - hour, CustomerAWSAccountId: alder.account, Dimension: "searches" };
      expect(statusesOf(await send([{ ...absent, UsageAllocations: parts(0) }]))).toEqual(["Success"]);
      expectError(await send([{ ...absent, UsageAllocations: parts(1) }]), "InvalidUsageAllocationsException", "is 0");
    });

    test("B-71, B-78: tag sets are distinct whatever their order; one part may go without", async () => {
      const both = [
        { Key: "a", Value: "1" },
        { Key: "b", Value: "2" },
      ];
      expectError(
        await split(
          [
            { AllocatedUsageQuantity: 1, Tags: both },
            { AllocatedUsageQuantity: 1, Tags: both.toReversed() },
          ],
          2,
        ),
        "InvalidUsageAllocationsException",
        "entries 0 and 1 have the same tags",
      );
      expectError(
        await split([{ AllocatedUsageQuantity: 1 }, { AllocatedUsageQuantity: 1 }], 2),
        "InvalidUsageAllocationsException",
        "entries 0 and 1 have no tags",
      );
      expect(
        statusesOf(
          await split(
            [
              { AllocatedUsageQuantity: 1, Tags: both },
              { AllocatedUsageQuantity: 1, Tags: [{ Key: "a", Value: "1" }] },
              { AllocatedUsageQuantity: 1 },
            ],
            3,
          ),
        ),
      ).toEqual(["Success"]);
    });

    test.each(["2026", "2024"] as const)("B-77, J-10: 1 to 2,500 allocations, revision %s", async (revision) => {
      await wire.reset({ revision });
      const parts = (count: number) =>
        Array.from({ length: count }, (_, index) => ({
          AllocatedUsageQuantity: 1,
          Tags: [{ Key: "k", Value: `${index}` }],
        }));
      const of = (count: number) => send([byIdentifier({ Quantity: count, UsageAllocations: parts(count) })]);
      expect(statusesOf(await of(2_500))).toEqual(["Success"]);
      expect((await wire.meterhouse.records())[0]?.allocations).toHaveLength(2_500);
      expectError(
        await of(2_501),
        "ValidationException",
        "'usageRecords.1.member.usageAllocations'",
        "length less than or equal to 2500",
      );
      expectError(
        await of(0),
        "ValidationException",
        "'usageRecords.1.member.usageAllocations'",
        "length greater than or equal to 1",
      );
    });

    test("B-77, J-22: 1 to 500 in revision 2021, and the modelled exception above", async () => {
      await wire.reset({ revision: "2021" });
      const parts = (count: number) =>
        Array.from({ length: count }, (_, index) => ({
          AllocatedUsageQuantity: 1,
          Tags: [{ Key: "k", Value: `${index}` }],
        }));
      const of = (count: number) => send([byIdentifier({ Quantity: count, UsageAllocations: parts(count) })]);
      expect(statusesOf(await of(500))).toEqual(["Success"]);
      for (const count of [501, 2_500, 2_501, 6_000]) {
        expectError(await of(count), "InvalidUsageAllocationsException", `${count} entries; at most 500`);
      }
      expectError(await of(0), "ValidationException", "length greater than or equal to 1");
    });

    test("C.5: tags of all records are looked at before allocations of any", async () => {
      const badSum = byAccount({ UsageAllocations: [{ AllocatedUsageQuantity: 9 }] });
      const badTag = byAccount({ UsageAllocations: [{ AllocatedUsageQuantity: 1, Tags: [{ Key: "?", Value: "v" }] }] });
      expectError(await send([badSum, badTag]), "InvalidTagException", "UsageRecords[1]");
      expectError(await send([badSum, badSum]), "InvalidUsageAllocationsException", "UsageRecords[0]");
    });
  });
});

describe("behaviour: who and what", () => {
  const both = "CustomerIdentifier and CustomerAWSAccountId are mutually exclusive";
  const neither = "neither CustomerIdentifier nor CustomerAWSAccountId is set";
  const set = { CustomerIdentifier: alder.identifier };
  const account = { CustomerAWSAccountId: alder.account };
  const ofLogs = { LicenseArn: licenses.logs };
  test.each([
    ["B-10", true, set, "Success"],
    ["B-11", true, account, "Success"],
    ["B-12", true, { ...set, ...account }, both],
    ["B-12", true, { ...set, ...account, ...ofLogs }, both],
    ["B-12", false, { ...set, ...account }, both],
    ["B-12", false, { ...set, ...account, ...ofLogs }, both],
    ["B-13", true, {}, neither],
    ["B-13", true, ofLogs, neither],
    ["B-13", false, {}, neither],
    ["B-13", false, ofLogs, neither],
    ["B-14", false, { ...account, ...ofLogs }, "Success"],
    ["B-15", true, { ...account, ...ofLogs }, "Success"],
    ["B-16", false, set, "nothing names the product"],
    ["B-16", false, account, "nothing names the product"],
    ["B-17", true, { ...set, ...ofLogs }, "LicenseArn goes with CustomerAWSAccountId"],
    ["B-17", false, { ...set, ...ofLogs }, "LicenseArn goes with CustomerAWSAccountId"],
  ] as const)("%s: ProductCode %s, record %o", async (_, hasCode, identity, expected) => {
    const record = { Timestamp: startSec, Dimension: "searches", Quantity: 1, ...identity };
    const reply = hasCode ? await send([record]) : await sendLicensed([record]);
    if (expected === "Success") expect(statusesOf(reply)).toEqual(["Success"]);
    else expectError(reply, "ValidationException", "UsageRecords[0]: ", expected);
  });

  test("B-15: a new product refuses ProductCode beside a licence; a legacy one books by the licence", async () => {
    const reply = await send([byLicense()], { ProductCode: products.vault });
    expectError(reply, "ValidationException", "UsageRecords[0]", `leave ProductCode '${products.vault}' out`);
    expect(await statusOf(send([byAccount(ofLogs)]))).toBe("Success");
    expect(await wire.meterhouse.records()).toMatchObject([
      { path: "license", licenseArn: licenses.logs, productCode: products.logs },
    ]);
  });

  test("B-16: one record without a licence is enough, wherever it stands", async () => {
    expectError(
      await sendLicensed([byLicense(), byAccount()]),
      "ValidationException",
      "UsageRecords[1]: nothing names the product",
    );
  });

  test("B-18: an empty ProductCode is an unknown one", async () => {
    expectError(await send([byAccount()], { ProductCode: "" }), "InvalidProductCodeException", "''");
  });

  test("J-19: both kinds of identifier in one request, by strictIdentifiers", async () => {
    const records = [byAccount(), byIdentifier({ Timestamp: startSec - hour })];
    expect(statusesOf(await send(records))).toEqual(["Success", "Success"]);
    await wire.reset({ strictIdentifiers: true });
    expectError(await send(records), "ValidationException", "in the same request");
    expect(statusesOf(await send([byAccount(), byAccount({ Dimension: "gb" })]))).toEqual(["Success", "Success"]);
    expect(statusesOf(await send([byAccount({ CustomerIdentifier: "", Dimension: "alerts" })]))).toEqual(["Success"]);
  });

  test.each([
    ["saas-subscription", products.logs, "searches", "Success"],
    ["saas-contract-with-consumption", products.consumption, "extra_users", "Success"],
    ["saas-contract", products.contract, "users", "GetEntitlements"],
    ["ami-fcp", products.ami, "hosts", "MeterUsage"],
    ["ami-hourly", products.amiHourly, "x", "metered by AWS itself"],
    ["container-fcp", products.container, "vcpu", "MeterUsage"],
    ["container-hourly", products.containerHourly, "x", "RegisterUsage"],
    ["container-byol", products.byol, "x", "RegisterUsage"],
    ["agentcore-fcp", products.agent, "calls", "MeterUsage"],
  ])("C-10 to C-19: %s", async (_, ProductCode, Dimension, expected) => {
    const reply = await send([byAccount({ Dimension })], { ProductCode });
    if (expected === "Success") expect(statusesOf(reply)).toEqual(["Success"]);
    else expectError(reply, "InvalidProductCodeException", ProductCode, "BatchMeterUsage", expected);
  });

  test("C-20, K-9: codes that are not the caller's", async () => {
    expectError(
      await send([byAccount()], { ProductCode: products.rival }),
      "InvalidProductCodeException",
      products.rival,
      sellers.quayside,
    );
    expectError(
      await send([byAccount()], {}, { key: "rival" }),
      "InvalidProductCodeException",
      products.logs,
      sellers.rival,
    );
    expectError(await send([byAccount()], {}, { key: "laptop" }), "InvalidProductCodeException", alder.account);
    expectError(
      await send([byAccount()], { ProductCode: logsEntityId }),
      "InvalidProductCodeException",
      "catalogue id",
    );
    expectError(await send([byAccount()], { ProductCode: products.logs.toUpperCase() }), "InvalidProductCodeException");
    expect(await stored()).toBe(0);
  });

  test("L-1: Regions that do not offer the operation", async () => {
    for (const region of ["us-gov-west-1", "ca-west-1", "cn-north-1", "eusc-de-east-1", "us-iso-east-1"]) {
      expectError(
        await send([byAccount()], {}, { region }),
        "DisabledApiException",
        `not offered in ${region}`,
        "us-east-1, ",
      );
    }
    await wire.reset({ enforceRegions: false });
    expect(await statusOf(send([byAccount()], {}, { region: "us-gov-west-1" }))).toBe("Success");
  });

  test("L-2: Regions where the product is not enabled, by code and by licence", async () => {
    expectError(
      await send([byAccount()], {}, { region: "eu-west-2" }),
      "DisabledApiException",
      products.logs,
      "eu-west-2",
      "only in us-east-1, eu-west-1",
    );
    expectError(await sendLicensed([byLicense()], { region: "eu-west-2" }), "DisabledApiException", products.vault);
    expectError(
      await send([byAccount()], { ProductCode: products.traces }, { region: "eu-west-1" }),
      "DisabledApiException",
      products.traces,
    );
    expect(await statusOf(send([byAccount()], {}, { region: "eu-west-1" }))).toBe("Success");
    // Of a product that is not the caller's nothing is told.
    expectError(
      await send([byAccount()], { ProductCode: products.rival }, { region: "eu-west-2" }),
      "InvalidProductCodeException",
    );
    await wire.reset({ enforceRegions: false });
    expect(await statusOf(send([byAccount()], {}, { region: "eu-west-2" }))).toBe("Success");
  });

  test.each([
    [
      "an unknown CustomerIdentifier",
      byIdentifier({ CustomerIdentifier: "nobody" }),
      "The customer identifier 'nobody' does not exist",
    ],
    [
      "an unknown account",
      byAccount({ CustomerAWSAccountId: "999999999999" }),
      "The customer account '999999999999' does not exist",
    ],
    [
      "B-23: an account id of 11 digits",
      byAccount({ CustomerAWSAccountId: "31000000001" }),
      "The customer account '31000000001' does not exist",
    ],
    [
      "an identifier in another case",
      byIdentifier({ CustomerIdentifier: alder.identifier.toUpperCase() }),
      "does not exist",
    ],
  ] as const)("B-20: %s, by unknownCustomer", async (_, record, words) => {
    const records = [byAccount({ Dimension: "gb" }), record];
    expect(statusesOf(await send(records))).toEqual(["Success", "CustomerNotSubscribed"]);
    await wire.reset({ unknownCustomer: "exception" });
    expectError(await send(records), "InvalidCustomerIdentifierException", words, "UsageRecords[1]", "ResolveCustomer");
    expect(await stored()).toBe(0);
    // Known, though never subscribed: that stays a status.
    expect(statusesOf(await send([byAccount({ CustomerAWSAccountId: buyers.hazel.account })]))).toEqual([
      "CustomerNotSubscribed",
    ]);
  });

  test("B-21: a product of concurrent agreements has no CustomerIdentifier", async () => {
    const record = byIdentifier({ Dimension: "secrets" });
    expectError(
      await send([record], { ProductCode: products.vault }),
      "InvalidCustomerIdentifierException",
      alder.identifier,
      products.vault,
      "CustomerAWSAccountId and LicenseArn",
    );
  });

  test("B-24: CustomerIdentifier and account id are one customer", async () => {
    const first = await idOf(send([byIdentifier()]));
    expect(await idOf(send([byAccount()]))).toBe(first);
    expect(await statusOf(send([byAccount({ Quantity: 2 })]))).toBe("DuplicateRecord");
    expect(
      statusesOf(
        await send([byAccount({ Dimension: "gb", Quantity: 2 }), byIdentifier({ Dimension: "gb", Quantity: 3 })]),
      ),
    ).toEqual(["Success", "DuplicateRecord"]);
    expect(await stored()).toBe(2);
  });

  test("B-41: dimensions compare byte for byte; the text lists what there is", async () => {
    for (const Dimension of ["Searches", "SEARCHES", "searches ", " searches", "search", "s\u0435arches"]) {
      const reply = await send([byAccount(), byAccount({ Dimension })]);
      expectError(
        reply,
        "InvalidUsageDimensionException",
        `usageDimension: ${Dimension}`,
        "UsageRecords[1]",
        "searches, gb, alerts",
        products.logs,
      );
    }
    expect(await stored()).toBe(0);
  });

  test("B-43: what a contract grants is not metered", async () => {
    const reply = await send([byAccount({ Dimension: "users" })], { ProductCode: products.consumption });
    expectError(
      reply,
      "InvalidUsageDimensionException",
      "usageDimension: users",
      "entitlement dimension",
      "extra_users",
    );
  });

  test("B-42: a dimension that came after a private offer is accepted and not billed", async () => {
    const juniper = { CustomerAWSAccountId: buyers.juniper.account };
    const records = [
      byAccount({ ...juniper, Dimension: "alerts" }),
      byAccount(juniper),
      byAccount({ Dimension: "alerts" }),
    ];
    expect(statusesOf(await send(records))).toEqual(["Success", "Success", "Success"]);
    const billable = (await wire.meterhouse.records()).map((row) => [row.accountId, row.dimension, row.billable]);
    expect(billable.sort()).toEqual(
      [
        [alder.account, "alerts", true],
        [buyers.juniper.account, "alerts", false],
        [buyers.juniper.account, "searches", true],
      ].sort(),
    );
  });
});

describe("behaviour: licences", () => {
  test.each([
    ["unknown", { LicenseArn: licenses.unknown }, "no product of account"],
    ["B-31: of another seller", { LicenseArn: licenses.rival, Dimension: "searches" }, "no product of account"],
    ["B-31: of another buyer", { LicenseArn: licenses.birch }, `it does not belong to account ${alder.account}`],
    [
      "B-31: before its activation",
      { LicenseArn: licenses.fir, CustomerAWSAccountId: buyers.fir.account, Timestamp: startSec - 3 * hour },
      "before its activation at 2026-08-15T08:30:00Z",
    ],
  ] as const)("InvalidLicenseException for a licence that is %s", async (_, fields, words) => {
    const reply = await sendLicensed([byLicense(fields)]);
    expectError(
      reply,
      "InvalidLicenseException",
      String(fields.LicenseArn),
      "UsageRecords[0]",
      words,
      "Nothing of the batch was metered",
    );
  });

  test("B-19, B-31: a second licence is judged by the product of the first; nothing is metered", async () => {
    const cases = [
      [byLicense({ LicenseArn: licenses.safe }), `not a license of product ${products.vault}`],
      [byLicense({ LicenseArn: licenses.rival }), `not a license of product ${products.vault}`],
      [byLicense({ LicenseArn: licenses.unknown }), "no such license exists"],
    ] as const;
    for (const [record, words] of cases) {
      expectError(await sendLicensed([byLicense(), record]), "InvalidLicenseException", "UsageRecords[1]", words);
    }
    expectError(
      await send([byAccount(), byAccount({ LicenseArn: licenses.vault1 })]),
      "InvalidLicenseException",
      "UsageRecords[1]",
      products.logs,
    );
    expect(await stored()).toBe(0);
  });

  test("B-19, J-14: several licences, buyers and dimensions of one product share a call", async () => {
    const reply = await sendLicensed([
      byLicense(),
      byLicense({ LicenseArn: licenses.vault2 }),
      byLicense({ Dimension: "gb" }),
      byLicense({ LicenseArn: licenses.birch, CustomerAWSAccountId: buyers.birch.account }),
    ]);
    expect(statusesOf(reply)).toEqual(Array(4).fill("Success"));
    expect(await stored()).toBe(4);
  });

  test("C-20: another seller cannot meter a licence that is not of their products", async () => {
    expectError(await sendLicensed([byLicense()], { key: "rival" }), "InvalidLicenseException", sellers.rival);
  });

  test("B-33: the tail decides: with or without `license:`, of any account or partition, it is one licence", async () => {
    const tail = licenses.vault1.slice(-34);
    const id = await idOf(sendLicensed([byLicense()]));
    for (const arn of [
      `arn:aws:license-manager::294406891311:${tail}`,
      `arn:aws:license-manager::123456789012:license:${tail}`,
      `arn:aws:license-manager:us-east-1:123456789012:license/${tail}`,
      `arn:aws-cn:license-manager::294406891311:license:${tail}`,
    ]) {
      const [result] = resultsOf(await sendLicensed([byLicense({ LicenseArn: arn })]));
      expect(result).toMatchObject({ Status: "Success", MeteringRecordId: id, UsageRecord: { LicenseArn: arn } });
    }
    expect(await wire.meterhouse.records()).toMatchObject([{ licenseArn: licenses.vault1 }]);
  });

  test("B-34: the same hour by product code and by licence is billed twice, without a word", async () => {
    const byCode = await idOf(send([byAccount()]));
    const licensed = await idOf(sendLicensed([byAccount({ LicenseArn: licenses.logs })]));
    expect(licensed).not.toBe(byCode);
    expect((await wire.meterhouse.records()).map((row) => row.path).sort()).toEqual(["license", "productCode"]);
    // Each path keeps its own first quantity.
    expect(await statusOf(send([byAccount({ Quantity: 2 })]))).toBe("DuplicateRecord");
    expect(await statusOf(sendLicensed([byAccount({ LicenseArn: licenses.logs, Quantity: 2 })]))).toBe(
      "DuplicateRecord",
    );
  });

  test("B-60: licences of one buyer have keys of their own", async () => {
    const [first, second] = resultsOf(
      await sendLicensed([byLicense(), byLicense({ LicenseArn: licenses.vault2, Quantity: 2 })]),
    );
    expect([first?.Status, second?.Status]).toEqual(["Success", "Success"]);
    expect(first?.MeteringRecordId).not.toBe(second?.MeteringRecordId);
  });

  test.each([
    ["in its final hour", licenses.birch, buyers.birch.account, "Success"],
    ["after its final hour", licenses.cedar, buyers.cedar.account, "CustomerNotSubscribed"],
    ["of a suspended buyer", licenses.dogwood, buyers.dogwood.account, "CustomerNotSubscribed"],
  ])("B-32, B-84, B-85: a licence %s", async (_, LicenseArn, CustomerAWSAccountId, expected) => {
    expect(await statusOf(sendLicensed([byLicense({ LicenseArn, CustomerAWSAccountId })]))).toBe(expected);
    // The licence alone decides: others of the batch are not touched.
    expect(statusesOf(await sendLicensed([byLicense({ LicenseArn, CustomerAWSAccountId }), byLicense()]))).toEqual([
      expected,
      "Success",
    ]);
  });

  test("B-31, B-56: activation is compared by its hour, or exactly with subscriptionStartRounding", async () => {
    const fir = (iso: string) =>
      byLicense({ LicenseArn: licenses.fir, CustomerAWSAccountId: buyers.fir.account, Timestamp: seconds(iso) });
    expect(await statusOf(sendLicensed([fir("2026-08-15T08:00:00Z")]))).toBe("Success");
    expectError(await sendLicensed([fir("2026-08-15T07:59:59.999Z")]), "InvalidLicenseException");
    await wire.reset({ subscriptionStartRounding: "exact" });
    expectError(await sendLicensed([fir("2026-08-15T08:29:59.999Z")]), "InvalidLicenseException");
    expect(await statusOf(sendLicensed([fir("2026-08-15T08:30:00Z")]))).toBe("Success");
  });

  test("B-50: the time window holds for licences too, after the licence itself", async () => {
    expectError(await sendLicensed([byLicense({ Timestamp: startSec - 24 * hour })]), "TimestampOutOfBoundsException");
    expectError(await sendLicensed([byLicense({ Timestamp: startSec + hour })]), "TimestampOutOfBoundsException");
  });
});

describe("behaviour: time", () => {
  const ms = 0.001;
  const stampedAgo = (ago: number, call: WireCall = {}) =>
    send([byIdentifier({ Timestamp: startSec - ago })], {}, call);

  test.each([
    ["2026", 24 * hour - ms, 24 * hour],
    ["2024", 6 * hour, 6 * hour + ms],
    ["2021", hour, hour + ms],
  ] as const)("B-50, B-51, J-1: revision %s takes usage up to %s s old, not %s s", async (revision, passes, fails) => {
    await wire.reset({ revision });
    expect(await statusOf(stampedAgo(passes))).toBe("Success");
    const reply = await stampedAgo(fails);
    expectError(
      reply,
      "TimestampOutOfBoundsException",
      "UsageRecords[0].Timestamp",
      "2026-08-15T10:20:00Z",
      "One such record voids the whole batch",
    );
  });

  test.each([
    ["2026", "2026-08-14T10:00:00.000Z", "2026-08-14T09:59:59.999Z"],
    ["2024", "2026-08-15T04:00:00.000Z", "2026-08-15T03:59:59.999Z"],
    ["2021", "2026-08-15T09:00:00.000Z", "2026-08-15T08:59:59.999Z"],
  ] as const)("B-52: windowRounding = hour, revision %s: %s passes, %s fails", async (revision, passes, fails) => {
    await wire.reset({ revision, windowRounding: "hour" });
    expect(await statusOf(send([byIdentifier({ Timestamp: seconds(passes) })]))).toBe("Success");
    expectError(await send([byIdentifier({ Timestamp: seconds(fails) })]), "TimestampOutOfBoundsException");
  });

  test("B-55: five minutes ahead pass, a millisecond more does not; futureToleranceSec", async () => {
    expect(await statusOf(stampedAgo(-300))).toBe("Success");
    expectError(await stampedAgo(-300 - ms), "TimestampOutOfBoundsException", "in the future", "300 s ahead");
    await wire.reset({ futureToleranceSec: 0 });
    expect(await statusOf(stampedAgo(0))).toBe("Success");
    expectError(await stampedAgo(-ms), "TimestampOutOfBoundsException", "0 s ahead");
    await wire.reset({ futureToleranceSec: 7_200 });
    expect(await statusOf(stampedAgo(-7_200))).toBe("Success");
  });

  test("B-53: the month before closes at 06:00:00 on day 1", async () => {
    const lastDay = byIdentifier({ Timestamp: seconds("2026-08-31T23:59:59.999Z") });
    const firstDay = byIdentifier({ Timestamp: seconds("2026-09-01T00:00:00Z") });
    await wire.reset({}, "2026-09-01T05:59:59.999Z");
    expect(statusesOf(await send([lastDay, firstDay]))).toEqual(["Success", "Success"]);
    await wire.reset({}, "2026-09-01T06:00:00Z");
    expectError(await send([lastDay]), "TimestampOutOfBoundsException", "closed at 2026-09-01T06:00:00Z");
    expect(statusesOf(await send([firstDay]))).toEqual(["Success"]);
    // A replay of what was accepted while the month was open is refused like anything else.
    await wire.reset({}, "2026-09-01T05:00:00Z");
    expect(await statusOf(send([lastDay]))).toBe("Success");
    await wire.meterhouse.clock.advance("2h");
    expectError(await send([lastDay]), "TimestampOutOfBoundsException");
    expect(await stored()).toBe(1);
  });

  test.each([
    ["a year's end", "2027-01-01T06:00:00Z", "2026-12-31T23:00:00Z"],
    ["a short month's end", "2027-03-01T06:00:00Z", "2027-02-28T23:00:00Z"],
    ["a leap day", "2028-03-01T06:00:00Z", "2028-02-29T23:00:00Z"],
  ])("B-53: %s", async (_, now, stamp) => {
    await wire.reset({}, Date.parse(now) - 1);
    expect(await statusOf(send([byIdentifier({ Timestamp: seconds(stamp) })]))).toBe("Success");
    await wire.reset({}, now);
    expectError(await send([byIdentifier({ Timestamp: seconds(stamp) })]), "TimestampOutOfBoundsException");
  });

  test("B-53, J-30: monthEndGrace = extend takes the whole last day until 06:00", async () => {
    const now = "2026-09-01T05:59:59Z";
    const stamped = (iso: string) => send([byIdentifier({ Timestamp: seconds(iso) })]);
    await wire.reset({}, now);
    expectError(await stamped("2026-08-31T05:59:59Z"), "TimestampOutOfBoundsException");
    await wire.reset({ monthEndGrace: "extend" }, now);
    expect(await statusOf(stamped("2026-08-31T00:00:00Z"))).toBe("Success");
    expectError(await stamped("2026-08-30T23:59:59.999Z"), "TimestampOutOfBoundsException");
    await wire.reset({ monthEndGrace: "extend" }, "2026-09-01T06:00:00Z");
    expectError(await stamped("2026-08-31T12:00:00Z"), "TimestampOutOfBoundsException");
    // B-54: the grace belongs to 2026.
    await wire.reset({ monthEndGrace: "extend", revision: "2024" }, now);
    expectError(await stamped("2026-08-31T12:00:00Z"), "TimestampOutOfBoundsException");
  });

  test("B-56: usage from before the subscription, by its hour or exactly", async () => {
    const fir = (iso: string) => byIdentifier({ CustomerIdentifier: buyers.fir.identifier, Timestamp: seconds(iso) });
    expect(await statusOf(send([fir("2026-08-15T08:00:00Z")]))).toBe("Success");
    expectError(
      await send([byIdentifier(), fir("2026-08-15T07:59:59.999Z")]),
      "TimestampOutOfBoundsException",
      "UsageRecords[1].Timestamp",
      "began only at 2026-08-15T08:30:00Z",
    );
    await wire.reset({ subscriptionStartRounding: "exact" });
    expectError(await send([fir("2026-08-15T08:29:59.999Z")]), "TimestampOutOfBoundsException");
    expect(await statusOf(send([fir("2026-08-15T08:30:00Z")]))).toBe("Success");
  });

  test("B-1: one stamp out of bounds voids the batch, wherever it stands", async () => {
    for (const place of [0, 12, 24]) {
      const records = Array.from({ length: 25 }, (_, index) =>
        byAccount({ Timestamp: index === place ? startSec - 24 * hour : startSec }),
      );
      expectError(await send(records), "TimestampOutOfBoundsException", `UsageRecords[${place}].Timestamp`);
    }
    expect(await stored()).toBe(0);
  });

  test("K-10, CLIENTS 6: local time labelled UTC, and milliseconds, are named as what they are", async () => {
    expectError(
      await stampedAgo(-5 * hour),
      "TimestampOutOfBoundsException",
      "in the future by 5 h 0 min",
      "Check that local time is not sent as UTC",
    );
    expectError(
      await send([byAccount({ Timestamp: startSec * 1_000 })]),
      "TimestampOutOfBoundsException",
      "It looks like milliseconds: send epoch seconds",
    );
    await wire.reset({ revision: "2024" });
    expectError(await stampedAgo(7 * hour), "TimestampOutOfBoundsException", "it is 7 h 0 min old", "6 h 0 min");
  });
});

describe("behaviour: duplicates", () => {
  test("B-57: the hour is UTC's; its first and last millisecond are one key, the next is another", async () => {
    const id = await idOf(send([byAccount({ Timestamp: seconds("2026-08-15T09:00:00Z") })]));
    expect(await idOf(send([byAccount({ Timestamp: seconds("2026-08-15T09:59:59.999Z") })]))).toBe(id);
    expect(await idOf(send([byAccount({ Timestamp: seconds("2026-08-15T10:00:00Z") - 0.0001 })]))).toBe(id);
    expect(await idOf(send([byAccount({ Timestamp: seconds("2026-08-15T10:00:00Z") })]))).not.toBe(id);
    expect(await stored()).toBe(2);
  });

  test("B-61, B-62: the first quantity stays, however often another is sent", async () => {
    const id = await idOf(send([byAccount({ Quantity: 5 })]));
    for (const [Quantity, status] of [
      [5, "Success"],
      [6, "DuplicateRecord"],
      [0, "DuplicateRecord"],
      [5, "Success"],
    ] as const) {
      const [result] = resultsOf(await send([byAccount({ Quantity })]));
      expect(result?.Status).toBe(status);
      if (status === "Success") expect(result?.MeteringRecordId).toBe(id);
    }
    expect(await wire.meterhouse.records()).toMatchObject([{ quantity: 5, meteringRecordId: id }]);
  });

  test("B-61, J-5: identicalResend = duplicate", async () => {
    await wire.reset({ identicalResend: "duplicate" });
    expect(statusesOf(await send([byAccount(), byAccount()]))).toEqual(["Success", "DuplicateRecord"]);
    expect(resultsOf(await send([byAccount()]))).toEqual([{ UsageRecord: byAccount(), Status: "DuplicateRecord" }]);
    expect(await stored()).toBe(1);
  });

  test("B-63, B-64, K-1: zero is a record and locks its hour; an absent quantity is zero", async () => {
    const { Quantity: _, ...absent } = byAccount();
    const id = await idOf(send([byAccount({ Quantity: 0 })]));
    expect(await idOf(send([absent]))).toBe(id);
    expect(await statusOf(send([byAccount({ Quantity: 7 })]))).toBe("DuplicateRecord");
    expect(await wire.meterhouse.records()).toMatchObject([{ quantity: 0 }]);
  });

  test("B-65: one key three times in a batch", async () => {
    const results = resultsOf(
      await send([byAccount(), byAccount({ Timestamp: startSec - 60 }), byAccount({ Quantity: 2 })]),
    );
    expect(results.map((result) => result.Status)).toEqual(["Success", "Success", "DuplicateRecord"]);
    expect(results[1]?.MeteringRecordId).toBe(results[0]?.MeteringRecordId);
    expect(await stored()).toBe(1);
  });

  test("B-66: the quantity alone decides; the first split stays", async () => {
    const split = (Value: string) =>
      byAccount({ UsageAllocations: [{ AllocatedUsageQuantity: 1, Tags: [{ Key: "k", Value }] }] });
    const id = await idOf(send([split("first")]));
    expect(await idOf(send([split("second")]))).toBe(id);
    expect(await idOf(send([byAccount()]))).toBe(id);
    expect(await wire.meterhouse.records()).toMatchObject([{ allocations: [{ Tags: [{ Value: "first" }] }] }]);
  });

  test("B-60, L-3: each part of the key counts, the Region too", async () => {
    const ids = [
      await idOf(send([byAccount()])),
      await idOf(send([byAccount()], {}, { region: "eu-west-1" })),
      await idOf(send([byAccount({ Dimension: "gb" })])),
      await idOf(send([byAccount({ Timestamp: startSec - hour })])),
      await idOf(send([byAccount({ CustomerAWSAccountId: buyers.birch.account })])),
      await idOf(send([byAccount()], { ProductCode: products.traces })),
    ];
    expect(new Set(ids).size).toBe(6);
    expect(await stored()).toBe(6);
  });

  test("B-61: resent in other groups and orders, everything answers as before", async () => {
    const records = Array.from({ length: 6 }, (_, index) =>
      byAccount({ Timestamp: startSec - index * hour, Quantity: index }),
    );
    const ids = resultsOf(await send(records)).map((result) => result.MeteringRecordId);
    const again = resultsOf(await send([...records.slice(3), ...records.slice(0, 4)])).map(
      (result) => result.MeteringRecordId,
    );
    expect(again).toEqual([...ids.slice(3), ...ids.slice(0, 4)]);
    expect(await stored()).toBe(6);
  });

  test("K.5: of calls that race on one key exactly one stores", async () => {
    const replies = await Promise.all(
      Array.from({ length: 12 }, (_, index) => send([byAccount({ Quantity: index % 3 })])),
    );
    const [kept] = await wire.meterhouse.records();
    expect(await stored()).toBe(1);
    for (const [index, reply] of replies.entries()) {
      const [result] = resultsOf(reply);
      expect(result?.Status).toBe(index % 3 === kept?.quantity ? "Success" : "DuplicateRecord");
      if (result?.Status === "Success") expect(result.MeteringRecordId).toBe(kept?.meteringRecordId);
    }
  });

  test("B-1: whatever the error, the 24 good records with it are not kept", async () => {
    const bad: readonly (readonly [string, Fields])[] = [
      ["ValidationException", byAccount({ Quantity: -1 })],
      ["ValidationException", byAccount({ CustomerIdentifier: "x" })],
      ["InvalidLicenseException", byAccount({ LicenseArn: licenses.unknown })],
      ["InvalidUsageDimensionException", byAccount({ Dimension: "nope" })],
      ["TimestampOutOfBoundsException", byAccount({ Timestamp: 0 })],
      [
        "InvalidTagException",
        byAccount({ UsageAllocations: [{ AllocatedUsageQuantity: 1, Tags: [{ Key: "~", Value: "v" }] }] }),
      ],
      ["InvalidUsageAllocationsException", byAccount({ UsageAllocations: [{ AllocatedUsageQuantity: 2 }] })],
    ];
    const good = Array.from({ length: 24 }, (_, index) => byAccount({ Timestamp: startSec - index * hour + 60 }));
    for (const [error, record] of bad)
      expectError(await send([...good, record]), error, /UsageRecords\[24\]|usageRecords\.25/);
    expect(await stored()).toBe(0);
  });
});

describe("behaviour: the life of a subscription", () => {
  const usageOf = (buyer: { readonly account: string }, fields: Fields = {}) =>
    statusOf(
      send([
        byAccount({
          CustomerAWSAccountId: buyer.account,
          Timestamp: wire.meterhouse.clock.now().getTime() / 1_000,
          ...fields,
        }),
      ]),
    );

  test.each([
    ["B-81: active", buyers.alder, "Success"],
    ["B-82: in the final hour", buyers.birch, "Success"],
    ["B-83: ended", buyers.cedar, "CustomerNotSubscribed"],
    ["B-85: suspended", buyers.dogwood, "CustomerNotSubscribed"],
    ["B-80: pending", buyers.elm, "CustomerNotSubscribed"],
    ["N-9: payment failed", buyers.gorse, "CustomerNotSubscribed"],
    ["B-20: never bought", buyers.hazel, "CustomerNotSubscribed"],
  ])("%s", async (_, buyer, expected) => {
    expect(await usageOf(buyer)).toBe(expected);
    expect(await stored()).toBe(expected === "Success" ? 1 : 0);
  });

  test("B-80, B-68: after subscribe-success the record is taken, with whatever quantity", async () => {
    expect(await usageOf(buyers.elm)).toBe("CustomerNotSubscribed");
    await wire.meterhouse.marketplace.subscribeSuccess({ product: products.logs, customer: buyers.elm.account });
    expect(await usageOf(buyers.elm, { Quantity: 9 })).toBe("Success");
  });

  test.each([
    [3_600, "2026-08-15T10:59:59.999Z", "2026-08-15T11:00:00Z"],
    [600, "2026-08-15T10:09:59.999Z", "2026-08-15T10:10:00Z"],
    [7_200, "2026-08-15T11:59:59.999Z", "2026-08-15T12:00:00Z"],
  ])("B-82, B-83: a final hour of %i s: %s passes, %s does not", async (finalHourSec, passes, fails) => {
    await wire.reset({ finalHourSec }, passes);
    expect(await usageOf(buyers.birch)).toBe("Success");
    await wire.meterhouse.clock.set(fails);
    expect(await usageOf(buyers.birch)).toBe("CustomerNotSubscribed");
  });

  test("B-82: finalHourSec = 0 leaves none", async () => {
    await wire.reset({ finalHourSec: 0 });
    await wire.meterhouse.marketplace.cancel({ product: products.logs, customer: alder.account });
    expect(await usageOf(alder)).toBe("CustomerNotSubscribed");
  });

  test("B-82, B-83: cancel, final usage, unsubscribe-success", async () => {
    const { marketplace, clock } = wire.meterhouse;
    await marketplace.cancel({ product: products.logs, customer: alder.account });
    await clock.advance("59m");
    expect(await usageOf(alder)).toBe("Success");
    await marketplace.unsubscribeSuccess({ product: products.logs, customer: alder.account });
    expect(await usageOf(alder)).toBe("CustomerNotSubscribed");
    // B-69: even what was accepted before.
    expect(await usageOf(alder)).toBe("CustomerNotSubscribed");
    expect(await stored()).toBe(1);
  });

  test("B-84, N-24: Purchase Agreement Ended changes nothing; the licence's end opens the final hour", async () => {
    const { marketplace, clock } = wire.meterhouse;
    await marketplace.endPurchaseAgreement({ agreement: "agmt-alder-vault-1" });
    await clock.advance("2h");
    const use = (LicenseArn: string) =>
      statusOf(sendLicensed([byLicense({ LicenseArn, Timestamp: clock.now().getTime() / 1_000 })]));
    expect(await use(licenses.vault1)).toBe("Success");
    await marketplace.cancel({ license: licenses.vault1 });
    await clock.advance("59m");
    expect(await use(licenses.vault1)).toBe("Success");
    await clock.advance("1m");
    expect(await use(licenses.vault1)).toBe("CustomerNotSubscribed");
    // Other licences of the buyer go on.
    expect(await use(licenses.vault2)).toBe("Success");
  });

  test("B-86: a contract with consumption takes overage for one hour after its end", async () => {
    const { marketplace, clock } = wire.meterhouse;
    await marketplace.cancel({ product: products.consumption, customer: alder.account });
    const use = () =>
      statusOf(
        send([byAccount({ Dimension: "extra_users", Timestamp: clock.now().getTime() / 1_000 })], {
          ProductCode: products.consumption,
        }),
      );
    expect(await use()).toBe("Success");
    await clock.advance("1h");
    expect(await use()).toBe("CustomerNotSubscribed");
  });

  test("B-85: suspension holds while it lasts, on both paths", async () => {
    const { marketplace } = wire.meterhouse;
    await marketplace.suspendAccount({ account: alder.account });
    expect(await usageOf(alder)).toBe("CustomerNotSubscribed");
    expect(await statusOf(sendLicensed([byLicense()]))).toBe("CustomerNotSubscribed");
    await marketplace.suspendAccount({ account: alder.account, suspended: false });
    expect(await usageOf(alder)).toBe("Success");
    expect(await statusOf(sendLicensed([byLicense()]))).toBe("Success");
  });

  test("B-87: resubscribed after an end: new usage from the new start, by the same CustomerIdentifier", async () => {
    await wire.meterhouse.marketplace.purchase({ product: products.logs, customer: buyers.cedar.account });
    const cedar = (fields: Fields) => send([byIdentifier({ CustomerIdentifier: buyers.cedar.identifier, ...fields })]);
    expect(await statusOf(cedar({}))).toBe("Success");
    expect(await statusOf(cedar({ Timestamp: seconds("2026-08-15T10:00:00Z"), Dimension: "gb" }))).toBe("Success");
    // Between the end and the new start nobody was subscribed.
    expectError(
      await cedar({ Timestamp: seconds("2026-08-15T09:59:59Z") }),
      "TimestampOutOfBoundsException",
      `began only at ${startAt}`,
    );
  });

  test("B-87: with old and new agreement in the window, each stamp belongs to the one that is open", async () => {
    const { marketplace, clock } = wire.meterhouse;
    await marketplace.unsubscribeSuccess({ product: products.logs, customer: alder.account });
    await clock.set("2026-08-15T13:30:00Z");
    await marketplace.subscribeSuccess({ product: products.logs, customer: alder.account });
    expect(await usageOf(alder)).toBe("Success");
    expectError(
      await send([byAccount({ Timestamp: seconds("2026-08-15T09:00:00Z") })]),
      "TimestampOutOfBoundsException",
    );
  });

  test("N-10: resubscribed in the final hour it goes on as if nothing had been", async () => {
    const { marketplace, clock } = wire.meterhouse;
    await marketplace.subscribeSuccess({ product: products.logs, customer: buyers.birch.account });
    expect(await usageOf(buyers.birch)).toBe("Success");
    await clock.advance("5h");
    expect(await usageOf(buyers.birch)).toBe("Success");
    // Usage from before the cancellation still counts: the subscription is one.
    expect(await usageOf(buyers.birch, { Timestamp: seconds("2026-08-15T09:00:00Z") })).toBe("Success");
  });

  test("B-88: what is told late changes nothing for what was accepted, and all for what comes", async () => {
    expect(await usageOf(alder)).toBe("Success");
    await wire.meterhouse.marketplace.unsubscribeSuccess({
      product: products.logs,
      customer: alder.account,
      at: "2026-08-15T08:00:00Z",
    });
    expect(await usageOf(alder, { Timestamp: startSec - hour })).toBe("CustomerNotSubscribed");
    expect(await stored()).toBe(1);
  });

  test("B-89: a free trial meters as usual", async () => {
    await wire.meterhouse.marketplace.purchase({
      product: products.logs,
      customer: buyers.hazel.account,
      freeTrial: true,
    });
    expect(await usageOf(buyers.hazel)).toBe("Success");
    expect(await wire.meterhouse.records()).toMatchObject([{ billable: true }]);
  });

  test("B-2: one batch, every outcome", async () => {
    await send([byAccount({ Dimension: "gb" })]);
    wire.meterhouse.plan({ kind: "unprocessed", records: [4] });
    const reply = await send([
      byAccount(),
      byAccount({ Dimension: "gb", Quantity: 2 }),
      byAccount({ CustomerAWSAccountId: buyers.cedar.account }),
      byAccount({ Dimension: "gb" }),
      byAccount({ Timestamp: startSec - hour }),
    ]);
    expect(statusesOf(reply)).toEqual(["Success", "DuplicateRecord", "CustomerNotSubscribed", "Success"]);
    expect(reply.json.UnprocessedRecords).toEqual([byAccount({ Timestamp: startSec - hour })]);
    expect(await stored()).toBe(2);
  });
});

describe("behaviour: faults (B-90 to B-92)", () => {
  test("B-90, B-91: unprocessed records come back unchanged, leave no key, and are taken when resent", async () => {
    wire.meterhouse.plan({ kind: "unprocessed", records: [0, 2], operation: "BatchMeterUsage" });
    const records = [
      byAccount({ Timestamp: startSec + 0.5 }),
      byAccount({ Dimension: "gb" }),
      byAccount({ Dimension: "alerts" }),
    ];
    const reply = await send(records);
    expect(resultsOf(reply).map((result) => result.UsageRecord)).toEqual([records[1]]);
    expect(reply.json.UnprocessedRecords).toEqual([records[0], records[2]]);
    expect(await stored()).toBe(1);
    expect(statusesOf(await send([byAccount({ Quantity: 8 }), byAccount({ Dimension: "alerts" })]))).toEqual([
      "Success",
      "Success",
    ]);
  });

  test("B-91: an unprocessed record takes no part in the duplicate test of its batch", async () => {
    wire.meterhouse.plan({ kind: "unprocessed", records: [0] });
    const reply = await send([byAccount({ Quantity: 1 }), byAccount({ Quantity: 2 })]);
    expect(statusesOf(reply)).toEqual(["Success"]);
    expect(await wire.meterhouse.records()).toMatchObject([{ quantity: 2 }]);
  });

  test("B-92: a 500 before the commit keeps nothing; one after it is replayed", async () => {
    wire.meterhouse.plan({ kind: "error" });
    const before = await send([byAccount()]);
    expectError(before, "InternalServiceErrorException", "again unchanged");
    expect(before.status).toBe(500);
    expect(await stored()).toBe(0);
    wire.meterhouse.plan({ kind: "error", phase: "after-commit", status: 503 });
    const after = await send([byAccount()]);
    expectError(after, "InternalServiceErrorException");
    expect(after.status).toBe(503);
    const [kept] = await wire.meterhouse.records();
    expect(await idOf(send([byAccount()]))).toBe(kept?.meteringRecordId);
    expect(await stored()).toBe(1);
  });

  test("B-92: a refused call uses no fault up but the one of its rate", async () => {
    wire.meterhouse.plan({ kind: "error" });
    expectError(await send([byAccount({ Quantity: -1 })]), "ValidationException");
    expectError(await send([byAccount()]), "InternalServiceErrorException");
    expect(await statusOf(send([byAccount()]))).toBe("Success");
  });

  test("C-31: a planned throttle stores nothing", async () => {
    wire.meterhouse.plan({ kind: "throttle", times: 2 });
    expectError(await send([byAccount()]), "ThrottlingException", /^Rate exceeded/);
    expectError(await send([byAccount()]), "ThrottlingException");
    expect(await stored()).toBe(0);
    expect(await statusOf(send([byAccount()]))).toBe("Success");
  });
});
