/**
 * A record of nothing for an hour that was not over takes the hour's key, and usage that comes after it is refused as a
 * duplicate (K-1, B-63, M-22). Of workloads it counts only where usage was refused: those that may send many records an
 * hour (M-31) lock nothing.
 */
import { hourMs } from "../../api/limits.ts";
import type { Check, Finding, Knowledge, Look, ObservedCall, ObservedRecord } from "../observed.ts";
import { evidenceMax } from "../observed.ts";
import { bookOf, claimOf, isHeartbeat } from "./book.ts";
import { createTally, findingOf, type Group, hasUnits, type Place, plural, type Sight, showUnits } from "./tally.ts";
import { createRecent, isDuplicate, placeOf, productOf } from "./usage.ts";
import { usageOf } from "./usageKeys.ts";

interface Heartbeat extends Place {
  readonly dimension: string;
  /** The most that was sent for the hour afterwards. */
  refused: number;
  readonly isRisk: boolean;
  readonly sights: Sight[];
}

const name = "heartbeat-locks-hour";

export const heartbeatLocksHour: Check = {
  name,
  about: "Records of quantity 0 for an hour that was not over: they lock the hour, and later usage is not billed.",
  look,
};

function look(known: Knowledge): Look {
  const book = bookOf(known);
  const tally = createTally();
  const heartbeats = createRecent<string, Heartbeat>((one) => {
    const { dimension, refused, sights } = one;
    if (refused === 0 && !one.isRisk) return;
    tally.add(one, { dimension, quantity: refused, figures: { lost: refused > 0 ? 1 : 0 }, sights });
  });

  const see = (call: ObservedCall, record: ObservedRecord): void => {
    const { at, requestId, region } = call;
    const { key } = usageOf(call, record, known);
    const claim = claimOf(book, key, call);
    if (isDuplicate(call, record)) {
      const one = heartbeats.get(`${region} ${key}`);
      if (one === undefined) return;
      one.refused = Math.max(one.refused, record.quantity);
      if (record.quantity > 0 && one.sights.length < evidenceMax) one.sights.push({ at, requestId });
    } else if (claim !== undefined && isHeartbeat(claim, record)) {
      heartbeats.set(
        `${region} ${key}`,
        {
          ...placeOf(call, record, known),
          dimension: record.dimension,
          refused: 0,
          isRisk: call.operation === "BatchMeterUsage" && !isFinal(call, record, known),
          sights: [{ at, requestId }],
        },
        at,
      );
    }
  };

  return {
    see: (call) => {
      book.see(call);
      heartbeats.expire(call.at);
      for (const record of call.records) {
        if (record.status === "Success" || isDuplicate(call, record)) see(call, record);
      }
    },
    findings: () => {
      heartbeats.drain();
      return tally.groups().map(finding);
    },
  };
}

/** B-82: a client that stops to serve a customer may close the running hour, which has nothing more to come. */
function isFinal(call: ObservedCall, record: ObservedRecord, known: Knowledge): boolean {
  const account = known.accountOf(record);
  const productCode = productOf(call, record, known);
  return known.metered.some(
    (one) =>
      one.productCode === productCode &&
      one.buyerAccountId === account &&
      one.to !== undefined &&
      one.to > call.at &&
      one.to <= record.hourAt + 2 * hourMs,
  );
}

function finding(group: Group): Finding {
  const { lost = 0 } = group.figures;
  const sent = `${plural(group.count, "record")} of quantity 0 came before the hour was over`;
  return findingOf(group, {
    check: name,
    severity: hasUnits(group) ? "lost-revenue" : "risk",
    title: hasUnits(group)
      ? `${sent}, and later usage of ${plural(lost, "hour")} was refused for it: ${showUnits(group.quantities)} not billed.`
      : `${sent}: usage that comes later in such an hour is refused as a duplicate.`,
    fix: "Send a record of quantity 0 only for an hour that is over and was empty, never for the running one.",
    rules: ["K-1", "B-63", "M-22"],
  });
}
