/** Rows to put into a store, each with just enough in it; `overrides` say what a test is about. */
import { randomUUID } from "node:crypto";
import type {
  Account,
  AdminToken,
  Agreement,
  ControlEvent,
  Credential,
  Entitlement,
  MeteringWorkload,
  Notification,
  NotificationTarget,
  Offer,
  Product,
  RegistrationToken,
  Role,
  Workload,
} from "../../src/api/types.ts";
import type { AuditEvent } from "../../src/store/audit.ts";
import type { ClaimUnit, UsageClaim } from "../../src/store/ledger.ts";

export const hourMs = 3_600_000;
/** 2026-07-15T10:00:00Z. */
export const hour = Date.UTC(2026, 6, 15, 10) / hourMs;
export const productCode = "a1b2c3d4e5f6g7h8i9j0k1l2m";
export const buyerId = "210987654321";
export const sellerId = "123456789012";

export function claim(overrides: Partial<UsageClaim> = {}): UsageClaim {
  const claimedHour = overrides.hour ?? hour;
  return {
    region: "us-east-1",
    path: "productCode",
    productCode,
    holder: buyerId,
    accountId: buyerId,
    dimension: "requests",
    hour: claimedHour,
    timestampMs: claimedHour * hourMs + 90_000,
    quantity: 5,
    billable: true,
    ...overrides,
  };
}

export function clientToken(token: string, requestHash = "hash-1"): NonNullable<UsageClaim["clientToken"]> {
  return { accountId: sellerId, token, requestHash };
}

export function event(overrides: Partial<AuditEvent> = {}): AuditEvent {
  return {
    requestId: randomUUID(),
    at: hour * hourMs,
    operation: "BatchMeterUsage",
    region: "us-east-1",
    accessKeyId: "AKIAIOSFODNN7EXAMPLE",
    accountId: sellerId,
    outcome: "Success",
    ...overrides,
  };
}

export function unit(records: readonly UsageClaim[], overrides: Partial<ClaimUnit> = {}): ClaimUnit {
  return { records, audit: () => event(), ...overrides };
}

export function account(overrides: Partial<Account> = {}): Account {
  return { id: buyerId, customerIdentifier: "cust1234567", suspended: false, ...overrides };
}

export function credential(overrides: Partial<Credential> = {}): Credential {
  return {
    accessKeyId: "AKIAIOSFODNN7EXAMPLE",
    secretAccessKey: "the-plain-secret-access-key-of-the-test",
    accountId: sellerId,
    kind: "iam-user",
    name: "meter",
    allow: ["aws-marketplace:*"],
    createdAt: 1,
    ...overrides,
  };
}

export function product(overrides: Partial<Product> = {}): Product {
  return {
    code: productCode,
    entityId: "prod-abcdefghijklm",
    title: "A product",
    sellerAccountId: sellerId,
    type: "saas-subscription",
    createdAt: 1,
    concurrentAgreementsOnly: false,
    dimensions: [{ name: "requests", kind: "metered", addedAt: 1 }],
    enabledRegions: ["us-east-1"],
    keyVersions: [{ version: 1, publicKeyPem: "the public key", privateKeyPem: "the-plain-private-key-of-the-test" }],
    ...overrides,
  };
}

export function agreement(overrides: Partial<Agreement> = {}): Agreement {
  return {
    id: "agmt-1",
    productCode,
    buyerAccountId: buyerId,
    version: 1,
    acceptedAt: 1_000,
    privateOffer: false,
    freeTrial: false,
    ...overrides,
  };
}

export function entitlement(overrides: Partial<Entitlement> = {}): Entitlement {
  return {
    productCode,
    buyerAccountId: buyerId,
    dimension: "seats",
    value: { IntegerValue: 3 },
    expiresAt: 9_000,
    ...overrides,
  };
}

export function registrationToken(overrides: Partial<RegistrationToken> = {}): RegistrationToken {
  return { hash: "ab".repeat(32), productCode, buyerAccountId: buyerId, issuedAt: 500, ...overrides };
}

export function workload(overrides: Partial<MeteringWorkload> = {}): MeteringWorkload {
  return {
    productCode,
    resource: "i-0123456789abcdef0",
    accountId: buyerId,
    region: "us-east-1",
    operation: "RegisterUsage",
    accessKeyId: "ASIAIOSFODNN7EXAMPLE",
    startedAt: 700,
    ...overrides,
  };
}

export function simulated(overrides: Partial<Workload> = {}): Workload {
  return {
    id: "web-1",
    kind: "ecs",
    accountId: buyerId,
    region: "us-east-1",
    roleName: "task-role",
    resource: "arn:aws:ecs:us-east-1:444455556666:task/demo/0123456789abcdef0123456789abcdef",
    allow: ["aws-marketplace:*"],
    authorizationToken: "the-plain-authorization-token",
    launchedAt: 1,
    createdAt: 1,
    ...overrides,
  };
}

export function offer(overrides: Partial<Offer> = {}): Offer {
  return { id: "offer-1", productCode, createdAt: 1, ...overrides };
}

export function role(overrides: Partial<Role> = {}): Role {
  return {
    accountId: sellerId,
    name: "Metering",
    allow: ["aws-marketplace:*"],
    trustedAccountIds: [sellerId],
    createdAt: 1,
    ...overrides,
  };
}

export function notification(overrides: Partial<Notification> = {}): Notification {
  return {
    id: randomUUID(),
    at: hour * hourMs,
    form: "eventbridge",
    sellerAccountId: sellerId,
    productCode,
    name: "Purchase Agreement Created - Manufacturer",
    body: '{"detail":{}}',
    ...overrides,
  };
}

export function target(overrides: Partial<NotificationTarget> = {}): NotificationTarget {
  return {
    id: "target-1",
    sellerAccountId: sellerId,
    forms: ["sns", "eventbridge"],
    kind: "sqs",
    url: "http://localhost:9324/000000000000/queue",
    rawDelivery: false,
    createdAt: 1,
    ...overrides,
  };
}

export function adminToken(overrides: Partial<AdminToken> = {}): AdminToken {
  return { id: "token-1", name: "console", hash: "cd".repeat(32), role: "full", createdAt: 1, ...overrides };
}

export function controlEvent(overrides: Partial<ControlEvent> = {}): ControlEvent {
  return { id: randomUUID(), at: 5_000, actor: "console", action: "offer.create", target: "offer-1", ...overrides };
}
