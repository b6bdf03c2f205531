/** From a checked document to the rows that are still to be written. */
import { concurrentAgreementsSince } from "../api/limits.ts";
import { defaultSettings } from "../api/settings.ts";
import type {
  Account,
  Agreement,
  Credential,
  Dimension,
  Entitlement,
  NotificationTarget,
  Product,
} from "../api/types.ts";
import type { Catalog, CatalogChange } from "../store/catalog.ts";
import { agreementRow, entitlementKey, entitlementRow, identify, tokenRow } from "./agreements.ts";
import { DIMENSIONS_MAX } from "./check.ts";
import {
  accessKeyIdFor,
  customerIdentifierFor,
  defaultCredentialName,
  entityIdFor,
  indexAgreements,
  newSecretAccessKey,
  newSessionToken,
} from "./derive.ts";
import { keyVersions } from "./keys.ts";
import { CatalogFileError, type CatalogPath, type CatalogProblem } from "./problems.ts";
import { defined, sameData } from "./rows.ts";
import type { CatalogDocument, CredentialEntry, DimensionEntry, ProductEntry } from "./schema.ts";
import { dimensionForm } from "./schema.ts";
import { storedTargets, targetRow } from "./targets.ts";
import { offerRow, roleRow } from "./terms.ts";
import { type CatalogTime, resolveTime } from "./times.ts";
import { workloadRow } from "./workloads.ts";

export interface CatalogContext {
  /** What is stored; it is only read. */
  readonly existing: Catalog;
  /** Business milliseconds: base of relative times, and the default of most times. */
  readonly now: number;
  /** Wall milliseconds: base of relative `expiresAt`, since keys expire by the wall clock (SPEC A.5). Default Date.now(). */
  readonly wallNow?: number;
}

type Context = Required<CatalogContext> & { readonly report: (path: CatalogPath, message: string) => void };

/** L-2 */
const DEFAULT_REGIONS: readonly string[] = ["us-east-1"];
const DEFAULT_ALLOW: readonly string[] = ["aws-marketplace:*"];

/**
 * The rows to write so that the catalogue holds what a checked document says. What the document leaves out keeps what is
 * stored, nothing is ever deleted, and rows that are right already are not in the answer: after one load, a second one of
 * the same document writes nothing. Throws CatalogFileError where document and catalogue contradict each other.
 */
export async function catalogChange(document: CatalogDocument, context: CatalogContext): Promise<CatalogChange> {
  const problems: CatalogProblem[] = [];
  const reporter = (section: string, index: number): Context => ({
    existing: context.existing,
    now: context.now,
    wallNow: context.wallNow ?? Date.now(),
    report: (path, message) => problems.push({ path: [section, index, ...path], message }),
  });
  const { existing } = context;
  const accounts = accountRows(document, reporter);
  const credentials = (document.credentials ?? [])
    .map((entry, index) => credentialRow(entry, reporter("credentials", index)))
    .filter((row) => !sameData(row, existing.credential(row.accessKeyId)));
  const identities = identify(document, existing);
  const agreements = (document.agreements ?? []).flatMap((entry, index) => {
    const identity = identities[index];
    return identity ? (agreementRow(entry, identity, reporter("agreements", index)) ?? []) : [];
  });
  const products = await productRows(document, agreements, reporter);
  const index = indexAgreements(document, identities);
  const tokens = (document.tokens ?? [])
    .map((entry) => tokenRow(entry, index, context))
    .filter((row) => !sameData(row, existing.token(row.hash)));
  const entitlements = entitlementRows(document, context);
  const offers = (document.offers ?? [])
    .map((entry) => offerRow(entry, existing, context.now))
    .filter((row) => !sameData(row, existing.offer(row.id)));
  const roles = (document.roles ?? [])
    .map((entry) => roleRow(entry, existing, context.now))
    .filter((row) => !sameData(row, existing.role(row.accountId, row.name)));
  const workloads = (document.workloads ?? [])
    .map((entry, index) => workloadRow(entry, reporter("workloads", index)))
    .filter((row) => !sameData(row, existing.workload(row.id)));
  const targets = targetRows(document, existing, reporter);
  if (problems.length > 0) throw new CatalogFileError("catalog", problems);
  const rows = { accounts, credentials, products, agreements, tokens, entitlements, offers, roles, workloads, targets };
  const settings = settingsChange(document, existing);
  return {
    ...Object.fromEntries(Object.entries(rows).filter(([, list]) => list.length > 0)),
    ...(settings === undefined ? {} : { settings }),
  };
}

