/**
 * Local time that is sent as UTC. East of Greenwich it lies in the future and is refused; to the west it is old by as
 * many hours, which is accepted for the wrong hour or refused. What tells it from usage that is late:
 *   - refused for the future: at least a quarter of an hour ahead of the call and no more than time zones are;
 *   - otherwise: off from the call's time by the same whole or half hours, to three minutes, call for call, where the
 *     stamp is the time of the call. Stamps at the edge of an hour are off by whole hours whenever a program runs on
 *     the hour, and a stamp of an hour ago is one of the last hour: they say nothing, and there is nobody's time zone.
 */
import { hourMs, minuteMs, secondMs } from "../../api/limits.ts";
import type { Knowledge, ObservedCall, ObservedRecord } from "../observed.ts";
import { evidenceMax } from "../observed.ts";
import { type Place, placeKey, type Sight } from "./tally.ts";
import { placeOf } from "./usage.ts";

const stepMs = 30 * minuteMs;
const nearMs = 3 * minuteMs;
/** Newfoundland's summer is the least that people live at, west of Greenwich and its neighbours. */
const westMinMs = 2.5 * hourMs;
const westMaxMs = 12 * hourMs;
const eastMaxMs = 14 * hourMs;
const eastMinMs = 15 * minuteMs;
const callsMin = 3;
const shareMin = 0.9;

/** Half hours that the stamp is behind the call, negative ahead of it; undefined: nothing that a time zone explains. */
export function shiftOf({ at, outcome }: ObservedCall, { timestampAt }: ObservedRecord): number | undefined {
  const behindMs = at - timestampAt;
  const steps = Math.round(behindMs / stepMs);
  if (behindMs < 0) {
    const isEast = outcome === "TimestampOutOfBoundsException" && -behindMs >= eastMinMs && -behindMs <= eastMaxMs;
    return isEast ? Math.min(steps, -1) : undefined;
  }
  if (behindMs < westMinMs - nearMs || behindMs > westMaxMs + nearMs) return undefined;
  const intoHourMs = ((timestampAt % hourMs) + hourMs) % hourMs;
  const isEdge = intoHourMs < secondMs || intoHourMs >= hourMs - secondMs;
  return isEdge || Math.abs(behindMs - steps * stepMs) > nearMs ? undefined : steps;
}

/** Of one product and caller: stamps that are no hour's edge, by call. */
export interface Stamps extends Place {
  calls: number;
  /** By half hours behind. */
  readonly shifted: Map<number, { calls: number; readonly sights: Sight[] }>;
}

/** The stamps of every product and caller. */
export interface Zones {
  see(call: ObservedCall): void;
  /** Half hours by which the place's clock is behind; undefined: it is not. */
  west(place: Place): number | undefined;
  all(): readonly Stamps[];
}

export function createZones(known: Knowledge): Zones {
  const stamps = new Map<string, Stamps>();
  return {
    see: (call) => seeStamps(stamps, call, known),
    west: (place) => {
      const group = stamps.get(placeKey(place));
      return group === undefined ? undefined : westOf(group);
    },
    all: () => [...stamps.values()],
  };
}

/** A call has one clock: its first record whose stamp is no edge of an hour speaks for it. */
function seeStamps(stamps: Map<string, Stamps>, call: ObservedCall, known: Knowledge): void {
  const record = call.records.find(({ timestampAt }) => timestampAt % (15 * minuteMs) !== 0);
  if (record === undefined) return;
  const { at, requestId } = call;
  const place = placeOf(call, record, known);
  const key = placeKey(place);
  const group = stamps.get(key) ?? { ...place, calls: 0, shifted: new Map() };
  stamps.set(key, group);
  group.calls += 1;
  const steps = shiftOf(call, record);
  if (steps === undefined || steps < 0) return;
  const shift = group.shifted.get(steps) ?? { calls: 0, sights: [] };
  group.shifted.set(steps, shift);
  shift.calls += 1;
  if (shift.sights.length < evidenceMax) shift.sights.push({ at, requestId });
}

/** Half hours by which nine in ten of the calls are behind. */
export function westOf({ calls, shifted }: Stamps): number | undefined {
  return [...shifted].find(([, shift]) => shift.calls >= callsMin && shift.calls >= shareMin * calls)?.[0];
}
