/** Registered tasks at a whole server: clock, subscription, stop and restart around what they come to (SPEC E). */
import { generateKeyPairSync, verify as verifySignature } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRemoteJWKSet, decodeJwt, jwtVerify } from "jose";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { MeteringRecord } from "../../../src/api/types.ts";
import { buyers, type KeyName, keys, launchedAt, products } from "../../support/catalog.ts";
import { expectError, startWire, type Wire } from "../../support/wireClient.ts";
import { byHour, counted } from "./registrations.ts";

let dataDir: string;
let wire: Wire;

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), "meterhouse-registered-"));
  wire = await startWire({ dataDir });
});

afterEach(async () => {
  await wire.close();
  rmSync(dataDir, { recursive: true, force: true });
});

const code = products.containerHourly;
const launched = Date.parse(launchedAt);

async function register(key: KeyName = "ecs", fields: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const request = { ProductCode: code, PublicKeyVersion: 2, Nonce: "n-1", ...fields };
  const { status, text, json } = await wire.call({ operation: "RegisterUsage", key, request });
  expect(status, text).toBe(200);
  return String(json.Signature);
}

const recordsOf = async (key: KeyName): Promise<readonly MeteringRecord[]> => {
  const resource = wire.meterhouse.credentials[keys[key]]?.resource;
  return wire.meterhouse.records(resource === undefined ? {} : { resource });
};
const secondsOf = async (key: KeyName) => byHour(await recordsOf(key));

/** What the library says by the rules, in the spelling of `byHour`. */
const billed = (key: KeyName): Record<string, number> => {
  const hours = wire.meterhouse.billedSeconds({ accessKeyId: keys[key] }).byHour;
  return Object.fromEntries(Object.entries(hours).map(([hour, seconds]) => [new Date(hour).toISOString(), seconds]));
};

/** The same server on the same data, started anew where its clock stood. */
async function restart(): Promise<void> {
  const now = wire.meterhouse.clock.now();
  await wire.close();
  wire = await startWire({ dataDir, now });
}

describe("metering", () => {
  test("R-5, R-10: it goes on after the subscription ended, and repeat calls add nothing", async () => {
    await register();
    await wire.meterhouse.marketplace.unsubscribeSuccess({ product: code, customer: buyers.alder.account });
    await wire.meterhouse.clock.advance("2h");
    await register("ecs", { Nonce: "n-2" });
    await register("ecs");
    const stoppedAt = Date.parse("2026-08-15T13:30:30Z");
    await wire.meterhouse.clock.set(stoppedAt);
    await wire.meterhouse.marketplace.stopWorkload({ accessKeyId: keys.ecs });
    await wire.meterhouse.clock.advance("5h");
    expect(await secondsOf("ecs")).toEqual(counted(launched, stoppedAt));
    expect(billed("ecs")).toEqual(await secondsOf("ecs"));
    // One that was never let in is not let in now either.
    const refused = await wire.call({
      operation: "RegisterUsage",
      key: "ecsOther",
      request: { ProductCode: code, PublicKeyVersion: 2 },
    });
    expectError(refused, "CustomerNotEntitledException");
    expect(await recordsOf("ecsOther")).toEqual([]);
  });

  test("R-10: a restart in the middle, and a clock turned over days meanwhile", async () => {
    await register();
    await register("ecsOther");
    await wire.meterhouse.clock.advance("90m");
    await wire.meterhouse.records();
    await restart();
    await wire.meterhouse.clock.advance("3d");
    await restart();
    const now = wire.meterhouse.clock.now().getTime();
    expect(await secondsOf("ecs")).toEqual(counted(launched, now, now));
    await wire.meterhouse.marketplace.stopWorkload({ accessKeyId: keys.ecs });
    await restart();
    await wire.meterhouse.clock.advance("3h");
    expect(await secondsOf("ecs")).toEqual(counted(launched, now));
    expect(billed("ecs")).toEqual(await secondsOf("ecs"));
    expect(wire.meterhouse.billedSeconds({ accessKeyId: keys.ecs }).until).toBe(
      new Date(now).toISOString().replace(".000Z", "Z"),
    );
    expect(Object.keys(await secondsOf("ecsOther"))).toHaveLength(3 * 24 + 5);
  });

  test("R-15: the publisher's own task needs no subscription and bills nobody", async () => {
    await register("ecsSeller");
    await wire.meterhouse.clock.advance("1h");
    const records = await recordsOf("ecsSeller");
    expect(records.length).toBeGreaterThan(0);
    expect(records.every(({ billable, quantity }) => !billable && quantity > 0)).toBe(true);
  });

  test("R-10: a stop in the hour of the call is exact", async () => {
    await wire.meterhouse.clock.advance("10s");
    const stoppedAt = wire.meterhouse.clock.now().getTime();
    await register();
    await wire.meterhouse.marketplace.stopWorkload({ accessKeyId: keys.ecs });
    await wire.meterhouse.clock.advance("9h");
    expect(await secondsOf("ecs")).toEqual(counted(launched, stoppedAt));
  });

  test("reset leaves nothing to be metered", async () => {
    await register();
    await wire.meterhouse.clock.advance("30d");
    await wire.reset();
    await wire.meterhouse.clock.advance("3h");
    expect(await wire.meterhouse.records()).toEqual([]);
  });
});

