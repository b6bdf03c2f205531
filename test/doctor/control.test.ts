/** The doctor behind the control plane, and the calls that only memory holds. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { checks } from "../../src/doctor/checks/index.ts";
import { TooManyRecordsError } from "../../src/doctor/checks/tooMany.ts";
import type { Check, Finding, UntracedCall } from "../../src/doctor/observed.ts";
import { diagnoseStore } from "../../src/doctor/stored.ts";
import { createExchanges } from "../../src/protocol/exchanges.ts";
import { type Harness, startControl } from "../control/harness.ts";
import { buyers, keys, products, sellers, startAt, startSec, tokens } from "../support/catalog.ts";
import { startWire, type Wire, type WireCall } from "../support/wireClient.ts";

let wire: Wire;
beforeAll(async () => {
  wire = await startWire();
});
afterAll(() => wire?.close());

async function get(path: string, token = wire.meterhouse.adminToken) {
  const response = await fetch(`${wire.meterhouse.endpoint}/api/v1${path}`, {
    headers: { authorization: `Bearer ${token}` },
  });
  return { status: response.status, body: (await response.json()) as Readonly<Record<string, unknown>> };
}

const record = { Timestamp: startSec - 3_850, Dimension: "searches", CustomerAWSAccountId: buyers.alder.account };
const batch: WireCall = { request: { ProductCode: products.logs, UsageRecords: [{ ...record, Quantity: 5 }] } };

test("GET /doctor: the diagnosis, by filter", async () => {
  await wire.reset();
  await wire.call(batch);
  await wire.call({ operation: "ResolveCustomer", request: { RegistrationToken: tokens.vault1 } });
  const { status, body } = await get("/doctor");
  expect(status).toBe(200);
  expect(body).toMatchObject({ at: "2026-08-15T10:20:00.000Z", source: "audit-trail", calls: 2 });
  expect(body).toMatchObject({ from: body.at, to: body.at, checksRun: checks.map(({ name }) => name) });
  for (const [filter, calls] of [
    [`product=${products.logs}`, 1],
    [`account=${sellers.quayside}`, 2],
    [`account=${buyers.alder.account}`, 0],
    [`caller=arn:aws:iam::${sellers.quayside}:user/metering`, 2],
    ["from=2026-08-15T10:20:01Z", 0],
    ["to=2026-08-15T10:20:00Z", 2],
  ] as const) {
    expect((await get(`/doctor?${filter}`)).body, filter).toMatchObject({ calls });
  }
  expect((await get("/doctor?prodct=x")).status).toBe(422);
  expect((await get("/doctor?account=1")).status).toBe(422);
  expect((await get("/doctor", "nobody's")).status).toBe(401);
});

test("GET /doctor/checks: what it looks for", async () => {
  const { body } = await get("/doctor/checks");
  expect(body).toEqual({ items: checks.map(({ name, about }) => ({ name, about })) });
});

test("the document describes the answers", async () => {
  const finding = {
    ...{ check: "made-up", severity: "risk", productCode: "p", caller: "arn", title: "It happens.", fix: "Stop." },
    ...{ rules: ["K-1"], evidence: ["r1"], count: 1, quantities: { gb: 2 } },
  } satisfies Finding;
  const look = () => ({ see: () => undefined, findings: () => [finding] });
  const made: Harness = await startControl({
    diagnose: (filter) =>
      diagnoseStore({
        ...{ store: made.store, settings: made.settings(), now: made.clock.now(), filter },
        checks: [{ name: "made-up", about: "Made up.", look }],
      }),
  });
  try {
    // The harness holds each answer against the document.
    expect((await made.get("/doctor")).body).toMatchObject({ calls: 0, findings: [finding], checksRun: ["made-up"] });
    expect((await made.get("/doctor/checks")).status).toBe(200);
  } finally {
    await made.close();
  }
});

test("a trail of more than the doctor can hold is refused with what to ask instead", async () => {
  const error = new TooManyRecordsError("3 records");
  const made = await startControl({ diagnose: () => Promise.reject(error) });
  try {
    const { status, body } = await made.get("/doctor");
    expect(status).toBe(422);
    expect(body).toMatchObject({ detail: error.message });
    expect(error.message).toContain("a shorter time, one product");
  } finally {
    await made.close();
  }
});

/** What the checks are told of calls that left no trail. */
async function untracedOf(calls: readonly WireCall[], settings = {}): Promise<readonly UntracedCall[]> {
  const seen: UntracedCall[] = [];
  const spy: Check = {
    ...{ name: "spy", about: "Sees what left no trail." },
    look: () => ({ see: () => undefined, seeUntraced: (call) => void seen.push(call), findings: () => [] }),
  };
  const list = checks as Check[];
  await wire.reset(settings);
  for (const call of calls) await wire.call(call);
  list.push(spy);
  try {
    await wire.meterhouse.doctor();
    const all = seen.splice(0);
    await wire.meterhouse.doctor({ product: products.logs });
    expect(seen).toEqual([]);
    return all.slice(-calls.length);
  } finally {
    list.splice(list.indexOf(spy), 1);
  }
}

