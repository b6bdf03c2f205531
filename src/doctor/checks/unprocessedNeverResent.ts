/**
 * Records that came back in UnprocessedRecords and were left there (B-90, B-91). A client has 15 minutes from the last
 * time that it was told, and one that was seen to take longer has half as much again as it took; until then nothing is
 * said of the record. Usage that was accepted for the same hour, in whatever Region, is no loss as far as it goes.
 */
import type { Check, Finding, Knowledge, Look, ObservedCall, ObservedRecord } from "../observed.ts";
import { evidenceMax } from "../observed.ts";
import { bookOf, quantityHeld } from "./book.ts";
import { createTally, findingOf, type Group, hasUnits, type Place, plural, type Sight, showUnits } from "./tally.ts";
import { createPatience, createRecent, isAccepted, placeOf } from "./usage.ts";
import { type UsageKey, usageOf } from "./usageKeys.ts";

interface Returned extends Place {
  readonly dimension: string;
  readonly quantity: number;
  /** What was accepted for the key nevertheless. */
  held: number | undefined;
  lastAt: number;
  readonly sights: Sight[];
}

const name = "unprocessed-never-resent";

export const unprocessedNeverResent: Check = {
  name,
  about: "Records that came back in UnprocessedRecords and that no later call delivered.",
  look,
};

function look(known: Knowledge): Look {
  const book = bookOf(known);
  const patience = createPatience();
  const tally = createTally();
  const returned = createRecent<UsageKey, Returned>((one) => {
    if (!patience.isOver(one.caller, known.now - one.lastAt)) return;
    const { dimension, sights } = one;
    tally.add(one, { dimension, quantity: one.quantity - (one.held ?? 0), sights });
  });

  const seeUnprocessed = (call: ObservedCall, record: ObservedRecord, key: UsageKey): void => {
    const held = quantityHeld(book, key);
    if (held !== undefined && held >= record.quantity) return;
    const { at, requestId } = call;
    const before = returned.get(key);
    if (before !== undefined) {
      before.lastAt = at;
      if (before.sights.length < evidenceMax) before.sights.push({ at, requestId });
      return;
    }
    const { dimension, quantity } = record;
    const place = placeOf(call, record, known);
    returned.set(key, { ...place, dimension, quantity, held, lastAt: at, sights: [{ at, requestId }] }, at);
  };

  return {
    see: (call) => {
      book.see(call);
      returned.expire(call.at);
      for (const record of call.records) {
        // A whole call that failed leaves the record as undelivered as it was.
        if (record.status === "Refused") continue;
        if (returned.isEmpty && record.status !== "Unprocessed") continue;
        const { key } = usageOf(call, record, known);
        if (record.status === "Unprocessed") {
          seeUnprocessed(call, record, key);
          continue;
        }
        const before = returned.get(key);
        if (before === undefined) continue;
        patience.saw(before.caller, call.at - before.lastAt);
        if (isAccepted(record) && record.quantity < before.quantity) before.held = record.quantity;
        // What else became of it is for the checks of that.
        else returned.delete(key);
      }
    },
    findings: () => {
      returned.drain();
      return tally.groups().map(finding);
    },
  };
}

function finding(group: Group): Finding {
  const lost = hasUnits(group) ? `: ${showUnits(group.quantities)} not billed` : ", all of them of quantity 0";
  return findingOf(group, {
    check: name,
    severity: hasUnits(group) ? "lost-revenue" : "risk",
    title: `${plural(group.count, "record")} came back in UnprocessedRecords and never arrived later${lost}.`,
    fix: "Read UnprocessedRecords of every answer and send those records again, unchanged, until the list is empty.",
    rules: ["B-90", "B-91", "K-13"],
  });
}