function entitlementRows(document: CatalogDocument, context: CatalogContext): Entitlement[] {
  const entries = document.entitlements ?? [];
  const products = [...new Set(entries.map(({ product }) => product))];
  const stored = new Map(
    products.flatMap((code) => context.existing.entitlements(code)).map((row) => [entitlementKey(row), row]),
  );
  return entries
    .map((entry) => entitlementRow(entry, stored, context.now))
    .filter((row) => !sameData(row, stored.get(entitlementKey(row))));
}

function targetRows(document: CatalogDocument, existing: Catalog, reporter: Reporter): NotificationTarget[] {
  const entries = document.notificationTargets ?? [];
  if (entries.length === 0) return [];
  const known = storedTargets(existing);
  return entries
    .map((entry, index) => targetRow(entry, { ...reporter("notificationTargets", index), known }))
    .filter((row) => !sameData(row, existing.target(row.id)));
}

type Reporter = (section: string, index: number) => Context;

/** The listed accounts, and those that the document uses without listing them. */
function accountRows(document: CatalogDocument, reporter: Reporter): Account[] {
  const listed = document.accounts ?? [];
  const used = [
    ...(document.credentials ?? []).map((entry) => entry.account),
    ...(document.products ?? []).map((entry) => entry.seller),
    ...(document.agreements ?? []).map((entry) => entry.buyer),
    ...(document.tokens ?? []).map((entry) => entry.buyer),
    ...(document.entitlements ?? []).map((entry) => entry.buyer),
    ...(document.offers ?? []).flatMap((entry) => entry.buyers ?? []),
    ...(document.workloads ?? []).map((entry) => entry.account),
    ...(document.notificationTargets ?? []).flatMap(({ seller, buyer }) => seller ?? buyer ?? []),
    ...(document.roles ?? []).flatMap((entry) => [entry.account, ...entry.trusts]),
  ];
  const places = new Map(listed.map(({ id }, index) => [id, index]));
  const ids = new Set([...places.keys(), ...used]);
  return [...ids].flatMap((id) => {
    const index = places.get(id) ?? -1;
    const { existing, report } = reporter("accounts", index);
    const entry = listed[index];
    const stored = existing.account(id);
    const row: Account = defined({
      id,
      name: entry?.name ?? stored?.name,
      customerIdentifier: entry?.customerIdentifier ?? stored?.customerIdentifier ?? customerIdentifierFor(id),
      suspended: entry?.suspended ?? stored?.suspended ?? false,
      partition: entry?.partition ?? stored?.partition,
    });
    const holder = existing.accountByCustomerIdentifier(row.customerIdentifier);
    if (holder && holder.id !== id) {
      report(["customerIdentifier"], `the catalogue has ${row.customerIdentifier} for account ${holder.id}`);
    }
    return sameData(row, stored) ? [] : [row];
  });
}

function credentialRow(entry: CredentialEntry, context: Context): Credential {
  const { existing, now, wallNow, report } = context;
  const accessKeyId = entry.accessKeyId ?? accessKeyIdFor(entry);
  const stored = existing.credential(accessKeyId);
  if (stored && stored.accountId !== entry.account) {
    report(["accessKeyId"], `the catalogue has ${accessKeyId} for account ${stored.accountId}`);
  }
  const time = (given: CatalogTime | undefined, known: number | undefined, base: number): number | undefined =>
    given === undefined ? known : resolveTime(given, { now: base, stored: known });
  return defined({
    accessKeyId,
    secretAccessKey: entry.secretAccessKey ?? stored?.secretAccessKey ?? newSecretAccessKey(),
    accountId: entry.account,
    kind: entry.kind,
    name: entry.name ?? stored?.name ?? defaultCredentialName(entry.kind),
    sessionToken: entry.sessionToken ?? stored?.sessionToken ?? generatedSessionToken(entry, accessKeyId),
    expiresAt: time(entry.expiresAt, stored?.expiresAt, wallNow),
    allow: entry.allow ?? stored?.allow ?? DEFAULT_ALLOW,
    resource: entry.resource ?? stored?.resource,
    region: entry.region ?? stored?.region,
    productCodes: entry.products ?? stored?.productCodes,
    launchedAt: time(entry.launchedAt, stored?.launchedAt, now),
    stoppedAt: time(entry.stoppedAt, stored?.stoppedAt, now),
    createdAt: stored?.createdAt ?? now,
  });
}

/** Only where the id says that the key is temporary: a role may also be given a plain key, for clients that know no token. */
function generatedSessionToken(entry: CredentialEntry, accessKeyId: string): string | undefined {
  return entry.kind !== "iam-user" && accessKeyId.startsWith("ASIA") ? newSessionToken() : undefined;
}

