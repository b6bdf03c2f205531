/** Our tables against the schemas that the installed official SDK carries; `npm run drift` asks the newest one. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as installed from "@aws-sdk/client-marketplace-metering";
import { describe, expect, test } from "vitest";
import { type Contract, differences, ourContract, sdkContract } from "../../scripts/compareSchemas.ts";
import { readSdk } from "../../scripts/readSdk.ts";

const folder = fileURLToPath(new URL("../../node_modules/@aws-sdk/client-marketplace-metering", import.meta.url));
const sdk = await readSdk(folder);

describe("the contract of revision 2026 is the official SDK's (SPEC C.1, C.2, W-1)", () => {
  test("C.1, C.2: members, types, what is required, errors, statuses, kinds, errors of each operation", () => {
    expect(differences(ourContract(), sdkContract(sdk), sdk.version)).toEqual([]);
  });

  test("the schemas are those that the package gives to everyone", () => {
    const contract = sdkContract({ ...sdk, exports: { ...installed } });
    expect(contract).toEqual(sdkContract(sdk));
  });

  test("there is something to compare: four operations, nineteen errors, each with its list", () => {
    const { operations, errors, structures } = sdkContract(sdk);
    expect([...operations.keys()].toSorted()).toEqual([
      "BatchMeterUsage",
      "MeterUsage",
      "RegisterUsage",
      "ResolveCustomer",
    ]);
    expect(errors.size).toBe(19);
    expect(structures.size).toBe(12);
    for (const [name, operation] of operations) expect(operation.errors.size, name).toBeGreaterThan(4);
    expect(structures.get("UsageRecord")?.get("UsageAllocations")).toEqual({
      type: "list of UsageAllocation",
      isRequired: false,
    });
    expect(structures.get("MeterUsageRequest")?.get("ClientToken")?.type).toBe("string (idempotencyToken)");
    expect(errors.get("IdempotencyConflictException")).toMatchObject({ status: 409, fault: "client" }); // J-6
    expect(errors.get("InternalServiceErrorException")).toMatchObject({ status: 500, fault: "server" });
  });
});

/** A copy of the SDK's exports in which one schema is another. */
function withSchema(name: string, change: (schema: unknown[]) => void): Contract {
  const schema = [...(sdk.exports[`${name}$`] as unknown[])].map((part) => (Array.isArray(part) ? [...part] : part));
  change(schema);
  return sdkContract({ ...sdk, exports: { ...sdk.exports, [`${name}$`]: schema } });
}

function differencesWith(theirs: Contract): readonly string[] {
  return differences(ourContract(), theirs, "the SDK");
}

const names = 4;
const schemas = 5;
const requiredCount = 6;

