/** The catalogue's port over plain maps: what tests of its callers need, without an engine. */
import type { Account, Agreement, Credential, Entitlement, Product, RegistrationToken } from "../../src/api/types.ts";
import type { Catalog, CatalogChange } from "../../src/store/catalog.ts";

export class MemoryCatalog implements Catalog {
  version = 0;
  readonly tokens = new Map<string, RegistrationToken>();
  readonly #accounts = new Map<string, Account>();
  readonly #credentials = new Map<string, Credential>();
  readonly #products = new Map<string, Product>();
  readonly #agreements = new Map<string, Agreement>();
  readonly #entitlements = new Map<string, Entitlement>();
  #settings: Readonly<Record<string, unknown>> = {};

  account(id: string): Account | undefined {
    return this.#accounts.get(id);
  }

  accountByCustomerIdentifier(customerIdentifier: string): Account | undefined {
    return [...this.#accounts.values()].find((row) => row.customerIdentifier === customerIdentifier);
  }

  credential(accessKeyId: string): Credential | undefined {
    return this.#credentials.get(accessKeyId);
  }

  product(code: string): Product | undefined {
    return this.#products.get(code);
  }

  agreements(productCode: string, buyerAccountId: string): readonly Agreement[] {
    return [...this.#agreements.values()]
      .filter((row) => row.productCode === productCode && row.buyerAccountId === buyerAccountId)
      .toSorted((a, b) => a.acceptedAt - b.acceptedAt);
  }

  agreement(id: string): Agreement | undefined {
    return this.#agreements.get(id);
  }

  agreementByLicense(licenseTail: string): Agreement | undefined {
    return [...this.#agreements.values()]
      .toSorted((a, b) => a.acceptedAt - b.acceptedAt)
      .findLast((row) => row.licenseArn?.endsWith(licenseTail));
  }

  token(hash: string): RegistrationToken | undefined {
    return this.tokens.get(hash);
  }

  entitlements(productCode: string): readonly Entitlement[] {
    return [...this.#entitlements.values()].filter((row) => row.productCode === productCode);
  }

  settings(): Readonly<Record<string, unknown>> {
    return this.#settings;
  }

  all(): ReturnType<Catalog["all"]> {
    return {
      accounts: [...this.#accounts.values()],
      credentials: [...this.#credentials.values()],
      products: [...this.#products.values()],
      agreements: [...this.#agreements.values()],
      entitlements: [...this.#entitlements.values()],
    };
  }

  async apply(change: CatalogChange): Promise<void> {
    // As an engine does: rows come back as fresh objects, and what JSON cannot hold is lost.
    const rows: CatalogChange = JSON.parse(JSON.stringify(change));
    for (const row of rows.accounts ?? []) this.#accounts.set(row.id, row);
    for (const row of rows.credentials ?? []) this.#credentials.set(row.accessKeyId, row);
    for (const row of rows.products ?? []) this.#products.set(row.code, row);
    for (const row of rows.agreements ?? []) this.#agreements.set(row.id, row);
    for (const row of rows.tokens ?? []) this.tokens.set(row.hash, row);
    for (const row of rows.entitlements ?? []) {
      const key = [row.productCode, row.buyerAccountId, row.dimension, row.licenseArn ?? ""];
      this.#entitlements.set(JSON.stringify(key), row);
    }
    if (rows.settings !== undefined) this.#settings = rows.settings;
    this.version += 1;
  }
}
