/** RegisterUsage over the wire: how it is written, what its members may hold, and what it does (SPEC C.1, E). */
import { constants, createPublicKey, verify } from "node:crypto";
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, importSPKI, type JWTPayload, jwtVerify } from "jose";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Revision } from "../../src/api/types.ts";
import {
  buyers,
  type KeyName,
  keyRotatedAt,
  keys,
  launchedAt,
  logsEntityId,
  products,
  startSec,
} from "../support/catalog.ts";
import { constraintPath, membersOf, refusedValues, typePath, withValue, wrongValues } from "../support/shapes.ts";
import { expectError, startWire, type Wire, type WireCall, type WireReply } from "../support/wireClient.ts";

let wire: Wire;
beforeAll(async () => {
  wire = await startWire();
});
afterAll(() => wire.close());
beforeEach(() => wire.reset());

const revisions: readonly Revision[] = ["2026", "2024", "2021"];
type Fields = Readonly<Record<string, unknown>>;
const registration = (fields: Fields = {}): Fields => ({
  ProductCode: products.containerHourly,
  PublicKeyVersion: 2,
  Nonce: "n-1",
  ...fields,
});
const register = (request: unknown, call: WireCall = {}): Promise<WireReply> =>
  wire.call({ operation: "RegisterUsage", key: "ecs", request, ...call });

async function signatureOf(reply: Promise<WireReply>): Promise<string> {
  const { status, text, json } = await reply;
  expect(status, text).toBe(200);
  return String(json.Signature);
}
const claimsOf = async (reply: Promise<WireReply>): Promise<JWTPayload> => decodeJwt(await signatureOf(reply));
const workloads = () => wire.meterhouse.workloads();

describe("serialisation", () => {
  test("R-20, W-35: the answer is a compact JWS, alone", async () => {
    const reply = await register(registration());
    expect(Object.keys(reply.json)).toEqual(["Signature"]);
    const [header = "", payload = "", signature = "", ...rest] = String(reply.json.Signature).split(".");
    expect(rest).toEqual([]);
    expect(Buffer.from(header, "base64url").toString()).toBe('{"alg":"PS256","typ":"JWT"}');
    expect(header).toMatch(/^eyJhbGciOiJQUzI1Ni/);
    expect(signature).toMatch(/^[\w-]{342}$/);
    expect(JSON.parse(Buffer.from(payload, "base64url").toString())).toEqual({
      productCode: products.containerHourly,
      publicKeyVersion: 2,
      nonce: "n-1",
      iat: startSec,
    });
  });

  test("R-21, J-7: jwtClaims = both adds the names of the guide's text", async () => {
    await wire.reset({ jwtClaims: "both" });
    expect(await claimsOf(register(registration({ PublicKeyVersion: 1 })))).toEqual({
      productCode: products.containerHourly,
      ProductCode: products.containerHourly,
      publicKeyVersion: 1,
      PublicKeyVersion: 1,
      nonce: "n-1",
      Nonce: "n-1",
      publicKeyRotationTimestamp: Date.parse(keyRotatedAt) / 1_000,
      PublicKeyRotationTimestamp: Date.parse(keyRotatedAt) / 1_000,
      iat: startSec,
    });
  });

  test("R-22: no nonce, no claim; whatever nonce, the whole of it", async () => {
    const { Nonce: _, ...without } = registration();
    expect(await claimsOf(register(without))).not.toHaveProperty("nonce");
    expect(await claimsOf(register({ ...without, Nonce: null }))).not.toHaveProperty("nonce");
    for (const Nonce of ["", "x".repeat(255), "é 日本 😀", 'quote " backslash \\ \n \u0000', "\u2028\ud800", "a.b.c"]) {
      expect((await claimsOf(register(registration({ Nonce })))).nonce).toBe(Nonce);
    }
  });

  test("R-22, A.5: iat is the business clock, in whole seconds", async () => {
    await wire.reset({}, "2031-02-03T04:05:06.999Z");
    expect((await claimsOf(register(registration()))).iat).toBe(Date.parse("2031-02-03T04:05:06Z") / 1_000);
  });

  describe.each(revisions)("W-56: wrong types, revision %s", (revision) => {
    test.each(membersOf("RegisterUsage", revision).map((member) => [typePath(member.path), member] as const))(
      "%s",
      async (path, member) => {
        await wire.reset({ revision });
        for (const [value, words] of wrongValues(member.shape)) {
          expectError(
            await register(withValue(registration(), member.path, value)),
            "SerializationException",
            words,
            path,
          );
        }
        expect(workloads()).toEqual([]);
      },
    );
  });
});

