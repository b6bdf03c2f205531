import { describe, expect, test } from "vitest";
import { parseCatalog } from "../../src/catalog/file.ts";
import { agreement, fault, messageOf, product } from "./documents.ts";

describe("forms that are refused", () => {
  const user = { account: "111122223333", kind: "iam-user" };
  const dimensions = (entries: unknown): object => ({ products: [{ ...product, dimensions: entries }] });
  const times = `expected ISO-8601 with Z or an offset ("2026-08-15T10:20:00Z"), "now", "now-3h", "now+30d" (s, m, h, d), or epoch milliseconds`;
  test.each<[object, string]>([
    [
      { acounts: [] },
      "acounts: unknown key; the keys here are accounts, credentials, products, agreements, tokens, entitlements, offers, roles, workloads, notificationTargets, settings",
    ],
    [{ accounts: {} }, "accounts: expected a list, got a mapping"],
    [{ accounts: [{ id: 111122223333 }] }, "accounts[0].id: expected text, got a number; write it in quotes"],
    [
      { accounts: [{ id: "111122223333", suspended: "no" }] },
      "accounts[0].suspended: expected true or false, got text",
    ],
    [
      { accounts: [{ id: "111122223333", customerIdentifier: "a b" }] },
      'accounts[0].customerIdentifier: "a b" is not a CustomerIdentifier of letters and digits',
    ],
    [
      { accounts: [{ id: "111122223333", partition: "gcp" }] },
      'accounts[0].partition: "gcp" is not a partition such as aws or aws-cn',
    ],
    [
      { credentials: [{ ...user, kind: "user" }] },
      'credentials[0].kind: "user" is not a kind of credential; one of iam-user, assumed-role, ec2, ecs-task, eks-irsa, eks-pod-identity, agentcore',
    ],
    [
      { credentials: [{ account: "111122223333" }] },
      "credentials[0].kind: missing; expected a kind of credential, one of iam-user",
    ],
    [
      { credentials: [{ ...user, accessKeyId: "AK/1" }] },
      'credentials[0].accessKeyId: "AK/1" is not an access key id of 1 to 128 letters, digits and underscores',
    ],
    [
      { credentials: [{ ...user, secretAccessKey: "top secret" }] },
      "credentials[0].secretAccessKey: not a secret access key: 1 or more characters without blanks",
    ],
    [
      { credentials: [{ ...user, sessionToken: "" }] },
      "credentials[0].sessionToken: not a session token: 1 or more characters without blanks",
    ],
    [
      { credentials: [{ ...user, allow: ["everything"] }] },
      'credentials[0].allow[0]: "everything" is not an IAM action pattern such as "aws-marketplace:*"',
    ],
    [
      { credentials: [{ ...user, expiresAt: "tomorrow" }] },
      `credentials[0].expiresAt: "tomorrow" is not a time; ${times}`,
    ],
    [
      { credentials: [{ ...user, expiresAt: 1_786_000_000 }] },
      `credentials[0].expiresAt: 1786000000 looks like epoch seconds; ${times}`,
    ],
    [
      { credentials: [{ ...user, expiresAt: "2026-02-30T00:00:00Z" }] },
      `credentials[0].expiresAt: "2026-02-30T00:00:00Z" is not a time; ${times}`,
    ],
    [
      { credentials: [{ ...user, expiresAt: "2026-02-03T00:00:00" }] },
      `credentials[0].expiresAt: "2026-02-03T00:00:00" is not a time; ${times}`,
    ],
    [
      dimensions(["a-b"]),
      'products[0].dimensions[0]: "a-b" is not a dimension name of 1 to 15 letters, digits and underscores',
    ],
    [
      dimensions([{ name: "sixteen_letters_" }]),
      'products[0].dimensions[0].name: "sixteen_letters_" is not a dimension name of 1 to 15 letters, digits and underscores',
    ],
    [
      dimensions([{ name: "a", cost: 1 }]),
      "products[0].dimensions[0].cost: unknown key; the keys here are name, unit, price, description, addedAt",
    ],
    [dimensions([7]), "products[0].dimensions[0]: 7 is not a dimension; expected its name, or a mapping with name"],
    [
      dimensions([{ name: "a", price: "0.1234" }]),
      'products[0].dimensions[0].price: "0.1234" is not a price in USD with at most three decimal places',
    ],
    [
      dimensions([{ name: "a", price: -1 }]),
      "products[0].dimensions[0].price: -1 is not a price in USD with at most three decimal places",
    ],
    [{ products: [{ ...product, entityId: "abc" }] }, 'products[0].entityId: "abc" is not a product id (prod-…)'],
    [
      { products: [{ ...product, enabledRegions: ["US East"] }] },
      'products[0].enabledRegions[0]: "US East" is not a Region name such as us-east-1',
    ],
    [
      { products: [{ ...product, registrationUrl: "ftp://x.example" }] },
      'products[0].registrationUrl: "ftp://x.example" is not an http or https URL',
    ],
    [
      { products: [{ ...product, publicKeys: [{ version: 0 }] }] },
      "products[0].publicKeys[0].version: a key version is 1 or more",
    ],
    [
      { products: [{ ...product, publicKeys: [{ version: 1.5 }] }] },
      "products[0].publicKeys[0].version: expected a whole number, got a fraction",
    ],
    [{ agreements: [{ ...agreement, id: "a-1" }] }, 'agreements[0].id: "a-1" is not an agreement id (agmt-…)'],
    [
      { agreements: [{ ...agreement, state: "unsubscribed" }] },
      'agreements[0].state: "unsubscribed" is not a state of an agreement; one of pending, active, unsubscribe-pending, ended, payment-failed',
    ],
    [
      { agreements: [{ ...agreement, license: "l-1" }] },
      'agreements[0].license: "l-1" is not a licence ARN (arn:aws:license-manager::<12 digits>:license:l-<32 hex digits>)',
    ],
    [
      { tokens: [{ value: "", product: "p1", buyer: "444455556666" }] },
      "tokens[0].value: a registration token is not empty",
    ],
    [
      {
        entitlements: [
          { product: "p1", buyer: "444455556666", dimension: "users", value: { IntegerValue: 1.5 }, expires: "now" },
        ],
      },
      'entitlements[0].value: {"IntegerValue":1.5} is not a value; expected a number (whole numbers to 2147483647), text, true or false, or exactly one of IntegerValue, DoubleValue, BooleanValue, StringValue',
    ],
    [
      { entitlements: [{ product: "p1", buyer: "444455556666", dimension: "users", value: 1 }] },
      `entitlements[0].expires: missing; ${times}`,
    ],
    [{ settings: [] }, "settings: expected a mapping of switches"],
    [{ settings: { nope: 1 } }, "settings.nope: unknown key; the keys here are revision, lenientContentType, "],
    [{ settings: { revision: "2020" } }, "settings.revision: Invalid option"],
    [{ settings: { "token.ttlSec": "1h" } }, 'settings["token.ttlSec"]: expected a number, got text'],
    [
      { settings: { quotas: { default: { BatchMeterUsage: "10" } } } },
      "settings.quotas.default.BatchMeterUsage: expected a number, got text",
    ],
  ])("%j", (document, message) => {
    expect(fault(document)).toContain(`doc ${message}`);
  });

  test("secrets are not repeated", () => {
    const secret = "tell nobody";
    const message = fault({
      credentials: [{ ...user, secretAccessKey: secret, sessionToken: secret, accessKeyId: "AK1" }],
      products: [{ ...product, publicKeys: [{ version: 1, privateKeyPem: 7 }] }],
      tokens: [{ value: [secret], product: "p1", buyer: "444455556666" }],
    });
    expect(message.split("\n")).toHaveLength(4);
    expect(message).not.toContain(secret);
    const yaml = `credentials: [{ account: "111122223333", secretAccessKey: "${secret}" : `;
    expect(messageOf(() => parseCatalog(yaml, "c.yaml"))).not.toContain(secret);
  });
});
