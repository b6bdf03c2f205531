/** Who sends: a job an hour, as fast as its quota allows, that tries again until it is told that its records are stored. */
import { assumed } from "./assumptions.ts";
import { type Random, rounded, zipf } from "./random.ts";

/** `aws`: 10 calls a second for every account. `own`: more for those who need it, as an operator would set it. */
export type Quotas = "aws" | "own";

interface Cohort {
  /** When its seller wanted to send it. */
  readonly dueAt: number;
  /** A shard has it, and its seller does not know. */
  readonly isStored: boolean;
  count: number;
}

const sdkPauses = [1, 2];
const hourSeconds = 3_600;

export interface SellersOptions {
  /** Of all sellers, an hour. */
  readonly records: number;
  readonly recordsPerCall: number;
  readonly quotas: Quotas;
  readonly random: Random;
}

export function createSellers({ records, recordsPerCall, quotas, random }: SellersOptions): readonly Seller[] {
  const quota = assumed("quotaCalls");
  return zipf(assumed("sellers"), assumed("sellerExponent")).map((share, id) => {
    const own = rounded(records * share, random);
    const needed = Math.ceil(own / recordsPerCall / (assumed("ownRateMinutes") * 60));
    const rate = quotas === "aws" ? quota : Math.max(quota, needed);
    return new Seller({ id, records: own, rate, recordsPerCall, isHasty: random() < assumed("hasty"), random });
  });
}

interface SellerParts {
  readonly id: number;
  /** An hour. */
  readonly records: number;
  /** Calls a second. */
  readonly rate: number;
  readonly recordsPerCall: number;
  readonly isHasty: boolean;
  readonly random: Random;
}

export class Seller {
  readonly id: number;
  readonly #parts: SellerParts;
  /** Seconds after the hour, drawn once: cron does not change its mind. */
  readonly #offset: number;
  #planned: { readonly at: number; readonly count: number }[] = [];
  /** To be sent, oldest first. */
  #queue: Cohort[] = [];
  /** Back from a shard that did not take them. */
  #later: { readonly at: number; readonly cohort: Cohort }[] = [];
  #queued = 0;
  #pausedUntil = 0;
  #failures = 0;
  /** Of this second. */
  calls = 0;
  throttled = 0;
  sent = 0;

  constructor(parts: SellerParts) {
    this.id = parts.id;
    this.#parts = parts;
    this.#offset = drawOffset(parts.random);
  }

  plan(hourAt: number, random: Random): void {
    const { records } = this.#parts;
    if (records > 0) this.#planned.push({ at: hourAt + this.#offset + Math.floor(random() * 5), count: records });
  }

  /** Records that its job begins with now. */
  startDue(now: number): number {
    const [next] = this.#planned;
    if (next === undefined || next.at > now) return 0;
    this.#planned.shift();
    this.#push({ dueAt: next.at, isStored: false, count: next.count });
    return next.count;
  }

  /** Sets what it sends in this second; false: nothing. */
  prepare(now: number): boolean {
    while (this.#later.length > 0 && (this.#later[0]?.at ?? 0) <= now) {
      const back = this.#later.shift();
      if (back !== undefined) this.#push(back.cohort);
    }
    if (this.#queued === 0 || now < this.#pausedUntil) return false;
    const { rate, recordsPerCall, isHasty } = this.#parts;
    const wanted = Math.ceil(this.#queued / recordsPerCall);
    this.calls = Math.min(wanted, rate);
    this.throttled = isHasty ? Math.min(wanted, 2 * rate) - this.calls : 0;
    this.sent = Math.min(this.#queued, this.calls * recordsPerCall);
    return true;
  }

  /** Gives up what is too old to be accepted; how many. */
  dropBefore(time: number): number {
    let dropped = 0;
    for (let oldest = this.#queue[0]; oldest !== undefined && oldest.dueAt < time; oldest = this.#queue[0]) {
      this.#queue.shift();
      this.#queued -= oldest.count;
      dropped += oldest.count;
    }
    return dropped;
  }

  /** When it wanted to send what it sends first. */
  oldest(): number {
    return this.#queue[0]?.dueAt ?? 0;
  }

  /** `stored` of what was sent is in a shard, `unanswered` of that without an answer. `isNew`: not stored before. */
  settle(answer: {
    readonly stored: number;
    readonly unanswered: number;
    readonly now: number;
    readonly random: Random;
  }): { readonly isNew: number; readonly oldest: number } {
    const { stored, unanswered, now, random } = answer;
    const oldest = this.oldest();
    const isFailed = stored < this.sent / 2;
    let isNew = 0;
    let [left, told, untold] = [this.sent, stored - unanswered, unanswered];
    const again: Cohort[] = [];
    while (left > 0) {
      const cohort = this.#queue[0];
      if (cohort === undefined) throw new Error("more was sent than was waiting");
      const part = Math.min(left, cohort.count);
      const acknowledged = Math.min(part, told);
      const unknown = Math.min(part - acknowledged, untold);
      const refused = part - acknowledged - unknown;
      if (!cohort.isStored) isNew += acknowledged + unknown;
      if (unknown > 0) again.push({ ...cohort, isStored: true, count: unknown });
      if (refused > 0) again.push({ ...cohort, count: refused });
      [left, told, untold] = [left - part, told - acknowledged, untold - unknown];
      cohort.count -= part;
      this.#queued -= part;
      if (cohort.count === 0) this.#queue.shift();
    }
    this.#comeBack(again, isFailed, now, random);
    return { isNew, oldest };
  }

  /** Not acknowledged yet, of what is due. */
  waiting(): number {
    return this.#queued + this.#later.reduce((sum, { cohort }) => sum + cohort.count, 0);
  }

  #comeBack(again: readonly Cohort[], isFailed: boolean, now: number, random: Random): void {
    if (isFailed) {
      const pause = sdkPauses[this.#failures] ?? about(assumed("pauseSeconds"), random);
      this.#failures = (this.#failures + 1) % (sdkPauses.length + 1);
      this.#pausedUntil = now + pause;
      for (const cohort of again.toReversed()) this.#push(cohort, true);
      return;
    }
    this.#failures = 0;
    if (again.length === 0) return;
    const last = this.#later.at(-1);
    const at = Math.max(last?.at ?? 0, now + about(assumed("unprocessedSeconds"), random));
    for (const cohort of again) {
      if (last !== undefined && last.at === at && isAlike(last.cohort, cohort)) last.cohort.count += cohort.count;
      else this.#later.push({ at, cohort });
    }
  }

  #push(cohort: Cohort, isFirst = false): void {
    this.#queued += cohort.count;
    // Those that are alike go together, or hours of overload would make a queue of millions.
    const next = isFirst ? this.#queue[0] : this.#queue.at(-1);
    if (next !== undefined && isAlike(next, cohort)) next.count += cohort.count;
    else if (isFirst) this.#queue.unshift({ ...cohort });
    else this.#queue.push({ ...cohort });
  }
}

function isAlike(one: Cohort, other: Cohort): boolean {
  return one.dueAt === other.dueAt && one.isStored === other.isStored;
}

function about(seconds: number, random: Random): number {
  return Math.max(1, Math.round(seconds * (0.5 + random())));
}

function drawOffset(random: Random): number {
  const kind = random();
  if (kind < assumed("onTheHour")) return Math.floor(random() * 60);
  if (kind < assumed("onTheHour") + assumed("jittered")) return Math.floor(random() * hourSeconds * 0.25);
  const isLate = kind >= assumed("onTheHour") + assumed("jittered") + assumed("spread");
  return Math.floor(random() * hourSeconds) + (isLate ? hourSeconds : 0);
}
