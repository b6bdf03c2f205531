/** What a run comes to. */
import type { Result } from "./simulate.ts";

/** One value each 10 seconds. */
export interface Series {
  readonly recordsPerSecond: readonly number[];
  readonly backlog: readonly number[];
}

export const seriesSeconds = 10;
const hourSeconds = 3_600;
/** Buckets grow by this, so waits are told to 5%. */
const growth = 1.05;

export class Tally {
  due = 0;
  stored = 0;
  acknowledged = 0;
  calls = 0;
  records = 0;
  throttledCalls = 0;
  overloadCalls = 0;
  again = 0;
  expired = 0;
  nodePeak = 0;
  oldest = 0;
  readonly #waits: number[] = [];
  #maxMs = 0;
  readonly #shardSum: number[];
  readonly #shardPeak: number[];
  #acknowledgedBefore = 0;
  #peak = 0;
  #backlogMax = 0;
  #lastAt = 0;
  readonly #rates: number[] = [];
  readonly #backlogs: number[] = [];
  #ratePart = 0;

  constructor(shards: number) {
    this.#shardSum = Array.from({ length: shards }, () => 0);
    this.#shardPeak = Array.from({ length: shards }, () => 0);
  }

  wait(ms: number, records: number): void {
    if (records <= 0) return;
    const bucket = Math.max(0, Math.round(Math.log(ms) / Math.log(growth)));
    this.#waits[bucket] = (this.#waits[bucket] ?? 0) + records;
    this.#maxMs = Math.max(this.#maxMs, ms);
  }

  shard(index: number, used: number, now: number): void {
    if (now < hourSeconds) this.#shardSum[index] = (this.#shardSum[index] ?? 0) + used;
    this.#shardPeak[index] = Math.max(this.#shardPeak[index] ?? 0, used);
  }

  endSecond(now: number): void {
    const acknowledged = this.acknowledged - this.#acknowledgedBefore;
    this.#acknowledgedBefore = this.acknowledged;
    if (acknowledged > 0) this.#lastAt = now;
    this.#peak = Math.max(this.#peak, acknowledged);
    const backlog = this.due - this.acknowledged - this.expired;
    this.#backlogMax = Math.max(this.#backlogMax, backlog);
    this.#ratePart += acknowledged;
    if ((now + 1) % seriesSeconds !== 0) return;
    this.#rates.push(this.#ratePart / seriesSeconds);
    this.#backlogs.push(backlog);
    this.#ratePart = 0;
  }

  result(waiting: number): Result {
    const { due, stored, acknowledged, expired } = this;
    return {
      ...{ due, stored, acknowledged, waiting, expired },
      // What shards hold beyond what sellers were told is not lost; what they hold less is.
      lost: Math.max(0, acknowledged - stored) + expired,
      throttledShare: this.throttledCalls / this.calls,
      overloadShare: this.overloadCalls / this.calls,
      againShare: this.again / this.records,
      peakRecordsPerSecond: this.#peak,
      p50Ms: this.#quantile(0.5),
      p99Ms: this.#quantile(0.99),
      maxMs: this.#maxMs,
      backlogMax: this.#backlogMax,
      nodePeak: this.nodePeak,
      shardMean: this.#shardSum.map((sum) => sum / hourSeconds),
      shardPeak: this.#shardPeak,
      oldestSeconds: this.oldest,
      seconds: this.#lastAt,
      series: { recordsPerSecond: this.#rates, backlog: this.#backlogs },
    };
  }

  #quantile(share: number): number {
    const all = this.#waits.reduce((sum, records) => sum + (records ?? 0), 0);
    let seen = 0;
    for (let bucket = 0; bucket < this.#waits.length; bucket += 1) {
      seen += this.#waits[bucket] ?? 0;
      if (seen >= all * share) return Math.min(growth ** bucket, this.#maxMs);
    }
    return 0;
  }
}