async function productRows(
  document: CatalogDocument,
  agreements: readonly Agreement[],
  reporter: Reporter,
): Promise<Product[]> {
  const firstAcceptedAt = new Map<string, number>();
  for (const { productCode, acceptedAt } of agreements) {
    firstAcceptedAt.set(productCode, Math.min(acceptedAt, firstAcceptedAt.get(productCode) ?? Infinity));
  }
  const rows = await Promise.all(
    (document.products ?? []).map((entry, index) =>
      productRow(entry, reporter("products", index), firstAcceptedAt.get(entry.code) ?? Infinity),
    ),
  );
  return rows.filter((row): row is Product => row !== undefined);
}

/** `firstAcceptedAt`: of the agreements of a product that is new; Infinity where there are none. */
async function productRow(
  entry: ProductEntry,
  context: Context,
  firstAcceptedAt: number,
): Promise<Product | undefined> {
  const { existing, now, report } = context;
  const stored = existing.product(entry.code);
  const createdAt =
    entry.createdAt === undefined
      ? (stored?.createdAt ?? now)
      : resolveTime(entry.createdAt, { now, stored: stored?.createdAt });
  const dimensions = dimensionRows(entry, stored, { now, launchedAt: Math.min(createdAt, firstAcceptedAt) });
  if (dimensions.length > DIMENSIONS_MAX) {
    report(
      ["dimensions"],
      `with those it has already the product would have ${dimensions.length} dimensions, at most ${DIMENSIONS_MAX} are allowed`,
    );
  }
  const row: Product = defined({
    code: entry.code,
    entityId: entry.entityId ?? stored?.entityId ?? entityIdFor(entry.code),
    title: entry.title ?? stored?.title ?? entry.code,
    sellerAccountId: entry.seller,
    type: entry.type,
    createdAt,
    concurrentAgreementsOnly:
      entry.concurrentAgreementsOnly ?? stored?.concurrentAgreementsOnly ?? createdAt >= concurrentAgreementsSince,
    dimensions,
    enabledRegions: entry.enabledRegions ?? stored?.enabledRegions ?? DEFAULT_REGIONS,
    keyVersions: await keyVersions(entry, stored?.keyVersions ?? [], now),
    registrationUrl: entry.registrationUrl ?? stored?.registrationUrl,
    description: entry.description ?? stored?.description,
    sendsSns: entry.sendsSns ?? stored?.sendsSns,
  });
  return sameData(row, stored) ? undefined : row;
}

/** Dimensions of a published product never go away (C-22): stored ones that the document does not list stay behind its own. */
function dimensionRows(
  entry: ProductEntry,
  stored: Product | undefined,
  times: { readonly now: number; readonly launchedAt: number },
): Dimension[] {
  const row = (given: string | DimensionEntry, kind: Dimension["kind"]): Dimension => {
    const form = dimensionForm(given);
    const known = stored?.dimensions.find(({ name }) => name === form.name);
    // New on a product that is there already: added now, which older private offers do not price (B-42). On a new product
    // it was there before the first agreement, or private offers of the document would silently not be billed.
    const addedAt = known?.addedAt ?? (stored ? times.now : times.launchedAt);
    return defined({
      name: form.name,
      kind,
      description: form.description ?? known?.description,
      unit: form.unit ?? known?.unit,
      price: form.price === undefined ? known?.price : String(form.price),
      addedAt:
        form.addedAt === undefined ? addedAt : resolveTime(form.addedAt, { now: times.now, stored: known?.addedAt }),
    });
  };
  const listed = [
    ...(entry.dimensions ?? []).map((given) => row(given, "metered")),
    ...(entry.entitlementDimensions ?? []).map((given) => row(given, "entitlement")),
  ];
  const names = new Set(listed.map(({ name }) => name));
  return [...listed, ...(stored?.dimensions ?? []).filter(({ name }) => !names.has(name))];
}

/** Switches of the document over those that are set already; a switch at its default is not kept. */
function settingsChange(document: CatalogDocument, existing: Catalog): Readonly<Record<string, unknown>> | undefined {
  if (document.settings === undefined) return undefined;
  const defaults = new Map<string, unknown>(Object.entries(defaultSettings));
  const merged = { ...existing.settings(), ...document.settings };
  const changed = Object.fromEntries(
    Object.entries(merged).filter(([name, value]) => value !== undefined && !sameData(value, defaults.get(name))),
  );
  return sameData(changed, existing.settings()) ? undefined : changed;
}
