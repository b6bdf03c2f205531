/** What nodes over one PostgreSQL have in common besides ledger and catalogue, by two stores over one database. */
import { X509Certificate } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { defaultSettings, type Settings } from "../../src/api/settings.ts";
import { type KeyStore, loadCertificates } from "../../src/marketplace/notifications/certificates.ts";
import { createSharedKeyStore } from "../../src/marketplace/notifications/keyStore.ts";
import { createSharedThrottle, type SharedThrottle } from "../../src/protocol/sharedThrottle.ts";
import { createSealer } from "../../src/secrets.ts";
import { openPostgresStore } from "../../src/store/postgres/open.ts";
import type { RateRequest, SharedRates, SharedState } from "../../src/store/sharedState.ts";
import type { Store } from "../../src/store/store.ts";
import { createDatabase, type TestDatabase } from "../support/postgres.ts";
import { testSealer } from "./engines.ts";

const soon = { timeout: 20_000, interval: 10 };

let database: TestDatabase;
let opened: Store[];

async function open(): Promise<SharedState> {
  const store = await openPostgresStore({ url: database.url, sealer: testSealer });
  opened.push(store);
  if (store.shared === undefined) throw new Error("the store of many nodes has nothing in common");
  return store.shared;
}

beforeEach(async () => {
  database = await createDatabase();
  opened = [];
});

afterEach(async () => {
  for (const store of opened) await store.close();
  await database.drop();
});

describe("rates", () => {
  const perSecond = (rate: number): Settings => ({ ...defaultSettings, quotas: { default: { MeterUsage: rate } } });
  const seller = "111122223333";

  /** Two nodes that go by one clock, which the test moves. */
  async function nodes(time: { now: number }) {
    const shared = [await open(), await open()];
    const asked: RateRequest[][] = [];
    return {
      asked,
      throttles: shared.map((one) => {
        const rates: SharedRates = {
          take: (requests, now) => {
            asked.push([...requests]);
            return one.rates.take(requests, now);
          },
          clear: () => one.rates.clear(),
        };
        const throttle = createSharedThrottle({ rates, clock: () => time.now, isClockShared: true });
        one.onChanged("rates", () => throttle.forget());
        return throttle;
      }),
    };
  }

  async function admitted(throttle: SharedThrottle, calls: number, rate: number, account = seller): Promise<number> {
    const take = async () => throttle.take(account, "us-east-1", "MeterUsage", perSecond(rate));
    const answers = await Promise.allSettled(Array.from({ length: calls }, take));
    for (const answer of answers) {
      if (answer.status === "rejected") expect(answer.reason).toMatchObject({ name: "ThrottlingException" });
    }
    return answers.filter(({ status }) => status === "fulfilled").length;
  }

  test("below 20 a second, the nodes together admit what one would, to the call", async () => {
    const time = { now: 1_000 };
    const { throttles } = await nodes(time);
    const each = await Promise.all(throttles.map((one) => admitted(one, 15, 10)));
    expect(sumOf(each)).toBe(10);
    time.now += 550;
    const later = await Promise.all(throttles.map((one) => admitted(one, 15, 10)));
    expect(sumOf(later)).toBe(5);
    time.now += 60_000;
    expect(sumOf(await Promise.all(throttles.map((one) => admitted(one, 15, 10))))).toBe(10);
  });

  test("above, each node may be ahead by a tenth of a second's worth, and no further", async () => {
    const time = { now: 1_000 };
    const [rate, seconds] = [200, 5];
    const { throttles, asked } = await nodes(time);
    // Each of them is left with tokens that it has not used, and the bucket fills up behind them.
    for (const one of throttles) expect(await admitted(one, 1, rate)).toBe(1);
    time.now += 60_000;
    let sum = 0;
    for (let step = 0; step <= seconds * 10; step += 1) {
      for (const one of throttles) sum += await admitted(one, 40, rate);
      time.now += 100;
    }
    expect(sum).toBeGreaterThanOrEqual(rate + rate * seconds);
    expect(sum).toBeLessThanOrEqual(rate + rate * seconds + throttles.length * (rate / 10));
    expect(asked.length).toBeLessThanOrEqual(2 + 2 * 2 * (seconds * 10 + 1));
  });

  test("one statement serves many calls, and calls that were refused cost none", async () => {
    const time = { now: 1_000 };
    const { throttles, asked } = await nodes(time);
    const [one, other] = throttles as [SharedThrottle, SharedThrottle];
    expect(await admitted(one, 5_000, 1_000)).toBe(1_000);
    expect(asked.length).toBeLessThanOrEqual(2);
    asked.length = 0;
    for (let round = 0; round < 50; round += 1) expect(await admitted(one, 10, 1_000)).toBe(0);
    // The first of them learns that the bucket is empty.
    expect(asked.length).toBeLessThanOrEqual(1);
    asked.length = 0;
    const accounts = ["1", "2", "3", "4"];
    const answers = await Promise.all(accounts.map((account) => admitted(other, 10, 5, account)));
    expect(answers).toEqual([5, 5, 5, 5]);
    // All buckets in one; what waits longer than the first round is refused by the second at the latest.
    expect(asked.length).toBeLessThanOrEqual(2);
    expect(asked[0]?.length).toBe(4);
  });

  test("buckets that are put back, and rates that change, are so on all nodes", async () => {
    const time = { now: 1_000 };
    const { throttles } = await nodes(time);
    const [one, other] = throttles as [SharedThrottle, SharedThrottle];
    expect(await admitted(one, 20, 10)).toBe(10);
    expect(await admitted(other, 20, 10)).toBe(0);
    await one.reset();
    await vi.waitFor(async () => expect(await admitted(other, 1, 10)).toBe(1), soon);
    // A lower rate empties what is beyond it; a higher one fills from there.
    time.now += 10_000;
    expect(await admitted(one, 20, 4)).toBe(4);
    expect(await admitted(other, 20, 4)).toBe(0);
  });

  test("nodes go by the database's clock, which is one, whatever theirs say", async () => {
    const [one, other] = [await open(), await open()];
    const ask = { key: "k", rate: 1_000, want: 1_000 };
    expect((await one.rates.take([ask]))[0]?.granted).toBe(1_000);
    await vi.waitFor(async () => expect((await other.rates.take([ask]))[0]?.granted).toBeGreaterThan(0), soon);
    const [bucket] = await database.query<{ tokens: number }>("SELECT tokens FROM rate_buckets");
    expect(bucket?.tokens).toBeLessThan(1);
  });

  test("while the database is away each node goes by itself, at the full rate and no more", async () => {
    const time = { now: 1_000 };
    const shared = await open();
    let isAway = false;
    const told: string[] = [];
    const rates: SharedRates = {
      take: (requests, now) => (isAway ? Promise.reject(new Error("away")) : shared.rates.take(requests, now)),
      clear: () => shared.rates.clear(),
    };
    const throttle = createSharedThrottle({
      ...{ rates, clock: () => time.now, isClockShared: true },
      onAway: () => told.push("away"),
      onBack: () => told.push("back"),
    });
    expect(await admitted(throttle, 20, 10)).toBe(10);
    isAway = true;
    time.now += 1_000;
    expect(await admitted(throttle, 25, 10)).toBe(10);
    expect(await admitted(throttle, 25, 10)).toBe(0);
    expect(told).toEqual(["away"]);
    isAway = false;
    await vi.waitFor(async () => {
      time.now += 1_000;
      await admitted(throttle, 1, 10);
      expect(told).toEqual(["away", "back"]);
    }, soon);
  });

  test("no bucket of the database writes what a crash would keep", async () => {
    await open();
    const rows = await database.query<{ relname: string }>(
      "SELECT relname FROM pg_class WHERE relpersistence = 'u' AND relkind = 'r' ORDER BY relname",
    );
    expect(rows.map(({ relname }) => relname)).toEqual(["planned_faults", "rate_buckets"]);
  });
});

