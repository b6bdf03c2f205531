/**
 * Batches of a few records, many a minute: rates count calls and not records (C-32). Looked at minute by minute of one
 * caller, product and Region; calls that stored nothing new, such as those that send something again, do not count. A
 * minute counts where ten calls and more had three records each at most, and a fifth of them would have done; three such
 * minutes are a habit, where one or two may be the end of an outage or a refused batch that was sent in pieces.
 */
import { minuteMs } from "../../api/limits.ts";
import type { Check, Knowledge, Look, ObservedCall } from "../observed.ts";
import { evidenceMax } from "../observed.ts";
import { bookOf, claimOf } from "./book.ts";
import { principalOf } from "./evidence.ts";
import { createTally, findingOf, plural, type Sight } from "./tally.ts";
import { productOf } from "./usage.ts";
import { usageOf } from "./usageKeys.ts";

interface Minute {
  readonly startsAt: number;
  readonly productCode: string;
  readonly caller: string;
  calls: number;
  records: number;
  readonly sights: Sight[];
}

const name = "small-batches";
const batchMax = 25;
const callsMin = 10;
const recordsPerCallMax = 3;
const fewerMin = 5;
const minutesMin = 3;

export const smallBatches: Check = {
  name,
  about: "Many calls a minute with a few records each, where BatchMeterUsage takes 25.",
  look,
};

function look(known: Knowledge): Look {
  const book = bookOf(known);
  const tally = createTally();
  const minutes = new Map<string, Minute>();
  const settle = (minute: Minute): void => {
    const { calls, records, sights } = minute;
    const needed = Math.ceil(records / batchMax);
    if (calls < callsMin || records > recordsPerCallMax * calls || needed > calls / fewerMin) return;
    tally.add(minute, { count: calls, sights, figures: { minutes: 1, records, needed } });
  };
  return {
    see: (call) => {
      book.see(call);
      const fresh = freshRecords(call);
      if (call.operation !== "BatchMeterUsage" || fresh === 0) return;
      const { caller, region, at, requestId, records } = call;
      const productCode = records[0] === undefined ? "" : productOf(call, records[0], known);
      const key = `${productCode}\n${caller}\n${region}`;
      const startsAt = Math.floor(at / minuteMs) * minuteMs;
      let minute = minutes.get(key);
      if (minute === undefined || minute.startsAt !== startsAt) {
        if (minute !== undefined) settle(minute);
        minute = { startsAt, productCode, caller: principalOf(caller), calls: 0, records: 0, sights: [] };
        minutes.set(key, minute);
      }
      minute.calls += 1;
      minute.records += fresh;
      if (minute.sights.length < evidenceMax) minute.sights.push({ at, requestId });
    },
    findings: () => {
      for (const minute of minutes.values()) settle(minute);
      minutes.clear();
      const habits = tally.groups().filter(({ figures }) => (figures.minutes ?? 0) >= minutesMin);
      return habits.map((group) => {
        const { minutes: count = 0, records = 0, needed = 0 } = group.figures;
        return findingOf(group, {
          check: name,
          severity: "advice",
          title:
            `${plural(records, "record")} went out in ${plural(group.count, "call")} within ${plural(count, "minute")}, ` +
            `where ${plural(needed, "call")} would have done.`,
          fix: "Collect the records of all customers and send up to 25 of them in a call: rates count calls, not records.",
          rules: ["C-32", "B-7"],
        });
      });
    },
  };

  function freshRecords(call: ObservedCall): number {
    return call.records.filter(
      (record) => record.status === "Success" && claimOf(book, usageOf(call, record, known).key, call) !== undefined,
    ).length;
  }
}
