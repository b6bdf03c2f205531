/** Facts for the pure rules, each valid as it is; `overrides` say what a test is about. */
import { ServiceError } from "../../src/api/errors.ts";
import { defaultSettings, type Settings } from "../../src/api/settings.ts";
import type { Account, Agreement, Credential, Product } from "../../src/api/types.ts";

export const hourMs = 3_600_000;
export const dayMs = 24 * hourMs;

/** Mid-month, mid-hour: no rule of month ends or hours is near. */
export const now = Date.UTC(2026, 7, 15, 10, 20);
export const nowSec = now / 1_000;
export const region = "us-east-1";
export const sellerId = "210000000001";
export const rivalId = "210000000002";
export const buyerId = "310000000001";
export const productCode = "quaylogs00000000000000000";
export const licenseArn = licenseOf(1);

export function licenseOf(number: number): string {
  return `arn:aws:license-manager::294406891311:license:l-${number.toString(16).padStart(32, "0")}`;
}

export function settings(overrides: Partial<Settings> = {}): Settings {
  return { ...defaultSettings, ...overrides };
}

export function product(overrides: Partial<Product> = {}): Product {
  return {
    code: productCode,
    entityId: "prod-quaylogs00001",
    title: "Quay Logs",
    sellerAccountId: sellerId,
    type: "saas-subscription",
    createdAt: Date.UTC(2024, 0, 10),
    concurrentAgreementsOnly: false,
    dimensions: [
      { name: "searches", kind: "metered", addedAt: 0 },
      { name: "gb", kind: "metered", addedAt: 0 },
      { name: "users", kind: "entitlement", addedAt: 0 },
    ],
    enabledRegions: [region],
    keyVersions: [],
    ...overrides,
  };
}

export function account(overrides: Partial<Account> = {}): Account {
  return { id: buyerId, customerIdentifier: "aLd3rQ7wE1z", suspended: false, ...overrides };
}

export function agreement(overrides: Partial<Agreement> = {}): Agreement {
  return {
    id: "agmt-1",
    productCode,
    buyerAccountId: buyerId,
    version: 1,
    acceptedAt: now - 30 * dayMs,
    startedAt: now - 30 * dayMs,
    privateOffer: false,
    freeTrial: false,
    ...overrides,
  };
}

/** Of the seller, by long-term keys. */
export function credential(overrides: Partial<Credential> = {}): Credential {
  return {
    accessKeyId: "AKIASELLER0000000001",
    secretAccessKey: "secret",
    accountId: sellerId,
    kind: "iam-user",
    name: "metering",
    allow: ["aws-marketplace:*"],
    createdAt: 0,
    ...overrides,
  };
}

/** Without the member: absent on the wire is absent here, never undefined. */
export function without<T extends object, K extends keyof T>(object: T, member: K): Omit<T, K> {
  const { [member]: _, ...rest } = object;
  return rest;
}

/** What `rule` refuses with; undefined if it does not. Anything but a ServiceError is a bug and passes through. */
export function refusal(rule: () => unknown): ServiceError | undefined {
  try {
    rule();
    return undefined;
  } catch (error) {
    if (error instanceof ServiceError) return error;
    throw error;
  }
}
