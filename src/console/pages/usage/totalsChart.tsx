/** The first sums as bars: over time where they are by time, else the largest of them. */
import BarChart, { type BarChartProps } from "@cloudscape-design/components/bar-chart";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import type { ReactNode } from "react";
import type { Page } from "../../api.ts";
import { Failed } from "../../parts/list.tsx";
import { useApi } from "../../parts/query.ts";
import { type Grouping, groupName, type Period, periodText } from "./grouping.ts";
import { type Filters, numberText, shortNumber, type Total, totalsEveryMs, totalsKind } from "./types.ts";

/** As many as a chart can show and a browser should hold; the table has all. */
const sumsMax = 1_000;
const seriesMax = 7;
const barsMax = 20;
const height = 240;

interface TotalsChartProps {
  readonly filters: Filters;
  readonly grouping: Grouping;
  readonly groupBy: string;
}

export function TotalsChart({ filters, grouping, groupBy }: TotalsChartProps): ReactNode {
  const { data, error, isPending } = useApi<Page<Total>>(
    totalsKind,
    "/usage",
    { ...filters, groupBy, limit: sumsMax },
    { everyMs: totalsEveryMs },
  );
  const items = data?.items ?? [];
  // The table below says why; a chart of nothing says nothing.
  if (error === null && !isPending && items.length === 0) return null;
  if (error !== null) return <Failed error={error} />;
  const drawn = grouping.period === undefined ? largest(items, grouping) : overTime(items, grouping, grouping.period);
  const isPart = data?.nextCursor !== undefined;
  return (
    <Container
      header={
        <Header
          variant="h2"
          {...(isPart
            ? { description: `Of the first ${numberText(sumsMax)} sums; filter or take a longer period to see all` }
            : {})}
        >
          {grouping.period === undefined ? "Largest totals" : `Usage by ${grouping.period}`}
        </Header>
      }
    >
      <BarChart
        series={drawn.series}
        xDomain={drawn.domain}
        xScaleType="categorical"
        stackedBars={grouping.period !== undefined}
        horizontalBars={grouping.period === undefined}
        hideFilter
        hideLegend={drawn.series.length < 2}
        height={grouping.period === undefined ? Math.max(height / 2, drawn.domain.length * 28) : height}
        ariaLabel={grouping.period === undefined ? "Largest totals" : `Usage by ${grouping.period}`}
        yTitle="Quantity"
        xTitle={grouping.period === undefined ? "" : "UTC"}
        i18nStrings={{ yTickFormatter: shortNumber }}
        statusType={isPending ? "loading" : "finished"}
        loadingText="Loading"
        detailPopoverSeriesContent={({ series, y }) => ({ key: series.title, value: numberText(y) })}
      />
    </Container>
  );
}

interface Drawn {
  readonly series: BarChartProps<string>["series"];
  readonly domain: readonly string[];
}

function largest(items: readonly Total[], grouping: Grouping): Drawn {
  const bars = [...items].sort((a, b) => b.quantity - a.quantity).slice(0, barsMax);
  const data = bars.map((total) => ({ x: groupName(total, grouping), y: total.quantity }));
  const series = data.length === 0 ? [] : [{ type: "bar" as const, title: "Quantity", data }];
  return { series, domain: data.map(({ x }) => x) };
}

/** The largest groups have a series each, the others one together. */
function overTime(items: readonly Total[], grouping: Grouping, period: Period): Drawn {
  const sums = new Map<string, number>();
  for (const total of items) {
    const name = groupName(total, grouping);
    sums.set(name, (sums.get(name) ?? 0) + total.quantity);
  }
  const names = [...sums].sort(([, a], [, b]) => b - a).map(([name]) => name);
  const own = names.slice(0, names.length > seriesMax + 1 ? seriesMax : names.length);
  const others = `${names.length - own.length} others`;
  const domain = [...new Set(items.map((total) => periodText(total.period ?? "", period)))];
  const values = new Map<string, Map<string, number>>();
  for (const total of items) {
    const name = groupName(total, grouping);
    const title = own.includes(name) ? name : others;
    const bars = values.get(title) ?? new Map<string, number>();
    const x = periodText(total.period ?? "", period);
    bars.set(x, (bars.get(x) ?? 0) + total.quantity);
    values.set(title, bars);
  }
  const titles = names.length > own.length ? [...own, others] : own;
  return {
    domain,
    series: titles.map((title) => ({
      type: "bar" as const,
      title,
      data: domain.map((x) => ({ x, y: values.get(title)?.get(x) ?? 0 })),
    })),
  };
}
