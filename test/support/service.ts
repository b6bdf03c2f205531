/** The service in this process with its parts in reach: the store, to be broken, and the agreements, to be ended. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CatalogDocument } from "../../src/catalog/schema.ts";
import { createBusinessClock, type SettableClock } from "../../src/clock.ts";
import { createLog } from "../../src/log.ts";
import { type Service, type ServiceOptions, startService } from "../../src/service.ts";

export interface TestService {
  readonly service: Service;
  readonly clock: SettableClock;
  readonly dataFile: string;
  close(): Promise<void>;
}

/** On a free port and a temporary folder; the business clock follows the wall clock. */
export async function startTestService(
  catalog: CatalogDocument,
  more: Partial<Pick<ServiceOptions, "callsInFlightMax" | "log">> = {},
): Promise<TestService> {
  const dataDir = mkdtempSync(join(tmpdir(), "meterhouse-service-"));
  const clock = createBusinessClock(Date.now);
  const service = await startService({
    dataDir,
    host: "127.0.0.1",
    port: 0,
    clock,
    wallClock: Date.now,
    rateClock: () => performance.now(),
    catalog,
    allowedHosts: [],
    env: {},
    log: createLog("silent"),
    ...more,
  });
  return {
    service,
    clock,
    dataFile: join(dataDir, "meterhouse.db"),
    close: async () => {
      await service.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
