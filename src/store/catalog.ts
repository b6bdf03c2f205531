/**
 * The catalogue's port: accounts, credentials, products, agreements, registration tokens, entitlements, offers, roles,
 * workloads, notification targets, admin tokens, settings.
 * Reads are answered from memory and never wait; a write resolves after it is durable and visible to reads.
 */
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
} from "../api/types.ts";

/** What one change writes, all or nothing. Absent lists write nothing. Rows replace rows of the same key. */
export interface CatalogChange {
  readonly accounts?: readonly Account[];
  readonly credentials?: readonly Credential[];
  readonly products?: readonly Product[];
  readonly agreements?: readonly Agreement[];
  readonly tokens?: readonly RegistrationToken[];
  readonly entitlements?: readonly Entitlement[];
  readonly offers?: readonly Offer[];
  readonly roles?: readonly Role[];
  readonly workloads?: readonly Workload[];
  /**
   * Published with the change: notifications and their first deliveries go into the outbox (SPEC G-12). The targets are
   * those that there are after this change. One that was published before is left as it is; one for a buyer is kept only
   * if a target takes it.
   */
  readonly notifications?: readonly Notification[];
  readonly targets?: readonly NotificationTarget[];
  readonly adminTokens?: readonly AdminToken[];
  /**
   * Rows to delete, by key, before anything is written; unknown keys are none. Only the rows themselves: what belongs to
   * them is the caller's to name. Pending deliveries to a removed target are dead.
   */
  readonly remove?: {
    readonly credentials?: readonly string[];
    readonly targets?: readonly string[];
    readonly products?: readonly string[];
    readonly accounts?: readonly string[];
    readonly offers?: readonly string[];
    readonly roles?: readonly Pick<Role, "accountId" | "name">[];
    readonly entitlements?: readonly Pick<Entitlement, "productCode" | "buyerAccountId" | "dimension" | "licenseArn">[];
  };
  /** Who did it; kept in the same transaction. */
  readonly event?: ControlEvent;
  /** Switches that differ from their default, as JSON. The whole set: a switch that is not in it is back at its default. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** How the business clock goes from now on, for the next start. */
  readonly clock?: ClockState;
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
  /** In order of issue. */
  registrationTokens(): readonly RegistrationToken[];
  entitlements(productCode: string): readonly Entitlement[];
  offer(id: string): Offer | undefined;
  role(accountId: string, name: string): Role | undefined;
  workload(id: string): Workload | undefined;
  settings(): Readonly<Record<string, unknown>>;
  /** As it was kept last; undefined = never, or not since everything was emptied. */
  clock(): ClockState | undefined;
  target(id: string): NotificationTarget | undefined;
  adminTokens(): readonly AdminToken[];
  all(): {
    readonly accounts: readonly Account[];
    readonly credentials: readonly Credential[];
    readonly products: readonly Product[];
    readonly agreements: readonly Agreement[];
    readonly entitlements: readonly Entitlement[];
    readonly offers: readonly Offer[];
    readonly roles: readonly Role[];
    readonly workloads: readonly Workload[];
    readonly targets: readonly NotificationTarget[];
  };
  /** Newest first, at most `limit` (default 100). */
  controlEvents(limit?: number): Promise<readonly ControlEvent[]>;
  apply(change: CatalogChange): Promise<void>;
}
