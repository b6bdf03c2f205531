/** Operations called as the ladder calls them, over an embedded store in a temporary folder. */
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Settings } from "../../src/api/settings.ts";
import type { Credential, OperationName } from "../../src/api/types.ts";
import { operations } from "../../src/operations/index.ts";
import { createSealer } from "../../src/secrets.ts";
import type { CatalogChange } from "../../src/store/catalog.ts";
import { openSqliteStore } from "../../src/store/sqlite/open.ts";
import type { Store } from "../../src/store/store.ts";
import { credential, now, region, settings } from "./facts.ts";

export interface CallOptions {
  readonly credential?: Credential | undefined;
  readonly region?: string | undefined;
  readonly now?: number | undefined;
  readonly settings?: Partial<Settings> | undefined;
  readonly unprocessed?: readonly number[] | undefined;
}

export interface OperationBench {
  readonly store: Store;
  /** The Region check, then the operation itself. */
  call(operation: OperationName, input: object, options?: CallOptions): Promise<object>;
  /** An empty ledger, and this catalogue. */
  reset(catalog: CatalogChange): Promise<void>;
  close(): Promise<void>;
}

export function openOperationBench(): OperationBench {
  const folder = mkdtempSync(join(tmpdir(), "meterhouse-rules-"));
  const store = openSqliteStore({ file: join(folder, "meterhouse.db"), sealer: createSealer(Buffer.alloc(32, 3)) });
  return {
    store,
    call: async (operation, input, options = {}) => {
      const call = {
        requestId: randomUUID(),
        operation,
        credential: options.credential ?? credential(),
        region: options.region ?? region,
        now: options.now ?? now,
        settings: settings(options.settings),
        unprocessed: options.unprocessed ?? [],
        source: {},
      };
      operations[operation].requireRegion(input, call, store);
      return operations[operation].handle(input, call, store);
    },
    reset: async (catalog) => {
      await store.reset();
      await store.catalog.apply(catalog);
    },
    close: async () => {
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