describe("validation", () => {
  describe.each(revisions)("W-58, C.1: constraints, revision %s", (revision) => {
    test("R-23: the whole request passes: the operation is the same in all revisions", async () => {
      await wire.reset({ revision });
      await signatureOf(register(registration()));
    });

    test.each(membersOf("RegisterUsage", revision).map((member) => [typePath(member.path), member] as const))(
      "%s",
      async (_, member) => {
        await wire.reset({ revision });
        for (const [value, words] of refusedValues(member.shape)) {
          expectError(
            await register(withValue(registration(), member.path, value)),
            "ValidationException",
            words,
            `at '${constraintPath(member.path)}'`,
          );
        }
        if (!member.isRequired) return;
        for (const nothing of [undefined, null]) {
          expectError(
            await register(withValue(registration(), member.path, nothing)),
            "ValidationException",
            `Value null at '${constraintPath(member.path)}'`,
          );
        }
        expect(workloads()).toEqual([]);
      },
    );
  });

  test("C.1: which members are required", () => {
    for (const revision of revisions) {
      expect(membersOf("RegisterUsage", revision).map((member) => [typePath(member.path), member.isRequired])).toEqual([
        ["ProductCode", true],
        ["PublicKeyVersion", true],
        ["Nonce", false],
      ]);
    }
  });

  test("R-8: versions 0, below and beyond 32 bits", async () => {
    expectError(
      await register(registration({ PublicKeyVersion: 0 })),
      "ValidationException",
      "greater than or equal to 1",
    );
    expectError(
      await register(registration({ PublicKeyVersion: -1 })),
      "ValidationException",
      "greater than or equal to 1",
    );
    expectError(
      await register(registration({ PublicKeyVersion: 2_147_483_648 })),
      "SerializationException",
      "NUMBER_VALUE cannot be converted to Integer",
    );
    expectError(
      await register(registration({ PublicKeyVersion: 2_147_483_647 })),
      "InvalidPublicKeyVersionException",
      "2147483647",
    );
  });
});

