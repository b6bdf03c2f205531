/**
 * The catalogue's port: accounts, credentials, products, agreements, registration tokens, entitlements, settings.
 * Reads are answered from memory and never wait; a write resolves after it is durable and visible to reads.
 */
import type { Account, Agreement, Credential, Entitlement, Product, RegistrationToken } from "../api/types.ts";

/** What one change writes, all or nothing. Absent lists write nothing. Rows replace rows of the same key. */
export interface CatalogChange {
  readonly accounts?: readonly Account[];
  readonly credentials?: readonly Credential[];
  readonly products?: readonly Product[];
  readonly agreements?: readonly Agreement[];
  readonly tokens?: readonly RegistrationToken[];
  readonly entitlements?: readonly Entitlement[];
  /** Switches that differ from their default, as JSON. The whole set: a switch that is not in it is back at its default. */
  readonly settings?: Readonly<Record<string, unknown>>;
}

export interface Catalog {
  /** Counts changes; what a decision rested on is compared with it at the claim. */
  readonly version: number;
  account(id: string): Account | undefined;
  accountByCustomerIdentifier(customerIdentifier: string): Account | undefined;
  credential(accessKeyId: string): Credential | undefined;
  product(code: string): Product | undefined;
  /** In order of acceptance. */
  agreements(productCode: string, buyerAccountId: string): readonly Agreement[];
  agreement(id: string): Agreement | undefined;
  /** By the `l-…` tail of the ARN (SPEC B-33). */
  agreementByLicense(licenseTail: string): Agreement | undefined;
  /** By SHA-256 of the value, lower-case hex. */
  token(hash: string): RegistrationToken | undefined;
  entitlements(productCode: string): readonly Entitlement[];
  settings(): Readonly<Record<string, unknown>>;
  all(): {
    readonly accounts: readonly Account[];
    readonly credentials: readonly Credential[];
    readonly products: readonly Product[];
    readonly agreements: readonly Agreement[];
    readonly entitlements: readonly Entitlement[];
  };
  apply(change: CatalogChange): Promise<void>;
}
