import { generateKeyPairSync } from "node:crypto";
import { describe, expect, test } from "vitest";
import { agreement, fault, LICENSE, product, withProduct } from "./documents.ts";

describe("documents that contradict themselves", () => {
  const workload = { account: "444455556666", kind: "ec2", resource: "i-1", region: "us-east-1" };
  const token = { value: "t", product: "p1", buyer: "444455556666" };
  const entitlement = { product: "p1", buyer: "444455556666", dimension: "users", value: 1, expires: "now+1d" };
  const contract = { ...product, entitlementDimensions: ["users"] };
  const pem = (type: "rsa" | "ec"): string => {
    const { privateKey } =
      type === "rsa"
        ? generateKeyPairSync("rsa", { modulusLength: 1024 })
        : generateKeyPairSync("ec", { namedCurve: "P-256" });
    return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  };
  const withKey = (privateKeyPem: string): object => ({
    products: [{ ...product, publicKeys: [{ version: 1, privateKeyPem }] }],
  });
  test.each<[string, object, string]>([
    [
      "account twice",
      { accounts: [{ id: "111122223333" }, { id: "111122223333", customerIdentifier: "x" }] },
      "accounts[1].id: account 111122223333 is there twice; first at accounts[0].id",
    ],
    [
      "CustomerIdentifier twice",
      {
        accounts: [
          { id: "111122223333", customerIdentifier: "x" },
          { id: "444455556666", customerIdentifier: "x" },
        ],
      },
      'accounts[1].customerIdentifier: CustomerIdentifier "x" is there twice; first at accounts[0].customerIdentifier',
    ],
    [
      "key id twice",
      {
        credentials: [
          { ...workload, accessKeyId: "AK1" },
          { ...workload, accessKeyId: "AK1" },
        ],
      },
      "credentials[1].accessKeyId: accessKeyId AK1 is there twice; first at credentials[0].accessKeyId",
    ],
    [
      "derived key id twice",
      { credentials: [workload, workload] },
      "credentials[1]: a credential of this account, kind and name without accessKeyId (give another name) is there twice; first at credentials[0]",
    ],
    [
      "workload without resource",
      { credentials: [{ account: "444455556666", kind: "ecs-task", region: "us-east-1" }] },
      "credentials[0].resource: missing; a credential of kind ecs-task needs it",
    ],
    [
      "workload without Region",
      { credentials: [{ account: "444455556666", kind: "ecs-task", resource: "t" }] },
      "credentials[0].region: missing; a credential of kind ecs-task needs it",
    ],
    [
      "user with resource",
      { credentials: [{ account: "444455556666", kind: "iam-user", resource: "i-1" }] },
      "credentials[0].resource: a credential of kind iam-user has no resource",
    ],
    [
      "stopped before launch",
      { credentials: [{ ...workload, launchedAt: "now-1h", stoppedAt: "now-2h" }] },
      "credentials[0].stoppedAt: is before launchedAt",
    ],
    [
      "workload of unknown product",
      { credentials: [{ ...workload, products: ["p2"] }] },
      'credentials[0].products[0]: there is no product "p2" in this document',
    ],
    [
      "product twice",
      { products: [product, product] },
      'products[1].code: product "p1" is there twice; first at products[0].code',
    ],
    [
      "entityId twice",
      {
        products: [
          { ...product, entityId: "prod-1" },
          { ...product, code: "p2", entityId: "prod-1" },
        ],
      },
      "products[1].entityId: entityId prod-1 is there twice; first at products[0].entityId",
    ],
    [
      "dimension twice",
      { products: [{ ...product, dimensions: ["a"], entitlementDimensions: [{ name: "a" }] }] },
      'products[0].entitlementDimensions[0].name: dimension "a" is there twice; first at products[0].dimensions[0]',
    ],
    [
      "25 dimensions",
      { products: [{ ...product, dimensions: Array.from({ length: 25 }, (_, index) => `d${index}`) }] },
      "products[0].dimensions[24]: a product has at most 24 dimensions",
    ],
    [
      "key version twice",
      { products: [{ ...product, publicKeys: [{ version: 1 }, { version: 1 }] }] },
      "products[0].publicKeys[1].version: key version 1 is there twice; first at products[0].publicKeys[0].version",
    ],
    [
      "key that is none",
      withKey("-----BEGIN"),
      "products[0].publicKeys[0].privateKeyPem: not a private key in PEM form without a passphrase",
    ],
    [
      "short key",
      withKey(pem("rsa")),
      "products[0].publicKeys[0].privateKeyPem: expected an RSA key of at least 2048 bits, got 1024: JWT libraries refuse shorter ones for PS256",
    ],
    ["key of another kind", withKey(pem("ec")), "products[0].publicKeys[0].privateKeyPem: expected an RSA key, got ec"],
    [
      "agreement of unknown product",
      { agreements: [agreement] },
      'agreements[0].product: there is no product "p1" in this document',
    ],
    [
      "agreement id twice",
      withProduct({
        agreements: [
          { ...agreement, id: "agmt-1" },
          { ...agreement, id: "agmt-1" },
        ],
      }),
      "agreements[1].id: agreement agmt-1 is there twice; first at agreements[0].id",
    ],
    [
      "licence twice",
      withProduct({
        agreements: [
          { ...agreement, license: LICENSE },
          { ...agreement, license: LICENSE },
        ],
      }),
      `agreements[1].license: licence ${LICENSE} is there twice; first at agreements[0].license`,
    ],
    [
      "licence of another buyer",
      withProduct({
        agreements: [
          { ...agreement, license: LICENSE, state: "ended" },
          { ...agreement, buyer: "777788889999", license: LICENSE },
        ],
      }),
      `agreements[1].license: licence ${LICENSE} is there twice; first at agreements[0].license`,
    ],
    [
      "pending with since",
      withProduct({ agreements: [{ ...agreement, state: "pending", since: "now" }] }),
      "agreements[0].since: an agreement in state pending has no since",
    ],
    [
      "active with endedAt",
      withProduct({ agreements: [{ ...agreement, endedAt: "now" }] }),
      "agreements[0].endedAt: an agreement in state active has no endedAt",
    ],
    [
      "ended before it began",
      withProduct({
        agreements: [{ ...agreement, state: "ended", since: "2026-08-02T00:00:00Z", endedAt: "2026-08-01T00:00:00Z" }],
      }),
      "agreements[0].endedAt: is before since",
    ],
    [
      "token twice",
      withProduct({ tokens: [token, token] }),
      "tokens[1].value: this token is there twice; first at tokens[0].value",
    ],
    ["token of unknown product", { tokens: [token] }, 'tokens[0].product: there is no product "p1" in this document'],
    [
      "token of unknown agreement",
      withProduct({ tokens: [{ ...token, agreement: "agmt-1" }] }),
      "tokens[0].agreement: there is no agreement agmt-1 in this document",
    ],
    [
      "token of unknown licence",
      withProduct({ tokens: [{ ...token, license: LICENSE }] }),
      `tokens[0].license: there is no agreement with licence ${LICENSE} in this document`,
    ],
    [
      "token with both",
      withProduct({
        agreements: [{ ...agreement, id: "agmt-1", license: LICENSE }],
        tokens: [{ ...token, agreement: "agmt-1", license: LICENSE }],
      }),
      "tokens[0].license: a token names an agreement or a license, not both",
    ],
    [
      "token of another's agreement",
      withProduct({
        agreements: [{ ...agreement, id: "agmt-1", buyer: "777788889999" }],
        tokens: [{ ...token, agreement: "agmt-1" }],
      }),
      'tokens[0].agreement: the agreement agmt-1 is of product "p1" and buyer 777788889999',
    ],
    [
      "entitlement twice",
      { products: [contract], entitlements: [entitlement, entitlement] },
      'entitlements[1]: the entitlement of 444455556666 to "users" of "p1" is there twice; first at entitlements[0]',
    ],
    [
      "entitlement of unknown product",
      { entitlements: [entitlement] },
      'entitlements[0].product: there is no product "p1" in this document',
    ],
    [
      "entitlement to unknown dimension",
      { products: [contract], entitlements: [{ ...entitlement, dimension: "seats" }] },
      'entitlements[0].dimension: product "p1" has no entitlement dimension "seats"; it has users',
    ],
    [
      "entitlement with another's licence",
      {
        products: [contract],
        agreements: [{ ...agreement, buyer: "777788889999", license: LICENSE }],
        entitlements: [{ ...entitlement, license: LICENSE }],
      },
      `entitlements[0].license: the agreement with licence ${LICENSE} is of product "p1" and buyer 777788889999`,
    ],
  ])("%s", (_, document, message) => {
    expect(fault(document)).toBe(`doc ${message}`);
  });
});
