/**
 * The business clock (SPEC A.5): usage windows, hours, tokens, agreements, proration, `iat`, `eventTime`. It follows the
 * wall clock until someone freezes, sets or speeds it up; SigV4 skew, `Date` and session expiry never look at it.
 */
import type { ClockState } from "./api/types.ts";

export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
}

/** In memory alone: what its moves make due, and what a restart finds, is the timekeeper's. */
export interface SettableClock extends Clock {
  /** Stands still at `at` from now on. */
  set(at: number): void;
  /** Stands still `ms` after where it is. */
  advance(ms: number): void;
  /** Follows the wall clock again. */
  follow(): void;
  /** false: it stands still, or runs at a multiple. */
  isFollowing(): boolean;
  state(): ClockState;
  restore(state: ClockState): void;
}

/** Usage can be kept for these years (months are tables named by them). */
export const earliestBusinessAt = 0;
export const latestBusinessAt = Date.UTC(9999, 11, 31);

export function createBusinessClock(wallClock: () => number, startAt?: number): SettableClock {
  let state: ClockState = startAt === undefined ? { mode: "following" } : { mode: "standing", at: startAt };
  const now = (): number => instantOf(state, wallClock());
  const set = (at: number): void => {
    state = { mode: "standing", at };
  };
  return {
    now,
    set,
    advance: (ms) => set(now() + ms),
    follow: () => {
      state = { mode: "following" };
    },
    isFollowing: () => state.mode === "following",
    state: () => state,
    restore: (to) => {
      state = to;
    },
  };
}

/** Business time when the wall clock is at `wallAt`: whole milliseconds. */
export function instantOf(state: ClockState, wallAt: number): number {
  if (state.mode === "following") return wallAt;
  if (state.mode === "standing") return state.at;
  // A server that was away for long at a high multiple comes to the end of time, and stands there.
  return Math.min(state.at + Math.floor((wallAt - state.wallAt) * state.rate), latestBusinessAt);
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
