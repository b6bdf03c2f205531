/** What is known beside the calls: all of it from the catalogue, or what the calls themselves tell. */
import { licenseTail } from "../api/identifiers.ts";
import { secondMs } from "../api/limits.ts";
import type { Settings } from "../api/settings.ts";
import type { Agreement } from "../api/types.ts";
import { isMeterable } from "../rules/agreements.ts";
import type { Catalog } from "../store/catalog.ts";
import type { Knowledge, ObservedCall, ObservedRecord } from "./observed.ts";

export function catalogKnowledge(catalog: Catalog, settings: Settings, now: number): Knowledge {
  const agreementOf = (licenseArn: string): Agreement | undefined =>
    catalog.agreementByLicense(licenseTail(licenseArn));
  return {
    now,
    accountOf: (record) => {
      const { customerAccountId, customerIdentifier, licenseArn } = record;
      if (customerAccountId !== undefined) return customerAccountId;
      if (customerIdentifier !== undefined) return catalog.accountByCustomerIdentifier(customerIdentifier)?.id;
      return licenseArn === undefined ? undefined : agreementOf(licenseArn)?.buyerAccountId;
    },
    productOfLicense: (licenseArn) => agreementOf(licenseArn)?.productCode,
    metered: catalog.all().agreements.flatMap((agreement) => {
      const period = meteredPeriod(agreement, settings);
      const { productCode, buyerAccountId, licenseArn } = agreement;
      return period === undefined
        ? []
        : [{ productCode, buyerAccountId, ...(licenseArn === undefined ? {} : { licenseArn }), ...period }];
    }),
    tokens: catalog.registrationTokens().map(({ productCode, buyerAccountId, issuedAt, resolvedAt }) => ({
      ...{ productCode, buyerAccountId, issuedAt },
      ...(resolvedAt === undefined ? {} : { resolvedAt }),
    })),
    needsLicense: (productCode) => catalog.product(productCode)?.concurrentAgreementsOnly === true,
    dimensionsOf: (productCode) =>
      catalog
        .product(productCode)
        ?.dimensions.filter(({ kind }) => kind === "metered")
        .map(({ name }) => name),
  };
}

/** When an agreement takes usage: [from, to), by the one rule that decides it at an instant (B-80 to B-87). */
export function meteredPeriod(
  agreement: Agreement,
  settings: Settings,
): { readonly from: number; readonly to?: number } | undefined {
  const { startedAt, endingAt, endsAt, endedAt } = agreement;
  const finalHourMs = settings.finalHourSec * secondMs;
  // Its state changes at no other instants.
  const instants = [startedAt, endingAt, endsAt, endedAt]
    .flatMap((at) => (at === undefined ? [] : [at, at + finalHourMs]))
    .toSorted((a, b) => a - b);
  const takesUsage = (at: number): boolean => isMeterable(agreement, at, settings);
  const from = instants.find(takesUsage);
  if (from === undefined) return undefined;
  const to = instants.find((at) => at > from && !takesUsage(at));
  return { from, ...(to === undefined ? {} : { to }) };
}

/** What calls tell of buyers by themselves: the answers of ResolveCustomer, and records with several identifiers. */
export interface Learned {
  readonly known: Knowledge;
  learn(call: ObservedCall): void;
}

/** Without a catalogue. `now`: the last call's time. */
export function createLearned(): Learned {
  const accounts = new Map<string, string>();
  const products = new Map<string, string>();
  let now = 0;
  const name = (one: Partial<ObservedRecord>, accountId: string | undefined): void => {
    if (accountId === undefined) return;
    if (one.customerIdentifier !== undefined) accounts.set(one.customerIdentifier, accountId);
    if (one.licenseArn !== undefined) accounts.set(licenseTail(one.licenseArn), accountId);
  };
  return {
    learn: (call) => {
      now = Math.max(now, call.at);
      const { resolved, productCode } = call;
      if (resolved !== undefined) {
        name(resolved, resolved.accountId);
        if (resolved.licenseArn !== undefined && productCode !== undefined) {
          products.set(licenseTail(resolved.licenseArn), productCode);
        }
      }
      if (call.outcome !== "Success") return;
      for (const record of call.records) {
        name(record, record.customerAccountId);
        // B-15: the product of a licence's record that names it.
        if (record.licenseArn !== undefined && productCode !== undefined) {
          products.set(licenseTail(record.licenseArn), productCode);
        }
      }
    },
    known: {
      get now() {
        return now;
      },
      accountOf: ({ customerAccountId, customerIdentifier, licenseArn }) =>
        customerAccountId ??
        accounts.get(customerIdentifier ?? "") ??
        (licenseArn === undefined ? undefined : accounts.get(licenseTail(licenseArn))),
      productOfLicense: (licenseArn) => products.get(licenseTail(licenseArn)),
      metered: [],
      tokens: [],
      needsLicense: () => false,
      dimensionsOf: () => undefined,
    },
  };
}
