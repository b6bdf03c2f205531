/** Hours with and without usage: of many series on one day, or of one series over seven days. */
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import Link from "@cloudscape-design/components/link";
import SegmentedControl from "@cloudscape-design/components/segmented-control";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import type { ReactNode } from "react";
import { dayMs, dayText, hourMs } from "../../parts/businessTime.ts";
import { Failed, Nothing } from "../../parts/list.tsx";
import { useParams } from "../../parts/params.ts";
import { useApi } from "../../parts/query.ts";
import { type HeatCell, HeatGrid, HeatLegend, type HeatRow, hoursPerDay } from "./heatGrid.tsx";
import { useFirstStep } from "./records.tsx";
import { type FilterName, type Filters, filterNames, type HoursSeries, type HoursView, numberText } from "./types.ts";

/** Not after every call: the sums of a large ledger take a second. */
const everyMs = 15_000;

interface HeatMapProps {
  readonly filters: Filters;
  readonly clear: () => void;
  /** Shows the records of an hour. */
  readonly openRecords: (filters: Partial<Record<FilterName, string>>) => void;
}

/** Time goes by days here: the filter's `from` is the first, else the days end with today. */
export function HeatMap({ filters, clear, openRecords }: HeatMapProps): ReactNode {
  const { to: _, from, ...members } = filters;
  const { data, error, isPending } = useApi<HoursView>(
    "usage-hours",
    "/usage/hours",
    { ...members, from },
    { everyMs },
  );
  const hint = useFirstStep();
  if (error !== null) return <Failed error={error} />;
  if (isPending || data === undefined) return <Spinner />;
  if (data.series.length > 0) return <Heat view={data} openRecords={openRecords} />;
  const days = `in the seven days from ${data.from.slice(0, 10)}`;
  return (
    <Container header={<Header variant="h2">Hours</Header>}>
      {filterNames.some((name) => filters[name] !== "") ? (
        <Nothing
          title="No usage matches"
          text={`There is none ${days}. Take a filter out, or look at another time.`}
          action={<Button onClick={clear}>Clear the filter</Button>}
        />
      ) : (
        <Nothing title={`No usage ${days}`} {...hint} />
      )}
    </Container>
  );
}

const rowChoices = [
  { id: "series", text: "All series, one day" },
  { id: "days", text: "One series, all days" },
];

function seriesKey({ product, customer, dimension }: HoursSeries): string {
  return [product, customer, dimension].join("~");
}

function seriesName({ customer, dimension }: HoursSeries): string {
  return `${customer} · ${dimension}`;
}

