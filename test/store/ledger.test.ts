/** The ledger's contract: what a claim keeps, who holds a key, what reads give back. */
import { describe, expect, test } from "vitest";
import { StaleFactsError, StoreFailure } from "../../src/store/ledger.ts";
import { engines, shardedEngine, withStore } from "./engines.ts";
import {
  account,
  buyerId,
  claim,
  clientToken,
  event,
  hour,
  hourMs,
  productCode,
  registrationToken,
  sellerId,
  unit,
  workload,
} from "./fixtures.ts";

const uuidV4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

for (const engine of [...engines, shardedEngine]) {
  describe(`${engine.name}: claim by usage key`, () => {
    test("the first claim stores; an equal one and another quantity meet the holder", async () => {
      await withStore(engine, async ({ ledger }) => {
        const [first] = (await ledger.claim(unit([claim({ quantity: 5 })]))).holders;
        const [same] = (await ledger.claim(unit([claim({ quantity: 5 })]))).holders;
        const [other] = (await ledger.claim(unit([claim({ quantity: 6 })]))).holders;
        expect(first).toEqual({ meteringRecordId: expect.stringMatching(uuidV4), quantity: 5, fresh: true });
        expect(same).toEqual({ ...first, fresh: false });
        expect(other).toEqual({ ...first, fresh: false });
        expect(await ledger.count({})).toEqual({ count: 1, quantity: 5 });
      });
    });

    test("two records with one key inside a unit are handled in list order", async () => {
      await withStore(engine, async ({ ledger }) => {
        const { holders } = await ledger.claim(unit([claim({ quantity: 0 }), claim({ quantity: 7 })]));
        expect(holders.map((holder) => [holder.fresh, holder.quantity])).toEqual([
          [true, 0],
          [false, 0],
        ]);
        expect(holders[1]?.meteringRecordId).toBe(holders[0]?.meteringRecordId);
      });
    });

    test("each part of the key makes another record; the account, the timestamp and the allocations do not", async () => {
      await withStore(engine, async ({ ledger }) => {
        const different = [
          claim(),
          claim({ region: "eu-west-1" }),
          claim({ path: "license" }),
          claim({ path: "resource" }),
          claim({ productCode: "z".repeat(25) }),
          claim({ holder: "000000000001" }),
          claim({ dimension: "users" }),
          claim({ hour: hour + 1 }),
        ];
        const { holders } = await ledger.claim(unit(different));
        expect(holders.every((holder) => holder.fresh)).toBe(true);
        expect(new Set(holders.map((holder) => holder.meteringRecordId)).size).toBe(different.length);
        const again = claim({
          accountId: "999999999999",
          timestampMs: hour * hourMs + 5,
          allocations: [{ AllocatedUsageQuantity: 5 }],
          billable: false,
        });
        const replay = await ledger.claim(unit([again]));
        expect(replay.holders[0]).toEqual({ ...holders[0], fresh: false });
      });
    });

    test("units of one turn see each other, in the order in which they came", async () => {
      await withStore(engine, async ({ ledger }) => {
        const outcomes = await Promise.all([1, 2, 1].map((quantity) => ledger.claim(unit([claim({ quantity })]))));
        const holders = outcomes.map(({ holders: [holder] }) => holder);
        expect(holders.map((holder) => holder?.fresh)).toEqual([true, false, false]);
        expect(new Set(holders.map((holder) => holder?.meteringRecordId)).size).toBe(1);
      });
    });

    test("agentcore records add up", async () => {
      await withStore(engine, async ({ ledger }, { reopen }) => {
        const record = claim({ path: "agentcore", holder: "arn:runtime/one", quantity: 2 });
        const { holders } = await ledger.claim(unit([record, record]));
        expect(holders.map((holder) => holder.fresh)).toEqual([true, true]);
        const second = await reopen();
        expect((await second.ledger.claim(unit([record]))).holders[0]?.fresh).toBe(true);
        expect(await second.ledger.count({})).toEqual({ count: 3, quantity: 6 });
      });
    });
  });

  describe(`${engine.name}: claim by client token`, () => {
    const onResource = (token: string, requestHash: string, quantity: number) =>
      claim({ path: "resource", holder: "i-1", quantity, clientToken: clientToken(token, requestHash) });

    test("a token taken by the same request replays, by another conflicts, and neither stores", async () => {
      await withStore(engine, async ({ ledger }) => {
        const [first] = (await ledger.claim(unit([onResource("t", "h1", 5)]))).holders;
        expect(first).not.toHaveProperty("clientToken");
        const replay = await ledger.claim(unit([onResource("t", "h1", 5)]));
        expect(replay.holders[0]).toEqual({ ...first, fresh: false, clientToken: "same" });
        const elsewhere = { ...onResource("t", "h2", 9), hour: hour + 4 };
        const conflict = await ledger.claim(unit([elsewhere], { audit: () => undefined }));
        expect(conflict.holders[0]).toEqual({ ...first, fresh: false, clientToken: "conflict" });
        expect(await ledger.count({})).toEqual({ count: 1, quantity: 5 });
      });
    });

    test("another token with equal content replays, and is then a token of that record (M-23)", async () => {
      await withStore(engine, async ({ ledger }) => {
        const [first] = (await ledger.claim(unit([onResource("t1", "h1", 5)]))).holders;
        const second = await ledger.claim(unit([onResource("t2", "h2", 5)]));
        expect(second.holders[0]).toEqual({ ...first, fresh: false });
        const third = await ledger.claim(unit([onResource("t2", "h2", 5)]));
        expect(third.holders[0]).toEqual({ ...first, fresh: false, clientToken: "same" });
      });
    });

    test("a token that met another quantity stays free", async () => {
      await withStore(engine, async ({ ledger }) => {
        await ledger.claim(unit([onResource("t1", "h1", 5)]));
        const refused = await ledger.claim(unit([onResource("t2", "h2", 6)], { audit: () => undefined }));
        expect(refused.holders[0]).toMatchObject({ quantity: 5, fresh: false });
        const later = await ledger.claim(unit([{ ...onResource("t2", "h3", 6), hour: hour + 1 }]));
        expect(later.holders[0]).toMatchObject({ quantity: 6, fresh: true });
        expect(later.holders[0]).not.toHaveProperty("clientToken");
      });
    });

    test("tokens are per account and Region, case-sensitive, and outlive a restart", async () => {
      await withStore(engine, async ({ ledger }, { reopen }) => {
        const record = onResource("t", "h", 5);
        await ledger.claim(unit([record]));
        const second = await reopen();
        const others = await second.ledger.claim(
          unit([
            record,
            { ...record, hour: hour + 1, clientToken: { ...clientToken("t", "h"), accountId: buyerId } },
            { ...record, region: "eu-west-1" },
            { ...record, hour: hour + 2, clientToken: clientToken("T", "h") },
          ]),
        );
        expect(others.holders.map((holder) => [holder.fresh, holder.clientToken])).toEqual([
          [false, "same"],
          [true, undefined],
          [true, undefined],
          [true, undefined],
        ]);
      });
    });

    test("agentcore: the token is the only key (M-32)", async () => {
      await withStore(engine, async ({ ledger }) => {
        const record = (token: string, requestHash: string) => ({
          ...onResource(token, requestHash, 3),
          path: "agentcore" as const,
        });
        const { holders } = await ledger.claim(
          unit([record("t1", "h1"), record("t2", "h2"), record("t1", "h1"), record("t2", "other")]),
        );
        expect(holders.map((holder) => holder.fresh)).toEqual([true, true, false, false]);
        expect(holders.map((holder) => holder.clientToken)).toEqual([undefined, undefined, "same", "conflict"]);
        expect(holders[2]?.meteringRecordId).toBe(holders[0]?.meteringRecordId);
        expect(await ledger.count({})).toEqual({ count: 2, quantity: 6 });
      });
    });
  });

  describe(`${engine.name}: what rides in a unit`, () => {
    test("a unit whose facts moved on is refused and leaves nothing", async () => {
      await withStore(engine, async ({ ledger, catalog, audit }) => {
        const stale = ledger.claim(unit([claim()], { factsVersion: catalog.version - 1 }));
        const good = ledger.claim(unit([claim({ quantity: 8 })], { factsVersion: catalog.version }));
        await expect(stale).rejects.toThrow(StaleFactsError);
        expect((await good).holders[0]).toMatchObject({ fresh: true, quantity: 8 });
        expect(await audit.events({})).toHaveLength(1);
        const before = catalog.version;
        await catalog.apply({ accounts: [account()] });
        await expect(ledger.claim(unit([claim()], { factsVersion: before }))).rejects.toThrow(StaleFactsError);
      });
    });

    test("a claim that came before a change of the catalogue is decided by the version before it", async () => {
      await withStore(engine, async ({ ledger, catalog }) => {
        const claimed = ledger.claim(unit([claim()], { factsVersion: catalog.version }));
        await catalog.apply({ accounts: [account()] });
        expect((await claimed).holders[0]?.fresh).toBe(true);
      });
    });

    test("a registration token is resolved once, and memory shows the first time", async () => {
      await withStore(engine, async ({ ledger, catalog }, { reopen }) => {
        const token = registrationToken();
        await catalog.apply({ tokens: [token] });
        const { version } = catalog;
        const [first, second] = await Promise.all(
          [100, 200].map((at) => ledger.claim(unit([], { resolveToken: { hash: token.hash, at } }))),
        );
        expect([first?.tokenResolvedBefore, second?.tokenResolvedBefore]).toEqual([false, true]);
        expect(catalog.token(token.hash)).toEqual({ ...token, resolvedAt: 100 });
        expect(catalog.version).toBe(version);
        const unknown = await ledger.claim(unit([], { resolveToken: { hash: "unknown", at: 1 } }));
        expect(unknown).not.toHaveProperty("tokenResolvedBefore");
        expect((await reopen()).catalog.token(token.hash)).toEqual({ ...token, resolvedAt: 100 });
      });
    });

    test("a workload is registered by its first call", async () => {
      await withStore(engine, async ({ ledger }, { bothTimes }) => {
        const first = workload({ launchedAt: 600 });
        const outcomes = await Promise.all([
          ledger.claim(unit([], { workload: first })),
          ledger.claim(unit([], { workload: workload({ startedAt: 999 }) })),
          ledger.claim(unit([], { workload: workload({ operation: "MeterUsage" }) })),
          ledger.claim(unit([], { workload: workload({ resource: "i-2" }) })),
        ]);
        expect(outcomes.map((outcome) => outcome.workloadFresh)).toEqual([true, false, true, true]);
        await bothTimes(async ({ ledger: port }) => {
          expect(port.workloads({})).toHaveLength(3);
          expect(port.workloads({ productCode, resource: first.resource })).toEqual([
            first,
            workload({ operation: "MeterUsage" }),
          ]);
          expect(port.workloads({ resource: "i-2" })).toHaveLength(1);
          expect(port.workloads({ productCode: "other" })).toEqual([]);
        });
      });
    });

    test("the audit event sees the outcome; a unit that stored usage must give one", async () => {
      await withStore(engine, async ({ ledger, audit }) => {
        await ledger.claim(
          unit([claim(), claim()], {
            audit: ({ holders }) => event({ detail: { statuses: holders.map((h) => (h.fresh ? "S" : "R")).join("") } }),
          }),
        );
        await ledger.claim(unit([claim({ quantity: 9 })], { audit: () => undefined }));
        expect((await audit.events({})).map((each) => each.detail?.statuses)).toEqual(["SR"]);
        const silent = ledger.claim(unit([claim({ hour: hour + 1 })], { audit: () => undefined }));
        await expect(silent).rejects.toThrow(StoreFailure);
        expect(await ledger.count({})).toEqual({ count: 1, quantity: 5 });
      });
    });

    test("a unit that fails is all or nothing, and the others of its turn are stored", async () => {
      await withStore(engine, async ({ ledger, audit, catalog }) => {
        await catalog.apply({ tokens: [registrationToken()] });
        const poisoned = unit([claim({ dimension: "poisoned" }), claim({ hour: hour + 9_000 })], {
          workload: workload(),
          resolveToken: { hash: registrationToken().hash, at: 1 },
          audit: () => {
            throw new Error("no event for this one");
          },
        });
        const results = await Promise.allSettled([
          ledger.claim(unit([claim({ quantity: 1 })])),
          ledger.claim(poisoned),
          ledger.claim(unit([claim({ dimension: "after", hour: hour + 9_000, quantity: 2 })])),
        ]);
        expect(results.map((result) => result.status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
        expect(results[1]).toMatchObject({ reason: { name: "StoreFailure", stored: "no" } });
        expect(await ledger.count({})).toEqual({ count: 2, quantity: 3 });
        expect(await ledger.count({ dimension: "poisoned" })).toEqual({ count: 0, quantity: 0 });
        expect(await ledger.count({ dimension: "after" })).toEqual({ count: 1, quantity: 2 });
        expect(await audit.events({})).toHaveLength(2);
        expect(ledger.workloads({})).toEqual([]);
        expect(catalog.token(registrationToken().hash)).toEqual(registrationToken());
        const retried = await ledger.claim({ ...poisoned, audit: () => event() });
        expect(retried).toMatchObject({ workloadFresh: true, tokenResolvedBefore: false });
        expect(retried.holders.map((holder) => holder.fresh)).toEqual([true, true]);
      });
    });
  });

  describe(`${engine.name}: reads`, () => {
    test("a record comes back whole, also after a restart", async () => {
      await withStore(engine, async ({ ledger }, { bothTimes }) => {
        const allocations = [
          { AllocatedUsageQuantity: 4, Tags: [{ Key: "team", Value: "ü" }] },
          { AllocatedUsageQuantity: 1 },
        ];
        const licenseArn = "arn:aws:license-manager::123456789012:license:l-0123456789abcdef0123456789abcdef";
        const sent = event({ at: hour * hourMs + 400_000 });
        const { holders } = await ledger.claim(
          unit([claim({ path: "license", holder: licenseArn, allocations, billable: false })], { audit: () => sent }),
        );
        const named = event({ requestId: "not-a-uuid" });
        const resource = claim({ path: "resource", holder: "i-1", clientToken: clientToken("tok"), hour: hour + 1 });
        await ledger.claim(unit([resource], { audit: () => named }));
        const expected = {
          meteringRecordId: holders[0]?.meteringRecordId,
          region: "us-east-1",
          path: "license",
          productCode,
          accountId: buyerId,
          licenseArn,
          dimension: "requests",
          hourAt: hour * hourMs,
          timestampAt: hour * hourMs + 90_000,
          quantity: 5,
          allocations,
          requestId: sent.requestId,
          receivedAt: sent.at,
          billable: false,
        };
        await bothTimes(async ({ ledger: port }) => {
          const [first, second] = await port.records({});
          expect(first).toEqual(expected);
          expect(second).toMatchObject({
            resource: "i-1",
            clientToken: "tok",
            requestId: "not-a-uuid",
            billable: true,
          });
          expect(second).not.toHaveProperty("allocations");
          expect(second).not.toHaveProperty("licenseArn");
        });
      });
    });

    test("filters, over months and years; limits; order by hour", async () => {
      await withStore(engine, async ({ ledger }) => {
        const hours = [
          Date.UTC(1970, 0),
          Date.UTC(2026, 6, 31, 23),
          Date.UTC(2026, 7, 1),
          Date.UTC(9999, 11, 31, 23),
        ].map((at) => at / hourMs);
        await ledger.claim(
          unit([...hours].reverse().map((each, index) => claim({ hour: each, quantity: 10 ** index }))),
        );
        await ledger.claim(
          unit([
            claim({ path: "license", holder: "L", dimension: "d2" }),
            claim({ path: "resource", holder: "R", region: "eu-west-1" }),
            claim({ path: "agentcore", holder: "R", accountId: "000000000009" }),
          ]),
        );
        const byHour = (await ledger.records({ dimension: "requests" })).map((record) => record.hourAt / hourMs);
        expect(byHour).toEqual([hours[0], hour, hour, hours[1], hours[2], hours[3]]);
        expect(await ledger.records({}, 2)).toHaveLength(2);
        const range = { fromHourAt: Date.UTC(2026, 6, 31, 23), toHourAt: Date.UTC(2026, 7, 1) };
        expect(await ledger.count(range)).toEqual({ count: 1, quantity: 100 });
        expect(await ledger.count({ ...range, toHourAt: range.toHourAt + 1 })).toEqual({ count: 2, quantity: 110 });
        expect(await ledger.count({ toHourAt: 0 })).toEqual({ count: 0, quantity: 0 });
        expect(await ledger.count({ fromHourAt: 1 })).toMatchObject({ count: 6 });
        expect(await ledger.count({ licenseArn: "L" })).toEqual({ count: 1, quantity: 5 });
        expect(await ledger.count({ resource: "R" })).toEqual({ count: 2, quantity: 10 });
        expect(await ledger.count({ resource: "L" })).toMatchObject({ count: 0 });
        expect(await ledger.count({ accountId: "000000000009" })).toMatchObject({ count: 1 });
        expect(await ledger.count({ region: "eu-west-1", productCode })).toMatchObject({ count: 1 });
        expect(await ledger.count({ productCode: "unknown" })).toEqual({ count: 0, quantity: 0 });
      });
    });

    test("reads see what is still queued", async () => {
      await withStore(engine, async ({ ledger, audit }) => {
        const queued = ledger.claim(unit([claim()]));
        expect(await ledger.count({})).toEqual({ count: 1, quantity: 5 });
        void audit.append(event({ outcome: "ThrottlingException" }));
        expect(await audit.events({})).toHaveLength(2);
        await queued;
      });
    });

    test("an hour outside 1970 to 9999 is refused without harm", async () => {
      await withStore(engine, async ({ ledger }) => {
        const outside = [-1, Date.UTC(9999, 11, 31, 23) / hourMs + 1, Number.NaN];
        const results = await Promise.allSettled([
          ...outside.map((each) => ledger.claim(unit([claim({ hour: each })]))),
          ledger.claim(unit([claim()])),
        ]);
        expect(results.map((result) => result.status)).toEqual(["rejected", "rejected", "rejected", "fulfilled"]);
      });
    });

    test("many callers and customers at once", async () => {
      await withStore(engine, async ({ ledger, audit }) => {
        const units = Array.from({ length: 40 }, (_, n) =>
          unit(
            Array.from({ length: 25 }, (_, m) => claim({ holder: String(100_000_000_000 + n * 25 + m), quantity: m })),
            { audit: () => event({ accessKeyId: `AKIA${n % 7}`, accountId: n % 2 ? sellerId : buyerId }) },
          ),
        );
        await Promise.all(units.map((each) => ledger.claim(each)));
        expect(await ledger.count({})).toEqual({ count: 1_000, quantity: 40 * 300 });
        expect((await audit.events({})).map((each) => each.accessKeyId)).toEqual(
          Array.from({ length: 40 }, (_, n) => `AKIA${(39 - n) % 7}`),
        );
      });
    });
  });
}
