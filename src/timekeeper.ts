/**
 * Moves the business clock and does what time brings about (SPEC A.5). A move forward stops at every instant on its way
 * at which something is due: the clock stands exactly there while it is done. Moves come one after another; a call that
 * comes meanwhile is served with the clock where it is. How the clock goes is kept before a move is answered, and found
 * again by the next start.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { ClockState } from "./api/types.ts";
import { earliestBusinessAt, latestBusinessAt, type SettableClock } from "./clock.ts";
import type { DueItem, DueWork } from "./due.ts";

export interface TimekeeperOptions {
  readonly clock: SettableClock;
  readonly wallClock: () => number;
  readonly due: DueWork;
  /** Resolves when the state is durable. */
  readonly keep: (state: ClockState) => Promise<void>;
  /** What came due and could not be done, where nobody waits for it. */
  readonly onFailure: (error: unknown) => void;
}

/** Called when it is this move's turn, before it changes anything: for the event that says who asked. */
export type Announce = () => Promise<void>;

/**
 * Moves reject with RangeError when the clock would leave the years 1970 to 9999, and with DueError when what is due at
 * some instant cannot be done: the clock then stands at that instant.
 */
export interface Timekeeper {
  /** To an instant, and stands still there. Backwards nothing is due. */
  set(to: number, announce?: Announce): Promise<void>;
  /** Forward by `ms` from where the clock is when the moves before are through; it then stands still. */
  advance(ms: number, announce?: Announce): Promise<void>;
  /** Stands still where it is. */
  freeze(announce?: Announce): Promise<void>;
  /** Runs from where it is, `rate` times as fast as the wall clock: more than 0, at most `rateMax`. */
  run(rate: number, announce?: Announce): Promise<void>;
  /** Follows the wall clock; when that is ahead, goes through everything on the way to it. */
  follow(announce?: Announce): Promise<void>;
  /** Empties the store by `empty`, then puts the clock in place with nothing done on the way. */
  reset(state: ClockState, empty: () => Promise<void>): Promise<void>;
  /** Goes on as another node has kept it, after the moves under way; `kept` is asked then. */
  adopt(kept: () => ClockState | undefined): Promise<void>;
  /** Does everything that is due by now, after the moves under way. What fails goes to `onFailure`. */
  runDue(): Promise<void>;
  /** A bounded part of the same, unless a move is under way: is everything done? */
  turn(): Promise<boolean>;
  /** Where a move under way is going. */
  headingTo(): number | undefined;
  upcoming(limit: number): readonly DueItem[];
  /** A move under way ends at its next stop, with an error; resolves when nothing is being done any more. */
  stop(): Promise<void>;
}

/** What was due at `at` could not be done; `cause` says why. */
export class DueError extends Error {
  override readonly name = "DueError";
  readonly at: number;
  constructor(at: number, cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause);
    super(
      `The business clock stands at ${new Date(at).toISOString()}: what is due there could not be done (${why}). ` +
        "When that is put right, move it on from there.",
      { cause },
    );
    this.at = at;
  }
}

/** At this rate a year passes in half a minute. */
export const rateMax = 1_000_000;
/** Moves that wait for the ones before them. */
const waitingMax = 1_000;
/** Instants that one turn of the timer goes through. */
const instantsPerTurn = 200;
/** Calls wait for no more than this much of the work of a move. */
const sliceMs = 10;

/** What a walk through what is due does with the clock. */
interface Hand {
  readonly arrive: (at: number) => void;
  /** Several instants are kept together: where that failed, the clock goes back to the first that is left. */
  readonly fallBack: (at: number | undefined) => void;
}

