import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { demoCatalog } from "../../src/catalog/demo.ts";
import { CatalogFileError, catalogText, checkCatalog, parseCatalog, readCatalog } from "../../src/catalog/file.ts";

function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(CatalogFileError);
    return (error as CatalogFileError).message;
  }
  throw new Error("The document was accepted");
}

const fault = (document: unknown): string => messageOf(() => checkCatalog(document, "doc"));
const LICENSE = "arn:aws:license-manager::123456789012:license:l-0000000000000000000000000abc0001";
const product = { code: "p1", seller: "111122223333", type: "saas-subscription" };
const agreement = { product: "p1", buyer: "444455556666", state: "active" };
const withProduct = (rest: object): object => ({ products: [product], ...rest });

describe("positions", () => {
  test("YAML: every problem with line, column and path", () => {
    const text = `accounts:
  - id: 12345
products:
  - code: p1
    seller: "111122223333"
    type: saas
    dimensons: [a]
  - code: p2
    type: ami-fcp
`;
    expect(messageOf(() => parseCatalog(text, "catalog.yaml")).split("\n")).toEqual([
      'catalog.yaml:2:5 accounts[0].id: "12345" is not an account id of 12 digits',
      'catalog.yaml:6:5 products[0].type: "saas" is not a product type; one of saas-subscription, saas-contract, saas-contract-with-consumption, ami-fcp, ami-hourly, container-fcp, container-hourly, container-byol, agentcore-fcp',
      "catalog.yaml:7:5 products[0].dimensons: unknown key; the keys here are code, entityId, title, seller, type, createdAt, concurrentAgreementsOnly, dimensions, entitlementDimensions, enabledRegions, publicKeys, registrationUrl",
      "catalog.yaml:8:5 products[1].seller: missing; expected text",
    ]);
  });

  test("JSON, tabs and all", () => {
    const text = '{\n\t"products": [\n\t\t{ "code": "p1", "seller": "111122223333",\n\t\t  "type": "none" }\n\t]\n}';
    expect(messageOf(() => parseCatalog(text, "catalog.json"))).toMatch(
      /^catalog\.json:4:5 products\[0\]\.type: "none"/,
    );
  });

  test("references, through an anchor and in a list", () => {
    const text = `agreements:
  - &one { product: nope, buyer: "444455556666", state: pending }
  - *one
credentials:
  - account: "111122223333"
    kind: ec2
    resource: i-1
    region: us-east-1
    products:
      - also-none
`;
    expect(messageOf(() => parseCatalog(text, "c.yaml")).split("\n")).toEqual([
      'c.yaml:10:9 credentials[0].products[0]: there is no product "also-none" in this document',
      'c.yaml:2:12 agreements[0].product: there is no product "nope" in this document',
      'c.yaml:2:12 agreements[1].product: there is no product "nope" in this document',
    ]);
  });

  test.each([
    ["a: 1\na: 2", "c.yaml:2:1: Map keys must be unique"],
    ["accounts: *gone", "c.yaml:1:11: there is no anchor &gone before it"],
    ["accounts: !mine []", "c.yaml:1:11: Unresolved tag: !mine"],
    ["accounts: [1", "c.yaml:1:13: Flow sequence in block collection must be sufficiently indented and end with a ]"],
    ["- 1", "c.yaml:1:1: expected a mapping, got a list"],
    ["just text", "c.yaml:1:1: expected a mapping, got text"],
  ])("syntax: %s", (text, message) => {
    expect(messageOf(() => parseCatalog(text, "c.yaml"))).toContain(message);
  });

  test("a document in memory has paths without lines", () => {
    expect(fault({ products: [{ ...product, code: "prod-abc" }] })).toBe(
      'doc products[0].code: "prod-abc" is not a product code (^[-a-zA-Z0-9/=:_.@]*$, 1 to 255, not a prod-… id)',
    );
  });

  test("a file that is not there", async () => {
    await expect(readCatalog("./no-such-catalog.yaml")).rejects.toThrow(
      "./no-such-catalog.yaml: there is no such file",
    );
  });
});

describe("forms that are accepted", () => {
  test("empty file and empty sections", () => {
    expect(parseCatalog("", "c.yaml")).toEqual({});
    expect(parseCatalog("products:\ntokens:\n", "c.yaml")).toEqual({});
  });

  test("digits without quotes keep their zeros", () => {
    const text =
      "accounts: [{ id: 012345678901 }]\nproducts: [{ code: 0123, seller: 012345678901, type: ami-fcp, dimensions: [{ name: a, price: 0.10 }] }]";
    expect(parseCatalog(text, "c.yaml")).toEqual({
      accounts: [{ id: "012345678901" }],
      products: [{ code: "0123", seller: "012345678901", type: "ami-fcp", dimensions: [{ name: "a", price: "0.10" }] }],
    });
  });

  test("a key that is not rotated may say so", () => {
    const document = { products: [{ ...product, publicKeys: [{ version: 1, rotatedAt: null }] }] };
    expect(checkCatalog(document, "doc")).toEqual(document);
  });

  test("a renewal that keeps its licence", () => {
    const document = withProduct({
      agreements: [
        { ...agreement, state: "ended", license: LICENSE },
        { ...agreement, license: LICENSE },
      ],
    });
    expect(checkCatalog(document, "doc")).toEqual(document);
  });

  test("the demo, as it is and as text", () => {
    const demo = demoCatalog();
    expect(checkCatalog(demo, "demo")).toEqual(demo);
    expect(parseCatalog(catalogText(demo, "yaml"), "demo.yaml")).toEqual(demo);
    expect(parseCatalog(catalogText(demo, "json"), "demo.json")).toEqual(demo);
  });

  test("the example of docs/catalog.md", () => {
    const page = readFileSync(new URL("../../docs/catalog.md", import.meta.url), "utf8");
    const example = /```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? "";
    expect(Object.keys(parseCatalog(example, "catalog.md"))).toEqual([
      "accounts",
      "credentials",
      "products",
      "agreements",
      "tokens",
      "entitlements",
      "settings",
    ]);
  });
});

describe("forms that are refused", () => {
  const user = { account: "111122223333", kind: "iam-user" };
  const dimensions = (entries: unknown): object => ({ products: [{ ...product, dimensions: entries }] });
  const times = `expected ISO-8601 with Z or an offset ("2026-08-15T10:20:00Z"), "now", "now-3h", "now+30d" (s, m, h, d), or epoch milliseconds`;
  test.each<[object, string]>([
    [
      { acounts: [] },
      "acounts: unknown key; the keys here are accounts, credentials, products, agreements, tokens, entitlements, settings",
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
      `entitlements[0].expires: undefined is not a time; ${times}`,
    ],
    [{ settings: [] }, "settings: expected a mapping of switches"],
    [{ settings: { nope: 1 } }, "settings.nope: unknown key"],
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
      { credentials: [{ ...workload, kind: "iam-user" }] },
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
      "products[0].publicKeys[0].privateKeyPem: expected an RSA key of at least 2048 bits, got 1024",
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
