/** The audit trail's contract. */
import { describe, expect, test } from "vitest";
import { engines, withStore } from "./engines.ts";
import { event } from "./fixtures.ts";

for (const engine of engines) {
  describe(`${engine.name}: audit trail`, () => {
    test("events come back as they were given, newest first, also after a restart", async () => {
      await withStore(engine, async ({ audit }, { bothTimes }) => {
        const given = [
          event({ at: 1_000, detail: { productCode: "p", statuses: "SR", source: "127.0.0.1", userAgent: "curl" } }),
          event({ at: 3_000, operation: "MeterUsage", outcome: "DuplicateRequestException" }),
          event({ at: 3_000, requestId: "REQ-not-a-uuid", accessKeyId: "AKIAOTHER" }),
          event({ at: 2_000, region: "eu-west-1", accountId: "000000000001" }),
        ];
        await Promise.all(given.map((each) => audit.append(each)));
        const expected = [given[2], given[1], given[3], given[0]];
        await bothTimes(async (store) => expect(await store.audit.events({})).toEqual(expected));
      });
    });

    test("filters and limits", async () => {
      await withStore(engine, async ({ audit }) => {
        const given = Array.from({ length: 120 }, (_, n) =>
          event({ at: n, operation: n % 3 === 0 ? "ResolveCustomer" : "BatchMeterUsage", requestId: `r${n}` }),
        );
        await Promise.all(given.map((each) => audit.append(each)));
        expect(await audit.events({})).toHaveLength(100);
        expect(await audit.events({}, 500)).toHaveLength(120);
        expect((await audit.events({}, 1)).map((each) => each.at)).toEqual([119]);
        expect((await audit.events({ fromAt: 10, toAt: 12 })).map((each) => each.at)).toEqual([12, 11, 10]);
        expect((await audit.events({ requestId: "r7" })).map((each) => each.at)).toEqual([7]);
        expect(await audit.events({ requestId: "r7", fromAt: 8 })).toEqual([]);
        expect(await audit.events({ operation: "ResolveCustomer" })).toHaveLength(40);
        expect(await audit.events({ operation: "RegisterUsage" })).toEqual([]);
      });
    });
  });
}
