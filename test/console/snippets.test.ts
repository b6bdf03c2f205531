/** Lines to paste: what a shell makes of them is what the operation takes. */
import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import type { ProductType } from "../../src/api/types.ts";
import { snippetsOf } from "../../src/console/pages/product/snippets.ts";
import type { ProductView } from "../../src/console/pages/product/types.ts";

function product(type: ProductType, more: Partial<ProductView> = {}): ProductView {
  return {
    code: "code1",
    entityId: "prod-1",
    title: "One",
    seller: "111122223333",
    type,
    createdAt: "2026-08-15T10:20:00.000Z",
    concurrentAgreementsOnly: false,
    enabledRegions: ["us-east-1"],
    dimensions: [{ name: "hosts", kind: "metered", addedAt: "2026-08-15T10:20:00.000Z" }],
    keyVersions: [1, 2],
    ...more,
  };
}

/** The arguments that a shell hands to `aws`. */
function argumentsOf(line: string): readonly string[] {
  const script = `aws() { printf '%s\\0' "$@"; }\nuuidgen() { echo 0f0f; }\n${line}`;
  return execFileSync("sh", ["-c", script], { encoding: "utf8" }).split("\0").slice(0, -1);
}

function calls(of: ProductView): readonly (readonly [string, string, unknown])[] {
  return snippetsOf(of, "cli").map(({ text }) => {
    const [service = "", operation = "", flag, json = ""] = argumentsOf(text);
    expect(flag).toBe("--cli-input-json");
    return [service, operation, JSON.parse(json)] as const;
  });
}

const seconds = expect.any(Number);

test("a shell reads the AWS CLI's lines as JSON with the time of the call", () => {
  expect(calls(product("saas-contract-with-consumption"))).toEqual([
    ["meteringmarketplace", "resolve-customer", { RegistrationToken: "TOKEN_FROM_THE_POST" }],
    [
      "meteringmarketplace",
      "batch-meter-usage",
      {
        ProductCode: "code1",
        UsageRecords: [
          { Timestamp: seconds, Dimension: "hosts", Quantity: 1, CustomerAWSAccountId: "BUYER_ACCOUNT_ID" },
        ],
      },
    ],
    ["marketplace-entitlement", "get-entitlements", { ProductCode: "code1" }],
  ]);
  expect(calls(product("agentcore-fcp"))).toEqual([
    [
      "meteringmarketplace",
      "meter-usage",
      { ProductCode: "code1", Timestamp: seconds, UsageDimension: "hosts", UsageQuantity: 1, ClientToken: "0f0f" },
    ],
  ]);
  expect(calls(product("container-hourly"))).toEqual([
    ["meteringmarketplace", "register-usage", { ProductCode: "code1", PublicKeyVersion: 2 }],
  ]);
});

test("products of concurrent agreements are metered by licence, without a product code", () => {
  const [, batch] = calls(product("saas-subscription", { concurrentAgreementsOnly: true }));
  expect(batch?.[2]).toEqual({
    UsageRecords: [
      {
        Timestamp: seconds,
        Dimension: "hosts",
        Quantity: 1,
        CustomerAWSAccountId: "BUYER_ACCOUNT_ID",
        LicenseArn: "LICENSE_ARN",
      },
    ],
  });
});

test("other languages make the time and the token by themselves", () => {
  const of = product("agentcore-fcp");
  expect(snippetsOf(of, "javascript")[0]?.text).toMatch(
    /Timestamp: new Date\(\),[\s\S]*ClientToken: crypto\.randomUUID/,
  );
  expect(snippetsOf(of, "python")[0]?.text).toMatch(
    /client\.meter_usage\([\s\S]*"Timestamp": datetime\.now\(timezone\.utc\)/,
  );
  expect(snippetsOf(product("ami-hourly"), "cli")).toEqual([]);
});
