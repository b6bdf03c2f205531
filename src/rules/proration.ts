/** Seconds billed for a task or pod that called RegisterUsage. */
import { hourMs, registrationDelayMaxMs, secondMs, taskBilledMinSeconds } from "../api/limits.ts";
import type { Settings } from "../api/settings.ts";
import type { MeteringWorkload } from "../api/types.ts";
import { floorHourMs, monthStartMs } from "./times.ts";

export interface MeteredLife {
  /** Absent where nobody told: the registration counts. */
  readonly launchedAt?: number | undefined;
  readonly registeredAt: number;
}

/**
 * From when on the task is billed: from launch if it registered within six hours of it; later, from the later of
 * launch and the start of the current UTC month. Epoch milliseconds.
 */
export function meteredFrom(life: MeteredLife, settings: Settings): number {
  const { registeredAt } = life;
  const launchedAt = life.launchedAt ?? registeredAt;
  if (settings.meteredFrom === "registration") return registeredAt;
  if (registeredAt - launchedAt <= registrationDelayMaxMs) return launchedAt;
  return Math.max(launchedAt, monthStartMs(registeredAt));
}

/** Hours from the one that starts at `fromAt` up to, not including, the one at `untilAt`. */
export interface HourWindow {
  readonly fromAt: number;
  readonly untilAt: number;
}

/**
 * Billed seconds by start of the UTC hour (epoch milliseconds): `max(60, stop − start)` over the whole life, split at
 * hour borders. Seconds are whole; the fraction at the end is not billed.
 */
export function billedSecondsByHour(startAt: number, stopAt: number, window?: HourWindow): ReadonlyMap<number, number> {
  const endAt = billedUntil(startAt, stopAt);
  const byHour = new Map<number, number>();
  const firstAt = Math.max(startAt, window?.fromAt ?? startAt);
  let billed = Math.floor((firstAt - startAt) / secondMs);
  for (let at = firstAt; at < Math.min(endAt, window?.untilAt ?? endAt); ) {
    const borderAt = Math.min(floorHourMs(at) + hourMs, endAt);
    // Each hour gets what the running total gained, so that the parts always add up to the whole.
    const total = Math.floor((borderAt - startAt) / secondMs);
    if (total > billed) byHour.set(floorHourMs(at), total - billed);
    billed = total;
    at = borderAt;
  }
  return byHour;
}

/** The end of the billed time, which for a life of less than a minute is later than the stop. */
function billedUntil(startAt: number, stopAt: number): number {
  return startAt + Math.max(taskBilledMinSeconds, Math.floor((stopAt - startAt) / secondMs)) * secondMs;
}

/** Billed seconds of a registered workload up to its stop, or to `upTo` while it runs. */
export function registeredSeconds(
  workload: MeteringWorkload,
  settings: Settings,
  upTo: number,
  window?: HourWindow,
): ReadonlyMap<number, number> {
  return billedSecondsByHour(startOf(workload, settings), Math.min(workload.stoppedAt ?? upTo, upTo), window);
}

/** Billed seconds of a registered workload over its whole life up to `upTo`, and how many of them the ledger holds. */
export function registeredSecondsTotal(
  workload: MeteringWorkload,
  settings: Settings,
  upTo: number,
): { readonly registered: number; readonly metered: number } {
  const startAt = startOf(workload, settings);
  const endAt = billedUntil(startAt, Math.min(workload.stoppedAt ?? upTo, upTo));
  const meteredUntil = Math.min(workload.meteredUntil ?? startAt, endAt);
  return {
    registered: Math.floor((endAt - startAt) / secondMs),
    metered: Math.max(0, Math.floor((meteredUntil - startAt) / secondMs)),
  };
}

/** What of a workload's seconds is to be put into the ledger next. */
export interface DueSeconds {
  /** In order. */
  readonly hours: readonly DueHour[];
  readonly meteredUntil: number;
  /** Nothing comes after these. */
  readonly isLast: boolean;
}

export interface DueHour {
  readonly hourAt: number;
  /** The hour's start, or the life's where it starts in that hour. */
  readonly timestampAt: number;
  readonly seconds: number;
}

/**
 * The seconds of the hours that are over and not in the ledger yet, and after the stop the rest; at most `hoursMax`
 * hours at a time. undefined: nothing is due. An hour in which the workload runs waits for its end, because a stop
 * would make it shorter and the ledger keeps what it has.
 */
export function dueSeconds(
  workload: MeteringWorkload,
  settings: Settings,
  now: number,
  hoursMax: number,
): DueSeconds | undefined {
  if (workload.operation !== "RegisterUsage" || workload.meteringClosed === true) return undefined;
  const startAt = startOf(workload, settings);
  const fromAt = workload.meteredUntil ?? floorHourMs(startAt);
  const isStopped = workload.stoppedAt !== undefined && workload.stoppedAt <= now;
  if (!isStopped && fromAt + hourMs > now) return undefined;
  const endAt = isStopped
    ? Math.max(fromAt, floorHourMs(billedUntil(startAt, workload.stoppedAt) - 1) + hourMs)
    : floorHourMs(now);
  const untilAt = Math.min(endAt, fromAt + hoursMax * hourMs);
  const hours = [...registeredSeconds(workload, settings, now, { fromAt, untilAt })].map(([hourAt, seconds]) => ({
    hourAt,
    timestampAt: Math.max(hourAt, startAt),
    seconds,
  }));
  return { hours, meteredUntil: untilAt, isLast: isStopped && untilAt === endAt };
}

/** The earliest instant at which `dueSeconds` has something; undefined: never again. */
export function secondsDueAt(workload: MeteringWorkload, settings: Settings): number | undefined {
  const { operation, meteringClosed, meteredUntil, stoppedAt } = workload;
  if (operation !== "RegisterUsage" || meteringClosed === true) return undefined;
  const hourEndAt = (meteredUntil ?? floorHourMs(startOf(workload, settings))) + hourMs;
  return stoppedAt === undefined ? hourEndAt : Math.min(stoppedAt, hourEndAt);
}

function startOf({ launchedAt, startedAt }: MeteringWorkload, settings: Settings): number {
  return meteredFrom({ launchedAt, registeredAt: startedAt }, settings);
}