test("strangers: who, when, why, and nothing of the signature", async () => {
  const headers = { "user-agent": "stranger/1.0" };
  const [wrong, late, none] = await untracedOf([
    { ...batch, headers, sign: { wrongSecret: true } },
    { ...batch, headers, sign: { skewSeconds: -3_600 } },
    { ...batch, headers, sign: { form: "none" } },
  ]);
  expect(wrong).toMatchObject({
    ...{ operation: "BatchMeterUsage", region: "us-east-1", accessKeyId: keys.seller, userAgent: "stranger/1.0" },
    ...{ outcome: "InvalidSignatureException", bodyHash: late?.bodyHash },
  });
  expect(wrong?.bodyHash).toMatch(/^[0-9a-f]{64}$/);
  expect(Math.abs((wrong?.at ?? 0) - Date.now())).toBeLessThan(60_000);
  expect(Math.abs(wrong?.skewMs ?? 60_000)).toBeLessThan(60_000);
  expect(Math.abs((late?.skewMs ?? 0) + 3_600_000)).toBeLessThan(60_000);
  expect(none).toMatchObject({ outcome: "MissingAuthenticationTokenException", region: undefined });
  expect(none?.accessKeyId).toBeUndefined();
  for (const call of [wrong, late, none]) {
    expect(call?.errorMessage).not.toBe("");
    expect(JSON.stringify(call)).not.toMatch(/Signature=|session/i);
  }
});

test("throttled calls of callers who are known", async () => {
  const calls = Array.from({ length: 30 }, () => batch);
  const seen = await untracedOf(calls, { quotas: "aws" });
  const throttled = seen.filter(({ outcome }) => outcome === "ThrottlingException");
  expect(throttled.length).toBeGreaterThan(0);
  expect(throttled[0]).toMatchObject({ operation: "BatchMeterUsage", accessKeyId: keys.seller, region: "us-east-1" });
});

test("memory is bounded, strangers push out strangers alone, and what looks like a secret is not kept", () => {
  const exchanges = createExchanges(undefined, () => Date.parse(startAt));
  const request = (accessKeyId: string) => ({
    ...{ method: "POST", url: "/", isTooLarge: false, remoteAddress: undefined, body: Buffer.from("{}") },
    rawHeaders: [
      "Authorization",
      `AWS4-HMAC-SHA256 Credential=${accessKeyId}/20260815/us-east-1/aws-marketplace/aws4_request, Signature=abcdef`,
      "X-Amz-Date",
      "20260815T101000Z",
    ],
  });
  const answer = (name: string) => ({
    ...{ status: 400, headers: { "x-amzn-ErrorType": name } },
    body: JSON.stringify({
      __type: name,
      message: "Refused. Authorization=AWS4 Signature=abcdef\nx-amz-security-token:secret",
    }),
  });
  exchanges.keep("caller", request("AKIAEXAMPLE000000001"), answer("ThrottlingException"), true);
  exchanges.keep("fine", request("AKIAEXAMPLE000000001"), { status: 200, headers: {}, body: "{}" }, true);
  exchanges.keep("refused", request("AKIAEXAMPLE000000001"), answer("ValidationException"), true);
  const secret = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY01";
  for (let n = 0; n < 3_000; n += 1) {
    exchanges.keep(`s${n}`, request(secret), answer("UnrecognizedClientException"), false);
  }
  const kept = exchanges.untraced();
  expect(kept).toHaveLength(1_001);
  expect(kept.find(({ requestId }) => requestId === "caller")).toMatchObject({
    ...{ accessKeyId: "AKIAEXAMPLE000000001", skewMs: Date.parse("2026-08-15T10:10:00Z") - Date.parse(startAt) },
    ...{ errorMessage: "Refused.", operation: undefined },
  });
  expect(kept.some(({ requestId }) => requestId === "fine" || requestId === "refused" || requestId === "s0")).toBe(
    false,
  );
  expect(kept.some(({ requestId }) => requestId === "s2999")).toBe(true);
  for (const text of [secret, "abcdef", "security-token"]) expect(JSON.stringify(kept)).not.toContain(text);
  exchanges.clear();
  expect(exchanges.untraced()).toEqual([]);
});