describe("behaviour: the signature verifies", () => {
  test("R-23, R-24: with jose, by the key set of /.well-known/jwks.json", async () => {
    const keySet = createRemoteJWKSet(new URL("/.well-known/jwks.json", wire.meterhouse.endpoint));
    for (const version of [1, 2]) {
      const jwt = await signatureOf(register(registration({ PublicKeyVersion: version })));
      // The token names no key: as NGINX does, the verifier picks it by product and version.
      const kid = `${products.containerHourly}/${version}`;
      const { payload } = await jwtVerify(jwt, (header, token) => keySet({ ...header, kid }, token), {
        algorithms: ["PS256"],
      });
      expect(payload).toMatchObject({ productCode: products.containerHourly, publicKeyVersion: version, nonce: "n-1" });
      const other = `${products.containerHourly}/${3 - version}`;
      await expect(jwtVerify(jwt, (header, token) => keySet({ ...header, kid: other }, token))).rejects.toThrow(
        /signature/,
      );
    }
  });

  test("R-20, R-24: with node:crypto, by /keys/<code>/<version>.pem, salt of 32 bytes", async () => {
    for (const version of [1, 2]) {
      const jwt = await signatureOf(register(registration({ PublicKeyVersion: version })));
      const response = await fetch(`${wire.meterhouse.endpoint}/keys/${products.containerHourly}/${version}.pem`);
      expect(response.status).toBe(200);
      const pem = await response.text();
      expect(pem).toBe(wire.meterhouse.publicKey(products.containerHourly, version));
      expect(pem).toMatch(/^-----BEGIN PUBLIC KEY-----\n/);
      const key = createPublicKey(pem);
      expect(key.asymmetricKeyDetails?.modulusLength).toBe(2_048);
      const [header = "", payload = "", signature = ""] = jwt.split(".");
      const isGenuine = (padding: number, saltLength: number) =>
        verify(
          "sha256",
          Buffer.from(`${header}.${payload}`),
          { key, padding, saltLength },
          Buffer.from(signature, "base64url"),
        );
      expect(isGenuine(constants.RSA_PKCS1_PSS_PADDING, 32)).toBe(true);
      expect(isGenuine(constants.RSA_PKCS1_PSS_PADDING, 20)).toBe(false);
      await jwtVerify(jwt, await importSPKI(pem, "PS256"));
    }
  });

  test("R-23: a changed claim no longer verifies", async () => {
    const [header, payload = "", signature] = (await signatureOf(register(registration()))).split(".");
    const claims = JSON.parse(Buffer.from(payload, "base64url").toString()) as object;
    const forged = Buffer.from(JSON.stringify({ ...claims, nonce: "n-2" })).toString("base64url");
    const key = await importSPKI(wire.meterhouse.publicKey(products.containerHourly, 2), "PS256");
    await expect(jwtVerify(`${header}.${forged}.${signature}`, key)).rejects.toThrow(/signature/);
  });

  test("R-24: the published keys hold nothing private", async () => {
    const { keys: published } = (await (await fetch(`${wire.meterhouse.endpoint}/.well-known/jwks.json`)).json()) as {
      keys: Record<string, unknown>[];
    };
    expect(published.map((key) => key.kid).sort()).toEqual(
      [
        `${products.byol}/1`,
        `${products.containerHourly}/1`,
        `${products.containerHourly}/2`,
        `${products.otherHourly}/1`,
      ].sort(),
    );
    for (const key of published) expect(Object.keys(key).sort()).toEqual(["alg", "e", "kid", "kty", "n", "use"]);
  });

  test.each([
    "nothing/1.pem",
    `${products.containerHourly}/3.pem`,
    `${products.containerHourly}/0.pem`,
    `${products.containerHourly}/01.pem`,
    `${products.containerHourly}/1`,
    `${products.logs}/1.pem`,
  ])("R-24: there is no key at /keys/%s", async (path) => {
    const response = await fetch(`${wire.meterhouse.endpoint}/keys/${path}`);
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({
      detail: expect.stringContaining("/keys/<productCode>/<version>.pem"),
    });
  });
});

describe("behaviour: key versions", () => {
  test("R-9, W-35: a version that was rotated out signs, and says when", async () => {
    const reply = await register(registration({ PublicKeyVersion: 1 }));
    expect(reply.json.PublicKeyRotationTimestamp).toBe(Date.parse(keyRotatedAt) / 1_000);
    expect((await register(registration())).json).not.toHaveProperty("PublicKeyRotationTimestamp");
  });

  test("R-9: a rotation that lies ahead has not happened", async () => {
    await wire.reset({}, "2026-05-31T23:59:59Z");
    // The subscription is of July: its publisher needs none.
    const early = await register(registration({ PublicKeyVersion: 1 }), { key: "ecsSeller" });
    expect(early.json).toEqual({ Signature: expect.any(String) });
    expect(decodeJwt(String(early.json.Signature))).not.toHaveProperty("publicKeyRotationTimestamp");
    await wire.meterhouse.clock.set(keyRotatedAt);
    const later = await register(registration({ PublicKeyVersion: 1 }), { key: "ecsSeller" });
    expect(later.json).toHaveProperty("PublicKeyRotationTimestamp");
  });

  test("R-8: an unknown version, with those there are", async () => {
    const reply = await register(registration({ PublicKeyVersion: 3 }));
    expectError(reply, "InvalidPublicKeyVersionException", "3", products.containerHourly, "1, 2");
    expect(workloads()).toEqual([]);
  });
});

