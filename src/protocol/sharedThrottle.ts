/**
 * Rates that hold over many nodes: the buckets are in the database, and a node takes tokens out of them ahead of its calls,
 * a tenth of a second's worth at a time. One statement serves all calls that wait, of all buckets.
 *
 * In any T seconds the nodes together admit at most rate + rate × T calls and what they had taken before and not used: a
 * tenth of the rate each. Below 20 a second nothing is taken ahead, and the bound is exact.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { RateGrant, RateRequest, SharedRates } from "../store/sharedState.ts";
import { bucketsMax, createThrottle, rateExceeded, rateOf, type Throttle } from "./throttle.ts";

/** Tokens are taken ahead for so much of a second. */
const slicesPerSecond = 10;
/** A smaller slice saves no statements worth the error. */
const sliceMin = 2;
/** An empty bucket is not asked again for so long, by the machine's clock: it fills meanwhile. */
const pauseMs = 20;
/** A database that has not answered by then is away: each node goes by buckets of its own until it is back. */
const answerMaxMs = 2_000;
const retryMs = 500;
const wantMax = 1_000_000;

export interface SharedThrottleOptions {
  readonly rates: SharedRates;
  /** Milliseconds; refills the buckets of this node while the database is away. */
  readonly clock: () => number;
  /** `clock` is the same on all nodes, as the business clock is: it fills the shared buckets, too. Default: the database's does. */
  readonly isClockShared?: boolean;
  /** The database went away, or came back. */
  readonly onAway?: (error: unknown) => void;
  readonly onBack?: () => void;
}

interface Waiter {
  readonly settle: (isAdmitted: boolean) => void;
  /** By the bucket of this node. */
  readonly fallBack: () => void;
}

/** What this node holds of a bucket. */
interface Share {
  readonly key: string;
  readonly rate: number;
  /** Tokens to be taken ahead. */
  readonly slice: number;
  tokens: number;
  /** By `clock`: the database said that there are none before. */
  emptyUntil: number;
  waiting: Waiter[];
}

export interface SharedThrottle extends Throttle {
  /** Another node put the buckets back: what this one holds of them is void. */
  forget(): void;
}

export function createSharedThrottle(options: SharedThrottleOptions): SharedThrottle {
  const node = new NodeRates(options);
  const own = createThrottle(options.clock);
  return {
    take: (accountId, region, operation, settings) => {
      const rate = rateOf(accountId, operation, settings);
      if (rate === undefined) return;
      const refusal = (): Error => rateExceeded(accountId, region, operation, rate);
      const fallBack = (): void => own.take(accountId, region, operation, settings);
      return node.take(`${accountId}/${region}/${operation}`, rate, fallBack, refusal);
    },
    reset: () => {
      own.reset();
      return node.reset();
    },
    forget: () => node.forget(),
  };
}

class NodeRates {
  readonly #options: SharedThrottleOptions;
  readonly #shares = new Map<string, Share>();
  readonly #wanting = new Set<Share>();
  #isRunning = false;
  /** By the monotonic clock; undefined: the database answers. */
  #failedAt: number | undefined;

  constructor(options: SharedThrottleOptions) {
    this.#options = options;
  }

