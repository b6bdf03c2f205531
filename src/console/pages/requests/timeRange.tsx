/** From when to when, in UTC, of business time. */
import DateRangePicker from "@cloudscape-design/components/date-range-picker";
import type { ReactNode } from "react";

interface TimeRangeProps {
  /** ISO; "" is open. */
  readonly from: string;
  readonly to: string;
  readonly onChange: (range: { readonly from: string; readonly to: string }) => void;
}

const startOfTime = "2000-01-01T00:00:00Z";
const endOfTime = "2099-12-31T23:59:59Z";

export function TimeRange({ from, to, onChange }: TimeRangeProps): ReactNode {
  const isOpen = from === "" && to === "";
  return (
    <DateRangePicker
      value={isOpen ? null : { type: "absolute", startDate: from || startOfTime, endDate: to || endOfTime }}
      relativeOptions={[]}
      rangeSelectorMode="absolute-only"
      timeOffset={0}
      placeholder="Any business time (UTC)"
      ariaLabel="Business time of the calls"
      isValidRange={(range) =>
        range?.type === "absolute" && range.startDate > range.endDate
          ? { valid: false, errorMessage: "The end lies before the start." }
          : { valid: true }
      }
      onChange={({ detail: { value } }) => {
        if (value?.type !== "absolute") onChange({ from: "", to: "" });
        else onChange({ from: utc(value.startDate), to: utc(value.endDate) });
      }}
    />
  );
}

/** The picker writes `2026-08-15T10:20:00+00:00`; a plus sign in an address is easily lost. */
function utc(text: string): string {
  const at = new Date(text);
  return Number.isNaN(at.getTime()) ? "" : at.toISOString().replace(".000Z", "Z");
}
