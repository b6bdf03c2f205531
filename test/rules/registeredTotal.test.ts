/** The whole of a registered workload's seconds is the sum of its hours, whatever the ledger holds of them. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { MeteringWorkload } from "../../src/api/types.ts";
import { dueSeconds, registeredSeconds, registeredSecondsTotal } from "../../src/rules/proration.ts";
import { dayMs, settings } from "./facts.ts";

const now = Date.UTC(2026, 7, 15, 10, 20);
const switches = settings({ meteredFrom: "launch" });

const life = fc.record({
  startedAgoMs: fc.integer({ min: 0, max: 3 * dayMs }),
  stoppedAfterMs: fc.option(fc.integer({ min: 0, max: 3 * dayMs }), { nil: undefined }),
});

test("R-13: registered is the sum of the hours; metered is what was due by then", () => {
  fc.assert(
    fc.property(life, ({ startedAgoMs, stoppedAfterMs }) => {
      const startedAt = now - startedAgoMs;
      const registered: MeteringWorkload = {
        ...{ productCode: "p", resource: "r", accountId: "444455556666", region: "us-east-1" },
        ...{ operation: "RegisterUsage", accessKeyId: "ASIA1", startedAt, launchedAt: startedAt },
        ...(stoppedAfterMs === undefined ? {} : { stoppedAt: startedAt + stoppedAfterMs }),
      };
      const sum = (hours: Iterable<number>): number => [...hours].reduce((all, seconds) => all + seconds, 0);
      const whole = registeredSecondsTotal(registered, switches, now);
      expect(whole).toEqual({ registered: sum(registeredSeconds(registered, switches, now).values()), metered: 0 });

      const due = dueSeconds(registered, switches, now, 1_000);
      if (due === undefined) return;
      const kept = { ...registered, meteredUntil: due.meteredUntil, meteringClosed: due.isLast };
      const { metered } = registeredSecondsTotal(kept, switches, now);
      expect(metered).toBe(sum(due.hours.map(({ seconds }) => seconds)));
    }),
  );
});
