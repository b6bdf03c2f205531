/** The catalogue's port over plain maps: what tests of its callers need, without an engine. */
import type {
  Account,
  AdminToken,
  Agreement,
  ClockState,
  ControlEvent,
  Credential,
  Entitlement,
  Notification,
  NotificationTarget,
  Offer,
  Product,
  RegistrationToken,
  Role,
  Workload,
} from "../../src/api/types.ts";
import type { Catalog, CatalogChange } from "../../src/store/catalog.ts";

export class MemoryCatalog implements Catalog {
  version = 0;
  readonly tokens = new Map<string, RegistrationToken>();
  /** What was published, in order. */
  readonly notifications: Notification[] = [];
  readonly #accounts = new Map<string, Account>();
  readonly #credentials = new Map<string, Credential>();
  readonly #products = new Map<string, Product>();
  readonly #agreements = new Map<string, Agreement>();
  readonly #entitlements = new Map<string, Entitlement>();
  readonly #offers = new Map<string, Offer>();
  readonly #roles = new Map<string, Role>();
  readonly #workloads = new Map<string, Workload>();
  readonly #targets = new Map<string, NotificationTarget>();
  readonly #adminTokens = new Map<string, AdminToken>();
  readonly #events: ControlEvent[] = [];
  #settings: Readonly<Record<string, unknown>> = {};
  #clock: ClockState | undefined;

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

  registrationTokens(): readonly RegistrationToken[] {
    return [...this.tokens.values()];
  }

  entitlements(productCode: string): readonly Entitlement[] {
    return [...this.#entitlements.values()].filter((row) => row.productCode === productCode);
  }

  offer(id: string): Offer | undefined {
    return this.#offers.get(id);
  }

  role(accountId: string, name: string): Role | undefined {
    return this.#roles.get(`${accountId}/${name}`);
  }

  workload(id: string): Workload | undefined {
    return this.#workloads.get(id);
  }

  target(id: string): NotificationTarget | undefined {
    return this.#targets.get(id);
  }

  adminTokens(): readonly AdminToken[] {
    return [...this.#adminTokens.values()];
  }

  settings(): Readonly<Record<string, unknown>> {
    return this.#settings;
  }

  clock(): ClockState | undefined {
    return this.#clock;
  }

  all(): ReturnType<Catalog["all"]> {
    return {
      accounts: [...this.#accounts.values()],
      credentials: [...this.#credentials.values()],
      products: [...this.#products.values()],
      agreements: [...this.#agreements.values()],
      entitlements: [...this.#entitlements.values()],
      offers: [...this.#offers.values()],
      roles: [...this.#roles.values()],
      workloads: [...this.#workloads.values()],
      targets: [...this.#targets.values()],
    };
  }

  async controlEvents(limit = 100): Promise<readonly ControlEvent[]> {
    return this.#events.toReversed().slice(0, limit);
  }

  async apply(change: CatalogChange): Promise<void> {
    // As an engine does: rows come back as fresh objects, and what JSON cannot hold is lost.
    const rows: CatalogChange = JSON.parse(JSON.stringify(change));
    this.#remove(rows.remove ?? {});
    for (const row of rows.accounts ?? []) this.#accounts.set(row.id, row);
    for (const row of rows.credentials ?? []) this.#credentials.set(row.accessKeyId, row);
    for (const row of rows.products ?? []) this.#products.set(row.code, row);
    for (const row of rows.agreements ?? []) this.#agreements.set(row.id, row);
    for (const row of rows.tokens ?? []) this.tokens.set(row.hash, row);
    for (const row of rows.entitlements ?? []) this.#entitlements.set(entitlementKey(row), row);
    for (const row of rows.offers ?? []) this.#offers.set(row.id, row);
    for (const row of rows.roles ?? []) this.#roles.set(`${row.accountId}/${row.name}`, row);
    for (const row of rows.workloads ?? []) this.#workloads.set(row.id, row);
    for (const row of rows.targets ?? []) this.#targets.set(row.id, row);
    for (const row of rows.adminTokens ?? []) this.#adminTokens.set(row.id, row);
    this.notifications.push(...(rows.notifications ?? []));
    if (rows.event !== undefined) this.#events.push(rows.event);
    if (rows.settings !== undefined) this.#settings = rows.settings;
    if (rows.clock !== undefined) this.#clock = rows.clock;
    this.version += 1;
  }

  #remove(remove: NonNullable<CatalogChange["remove"]>): void {
    for (const id of remove.credentials ?? []) this.#credentials.delete(id);
    for (const id of remove.targets ?? []) this.#targets.delete(id);
    for (const code of remove.products ?? []) this.#products.delete(code);
    for (const id of remove.accounts ?? []) this.#accounts.delete(id);
    for (const id of remove.offers ?? []) this.#offers.delete(id);
    for (const role of remove.roles ?? []) this.#roles.delete(`${role.accountId}/${role.name}`);
    for (const row of remove.entitlements ?? []) this.#entitlements.delete(entitlementKey(row));
  }
}

function entitlementKey(row: Pick<Entitlement, "productCode" | "buyerAccountId" | "dimension" | "licenseArn">): string {
  return JSON.stringify([row.productCode, row.buyerAccountId, row.dimension, row.licenseArn ?? ""]);
}