describe("behaviour: who may register", () => {
  test.each([
    ["container-hourly", products.containerHourly, true],
    ["container-byol (C-16)", products.byol, true],
    ["container-fcp", products.container, false],
    ["ami-fcp", products.ami, false],
    ["saas-subscription", products.logs, false],
    ["agentcore-fcp", products.agent, false],
  ])("C-15, C-19: products of type %s", async (_, ProductCode, isAccepted) => {
    const reply = await register(registration({ ProductCode, PublicKeyVersion: 1 }));
    if (isAccepted) expect(decodeProtectedHeader(String(reply.json.Signature)).alg).toBe("PS256");
    else expectError(reply, "InvalidProductCodeException", ProductCode, "RegisterUsage");
  });

  test("R-7, K-9: codes that are none", async () => {
    expectError(
      await register(registration({ ProductCode: "nothing" })),
      "InvalidProductCodeException",
      "'nothing'",
      "no product has this code",
    );
    expectError(
      await register(registration({ ProductCode: logsEntityId })),
      "InvalidProductCodeException",
      "catalogue id",
    );
  });

  test("R-7: an image of another product", async () => {
    const reply = await register(registration(), { key: "ecsToll" });
    expectError(
      reply,
      "InvalidProductCodeException",
      products.containerHourly,
      "task/c/aaaa3",
      products.otherHourly,
      "Send the code of the product whose image runs",
    );
    await signatureOf(
      register(registration({ ProductCode: products.otherHourly, PublicKeyVersion: 1 }), { key: "ecsToll" }),
    );
  });

  test.each([
    ["ecs", undefined],
    ["eks", undefined],
    ["ec2", "ec2"],
    ["podIdentity", "eks-pod-identity"],
    ["agent", "agentcore"],
    ["laptop", "iam-user"],
    ["role", "assumed-role"],
  ] as const)("R-1, R-2: key %s", async (key: KeyName, kind) => {
    const reply = await register(registration(), { key });
    if (kind === undefined) expect(reply.status, reply.text).toBe(200);
    else expectError(reply, "PlatformNotSupportedException", kind, "ECS task", "EKS pod");
  });

  test("R-3: the endpoint's Region is the task's", async () => {
    expectError(
      await register(registration(), { region: "eu-west-1" }),
      "InvalidRegionException",
      "runs in us-east-1",
      "the endpoint is in eu-west-1",
      "metadata",
    );
    await wire.reset({ enforceRegions: false });
    expectError(await register(registration(), { region: "eu-west-1" }), "InvalidRegionException");
  });

  test("R-16, L-1, L-5: the 17 Regions", async () => {
    for (const region of ["eu-central-2", "us-gov-west-1", "cn-northwest-1", "ap-northeast-3"]) {
      expectError(
        await register(registration(), { region }),
        "DisabledApiException",
        `not offered in ${region}`,
        "us-east-1",
      );
    }
    await wire.reset({ enforceRegions: false });
    await signatureOf(register(registration(), { key: "ecsZurich", region: "eu-central-2" }));
  });

  test("R-4, J-8: without a subscription, on the first call", async () => {
    const reply = await register(registration(), { key: "ecsHazel" });
    expectError(
      reply,
      "CustomerNotEntitledException",
      buyers.hazel.account,
      products.containerHourly,
      "The container should exit",
    );
    expect(workloads()).toEqual([]);
    await wire.meterhouse.marketplace.purchase({ product: products.containerHourly, customer: buyers.hazel.account });
    await signatureOf(register(registration(), { key: "ecsHazel" }));
  });

  test("R-5: later calls of the task go on, also after unsubscription or suspension; other tasks do not start", async () => {
    const { marketplace } = wire.meterhouse;
    await signatureOf(register(registration()));
    await marketplace.unsubscribeSuccess({ product: products.containerHourly, customer: buyers.alder.account });
    await marketplace.suspendAccount({ account: buyers.alder.account });
    await signatureOf(register(registration({ Nonce: "n-2" })));
    expectError(await register(registration(), { key: "ecsOther" }), "CustomerNotEntitledException", "suspended");
    // R-5, last part: bad parameters still have their own errors.
    expectError(await register(registration({ PublicKeyVersion: 3 })), "InvalidPublicKeyVersionException");
    expectError(await register(registration({ ProductCode: "nothing" })), "InvalidProductCodeException");
    // The task's registration is of one product.
    await marketplace.unsubscribeSuccess({ product: products.byol, customer: buyers.alder.account });
    expectError(
      await register(registration({ ProductCode: products.byol, PublicKeyVersion: 1 })),
      "CustomerNotEntitledException",
    );
  });

  test("R-15: the publisher's own account needs no subscription", async () => {
    await signatureOf(register(registration(), { key: "ecsSeller" }));
  });

  test("R-6: of two faults the earlier is told", async () => {
    const steps: readonly (readonly [string, string, Fields, WireCall])[] = [
      ["constraints", "ValidationException", { Nonce: "x".repeat(256) }, {}],
      ["product code", "InvalidProductCodeException", { ProductCode: "nothing" }, {}],
      ["Region", "InvalidRegionException", {}, { region: "eu-west-1" }],
      ["platform", "PlatformNotSupportedException", {}, { key: "ec2" }],
      ["key version", "InvalidPublicKeyVersionException", { PublicKeyVersion: 3 }, {}],
      ["entitlement", "CustomerNotEntitledException", {}, { key: "ecsHazel" }],
    ];
    for (const [place, [name, error, fields, call]] of steps.entries()) {
      expectError(await register(registration(fields), call), error);
      for (const [later, , laterFields, laterCall] of steps.slice(place + 1)) {
        const reply = await register(registration({ ...laterFields, ...fields }), { ...laterCall, ...call });
        expect([name, later, reply.error]).toEqual([name, later, error]);
      }
    }
    expect(workloads()).toEqual([]);
  });
});

