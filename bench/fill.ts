/**
 * Makes a data folder as a server would leave it: the catalogue, and usage of past hours in the order of time. Straight
 * through the store, so that five million records take a minute; the server that is measured opens the folder afterwards.
 */
import { randomUUID } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { pino } from "pino";
import { catalogChange } from "../src/catalog/file.ts";
import { openSealedStore } from "../src/openSealed.ts";
import { createSealer, loadMasterKey } from "../src/secrets.ts";
import type { UsageClaim } from "../src/store/ledger.ts";
import { openSqliteStore, type SqliteStore } from "../src/store/sqlite/open.ts";
import type { Store } from "../src/store/store.ts";
import {
  buyerAccount,
  catalogOf,
  createWorkload,
  dimensionName,
  pastKeys,
  productCode,
  quantityOf,
  recordsPerPastHour,
  recordsPerRequest,
  region,
  seller,
  timestampOf,
  type UsageKey,
  type Workload,
} from "./workload.ts";

export interface FillJob extends StorePlace {
  readonly buyers: number;
  readonly nowMs: number;
  /** Records that are there already, and that are to be there. */
  readonly from: number;
  readonly to: number;
  /** The most that the run will ask for: history begins early enough for all of them. */
  readonly most: number;
}

export type FillMessage =
  | { readonly kind: "progress"; readonly records: number }
  | { readonly kind: "done"; readonly records: number };

/** Hours between the last hour of history and the first that load uses: they never meet, whenever a run starts. */
const gapHours = 2;

export interface StorePlace {
  readonly dataDir: string;
  /** URL of a PostgreSQL database. Absent: the store in the folder. */
  readonly database?: string | undefined;
}

/** The store in a folder, at once. */
export function openDataDir(dataDir: string): SqliteStore {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const sealer = createSealer(loadMasterKey({ dataDir, env: {} }));
  return openSqliteStore({ file: join(dataDir, "meterhouse.db"), sealer });
}

export async function openBenchStore({ dataDir, database }: StorePlace): Promise<Store> {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const { store } = await openSealedStore({ dataDir, database, env: {}, log: pino({ level: "error" }) });
  return store;
}

async function fill(job: FillJob, report: (records: number) => void): Promise<number> {
  const workload = createWorkload(job.buyers, job.nowMs);
  const store = await openBenchStore(job);
  try {
    if (job.from === 0) {
      await store.catalog.apply(await catalogChange(catalogOf(workload), { existing: store.catalog, now: job.nowMs }));
    }
    const endHour = (workload.openHours[0] ?? 0) - gapHours;
    const startHour = endHour - Math.ceil(job.most / recordsPerPastHour);
    let records = job.from;
    for (let hour = startHour + job.from / recordsPerPastHour; records < job.to; hour += 1) {
      const keys = pastKeys(workload, hour, Math.min(recordsPerPastHour, job.to - records));
      await storeHour(store, workload, keys, hour);
      records += keys.length;
      report(records);
    }
    return records;
  } finally {
    await store.close();
  }
}

/** One commit, as a busy server groups them; one audit event for each 25 records, as calls leave them. */
async function storeHour(store: Store, workload: Workload, keys: readonly UsageKey[], hour: number): Promise<void> {
  const claims: Promise<unknown>[] = [];
  for (let start = 0; start < keys.length; start += recordsPerRequest) {
    const batch = keys.slice(start, start + recordsPerRequest);
    claims.push(
      store.ledger.claim({
        records: batch.map((key) => claimOf(key, workload)),
        audit: () => ({
          requestId: randomUUID(),
          at: (hour + 1) * 3_600_000,
          operation: "BatchMeterUsage",
          region,
          accessKeyId: seller.accessKeyId,
          accountId: seller.account,
          outcome: "Success",
          detail: { productCode, statuses: "S".repeat(batch.length), source: "127.0.0.1", userAgent: "bench" },
        }),
      }),
    );
  }
  await Promise.all(claims);
}

function claimOf(key: UsageKey, { untilSec }: Workload): UsageClaim {
  const account = buyerAccount(key.buyer);
  return {
    region,
    path: "productCode",
    productCode,
    holder: account,
    accountId: account,
    dimension: dimensionName(key.dimension),
    hour: key.hour,
    timestampMs: timestampOf(key, untilSec) * 1_000,
    quantity: quantityOf(key),
    billable: true,
  };
}

if (import.meta.main) {
  process.once("message", (job: FillJob) => {
    fill(job, (records) => process.send?.({ kind: "progress", records } satisfies FillMessage)).then(
      (records) => process.send?.({ kind: "done", records } satisfies FillMessage, () => process.exit()),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  });
  process.on("disconnect", () => process.exit(1));
}
