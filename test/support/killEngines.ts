/** The engines that servers are killed on: where they keep their data, and how it is looked at once they are gone. */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { CatalogDocument } from "../../src/catalog/schema.ts";
import { createSealer } from "../../src/secrets.ts";
import { openPostgresStore } from "../../src/store/postgres/open.ts";
import type { Store } from "../../src/store/store.ts";
import { createDatabase, type PostgresServer, type TestDatabase } from "./postgres.ts";
import { type LaunchOptions, makePlace, type Place, withStore } from "./serverProcess.ts";

export interface KillEngine {
  readonly place: Place;
  /** What a server of this engine is started with. */
  readonly launch: LaunchOptions;
  /** Opens what the ended servers left, as they left it. */
  withStore(body: (store: Store) => Promise<void>): Promise<void>;
  remove(): Promise<void>;
}

export function sqliteEngine(catalog: CatalogDocument): KillEngine {
  const place = makePlace(catalog);
  return {
    place,
    launch: {},
    withStore: (body) =>
      withStore(place, async (store) => {
        assert.deepEqual(
          store.database
            .prepare("PRAGMA integrity_check")
            .all()
            .map((row) => ({ ...row })),
          [{ integrity_check: "ok" }],
        );
        await body(store);
      }),
    remove: async () => {},
  };
}

/** Nodes share it; `Buffer.alloc(32, 7)`. */
const masterKey = "07".repeat(32);
const gonePollMs = 20;

/** What a node over this database is started with. */
export function nodeLaunch(url: string): LaunchOptions {
  return {
    env: { METERHOUSE_DATABASE_URL: url, METERHOUSE_MASTER_KEY: masterKey, METERHOUSE_ADMIN_TOKEN: "t".repeat(40) },
  };
}

export async function withPostgresStore(url: string, body: (store: Store) => Promise<void>): Promise<void> {
  const store = await openPostgresStore({ url, sealer: createSealer(Buffer.from(masterKey, "hex")) });
  try {
    await body(store);
  } finally {
    await store.close();
  }
}

/** A database of its own, on the test run's server unless another is given. */
export async function postgresEngine(
  catalog: CatalogDocument,
  server?: Pick<PostgresServer, "url">,
): Promise<KillEngine> {
  const database = await createDatabase(server);
  return {
    place: makePlace(catalog),
    launch: nodeLaunch(database.url),
    withStore: async (body) => {
      await untilAlone(database);
      await withPostgresStore(database.url, body);
    },
    remove: database.drop,
  };
}

/** A killed server's sessions finish what they were at: a COMMIT that was sent is carried out. */
export async function untilAlone(database: TestDatabase): Promise<void> {
  const { pathname } = new URL(database.url);
  for (;;) {
    const [row] = await database.admin<{ count: string }>(
      "SELECT count(*) AS count FROM pg_stat_activity WHERE datname = $1",
      [pathname.slice(1)],
    );
    if (row?.count === "0") return;
    await sleep(gonePollMs);
  }
}
