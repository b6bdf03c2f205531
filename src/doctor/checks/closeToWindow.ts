/**
 * Usage that arrived within the last hour of its window, and usage that came after it and is lost (K-13). Usage that is
 * merely late is fine. A server of an older revision has shorter windows: what it refused in AWS's window of today is not
 * told apart from usage before a subscription, and left out.
 */
import { hourMs } from "../../api/limits.ts";
import { showSpan } from "../../rules/times.ts";
import type { Check, Finding, Knowledge, Look, ObservedCall, ObservedRecord } from "../observed.ts";
import { bookOf, claimOf, quantityHeld } from "./book.ts";
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
  sightOf,
} from "./tally.ts";
import { createRecent, isAccepted, placeOf } from "./usage.ts";
import { type UsageKey, usageOf } from "./usageKeys.ts";
import { isOutOfBounds, windowEnd } from "./window.ts";
import { createZones, shiftOf } from "./zone.ts";

const name = "close-to-window";
const closeMs = hourMs;

export const closeToWindow: Check = {
  name,
  about: "Usage that was accepted in the last hour of its window, or refused as it came after it.",
  look,
};

interface Late extends Place {
  readonly dimension: string;
  readonly quantity: number;
  readonly shift: number | undefined;
  readonly sights: readonly Sight[];
}

function look(known: Knowledge): Look {
  const book = bookOf(known);
  const accepted = createTally();
  const refused = createTally();
  const zones = createZones(known);
  /** Once each, however often it was sent. */
  const late = createRecent<UsageKey, Late>((one) => {
    // `late-by-time-zone` tells of it.
    if (one.shift !== undefined && one.shift === zones.west(one)) return;
    const { dimension, quantity, sights } = one;
    refused.add(one, { dimension, quantity, sights });
  });
  const latest = new Map<string, number>();

  const seeRefused = (call: ObservedCall, record: ObservedRecord, key: UsageKey): void => {
    const isPast = record.timestampAt < call.at && isOutOfBounds(call, record);
    if (!isPast || quantityHeld(book, key) !== undefined || late.get(key) !== undefined) return;
    const place = placeOf(call, record, known);
    const { dimension, quantity } = record;
    late.set(key, { ...place, dimension, quantity, shift: shiftOf(call, record), sights: [sightOf(call)] }, call.at);
  };

  return {
    see: (call) => {
      book.see(call);
      late.expire(call.at);
      for (const record of call.records) {
        const { key } = usageOf(call, record, known);
        if (call.outcome === "TimestampOutOfBoundsException") seeRefused(call, record, key);
        const isNew = isAccepted(record) && claimOf(book, key, call) !== undefined;
        const leftMs = windowEnd(call, record) - call.at;
        if (!isNew || leftMs > closeMs || leftMs < 0) continue;
        const place = placeOf(call, record, known);
        const group = placeKey(place);
        latest.set(group, Math.min(leftMs, latest.get(group) ?? leftMs));
        accepted.add(place, { sights: [sightOf(call)] });
      }
      zones.see(call);
    },
    findings: () => {
      late.drain();
      const risks = accepted.groups().map((group) => {
        return acceptedFinding(group, latest.get(placeKey(group)) ?? 0);
      });
      return [...refused.groups().map(refusedFinding), ...risks];
    },
  };
}

const fix =
  "Send every hour's usage as soon as the hour is over, and after an outage the oldest first: BatchMeterUsage takes it " +
  "less than 24 hours, MeterUsage 6 hours, and on the first of a month the last one closes at 06:00 UTC.";
const rules = ["K-13", "B-50", "B-53", "M-9"];

function refusedFinding(group: Group): Finding {
  const units = hasUnits(group) ? `: ${showUnits(group.quantities)} not billed` : ", all of them of quantity 0";
  return findingOf(group, {
    check: name,
    severity: hasUnits(group) ? "lost-revenue" : "risk",
    title: `${plural(group.count, "record")} came after the end of the window and can never be billed${units}.`,
    fix,
    rules,
  });
}

function acceptedFinding(group: Group, leftMs: number): Finding {
  return findingOf(group, {
    check: name,
    severity: "risk",
    title:
      `${plural(group.count, "record")} arrived in the last hour of the window, the latest ${showSpan(leftMs)} before ` +
      "its end: a short outage would have lost them.",
    fix,
    rules,
  });
}
