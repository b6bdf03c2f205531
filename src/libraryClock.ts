/** The business clock as the library gives it out. */
import { parseDurationMs, type SettableClock } from "./clock.ts";
import { type Instant, instantMs } from "./instants.ts";
import type { Timekeeper } from "./timekeeper.ts";

/**
 * Moves forward go through everything due on the way, in order: await them, or calls meet the clock where it is by then.
 * They reject with DueError when something that is due cannot be done; the clock then stands there.
 */
export interface MeterhouseClock {
  now(): Date;
  /** Moves to an instant and stands still there. */
  set(to: Instant): Promise<void>;
  /** Milliseconds, or text such as "90s", "15m", "2h", "30d"; the clock then stands still. */
  advance(by: number | string): Promise<void>;
  /** Stands still where it is. */
  freeze(): Promise<void>;
  /** Runs from where it is, so many times as fast as real time. */
  run(rate: number): Promise<void>;
  /** Follows the wall clock. */
  follow(): Promise<void>;
}

export function libraryClock(clock: SettableClock, timekeeper: Timekeeper): MeterhouseClock {
  return {
    now: () => new Date(clock.now()),
    set: (to) => timekeeper.set(instantMs(to)),
    advance: (by) => timekeeper.advance(parseDurationMs(by)),
    freeze: () => timekeeper.freeze(),
    run: (rate) => timekeeper.run(rate),
    follow: () => timekeeper.follow(),
  };
}
