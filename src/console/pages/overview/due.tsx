/** What the business clock brings about next. */
import Header from "@cloudscape-design/components/header";
import Table, { type TableProps } from "@cloudscape-design/components/table";
import type { ReactNode } from "react";
import { To } from "../../parts/link.tsx";
import { Failed, Nothing } from "../../parts/list.tsx";
import { useApi } from "../../parts/query.ts";
import { Time } from "../../parts/time.tsx";

interface DueView {
  readonly at: string;
  readonly what: "announcement" | "renewal" | "term-end" | "final-hour-end" | "usage-hour" | "usage-end";
  readonly target: string;
  readonly daysBeforeEnd?: number;
}

const words: Readonly<Record<DueView["what"], string>> = {
  announcement: "Announcement of the end",
  renewal: "Renewal",
  "term-end": "End of the term",
  "final-hour-end": "End of the final hour",
  "usage-hour": "An hour of usage",
  "usage-end": "Last usage",
};

const columns: readonly TableProps.ColumnDefinition<DueView>[] = [
  { id: "at", header: "When", width: 190, isRowHeader: true, cell: ({ at }) => <Time at={at} to="minute" /> },
  {
    id: "what",
    header: "What",
    width: 200,
    cell: ({ what, daysBeforeEnd: days }) => (days === undefined ? words[what] : `${words[what]}, ${days} d before`),
  },
  {
    id: "target",
    header: "Of",
    cell: ({ what, target }) =>
      what === "usage-hour" || what === "usage-end" ? (
        target
      ) : (
        <To to={`/agreements/${encodeURIComponent(target)}`}>{target}</To>
      ),
  },
];

const shownMax = 5;
const everyMs = 10_000;

export function Due(): ReactNode {
  const { data, error, isPending } = useApi<{ readonly items: readonly DueView[] }>(
    "clock",
    "/clock/due",
    { limit: shownMax },
    { everyMs },
  );
  return (
    <Table
      header={
        <Header variant="h2" description="As things stand" actions={<To to="/clock">Move the clock</To>}>
          Due next
        </Header>
      }
      items={data?.items ?? []}
      columnDefinitions={columns}
      trackBy={({ at, what, target }) => `${at} ${what} ${target}`}
      contentDensity="compact"
      loading={isPending && error === null}
      loadingText="Loading"
      ariaLabels={{ tableLabel: "Due next" }}
      empty={
        error === null ? (
          <Nothing title="Nothing is due" text="Terms that end, renewals and final hours show here." />
        ) : (
          <Failed error={error} />
        )
      }
    />
  );
}
