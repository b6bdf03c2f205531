/** The business clock as the control plane tells it, and as it goes on between two answers. */
import { useEffect, useReducer } from "react";
import { useApi } from "../../parts/query.ts";

export interface DueItem {
  readonly at: string;
  readonly what: "announcement" | "renewal" | "term-end" | "final-hour-end" | "usage-hour" | "usage-end";
  readonly target: string;
  /** Id of the simulated workload, where `target` is its resource. */
  readonly workload?: string;
  readonly product: string;
  readonly daysBeforeEnd?: number;
}

export interface ClockView {
  readonly now: string;
  readonly wall: string;
  readonly mode: "following" | "standing" | "running";
  readonly rate: number;
  /** Where a move that is under way will end. */
  readonly movingTo?: string;
  readonly nextDue?: DueItem;
}

/** A path below `/clock` and its body. */
export type Move =
  | { readonly deed: "freeze" | "follow" }
  | { readonly deed: "set"; readonly to: string }
  | { readonly deed: "advance"; readonly by: string }
  /** Text: it was no number, and the server says so. */
  | { readonly deed: "run"; readonly rate: number | string };

export interface Ticking {
  readonly clock: ClockView | undefined;
  readonly error: unknown;
  /** Both epoch milliseconds, as of this render. */
  readonly businessAt: number;
  readonly wallAt: number;
}

const askEveryMs = 5_000;
/** While a move is under way: its progress is to be seen. */
const askMovingEveryMs = 500;
const tickMs = 250;
/** The last day that the business clock can show. */
const latestAt = Date.UTC(9999, 11, 31);

/** Renders whoever uses it a few times a second; what the server answers corrects it. */
export function useTicking(isMoving: boolean): Ticking {
  const { data: clock, error, dataUpdatedAt } = useApi<ClockView>("clock", "/clock");
  const isHeading = isMoving || clock?.movingTo !== undefined;
  // The same question, kept fresh: how often hangs on its own answer.
  useApi<ClockView>("clock", "/clock", {}, { everyMs: isHeading ? askMovingEveryMs : askEveryMs });
  const [, tick] = useReducer((count: number) => count + 1, 0);
  useEffect(() => {
    const timer = window.setInterval(tick, tickMs);
    return () => window.clearInterval(timer);
  }, []);
  const elapsed = Math.max(0, Date.now() - dataUpdatedAt);
  // During a move the clock stands from stop to stop.
  const rate = clock === undefined || clock.movingTo !== undefined ? 0 : clock.rate;
  const at = (iso: string | undefined): number => (iso === undefined ? 0 : Date.parse(iso));
  return {
    clock,
    error,
    businessAt: Math.min(at(clock?.now) + elapsed * rate, latestAt),
    wallAt: at(clock?.wall) + elapsed,
  };
}

/** The first instant of the month after. */
export function monthEndAfter(at: number): number {
  const date = new Date(at);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1);
}

export function isoOf(at: number): string {
  return new Date(at).toISOString();
}
