/** Accepted usage over time, the largest dimensions or customers. */
import Box from "@cloudscape-design/components/box";
import LineChart from "@cloudscape-design/components/line-chart";
import type { ReactNode } from "react";
import { useApi } from "../../parts/query.ts";
import { bucketText, compact, type Span } from "./range.ts";

interface UsageSummary {
  readonly by: Span["by"];
  readonly buckets: readonly string[];
  readonly series: readonly {
    readonly product?: string;
    readonly dimension?: string;
    readonly customer?: string;
    readonly values: readonly number[];
  }[];
  readonly others: number;
  readonly rest: readonly number[];
}

export type Member = "dimension" | "customer";
export type Measure = "quantity" | "records";

interface UsageChartProps {
  readonly span: Span;
  readonly member: Member;
  readonly measure: Measure;
}

/** As many as can be told apart. */
const top = 6;

export function UsageChart({ span, member, measure }: UsageChartProps): ReactNode {
  const { data, error } = useApi<UsageSummary>("usage", "/usage/summary", { ...span, member, measure, top });
  const buckets = (data?.buckets ?? []).map((at) => new Date(at));
  const points = (values: readonly number[]) => buckets.map((x, index) => ({ x, y: values[index] ?? 0 }));
  const names = namesOf(data?.series ?? []);
  const series = (data?.series ?? []).map(({ values }, index) => ({
    title: names[index] ?? "",
    type: "line" as const,
    data: points(values),
    valueFormatter: compact,
  }));
  const rest =
    data === undefined || data.others === 0
      ? []
      : [
          {
            title: `${data.others} ${data.others === 1 ? "other" : "others"}`,
            type: "line" as const,
            data: points(data.rest),
            valueFormatter: compact,
          },
        ];
  const first = buckets[0];
  const last = buckets.at(-1);
  const largest = Math.max(1, ...series.concat(rest).flatMap((one) => one.data.map(({ y }) => y)));
  const by = data?.by ?? span.by;
  return (
    <LineChart
      series={[...series, ...rest]}
      xScaleType="time"
      {...(first === undefined || last === undefined ? {} : { xDomain: [first, last] })}
      yDomain={[0, largest]}
      height={240}
      hideFilter
      xTickFormatter={(at) => bucketText(at, by)}
      yTickFormatter={compact}
      detailPopoverSeriesContent={({ series: one, y }) => ({ key: one.title, value: y.toLocaleString("en-GB") })}
      xTitle="Time that the usage is of (UTC)"
      yTitle={measure === "quantity" ? "Units" : "Records"}
      ariaLabel={`Usage by ${member}`}
      statusType={error !== null ? "error" : data === undefined ? "loading" : "finished"}
      loadingText="Adding up"
      errorText={error instanceof Error ? error.message : ""}
      empty={
        <Box textAlign="center" color="inherit">
          <b>No usage in this time</b>
          <Box variant="p" color="inherit">
            Records that are accepted show here by the hour of their timestamp.
          </Box>
        </Box>
      }
    />
  );
}

/** Dimensions of the same name are told apart by their products. */
function namesOf(series: UsageSummary["series"]): readonly string[] {
  return series.map(({ customer, dimension = "", product = "" }) => {
    if (customer !== undefined) return customer;
    const isAlone = series.filter((other) => other.dimension === dimension).length === 1;
    return isAlone ? dimension : `${dimension} (${product})`;
  });
}
