/** The catalogue as a document, in the form that parseCatalog reads. */
import type { Account, Agreement, Credential, Dimension, Entitlement, KeyVersion, Product } from "../api/types.ts";
import type { Catalog } from "../store/catalog.ts";
import { defined } from "./rows.ts";
import type {
  AccountEntry,
  AgreementEntry,
  AgreementStateName,
  CatalogDocument,
  CredentialEntry,
  DimensionEntry,
  EntitlementEntry,
  ProductEntry,
  PublicKeyEntry,
} from "./schema.ts";
import { targetEntry } from "./targets.ts";
import { offerEntry, roleEntry } from "./terms.ts";
import { workloadEntry } from "./workloads.ts";

export interface ExportOptions {
  /** Secret keys, session tokens and private keys too. Default false: an import elsewhere then makes new ones. */
  readonly secrets?: boolean;
}

/** Registration tokens are not in it: only their hashes are kept, and the form needs their values. */
export function exportCatalog(catalog: Catalog, options: ExportOptions = {}): CatalogDocument {
  const secrets = options.secrets ?? false;
  const { accounts, credentials, products, agreements, entitlements, offers, roles, workloads, targets } =
    catalog.all();
  const settings = { ...catalog.settings() };
  const sections: CatalogDocument = {
    accounts: accounts.map(accountEntry),
    // Those of workloads are made anew wherever the workloads are.
    credentials: credentials.filter((row) => row.workloadId === undefined).map((row) => credentialEntry(row, secrets)),
    products: products.map((row) => productEntry(row, secrets)),
    agreements: agreements.map(agreementEntry),
    entitlements: entitlements.map(entitlementEntry),
    offers: offers.map(offerEntry),
    roles: roles.map(roleEntry),
    workloads: workloads.map((row) => workloadEntry(row, secrets)),
    notificationTargets: targets.map((row) => targetEntry(row, secrets)),
    settings,
  };
  return Object.fromEntries(Object.entries(sections).filter(([, section]) => Object.keys(section ?? {}).length > 0));
}

function iso(at: number | undefined): string | undefined {
  return at === undefined ? undefined : new Date(at).toISOString();
}

function accountEntry(row: Account): AccountEntry {
  const { id, name, customerIdentifier, suspended, partition } = row;
  return defined({ id, name, customerIdentifier, suspended: suspended || undefined, partition });
}

function credentialEntry(row: Credential, secrets: boolean): CredentialEntry {
  return defined({
    accessKeyId: row.accessKeyId,
    secretAccessKey: secrets ? row.secretAccessKey : undefined,
    account: row.accountId,
    kind: row.kind,
    name: row.name,
    sessionToken: secrets ? row.sessionToken : undefined,
    expiresAt: iso(row.expiresAt),
    allow: [...row.allow],
    resource: row.resource,
    region: row.region,
    products: row.productCodes && [...row.productCodes],
    launchedAt: iso(row.launchedAt),
    stoppedAt: iso(row.stoppedAt),
  });
}

function productEntry(row: Product, secrets: boolean): ProductEntry {
  const ofKind = (kind: Dimension["kind"]): DimensionEntry[] | undefined => {
    const entries = row.dimensions.filter((dimension) => dimension.kind === kind).map(dimensionEntry);
    return entries.length === 0 ? undefined : entries;
  };
  return defined({
    code: row.code,
    entityId: row.entityId,
    title: row.title,
    seller: row.sellerAccountId,
    type: row.type,
    createdAt: new Date(row.createdAt).toISOString(),
    concurrentAgreementsOnly: row.concurrentAgreementsOnly,
    dimensions: ofKind("metered"),
    entitlementDimensions: ofKind("entitlement"),
    enabledRegions: [...row.enabledRegions],
    publicKeys: row.keyVersions.length === 0 ? undefined : row.keyVersions.map((key) => keyEntry(key, secrets)),
    registrationUrl: row.registrationUrl,
    description: row.description,
    sendsSns: row.sendsSns,
  });
}

function dimensionEntry(row: Dimension): DimensionEntry {
  const { name, unit, price, description, addedAt } = row;
  return defined({ name, unit, price, description, addedAt: iso(addedAt) });
}

function keyEntry(row: KeyVersion, secrets: boolean): PublicKeyEntry {
  return defined({
    version: row.version,
    rotatedAt: iso(row.rotatedAt),
    privateKeyPem: secrets ? row.privateKeyPem : undefined,
  });
}

function stateOf(row: Agreement): AgreementStateName {
  if (row.endedAt !== undefined) return "ended";
  if (row.endingAt !== undefined) return "unsubscribe-pending";
  if (row.startedAt !== undefined) return "active";
  return row.failedAt === undefined ? "pending" : "payment-failed";
}

function agreementEntry(row: Agreement): AgreementEntry {
  const state = stateOf(row);
  return defined({
    id: row.id,
    product: row.productCode,
    buyer: row.buyerAccountId,
    state,
    acceptedAt: iso(row.acceptedAt),
    since: iso(row.startedAt),
    pendingAt: iso(row.endingAt),
    endedAt: iso(row.endedAt),
    agreementEndedAt: iso(row.agreementEndedAt),
    // The form knows it for failed payments only; an agreement that started later has overcome it.
    failedAt: state === "payment-failed" ? iso(row.failedAt) : undefined,
    license: row.licenseArn,
    privateOffer: row.privateOffer || undefined,
    offer: row.offerId,
    freeTrial: row.freeTrial || undefined,
    endsAt: iso(row.endsAt),
    autoRenew: row.autoRenew,
    intent: row.intent,
    previousAgreement: row.previousAgreementId,
  });
}

function entitlementEntry(row: Entitlement): EntitlementEntry {
  return defined({
    product: row.productCode,
    buyer: row.buyerAccountId,
    dimension: row.dimension,
    value: row.value,
    expires: new Date(row.expiresAt).toISOString(),
    license: row.licenseArn,
  });
}
