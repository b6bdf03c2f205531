/** Seconds billed for a task or pod that called RegisterUsage. */
import { hourMs, registrationDelayMaxMs, taskBilledMinSeconds } from "../api/limits.ts";
import type { Settings } from "../api/settings.ts";
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

/**
 * Billed seconds by start of the UTC hour (epoch milliseconds): `max(60, stop − start)` over the whole life, split at
 * hour borders. Seconds are whole; the fraction at the end is not billed.
 */
export function billedSecondsByHour(startAt: number, stopAt: number): ReadonlyMap<number, number> {
  const seconds = Math.max(taskBilledMinSeconds, Math.floor((stopAt - startAt) / 1_000));
  const endAt = startAt + seconds * 1_000;
  const byHour = new Map<number, number>();
  let billed = 0;
  for (let at = startAt; at < endAt; ) {
    const borderAt = Math.min(floorHourMs(at) + hourMs, endAt);
    // Each hour gets what the running total gained, so that the parts always add up to the whole.
    const total = Math.floor((borderAt - startAt) / 1_000);
    if (total > billed) byHour.set(floorHourMs(at), total - billed);
    billed = total;
    at = borderAt;
  }
  return byHour;
}
