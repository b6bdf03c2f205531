import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Credential, KeyVersion, Product } from "../../src/api/types.ts";
import {
  decideRegisterUsage,
  type RegisterFacts,
  type RegisterRequest,
  registrationClaims,
  rotatedAt,
} from "../../src/rules/registerUsage.ts";
import {
  account,
  agreement,
  hourMs,
  now,
  product,
  productCode,
  refusal,
  sellerId,
  settings,
  without,
} from "./facts.ts";
import { expectOrder, task, workload, workloadFacts } from "./workloadFacts.ts";

const keys: readonly KeyVersion[] = [
  { version: 1, rotatedAt: now - 10 * hourMs, publicKeyPem: "public 1", privateKeyPem: "private 1" },
  { version: 2, publicKeyPem: "public 2", privateKeyPem: "private 2" },
];
const request: RegisterRequest = { ProductCode: productCode, PublicKeyVersion: 2 };

function facts(type: Product["type"] = "container-hourly", kind: Credential["kind"] = "ecs-task"): RegisterFacts {
  return { ...workloadFacts(type, kind), product: product({ type, keyVersions: keys }), isRegistered: false };
}
function errorOf(given: RegisterFacts, changed: Partial<RegisterRequest> = {}) {
  return refusal(() => decideRegisterUsage({ ...request, ...changed }, given, settings(), now))?.name;
}
const changed = (credential: Partial<Credential>) => (_: unknown, given: RegisterFacts) => ({
  facts: { credential: { ...given.credential, ...credential } },
});

describe("order of errors (R-6)", () => {
  const faults = [
    { rule: "R-7, unknown", error: "InvalidProductCodeException", spoil: () => ({ facts: { product: undefined } }) },
    { rule: "R-7, image", error: "InvalidProductCodeException", spoil: changed({ productCodes: ["another"] }) },
    { rule: "R-3", error: "InvalidRegionException", spoil: changed({ region: "eu-west-1" }) },
    { rule: "R-2", error: "PlatformNotSupportedException", spoil: changed({ kind: "ec2" }) },
    { rule: "R-8", error: "InvalidPublicKeyVersionException", spoil: () => ({ request: { PublicKeyVersion: 3 } }) },
    { rule: "R-4", error: "CustomerNotEntitledException", spoil: () => ({ facts: { agreements: [] } }) },
  ];

  test.each(["container-hourly", "container-byol"] as const)("R-6: %s", (type) => {
    for (const kind of ["ecs-task", "eks-irsa"] as const) {
      expectOrder(request, facts(type, kind), faults, (asked, given) => errorOf(given, asked));
    }
  });
});

describe("who may register", () => {
  const table: Readonly<Record<Credential["kind"], boolean>> = {
    "ecs-task": true,
    "eks-irsa": true,
    ec2: false,
    "iam-user": false,
    "assumed-role": false,
    "eks-pod-identity": false,
    agentcore: false,
  };
  test.each(Object.entries(table))("R-1, R-2: %s: %s", (kind, isAllowed) => {
    const found = errorOf(facts("container-hourly", kind as Credential["kind"]));
    expect(found).toBe(isAllowed ? undefined : "PlatformNotSupportedException");
  });

  test("R-1: a task's role without a task", () => {
    expect(errorOf({ ...facts(), credential: without(workload("ecs-task"), "resource") })).toBe(
      "PlatformNotSupportedException",
    );
  });

  test("R-7: the image of the task is of the product, or of any", () => {
    expect(
      errorOf({ ...facts(), credential: workload("ecs-task", { productCodes: ["x", productCode] }) }),
    ).toBeUndefined();
    expect(errorOf({ ...facts(), credential: workload("ecs-task", { productCodes: [] }) })).toBe(
      "InvalidProductCodeException",
    );
  });

  test("R-4, R-5: entitlement counts on the first call only; parameters count always", () => {
    const gone = { ...facts(), agreements: [agreement({ endedAt: now - 1 })] };
    expect(errorOf(gone)).toBe("CustomerNotEntitledException");
    expect(errorOf({ ...gone, isRegistered: true })).toBeUndefined();
    expect(errorOf({ ...gone, isRegistered: true }, { PublicKeyVersion: 9 })).toBe("InvalidPublicKeyVersionException");
    expect(errorOf({ ...facts(), buyer: account({ suspended: true }) })).toBe("CustomerNotEntitledException");
  });

  test("R-15: the publisher's own tasks need no subscription", () => {
    const own = {
      ...facts(),
      agreements: [],
      buyer: undefined,
      credential: workload("ecs-task", { accountId: sellerId }),
    };
    expect(errorOf(own)).toBeUndefined();
  });
});

describe("the key version", () => {
  test("R-9, R-25: a version that was rotated out still signs", () => {
    const decision = decideRegisterUsage({ ...request, PublicKeyVersion: 1 }, facts(), settings(), now);
    expect(decision).toMatchObject({ keyVersion: { version: 1 }, resource: task });
  });

  test("R-8: the refusal says which versions there are", () => {
    const found = refusal(() => decideRegisterUsage({ ...request, PublicKeyVersion: 7 }, facts(), settings(), now));
    expect(found?.message).toContain("1, 2");
  });

  test("R-9: rotation counts from its instant on", () => {
    const key = (at: number): KeyVersion => ({ version: 1, rotatedAt: at, publicKeyPem: "", privateKeyPem: "" });
    expect(rotatedAt(key(now), now)).toBe(now);
    expect(rotatedAt(key(now + 1), now)).toBeUndefined();
    expect(rotatedAt(keys[1] as KeyVersion, now)).toBeUndefined();
  });
});

describe("claims of the JWT (R-21, R-22)", () => {
  const nonce = fc.option(fc.string({ maxLength: 255 }), { nil: undefined });

  test("R-21, R-22: camelCase, the nonce as it was sent or not at all, whole seconds, nothing more", () => {
    fc.assert(
      fc.property(nonce, fc.constantFrom(...keys), fc.integer({ min: now, max: now + 999 }), (given, key, at) => {
        const asked = { ...request, ...(given === undefined ? {} : { Nonce: given }) };
        expect(registrationClaims(asked, key, settings(), at)).toEqual({
          productCode,
          publicKeyVersion: key.version,
          ...(given === undefined ? {} : { nonce: given }),
          ...(key.rotatedAt === undefined ? {} : { publicKeyRotationTimestamp: key.rotatedAt / 1_000 }),
          iat: now / 1_000,
        });
      }),
    );
  });

  test("J-7: jwtClaims = both says each claim in both spellings, and iat once", () => {
    const claims = registrationClaims(
      { ...request, Nonce: "n-1" },
      keys[0] as KeyVersion,
      settings({ jwtClaims: "both" }),
      now,
    );
    expect(Object.keys(claims).toSorted()).toEqual([
      "Nonce",
      "ProductCode",
      "PublicKeyRotationTimestamp",
      "PublicKeyVersion",
      "iat",
      "nonce",
      "productCode",
      "publicKeyRotationTimestamp",
      "publicKeyVersion",
    ]);
    expect(claims.ProductCode).toBe(claims.productCode);
  });
});
