/** How far a record was from the end of its window, by the rules that decide it (B-50 to B-55, M-9, M-10). */
import { batchUsageAgeMaxMs, hourMs, meterUsageAgeMaxMs, monthEndGraceMs } from "../../api/limits.ts";
import { settingsSchema } from "../../api/settings.ts";
import { monthStartMs } from "../../rules/times.ts";
import { requireBatchWindow, requireMeterWindow } from "../../rules/usageWindow.ts";
import type { ObservedCall, ObservedRecord } from "../observed.ts";

/** AWS's own: a server's switches are in no trail. */
const settings = settingsSchema.parse({});

/** The instant at which the record would be refused as too old, epoch milliseconds. */
export function windowEnd(call: ObservedCall, { timestampAt }: ObservedRecord): number {
  const { revision } = settings;
  if (call.operation === "MeterUsage") return timestampAt + meterUsageAgeMaxMs[revision];
  const end = timestampAt + batchUsageAgeMaxMs[revision];
  const nextMonth = monthStartMs(monthStartMs(timestampAt) + 32 * 24 * hourMs);
  return Math.min(end, nextMonth + monthEndGraceMs); // B-53
}

/** Whether the record by itself would be refused for its time. */
export function isOutOfBounds(call: ObservedCall, { timestampAt }: ObservedRecord): boolean {
  try {
    if (call.operation === "MeterUsage") requireMeterWindow(timestampAt, call.at, undefined, settings, "");
    else requireBatchWindow(timestampAt, call.at, settings, "");
    return false;
  } catch {
    return true;
  }
}
