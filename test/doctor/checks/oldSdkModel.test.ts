/** User agents as SDKs send them, against the versions in which their models got LicenseArn and ClientToken. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { oldSdkModel } from "../../../src/doctor/checks/oldSdkModel.ts";
import { isBefore, sdkModels, sdkOf } from "../../../src/doctor/checks/sdkModels.ts";
import { buyerAccount, lookAt, noon, observedBatch, observedMeter, productCode } from "../support.ts";

const captures = fileURLToPath(new URL("../../fixtures/captures", import.meta.url));
const agents = {
  boto3: "Boto3/1.26.27 Python/3.11.2 Linux/6.18 awscrt/1.0.0.dev0 Botocore/1.29.27",
  newBoto3: "Boto3/1.43.11 md/Botocore#1.43.11 ua/2.1 os/linux#6.18 lang/python#3.11.7 Botocore/1.43.11",
  js3: "aws-sdk-js/3.1137.0 ua/2.1 os/linux#6.18 lang/js md/nodejs#20.20.2 api/marketplace-metering#3.1137.0 m/N,E,g",
};

describe("which SDK it is", () => {
  const expected: Readonly<Record<string, string>> = {
    "awscli2-batch": "AWS CLI 2 2.9.19",
    "boto3-1.26.27-batch": "botocore 1.29.27",
    "boto3-1.43.11-batch": "botocore 1.43.11",
    "go1-1.44.133-batch": "AWS SDK for Go 1 1.44.133",
    "go2-1.17.1-batch": "AWS SDK for Go 2 1.13.21",
    "js2-2.1693.0-batch": "AWS SDK for JavaScript 2 2.1693.0",
    "js3-3.1138.0-batch": "AWS SDK for JavaScript 3 3.1137.0",
    "ruby3-1.70.0-core3.211.0-batch": "AWS SDK for Ruby 3 1.70.0",
  };
  const files = readdirSync(captures).filter((name) => /-batch\.BatchMeterUsage\.http$/.test(name));

  test("every client that was captured is known", () => {
    expect(files.map((name) => name.split(".BatchMeterUsage")[0]).toSorted()).toEqual(Object.keys(expected).toSorted());
  });

  test.each(files)("%s", (file) => {
    const agent = /^user-agent: (.*)$/im.exec(readFileSync(join(captures, file), "utf8"))?.[1]?.trim() ?? "";
    const sdk = sdkOf(agent);
    expect(`${sdk?.model.name} ${sdk?.version}`).toBe(expected[file.split(".BatchMeterUsage")[0] ?? ""]);
  });

  test.each([
    ["aws-cli/1.44.47 md/Botocore#1.42.57 ua/2.1", "botocore 1.42.57"],
    ["aws-cli/1.18.69 Python/3.8.10 Linux/5.4", "AWS CLI 1 1.18.69"],
    ["aws-sdk-java/2.42.2 md/io#async md/http#Apache ua/2.1", "AWS SDK for Java 2 2.42.2"],
    ["aws-sdk-java/1.12.797 Linux/5.10 OpenJDK", "AWS SDK for Java 1 1.12.797"],
    ["aws-sdk-rust/1.3.3 ua/2.1 api/marketplacemetering/1.98.0 os/linux lang/rust/1.90", "AWS SDK for Rust 1.98.0"],
    ["aws-sdk-kotlin/1.4.72 ua/2.1 api/marketplace-metering#1.4.72", "AWS SDK for Kotlin 1.4.72"],
  ])("%s", (agent, name) => {
    const sdk = sdkOf(agent);
    expect(`${sdk?.model.name} ${sdk?.version}`).toBe(name);
  });

  test.each(["", "curl/8.5", "aws-sdk-go-v2/1.41.0 ua/2.1 os/linux", "my-program/2.0 (aws-sdk)"])(
    "none: '%s'",
    (agent) => {
      expect(sdkOf(agent)).toBeUndefined();
    },
  );

  test("versions compare by number", () => {
    const from = "1.42.58";
    const versions = ["1.9.99", "1.42.57", "1.42.58", "1.42.100", "1.43.0", "2.0.0"];
    expect(versions.map((version) => isBefore(version, from))).toEqual([true, true, false, false, false, false]);
    expect(isBefore("99.0.0", "never")).toBe(true);
  });

  test("every row of the table says where it is from", () => {
    for (const { source, licenseArnFrom } of sdkModels) {
      expect(source.length).toBeGreaterThan(20);
      expect(licenseArnFrom).toMatch(/^(?:never|\d+\.\d+\.\d+)$/);
    }
  });
});

describe("old-sdk-model", () => {
  const needsLicense = (code: string) => code === productCode;
  const agreement = (from: number, to?: number) => ({
    productCode,
    buyerAccountId: buyerAccount,
    from: noon + from,
    ...(to === undefined ? {} : { to: noon + to }),
  });

  test("a product that is metered by licence only: a risk", () => {
    const call = observedBatch({ userAgent: agents.boto3 });
    expect(lookAt(oldSdkModel, [call, observedBatch({ userAgent: agents.boto3 })], { needsLicense })).toMatchObject([
      {
        severity: "risk",
        count: 2,
        productCode,
        title:
          "2 calls came from botocore 1.29.27, which cannot send LicenseArn; the product is metered by licence only.",
        fix: expect.stringContaining("1.42.58"),
      },
    ]);
  });

  test("a buyer with two agreements at once: advice", () => {
    const metered = [agreement(0), agreement(5)];
    expect(lookAt(oldSdkModel, [observedBatch({ userAgent: agents.boto3 })], { metered })).toMatchObject([
      { severity: "advice" },
    ]);
  });

  test("an SDK whose support has ended", () => {
    const call = observedBatch({ userAgent: "aws-sdk-nodejs/2.1693.0 linux/v20.20.2 promise" });
    expect(lookAt(oldSdkModel, [call], { needsLicense })).toMatchObject([
      { fix: expect.stringContaining("No version of AWS SDK for JavaScript 2") },
    ]);
  });

  test.each([
    ["a current boto3", { userAgent: agents.newBoto3 }],
    ["a current JavaScript SDK", { userAgent: agents.js3 }],
    ["an unknown program", { userAgent: "billing/1.0" }],
    [
      "a licence that was sent",
      { userAgent: agents.boto3, records: [{ licenseArn: "arn:aws:license-manager::1:license:l-1" }] },
    ],
    ["another product", { userAgent: agents.boto3, productCode: "another0product0000000001" }],
  ])("nothing: %s", (_, input) => {
    expect(lookAt(oldSdkModel, [observedBatch(input)], { needsLicense })).toEqual([]);
  });

  test.each([
    ["one agreement", [agreement(0)]],
    ["one after another", [agreement(0, 5), agreement(5)]],
    ["of two buyers", [agreement(0), { ...agreement(0), buyerAccountId: "999988887777" }]],
    ["none known", []],
  ])("nothing: %s", (_, metered) => {
    expect(lookAt(oldSdkModel, [observedBatch({ userAgent: agents.boto3 })], { metered })).toEqual([]);
  });

  describe("ClientToken", () => {
    const refused = (userAgent: string, member = "clientToken") =>
      observedMeter({
        userAgent,
        outcome: "ValidationException",
        errorMessage: `1 validation error detected: Value null at '${member}' failed to satisfy constraint`,
      });

    test("an AgentCore runtime whose SDK cannot send it", () => {
      expect(lookAt(oldSdkModel, [refused(agents.boto3)])).toMatchObject([
        { severity: "risk", title: expect.stringContaining("cannot send ClientToken") },
      ]);
    });

    test("nothing: one that could have, and another member", () => {
      expect(lookAt(oldSdkModel, [refused(agents.newBoto3), refused(agents.boto3, "timestamp")])).toEqual([]);
    });
  });
});