describe("keys", () => {
  const admin = (path: string, body: unknown = {}): Promise<Response> =>
    fetch(`${wire.meterhouse.endpoint}/api/v1/products/${code}/key-versions${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${wire.meterhouse.adminToken}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });

  test("R-21: the same nonce gives the same claims again, but for iat", async () => {
    const first = decodeJwt(await register());
    await wire.meterhouse.clock.advance("61s");
    const second = decodeJwt(await register());
    expect(second).toEqual({ ...first, iat: (first.iat ?? 0) + 61 });
  });

  test("R-9, R-23, R-25: an imported key pair signs, before and after it is rotated out", async () => {
    const pair = generateKeyPairSync("rsa", { modulusLength: 3072 });
    const privateKeyPem = pair.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    expect((await admin("", { version: 5, privateKeyPem })).status).toBe(201);
    const verify = async (jwt: string): Promise<void> => {
      const keySet = createRemoteJWKSet(new URL("/.well-known/jwks.json", wire.meterhouse.endpoint));
      const kid = `${code}/5`;
      await jwtVerify(jwt, (header, token) => keySet({ ...header, kid }, token), { algorithms: ["PS256"] });
      const [head, payload, signature = ""] = jwt.split(".");
      // 6 = RSA_PKCS1_PSS_PADDING. The seller's code has the public key compiled in, and asks nobody for it.
      const key = { key: pair.publicKey, padding: 6, saltLength: 32 };
      const isGenuine = verifySignature(
        "sha256",
        Buffer.from(`${head}.${payload}`),
        key,
        Buffer.from(signature, "base64url"),
      );
      expect(isGenuine).toBe(true);
      const pem = await (await fetch(`${wire.meterhouse.endpoint}/keys/${code}/5.pem`)).text();
      expect(pem).toBe(pair.publicKey.export({ type: "spki", format: "pem" }).toString());
    };
    await verify(await register("ecs", { PublicKeyVersion: 5 }));
    expect((await admin("/5/rotate")).status).toBe(200);
    const rotatedSec = wire.meterhouse.clock.now().getTime() / 1_000;
    await wire.meterhouse.clock.advance("90d");
    await restart();
    const request = { ProductCode: code, PublicKeyVersion: 5, Nonce: "n-1" };
    const { json } = await wire.call({ operation: "RegisterUsage", key: "ecs", request });
    expect(json.PublicKeyRotationTimestamp).toBe(rotatedSec);
    expect(decodeJwt(String(json.Signature)).publicKeyRotationTimestamp).toBe(rotatedSec);
    await verify(String(json.Signature));
  });

  test("R-24: a key of 1024 bits is refused, and the refusal says why", async () => {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 1024 });
    const privateKeyPem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    const refused = await admin("", { privateKeyPem });
    expect(refused.status).toBe(422);
    expect(await refused.text()).toMatch(/at least 2048 bits, got 1024: JWT libraries refuse shorter ones/);
  });
});
