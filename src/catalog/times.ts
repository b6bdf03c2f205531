/**
 * Times in a catalogue document: ISO-8601 text with `Z` or an offset, epoch milliseconds, or text relative to the moment
 * the document is first loaded (`now`, `now-3h`, `now+30d`).
 */

export type CatalogTime = string | number;

export type ParsedTime =
  | { readonly kind: "absolute"; readonly at: number }
  | { readonly kind: "relative"; readonly offsetMs: number };

const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const RELATIVE = /^now(?:([+-])(\d{1,9})([smhd]))?$/;
const ISO = /^(\d{4})-(\d{2})-(\d{2})T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2})$/;

/** What `Date` can hold. */
const EPOCH_MAX_MS = 8.64e15;
/** Numbers in this range are epoch seconds of 1973 to 5138, which read as milliseconds would all fall into 1970 to 1973. */
const LIKELY_SECONDS = { from: 1e8, below: 1e11 };

export const timeForms = `ISO-8601 with Z or an offset ("2026-08-15T10:20:00Z"), "now", "now-3h", "now+30d" (s, m, h, d), or epoch milliseconds`;

export function parseTime(value: unknown): ParsedTime | undefined {
  if (typeof value === "number") return parseEpoch(value);
  if (typeof value !== "string") return undefined;
  const relative = RELATIVE.exec(value);
  if (relative) {
    const [, sign, count, unit] = relative;
    if (sign === undefined || unit === undefined) return { kind: "relative", offsetMs: 0 };
    const size = Number(count) * (UNIT_MS[unit] ?? 0);
    return { kind: "relative", offsetMs: sign === "-" ? -size : size };
  }
  const iso = ISO.exec(value);
  if (!iso) return undefined;
  const [, year, month, day] = iso.map(Number);
  if (year === undefined || month === undefined || day === undefined) return undefined;
  // Date.parse takes 30 February for 2 March.
  if (new Date(Date.UTC(year, month - 1, day)).getUTCDate() !== day) return undefined;
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : { kind: "absolute", at };
}

function parseEpoch(value: number): ParsedTime | undefined {
  if (!Number.isSafeInteger(value) || Math.abs(value) > EPOCH_MAX_MS || isLikelySeconds(value)) return undefined;
  return { kind: "absolute", at: value };
}

export function isLikelySeconds(value: unknown): boolean {
  return typeof value === "number" && value >= LIKELY_SECONDS.from && value < LIKELY_SECONDS.below;
}

/**
 * Epoch milliseconds of a document's time. A relative time is worked out once: when the row already has one, that is
 * kept, or each start would move every agreement of a file that says `now-30d`.
 */
export function resolveTime(
  time: CatalogTime,
  from: { readonly now: number; readonly stored?: number | undefined },
): number {
  const parsed = parseTime(time);
  // The schema has let the value through, so only a caller that skipped the check comes here.
  if (!parsed) throw new TypeError(`Not a catalogue time: ${JSON.stringify(time)}`);
  if (parsed.kind === "absolute") return parsed.at;
  return from.stored ?? from.now + parsed.offsetMs;
}

/** `true` when `first` is surely after `second`; two times of different kinds cannot be compared before loading. */
export function isSurelyAfter(first: CatalogTime | undefined, second: CatalogTime | undefined): boolean {
  const a = parseTime(first);
  const b = parseTime(second);
  if (a?.kind === "absolute" && b?.kind === "absolute") return a.at > b.at;
  if (a?.kind === "relative" && b?.kind === "relative") return a.offsetMs > b.offsetMs;
  return false;
}
