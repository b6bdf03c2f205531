/** The catalogue as rows of one table: a kind, a key, a document. A row without document was removed. */
import type {
  Account,
  AdminToken,
  Agreement,
  ClockState,
  Entitlement,
  Offer,
  RegistrationToken,
  Role,
} from "../../api/types.ts";
import type { CatalogChange } from "../catalog.ts";
import {
  credentialDocument,
  credentialOf,
  productDocument,
  productOf,
  targetDocument,
  targetOf,
  workloadDocument,
  workloadOf,
} from "../catalogDocuments.ts";
import { roleKey } from "../catalogMemory.ts";
import type { Sealer } from "../sealer.ts";

export type RowKind =
  | "accounts"
  | "credentials"
  | "products"
  | "agreements"
  | "tokens"
  | "entitlements"
  | "offers"
  | "roles"
  | "workloads"
  | "targets"
  | "adminTokens"
  | "settings"
  | "clock";

export interface RowKey {
  readonly kind: RowKind;
  readonly key: string;
}

export interface CatalogRow extends RowKey {
  /** Of tokens, which are resolved without a change of the catalogue. */
  readonly resolvedAt: number | null;
  readonly document: string;
}

/** As it comes from the database. */
export type StoredRow = RowKey & {
  readonly seq: number;
  readonly resolved_at: number | null;
  readonly document: string | null;
};

/** Of the kinds that there is one row of. */
const theOne = "";

/** What the change writes: one row a key, the last that is given. Throws TypeError for a row that no index could hold. */
export function rowsOf(sealer: Sealer, change: CatalogChange): readonly CatalogRow[] {
  const rows = new Map<string, CatalogRow>();
  const add = (kind: RowKind, key: string, document: string, resolvedAt: number | null = null): void => {
    rows.set(`${kind}\n${key}`, { kind, key: text(key, kind), document, resolvedAt });
  };
  for (const row of change.accounts ?? []) add("accounts", row.id, JSON.stringify(row));
  for (const row of change.credentials ?? []) add("credentials", row.accessKeyId, credentialDocument(sealer, row));
  for (const row of change.products ?? []) add("products", row.code, productDocument(sealer, row));
  for (const row of change.agreements ?? []) {
    text(row.productCode, "agreements");
    text(row.buyerAccountId, "agreements");
    add("agreements", row.id, JSON.stringify(row));
  }
  for (const { resolvedAt, ...row } of change.tokens ?? [])
    add("tokens", row.hash, JSON.stringify(row), resolvedAt ?? null);
  for (const row of change.entitlements ?? []) add("entitlements", entitlementKey(row), JSON.stringify(row));
  for (const row of change.offers ?? []) add("offers", row.id, JSON.stringify(row));
  for (const row of change.roles ?? []) add("roles", roleKey(row), JSON.stringify(row));
  for (const row of change.workloads ?? []) add("workloads", row.id, workloadDocument(sealer, row));
  for (const row of change.targets ?? []) add("targets", row.id, targetDocument(sealer, row));
  for (const row of change.adminTokens ?? []) add("adminTokens", row.id, JSON.stringify(row));
  if (change.settings !== undefined) add("settings", theOne, JSON.stringify(change.settings));
  if (change.clock !== undefined) add("clock", theOne, JSON.stringify(change.clock));
  return [...rows.values()];
}

export function removedKeys(remove: CatalogChange["remove"] = {}): readonly RowKey[] {
  const of = (kind: RowKind, keys: readonly string[] = []): readonly RowKey[] => keys.map((key) => ({ kind, key }));
  return [
    ...of("credentials", remove.credentials),
    ...of("targets", remove.targets),
    ...of("products", remove.products),
    ...of("accounts", remove.accounts),
    ...of("offers", remove.offers),
    ...of("roles", remove.roles?.map(roleKey)),
    ...of("entitlements", remove.entitlements?.map(entitlementKey)),
  ];
}

/**
 * What brings memory from where it is to these rows, which are in order of seq. `seenSeq`: the last that memory has; a row
 * beyond it was inserted since, and where one of its key was there before, that one was removed. Throws when the sealer's
 * key does not fit what was sealed.
 */
export function changeOf(sealer: Sealer, rows: readonly StoredRow[], seenSeq: number): CatalogChange {
  const byKind = Map.groupBy(rows, ({ kind }) => kind);
  const documents = <Row>(kind: RowKind, parse: (document: string) => Row): readonly Row[] =>
    (byKind.get(kind) ?? []).flatMap(({ document }) => (document === null ? [] : [parse(document)]));
  const plain = <Row>(kind: RowKind): readonly Row[] => documents(kind, (document) => JSON.parse(document) as Row);
  const gone = (kind: RowKind): readonly string[] =>
    (byKind.get(kind) ?? []).flatMap(({ key, seq, document }) => (document === null || seq > seenSeq ? [key] : []));
  const settings = plain<Record<string, unknown>>("settings").at(-1);
  const clock = plain<ClockState>("clock").at(-1);
  return {
    remove: {
      credentials: gone("credentials"),
      targets: gone("targets"),
      products: gone("products"),
      accounts: gone("accounts"),
      offers: gone("offers"),
      roles: gone("roles").map(roleOfKey),
      entitlements: gone("entitlements").map(entitlementOfKey),
    },
    accounts: plain<Account>("accounts"),
    credentials: documents("credentials", (document) => credentialOf(sealer, document)),
    products: documents("products", (document) => productOf(sealer, document)),
    agreements: plain<Agreement>("agreements"),
    tokens: (byKind.get("tokens") ?? []).flatMap(({ document, resolved_at: resolvedAt }) =>
      document === null
        ? []
        : [{ ...(JSON.parse(document) as RegistrationToken), ...(resolvedAt === null ? {} : { resolvedAt }) }],
    ),
    entitlements: plain<Entitlement>("entitlements"),
    offers: plain<Offer>("offers"),
    roles: plain<Role>("roles"),
    workloads: documents("workloads", (document) => workloadOf(sealer, document)),
    targets: documents("targets", (document) => targetOf(sealer, document)),
    adminTokens: plain<AdminToken>("adminTokens"),
    ...(settings === undefined ? {} : { settings }),
    ...(clock === undefined ? {} : { clock }),
  };
}

function text(value: unknown, kind: RowKind): string {
  if (typeof value !== "string") throw new TypeError(`A row of ${kind} has a key that is no text`);
  return value;
}

type EntitlementKey = Pick<Entitlement, "productCode" | "buyerAccountId" | "dimension" | "licenseArn">;

function entitlementKey({ productCode, buyerAccountId, dimension, licenseArn = "" }: EntitlementKey): string {
  return JSON.stringify([productCode, buyerAccountId, dimension, licenseArn]);
}

function entitlementOfKey(key: string): EntitlementKey {
  const [productCode, buyerAccountId, dimension, licenseArn] = JSON.parse(key) as [string, string, string, string];
  return { productCode, buyerAccountId, dimension, ...(licenseArn === "" ? {} : { licenseArn }) };
}

function roleOfKey(key: string): Pick<Role, "accountId" | "name"> {
  const slash = key.indexOf("/");
  return { accountId: key.slice(0, slash), name: key.slice(slash + 1) };
}
