/** Times and durations as people type them. */
import { InvalidArgumentError } from "commander";
import { parseTime } from "../catalog/times.ts";
import { parseDurationMs } from "../clock.ts";

/** Relative times are worked out by the server's clock, not by this machine's: the business clock may stand elsewhere. */
export type GivenInstant =
  | { readonly kind: "absolute"; readonly at: number }
  | { readonly kind: "relative"; readonly offsetMs: number };

export const instantForms = '"2026-08-15T10:20:00Z", "2026-08-15", "now", "now-3h", "now+30d" or "2h"';
export const durationForms = '"90s", "15m", "2h", "30d", "1h30m" or "PT2H"';

/** `bare`: which way a duration alone counts from now: `--from 2h` is two hours ago, `--expires-at 2h` in two hours. */
export function parseInstant(text: string, bare: "past" | "future"): GivenInstant {
  const given = text.trim();
  const relative = /^now(?:([+-])(.+))?$/.exec(given);
  if (relative !== null) {
    const [, sign, duration] = relative;
    if (sign === undefined || duration === undefined) return { kind: "relative", offsetMs: 0 };
    const ms = durationOf(duration);
    if (ms !== undefined) return { kind: "relative", offsetMs: sign === "-" ? -ms : ms };
  }
  const ms = durationOf(given);
  if (ms !== undefined) return { kind: "relative", offsetMs: bare === "past" ? -ms : ms };
  const parsed = parseTime(/^\d{4}-\d{2}-\d{2}$/.test(given) ? `${given}T00:00:00Z` : given);
  if (parsed?.kind === "absolute") return parsed;
  const zone = /^\d{4}-\d{2}-\d{2}T[\d:.]+$/.test(given) ? " Say which time zone: end it with Z or an offset." : "";
  throw new InvalidArgumentError(`It is not a time; write ${instantForms}.${zone}`);
}

export function parseDuration(text: string): number {
  const ms = durationOf(text.trim());
  if (ms !== undefined) return ms;
  throw new InvalidArgumentError(`It is not a duration; write ${durationForms}.`);
}

const isoDuration = /^P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/i;
const isoUnits = ["d", "d", "h", "m", "s"] as const;

function durationOf(text: string): number | undefined {
  const iso = isoDuration.exec(text);
  if (iso !== null) {
    const parts = iso.slice(1).map((part, place) => {
      if (part === undefined) return undefined;
      return parseDurationMs(`${part}${isoUnits[place] ?? "s"}`) * (place === 0 ? 7 : 1);
    });
    if (parts.every((part) => part === undefined)) return undefined;
    return parts.reduce<number>((sum, part) => sum + (part ?? 0), 0);
  }
  const parts = text.match(/\d+(?:\.\d+)?(?:ms|[smhd])/g);
  // Only when the parts are all there is: "2h later" is a mistake.
  if (parts === null || parts.join("") !== text) return undefined;
  return parts.reduce((sum, part) => sum + parseDurationMs(part), 0);
}
