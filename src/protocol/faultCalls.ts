/** What planned faults ask of a call (B-92): which products and buyers it names, by whichever of their names. */
import { isLicenseArn, licenseTail, registrationTokenHash } from "../api/identifiers.ts";
import type { Agreement, RegistrationToken } from "../api/types.ts";
import type { FaultCall } from "../faults.ts";
import type { Call } from "../operations/operation.ts";
import type { Catalog } from "../store/catalog.ts";

type Json = Readonly<Record<string, unknown>>;

/** Of a batch; one that has more is refused, and the rest of it is not worth the work. */
const recordsMax = 25;
/** Filters of GetEntitlements that name buyers. */
const customerFilters = ["CUSTOMER_IDENTIFIER", "CUSTOMER_AWS_ACCOUNT_ID", "LICENSE_ARN"];

/** `json` is the body as it was parsed, and perhaps not yet checked. */
export function faultCallOf({ operation, credential }: Call, json: Json, catalog: Catalog): FaultCall {
  const records = recordsOf(json);
  return {
    operation,
    accessKeyId: credential.accessKeyId,
    recordCount: records.length,
    isOfProduct: (code) => productsOf(json, records, catalog).includes(code),
    isOfCustomer: (customer) => {
      const wanted = buyerOf(customer, catalog);
      if (operation === "MeterUsage" || operation === "RegisterUsage") return wanted === credential.accountId;
      return customersOf(json, records, catalog).some((name) => buyerOf(name, catalog) === wanted);
    },
  };
}

/** The buyer's account id over any of the three names; a name that the catalogue does not know stands for itself. */
function buyerOf(name: string, catalog: Catalog): string {
  if (isLicenseArn(name)) return agreementOf(name, catalog)?.buyerAccountId ?? licenseTail(name);
  return catalog.account(name)?.id ?? catalog.accountByCustomerIdentifier(name)?.id ?? name;
}

function productsOf(json: Json, records: readonly Json[], catalog: Catalog): readonly string[] {
  const { ProductCode } = json;
  if (typeof ProductCode === "string") return [ProductCode];
  const token = tokenOf(json, catalog);
  if (token !== undefined) return [token.productCode];
  return texts(records.map(({ LicenseArn }) => LicenseArn)).flatMap(
    (arn) => agreementOf(arn, catalog)?.productCode ?? [],
  );
}

function customersOf(json: Json, records: readonly Json[], catalog: Catalog): readonly string[] {
  const token = tokenOf(json, catalog);
  const filter = isObject(json.Filter) ? json.Filter : {};
  return [
    ...texts(records.flatMap((record) => [record.CustomerIdentifier, record.CustomerAWSAccountId, record.LicenseArn])),
    ...texts(customerFilters.flatMap((key) => filter[key])),
    ...(token === undefined ? [] : [token.buyerAccountId]),
  ];
}

function agreementOf(licenseArn: string, catalog: Catalog): Agreement | undefined {
  return isLicenseArn(licenseArn) ? catalog.agreementByLicense(licenseTail(licenseArn)) : undefined;
}

function tokenOf({ RegistrationToken }: Json, catalog: Catalog): RegistrationToken | undefined {
  return typeof RegistrationToken === "string" ? catalog.token(registrationTokenHash(RegistrationToken)) : undefined;
}

function recordsOf({ UsageRecords }: Json): readonly Json[] {
  return Array.isArray(UsageRecords) ? UsageRecords.slice(0, recordsMax).filter(isObject) : [];
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null;
}

function texts(values: readonly unknown[]): readonly string[] {
  return values.filter((value) => typeof value === "string" && value !== "") as readonly string[];
}
