import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { demoCatalog } from "../../src/catalog/demo.ts";
import { catalogText, checkCatalog, parseCatalog, readCatalog } from "../../src/catalog/file.ts";
import { agreement, fault, LICENSE, messageOf, product, withProduct } from "./documents.ts";

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
      "catalog.yaml:7:5 products[0].dimensons: unknown key; the keys here are code, entityId, title, seller, type, createdAt, concurrentAgreementsOnly, dimensions, entitlementDimensions, enabledRegions, publicKeys, registrationUrl, description, sendsSns",
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