  take(key: string, rate: number, fallBack: () => void, refusal: () => Error): void | Promise<void> {
    const share = this.#shareOf(key, rate);
    if (share.waiting.length === 0 && share.tokens >= 1) {
      share.tokens -= 1;
      return;
    }
    if (this.#failedAt !== undefined) {
      if (performance.now() - this.#failedAt > retryMs) this.#ask(share);
      return fallBack();
    }
    // No bucket has more than that for them.
    const isHopeless = share.waiting.length >= holdsOf(rate);
    if (isHopeless || this.#options.clock() < share.emptyUntil) throw refusal();
    return new Promise((resolve, reject) => {
      share.waiting.push({
        settle: (isAdmitted) => (isAdmitted ? resolve() : reject(refusal())),
        fallBack: () => {
          try {
            resolve(fallBack());
          } catch (error) {
            reject(error);
          }
        },
      });
      this.#ask(share);
    });
  }

  async reset(): Promise<void> {
    this.forget();
    try {
      await this.#options.rates.clear();
    } catch (error) {
      this.#away(error);
    }
  }

  forget(): void {
    for (const share of this.#shares.values()) {
      share.tokens = 0;
      share.emptyUntil = Number.NEGATIVE_INFINITY;
    }
  }

  #shareOf(key: string, rate: number): Share {
    const found = this.#shares.get(key);
    if (found?.rate === rate) return found;
    if (this.#shares.size >= bucketsMax) {
      for (const [one, { waiting }] of this.#shares) if (waiting.length === 0) this.#shares.delete(one);
    }
    const slice = Math.floor(rate / slicesPerSecond);
    const share: Share = {
      ...{ key, rate, slice: slice < sliceMin ? 0 : slice, tokens: 0, emptyUntil: Number.NEGATIVE_INFINITY },
      // The rate was changed: whoever waits goes by the new one.
      waiting: found?.waiting ?? [],
    };
    this.#shares.set(key, share);
    if (found !== undefined) {
      found.waiting = [];
      if (share.waiting.length > 0) this.#ask(share);
    }
    return share;
  }

  #ask(share: Share): void {
    this.#wanting.add(share);
    if (this.#isRunning) return;
    this.#isRunning = true;
    void this.#run();
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    // Calls that arrive in this turn of the event loop share the first statement.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#wanting.size > 0) {
      // One that was replaced meanwhile has handed its calls on; no bucket is asked for twice.
      const shares = [...this.#wanting].filter((share) => this.#shares.get(share.key) === share);
      this.#wanting.clear();
      if (shares.length > 0) await this.#askFor(shares);
    }
    this.#isRunning = false;
  }

  async #askFor(shares: readonly Share[]): Promise<void> {
    const { rates, clock, isClockShared = false, onBack } = this.#options;
    const asked = shares.map((share) => ({ share, request: requestOf(share) }));
    let grants: readonly RateGrant[];
    try {
      const requests = asked.map(({ request }) => request);
      grants = await inTime(isClockShared ? rates.take(requests, clock()) : rates.take(requests));
    } catch (error) {
      this.#away(error);
      for (const { waiting } of shares) for (const { fallBack } of waiting.splice(0)) fallBack();
      return;
    }
    if (this.#failedAt !== undefined) onBack?.();
    this.#failedAt = undefined;
    for (const [index, { share, request }] of asked.entries()) {
      const grant = grants[index];
      if (grant !== undefined) this.#give(share, request, grant);
    }
  }

  #give(share: Share, { want }: RateRequest, { granted, nextInMs }: RateGrant): void {
    share.tokens += granted;
    while (share.tokens >= 1 && share.waiting.length > 0) {
      share.tokens -= 1;
      share.waiting.shift()?.settle(true);
    }
    if (share.waiting.length === 0) return;
    if (granted === want) {
      // They came while the statement was under way, or a bucket holds fewer than wait.
      this.#wanting.add(share);
      return;
    }
    const { clock, isClockShared = false } = this.#options;
    share.emptyUntil = clock() + (isClockShared ? nextInMs : Math.max(nextInMs, pauseMs));
    for (const { settle } of share.waiting.splice(0)) settle(false);
  }

  #away(error: unknown): void {
    if (this.#failedAt === undefined) this.#options.onAway?.(error);
    this.#failedAt = performance.now();
  }
}

function holdsOf(rate: number): number {
  return Math.max(Math.floor(rate), 1);
}

function requestOf({ key, rate, slice, waiting }: Share): RateRequest {
  return { key, rate, want: Math.min(Math.max(waiting.length + slice, 1), holdsOf(rate), wantMax) };
}

async function inTime<T>(work: Promise<T>): Promise<T> {
  const late = new AbortController();
  const timeout = delay(answerMaxMs, undefined, { signal: late.signal }).then(() =>
    Promise.reject(new Error(`the database gave no answer about rates within ${answerMaxMs} ms`)),
  );
  try {
    return await Promise.race([work, timeout]);
  } finally {
    late.abort();
    // Whichever of the two comes later has nobody to tell.
    timeout.catch(() => {});
    work.catch(() => {});
  }
}
