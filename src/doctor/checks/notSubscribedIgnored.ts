/**
 * CustomerNotSubscribed is an answer of HTTP 200 that is easily taken for success (K-7). One such answer says nothing of
 * the client: the news of a cancellation takes its time, and a record that nobody is billed for may be given up. It was
 * overlooked where
 *   - the same record came three times, or
 *   - usage of the same customer went on coming half an hour and more after the answer, with nothing accepted between, or
 *   - the customer's usage was accepted again, and a record of a time at which it could be metered was not sent again.
 */
import { minuteMs } from "../../api/limits.ts";
import type { Check, Finding, Knowledge, Look, ObservedCall, ObservedRecord } from "../observed.ts";
import { evidenceMax } from "../observed.ts";
import { bookOf } from "./book.ts";
import { createTally, findingOf, type Group, hasUnits, type Place, plural, type Sight, showUnits } from "./tally.ts";
import { createRecent, isAccepted, keptMs, placeOf } from "./usage.ts";
import { type Usage, type UsageKey, usageOf } from "./usageKeys.ts";

/** Answers of CustomerNotSubscribed for one customer, with nothing accepted in between. */
interface Streak {
  readonly startedAt: number;
  lastAt: number;
  wentOn: boolean;
  /** When the customer's usage was accepted again. */
  resumedAt?: number;
}

interface Unbilled extends Place {
  readonly record: ObservedRecord;
  readonly streak: Streak;
  times: number;
  readonly sights: Sight[];
}

const name = "not-subscribed-ignored";
const timesMin = 3;
const noticeMs = 30 * minuteMs;
const resendMs = 15 * minuteMs;

export const notSubscribedIgnored: Check = {
  name,
  about: "Records answered with CustomerNotSubscribed that were sent again and again, or left behind unbilled.",
  look,
};

function look(known: Knowledge): Look {
  const book = bookOf(known);
  const streaks = new Map<string, Streak>();
  const tally = createTally();
  const unbilled = createRecent<UsageKey, Unbilled>((one) => {
    if (!wasOverlooked(one, known)) return;
    const { record, times, sights } = one;
    const { dimension, quantity } = record;
    tally.add(one, { dimension, quantity, sights, figures: { again: times - 1 } });
  });

  const seeRefusal = (call: ObservedCall, record: ObservedRecord, { holder, key }: Usage): void => {
    // B-69: what was accepted is billed, whatever a replay of it is told.
    if (book.heldAll(key).length > 0) return;
    const { at, requestId } = call;
    const streak = streakAt(streaks, holder, at);
    const before = unbilled.get(key);
    if (before === undefined) {
      const place = placeOf(call, record, known);
      unbilled.set(key, { ...place, record, streak, times: 1, sights: [{ at, requestId }] }, at);
      return;
    }
    before.times += 1;
    if (before.sights.length < evidenceMax) before.sights.push({ at, requestId });
  };

  return {
    see: (call) => {
      book.see(call);
      unbilled.expire(call.at);
      for (const record of call.records) {
        const isRefusal = record.status === "CustomerNotSubscribed";
        if (!isRefusal && !isAccepted(record)) continue;
        const usage = usageOf(call, record, known);
        if (isRefusal) {
          seeRefusal(call, record, usage);
          continue;
        }
        unbilled.delete(usage.key);
        const streak = streaks.get(usage.holder);
        if (streak !== undefined) streak.resumedAt = call.at;
        streaks.delete(usage.holder);
      }
    },
    findings: () => {
      unbilled.drain();
      return tally.groups().map(finding);
    },
  };
}

function streakAt(streaks: Map<string, Streak>, holder: string, at: number): Streak {
  const before = streaks.get(holder);
  // After so long it is another story: the customer came back, and left again.
  if (before === undefined || at - before.lastAt > keptMs) {
    const streak = { startedAt: at, lastAt: at, wentOn: false };
    streaks.set(holder, streak);
    return streak;
  }
  before.lastAt = at;
  if (at - before.startedAt >= noticeMs) before.wentOn = true;
  return before;
}

function wasOverlooked({ record, streak, times, productCode }: Unbilled, known: Knowledge): boolean {
  if (streak.wentOn || times >= timesMin) return true;
  const { resumedAt } = streak;
  if (resumedAt === undefined || record.quantity === 0 || known.now - resumedAt < resendMs) return false;
  // B-56: usage from before the subscription could not be sent again.
  const account = known.accountOf(record);
  return known.metered.some(
    (one) =>
      one.productCode === productCode &&
      one.buyerAccountId === account &&
      one.from <= record.timestampAt &&
      (one.to === undefined || record.timestampAt < one.to),
  );
}

function finding(group: Group): Finding {
  const units = hasUnits(group) ? `: ${showUnits(group.quantities)} not billed` : ", all of them of quantity 0";
  const { again = 0 } = group.figures;
  const repeated = again === 0 ? "" : `; ${again === 1 ? "one was" : `${again} were`} only sent again`;
  return findingOf(group, {
    check: name,
    severity: hasUnits(group) ? "lost-revenue" : "advice",
    title: `${plural(group.count, "record")} answered with CustomerNotSubscribed went unnoticed${units}${repeated}.`,
    fix:
      "Read Status of every result: stop to meter, and to serve, a customer who is not subscribed, and send the usage " +
      "again, within its window, once the subscription is active.",
    rules: ["K-7", "B-2", "B-68", "B-83"],
  });
}
