/** 90 days of business time (H-10), and what the ledger's records take from their calls, which stays. */
import { describe, expect, test } from "vitest";
import { engines, withStore } from "../store/engines.ts";
import { claim, event, hour, unit } from "../store/fixtures.ts";

const identity = { kind: "iam-user", name: "meter", createdAt: 1 } as const;

for (const engine of engines) {
  describe(engine.name, () => {
    test("old events go, some at a time; usage keeps its request id and its time; numbers are not given out again", async () => {
      await withStore(engine, async (first, { reopen }) => {
        const at = (n: number) => ({ audit: () => event({ at: n, requestId: `r${n}`, identity }) });
        await first.ledger.claim(unit([claim()], at(1)));
        for (let n = 2; n <= 6; n += 1) await first.audit.append(event({ at: n, identity }));
        await first.ledger.claim(unit([claim({ holder: "another", quantity: 7 })], at(7)));
        const before = await first.ledger.records({});
        expect(await first.audit.prune(7, 2)).toBe(2);
        expect(await first.audit.events({})).toHaveLength(5);
        expect(await first.audit.prune(7, 100)).toBe(4);
        expect(await first.audit.prune(7, 100)).toBe(0);
        expect((await first.audit.events({})).map((one) => one.requestId)).toEqual(["r7"]);
        expect(await first.audit.events({ requestId: "r1" })).toEqual([]);
        expect(await first.ledger.records({})).toEqual(before);
        expect(before.map((record) => [record.requestId, record.receivedAt])).toEqual(
          expect.arrayContaining([
            ["r1", 1],
            ["r7", 7],
          ]),
        );

        const second = await reopen();
        // The newest stays as it is, however old: its number must not come again.
        expect(await second.audit.prune(1_000, 100)).toBe(0);
        await second.ledger.claim(unit([claim({ hour: hour + 1 })], at(8)));
        expect(await second.audit.prune(1_000, 100)).toBe(1);
        const records = await second.ledger.records({});
        expect(records.map((record) => record.requestId).sort()).toEqual(["r1", "r7", "r8"]);
        const [call, ...others] = await second.audit.page({}, 10);
        expect(others).toEqual([]);
        expect(call?.stored.map((record) => record?.hourAt)).toEqual([(hour + 1) * 3_600_000]);
      });
    });

    test("pages go on where they ended, also when calls came in between", async () => {
      await withStore(engine, async ({ audit }) => {
        for (let n = 0; n < 5; n += 1) await audit.append(event({ at: n % 2, requestId: `r${n}`, identity }));
        const [one, two] = await audit.page({}, 2);
        expect([one, two].map((call) => call?.event.requestId)).toEqual(["r3", "r1"]);
        await audit.append(event({ at: 9, requestId: "new" }));
        const rest = await audit.page({}, 10, two?.position);
        expect(rest.map((call) => call.event.requestId)).toEqual(["r4", "r2", "r0"]);
        await expect(audit.page({}, 10, "nonsense")).rejects.toThrow(/cursor/);
        // What the server did by itself is nobody's call.
        expect(await audit.page({ isCall: true }, 10)).toHaveLength(5);
      });
    });
  });
}
