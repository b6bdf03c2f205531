/**
 * Who is metered, by the names that usage records give: what the rules ask of the catalogue for each record, gathered once
 * a version of it. Twenty-five records name twenty-five customers, and four look-ups in large tables for each of them
 * cost more than the decision itself.
 */
import { isLicenseArn, licenseTail } from "../api/identifiers.ts";
import type { Settings } from "../api/settings.ts";
import type { Account, Product, UsageRecord } from "../api/types.ts";
import { type Standing, standingOf } from "../rules/standing.ts";
import { customerIdentifierOf, type RecordFacts } from "../rules/usageRecords.ts";
import type { Catalog } from "../store/catalog.ts";

/** Customers that are kept; beyond it the tables start again. */
const keptMax = 200_000;

/** The customers of one product, or those of none where a batch names none. */
interface ProductCustomers {
  readonly byAccount: Map<string, RecordFacts>;
  readonly byIdentifier: Map<string, RecordFacts>;
}

interface Tables {
  readonly version: number;
  readonly settings: Settings;
  readonly products: Map<string, ProductCustomers>;
  kept: number;
  /**
   * For `from <= now < until` all standings in the tables are good. One check a call in place of one a record: with
   * 100,000 agreements that end within a year the tables start again every five minutes.
   */
  from: number;
  until: number;
}

const tablesOf = new WeakMap<Catalog, Tables>();

/** What the catalogue knows about each record at `now`, in their order. */
export function customersOf(
  records: readonly UsageRecord[],
  product: Product | undefined,
  catalog: Catalog,
  { settings, now }: { readonly settings: Settings; readonly now: number },
): readonly RecordFacts[] {
  const tables = currentTables(catalog, settings, now);
  const customers = customersOfProduct(tables, product?.code ?? "");
  return records.map((record) => {
    // Each is named by one licence and seldom comes twice.
    if (record.LicenseArn !== undefined) return licenseeOf(record, record.LicenseArn, catalog);
    const identifier = customerIdentifierOf(record);
    const name = identifier ?? record.CustomerAWSAccountId;
    if (name === undefined) return { buyer: undefined, agreements: [] };
    const table = identifier === undefined ? customers.byAccount : customers.byIdentifier;
    const known = table.get(name);
    if (known !== undefined) return known;
    const buyer = buyerOf(record, catalog);
    if (buyer === undefined) return { buyer, agreements: [] }; // Whatever strangers may be called must not fill the table.
    const agreements = product === undefined ? [] : catalog.agreements(product.code, buyer.id);
    const standing = standingOf(agreements, now, settings);
    const made: RecordFacts = { buyer, agreements, standing };
    table.set(name, made);
    narrow(tables, standing);
    return made;
  });
}

function narrow(tables: Tables, { from, until }: Standing): void {
  tables.kept += 1;
  tables.from = Math.max(tables.from, from);
  tables.until = Math.min(tables.until, until);
}

function currentTables(catalog: Catalog, settings: Settings, now: number): Tables {
  const { version } = catalog;
  const kept = tablesOf.get(catalog);
  const isCurrent = kept?.version === version && kept.settings === settings && now >= kept.from && now < kept.until;
  if (isCurrent && kept.kept < keptMax) return kept;
  const [from, until] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  const tables: Tables = { version, settings, products: new Map(), kept: 0, from, until };
  tablesOf.set(catalog, tables);
  return tables;
}

function customersOfProduct({ products }: Tables, productCode: string): ProductCustomers {
  let customers = products.get(productCode);
  if (customers === undefined) {
    customers = { byAccount: new Map(), byIdentifier: new Map() };
    products.set(productCode, customers);
  }
  return customers;
}

function licenseeOf(record: UsageRecord, licenseArn: string, catalog: Catalog): RecordFacts {
  return { buyer: buyerOf(record, catalog), agreements: [], licensed: agreementOf(licenseArn, catalog) };
}

function buyerOf(record: UsageRecord, catalog: Catalog): Account | undefined {
  const identifier = customerIdentifierOf(record);
  if (identifier !== undefined) return catalog.accountByCustomerIdentifier(identifier);
  return record.CustomerAWSAccountId === undefined ? undefined : catalog.account(record.CustomerAWSAccountId);
}

export function agreementOf(licenseArn: string, catalog: Catalog) {
  return isLicenseArn(licenseArn) ? catalog.agreementByLicense(licenseTail(licenseArn)) : undefined;
}
