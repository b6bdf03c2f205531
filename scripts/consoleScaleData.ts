/**
 * The data folder that `consoleScale.ts` looks at: sixty days of usage of 2,000 customers, the calls that brought it,
 * and what became of the agreements. Straight through the store, as a server would have left it.
 */
import { randomUUID } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { CallerIdentity } from "../src/api/identity.ts";
import type { Notification } from "../src/api/types.ts";
import { type CatalogDocument, catalogChange } from "../src/catalog/file.ts";
import { createSealer, loadMasterKey } from "../src/secrets.ts";
import type { AuditEvent } from "../src/store/audit.ts";
import type { UsageClaim } from "../src/store/ledger.ts";
import { openSqliteStore, type SqliteStore } from "../src/store/sqlite/open.ts";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
export const daysFilled = 60;
const recordsPerCall = 10;
const productCount = 8;
const dimensionCount = 12;
const region = "us-east-1";
const sellerAccount = "111122223333";
const accessKeyId = "AKIASCALESELLER00000";
/** Of each hundred calls: refused, and sent once more as they were. */
const refusedInHundred = 2;
const replayedInHundred = 3;
const refusals = ["InvalidProductCodeException", "TimestampOutOfBoundsException", "InvalidUsageDimensionException"];
const identity: CallerIdentity = { kind: "iam-user", name: "meter", createdAt: 0 };

export interface Filling {
  readonly dataDir: string;
  readonly records: number;
  readonly customers: number;
  /** Business time: usage ends two hours before it. */
  readonly now: number;
}

export interface Filled {
  readonly records: number;
  readonly calls: number;
}

export function buyerOf(index: number): string {
  return String(200_000_000_000 + index);
}

export function productOf(index: number): string {
  return `scaleproduct${String(index % productCount).padStart(13, "0")}`;
}

function dimensionOf(index: number): string {
  return `dimension_${index}`;
}

function catalogOf({ customers }: Filling): CatalogDocument {
  return {
    credentials: [
      { account: sellerAccount, accessKeyId, secretAccessKey: "not-a-secret", kind: "iam-user", name: identity.name },
    ],
    products: Array.from({ length: productCount }, (_, index) => ({
      code: productOf(index),
      seller: sellerAccount,
      type: "saas-subscription" as const,
      createdAt: "now-900d",
      dimensions: Array.from({ length: dimensionCount }, (_one, dimension) => ({
        name: dimensionOf(dimension),
        price: "0.01",
      })),
    })),
    // Begun at any time of the last two years: some of them within the months that are billed.
    agreements: Array.from({ length: customers }, (_, index) => ({
      product: productOf(index),
      buyer: buyerOf(index),
      state: "active" as const,
      since: `now-${2 + ((index * 7_919) % 730)}d`,
    })),
    settings: { quotas: "off" },
  };
}

/** Tells of the records stored so far. Throws when the folder holds a catalogue already. */
export async function fill(filling: Filling, tell: (records: number) => void): Promise<Filled> {
  mkdirSync(filling.dataDir, { recursive: true, mode: 0o700 });
  const sealer = createSealer(loadMasterKey({ dataDir: filling.dataDir, env: {} }));
  const store = openSqliteStore({ file: join(filling.dataDir, "meterhouse.db"), sealer });
  try {
    const { now } = filling;
    await store.catalog.apply(await catalogChange(catalogOf(filling), { existing: store.catalog, now }));
    await store.catalog.apply({ notifications: notificationsOf(store, filling) });
    const endHour = Math.floor(now / hourMs) - 2;
    const hours = daysFilled * 24;
    let records = 0;
    let calls = 0;
    for (let place = 0; place < hours; place += 1) {
      const wanted = Math.floor((filling.records * (place + 1)) / hours) - records;
      const batches = batchesOf(filling, endHour - hours + place, wanted);
      calls += await storeHour(store, endHour - hours + place, batches);
      records += batches.reduce((sum, batch) => sum + batch.length, 0);
      tell(records);
    }
    return { records, calls };
  } finally {
    await store.close();
  }
}

/** Calls of one product each, over its customers in turn and all of its dimensions. */
function batchesOf({ customers }: Filling, hour: number, wanted: number): readonly (readonly UsageClaim[])[] {
  const ofProduct = Math.floor(customers / productCount);
  const pairs = ofProduct * dimensionCount;
  const batches: UsageClaim[][] = [];
  let left = Math.min(wanted, pairs * productCount);
  for (let product = 0; product < productCount; product += 1) {
    const share = Math.ceil(left / (productCount - product));
    left -= share;
    for (let first = 0; first < share; first += recordsPerCall) {
      const batch: UsageClaim[] = [];
      for (let one = first; one < Math.min(share, first + recordsPerCall); one += 1) {
        // Another part of the pairs each hour: so many come in an hour, and all of them in some hours.
        const pair = (hour * share + one) % pairs;
        batch.push(claimOf(product + productCount * (pair % ofProduct), Math.floor(pair / ofProduct), hour));
      }
      batches.push(batch);
    }
  }
  return batches;
}

function claimOf(buyer: number, dimension: number, hour: number): UsageClaim {
  const account = buyerOf(buyer);
  return {
    ...{ region, path: "productCode", productCode: productOf(buyer), holder: account, accountId: account },
    ...{ dimension: dimensionOf(dimension), hour, timestampMs: hour * hourMs + ((buyer * 7) % 3_600) * 1_000 },
    ...{ quantity: 1 + ((buyer * 31 + dimension * 7 + hour) % 97), billable: true },
  };
}

/** In one commit, as a busy server groups them. Resolves with the number of calls. */
async function storeHour(store: SqliteStore, hour: number, batches: readonly (readonly UsageClaim[])[]) {
  const work: Promise<unknown>[] = [];
  for (const [place, records] of batches.entries()) {
    const at = (hour + 1) * hourMs + Math.floor((place * hourMs) / batches.length);
    const productCode = records[0]?.productCode ?? "";
    const event = (outcome: string, detail: AuditEvent["detail"]): AuditEvent => ({
      ...{ requestId: randomUUID(), at, operation: "BatchMeterUsage", region, accessKeyId },
      ...{ accountId: sellerAccount, identity, outcome },
      detail: { productCode, source: "127.0.0.1", userAgent: "scale", ...detail },
    });
    const letters = (letter: string): string => letter.repeat(records.length);
    work.push(store.ledger.claim({ records, audit: () => event("Success", { statuses: letters("S"), forms: "0" }) }));
    const of100 = (hour * 37 + place) % 100;
    if (of100 < refusedInHundred) {
      work.push(store.audit.append(event(refusals[place % refusals.length] ?? "", { errorMessage: "refused" })));
    } else if (of100 < refusedInHundred + replayedInHundred) {
      work.push(store.audit.append(event("Success", { statuses: letters("R") })));
    }
  }
  await Promise.all(work);
  return work.length;
}

/** Two a customer, as an agreement's begin announces itself. */
function notificationsOf({ catalog }: SqliteStore, { customers, now }: Filling): readonly Notification[] {
  return Array.from({ length: customers * 2 }, (_, index) => {
    const buyer = buyerOf(index % customers);
    const productCode = productOf(index % customers);
    const [agreement] = catalog.agreements(productCode, buyer);
    const at = now - daysFilled * dayMs + index * 1_000;
    return {
      ...{ id: randomUUID(), form: "sns", name: "subscribe-success", sellerAccountId: sellerAccount, productCode },
      ...{ agreementId: agreement?.id ?? "", at, body: "{}", topicArn: `arn:aws:sns:${region}:${sellerAccount}:topic` },
    };
  });
}
