/**
 * Each record is an hour's increment (K-4); a counter that only grows, sent as it stands, bills everything again every
 * hour. Usage that grows looks the same for a while, but not for two days and two nights: of 48 hours, one after the
 * other, none may be less than the one before, half must be more, and the last must be twice the first.
 */
import { hourMs } from "../../api/limits.ts";
import type { Check, Knowledge, Look } from "../observed.ts";
import { evidenceMax } from "../observed.ts";
import { bookOf, claimOf } from "./book.ts";
import { entryOf } from "./evidence.ts";
import type { Series } from "./heldHour.ts";
import { createTally, findingOf, type Place, plural, type Sight } from "./tally.ts";
import { placeOf } from "./usage.ts";
import { seriesOf, usageOf } from "./usageKeys.ts";

/** Of one holder and dimension: the hours that end with the last one. */
interface Run extends Place {
  hourAt: number;
  quantity: number;
  first: number;
  hours: number;
  increases: number;
  /** The first hour, and those that make it long: most runs are short, and there is one for each series. */
  readonly sights: Sight[];
}

const name = "running-totals";
const hoursMin = 48;

export const runningTotals: Check = {
  name,
  about: "Quantities of a customer that never fall for days, as those of a counter that is sent as it stands.",
  look,
};

function look(known: Knowledge): Look {
  const book = bookOf(known);
  /** By Region. */
  const allRuns = new Map<string, Map<Series, Run>>();
  const tally = createTally();
  const settle = (run: Run): void => {
    const { hours, increases, first, quantity, sights } = run;
    if (hours < hoursMin || increases < hours / 2 || quantity < 2 * first) return;
    tally.add(run, { sights, figures: { hours } });
  };
  return {
    see: (call) => {
      book.see(call);
      if (call.operation !== "BatchMeterUsage") return;
      const sight = { at: call.at, requestId: call.requestId };
      const runs = entryOf(allRuns, call.region, () => new Map<Series, Run>());
      for (const record of call.records) {
        const { quantity, hourAt, status } = record;
        const { key } = usageOf(call, record, known);
        if (status !== "Success" || claimOf(book, key, call) === undefined) continue;
        const run = runs.get(seriesOf(key));
        // An hour that came later than the one after it is left out: its place in the run is not known any more.
        if (run !== undefined && hourAt <= run.hourAt) continue;
        if (run !== undefined && hourAt === run.hourAt + hourMs && quantity >= run.quantity) {
          run.hourAt = hourAt;
          run.increases += quantity > run.quantity ? 1 : 0;
          run.quantity = quantity;
          run.hours += 1;
          if (run.hours > hoursMin - evidenceMax && run.sights.length < evidenceMax) run.sights.push(sight);
          continue;
        }
        if (run !== undefined) settle(run);
        const place = placeOf(call, record, known);
        runs.set(seriesOf(key), {
          ...place,
          hourAt,
          quantity,
          first: quantity,
          hours: 1,
          increases: 0,
          sights: [sight],
        });
      }
    },
    findings: () => {
      for (const runs of allRuns.values()) for (const run of runs.values()) settle(run);
      allRuns.clear();
      return tally.groups().map((group) =>
        findingOf(group, {
          check: name,
          severity: "risk",
          title:
            `Quantities of ${group.count} series never fell over ${plural(group.figures.hours ?? 0, "hour")}, ` +
            "as those of a running total would: hours add up, so that every hour bills the earlier ones again.",
          fix: "Send what was used in the hour and not the total of a counter: take the difference to the hour before.",
          rules: ["K-4"],
        }),
      );
    },
  };
}
