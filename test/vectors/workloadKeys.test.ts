/**
 * The cases of workloads, signed with credentials that the official SDK's default chain found by AWS's environment
 * variables alone: container credentials, IMDSv2, web identity. Nothing of the fixtures' keys is used.
 */
import { MarketplaceMeteringClient } from "@aws-sdk/client-marketplace-metering";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Meterhouse, startMeterhouse } from "../../src/index.ts";
import { createRunClock, createRunner, type Runner } from "../../vectors/runner.ts";
import type { SigningKey } from "../../vectors/sign.ts";
import { isObject, type Json, type JsonObject } from "../../vectors/values.ts";
import { publicFile } from "./harness.ts";

const kinds = {
  AKECSA: "ecs",
  AKECSB: "fargate",
  AKEKSA: "eks",
  AKEC2A: "ec2",
  AKEC2B: "ec2",
  AKAGENT: "agentcore",
} as const;
type Name = keyof typeof kinds;

function isName(name: Json | undefined): name is Name {
  return typeof name === "string" && Object.hasOwn(kinds, name);
}

/** Cases whose callers are all workloads of the table, and whose events and checks name no key of the fixtures. */
function isOfWorkloads(one: Json): one is JsonObject {
  if (!isObject(one) || !Array.isArray(one.steps)) return false;
  if (one.operation !== "MeterUsage" && one.operation !== "RegisterUsage") return false;
  return one.steps.every((step) => {
    if (!isObject(step)) return false;
    if (isObject(step.call)) return isName(step.call.creds) && step.call.operation === one.operation;
    return !JSON.stringify(step).includes('"creds"');
  });
}

const cases = publicFile.cases.filter(isOfWorkloads);
const clock = createRunClock();
let meterhouse: Meterhouse;
let runner: Runner;
/** Of this case: each starts with no workload. */
const keys = new Map<string, SigningKey>();
const used = new Set<string>();

/** The SDK's own default chain, in an environment that holds the workload's variables and no other of AWS's. */
async function chainKey(environment: Readonly<Record<string, string>>): Promise<SigningKey> {
  const saved = { ...process.env };
  for (const name of Object.keys(process.env)) if (name.startsWith("AWS_")) delete process.env[name];
  Object.assign(process.env, environment);
  try {
    const { accessKeyId, secretAccessKey, sessionToken } = await new MarketplaceMeteringClient({}).config.credentials();
    return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
  } finally {
    process.env = saved;
  }
}

async function keyOf(name: string): Promise<SigningKey | undefined> {
  if (!isName(name)) return undefined;
  const known = keys.get(name);
  if (known !== undefined) return known;
  const kind = kinds[name];
  const workload = await meterhouse.runWorkload({
    kind,
    account: "333333333333",
    region: "us-east-1",
    launchedAt: kind === "ec2" || kind === "agentcore" ? "2026-08-14T00:00:00Z" : "2026-08-15T10:10:00Z",
  });
  const key = await chainKey(workload.environment);
  keys.set(name, key);
  used.add(kind);
  return key;
}

beforeAll(async () => {
  meterhouse = await startMeterhouse({ wallClock: clock.now, rateClock: "business" });
  runner = createRunner(meterhouse, clock, keyOf);
});
afterAll(async () => {
  runner.close();
  await meterhouse.close();
});

describe("with credentials that a default chain found", () => {
  test.each(cases.map((one) => [String(one.id), String(one.title), one] as const))(
    "%s %s",
    async (_id, _title, one) => {
      keys.clear();
      expect((await runner.run(one, publicFile.fixtures, publicFile.defaults)).problem).toBeUndefined();
      expect(keys.size).toBeGreaterThan(0);
    },
  );

  test("each way was gone: container credentials, IMDSv2, web identity", () => {
    expect([...used].sort()).toEqual([...new Set(Object.values(kinds))].sort());
    expect(cases.length).toBeGreaterThan(30);
  });
});