describe("keys", () => {
  const folderOf = (values: Readonly<Record<string, string>> = {}): KeyStore => ({
    read: async (name) => values[name],
    keep: () => Promise.reject(new Error("nothing is written into a folder")),
  });

  test("one that nodes make at once is one; a certificate has the names of all nodes, and one authority", async () => {
    const [one, other] = [await open(), await open()].map((shared) =>
      createSharedKeyStore(shared.keys, testSealer, folderOf()),
    ) as [KeyStore, KeyStore];
    const now = Date.now();
    const made = await Promise.all([
      loadCertificates(one, ["localhost", "10.0.0.1"], now),
      loadCertificates(other, ["localhost", "node-2.example"], now),
    ]);
    expect(made[1].authority).toEqual(made[0].authority);
    // Whichever was first: its chain serves the other too, once it has the other's name.
    const later = await Promise.all([
      loadCertificates(one, ["localhost", "10.0.0.1"], now),
      loadCertificates(other, ["localhost", "node-2.example"], now),
    ]);
    expect(later[0]).toEqual(later[1]);
    const leaf = new X509Certificate(later[0].leaf.certificatePem);
    expect([leaf.checkIP("10.0.0.1"), leaf.checkHost("node-2.example")]).toEqual(["10.0.0.1", "node-2.example"]);
    const [row] = await database.query<{ sealed: string }>("SELECT sealed FROM sealed_keys");
    expect(row?.sealed).toMatch(/^v1\.[\w-]+$/);
  });

  test("what a folder has from before goes first, unless the database has one", async () => {
    const [shared, next] = [await open(), await open()];
    const one = createSharedKeyStore(shared.keys, testSealer, folderOf({ k: "of the folder" }));
    const other = createSharedKeyStore(next.keys, testSealer, folderOf({ k: "of another" }));
    expect(await other.read("none")).toBeUndefined();
    expect([await one.read("k"), await other.read("k")]).toEqual(["of the folder", "of the folder"]);
    // A change that rests on what was replaced meanwhile is none.
    expect(await other.keep("k", "renewed", "of the folder")).toBe("renewed");
    expect(await one.keep("k", "mine", "of the folder")).toBe("renewed");
    expect(await one.read("k")).toBe("renewed");
  });

  test("sealed under another master key they are refused, and the message names the remedy", async () => {
    const shared = await open();
    await createSharedKeyStore(shared.keys, testSealer, folderOf()).keep("k", "secret", undefined);
    const stranger = createSharedKeyStore(shared.keys, createSealer(Buffer.alloc(32, 9)), folderOf());
    await expect(stranger.read("k")).rejects.toThrow(/master key does not fit k.*METERHOUSE_MASTER_KEY/s);
  });
});

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
