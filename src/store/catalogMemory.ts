/**
 * The catalogue in memory, with the indexes its reads need. Engines fill it when they open and after each change is
 * durable; it does no I/O and holds whatever rows it is given.
 */
import { licenseTail } from "../api/identifiers.ts";
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
import type { CatalogChange } from "./catalog.ts";

export class CatalogMemory {
  // Maps keep the order of first insertion when a row is replaced, which is the order that lists are given in.
  readonly accounts = new Map<string, Account>();
  readonly accountsByCustomerIdentifier = new Map<string, Account>();
  readonly credentials = new Map<string, Credential>();
  readonly products = new Map<string, Product>();
  readonly agreements = new Map<string, Agreement>();
  readonly tokens = new Map<string, RegistrationToken>();
  readonly offers = new Map<string, Offer>();
  readonly roles = new Map<string, Role>();
  readonly workloads = new Map<string, Workload>();
  readonly targets = new Map<string, NotificationTarget>();
  readonly adminTokens = new Map<string, AdminToken>();
  settings: Readonly<Record<string, unknown>> = {};
  clock: ClockState | undefined;
  readonly #agreementsOf = new Map<string, Map<string, readonly Agreement[]>>();
  readonly #agreementsByLicense = new Map<string, readonly Agreement[]>();
  readonly #agreementOrder = new Map<string, number>();
  readonly #entitlements = new Map<string, Entitlement>();
  readonly #entitlementsOf = new Map<string, Map<string, Entitlement>>();
  /** Lists made of `#entitlementsOf`, until the next change of the product's. */
  readonly #entitlementLists = new Map<string, readonly Entitlement[]>();

  /** Removes, then puts: rows replace rows of the same key. */
  put(change: CatalogChange): void {
    if (change.remove !== undefined) this.#remove(change.remove);
    for (const account of change.accounts ?? []) this.#putAccount(account);
    for (const credential of change.credentials ?? []) this.credentials.set(credential.accessKeyId, credential);
    for (const product of change.products ?? []) this.products.set(product.code, product);
    for (const agreement of change.agreements ?? []) this.#putAgreement(agreement);
    for (const token of change.tokens ?? []) this.tokens.set(token.hash, token);
    for (const entitlement of change.entitlements ?? []) this.#putEntitlement(entitlement);
    for (const offer of change.offers ?? []) this.offers.set(offer.id, offer);
    for (const role of change.roles ?? []) this.roles.set(roleKey(role), role);
    for (const workload of change.workloads ?? []) this.workloads.set(workload.id, workload);
    for (const target of change.targets ?? []) this.targets.set(target.id, target);
    for (const token of change.adminTokens ?? []) this.adminTokens.set(token.id, token);
    if (change.settings !== undefined) this.settings = change.settings;
    if (change.clock !== undefined) this.clock = change.clock;
  }

  clear(): void {
    this.accounts.clear();
    this.accountsByCustomerIdentifier.clear();
    this.credentials.clear();
    this.products.clear();
    this.agreements.clear();
    this.tokens.clear();
    this.offers.clear();
    this.roles.clear();
    this.workloads.clear();
    this.targets.clear();
    this.adminTokens.clear();
    this.settings = {};
    this.clock = undefined;
    this.#agreementsOf.clear();
    this.#agreementsByLicense.clear();
    this.#agreementOrder.clear();
    this.#entitlements.clear();
    this.#entitlementsOf.clear();
    this.#entitlementLists.clear();
  }

  /** By acceptedAt, then in order of insertion. */
  agreementsOf(productCode: string, buyerAccountId: string): readonly Agreement[] {
    return this.#agreementsOf.get(productCode)?.get(buyerAccountId) ?? [];
  }

  /** A renewal may keep the licence (SPEC N-25): of several agreements, the one accepted last. */
  agreementByLicense(tail: string): Agreement | undefined {
    return this.#agreementsByLicense.get(tail)?.at(-1);
  }

