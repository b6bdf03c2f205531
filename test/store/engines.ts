/** The engines that the store's contract is held against: each suite runs once for every entry. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSealer } from "../../src/secrets.ts";
import { openPostgresStore } from "../../src/store/postgres/open.ts";
import type { Sealer } from "../../src/store/sealer.ts";
import { openSqliteStore } from "../../src/store/sqlite/open.ts";
import type { Store } from "../../src/store/store.ts";
import { createDatabase } from "../support/postgres.ts";
import { standInForCitus } from "../support/shards.ts";

/** One place where an engine keeps its data: opened, closed and opened again by a test. */
export interface Place {
  open(): Promise<Store>;
  remove(): Promise<void>;
}

export interface Engine {
  readonly name: string;
  place(): Promise<Place>;
}

export const testSealer: Sealer = createSealer(Buffer.alloc(32, 7));

export const engines: readonly Engine[] = [
  {
    name: "sqlite",
    async place() {
      const folder = mkdtempSync(join(tmpdir(), "meterhouse-store-"));
      return {
        open: async () => openSqliteStore({ file: join(folder, "meterhouse.db"), sealer: testSealer }),
        remove: async () => rmSync(folder, { recursive: true, force: true }),
      };
    },
  },
  {
    name: "postgres",
    async place() {
      const { url, drop } = await createDatabase();
      return { open: () => openPostgresStore({ url, sealer: testSealer }), remove: drop };
    },
  },
];

/** PostgreSQL whose usage counts as distributed: claims go shard by shard. */
export const shardedEngine: Engine = {
  name: "postgres over shards",
  async place() {
    const database = await createDatabase();
    const { url, drop } = database;
    await (await openPostgresStore({ url, sealer: testSealer })).close();
    await standInForCitus(database);
    return { open: () => openPostgresStore({ url, sealer: testSealer }), remove: drop };
  },
};

interface Restart {
  /** Closes the store and opens the same place again. */
  reopen(): Promise<Store>;
  /** Holds a check against the store as it is, and once more after a restart. */
  bothTimes(check: (store: Store) => Promise<void> | void): Promise<void>;
}

/** Runs `body` with a fresh store, which is closed and removed whatever happens. */
export async function withStore(
  engine: Engine,
  body: (store: Store, restart: Restart) => Promise<void>,
): Promise<void> {
  const place = await engine.place();
  let store = await place.open();
  const reopen = async (): Promise<Store> => {
    await store.close();
    store = await place.open();
    return store;
  };
  const bothTimes: Restart["bothTimes"] = async (check) => {
    await check(store);
    await check(await reopen());
  };
  try {
    await body(store, { reopen, bothTimes });
  } finally {
    await store.close();
    await place.remove();
  }
}
