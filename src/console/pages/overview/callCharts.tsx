/** Calls, and what became of their records, over time. */
import BarChart from "@cloudscape-design/components/bar-chart";
import Box from "@cloudscape-design/components/box";
import type { ReactNode } from "react";
import { bucketText, compact } from "./range.ts";
import { type CallBucket, type CallSummary, type RecordWord, recordWords } from "./summary.ts";

interface CallChartProps {
  readonly summary: CallSummary | undefined;
  readonly error: unknown;
  readonly of: "calls" | "records";
}

/** Told apart in light and in dark; the same meaning has the same colour in both charts. */
const colours = { good: "#4f9a5b", again: "#4a86d8", warning: "#c08a14", bad: "#d6423a", open: "#9469d6" };

const callSeries = [
  { title: "Accepted", of: ({ accepted }: CallBucket) => accepted, colour: colours.good },
  { title: "Refused", of: ({ refused }: CallBucket) => refused, colour: colours.bad },
];
const recordColours: Readonly<Record<RecordWord, string>> = {
  stored: colours.good,
  replayed: colours.again,
  duplicate: colours.warning,
  notSubscribed: colours.bad,
  unprocessed: colours.open,
};
const recordSeries = recordWords.map(({ name, text }) => ({
  title: text,
  of: ({ records }: CallBucket) => records[name],
  colour: recordColours[name],
}));

export function CallChart({ summary, error, of }: CallChartProps): ReactNode {
  const buckets = summary?.buckets ?? [];
  const by = summary?.by ?? "hour";
  const all = (of === "calls" ? callSeries : recordSeries).map(({ title, of: count, colour }) => ({
    title,
    type: "bar" as const,
    color: colour,
    data: buckets.map((bucket) => ({ x: new Date(bucket.at), y: count(bucket) })),
  }));
  // What never happened would only be a colour to look for.
  const series = all.filter((one, index) => index === 0 || one.data.some(({ y }) => y > 0));
  const isEmpty = series.every((one) => one.data.every(({ y }) => y === 0));
  const heights = buckets.map((_, index) => all.reduce((sum, { data }) => sum + (data[index]?.y ?? 0), 0));
  return (
    <BarChart
      series={isEmpty ? [] : series}
      stackedBars
      xScaleType="categorical"
      xDomain={buckets.map(({ at }) => new Date(at))}
      yDomain={[0, Math.max(1, ...heights)]}
      height={200}
      hideFilter
      xTickFormatter={(at) => bucketText(at, by)}
      yTickFormatter={compact}
      xTitle="Business time (UTC)"
      yTitle={of === "calls" ? "Calls" : "Records"}
      ariaLabel={of === "calls" ? "Calls by outcome" : "Records by what became of them"}
      statusType={error !== null ? "error" : summary === undefined ? "loading" : "finished"}
      loadingText="Counting"
      errorText={error instanceof Error ? error.message : ""}
      empty={
        <Box textAlign="center" color="inherit">
          <b>{of === "calls" ? "No calls in this time" : "No records in this time"}</b>
        </Box>
      }
    />
  );
}
