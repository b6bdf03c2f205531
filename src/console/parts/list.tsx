/** A list that the server pages: one page at a time, with the way back. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import Pagination from "@cloudscape-design/components/pagination";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table, { type TableProps } from "@cloudscape-design/components/table";
import { type ReactNode, useEffect, useState } from "react";
import type { Page, Query } from "../api.ts";
import { ProblemText } from "../flash.tsx";
import { useApi } from "./query.ts";

export interface ServerListProps<Item> {
  /** Family of the query, see `useApi`. */
  readonly kind: string;
  readonly path: string;
  readonly query?: Query;
  readonly title: string;
  readonly description?: ReactNode;
  readonly actions?: ReactNode;
  readonly filter?: ReactNode;
  readonly columns: readonly TableProps.ColumnDefinition<Item>[];
  readonly keyOf: (item: Item) => string;
  /** What there is none of, and what to do first. */
  readonly empty: { readonly title: string; readonly text: ReactNode; readonly action?: ReactNode };
  readonly pageSize?: number;
  /** h2: a list below a page's heading, such as in a tab. */
  readonly headingLevel?: "h1" | "h2";
  /** Default full-page; `container` stands among others on its page. */
  readonly variant?: "full-page" | "container";
  /** Asked again so often, for what nothing else tells of. */
  readonly everyMs?: number;
}

export function ServerList<Item>(props: ServerListProps<Item>): ReactNode {
  const { query = {}, pageSize = 50 } = props;
  const asked = JSON.stringify([props.path, query]);
  /** Cursors of the pages that were seen; the first page has none. */
  const [cursors, setCursors] = useState<readonly (string | undefined)[]>([undefined]);
  const [index, setIndex] = useState(0);
  // Another filter begins at its first page.
  // biome-ignore lint/correctness/useExhaustiveDependencies: what was asked is what it hangs on
  useEffect(() => {
    setCursors([undefined]);
    setIndex(0);
  }, [asked]);
  const { data, error, isPending } = useApi<Page<Item>>(
    props.kind,
    props.path,
    { ...query, limit: pageSize, cursor: cursors[index] },
    props.everyMs === undefined ? {} : { everyMs: props.everyMs },
  );
  const next = data?.nextCursor;
  const go = (to: number): void => {
    if (to === cursors.length && next !== undefined) setCursors([...cursors, next]);
    setIndex(to);
  };
  return (
    <Table
      variant={props.variant ?? "full-page"}
      stickyHeader={props.variant !== "container"}
      resizableColumns
      wrapLines={false}
      enableKeyboardNavigation
      header={
        <Header
          variant={props.headingLevel === "h2" ? "h2" : "awsui-h1-sticky"}
          description={props.description}
          actions={props.actions}
        >
          {props.title}
        </Header>
      }
      filter={props.filter}
      pagination={
        <Pagination
          currentPageIndex={index + 1}
          pagesCount={Math.max(cursors.length, index + (next === undefined ? 1 : 2))}
          openEnd={next !== undefined}
          onChange={({ detail }) => go(detail.currentPageIndex - 1)}
          ariaLabels={{ nextPageLabel: "Next page", previousPageLabel: "Previous page", paginationLabel: props.title }}
        />
      }
      loading={isPending && error === null}
      loadingText="Loading"
      items={data?.items ?? []}
      columnDefinitions={props.columns}
      trackBy={props.keyOf}
      ariaLabels={{ tableLabel: props.title }}
      empty={error === null ? <Nothing {...props.empty} /> : <Failed error={error} />}
    />
  );
}

export function Nothing(props: ServerListProps<unknown>["empty"]): ReactNode {
  return (
    <Box textAlign="center" color="inherit" margin={{ vertical: "m" }}>
      <SpaceBetween size="m">
        <b>{props.title}</b>
        <Box variant="p" color="inherit">
          {props.text}
        </Box>
        {props.action}
      </SpaceBetween>
    </Box>
  );
}

/** In place of what could not be asked. */
export function Failed({ error, again }: { readonly error: unknown; readonly again?: () => void }): ReactNode {
  return (
    <Box color="text-status-error" margin={{ vertical: "m" }}>
      <SpaceBetween size="s">
        <ProblemText error={error} />
        {again !== undefined && <Button onClick={again}>Try again</Button>}
      </SpaceBetween>
    </Box>
  );
}
