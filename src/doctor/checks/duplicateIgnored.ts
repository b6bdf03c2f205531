/**
 * Usage that met a key that another quantity holds: nothing of it was added (B-62, M-21). What is lost: where more was
 * sent than is held, the difference, as for a total that grew; otherwise what was sent, as for a part that should have
 * been added. Keys that a zero record took too early are `heartbeat-locks-hour`'s.
 */
import type { Check, Finding, Knowledge, Look, ObservedCall, ObservedRecord } from "../observed.ts";
import { evidenceMax } from "../observed.ts";
import { bookOf, isHeartbeat } from "./book.ts";
import type { Held } from "./heldHour.ts";
import { createTally, findingOf, type Group, hasUnits, type Place, plural, type Sight, showUnits } from "./tally.ts";
import { createRecent, isDuplicate, placeOf } from "./usage.ts";
import { usageOf } from "./usageKeys.ts";

interface Refused extends Place {
  readonly dimension: string;
  /** undefined: it was stored before the trail begins. */
  readonly held: Held | undefined;
  /** Each once, in the order in which they came. */
  readonly sent: number[];
  times: number;
  readonly sights: Sight[];
}

const name = "duplicate-ignored";
/** Of one key; who sends more is told of these. */
const sentMax = 100;

export const duplicateIgnored: Check = {
  name,
  about: "Usage answered with DuplicateRecord, as the hour held another quantity already: it was not added.",
  look,
};

function look(known: Knowledge): Look {
  const book = bookOf(known);
  const tally = createTally();
  const refused = createRecent<string, Refused>((one) => {
    const { dimension, held, sent, times, sights } = one;
    const most = Math.max(...sent);
    const sum = sent.reduce((total, quantity) => total + quantity, 0);
    const isTotal = held !== undefined && most > held.quantity;
    const lost = held === undefined ? 0 : isTotal ? most - held.quantity : sum;
    const told = held === undefined ? { unknown: 1 } : { sent: isTotal ? most : sum, held: held.quantity };
    const first = held === undefined ? [] : [held];
    tally.add(one, {
      ...{ dimension, quantity: lost, sights: [...first, ...sights] },
      figures: { ...told, again: times - sent.length },
    });
  });

  const seeDuplicate = (call: ObservedCall, record: ObservedRecord): void => {
    const { dimension, quantity } = record;
    const { at, requestId, region } = call;
    const { key } = usageOf(call, record, known);
    const held = book.held(key, region);
    // A zero record for an hour with usage loses nothing; J-5: nor does the same quantity, where resends are refused.
    if (quantity === 0 || held?.quantity === quantity) return;
    if (held !== undefined && isHeartbeat(held, record)) return;
    const place = placeOf(call, record, known);
    const regional = `${region} ${key}`;
    const one = refused.get(regional) ?? { ...place, dimension, held, sent: [], times: 0, sights: [] };
    refused.set(regional, one, at);
    one.times += 1;
    if (one.sent.length < sentMax && !one.sent.includes(quantity)) one.sent.push(quantity);
    if (one.sights.length < evidenceMax) one.sights.push({ at, requestId });
  };

  return {
    see: (call) => {
      book.see(call);
      refused.expire(call.at);
      for (const record of call.records) if (isDuplicate(call, record)) seeDuplicate(call, record);
    },
    findings: () => {
      refused.drain();
      return tally.groups().map(finding);
    },
  };
}

function finding(group: Group): Finding {
  const { sent = 0, held = 0, unknown = 0, again = 0 } = group.figures;
  const isKnown = unknown < group.count;
  const parts = [
    ...(isKnown ? [`${sent} sent where ${held} ${held === 1 ? "is" : "are"} held`] : []),
    ...(hasUnits(group) ? [`${showUnits(group.quantities)} not billed`] : []),
    ...(unknown > 0 ? [`of ${plural(unknown, "hour")} the trail does not tell what is held`] : []),
    ...(again > 0 ? [`${plural(again, "time")} sent again unchanged`] : []),
  ];
  return findingOf(group, {
    check: name,
    severity: "lost-revenue",
    title: `Usage of ${plural(group.count, "hour")} was refused as a duplicate of another quantity: ${parts.join("; ")}.`,
    fix:
      "Send one record for a customer, dimension and hour, with the sum, once the hour is over; repeat it after a lost " +
      "answer with exactly the quantity of the first try, and compare the quantities of every DuplicateRecord.",
    rules: ["K-3", "K-6", "B-62", "M-21"],
  });
}
