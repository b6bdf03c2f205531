/** What the tests of catalogue documents share. */
import { expect } from "vitest";
import { CatalogFileError, catalogChange, checkCatalog } from "../../src/catalog/file.ts";
import type { CatalogChange } from "../../src/store/catalog.ts";
import type { MemoryCatalog } from "../support/memoryCatalog.ts";

export const LICENSE = "arn:aws:license-manager::123456789012:license:l-0000000000000000000000000abc0001";
export const product = { code: "p1", seller: "111122223333", type: "saas-subscription" };
export const agreement = { product: "p1", buyer: "444455556666", state: "active" };
export const withProduct = (rest: object): object => ({ products: [product], ...rest });

export function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(CatalogFileError);
    return (error as CatalogFileError).message;
  }
  throw new Error("The document was accepted");
}

/** The message for a document in memory, whose source is called `doc`. */
export function fault(document: unknown): string {
  return messageOf(() => checkCatalog(document, "doc"));
}

/** Checks, applies and returns the change. The wall clock is 7 ms ahead, so that the two cannot be mistaken. */
export async function loadInto(catalog: MemoryCatalog, document: object, now: number): Promise<CatalogChange> {
  const change = await catalogChange(checkCatalog(document, "doc"), { existing: catalog, now, wallNow: now + 7 });
  await catalog.apply(change);
  return change;
}
