/** Local time that is sent as UTC (B-55, B-57): `zone.ts` says what tells it from usage that is late. */
import type { Check, Finding, Knowledge, Look, ObservedCall, ObservedRecord } from "../observed.ts";
import { bookOf, quantityHeld } from "./book.ts";
import {
  createTally,
  findingOf,
  type Group,
  hasUnits,
  type Place,
  placeKey,
  plural,
  type Sight,
  showUnits,
} from "./tally.ts";
import { createRecent, isAccepted, placeOf } from "./usage.ts";
import { type UsageKey, usageOf } from "./usageKeys.ts";
import { isOutOfBounds } from "./window.ts";
import { createZones, type Stamps, shiftOf, westOf } from "./zone.ts";

const name = "late-by-time-zone";
export const lateByTimeZone: Check = {
  name,
  about: "Timestamps off by whole or half hours, or in the future, as when local time is sent as UTC.",
  look,
};

interface Lost extends Place {
  readonly dimension: string;
  readonly quantity: number;
  readonly steps: number;
  readonly sight: Sight;
}

function look(known: Knowledge): Look {
  const book = bookOf(known);
  const zones = createZones(known);
  const tally = createTally();
  const lost = createRecent<UsageKey, Lost>((one) => {
    const isEast = one.steps < 0;
    if (!isEast && zones.west(one) !== one.steps) return;
    const { dimension, quantity, sight } = one;
    tally.add(one, { dimension, quantity, sights: [sight], figures: { [isEast ? "east" : "west"]: 1 } });
  });

  const seeLost = (call: ObservedCall, record: ObservedRecord, key: UsageKey): void => {
    const steps = shiftOf(call, record);
    if (steps === undefined || !isOutOfBounds(call, record) || quantityHeld(book, key) !== undefined) return;
    const { dimension, quantity } = record;
    const { at, requestId } = call;
    const place = placeOf(call, record, known);
    if (lost.get(key) === undefined)
      lost.set(key, { ...place, dimension, quantity, steps, sight: { at, requestId } }, at);
  };

  return {
    see: (call) => {
      book.see(call);
      lost.expire(call.at);
      for (const record of call.records) {
        const { key } = usageOf(call, record, known);
        if (isAccepted(record)) lost.delete(key);
        else if (call.outcome === "TimestampOutOfBoundsException") seeLost(call, record, key);
      }
      zones.see(call);
    },
    findings: () => {
      lost.drain();
      const shifted = zones.all().flatMap((group) => {
        const steps = westOf(group);
        const refused = tally.groups().some((one) => placeKey(one) === placeKey(group));
        return steps === undefined || refused ? [] : [shiftedFinding(group, steps)];
      });
      return [...tally.groups().map(lostFinding), ...shifted];
    },
  };
}

const fix = "Make timestamps from the epoch or in UTC, not from local time; in AWS's SDKs pass an instant, not a text.";
const rules = ["B-55", "B-57", "M-10"];

function lostFinding(group: Group): Finding {
  const { east = 0, west = 0 } = group.figures;
  const parts = [
    ...(east > 0 ? [`${plural(east, "record")} lay in the future`] : []),
    ...(west > 0 ? [`${plural(west, "record")} were too old by whole or half hours`] : []),
  ];
  const units = hasUnits(group) ? `: ${showUnits(group.quantities)} not billed` : ", all of them of quantity 0";
  return findingOf(group, {
    check: name,
    severity: hasUnits(group) ? "lost-revenue" : "risk",
    title: `${parts.join(" and ")}, as local time sent as UTC would, and were refused${units}.`,
    fix,
    rules,
  });
}

function shiftedFinding({ productCode, caller, shifted, calls }: Stamps, steps: number): Finding {
  const seen = shifted.get(steps);
  const group: Group = {
    ...{ productCode, caller, count: seen?.calls ?? 0, quantities: {}, figures: {} },
    sights: seen?.sights ?? [],
  };
  const hours = Math.floor(steps / 2);
  return findingOf(group, {
    check: name,
    severity: "risk",
    title:
      `Timestamps of ${group.count} of ${plural(calls, "call")} lie ${hours}:${steps % 2 === 0 ? "00" : "30"} hours before the ` +
      "call, as local time sent as UTC would: usage is booked for the wrong hours and comes late.",
    fix,
    rules,
  });
}
