/** What registered tasks and pods come to in the ledger (SPEC ), over a store that is closed and opened. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { settingsSchema } from "../../../src/api/settings.ts";
import type { MeteringWorkload } from "../../../src/api/types.ts";
import { createRegisteredUsage } from "../../../src/marketplace/metering/registeredUsage.ts";
import type { Store } from "../../../src/store/store.ts";
import { engines, withStore } from "../../store/engines.ts";
import { buyerId, credential, hourMs, product, productCode, simulated } from "../../store/fixtures.ts";
import { byHour, counted, recordsOf, register, startAt, task } from "./registrations.ts";

const settings = () => settingsSchema.parse({});
const metering = (store: Store) => createRegisteredUsage({ store, settings });
const minute = 60_000;

interface Life {
  readonly launchedAt: number;
  readonly registeredAt: number;
  readonly stoppedAt: number | undefined;
}

const span = fc.integer({ min: 0, max: 3 * hourMs });
/** Also lives of seconds, and starts and stops around full hours. */
const instant = fc.oneof(
  span,
  fc
    .tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: -70_000, max: 70_000 }))
    .map(([h, off]) => h * hourMs + off),
);
const life = fc
  .record({
    launch: instant,
    delay: fc.integer({ min: 0, max: 10 * minute }),
    lived: fc.oneof(fc.integer({ min: 0, max: 90_000 }), span, fc.constant(undefined)),
  })
  .map(({ launch, delay, lived }): Life => {
    const launchedAt = startAt + Math.max(0, launch);
    const stoppedAt = lived === undefined ? undefined : launchedAt + lived;
    return { launchedAt, registeredAt: Math.min(launchedAt + delay, stoppedAt ?? Number.POSITIVE_INFINITY), stoppedAt };
  });
const turns = fc.array(fc.record({ at: fc.integer({ min: 0, max: 7 * hourMs }), restarts: fc.boolean() }), {
  minLength: 1,
  maxLength: 12,
});

/** Everything that happens to the tasks, in the order of its time; metering turns come where the property puts them. */
async function live(
  lives: readonly Life[],
  turnsAt: readonly { readonly at: number; readonly restarts: boolean }[],
  context: { readonly store: () => Store; readonly reopen: () => Promise<Store> },
): Promise<void> {
  const check = async (now: number): Promise<void> => {
    for (const [index, { launchedAt, registeredAt, stoppedAt }] of lives.entries()) {
      if (registeredAt > now) continue;
      const isOver = stoppedAt !== undefined && stoppedAt <= now;
      const expected = isOver ? counted(launchedAt, stoppedAt) : counted(launchedAt, now, now);
      expect(byHour(await recordsOf(context.store().ledger, task(index).resource))).toEqual(expected);
    }
  };
  const events = [
    ...lives.flatMap(({ launchedAt, registeredAt, stoppedAt }, index) => [
      { at: registeredAt, run: () => register(context.store(), task(index, { launchedAt, startedAt: registeredAt })) },
      ...(stoppedAt === undefined
        ? []
        : [
            {
              at: stoppedAt,
              run: () => metering(context.store()).onWorkloadStopped(task(index).resource, stoppedAt),
            },
          ]),
    ]),
    ...turnsAt.map(({ at, restarts }) => ({
      at: startAt + at,
      run: async () => {
        if (restarts) await context.reopen();
        await metering(context.store()).runDue(startAt + at);
        await check(startAt + at);
      },
    })),
  ];
  for (const { run } of events.toSorted((a, b) => a.at - b.at)) await run();
  const endAt = startAt + 8 * hourMs;
  await metering(context.store()).runDue(endAt);
  await check(endAt);
  await context.reopen();
  // Nothing more after a restart, however often it is asked for.
  for (const _ of [1, 2]) await metering(context.store()).runDue(endAt);
  await check(endAt);
}

