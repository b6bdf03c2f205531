/** Everything that happened to an agreement and what is due next, in one order. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import Multiselect from "@cloudscape-design/components/multiselect";
import SegmentedControl from "@cloudscape-design/components/segmented-control";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import Table, { type TableProps } from "@cloudscape-design/components/table";
import { useInfiniteQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { get } from "../../api.ts";
import { Failed, Nothing } from "../../parts/list.tsx";
import { useParams } from "../../parts/params.ts";
import { Time } from "../../parts/time.tsx";
import { dueRow, rowOf, type TimelineAnswer, type TimelineRow } from "./timelineRows.tsx";
import { agreementPath } from "./types.ts";

const pageSize = 50;

const kindOptions = [
  { value: "state", label: "States" },
  { value: "token", label: "Registration tokens" },
  { value: "notification", label: "Notifications" },
  { value: "usage", label: "Usage, by day" },
  { value: "call", label: "Calls of the buyer’s workloads" },
];

const columns: readonly TableProps.ColumnDefinition<TimelineRow>[] = [
  { id: "at", header: "When", width: 215, minWidth: 190, cell: ({ at }) => <Time at={at} /> },
  {
    id: "what",
    header: "What",
    width: 420,
    minWidth: 220,
    isRowHeader: true,
    cell: ({ status, what }) => <StatusIndicator type={status}>{what}</StatusIndicator>,
  },
  { id: "detail", header: "Details", minWidth: 240, cell: ({ detail }) => detail ?? "" },
];

function useTimeline(id: string, kinds: string, order: string) {
  return useInfiniteQuery({
    // Asked again after calls, as well as after changes.
    queryKey: ["calls", "timeline", id, kinds, order],
    queryFn: ({ pageParam, signal }) =>
      get<TimelineAnswer>(
        `${agreementPath(id)}/timeline`,
        { kinds, order, limit: pageSize, cursor: pageParam },
        signal,
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ nextCursor }) => nextCursor,
  });
}

export function Timeline({ id }: { readonly id: string }): ReactNode {
  const [{ kinds, order }, set] = useParams(["kinds", "order"]);
  const isNewestFirst = order !== "oldest-first";
  const timeline = useTimeline(id, kinds, isNewestFirst ? "newest-first" : "oldest-first");
  const pages = timeline.data?.pages ?? [];
  const rows = pages.flatMap(({ items }) => items).map(rowOf);
  const due = (pages.at(-1)?.due ?? []).map(dueRow);
  // What is due lies beyond the newest: at the end, once that is reached.
  const shown = isNewestFirst ? [...due.toReversed(), ...rows] : [...rows, ...(timeline.hasNextPage ? [] : due)];
  return (
    <Table
      header={
        <Header
          variant="h2"
          description="What happened, by the business clock, and what is due as things stand"
          actions={
            <SegmentedControl
              label="Order"
              selectedId={isNewestFirst ? "newest-first" : "oldest-first"}
              options={[
                { id: "newest-first", text: "Newest first" },
                { id: "oldest-first", text: "Oldest first" },
              ]}
              onChange={({ detail }) => set({ order: detail.selectedId === "oldest-first" ? "oldest-first" : "" })}
            />
          }
        >
          Time line
        </Header>
      }
      filter={<Kinds kinds={kinds} onChange={(value) => set({ kinds: value })} />}
      items={shown}
      columnDefinitions={columns}
      trackBy="key"
      wrapLines
      resizableColumns
      enableKeyboardNavigation
      loading={timeline.isPending}
      loadingText="Loading"
      ariaLabels={{ tableLabel: "Time line" }}
      empty={
        timeline.error === null ? (
          <Nothing title="Nothing of this kind" text="Show other kinds of entries." />
        ) : (
          <Failed error={timeline.error} again={() => void timeline.refetch()} />
        )
      }
      footer={
        timeline.hasNextPage && (
          <Box textAlign="center">
            <Button loading={timeline.isFetchingNextPage} onClick={() => void timeline.fetchNextPage()}>
              {isNewestFirst ? "Show older entries" : "Show newer entries"}
            </Button>
          </Box>
        )
      }
    />
  );
}

function Kinds({ kinds, onChange }: { readonly kinds: string; readonly onChange: (kinds: string) => void }): ReactNode {
  const chosen = kindOptions.filter(({ value }) => kinds.split(",").includes(value));
  return (
    <SpaceBetween size="xs">
      <Multiselect
        selectedOptions={chosen}
        options={kindOptions}
        placeholder="All kinds of entries"
        ariaLabel="Kinds of entries"
        deselectAriaLabel={({ label }) => `Take out ${label}`}
        onChange={({ detail }) => onChange(detail.selectedOptions.map(({ value }) => value).join())}
      />
    </SpaceBetween>
  );
}
