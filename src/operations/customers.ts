/**
 * Who is metered, by the names that usage records give: what the rules ask of the catalogue for each record, gathered once
 * a version of it. Twenty-five records name twenty-five customers, and four look-ups in large tables for each of them
 * cost more than the decision itself.
 */
import { isLicenseArn, licenseTail } from "../api/identifiers.ts";
import type { Settings } from "../api/settings.ts";
import type { Account, Product, UsageRecord } from "../api/types.ts";
import { type Standing, settledAgreement, standingOf } from "../rules/standing.ts";
import { customerIdentifierOf, type RecordFacts } from "../rules/usageRecords.ts";
import { batchWindow } from "../rules/usageWindow.ts";
import type { Catalog } from "../store/catalog.ts";
import type { HolderKey } from "../store/ledger.ts";
import { NameTable } from "./nameTable.ts";

/** Customers that are kept; beyond it the tables start again. */
const keptMax = 200_000;
/** What the tables of a product take in themselves, in customers. */
const emptyTables = 20;

/** What is known of a customer, and what stands for its usage in the store. */
export interface CustomerFacts extends RecordFacts {
  /** Of the customers that are kept: it goes with every claim of theirs. */
  readonly holderKey: HolderKey | undefined;
}

/** The facts of a batch's records, in their order. */
export interface Customers {
  readonly records: readonly CustomerFacts[];
  /** See `BatchFacts`. */
  readonly settledFrom: number;
}

/** Those of one product in one Region; or of none where a batch names none. */
interface ProductCustomers {
  readonly byAccount: NameTable<CustomerFacts>;
  readonly byIdentifier: NameTable<CustomerFacts>;
  readonly byLicense: NameTable<CustomerFacts>;
}

interface Tables {
  readonly version: number;
  readonly settings: Settings;
  /** By Region, then by product code. */
  readonly regions: Map<string, Map<string, ProductCustomers>>;
  /** The oldest stamp that was taken when the tables began. */
  readonly settledFrom: number;
  kept: number;
  /**
   * For `from <= now < until` all standings in the tables are good. One check a call in place of one a record: with
   * 100,000 agreements that end within a year the tables start again every five minutes.
   */
  from: number;
  until: number;
}

/** What a call says of its own. */
interface CustomersCall {
  readonly settings: Settings;
  readonly now: number;
  readonly region: string;
}

const tablesOf = new WeakMap<Catalog, Tables>();

/** What the catalogue knows about each record at the call's `now`. */
export function customersOf(
  records: readonly UsageRecord[],
  product: Product | undefined,
  catalog: Catalog,
  call: CustomersCall,
): Customers {
  const tables = currentTables(catalog, call);
  const customers = customersOfProduct(tables, call.region, product?.code ?? "");
  const known = lookUp(records, customers);
  if (areSettled(known) && known.every((facts, index) => isNamedBy(records[index], facts))) {
    return { records: known, settledFrom: tables.settledFrom };
  }
  const found = records.map((record, index) => {
    const facts = known[index];
    const isFound = facts !== undefined && isNamedBy(record, facts);
    return isFound ? facts : gather(record, { product, catalog, call, tables, customers });
  });
  return { records: found, settledFrom: tables.settledFrom };
}

/** A loop that does nothing else: none of these objects lies in a cache, and so all are fetched at the same time. */
function areSettled(known: readonly (CustomerFacts | undefined)[]): known is readonly CustomerFacts[] {
  for (const facts of known) if (facts?.settled === undefined) return false;
  return true;
}

/** Of each record, what the tables have under its name. */
function lookUp(records: readonly UsageRecord[], customers: ProductCustomers): readonly (CustomerFacts | undefined)[] {
  const [first] = records;
  const naming = first === undefined ? undefined : namingOf(first);
  const names: string[] = [];
  for (const record of records) if (namingOf(record) === naming) names.push(nameOf(record));
  // All of them are named in the same way, nearly always.
  if (naming !== undefined && names.length === records.length) return customers[naming].getAll(names);
  return records.map((record) => lookUpOne(record, customers));
}

function lookUpOne(record: UsageRecord, customers: ProductCustomers): CustomerFacts | undefined {
  const naming = namingOf(record);
  return naming === undefined ? undefined : customers[naming].get(nameOf(record));
}

