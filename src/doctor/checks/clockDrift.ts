/** Clocks that are wrong: signatures outside the 15 minutes that AWS allows, and usage that is stamped ahead of time. */
import { minuteMs } from "../../api/limits.ts";
import type { Check, Finding, Knowledge, ObservedCall, UntracedCall } from "../observed.ts";
import { about, Evidence, entryOf } from "./evidence.ts";
import { pluralWas } from "./tally.ts";

/** Fewer calls may be a batch of the next hour, or chance. */
const aheadCallsMin = 5;
/** What is further ahead is no drift but another time zone, and is refused. */
const aheadMinMs = minuteMs;
const aheadMaxMs = 15 * minuteMs;
/** A clock that is wrong is wrong by the same time in every call. */
const aheadSpreadMs = 2 * minuteMs;

/** Anybody can send an unsigned call: of so many keys the drift is kept. */
const keysMax = 1_000;

interface Drift {
  readonly evidence: Evidence;
  /** Of the first `samplesMax`. */
  readonly skewsMs: number[];
}

interface Ahead {
  readonly productCode: string | undefined;
  readonly evidence: Evidence;
  leastMs: number;
  mostMs: number;
  isSteady: boolean;
}

const samplesMax = 1_000;

class DriftLook {
  readonly #drifts = new Map<string, Drift>();
  readonly #ahead = new Map<string, Ahead>();
  readonly #callers = new Map<string, string>();

  see(call: ObservedCall): void {
    this.#callers.set(call.accessKeyId, call.caller);
    const lead = leadOf(call);
    if (lead === undefined) return;
    const { caller, productCode } = call;
    const make = () => ({ productCode, evidence: new Evidence(), leastMs: lead, mostMs: lead, isSteady: true });
    const ahead = entryOf(this.#ahead, caller, make);
    ahead.leastMs = Math.min(ahead.leastMs, lead);
    ahead.mostMs = Math.max(ahead.mostMs, lead);
    ahead.isSteady &&= lead >= aheadMinMs && lead <= aheadMaxMs;
    ahead.evidence.add(call.requestId);
  }

  seeUntraced({ requestId, accessKeyId, outcome, errorMessage, skewMs }: UntracedCall): void {
    if (accessKeyId === undefined || skewMs === undefined) return;
    if (outcome !== "InvalidSignatureException" || !outsideWindow.test(errorMessage)) return;
    if (this.#drifts.size >= keysMax && !this.#drifts.has(accessKeyId)) return;
    const drift = entryOf(this.#drifts, accessKeyId, () => ({ evidence: new Evidence(), skewsMs: [] }));
    drift.evidence.add(requestId);
    if (drift.skewsMs.length < samplesMax) drift.skewsMs.push(skewMs);
  }

  findings(): readonly Finding[] {
    const signed = [...this.#drifts].map(([accessKeyId, drift]) => this.#ofSignatures(accessKeyId, drift));
    const stamped = [...this.#ahead]
      .filter(([, ahead]) => isDrift(ahead))
      .map(([caller, ahead]) => this.#ofTimestamps(caller, ahead));
    return [...signed, ...stamped];
  }

  #ofSignatures(accessKeyId: string, { evidence, skewsMs }: Drift): Finding {
    const median = skewsMs.toSorted((a, b) => a - b)[Math.floor(skewsMs.length / 2)] ?? 0;
    return {
      check: clockDrift.name,
      severity: "risk",
      ...about(undefined, this.#callers.get(accessKeyId) ?? accessKeyId),
      title: `${pluralWas(evidence.count, "call")} refused because the signature's time was more than 15 minutes off: the caller's clock is ${driftText(median)}.`,
      fix: "Set the clock by NTP (on EC2, the Amazon Time Sync Service); do not rely on an SDK that corrects it after a refusal.",
      rules: ["S-4", median < 0 ? "S-25" : "S-26"],
      evidence: evidence.requestIds,
      count: evidence.count,
    };
  }

  #ofTimestamps(caller: string, { productCode, evidence, leastMs, mostMs }: Ahead): Finding {
    return {
      check: clockDrift.name,
      severity: "risk",
      ...about(productCode, caller),
      title: `All ${evidence.count} calls that stamped usage with the current time stamped it ahead: the caller's clock is ${driftText((leastMs + mostMs) / 2)}.`,
      fix: "Set the clock by NTP (on EC2, the Amazon Time Sync Service): usage of the future is refused, and usage around the full hour is billed to the wrong one.",
      rules: ["B-55", "M-10"],
      evidence: evidence.requestIds,
      count: evidence.count,
    };
  }
}

/** S-25, S-26: the two ways in which a signature can be of the wrong time. */
const outsideWindow = /^Signature (?:expired|not yet current):/;

/**
 * How far the newest stamp is ahead of the call; undefined where the call says nothing of its caller's clock: it meters
 * hours that are over, or names an hour by its start, as one does without looking at the clock.
 */
function leadOf({ at, records }: ObservedCall): number | undefined {
  let newest: number | undefined;
  for (const { timestampAt, hourAt } of records) {
    if (timestampAt === hourAt) continue;
    newest = Math.max(newest ?? timestampAt, timestampAt);
  }
  if (newest === undefined || newest - at < -aheadMaxMs) return undefined;
  return newest - at;
}

function isDrift({ isSteady, evidence, leastMs, mostMs }: Ahead): boolean {
  return isSteady && evidence.count >= aheadCallsMin && mostMs - leastMs <= aheadSpreadMs;
}

/** `17 min 30 s ahead`. */
function driftText(ms: number): string {
  const seconds = Math.round(Math.abs(ms) / 1_000);
  const parts = [
    seconds >= 3_600 ? `${Math.floor(seconds / 3_600)} h` : "",
    seconds >= 60 ? `${Math.floor((seconds % 3_600) / 60)} min` : "",
    seconds < 3_600 ? `${seconds % 60} s` : "",
  ];
  return `${parts.filter((part) => part !== "").join(" ")} ${ms < 0 ? "behind" : "ahead"}`;
}

export const clockDrift: Check = {
  name: "clock-drift",
  about: "A caller's clock is wrong, by its signatures or by the timestamps of its usage.",
  look: (_known: Knowledge) => new DriftLook(),
};
