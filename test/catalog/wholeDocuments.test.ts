import { readFileSync } from "node:fs";
import { beforeEach, expect, test } from "vitest";
import { demoAccounts, demoCatalog, demoProducts, demoRoles } from "../../src/catalog/demo.ts";
import { catalogText, exportCatalog, parseCatalog } from "../../src/catalog/file.ts";
import { MemoryCatalog } from "../support/memoryCatalog.ts";
import { loadInto, product } from "./documents.ts";

const NOW = Date.parse("2026-08-15T10:20:00Z");
const DAY = 24 * 3_600_000;

let catalog: MemoryCatalog;
beforeEach(() => {
  catalog = new MemoryCatalog();
});

const load = (document: object, now = NOW): ReturnType<typeof loadInto> => loadInto(catalog, document, now);

test("the demo: loads, keeps its secrets, and a second start writes nothing", async () => {
  await load(demoCatalog());
  expect(await load(demoCatalog(), NOW + 30 * DAY)).toEqual({});
  for (const accessKeyId of Object.values(demoRoles)) expect(catalog.credential(accessKeyId)).toBeDefined();
  for (const code of Object.values(demoProducts)) {
    const seller = code === demoProducts.foreign ? demoAccounts.otherSeller : demoAccounts.seller;
    expect(catalog.product(code)?.sellerAccountId).toBe(seller);
    const agreements = catalog.agreements(code, demoAccounts.buyer);
    expect(agreements.length).toBeGreaterThan(0);
    expect(agreements.every((row) => row.startedAt !== undefined && row.licenseArn !== undefined)).toBe(true);
  }
  expect(catalog.agreements(demoProducts.concurrentSaas, demoAccounts.buyer)).toHaveLength(2);
  const all = Object.values(demoProducts).flatMap((code) => catalog.agreements(code, demoAccounts.newBuyer));
  expect(all.map(({ startedAt }) => startedAt)).toEqual([undefined]);
});

test("the example of docs/catalog.md loads", async () => {
  const page = readFileSync(new URL("../../docs/catalog.md", import.meta.url), "utf8");
  const document = parseCatalog(/```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? "", "catalog.md");
  await load(document);
  expect(await load(document, NOW + DAY)).toEqual({});
  expect(catalog.settings()).toEqual({ "token.singleUse": true, quotas: "off" });
});

test("export and import", async () => {
  await load({ ...demoCatalog(), settings: { dryRun: "error" } });
  await load({
    products: [product],
    agreements: [
      {
        product: "p1",
        buyer: "444455556666",
        state: "ended",
        since: "now-2d",
        pendingAt: "now-1d",
        privateOffer: true,
        offer: "offer-1",
      },
    ],
  });
  const text = catalogText(exportCatalog(catalog, { secrets: true }), "yaml");
  const copy = new MemoryCatalog();
  await loadInto(copy, parseCatalog(text, "export.yaml"), NOW);
  expect(copy.all()).toEqual(catalog.all());
  expect(copy.settings()).toEqual(catalog.settings());
  expect(exportCatalog(copy, { secrets: true })).toEqual(exportCatalog(catalog, { secrets: true }));
});

test("without secrets unless asked; importing that changes nothing here", async () => {
  await load(demoCatalog());
  const exported = exportCatalog(catalog);
  expect(catalogText(exported, "json")).not.toMatch(/secretAccessKey|sessionToken|privateKeyPem/);
  expect(Object.keys(exported)).not.toContain("settings");
  expect(await load(exported, NOW + DAY)).toEqual({});
});
