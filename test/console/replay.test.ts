/** Commands that make a call again, as the tools themselves take them. */
import { execFile, execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { BatchMeterUsageCommand, MarketplaceMeteringClient } from "@aws-sdk/client-marketplace-metering";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { demoAccounts, demoProducts, demoRoles } from "../../src/catalog/demo.ts";
import { commandOf, replayableOf } from "../../src/console/pages/request/replay.ts";
import type { OpenedCall } from "../../src/console/pages/request/types.ts";
import { type Meterhouse, startMeterhouse } from "../../src/index.ts";

const endpoint = "http://127.0.0.1:4016";
const odd = `it's "quoted" $HOME \`id\` \\ \n ü 😀`;
const members = {
  ProductCode: odd,
  UsageRecords: [
    {
      ...{ Timestamp: 1_786_789_200, Dimension: "gb", Quantity: 5, CustomerAWSAccountId: "444455556666" },
      UsageAllocations: [{ AllocatedUsageQuantity: 5, Tags: [{ Key: "team", Value: odd }] }],
    },
  ],
};
const folder = mkdtempSync(join(tmpdir(), "meterhouse-replay-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function opened(operation: string, body: string, more: Partial<OpenedCall> = {}): OpenedCall {
  return {
    call: { requestId: "r", at: "2026-08-15T10:20:00Z", outcome: "Success", operation, region: "eu-west-1" },
    isTraced: true,
    exchange: {
      request: { method: "POST", url: "/", headers: [], body },
      response: { status: 200, headers: [], body: "" },
    },
    ...more,
  };
}

function command(call: OpenedCall, language: Parameters<typeof commandOf>[1]): string {
  const replay = replayableOf(call, endpoint);
  if (replay === undefined) throw new Error("it cannot be replayed");
  return commandOf(replay, language);
}

/** The arguments that a shell makes of it. */
function shellArguments(text: string, env: Readonly<Record<string, string>> = {}): readonly string[] {
  const script = `aws() { for one in "$@"; do printf '%s\\0' "$one"; done; }\n${text}\n`;
  return execFileSync("/bin/sh", ["-c", script], { env, encoding: "utf8" }).split("\0").slice(0, -1);
}

describe("by the AWS CLI", () => {
  test("every character reaches the tool as it was sent", () => {
    const found = shellArguments(command(opened("BatchMeterUsage", JSON.stringify(members)), "cli"));
    expect(found.slice(0, -1)).toEqual([
      ...["meteringmarketplace", "batch-meter-usage", "--endpoint-url", endpoint],
      ...["--region", "eu-west-1", "--cli-input-json"],
    ]);
    expect(JSON.parse(found.at(-1) ?? "")).toEqual(members);
  });

  test("a registration token comes from the environment", () => {
    const body = JSON.stringify({ RegistrationToken: "HIDDEN_DUE_TO_SECURITY_REASONS" });
    const found = shellArguments(command(opened("ResolveCustomer", body), "cli"), { REGISTRATION_TOKEN: "a+b/c==" });
    expect(JSON.parse(found.at(-1) ?? "")).toEqual({ RegistrationToken: "a+b/c==" });
  });

  test("GetEntitlements is another service's", () => {
    const found = shellArguments(command(opened("GetEntitlements", '{"ProductCode":"p"}'), "cli"));
    expect(found.slice(0, 2)).toEqual(["marketplace-entitlement", "get-entitlements"]);
  });
});

const hasBoto3 = spawnSync("python3", ["-c", "import boto3"]).status === 0;
const hasCli = spawnSync("aws", ["--version"]).status === 0;

describe("against a server, a call made again is the same call", () => {
  let meterhouse: Meterhouse;
  let env: NodeJS.ProcessEnv;
  let recordId: string;
  let call: OpenedCall;

  beforeAll(async () => {
    meterhouse = await startMeterhouse({ now: "2026-08-15T10:20:00Z" });
    const key = meterhouse.credentials[demoRoles.seller];
    if (key === undefined) throw new Error("the demo has no seller's key");
    const { accessKeyId, secretAccessKey } = key;
    env = { ...process.env, AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey };
    const client = new MarketplaceMeteringClient({
      ...{ endpoint: meterhouse.endpoint, region: "us-east-1", credentials: { accessKeyId, secretAccessKey } },
    });
    const Tags = [{ Key: "team", Value: "a: b/c=d+e" }];
    const { Results, $metadata } = await client.send(
      new BatchMeterUsageCommand({
        ProductCode: demoProducts.legacySaas,
        UsageRecords: [
          {
            ...{ Timestamp: new Date("2026-08-15T09:10:11.250Z"), Dimension: "ingested_gb", Quantity: 7 },
            CustomerAWSAccountId: demoAccounts.buyer,
            UsageAllocations: [{ AllocatedUsageQuantity: 7, Tags }],
          },
        ],
      }),
    );
    recordId = String(Results?.[0]?.MeteringRecordId);
    const response = await fetch(`${meterhouse.endpoint}/api/v1/calls/${$metadata.requestId}`, {
      headers: { authorization: `Bearer ${meterhouse.adminToken}` },
    });
    call = { ...((await response.json()) as OpenedCall), isTraced: true };
  });
  afterAll(() => meterhouse.close());

  const run = async (file: string, args: readonly string[]): Promise<string> =>
    (await promisify(execFile)(file, [...args], { env, cwd: folder })).stdout;
  const written = (isExact: boolean, language: Parameters<typeof commandOf>[1]): string => {
    const { exchange: _, ...withoutBytes } = call;
    const replay = replayableOf(isExact ? call : withoutBytes, meterhouse.endpoint);
    expect(replay?.isExact).toBe(isExact);
    return replay === undefined ? "" : commandOf(replay, language);
  };

  // Told again from the trail when memory has let go of the bytes: it must come to the same record.
  for (const isExact of [true, false]) {
    const from = isExact ? "from the bytes" : "from the trail";
    test(`JavaScript, ${from}`, async () => {
      symlinkSync(join(import.meta.dirname, "../../node_modules"), join(folder, "node_modules"));
      const file = join(folder, "replay.mjs");
      writeFileSync(file, written(isExact, "javascript"));
      const out = await run(process.execPath, [file]);
      rmSync(join(folder, "node_modules"));
      expect(out).toContain("metadata");
      expect(await meterhouse.records()).toHaveLength(1);
      expect((await meterhouse.cloudTrail())[0]?.responseElements).toMatchObject({
        results: [{ meteringRecordId: recordId, status: "Success" }],
      });
    });
    test.skipIf(!hasBoto3)(`Python, ${from}`, async () => {
      expect(await run("python3", ["-c", written(isExact, "python")])).toContain(recordId);
    });
    test.skipIf(!hasCli)(`AWS CLI, ${from}`, async () => {
      expect(await run("/bin/sh", ["-c", written(isExact, "cli")])).toContain(recordId);
    });
  }
});
