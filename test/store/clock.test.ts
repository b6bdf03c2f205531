/** How the business clock goes is a row of the catalogue: kept with its change, found again, gone with everything else. */
import { describe, expect, test } from "vitest";
import type { ClockState } from "../../src/api/types.ts";
import { engines, withStore } from "./engines.ts";
import { account } from "./fixtures.ts";

const states: readonly ClockState[] = [
  { mode: "standing", at: 1_786_789_200_123 },
  { mode: "running", rate: 0.5, at: 1_786_789_200_123, wallAt: 1_700_000_000_001 },
  { mode: "following" },
];

for (const engine of engines) {
  describe(`${engine.name}: clock`, () => {
    test("none at first; the last that was kept, also after a restart and beside other changes", async () => {
      await withStore(engine, async ({ catalog }, { reopen }) => {
        expect(catalog.clock()).toBeUndefined();
        let now = catalog;
        for (const clock of states) {
          await now.apply({ clock });
          await now.apply({ accounts: [account()] });
          expect(now.clock()).toEqual(clock);
          now = (await reopen()).catalog;
          expect(now.clock()).toEqual(clock);
        }
      });
    });

    test("a store that is emptied has none", async () => {
      await withStore(engine, async (store, { bothTimes }) => {
        await store.catalog.apply({ clock: { mode: "standing", at: 5 } });
        await store.reset();
        await bothTimes(({ catalog }) => expect(catalog.clock()).toBeUndefined());
      });
    });
  });
}