function Heat({ view, openRecords }: { readonly view: HoursView } & Pick<HeatMapProps, "openRecords">): ReactNode {
  const [params, set] = useParams(["rows", "day", "series"]);
  const days = Array.from({ length: view.hours / hoursPerDay }, (_, day) =>
    dayText(Date.parse(view.from) + day * dayMs),
  );
  // Days to come hold nothing yet.
  const lived = days.filter((_, index) => view.series.some((one) => isLived(cellsOf(view, one, index))));
  const day = days.includes(params.day) ? params.day : (lived.at(-1) ?? days.at(-1) ?? "");
  const shown = view.series.find((series) => seriesKey(series) === params.series) ?? view.series[0];
  const isOfDays = params.rows === "days" || view.series.length === 1;
  const rows =
    isOfDays && shown !== undefined
      ? days.map((one, index) => dayRow(view, shown, index, () => set({ rows: "series", day: one })))
      : view.series.map((one) =>
          seriesRow(view, one, days.indexOf(day), () => set({ rows: "days", series: seriesKey(one) })),
        );
  const byKey = new Map(view.series.map((series) => [seriesKey(series), series]));
  const choose = (row: HeatRow, { at }: HeatCell): void => {
    const series = isOfDays ? shown : byKey.get(row.key);
    if (series === undefined) return;
    const { product, customer, dimension } = series;
    const to = new Date(Date.parse(at) + hourMs).toISOString();
    openRecords({ product, customer, dimension, from: at, to });
  };
  const label = isOfDays && shown !== undefined ? `Hours of ${seriesName(shown)}` : `Hours of ${day}`;
  return (
    <Container
      header={
        <Header
          variant="h2"
          description={
            view.others === 0
              ? "Hours in UTC. Choose an hour to see its records."
              : `The ${view.series.length} largest series; ${numberText(view.others)} more match. Filter by product and customer to see others.`
          }
        >
          {label}
        </Header>
      }
    >
      <SpaceBetween size="m">
        <SpaceBetween direction="horizontal" size="s" alignItems="center">
          <SegmentedControl
            label="Rows"
            selectedId={isOfDays ? "days" : "series"}
            options={view.series.length === 1 ? rowChoices.slice(1) : rowChoices}
            onChange={({ detail }) => set({ rows: detail.selectedId })}
          />
          {isOfDays ? (
            <Select
              ariaLabel="Series"
              selectedOption={shown === undefined ? null : { value: seriesKey(shown), label: seriesName(shown) }}
              options={view.series.map((one) => ({
                value: seriesKey(one),
                label: seriesName(one),
                description: one.product,
              }))}
              onChange={({ detail }) => set({ series: detail.selectedOption.value ?? "" })}
            />
          ) : (
            <Select
              ariaLabel="Day"
              selectedOption={{ value: day, label: day }}
              options={days.map((value) => ({ value, label: value })).toReversed()}
              onChange={({ detail }) => set({ day: detail.selectedOption.value ?? "" })}
            />
          )}
          <Missing rows={rows} />
        </SpaceBetween>
        <HeatGrid label={label} corner={isOfDays ? "Day" : "Customer · dimension"} rows={rows} onChoose={choose} />
        <HeatLegend />
      </SpaceBetween>
    </Container>
  );
}

function Missing({ rows }: { readonly rows: readonly HeatRow[] }): ReactNode {
  const missing = rows.flatMap(({ cells }) => cells).filter(({ quantity, isDue }) => quantity === null && isDue).length;
  if (missing === 0) return <StatusIndicator type="success">No hour is missing</StatusIndicator>;
  return (
    <StatusIndicator type="warning">
      {missing === 1 ? "1 hour is missing" : `${numberText(missing)} hours are missing`}
    </StatusIndicator>
  );
}

function cellsOf(view: HoursView, series: HoursSeries, day: number): readonly HeatCell[] {
  const start = Date.parse(view.from);
  return Array.from({ length: hoursPerDay }, (_, hour) => {
    const place = day * hoursPerDay + hour;
    return {
      at: new Date(start + place * hourMs).toISOString(),
      quantity: series.quantities[place] ?? null,
      isDue: series.due[place] ?? false,
    };
  });
}

function isLived(cells: readonly HeatCell[]): boolean {
  return cells.some(({ quantity, isDue }) => quantity !== null || isDue);
}

function largest(values: readonly (number | null)[]): number {
  return values.reduce<number>((max, value) => Math.max(max, value ?? 0), 0);
}

function dayRow(view: HoursView, series: HoursSeries, day: number, open: () => void): HeatRow {
  const cells = cellsOf(view, series, day);
  const text = cells[0]?.at.slice(0, 10) ?? "";
  return {
    key: text,
    header: <RowLink text={text} open={open} />,
    name: seriesName(series),
    max: largest(series.quantities),
    cells,
  };
}

function seriesRow(view: HoursView, series: HoursSeries, day: number, open: () => void): HeatRow {
  return {
    key: seriesKey(series),
    header: <RowLink text={seriesName(series)} open={open} />,
    name: seriesName(series),
    max: largest(series.quantities),
    cells: cellsOf(view, series, day),
  };
}

function RowLink({ text, open }: { readonly text: string; readonly open: () => void }): ReactNode {
  return (
    <Link variant="secondary" fontSize="body-s" onFollow={open}>
      {text}
    </Link>
  );
}
