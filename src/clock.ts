/**
 * The business clock (SPEC A.5): usage windows, hours, tokens, agreements, proration, `iat`, `eventTime`. It follows the
 * wall clock until someone sets it; SigV4 skew, `Date` and session expiry never look at it.
 */
export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
}

export interface SettableClock extends Clock {
  /** Stands still at `at` from now on. */
  set(at: number): void;
  /** Stands still `ms` after where it is. */
  advance(ms: number): void;
  /** Follows the wall clock again. */
  follow(): void;
  /** false: it stands still. */
  isFollowing(): boolean;
}

export function createBusinessClock(wallClock: () => number, startAt?: number): SettableClock {
  let frozenAt = startAt;
  const now = (): number => frozenAt ?? wallClock();
  return {
    now,
    set: (at) => {
      frozenAt = at;
    },
    advance: (ms) => {
      frozenAt = now() + ms;
    },
    follow: () => {
      frozenAt = undefined;
    },
    isFollowing: () => frozenAt === undefined,
  };
}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** "90s", "15m", "2h", "30d", "250ms" or a number of milliseconds. Throws on anything else. */
export function parseDurationMs(duration: number | string): number {
  if (typeof duration === "number") return duration;
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)$/.exec(duration.trim());
  const unit = match?.[2] === undefined ? undefined : unitMs[match[2]];
  if (match?.[1] === undefined || unit === undefined) {
    throw new TypeError(`'${duration}' is not a duration; write a number with ms, s, m, h or d, such as 90s or 2h.`);
  }
  return Number(match[1]) * unit;
}