export function createTimekeeper(options: TimekeeperOptions): Timekeeper {
  const { clock, wallClock, due, onFailure } = options;
  const { inTurn, isBusy, idle } = createQueue();
  let heading: number | undefined;
  let isStopping = false;

  /**
   * In memory first: a move over which nothing is due is there before its promise is. What cannot be kept is taken back
   * to `before`, which is what the next start would find.
   */
  const place = async (state: ClockState, before = clock.state()): Promise<void> => {
    clock.restore(state);
    try {
      await options.keep(state);
    } catch (error) {
      clock.restore(before);
      throw error;
    }
  };

  const walk = async (until: number, { arrive, fallBack }: Hand, instantsMax: number): Promise<boolean> => {
    let last: number | undefined;
    let instants = 0;
    let sliceFrom = performance.now();
    const mayArrive = (at: number): boolean => {
      if (at !== last && instants >= instantsMax) return false;
      if (at !== last) instants += 1;
      last = at;
      arrive(at);
      return true;
    };
    for (;;) {
      const at = due.nextAt();
      if (at === undefined || at > until) return true;
      if (!mayArrive(at)) return false;
      try {
        if (isStopping) throw new Error("the server is stopping");
        await due.runSome(at, { until, arrive: mayArrive });
      } catch (error) {
        fallBack(due.nextAt());
        throw new DueError(clock.now(), error);
      }
      if (performance.now() - sliceFrom > sliceMs) {
        await nextTurn();
        sliceFrom = performance.now();
      }
    }
  };

  /** The clock is left standing at `to`, or where something failed; it is not kept yet. */
  const goThrough = async (from: number, to: number): Promise<void> => {
    clock.set(from);
    const nextAt = due.nextAt();
    if (nextAt === undefined || nextAt > to) return clock.set(to);
    heading = to;
    try {
      const hand: Hand = {
        // What was put off at an instant that is past is done where the clock is: it does not go back for it.
        arrive: (at) => clock.set(Math.max(at, clock.now())),
        fallBack: (at = clock.now()) => clock.set(Math.max(from, Math.min(at, clock.now()))),
      };
      await walk(to, hand, Number.POSITIVE_INFINITY);
      clock.set(to);
    } catch (error) {
      // The error tells where the clock stands; a store that cannot keep that either has no more to say.
      await options.keep(clock.state()).catch(onFailure);
      throw error;
    } finally {
      heading = undefined;
    }
  };

  /** `to` is asked for when it is this move's turn: first whether it may be, and then, with the event kept, where. */
  const move = (to: (now: number) => number, announce: Announce | undefined): Promise<void> =>
    inTurn(async () => {
      inRange(to(clock.now()));
      if (announce !== undefined) await announce();
      const before = clock.state();
      const now = clock.now();
      const at = to(now);
      if (at >= now) await goThrough(now, at);
      await place({ mode: "standing", at }, before);
    });

  const catchUp = async (instantsMax: number): Promise<boolean> => {
    const now = clock.now();
    try {
      return await walk(now, { arrive: () => {}, fallBack: () => {} }, instantsMax);
    } catch (error) {
      if (isStopping) return false;
      onFailure(error);
      // What fails at one instant must not hold up for good what comes after it.
      await due.runEach(now).catch(onFailure);
      return true;
    }
  };

  return {
    set: (to, announce) => move(() => to, announce),
    advance: (ms, announce) => move((now) => now + notBack(ms), announce),
    freeze: (announce) => move((now) => now, announce),
    run: (rate, announce) =>
      inTurn(async () => {
        checkRate(rate);
        await announce?.();
        await place({ mode: "running", rate, at: clock.now(), wallAt: wallClock() });
      }),
    follow: (announce) =>
      inTurn(async () => {
        await announce?.();
        const before = clock.state();
        const wallAt = wallClock();
        if (!clock.isFollowing() && wallAt > clock.now()) await goThrough(clock.now(), wallAt);
        await place({ mode: "following" }, before);
      }),
    reset: (state, empty) =>
      inTurn(async () => {
        await empty();
        await place(state);
      }),
    adopt: (kept) =>
      inTurn(async () => {
        const state = kept();
        if (state !== undefined) clock.restore(state);
      }),
    runDue: async () => {
      await inTurn(() => catchUp(Number.POSITIVE_INFINITY));
    },
    turn: async () => isBusy() || isStopping || (await inTurn(() => catchUp(instantsPerTurn))),
    headingTo: () => heading,
    upcoming: due.upcoming,
    stop: async () => {
      isStopping = true;
      await idle();
    },
  };
}

/** One after another. What comes while nothing is under way begins at once, not in a later turn. */
function createQueue() {
  let tail: Promise<void> | undefined;
  let waiting = 0;
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    if (waiting >= waitingMax) {
      return Promise.reject(
        new Error(`${waiting} moves of the clock wait already, and no more may; await each before the next.`),
      );
    }
    waiting += 1;
    const done = tail === undefined ? work() : tail.then(work);
    const over = (): void => {
      waiting -= 1;
      if (tail === settled) tail = undefined;
    };
    const settled: Promise<void> = done.then(over, over);
    tail = settled;
    return done;
  };
  const idle = async (): Promise<void> => {
    while (tail !== undefined) await tail;
  };
  return { inTurn, isBusy: () => tail !== undefined, idle };
}

function inRange(at: number): number {
  if (at >= earliestBusinessAt && at <= latestBusinessAt) return at;
  throw new RangeError("the clock stays within the years 1970 to 9999");
}

function notBack(ms: number): number {
  if (Number.isFinite(ms) && ms >= 0) return ms;
  throw new RangeError("the clock is moved back with set");
}

function checkRate(rate: number): void {
  if (Number.isFinite(rate) && rate > 0 && rate <= rateMax) return;
  throw new RangeError(`${rate} is not a rate of the clock: write more than 0 and at most ${rateMax}`);
}