for (const engine of engines) {
  describe(engine.name, () => {
    test("R-10, R-13: ten tasks over three hours come to exactly the seconds that counting gives", async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(life, { minLength: 10, maxLength: 10 }), turns, async (lives, turnsAt) => {
          await withStore(engine, async (first, restart) => {
            let store = first;
            const reopen = async () => {
              store = await restart.reopen();
              return store;
            };
            await live(lives, turnsAt, { store: () => store, reopen });
          });
        }),
        // A database over there takes some tenths of a second to open, which each run does several times.
        { numRuns: Number(process.env.METERHOUSE_PROPERTY_RUNS ?? (engine.name === "sqlite" ? 20 : 4)) },
      );
    }, 120_000);

    test("R-10: an hour is kept when it is over, not before; the record says whose it is", async () => {
      await withStore(engine, async (store) => {
        const one = task(1, { launchedAt: startAt + 10 * minute, startedAt: startAt + 11 * minute });
        await register(store, one);
        await metering(store).runDue(startAt + hourMs - 1);
        expect(await recordsOf(store.ledger)).toEqual([]);
        await metering(store).runDue(startAt + hourMs);
        expect(await recordsOf(store.ledger)).toMatchObject([
          {
            region: "us-east-1",
            path: "resource",
            productCode,
            accountId: buyerId,
            resource: one.resource,
            dimension: "RegisteredSeconds",
            hourAt: startAt,
            timestampAt: startAt + 10 * minute,
            receivedAt: startAt + hourMs,
            quantity: 3_000,
            billable: true,
          },
        ]);
        const events = await store.audit.events({ operation: "RegisterUsage" });
        expect(events.find(({ outcome }) => outcome === "Metered")).toMatchObject({
          accessKeyId: one.accessKeyId,
          accountId: buyerId,
          detail: { productCode, statuses: "S" },
        });
      });
    });

    test("R-13: a life of 30 seconds is a minute, over the border of the hour too", async () => {
      await withStore(engine, async (store) => {
        const launchedAt = startAt + 59 * minute + 50_000;
        await register(store, task(1, { launchedAt, startedAt: launchedAt }));
        // The hour in which it started is metered while it runs.
        await metering(store).runDue(startAt + hourMs);
        await metering(store).onWorkloadStopped(task(1).resource, startAt + hourMs);
        await metering(store).runDue(startAt + hourMs);
        expect(byHour(await recordsOf(store.ledger))).toEqual({
          "2026-08-15T10:00:00.000Z": 10,
          "2026-08-15T11:00:00.000Z": 50,
        });
        expect(store.ledger.openRegistrations()).toEqual([]);
      });
    });

    test("R-10: a clock turned over five months at once", async () => {
      await withStore(engine, async (store, { bothTimes }) => {
        const now = Date.UTC(2027, 0, 20, 7, 30);
        const hours = Math.floor((now - startAt) / hourMs);
        for (const number of [1, 2, 3]) await register(store, task(number));
        await metering(store).onWorkloadStopped(task(3).resource, now - 1);
        await Promise.all([metering(store).runDue(now), metering(store).runDue(now)]);
        await bothTimes(async ({ ledger }) => {
          expect(await ledger.count({ resource: task(1).resource })).toEqual({ count: hours, quantity: hours * 3_600 });
          expect(await ledger.count({ resource: task(3).resource })).toEqual({
            count: hours + 1,
            quantity: hours * 3_600 + 1_799,
          });
        });
      });
    });

    test("R-10: two meters at once, as two processes would be, leave each hour once", async () => {
      await withStore(engine, async (store) => {
        await register(store, task(1));
        const turn = (hours: number) => metering(store).runDue(startAt + hours * hourMs);
        await Promise.all([turn(40), turn(70), turn(55)]);
        expect(await store.ledger.count({})).toEqual({ count: 70, quantity: 70 * 3_600 });
      });
    });

    test("ahead of what was asked for: the same records and events as instant by instant, in fewer commits", async () => {
      const hours = 50;
      const live = async (store: Store, run: (instants: readonly number[]) => Promise<void>) => {
        let commits = 0;
        for (const number of [1, 2, 3]) await register(store, task(number, { launchedAt: startAt + number * minute }));
        await metering(store).onWorkloadStopped(task(2).resource, startAt + 20 * hourMs + 10 * minute);
        await metering(store).onWorkloadStopped(task(3).resource, startAt + 30 * hourMs);
        store.onCommit(() => {
          commits += 1;
        });
        const full = Array.from({ length: hours }, (_, index) => startAt + (index + 1) * hourMs);
        await run([...full, startAt + 20 * hourMs + 10 * minute].toSorted((a, b) => a - b));
        const records = (await recordsOf(store.ledger)).map(({ meteringRecordId: _, requestId: __, ...kept }) => kept);
        const events = (await store.audit.events({ operation: "RegisterUsage" })).filter(
          ({ outcome }) => outcome === "Metered",
        );
        return { records, events: events.map(({ requestId: _, ...kept }) => kept), commits };
      };
      await withStore(engine, async (one) => {
        const each = await live(one, async (instants) => {
          for (const at of instants) await metering(one).runDue(at);
        });
        await withStore(engine, async (other) => {
          const arrived: number[] = [];
          const together = await live(other, async ([first = 0, ...rest]) => {
            const until = rest.at(-1) ?? 0;
            await metering(other).runDue(first, { until, arrive: (at) => arrived.push(at) > 0 });
            expect(arrived).toEqual(rest);
          });
          expect(each.records).toHaveLength(50 + 21 + 30);
          expect(together.records).toEqual(each.records);
          expect(together.events).toEqual(each.events);
          if (engine.name === "sqlite") expect([each.commits, together.commits]).toEqual([51, 1]);
        });
      });
    });

    test("ahead goes no further than it may, and not past a stop that nobody told of", async () => {
      await withStore(engine, async (store) => {
        await register(store, task(1));
        const late = task(2, { launchedAt: startAt + 250 * minute, startedAt: startAt + 250 * minute });
        const simulatedStop = simulated({ resource: late.resource, stoppedAt: startAt + 260 * minute });
        const arrived: number[] = [];
        const run = async (from: number, until: number, last = until): Promise<number> => {
          const arrive = (at: number): boolean => at <= startAt + last * hourMs && arrived.push(at) > 0;
          await metering(store).runDue(startAt + from * hourMs, { until: startAt + until * hourMs, arrive });
          return (await store.ledger.count({})).quantity / 60;
        };
        expect(await run(1, 2)).toBe(120);
        expect(await run(3, 9, 4)).toBe(240);
        await register(store, late);
        await store.catalog.apply({ workloads: [simulatedStop] });
        expect(await run(5, 9, 5)).toBe(310);
        expect(await run(6, 6)).toBe(370);
        expect(arrived.map((at) => (at - startAt) / hourMs)).toEqual([2, 4]);
        const later = task(3, { launchedAt: startAt + 490 * minute, startedAt: startAt + 490 * minute });
        await register(store, later);
        await store.catalog.apply({
          workloads: [simulated({ resource: later.resource, stoppedAt: startAt + 495 * minute })],
        });
        // Due first at the ninth hour, or at its stop: which of the two is not known before it is told.
        expect(await run(7, 20)).toBe(490);
        expect(arrived.map((at) => (at - startAt) / hourMs)).toEqual([2, 4, 8]);
      });
    });

    test("a stop that comes while its hour is being metered is not run over", async () => {
      await withStore(engine, async (store) => {
        await register(store, task(1));
        const stopped = metering(store).onWorkloadStopped(task(1).resource, startAt + 20 * minute);
        // Decided on the registration of before the stop, committed after it.
        const turn = metering(store).runDue(startAt + 2 * hourMs);
        await Promise.all([stopped, turn]);
        await metering(store).runDue(startAt + 2 * hourMs);
        expect(byHour(await recordsOf(store.ledger))).toEqual({ "2026-08-15T10:00:00.000Z": 1_200 });
      });
    });

    test("of several stops the newest counts, until the last second is in the ledger", async () => {
      await withStore(engine, async (store, { bothTimes }) => {
        await register(store, task(1));
        const { resource } = task(1);
        await metering(store).onWorkloadStopped(resource, startAt + 30 * minute);
        await metering(store).onWorkloadStopped(resource, startAt + 20 * minute);
        await metering(store).runDue(startAt + 40 * minute);
        await metering(store).onWorkloadStopped(resource, startAt + 50 * minute);
        await metering(store).runDue(startAt + 5 * hourMs);
        await bothTimes(async ({ ledger }) => {
          expect(byHour(await recordsOf(ledger))).toEqual({ "2026-08-15T10:00:00.000Z": 1_200 });
          expect(ledger.workloads({})).toMatchObject([{ stoppedAt: startAt + 20 * minute, meteringClosed: true }]);
        });
      });
    });

    test("a stop dated back before metered hours takes none of them back and adds none", async () => {
      await withStore(engine, async (store) => {
        await register(store, task(1));
        await metering(store).runDue(startAt + 2 * hourMs);
        await metering(store).onWorkloadStopped(task(1).resource, startAt + 30 * minute);
        await metering(store).runDue(startAt + 9 * hourMs);
        expect(await store.ledger.count({})).toEqual({ count: 2, quantity: 7_200 });
        expect(store.ledger.openRegistrations()).toEqual([]);
      });
    });

    test("a stop that only the catalogue knows counts before another hour is kept", async () => {
      await withStore(engine, async (store) => {
        const { accessKeyId, resource } = task(1);
        await register(store, task(1));
        const key = credential({ accessKeyId, accountId: buyerId, kind: "ecs-task", resource });
        await store.catalog.apply({ credentials: [{ ...key, stoppedAt: startAt + 70 * minute }] });
        await register(store, task(2));
        await store.catalog.apply({
          workloads: [simulated({ resource: task(2).resource, stoppedAt: startAt + 80 * minute })],
        });
        await metering(store).runDue(startAt + 9 * hourMs);
        const totals = [task(1), task(2)].map((one) => store.ledger.count({ resource: one.resource }));
        expect((await Promise.all(totals)).map(({ quantity }) => quantity)).toEqual([70 * 60, 80 * 60]);
      });
    });

    test("a resource that never registered can stop; MeterUsage's workloads are not metered", async () => {
      await withStore(engine, async (store) => {
        await metering(store).onWorkloadStopped("arn:of-nothing", startAt);
        await register(store, task(1, { operation: "MeterUsage" }));
        await metering(store).runDue(startAt + 9 * hourMs);
        expect(await store.ledger.count({})).toEqual({ count: 0, quantity: 0 });
      });
    });

    test("R-11: registered within six hours from launch, later from the month's start", async () => {
      await withStore(engine, async (store) => {
        const lives: readonly (Partial<MeteringWorkload> & { readonly hours: number })[] = [
          { launchedAt: startAt - 6 * hourMs, startedAt: startAt, hours: 7 },
          { launchedAt: startAt - 6 * hourMs - 1_000, startedAt: startAt, hours: 7 },
          // Launched in July: from 1 August on.
          { launchedAt: Date.UTC(2026, 6, 20), startedAt: startAt, hours: 14 * 24 + 11 },
        ];
        for (const [index, { hours: _, ...times }] of lives.entries()) await register(store, task(index, times));
        await metering(store).runDue(startAt + hourMs);
        const totals = await Promise.all(
          lives.map((_, index) => store.ledger.count({ resource: task(index).resource })),
        );
        expect(totals.map(({ quantity }) => quantity)).toEqual([7 * 3_600, 7 * 3_600 + 1, (14 * 24 + 11) * 3_600]);
        const byRegistration = createRegisteredUsage({
          store,
          settings: () => settingsSchema.parse({ meteredFrom: "registration" }),
        });
        const late = task(9, { launchedAt: startAt, startedAt: startAt + 90 * minute });
        await register(store, late);
        await byRegistration.runDue(startAt + 2 * hourMs);
        expect(byHour(await recordsOf(store.ledger, late.resource))).toEqual({ "2026-08-15T11:00:00.000Z": 1_800 });
      });
    });

    test("R-15, C-16: the publisher's preview and licences brought along are kept and not billed", async () => {
      await withStore(engine, async (store) => {
        const byol = "broughtalong0000000000000";
        const hourly = product({ type: "container-hourly" });
        await store.catalog.apply({ products: [hourly, product({ code: byol, type: "container-byol" })] });
        await register(store, task(1));
        await register(store, task(2, { accountId: hourly.sellerAccountId }));
        await register(store, task(3, { productCode: byol }));
        await metering(store).runDue(startAt + hourMs);
        const billable = async (resource: string) =>
          (await store.ledger.records({ resource })).map((record) => [record.quantity, record.billable]);
        expect(await billable(task(1).resource)).toEqual([[3_600, true]]);
        expect(await billable(task(2).resource)).toEqual([[3_600, false]]);
        expect(await billable(task(3).resource)).toEqual([[3_600, false]]);
      });
    });

    test("a unit over a registration that has moved on keeps nothing", async () => {
      await withStore(engine, async (store) => {
        await register(store, task(1));
        const [seen] = store.ledger.openRegistrations();
        if (seen === undefined) throw new Error("nothing registered");
        await store.ledger.endWorkload({ resource: seen.resource, at: startAt + minute });
        const { ledger } = store;
        const unit = { seen, records: [], meteredUntil: startAt + hourMs, meteringClosed: false };
        const audit = { ...(await store.audit.events({}))[0] } as never;
        expect(await ledger.meter({ ...unit, audit })).toBe(false);
        expect(ledger.openRegistrations()).toEqual([{ ...seen, stoppedAt: startAt + minute }]);
      });
    });

    test("after stop() no turn begins", async () => {
      await withStore(engine, async (store) => {
        await register(store, task(1));
        const meter = metering(store);
        await meter.stop();
        await meter.runDue(startAt + 9 * hourMs);
        expect(await store.ledger.count({})).toEqual({ count: 0, quantity: 0 });
      });
    });
  });
}