/** The table that has the record's customer; undefined: it names none, or in ways that do not go together. */
function namingOf(record: UsageRecord): keyof ProductCustomers | undefined {
  const identifier = customerIdentifierOf(record);
  if (record.LicenseArn !== undefined) return identifier === undefined ? "byLicense" : undefined;
  if (identifier !== undefined) return "byIdentifier";
  return record.CustomerAWSAccountId === undefined ? undefined : "byAccount";
}

function nameOf(record: UsageRecord): string {
  return record.LicenseArn ?? customerIdentifierOf(record) ?? record.CustomerAWSAccountId ?? "";
}

/** A licence is kept under its own name, with its buyer's facts; a record may name it with another account. */
function isNamedBy(record: UsageRecord | undefined, { buyer }: CustomerFacts): boolean {
  return record?.LicenseArn === undefined || buyer?.id === record.CustomerAWSAccountId;
}

interface Gathering {
  readonly product: Product | undefined;
  readonly catalog: Catalog;
  readonly call: CustomersCall;
  readonly tables: Tables;
  readonly customers: ProductCustomers;
}

/** From the catalogue's tables; kept where it is a customer's. */
function gather(record: UsageRecord, { product, catalog, call, tables, customers }: Gathering): CustomerFacts {
  const { LicenseArn: licenseArn, CustomerAWSAccountId: accountId } = record;
  // It may have been kept since: of another record of the batch.
  const kept = lookUpOne(record, customers);
  if (kept !== undefined && isNamedBy(record, kept)) return kept;
  const buyer = buyerOf(record, catalog);
  const licensed = licenseArn === undefined ? undefined : agreementOf(licenseArn, catalog);
  const isByProduct = licenseArn === undefined && product !== undefined && buyer !== undefined;
  const agreements = isByProduct ? catalog.agreements(product.code, buyer.id) : [];
  const naming = namingOf(record);
  const isLicensees = licensed !== undefined && licensed.buyerAccountId === accountId;
  // Whatever strangers may be called must not fill the tables.
  if (buyer === undefined || naming === undefined || (naming === "byLicense" && !isLicensees)) {
    return { settled: undefined, holderKey: undefined, buyer, agreements, licensed, standing: undefined };
  }
  const standing = standingOf(licensed === undefined ? agreements : [licensed], call.now, call.settings);
  const settled = settledAgreement(buyer, standing, tables.settledFrom);
  const holderKey: HolderKey = { mark: undefined, kept: undefined };
  const facts: CustomerFacts = { settled, holderKey, buyer, agreements, licensed, standing };
  customers[naming].add(nameOf(record), facts);
  narrow(tables, standing);
  return facts;
}

function narrow(tables: Tables, { from, until }: Standing): void {
  tables.kept += 1;
  tables.from = Math.max(tables.from, from);
  tables.until = Math.min(tables.until, until);
}

function currentTables(catalog: Catalog, { settings, now }: CustomersCall): Tables {
  const { version } = catalog;
  const kept = tablesOf.get(catalog);
  const isCurrent = kept?.version === version && kept.settings === settings && now >= kept.from && now < kept.until;
  if (isCurrent && kept.kept < keptMax) return kept;
  const [from, until] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  const settledFrom = batchWindow(now, settings).from;
  const tables: Tables = { version, settings, regions: new Map(), settledFrom, kept: 0, from, until };
  tablesOf.set(catalog, tables);
  return tables;
}

function customersOfProduct(tables: Tables, region: string, productCode: string): ProductCustomers {
  let products = tables.regions.get(region);
  if (products === undefined) {
    products = new Map();
    tables.regions.set(region, products);
  }
  let customers = products.get(productCode);
  if (customers === undefined) {
    customers = { byAccount: new NameTable(), byIdentifier: new NameTable(), byLicense: new NameTable() };
    products.set(productCode, customers);
    tables.kept += emptyTables; // Where Regions are not checked, callers may name any number of them.
  }
  return customers;
}

function buyerOf(record: UsageRecord, catalog: Catalog): Account | undefined {
  const identifier = customerIdentifierOf(record);
  if (identifier !== undefined) return catalog.accountByCustomerIdentifier(identifier);
  return record.CustomerAWSAccountId === undefined ? undefined : catalog.account(record.CustomerAWSAccountId);
}

export function agreementOf(licenseArn: string, catalog: Catalog) {
  return isLicenseArn(licenseArn) ? catalog.agreementByLicense(licenseTail(licenseArn)) : undefined;
}