describe("behaviour: what is metered", () => {
  test("R-10, R-12: one stream a task and product, from its launch; the hours that are over are in the ledger", async () => {
    await signatureOf(register(registration()));
    await signatureOf(register(registration({ Nonce: "n-2" })));
    await signatureOf(register(registration(), { key: "ecsOther" }));
    expect(workloads()).toMatchObject([
      {
        productCode: products.containerHourly,
        accountId: buyers.alder.account,
        operation: "RegisterUsage",
        accessKeyId: keys.ecs,
        launchedAt: Date.parse(launchedAt),
        startedAt: startSec * 1_000,
      },
      { accessKeyId: keys.ecsOther },
    ]);
    expect(await wire.meterhouse.records()).toMatchObject(
      Array.from({ length: 2 }, () => ({ dimension: "RegisteredSeconds", quantity: 50 * 60 })),
    );
    expect(wire.meterhouse.billedSeconds({ accessKeyId: keys.ecs })).toEqual({
      total: 70 * 60,
      byHour: { "2026-08-15T09:00:00Z": 50 * 60, "2026-08-15T10:00:00Z": 20 * 60 },
    });
  });

  test("R-11: meteredFrom = registration", async () => {
    await wire.reset({ meteredFrom: "registration" });
    await signatureOf(register(registration()));
    await wire.meterhouse.clock.advance("90s");
    expect(wire.meterhouse.billedSeconds({ accessKeyId: keys.ecs }).total).toBe(90);
  });

  test("B-92, C-31: a call that failed on the way registers nothing, or is found again", async () => {
    wire.meterhouse.plan({ kind: "error", operation: "RegisterUsage" });
    expectError(await register(registration()), "InternalServiceErrorException");
    expect(workloads()).toEqual([]);
    wire.meterhouse.plan({ kind: "error", phase: "after-commit" });
    expectError(await register(registration()), "InternalServiceErrorException");
    await signatureOf(register(registration()));
    expect(workloads()).toHaveLength(1);
  });

  test("R-10: calls that race register one stream", async () => {
    await Promise.all(Array.from({ length: 8 }, () => signatureOf(register(registration()))));
    expect(workloads()).toHaveLength(1);
  });
});
