/** The catalogue in SQLite: written through to the file, read from memory. */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Account, Agreement, Credential, Entitlement, Product, RegistrationToken } from "../../api/types.ts";
import type { Catalog, CatalogChange } from "../catalog.ts";
import { credentialDocument, credentialOf, productDocument, productOf } from "../catalogDocuments.ts";
import { CatalogMemory } from "../catalogMemory.ts";
import type { Sealer } from "../sealer.ts";
import type { GroupCommit } from "./groupCommit.ts";

/** An upsert keeps the row, and with it seq: the order of first insertion. */
const upserts = {
  accounts: `INSERT INTO accounts (id, document) VALUES (?, ?)
    ON CONFLICT (id) DO UPDATE SET document = excluded.document`,
  credentials: `INSERT INTO credentials (access_key_id, account_id, document) VALUES (?, ?, ?)
    ON CONFLICT (access_key_id) DO UPDATE SET account_id = excluded.account_id, document = excluded.document`,
  products: `INSERT INTO products (code, document) VALUES (?, ?)
    ON CONFLICT (code) DO UPDATE SET document = excluded.document`,
  agreements: `INSERT INTO agreements (id, product_code, buyer_account_id, document) VALUES (?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET product_code = excluded.product_code,
      buyer_account_id = excluded.buyer_account_id, document = excluded.document`,
  tokens: `INSERT INTO registration_tokens (hash, resolved_at, document) VALUES (?, ?, ?)
    ON CONFLICT (hash) DO UPDATE SET resolved_at = excluded.resolved_at, document = excluded.document`,
  entitlements: `INSERT INTO entitlements (product_code, buyer_account_id, dimension, license, document)
    VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (product_code, buyer_account_id, dimension, license) DO UPDATE SET document = excluded.document`,
  meta: `INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
};

export class SqliteCatalog implements Catalog {
  readonly #database: DatabaseSync;
  readonly #commits: GroupCommit;
  readonly #sealer: Sealer;
  readonly #memory = new CatalogMemory();
  readonly #resolveToken: StatementSync;
  #version: number;

  /** Reads the whole catalogue. Throws when the sealer's key does not fit what was sealed. */
  constructor(database: DatabaseSync, commits: GroupCommit, sealer: Sealer) {
    this.#database = database;
    this.#commits = commits;
    this.#sealer = sealer;
    this.#resolveToken = database.prepare(
      "UPDATE registration_tokens SET resolved_at = ? WHERE hash = ? AND resolved_at IS NULL",
    );
    this.#version = Number(this.#meta("catalog-version") ?? 0);
    this.#load();
  }

  get version(): number {
    return this.#version;
  }

  account(id: string): Account | undefined {
    return this.#memory.accounts.get(id);
  }

  accountByCustomerIdentifier(customerIdentifier: string): Account | undefined {
    return this.#memory.accountsByCustomerIdentifier.get(customerIdentifier);
  }

  credential(accessKeyId: string): Credential | undefined {
    return this.#memory.credentials.get(accessKeyId);
  }

  product(code: string): Product | undefined {
    return this.#memory.products.get(code);
  }

  agreements(productCode: string, buyerAccountId: string): readonly Agreement[] {
    return this.#memory.agreementsOf(productCode, buyerAccountId);
  }

  agreement(id: string): Agreement | undefined {
    return this.#memory.agreements.get(id);
  }

  agreementByLicense(licenseTail: string): Agreement | undefined {
    return this.#memory.agreementByLicense(licenseTail);
  }

  token(hash: string): RegistrationToken | undefined {
    return this.#memory.tokens.get(hash);
  }

  entitlements(productCode: string): readonly Entitlement[] {
    return this.#memory.entitlementsOf(productCode);
  }

  settings(): Readonly<Record<string, unknown>> {
    return this.#memory.settings;
  }

  all(): ReturnType<Catalog["all"]> {
    return {
      accounts: [...this.#memory.accounts.values()],
      credentials: [...this.#memory.credentials.values()],
      products: [...this.#memory.products.values()],
      agreements: [...this.#memory.agreements.values()],
      entitlements: this.#memory.allEntitlements(),
    };
  }

  async apply(change: CatalogChange): Promise<void> {
    // A copy, by the same way as through the file: memory then holds what a restart would load, and a caller that goes
    // on changing its objects changes nothing here.
    const copy = JSON.parse(JSON.stringify(change)) as CatalogChange;
    const version = this.#version + 1;
    this.#commits.alone(() => {
      this.#write(copy);
      this.#database.prepare(upserts.meta).run("catalog-version", String(version));
    });
    this.#memory.put(copy);
    this.#version = version;
  }

  /**
   * Marks a token as resolved unless it is: was it before? undefined for an unknown token. Called inside a transaction;
   * `tokenResolved` follows its commit.
   */
  resolveToken(hash: string, at: number): boolean | undefined {
    if (this.#resolveToken.run(at, hash).changes === 1) return false;
    return this.#memory.tokens.has(hash) ? true : undefined;
  }

  /** Memory follows `resolveToken`. The version stays: what was decided on the token is settled by `resolveToken`. */
  tokenResolved(hash: string, resolvedAt: number): void {
    const token = this.#memory.tokens.get(hash);
    if (token !== undefined) this.#memory.tokens.set(hash, { ...token, resolvedAt });
  }

  /** Empties the catalogue's tables. Called inside a transaction; `forget` follows its commit. */
  clear(): void {
    this.#database.exec(
      "DELETE FROM accounts; DELETE FROM credentials; DELETE FROM products; DELETE FROM agreements; " +
        "DELETE FROM entitlements; DELETE FROM registration_tokens; DELETE FROM meta WHERE name = 'settings'",
    );
    this.#database.prepare(upserts.meta).run("catalog-version", String(this.#version + 1));
  }

  /** The version goes on from where it was: a decision that is still on its way must not pass as fresh. */
  forget(): void {
    this.#memory.clear();
    this.#version += 1;
  }

  #write(change: CatalogChange): void {
    const write = (sql: string, rows: readonly (readonly (string | number | null)[])[] = []): void => {
      if (rows.length === 0) return;
      const statement = this.#database.prepare(sql);
      for (const row of rows) statement.run(...row);
    };
    const sealer = this.#sealer;
    write(
      upserts.accounts,
      change.accounts?.map((row) => [row.id, JSON.stringify(row)]),
    );
    write(
      upserts.credentials,
      change.credentials?.map((row) => [row.accessKeyId, row.accountId, credentialDocument(sealer, row)]),
    );
    write(
      upserts.products,
      change.products?.map((row) => [row.code, productDocument(sealer, row)]),
    );
    write(
      upserts.agreements,
      change.agreements?.map((row) => [row.id, row.productCode, row.buyerAccountId, JSON.stringify(row)]),
    );
    write(
      upserts.tokens,
      change.tokens?.map(({ resolvedAt, ...row }) => [row.hash, resolvedAt ?? null, JSON.stringify(row)]),
    );
    write(
      upserts.entitlements,
      change.entitlements?.map((row) => [
        row.productCode,
        row.buyerAccountId,
        row.dimension,
        row.licenseArn ?? "",
        JSON.stringify(row),
      ]),
    );
    write(upserts.meta, change.settings && [["settings", JSON.stringify(change.settings)]]);
  }

  #load(): void {
    const settings = this.#meta("settings");
    this.#memory.put({
      accounts: this.#documents("accounts").map((text) => JSON.parse(text) as Account),
      credentials: this.#documents("credentials").map((text) => credentialOf(this.#sealer, text)),
      products: this.#documents("products").map((text) => productOf(this.#sealer, text)),
      agreements: this.#documents("agreements").map((text) => JSON.parse(text) as Agreement),
      entitlements: this.#documents("entitlements").map((text) => JSON.parse(text) as Entitlement),
      tokens: this.#database
        .prepare("SELECT resolved_at, document FROM registration_tokens ORDER BY seq")
        .all()
        .map(({ resolved_at: resolvedAt, document }) => ({
          ...(JSON.parse(String(document)) as RegistrationToken),
          ...(typeof resolvedAt === "number" ? { resolvedAt } : {}),
        })),
      ...(settings === undefined ? {} : { settings: JSON.parse(settings) as Record<string, unknown> }),
    });
  }

  #documents(table: "accounts" | "credentials" | "products" | "agreements" | "entitlements"): string[] {
    return this.#database
      .prepare(`SELECT document FROM ${table} ORDER BY seq`)
      .all()
      .map((row) => String(row.document));
  }

  #meta(name: string): string | undefined {
    const row = this.#database.prepare("SELECT value FROM meta WHERE name = ?").get(name);
    return row === undefined ? undefined : String(row.value);
  }
}