describe("the comparison sees what changes", () => {
  const push = (index: number, schema: unknown[], value: unknown) => (schema[index] as unknown[]).push(value);
  test.each<[string, Contract, string]>([
    [
      "a new member",
      withSchema("ResolveCustomerResult", (schema) => {
        push(names, schema, "OfferId");
        push(schemas, schema, 0);
      }),
      "Member ResolveCustomerResult.OfferId is new in the SDK.",
    ],
    [
      "a member that is gone",
      withSchema("RegisterUsageRequest", (schema) => {
        schema[names] = ["ProductCode", "PublicKeyVersion"];
      }),
      "Member RegisterUsageRequest.Nonce is known here and not in the SDK.",
    ],
    [
      "another type",
      withSchema("MeterUsageResult", (schema) => {
        schema[schemas] = [1];
      }),
      "MeterUsageResult.MeteringRecordId is a string here and a number in the SDK.",
    ],
    [
      "a list",
      withSchema("MeterUsageResult", (schema) => {
        schema[schemas] = [64];
      }),
      "MeterUsageResult.MeteringRecordId is a string here and a list of string in the SDK.",
    ],
    [
      "a timestamp in another form",
      withSchema("RegisterUsageResult", (schema) => {
        schema[schemas] = [5, 0];
      }),
      "RegisterUsageResult.PublicKeyRotationTimestamp is a timestamp here and a timestamp as ISO text in the SDK.",
    ],
    [
      "a trait",
      withSchema("ResolveCustomerRequest", (schema) => {
        schema[schemas] = [[0, { jsonName: "token" }]];
      }),
      "ResolveCustomerRequest.RegistrationToken is a string here and a string (jsonName) in the SDK.",
    ],
    [
      "a member that became required",
      withSchema("MeterUsageRequest", (schema) => {
        schema[requiredCount] = 4;
      }),
      "MeterUsageRequest.UsageQuantity is optional here and required in the SDK.",
    ],
    [
      "one that is required no longer",
      withSchema("ResolveCustomerRequest", (schema) => {
        schema.length = requiredCount;
      }),
      "ResolveCustomerRequest.RegistrationToken is required here and optional in the SDK.",
    ],
    [
      "another status",
      withSchema("InvalidLicenseException", (schema) => {
        schema[3] = { error: "client", httpError: 403 };
      }),
      "InvalidLicenseException has status 400 here and 403 in the SDK.",
    ],
    [
      "another member of an error",
      withSchema("InvalidLicenseException", (schema) => {
        push(names, schema, "LicenseArn");
        push(schemas, schema, 0);
      }),
      "Member InvalidLicenseException.LicenseArn is new in the SDK.",
    ],
    [
      "another input",
      withSchema("MeterUsage", (schema) => {
        schema[4] = sdk.exports.RegisterUsageRequest$;
      }),
      "MeterUsage takes MeterUsageRequest here and RegisterUsageRequest in the SDK.",
    ],
    [
      "a new error",
      sdkContract({
        ...sdk,
        exports: {
          ...sdk.exports,
          New$: [-3, "com.amazonaws.marketplacemetering", "NewException", { error: "client" }, ["message"], [0]],
        },
      }),
      "Error NewException is new in the SDK.",
    ],
    [
      "a new operation",
      sdkContract({
        ...sdk,
        exports: {
          ...sdk.exports,
          New$: [9, "n", "NewUsage", 0, sdk.exports.MeterUsageRequest$, sdk.exports.MeterUsageResult$],
        },
      }),
      "Operation NewUsage is new in the SDK.",
    ],
    [
      "an error of one operation more",
      sdkContract({
        ...sdk,
        throws: new Map([
          ...sdk.throws,
          ["ResolveCustomer", new Set([...(sdk.throws.get("ResolveCustomer") ?? []), "InvalidTagException"])],
        ]),
      }),
      "ResolveCustomer throws InvalidTagException in the SDK, but not here.",
    ],
    [
      "documents without errors",
      sdkContract({ ...sdk, throws: new Map() }),
      "MeterUsage throws DuplicateRequestException here, but not in the SDK.",
    ],
    [
      "a new status of a record",
      sdkContract({
        ...sdk,
        exports: {
          ...sdk.exports,
          UsageRecordResultStatus: { S: "Success", C: "CustomerNotSubscribed", D: "DuplicateRecord", P: "Pending" },
        },
      }),
      "UsageRecordResultStatus has the value Pending in the SDK, but not here.",
    ],
    [
      "another protocol",
      sdkContract({ ...sdk, protocol: { ...sdk.protocol, protocol: "SmithyRpcV2CborProtocol" } }),
      "protocol is AwsJson1_1Protocol here and SmithyRpcV2CborProtocol in the SDK.",
    ],
  ])("%s", (_, theirs, sentence) => {
    expect(differencesWith(theirs)).toContain(sentence);
  });

  test("an InternalServiceErrorException that is the client's fault", () => {
    const theirs = withSchema("InternalServiceErrorException", (schema) => {
      schema[3] = { error: "client" };
    });
    expect(differencesWith(theirs)).toEqual([
      "InternalServiceErrorException has status 500 here and 400 in the SDK.",
      "InternalServiceErrorException is a server fault here and a client fault in the SDK.",
    ]);
  });

  test("our own table, changed", () => {
    const ours = ourContract();
    const errors = new Map(ours.errors);
    errors.delete("ExpiredTokenException");
    expect(differences({ ...ours, errors }, sdkContract(sdk), "the SDK")).toEqual([
      "Error ExpiredTokenException is new in the SDK.",
    ]);
    const none: Contract = { ...ours, operations: new Map(), structures: new Map(), errors: new Map() };
    expect(differences(none, sdkContract(sdk), "the SDK").length).toBeGreaterThan(30);
    expect(differences(ours, none, "the SDK").length).toBeGreaterThan(30);
  });
});

describe("a package of another build", () => {
  /** A copy of the installed package, one file changed. */
  async function readChanged(file: string, change: (text: string) => string) {
    const copy = mkdtempSync(join(tmpdir(), "meterhouse-sdk-test-"));
    try {
      for (const part of ["package.json", "dist-es", "dist-types/commands"]) {
        cpSync(join(folder, part), join(copy, part), { recursive: true });
      }
      writeFileSync(join(copy, file), change(readFileSync(join(copy, file), "utf8")));
      return await readSdk(copy);
    } finally {
      rmSync(copy, { recursive: true, force: true });
    }
  }

  test("schemas that import what is not installed here are read all the same", async () => {
    const changed = await readChanged("dist-es/schemas/schemas_0.js", (text) =>
      text.replace(
        'import { TypeRegistry } from "@smithy/core/schema";',
        'import { TypeRegistry, later as other } from "@smithy/next/schema";\nother.register(new other(TypeRegistry.for("x")));',
      ),
    );
    expect(differencesWith(sdkContract(changed))).toEqual([]);
  });

  test("a member that the file got is found", async () => {
    const changed = await readChanged("dist-es/schemas/schemas_0.js", (text) =>
      text.replace(
        "[_CI, _PC, _CAWSAI, _LA],\n    [0, 0, 0, 0]",
        '[_CI, _PC, _CAWSAI, _LA, "OfferId"],\n    [0, 0, 0, 0, 0]',
      ),
    );
    expect(differencesWith(sdkContract(changed))).toEqual(["Member ResolveCustomerResult.OfferId is new in the SDK."]);
  });

  test("imports in an unknown form are no silent pass", async () => {
    const change = (text: string) => `import * as everything from "somewhere";\n${text}`;
    await expect(readChanged("dist-es/schemas/schemas_0.js", change)).rejects.toThrow("schemas_0.js");
  });

  test("a configuration in another form is a difference, not a pass", async () => {
    const changed = await readChanged("dist-es/runtimeConfig.shared.js", (text) =>
      text.replaceAll("AWSMP", "AWSMP2").replace("protocol:", "wire:"),
    );
    expect(differencesWith(sdkContract(changed))).toEqual([
      "protocol is AwsJson1_1Protocol here and not found in the SDK.",
      "serviceTarget is AWSMPMeteringService here and AWSMP2MeteringService in the SDK.",
    ]);
  });
});
