/** Two nodes behind a load balancer are restarted one after the other, and the SDK's callers notice nothing. */
import { BatchMeterUsageCommand, MarketplaceMeteringClient } from "@aws-sdk/client-marketplace-metering";
import { afterEach, expect, test, vi } from "vitest";
import { createSealer } from "../../src/secrets.ts";
import { openPostgresStore } from "../../src/store/postgres/open.ts";
import { startBalancer } from "../support/balancer.ts";
import { createDatabase } from "../support/postgres.ts";
import { endProcesses, makePlace, type Place, type ServerProcess, startServer } from "../support/serverProcess.ts";
import { batchSupply, sellerKey, usageCatalog } from "../support/usageCatalog.ts";

// Whole processes on a machine that is busy with others.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });
afterEach(endProcesses);

const buyers = 50;
const masterKey = "07".repeat(32);

interface Load {
  readonly acknowledged: string[];
  readonly failures: unknown[];
  stop(): Promise<void>;
}

/** As an SDK calls by default: three attempts, connections that are kept. */
function load(endpoint: string): Load {
  const client = new MarketplaceMeteringClient({ endpoint, region: "us-east-1", credentials: sellerKey });
  const supply = batchSupply(Date.now(), buyers);
  const acknowledged: string[] = [];
  const failures: unknown[] = [];
  let isOver = false;
  const lane = async (): Promise<void> => {
    while (!isOver) {
      const { ProductCode, UsageRecords } = supply(3);
      const records = UsageRecords.map((record) => ({ ...record, Timestamp: new Date(record.Timestamp * 1_000) }));
      try {
        const { Results = [], UnprocessedRecords } = await client.send(
          new BatchMeterUsageCommand({ ProductCode, UsageRecords: records }),
        );
        expect(UnprocessedRecords ?? []).toEqual([]);
        for (const { MeteringRecordId, Status } of Results) {
          expect(Status).toBe("Success");
          acknowledged.push(MeteringRecordId ?? "");
        }
      } catch (error) {
        failures.push(error);
      }
    }
  };
  const lanes = [lane(), lane(), lane(), lane()];
  return {
    ...{ acknowledged, failures },
    stop: async () => {
      isOver = true;
      await Promise.all(lanes);
      client.destroy();
    },
  };
}

test("no call fails, and every record is there once", async () => {
  const database = await createDatabase();
  const balancer = await startBalancer();
  const catalog = usageCatalog({ buyers });
  const start = async (): Promise<{ readonly node: ServerProcess; readonly place: Place }> => {
    const place = makePlace(catalog);
    const env = { METERHOUSE_DATABASE_URL: database.url, METERHOUSE_MASTER_KEY: masterKey, METERHOUSE_STOP_DELAY: "1" };
    return { node: await startServer(place, { env }), place };
  };
  try {
    let running = [await start(), await start()].map(({ node }) => node);
    balancer.setNodes(running.map(({ endpoint }) => endpoint));
    await balancer.untilReady(running.map(({ endpoint }) => endpoint));
    const { acknowledged, failures, stop } = load(balancer.url);
    await vi.waitFor(() => expect(acknowledged.length).toBeGreaterThan(60), { timeout: 30_000 });
    for (const old of running) {
      old.signal("SIGTERM");
      const others = running.filter((one) => one !== old);
      // It says so at once, and serves on.
      await vi.waitFor(
        async () => {
          const answer = await fetch(`${old.endpoint}/readyz`);
          expect([answer.status, await answer.text()]).toEqual([503, expect.stringContaining("is stopping")]);
        },
        { timeout: 10_000, interval: 10 },
      );
      await balancer.untilReady(others.map(({ endpoint }) => endpoint));
      expect(await old.exit).toMatchObject({ code: 0, signal: null, stderr: "" });
      const { node } = await start();
      running = [...others, node];
      balancer.setNodes(running.map(({ endpoint }) => endpoint));
      await balancer.untilReady(running.map(({ endpoint }) => endpoint));
      const before = acknowledged.length;
      await vi.waitFor(() => expect(acknowledged.length).toBeGreaterThan(before + 30), { timeout: 30_000 });
    }
    await stop();
    expect(failures).toEqual([]);
    expect(new Set(acknowledged).size).toBe(acknowledged.length);
    const store = await openPostgresStore({ url: database.url, sealer: createSealer(Buffer.from(masterKey, "hex")) });
    const kept = new Set((await store.ledger.records({}, 1_000_000)).map(({ meteringRecordId }) => meteringRecordId));
    await store.close();
    expect(acknowledged.filter((id) => !kept.has(id))).toEqual([]);
    expect(kept.size).toBe(acknowledged.length);
  } finally {
    await balancer.close();
    await endProcesses();
    await database.drop();
  }
});
