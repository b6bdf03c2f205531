/** The catalogue's reads, which every engine answers from memory. */
import type {
  Account,
  AdminToken,
  Agreement,
  ClockState,
  Credential,
  Entitlement,
  NotificationTarget,
  Offer,
  Product,
  RegistrationToken,
  Role,
  Workload,
} from "../api/types.ts";
import type { Catalog, CatalogChange } from "./catalog.ts";
import { CatalogMemory, roleKey } from "./catalogMemory.ts";

/** See `Catalog` for each of them. An engine keeps `memory` as its rows are. */
export abstract class CatalogReads {
  protected memory = new CatalogMemory();

  account(id: string): Account | undefined {
    return this.memory.accounts.get(id);
  }

  accountByCustomerIdentifier(customerIdentifier: string): Account | undefined {
    return this.memory.accountsByCustomerIdentifier.get(customerIdentifier);
  }

  credential(accessKeyId: string): Credential | undefined {
    return this.memory.credentials.get(accessKeyId);
  }

  product(code: string): Product | undefined {
    return this.memory.products.get(code);
  }

  agreements(productCode: string, buyerAccountId: string): readonly Agreement[] {
    return this.memory.agreementsOf(productCode, buyerAccountId);
  }

  agreement(id: string): Agreement | undefined {
    return this.memory.agreements.get(id);
  }

  agreementByLicense(licenseTail: string): Agreement | undefined {
    return this.memory.agreementByLicense(licenseTail);
  }

  token(hash: string): RegistrationToken | undefined {
    return this.memory.tokens.get(hash);
  }

  registrationTokens(): readonly RegistrationToken[] {
    return [...this.memory.tokens.values()];
  }

  entitlements(productCode: string): readonly Entitlement[] {
    return this.memory.entitlementsOf(productCode);
  }

  offer(id: string): Offer | undefined {
    return this.memory.offers.get(id);
  }

  role(accountId: string, name: string): Role | undefined {
    return this.memory.roles.get(roleKey({ accountId, name }));
  }

  workload(id: string): Workload | undefined {
    return this.memory.workloads.get(id);
  }

  target(id: string): NotificationTarget | undefined {
    return this.memory.targets.get(id);
  }

  adminTokens(): readonly AdminToken[] {
    return [...this.memory.adminTokens.values()];
  }

  settings(): Readonly<Record<string, unknown>> {
    return this.memory.settings;
  }

  clock(): ClockState | undefined {
    return this.memory.clock;
  }

  all(): ReturnType<Catalog["all"]> {
    const { accounts, credentials, products, agreements, offers, roles, workloads, targets } = this.memory;
    return {
      accounts: [...accounts.values()],
      credentials: [...credentials.values()],
      products: [...products.values()],
      agreements: [...agreements.values()],
      entitlements: this.memory.allEntitlements(),
      offers: [...offers.values()],
      roles: [...roles.values()],
      workloads: [...workloads.values()],
      targets: [...targets.values()],
    };
  }

  /** The targets as the change leaves them: memory follows only after the commit. */
  protected targetsAfter(change: CatalogChange): readonly NotificationTarget[] {
    const targets = new Map(this.memory.targets);
    for (const id of change.remove?.targets ?? []) targets.delete(id);
    for (const target of change.targets ?? []) targets.set(target.id, target);
    return [...targets.values()];
  }

  /** Memory follows a token that was resolved. The version stays: what was decided on the token is settled by its row. */
  tokenResolved(hash: string, resolvedAt: number): void {
    const token = this.memory.tokens.get(hash);
    if (token !== undefined) this.memory.tokens.set(hash, { ...token, resolvedAt });
  }
}