  entitlementsOf(productCode: string): readonly Entitlement[] {
    const made = this.#entitlementLists.get(productCode);
    if (made !== undefined) return made;
    const list = [...(this.#entitlementsOf.get(productCode)?.values() ?? [])];
    this.#entitlementLists.set(productCode, list);
    return list;
  }

  allEntitlements(): readonly Entitlement[] {
    return [...this.#entitlements.values()];
  }

  #remove(remove: NonNullable<CatalogChange["remove"]>): void {
    for (const id of remove.credentials ?? []) this.credentials.delete(id);
    for (const id of remove.targets ?? []) this.targets.delete(id);
    for (const code of remove.products ?? []) this.products.delete(code);
    for (const id of remove.accounts ?? []) {
      this.#forgetCustomerIdentifier(id);
      this.accounts.delete(id);
    }
    for (const id of remove.offers ?? []) this.offers.delete(id);
    for (const role of remove.roles ?? []) this.roles.delete(roleKey(role));
    for (const entitlement of remove.entitlements ?? []) {
      const key = entitlementKey(entitlement);
      this.#entitlements.delete(key);
      this.#entitlementsOf.get(entitlement.productCode)?.delete(key);
      this.#entitlementLists.delete(entitlement.productCode);
    }
  }

  #forgetCustomerIdentifier(accountId: string): void {
    const account = this.accounts.get(accountId);
    // Only its own entry: two accounts given one identifier by mistake must not lose both.
    if (account && this.accountsByCustomerIdentifier.get(account.customerIdentifier)?.id === accountId) {
      this.accountsByCustomerIdentifier.delete(account.customerIdentifier);
    }
  }

  #putAccount(account: Account): void {
    this.#forgetCustomerIdentifier(account.id);
    this.accounts.set(account.id, account);
    this.accountsByCustomerIdentifier.set(account.customerIdentifier, account);
  }

  #putAgreement(agreement: Agreement): void {
    const before = this.agreements.get(agreement.id);
    if (before === undefined) this.#agreementOrder.set(agreement.id, this.#agreementOrder.size);
    if (before !== undefined) {
      const ofBuyer = this.#agreementsOf.get(before.productCode);
      ofBuyer?.set(before.buyerAccountId, without(ofBuyer.get(before.buyerAccountId), before.id));
      if (before.licenseArn !== undefined) {
        const tail = licenseTail(before.licenseArn);
        this.#agreementsByLicense.set(tail, without(this.#agreementsByLicense.get(tail), before.id));
      }
    }
    this.agreements.set(agreement.id, agreement);
    let ofProduct = this.#agreementsOf.get(agreement.productCode);
    if (ofProduct === undefined) {
      ofProduct = new Map();
      this.#agreementsOf.set(agreement.productCode, ofProduct);
    }
    ofProduct.set(agreement.buyerAccountId, this.#withAgreement(ofProduct.get(agreement.buyerAccountId), agreement));
    if (agreement.licenseArn !== undefined) {
      const tail = licenseTail(agreement.licenseArn);
      this.#agreementsByLicense.set(tail, this.#withAgreement(this.#agreementsByLicense.get(tail), agreement));
    }
  }

  #withAgreement(list: readonly Agreement[] | undefined, agreement: Agreement): readonly Agreement[] {
    const order = (id: string): number => this.#agreementOrder.get(id) ?? 0;
    return [...(list ?? []), agreement].sort((a, b) => a.acceptedAt - b.acceptedAt || order(a.id) - order(b.id));
  }

  #putEntitlement(entitlement: Entitlement): void {
    const { productCode } = entitlement;
    const key = entitlementKey(entitlement);
    this.#entitlements.set(key, entitlement);
    let ofProduct = this.#entitlementsOf.get(productCode);
    if (ofProduct === undefined) {
      ofProduct = new Map();
      this.#entitlementsOf.set(productCode, ofProduct);
    }
    ofProduct.set(key, entitlement);
    this.#entitlementLists.delete(productCode);
  }
}

/** Account ids have no slash, so no two roles share a key. */
export function roleKey({ accountId, name }: Pick<Role, "accountId" | "name">): string {
  return `${accountId}/${name}`;
}

function entitlementKey(key: Pick<Entitlement, "productCode" | "buyerAccountId" | "dimension" | "licenseArn">): string {
  return JSON.stringify([key.productCode, key.buyerAccountId, key.dimension, key.licenseArn ?? ""]);
}

function without(list: readonly Agreement[] | undefined, id: string): readonly Agreement[] {
  return (list ?? []).filter((agreement) => agreement.id !== id);
}
