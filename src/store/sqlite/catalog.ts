/** The catalogue in SQLite: written through to the file, read from memory. */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type {
  Account,
  AdminToken,
  Agreement,
  ClockState,
  ControlEvent,
  Credential,
  Entitlement,
  NotificationTarget,
  Offer,
  Product,
  RegistrationToken,
  Role,
  Workload,
} from "../../api/types.ts";
import type { Catalog, CatalogChange } from "../catalog.ts";
import { CatalogMemory, roleKey } from "../catalogMemory.ts";
import type { Sealer } from "../sealer.ts";
import { CatalogRows } from "./catalogRows.ts";
import type { GroupCommit } from "./groupCommit.ts";
import type { SqliteOutbox } from "./outbox.ts";

const defaultEventLimit = 100;

export interface CatalogParts {
  readonly database: DatabaseSync;
  readonly commits: GroupCommit;
  readonly sealer: Sealer;
  readonly outbox: SqliteOutbox;
}

export class SqliteCatalog implements Catalog {
  readonly #commits: GroupCommit;
  readonly #outbox: SqliteOutbox;
  readonly #rows: CatalogRows;
  readonly #memory = new CatalogMemory();
  readonly #resolveToken: StatementSync;
  #version: number;

  /** Reads the whole catalogue. Throws when the sealer's key does not fit what was sealed. */
  constructor({ database, commits, sealer, outbox }: CatalogParts) {
    this.#commits = commits;
    this.#outbox = outbox;
    this.#rows = new CatalogRows(database, sealer);
    this.#resolveToken = database.prepare(
      "UPDATE registration_tokens SET resolved_at = ? WHERE hash = ? AND resolved_at IS NULL",
    );
    this.#version = this.#rows.version();
    this.#memory.put(this.#rows.load());
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

  registrationTokens(): readonly RegistrationToken[] {
    return [...this.#memory.tokens.values()];
  }

  entitlements(productCode: string): readonly Entitlement[] {
    return this.#memory.entitlementsOf(productCode);
  }

  offer(id: string): Offer | undefined {
    return this.#memory.offers.get(id);
  }

  role(accountId: string, name: string): Role | undefined {
    return this.#memory.roles.get(roleKey({ accountId, name }));
  }

  workload(id: string): Workload | undefined {
    return this.#memory.workloads.get(id);
  }

  target(id: string): NotificationTarget | undefined {
    return this.#memory.targets.get(id);
  }

  adminTokens(): readonly AdminToken[] {
    return [...this.#memory.adminTokens.values()];
  }

  settings(): Readonly<Record<string, unknown>> {
    return this.#memory.settings;
  }

  clock(): ClockState | undefined {
    return this.#memory.clock;
  }

  all(): ReturnType<Catalog["all"]> {
    return {
      accounts: [...this.#memory.accounts.values()],
      credentials: [...this.#memory.credentials.values()],
      products: [...this.#memory.products.values()],
      agreements: [...this.#memory.agreements.values()],
      entitlements: this.#memory.allEntitlements(),
      offers: [...this.#memory.offers.values()],
      roles: [...this.#memory.roles.values()],
      workloads: [...this.#memory.workloads.values()],
      targets: [...this.#memory.targets.values()],
    };
  }

  async controlEvents(limit = defaultEventLimit): Promise<readonly ControlEvent[]> {
    this.#commits.settle();
    return this.#rows.controlEvents(limit);
  }

  async apply(change: CatalogChange): Promise<void> {
    // A copy, by the same way as through the file: memory then holds what a restart would load, and a caller that goes
    // on changing its objects changes nothing here.
    const copy = JSON.parse(JSON.stringify(change)) as CatalogChange;
    const version = this.#version + 1;
    const madeDeliveries = this.#commits.alone(() => {
      this.#rows.remove(copy.remove ?? {});
      for (const id of copy.remove?.targets ?? []) this.#outbox.endDeliveries(id);
      this.#rows.write(copy);
      this.#rows.writeVersion(version);
      return this.#outbox.publish(copy.notifications ?? [], this.#targetsAfter(copy));
    });
    this.#memory.put(copy);
    this.#version = version;
    if (madeDeliveries) this.#outbox.wake();
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
    this.#rows.clear();
    this.#rows.writeVersion(this.#version + 1);
  }

  /** The version goes on from where it was: a decision that is still on its way must not pass as fresh. */
  forget(): void {
    this.#memory.clear();
    this.#version += 1;
  }

  /** The targets as the change leaves them: memory follows only after the commit. */
  #targetsAfter(change: CatalogChange): readonly NotificationTarget[] {
    const targets = new Map(this.#memory.targets);
    for (const id of change.remove?.targets ?? []) targets.delete(id);
    for (const target of change.targets ?? []) targets.set(target.id, target);
    return [...targets.values()];
  }
}
